//! The header of an LSA: what names it and which of two instances is newer.

use std::{cmp::Ordering, fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::{DecodeError, Fault, Item, Options, RouterId, reader::Reader};

/// The age at which an LSA is no longer used and is flushed, in seconds (RFC 2328 §B).
pub const MAX_AGE: u16 = 3600;
/// Ages further apart than this are of different instances, in seconds (RFC 2328 §B).
pub const MAX_AGE_DIFF: u16 = 900;
/// The age at which a router originates its own LSA anew, in seconds (RFC 2328 §B).
pub const LS_REFRESH_TIME: u16 = 1800;
/// Least time between originations of an LSA, in seconds (RFC 2328 §B).
pub const MIN_LS_INTERVAL: u16 = 5;
/// Least time between accepted instances of an LSA, in seconds (RFC 2328 §B).
pub const MIN_LS_ARRIVAL: u16 = 1;
/// How often the checksums of LSAs in the database are verified, in seconds of age (RFC 2328 §B).
pub const CHECK_AGE: u16 = 300;
/// The metric of summary and external LSAs that means "unreachable" (RFC 2328 §B).
pub const LS_INFINITY: u32 = 0xff_ffff;

/// How far an LSA is flooded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// One link.
    Link,
    /// One area.
    Area,
    /// All areas but stub areas and NSSAs.
    As,
}

/// The LS types that this implementation knows (RFC 2328 §A.4.1, RFC 3101, RFC 5250).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum LsType {
    /// A router and its links.
    Router = 1,
    /// A network with several routers, by its designated router.
    Network = 2,
    /// A network of another area.
    Summary = 3,
    /// An AS boundary router of another area.
    AsbrSummary = 4,
    /// A network outside of the AS.
    External = 5,
    /// A network outside of the AS, told within a not-so-stubby area.
    Nssa = 7,
    /// Application data for one link.
    OpaqueLink = 9,
    /// Application data for one area.
    OpaqueArea = 10,
    /// Application data for the whole AS.
    OpaqueAs = 11,
}

impl LsType {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Router,
        Self::Network,
        Self::Summary,
        Self::AsbrSummary,
        Self::External,
        Self::Nssa,
        Self::OpaqueLink,
        Self::OpaqueArea,
        Self::OpaqueAs,
    ];

    /// The type with this number, if it is known.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Router,
            2 => Self::Network,
            3 => Self::Summary,
            4 => Self::AsbrSummary,
            5 => Self::External,
            7 => Self::Nssa,
            9 => Self::OpaqueLink,
            10 => Self::OpaqueArea,
            11 => Self::OpaqueAs,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// How far LSAs of this type are flooded.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::OpaqueLink => Scope::Link,
            Self::External | Self::OpaqueAs => Scope::As,
            _ => Scope::Area,
        }
    }

    /// Whether this is a type of RFC 5250, whose contents OSPF itself does not read.
    #[must_use]
    pub const fn is_opaque(self) -> bool {
        matches!(self, Self::OpaqueLink | Self::OpaqueArea | Self::OpaqueAs)
    }
}

impl fmt::Display for LsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Router => "router",
            Self::Network => "network",
            Self::Summary => "summary",
            Self::AsbrSummary => "asbr-summary",
            Self::External => "external",
            Self::Nssa => "nssa",
            Self::OpaqueLink => "opaque-link",
            Self::OpaqueArea => "opaque-area",
            Self::OpaqueAs => "opaque-as",
        })
    }
}

/// What names an LSA in its scope (RFC 2328 §12.1). Ordered by type, then by advertising router, then by link
/// state id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LsaKey {
    /// What the LSA describes.
    pub ls_type: LsType,
    /// Who originated it.
    pub advertising_router: RouterId,
    /// Which of the originator's pieces of this type it is.
    pub link_state_id: Ipv4Addr,
}

