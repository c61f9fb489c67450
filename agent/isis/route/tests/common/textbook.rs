//! The decision process written plainly over the whole database, with none of the crate's own code: what it must equal.

use std::collections::{BTreeMap, BTreeSet};

use braid_isis_packet::{LanId, Level, LspId, MAX_LINK_METRIC, MAX_PATH_METRIC, SystemId};
use braid_isis_route::{Adjacency, MetricStyle, NextHop, PathKind};
use ipnet::Ipv4Net;

/// How a prefix is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Wide,
    Internal,
    External,
    ExternalMetric,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub net: Ipv4Net,
    pub metric: u32,
    pub down: bool,
    pub form: Form,
}

/// What an LSP says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    pub overload: bool,
    pub attached: bool,
    /// Node, metric, whether in the wide TLV.
    pub listed: Vec<(LanId, u32, bool)>,
    pub announced: Vec<Announcement>,
}

pub type Database = BTreeMap<LspId, Content>;

/// Kind, metric, next hops, origin.
pub type Path = (PathKind, u32, Vec<NextHop>, LspId);

pub struct Textbook<'a> {
    pub me: SystemId,
    pub level: Level,
    pub database: &'a Database,
    pub adjacencies: &'a [Adjacency],
    pub style: MetricStyle,
    pub max_paths: usize,
    pub attached_default: bool,
}

