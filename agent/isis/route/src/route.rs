//! What the decision process decides: routes and their next hops.

use std::{fmt, net::Ipv4Addr, ops::Deref, sync::Arc};

use braid_isis_packet::{Level, LspId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// How a prefix is reached, best first: the order of RFC 5302 §3.2. A better kind wins over any metric.
///
/// "External" is the metric *type* of narrow TLV 130, which is not comparable with internal metrics; a redistributed
/// prefix with an internal metric type, or with a wide metric, is of an internal kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PathKind {
    /// Announced at level 1, within the area.
    L1,
    /// Announced at level 2.
    L2,
    /// Announced at level 1 with the up/down bit: leaked down from level 2.
    L1Down,
    /// Announced at level 1 with a metric of external type.
    L1External,
    /// Announced at level 2 with a metric of external type.
    L2External,
    /// Leaked down from level 2, with a metric of external type.
    L1DownExternal,
    /// The default route to the nearest attached level 2 router (ISO 10589 §7.2.9.1). Last, as any announced default
    /// route was asked for by somebody, and this one was not.
    Attached,
}

impl PathKind {
    /// The level whose shortest paths it follows.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            PathKind::L2 | PathKind::L2External => Level::Two,
            _ => Level::One,
        }
    }

    /// Whether the metric is of the external type: it then excludes the distance to who announces the prefix.
    #[must_use]
    pub const fn is_external(self) -> bool {
        matches!(self, PathKind::L1External | PathKind::L2External | PathKind::L1DownExternal)
    }

    /// Whether the prefix was leaked from level 2 into level 1. It must not go up again (RFC 5302 §3.3).
    #[must_use]
    pub const fn is_down(self) -> bool {
        matches!(self, PathKind::L1Down | PathKind::L1DownExternal)
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathKind::L1 => "level 1",
            PathKind::L2 => "level 2",
            PathKind::L1Down => "level 1, leaked",
            PathKind::L1External => "level 1, external metric",
            PathKind::L2External => "level 2, external metric",
            PathKind::L1DownExternal => "level 1, leaked, external metric",
            PathKind::Attached => "attached default",
        })
    }
}

/// Where a packet goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NextHop {
    /// The circuit, by the number that its [`crate::Adjacency`] has; [`NextHop::UNKNOWN_CIRCUIT`] where only LSPs were
    /// there to tell ([`crate::routes_of`]).
    pub circuit: u32,
    /// The neighbour's address on it, where it is known.
    pub gateway: Option<Ipv4Addr>,
}

impl NextHop {
    /// Stands for a circuit that LSPs do not tell. No interface of a kernel has this number.
    pub const UNKNOWN_CIRCUIT: u32 = 0;
}

/// Next hops in ascending order, each once. Cheap to clone.
///
/// Empty: this router itself announces the prefix, and is at least as near as anybody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<NextHop>", into = "Vec<NextHop>")]
pub struct NextHops(Arc<[NextHop]>);

impl Deref for NextHops {
    type Target = [NextHop];
    fn deref(&self) -> &[NextHop] {
        &self.0
    }
}

impl From<Vec<NextHop>> for NextHops {
    fn from(mut hops: Vec<NextHop>) -> NextHops {
        hops.sort_unstable();
        hops.dedup();
        NextHops(hops.into())
    }
}

impl From<NextHops> for Vec<NextHop> {
    fn from(hops: NextHops) -> Vec<NextHop> {
        hops.to_vec()
    }
}

/// The best path to a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The level that it was computed at.
    pub level: Level,
    /// How the prefix is reached.
    pub kind: PathKind,
    /// Total metric from here, at most [`braid_isis_packet::MAX_PATH_METRIC`]; for a kind with an external metric the
    /// announced metric alone.
    pub metric: u32,
    /// Where packets go; all paths of the same kind and metric, up to the limit. Empty: announced by this router itself.
    pub next_hops: NextHops,
    /// The LSP fragment that announces the prefix; the least one if several do so equally well. The evidence.
    pub origin: LspId,
}

impl Route {
    /// How far it leads, without the way.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        Reach { kind: self.kind, metric: self.metric }
    }
}

/// How a prefix is reached and how far it is: what the other level hears of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reach {
    /// As [`Route::kind`].
    pub kind: PathKind,
    /// As [`Route::metric`].
    pub metric: u32,
}

/// What became of a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChange {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The route before.
    pub old: Option<Route>,
    /// The route now. Differs from `old`, if perhaps only in its origin.
    pub new: Option<Route>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_kinds_is_that_of_rfc_5302() {
        use PathKind::{Attached, L1, L1Down, L1DownExternal, L1External, L2, L2External};
        assert!([L1, L2, L1Down, L1External, L2External, L1DownExternal, Attached].is_sorted());
    }

    #[test]
    fn next_hops_are_sorted_and_unique_wherever_they_come_from() {
        let hop = |circuit| NextHop { circuit, gateway: None };
        assert_eq!(*NextHops::from(vec![hop(2), hop(1), hop(2)]), [hop(1), hop(2)]);
    }
}
