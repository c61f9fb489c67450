//! Routes from outside (RFC 2328 §16.4, RFC 3101 §2.5).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::{
    ExpectedRoute, NextHop, Oracle, PathKind, Table,
    graph::AreaView,
    summary::{Asbrs, Entries, Entry, preference},
};
use crate::{Area, AreaKind, External, RouterIndex};
use ipnet::Ipv4Net;

/// Somebody announces a prefix from outside.
#[derive(Debug, Clone, Copy)]
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
            for (&area, announced) in &all.nssas {
                for (&border, state) in &self.borders {
                    if self.translates(border, area) {
                        let reached =
                            announced.iter().filter(|a| state.views[&area].routers.contains_key(&a.by));
                        all.everywhere.extend(reached.map(|a| Announcement { by: border, ..*a }));
                    }
                }
            }
            all
        })
    }

    /// A router's external routes.
    pub(super) fn external_routes(
        &self,
        router: RouterIndex,
        views: &BTreeMap<Area, AreaView>,
        entries: &Entries,
        asbrs: &Asbrs,
    ) -> Table {
        let mut best: BTreeMap<Ipv4Net, (Rank, BTreeSet<NextHop>)> = BTreeMap::new();
        let mut consider = |announced: &Announcement, way: &Entry| {
            let External { metric, type2, .. } = announced.external;
            let (inside, cost) = preference(way);
            let rank = if type2 { (true, metric, inside, cost) } else { (false, 0, inside, cost + metric) };
            let hops = way.reach.next_hops.iter().map(|hop| match hop.gateway {
                None => NextHop { gateway: announced.external.forwarding, ..*hop },
                Some(_) => *hop,
            });
            let hops: BTreeSet<NextHop> = hops.collect();
            match best.get_mut(&announced.prefix) {
                Some((old, _)) if *old < rank => {}
                Some((old, known)) if *old == rank => known.extend(hops),
                _ => {
                    best.insert(announced.prefix, (rank, hops));
                }
            }
        };
        let is_mine = |address: Ipv4Addr| {
            self.world.ends_of(router).any(|(_, _, end)| end.address == address)
                || self.world.router(router).stubs.iter().any(|stub| stub.address().addr() == address)
        };
        if self.in_normal_area(router) {
            for announced in self.externals().everywhere.iter().filter(|a| a.by != router) {
                let Some(asbr) = asbrs.get(&announced.by) else { continue };
                match announced.external.forwarding {
                    None => consider(announced, asbr),
                    Some(address) if is_mine(address) => {}
                    Some(address) => {
                        if let Some(way) = longest_match(entries, address) {
                            consider(announced, way);
                        }
                    }
                }
            }
        }
        for (&area, view) in views {
            let there = self.externals().nssas.get(&area).into_iter().flatten();
            for announced in there.filter(|a| a.by != router && view.routers.contains_key(&a.by)) {
                let forwarding = announced.external.forwarding.filter(|address| !is_mine(*address));
                let way = forwarding.and_then(|address| longest_match(entries, address));
                if let Some(way) = way.filter(|way| way.intra && way.area == area) {
                    consider(announced, way);
                }
            }
        }
        let route = |((type2, type2_cost, _, cost), next_hops)| ExpectedRoute {
            kind: if type2 { PathKind::External2 } else { PathKind::External1 },
            area: None,
            cost,
            type2_cost,
            next_hops,
        };
        best.into_iter().map(|(prefix, found)| (prefix, route(found))).collect()
    }
}

fn longest_match(entries: &Entries, address: Ipv4Addr) -> Option<&Entry> {
    (0..=32).rev().find_map(|length| {
        let prefix = Ipv4Net::new(address, length).ok()?.trunc();
        entries.get(&prefix)
    })
}
