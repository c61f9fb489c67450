//! From bytes to PDUs: the common header, then the PDU's own part.

use std::fmt;

use crate::{
    AuthError, Authentication, BuildError, CircuitType, Csnp, DISCRIMINATOR, DecodeError, LanHello, Level,
    Lsp, PointToPointHello, Psnp, RawTlvs, SystemId, Tlv, reader::Reader, tlv,
};

/// The types of PDUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PduKind {
    /// Hello on a broadcast circuit, types 15 and 16.
    LanHello(Level),
    /// Hello on a point-to-point circuit, type 17.
    PointToPointHello,
    /// Link state PDU, types 18 and 20.
    Lsp(Level),
    /// Complete sequence numbers PDU, types 24 and 25.
    Csnp(Level),
    /// Partial sequence numbers PDU, types 26 and 27.
    Psnp(Level),
}

impl PduKind {
    /// The number of the type on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            PduKind::LanHello(Level::One) => 15,
            PduKind::LanHello(Level::Two) => 16,
            PduKind::PointToPointHello => 17,
            PduKind::Lsp(Level::One) => 18,
            PduKind::Lsp(Level::Two) => 20,
            PduKind::Csnp(Level::One) => 24,
            PduKind::Csnp(Level::Two) => 25,
            PduKind::Psnp(Level::One) => 26,
            PduKind::Psnp(Level::Two) => 27,
        }
    }

    const fn from_number(number: u8) -> Option<PduKind> {
        Some(match number {
            15 => PduKind::LanHello(Level::One),
            16 => PduKind::LanHello(Level::Two),
            17 => PduKind::PointToPointHello,
            18 => PduKind::Lsp(Level::One),
            20 => PduKind::Lsp(Level::Two),
            24 => PduKind::Csnp(Level::One),
            25 => PduKind::Csnp(Level::Two),
            26 => PduKind::Psnp(Level::One),
            27 => PduKind::Psnp(Level::Two),
            _ => return None,
        })
    }

    /// The level, which a point-to-point hello does not have.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            PduKind::LanHello(level) | PduKind::Lsp(level) | PduKind::Csnp(level) | PduKind::Psnp(level) => {
                Some(level)
            }
            PduKind::PointToPointHello => None,
        }
    }

    /// Bytes before the first TLV, the common header included.
    #[must_use]
    pub const fn header_len(self) -> usize {
        self.length_indicator() as usize
    }

    const fn length_indicator(self) -> u8 {
        match self {
            PduKind::LanHello(_) | PduKind::Lsp(_) => 27,
            PduKind::PointToPointHello => 20,
            PduKind::Csnp(_) => 33,
            PduKind::Psnp(_) => 17,
        }
    }

    /// Where the PDU's length stands.
    const fn length_offset(self) -> usize {
        match self {
            PduKind::LanHello(_) | PduKind::PointToPointHello => 17,
            PduKind::Lsp(_) | PduKind::Csnp(_) | PduKind::Psnp(_) => 8,
        }
    }
}

impl fmt::Display for PduKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PduKind::LanHello(level) => write!(f, "{level} LAN hello"),
            PduKind::PointToPointHello => f.write_str("point-to-point hello"),
            PduKind::Lsp(level) => write!(f, "{level} LSP"),
            PduKind::Csnp(level) => write!(f, "{level} CSNP"),
            PduKind::Psnp(level) => write!(f, "{level} PSNP"),
        }
    }
}

/// Any PDU, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pdu {
    /// Hello on a broadcast circuit.
    LanHello(LanHello),
    /// Hello on a point-to-point circuit.
    PointToPointHello(PointToPointHello),
    /// Link state PDU.
    Lsp(Lsp),
    /// Complete sequence numbers PDU.
    Csnp(Csnp),
    /// Partial sequence numbers PDU.
    Psnp(Psnp),
}

