//! Type, length, value: what all PDUs carry after their headers.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::{
    AreaAddress, AuthenticationValue, BuildError, DecodeError, Ipv6Prefix, LspHeader, MAX_TLV_VALUE,
    NarrowNeighbour, NarrowPrefix, SystemId, WideNeighbour, WidePrefix, reader::Reader,
};

/// The codes of the TLVs that are known here.
pub mod code {
    #![allow(missing_docs)]
    pub const AREA_ADDRESSES: u8 = 1;
    pub const IS_NEIGHBOURS_NARROW: u8 = 2;
    pub const LAN_NEIGHBOURS: u8 = 6;
    pub const PADDING: u8 = 8;
    pub const LSP_ENTRIES: u8 = 9;
    pub const AUTHENTICATION: u8 = 10;
    pub const PURGE_ORIGINATOR: u8 = 13;
    pub const IS_NEIGHBOURS: u8 = 22;
    pub const INTERNAL_REACH: u8 = 128;
    pub const PROTOCOLS_SUPPORTED: u8 = 129;
    pub const EXTERNAL_REACH: u8 = 130;
    pub const IP_INTERFACE_ADDRESSES: u8 = 132;
    pub const EXTENDED_IP: u8 = 135;
    pub const DYNAMIC_NAME: u8 = 137;
    pub const MT_IS: u8 = 222;
    pub const RESTART: u8 = 211;
    pub const MULTI_TOPOLOGY: u8 = 229;
    pub const IPV6_INTERFACE: u8 = 232;
    pub const MT_IP: u8 = 235;
    pub const IPV6_REACH: u8 = 236;
    pub const MT_IPV6: u8 = 237;
    pub const THREE_WAY: u8 = 240;
}

/// One TLV as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawTlv<'a> {
    /// Code.
    pub code: u8,
    /// Value, at most 255 bytes.
    pub value: &'a [u8],
}

/// All TLVs of a run of bytes, in order. A [`crate::Frame`] makes sure that the last is whole.
#[derive(Clone)]
pub struct RawTlvs<'a>(Reader<'a>);

impl<'a> RawTlvs<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> RawTlvs<'a> {
        RawTlvs(Reader(bytes))
    }
}

impl<'a> Iterator for RawTlvs<'a> {
    type Item = RawTlv<'a>;
    fn next(&mut self) -> Option<RawTlv<'a>> {
        Some(RawTlv { code: self.0.u8()?, value: self.0.counted()? })
    }
}

/// Whether `bytes`, which start at `offset` of their PDU, are whole TLVs up to their end.
pub(crate) fn check(bytes: &[u8], offset: usize) -> Result<(), DecodeError> {
    let mut reader = Reader(bytes);
    loop {
        let at = offset + bytes.len() - reader.0.len();
        let Some(code) = reader.u8() else { return Ok(()) };
        if reader.counted().is_none() {
            return Err(DecodeError::TlvOverrun { code, offset: at });
        }
    }
}

