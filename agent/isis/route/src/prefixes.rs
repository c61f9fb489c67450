//! The prefixes, who announces them, and the best path of each level.

use std::collections::BTreeMap;

use braid_isis_packet::Level;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    PathKind, Reach, Route, RouteChange,
    graph::ME,
    hops::{HopSet, HopSets},
    links::NodeIndex,
    topology::Topology,
};

/// A node announces the prefix. The kind tells the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcer {
    pub(crate) node: NodeIndex,
    pub(crate) metric: u32,
    pub(crate) kind: PathKind,
    pub(crate) fragment: u8,
}

/// The best path at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) kind: PathKind,
    pub(crate) fragment: u8,
    /// Who announces it.
    pub(crate) node: NodeIndex,
    pub(crate) metric: u32,
    pub(crate) hops: HopSet,
}

impl Best {
    pub(crate) fn reach(&self) -> Reach {
        Reach { kind: self.kind, metric: self.metric }
    }

    pub(crate) fn route(&self, levels: &[Topology; 2], sets: &HopSets) -> Route {
        let level = self.kind.level();
        Route {
            level,
            kind: self.kind,
            metric: self.metric,
            next_hops: sets.get(self.hops).clone(),
            origin: levels[level.index()].graph.id(self.node).fragment(self.fragment),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    net: Ipv4Net,
    dirty: bool,
    /// Most prefixes have one, and where they are told to the other level another.
    announcers: SmallVec<[Announcer; 2]>,
    best: [Option<Best>; 2],
}

/// A prefix as one number, in the same order: to search and sort by it costs less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key(u64);

impl From<&Ipv4Net> for Key {
    fn from(net: &Ipv4Net) -> Key {
        Key(u64::from(u32::from(net.addr())) << 8 | u64::from(net.prefix_len()))
    }
}

/// What choosing again came to.
#[derive(Default)]
pub(crate) struct Choice {
    /// For how many prefixes.
    pub(crate) chosen: usize,
    /// What differs, by prefix.
    pub(crate) changes: Vec<RouteChange>,
    /// The prefixes whose best path of level 1 differs in kind or metric, in order.
    pub(crate) level_1: Vec<Ipv4Net>,
}

/// All prefixes of both levels.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Prefixes {
    entries: Vec<Entry>,
    index: BTreeMap<Key, u32>,
    free: Vec<u32>,
    dirty: Vec<u32>,
}

impl Prefixes {
    pub(crate) fn net(&self, prefix: u32) -> Ipv4Net {
        self.entries[prefix as usize].net
    }

    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The place of `net`, now made if it had none, and to be looked at.
    pub(crate) fn touch_net(&mut self, net: Ipv4Net) -> u32 {
        let prefix = self.index.get(&Key::from(&net)).copied().unwrap_or_else(|| self.add(net));
        self.touch(prefix);
        prefix
    }

    fn add(&mut self, net: Ipv4Net) -> u32 {
        let entry = Entry { net, dirty: false, announcers: SmallVec::new(), best: [None; 2] };
        let prefix = match self.free.pop() {
            Some(prefix) => {
                self.entries[prefix as usize] = entry;
                prefix
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).expect("fewer prefixes than bytes of LSPs in memory")
            }
        };
        self.index.insert(Key::from(&net), prefix);
        prefix
    }

    /// Has the best paths of `prefix` looked at again.
    pub(crate) fn touch(&mut self, prefix: u32) {
        let entry = &mut self.entries[prefix as usize];
        if !entry.dirty {
            entry.dirty = true;
            self.dirty.push(prefix);
        }
    }

    /// `announcer` is new.
    pub(crate) fn announce(&mut self, net: Ipv4Net, announcer: Announcer) -> u32 {
        let prefix = self.touch_net(net);
        self.entries[prefix as usize].announcers.push(announcer);
        prefix
    }

    /// `announcer` is gone.
    pub(crate) fn withdraw(&mut self, prefix: u32, announcer: Announcer) {
        self.touch(prefix);
        let announcers = &mut self.entries[prefix as usize].announcers;
        if let Some(at) = announcers.iter().position(|other| *other == announcer) {
            announcers.swap_remove(at);
        }
    }

    /// `announcer` is there with another metric.
    pub(crate) fn change_metric(&mut self, prefix: u32, announcer: Announcer, metric: u32) {
        self.touch(prefix);
        let mut announcers = self.entries[prefix as usize].announcers.iter_mut();
        if let Some(found) = announcers.find(|other| **other == announcer) {
            found.metric = metric;
        }
    }

    /// The best path to `net` over both levels.
    pub(crate) fn best(&self, net: &Ipv4Net) -> Option<Best> {
        self.index.get(&Key::from(net)).and_then(|prefix| merged(&self.entries[*prefix as usize].best))
    }

