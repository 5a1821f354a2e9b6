//! Name look-ups. This program has a `getaddrinfo` of its own, which takes the place of the
//! system's for the library that is linked into it: so a name server can hang, or name addresses
//! that are silent. It has a `connect` of its own, too, for addresses that no machine has.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockAddr;
use support::api::{Cancel, Client, Reply, client, message, timed};
use support::punctuality::{at_once, ends_at};
use support::raw_server::{BlackHole, Peer, RawServer, SCHEMES, Scheme};

/// What the name server says of a host.
#[derive(Clone)]
enum Entry {
    Addresses(Vec<SocketAddr>),
    /// The same, where it can ask: the first time the process has no descriptor left for that.
    AddressesLater(Vec<SocketAddr>),
    Unknown,
    /// Nothing, until [`release`] is called for the host.
    Hangs,
}

static ZONE: Mutex<Option<HashMap<String, Entry>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();
static LOOK_UPS: AtomicUsize = AtomicUsize::new(0);

fn zone() -> MutexGuard<'static, Option<HashMap<String, Entry>>> {
    ZONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn define(host: &str, entry: Entry) {
    zone()
        .get_or_insert_default()
        .insert(host.to_owned(), entry);
    CHANGED.notify_all();
}

/// Lets the look-ups of a host that hang come to an end.
fn release(host: &str) {
    define(host, Entry::Unknown);
}

fn entry(host: &str) -> Entry {
    let mut zone = zone();
    loop {
        match zone.as_ref().and_then(|zone| zone.get(host)) {
            Some(Entry::Hangs) => {
                zone = CHANGED.wait(zone).unwrap_or_else(PoisonError::into_inner);
            }
            Some(entry) => return entry.clone(),
            None => return Entry::Unknown,
        }
    }
}

/// # Safety
///
/// As for the system's: `node` is a string, and `result` has a place.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    _service: *const c_char,
    _hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    LOOK_UPS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the caller's promise.
    let host = unsafe { CStr::from_ptr(node) }.to_str().expect("ASCII");
    let addresses = match entry(host) {
        Entry::Addresses(addresses) => addresses,
        Entry::AddressesLater(addresses) => {
            define(host, Entry::Addresses(addresses));
            fail(libc::EMFILE);
            return libc::EAI_SYSTEM;
        }
        _ => return libc::EAI_NONAME,
    };
    let mut next = ptr::null_mut();
    for address in addresses.into_iter().rev() {
        let address = Box::new(SockAddr::from(address));
        let length = address.len();
        let family = c_int::from(address.family());
        next = Box::into_raw(Box::new(libc::addrinfo {
            ai_flags: 0,
            ai_family: family,
            ai_socktype: libc::SOCK_STREAM,
            ai_protocol: 0,
            ai_addrlen: length,
            ai_addr: Box::into_raw(address).cast(),
            ai_canonname: ptr::null_mut(),
            ai_next: next,
        }));
    }
    // SAFETY: the caller's promise.
    unsafe { result.write(next) };
    0
}

/// # Safety
///
/// As for the system's: the list came from [`getaddrinfo`] above.
#[unsafe(no_mangle)]
unsafe extern "C" fn freeaddrinfo(list: *mut libc::addrinfo) {
    let mut next = list;
    while !next.is_null() {
        // SAFETY: both boxes were made there.
        let (entry, _address) = unsafe {
            let entry = Box::from_raw(next);
            let address = Box::from_raw(entry.ai_addr.cast::<SockAddr>());
            (entry, address)
        };
        next = entry.ai_next;
    }
}

/// Where a connection to an address goes.
#[derive(Clone, Copy)]
enum Way {
    /// Nowhere: this is the error.
    Fails(c_int),
    /// To the socket itself, as it can where nobody listens.
    ToItself,
    /// To another port.
    Elsewhere(u16),
    /// To this machine, if the address comes with this scope.
    Scoped(u32),
}

static WAYS: Mutex<Option<HashMap<IpAddr, Way>>> = Mutex::new(None);

/// The addresses that were connected to, in their order.
static TRIED: Mutex<Vec<IpAddr>> = Mutex::new(Vec::new());

fn tried() -> MutexGuard<'static, Vec<IpAddr>> {
    TRIED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lead(address: &str, way: Way) {
    WAYS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .insert(address.parse().expect("an address"), way);
}

fn way(to: SocketAddr) -> Option<Way> {
    let ways = WAYS.lock().unwrap_or_else(PoisonError::into_inner);
    ways.as_ref()?.get(&to.ip()).copied()
}