/// A TLV with its meaning.
///
/// Lists may be longer than the 255 bytes of one TLV: they are written as several of the same code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlv {
    /// 1: the areas of the system (ISO 10589 §9.8).
    AreaAddresses(Vec<AreaAddress>),
    /// 2: neighbours with narrow metrics (ISO 10589 §9.8).
    IsNeighboursNarrow(Vec<NarrowNeighbour>),
    /// 6: MAC addresses of the routers heard on a LAN (ISO 10589 §9.5).
    LanNeighbours(Vec<[u8; 6]>),
    /// 8: as many bytes without a meaning.
    Padding(u8),
    /// 9: versions of LSPs (ISO 10589 §9.10).
    LspEntries(Vec<LspHeader>),
    /// 10: authentication, as type and value. Encoders add it themselves: see [`crate::Authentication`].
    Authentication {
        /// 1 password, 3 RFC 5310, 54 HMAC-MD5.
        kind: u8,
        /// What the type says.
        value: AuthenticationValue,
    },
    /// 13: who purged an LSP (RFC 6232).
    PurgeOriginator {
        /// The system that made the purge.
        originator: SystemId,
        /// The system from which the originator had received the LSP, if it says so.
        received_from: Option<SystemId>,
    },
    /// 22: neighbours with wide metrics (RFC 5305 §3).
    IsNeighbours(Vec<WideNeighbour>),
    /// 128: internal IPv4 prefixes with narrow metrics (RFC 1195 §5.3).
    InternalReach(Vec<NarrowPrefix>),
    /// 129: network layer protocol ids that the system speaks (RFC 1195 §5.3).
    ProtocolsSupported(Vec<u8>),
    /// 130: external IPv4 prefixes with narrow metrics (RFC 1195 §5.3).
    ExternalReach(Vec<NarrowPrefix>),
    /// 132: IPv4 addresses of the system or, in a hello, of the interface.
    IpInterfaceAddresses(Vec<Ipv4Addr>),
    /// 135: IPv4 prefixes with wide metrics (RFC 5305 §4).
    ExtendedIp(Vec<WidePrefix>),
    /// 137: the host name of the system (RFC 5301).
    DynamicName(String),
    /// 211: a router that starts anew and wants to keep its adjacencies, or one that helps it (RFC 5306 §3.1).
    Restart(Restart),
    /// 222: neighbours in one topology (RFC 5120 §7.2).
    MtIs {
        /// Id of the topology, 12 bits.
        topology: u16,
        /// The neighbours.
        neighbours: Vec<WideNeighbour>,
    },
    /// 229: topologies that the system is in (RFC 5120 §7.1).
    MultiTopology(Vec<Topology>),
    /// 232: IPv6 addresses of the system or, in a hello, of the interface (RFC 5308 §3).
    Ipv6Interface(Vec<Ipv6Addr>),
    /// 235: IPv4 prefixes in one topology (RFC 5120 §7.3).
    MtIp {
        /// Id of the topology, 12 bits.
        topology: u16,
        /// The prefixes.
        prefixes: Vec<WidePrefix>,
    },
    /// 236: IPv6 prefixes (RFC 5308 §2).
    Ipv6Reach(Vec<Ipv6Prefix>),
    /// 237: IPv6 prefixes in one topology (RFC 5120 §7.4).
    MtIpv6 {
        /// Id of the topology, 12 bits.
        topology: u16,
        /// The prefixes.
        prefixes: Vec<Ipv6Prefix>,
    },
    /// 240: the three-way handshake of point-to-point circuits (RFC 5303).
    ThreeWay(ThreeWay),
    /// A code that is not known here; carried as it is.
    Unknown {
        /// Code.
        code: u8,
        /// Value, at most 255 bytes.
        value: Vec<u8>,
    },
    /// A known code whose value does not read: to be ignored, but the PDU is not refused for it (RFC 8918:
    /// an LSP that some routers keep and others drop makes databases differ).
    Malformed {
        /// Code.
        code: u8,
        /// Value, at most 255 bytes.
        value: Vec<u8>,
    },
}

/// TLV 211 (RFC 5306 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Restart {
    /// RR: the sender has started anew, and asks to keep the adjacency.
    pub request: bool,
    /// SA: the adjacency with the sender is not to be told yet.
    pub suppress: bool,
    /// RA: the request is granted, for so many seconds still.
    pub granted: Option<u16>,
    /// On a LAN, whose request is granted. It needs [`Restart::granted`].
    pub neighbour: Option<SystemId>,
}

/// An entry of TLV 229.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topology {
    /// Id of the topology, 12 bits: 0 IPv4, 2 IPv6.
    pub id: u16,
    /// The overload bit of this topology.
    pub overload: bool,
    /// The attached bit of this topology.
    pub attached: bool,
}

/// State of a point-to-point adjacency in TLV 240; the values are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ThreeWayState {
    /// 0: each side has heard the other hear it.
    Up,
    /// 1: the neighbour was heard.
    Initializing,
    /// 2: nobody was heard.
    Down,
}

/// TLV 240 (RFC 5303 §3). Each field needs those before it: what follows a missing one is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ThreeWay {
    /// State of the adjacency as the sender sees it.
    pub state: ThreeWayState,
    /// The sender's number of the circuit.
    pub circuit: Option<u32>,
    /// The neighbour that the sender hears.
    pub neighbour: Option<SystemId>,
    /// The neighbour's number of the circuit.
    pub neighbour_circuit: Option<u32>,
}

const TOPOLOGY: u16 = 0x0fff;
const TOPOLOGY_OVERLOAD: u16 = 0x8000;
const TOPOLOGY_ATTACHED: u16 = 0x4000;
const RESTART_REQUEST: u8 = 0x01;
const RESTART_ACKNOWLEDGED: u8 = 0x02;
const RESTART_SUPPRESS: u8 = 0x04;

