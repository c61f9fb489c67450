//! What origination yields: LSAs to be, discard routes, and what could not be said.

use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, LsType, LsaBody, LsaKey, Options, RouterId};
use braid_ospf_route::Domain;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// One LSA that the router should have in the database now. Age, sequence number and checksum are the flooding's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it is flooded.
    pub domain: Domain,
    /// Its type.
    pub ls_type: LsType,
    /// Its link state id.
    pub link_state_id: Ipv4Addr,
    /// Its options.
    pub options: Options,
    /// What it says.
    pub body: LsaBody,
}

impl Origin {
    /// The key in the database, given who originates.
    #[must_use]
    pub fn key(&self, advertising_router: RouterId) -> LsaKey {
        LsaKey { ls_type: self.ls_type, link_state_id: self.link_state_id, advertising_router }
    }
}

/// A route that must drop its packets: more specific networks of an announced range are gone, and a packet to them
/// would come back by a default route (RFC 2328 §12.4.3, RFC 3101 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Discard {
    /// The range.
    pub prefix: Ipv4Net,
    /// The area whose networks it sums up.
    pub area: AreaId,
    /// The metric that it is announced with.
    pub cost: u32,
}

/// Something that could not be said in full. The rest is said nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Problem {
    /// A router-LSA has one size limit for all links of an area.
    #[error(
        "router-LSA of area {area}: no room for {omitted} of {links} links; stub networks are left out first, so announce fewer prefixes in this area"
    )]
    RouterLsaTooLong {
        /// The area.
        area: AreaId,
        /// Links that the router has there.
        links: usize,
        /// Links that are left out.
        omitted: usize,
    },
    /// A network has more routers than one network-LSA can list.
    #[error("network-LSA of {address}: no room for {omitted} attached routers; split the network")]
    NetworkLsaTooLong {
        /// The designated router's address.
        address: Ipv4Addr,
        /// Routers that are left out.
        omitted: usize,
    },
    /// Every link state id within the prefix is taken by a more specific one (RFC 2328 appendix E).
    #[error("{prefix}: every link state id within it is taken by host routes; announce fewer of them")]
    NoLinkStateId {
        /// The prefix that is not announced.
        prefix: Ipv4Net,
    },
}

/// All that a router should say, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origination {
    /// The LSAs, sorted by domain and key, none twice.
    pub origins: Vec<Origin>,
    /// Discard routes of active ranges, sorted.
    pub discards: Vec<Discard>,
    /// What is missing, and why.
    pub problems: Vec<Problem>,
}
