//! What a router wants done, and what it has to tell.

use std::{fmt, net::Ipv4Addr};

use braid_ospf_packet::RouterId;
use braid_ospf_route::PathKind;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{Event, InterfaceId};

/// What a router wants done. See [`crate::Instance::poll_output`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send this OSPF packet.
    Transmit {
        /// By this interface. A packet of a virtual link leaves by the first interface on its way, and the network
        /// forwards it.
        interface: InterfaceId,
        /// IP source.
        source: Ipv4Addr,
        /// IP destination.
        destination: Ipv4Addr,
        /// IP time to live.
        ttl: u8,
        /// The bytes behind the IP header.
        payload: Vec<u8>,
    },
    /// The differences of one complete computation of the routes.
    Routes(Vec<RouteUpdate>),
    /// The multicast groups that this interface should be in from now on.
    Groups {
        /// Which.
        interface: InterfaceId,
        /// 224.0.0.5.
        all_routers: bool,
        /// 224.0.0.6.
        designated: bool,
    },
    /// Something worth a line in a log.
    Event(Event),
}

/// The way to a destination is new, other, or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteUpdate {
    /// The destination.
    pub prefix: Ipv4Net,
    /// The route from now on, `None`: there is none any more.
    pub route: Option<InstalledRoute>,
}

/// A route as a kernel needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRoute {
    /// The destination.
    pub prefix: Ipv4Net,
    /// Which kind of path it is.
    pub kind: PathKind,
    /// Cost; of a type 2 external the cost to the router that announces it.
    pub cost: u32,
    /// The announced metric of a type 2 external, else 0.
    pub type2_cost: u32,
    /// External route tag.
    pub tag: u32,
    /// Interfaces and gateways, sorted, none twice; no gateway: the destination is on the link. Empty: drop the packets
    /// (a discard route).
    pub next_hops: Vec<(InterfaceId, Option<Ipv4Addr>)>,
    /// Whose LSA announced it.
    pub origin: RouterId,
}

impl InstalledRoute {
    /// The destination is attached to this router, so the kernel has a route already.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.next_hops.is_empty() && self.next_hops.iter().all(|(_, gateway)| gateway.is_none())
    }

    /// Packets to it are dropped.
    #[must_use]
    pub fn is_discard(&self) -> bool {
        self.next_hops.is_empty()
    }
}

impl fmt::Display for InstalledRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cost {}", self.prefix, self.cost)?;
        for (interface, gateway) in &self.next_hops {
            match gateway {
                Some(gateway) => write!(f, " via {gateway} {interface}")?,
                None => write!(f, " on {interface}")?,
            }
        }
        Ok(())
    }
}
