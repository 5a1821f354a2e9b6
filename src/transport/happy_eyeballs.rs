//! Opening a TCP connection to a host with several addresses: "happy eyeballs", RFC 8305.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::authority::Authority;
use super::deadline::Limits;
use super::failure::Failure;
use super::give_way::{are_lacking, with_descriptors};
use crate::sys::{Event, MAX_POLLED, TcpSocket};

/// How long one address may be silent before the next is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The first of the host's `addresses` that takes a connection.
pub(super) fn connect(
    to: &Authority,
    addresses: &[SocketAddr],
    limits: &Limits,
) -> Result<TcpSocket, Failure> {
    let mut untried = interleave_families(addresses);
    let mut opening: Vec<(SocketAddr, TcpSocket)> = Vec::new();
    let mut refused = Vec::new();

    while !untried.is_empty() || !opening.is_empty() {
        if let Some(address) = untried.pop_front() {
            // No more can be waited for: the first is given up.
            if opening.len() == MAX_POLLED {
                opening.remove(0);
            }
            match with_descriptors(|| TcpSocket::begin_connect(address), are_lacking) {
                Ok(socket) => opening.push((address, socket)),
                Err(error) => {
                    refused.push((address, error));
                    continue;
                }
            }
        }
        let next_attempt = match untried.is_empty() {
            true => limits.deadline,
            false => Instant::now() + ATTEMPT_DELAY,
        };
        let sockets = opening.iter().map(|(_, socket)| socket);
        let mut events: Vec<_> = sockets.map(Event::writable).collect();
        limits.wait_until(&mut events, next_attempt)?;
        let settled = events.iter().position(Event::happened);
        drop(events);
        if let Some(position) = settled {
            let (address, socket) = opening.remove(position);
            match outcome(&socket) {
                Ok(()) => return Ok(socket),
                Err(error) => refused.push((address, error)),
            }
        }
    }
    Err(Failure::Connect {
        host: to.to_string(),
        refused,
    })
}

/// Alternates between the two families, beginning with the one that the system prefers
/// (RFC 8305, section 4).
fn interleave_families(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let is_preferred = |address: &&SocketAddr| address.is_ipv6() == prefers_v6;
    let (mut next, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.iter().partition(is_preferred);
    let in_turn = || {
        let address = next.pop_front().or_else(|| other.pop_front());
        std::mem::swap(&mut next, &mut other);
        address
    };
    std::iter::from_fn(in_turn).copied().collect()
}

fn outcome(socket: &TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    if socket.peer_addr()? == socket.local_addr()? {
        // Where nobody listens on a port that the system may give to a client, TCP can connect a
        // socket to itself (RFC 9293, section 3.5, simultaneous open).
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::outcome;

    const LOOPBACK: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

    fn bound(address: SocketAddr) -> Socket {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket.bind(&address.into()).expect("a free port");
        socket
    }

    #[test]
    fn socket_that_is_its_own_peer_was_refused() {
        for address in LOOPBACK.map(|it| it.parse().expect("an address")) {
            let socket = bound(address);
            let own = socket.local_addr().expect("an address");
            socket.connect(&own).expect("TCP allows it");
            let error = outcome(&socket.into()).expect_err("it is its own peer");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{address}");
        }
    }

    #[test]
    fn socket_with_another_peer_is_connected() {
        for address in LOOPBACK.map(|it| it.parse().expect("an address")) {
            let listener = TcpListener::bind(address).expect("a free port");
            let socket = bound(address);
            let peer = listener.local_addr().expect("an address");
            socket.connect(&peer.into()).expect("it listens");
            outcome(&socket.into()).expect("a connection");
        }
    }
}
