//! What is worth a line in a log.

use std::{fmt, net::Ipv4Addr};

use braid_ospf_originate::InterfaceState;
use braid_ospf_packet::{AreaId, LsaKey, RouterId};
use serde::{Deserialize, Serialize};

use crate::{InterfaceId, NeighbourState};

/// What is worth a line in a log. Its `Display` is that line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A neighbour's state changed.
    Neighbour {
        /// On this interface.
        interface: InterfaceId,
        /// Its name.
        name: String,
        /// The neighbour.
        router_id: RouterId,
        /// Before.
        from: NeighbourState,
        /// Now.
        to: NeighbourState,
        /// By what.
        reason: String,
    },
    /// An interface's state changed.
    Interface {
        /// Which.
        interface: InterfaceId,
        /// Its name.
        name: String,
        /// Before.
        from: InterfaceState,
        /// Now.
        to: InterfaceState,
    },
    /// The designated routers of a network changed.
    Designated {
        /// On this interface.
        interface: InterfaceId,
        /// Its name.
        name: String,
        /// The designated router, 0.0.0.0: none.
        dr: Ipv4Addr,
        /// The backup.
        backup: Ipv4Addr,
    },
    /// A packet was refused. Told at most once a second and interface; counters count all.
    Refused {
        /// On this interface.
        interface: InterfaceId,
        /// From.
        source: Ipv4Addr,
        /// Why.
        reason: Refusal,
        /// The details.
        detail: String,
    },
    /// A limit holds something back. Told at most once a second.
    Limit {
        /// Which.
        limit: LimitKind,
    },
    /// Another router uses our router id in this area.
    DuplicateRouterId {
        /// Seen from here.
        source: Ipv4Addr,
        /// Area.
        area: AreaId,
    },
    /// An LSA cannot be originated.
    Origination {
        /// Why.
        problem: String,
    },
    /// A configuration was refused; the one before stands.
    ConfigRefused {
        /// Why.
        reason: String,
    },
    /// An input was refused.
    InputRefused {
        /// Why.
        reason: String,
    },
    /// We began or ended helping a neighbour that restarts gracefully.
    Helper {
        /// On this interface.
        interface: InterfaceId,
        /// The neighbour.
        router_id: RouterId,
        /// What happened.
        what: String,
    },
    /// A sequence number has come to its end; the LSA is flushed and starts anew.
    SequenceWrap {
        /// The LSA.
        key: LsaKey,
    },
    /// All that was to be done after `Leave` is done.
    Left,
}

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// Not decodable.
    Malformed,
    /// No such interface, or it is down or passive.
    Interface,
    /// Its source or destination address does not fit.
    Address,
    /// The time to live shows that it came from too far (RFC 5082).
    Ttl,
    /// Another area.
    Area,
    /// Authentication.
    Authentication,
    /// An authenticated packet came again.
    Replay,
    /// A hello's mask, intervals or options differ from ours (RFC 2328 §10.5).
    Mismatch,
    /// Not from a neighbour.
    Stranger,
    /// A larger MTU than ours (RFC 2328 §10.6).
    Mtu,
    /// Too many packets, or neighbours.
    Limit,
}

/// A limit of [`crate::Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LimitKind {
    /// LSAs in the database.
    Lsas,
    /// Bytes of LSAs.
    LsaBytes,
    /// Neighbours of an interface.
    Neighbours,
    /// LSAs waiting for an acknowledgment.
    Retransmissions,
    /// Packets in a second.
    Packets,
    /// Own external routes.
    Externals,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lsas => "LSAs in the database",
            Self::LsaBytes => "bytes of LSAs in the database",
            Self::Neighbours => "neighbours on an interface",
            Self::Retransmissions => "LSAs waiting for an acknowledgment",
            Self::Packets => "packets in a second",
            Self::Externals => "external routes",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::Interface => "interface not in use",
            Self::Address => "address",
            Self::Ttl => "TTL security",
            Self::Area => "area",
            Self::Authentication => "authentication",
            Self::Replay => "replay",
            Self::Mismatch => "mismatch",
            Self::Stranger => "no neighbour",
            Self::Mtu => "MTU",
            Self::Limit => "limit",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neighbour { name, router_id, from, to, reason, .. } => {
                write!(f, "{name}: neighbour {router_id} {from} -> {to} ({reason})")
            }
            Self::Interface { name, from, to, .. } => write!(f, "{name}: interface {from:?} -> {to:?}"),
            Self::Designated { name, dr, backup, .. } => {
                write!(f, "{name}: designated router {dr}, backup {backup}")
            }
            Self::Refused { interface, source, reason, detail } => {
                write!(f, "{interface}: packet from {source} refused: {reason}: {detail}")
            }
            Self::Limit { limit } => write!(f, "limit reached: {limit}"),
            Self::DuplicateRouterId { source, area } => {
                write!(f, "{source} uses our router id in area {area}")
            }
            Self::Origination { problem } => f.write_str(problem),
            Self::ConfigRefused { reason } => write!(f, "configuration refused: {reason}"),
            Self::InputRefused { reason } => write!(f, "input refused: {reason}"),
            Self::Helper { interface, router_id, what } => {
                write!(f, "{interface}: graceful restart of {router_id}: {what}")
            }
            Self::SequenceWrap { key } => write!(f, "{key}: sequence numbers are used up, starting anew"),
            Self::Left => f.write_str("own LSAs are flushed"),
        }
    }
}