impl Tlv {
    /// The TLV's code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Tlv::AreaAddresses(_) => code::AREA_ADDRESSES,
            Tlv::IsNeighboursNarrow(_) => code::IS_NEIGHBOURS_NARROW,
            Tlv::LanNeighbours(_) => code::LAN_NEIGHBOURS,
            Tlv::Padding(_) => code::PADDING,
            Tlv::LspEntries(_) => code::LSP_ENTRIES,
            Tlv::Authentication { .. } => code::AUTHENTICATION,
            Tlv::PurgeOriginator { .. } => code::PURGE_ORIGINATOR,
            Tlv::IsNeighbours(_) => code::IS_NEIGHBOURS,
            Tlv::InternalReach(_) => code::INTERNAL_REACH,
            Tlv::ProtocolsSupported(_) => code::PROTOCOLS_SUPPORTED,
            Tlv::ExternalReach(_) => code::EXTERNAL_REACH,
            Tlv::IpInterfaceAddresses(_) => code::IP_INTERFACE_ADDRESSES,
            Tlv::ExtendedIp(_) => code::EXTENDED_IP,
            Tlv::DynamicName(_) => code::DYNAMIC_NAME,
            Tlv::Restart(_) => code::RESTART,
            Tlv::MtIs { .. } => code::MT_IS,
            Tlv::MultiTopology(_) => code::MULTI_TOPOLOGY,
            Tlv::Ipv6Interface(_) => code::IPV6_INTERFACE,
            Tlv::MtIp { .. } => code::MT_IP,
            Tlv::Ipv6Reach(_) => code::IPV6_REACH,
            Tlv::MtIpv6 { .. } => code::MT_IPV6,
            Tlv::ThreeWay(_) => code::THREE_WAY,
            Tlv::Unknown { code, .. } | Tlv::Malformed { code, .. } => *code,
        }
    }

    /// The meaning of a TLV; never fails, see [`Tlv::Malformed`].
    #[must_use]
    pub fn decode(raw: RawTlv<'_>) -> Tlv {
        let RawTlv { code, value } = raw;
        match Tlv::read(code, Reader(value)) {
            Some(tlv) => tlv,
            None => Tlv::Malformed { code, value: value.to_vec() },
        }
    }

    fn read(code: u8, mut reader: Reader<'_>) -> Option<Tlv> {
        Some(match code {
            code::AREA_ADDRESSES => {
                Tlv::AreaAddresses(reader.all(|reader| AreaAddress::try_from(reader.counted()?).ok())?)
            }
            code::IS_NEIGHBOURS_NARROW => {
                let _virtual_flag = reader.u8()?;
                Tlv::IsNeighboursNarrow(reader.all(NarrowNeighbour::read)?)
            }
            code::LAN_NEIGHBOURS => Tlv::LanNeighbours(reader.all(Reader::array)?),
            code::PADDING => Tlv::Padding(u8::try_from(reader.0.len()).ok()?),
            code::LSP_ENTRIES => Tlv::LspEntries(reader.all(LspHeader::read)?),
            code::AUTHENTICATION => {
                Tlv::Authentication { kind: reader.u8()?, value: AuthenticationValue(reader.0.to_vec()) }
            }
            code::PURGE_ORIGINATOR => {
                let systems = match reader.u8()? {
                    count @ 1..=2 => reader.bytes(usize::from(count) * 6)?,
                    _ => return None,
                };
                let mut systems = Reader(systems);
                Tlv::PurgeOriginator {
                    originator: SystemId(systems.array()?),
                    received_from: systems.array().map(SystemId),
                }
            }
            code::IS_NEIGHBOURS => Tlv::IsNeighbours(reader.all(WideNeighbour::read)?),
            code::INTERNAL_REACH => Tlv::InternalReach(reader.all(NarrowPrefix::read)?),
            code::PROTOCOLS_SUPPORTED => Tlv::ProtocolsSupported(reader.0.to_vec()),
            code::EXTERNAL_REACH => Tlv::ExternalReach(reader.all(NarrowPrefix::read)?),
            code::IP_INTERFACE_ADDRESSES => {
                Tlv::IpInterfaceAddresses(reader.all(|reader| reader.array::<4>().map(Ipv4Addr::from))?)
            }
            code::EXTENDED_IP => Tlv::ExtendedIp(reader.all(WidePrefix::read)?),
            code::DYNAMIC_NAME => match str::from_utf8(reader.0).ok()? {
                "" => return None,
                name => Tlv::DynamicName(name.to_owned()),
            },
            code::RESTART => Tlv::Restart(Restart::read(&mut reader)?),
            code::MT_IS => {
                Tlv::MtIs { topology: reader.u16()? & TOPOLOGY, neighbours: reader.all(WideNeighbour::read)? }
            }
            code::MULTI_TOPOLOGY => Tlv::MultiTopology(reader.all(Topology::read)?),
            code::IPV6_INTERFACE => {
                Tlv::Ipv6Interface(reader.all(|reader| reader.array::<16>().map(Ipv6Addr::from))?)
            }
            code::MT_IP => {
                Tlv::MtIp { topology: reader.u16()? & TOPOLOGY, prefixes: reader.all(WidePrefix::read)? }
            }
            code::IPV6_REACH => Tlv::Ipv6Reach(reader.all(Ipv6Prefix::read)?),
            code::MT_IPV6 => {
                Tlv::MtIpv6 { topology: reader.u16()? & TOPOLOGY, prefixes: reader.all(Ipv6Prefix::read)? }
            }
            code::THREE_WAY => Tlv::ThreeWay(ThreeWay::read(&mut reader)?),
            code => Tlv::Unknown { code, value: reader.0.to_vec() },
        })
    }

    /// Appends the TLV; a list longer than 255 bytes becomes several TLVs.
    ///
    /// # Errors
    /// [`BuildError::TlvTooLong`] if one entry, or a value that is no list, does not fit. `out` is then of no use.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        let mut list = List { out, code: self.code(), head: &[], start: None };
        match self {
            Tlv::AreaAddresses(areas) => list.write(areas, |area, out| {
                out.push(area.length());
                out.extend(area.bytes());
            }),
            Tlv::IsNeighboursNarrow(neighbours) => {
                list.head = &[0];
                list.write(neighbours, NarrowNeighbour::write)
            }
            Tlv::LanNeighbours(macs) => list.write(macs, |mac, out| out.extend(mac)),
            Tlv::Padding(length) => list.value(&vec![0; usize::from(*length)]),
            Tlv::LspEntries(entries) => list.write(entries, LspHeader::write),
            Tlv::Authentication { kind, value } => list.value(&[&[*kind], value.0.as_slice()].concat()),
            Tlv::PurgeOriginator { originator, received_from: None } => {
                list.value(&[&[1], originator.0.as_slice()].concat())
            }
            Tlv::PurgeOriginator { originator, received_from: Some(from) } => {
                list.value(&[&[2], originator.0.as_slice(), &from.0].concat())
            }
            Tlv::IsNeighbours(neighbours) => list.write(neighbours, WideNeighbour::write),
            Tlv::InternalReach(prefixes) | Tlv::ExternalReach(prefixes) => {
                list.write(prefixes, NarrowPrefix::write)
            }
            Tlv::ProtocolsSupported(protocols) => list.value(protocols),
            Tlv::IpInterfaceAddresses(addresses) => {
                list.write(addresses, |address, out| out.extend(address.octets()))
            }
            Tlv::ExtendedIp(prefixes) => list.write(prefixes, WidePrefix::write),
            Tlv::DynamicName(name) => list.value(name.as_bytes()),
            Tlv::Restart(restart) => list.value(&restart.bytes()),
            Tlv::MtIs { topology, neighbours } => {
                let head = (topology & TOPOLOGY).to_be_bytes();
                List { head: &head, ..list }.write(neighbours, WideNeighbour::write)
            }
            Tlv::MultiTopology(topologies) => list.write(topologies, Topology::write),
            Tlv::Ipv6Interface(addresses) => {
                list.write(addresses, |address, out| out.extend(address.octets()))
            }
            Tlv::MtIp { topology, prefixes } => {
                let head = (topology & TOPOLOGY).to_be_bytes();
                List { head: &head, ..list }.write(prefixes, WidePrefix::write)
            }
            Tlv::Ipv6Reach(prefixes) => list.write(prefixes, Ipv6Prefix::write),
            Tlv::MtIpv6 { topology, prefixes } => {
                let head = (topology & TOPOLOGY).to_be_bytes();
                List { head: &head, ..list }.write(prefixes, Ipv6Prefix::write)
            }
            Tlv::ThreeWay(three_way) => list.value(&three_way.bytes()),
            Tlv::Unknown { value, .. } | Tlv::Malformed { value, .. } => list.value(value),
        }
    }

    /// Bytes that [`Tlv::encode`] appends.
    ///
    /// # Errors
    /// As [`Tlv::encode`].
    pub fn encoded_len(&self) -> Result<usize, BuildError> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        Ok(bytes.len())
    }
}

