//! The routing engines that braid can run, and what each is made of.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text names no engine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown engine `{text}`{hint}: engines are {}", Engine::ALL.map(Engine::as_str).join(", "))]
pub struct UnknownEngine {
    text: String,
    hint: String,
}

/// A routing implementation that a virtual network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// FRR's ospfd with zebra: OSPFv2.
    FrrOspf,
    /// FRR's isisd with zebra: IS-IS, level 2, wide metrics.
    FrrIsis,
    /// BIRD 2's OSPFv2.
    BirdOspf,
    /// braid's own OSPFv2, in the `braid` binary itself.
    NativeOspf,
    /// braid's own IS-IS: level 2, wide metrics; written apart from its OSPFv2, in the same binary.
    NativeIsis,
}

impl Engine {
    /// Every engine, in the order in which they are shown.
    pub const ALL: [Engine; 5] =
        [Engine::FrrOspf, Engine::FrrIsis, Engine::BirdOspf, Engine::NativeOspf, Engine::NativeIsis];

    /// The name as in topology files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Engine::FrrOspf => "frr-ospf",
            Engine::FrrIsis => "frr-isis",
            Engine::BirdOspf => "bird-ospf",
            Engine::NativeOspf => "native-ospf",
            Engine::NativeIsis => "native-isis",
        }
    }

    /// The code base: virtual networks of one code base share one vote.
    #[must_use]
    pub const fn code_base(self) -> &'static str {
        match self {
            Engine::FrrOspf | Engine::FrrIsis => "frr",
            Engine::BirdOspf => "bird",
            Engine::NativeOspf => "braid-ospf",
            Engine::NativeIsis => "braid-isis",
        }
    }

    /// The routing protocol.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Engine::FrrOspf | Engine::BirdOspf | Engine::NativeOspf => "ospf",
            Engine::FrrIsis | Engine::NativeIsis => "isis",
        }
    }

    /// The programs and libraries of which a bug would reach every virtual network that runs them. braid's own engines compute
    /// routes apart, and share the daemon around that: sockets, timers, kernel routes (`braid-native`, `braid-kernel`).
    #[must_use]
    pub const fn parts(self) -> &'static [&'static str] {
        match self {
            Engine::FrrOspf => &["ospfd", "zebra", "libfrr"],
            Engine::FrrIsis => &["isisd", "zebra", "libfrr"],
            Engine::BirdOspf => &["bird"],
            Engine::NativeOspf => &["braid-ospf", "braid-native", "braid-kernel"],
            Engine::NativeIsis => &["braid-isis", "braid-native", "braid-kernel"],
        }
    }
}

impl FromStr for Engine {
    type Err = UnknownEngine;
    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Engine::ALL.into_iter().find(|e| e.as_str() == text).ok_or_else(|| {
            let text: String = text.chars().take(64).collect();
            let near = Engine::ALL
                .map(Engine::as_str)
                .into_iter()
                .map(|name| (strsim::damerau_levenshtein(name, &text), name))
                .min()
                .filter(|(distance, _)| *distance <= 3);
            let hint = near.map(|(_, name)| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            UnknownEngine { text, hint }
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_a_slip_is_pointed_out() {
        for engine in Engine::ALL {
            assert_eq!(engine.as_str().parse(), Ok(engine));
        }
        let error = "fr-ospf".parse::<Engine>().unwrap_err().to_string();
        assert!(error.contains("did you mean `frr-ospf`?"), "{error}");
    }
}
