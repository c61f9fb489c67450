//! Topologies for tests, built by hand.

use std::time::Duration;

use braid_proto::{Engine, NodeName, VnId};
use braid_topology::{
    Addressing, AttachedPrefix, Border, Damping, Endpoint, LayoutRule, Limits, Link, Node, PolicyKind,
    Probes, Topology, VirtualNetwork, VotePolicy, VoteRules,
};

use crate::{Allocation, Plan};

pub(crate) fn vn_id(id: u32) -> VnId {
    id.try_into().unwrap()
}

pub(crate) fn node_name(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// A network named `net` with these nodes and links (`a:eth1 b:eth1`, all of metric 10), and no virtual network.
pub(crate) fn network(nodes: &[&str], links: &[&str]) -> Topology {
    Topology {
        name: "net".parse().unwrap(),
        nodes: nodes.iter().map(|name| node(name)).collect(),
        links: links.iter().map(|text| link(text)).collect(),
        vns: Vec::new(),
        vote: VoteRules { default: majority(), prefixes: Vec::new(), damping: Damping::default() },
        probes: Probes::default(),
        addressing: Addressing {
            loopbacks: "100.64.0.0/16".parse().unwrap(),
            links: "100.65.0.0/16".parse().unwrap(),
            underlay: "100.66.0.0/16".parse().unwrap(),
            ports: "100.67.0.0/16".parse().unwrap(),
        },
    }
}

pub(crate) fn majority() -> VotePolicy {
    VotePolicy {
        kind: PolicyKind::Majority,
        verified: false,
        settle: Duration::from_millis(200),
        fail_back: Duration::from_secs(30),
        deadline: Duration::from_secs(1),
    }
}

pub(crate) fn node(name: &str) -> Node {
    Node { name: node_name(name), position: None, border: None }
}

pub(crate) fn link(text: &str) -> Link {
    let (a, b) = text.split_once(' ').unwrap();
    Link { a: endpoint(a), b: endpoint(b), metric: 10, delay: None, mtu: 1600, addresses: None }
}

fn endpoint(text: &str) -> Endpoint {
    let (node, interface) = text.split_once(':').unwrap();
    Endpoint { node: node_name(node), interface: interface.parse().unwrap() }
}

pub(crate) trait Build: Sized {
    /// Attaches prefixes to a node, behind `cust0`, `cust1`, …
    fn attach(self, node: &str, prefixes: &[&str]) -> Self;
    /// Adds a virtual network.
    fn vn(self, id: u32, name: &str, engine: Engine, layout: LayoutRule) -> Self;
    /// The plan of a first allocation.
    fn planned(&self) -> Plan;
}

impl Build for Topology {
    fn attach(mut self, node: &str, prefixes: &[&str]) -> Self {
        let node = self.nodes.iter_mut().find(|n| n.name.as_str() == node).unwrap();
        let prefixes = prefixes.iter().enumerate().map(|(index, prefix)| AttachedPrefix {
            prefix: prefix.parse().unwrap(),
            interface: format!("cust{index}").parse().unwrap(),
        });
        node.border = Some(Border { prefixes: prefixes.collect() });
        self
    }

    fn vn(mut self, id: u32, name: &str, engine: Engine, layout: LayoutRule) -> Self {
        self.vns.push(VirtualNetwork {
            id: vn_id(id),
            name: name.parse().unwrap(),
            engine,
            layout,
            hello: Duration::from_secs(1),
            limits: Limits { memory_bytes: 512 << 20, pids: 64 },
        });
        self
    }

    fn planned(&self) -> Plan {
        let mut allocation = Allocation::default();
        allocation.update(self).unwrap();
        crate::plan(self, &allocation).unwrap()
    }
}
