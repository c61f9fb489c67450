//! What can be wrong with received bytes, with contents to be sent, and with a packet's authentication.

use std::fmt;

use thiserror::Error;

use crate::{AuthType, LsType};

/// What was being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// The header that all packets share (RFC 2328 §A.3.1).
    PacketHeader,
    /// A hello packet.
    Hello,
    /// A database description packet.
    DatabaseDescription,
    /// A link state request packet.
    LinkStateRequest,
    /// A link state update packet.
    LinkStateUpdate,
    /// A link state acknowledgment packet.
    LinkStateAck,
    /// The header of an LSA (RFC 2328 §A.4.1).
    LsaHeader,
    /// The contents of an LSA of this type.
    Lsa(LsType),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PacketHeader => "packet header",
            Self::Hello => "hello",
            Self::DatabaseDescription => "database description",
            Self::LinkStateRequest => "link state request",
            Self::LinkStateUpdate => "link state update",
            Self::LinkStateAck => "link state acknowledgment",
            Self::LsaHeader => "LSA header",
            Self::Lsa(ls_type) => return write!(f, "{ls_type}-LSA"),
        })
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// The bytes end here, although more must follow.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over that belong to nothing.
    #[error("bytes are left over")]
    Trailing,
    /// A packet of another OSPF version.
    #[error("OSPF version {0} is not 2")]
    Version(u8),
    /// No packet type, or no LS type that this implementation knows.
    #[error("type {0} is unknown")]
    UnknownType(u8),
    /// An authentication type that does not exist.
    #[error("authentication type {0} is unknown")]
    UnknownAuthType(u16),
    /// A length field that is less than the smallest, or more than there is.
    #[error("length {0} is impossible")]
    Length(u16),
    /// The checksum in the packet or LSA is not that of its bytes.
    #[error("the checksum is wrong")]
    Checksum,
    /// A network mask whose ones are not all in front.
    #[error("the network mask is not contiguous")]
    Mask,
    /// A link type of a router-LSA that does not exist.
    #[error("link type {0} is unknown")]
    LinkKind(u8),
    /// Text that should be hexadecimal digits, two for each byte.
    #[error("not hexadecimal")]
    Hex,
}

/// Received bytes are not a packet or an LSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{item}, byte {offset}: {fault}")]
pub struct DecodeError {
    /// What was being decoded.
    pub item: Item,
    /// Where: bytes from the start of the packet, or of the LSA if it was decoded alone.
    pub offset: u32,
    /// Why it failed.
    pub fault: Fault,
}

impl DecodeError {
    pub(crate) fn new(item: Item, offset: usize, fault: Fault) -> Self {
        // A packet is at most 64 KiB long; longer input fails on its length field, near its start.
        Self { item, offset: u32::try_from(offset).unwrap_or(u32::MAX), fault }
    }

    /// The same error, counted from `base` bytes further in front.
    pub(crate) fn behind(mut self, base: usize) -> Self {
        self.offset = self.offset.saturating_add(u32::try_from(base).unwrap_or(u32::MAX));
        self
    }
}

/// Contents cannot be written as a packet or as an LSA.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// More bytes than the length field or an IP datagram can carry.
    #[error("{item} would be {length} bytes long, the most is {most}: split the contents")]
    TooLong {
        /// What was being built.
        item: Item,
        /// Its length in bytes.
        length: usize,
        /// The longest that is possible.
        most: usize,
    },
    /// A metric of summary or external LSAs over 24 bits.
    #[error("metric {0} does not fit 24 bits: the most is 16777215")]
    Metric(u32),
    /// A prefix length over 32.
    #[error("prefix length {0} is over 32")]
    PrefixLength(u8),
    /// An age over MaxAge.
    #[error("LS age {0} is over MaxAge, 3600 s")]
    Age(u16),
    /// An opaque body with a type that is not opaque.
    #[error("{0} is not an opaque LS type: use 9, 10 or 11")]
    NotOpaque(LsType),
    /// Cryptographic authentication without any key.
    #[error("the key chain is empty: configure a key")]
    NoKey,
}

/// A received packet fails authentication (RFC 2328 §D.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The sender uses another type of authentication than this interface.
    #[error("authentication type is {received}, expected {expected}")]
    Type {
        /// What the packet says.
        received: AuthType,
        /// What is configured.
        expected: AuthType,
    },
    /// The simple password differs.
    #[error("the password is wrong")]
    Password,
    /// No key with this id is configured.
    #[error("key id {0} is unknown")]
    UnknownKey(u8),
    /// The key with this id is not valid for reception now.
    #[error("key id {0} is not valid for reception now")]
    KeyNotValid(u8),
    /// The digest has another length than the key's algorithm makes, or is cut short.
    #[error("the digest of key id {0} has the wrong length")]
    DigestLength(u8),
    /// The digest is not that of the packet with this key.
    #[error("the digest of key id {0} is wrong")]
    Digest(u8),
}
