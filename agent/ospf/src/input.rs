//! All that can happen to a router, and recordings of it.

use std::net::Ipv4Addr;

use braid_ospf_packet::{LsType, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{Config, External, FloodingDomain, InterfaceId};

/// All that can happen to a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An OSPF packet came in. Packets for virtual links come by the interface that they arrived on.
    Packet {
        /// Where.
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
    /// The time that `poll_timeout` named has come. Harmless at any other time.
    Timeout,
    /// An interface can pass packets from now on, or cannot. Interfaces start without carrier.
    Carrier {
        /// Which.
        interface: InterfaceId,
        /// It can.
        up: bool,
    },
    /// Become this. What does not differ is left alone. A contradicting configuration is refused by an event.
    Configure(Box<Config>),
    /// Bring an external route in, or take it back.
    External {
        /// The destination.
        prefix: Ipv4Net,
        /// The route, `None` to take it back.
        route: Option<External>,
    },
    /// Originate an opaque LSA (RFC 5250), or take it back.
    Opaque {
        /// Type 9 with [`FloodingDomain::Link`], 10 with `Area`, 11 with `As`; others are refused.
        domain: FloodingDomain,
        /// The opaque type.
        opaque_type: u8,
        /// The opaque id, 24 bits.
        id: u32,
        /// The contents, `None` to take it back.
        data: Option<Vec<u8>>,
    },
    /// Flush own LSAs and end all adjacencies. Nothing happens any more after it, but for polls.
    Leave,
}

/// An opaque LSA's place: type by domain, and the link state id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct OpaqueKey {
    pub domain: FloodingDomain,
    pub link_state_id: Ipv4Addr,
}

impl OpaqueKey {
    pub fn new(domain: FloodingDomain, opaque_type: u8, id: u32) -> Self {
        Self { domain, link_state_id: Ipv4Addr::from(u32::from(opaque_type) << 24 | id & 0xff_ffff) }
    }

    pub fn ls_type(self) -> LsType {
        match self.domain {
            FloodingDomain::Link(_) => LsType::OpaqueLink,
            FloodingDomain::Area(_) => LsType::OpaqueArea,
            FloodingDomain::As => LsType::OpaqueAs,
        }
    }

    pub fn key(self, router: RouterId) -> braid_ospf_packet::LsaKey {
        braid_ospf_packet::LsaKey::new(self.ls_type(), self.link_state_id, router)
    }
}