impl Textbook<'_> {
    fn has(&self, node: LanId) -> bool {
        self.database.contains_key(&node.fragment(0))
    }

    fn counts(&self, wide: bool) -> bool {
        match self.style {
            MetricStyle::Both => true,
            MetricStyle::Wide => wide,
            MetricStyle::Narrow => !wide,
        }
    }

    fn fragments(&self, node: LanId) -> impl Iterator<Item = (LspId, &Content)> {
        self.database.iter().filter(move |(id, _)| id.node == node).map(|(id, content)| (*id, content))
    }

    /// All metrics with which `a` lists `b`.
    fn metrics(&self, a: LanId, b: LanId) -> Vec<u32> {
        let listed = self.fragments(a).flat_map(|(_, content)| &content.listed);
        let metrics =
            listed.filter(|(node, _, wide)| *node == b && self.counts(*wide)).map(|(_, metric, _)| *metric);
        if a.is_pseudonode() && b.is_pseudonode() || a == b { Vec::new() } else { metrics.collect() }
    }

    fn overloaded(&self, node: LanId) -> bool {
        !node.is_pseudonode() && self.database.get(&node.fragment(0)).is_some_and(|content| content.overload)
    }

    /// The metric of the edge from `a` to `b`, both not this router.
    fn edge(&self, a: LanId, b: LanId) -> Option<u32> {
        if !self.has(a) || !self.has(b) || self.metrics(b, a).is_empty() || self.overloaded(a) {
            return None;
        }
        let metric = self.metrics(a, b).into_iter().filter(|metric| *metric < MAX_LINK_METRIC).min()?;
        Some(if a.is_pseudonode() { 0 } else { metric })
    }

    /// Whether the adjacency can be used.
    fn usable(&self, adjacency: &Adjacency) -> bool {
        let (me, lan, router) = (self.me.node(), adjacency.neighbour, adjacency.router.node());
        let two_way = if lan.is_pseudonode() {
            self.has(lan) && !self.metrics(lan, me).is_empty() && self.edge(lan, router).is_some()
        } else {
            lan == router && !self.metrics(router, me).is_empty()
        };
        adjacency.level == self.level
            && adjacency.metric < MAX_LINK_METRIC
            && router != me
            && self.has(router)
            && two_way
    }

    fn bound(&self) -> u64 {
        if self.style == MetricStyle::Narrow { 1023 } else { MAX_PATH_METRIC.into() }
    }

    /// Distances and next hops.
    pub fn nodes(&self) -> BTreeMap<LanId, (u64, BTreeSet<NextHop>)> {
        let me = self.me.node();
        let nodes: BTreeSet<LanId> =
            self.database.keys().map(|id| id.node).filter(|node| *node != me && self.has(*node)).collect();
        let firsts: Vec<&Adjacency> =
            self.adjacencies.iter().filter(|adjacency| self.usable(adjacency)).collect();
        let mut edges: Vec<(LanId, LanId, u64)> = Vec::new();
        for a in &nodes {
            for b in &nodes {
                edges.extend(self.edge(*a, *b).map(|metric| (*a, *b, metric.into())));
            }
        }
        let mut distances: BTreeMap<LanId, u64> = BTreeMap::new();
        let mut open: BTreeSet<(u64, LanId)> =
            firsts.iter().map(|first| (u64::from(first.metric), first.router.node())).collect();
        while let Some((distance, node)) = open.pop_first() {
            if distance > self.bound() || distances.contains_key(&node) {
                continue;
            }
            distances.insert(node, distance);
            let out = edges.iter().filter(|(a, _, _)| *a == node);
            open.extend(out.map(|(_, b, metric)| (distance + metric, *b)));
        }
        let mut hops: BTreeMap<LanId, BTreeSet<NextHop>> = BTreeMap::new();
        for first in firsts {
            let node = first.router.node();
            if distances.get(&node) == Some(&first.metric.into()) {
                let hop = NextHop { circuit: first.circuit, gateway: first.gateway };
                hops.entry(node).or_default().insert(hop);
            }
        }
        loop {
            let before = hops.clone();
            for (a, b, metric) in &edges {
                if let (Some(near), Some(far)) = (distances.get(a), distances.get(b))
                    && near + metric == *far
                {
                    let inherited = hops.get(a).cloned().unwrap_or_default();
                    hops.entry(*b).or_default().extend(inherited);
                }
            }
            if hops == before {
                break;
            }
        }
        distances.into_iter().map(|(node, distance)| (node, (distance, hops[&node].clone()))).collect()
    }

    fn kind(&self, announcement: &Announcement) -> PathKind {
        match (self.level, announcement.form == Form::ExternalMetric, announcement.down) {
            (Level::Two, false, _) => PathKind::L2,
            (Level::Two, true, _) => PathKind::L2External,
            (Level::One, false, false) => PathKind::L1,
            (Level::One, false, true) => PathKind::L1Down,
            (Level::One, true, false) => PathKind::L1External,
            (Level::One, true, true) => PathKind::L1DownExternal,
        }
    }

    /// The best paths to all prefixes.
    pub fn paths(&self) -> BTreeMap<Ipv4Net, Path> {
        let mut nodes = self.nodes();
        if self.has(self.me.node()) {
            nodes.insert(self.me.node(), (0, BTreeSet::new()));
        }
        // By prefix: rank, whether another's, origin, next hops.
        type Offer = ((PathKind, u64, u64), bool, LspId, BTreeSet<NextHop>);
        let mut offers: BTreeMap<Ipv4Net, Vec<Offer>> = BTreeMap::new();
        for (id, content) in self.database {
            let Some((distance, hops)) = nodes.get(&id.node) else { continue };
            for announcement in &content.announced {
                let total = distance + u64::from(announcement.metric);
                let counts = self.counts(announcement.form == Form::Wide) && !id.node.is_pseudonode();
                if !counts || total > self.bound() {
                    continue;
                }
                let kind = self.kind(announcement);
                let rank = if kind.is_external() {
                    (kind, announcement.metric.into(), *distance)
                } else {
                    (kind, total, 0)
                };
                let offer = (rank, id.node != self.me.node(), *id, hops.clone());
                offers.entry(announcement.net).or_default().push(offer);
            }
        }
        if self.attached_default && self.level == Level::One {
            for (node, (distance, hops)) in nodes.iter().filter(|(node, _)| **node != self.me.node()) {
                let content = &self.database[&node.fragment(0)];
                if content.attached && !content.overload && !node.is_pseudonode() {
                    let rank = (PathKind::Attached, *distance, 0);
                    offers.entry(Ipv4Net::default()).or_default().push((
                        rank,
                        true,
                        node.fragment(0),
                        hops.clone(),
                    ));
                }
            }
        }
        let best = |offers: Vec<Offer>| {
            let first = offers.iter().min().expect("at least one").clone();
            let ((kind, metric, _), foreign, origin, _) = first;
            let equal = offers.into_iter().filter(|offer| offer.0 == first.0);
            let hops: BTreeSet<NextHop> = equal.flat_map(|offer| offer.3).collect();
            let hops = if foreign { hops.into_iter().take(self.max_paths).collect() } else { Vec::new() };
            (kind, u32::try_from(metric).expect("bounded"), hops, origin)
        };
        offers.into_iter().map(|(net, offers)| (net, best(offers))).collect()
    }
}
