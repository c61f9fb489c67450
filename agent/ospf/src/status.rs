//! What can be asked of a router.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

use braid_ospf_originate::InterfaceState;
use braid_ospf_packet::{AreaId, RouterId};
use braid_ospf_route::{Domain, Work};
use serde::{Deserialize, Serialize};

use crate::{Instant, InterfaceId, LimitKind, Refusal};

/// How far an LSA is flooded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FloodingDomain {
    /// One link (opaque type 9).
    Link(InterfaceId),
    /// One area.
    Area(AreaId),
    /// All ordinary areas.
    As,
}

impl From<Domain> for FloodingDomain {
    fn from(domain: Domain) -> Self {
        match domain {
            Domain::Area(area) => Self::Area(area),
            Domain::As => Self::As,
        }
    }
}

impl FloodingDomain {
    /// The part of the database that bears on routes, if it does.
    #[must_use]
    pub fn routing(self) -> Option<Domain> {
        match self {
            Self::Link(_) => None,
            Self::Area(area) => Some(Domain::Area(area)),
            Self::As => Some(Domain::As),
        }
    }
}

impl fmt::Display for FloodingDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(interface) => write!(f, "link {interface}"),
            Self::Area(area) => write!(f, "area {area}"),
            Self::As => f.write_str("AS"),
        }
    }
}

/// State of a conversation with a neighbour (RFC 2328 §10.1). Attempt is for networks without broadcast only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NeighbourState {
    /// Nothing heard of late.
    #[default]
    Down,
    /// Hellos heard that do not name us.
    Init,
    /// Each hears the other.
    TwoWay,
    /// Deciding who leads the exchange.
    ExStart,
    /// Describing databases.
    Exchange,
    /// Asking for what is missing.
    Loading,
    /// Fully adjacent.
    Full,
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "Down",
            Self::Init => "Init",
            Self::TwoWay => "2-Way",
            Self::ExStart => "ExStart",
            Self::Exchange => "Exchange",
            Self::Loading => "Loading",
            Self::Full => "Full",
        })
    }
}

/// A neighbour, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourStatus {
    /// On this interface.
    pub interface: InterfaceId,
    /// Its name.
    pub interface_name: String,
    /// The interface's area.
    pub area: AreaId,
    /// Its router id.
    pub router_id: RouterId,
    /// Where its hellos come from.
    pub address: Ipv4Addr,
    /// The state.
    pub state: NeighbourState,
    /// Since when.
    pub since: Instant,
    /// Its priority.
    pub priority: u8,
    /// Whom it takes for the designated router.
    pub dr: Ipv4Addr,
    /// Whom it takes for the backup.
    pub backup: Ipv4Addr,
    /// When it is given up if nothing more is heard.
    pub dead_at: Instant,
    /// LSAs that it has not acknowledged.
    pub retransmissions: usize,
    /// LSAs that we still want from it.
    pub requests: usize,
    /// We help its graceful restart.
    pub helped: bool,
}

/// An interface, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Which.
    pub interface: InterfaceId,
    /// Its name.
    pub name: String,
    /// Its area.
    pub area: AreaId,
    /// Own address.
    pub address: Ipv4Addr,
    /// State.
    pub state: InterfaceState,
    /// Output cost.
    pub cost: u32,
    /// Speaks to nobody.
    pub passive: bool,
    /// Address of the designated router, 0.0.0.0: none.
    pub dr: Ipv4Addr,
    /// Address of the backup.
    pub backup: Ipv4Addr,
    /// Neighbours in Init or better.
    pub neighbours: usize,
    /// Neighbours in Full.
    pub full: usize,
}

/// What has happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets taken in, by type (hello, database description, request, update, acknowledgment).
    pub received: [u64; 5],
    /// Packets sent, by type.
    pub sent: [u64; 5],
    /// Packets refused.
    pub refused: BTreeMap<Refusal, u64>,
    /// Things held back by limits.
    pub limited: BTreeMap<LimitKind, u64>,
    /// LSAs that could not be decoded.
    pub bad_lsas: u64,
    /// LSAs installed.
    pub installed: u64,
    /// LSAs originated, refreshes included.
    pub originated: u64,
    /// LSAs dropped, since they came too soon after their last change.
    pub too_soon: u64,
    /// LSAs sent again.
    pub retransmitted: u64,
    /// Computations of the routes.
    pub computations: u64,
    /// What those cost, added up.
    pub work: Work,
}