/// Writes entries into TLVs of one code, a new TLV whenever one is full.
struct List<'a> {
    out: &'a mut Vec<u8>,
    code: u8,
    /// What every TLV of the list starts with.
    head: &'a [u8],
    /// Where the value of the TLV being filled starts.
    start: Option<usize>,
}

impl List<'_> {
    fn write<T>(&mut self, entries: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> Result<(), BuildError> {
        let mut entry_bytes = Vec::new();
        self.open();
        for entry in entries {
            entry_bytes.clear();
            write(entry, &mut entry_bytes);
            if self.room() < entry_bytes.len() {
                self.open();
            }
            if self.room() < entry_bytes.len() {
                let length = self.head.len() + entry_bytes.len();
                return Err(BuildError::TlvTooLong { code: self.code, length });
            }
            self.append(&entry_bytes);
        }
        Ok(())
    }

    fn value(&mut self, value: &[u8]) -> Result<(), BuildError> {
        if value.len() > MAX_TLV_VALUE {
            return Err(BuildError::TlvTooLong { code: self.code, length: value.len() });
        }
        self.open();
        self.append(value);
        Ok(())
    }

    fn open(&mut self) {
        self.out.extend([self.code, 0]);
        self.start = Some(self.out.len());
        self.append(self.head);
    }

    fn room(&self) -> usize {
        self.start.map_or(0, |start| MAX_TLV_VALUE - (self.out.len() - start))
    }

    fn append(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
        if let Some(start) = self.start {
            self.out[start - 1] = u8::try_from(self.out.len() - start).unwrap_or(u8::MAX);
        }
    }
}

