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

/// Hellos that may be missed before a neighbour counts as gone in OSPF (RFC 2328 §C.3).
pub(crate) const OSPF_DEAD_HELLOS: u64 = 4;

/// The same in IS-IS (ISO 10589 §8.4.1).
pub(crate) const ISIS_HELLO_MULTIPLIER: u8 = 3;

/// The longest LSP in bytes. It must fit every link of the area, also those that this router does not see (ISO 10589 §7.3.4.1),
/// so it is the same everywhere: below the smallest MTU of a virtual link, 1280 - 50, and the 3 bytes of an IEEE 802.2 header.
pub(crate) const ISIS_LSP_MTU: u16 = 1200;

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
    /// The network entity title of IS-IS: area 49.0001, and the system id in which many networks write a router's IPv4 address,
    /// 100.64.0.1 as 1000.6400.0001.
    pub(crate) fn net(&self) -> String {
        let digits: String = self.loopback.octets().iter().map(|octet| format!("{octet:03}")).collect();
        format!("49.0001.{}.{}.{}.00", &digits[..4], &digits[4..8], &digits[8..])
    }

    /// The hello interval in seconds, at least 1.
    pub(crate) fn hello_s(&self) -> u64 {
        self.hello.as_secs().max(1)
    }
}
