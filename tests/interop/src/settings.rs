//! What a world does not say: timers, authentication, MTU.

use std::collections::BTreeMap;

use braid_world::{RouterIndex, SegmentIndex};

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 2328 §D.3.
    Md5,
    /// RFC 5709 (not in FRR 8).
    HmacSha1,
    /// RFC 5709 (not in FRR 8).
    HmacSha256,
    /// RFC 5709 (not in FRR 8).
    HmacSha384,
    /// RFC 5709 (not in FRR 8).
    HmacSha512,
    /// HMAC-SHA-256 as RFC 7474 has it: embedded engine only.
    Extended,
}

/// How routers of a segment prove who they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A password.
    Simple(String),
    /// Keys by id, each with a secret. The first signs; all are taken.
    Keys(Algorithm, Vec<(u8, String)>),
}

/// Settings of a network's interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// HelloInterval in seconds; the dead interval is four times that.
    pub hello_s: u16,
    /// Authentication by segment and router.
    pub auth: BTreeMap<(SegmentIndex, RouterIndex), Auth>,
    /// MTU by segment and router, where it is not 1500.
    pub mtu: BTreeMap<(SegmentIndex, RouterIndex), u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { hello_s: 1, auth: BTreeMap::new(), mtu: BTreeMap::new() }
    }
}

impl Settings {
    pub(crate) fn dead_s(&self) -> u16 {
        self.hello_s.saturating_mul(4)
    }

    pub(crate) fn auth(&self, segment: SegmentIndex, router: RouterIndex) -> &Auth {
        self.auth.get(&(segment, router)).unwrap_or(&Auth::None)
    }

    pub(crate) fn mtu(&self, segment: SegmentIndex, router: RouterIndex) -> u16 {
        self.mtu.get(&(segment, router)).copied().unwrap_or(1500)
    }
}
