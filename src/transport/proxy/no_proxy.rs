//! The hosts that `NO_PROXY` exempts from a proxy.

use std::net::IpAddr;

use crate::transport::authority::Authority;

/// Whether `NO_PROXY` lists the target, as curl reads it: `*` alone, or hosts with all that is below
/// them, addresses and their ranges; and each also with a port, in brackets, or behind `*.`.
pub(super) fn is_exempt(list: &str, target: &Authority) -> bool {
    let port = format!(":{}", target.port);
    let mut entries = list.split([',', ' ', '\t']);
    list == "*"
        || entries.any(|entry| {
            let without_port = entry.strip_suffix(&port).unwrap_or_default();
            [entry, without_port]
                .iter()
                .any(|entry| covers(entry, target))
        })
}

fn covers(entry: &str, target: &Authority) -> bool {
    let entry = entry.replace(['[', ']'], "");
    if let Some(address) = target.address() {
        let (network, bits) = entry.split_once('/').unwrap_or((&entry, "0"));
        return match (network.parse(), bits.parse()) {
            (Ok(network), Ok(bits)) => is_within(address, network, bits),
            _ => false,
        };
    }
    let lower = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let host = lower(&target.host.to_str());
    let domain = lower(entry.trim_start_matches('*'));
    let domain = domain.strip_prefix('.').unwrap_or(&domain);
    let above = host.strip_suffix(domain);
    !domain.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Whether the first `bits` of both are the same. To curl, no bits are all of them.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (same_bits, all_bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            (address.to_bits() ^ network.to_bits()).leading_zeros(),
            u32::BITS,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (
            (address.to_bits() ^ network.to_bits()).leading_zeros(),
            u128::BITS,
        ),
        _ => return false,
    };
    match bits {
        0 => same_bits == all_bits,
        bits => same_bits >= bits,
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, is_exempt};

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        for (host, list, expected) in [
            ("example.com", "*", true),
            ("example.com", "x,*", false),
            ("example.com", "*,x", false),
            ("127.0.0.1", "x,*", false),
            ("example.com", "", false),
            ("example.com", " , ,", false),
            (
                "www.example.com",
                "localhost,.example.com,.example.de",
                true,
            ),
            (
                "www.example.com.",
                "localhost,.example.com,.example.de",
                true,
            ),
            ("example.com", "localhost,.example.com,.example.de", true),
            ("example.com.", "localhost,example.com,.example.de", true),
            (
                "www.example.com",
                "localhost,.example.com.,.example.de",
                true,
            ),
            ("www.example.com", "localhost, WWW.Example.COM", true),
            ("nexample.com", "localhost,example.com,.example.de", false),
            ("example.com", "www.example.com", false),
            ("example.com", "com", true),
            ("example.com", "om", false),
            ("example.com", ".", false),
            ("example.com", "foo\texample.com", true),
            ("127.0.0.1", "127.0.0.1,localhost", true),
            ("127.0.0.1", "127.0.0.1/8,localhost,", true),
            ("127.0.0.1", "127.0.0.1/31,localhost,", true),
            ("127.0.0.1", "127.0.0.2/32", false),
            ("127.0.0.1", "0.0.1", false),
            ("10.1.2.3", "10.0.0.0/8,127.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8,127.0.0.0/8", false),
            ("10.1.2.3", "10.1.2.0/23", true),
            ("10.1.4.3", "10.1.2.0/23", false),
            ("192.168.0.1", "192.168.0.1/0", true),
            ("192.168.0.1", "192.168.0.2/0", false),
            ("192.168.0.1", "192.168.0.1/33", false),
            ("192.168.0.1", "192.168.0.1/x", false),
            ("192.168.0.1", "192.168.0.1/", false),
            ("192.168.0.1", "10.0.0.0/8 192.168.0.0/16", true),
            ("::1", "::1", true),
            ("::1", "[::1]", true),
            ("::1", "[::1]:8080", true),
            ("::1", "[::1]:8081", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("2001:db8::7", "2001:db8::/32", true),
            ("2001:db8::7", "[2001:db8::]/32", true),
            ("2001:db9::7", "2001:db8::/31", true),
            ("2001:dba::7", "2001:db8::/31", false),
            ("2001:db8::7", "2001:db8::7/129", false),
            ("::1", "127.0.0.0/8", false),
            ("127.0.0.1", "::/1", false),
            ("example.com", "10.0.0.0/8", false),
            ("example.com", "example.com:8080", true),
            ("example.com", "example.com:80", false),
            ("www.example.com", "*.example.com", true),
        ] {
            let target = match host.contains(':') {
                true => format!("[{host}]"),
                false => host.to_owned(),
            };
            let target = Authority::parse(&target, 8080).expect(host);
            assert_eq!(is_exempt(list, &target), expected, "{host} in {list:?}");
        }
    }
}
