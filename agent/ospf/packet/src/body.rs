//! The contents of LSAs, one type each.

use std::net::Ipv4Addr;

use crate::{
    BuildError, DecodeError, Item, LS_INFINITY, LsType, LsaHeader, NetworkLsa, RouterLsa,
    reader::{Reader, mask_bytes},
};

/// What an LSA says, without its header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LsaBody {
    /// Type 1.
    Router(RouterLsa),
    /// Type 2.
    Network(NetworkLsa),
    /// Type 3: the link state id is the network's address.
    Summary(SummaryLsa),
    /// Type 4: the link state id is the AS boundary router's id; the mask means nothing.
    AsbrSummary(SummaryLsa),
    /// Type 5: the link state id is the network's address.
    External(ExternalLsa),
    /// Type 7: as type 5, within an NSSA.
    Nssa(ExternalLsa),
    /// Types 9, 10 and 11. The link state id begins with the opaque type.
    Opaque {
        /// One of the three opaque types.
        ls_type: LsType,
        /// The application's data.
        data: Vec<u8>,
    },
}

/// ```text
/// |                         Network Mask                          |
/// |      0        |                  metric                       |
/// |     TOS       |                TOS  metric                    |  … any number, not kept
/// ```
/// A network or an AS boundary router of another area (RFC 2328 §A.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SummaryLsa {
    /// Prefix length of the network, 0 to 32; 0 for an AS boundary router.
    pub mask: u8,
    /// Cost from the advertising router, 0 to [`LS_INFINITY`].
    pub metric: u32,
}

/// ```text
/// |                         Network Mask                          |
/// |E|     0       |                  metric                       |
/// |                      Forwarding address                       |
/// |                      External Route Tag                       |
/// |E|    TOS      |                TOS  metric                    |  … any number of these three, not kept
/// ```
/// A network outside of the AS (RFC 2328 §A.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExternalLsa {
    /// Prefix length of the network, 0 to 32.
    pub mask: u8,
    /// Whether the metric is of type 2: larger than any cost within the AS. (The E bit.)
    pub type2: bool,
    /// The metric, 0 to [`LS_INFINITY`].
    pub metric: u32,
    /// Where packets are to be sent, 0.0.0.0 for the advertising router itself.
    pub forwarding: Ipv4Addr,
    /// A number for the AS boundary routers, not used by OSPF.
    pub tag: u32,
}

impl LsaBody {
    /// The LS type of these contents.
    #[must_use]
    pub fn ls_type(&self) -> LsType {
        match self {
            Self::Router(_) => LsType::Router,
            Self::Network(_) => LsType::Network,
            Self::Summary(_) => LsType::Summary,
            Self::AsbrSummary(_) => LsType::AsbrSummary,
            Self::External(_) => LsType::External,
            Self::Nssa(_) => LsType::Nssa,
            Self::Opaque { ls_type, .. } => *ls_type,
        }
    }

    /// Bytes on the wire, without the LSA header.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Router(body) => 4 + 12 * body.links.len(),
            Self::Network(body) => 4 + 4 * body.routers.len(),
            Self::Summary(_) | Self::AsbrSummary(_) => 8,
            Self::External(_) | Self::Nssa(_) => 16,
            Self::Opaque { data, .. } => data.len(),
        }
    }

    /// Whether `bytes` are a body of this type; allocates nothing.
    pub(crate) fn check(ls_type: LsType, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(Item::Lsa(ls_type), bytes, LsaHeader::LENGTH);
        match ls_type {
            LsType::Router => RouterLsa::check(&mut reader),
            LsType::Network => NetworkLsa::check(&mut reader),
            LsType::Summary | LsType::AsbrSummary => SummaryLsa::read(&mut reader, ls_type).map(drop),
            LsType::External | LsType::Nssa => ExternalLsa::read(&mut reader).map(drop),
            LsType::OpaqueLink | LsType::OpaqueArea | LsType::OpaqueAs => Ok(()),
        }
    }

    /// The contents in `bytes`.
    pub(crate) fn parse(ls_type: LsType, bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::check(ls_type, bytes)?;
        let mut reader = Reader::new(Item::Lsa(ls_type), bytes, LsaHeader::LENGTH);
        Ok(match ls_type {
            LsType::Router => Self::Router(RouterLsa::from_checked(bytes)),
            LsType::Network => Self::Network(NetworkLsa::from_checked(bytes)),
            LsType::Summary => Self::Summary(SummaryLsa::read(&mut reader, ls_type)?),
            LsType::AsbrSummary => Self::AsbrSummary(SummaryLsa::read(&mut reader, ls_type)?),
            LsType::External => Self::External(ExternalLsa::read(&mut reader)?),
            LsType::Nssa => Self::Nssa(ExternalLsa::read(&mut reader)?),
            LsType::OpaqueLink | LsType::OpaqueArea | LsType::OpaqueAs => {
                Self::Opaque { ls_type, data: bytes.to_vec() }
            }
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        match self {
            Self::Router(body) => body.write(out),
            Self::Network(body) => body.write(out),
            Self::Summary(body) => body.write(out),
            Self::AsbrSummary(body) => SummaryLsa { mask: 0, ..*body }.write(out),
            Self::External(body) | Self::Nssa(body) => body.write(out),
            Self::Opaque { ls_type, data } if ls_type.is_opaque() => {
                out.extend_from_slice(data);
                Ok(())
            }
            Self::Opaque { ls_type, .. } => Err(BuildError::NotOpaque(*ls_type)),
        }
    }
}

/// The network mask of a prefix length, or an error over 32.
pub(crate) fn checked_mask(length: u8) -> Result<[u8; 4], BuildError> {
    if length <= 32 { Ok(mask_bytes(length)) } else { Err(BuildError::PrefixLength(length)) }
}

/// The three bytes of a metric, with a byte in front.
fn checked_metric(first: u8, metric: u32) -> Result<[u8; 4], BuildError> {
    if metric > LS_INFINITY {
        return Err(BuildError::Metric(metric));
    }
    Ok((u32::from(first) << 24 | metric).to_be_bytes())
}

impl SummaryLsa {
    fn read(reader: &mut Reader<'_>, ls_type: LsType) -> Result<Self, DecodeError> {
        let mask = match ls_type {
            // Nobody reads it, so nothing may be wrong with it.
            LsType::AsbrSummary => reader.u32().map(|_| 0)?,
            _ => reader.mask()?,
        };
        let metric = reader.u32()? & LS_INFINITY;
        // Metrics for types of service (RFC 1583).
        while reader.remaining() > 0 {
            reader.take(4)?;
        }
        Ok(Self { mask, metric })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend_from_slice(&checked_mask(self.mask)?);
        out.extend_from_slice(&checked_metric(0, self.metric)?);
        Ok(())
    }
}

impl ExternalLsa {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mask = reader.mask()?;
        let metric = reader.u32()?;
        let body = Self {
            mask,
            type2: metric >> 31 == 1,
            metric: metric & LS_INFINITY,
            forwarding: reader.address()?,
            tag: reader.u32()?,
        };
        // Metrics for types of service (RFC 1583).
        while reader.remaining() > 0 {
            reader.take(12)?;
        }
        Ok(body)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend_from_slice(&checked_mask(self.mask)?);
        out.extend_from_slice(&checked_metric(u8::from(self.type2) << 7, self.metric)?);
        out.extend_from_slice(&self.forwarding.octets());
        out.extend_from_slice(&self.tag.to_be_bytes());
        Ok(())
    }
}
