//! Hellos: who is on a circuit.

use crate::{
    AreaAddress, Authentication, BuildError, CircuitType, DecodeError, LanId, Level, PduKind, RawTlvs,
    SystemId, ThreeWay, Tlv, frame, reader::Reader, tlv::code,
};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A hello on a broadcast circuit (ISO 10589 §9.5, §9.6).
///
/// ```text
///  | circuit type (1) | source (6) | holding time (2) | PDU length (2) | priority (1) | LAN id (7) | TLVs |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanHello {
    /// The level, which the PDU type tells.
    pub level: Level,
    /// Levels that the sender takes part in on the circuit.
    pub circuit_type: CircuitType,
    /// The sender.
    pub source: SystemId,
    /// For how many seconds to believe this.
    pub holding_time: u16,
    /// Priority for becoming the designated router, 0 to 127.
    pub priority: u8,
    /// Designated router of the LAN as the sender sees it, and the number it gave to the LAN.
    pub lan_id: LanId,
    /// What else it tells; decoding leaves out padding and authentication.
    pub tlvs: Vec<Tlv>,
}

/// A hello on a point-to-point circuit (ISO 10589 §9.7).
///
/// ```text
///  | circuit type (1) | source (6) | holding time (2) | PDU length (2) | local circuit id (1) | TLVs |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointToPointHello {
    /// Levels that the sender takes part in on the circuit.
    pub circuit_type: CircuitType,
    /// The sender.
    pub source: SystemId,
    /// For how many seconds to believe this.
    pub holding_time: u16,
    /// The sender's number of the circuit.
    pub circuit_id: u8,
    /// What else it tells; decoding leaves out padding and authentication.
    pub tlvs: Vec<Tlv>,
}

const PRIORITY: u8 = 0x7f;

impl LanHello {
    /// The bytes of the PDU, padded to `pad_to` bytes if that is given.
    ///
    /// # Errors
    /// [`BuildError`] if a TLV or the PDU becomes too long, or there is no key to sign with.
    pub fn encode(
        &self,
        authentication: &Authentication,
        pad_to: Option<u16>,
    ) -> Result<Vec<u8>, BuildError> {
        let mut header = start(self.circuit_type, self.source, self.holding_time);
        header.push(self.priority.min(PRIORITY));
        header.extend(<[u8; 7]>::from(self.lan_id));
        frame::write(PduKind::LanHello(self.level), &header, &self.tlvs, authentication, pad_to)
    }

    pub(crate) fn read(
        level: Level,
        reader: &mut Reader<'_>,
        tlvs: RawTlvs<'_>,
    ) -> Option<Result<LanHello, DecodeError>> {
        let circuit_type = frame::circuit_type(reader.u8()?);
        let source = SystemId(reader.array()?);
        let holding_time = reader.u16()?;
        let _pdu_length = reader.u16()?;
        let priority = reader.u8()? & PRIORITY;
        let lan_id = reader.array::<7>()?.into();
        let tlvs = content(tlvs);
        Some(circuit_type.map(|circuit_type| LanHello {
            level,
            circuit_type,
            source,
            holding_time,
            priority,
            lan_id,
            tlvs,
        }))
    }
}

impl PointToPointHello {
    /// The bytes of the PDU, padded to `pad_to` bytes if that is given.
    ///
    /// # Errors
    /// [`BuildError`] if a TLV or the PDU becomes too long, or there is no key to sign with.
    pub fn encode(
        &self,
        authentication: &Authentication,
        pad_to: Option<u16>,
    ) -> Result<Vec<u8>, BuildError> {
        let mut header = start(self.circuit_type, self.source, self.holding_time);
        header.push(self.circuit_id);
        frame::write(PduKind::PointToPointHello, &header, &self.tlvs, authentication, pad_to)
    }

