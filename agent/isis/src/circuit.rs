//! A circuit: its neighbours, its designated routers, and what is still to be sent on it.

use std::{collections::BTreeMap, fmt};

use braid_isis_packet::{CircuitType, LanId, Level, SystemId};
use serde::{Deserialize, Serialize};

use crate::{
    Adjacency, CircuitConfig, CircuitKind, Instant, PerLevel, Rejection, adjacency::Mac, flooding::Flooding,
    rate::Bucket,
};

/// A circuit's number: the kernel's interface index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CircuitId(pub u32);

/// A circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// Its number.
    pub id: CircuitId,
    /// Its configuration.
    pub config: CircuitConfig,
    /// The levels at which it speaks; `None` of a passive circuit or loopback.
    pub levels: Option<CircuitType>,
    /// Its number in hellos, which also is that of its pseudonodes; 1 to 255, 0 of a circuit that does not
    /// speak.
    pub local_id: u8,
    /// Whether it has a carrier.
    pub up: bool,
    /// Its own address on the data link.
    pub mac: Mac,
    /// The neighbour of a point-to-point circuit.
    pub neighbour: Option<Adjacency>,
    /// What a broadcast circuit has for each level.
    pub lans: PerLevel<Lan>,
    /// What it counts.
    pub counters: CircuitCounters,
    pub(crate) flooding: PerLevel<Flooding>,
    /// When to say hello: on a point-to-point circuit, the first only.
    pub(crate) hello_at: PerLevel<Option<Instant>>,
    /// When to send complete sequence numbers: in turn as a designated router; to the neighbour of a point-to-point circuit at
    /// once, and then now and then.
    pub(crate) csnp_at: PerLevel<Option<Instant>>,
    pub(crate) received_rate: Bucket,
    pub(crate) prompt_hellos: Bucket,
    pub(crate) helps: Bucket,
    /// When an operator was last told of rejections of a kind.
    pub(crate) told: BTreeMap<Rejection, Instant>,
}

/// A broadcast circuit at one level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lan {
    /// Its neighbours.
    pub neighbours: BTreeMap<Mac, Adjacency>,
    /// Its pseudonode, once a designated router is elected and has named it.
    pub designated: Option<LanId>,
    /// No election before.
    pub(crate) election_at: Instant,
    /// Whether an election may end otherwise than the last.
    pub(crate) electorate_changed: bool,
}

/// What a circuit counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CircuitCounters {
    /// PDUs received.
    pub received: u64,
    /// PDUs sent.
    pub sent: u64,
    /// LSPs received.
    pub lsps_received: u64,
    /// LSPs sent.
    pub lsps_sent: u64,
    /// LSPs sent again for want of an acknowledgment.
    pub retransmitted: u64,
    /// Adjacencies that came up.
    pub adjacencies_up: u64,
    /// One-way neighbours that made room for others at the limit.
    pub evicted: u64,
    /// PDUs not taken, by reason.
    pub rejected: BTreeMap<Rejection, u64>,
}

impl Circuit {
    /// Whether it speaks at a level.
    pub fn has(&self, level: Level) -> bool {
        self.levels.is_some_and(|levels| levels.has(level))
    }

    /// Whether it is a LAN.
    pub fn is_broadcast(&self) -> bool {
        self.config.kind == CircuitKind::Broadcast
    }

    /// Whether it is up and speaks at a level.
    pub fn is_active(&self, level: Level) -> bool {
        self.up && self.has(level)
    }

    /// All neighbours at a level.
    pub fn neighbours(&self, level: Level) -> impl Iterator<Item = &Adjacency> {
        self.neighbour
            .iter()
            .filter(move |adjacency| adjacency.levels.has(level))
            .chain(self.lans[level].neighbours.values())
    }

    /// Those whose adjacency is up.
    pub fn adjacencies(&self, level: Level) -> impl Iterator<Item = &Adjacency> {
        self.neighbours(level).filter(|adjacency| adjacency.is_up())
    }

    /// Whether a LAN's designated router is this one.
    pub fn is_designated(&self, level: Level, own: SystemId) -> bool {
        self.lans[level].designated.is_some_and(|lan| lan.system == own)
    }

    /// The neighbour that sends from an address, on a LAN; on a point-to-point circuit, the neighbour.
    pub(crate) fn sender(&self, level: Level, source: Mac) -> Option<&Adjacency> {
        if self.is_broadcast() {
            return self.lans[level].neighbours.get(&source);
        }
        self.neighbour.as_ref().filter(|adjacency| adjacency.levels.has(level))
    }
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit {}", self.0)
    }
}
