//! The PDUs of IS-IS: bytes to typed values and back, checked, signed and verified.
//!
//! The crate has no state, no clock and no sockets; it decides nothing about routing or flooding, and it does
//! not know which PDU is wanted when. No bytes and no values make it panic.
//!
//! ```text
//!             Frame::parse      Frame::verify           Frame::pdu
//!   bytes ──► header sound, ──► who shares the ──► Pdu: LanHello, PointToPointHello, Lsp, Csnp, Psnp
//!             TLVs whole        secret                     │
//!   bytes ◄── encode, Lsp::build: TLVs, padding, ◄─────────┘
//!             digest, checksum
//! ```
//!
//! # Calling contract
//!
//! - The bytes given to [`Frame::parse`] start at the discriminator 0x83, right after the [`LLC`]. What follows the
//!   PDU, as Ethernet pads short frames, is left out.
//! - Verify before decoding: [`Frame::kind`] tells which [`Authentication`] applies (hellos: that of the circuit,
//!   LSPs and sequence number PDUs: that of the level).
//! - An [`Lsp`] is its bytes: it is flooded as it was received, save for the remaining lifetime
//!   ([`Lsp::with_lifetime`]). [`Lsp::neighbours`] and [`Lsp::prefixes`] read it without allocating.
//! - A TLV that goes beyond its PDU is an error. A known TLV whose inside does not read is [`Tlv::Malformed`] and an
//!   unknown one [`Tlv::Unknown`]: both are flooded and otherwise ignored, so that databases stay the same everywhere
//!   (RFC 8918).
//! - Lists in a [`Tlv`] may be of any length: they are written as several TLVs.
//!
//! # Standards
//!
//! ISO 10589 §9 (all PDUs), RFC 1195 (IPv4), RFC 5301 (host names), RFC 5302 (up/down bit), RFC 5303 (three-way
//! handshake), RFC 5304 (HMAC-MD5), RFC 5305 (wide metrics), RFC 5306 (restart), RFC 5308 (IPv6), RFC 5310 (HMAC-SHA), RFC 5120
//! (multi-topology), RFC 6232 and 6233 (purges). Departures:
//!
//! - Only the default metric is read and written; delay, expense and error metrics are written as unsupported.
//! - System ids have six bytes and a system at most three areas, as everywhere.
//! - Keys of RFC 5310 longer than the digest are used as HMAC uses them (RFC 2104): hashed if longer than a block;
//!   the RFC would hash them as soon as they are longer than the digest.
//! - The reserved sequence number 0 is refused in LSPs.
//!
//! # Example
//!
//! ```
//! use braid_isis_packet::{
//!     Authentication, Frame, Level, Lsp, LspFlags, NewLsp, Pdu, SystemId, Tlv, WideNeighbour, WidePrefix,
//! };
//!
//! let system: SystemId = "0000.0000.0001".parse()?;
//! let neighbour: SystemId = "0000.0000.0002".parse()?;
//! let new = NewLsp {
//!     level: Level::Two,
//!     id: system.node().fragment(0),
//!     sequence: 1,
//!     lifetime: 1200,
//!     flags: LspFlags::new(Level::Two),
//! };
//! let tlvs = [
//!     Tlv::AreaAddresses(vec!["49.0001".parse()?]),
//!     Tlv::IsNeighbours(vec![WideNeighbour::new(neighbour.node(), 10)]),
//!     Tlv::ExtendedIp(vec![WidePrefix::new("100.64.0.1/32".parse()?, 0)]),
//! ];
//! let password = Authentication::Password("secret".into());
//! let sent = Lsp::build(&new, &tlvs, &password)?;
//!
//! let frame = Frame::parse(sent.bytes())?;
//! frame.verify(&password)?;
//! let Pdu::Lsp(received) = frame.pdu()? else { unreachable!() };
//! assert_eq!(received.id().to_string(), "0000.0000.0001.00-00");
//! assert_eq!(received.neighbours().next().map(|neighbour| neighbour.metric), Some(10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod auth;
mod checksum;
mod constants;
mod entry;
mod error;
mod frame;
mod hello;
mod level;
mod lsp;
mod reach;
mod reader;
mod snp;
pub mod tlv;

pub use address::{AddressError, AreaAddress, LanId, LspId, Net, SystemId};
pub use auth::{Algorithm, Authentication, AuthenticationValue, Key, Secret};
pub use constants::*;
pub use entry::{Comparison, LspHeader};
pub use error::{AuthError, BuildError, DecodeError};
pub use frame::{Frame, Pdu, PduKind};
pub use hello::{LanHello, PointToPointHello, TlvList};
pub use level::{CircuitType, Level};
pub use lsp::{Lsp, LspFlags, Neighbour, NewLsp, Prefix};
pub use reach::{Ipv6Prefix, NarrowNeighbour, NarrowPrefix, WideNeighbour, WidePrefix};
pub use snp::{Csnp, Psnp};
pub use tlv::{RawTlv, RawTlvs, Restart, ThreeWay, ThreeWayState, Tlv, Topology};
