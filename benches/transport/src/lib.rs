//! ureq on the library's own transport, and nothing of the library above it: what a send through the
//! C ABI costs more than this is the price of its checks, its reply and its promises.
//!
//! A contender: `c/contender.h` says what its functions do.

// The transport, as the library compiles it. Not all of it is used here.
#[path = "../../../src/panics.rs"]
mod panics;
#[allow(dead_code)]
#[path = "../../../src/per_process.rs"]
mod per_process;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/sys/mod.rs"]
mod sys;
#[allow(dead_code, unused_imports)]
#[path = "../../../src/transport/mod.rs"]
mod transport;

#[cfg(feature = "spared")]
#[path = "../../../src/headers.rs"]
mod headers;

/// None for the transport to add: each request has its own.
#[cfg(not(feature = "spared"))]
mod headers {
    #[derive(Debug)]
    pub(crate) struct Headers;

    impl Headers {
        pub(crate) fn new(_: &str, _: &str, _: Option<&str>) -> Result<Self, String> {
            Ok(Headers)
        }

        pub(crate) fn as_bytes(&self) -> &[u8] {
            &[]
        }
    }
}

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;

use headers::Headers;
use transport::{Authority, Keep, Pool, Roots, Route, TlsRoute, add_file, root_store};
use ureq::http::Uri;

const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";
const API_KEY: &str = "benchmark-key";
const WORKSPACE_ID: &str = "benchmark-workspace";

pub struct Client {
    #[cfg(feature = "spared")]
    url: Uri,
    #[cfg(not(feature = "spared"))]
    url: String,
    message: String,
    pool: Pool,
}

impl Client {
    fn new(base_url: &str, ca_file: &str, message: &str) -> Self {
        let url = format!("{base_url}{PATH}");
        let uri: Uri = url.parse().expect("a URL");
        let authority = uri.authority().expect("a host").as_str();
        let target = Authority::parse(authority, 80).expect("a host and a port");
        let tls = (uri.scheme_str() == Some("https")).then(|| {
            let mut roots = root_store(Roots::Bundled).expect("they are built in");
            add_file(Arc::make_mut(&mut roots), Path::new(ca_file)).expect("certificates");
            TlsRoute {
                name: ServerName::try_from(target.host.clone()).expect("a host"),
                roots,
            }
        });
        let route = Arc::new(Route {
            target,
            proxy: None,
            tls,
        });
        let keep = Keep {
            connections: 64,
            idle: Duration::from_secs(15),
        };
        let headers = Headers::new(API_KEY, WORKSPACE_ID, None).expect("sound credentials");
        Client {
            #[cfg(feature = "spared")]
            url: uri,
            #[cfg(not(feature = "spared"))]
            url,
            message: message.to_owned(),
            pool: Pool::new(&route, &Arc::new(headers), keep).expect("a pipe"),
        }
    }

    /// Whether the answer came, whole.
    fn send(&self) -> bool {
        let lane = self.pool.take();
        let deadline = Instant::now() + Duration::from_secs(30);
        let connect_timeout = Duration::from_secs(5);
        lane.exchange
            .begin(deadline, connect_timeout, self.message.len());
        #[cfg(feature = "spared")]
        let request = lane.agent.post(self.url.clone());
        #[cfg(not(feature = "spared"))]
        let request = lane
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("x-api-key", API_KEY)
            .header("x-workspace-id", WORKSPACE_ID)
            .header("user-agent", "zixflow-c/0.2.0");
        let answer = request
            .send(&self.message)
            .and_then(|mut response| response.body_mut().read_to_vec());
        self.pool.put_back(lane);
        answer.is_ok_and(|body| body.starts_with(b"{"))
    }
}

/// # Safety
///
/// The arguments are NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn contender_new(
    base_url: *const c_char,
    ca_file: *const c_char,
    message: *const c_char,
) -> *mut Client {
    // SAFETY: the caller's promise.
    let [base_url, ca_file, message] = [base_url, ca_file, message]
        .map(|text| unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8"));
    Box::into_raw(Box::new(Client::new(base_url, ca_file, message)))
}

/// # Safety
///
/// `client` comes from [`contender_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn contender_send(client: *mut Client) -> bool {
    // SAFETY: the caller's promise.
    unsafe { &*client }.send()
}

/// # Safety
///
/// `client` comes from [`contender_new`], and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn contender_free(client: *mut Client) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(client) });
}