fn fail(error: c_int) -> c_int {
    // SAFETY: this thread's `errno`.
    unsafe { *libc::__errno_location() = error };
    -1
}

type Connect = unsafe extern "C" fn(c_int, *const libc::sockaddr, libc::socklen_t) -> c_int;

/// # Safety
///
/// As for the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn connect(
    socket: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> c_int {
    // SAFETY: the caller's promise; no address is longer than the storage.
    let parsed = unsafe {
        SockAddr::try_init(|storage, stored| {
            let bytes = length.min(*stored) as usize;
            ptr::copy_nonoverlapping(address.cast::<u8>(), storage.cast(), bytes);
            *stored = length;
            Ok(())
        })
    };
    let to = parsed.ok().and_then(|(_, address)| address.as_socket());
    let mut to = to.expect("these tests connect to IP addresses");
    tried().push(to.ip());
    match (way(to), &mut to) {
        (None, _) => {}
        (Some(Way::Fails(error)), _) => return fail(error),
        (Some(Way::Elsewhere(port)), to) => to.set_port(port),
        (Some(Way::ToItself), _) => {
            // SAFETY: the caller's promise.
            assert_eq!(unsafe { libc::bind(socket, address, length) }, 0, "{to}");
        }
        (Some(Way::Scoped(scope)), SocketAddr::V6(to)) if to.scope_id() == scope => {
            to.set_ip(Ipv6Addr::LOCALHOST);
            to.set_scope_id(0);
        }
        // As the kernel has it where a scope is missing.
        (Some(Way::Scoped(_)), _) => return fail(libc::EINVAL),
    }
    static SYSTEM: OnceLock<Connect> = OnceLock::new();
    let system = SYSTEM.get_or_init(|| {
        // SAFETY: a name that ends in NUL, of a function of that type.
        unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"connect".as_ptr())) }
    });
    let to = SockAddr::from(to);
    // SAFETY: an address and its length.
    unsafe { system(socket, to.as_ptr().cast(), to.len()) }
}

/// Options for a host of the zone, on the port of `server`.
fn options(host: &str, server: SocketAddr) -> Value {
    let base_url = format!("http://{host}:{}", server.port());
    json!({ "base_url": base_url, "allow_plain_http": true, "proxy": "" })
}

fn client_of(host: &str, server: &RawServer) -> Client {
    client(&options(host, server.address()))
}

fn addresses(list: &[&str]) -> Entry {
    Entry::Addresses(
        list.iter()
            .map(|it| {
                // Only the other form can have a scope.
                let v6 = || format!("[{it}]:0").parse();
                let v4 = || format!("{it}:0").parse();
                v6().or_else(|_| v4()).expect("an address")
            })
            .collect(),
    )
}

/// One test at a time: they count look-ups and threads.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look_up_threads() -> usize {
    threads_named("zixflow-names")
}

fn threads_named(name: &str) -> usize {
    tasks_named(name).count()
}

fn tasks_named(name: &str) -> impl Iterator<Item = PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    tasks.filter(move |task| {
        let own = fs::read_to_string(task.join("comm"));
        own.is_ok_and(|own| own.trim() == name)
    })
}

#[test]
fn name_is_looked_up_only_when_a_connection_is_opened() {
    let _alone = alone();
    define("once.test", addresses(&["127.0.0.1"]));
    let server = RawServer::accepting(Scheme::Http);
    let client = client_of("once.test", &server);
    let before = LOOK_UPS.load(Ordering::SeqCst);
    for _ in 0..20 {
        client.send(&message("tag")).assert_status("ok");
    }
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), before + 1);
}

#[test]
fn kept_connections_give_way_to_a_look_up_that_lacks_descriptors() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let keeping = client(&server.options());
    keeping.send(&message("tag")).assert_status("ok");
    assert_eq!(keeping.stats()["connections_idle"], 1);
    let Entry::Addresses(addresses) = addresses(&["127.0.0.1"]) else {
        panic!("these are some");
    };
    define("later.test", Entry::AddressesLater(addresses));
    let reply = client_of("later.test", &server).send(&message("tag"));
    reply.assert_status("ok");
    assert_eq!(reply.attempts(), 1);
    assert_eq!(keeping.stats()["connections_idle"], 0);
}

#[test]
fn ip_address_is_not_looked_up() {
    let _alone = alone();
    let before = LOOK_UPS.load(Ordering::SeqCst);
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        client(&server.options())
            .send(&message("tag"))
            .assert_status("ok");
    }
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), before);
}

