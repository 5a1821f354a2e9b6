//! Opening a TCP connection to a host with several addresses: "happy eyeballs", RFC 8305.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::Authority;
use super::failure::Failure;
use super::wait::{Event, Limits, MAX_EVENTS};

/// How long one address may be silent before the next is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The first of the host's `addresses` that takes a connection.
pub(crate) fn connect(
    to: &Authority,
    addresses: &[IpAddr],
    limits: &Limits<'_>,
) -> Result<TcpStream, Failure> {
    let mut untried = interleave_families(addresses);
    let mut opening: Vec<Socket> = Vec::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);

    while !untried.is_empty() || !opening.is_empty() {
        if opening.len() < MAX_EVENTS
            && let Some(address) = untried.pop_front()
        {
            match begin(SocketAddr::new(address, to.port)) {
                Ok(socket) => opening.push(socket),
                Err(error) => {
                    last_error = error;
                    continue;
                }
            }
        }
        let next_attempt = match untried.is_empty() {
            true => limits.deadline,
            false => Instant::now() + ATTEMPT_DELAY,
        };
        let mut events: Vec<Event<'_>> = opening.iter().map(Event::writable).collect();
        limits.wait_until(&mut events, next_attempt)?;
        let settled = events.iter().position(Event::happened);
        drop(events);
        if let Some(position) = settled {
            let socket = opening.swap_remove(position);
            match outcome(&socket) {
                Ok(()) => return Ok(socket.into()),
                Err(error) => last_error = error,
            }
        }
    }
    Err(Failure::Connect {
        host: to.to_string(),
        error: last_error,
    })
}

/// Alternates between the two families, beginning with the one that the system prefers
/// (RFC 8305, section 4).
fn interleave_families(addresses: &[IpAddr]) -> VecDeque<IpAddr> {
    let prefers_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut preferred, mut other): (VecDeque<IpAddr>, VecDeque<IpAddr>) = addresses
        .iter()
        .partition(|address| address.is_ipv6() == prefers_v6);
    let mut order = VecDeque::with_capacity(addresses.len());
    while !preferred.is_empty() || !other.is_empty() {
        order.extend(preferred.pop_front());
        order.extend(other.pop_front());
    }
    order
}

fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    // A request is written as a whole: there is nothing to wait for.
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(socket),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(socket),
        result => result.map(|()| socket),
    }
}

fn outcome(socket: &Socket) -> io::Result<()> {
    match socket.take_error()? {
        Some(error) => Err(error),
        None => socket.peer_addr().map(|_| ()),
    }
}
