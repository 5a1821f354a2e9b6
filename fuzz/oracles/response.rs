//! Input: what the API's side of a connection says, as bytes, before it closes.

use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use zixflow::ffi::Status::*;
use zixflow::ffi::*;

use super::reply::Reply;
use super::{VALID_MESSAGE, new_client, reply_of};

pub fn check(input: &[u8]) {
    let reply = {
        let peer = PEER.lock().unwrap_or_else(PoisonError::into_inner);
        peer.responses
            .send(input.to_vec())
            .expect("the server runs");
        // SAFETY: the message ends with NUL, and the reply has a place.
        reply_of(|reply| unsafe {
            zx_send_reply_buttons(peer.client as *const _, VALID_MESSAGE.as_ptr(), reply)
        })
    };
    assert_eq!(reply.number("attempts"), Some(1), "{reply:?}");
    let says_so = input.windows(4).any(|bytes| bytes == b"true");
    assert_follows_the_table(&reply, says_so);
    assert!(says_so || reply.status != ZX_OK, "{reply:?}");
}

/// The table of outcomes, backwards: what a response with that code can have meant, where it may say
/// that the message was queued.
fn assert_follows_the_table(reply: &Reply, says_so: bool) {
    let outcome = (reply.status, reply.retryable());
    let unknown = (ZX_OUTCOME_UNKNOWN, Some(false));
    let refused = (ZX_REJECTED, Some(false));
    let refused_for_now = (ZX_REJECTED, Some(true));
    let unauthorized = (ZX_UNAUTHORIZED, Some(false));
    let busy = (ZX_BUSY, Some(true));
    let possible: &[_] = match reply.number("http_status") {
        None => &[unknown],
        Some(200..=299) => &[(ZX_OK, None), refused, unknown],
        Some(300..=407 | 409..=499) if says_so && outcome == unknown => &[unknown],
        Some(401) => &[unauthorized],
        Some(403) => &[unauthorized, refused],
        Some(429) => &[busy],
        Some(503) => &[busy, unknown],
        Some(500..=599) => &[refused_for_now, unknown],
        Some(408) => &[refused, unknown],
        Some(300..=499) => &[refused],
        Some(_) => &[refused, unknown],
    };
    assert!(possible.contains(&outcome), "{reply:?}");
}

static PEER: LazyLock<Mutex<Peer>> = LazyLock::new(|| Mutex::new(Peer::start()));

/// A server that plays whatever it is given, once per connection, and the client that talks to it.
struct Peer {
    responses: SyncSender<Vec<u8>>,
    /// The address of a `zx_client`.
    client: usize,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (responses, to_play) = mpsc::sync_channel::<Vec<u8>>(0);
        thread::spawn(move || {
            for response in to_play {
                play(&listener, &response);
            }
        });
        Peer {
            responses,
            client: new_client(&options(address))
                .expect("the options are fine")
                .addr(),
        }
    }
}

/// One attempt over one connection, so that nothing of a response is left for the next.
fn options(address: SocketAddr) -> CString {
    let options = format!(
        r#"{{"base_url":"http://{address}","max_retries":0,"max_idle_connections":0,"proxy":""}}"#
    );
    CString::new(options).expect("no NUL is in it")
}

fn play(listener: &TcpListener, response: &[u8]) {
    let (mut connection, _) = listener.accept().expect("a connection");
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.ends_with(VALID_MESSAGE.to_bytes()) {
        let count = connection.read(&mut chunk).expect("the request");
        assert_ne!(count, 0, "the client left in the middle of its request");
        request.extend_from_slice(&chunk[..count]);
    }
    // The client may have read enough, and left.
    let _ = connection.write_all(response);
    let _ = connection.shutdown(Shutdown::Write);
    let _ = connection.read(&mut chunk);
}