impl Topology {
    fn read(reader: &mut Reader<'_>) -> Option<Topology> {
        let bits = reader.u16()?;
        Some(Topology {
            id: bits & TOPOLOGY,
            overload: bits & TOPOLOGY_OVERLOAD != 0,
            attached: bits & TOPOLOGY_ATTACHED != 0,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let overload = if self.overload { TOPOLOGY_OVERLOAD } else { 0 };
        let attached = if self.attached { TOPOLOGY_ATTACHED } else { 0 };
        out.extend((overload | attached | self.id & TOPOLOGY).to_be_bytes());
    }
}

impl Restart {
    fn read(reader: &mut Reader<'_>) -> Option<Restart> {
        // The flags may stand alone, and whatever newer RFCs append is not for us.
        let flags = reader.u8()?;
        let remaining = reader.u16().unwrap_or(0);
        let granted = (flags & RESTART_ACKNOWLEDGED != 0).then_some(remaining);
        Some(Restart {
            request: flags & RESTART_REQUEST != 0,
            suppress: flags & RESTART_SUPPRESS != 0,
            granted,
            neighbour: granted.and_then(|_| reader.array()).map(SystemId),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let mut bytes = vec![
            bit(self.request, RESTART_REQUEST)
                | bit(self.suppress, RESTART_SUPPRESS)
                | bit(self.granted.is_some(), RESTART_ACKNOWLEDGED),
        ];
        if let Some(granted) = self.granted {
            bytes.extend(granted.to_be_bytes());
            bytes.extend(self.neighbour.iter().flat_map(|neighbour| neighbour.0));
        }
        bytes
    }
}

impl ThreeWay {
    fn read(reader: &mut Reader<'_>) -> Option<ThreeWay> {
        let state = match reader.u8()? {
            0 => ThreeWayState::Up,
            1 => ThreeWayState::Initializing,
            2 => ThreeWayState::Down,
            _ => return None,
        };
        // Each field only after the one before it: other lengths than 1, 5, 11 and 15 are none.
        let circuit = reader.u32();
        let neighbour = circuit.and_then(|_| reader.array()).map(SystemId);
        let neighbour_circuit = neighbour.and_then(|_| reader.u32());
        reader.is_empty().then_some(ThreeWay { state, circuit, neighbour, neighbour_circuit })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![match self.state {
            ThreeWayState::Up => 0,
            ThreeWayState::Initializing => 1,
            ThreeWayState::Down => 2,
        }];
        if let Some(circuit) = self.circuit {
            bytes.extend(circuit.to_be_bytes());
            if let Some(neighbour) = self.neighbour {
                bytes.extend(neighbour.0);
                bytes.extend(self.neighbour_circuit.into_iter().flat_map(u32::to_be_bytes));
            }
        }
        bytes
    }
}
