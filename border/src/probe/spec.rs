//! What a border probes: its share of the specification.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_probe::{Config, Key, Targets};
use braid_proto::{InterfaceName, NodeName, VnId};
use ipnet::Ipv4Net;

/// Everything that probing must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSpec {
    /// The network's key.
    pub key: Key,
    /// How often, how much and how patiently.
    pub config: Config,
    /// This border's loopback, the same in every virtual network.
    pub loopback: Ipv4Addr,
    /// All borders and their loopbacks. This one is among them, so that a probe which comes out where it went in is said to.
    pub borders: BTreeMap<NodeName, Ipv4Addr>,
    /// The prefixes attached here.
    pub attached: BTreeSet<Ipv4Net>,
    /// The prefixes behind other borders, and the borders to which each is attached.
    pub foreign: BTreeMap<Ipv4Net, BTreeSet<NodeName>>,
    /// The virtual networks with a port here.
    pub vns: BTreeMap<VnId, ProbePort>,
}

/// A virtual network's port, as probing uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePort {
    /// The network namespace of the virtual router here. Its end of the port must have `accept_local` set: probes come in
    /// from outside with the router's own address as their source.
    pub namespace: String,
    /// The node's end.
    pub port: InterfaceName,
    /// The router's end.
    pub router_port: InterfaceName,
}

impl ProbeSpec {
    /// To probe and answer nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            key: Key([0; 32]),
            config: Config::default(),
            loopback: Ipv4Addr::UNSPECIFIED,
            borders: BTreeMap::new(),
            attached: BTreeSet::new(),
            foreign: BTreeMap::new(),
            vns: BTreeMap::new(),
        }
    }

    pub(super) fn targets(&self) -> Targets {
        let loopbacks = |nodes: &BTreeSet<NodeName>| {
            nodes.iter().filter_map(|node| self.borders.get(node).copied()).collect()
        };
        Targets {
            own: self.loopback,
            borders: self.borders.values().copied().filter(|border| *border != self.loopback).collect(),
            vns: self.vns.keys().copied().collect(),
            attached: self.attached.clone(),
            foreign: self.foreign.iter().map(|(prefix, egress)| (*prefix, loopbacks(egress))).collect(),
        }
    }

    /// The names of the other borders, by loopback.
    pub(super) fn names(&self) -> BTreeMap<Ipv4Addr, NodeName> {
        self.borders.iter().map(|(node, loopback)| (*loopback, node.clone())).collect()
    }
}
