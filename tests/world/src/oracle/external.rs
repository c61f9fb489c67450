//! Routes from outside (RFC 2328 §16.4, RFC 3101 §2.5).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::{
    ExpectedRoute, NextHop, Oracle, PathKind, Table,
    graph::AreaView,
    summary::{Asbrs, Entries, Entry, ROUNDS, preference},
};
use crate::{Area, AreaKind, External, RouterIndex};
use ipnet::Ipv4Net;

/// Somebody announces a prefix from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    by: RouterIndex,
    prefix: Ipv4Net,
    external: External,
}

/// All that is announced: everywhere, and in NSSAs.
#[derive(Debug, Default)]
pub(super) struct Externals {
    everywhere: Vec<Announcement>,
    nssas: BTreeMap<Area, Vec<Announcement>>,
}

/// By which the best way is chosen: type 1 before type 2, the type 2 metric, §16.4.1, the cost.
type Rank = (bool, u32, bool, u32);

/// The best ways to an external prefix.
struct Best<'a> {
    rank: Rank,
    next_hops: BTreeSet<NextHop>,
    /// Who announces it so, and in which NSSA if not everywhere.
    by: Vec<(Option<Area>, &'a Announcement)>,
}

/// What a router knows within the autonomous system.
struct Inside<'a> {
    views: &'a BTreeMap<Area, AreaView>,
    entries: &'a Entries,
    asbrs: &'a Asbrs,
}

