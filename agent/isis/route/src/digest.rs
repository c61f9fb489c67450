//! What the decision process keeps of an LSP fragment.

use braid_isis_packet::{AreaAddress, LanId, Level, Lsp, MAX_LINK_METRIC, MAX_PATH_METRIC, Prefix};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{MetricStyle, PathKind, links::UNUSABLE};

/// A neighbour that a node lists. Eleven bytes: these are the bulk of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) node: LanId,
    /// The fragment that lists it.
    pub(crate) fragment: u8,
    metric: [u8; 3],
}

impl Listed {
    /// The weight of the edge, or [`UNUSABLE`]: a link with the greatest metric is there for other purposes than routing
    /// (RFC 5305 §3), yet it shows that the node hears the neighbour.
    pub(crate) fn weight(self) -> u32 {
        let [a, b, c] = self.metric;
        let metric = u32::from_be_bytes([0, a, b, c]);
        if metric == MAX_LINK_METRIC { UNUSABLE } else { metric }
    }
}

/// What the first fragment says of its node (ISO 10589 §7.2.5: the flags of others do not count).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) overload: bool,
    pub(crate) attached: bool,
    /// Sorted, each once.
    pub(crate) areas: Vec<AreaAddress>,
}

/// What a fragment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Of fragment 0.
    pub(crate) header: Option<Header>,
    /// Sorted, each node once.
    pub(crate) listed: Vec<Listed>,
    /// Sorted, each pair of prefix and kind once, with its metric.
    pub(crate) announced: Vec<(Ipv4Net, PathKind, u32)>,
}

impl Digest {
    /// What `lsp` says in the TLVs that count in this `style`, at `level`.
    pub(crate) fn of(lsp: &Lsp, level: Level, style: MetricStyle) -> Digest {
        let id = lsp.id();
        Digest {
            header: (id.fragment == 0).then(|| header(lsp)),
            listed: listed(lsp, style),
            announced: if id.node.is_pseudonode() { Vec::new() } else { announced(lsp, level, style) },
        }
    }
}

fn header(lsp: &Lsp) -> Header {
    let flags = lsp.flags();
    let mut areas: Vec<AreaAddress> = lsp.areas().collect();
    areas.sort_unstable();
    areas.dedup();
    Header { overload: flags.overload, attached: flags.attached, areas }
}

fn counts(wide: bool, style: MetricStyle) -> bool {
    match style {
        MetricStyle::Narrow => !wide,
        MetricStyle::Wide => wide,
        MetricStyle::Both => true,
    }
}

/// A pseudonode lists the routers of its LAN, which are all at its metric zero, whatever it says.
fn listed(lsp: &Lsp, style: MetricStyle) -> Vec<Listed> {
    let id = lsp.id();
    let pseudonode = id.node.is_pseudonode();
    let mut listed: Vec<Listed> = lsp
        .neighbours()
        .filter(|neighbour| counts(neighbour.wide, style) && neighbour.node != id.node)
        .filter(|neighbour| !(pseudonode && neighbour.node.is_pseudonode()))
        .map(|neighbour| {
            let metric = if pseudonode && neighbour.metric != MAX_LINK_METRIC { 0 } else { neighbour.metric };
            let [_, metric @ ..] = metric.to_be_bytes();
            Listed { node: neighbour.node, fragment: id.fragment, metric }
        })
        .collect();
    listed.sort_unstable();
    listed.dedup_by_key(|entry| entry.node);
    listed
}

fn announced(lsp: &Lsp, level: Level, style: MetricStyle) -> Vec<(Ipv4Net, PathKind, u32)> {
    let mut announced: Vec<_> = lsp
        .prefixes()
        .filter(|prefix| counts(prefix.wide, style) && prefix.metric <= MAX_PATH_METRIC)
        .map(|prefix| (prefix.net, kind(&prefix, level), prefix.metric))
        .collect();
    announced.sort_unstable();
    announced.dedup_by_key(|(net, kind, _)| (*net, *kind));
    announced
}

/// At level 2 the up/down bit says nothing (RFC 5302 §2).
fn kind(prefix: &Prefix, level: Level) -> PathKind {
    match (level, prefix.down, prefix.external_metric) {
        (Level::One, false, false) => PathKind::L1,
        (Level::One, true, false) => PathKind::L1Down,
        (Level::One, false, true) => PathKind::L1External,
        (Level::One, true, true) => PathKind::L1DownExternal,
        (Level::Two, _, false) => PathKind::L2,
        (Level::Two, _, true) => PathKind::L2External,
    }
}
