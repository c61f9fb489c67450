//! What one virtual router should do, in no engine's language.

use std::{net::Ipv4Addr, time::Duration};

use braid_proto::{InterfaceName, NodeName};
use ipnet::Ipv4Net;

/// The metric at which attached prefixes are announced, the same in every engine, so that totals compare: an OSPF stub
/// network (RFC 2328 §12.4.1), IS-IS wide (RFC 5305 §4). Not an OSPF external: ospfd computes those only a second after
/// all other routes, and drops packets meanwhile.
pub const ATTACHED_METRIC: u16 = 20;

/// The kernel's route protocol number of the static routes to attached prefixes; an engine announces only those.
pub const ATTACHED_PROTOCOL: u8 = 76;

/// Hellos that may be missed before a neighbour counts as gone: four in OSPF, three in IS-IS.
pub(crate) const OSPF_DEAD_HELLOS: u64 = 4;

/// What one virtual router should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterIntent {
    /// The node; the engine's host name.
    pub node: NodeName,
    /// The /32 on `lo`, announced; also the router id, and what the IS-IS system id is made of.
    pub loopback: Ipv4Addr,
    /// The virtual links, all point-to-point.
    pub links: Vec<LinkIntent>,
    /// The interface towards the node, on borders.
    pub port: Option<InterfaceName>,
    /// The prefixes that this router announces. Their routes are in the kernel already.
    pub attached: Vec<Ipv4Net>,
    /// Interval between hellos, in whole seconds from 1.
    pub hello: Duration,
}

/// One virtual link of a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkIntent {
    /// The interface.
    pub interface: InterfaceName,
    /// Our address and the link's prefix.
    pub address: Ipv4Net,
    /// IGP metric.
    pub metric: u16,
    /// MTU in bytes.
    pub mtu: u16,
}

impl RouterIntent {
    /// The hello interval in seconds, at least 1.
    pub(crate) fn hello_s(&self) -> u64 {
        self.hello.as_secs().max(1)
    }
}