/// Neither by a call for it nor by one through a proxy there: the API key would go wherever a name
/// service says.
#[test]
fn localhost_and_what_is_below_it_is_this_machine_and_not_looked_up() {
    let _alone = alone();
    let names = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "x.localhost",
        "X.Y.LocalHost",
        "x.localhost.",
    ];
    for name in names {
        define(name, addresses(&["192.0.2.7"]));
    }
    let before = LOOK_UPS.load(Ordering::SeqCst);
    for at in ["127.0.0.1:0", "[::1]:0"] {
        for scheme in SCHEMES {
            let listener = TcpListener::bind(at).expect("a free port");
            let server = RawServer::on(listener, scheme, Peer::serve);
            for name in names {
                let place = format!("{name}:{}", server.address().port());
                let url = server
                    .base_url()
                    .replace(&server.address().to_string(), &place);
                let options = server.options_with(json!({
                    "base_url": url, "allow_plain_http": false, "max_retries": 0,
                }));
                let reply = client(&options).send(&message("tag"));
                // The certificate names one of them.
                let is_named = scheme == Scheme::Http || !name.to_lowercase().starts_with('x');
                let expected = if is_named { "ok" } else { "not_sent" };
                assert_eq!(reply.status(), expected, "{url}: {reply:?}");
                assert!(
                    is_named || reply.message().contains("certificate"),
                    "{reply:?}"
                );
            }
        }
    }
    // A name that is only like it is any name.
    for name in ["notlocalhost", "localhost.test", "localhost.localdomain"] {
        let options = json!({ "base_url": format!("http://{name}:1") });
        Client::new(&options)
            .err()
            .expect("plain http")
            .assert_status("invalid_argument");
    }
    let proxied = json!({
        "base_url": "https://192.0.2.1", "proxy": "http://localhost:1", "max_retries": 0,
    });
    client(&proxied)
        .send(&message("tag"))
        .assert_status("not_sent");
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), before);
}

#[test]
fn certificate_is_checked_for_the_name() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Https);
    for (host, status) in [("api.test", "ok"), ("other.test", "not_sent")] {
        define(host, addresses(&["127.0.0.1"]));
        let url = format!("https://{host}:{}", server.address().port());
        let client = client(&server.options_with(json!({ "base_url": url })));
        client.send(&message("tag")).assert_status(status);
    }
}

#[test]
fn unknown_host_is_not_sent() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let mut options = options("unknown.test", server.address());
    options["max_retries"] = json!(0);
    let reply = client(&options).send(&message("tag"));
    reply.assert_status("not_sent");
    assert_eq!(reply.retryable(), Some(true));
    assert!(reply.message().contains("unknown.test"), "{reply:?}");
}

#[test]
fn hung_look_up_ends_in_time() {
    let _alone = alone();
    define("hangs.test", Entry::Hangs);
    let server = RawServer::accepting(Scheme::Http);
    let timeout = Duration::from_millis(300);
    for option in ["timeout_ms", "connect_timeout_ms"] {
        let mut options = options("hangs.test", server.address());
        options[option] = json!(timeout.as_millis());
        options["max_retries"] = json!(0);
        let client = client(&options);
        let reply = ends_at(timeout, || client.send(&message("tag")));
        reply.assert_status("not_sent");
        assert_eq!(reply.retryable(), Some(true));
        assert!(reply.message().contains(option), "{reply:?}");
    }
    release("hangs.test");
}

#[test]
fn many_hung_look_ups_hold_no_call_and_take_32_threads_at_most() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let hosts: Vec<String> = (0..40)
        .map(|number| format!("hangs-{number}.test"))
        .collect();
    let timeout = Duration::from_millis(500);
    thread::scope(|scope| {
        for host in &hosts {
            define(host, Entry::Hangs);
            let mut options = options(host, server.address());
            options["timeout_ms"] = json!(timeout.as_millis());
            scope.spawn(move || {
                let client = client(&options);
                for _ in 0..2 {
                    let reply = ends_at(timeout, || client.send(&message("tag")));
                    reply.assert_status("not_sent");
                }
            });
        }
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(50));
            assert!(look_up_threads() <= 32, "{} threads", look_up_threads());
        }
        let hang = (0..2000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            look_up_threads() == 32
        });
        assert!(hang, "the look-ups hung in vain");
    });

    // Once the name server is back, so is the library, and the threads go.
    for host in &hosts {
        define(host, addresses(&["127.0.0.1"]));
    }
    for host in &hosts {
        client_of(host, &server)
            .send(&message("tag"))
            .assert_status("ok");
    }
    let gone = (0..2000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        look_up_threads() == 0
    });
    assert!(gone, "{} threads stay", look_up_threads());
}

