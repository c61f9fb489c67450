//! The plan: everything that will be built, with every name, number and address decided.

use std::{net::Ipv4Addr, time::Duration};

use braid_proto::{Engine, InterfaceName, NetworkName, NodeName, VnId, VnName};
use ipnet::Ipv4Net;
use serde::Serialize;

use crate::serialize;

/// A whole network, as [`crate::plan`] lays it out. In JSON, durations are numbers with the unit in the field's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The network's name.
    pub network: NetworkName,
    /// The nodes, by number.
    pub nodes: Vec<NodePlan>,
    /// The physical links, by number.
    pub links: Vec<LinkPlan>,
    /// The virtual networks, in file order, which is the order of preference.
    pub vns: Vec<VnPlan>,
    /// How virtual networks that keep losing a prefix are held down.
    pub damping: DampingPlan,
    /// How borders probe the virtual networks.
    pub probes: ProbesPlan,
    /// The customer hosts that a lab makes, by node number and in file order.
    pub hosts: Vec<HostPlan>,
}

impl Plan {
    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&NodePlan> {
        self.nodes.iter().find(|n| n.name == *name)
    }

    /// The virtual router of `vn` on `node`.
    #[must_use]
    pub fn router(&self, node: &NodeName, vn: VnId) -> Option<&RouterPlan> {
        self.node(node)?.routers.iter().find(|r| r.vn == vn)
    }

    /// The customer host of that name.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<&HostPlan> {
        self.hosts.iter().find(|h| h.name == name)
    }

    /// The virtual network of that id.
    #[must_use]
    pub fn vn(&self, id: VnId) -> Option<&VnPlan> {
        self.vns.iter().find(|v| v.id == id)
    }

    /// The physical link of that number.
    #[must_use]
    pub fn link(&self, number: u16) -> Option<&LinkPlan> {
        self.links.binary_search_by_key(&number, |l| l.number).ok().map(|index| &self.links[index])
    }
}

/// A node with everything on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodePlan {
    /// Its name.
    pub name: NodeName,
    /// Its number, from 1.
    pub number: u32,
    /// Its namespace in a lab.
    pub namespace: String,
    /// Its /32 in every virtual network.
    pub loopback: Ipv4Addr,
    /// Its ends of physical links, by link number.
    pub underlay: Vec<UnderlayInterface>,
    /// What it does as a border, if it is one.
    pub border: Option<BorderPlan>,
    /// Its virtual routers, in the order of [`Plan::vns`].
    pub routers: Vec<RouterPlan>,
}

/// A node's end of a physical link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderlayInterface {
    /// The link's number, 1 to 65535.
    pub link: u16,
    /// The interface.
    pub interface: InterfaceName,
    /// Its address. A /31, unless the file gives addresses: then a /31 or /30 where both fit one, else a /32, which is to
    /// be set with [`peer_address`](Self::peer_address) as the peer (`ip address add A peer B`).
    pub address: Ipv4Net,
    /// The node at the other end.
    pub peer_node: NodeName,
    /// The interface at the other end.
    pub peer_interface: InterfaceName,
    /// The address at the other end.
    pub peer_address: Ipv4Addr,
    /// MTU in bytes.
    pub mtu: u16,
    /// IGP metric.
    pub metric: u16,
    /// One-way propagation delay, where the file gives one.
    #[serde(rename = "delay_us", serialize_with = "serialize::microseconds")]
    pub delay: Option<Duration>,
}

/// What a node does as a border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BorderPlan {
    /// Its own customers' prefixes, in file order.
    pub attached: Vec<AttachedPlan>,
    /// The prefixes of other borders' customers, on which it votes, in ascending order.
    pub foreign: Vec<ForeignPrefixPlan>,
}

/// A prefix of the border's own customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachedPlan {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The customer-facing interface on the node.
    pub interface: InterfaceName,
    /// The node's address on it: the first usable one.
    pub gateway: Ipv4Addr,
    /// The customer host's address: network + 10, or the last usable one in a prefix too small for that.
    pub host_address: Ipv4Addr,
    /// The customer host's name.
    pub host: String,
}

/// A prefix of other borders' customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignPrefixPlan {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The borders to which it is attached, by node number.
    pub owners: Vec<NodeName>,
    /// The policy that holds for it.
    pub policy: PolicyPlan,
}

/// A voting policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyPlan {
    /// Which rule decides.
    #[serde(flatten)]
    pub rule: PolicyRule,
    /// Whether a virtual network with a verified fault for the prefix loses its vote.
    pub verified: bool,
    /// How long a mere disagreement must last before it decides.
    #[serde(rename = "settle_ms", serialize_with = "serialize::milliseconds")]
    pub settle: Duration,
    /// How long a voted-out virtual network must be clean before it may return.
    #[serde(rename = "fail_back_ms", serialize_with = "serialize::milliseconds")]
    pub fail_back: Duration,
    /// How long a vote waits at most for steady ballots.
    #[serde(rename = "deadline_ms", serialize_with = "serialize::milliseconds")]
    pub deadline: Duration,
}

/// Damping, as in topology files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DampingPlan {
    /// In what time a penalty halves.
    #[serde(rename = "half_life_ms", serialize_with = "serialize::milliseconds")]
    pub half_life: Duration,
    /// From which penalty on a virtual network stands back; each loss of a prefix counts 1000.
    pub suppress: u32,
    /// Below which penalty it no longer does.
    pub reuse: u32,
    /// How long it is held down at most.
    #[serde(rename = "longest_ms", serialize_with = "serialize::milliseconds")]
    pub longest: Duration,
}

