//! Addresses that follow from a prefix or from each other, rather than from a number.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The customer host's place in its prefix.
const HOST_OFFSET: u32 = 10;

/// The gateway's and the customer host's address in an attached prefix: the first usable one, and network + 10 or the last
/// usable one. `None` in a /32, which holds only one.
pub(crate) fn gateway_and_host(prefix: Ipv4Net) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (network, broadcast) = (u32::from(prefix.network()), u32::from(prefix.broadcast()));
    // RFC 3021: both addresses of a /31 are hosts.
    let (gateway, last) = match prefix.prefix_len() {
        32 => return None,
        31 => (network, broadcast),
        _ => (network + 1, broadcast - 1),
    };
    Some((gateway.into(), network.saturating_add(HOST_OFFSET).min(last).into()))
}

/// The length of the smallest point-to-point prefix in which both are hosts: 31 or 30, or else 32 each.
pub(crate) fn shared_length(a: Ipv4Addr, b: Ipv4Addr) -> u8 {
    let (a, b) = (u32::from(a), u32::from(b));
    let is_inner_of_30 = |address: u32| matches!(address & 3, 1 | 2);
    match a ^ b {
        1 => 31,
        3 if is_inner_of_30(a) && is_inner_of_30(b) => 30,
        _ => 32,
    }
}

pub(crate) fn with_length(address: Ipv4Addr, length: u8) -> Ipv4Net {
    Ipv4Net::new(address, length).expect("lengths here come from prefixes, or are 30 to 32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_at_ten_or_as_high_as_a_small_prefix_allows() {
        for (prefix, gateway, host) in [
            ("10.1.0.0/16", "10.1.0.1", "10.1.0.10"),
            ("10.1.0.16/28", "10.1.0.17", "10.1.0.26"),
            ("10.1.0.8/29", "10.1.0.9", "10.1.0.14"),
            ("10.1.0.4/30", "10.1.0.5", "10.1.0.6"),
            ("10.1.0.4/31", "10.1.0.4", "10.1.0.5"),
            ("255.255.255.254/31", "255.255.255.254", "255.255.255.255"),
        ] {
            let expected = (gateway.parse().unwrap(), host.parse().unwrap());
            assert_eq!(gateway_and_host(prefix.parse().unwrap()), Some(expected), "{prefix}");
        }
        assert_eq!(gateway_and_host("10.1.0.4/32".parse().unwrap()), None);
    }

    #[test]
    fn two_addresses_share_a_31_or_a_30_or_nothing() {
        for (a, b, length) in [
            ("192.0.2.0", "192.0.2.1", 31),
            ("192.0.2.5", "192.0.2.6", 30),
            ("192.0.2.4", "192.0.2.7", 32),
            ("192.0.2.3", "192.0.2.4", 32),
            ("192.0.2.1", "192.0.2.1", 32),
            ("10.0.0.1", "192.0.2.1", 32),
        ] {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!((shared_length(a, b), shared_length(b, a)), (length, length), "{a} {b}");
        }
    }
}
