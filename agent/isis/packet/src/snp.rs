//! Sequence number PDUs: which versions of LSPs a router has.

use crate::{
    Authentication, BuildError, Level, LspHeader, LspId, PduKind, RawTlvs, SystemId, Tlv, frame,
    reader::Reader,
};

/// A complete sequence numbers PDU (ISO 10589 §9.10, §9.11): all LSPs of a range.
///
/// ```text
///  | PDU length (2) | source, circuit 0 (7) | start (8) | end (8) | TLVs |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csnp {
    /// The level, which the PDU type tells.
    pub level: Level,
    /// The sender.
    pub source: SystemId,
    /// First id of the range.
    pub start: LspId,
    /// Last id of the range, included.
    pub end: LspId,
    /// What the sender has of the range, in order of their ids; what is not named, it does not have.
    pub entries: Vec<LspHeader>,
}

/// A partial sequence numbers PDU (ISO 10589 §9.12, §9.13): acknowledges LSPs on point-to-point circuits, asks for them on LANs.
///
/// ```text
///  | PDU length (2) | source, circuit 0 (7) | TLVs |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Psnp {
    /// The level, which the PDU type tells.
    pub level: Level,
    /// The sender.
    pub source: SystemId,
    /// Versions of LSPs.
    pub entries: Vec<LspHeader>,
}

/// How many entries fit into a sequence number PDU of at most `size` bytes, whose header takes `header`.
const fn capacity(size: usize, header: usize, authentication: usize) -> usize {
    /// Entries of one TLV, and its bytes.
    const FULL: usize = 15;
    const FULL_BYTES: usize = 2 + FULL * LspHeader::LENGTH;
    let room = size.saturating_sub(header + authentication);
    let rest = (room % FULL_BYTES).saturating_sub(2) / LspHeader::LENGTH;
    room / FULL_BYTES * FULL + rest
}

impl Csnp {
    /// How many entries fit into a PDU of at most `size` bytes.
    #[must_use]
    pub fn capacity(size: u16, authentication: &Authentication) -> usize {
        let header = PduKind::Csnp(Level::One).header_len();
        capacity(size.into(), header, authentication.tlv_len())
    }

    /// The bytes of the PDU.
    ///
    /// # Errors
    /// [`BuildError`] if the PDU becomes too long, or there is no key to sign with.
    pub fn encode(&self, authentication: &Authentication) -> Result<Vec<u8>, BuildError> {
        let mut header = start(self.source);
        header.extend(<[u8; 8]>::from(self.start));
        header.extend(<[u8; 8]>::from(self.end));
        write(PduKind::Csnp(self.level), &header, &self.entries, authentication)
    }

    pub(crate) fn read(level: Level, reader: &mut Reader<'_>, tlvs: RawTlvs<'_>) -> Option<Csnp> {
        let source = read_start(reader)?;
        let start = reader.array::<8>()?.into();
        let end = reader.array::<8>()?.into();
        Some(Csnp { level, source, start, end, entries: entries(tlvs) })
    }
}

impl Psnp {
    /// How many entries fit into a PDU of at most `size` bytes.
    #[must_use]
    pub fn capacity(size: u16, authentication: &Authentication) -> usize {
        let header = PduKind::Psnp(Level::One).header_len();
        capacity(size.into(), header, authentication.tlv_len())
    }

    /// The bytes of the PDU.
    ///
    /// # Errors
    /// [`BuildError`] if the PDU becomes too long, or there is no key to sign with.
    pub fn encode(&self, authentication: &Authentication) -> Result<Vec<u8>, BuildError> {
        write(PduKind::Psnp(self.level), &start(self.source), &self.entries, authentication)
    }

    pub(crate) fn read(level: Level, reader: &mut Reader<'_>, tlvs: RawTlvs<'_>) -> Option<Psnp> {
        Some(Psnp { level, source: read_start(reader)?, entries: entries(tlvs) })
    }
}

fn start(source: SystemId) -> Vec<u8> {
    let mut header = vec![0, 0];
    header.extend(<[u8; 7]>::from(source.node()));
    header
}

fn read_start(reader: &mut Reader<'_>) -> Option<SystemId> {
    let _pdu_length = reader.u16()?;
    let source = SystemId(reader.array()?);
    let _circuit = reader.u8()?;
    Some(source)
}

fn write(
    kind: PduKind,
    header: &[u8],
    entries: &[LspHeader],
    authentication: &Authentication,
) -> Result<Vec<u8>, BuildError> {
    let tlv = (!entries.is_empty()).then(|| Tlv::LspEntries(entries.to_vec()));
    frame::write(kind, header, tlv.as_slice(), authentication, None)
}

fn entries(tlvs: RawTlvs<'_>) -> Vec<LspHeader> {
    let mut entries = Vec::new();
    for tlv in tlvs {
        if let Tlv::LspEntries(more) = Tlv::decode(tlv) {
            entries.extend(more);
        }
    }
    entries
}