/// A received PDU whose header is sound and whose TLVs are whole.
///
/// ```text
///  | 0x83 | header length | version 1 | id length 0 | type | version 1 | reserved | maximum areas 0 |  (ISO 10589 §9)
/// ```
///
/// Look at [`Frame::kind`], then [`Frame::verify`] with the authentication that fits it, then [`Frame::pdu`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    kind: PduKind,
    /// The PDU without what followed it.
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks the header and that all TLVs end within the PDU. Bytes after the PDU are ignored: Ethernet pads.
    ///
    /// # Errors
    /// [`DecodeError`], saying which byte is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Frame<'a>, DecodeError> {
        let short = DecodeError::Short { needed: COMMON, got: bytes.len() };
        let ([discriminator, indicator, protocol, id_length, kind, version, _, areas], _) =
            bytes.split_first_chunk().ok_or(short)?;
        if *discriminator != DISCRIMINATOR {
            return Err(DecodeError::Discriminator(*discriminator));
        }
        for (version, offset) in [(*protocol, 2), (*version, 5)] {
            if version != 1 {
                return Err(DecodeError::Version { version, offset });
            }
        }
        if !matches!(id_length, 0 | 6) {
            return Err(DecodeError::IdLength(*id_length));
        }
        if !matches!(areas, 0 | 3) {
            return Err(DecodeError::MaximumAreas(*areas));
        }
        // The three high bits are reserved.
        let number = kind & 0x1f;
        let kind = PduKind::from_number(number).ok_or(DecodeError::PduType(number))?;
        let header = kind.header_len();
        if *indicator != kind.length_indicator() {
            return Err(DecodeError::HeaderLength {
                kind,
                expected: kind.length_indicator(),
                got: *indicator,
            });
        }
        let offset = kind.length_offset();
        let declared = bytes.get(offset..).and_then(|rest| Reader(rest).u16());
        let declared = declared.ok_or(DecodeError::Short { needed: header, got: bytes.len() })?;
        let pdu = bytes.get(..declared.into()).filter(|pdu| pdu.len() >= header);
        let bytes = pdu.ok_or(DecodeError::PduLength { declared, offset, got: bytes.len(), header })?;
        tlv::check(&bytes[header..], header)?;
        Ok(Frame { kind, bytes })
    }

    /// The type of the PDU.
    #[must_use]
    pub const fn kind(&self) -> PduKind {
        self.kind
    }

    /// The PDU, without what followed it.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The TLVs as they are.
    #[must_use]
    pub fn raw_tlvs(&self) -> RawTlvs<'a> {
        RawTlvs::new(&self.bytes[self.kind.header_len()..])
    }

    /// The system that a hello, CSNP or PSNP says it is from; `None` for an LSP, which does not tell who sends it.
    #[must_use]
    pub fn source(&self) -> Option<SystemId> {
        let at = match self.kind {
            PduKind::LanHello(_) | PduKind::PointToPointHello => 9,
            PduKind::Csnp(_) | PduKind::Psnp(_) => 10,
            PduKind::Lsp(_) => return None,
        };
        Reader(self.bytes.get(at..)?).array().map(SystemId)
    }

    /// Whether the PDU is from someone who shares the secret.
    ///
    /// # Errors
    /// [`AuthError`], saying what is missing or wrong.
    pub fn verify(&self, authentication: &Authentication) -> Result<(), AuthError> {
        authentication.verify(self.kind, self.bytes)
    }

    /// The PDU with its meaning.
    ///
    /// # Errors
    /// [`DecodeError::CircuitType`] in a hello, [`DecodeError::Checksum`] and [`DecodeError::ZeroSequence`] in an LSP.
    pub fn pdu(&self) -> Result<Pdu, DecodeError> {
        let header = self.kind.header_len();
        let short = DecodeError::Short { needed: header, got: self.bytes.len() };
        let mut reader = Reader(&self.bytes[COMMON..]);
        match self.kind {
            PduKind::LanHello(level) => {
                LanHello::read(level, &mut reader, self.raw_tlvs()).ok_or(short)?.map(Pdu::LanHello)
            }
            PduKind::PointToPointHello => PointToPointHello::read(&mut reader, self.raw_tlvs())
                .ok_or(short)?
                .map(Pdu::PointToPointHello),
            PduKind::Lsp(_) => Lsp::from_frame(self).map(Pdu::Lsp),
            PduKind::Csnp(level) => {
                Csnp::read(level, &mut reader, self.raw_tlvs()).map(Pdu::Csnp).ok_or(short)
            }
            PduKind::Psnp(level) => {
                Psnp::read(level, &mut reader, self.raw_tlvs()).map(Pdu::Psnp).ok_or(short)
            }
        }
    }
}

/// Length of the common header.
const COMMON: usize = 8;

/// Writes a PDU: `header` is what stands between the common header and the TLVs, with zeros for the PDU's length.
/// The authentication TLV goes first. `pad_to` fills up with padding TLVs to that many bytes.
pub(crate) fn write(
    kind: PduKind,
    header: &[u8],
    tlvs: &[Tlv],
    authentication: &Authentication,
    pad_to: Option<u16>,
) -> Result<Vec<u8>, BuildError> {
    let mut pdu = vec![DISCRIMINATOR, kind.length_indicator(), 1, 0, kind.number(), 1, 0, 0];
    pdu.extend(header);
    pdu.extend(authentication.tlv()?);
    for tlv in tlvs {
        tlv.encode(&mut pdu)?;
    }
    if let Some(size) = pad_to {
        pad(&mut pdu, size.into())?;
    }
    let length = u16::try_from(pdu.len()).map_err(|_| BuildError::PduTooLong(pdu.len()))?;
    let at = kind.length_offset();
    pdu[at..at + 2].copy_from_slice(&length.to_be_bytes());
    authentication.sign(kind, &mut pdu);
    Ok(pdu)
}

/// Padding TLVs up to `size` bytes; one byte less if only one byte were left over for a TLV.
fn pad(pdu: &mut Vec<u8>, size: usize) -> Result<(), BuildError> {
    while let Some(room @ 2..) = size.checked_sub(pdu.len()) {
        let value = match room - 2 {
            // A full TLV here would leave a single byte, which no TLV fits into.
            256 => 254,
            value => value.min(255),
        };
        Tlv::Padding(u8::try_from(value).unwrap_or(u8::MAX)).encode(pdu)?;
    }
    Ok(())
}

/// The circuit type of a hello.
pub(crate) fn circuit_type(bits: u8) -> Result<CircuitType, DecodeError> {
    CircuitType::from_bits(bits).ok_or(DecodeError::CircuitType)
}
