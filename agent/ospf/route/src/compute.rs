//! One computation: shortest paths first, then the destinations that they, or changed LSAs, concern.

use std::collections::BTreeSet;

use braid_ospf_packet::{AreaId, LsType, RouterFlags, RouterId};

use crate::{
    evaluate::{asbr, internal},
    exits::Surroundings,
    external::external,
    hops::{EMPTY, HopsId},
    route::{Outcome, PathKind, RouteChange, Work},
    routing::Routing,
    table::{AS, Extra, Path},
};

/// What was there before, of one prefix.
type Before = (u32, Option<Path>, Extra);

impl Routing {
    /// Brings all routes up to date and tells what differs.
    pub fn compute(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.pending().any() {
            return outcome;
        }
        for number in self.database.numbers() {
            self.shortest_paths(number, &mut outcome.work);
        }
        self.transit_areas();
        self.ways_to_asbrs();

        let mut before = Vec::new();
        self.internal_paths(&mut before, &mut outcome.work);
        self.external_paths(&mut before, &mut outcome.work);
        outcome.changes = self.differences(&before);
        for area in self.database.areas_mut() {
            area.graph.sweep();
        }
        if self.sets.is_due() {
            self.collect_sets();
        }
        outcome
    }

    pub(crate) fn shortest_paths(&mut self, number: u16, work: &mut Work) {
        let is_backbone = self.database.is_backbone(number);
        if is_backbone {
            let ways = self.ways_to_endpoints();
            if ways != self.ways {
                self.ways = ways;
                if let Some(area) = self.database.area_mut(number) {
                    area.exits_stale = true;
                }
            }
        }
        let around = Surroundings {
            area: self.database.id(number),
            root: self.database.root,
            neighbours: &self.neighbours,
            virtual_links: if is_backbone { &self.ways } else { &[] },
        };
        let Some(area) = self.database.area_mut(number) else { return };
        let changed = area.shortest_paths(&around, &mut self.sets, work);
        let mut routers = Vec::new();
        for vertex in changed {
            self.table.mark_claims(*area.claims(vertex));
            let flags = area.graph.flags(vertex);
            if flags != RouterFlags::NONE {
                routers.push((area.graph.id(vertex), flags));
            }
        }
        for (id, flags) in routers {
            self.mark_dependents(number, id, flags);
        }
    }

    fn ways_to_endpoints(&self) -> Vec<(RouterId, HopsId)> {
        let ways =
            self.virtual_links.iter().filter(|link| link.transit != AreaId::BACKBONE).filter_map(|link| {
                let area = self.database.area(self.database.number(link.transit)?)?;
                let (_, hops) = area.border(link.endpoint, RouterFlags::B)?;
                Some((link.endpoint, hops))
            });
        ways.collect()
    }

    /// An area that becomes or ceases to be a transit area changes the part of its summaries (RFC 2328 §16.3).
    fn transit_areas(&mut self) {
        for number in self.database.numbers() {
            let Some(area) = self.database.area_mut(number) else { continue };
            let is_transit = area.computed_transit();
            if std::mem::replace(&mut area.is_transit, is_transit) == is_transit {
                continue;
            }
            for key in self.database.leaves.keys(number) {
                let Some(at) = self.database.leaves.find(number, &key) else { continue };
                if key.ls_type == LsType::AsbrSummary {
                    self.dirty_asbrs.insert(RouterId(key.link_state_id));
                } else if let Some(leaf) = self.database.leaves.get(at) {
                    self.table.mark_claims(leaf.claim);
                }
            }
        }
    }

    fn ways_to_asbrs(&mut self) {
        for router in std::mem::take(&mut self.dirty_asbrs) {
            let path = asbr(&self.database, router, &mut self.sets);
            let old = match path {
                Some(path) => self.asbrs.insert(router, path),
                None => self.asbrs.remove(&router),
            };
            if old != path {
                for leaf in self.database.leaves.by_router(AS, LsType::External, router) {
                    self.table.mark_claims(leaf.claim);
                }
            }
        }
    }