impl LsaKey {
    /// The key of these three parts, in the order of the wire.
    #[must_use]
    pub const fn new(ls_type: LsType, link_state_id: Ipv4Addr, advertising_router: RouterId) -> Self {
        Self { ls_type, advertising_router, link_state_id }
    }
}

impl fmt::Display for LsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} by {}", self.ls_type, self.link_state_id, self.advertising_router)
    }
}

impl fmt::Debug for LsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The number that grows with each instance of an LSA (RFC 2328 §12.1.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(pub i32);

impl SequenceNumber {
    /// InitialSequenceNumber, 0x80000001: the first instance. (0x80000000 is reserved.)
    pub const INITIAL: Self = Self(i32::MIN + 1);
    /// MaxSequenceNumber, 0x7fffffff: the LSA must be flushed before it can be originated again.
    pub const MAX: Self = Self(i32::MAX);

    /// The next number, or none after [`Self::MAX`].
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// ```text
///  0                   1                   2                   3
/// |            LS age             |    Options    |    LS type    |
/// |                        Link State ID                          |
/// |                     Advertising Router                        |
/// |                     LS sequence number                        |
/// |         LS checksum           |             length            |
/// ```
/// The header of an LSA (RFC 2328 §A.4.1), which database descriptions and acknowledgments carry alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LsaHeader {
    /// Seconds since origination, 0 to [`MAX_AGE`] (more on the wire is read as [`MAX_AGE`]).
    pub age: u16,
    /// What the originator supports in the part of the domain that this LSA describes.
    pub options: Options,
    /// What names the LSA.
    pub key: LsaKey,
    /// Which instance of the LSA this is.
    pub sequence: SequenceNumber,
    /// Fletcher checksum of everything but the age.
    pub checksum: u16,
    /// Bytes of the whole LSA, this header included.
    pub length: u16,
}

impl LsaHeader {
    /// Bytes of a header.
    pub const LENGTH: usize = 20;

    /// Which of two instances is more recent (RFC 2328 §13.1): `Greater` if this one is, `Equal` if they are
    /// one instance.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.sequence
            .cmp(&other.sequence)
            .then(self.checksum.cmp(&other.checksum))
            .then((self.age >= MAX_AGE).cmp(&(other.age >= MAX_AGE)))
            .then_with(|| match self.age.abs_diff(other.age) {
                0..=MAX_AGE_DIFF => Ordering::Equal,
                _ => other.age.cmp(&self.age),
            })
    }

    /// Whether both headers are of the same instance of the same LSA: what an acknowledgment is matched by.
    #[must_use]
    pub fn same_instance(&self, other: &Self) -> bool {
        self.key == other.key && self.compare(other) == Ordering::Equal
    }

    /// Whether the LSA is being flushed.
    #[must_use]
    pub const fn is_max_age(&self) -> bool {
        self.age >= MAX_AGE
    }

    /// The header at the front of `bytes`, or the number of an unknown type: [`Fault::UnknownType`].
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let bytes = reader.array::<{ Self::LENGTH }>()?;
        Self::from_bytes(&bytes)
            .ok_or_else(|| DecodeError::new(Item::LsaHeader, start + 3, Fault::UnknownType(bytes[3])))
    }

    /// The header in these bytes, unless its type is unknown.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let [age0, age1, options, ls_type, i0, i1, i2, i3, r0, r1, r2, r3, s0, s1, s2, s3, c0, c1, l0, l1] =
            *bytes;
        Some(Self {
            age: u16::from_be_bytes([age0, age1]).min(MAX_AGE),
            options: Options(options),
            key: LsaKey {
                ls_type: LsType::from_number(ls_type)?,
                link_state_id: Ipv4Addr::new(i0, i1, i2, i3),
                advertising_router: RouterId(Ipv4Addr::new(r0, r1, r2, r3)),
            },
            sequence: SequenceNumber(i32::from_be_bytes([s0, s1, s2, s3])),
            checksum: u16::from_be_bytes([c0, c1]),
            length: u16::from_be_bytes([l0, l1]),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.age.to_be_bytes());
        out.extend_from_slice(&[self.options.0, self.key.ls_type.number()]);
        out.extend_from_slice(&self.key.link_state_id.octets());
        out.extend_from_slice(&self.key.advertising_router.0.octets());
        out.extend_from_slice(&self.sequence.0.to_be_bytes());
        out.extend_from_slice(&self.checksum.to_be_bytes());
        out.extend_from_slice(&self.length.to_be_bytes());
    }
}

