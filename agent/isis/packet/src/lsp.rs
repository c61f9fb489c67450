//! Link state PDUs: what one node tells all others.

use std::{fmt, net::Ipv4Addr, ops::Range, sync::Arc};

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    AreaAddress, Authentication, BuildError, DecodeError, Frame, LanId, Level, LspHeader, LspId,
    NarrowNeighbour, NarrowPrefix, PduKind, RawTlv, RawTlvs, Tlv, WideNeighbour, WidePrefix, checksum, frame,
    reader::Reader, tlv::code,
};

/// Where the remaining lifetime stands.
pub(crate) const LSP_LIFETIME: Range<usize> = 10..12;
/// Where the checksum stands.
pub(crate) const LSP_CHECKSUM: Range<usize> = 24..26;
/// Where the checksum's cover starts: at the LSP id.
const COVERED: usize = 12;
const FLAGS: usize = 26;
const HEADER: usize = 27;

const PARTITION: u8 = 0x80;
const ATTACHED: u8 = 0x08;
const OVERLOAD: u8 = 0x04;
const IS_TYPE: u8 = 0x03;

/// The flags of an LSP (ISO 10589 §9.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LspFlags {
    /// Whether the router repairs partitions of its area (nobody does).
    pub partition: bool,
    /// Whether the router reaches other areas (by the default metric).
    pub attached: bool,
    /// Whether nothing is to be sent through the router.
    pub overload: bool,
    /// `Two` for a router that speaks level 2, also if it speaks level 1.
    pub is_type: Level,
}

impl LspFlags {
    /// No flag but the type of the router.
    #[must_use]
    pub const fn new(is_type: Level) -> LspFlags {
        LspFlags { partition: false, attached: false, overload: false, is_type }
    }

    fn bits(self) -> u8 {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        bit(self.partition, PARTITION)
            | bit(self.attached, ATTACHED)
            | bit(self.overload, OVERLOAD)
            | match self.is_type {
                Level::One => 1,
                Level::Two => 3,
            }
    }

    fn from_bits(bits: u8) -> LspFlags {
        LspFlags {
            partition: bits & PARTITION != 0,
            attached: bits & ATTACHED != 0,
            overload: bits & OVERLOAD != 0,
            is_type: if bits & IS_TYPE == 1 { Level::One } else { Level::Two },
        }
    }
}

/// The header of an LSP to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLsp {
    /// The level.
    pub level: Level,
    /// Which LSP.
    pub id: LspId,
    /// Sequence number, from 1.
    pub sequence: u32,
    /// Lifetime in seconds; 0 makes a purge.
    pub lifetime: u16,
    /// Flags.
    pub flags: LspFlags,
}

/// A whole, sound LSP: immutable bytes that are cheap to clone.
///
/// ```text
///  | common header (8) | PDU length (2) | lifetime (2) | LSP id (8) | sequence (4) | checksum (2) | flags (1) | TLVs |
///                                                      '-------------- what the checksum covers ----------------'
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Lsp {
    level: Level,
    bytes: Arc<[u8]>,
}

impl Lsp {
    /// An LSP of these bytes, which start with the common header. Bytes after the PDU are left out.
    ///
    /// # Errors
    /// [`DecodeError`] unless the header is sound, all TLVs are whole and the checksum is right. The checksum
    /// of a purge is not looked at: others keep that of the purged LSP (ISO 10589 §7.3.16.4).
    pub fn decode(bytes: &[u8]) -> Result<Lsp, DecodeError> {
        Lsp::from_frame(&Frame::parse(bytes)?)
    }

    pub(crate) fn from_frame(frame: &Frame<'_>) -> Result<Lsp, DecodeError> {
        let PduKind::Lsp(level) = frame.kind() else { return Err(DecodeError::NotLsp(frame.kind())) };
        let lsp = Lsp { level, bytes: frame.bytes().into() };
        let LspHeader { id, lifetime, sequence, checksum } = lsp.header();
        if sequence == 0 {
            return Err(DecodeError::ZeroSequence(id));
        }
        if lifetime != 0 && !checksum::right(&lsp.bytes[COVERED..], LSP_CHECKSUM.start - COVERED) {
            return Err(DecodeError::Checksum { id, checksum });
        }
        Ok(lsp)
    }

