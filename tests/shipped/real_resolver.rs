//! glibc's resolver with a name server of the test's own, in a network namespace: what a host sees
//! whose name server hangs, or gives more addresses than anybody has.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;

use serde_json::json;
use support::api::{Reply, client, message};
use support::installed::{scratch, succeed};
use support::raw_server::{RawServer, Scheme};

use crate::real::service::find;

const NAME_SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
const TYPE_A: u16 = 1;
const ADDRESSES: u8 = 100;
/// Whose prefix is the shortest in common with this machine's own address, so that it comes last.
const LAST: Ipv4Addr = Ipv4Addr::new(127, 255, 0, 1);

#[test]
fn names_are_found_though_others_hang_and_the_last_of_100_addresses_is_tried() {
    let (Some(unshare), Some(_)) = (find("unshare"), find("ip")) else {
        return;
    };
    let resolver = scratch("resolv.conf");
    // Longer than the test takes: a name that nobody responds for hangs until its call ends.
    std::fs::write(
        &resolver,
        "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n",
    )
    .expect("it can be written");
    let program = env::current_exe().expect("a program knows its own path");
    succeed(
        Command::new(unshare)
            .args(["--map-root-user", "--net", "--mount", "sh", "-euc"])
            .arg(
                "ip link set lo up
                mount --bind \"$1\" /etc/resolv.conf
                exec \"$2\" --ignored --exact real_resolver::in_a_namespace",
            )
            .arg("sh")
            .args([resolver, program]),
    );
}

#[test]
#[ignore = "is run by the test above, in a namespace"]
fn in_a_namespace() {
    serve_names().expect("the ports are free");
    let server = RawServer::on(
        TcpListener::bind((LAST, 0)).expect("an address of this machine"),
        Scheme::Http,
        |peer| peer.serve(),
    );
    let send = |name: &str, timeout_ms: u64| -> Reply {
        let options = json!({
            "base_url": format!("http://{name}.test:{}", server.address().port()),
            "allow_plain_http": true,
            "timeout_ms": timeout_ms,
            "connect_timeout_ms": timeout_ms - 1000,
            "max_retries": 0,
        });
        client(&options).send(&message("tag"))
    };
    thread::scope(|scope| {
        let hanging: Vec<_> = (0..4)
            .map(|number| scope.spawn(move || send(&format!("hangs-{number}"), 10_000)))
            .collect();
        // Nobody knows when the four are asked for; these come in between, and after.
        for _ in 0..20 {
            send("last", 5000).assert_status("ok");
        }
        assert!(hanging.iter().all(|call| !call.is_finished()), "too slow");
        for call in hanging {
            let reply = call.join().expect("a call does not panic");
            reply.assert_status("not_sent");
            assert!(reply.message().contains("connect_timeout_ms"), "{reply:?}");
        }
    });
    send("many", 10_000).assert_status("ok");
    assert_eq!(server.requests().len(), 21);
}

/// Answers over UDP, and over TCP what is too long for that.
fn serve_names() -> io::Result<()> {
    let udp = UdpSocket::bind(NAME_SERVER)?;
    let tcp = TcpListener::bind(NAME_SERVER)?;
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut query) {
            if let Some(mut response) = respond(&query[..length]) {
                if response.len() > 512 {
                    // Truncated: nothing but the question, and the bit that says so.
                    response.truncate(length);
                    response[2] |= 2;
                    response[6..12].fill(0);
                }
                let _ = udp.send_to(&response, from);
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming() {
            // Until the client has no more questions: it asks for both kinds of addresses.
            let _: io::Result<()> = stream.and_then(|mut stream| {
                loop {
                    let mut length = [0; 2];
                    stream.read_exact(&mut length)?;
                    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut query)?;
                    let response = respond(&query).unwrap_or_default();
                    let length = u16::try_from(response.len()).map_err(io::Error::other)?;
                    stream.write_all(&[&length.to_be_bytes(), &response[..]].concat())?;
                }
            });
        }
    });
    Ok(())
}

/// A response to a query of one question (RFC 1035, 4.1); none, where its name hangs.
fn respond(query: &[u8]) -> Option<Vec<u8>> {
    let (header, question) = query.split_at(12);
    let name_length = question.iter().position(|it| *it == 0)?;
    let question = &question[..name_length + 5];
    let kind = u16::from_be_bytes([question[name_length + 1], question[name_length + 2]]);
    let name = String::from_utf8_lossy(&question[1..=usize::from(question[0])]).into_owned();
    let addresses: Vec<Ipv4Addr> = match name.as_str() {
        _ if name.starts_with("hangs") => return None,
        _ if kind != TYPE_A => vec![],
        "many" => (2..=ADDRESSES)
            .map(|last| Ipv4Addr::new(127, 0, 0, last))
            .chain([LAST])
            .collect(),
        _ => vec![LAST],
    };
    // A response, authoritative; one question.
    let mut response = [&header[..2], &[0x84, 0, 0, 1]].concat();
    let count = u16::try_from(addresses.len()).ok()?;
    response.extend(count.to_be_bytes());
    response.extend([0; 4]);
    response.extend(question);
    for address in addresses {
        // Its name is the question's; an address of the Internet, for 60 s, in four bytes.
        response.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        response.extend(address.octets());
    }
    Some(response)
}
