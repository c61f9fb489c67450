//! Routes between areas: what border routers announce, and what comes of it (RFC 2328 §12.4.3, §16.2, §16.3).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::{
    Oracle,
    graph::{AreaGraph, AreaView, Reach, keep_best},
};
use crate::{Area, AreaKind, BACKBONE, Interface, RouterIndex, World};

/// Rounds until all border routers agree; each virtual link may take one.
pub(super) const ROUNDS: usize = 32;

/// A routing table entry before externals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub intra: bool,
    pub area: Area,
    pub reach: Reach,
}

pub(super) type Entries = BTreeMap<Ipv4Net, Entry>;
/// The ways to routers that announce externals, by RFC 2328 §16.4.1 the preferred of each.
pub(super) type Asbrs = BTreeMap<RouterIndex, Entry>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Destination {
    Network(Ipv4Net),
    Asbr(RouterIndex),
}

/// What a border router announces into an area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    border: RouterIndex,
    destination: Destination,
    metric: u32,
}

/// An area border router.
pub(super) struct Border {
    pub views: BTreeMap<Area, AreaView>,
    pub entries: Entries,
    pub asbrs: Asbrs,
}

impl Border {
    pub fn new(_: &World, router: RouterIndex, areas: &BTreeMap<Area, AreaGraph<'_>>) -> Self {
        let mine = areas.iter().filter(|(_, area)| area.contains(router));
        let views = mine.map(|(id, area)| (*id, area.view(router))).collect();
        Self { views, entries: Entries::new(), asbrs: Asbrs::new() }
    }
}

/// RFC 2328 §16.4.1: within areas other than the backbone first, then by cost, then the largest area id.
pub(super) fn preference(entry: &Entry) -> (bool, u32) {
    (!(entry.intra && entry.area != BACKBONE), entry.reach.cost)
}