    /// A new LSP. The TLVs must not hold authentication: it is put first.
    ///
    /// # Errors
    /// [`BuildError`] if a TLV or the PDU becomes too long, or there is no key to sign with.
    pub fn build(new: &NewLsp, tlvs: &[Tlv], authentication: &Authentication) -> Result<Lsp, BuildError> {
        let mut header = vec![0, 0];
        header.extend(new.lifetime.to_be_bytes());
        header.extend(<[u8; 8]>::from(new.id));
        header.extend(new.sequence.to_be_bytes());
        header.extend([0, 0, new.flags.bits()]);
        let mut bytes = frame::write(PduKind::Lsp(new.level), &header, tlvs, authentication, None)?;
        let checksum = checksum::fletcher(&bytes[COVERED..], LSP_CHECKSUM.start - COVERED);
        bytes[LSP_CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        Ok(Lsp { level: new.level, bytes: bytes.into() })
    }

    /// The purge of an LSP: a header with the lifetime 0. `tlvs` may be what purges may carry
    /// ([`Lsp::illegal_in_purge`]): who purges (RFC 6232), its name.
    ///
    /// # Errors
    /// As [`Lsp::build`].
    pub fn purge(
        level: Level,
        id: LspId,
        sequence: u32,
        tlvs: &[Tlv],
        authentication: &Authentication,
    ) -> Result<Lsp, BuildError> {
        let new = NewLsp { level, id, sequence, lifetime: 0, flags: LspFlags::new(level) };
        Lsp::build(&new, tlvs, authentication)
    }

    /// The same LSP with another remaining lifetime in seconds. Neither checksum nor authentication covers it.
    #[must_use]
    pub fn with_lifetime(&self, lifetime: u16) -> Lsp {
        let mut bytes = Arc::<[u8]>::from(&*self.bytes);
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            bytes[LSP_LIFETIME].copy_from_slice(&lifetime.to_be_bytes());
        }
        Lsp { level: self.level, bytes }
    }

    /// The whole PDU.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The level.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Which LSP.
    #[must_use]
    pub fn id(&self) -> LspId {
        self.header().id
    }

    /// Which LSP in which version.
    #[must_use]
    pub fn header(&self) -> LspHeader {
        let mut reader = Reader(&self.bytes[LSP_LIFETIME.start..]);
        LspHeader::read(&mut reader).expect("every constructor makes or checks a whole header")
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> LspFlags {
        LspFlags::from_bits(self.bytes[FLAGS])
    }

    /// Whether the lifetime has ended.
    #[must_use]
    pub fn is_purge(&self) -> bool {
        self.bytes[LSP_LIFETIME] == [0, 0]
    }

    /// Whether all but the remaining lifetime is the same, and both or neither are purges.
    #[must_use]
    pub fn same_content(&self, other: &Lsp) -> bool {
        self.is_purge() == other.is_purge()
            && self.bytes[..LSP_LIFETIME.start] == other.bytes[..LSP_LIFETIME.start]
            && self.bytes[COVERED..] == other.bytes[COVERED..]
    }

    /// The code of the first TLV that a purge must not carry where authentication is used, lest an attacker
    /// turns an old purge's body into routes (RFC 5304 §2, RFC 6233).
    #[must_use]
    pub fn illegal_in_purge(&self) -> Option<u8> {
        /// Also the fingerprint (15) and the instance identifier (7).
        const LEGAL: [u8; 5] = [7, 15, code::AUTHENTICATION, code::PURGE_ORIGINATOR, code::DYNAMIC_NAME];
        self.raw_tlvs().map(|tlv| tlv.code).find(|code| !LEGAL.contains(code))
    }

    /// The TLVs as they are.
    #[must_use]
    pub fn raw_tlvs(&self) -> RawTlvs<'_> {
        RawTlvs::new(&self.bytes[HEADER..])
    }

    /// The TLVs with their meaning, authentication among them.
    pub fn tlvs(&self) -> impl Iterator<Item = Tlv> + '_ {
        self.raw_tlvs().map(Tlv::decode)
    }

    /// The neighbours of TLVs 2 and 22, without allocating. TLVs that do not read are left out.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> + '_ {
        self.raw_tlvs().flat_map(|RawTlv { code, value }| match code {
            // A byte without a meaning stands before the neighbours.
            code::IS_NEIGHBOURS_NARROW => Entries::new(value.get(1..).unwrap_or_default(), Neighbour::narrow),
            code::IS_NEIGHBOURS => Entries::new(value, Neighbour::wide),
            _ => Entries::new(&[], Neighbour::wide),
        })
    }

    /// The IPv4 prefixes of TLVs 128, 130 and 135, without allocating. TLVs that do not read are left out.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> + '_ {
        self.raw_tlvs().flat_map(|RawTlv { code, value }| match code {
            code::INTERNAL_REACH => Entries::new(value, Prefix::internal),
            code::EXTERNAL_REACH => Entries::new(value, Prefix::external),
            code::EXTENDED_IP => Entries::new(value, Prefix::wide),
            _ => Entries::new(&[], Prefix::wide),
        })
    }

    /// The areas of TLV 1.
    pub fn areas(&self) -> impl Iterator<Item = AreaAddress> + '_ {
        self.raw_tlvs().filter(|tlv| tlv.code == code::AREA_ADDRESSES).flat_map(|RawTlv { value, .. }| {
            Entries::new(value, |reader| AreaAddress::try_from(reader.counted()?).ok())
        })
    }

    /// The addresses of TLV 132.
    pub fn interface_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.raw_tlvs().filter(|tlv| tlv.code == code::IP_INTERFACE_ADDRESSES).flat_map(
            |RawTlv { value, .. }| Entries::new(value, |reader| reader.array::<4>().map(Ipv4Addr::from)),
        )
    }

    /// The host name of TLV 137, if there is one that reads.
    #[must_use]
    pub fn host_name(&self) -> Option<String> {
        self.raw_tlvs().filter(|tlv| tlv.code == code::DYNAMIC_NAME).find_map(|tlv| match Tlv::decode(tlv) {
            Tlv::DynamicName(name) => Some(name),
            _ => None,
        })
    }

    /// The whole PDU as hex digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.bytes)
    }

    /// An LSP from hex digits, white space around them left out.
    ///
    /// # Errors
    /// [`DecodeError::Hex`], or as [`Lsp::decode`].
    pub fn from_hex(text: &str) -> Result<Lsp, DecodeError> {
        Lsp::decode(&hex::decode(text.trim()).map_err(|_| DecodeError::Hex)?)
    }
}

