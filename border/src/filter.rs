//! The packet filter of a border: a customer cannot choose a virtual network.

use std::{fmt::Write as _, net::Ipv4Addr};

use braid_proto::InterfaceName;

/// The IANA port of VXLAN (RFC 7348 §8).
const VXLAN_PORT: u16 = 4789;
/// Our nftables table.
pub const TABLE: &str = "braid";
/// Its one chain.
pub const CHAIN: &str = "vxlan";

/// The ruleset: VXLAN comes in over links to other nodes only, and from the far end of that very link.
///
/// It replaces the table whole, so that applying it twice changes nothing and at no time is there a gap.
#[must_use]
pub fn ruleset(links: &[(InterfaceName, Ipv4Addr)]) -> String {
    let mut rules = String::new();
    for (interface, peer) in links {
        let _ = writeln!(rules, "    iifname \"{interface}\" udp dport {VXLAN_PORT} ip saddr {peer} accept");
    }
    format!(
        "table inet {TABLE} {{}}\n\
         delete table inet {TABLE}\n\
         table inet {TABLE} {{\n\
         \x20 chain {CHAIN} {{\n\
         \x20   type filter hook prerouting priority raw; policy accept;\n\
         \x20   iifname \"lo\" accept\n\
         {rules}\
         \x20   udp dport {VXLAN_PORT} counter drop\n\
         \x20 }}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_far_end_of_a_link_may_send_vxlan() {
        let text = ruleset(&[("eth1".parse().unwrap(), Ipv4Addr::new(100, 66, 0, 3))]);
        let accept = text.find("iifname \"eth1\" udp dport 4789 ip saddr 100.66.0.3 accept").unwrap();
        assert!(accept < text.find("udp dport 4789 counter drop").unwrap(), "{text}");
    }
}
