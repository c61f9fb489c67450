//! What LSPs say that no route here is computed from, in words: IPv6 (RFC 5308) and topologies (RFC 5120).

use braid_isis_packet::{Ipv6Prefix, Lsp, NLPID_IPV6, Tlv, Topology, WideNeighbour, WidePrefix};

/// The words, one for each entry, in the order of the LSP.
pub(super) fn words(lsp: &Lsp) -> Vec<String> {
    lsp.tlvs().flat_map(|tlv| of_tlv(&tlv)).collect()
}

fn of_tlv(tlv: &Tlv) -> Vec<String> {
    match tlv {
        Tlv::ProtocolsSupported(protocols) if protocols.contains(&NLPID_IPV6) => {
            vec!["routes IPv6".to_owned()]
        }
        Tlv::Ipv6Interface(addresses) => {
            addresses.iter().map(|address| format!("IPv6 address {address}")).collect()
        }
        Tlv::Ipv6Reach(prefixes) => prefixes.iter().map(ipv6).collect(),
        Tlv::MultiTopology(topologies) => topologies.iter().map(topology).collect(),
        Tlv::MtIs { topology, neighbours } => within(*topology, neighbours, neighbour),
        Tlv::MtIp { topology, prefixes } => within(*topology, prefixes, ipv4),
        Tlv::MtIpv6 { topology, prefixes } => within(*topology, prefixes, ipv6),
        _ => Vec::new(),
    }
}

fn within<T>(topology: u16, entries: &[T], words: impl Fn(&T) -> String) -> Vec<String> {
    entries.iter().map(|entry| format!("topology {topology}: {}", words(entry))).collect()
}

fn topology(topology: &Topology) -> String {
    let bits = [(topology.overload, ", overload"), (topology.attached, ", attached")];
    format!("in topology {}{}", topology.id, set(bits))
}

fn neighbour(neighbour: &WideNeighbour) -> String {
    format!("neighbour {} metric {}", neighbour.node, neighbour.metric)
}

fn ipv4(prefix: &WidePrefix) -> String {
    format!("{} metric {}{}", prefix.net, prefix.metric, set([(prefix.down, ", down")]))
}

fn ipv6(prefix: &Ipv6Prefix) -> String {
    let bits = [(prefix.down, ", down"), (prefix.external, ", external")];
    format!("{} metric {}{}", prefix.net, prefix.metric, set(bits))
}

/// The words of the bits that are set.
fn set<const N: usize>(bits: [(bool, &'static str); N]) -> String {
    bits.into_iter().filter_map(|(is_set, word)| is_set.then_some(word)).collect()
}

#[cfg(test)]
mod tests {
    use braid_isis_packet::{Authentication, Level, LspFlags, NLPID_IPV4, NewLsp, SystemId};

    use super::*;

    #[test]
    fn what_is_not_computed_is_told_in_words() {
        let system = SystemId([0, 0, 0, 0, 0, 2]);
        let (id, flags) = (SystemId([0, 0, 0, 0, 0, 1]).node().fragment(0), LspFlags::new(Level::Two));
        let new = NewLsp { level: Level::Two, id, sequence: 1, lifetime: 1200, flags };
        let prefix = Ipv6Prefix {
            net: "2001:db8::/32".parse().unwrap(),
            metric: 10,
            down: true,
            external: true,
            sub_tlvs: Vec::new(),
        };
        let tlvs = [
            Tlv::ProtocolsSupported(vec![NLPID_IPV4, NLPID_IPV6]),
            Tlv::DynamicName("r1".to_owned()),
            Tlv::IsNeighbours(vec![WideNeighbour::new(system.node(), 1)]),
            Tlv::ExtendedIp(vec![WidePrefix::new("10.0.0.0/8".parse().unwrap(), 1)]),
            Tlv::Ipv6Interface(vec!["2001:db8::1".parse().unwrap()]),
            Tlv::Ipv6Reach(vec![prefix.clone()]),
            Tlv::MultiTopology(vec![Topology { id: 2, overload: true, attached: false }]),
            Tlv::MtIs { topology: 2, neighbours: vec![WideNeighbour::new(system.node(), 7)] },
            Tlv::MtIp { topology: 3, prefixes: vec![WidePrefix::new("10.0.0.0/8".parse().unwrap(), 4)] },
            Tlv::MtIpv6 {
                topology: 2,
                prefixes: vec![Ipv6Prefix { down: false, external: false, ..prefix }],
            },
        ];
        let lsp = Lsp::build(&new, &tlvs, &Authentication::None).unwrap();
        let expected = [
            "routes IPv6",
            "IPv6 address 2001:db8::1",
            "2001:db8::/32 metric 10, down, external",
            "in topology 2, overload",
            "topology 2: neighbour 0000.0000.0002.00 metric 7",
            "topology 3: 10.0.0.0/8 metric 4",
            "topology 2: 2001:db8::/32 metric 10",
        ];
        assert_eq!(words(&lsp), expected);
    }
}
