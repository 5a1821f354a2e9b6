//! The way through a SOCKS5 proxy (RFC 1928), with a user and a password (RFC 1929) if it wants them.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use super::Credentials;
use crate::transport::authority::Authority;
use crate::transport::failure::Failure;

/// Asks for the way to `target`.
pub(super) fn open(
    stream: &mut (impl Read + Write),
    credentials: Option<&Credentials>,
    target: &Authority,
) -> Result<(), Failure> {
    const VERSION: u8 = 5;
    const NO_AUTHENTICATION: u8 = 0;
    const USER_AND_PASSWORD: u8 = 2;
    const CONNECT: u8 = 1;
    const IPV4: u8 = 1;
    const NAME: u8 = 3;
    const IPV6: u8 = 4;

    let refused = |reason: &str| Failure::of_proxy(reason, false);

    let methods: &[u8] = match credentials {
        None => &[NO_AUTHENTICATION],
        Some(_) => &[NO_AUTHENTICATION, USER_AND_PASSWORD],
    };
    stream.write_all(&[&[VERSION, methods.len() as u8], methods].concat())?;
    match (read_array(stream)?, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some(Credentials { user, password })) => {
            let mut request = vec![1];
            for field in [user, password] {
                request.push(field.len() as u8);
                request.extend(field.as_bytes());
            }
            stream.write_all(&request)?;
            let [_, status] = read_array(stream)?;
            if status != 0 {
                return Err(refused("did not accept the user and password"));
            }
        }
        ([VERSION, _], Some(_)) => return Err(refused("does not accept a user and password")),
        ([VERSION, _], None) => {
            return Err(refused(
                "requires authentication: add user:password@ to its URL",
            ));
        }
        _ => return Err(refused("does not speak SOCKS5")),
    }

    let mut request = vec![VERSION, CONNECT, 0];
    match target.address() {
        Some(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        None => {
            let name = &target.name;
            request.extend([NAME, name.len() as u8]);
            request.extend(name.as_bytes());
        }
    }
    request.extend(target.port.to_be_bytes());
    stream.write_all(&request)?;

    let [version, reply, _, address_kind] = read_array(stream)?;
    match (version, reply) {
        (VERSION, 0) => {}
        (VERSION, 2) => return Err(refused("may not connect there (its rules)")),
        (VERSION, code @ 1..=8) => {
            let reason = match code {
                1 => "it failed",
                3 => "network unreachable",
                4 => "host unreachable",
                5 => "connection refused",
                6 => "time to live expired",
                _ => "not supported",
            };
            let reason = format!("could not connect to {target} ({reason})");
            return Err(Failure::of_proxy(reason, matches!(code, 1 | 3..=6)));
        }
        _ => return Err(refused("does not speak SOCKS5")),
    }
    // The address that it bound, which nobody needs.
    let length = match address_kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(u8::from_be_bytes(read_array(stream)?)),
        _ => return Err(refused("does not speak SOCKS5")),
    };
    const PORT_BYTES: usize = 2;
    stream.read_exact(&mut vec![0; length + PORT_BYTES])?;
    Ok(())
}

fn read_array<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
