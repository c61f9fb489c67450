//! Entries of the TLVs that tell what a node reaches: neighbours and prefixes.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::{LanId, MAX_LINK_METRIC, reader::Reader};

/// An entry of TLV 2 (ISO 10589 §9.8): a neighbour with a metric of six bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NarrowNeighbour {
    /// The neighbour, a router or a pseudonode.
    pub node: LanId,
    /// Default metric, 0 to 63.
    pub metric: u8,
    /// Whether the metric is not comparable with those inside of the domain (the I/E bit).
    pub external: bool,
}

/// An entry of TLV 22 or 222 (RFC 5305 §3): a neighbour with a metric of 24 bits.
///
/// ```text
///  | system id, pseudonode (7) | metric (3) | length of sub-TLVs (1) | sub-TLVs |
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WideNeighbour {
    /// The neighbour, a router or a pseudonode.
    pub node: LanId,
    /// Metric, 0 to 16,777,215; the greatest means "never use it" ([`MAX_LINK_METRIC`]).
    pub metric: u32,
    /// Sub-TLVs as they are on the wire, at most 244 bytes.
    pub sub_tlvs: Vec<u8>,
}

/// An entry of TLV 128 or 130 (RFC 1195 §5.3, RFC 5302 §2): an IPv4 prefix with a metric of six bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NarrowPrefix {
    /// The prefix; bits beyond its length are zero.
    pub net: Ipv4Net,
    /// Default metric, 0 to 63.
    pub metric: u8,
    /// Whether it was leaked from level 2 down to level 1 (the up/down bit).
    pub down: bool,
    /// Whether the metric is not comparable with internal ones (the I/E bit); counts in TLV 130 only.
    pub external_metric: bool,
}

/// An entry of TLV 135 or 235 (RFC 5305 §4): an IPv4 prefix with a metric of 32 bits.
///
/// ```text
///  | metric (4) | down (1 bit) | sub-TLVs? (1 bit) | length (6 bits) | prefix (0-4) | [length (1) | sub-TLVs] |
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WidePrefix {
    /// The prefix; bits beyond its length are zero.
    pub net: Ipv4Net,
    /// Metric; above [`crate::MAX_PATH_METRIC`] the prefix is not for routing.
    pub metric: u32,
    /// Whether it was leaked from level 2 down to level 1 (the up/down bit).
    pub down: bool,
    /// Sub-TLVs as they are on the wire.
    pub sub_tlvs: Vec<u8>,
}

/// An entry of TLV 236 or 237 (RFC 5308 §2): an IPv6 prefix.
///
/// ```text
///  | metric (4) | down, external, sub-TLVs? (3 bits), reserved | length (1) | prefix (0-16) | [length (1) | sub-TLVs] |
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ipv6Prefix {
    /// The prefix; bits beyond its length are zero.
    pub net: Ipv6Net,
    /// Metric; above [`crate::MAX_PATH_METRIC`] the prefix is not for routing.
    pub metric: u32,
    /// Whether it was leaked from level 2 down to level 1 (the up/down bit).
    pub down: bool,
    /// Whether it came from another routing protocol.
    pub external: bool,
    /// Sub-TLVs as they are on the wire.
    pub sub_tlvs: Vec<u8>,
}

const EXTERNAL: u8 = 0x40;
const UNSUPPORTED: u8 = 0x80;
const DOWN: u8 = 0x80;
const NARROW_METRIC: u8 = 0x3f;

impl NarrowNeighbour {
    /// Bytes that every entry takes.
    pub const LENGTH: usize = 11;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<NarrowNeighbour> {
        let [default, _delay, _expense, _error] = reader.array()?;
        let node = reader.array::<7>()?.into();
        Some(NarrowNeighbour { node, metric: default & NARROW_METRIC, external: default & EXTERNAL != 0 })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let external = if self.external { EXTERNAL } else { 0 };
        out.extend([external | self.metric.min(NARROW_METRIC), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED]);
        out.extend(<[u8; 7]>::from(self.node));
    }
}

impl WideNeighbour {
    /// An entry without sub-TLVs.
    #[must_use]
    pub const fn new(node: LanId, metric: u32) -> WideNeighbour {
        WideNeighbour { node, metric, sub_tlvs: Vec::new() }
    }

    /// Bytes that the entry takes within its TLV.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        11 + self.sub_tlvs.len()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<WideNeighbour> {
        let (node, metric, sub_tlvs) = WideNeighbour::read_parts(reader)?;
        Some(WideNeighbour { node, metric, sub_tlvs: sub_tlvs.to_vec() })
    }

    pub(crate) fn read_parts<'a>(reader: &mut Reader<'a>) -> Option<(LanId, u32, &'a [u8])> {
        Some((reader.array::<7>()?.into(), reader.u24()?, reader.counted()?))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(<[u8; 7]>::from(self.node));
        out.extend(&self.metric.min(MAX_LINK_METRIC).to_be_bytes()[1..]);
        write_counted(&self.sub_tlvs, out);
    }
}

