//! OSPFv2 packets and LSAs as bytes and as types: codecs, checksums, authentication.
//!
//! This crate must not decide anything about the protocol, must not do input or output, and must not look at
//! a clock: what a packet means, whether a sequence number is a replay, and when an LSA has aged is the
//! engine's (`braid-ospf`).
//!
//! ```text
//!  IP payload ── Frame::parse ── verify(auth) ── body() ──▶ Body ──┬─ Hello, DatabaseDescription, requests, acks
//!   (version, length, checksum)   (§D.5)                           └─ LinkStateUpdate ──▶ Lsa ──▶ LsaBody, RouterView, …
//!
//!  LsaBody ── Lsa::build ──▶ Lsa ──▶ Body ── encode(header, auth, sequence) ──▶ IP payload
//! ```
//!
//! The contract:
//! - Decoding never panics, and takes memory in proportion to the input. A [`DecodeError`] says in what, at which byte, and why.
//! - An [`Lsa`] is sane once it exists, so reading it cannot fail. It is one shared allocation; [`Lsa::router`] and
//!   [`Lsa::network`] read in place.
//! - One bad LSA in an update spoils itself only (RFC 2328 §13 (1), (2)), unless its length hides where the next one begins.
//! - Sequence numbers of cryptographic authentication and the time (for key rollover) are given by the caller.
//!
//! Covered: RFC 2328 §A, §D, §12.1, §13.1 (which of two instances is newer); RFC 3101 (type 7); RFC 5250
//! (opaque); RFC 5709 and RFC 7474 (HMAC-SHA, extended sequence numbers); RFC 5613 (link-local signalling
//! blocks are passed over).
//!
//! Departures:
//! - Metrics for types of service are read over and never written, as everybody does since RFC 2328.
//! - A secret longer than the digest but not longer than the hash's block is used as it is, as HMAC has it and as other
//!   implementations do; RFC 5709 §3.3 would hash it first.
//! - An age over MaxAge is read as MaxAge. DoNotAge (RFC 1793) is not supported, so nobody may send it to us.
//! - An LSA of unknown type in a database description, request or acknowledgment is counted, not kept.
//!
//! ```
//! use braid_ospf_packet::*;
//!
//! let router = RouterId::from([192, 0, 2, 1]);
//! let links = vec![RouterLink {
//!     kind: LinkKind::Stub,
//!     id: [198, 51, 100, 0].into(),
//!     data: [255, 255, 255, 0].into(),
//!     metric: 10,
//! }];
//! let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
//! let lsa = Lsa::build(0, Options::E, router.0, router, SequenceNumber::INITIAL, &body)?;
//!
//! let key = Key::new(1, Algorithm::HmacSha256, "a secret");
//! let auth = Authentication::Cryptographic(key.into());
//! let header = PacketHeader { router_id: router, area_id: AreaId::BACKBONE };
//! let update = Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![lsa], rejected: vec![] });
//! let (source, sequence, now) = ([203, 0, 113, 1].into(), 7, 0);
//! let packet = encode(header, &update, &auth, source, sequence, now)?;
//!
//! let frame = Frame::parse(&packet)?;
//! frame.verify(&auth, source, now)?;
//! assert_eq!(frame.sequence(), Some(7));
//! assert_eq!(frame.body()?, update);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod auth;
mod body;
mod checksum;
mod error;
mod frame;
mod header;
mod id;
mod lsa;
mod packet;
mod reader;
mod router_lsa;

pub use auth::{
    Algorithm, AuthType, Authentication, Key, KeyChain, MAX_DIGEST_LENGTH, Password, Secret, Validity,
};
pub use body::{ExternalLsa, LsaBody, SummaryLsa};
pub use error::{AuthError, BuildError, DecodeError, Fault, Item};
pub use frame::{
    EXTENDED_HEADER_LENGTH, EXTENSION_LENGTH, Frame, HEADER_LENGTH, IP_HEADER_LENGTH, MAX_PACKET_LENGTH,
    encode, room,
};
pub use header::{
    CHECK_AGE, LS_INFINITY, LS_REFRESH_TIME, LsType, LsaHeader, LsaKey, MAX_AGE, MAX_AGE_DIFF,
    MIN_LS_ARRIVAL, MIN_LS_INTERVAL, Scope, SequenceNumber,
};
pub use id::{AreaId, Options, RouterFlags, RouterId};
pub use lsa::Lsa;
pub use packet::{
    Body, DatabaseDescription, Hello, LinkStateAck, LinkStateRequest, LinkStateUpdate, PacketHeader,
    PacketKind,
};
pub use router_lsa::{LinkKind, NetworkLsa, NetworkView, RouterLink, RouterLinks, RouterLsa, RouterView};
