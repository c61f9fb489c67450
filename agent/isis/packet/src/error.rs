//! Why a PDU could not be read, written or trusted.

use thiserror::Error;

use crate::{LspId, PduKind};

/// Bytes are not a PDU that IS-IS can use. Offsets count from the PDU's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Fewer bytes than the header of the PDU needs.
    #[error("{got} bytes are too short for a header of {needed}")]
    Short {
        /// Bytes that the header takes.
        needed: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The first byte is not that of IS-IS.
    #[error("discriminator {0:#04x} at offset 0 is not 0x83: not an IS-IS PDU")]
    Discriminator(u8),
    /// The length that the header tells of itself is not that of the PDU type.
    #[error("length indicator {got} at offset 1: a {kind} header takes {expected}")]
    HeaderLength {
        /// Type of the PDU.
        kind: PduKind,
        /// Length of this type's header.
        expected: u8,
        /// Length told.
        got: u8,
    },
    /// A version of the protocol other than 1.
    #[error("version {version} at offset {offset}: only version 1 is spoken")]
    Version {
        /// Version told.
        version: u8,
        /// Where.
        offset: usize,
    },
    /// System ids of another length than six.
    #[error("system ids of length code {0} at offset 3: only 6 (coded 0 or 6) is spoken")]
    IdLength(u8),
    /// Another number of area addresses than three.
    #[error("maximum of area addresses {0} at offset 7: only 3 (coded 0 or 3) is spoken")]
    MaximumAreas(u8),
    /// A PDU type that IS-IS does not have, or one of another protocol.
    #[error("PDU type {0} at offset 4 is unknown")]
    PduType(u8),
    /// The PDU's length goes beyond the bytes received, or ends within the header.
    #[error("PDU length {declared} at offset {offset}: {got} bytes are there, the header takes {header}")]
    PduLength {
        /// Length told.
        declared: u16,
        /// Where.
        offset: usize,
        /// Bytes there are.
        got: usize,
        /// Bytes that the header takes.
        header: usize,
    },
    /// A TLV goes beyond the end of the PDU.
    #[error("TLV {code} at offset {offset} goes beyond the end of the PDU")]
    TlvOverrun {
        /// The TLV's code.
        code: u8,
        /// Where it starts.
        offset: usize,
    },
    /// The reserved circuit type 0: ISO 10589 §9.5 lets the whole PDU be ignored.
    #[error("circuit type 0 at offset 8 is reserved")]
    CircuitType,
    /// The LSP was damaged.
    #[error("checksum {checksum:#06x} of LSP {id} is wrong")]
    Checksum {
        /// Which LSP.
        id: LspId,
        /// Checksum that it carries.
        checksum: u16,
    },
    /// An LSP with the sequence number 0, which only stands for "none" in sequence number PDUs.
    #[error("LSP {0} has the sequence number 0")]
    ZeroSequence(LspId),
    /// An LSP was expected.
    #[error("the PDU is a {0}, not an LSP")]
    NotLsp(PduKind),
    /// A text is not hexadecimal.
    #[error("an LSP's bytes must be written as an even number of hex digits")]
    Hex,
}

/// A PDU could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BuildError {
    /// One entry of a TLV, or a TLV that cannot be split, is longer than 255 bytes.
    #[error("a value of {length} bytes does not fit into TLV {code}, which holds 255")]
    TlvTooLong {
        /// The TLV's code.
        code: u8,
        /// Length in bytes.
        length: usize,
    },
    /// The PDU is longer than its length field can tell.
    #[error("a PDU of {0} bytes: 65535 is the most")]
    PduTooLong(usize),
    /// Cryptographic authentication is wanted but there is no key to sign with.
    #[error("cryptographic authentication without a key: configure one")]
    NoKey,
}

/// A PDU is not from who shares the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthError {
    /// No authentication TLV.
    #[error("authentication is required and the PDU carries none")]
    Missing,
    /// More than one authentication TLV.
    #[error("the PDU carries more than one authentication TLV")]
    Multiple,
    /// Another type of authentication than the configured one.
    #[error("authentication type {0} is not the configured one")]
    Type(u8),
    /// The authentication TLV has not the length of its kind.
    #[error("an authentication TLV of {0} bytes has not the length of its algorithm")]
    Length(usize),
    /// The wrong password.
    #[error("the password is wrong")]
    Password,
    /// No key of this id.
    #[error("no key with id {0} is configured")]
    UnknownKey(u16),
    /// The digest does not match.
    #[error("the digest does not match: another secret, or the PDU was changed")]
    Digest,
}
