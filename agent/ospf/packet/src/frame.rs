//! A received packet in place, and the making of packets to be sent.

use std::net::Ipv4Addr;

use crate::{
    AreaId, AuthError, AuthType, Authentication, Body, BuildError, DecodeError, Fault, Item, PacketHeader,
    PacketKind, RouterId,
    auth::{self, KeyChain},
    checksum,
    reader::Reader,
};

/// Bytes of the header that all packets share (RFC 2328 §A.3.1).
pub const HEADER_LENGTH: usize = 24;
/// Bytes that sequence numbers of 64 bits add to it (RFC 7474 §2).
pub const EXTENSION_LENGTH: usize = 4;
/// Bytes of the header with them.
pub const EXTENDED_HEADER_LENGTH: usize = HEADER_LENGTH + EXTENSION_LENGTH;
/// Bytes of an IPv4 header without options.
pub const IP_HEADER_LENGTH: usize = 20;
/// The longest packet, digest included, that fits an IP datagram.
pub const MAX_PACKET_LENGTH: usize = 65_535 - IP_HEADER_LENGTH;

const VERSION: u8 = 2;

/// Bytes that a packet's body may have so that its datagram fits `mtu`; at least one LSA header's worth even
/// where it cannot.
#[must_use]
pub fn room(mtu: u16, auth: &Authentication) -> usize {
    usize::from(mtu)
        .saturating_sub(IP_HEADER_LENGTH + HEADER_LENGTH + auth.overhead())
        .max(crate::LsaHeader::LENGTH + 8)
}

/// ```text
/// |   Version 2   |     Type      |         Packet length         |
/// |                          Router ID                            |
/// |                           Area ID                             |
/// |           Checksum            |             AuType            |
/// | password, or:     0           |    Key ID     | Auth Data Len |
/// | (8 bytes)        Cryptographic sequence number                |  64 bits if AuType is 3
/// | body …                                                        |
/// | digest, not in the packet length                              |
/// | link-local signalling block, if any                           |
/// ```
/// A received packet, of which version, type, lengths and checksum are right. Nothing else is known yet:
/// judge [`Self::verify`] before the rest is trusted. What stands behind packet and digest (RFC 5613) is
/// ignored.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    kind: PacketKind,
    auth_type: AuthType,
    header: &'a [u8; HEADER_LENGTH],
    /// As many bytes as the length field says.
    packet: &'a [u8],
    /// What follows them.
    trailer: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The packet in the payload of an IP datagram.
    ///
    /// # Errors
    /// Another version, an unknown type or authentication type, an impossible length, or a wrong checksum
    /// (which packets with cryptographic authentication do not have).
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(Item::PacketHeader, payload, 0);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(reader.fail_last(1, Fault::Version(version)));
        }
        let number = reader.u8()?;
        let kind =
            PacketKind::from_number(number).ok_or_else(|| reader.fail_last(1, Fault::UnknownType(number)))?;
        let length = reader.u16()?;
        let length_error = reader.fail_last(2, Fault::Length(length));
        reader.take(10)?;
        let number = reader.u16()?;
        let auth_type = AuthType::from_number(number)
            .ok_or_else(|| reader.fail_last(2, Fault::UnknownAuthType(number)))?;
        let (packet, trailer) = payload.split_at_checked(length.into()).ok_or(length_error)?;
        let header = packet.first_chunk().ok_or(length_error)?;
        let frame = Self { kind, auth_type, header, packet, trailer };
        if packet.len() < frame.header_length() {
            return Err(length_error);
        }
        if !auth_type.is_cryptographic()
            && checksum::internet(&[&packet[..16], &packet[HEADER_LENGTH..]]) != 0
        {
            return Err(DecodeError::new(Item::PacketHeader, 12, Fault::Checksum));
        }
        Ok(frame)
    }

    /// Which of the five types.
    #[must_use]
    pub const fn kind(&self) -> PacketKind {
        self.kind
    }

    /// Who says to have sent it.
    #[must_use]
    pub fn router_id(&self) -> RouterId {
        RouterId(Ipv4Addr::new(self.header[4], self.header[5], self.header[6], self.header[7]))
    }

    /// The area that it is for.
    #[must_use]
    pub fn area_id(&self) -> AreaId {
        AreaId(Ipv4Addr::new(self.header[8], self.header[9], self.header[10], self.header[11]))
    }

    /// How it is authenticated.
    #[must_use]
    pub const fn auth_type(&self) -> AuthType {
        self.auth_type
    }

    /// The key that signs it, with cryptographic authentication.
    #[must_use]
    pub fn key_id(&self) -> Option<u8> {
        self.auth_type.is_cryptographic().then_some(self.header[18])
    }

    /// Its sequence number, with cryptographic authentication. It must not be lower than the last one of the
    /// same neighbour (higher with [`AuthType::Extended`], where each packet type counts for itself): that is
    /// for the caller to judge.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        let bytes = self.packet.get(20..self.header_length())?;
        let number = || bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.auth_type.is_cryptographic().then(number)
    }

    /// Whether the packet is from somebody who knows the secrets (RFC 2328 §D.5). Replay is the caller's to
    /// judge, by [`Self::sequence`]. `source` is the IP source address; `now` is in the seconds of
    /// [`Validity`](crate::Validity).
    ///
    /// # Errors
    /// Another authentication type than configured, a wrong password, an unknown or invalid key, or a wrong
    /// digest.
    pub fn verify(
        &self,
        authentication: &Authentication,
        source: Ipv4Addr,
        now: u64,
    ) -> Result<(), AuthError> {
        let received = self.auth_type;
        match (authentication, received) {
            (Authentication::None, AuthType::Null) => Ok(()),
            (Authentication::Simple(password), AuthType::Simple) => {
                if auth::equal(&password.0, &self.header[16..]) { Ok(()) } else { Err(AuthError::Password) }
            }
            (Authentication::Cryptographic(chain), _) if received.is_cryptographic() => {
                self.verify_digest(chain, source, now)
            }
            _ => Err(AuthError::Type { received, expected: authentication.auth_type(now) }),
        }
    }

    fn verify_digest(&self, chain: &KeyChain, source: Ipv4Addr, now: u64) -> Result<(), AuthError> {
        let id = self.header[18];
        let length = usize::from(self.header[19]);
        let mut error = AuthError::UnknownKey(id);
        for key in chain.keys.iter().filter(|key| key.id == id) {
            error = if key.auth_type() != self.auth_type {
                AuthError::Type { received: self.auth_type, expected: key.auth_type() }
            } else if !chain.accepts(key, now) {
                AuthError::KeyNotValid(id)
            } else {
                match self.trailer.get(..length) {
                    Some(digest) if length == key.algorithm.digest_length() => {
                        if auth::equal(digest, &key.digest(self.packet, source)) {
                            return Ok(());
                        }
                        AuthError::Digest(id)
                    }
                    _ => AuthError::DigestLength(id),
                }
            };
        }
        Err(error)
    }

    /// The contents.
    ///
    /// # Errors
    /// They are not a body of this type. A bad LSA in an update is no error but is listed there, unless its
    /// length is impossible.
    pub fn body(&self) -> Result<Body, DecodeError> {
        let length = self.header_length();
        Body::parse(self.kind, &self.packet[length..], length)
    }

    const fn header_length(&self) -> usize {
        match self.auth_type {
            AuthType::Extended => EXTENDED_HEADER_LENGTH,
            _ => HEADER_LENGTH,
        }
    }
}