impl NarrowPrefix {
    /// Bytes that every entry takes.
    pub const LENGTH: usize = 12;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<NarrowPrefix> {
        let [default, _delay, _expense, _error] = reader.array()?;
        let address = Ipv4Addr::from(reader.array::<4>()?);
        let mask = Ipv4Addr::from(reader.array::<4>()?);
        Some(NarrowPrefix {
            net: Ipv4Net::with_netmask(address, mask).ok()?.trunc(),
            metric: default & NARROW_METRIC,
            down: default & DOWN != 0,
            external_metric: default & EXTERNAL != 0,
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let down = if self.down { DOWN } else { 0 };
        let external = if self.external_metric { EXTERNAL } else { 0 };
        out.extend([down | external | self.metric.min(NARROW_METRIC), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED]);
        out.extend(self.net.network().octets());
        out.extend(self.net.netmask().octets());
    }
}

const SUB_TLVS: u8 = 0x40;
const V6_EXTERNAL: u8 = 0x40;
const V6_SUB_TLVS: u8 = 0x20;

impl WidePrefix {
    /// An entry without sub-TLVs that was not leaked down.
    #[must_use]
    pub const fn new(net: Ipv4Net, metric: u32) -> WidePrefix {
        WidePrefix { net, metric, down: false, sub_tlvs: Vec::new() }
    }

    /// Bytes that the entry takes within its TLV.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        5 + octets(self.net.prefix_len()) + counted_len(&self.sub_tlvs)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<WidePrefix> {
        let (net, metric, down, sub_tlvs) = WidePrefix::read_parts(reader)?;
        Some(WidePrefix { net, metric, down, sub_tlvs: sub_tlvs.to_vec() })
    }

    pub(crate) fn read_parts<'a>(reader: &mut Reader<'a>) -> Option<(Ipv4Net, u32, bool, &'a [u8])> {
        let metric = reader.u32()?;
        let control = reader.u8()?;
        let length = control & 0x3f;
        let mut address = [0; 4];
        address.get_mut(..octets(length))?.copy_from_slice(reader.bytes(octets(length))?);
        let net = Ipv4Net::new(address.into(), length).ok()?.trunc();
        let sub_tlvs = if control & SUB_TLVS == 0 { &[] } else { reader.counted()? };
        Some((net, metric, control & DOWN != 0, sub_tlvs))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.metric.to_be_bytes());
        let down = if self.down { DOWN } else { 0 };
        let sub_tlvs = if self.sub_tlvs.is_empty() { 0 } else { SUB_TLVS };
        out.push(down | sub_tlvs | self.net.prefix_len());
        out.extend(&self.net.network().octets()[..octets(self.net.prefix_len())]);
        if !self.sub_tlvs.is_empty() {
            write_counted(&self.sub_tlvs, out);
        }
    }
}

impl Ipv6Prefix {
    /// Bytes that the entry takes within its TLV.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        6 + octets(self.net.prefix_len()) + counted_len(&self.sub_tlvs)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Ipv6Prefix> {
        let metric = reader.u32()?;
        let control = reader.u8()?;
        let length = reader.u8()?;
        let mut address = [0; 16];
        address.get_mut(..octets(length))?.copy_from_slice(reader.bytes(octets(length))?);
        let sub_tlvs = if control & V6_SUB_TLVS == 0 { &[] } else { reader.counted()? };
        Some(Ipv6Prefix {
            net: Ipv6Net::new(Ipv6Addr::from(address), length).ok()?.trunc(),
            metric,
            down: control & DOWN != 0,
            external: control & V6_EXTERNAL != 0,
            sub_tlvs: sub_tlvs.to_vec(),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.metric.to_be_bytes());
        let down = if self.down { DOWN } else { 0 };
        let external = if self.external { V6_EXTERNAL } else { 0 };
        let sub_tlvs = if self.sub_tlvs.is_empty() { 0 } else { V6_SUB_TLVS };
        out.extend([down | external | sub_tlvs, self.net.prefix_len()]);
        out.extend(&self.net.network().octets()[..octets(self.net.prefix_len())]);
        if !self.sub_tlvs.is_empty() {
            write_counted(&self.sub_tlvs, out);
        }
    }
}

fn octets(prefix_length: u8) -> usize {
    usize::from(prefix_length).div_ceil(8)
}

fn counted_len(sub_tlvs: &[u8]) -> usize {
    if sub_tlvs.is_empty() { 0 } else { 1 + sub_tlvs.len() }
}

/// Sub-TLVs of more than 255 bytes make the entry, and so its TLV, too long: the TLV's writer refuses it then.
fn write_counted(sub_tlvs: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(sub_tlvs.len()).unwrap_or(u8::MAX));
    out.extend(sub_tlvs);
}