/// Probing, as in topology files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProbesPlan {
    /// Between probes to another border through the virtual network that forwards there.
    #[serde(rename = "interval_ms", serialize_with = "serialize::milliseconds")]
    pub interval: Duration,
    /// So many in a row must be lost to count.
    pub losses: u8,
    /// What one border may send in all; 0: nothing.
    pub packets_per_second: u32,
}

/// The rule of a policy. In JSON `"policy": "master", "master": 1` or `"policy": "majority"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum PolicyRule {
    /// `master` drives; the others check it and stand in for it.
    Master {
        /// The virtual network that drives.
        master: VnId,
    },
    /// The strict majority of code bases decides.
    Majority,
    /// The majority among the first code bases to be steady decides.
    FirstK {
        /// How many are waited for.
        k: u8,
    },
    /// The majority decides once all have been heard.
    Consensus,
}

/// A virtual router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouterPlan {
    /// Its virtual network's id.
    pub vn: VnId,
    /// Its virtual network's name.
    pub vn_name: VnName,
    /// What routes it.
    pub engine: Engine,
    /// Its network namespace.
    pub namespace: String,
    /// Its /32 on `lo`, also its router id.
    pub loopback: Ipv4Addr,
    /// Its virtual links, by link number.
    pub links: Vec<VirtualLinkPlan>,
    /// On borders: the way in and out.
    pub port: Option<PortPlan>,
    /// The prefixes that it originates.
    pub attached: Vec<Ipv4Net>,
    /// Interval between hellos, whole seconds.
    #[serde(rename = "hello_s", serialize_with = "serialize::seconds")]
    pub hello: Duration,
    /// What its engine instance may use of the node.
    pub limits: LimitsPlan,
    /// Its directory within the node's state directory, such as `vn1`.
    pub state_directory: String,
}

/// Bounds on an engine instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LimitsPlan {
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
}

/// A virtual router's end of a virtual link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VirtualLinkPlan {
    /// The VXLAN device in the virtual router's namespace, named like the physical interface.
    pub interface: InterfaceName,
    /// VXLAN network identifier: VN id × 65536 + link number.
    pub vni: u32,
    /// The link's number, 1 to 65535.
    pub link: u16,
    /// Its address, a /31.
    pub address: Ipv4Net,
    /// The address at the other end.
    pub peer_address: Ipv4Addr,
    /// The node at the other end.
    pub peer_node: NodeName,
    /// IGP metric.
    pub metric: u16,
    /// MTU in bytes: the physical link's less the 50 bytes of encapsulation.
    pub mtu: u16,
    /// The physical interface in the node's namespace.
    pub underlay_interface: InterfaceName,
    /// The tunnel's address here.
    pub underlay_local: Ipv4Addr,
    /// The tunnel's address at the other end.
    pub underlay_remote: Ipv4Addr,
}

/// The veth pair between a node's namespace and one of its virtual routers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortPlan {
    /// The end in the node's namespace.
    pub node_interface: InterfaceName,
    /// The end in the virtual router's namespace.
    pub router_interface: InterfaceName,
    /// The node's address, a /31, even.
    pub node_address: Ipv4Net,
    /// The virtual router's address, a /31, odd.
    pub router_address: Ipv4Net,
    /// MTU in bytes: the smallest of the virtual network's links, so that the border itself answers to a customer whose
    /// packets are too big.
    pub mtu: u16,
}

/// A physical link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkPlan {
    /// Its number, 1 to 65535.
    pub number: u16,
    /// The end that comes first by node and interface name.
    pub a: LinkEndPlan,
    /// The other end.
    pub b: LinkEndPlan,
    /// IGP metric in both directions.
    pub metric: u16,
    /// One-way propagation delay, where the file gives one.
    #[serde(rename = "delay_us", serialize_with = "serialize::microseconds")]
    pub delay: Option<Duration>,
    /// MTU of the physical link in bytes.
    pub mtu: u16,
    /// MTU of the virtual links on it in bytes.
    pub vn_mtu: u16,
    /// The virtual networks that run over it.
    pub vns: Vec<VnId>,
}

/// One end of a physical link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkEndPlan {
    /// The node.
    pub node: NodeName,
    /// The interface on it.
    pub interface: InterfaceName,
    /// Its address in the underlay; see [`UnderlayInterface::address`].
    pub underlay_address: Ipv4Net,
    /// Its /31 in every virtual network over this link.
    pub vn_address: Ipv4Net,
}

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VnPlan {
    /// Its id, 1 to 255.
    pub id: VnId,
    /// Its name.
    pub name: VnName,
    /// What routes it.
    pub engine: Engine,
    /// The engine's code base: VNs of one code base share one vote.
    pub code_base: &'static str,
    /// The routing protocol.
    pub protocol: &'static str,
    /// Its [`crate::layout_class`] while no link is down; hexadecimal in JSON.
    #[serde(serialize_with = "serialize::hex")]
    pub layout_class: u64,
    /// Numbers of the links that it runs over, ascending.
    pub links: Vec<u16>,
}

/// A customer host, as a lab makes one for each attached prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostPlan {
    /// Its name: `<node>-host`, for a node's second prefix `<node>-host-2`, …
    pub name: String,
    /// The node behind which it stands.
    pub node: NodeName,
    /// Its namespace.
    pub namespace: String,
    /// Its only interface.
    pub interface: InterfaceName,
    /// Its address with the prefix's length.
    pub address: Ipv4Net,
    /// Its default gateway: the node's address on the customer interface.
    pub gateway: Ipv4Addr,
    /// The attached prefix.
    pub prefix: Ipv4Net,
    /// The node's interface towards it.
    pub customer_interface: InterfaceName,
}
