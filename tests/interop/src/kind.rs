//! Implementations of OSPF.

use std::{fmt, str::FromStr};

/// Who runs a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// braid's own engine.
    Native,
    /// FRR's zebra and ospfd.
    Frr,
    /// BIRD 2.
    Bird,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Native, Kind::Frr, Kind::Bird];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Native => "native",
            Kind::Frr => "frr",
            Kind::Bird => "bird",
        })
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Kind::ALL.into_iter().find(|kind| kind.to_string() == text);
        found.ok_or_else(|| format!("`{text}` is none of native, frr, bird"))
    }
}