impl fmt::Display for LsaHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, sequence {}, age {} s, options {}, checksum {:#06x}, {} bytes",
            self.key, self.sequence, self.age, self.options, self.checksum, self.length
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: i32, checksum: u16, age: u16) -> LsaHeader {
        LsaHeader {
            age,
            options: Options::E,
            key: LsaKey::new(LsType::Router, Ipv4Addr::new(1, 1, 1, 1), RouterId::from([1, 1, 1, 1])),
            sequence: SequenceNumber(sequence),
            checksum,
            length: 24,
        }
    }

    #[test]
    fn step_13_1_orders_instances_by_sequence_then_checksum_then_age() {
        use Ordering::{Equal, Greater, Less};
        for (ours, theirs, expected, why) in [
            ((-5, 9, 9), (-6, 10, 0), Greater, "numbers are signed and come first"),
            ((1, 0, 0), (i32::MIN, 0, 0), Greater, "positive is after negative"),
            ((1, 8, 3600), (1, 9, 0), Less, "then the larger checksum"),
            ((1, 9, 3600), (1, 9, 10), Greater, "then MaxAge"),
            ((1, 9, 0), (1, 9, 901), Greater, "then the younger, when far apart"),
            ((1, 9, 901), (1, 9, 0), Less, "and the other way around"),
            ((1, 9, 0), (1, 9, 900), Equal, "900 s are not far apart"),
            ((1, 9, 3600), (1, 9, 3600), Equal, "two flushes are one"),
        ] {
            let (ours, theirs) = (header(ours.0, ours.1, ours.2), header(theirs.0, theirs.1, theirs.2));
            assert_eq!(ours.compare(&theirs), expected, "{why}");
            assert_eq!(theirs.compare(&ours), expected.reverse(), "{why}, reversed");
        }
    }

    #[test]
    fn step_12_1_6_sequence_numbers_grow_from_initial_to_max() {
        assert_eq!(SequenceNumber::INITIAL.to_string(), "0x80000001");
        assert_eq!(SequenceNumber(-1).next(), Some(SequenceNumber(0)));
        assert_eq!(SequenceNumber::MAX.next(), None);
        assert!(SequenceNumber::INITIAL < SequenceNumber::MAX);
    }

    #[test]
    fn keys_order_by_type_then_router_then_id_and_are_small() {
        let key = |ls_type, id: u8, router: u8| {
            LsaKey::new(ls_type, Ipv4Addr::new(id, 0, 0, 0), RouterId::from([router, 0, 0, 0]))
        };
        assert!(key(LsType::Router, 9, 9) < key(LsType::Network, 1, 1));
        assert!(key(LsType::Router, 9, 1) < key(LsType::Router, 1, 2));
        assert!(size_of::<LsaKey>() <= 12);
    }

    #[test]
    fn types_are_their_numbers() {
        for number in 0..=u8::MAX {
            if let Some(ls_type) = LsType::from_number(number) {
                assert_eq!(ls_type.number(), number);
                assert!(LsType::ALL.contains(&ls_type));
            }
        }
        assert_eq!(LsType::External.scope(), Scope::As);
        assert_eq!(LsType::Nssa.scope(), Scope::Area);
    }

    #[test]
    fn an_age_beyond_max_age_is_max_age() {
        let mut bytes = Vec::new();
        header(1, 1, 0xffff).write(&mut bytes);
        let bytes: [u8; 20] = bytes.try_into().unwrap();
        assert_eq!(LsaHeader::from_bytes(&bytes).unwrap().age, MAX_AGE);
    }
}
