//! The topology as the rest of braid sees it: parsed, checked, with every default filled in.
//!
//! A [`Topology`] can only be had from [`crate::parse`], so whoever holds one knows that names are unique, endpoints
//! exist, prefixes are disjoint and every virtual network is connected.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use braid_proto::{Engine, InterfaceName, NetworkName, NodeName, VnId, VnName};
use ipnet::Ipv4Net;
use petgraph::graph::{NodeIndex, UnGraph};

/// A checked topology file.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// The network's name; in a lab, the lab's.
    pub name: NetworkName,
    /// The nodes, in file order.
    pub nodes: Vec<Node>,
    /// The physical links, in file order.
    pub links: Vec<Link>,
    /// The virtual networks, in file order.
    pub vns: Vec<VirtualNetwork>,
    /// Who may forward what.
    pub vote: VoteRules,
    /// How borders probe the virtual networks.
    pub probes: Probes,
    /// The pools from which addresses are allocated.
    pub addressing: Addressing,
}

/// A physical router.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique name.
    pub name: NodeName,
    /// Where it stands.
    pub position: Option<Position>,
    /// Present on nodes with attached (customer) prefixes.
    pub border: Option<Border>,
}

/// Degrees on WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

/// What makes a node a border.
#[derive(Debug, Clone, PartialEq)]
pub struct Border {
    /// The attached prefixes, in file order, at least one, disjoint over the whole network.
    pub prefixes: Vec<AttachedPrefix>,
}

/// A customer prefix and the interface behind which it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachedPrefix {
    /// The prefix, host bits zero.
    pub prefix: Ipv4Net,
    /// The customer-facing interface on the node: as given, or `cust0`, `cust1`, … by order. A lab makes it.
    pub interface: InterfaceName,
}

/// A physical link between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The first endpoint as written.
    pub a: Endpoint,
    /// The second endpoint as written.
    pub b: Endpoint,
    /// IGP metric in both directions, 1 to 65535 (OSPF's 16 bits bound it); default 10.
    pub metric: u16,
    /// One-way propagation delay, where the file gives one.
    pub delay: Option<Duration>,
    /// MTU of the physical link in bytes, 1280 to 9216; default 1600 so that customers keep 1500.
    pub mtu: u16,
    /// Addresses of the two endpoints, first endpoint first, where the operator has set them; else allocated.
    pub addresses: Option<(Ipv4Addr, Ipv4Addr)>,
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The node.
    pub node: NodeName,
    /// The interface on it.
    pub interface: InterfaceName,
}

/// One virtual network.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualNetwork {
    /// Unique id, 1 to 255.
    pub id: VnId,
    /// Unique name.
    pub name: VnName,
    /// What routes it.
    pub engine: Engine,
    /// Over which links it runs.
    pub layout: LayoutRule,
    /// Interval between hellos on its links, 1 s to 60 s in whole seconds; default 1 s. A silent neighbour is given up
    /// after four of them (IS-IS: three).
    pub hello: Duration,
    /// What one instance may use of its node.
    pub limits: Limits,
}

/// Over which physical links a virtual network runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LayoutRule {
    /// All links.
    #[default]
    Full,
    /// All links but these: indices into [`Topology::links`], ascending and unique. What remains connects all nodes.
    Without(Vec<usize>),
}

/// Bounds on one engine instance, enforced by its cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory in bytes, at least 16 MiB; default 512 MiB.
    pub memory_bytes: u64,
    /// Processes and threads, 8 to 4096; default 64.
    pub pids: u32,
}

/// Voting policies: one by default, others per prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct VoteRules {
    /// For every prefix that no rule matches.
    pub default: VotePolicy,
    /// The first rule whose `match` contains the prefix holds.
    pub prefixes: Vec<PrefixRule>,
    /// How virtual networks that keep failing are held down.
    pub damping: Damping,
}

impl VoteRules {
    /// The policy that holds for `prefix`.
    #[must_use]
    pub fn policy_for(&self, prefix: Ipv4Net) -> &VotePolicy {
        self.prefixes.iter().find(|r| r.matches.contains(&prefix)).map_or(&self.default, |r| &r.policy)
    }
}

/// A policy for some prefixes.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefixRule {
    /// Prefixes within this one.
    pub matches: Ipv4Net,
    /// What holds for them.
    pub policy: VotePolicy,
}

