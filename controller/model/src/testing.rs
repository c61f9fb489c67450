//! Plans for tests, by way of the topology file.

use braid_layout::{Allocation, Plan};
use braid_proto::{NodeName, VnId};
use braid_topology::AttachedPrefix;
use ipnet::Ipv4Net;

pub(crate) fn vn(id: u32) -> VnId {
    id.try_into().unwrap()
}

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(crate) fn prefix(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// The plan of a topology file, with more prefixes attached to some of its borders. (Files may not attach one prefix twice,
/// plans may.)
pub(crate) fn planned(text: &str, attached: &[(&str, &str)]) -> Plan {
    let mut topology = braid_topology::parse(text, "net.yaml").unwrap_or_else(|error| panic!("{error}"));
    for (at, more) in attached {
        let found = topology.nodes.iter_mut().find(|n| n.name.as_str() == *at).unwrap();
        let prefixes = &mut found.border.as_mut().unwrap().prefixes;
        let interface = format!("more{}", prefixes.len()).parse().unwrap();
        prefixes.push(AttachedPrefix { prefix: prefix(more), interface });
    }
    let mut allocation = Allocation::default();
    allocation.update(&topology).unwrap();
    braid_layout::plan(&topology, &allocation).unwrap()
}

/// The number of the link with an end `node:interface`.
pub(crate) fn link(plan: &Plan, end: &str) -> u16 {
    let is = |e: &braid_layout::LinkEndPlan| format!("{}:{}", e.node, e.interface) == end;
    plan.links.iter().find(|l| is(&l.a) || is(&l.b)).unwrap().number
}
