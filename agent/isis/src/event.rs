//! What a router tells its operator.

use std::fmt;

use braid_isis_packet::{CircuitType, LanId, Level, LspId, SystemId};
use serde::{Deserialize, Serialize};

use crate::CircuitId;

/// Something an operator may want to know. What others can cause at will is told a bounded
/// number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// An adjacency came up.
    AdjacencyUp {
        /// Where.
        circuit: CircuitId,
        /// Its levels.
        levels: CircuitType,
        /// The neighbour.
        system: SystemId,
    },
    /// An adjacency that was up is gone.
    AdjacencyDown {
        /// Where.
        circuit: CircuitId,
        /// Its levels.
        levels: CircuitType,
        /// The neighbour.
        system: SystemId,
        /// Why.
        reason: DownReason,
    },
    /// A LAN has another designated router, or none.
    DesignatedRouter {
        /// Where.
        circuit: CircuitId,
        /// At which level.
        level: Level,
        /// The pseudonode.
        lan: Option<LanId>,
    },
    /// PDUs of a circuit are not taken.
    Rejected {
        /// Where.
        circuit: CircuitId,
        /// Why.
        reason: Rejection,
    },
    /// Another router has our system id.
    DuplicateSystem {
        /// Where it was heard.
        circuit: CircuitId,
    },
    /// Somebody purged an LSP.
    Purged {
        /// Its level.
        level: Level,
        /// The LSP.
        id: LspId,
        /// Who, if it says (RFC 6232).
        by: Option<SystemId>,
    },
    /// One sequence number stood for two contents; the LSP is purged (ISO 10589 §7.3.16.2).
    Confused {
        /// Its level.
        level: Level,
        /// The LSP.
        id: LspId,
    },
    /// The database is at its limit; LSPs are refused.
    DatabaseFull {
        /// Of which level.
        level: Level,
    },
    /// An LSP does not fit a circuit and cannot be sent there.
    LspTooBig {
        /// The circuit.
        circuit: CircuitId,
        /// The LSP.
        id: LspId,
        /// Its size in bytes.
        size: usize,
        /// The greatest that fits.
        limit: u16,
    },
    /// A PDU cannot be built.
    Unbuildable {
        /// The circuit.
        circuit: CircuitId,
        /// Why.
        error: String,
    },
    /// There are more external routes than the limit; the rest is not announced.
    ExternalsFull,
    /// A new configuration was refused; the one before stands.
    ConfigRefused {
        /// Why.
        error: String,
    },
    /// This router's own LSPs cannot say what they should.
    Origination(crate::origination::Problem),
}

/// Why an adjacency went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownReason {
    /// Silent for its hold time.
    HoldTime,
    /// The carrier is gone.
    Carrier,
    /// The neighbour no longer hears us, or has started anew.
    OneWay,
    /// Another router has taken its place.
    Replaced,
    /// It no longer has a level or an area in common.
    Mismatch,
    /// Our configuration changed.
    Configuration,
}

/// Why a PDU was not taken, or not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rejection {
    /// The circuit is down, passive, or not of this level or kind.
    Circuit,
    /// More PDUs than the limit.
    Rate,
    /// Not a PDU.
    Malformed,
    /// Authentication is missing or wrong.
    Authentication,
    /// No area in common at level 1.
    Area,
    /// No level in common.
    Level,
    /// The neighbour does not route IPv4.
    Protocol,
    /// The three-way handshake is with somebody else.
    ThreeWay,
    /// The hello bears our own system id.
    OwnSystem,
    /// As many neighbours as the limit.
    Adjacencies,
    /// Not from an adjacency that is up.
    NoAdjacency,
    /// The checksum of an LSP is wrong.
    Checksum,
    /// The database is at its limit.
    DatabaseFull,
    /// An LSP to be sent there is too big.
    TooBig,
    /// A PDU to be sent there cannot be built.
    Unbuildable,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdjacencyUp { circuit, levels, system } => {
                write!(f, "{circuit}: {levels} adjacency with {system} is up")
            }
            Self::AdjacencyDown { circuit, levels, system, reason } => {
                write!(f, "{circuit}: {levels} adjacency with {system} is down: {reason}")
            }
            Self::DesignatedRouter { circuit, level, lan: Some(lan) } => {
                write!(f, "{circuit}: {level} designates {} as {lan}", lan.system)
            }
            Self::DesignatedRouter { circuit, level, lan: None } => {
                write!(f, "{circuit}: {level} has no designated router")
            }
            Self::Rejected { circuit, reason } => write!(f, "{circuit}: PDUs are not taken: {reason}"),
            Self::DuplicateSystem { circuit } => {
                write!(f, "{circuit}: another router has this one's system id: give each its own")
            }
            Self::Purged { level, id, by: Some(by) } => write!(f, "{level} LSP {id} was purged by {by}"),
            Self::Purged { level, id, by: None } => write!(f, "{level} LSP {id} was purged"),
            Self::Confused { level, id } => {
                write!(f, "{level} LSP {id} came with two contents under one sequence number, and is purged")
            }
            Self::DatabaseFull { level } => {
                write!(f, "the {level} database is at its limit: LSPs are refused")
            }
            Self::LspTooBig { circuit, id, size, limit } => {
                write!(
                    f,
                    "{circuit}: LSP {id} of {size} bytes cannot be sent: {limit} fit; lower its LSP MTU"
                )
            }
            Self::Unbuildable { circuit, error } => write!(f, "{circuit}: a PDU cannot be built: {error}"),
            Self::ExternalsFull => f.write_str("external routes are at their limit: more are not announced"),
            Self::ConfigRefused { error } => write!(f, "the new configuration is refused: {error}"),
            Self::Origination(problem) => write!(f, "own LSPs: {problem}"),
        }
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HoldTime => "silent for its hold time",
            Self::Carrier => "no carrier",
            Self::OneWay => "it does not hear us any more",
            Self::Replaced => "another router has taken its place",
            Self::Mismatch => "its levels or areas have changed",
            Self::Configuration => "our configuration has changed",
        })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Circuit => "the circuit is down, or not of their level or kind",
            Self::Rate => "too many",
            Self::Malformed => "malformed",
            Self::Authentication => "authentication is missing or wrong",
            Self::Area => "no area in common at level 1",
            Self::Level => "no level in common",
            Self::Protocol => "the neighbour does not route IPv4",
            Self::ThreeWay => "the handshake is with somebody else",
            Self::OwnSystem => "they bear our own system id",
            Self::Adjacencies => "too many neighbours",
            Self::NoAdjacency => "no adjacency with their sender",
            Self::Checksum => "a wrong checksum",
            Self::DatabaseFull => "the database is at its limit",
            Self::TooBig => "too big for the circuit",
            Self::Unbuildable => "cannot be built",
        })
    }
}
