//! What origination asks for.

use std::fmt;

use braid_isis_packet::{LanId, Level, Lsp, LspId};
use serde::{Deserialize, Serialize};

/// What [`super::Origination::run`] asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issue {
    /// An own LSP, or with lifetime zero the purge of one: put it into the database and flood it on all circuits.
    Install(Lsp),
    /// Something that the operator should know.
    Problem(Problem),
}

/// Why own LSPs do not say what they should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// Fragment 0 has no room for what must stand in it: what was said before stays.
    TooSmall {
        /// The level.
        level: Level,
        /// The router or pseudonode.
        node: LanId,
        /// Bytes of what must stand in fragment 0.
        needed: usize,
        /// Bytes it has for TLVs: raise the LSP MTU, or shorten names and keys.
        room: usize,
    },
    /// All 256 fragments are full: prefixes from elsewhere are left out first, then own ones, then neighbours.
    LeftOut {
        /// The level.
        level: Level,
        /// The router or pseudonode.
        node: LanId,
        /// How many entries are not said.
        entries: usize,
    },
    /// An LSP could not be built or signed: what was said before stays.
    Unbuilt {
        /// The level.
        level: Level,
        /// The LSP.
        id: LspId,
        /// Why.
        reason: String,
    },
    /// Somebody says or purges this LSP of ours again and again: another router may have our system id.
    Contested {
        /// The level.
        level: Level,
        /// The LSP.
        id: LspId,
    },
    /// The sequence numbers of an LSP are used up: it is purged, and silent until others have forgotten it (ISO 10589
    /// §7.3.16.1).
    SequenceWrapped {
        /// The level.
        level: Level,
        /// The LSP.
        id: LspId,
        /// For how long, in seconds.
        silent_s: u64,
    },
}

impl Problem {
    /// What tells one problem from another, whatever its figures.
    pub(super) fn cause(&self) -> (u8, LspId) {
        match self {
            Self::TooSmall { node, .. } => (0, node.fragment(0)),
            Self::LeftOut { node, .. } => (1, node.fragment(0)),
            Self::Unbuilt { id, .. } => (2, *id),
            Self::Contested { id, .. } => (3, *id),
            Self::SequenceWrapped { id, .. } => (4, *id),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { level, node, needed, room } => write!(
                f,
                "{node} at {level}: fragment 0 has {room} bytes and needs {needed}; what was said before stays \
                 (raise the LSP MTU, or shorten the host name or password)"
            ),
            Self::LeftOut { level, node, entries } => {
                write!(f, "{node} at {level}: all 256 fragments are full; {entries} entries are left out")
            }
            Self::Unbuilt { level, id, reason } => write!(f, "{id} at {level} cannot be built: {reason}"),
            Self::Contested { level, id } => {
                write!(
                    f,
                    "{id} at {level} is contested again and again: another router may have our system id"
                )
            }
            Self::SequenceWrapped { level, id, silent_s } => {
                write!(f, "{id} at {level} has used up its sequence numbers and is silent for {silent_s} s")
            }
        }
    }
}