    /// The best path to `net` at `level`.
    pub(crate) fn level_best(&self, level: Level, net: &Ipv4Net) -> Option<Best> {
        self.index.get(&Key::from(net)).and_then(|prefix| self.entries[*prefix as usize].best[level.index()])
    }

    /// The best paths over both levels, by prefix.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Ipv4Net, Best)> {
        self.by_net().filter_map(|entry| Some((entry.net, merged(&entry.best)?)))
    }

    /// The best paths of `level`, by prefix.
    pub(crate) fn level_all(&self, level: Level) -> impl Iterator<Item = (Ipv4Net, Best)> {
        self.by_net().filter_map(move |entry| Some((entry.net, entry.best[level.index()]?)))
    }

    fn by_net(&self) -> impl Iterator<Item = &Entry> {
        self.index.values().map(|prefix| &self.entries[*prefix as usize])
    }

    /// All sets of next hops that are in use.
    pub(crate) fn sets(&self) -> impl Iterator<Item = HopSet> {
        self.entries.iter().flat_map(|entry| entry.best).flatten().map(|best| best.hops)
    }

    /// Has all prefixes looked at again.
    pub(crate) fn touch_all(&mut self) {
        for prefix in self.index.values().copied().collect::<Vec<_>>() {
            self.touch(prefix);
        }
    }

    /// Chooses again for all that were touched. With `attached_default`, a default route that nobody announces leads to the
    /// nearest attached router of level 1.
    pub(crate) fn choose(
        &mut self,
        levels: &[Topology; 2],
        attached_default: bool,
        sets: &mut HopSets,
    ) -> Choice {
        let dirty = std::mem::take(&mut self.dirty);
        let mut dirty: Vec<(Key, u32)> =
            dirty.into_iter().map(|prefix| (Key::from(&self.net(prefix)), prefix)).collect();
        dirty.sort_unstable();
        let mut choice = Choice { chosen: dirty.len(), ..Choice::default() };
        for (key, prefix) in dirty {
            let entry = &mut self.entries[prefix as usize];
            entry.dirty = false;
            let before = entry.best;
            for level in Level::ALL {
                entry.best[level.index()] = best_of(&entry.announcers, level, &levels[level.index()], sets);
            }
            let [announced, _] = &mut entry.best;
            if attached_default && announced.is_none() && entry.net == Ipv4Net::default() {
                *announced = levels[Level::One.index()].nearest_attached(sets);
            }
            let [was, is] = [before, entry.best].map(|[one, _]| one.map(|best| best.reach()));
            if was != is {
                choice.level_1.push(entry.net);
            }
            let (old, new) = (merged(&before), merged(&entry.best));
            if old != new {
                let [old, new] = [old, new].map(|best| best.map(|best| best.route(levels, sets)));
                choice.changes.push(RouteChange { prefix: entry.net, old, new });
            }
            if entry.announcers.is_empty() && entry.best == [None; 2] {
                self.index.remove(&key);
                self.free.push(prefix);
            }
        }
        choice
    }
}

fn merged(best: &[Option<Best>; 2]) -> Option<Best> {
    best.iter().flatten().min_by_key(|best| best.kind).copied()
}

/// The best of what is announced at `level` (RFC 5302 §3.2): the best kind, the least metric, of equal external metrics
/// the nearest announcer. Of all that are equal, the next hops together; none if this router is one of them.
fn best_of(announcers: &[Announcer], level: Level, topology: &Topology, sets: &mut HopSets) -> Option<Best> {
    let mut best: Option<(Best, u32)> = None;
    for announcer in announcers.iter().filter(|announcer| announcer.kind.level() == level) {
        let Announcer { node, metric, kind, fragment } = *announcer;
        let Some(distance) = topology.distance(node) else { continue };
        let Some(total) = topology.total(distance, metric) else { continue };
        let (metric, further) = if kind.is_external() { (metric, distance) } else { (total, 0) };
        let this = (Best { kind, fragment, node, metric, hops: topology.hops(node) }, further);
        best = Some(match best {
            None => this,
            Some(that) => better(that, this, topology, sets),
        });
    }
    best.map(|(best, _)| best)
}

fn better(a: (Best, u32), b: (Best, u32), topology: &Topology, sets: &mut HopSets) -> (Best, u32) {
    let rank = |(best, further): &(Best, u32)| (best.kind, best.metric, *further);
    match rank(&a).cmp(&rank(&b)) {
        std::cmp::Ordering::Less => a,
        std::cmp::Ordering::Greater => b,
        std::cmp::Ordering::Equal => {
            // This router first, then the least LSP.
            let name =
                |(best, _): &(Best, u32)| (best.node != ME, topology.graph.id(best.node), best.fragment);
            let (mut first, second) = if name(&a) <= name(&b) { (a, b) } else { (b, a) };
            if first.0.node != ME {
                first.0.hops = sets.union(first.0.hops, second.0.hops);
            }
            first
        }
    }
}