impl Oracle<'_> {
    /// Whether a router announces externals into all of the autonomous system.
    pub(super) fn is_asbr(&self, router: RouterIndex) -> bool {
        let it = self.world.router(router);
        let translates = || {
            let nssas = self.world.areas.iter().filter(|(_, kind)| matches!(kind, AreaKind::Nssa { .. }));
            nssas.map(|(area, _)| *area).any(|area| self.translates(router, area))
        };
        it.up && (!it.externals.is_empty() && self.in_normal_area(router) || translates())
    }

    pub(super) fn in_normal_area(&self, router: RouterIndex) -> bool {
        let mut normal = self.world.areas.iter().filter(|(_, kind)| kind.takes_externals());
        normal.any(|(area, _)| self.areas.get(area).is_some_and(|area| area.contains(router)))
    }

    /// Lets all border routers announce and compute until nothing changes any more.
    pub(super) fn exchange_summaries(&mut self, live_transits: &BTreeSet<Area>) {
        for _ in 0..ROUNDS {
            self.summaries = self.announce(live_transits);
            let mut changed = false;
            let ids: Vec<RouterIndex> = self.borders.keys().copied().collect();
            for id in ids {
                let Some(border) = self.borders.get(&id) else { continue };
                let (mut entries, mut asbrs) = self.internal_routes(id, &border.views);
                for transit in live_transits {
                    self.shorten(id, *transit, &border.views, &mut entries, &mut asbrs);
                }
                if let Some(border) = self.borders.get_mut(&id) {
                    changed |= border.entries != entries || border.asbrs != asbrs;
                    (border.entries, border.asbrs) = (entries, asbrs);
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Intra-area and inter-area routes of a router, of border routers after all else has been exchanged.
    pub(super) fn internal_routes(
        &self,
        router: RouterIndex,
        views: &BTreeMap<Area, AreaView>,
    ) -> (Entries, Asbrs) {
        let mut entries = Entries::new();
        let mut candidates: BTreeMap<RouterIndex, Vec<Entry>> = BTreeMap::new();
        for (&area, view) in views {
            for (prefix, reach) in &view.prefixes {
                let better = entries.get(prefix).is_none_or(|old: &Entry| reach.cost < old.reach.cost);
                if better {
                    entries.insert(*prefix, Entry { intra: true, area, reach: reach.clone() });
                }
            }
            for (asbr, reach) in view.routers.iter().filter(|(r, _)| **r != router && self.is_asbr(**r)) {
                if self.world.areas.get(&area).is_some_and(|kind| kind.takes_externals()) {
                    let entry = Entry { intra: true, area, reach: reach.clone() };
                    candidates.entry(*asbr).or_default().push(entry);
                }
            }
        }
        // RFC 2328 §16.2: a border router looks at the backbone's summaries alone.
        let border = views.len() > 1;
        let Some((&area, view)) =
            (if border { views.get_key_value(&BACKBONE) } else { views.first_key_value() })
        else {
            return (entries, pick_asbrs(candidates));
        };
        for (destination, reach) in self.summarized(router, area, view) {
            match destination {
                Destination::Network(prefix) => {
                    let own_range = border && self.is_active_range(router, prefix, views);
                    if !own_range {
                        entries.entry(prefix).or_insert(Entry { intra: false, area, reach });
                    }
                }
                Destination::Asbr(asbr) => {
                    let known = candidates.entry(asbr).or_default();
                    if !known.iter().any(|entry| entry.area == area) {
                        known.push(Entry { intra: false, area, reach });
                    }
                }
            }
        }
        (entries, pick_asbrs(candidates))
    }

    /// The best ways by the summaries in an area.
    fn summarized(&self, router: RouterIndex, area: Area, view: &AreaView) -> BTreeMap<Destination, Reach> {
        let mut found = BTreeMap::new();
        for summary in self.summaries.get(&area).into_iter().flatten() {
            if summary.border == router || summary.destination == Destination::Asbr(router) {
                continue;
            }
            if let Some(way) = view.routers.get(&summary.border) {
                let reach = Reach { cost: way.cost + summary.metric, next_hops: way.next_hops.clone() };
                keep_best(&mut found, summary.destination, reach);
            }
        }
        found
    }

    fn is_active_range(
        &self,
        router: RouterIndex,
        prefix: Ipv4Net,
        views: &BTreeMap<Area, AreaView>,
    ) -> bool {
        self.world.router(router).ranges.iter().filter(|range| range.prefix == prefix).any(|range| {
            let within = |view: &AreaView| view.prefixes.keys().any(|p| prefix.contains(p));
            views.get(&range.area).is_some_and(within)
        })
    }

    /// RFC 2328 §16.3: the transit area may know shorter ways than the virtual link.
    fn shorten(
        &self,
        router: RouterIndex,
        transit: Area,
        views: &BTreeMap<Area, AreaView>,
        entries: &mut Entries,
        asbrs: &mut Asbrs,
    ) {
        let Some(view) = views.get(&transit) else { return };
        for (destination, reach) in self.summarized(router, transit, view) {
            let entry = match destination {
                Destination::Network(prefix) => entries.get_mut(&prefix),
                Destination::Asbr(asbr) => asbrs.get_mut(&asbr),
            };
            if let Some(entry) = entry.filter(|entry| entry.area == BACKBONE) {
                entry.reach.merge(reach);
            }
        }
    }

    fn announce(&self, live_transits: &BTreeSet<Area>) -> BTreeMap<Area, Vec<Summary>> {
        let mut all: BTreeMap<Area, Vec<Summary>> = BTreeMap::new();
        for (&id, border) in &self.borders {
            for &area in border.views.keys() {
                let into = all.entry(area).or_default();
                let transit = live_transits.contains(&area);
                into.extend(self.announce_one(id, border, area, transit));
            }
        }
        all
    }

    /// What one border router announces into one area.
    fn announce_one(&self, id: RouterIndex, border: &Border, into: Area, transit: bool) -> Vec<Summary> {
        let kind = self.world.areas.get(&into).copied().unwrap_or(AreaKind::Normal);
        let mut metrics: BTreeMap<Destination, u32> = BTreeMap::new();
        let default = Destination::Network(Ipv4Net::default());
        match kind {
            AreaKind::Stub { default_cost, .. } | AreaKind::Nssa { summaries: false, default_cost } => {
                metrics.insert(default, default_cost);
            }
            _ => {}
        }
        let closed =
            matches!(kind, AreaKind::Stub { summaries: false, .. } | AreaKind::Nssa { summaries: false, .. });
        let told = |entry: &Entry| {
            let leads_there = |interface| match interface {
                Interface::Segment(n) => self.world.segment(n).area == into,
                Interface::Stub(n) => self.world.router(id).stubs[n].area == into,
            };
            entry.area != into
                && (entry.intra || into != BACKBONE)
                && !entry.reach.next_hops.iter().any(|hop| leads_there(hop.interface))
        };
        for (prefix, entry) in border.entries.iter().filter(|(_, entry)| !closed && told(entry)) {
            let condensed = entry.intra && !(entry.area == BACKBONE && transit);
            let ranges = &self.world.router(id).ranges;
            let range = ranges
                .iter()
                .find(|range| condensed && range.area == entry.area && range.prefix.contains(prefix));
            if range.is_none_or(|range| range.advertise) {
                let prefix = range.map_or(*prefix, |range| range.prefix);
                let metric = metrics.entry(Destination::Network(prefix)).or_default();
                *metric = (*metric).max(entry.reach.cost);
            }
        }
        if kind.takes_externals() {
            for (asbr, entry) in border.asbrs.iter().filter(|(_, entry)| told(entry)) {
                metrics.insert(Destination::Asbr(*asbr), entry.reach.cost);
            }
        }
        metrics.into_iter().map(|(destination, metric)| Summary { border: id, destination, metric }).collect()
    }
}

fn pick_asbrs(candidates: BTreeMap<RouterIndex, Vec<Entry>>) -> Asbrs {
    let best = |entries: Vec<Entry>| {
        entries.into_iter().min_by_key(|entry| (preference(entry), std::cmp::Reverse(entry.area)))
    };
    candidates.into_iter().filter_map(|(asbr, entries)| Some((asbr, best(entries)?))).collect()
}