#[test]
fn names_that_nobody_answers_for_hold_up_no_other() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let hosts: Vec<String> = (0..31)
        .map(|number| format!("silent-{number}.test"))
        .collect();
    thread::scope(|scope| {
        for host in &hosts {
            define(host, Entry::Hangs);
            let mut options = options(host, server.address());
            options["timeout_ms"] = json!(100);
            scope.spawn(move || {
                client(&options)
                    .send(&message("tag"))
                    .assert_status("not_sent");
            });
        }
    });
    define("known.test", addresses(&["127.0.0.1"]));
    client_of("known.test", &server)
        .send(&message("tag"))
        .assert_status("ok");
    hosts.iter().for_each(|host| release(host));
}

/// A host's signal handlers expect the host's threads.
#[test]
fn thread_that_looks_names_up_takes_no_signal() {
    let _alone = alone();
    define("masked.test", Entry::Hangs);
    let server = RawServer::accepting(Scheme::Http);
    let mut options = options("masked.test", server.address());
    options["timeout_ms"] = json!(300);
    client(&options)
        .send(&message("tag"))
        .assert_status("not_sent");
    let blocked = tasks_named("zixflow-names")
        .map(|task| {
            let status = fs::read_to_string(task.join("status")).expect("Linux");
            let mask = status.lines().find_map(|it| it.strip_prefix("SigBlk:"));
            u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a number")
        })
        .collect::<Vec<_>>();
    release("masked.test");
    assert!(!blocked.is_empty());
    for signal in [libc::SIGINT, libc::SIGALRM, libc::SIGPROF, libc::SIGUSR1] {
        assert!(blocked.iter().all(|it| it >> (signal - 1) & 1 != 0));
    }
}

#[test]
fn calls_for_one_host_share_one_look_up() {
    let _alone = alone();
    define("shared.test", Entry::Hangs);
    let server = RawServer::accepting(Scheme::Http);
    let client = client_of("shared.test", &server);
    let before = LOOK_UPS.load(Ordering::SeqCst);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| client.send(&message("tag")).assert_status("ok"));
        }
        thread::sleep(Duration::from_millis(300));
        assert_eq!(LOOK_UPS.load(Ordering::SeqCst), before + 1);
        define("shared.test", addresses(&["127.0.0.1"]));
    });
}

/// Ends a call while it looks a name up.
fn end_during_look_up(end: impl FnOnce(&Client, &Cancel), says: &str) {
    let _alone = alone();
    define("shut.test", Entry::Hangs);
    let server = RawServer::accepting(Scheme::Http);
    let client = client_of("shut.test", &server);
    let cancel = Cancel::new();
    let before = LOOK_UPS.load(Ordering::SeqCst);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.send_cancellable(&message("tag"), &cancel));
        while LOOK_UPS.load(Ordering::SeqCst) == before {
            thread::sleep(Duration::from_millis(1));
        }
        let reply = at_once(|| {
            end(&client, &cancel);
            call.join().expect("a call does not panic")
        });
        reply.assert_status("not_sent");
        assert_eq!(reply.retryable(), Some(false));
        assert!(reply.message().contains(says), "{reply:?}");
    });
    release("shut.test");
}

#[test]
fn shut_down_ends_a_look_up_at_once() {
    end_during_look_up(|client, _| client.shut_down(), "shut down");
}

#[test]
fn look_up_is_cancelled_at_once() {
    end_during_look_up(|_, cancel| cancel.now(), "cancelled");
}

#[test]
fn silent_address_delays_a_connection_by_little() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let port = server.address().port();
    let hole =
        |address: &str| BlackHole::at(SocketAddr::new(address.parse().expect("an address"), port));
    let _holes = [hole("127.0.0.2"), hole("127.0.0.3"), hole("::1")];
    // RFC 8305: a quarter of a second for each address that is silent.
    for (list, silent) in [
        (&["127.0.0.2", "127.0.0.1"][..], 1),
        (&["::1", "127.0.0.1"], 1),
        (&["127.0.0.1", "::1"], 0),
        (&["127.0.0.2", "127.0.0.3", "127.0.0.1"], 2),
        // Families take turns: the good address is the second to be tried.
        (&["::1", "::1", "::1", "127.0.0.1"], 1),
    ] {
        define("silent.test", addresses(list));
        let client = client_of("silent.test", &server);
        tried().clear();
        let (reply, took) = timed(|| at_once(|| client.send(&message("tag"))));
        reply.assert_status("ok");
        assert_eq!(reply.attempts(), 1, "{list:?}: {reply:?}");
        assert!(took >= Duration::from_millis(250) * silent, "{took:?}");
        let tried = tried();
        let (last, before) = tried.split_last().expect("a connection");
        assert_eq!(last.to_string(), "127.0.0.1", "{list:?}: {tried:?}");
        assert_eq!(before.len(), silent as usize, "{list:?}: {tried:?}");
    }
}