    /// Chooses intra-area and inter-area paths, and marks what leans on those that changed.
    fn internal_paths(&mut self, before: &mut Vec<Before>, work: &mut Work) {
        let ranges: BTreeSet<_> =
            self.database.areas().flat_map(|area| area.ranges.iter().copied()).collect();
        let mut again = BTreeSet::new();
        let dirty = self.table.take_marks();
        for entry in &dirty {
            before.push((*entry, self.table.path(*entry), self.table.extra(*entry)));
        }
        for entry in dirty {
            work.prefixes += 1;
            if self.settle_internal(entry) {
                let prefix = self.table.prefix(entry);
                let around = ranges.iter().filter(|range| range.contains(&prefix));
                again.extend(around.filter_map(|range| self.table.find(range)));
                let leaning = self.database.leaves.forwarded_into(prefix);
                leaning.for_each(|claim| self.table.mark_claims(claim));
            }
        }
        // an own range may have become active, or ceased to be: its prefix' summaries count no more, or again
        for entry in again {
            before.push((entry, self.table.path(entry), self.table.extra(entry)));
            work.prefixes += 1;
            if self.settle_internal(entry) {
                let leaning = self.database.leaves.forwarded_into(self.table.prefix(entry));
                leaning.for_each(|claim| self.table.mark_claims(claim));
            }
        }
    }

    /// Whether a prefix' internal path is another one now. An external path gives way, or stays until it is looked at.
    fn settle_internal(&mut self, entry: u32) -> bool {
        let old = self.table.path(entry).filter(|path| path.kind <= PathKind::InterArea);
        let new =
            internal(&self.database, &self.table, entry, &mut self.sets).filter(|path| path.hops != EMPTY);
        if old == new {
            return false;
        }
        self.table.set(entry, new, Extra::default());
        true
    }

    fn external_paths(&mut self, before: &mut Vec<Before>, work: &mut Work) {
        for entry in self.table.take_marks() {
            before.push((entry, self.table.path(entry), self.table.extra(entry)));
            work.prefixes += 1;
        }
        // of several records the first is the oldest: the sort is stable
        before.sort_by_key(|(entry, ..)| *entry);
        before.dedup_by_key(|(entry, ..)| *entry);
        for (entry, ..) in before {
            if self.table.path(*entry).is_some_and(|path| path.kind <= PathKind::InterArea) {
                continue;
            }
            let asbrs = &self.asbrs;
            let asbr = |router| asbrs.get(&router).copied();
            let found = external(&self.database, &self.table, *entry, asbr, &mut self.sets);
            let (path, extra) = found.map_or((None, Extra::default()), |(path, extra)| (Some(path), extra));
            self.table.set(*entry, path, extra);
        }
    }

    fn differences(&mut self, before: &[Before]) -> Vec<RouteChange> {
        let mut different = Vec::new();
        for (entry, old, old_extra) in before {
            let (new, extra) = (self.table.path(*entry), self.table.extra(*entry));
            let is_same = match (old, &new) {
                (Some(old), Some(new)) => old.same(new) && *old_extra == extra,
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                different.push((self.table.prefix(*entry), *entry, old, *old_extra));
            }
        }
        // changes are large, so they are put in order before they are made
        different.sort_unstable_by_key(|(prefix, ..)| (prefix.addr(), prefix.prefix_len()));
        let changes = different.into_iter().map(|(prefix, entry, old, old_extra)| RouteChange {
            prefix,
            old: old.map(|path| self.view(&path, old_extra)),
            new: self.table.path(entry).map(|path| self.view(&path, self.table.extra(entry))),
        });
        let changes = changes.collect();
        for (entry, ..) in before {
            self.table.release(*entry);
        }
        changes
    }

    fn collect_sets(&mut self) {
        let Self { database, table, sets, ways, asbrs, .. } = self;
        let trees = database.areas_mut().flat_map(|area| area.users());
        let others =
            ways.iter_mut().map(|way| &mut way.1).chain(asbrs.values_mut().map(|path| &mut path.hops));
        sets.collect(trees.chain(table.users()).chain(others));
    }
}
