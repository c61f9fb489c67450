//! An LSA as the bytes of the wire: shared, immutable, checked once.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    BuildError, DecodeError, Fault, Item, LsType, LsaBody, LsaHeader, LsaKey, MAX_AGE, NetworkView, Options,
    RouterId, RouterView, SequenceNumber, checksum,
};

/// A link state advertisement that is known to be sane: its type is known, its length and checksum are right,
/// its body is well formed. It is one reference-counted allocation: cloning is cheap, and reading fields does
/// not allocate.
///
/// Two LSAs are equal if all their bytes are, the age included.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Lsa(Arc<[u8]>);

impl Lsa {
    /// The longest LSA: with packet header, LSA count and the longest digest it still fits one IP datagram.
    pub const MAX_LENGTH: usize =
        crate::MAX_PACKET_LENGTH - crate::EXTENDED_HEADER_LENGTH - 4 - crate::MAX_DIGEST_LENGTH;

    /// The LSA at the front of `bytes`; its length field tells how many of them it has.
    ///
    /// An age over [`MAX_AGE`] is set to [`MAX_AGE`].
    ///
    /// # Errors
    /// The type is unknown, the length is impossible, the checksum is wrong, or the body is not well formed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Some(head) = bytes.first_chunk::<{ LsaHeader::LENGTH }>() else {
            return Err(DecodeError::new(Item::LsaHeader, bytes.len(), Fault::Truncated));
        };
        let bytes = Self::framed(bytes)?;
        let Some(header) = LsaHeader::from_bytes(head) else {
            return Err(DecodeError::new(Item::LsaHeader, 3, Fault::UnknownType(head[3])));
        };
        let ls_type = header.key.ls_type;
        if !checksum::fletcher_right(bytes) {
            return Err(DecodeError::new(Item::Lsa(ls_type), 16, Fault::Checksum));
        }
        LsaBody::check(ls_type, &bytes[LsaHeader::LENGTH..])?;
        let lsa = Self(bytes.into());
        Ok(if u16::from_be_bytes([head[0], head[1]]) > MAX_AGE { lsa.with_age(MAX_AGE) } else { lsa })
    }

    /// As many of `bytes` as the length field of the LSA in front of them says.
    pub(crate) fn framed(bytes: &[u8]) -> Result<&[u8], DecodeError> {
        let Some(head) = bytes.first_chunk::<{ LsaHeader::LENGTH }>() else {
            return Err(DecodeError::new(Item::LsaHeader, bytes.len(), Fault::Truncated));
        };
        let length = u16::from_be_bytes([head[18], head[19]]);
        match bytes.get(..length.into()) {
            Some(framed) if framed.len() >= LsaHeader::LENGTH => Ok(framed),
            _ => Err(DecodeError::new(Item::LsaHeader, 18, Fault::Length(length))),
        }
    }

    /// A new LSA with these contents; the type is the body's, length and checksum are computed.
    ///
    /// # Errors
    /// A value does not fit its field, or the LSA would be longer than [`Self::MAX_LENGTH`].
    pub fn build(
        age: u16,
        options: Options,
        link_state_id: std::net::Ipv4Addr,
        advertising_router: RouterId,
        sequence: SequenceNumber,
        body: &LsaBody,
    ) -> Result<Self, BuildError> {
        if age > MAX_AGE {
            return Err(BuildError::Age(age));
        }
        let key = LsaKey { ls_type: body.ls_type(), advertising_router, link_state_id };
        let mut bytes = Vec::with_capacity(LsaHeader::LENGTH + body.length());
        LsaHeader { age, options, key, sequence, checksum: 0, length: 0 }.write(&mut bytes);
        body.write(&mut bytes)?;
        let too_long =
            BuildError::TooLong { item: Item::Lsa(key.ls_type), length: bytes.len(), most: Self::MAX_LENGTH };
        if bytes.len() > Self::MAX_LENGTH {
            return Err(too_long);
        }
        let length = u16::try_from(bytes.len()).map_err(|_| too_long)?;
        bytes[18..20].copy_from_slice(&length.to_be_bytes());
        let sum = checksum::fletcher(&bytes);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        Ok(Self(bytes.into()))
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> LsaHeader {
        self.0
            .first_chunk()
            .and_then(LsaHeader::from_bytes)
            .expect("the header was checked when the LSA was made")
    }

    /// What names this LSA.
    #[must_use]
    pub fn key(&self) -> LsaKey {
        self.header().key
    }

    /// What kind of LSA this is.
    #[must_use]
    pub fn ls_type(&self) -> LsType {
        self.key().ls_type
    }

    /// The age at the moment that these bytes are of, in seconds, at most [`MAX_AGE`].
    #[must_use]
    pub fn age(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// Whether this instance is being flushed.
    #[must_use]
    pub fn is_max_age(&self) -> bool {
        self.age() >= MAX_AGE
    }

    /// The same instance at another age (at most [`MAX_AGE`]): the checksum does not cover the age and stays.
    #[must_use]
    pub fn with_age(&self, age: u16) -> Self {
        let age = age.min(MAX_AGE);
        if age == self.age() {
            return self.clone();
        }
        let mut bytes = Arc::clone(&self.0);
        Arc::make_mut(&mut bytes)[..2].copy_from_slice(&age.to_be_bytes());
        Self(bytes)
    }

    /// The LSA as on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes behind the header.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.0[LsaHeader::LENGTH..]
    }

    /// The contents, parsed now.
    #[must_use]
    pub fn body(&self) -> LsaBody {
        LsaBody::parse(self.ls_type(), self.body_bytes()).expect("the body was checked when the LSA was made")
    }

    /// A router-LSA's contents without allocation, none for other types.
    #[must_use]
    pub fn router(&self) -> Option<RouterView<'_>> {
        (self.0[3] == LsType::Router.number()).then(|| RouterView::new(self.body_bytes()))
    }

    /// A network-LSA's contents without allocation, none for other types.
    #[must_use]
    pub fn network(&self) -> Option<NetworkView<'_>> {
        (self.0[3] == LsType::Network.number()).then(|| NetworkView::new(self.body_bytes()))
    }

    /// Which of two instances is more recent, as [`LsaHeader::compare`].
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.header().compare(&other.header())
    }

    /// Whether both instances say the same, so that routes need no new computation (RFC 2328 §13.2): options
    /// and body are equal, and both or neither are at [`MAX_AGE`].
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.0[2..12] == other.0[2..12]
            && self.body_bytes() == other.body_bytes()
            && self.is_max_age() == other.is_max_age()
    }

    /// Whether the checksum still matches the bytes: what is verified each [`CHECK_AGE`](crate::CHECK_AGE)
    /// (RFC 2328 §14).
    #[must_use]
    pub fn is_intact(&self) -> bool {
        checksum::fletcher_right(&self.0)
    }

    /// All bytes as hexadecimal digits: one line of `braid debug routes`.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&*self.0)
    }

    /// The LSA of such a line.
    ///
    /// # Errors
    /// The line is not hexadecimal, or as in [`Self::decode`], or there is more behind the LSA.
    pub fn from_hex(line: &str) -> Result<Self, DecodeError> {
        let line = line.trim();
        let bytes = hex::decode(line).map_err(|error| {
            let digit = match error {
                hex::FromHexError::InvalidHexCharacter { index, .. } => index,
                _ => line.len(),
            };
            DecodeError::new(Item::LsaHeader, digit / 2, Fault::Hex)
        })?;
        Self::decode_exactly(&bytes)
    }

    fn decode_exactly(bytes: &[u8]) -> Result<Self, DecodeError> {
        let lsa = Self::decode(bytes)?;
        match lsa.0.len() {
            length if length == bytes.len() => Ok(lsa),
            length => Err(DecodeError::new(Item::Lsa(lsa.ls_type()), length, Fault::Trailing)),
        }
    }
}

impl fmt::Display for Lsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.header(), f)
    }
}

impl fmt::Debug for Lsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lsa({self}, {:?})", self.body())
    }
}

impl Serialize for Lsa {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Lsa {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Lsa;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of an LSA")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Lsa, E> {
                Lsa::decode_exactly(bytes).map_err(E::custom)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Lsa, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = sequence.next_element()? {
                    bytes.push(byte);
                }
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