/// How a border picks the virtual network that forwards a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotePolicy {
    /// Which rule decides.
    pub kind: PolicyKind,
    /// Whether a virtual network with a verified fault for the prefix loses its vote; default no.
    pub verified: bool,
    /// How long a mere disagreement must last before it decides; default 200 ms, 0 to 60 s.
    pub settle: Duration,
    /// How long a virtual network that was voted out must be clean before it may return; default 30 s, 0 to 600 s;
    /// doubles with each relapse, up to 600 s.
    pub fail_back: Duration,
    /// How long a vote waits at most for what it would rather wait for, such as the first verdict on a new prefix for
    /// steady ballots; default 1 s, 0 to 60 s.
    pub deadline: Duration,
}

/// The rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyKind {
    /// `master` drives; the others check it and stand in for it.
    Master {
        /// The virtual network that drives.
        master: VnId,
    },
    /// The strict majority of code bases decides.
    Majority,
    /// The majority among the first code bases to be steady decides.
    FirstK {
        /// How many are waited for, 1 to 255.
        k: u8,
    },
    /// The majority decides once all have been heard.
    Consensus,
}

/// Damping of virtual networks that keep losing a prefix, in the manner of RFC 2439 §4.2 on a scale of seconds: each loss
/// adds 1000 to a penalty that decays exponentially.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damping {
    /// In what time a penalty halves; default 60 s, 1 s to 1 h.
    pub half_life: Duration,
    /// From which penalty on a virtual network stands back; default 3000, 1000 to 20000.
    pub suppress: u32,
    /// Below which penalty it no longer does; default 750, 1 to `suppress`.
    pub reuse: u32,
    /// How long it is held down at most; default 600 s, up to 1 h.
    pub longest: Duration,
}

/// How borders probe the virtual networks in band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// Interval between probes to another border through the virtual network that forwards there; default 20 ms, 5 ms to
    /// 10 s.
    pub interval: Duration,
    /// So many in a row must be lost to count; default 3, 1 to 50.
    pub losses: u8,
    /// What one border may send in all, answers included; default 1000, up to 100000. Intervals stretch to keep to it; 0
    /// turns probing off.
    pub packets_per_second: u32,
}

impl Default for Damping {
    /// The shape of RFC 2439 §4.2. A loss of 1000, suppress at 3000 and reuse at 750 are the vendor's defaults that RFC 7196 §3
    /// lists (Juniper); that RFC asks for 6000 and more, since in BGP every change of a path counts, here only losses do.
    /// Times are scaled from minutes to seconds (15 and 60 minutes there): the routes are of one network.
    fn default() -> Self {
        let (half_life, longest) = (Duration::from_secs(60), Duration::from_secs(600));
        Self { half_life, suppress: 3000, reuse: 750, longest }
    }
}

impl Default for Probes {
    fn default() -> Self {
        Self { interval: Duration::from_millis(20), losses: 3, packets_per_second: 1000 }
    }
}

/// Pools from which the layout allocates. Disjoint from one another and from attached prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressing {
    /// /32 per node, the same in every virtual network; default 100.64.0.0/16.
    pub loopbacks: Ipv4Net,
    /// /31 per link inside virtual networks, the same in every one; default 100.65.0.0/16.
    pub links: Ipv4Net,
    /// /31 per physical link whose addresses the file does not give; default 100.66.0.0/16.
    pub underlay: Ipv4Net,
    /// /31 per virtual network for its ports; default 100.67.0.0/16.
    pub ports: Ipv4Net,
}

impl Topology {
    /// The node called `name`.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// The virtual network with this id.
    #[must_use]
    pub fn vn(&self, id: VnId) -> Option<&VirtualNetwork> {
        self.vns.iter().find(|vn| vn.id == id)
    }

    /// The physical network as a graph: node `i` is `nodes[i]`, edge `i` is `links[i]`, parallel links included.
    #[must_use]
    pub fn graph(&self) -> UnGraph<&Node, &Link, u32> {
        let mut graph = UnGraph::with_capacity(self.nodes.len(), self.links.len());
        let index: HashMap<&NodeName, NodeIndex> =
            self.nodes.iter().map(|node| (&node.name, graph.add_node(node))).collect();
        for link in &self.links {
            if let (Some(a), Some(b)) = (index.get(&link.a.node), index.get(&link.b.node)) {
                graph.add_edge(*a, *b, link);
            }
        }
        graph
    }
}

impl VirtualNetwork {
    /// Whether it runs over the link with this index in [`Topology::links`].
    #[must_use]
    pub fn uses(&self, link: usize) -> bool {
        match &self.layout {
            LayoutRule::Full => true,
            LayoutRule::Without(links) => links.binary_search(&link).is_err(),
        }
    }
}
