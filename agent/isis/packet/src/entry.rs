//! What tells one version of an LSP from another, in its header and in sequence number PDUs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{LspId, reader::Reader};

/// The version of one LSP: an entry of TLV 9, and the fields of an LSP's own header.
///
/// ```text
///  | remaining lifetime (2) | LSP id (8) | sequence number (4) | checksum (2) |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LspHeader {
    /// Which LSP.
    pub id: LspId,
    /// Remaining lifetime in seconds; 0 in a purge.
    pub lifetime: u16,
    /// Sequence number; 0 in a PSNP asks for an LSP that one does not have.
    pub sequence: u32,
    /// The checksum of the LSP.
    pub checksum: u16,
}

/// How one version of an LSP relates to another (ISO 10589 §7.3.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// The first is newer.
    Newer,
    /// The same version.
    Same,
    /// The first is older.
    Older,
    /// The same sequence number over other contents: the source must outrun it, others treat the LSP as
    /// one whose lifetime ended (§7.3.16.2).
    Conflict,
}

impl LspHeader {
    /// Bytes that every entry takes.
    pub const LENGTH: usize = 16;

    /// How this version relates to `other` of the same LSP: the greater sequence number is newer, of two
    /// equal ones a purge is. Two live ones with other checksums are in conflict.
    #[must_use]
    pub fn compare(&self, other: &LspHeader) -> Comparison {
        if self.sequence != other.sequence {
            return if self.sequence > other.sequence { Comparison::Newer } else { Comparison::Older };
        }
        match (self.lifetime, other.lifetime) {
            (0, 0) => Comparison::Same,
            (0, _) => Comparison::Newer,
            (_, 0) => Comparison::Older,
            _ if self.checksum != other.checksum => Comparison::Conflict,
            _ => Comparison::Same,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<LspHeader> {
        let lifetime = reader.u16()?;
        let id = reader.array::<8>()?.into();
        Some(LspHeader { id, lifetime, sequence: reader.u32()?, checksum: reader.u16()? })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.lifetime.to_be_bytes());
        out.extend(<[u8; 8]>::from(self.id));
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.checksum.to_be_bytes());
    }
}

impl fmt::Display for LspHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LspHeader { id, lifetime, sequence, checksum } = self;
        write!(f, "{id} sequence {sequence:#010x} checksum {checksum:#06x} lifetime {lifetime} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_is_the_greater_sequence_then_the_purge() {
        let live = LspHeader { id: LspId::FIRST, lifetime: 900, sequence: 5, checksum: 0x1234 };
        let aged = LspHeader { lifetime: 20, ..live };
        let purge = LspHeader { lifetime: 0, checksum: 0, ..live };
        let next = LspHeader { sequence: 6, ..live };
        let other = LspHeader { checksum: 0x4321, ..live };
        assert_eq!(live.compare(&aged), Comparison::Same);
        assert_eq!(purge.compare(&live), Comparison::Newer);
        assert_eq!(live.compare(&purge), Comparison::Older);
        assert_eq!(next.compare(&purge), Comparison::Newer);
        assert_eq!(live.compare(&next), Comparison::Older);
        assert_eq!(live.compare(&other), Comparison::Conflict);
        assert_eq!(purge.compare(&LspHeader { checksum: 7, ..purge }), Comparison::Same);
    }
}
