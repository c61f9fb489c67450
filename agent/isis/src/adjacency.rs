//! A neighbour on a circuit.

use std::{net::Ipv4Addr, time::Duration};

use braid_isis_packet::{AreaAddress, CircuitType, LanId, SystemId};
use serde::{Deserialize, Serialize};

use crate::Instant;

/// An address of the data link.
pub type Mac = [u8; 6];

/// How far a neighbour and this router have come (ISO 10589 §8.2.4, §8.4.2; RFC 5303 §3.2). Without an entry:
/// down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AdjacencyState {
    /// It is heard, but not known to hear us.
    Initialising,
    /// Each hears the other.
    Up,
}

/// A neighbour on a circuit; on a LAN, one for each level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjacency {
    /// Its system id.
    pub system: SystemId,
    /// Its address on the data link.
    pub mac: Mac,
    /// The levels of the adjacency.
    pub levels: CircuitType,
    /// How far it is.
    pub state: AdjacencyState,
    /// The neighbour's area addresses.
    pub areas: Vec<AreaAddress>,
    /// Its IPv4 addresses on the circuit, the one to send to first.
    pub addresses: Vec<Ipv4Addr>,
    /// How long it may be silent.
    pub hold: Duration,
    /// When it is gone, unless heard before.
    pub expires: Instant,
    /// When it came up.
    pub up_since: Option<Instant>,
    /// Its priority as a designated router; 0 on a point-to-point circuit.
    pub priority: u8,
    /// The LAN id that it announces; on a point-to-point circuit, its system id.
    pub lan_id: LanId,
    /// Its number of the circuit in the three-way handshake.
    pub extended_circuit: Option<u32>,
    /// Whether it has taken part in a three-way handshake.
    pub three_way: bool,
    /// Whether it has started anew and is helped to keep the adjacency (RFC 5306 §3.2.1).
    pub restarting: bool,
}

impl Adjacency {
    /// Whether it counts in the graph.
    pub fn is_up(&self) -> bool {
        self.state == AdjacencyState::Up
    }

    /// What becomes of an adjacency that was up, as its router has started anew and asks to keep it (RFC 5306 §3.2.1): it stays,
    /// for what is left of one hold time however often it asks, until a hello of the usual kind.
    pub(crate) fn restart(&mut self, old: &Self) {
        (self.state, self.restarting) = (AdjacencyState::Up, true);
        if old.restarting {
            self.expires = old.expires;
        }
        // On a LAN it does not know what it said before.
        (self.priority, self.lan_id) = (old.priority, old.lan_id);
    }

    /// Where packets for it go.
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        self.addresses.first().copied()
    }
}
