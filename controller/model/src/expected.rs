//! What the model says.

use std::{collections::BTreeSet, net::Ipv4Addr};

use braid_proto::{InterfaceName, NodeName};

/// Where a node ought to send packets for a prefix, and where they ought to come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The borders that ought to deliver: the nearest owner of the prefix, and all that are equally near. Never empty.
    pub egress: BTreeSet<NodeName>,
    /// The sum of metrics to them; 0 at an owner.
    pub distance: u32,
    /// The first hops of all shortest paths; the port at an owner. Never empty.
    pub next_hops: BTreeSet<NextHop>,
    /// The [revision](crate::Model::revision) since which all of the above holds.
    pub since: u64,
    /// The revision since which `egress` holds; at most `since`.
    pub egress_since: u64,
}

/// A next hop, as a virtual router's FIB names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// The interface in the virtual router: a virtual link, or the port.
    pub interface: InterfaceName,
    /// The address at its other end.
    pub gateway: Ipv4Addr,
}