impl Oracle<'_> {
    /// Whether a border router translates an NSSA's externals (RFC 3101 §3.1): none with a higher id can be reached there.
    pub(super) fn translates(&self, router: RouterIndex, area: Area) -> bool {
        let Some(view) = self.borders.get(&router).and_then(|border| border.views.get(&area)) else {
            return false;
        };
        let id = self.world.router(router).id;
        let mut rivals = view.routers.keys().filter(|other| self.borders.contains_key(other));
        rivals.all(|other| self.world.router(*other).id <= id)
    }

    fn nssa_areas(&self) -> impl Iterator<Item = Area> {
        let nssas = self.world.areas.iter().filter(|(_, kind)| matches!(kind, AreaKind::Nssa { .. }));
        nssas.map(|(area, _)| *area)
    }

    fn externals(&self) -> &Externals {
        self.externals.get_or_init(|| {
            let mut all = Externals::default();
            for by in self.world.router_indices().filter(|router| self.world.router(*router).up) {
                let own = self.world.router(by).externals.iter();
                let announced =
                    own.map(|(prefix, external)| Announcement { by, prefix: *prefix, external: *external });
                if self.in_normal_area(by) {
                    all.everywhere.extend(announced.clone());
                    continue;
                }
                for area in self.nssa_areas().filter(|area| self.areas[area].contains(by)) {
                    let forwarding = self.world.nssa_address(by, area);
                    let in_area = announced.clone().map(|mut a| {
                        a.external.forwarding = a.external.forwarding.or(forwarding);
                        a
                    });
                    all.nssas.entry(area).or_default().extend(in_area);
                }
            }
            let own = all.everywhere.clone();
            let mut translated = Vec::new();
            // What one NSSA's translator says may be better than what another's has in its own.
            for _ in 0..ROUNDS {
                let next = self.translated(&all);
                if next == translated {
                    break;
                }
                all.everywhere = own.iter().chain(&next).copied().collect();
                translated = next;
            }
            all
        })
    }

    /// RFC 3101 §3.2: a translator examines installed type 7 LSAs only, so of several announcements of a prefix it translates the
    /// one that is best from where it is itself (of equals that of the highest id, §2.5 (6e)), and none if a type 5 is better.
    fn translated(&self, all: &Externals) -> Vec<Announcement> {
        let mut translated = Vec::new();
        for (&border, state) in &self.borders {
            let areas: BTreeSet<Area> =
                all.nssas.keys().copied().filter(|area| self.translates(border, *area)).collect();
            if areas.is_empty() {
                continue;
            }
            let inside = Inside { views: &state.views, entries: &state.entries, asbrs: &state.asbrs };
            for best in self.best_externals(border, &inside, all).into_values() {
                let installed = best.by.into_iter().filter_map(|(area, by)| Some((area?, by)));
                let first = installed.max_by_key(|(_, announced)| self.world.router(announced.by).id);
                if let Some((_, announced)) = first.filter(|(area, _)| areas.contains(area)) {
                    translated.push(Announcement { by: border, ..*announced });
                }
            }
        }
        translated
    }

    /// A router's external routes.
    pub(super) fn external_routes(
        &self,
        router: RouterIndex,
        views: &BTreeMap<Area, AreaView>,
        entries: &Entries,
        asbrs: &Asbrs,
    ) -> Table {
        let route = |Best { rank: (type2, type2_cost, _, cost), next_hops, .. }| ExpectedRoute {
            kind: if type2 { PathKind::External2 } else { PathKind::External1 },
            area: None,
            cost,
            type2_cost,
            next_hops,
        };
        let best = self.best_externals(router, &Inside { views, entries, asbrs }, self.externals());
        best.into_iter().map(|(prefix, found)| (prefix, route(found))).collect()
    }

    fn best_externals<'a>(
        &self,
        router: RouterIndex,
        inside: &Inside<'_>,
        all: &'a Externals,
    ) -> BTreeMap<Ipv4Net, Best<'a>> {
        let mut best: BTreeMap<Ipv4Net, Best<'a>> = BTreeMap::new();
        let mut consider = |area: Option<Area>, announced: &'a Announcement, way: &Entry| {
            let External { metric, type2, .. } = announced.external;
            let (class, cost) = preference(way);
            let rank = if type2 { (true, metric, class, cost) } else { (false, 0, class, cost + metric) };
            let hops = way.reach.next_hops.iter().map(|hop| match hop.gateway {
                None => NextHop { gateway: announced.external.forwarding, ..*hop },
                Some(_) => *hop,
            });
            let (next_hops, by) = (hops.collect(), (area, announced));
            match best.get_mut(&announced.prefix) {
                Some(old) if old.rank < rank => {}
                Some(old) if old.rank == rank => {
                    old.next_hops.extend(next_hops);
                    old.by.push(by);
                }
                _ => {
                    best.insert(announced.prefix, Best { rank, next_hops, by: vec![by] });
                }
            }
        };
        let is_mine = |address: Ipv4Addr| {
            self.world.ends_of(router).any(|(_, _, end)| end.address == address)
                || self.world.router(router).stubs.iter().any(|stub| stub.address().addr() == address)
        };
        if self.in_normal_area(router) {
            for announced in all.everywhere.iter().filter(|a| a.by != router) {
                let Some(asbr) = inside.asbrs.get(&announced.by) else { continue };
                match announced.external.forwarding {
                    None => consider(None, announced, asbr),
                    Some(address) if is_mine(address) => {}
                    Some(address) => {
                        if let Some(way) = longest_match(inside.entries, address) {
                            consider(None, announced, way);
                        }
                    }
                }
            }
        }
        for (&area, view) in inside.views {
            let there = all.nssas.get(&area).into_iter().flatten();
            for announced in there.filter(|a| a.by != router && view.routers.contains_key(&a.by)) {
                let forwarding = announced.external.forwarding.filter(|address| !is_mine(*address));
                let way = forwarding.and_then(|address| longest_match(inside.entries, address));
                if let Some(way) = way.filter(|way| way.intra && way.area == area) {
                    consider(Some(area), announced, way);
                }
            }
        }
        best
    }
}

fn longest_match(entries: &Entries, address: Ipv4Addr) -> Option<&Entry> {
    (0..=32).rev().find_map(|length| {
        let prefix = Ipv4Net::new(address, length).ok()?.trunc();
        entries.get(&prefix)
    })
}
