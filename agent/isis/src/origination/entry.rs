//! What an LSP is made of: entries, the parts that are never divided between two fragments.

use std::net::Ipv4Addr;

use braid_isis_packet::{AreaAddress, LanId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// Which entry it is, in the order in which entries stand in a fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// An area address (TLV 1).
    Area(AreaAddress),
    /// The protocols supported (TLV 129): IPv4.
    Protocols,
    /// The dynamic host name (TLV 137).
    Name(String),
    /// A neighbour, narrow (TLV 2).
    NarrowNeighbour(LanId),
    /// A neighbour, wide (TLV 22).
    WideNeighbour(LanId),
    /// An address of an interface (TLV 132).
    Address(Ipv4Addr),
    /// A prefix inside the domain, narrow (TLV 128).
    NarrowPrefix(Ipv4Net),
    /// A prefix outside of it, narrow (TLV 130).
    NarrowExternal(Ipv4Net),
    /// A prefix, wide (TLV 135).
    WidePrefix(Ipv4Net),
}

/// What is said about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// The metric of a neighbour or a prefix.
    pub metric: u32,
    /// RFC 5302 §2: the prefix came down from level 2.
    pub down: bool,
    /// The narrow metric is one that does not compare with metrics of the domain (RFC 1195 §3.10.2).
    pub external_metric: bool,
    /// It is about this router itself, and goes before what it repeats from elsewhere when room is scarce.
    pub own: bool,
}

/// The entries of a fragment, or of all fragments of a node: by key ascending, each key once.
pub type Entries = Vec<(Key, Value)>;

/// The TLV that an entry goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// TLV 1.
    Areas,
    /// TLV 129.
    Protocols,
    /// TLV 137.
    Name,
    /// TLV 2.
    NarrowNeighbours,
    /// TLV 22.
    WideNeighbours,
    /// TLV 132.
    Addresses,
    /// TLV 128.
    NarrowPrefixes,
    /// TLV 130.
    NarrowExternals,
    /// TLV 135.
    WidePrefixes,
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = 9;

    /// Bytes in front of the entries of each TLV: code, length, and the virtual flag of TLV 2 (ISO 10589 §9.8).
    pub const fn header(self) -> usize {
        if matches!(self, Self::NarrowNeighbours) { 3 } else { 2 }
    }

    /// The greatest number of bytes that entries have in a TLV.
    pub const fn room(self) -> usize {
        257 - self.header()
    }

    /// The least number of bytes that entries have in a TLV which the next entry does not fit into.
    pub const fn filled(self) -> usize {
        match self {
            Self::Areas => 255 - 13,
            Self::Protocols | Self::Name => 1,
            Self::NarrowNeighbours => 254 / 11 * 11,
            Self::WideNeighbours => 255 / 11 * 11,
            Self::Addresses => 255 / 4 * 4,
            Self::NarrowPrefixes | Self::NarrowExternals => 255 / 12 * 12,
            Self::WidePrefixes => 255 - 8,
        }
    }

    /// The greatest number of bytes that TLVs of this kind take which hold `bytes` bytes of entries, in any order.
    pub const fn load(self, bytes: usize) -> usize {
        match self {
            Self::Name | Self::Protocols if bytes == 0 => 0,
            Self::Name | Self::Protocols => bytes + self.header(),
            _ => bytes + self.header() * bytes.div_ceil(self.filled()),
        }
    }
}

impl Key {
    /// The TLV it goes into.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Area(_) => Kind::Areas,
            Self::Protocols => Kind::Protocols,
            Self::Name(_) => Kind::Name,
            Self::NarrowNeighbour(_) => Kind::NarrowNeighbours,
            Self::WideNeighbour(_) => Kind::WideNeighbours,
            Self::Address(_) => Kind::Addresses,
            Self::NarrowPrefix(_) => Kind::NarrowPrefixes,
            Self::NarrowExternal(_) => Kind::NarrowExternals,
            Self::WidePrefix(_) => Kind::WidePrefixes,
        }
    }

    /// Its bytes in the TLV.
    pub fn len(&self) -> usize {
        match self {
            Self::Area(area) => 1 + area.bytes().len(),
            Self::Protocols => 1,
            Self::Name(name) => name.len(),
            Self::NarrowNeighbour(_) | Self::WideNeighbour(_) => 11,
            Self::Address(_) => 4,
            Self::NarrowPrefix(_) | Self::NarrowExternal(_) => 12,
            Self::WidePrefix(prefix) => 5 + usize::from(prefix.prefix_len()).div_ceil(8),
        }
    }

    /// Whether it must stand in fragment 0 (ISO 10589 §7.3.7; RFC 1195 §3.1; RFC 5301 §3 leaves it open).
    pub fn pinned(&self) -> bool {
        matches!(self, Self::Area(_) | Self::Protocols | Self::Name(_))
    }

    /// Whether it is a prefix.
    pub fn is_prefix(&self) -> bool {
        matches!(self, Self::NarrowPrefix(_) | Self::NarrowExternal(_) | Self::WidePrefix(_))
    }
}
