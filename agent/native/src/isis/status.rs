//! What the control socket is asked, and what it answers.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_isis_packet::{LanId, LspId, Net, SystemId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Level, MetricStyle};
use crate::RouteNextHop;

/// A question; besides these, the shell answers those of [`crate::ShellQuestion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Question {
    /// A list of [`Neighbour`].
    Neighbours,
    /// A list of [`CircuitStatus`].
    Circuits,
    /// A list of [`DatabaseEntry`].
    Database,
    /// A list of [`Route`].
    Routes,
    /// A list of names and numbers.
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

/// A neighbour; on a broadcast circuit, one for each level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its system id.
    pub system_id: SystemId,
    /// Its name, where its LSPs tell one (RFC 5301).
    pub host_name: Option<String>,
    /// Our interface towards it.
    pub interface: String,
    /// Its address on the circuit.
    pub address: Option<Ipv4Addr>,
    /// The levels of the adjacency: `level-1`, `level-2`, `level-1-2`.
    pub levels: String,
    /// `Initialising` or `Up`.
    pub state: String,
    /// Whether it is Up.
    pub adjacent: bool,
    /// How long it may stay silent from now on, in milliseconds.
    pub hold_ms: u64,
    /// Its wish to be designated router.
    pub priority: u8,
    /// The designated router's LAN that it names; none on a point-to-point circuit.
    pub lan_id: Option<LanId>,
}

/// A circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitStatus {
    /// Its interface.
    pub name: String,
    /// Our addresses on it.
    pub addresses: Vec<Ipv4Net>,
    /// What it is: point-to-point, broadcast, loopback.
    pub network: String,
    /// The levels that it has, of those that it is told to have and those of the router.
    pub level: Level,
    /// `up`, `down`, or `absent` if there is no such interface.
    pub state: String,
    /// Its metric and designated router at level 1.
    pub level_1: LevelStatus,
    /// The same at level 2.
    pub level_2: LevelStatus,
    /// Time between hellos, in milliseconds.
    pub hello_ms: u64,
    /// How long neighbours wait for us, in milliseconds.
    pub hold_ms: u64,
    /// The largest frame, in bytes.
    pub mtu: u16,
    /// Whether nobody is spoken to on it.
    pub passive: bool,
    /// Neighbours heard.
    pub neighbours: usize,
    /// Those that are Up.
    pub adjacencies: usize,
}

/// A circuit at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LevelStatus {
    /// Its metric.
    pub metric: u32,
    /// The pseudonode, once a designated router has named it.
    pub designated: Option<LanId>,
}

/// An LSP of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseEntry {
    /// Its level, 1 or 2.
    pub level: u8,
    /// Its id.
    pub id: LspId,
    /// The name of the router that says it.
    pub host_name: Option<String>,
    /// Its sequence number.
    pub sequence: u32,
    /// Its checksum.
    pub checksum: u16,
    /// How long it is valid still, in seconds; 0 of a purged one.
    pub lifetime: u16,
    /// Its length in bytes.
    pub length: usize,
    /// Whether its router leads out of the area.
    pub attached: bool,
    /// Whether others are to forward around its router.
    pub overload: bool,
    /// What it says that is carried to others, and that no route here is computed from: IPv6 (RFC 5308), topologies beside that
    /// of IPv4 (RFC 5120). In words, one for each entry.
    #[serde(default)]
    pub carried: Vec<String>,
    /// All of it, as `braid debug routes` reads it.
    pub hex: String,
}

/// The LSP that the route to a prefix stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The level that the route was computed at, 1 or 2.
    pub level: u8,
    /// Its id.
    pub id: LspId,
    /// The name of the router that says it.
    pub host_name: Option<String>,
    /// Its sequence number.
    pub sequence: u32,
    /// How long it is valid still, in seconds.
    pub lifetime: u16,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// The level that it was computed at, 1 or 2.
    pub level: u8,
    /// How it is reached, in the words of RFC 5302: `level 1`, `level 2`, `level 1, leaked`, …
    pub kind: String,
    /// Its metric.
    pub metric: u32,
    /// The ways; none: this router itself announces it.
    pub next_hops: Vec<RouteNextHop>,
    /// The LSP that announces it.
    pub origin: LspId,
}

/// What the engine does, as far as a configuration decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its network entity titles.
    pub nets: Vec<Net>,
    /// Its levels.
    pub level: Level,
    /// Its name.
    pub host_name: Option<String>,
    /// The metrics that it announces and counts.
    pub metric_style: MetricStyle,
    /// The greatest LSP that it says, in bytes.
    pub lsp_mtu: u16,
    /// Whether others are told to forward around it.
    pub overload: bool,
    /// All circuits that it knows, also those that are not there.
    pub circuits: Vec<CircuitStatus>,
    /// The prefixes announced beside the circuits' own subnets, each with its metric: as in the router's own LSPs.
    pub announced: BTreeMap<Ipv4Net, u32>,
}