impl fmt::Display for Lsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} LSP {} of {} bytes", self.level, self.header(), self.bytes.len())
    }
}

impl fmt::Debug for Lsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}: ")?;
        f.debug_list().entries(self.tlvs()).finish()
    }
}

impl Serialize for Lsp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.to_hex())
        } else {
            serializer.serialize_bytes(&self.bytes)
        }
    }
}

impl<'de> Deserialize<'de> for Lsp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Lsp::from_hex(&String::deserialize(deserializer)?).map_err(de::Error::custom)
        } else {
            // As a run of bytes and as a list of them, postcard writes the same.
            Lsp::decode(&Vec::<u8>::deserialize(deserializer)?).map_err(de::Error::custom)
        }
    }
}

/// What an LSP tells of a neighbour, whatever the TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Neighbour {
    /// The neighbour, a router or a pseudonode.
    pub node: LanId,
    /// Metric: 0 to 63 if narrow, 0 to 16,777,215 if wide.
    pub metric: u32,
    /// Whether it stands in TLV 22.
    pub wide: bool,
}

impl Neighbour {
    fn narrow(reader: &mut Reader<'_>) -> Option<Neighbour> {
        let NarrowNeighbour { node, metric, .. } = NarrowNeighbour::read(reader)?;
        Some(Neighbour { node, metric: metric.into(), wide: false })
    }

    fn wide(reader: &mut Reader<'_>) -> Option<Neighbour> {
        let (node, metric, _) = WideNeighbour::read_parts(reader)?;
        Some(Neighbour { node, metric, wide: true })
    }
}

/// What an LSP tells of an IPv4 prefix, whatever the TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The prefix; bits beyond its length are zero.
    pub net: Ipv4Net,
    /// Metric: 0 to 63 if narrow.
    pub metric: u32,
    /// Whether it was leaked from level 2 down to level 1.
    pub down: bool,
    /// Whether it stands in TLV 130.
    pub external: bool,
    /// Whether it stands in TLV 130 with a metric that is not comparable with internal ones.
    pub external_metric: bool,
    /// Whether it stands in TLV 135.
    pub wide: bool,
}

impl Prefix {
    /// The I/E bit has no meaning in TLV 128, where all metrics are internal.
    fn internal(reader: &mut Reader<'_>) -> Option<Prefix> {
        let NarrowPrefix { net, metric, down, .. } = NarrowPrefix::read(reader)?;
        let metric = metric.into();
        Some(Prefix { net, metric, down, external: false, external_metric: false, wide: false })
    }

    fn external(reader: &mut Reader<'_>) -> Option<Prefix> {
        let NarrowPrefix { net, metric, down, external_metric } = NarrowPrefix::read(reader)?;
        Some(Prefix { net, metric: metric.into(), down, external: true, external_metric, wide: false })
    }

    fn wide(reader: &mut Reader<'_>) -> Option<Prefix> {
        let (net, metric, down, _) = WidePrefix::read_parts(reader)?;
        Some(Prefix { net, metric, down, external: false, external_metric: false, wide: true })
    }
}

/// The entries of a TLV's value; none if one of them does not read.
struct Entries<'a, T> {
    reader: Reader<'a>,
    read: fn(&mut Reader<'a>) -> Option<T>,
}

impl<'a, T> Entries<'a, T> {
    fn new(value: &'a [u8], read: fn(&mut Reader<'a>) -> Option<T>) -> Entries<'a, T> {
        let mut trial = Reader(value);
        while !trial.is_empty() {
            if read(&mut trial).is_none() {
                return Entries { reader: Reader(&[]), read };
            }
        }
        Entries { reader: Reader(value), read }
    }
}

impl<T> Iterator for Entries<'_, T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        (self.read)(&mut self.reader)
    }
}