#[test]
fn address_that_refuses_delays_nothing() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    // Nothing listens on the other addresses of the loopback network.
    define(
        "refuses.test",
        addresses(&["127.0.0.2", "::1", "127.0.0.3", "127.0.0.1"]),
    );
    let client = client_of("refuses.test", &server);
    tried().clear();
    at_once(|| client.send(&message("tag"))).assert_status("ok");
    assert_eq!(tried().len(), 4);
}

#[test]
fn address_keeps_its_scope() {
    let _alone = alone();
    lead("fe80::1", Way::Scoped(7));
    for scheme in SCHEMES {
        let listener = TcpListener::bind("[::1]:0").expect("a free port");
        let server = RawServer::on(listener, scheme, Peer::serve);
        // After one that cannot be reached without its scope, and with another one.
        define(
            "api.test",
            addresses(&["fe80::1", "fe80::1%6", "fe80::1%7"]),
        );
        let url = server.base_url().replace("[::1]", "api.test");
        let more = json!({ "base_url": url, "allow_plain_http": true, "max_retries": 0 });
        let reply = client(&server.options_with(more)).send(&message("tag"));
        reply.assert_status("ok");
    }
}

/// What a reply says of an address.
fn reason<'a>(reply: &'a Reply, address: &str) -> &'a str {
    let reasons = reply.message().split([';', '(']);
    let mut reasons = reasons.filter_map(|it| it.trim().strip_prefix(address)?.strip_prefix(": "));
    reasons
        .next()
        .unwrap_or_else(|| panic!("{address} is not in {reply:?}"))
}

/// A port of this machine's own addresses on which nobody listens.
fn deserted() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// The reply to a message to a host where nobody takes it.
fn turned_away(host: &str, at: SocketAddr) -> Reply {
    let mut options = options(host, at);
    options["max_retries"] = json!(0);
    let client = client(&options);
    let reply = at_once(|| client.send(&message("tag")));
    reply.assert_status("not_sent");
    assert_eq!(reply.retryable(), Some(true), "{reply:?}");
    reply
}

#[test]
fn where_no_address_takes_the_connection_each_is_told_with_its_own_reason() {
    let _alone = alone();
    lead("192.0.2.1", Way::Fails(libc::EHOSTUNREACH));
    lead("2001:db8::1", Way::Fails(libc::ENETUNREACH));
    let reasons = [
        ("127.0.0.2", "refused"),
        ("192.0.2.1", "No route to host"),
        ("2001:db8::1", "unreachable"),
        ("::1", "refused"),
    ];
    // Whichever comes last.
    for rotation in 0..reasons.len() {
        let mut reasons = reasons;
        reasons.rotate_left(rotation);
        define(
            "reasons.test",
            addresses(&reasons.map(|(address, _)| address)),
        );
        let reply = turned_away("reasons.test", deserted());
        for (address, expected) in reasons {
            let told = reason(&reply, address);
            assert!(told.contains(expected), "{address}: {told}");
        }
        assert!(reply.message().contains("reasons.test"), "{reply:?}");
    }
}

