//! What the verifier is told of the network: nodes, what they own, and the links of every VN.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_proto::{InterfaceName, NodeName, VnId};
use ipnet::Ipv4Net;
use thiserror::Error;

/// The network to verify: what every node owns, and every VN's members and links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The nodes of the network.
    pub nodes: BTreeMap<NodeName, Node>,
    /// The virtual networks over them.
    pub vns: BTreeMap<VnId, VnTopology>,
}

/// A node, the same in every VN.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Whether packets enter VNs here, so that every prefix has a verdict from here.
    pub border: bool,
    /// The loopback: a /32 of interest, delivered here before any route is looked up.
    pub loopback: Option<Ipv4Addr>,
    /// Other addresses of its own (of links, say), delivered here before any route is looked up; not of interest themselves.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// The attached prefixes: of interest, and the only ones that this node's port hands to a customer.
    pub attached: BTreeSet<Ipv4Net>,
}

/// A virtual network's shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VnTopology {
    /// The nodes that have a virtual router in this VN.
    pub nodes: BTreeSet<NodeName>,
    /// The virtual links.
    pub links: Vec<Link>,
}

/// A virtual link: two interfaces that face each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The two ends, in either order.
    pub ends: [(NodeName, InterfaceName); 2],
}

/// Why a [`Topology`] cannot be verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopologyError {
    /// Node numbers are 16 bits wide.
    #[error("the topology has {0} nodes: the verifier takes at most {max}", max = NodeId::MAX)]
    TooManyNodes(usize),
    /// A VN has a member or a link's end that is no node of the network, or an end that is no member.
    #[error("VN {vn} names `{node}`, which is not a node of it: add the node, or leave it out of the VN")]
    UnknownNode {
        /// The VN.
        vn: VnId,
        /// What was named.
        node: NodeName,
    },
    /// Two links of a VN end at one interface.
    #[error("two links of VN {vn} end at {node}:{interface}: give each an interface of its own")]
    InterfaceTwice {
        /// The VN.
        vn: VnId,
        /// The node.
        node: NodeName,
        /// The interface.
        interface: InterfaceName,
    },
}

/// A node's number inside one [`Verifier`](crate::Verifier); it holds until the next
/// [`set_topology`](crate::Verifier::set_topology).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u16);

impl NodeId {
    pub(crate) const MAX: usize = u16::MAX as usize;

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An interface's number inside one VN of one [`Verifier`](crate::Verifier); it holds until the next
/// [`set_topology`](crate::Verifier::set_topology).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub(crate) u32);

impl InterfaceId {
    /// An interface that leads nowhere the verifier knows: a packet sent there is [lost](crate::DropReason::DeadNextHop).
    pub const NOWHERE: Self = Self(u32::MAX);
}

/// The interfaces of one VN, numbered node by node.
#[derive(Debug)]
pub(crate) struct Graph {
    interfaces: Vec<Interface>,
    /// Node `n`'s interfaces are `first[n]..first[n + 1]`.
    first: Vec<u32>,
    members: Vec<bool>,
}

#[derive(Debug)]
struct Interface {
    name: InterfaceName,
    peer: u32,
    peer_node: NodeId,
    up: bool,
    /// Both ends are up.
    live: bool,
}

impl Graph {
    /// Numbers the interfaces of one VN over the nodes of the network.
    pub(crate) fn new(
        vn: VnId,
        topology: &VnTopology,
        nodes: &BTreeMap<NodeName, NodeId>,
    ) -> Result<Self, TopologyError> {
        let id_of = |node: &NodeName| {
            let id = nodes.get(node).filter(|_| topology.nodes.contains(node));
            id.copied().ok_or_else(|| TopologyError::UnknownNode { vn, node: node.clone() })
        };
        let mut members = vec![false; nodes.len()];
        for node in &topology.nodes {
            members[id_of(node)?.index()] = true;
        }
        let mut ends = Vec::with_capacity(topology.links.len() * 2);
        for (link, Link { ends: [a, b] }) in topology.links.iter().enumerate() {
            for ((node, interface), (peer, _)) in [(a, b), (b, a)] {
                ends.push((id_of(node)?, interface, link, id_of(peer)?));
            }
        }
        ends.sort_unstable();
        if let Some(two) = ends.windows(2).find(|two| (two[0].0, two[0].1) == (two[1].0, two[1].1)) {
            let (node, interface, link, _) = two[0];
            let [a, b] = &topology.links[link].ends;
            let name = if nodes.get(&a.0) == Some(&node) { &a.0 } else { &b.0 };
            return Err(TopologyError::InterfaceTwice {
                vn,
                node: name.clone(),
                interface: interface.clone(),
            });
        }
        let mut ends_of = vec![Vec::with_capacity(2); topology.links.len()];
        for (id, (_, _, link, _)) in (0_u32..).zip(&ends) {
            ends_of[*link].push(id);
        }
        let first = (0..=nodes.len()).map(|node| ends.partition_point(|end| end.0.index() < node) as u32);
        Ok(Self {
            first: first.collect(),
            interfaces: (0_u32..)
                .zip(&ends)
                .map(|(id, (_, name, link, peer_node))| Interface {
                    name: (*name).clone(),
                    peer: ends_of[*link][usize::from(ends_of[*link][0] == id)],
                    peer_node: *peer_node,
                    up: true,
                    live: true,
                })
                .collect(),
            members,
        })
    }

    pub(crate) fn is_member(&self, node: NodeId) -> bool {
        self.members.get(node.index()).is_some_and(|member| *member)
    }

    pub(crate) fn interfaces_of(&self, node: NodeId) -> std::ops::Range<u32> {
        self.first[node.index()]..self.first[node.index() + 1]
    }

    pub(crate) fn owns(&self, node: NodeId, interface: InterfaceId) -> bool {
        self.interfaces_of(node).contains(&interface.0)
    }

    /// The interface at the other end, and its node.
    pub(crate) fn peer(&self, interface: u32) -> (u32, NodeId) {
        let interface = &self.interfaces[interface as usize];
        (interface.peer, interface.peer_node)
    }

    /// Where a packet sent out of `interface` arrives, if it does.
    pub(crate) fn across(&self, interface: u32) -> Option<NodeId> {
        self.interfaces.get(interface as usize).filter(|interface| interface.live).map(|i| i.peer_node)
    }

    pub(crate) fn find(&self, node: NodeId, name: &InterfaceName) -> Option<InterfaceId> {
        let mut range = self.interfaces_of(node);
        range.find(|id| self.interfaces[*id as usize].name == *name).map(InterfaceId)
    }

    pub(crate) fn name(&self, interface: InterfaceId) -> Option<&InterfaceName> {
        self.interfaces.get(interface.0 as usize).map(|interface| &interface.name)
    }

    /// Says whether one end is up; returns whether the link is now carrying packets where it did not before, or the reverse.
    pub(crate) fn set_up(&mut self, interface: u32, up: bool) -> bool {
        let peer = self.interfaces[interface as usize].peer as usize;
        self.interfaces[interface as usize].up = up;
        let live = up && self.interfaces[peer].up;
        let changed = live != self.interfaces[interface as usize].live;
        self.interfaces[interface as usize].live = live;
        self.interfaces[peer].live = live;
        changed
    }

    pub(crate) fn down(&self) -> impl Iterator<Item = InterfaceId> {
        (0..).zip(&self.interfaces).filter(|(_, interface)| !interface.up).map(|(id, _)| InterfaceId(id))
    }
}
