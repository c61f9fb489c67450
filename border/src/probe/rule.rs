//! What keeps probes from customers.

use std::{collections::BTreeSet, net::Ipv4Addr};

use braid_probe::PORT;
use braid_proto::InterfaceName;

/// The rule, in nft's language, by which a prerouting chain drops the probes that come out of these ports; empty where there
/// can be none. The packet socket on the port has seen them by then. A customer's own datagrams to the same UDP port have
/// another source, and pass.
#[must_use]
pub fn drop_rule<'a>(
    ports: impl IntoIterator<Item = &'a InterfaceName>,
    loopbacks: impl IntoIterator<Item = Ipv4Addr>,
) -> String {
    let ports: Vec<_> = ports.into_iter().map(|port| format!("\"{port}\"")).collect();
    let loopbacks: BTreeSet<_> = loopbacks.into_iter().collect();
    let loopbacks: Vec<_> = loopbacks.iter().map(Ipv4Addr::to_string).collect();
    if ports.is_empty() || loopbacks.is_empty() {
        return String::new();
    }
    let (ports, loopbacks) = (ports.join(", "), loopbacks.join(", "));
    format!("iifname {{ {ports} }} ip saddr {{ {loopbacks} }} udp dport {PORT} counter drop\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ports_or_borders_there_is_no_rule() {
        let port = "braid-vn1".parse().unwrap();
        assert_eq!(drop_rule([&port], []), "");
        assert_eq!(drop_rule([], [Ipv4Addr::LOCALHOST]), "");
        let rule = drop_rule([&port], [Ipv4Addr::new(100, 64, 0, 1)]);
        assert_eq!(rule, "iifname { \"braid-vn1\" } ip saddr { 100.64.0.1 } udp dport 7607 counter drop\n");
    }
}