#[test]
fn a_hundred_addresses_make_no_call_late_and_no_reply_long() {
    let _alone = alone();
    let hundred = |network: u8| -> Vec<String> {
        (1..=100)
            .map(|host| format!("127.{network}.0.{host}"))
            .collect()
    };
    let list = |names: &[String]| addresses(&names.iter().map(String::as_str).collect::<Vec<_>>());

    // All refuse at once.
    define("hundred.test", list(&hundred(1)));
    let reply = turned_away("hundred.test", deserted());
    assert!(reply.text.len() < 1024, "{reply:?}");
    assert!(reason(&reply, "127.1.0.1").contains("refused"), "{reply:?}");
    assert!(reply.message().contains("92 more"), "{reply:?}");

    // Behind many that refuse, one that does not.
    let server = RawServer::accepting(Scheme::Http);
    let mut most = hundred(1);
    most[99] = "127.0.0.1".to_owned();
    define("hundred.test", list(&most));
    let client_of_one = client_of("hundred.test", &server);
    let reply = at_once(|| client_of_one.send(&message("tag")));
    reply.assert_status("ok");
    assert_eq!(reply.attempts(), 1, "{reply:?}");

    // All are silent.
    let hole = BlackHole::at(SocketAddr::from(([0, 0, 0, 0], 0)));
    define("hundred.test", list(&hundred(2)));
    let timeout = Duration::from_millis(800);
    for option in ["timeout_ms", "connect_timeout_ms"] {
        let mut options = options("hundred.test", hole.address);
        options[option] = json!(timeout.as_millis());
        options["max_retries"] = json!(0);
        let client = client(&options);
        let reply = ends_at(timeout, || client.send(&message("tag")));
        reply.assert_status("not_sent");
        assert!(reply.message().contains(option), "{reply:?}");
        assert!(reply.text.len() < 1024, "{reply:?}");
    }
}

/// Only so many may be silent at a time, and no number of them keeps the next from its turn.
#[test]
fn address_that_works_is_tried_whatever_stands_before_it() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let port = server.address().port();
    let hole = BlackHole::at(SocketAddr::from(([0, 0, 0, 0], 0)));
    let silent =
        |count: u8| -> Vec<String> { (1..=count).map(|host| format!("127.3.0.{host}")).collect() };
    for host in silent(100) {
        lead(&host, Way::Elsewhere(hole.address.port()));
    }
    for (before, works) in [
        // Of the other family: the second in turn.
        (silent(100), "::1"),
        (silent(18), "127.0.0.1"),
    ] {
        let v6 = (works == "::1").then(|| {
            let listener =
                TcpListener::bind(SocketAddr::new(works.parse().expect("it is one"), port));
            RawServer::on(listener.expect("a free port"), Scheme::Http, Peer::serve)
        });
        let all: Vec<&str> = before.iter().map(String::as_str).chain([works]).collect();
        define("last.test", addresses(&all));
        let mut options = options("last.test", server.address());
        options["connect_timeout_ms"] = json!(20_000);
        options["max_retries"] = json!(0);
        let (reply, took) = timed(|| client(&options).send(&message("tag")));
        reply.assert_status("ok");
        let is_second = v6.is_some_and(|it| it.requests().len() == 1);
        assert!(is_second || took > Duration::from_secs(4), "{took:?}");
    }
}

#[test]
fn address_that_connects_to_itself_has_refused() {
    let _alone = alone();
    lead("127.0.0.9", Way::ToItself);
    define("itself.test", addresses(&["127.0.0.9"]));
    for scheme in SCHEMES {
        let server = RawServer::accepting(scheme);
        let url = server.base_url();
        let at = deserted();
        let url = url.replace(
            &server.address().to_string(),
            &format!("itself.test:{}", at.port()),
        );
        let more = json!({ "base_url": url, "allow_plain_http": true, "max_retries": 0 });
        let client = client(&server.options_with(more));
        let reply = at_once(|| client.send(&message("tag")));
        reply.assert_status("not_sent");
        assert_eq!((reply.attempts(), reply.retryable()), (1, Some(true)));
        assert!(reply.message().contains("refused"), "{reply:?}");
    }

    // The next address is tried at once, and not after a quarter of a second each.
    let server = RawServer::accepting(Scheme::Http);
    let mut list: Vec<String> = (1..=60).map(|host| format!("127.8.0.{host}")).collect();
    for address in &list {
        lead(address, Way::ToItself);
    }
    list.push("127.0.0.1".to_owned());
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    define("itself.test", addresses(&list));
    let client = client_of("itself.test", &server);
    at_once(|| client.send(&message("tag"))).assert_status("ok");
}

#[test]
fn call_starts_no_thread_of_its_own() {
    let _alone = alone();
    let server = RawServer::accepting(Scheme::Http);
    let client = client(&server.options_with(json!({ "timeout_ms": 5000 })));
    client.send(&message("tag")).assert_status("ok");
    // A thread has the name of the one that started it, unless it is given another.
    let own = fs::read_to_string("/proc/thread-self/comm").expect("Linux");
    let threads = || threads_named(own.trim());
    let before = threads();
    for _ in 0..100 {
        client.send(&message("tag")).assert_status("ok");
        assert!(threads() <= before, "a thread was started");
    }
    assert_eq!(look_up_threads(), 0);
}
