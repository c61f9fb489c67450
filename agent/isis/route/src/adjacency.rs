//! What the decision process is told of the router itself.

use std::net::Ipv4Addr;

use braid_isis_packet::{LanId, Level, SystemId};
use serde::{Deserialize, Serialize};

use crate::NextHop;

/// Which advertisements count: those with six bits of metric (ISO 10589, RFC 1195), those with 24 and 32 (RFC 5305).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum MetricStyle {
    /// TLVs 2, 128 and 130. Paths of more than 1023 are none (ISO 10589 §7.2.6, MaxPathMetric).
    Narrow,
    /// TLVs 22 and 135.
    #[default]
    Wide,
    /// All of them; where the same thing is advertised twice, the smaller metric counts.
    Both,
}

/// What the operator chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The most next hops of a route, 1 to 64; beyond it the least (circuit, gateway) stay. Others are taken as the
    /// nearest bound.
    pub max_paths: usize,
    /// Which advertisements count.
    pub metrics: MetricStyle,
}

impl Settings {
    /// The most next hops that a route can have.
    pub const MAX_PATHS: usize = 64;
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { max_paths: 16, metrics: MetricStyle::Wide }
    }
}

/// An adjacency of this router that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Adjacency {
    /// The level that it is up at.
    pub level: Level,
    /// What our LSP lists for it: on a point-to-point circuit the router, on a LAN the pseudonode of the LAN's DIS.
    pub neighbour: LanId,
    /// The router at the other side.
    pub router: SystemId,
    /// The circuit's number, as it shall be in [`NextHop::circuit`].
    pub circuit: u32,
    /// The router's address on the circuit.
    pub gateway: Option<Ipv4Addr>,
    /// The circuit's metric at this level, 0 to 16,777,215; the greatest keeps it out of use (RFC 5305 §3).
    pub metric: u32,
}

impl Adjacency {
    pub(crate) fn next_hop(&self) -> NextHop {
        NextHop { circuit: self.circuit, gateway: self.gateway }
    }
}
