//! What the control socket is asked, and what it answers.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf_route::PathKind;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::RouteNextHop;

/// A question; besides these, the shell answers `{"ask":"kernel"}` and `{"ask":"reload"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Question {
    /// A list of [`Neighbour`].
    Neighbours,
    /// A list of [`InterfaceStatus`].
    Interfaces,
    /// A list of [`DatabaseEntry`].
    Database,
    /// A list of [`Route`].
    Routes,
    /// A map of names and numbers.
    Counters,
    /// A [`Running`].
    Running,
    /// An [`Announcement`], or `null`.
    Announced {
        /// Of exactly this prefix.
        prefix: Ipv4Net,
    },
    /// A [`crate::Convergence`].
    Converged,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its router id.
    pub router_id: Ipv4Addr,
    /// Its address on the link.
    pub address: Ipv4Addr,
    /// Our interface towards it.
    pub interface: String,
    /// RFC 2328 §10.1.
    pub state: String,
    /// Whether it is Full.
    pub adjacent: bool,
    /// Its wish to be designated router.
    pub priority: u8,
    /// The designated router that it names.
    pub designated_router: Ipv4Addr,
    /// The backup that it names.
    pub backup: Ipv4Addr,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// Its area.
    pub area: Ipv4Addr,
    /// Our address on it.
    pub address: Ipv4Net,
    /// What it is: point-to-point, broadcast, loopback.
    pub network: String,
    /// RFC 2328 §9.1.
    pub state: String,
    /// Its metric.
    pub cost: u16,
    /// HelloInterval in seconds.
    pub hello_s: u64,
    /// RouterDeadInterval in seconds.
    pub dead_s: u64,
    /// Whether nobody is spoken to on it.
    pub passive: bool,
    /// Neighbours heard.
    pub neighbours: usize,
    /// Those that are Full.
    pub adjacencies: usize,
    /// The designated router's address.
    pub designated_router: Ipv4Addr,
    /// The backup's address.
    pub backup: Ipv4Addr,
}

/// An LSA of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseEntry {
    /// Its area; none if the whole AS has it, or one link.
    pub area: Option<Ipv4Addr>,
    /// `router`, `network`, `summary`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its link state id.
    pub id: Ipv4Addr,
    /// Who says it.
    pub advertising_router: Ipv4Addr,
    /// Its age in seconds.
    pub age: u16,
    /// Its sequence number.
    pub sequence: i32,
    /// Its checksum.
    pub checksum: u16,
    /// Its length in bytes.
    pub length: u16,
    /// All of it, as `braid debug routes` reads it.
    pub hex: String,
}

impl DatabaseEntry {
    /// The line that [`super::routes_from_hex`] reads.
    #[must_use]
    pub fn line(&self) -> String {
        match self.area {
            Some(area) => format!("area {area} {}", self.hex),
            None => self.hex.clone(),
        }
    }
}

/// The LSA that the route to a prefix stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// As of a [`DatabaseEntry`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Its link state id.
    pub id: Ipv4Addr,
    /// Who says it.
    pub advertising_router: Ipv4Addr,
    /// Its sequence number.
    pub sequence: i32,
    /// Its age in seconds.
    pub age: u16,
}

/// The metric of an external of type 2; other routes have none.
pub(super) fn type2_cost(kind: PathKind, cost: u32) -> Option<u32> {
    (kind == PathKind::External2).then_some(cost)
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// `intra-area`, `inter-area`, `external-1`, `external-2`.
    pub kind: String,
    /// Its metric; with external type 2 the part inside the AS.
    pub cost: u32,
    /// The metric of an external of type 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type2_cost: Option<u32>,
    /// The tag of an external.
    pub tag: u32,
    /// The ways.
    pub next_hops: Vec<RouteNextHop>,
}

/// What the engine does, as far as a configuration decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The router's id.
    pub router_id: Ipv4Addr,
    /// All interfaces that it knows, also those that are not there.
    pub interfaces: Vec<InterfaceStatus>,
    /// The prefixes announced with interfaces, beside their own, each with its metric: as in the router's own LSAs.
    pub announced: BTreeMap<Ipv4Net, u16>,
    /// Whether others are told to forward around this router (RFC 6987).
    pub stub_router: bool,
}
