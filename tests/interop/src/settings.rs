//! What a world does not say: the protocol, timers, authentication, MTU.

use std::{collections::BTreeMap, fmt};

use braid_world::{RouterIndex, SegmentIndex, isis::Domain};

/// What routers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OSPF for IPv4.
    Ospf,
    /// IS-IS for IPv4.
    Isis,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Protocol::Ospf => "ospf",
            Protocol::Isis => "isis",
        })
    }
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 2328 §D.3; in IS-IS, HMAC-MD5 of RFC 5304.
    Md5,
    /// RFC 5709, RFC 5310 (not in FRR 8, as all that follow).
    HmacSha1,
    /// RFC 5709, RFC 5310.
    HmacSha256,
    /// RFC 5709, RFC 5310.
    HmacSha384,
    /// RFC 5709, RFC 5310.
    HmacSha512,
    /// HMAC-SHA-256 as RFC 7474 has it: OSPF of the embedded engine only.
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

/// The metrics that a router of IS-IS announces and counts (RFC 5305).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricStyle {
    /// Of 24 and 32 bits.
    Wide,
    /// Of 6 bits.
    Narrow,
    /// Both.
    Transition,
}

/// Settings of a network's interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How the routers speak IS-IS. Without it, they speak OSPF.
    pub domain: Option<Domain>,
    /// HelloInterval in seconds; the dead interval is four times that.
    pub hello_s: u16,
    /// Authentication by segment and router; in IS-IS, of hellos.
    pub auth: BTreeMap<(SegmentIndex, RouterIndex), Auth>,
    /// Of LSPs and sequence number PDUs of level 1.
    pub area_auth: Auth,
    /// Of LSPs and sequence number PDUs of level 2.
    pub domain_auth: Auth,
    /// Metrics of IS-IS where they are not the domain's.
    pub metric_style: BTreeMap<RouterIndex, MetricStyle>,
    /// MTU by segment and router, where it is not 1500.
    pub mtu: BTreeMap<(SegmentIndex, RouterIndex), u16>,
    /// The greatest LSP of IS-IS in bytes, where it is not the daemons' own choice.
    pub lsp_mtu: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: None,
            hello_s: 1,
            auth: BTreeMap::new(),
            area_auth: Auth::None,
            domain_auth: Auth::None,
            metric_style: BTreeMap::new(),
            mtu: BTreeMap::new(),
            lsp_mtu: None,
        }
    }
}

impl Settings {
    /// Of routers that speak IS-IS.
    #[must_use]
    pub fn isis(domain: Domain) -> Self {
        Self { domain: Some(domain), ..Self::default() }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        if self.domain.is_some() { Protocol::Isis } else { Protocol::Ospf }
    }

    pub(crate) fn dead_s(&self) -> u16 {
        self.hello_s.saturating_mul(4)
    }

    pub(crate) fn auth(&self, segment: SegmentIndex, router: RouterIndex) -> &Auth {
        self.auth.get(&(segment, router)).unwrap_or(&Auth::None)
    }

    pub(crate) fn mtu(&self, segment: SegmentIndex, router: RouterIndex) -> u16 {
        self.mtu.get(&(segment, router)).copied().unwrap_or(1500)
    }

    pub(crate) fn metric_style(&self, router: RouterIndex) -> MetricStyle {
        let is_narrow = self.domain.as_ref().is_some_and(|domain| domain.narrow);
        let usual = if is_narrow { MetricStyle::Narrow } else { MetricStyle::Wide };
        self.metric_style.get(&router).copied().unwrap_or(usual)
    }

    /// A router's network entity title.
    pub(crate) fn net(&self, router: RouterIndex) -> String {
        let area = self.domain.as_ref().map_or(0, |domain| domain.router(router).area);
        format!("49.{area:04x}.{}.00", system_id(router.0))
    }
}

/// The system id of the router with that index.
pub(crate) fn system_id(router: usize) -> String {
    format!("0000.0000.{:04x}", router + 1)
}
