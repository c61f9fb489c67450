//! The packet filter of a border: a customer cannot choose a virtual network, and sees no probe.

use std::{fmt::Write as _, net::Ipv4Addr};

use braid_proto::InterfaceName;

use crate::probe::{ProbeSpec, drop_rule};

/// The IANA port of VXLAN (RFC 7348 §8).
const VXLAN_PORT: u16 = 4789;
/// Our nftables table.
pub const TABLE: &str = "braid";
/// Its one chain.
pub const CHAIN: &str = "vxlan";

/// The ruleset: VXLAN comes in over links to other nodes only, and from the far end of that very link; probes that come out
/// of a virtual network's port go no further.
///
/// It replaces the table whole, so that applying it twice changes nothing and at no time is there a gap.
#[must_use]
pub fn ruleset(links: &[(InterfaceName, Ipv4Addr)], probes: Option<&ProbeSpec>) -> String {
    let mut rules = String::new();
    for (interface, peer) in links {
        let _ = writeln!(rules, "    iifname \"{interface}\" udp dport {VXLAN_PORT} ip saddr {peer} accept");
    }
    let probes = probes.map_or_else(String::new, |probes| {
        let ports = probes.vns.values().map(|vn| &vn.port);
        drop_rule(ports, probes.borders.values().copied().chain([probes.loopback]))
    });
    format!(
        "table inet {TABLE} {{}}\n\
         delete table inet {TABLE}\n\
         table inet {TABLE} {{\n\
         \x20 chain {CHAIN} {{\n\
         \x20   type filter hook prerouting priority raw; policy accept;\n\
         \x20   iifname \"lo\" accept\n\
         {rules}\
         \x20   udp dport {VXLAN_PORT} counter drop\n\
         {probes}\
         \x20 }}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_far_end_of_a_link_may_send_vxlan() {
        let text = ruleset(&[("eth1".parse().unwrap(), Ipv4Addr::new(100, 66, 0, 3))], None);
        let accept = text.find("iifname \"eth1\" udp dport 4789 ip saddr 100.66.0.3 accept").unwrap();
        assert!(accept < text.find("udp dport 4789 counter drop").unwrap(), "{text}");
    }

    #[test]
    fn probes_go_no_further_than_the_port() {
        let port = crate::probe::ProbePort {
            namespace: "lab.a.red".into(),
            port: "braid-vn1".parse().unwrap(),
            router_port: "port".parse().unwrap(),
        };
        let spec = ProbeSpec {
            key: crate::probe::Key([0; 32]),
            config: crate::probe::Config::default(),
            loopback: Ipv4Addr::new(100, 64, 0, 1),
            borders: [("b".parse().unwrap(), Ipv4Addr::new(100, 64, 0, 2))].into(),
            attached: [].into(),
            foreign: [].into(),
            vns: [(1u32.try_into().unwrap(), port)].into(),
        };
        let rule =
            "iifname { \"braid-vn1\" } ip saddr { 100.64.0.1, 100.64.0.2 } udp dport 7607 counter drop\n";
        let text = ruleset(&[], Some(&spec));
        assert!(text.contains(rule), "{text}");
    }
}
