//! Verdicts: what becomes of the packets to a prefix that enter a VN at a border.

use std::{net::Ipv4Addr, sync::Arc};

use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::{InterfaceId, NodeId};

/// What a node does with a packet, by its FIB.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sends it out of one of these interfaces (several: ECMP, any of them). None at all is a dead next hop.
    Forward(Vec<InterfaceId>),
    /// Hands it out of the VN's port; the border lets it out where the prefix is attached, and nowhere else.
    Deliver,
    /// Takes it for itself.
    Local,
    /// Drops it.
    Drop(DropReason),
}

/// Why a node drops a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No route covers the address.
    NoRoute,
    /// A blackhole route.
    Blackhole,
    /// An unreachable route.
    Unreachable,
    /// A prohibit route.
    Prohibited,
    /// The next hop's interface is down at either end, or leads nowhere the verifier knows.
    DeadNextHop,
    /// It leaves the port of a node at which no attached prefix covers the address; the border refuses it there.
    NotAttached,
}

impl DropReason {
    pub(crate) const ALL: [Self; 6] = [
        Self::NoRoute,
        Self::Blackhole,
        Self::Unreachable,
        Self::Prohibited,
        Self::DeadNextHop,
        Self::NotAttached,
    ];
}

/// The union over every address of a prefix, and every branch of ECMP, of what becomes of a packet.
///
/// All lists are sorted and hold no doubles. All of them are empty only where more specific prefixes of interest cover the
/// whole of the prefix, so that no address of it is judged by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The nodes at which it may be delivered.
    pub egress: Vec<NodeId>,
    /// The loops it may enter: each the nodes in the order of travel, beginning with the smallest number. Of loops that share
    /// nodes, one is shown.
    pub loops: Vec<Vec<NodeId>>,
    /// The nodes at which it may be dropped, and why.
    pub drops: Vec<(NodeId, DropReason)>,
    /// The nodes it may reach whose FIB is not known.
    pub unknown: Vec<NodeId>,
    /// Whether parts of the prefix fare differently (a hole, say).
    pub partial: bool,
}

/// A [`Verdict`] in a word: the first of these that some packet may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Summary {
    /// Some packets loop.
    Loops,
    /// Some packets are dropped.
    Dropped,
    /// Some packets pass a node whose FIB is not known; of the others, all are delivered.
    Unknown,
    /// Every packet is delivered, at one of the egress nodes.
    Delivers,
}

impl Verdict {
    /// The verdict in a word. No address to judge counts as unknown.
    #[must_use]
    pub fn summary(&self) -> Summary {
        if !self.loops.is_empty() {
            Summary::Loops
        } else if !self.drops.is_empty() {
            Summary::Dropped
        } else if !self.unknown.is_empty() || self.egress.is_empty() {
            Summary::Unknown
        } else {
            Summary::Delivers
        }
    }
}

/// A verdict that is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The VN.
    pub vn: VnId,
    /// The prefix of interest: an attached prefix or a loopback.
    pub prefix: Ipv4Net,
    /// The border at which packets enter the VN.
    pub ingress: NodeId,
    /// What becomes of them now.
    pub verdict: Arc<Verdict>,
}

/// The ways packets to a prefix take, for display.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// The parts of the prefix that the FIBs tell apart, by address; usually one.
    pub parts: Vec<PathPart>,
    /// Whether the limit cut something off.
    pub truncated: bool,
}

/// The ways of one range of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPart {
    /// The first address of the range.
    pub first: Ipv4Addr,
    /// The last address of the range.
    pub last: Ipv4Addr,
    /// Every node that a packet may pass, nearest first, beginning with the ingress.
    pub hops: Vec<Hop>,
    /// What becomes of these packets.
    pub verdict: Arc<Verdict>,
}

/// A node on the way, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The node.
    pub node: NodeId,
    /// What it does with the packet.
    pub step: HopStep,
}

/// What a node on the way does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopStep {
    /// Sends it on by one of these.
    Forward(Vec<HopEdge>),
    /// Delivers it.
    Deliver,
    /// Drops it.
    Drop(DropReason),
    /// Its FIB is not known.
    Unknown,
}

/// One next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HopEdge {
    /// The interface.
    pub interface: InterfaceId,
    /// The node it leads to; none where the next hop is dead.
    pub next: Option<NodeId>,
}