/// A packet with these contents, as the payload of an IP datagram from `source`.
///
/// `sequence` is used with cryptographic authentication only, must never go down, and should survive restarts
/// (a clock's seconds do); without [`Key::extended`](crate::Key) its low 32 bits count. `now` selects the key
/// that signs.
///
/// # Errors
/// The packet would not fit an IP datagram, or the key chain is empty.
pub fn encode(
    header: PacketHeader,
    body: &Body,
    authentication: &Authentication,
    source: Ipv4Addr,
    sequence: u64,
    now: u64,
) -> Result<Vec<u8>, BuildError> {
    let key = match authentication {
        Authentication::Cryptographic(chain) => Some(chain.signing(now).ok_or(BuildError::NoKey)?),
        _ => None,
    };
    let digest_length = key.map_or(0, |key| key.algorithm.digest_length());
    let auth_type = authentication.auth_type(now);
    let extended = auth_type == AuthType::Extended;
    let length = HEADER_LENGTH + if extended { EXTENSION_LENGTH } else { 0 } + body.length();
    if length + digest_length > MAX_PACKET_LENGTH {
        let length = length + digest_length;
        return Err(BuildError::TooLong { item: body.kind().item(), length, most: MAX_PACKET_LENGTH });
    }

    let mut packet = Vec::with_capacity(length + digest_length);
    packet.extend_from_slice(&[VERSION, body.kind().number()]);
    // Not cut: MAX_PACKET_LENGTH is less than 65,536.
    packet.extend_from_slice(&(length as u16).to_be_bytes());
    packet.extend_from_slice(&header.router_id.0.octets());
    packet.extend_from_slice(&header.area_id.0.octets());
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(&auth_type.number().to_be_bytes());
    if let Some(key) = key {
        packet.extend_from_slice(&[0, 0, key.id, digest_length as u8]);
        if extended {
            packet.extend_from_slice(&sequence.to_be_bytes());
        } else {
            packet.extend_from_slice(&(sequence as u32).to_be_bytes());
        }
    } else {
        packet.extend_from_slice(&[0; 8]);
    }
    body.write(&mut packet);
    match key {
        Some(key) => {
            let digest = key.digest(&packet, source);
            packet.extend_from_slice(&digest);
        }
        None => {
            let sum = checksum::internet(&[&packet]);
            packet[12..14].copy_from_slice(&sum.to_be_bytes());
        }
    }
    // The checksum does not cover the password (RFC 2328 §D.4.2).
    if let Authentication::Simple(password) = authentication {
        packet[16..24].copy_from_slice(&password.0);
    }
    Ok(packet)
}