    pub(crate) fn read(
        reader: &mut Reader<'_>,
        tlvs: RawTlvs<'_>,
    ) -> Option<Result<PointToPointHello, DecodeError>> {
        let circuit_type = frame::circuit_type(reader.u8()?);
        let source = SystemId(reader.array()?);
        let holding_time = reader.u16()?;
        let _pdu_length = reader.u16()?;
        let circuit_id = reader.u8()?;
        let tlvs = content(tlvs);
        Some(circuit_type.map(|circuit_type| PointToPointHello {
            circuit_type,
            source,
            holding_time,
            circuit_id,
            tlvs,
        }))
    }
}

fn start(circuit_type: CircuitType, source: SystemId, holding_time: u16) -> Vec<u8> {
    let mut header = vec![circuit_type.bits()];
    header.extend(source.0);
    header.extend(holding_time.to_be_bytes());
    header.extend([0, 0]);
    header
}

fn content(tlvs: RawTlvs<'_>) -> Vec<Tlv> {
    tlvs.filter(|tlv| !matches!(tlv.code, code::PADDING | code::AUTHENTICATION)).map(Tlv::decode).collect()
}

/// What is asked of the TLVs of a hello or an LSP.
pub trait TlvList {
    /// All area addresses.
    fn areas(&self) -> impl Iterator<Item = AreaAddress> + '_;
    /// The network layer protocols; empty if none is told.
    fn protocols(&self) -> impl Iterator<Item = u8> + '_;
    /// All IPv4 interface addresses.
    fn interface_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_;
    /// All IPv6 interface addresses.
    fn ipv6_interface_addresses(&self) -> impl Iterator<Item = Ipv6Addr> + '_;
    /// The routers heard on a LAN, by their MAC addresses.
    fn lan_neighbours(&self) -> impl Iterator<Item = [u8; 6]> + '_;
    /// The three-way handshake, if there is one that reads.
    fn three_way(&self) -> Option<&ThreeWay>;
    /// Whether a router that starts anew asks to keep the adjacency (RFC 5306).
    fn asks_to_restart(&self) -> bool;
    /// The code of the first TLV that is known and does not read.
    fn malformed(&self) -> Option<u8>;
}

impl TlvList for [Tlv] {
    fn areas(&self) -> impl Iterator<Item = AreaAddress> + '_ {
        self.iter()
            .flat_map(|tlv| match tlv {
                Tlv::AreaAddresses(areas) => areas.as_slice(),
                _ => &[],
            })
            .copied()
    }

    fn protocols(&self) -> impl Iterator<Item = u8> + '_ {
        self.iter()
            .flat_map(|tlv| match tlv {
                Tlv::ProtocolsSupported(protocols) => protocols.as_slice(),
                _ => &[],
            })
            .copied()
    }

    fn interface_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.iter()
            .flat_map(|tlv| match tlv {
                Tlv::IpInterfaceAddresses(addresses) => addresses.as_slice(),
                _ => &[],
            })
            .copied()
    }

    fn ipv6_interface_addresses(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.iter()
            .flat_map(|tlv| match tlv {
                Tlv::Ipv6Interface(addresses) => addresses.as_slice(),
                _ => &[],
            })
            .copied()
    }

    fn lan_neighbours(&self) -> impl Iterator<Item = [u8; 6]> + '_ {
        self.iter()
            .flat_map(|tlv| match tlv {
                Tlv::LanNeighbours(macs) => macs.as_slice(),
                _ => &[],
            })
            .copied()
    }

    fn three_way(&self) -> Option<&ThreeWay> {
        self.iter().find_map(|tlv| match tlv {
            Tlv::ThreeWay(three_way) => Some(three_way),
            _ => None,
        })
    }

    fn asks_to_restart(&self) -> bool {
        self.iter().any(|tlv| matches!(tlv, Tlv::Restart(restart) if restart.request))
    }

    fn malformed(&self) -> Option<u8> {
        self.iter().find_map(|tlv| match tlv {
            Tlv::Malformed { code, .. } => Some(*code),
            _ => None,
        })
    }
}
