//! The decision process as a whole: LSPs and adjacencies in, differences of routes out.

use std::net::Ipv4Addr;

use braid_isis_packet::{AreaAddress, CircuitType, LanId, Level, Lsp, LspId, SystemId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    Adjacency, Reach, Route, RouteChange, Settings,
    digest::Digest,
    graph::Announced,
    hops::HopSets,
    links::NodeIndex,
    prefixes::{Announcer, Best, Prefixes},
    topology::Topology,
    tree::Moved,
};

/// What a computation would have to do. RFC 8405 delays the first kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// Nodes, links or adjacencies changed: shortest paths may.
    pub topology: bool,
    /// Announced prefixes changed: routes may, on the shortest paths as they are.
    pub prefixes: bool,
}

impl Pending {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_none(self) -> bool {
        !self.topology && !self.prefixes
    }
}

/// What a computation did, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Levels whose shortest paths were brought up to date.
    pub levels: usize,
    /// Nodes that were looked at for that.
    pub nodes: usize,
    /// Prefixes whose best path was chosen again.
    pub prefixes: usize,
}

/// What a computation found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The routes that differ from those before, by prefix.
    pub changes: Vec<RouteChange>,
    /// The prefixes whose [`Routing::level_reach`] of level 1 differs, in order: what level 2 hears of them may have to
    /// change, even while the best route of both levels stays.
    pub level_1: Vec<Ipv4Net>,
    /// What it took.
    pub work: Work,
}

/// The decision process of one router, for both levels. See the [crate] for how to call it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Routing {
    settings: Settings,
    levels: CircuitType,
    attached_default: bool,
    topologies: [Topology; 2],
    prefixes: Prefixes,
    sets: HopSets,
}

impl Routing {
    /// The decision process of the router `me`, which knows nothing yet and runs both levels.
    #[must_use]
    pub fn new(me: SystemId, settings: Settings) -> Routing {
        let topology = Topology::new(me, settings.metrics);
        Routing {
            settings,
            levels: CircuitType::L1L2,
            attached_default: false,
            topologies: [topology.clone(), topology],
            prefixes: Prefixes::default(),
            sets: HopSets::new(settings.max_paths.clamp(1, Settings::MAX_PATHS)),
        }
    }

    /// Sets the levels that the router runs. A level that it does not run forgets its LSPs and adjacencies and takes none.
    pub fn set_levels(&mut self, levels: CircuitType) {
        self.levels = levels;
        for level in Level::ALL.into_iter().filter(|level| !levels.has(*level)) {
            self.topologies[level.index()].set_adjacencies(Vec::new());
            for node in self.topology(level).graph.nodes() {
                let id = self.topology(level).graph.id(node);
                for fragment in self.topology(level).graph.fragments(node) {
                    self.remove(level, &id.fragment(fragment));
                }
            }
        }
    }

    /// Takes an LSP into the database of `level`, in place of an earlier version; one whose lifetime is zero takes the
    /// earlier version out. This router's own LSPs belong in it too. Does not compare versions: the newest is what the
    /// caller says. A version that says the same costs no computation.
    pub fn install(&mut self, level: Level, lsp: &Lsp) {
        if !self.levels.has(level) {
            return;
        }
        if lsp.is_purge() {
            self.remove(level, &lsp.id());
        } else {
            let digest = Digest::of(lsp, level, self.settings.metrics);
            let node = self.topologies[level.index()].place(lsp.id().node);
            self.take(level, node, lsp.id().fragment, &digest);
        }
    }

    /// Takes the LSP `id` out of the database of `level`.
    pub fn remove(&mut self, level: Level, id: &LspId) {
        if let Some(node) = self.topology(level).graph.find(id.node) {
            let nothing = Digest { header: None, listed: Vec::new(), announced: Vec::new() };
            self.take(level, node, id.fragment, &nothing);
            self.topologies[level.index()].graph.release(node);
        }
    }

    /// Sets all adjacencies that are up, of both levels. Those of a level that the router does not run do not count.
    pub fn set_adjacencies(&mut self, adjacencies: &[Adjacency]) {
        for level in self.levels.levels() {
            let mut own: Vec<Adjacency> =
                adjacencies.iter().filter(|adjacency| adjacency.level == level).copied().collect();
            own.sort_unstable();
            self.topologies[level.index()].set_adjacencies(own);
        }
    }

    /// Sets whether the nearest attached level 2 router is the way to everything else: so for a router of level 1 alone
    /// (ISO 10589 §7.2.9.1, RFC 1195 §3.2).
    pub fn set_attached_default(&mut self, wanted: bool) {
        if self.attached_default != wanted {
            self.attached_default = wanted;
            self.prefixes.touch_net(Ipv4Net::default());
        }
    }

    /// What [`compute`](Self::compute) would have to do now.
    #[must_use]
    pub fn pending(&self) -> Pending {
        Pending {
            topology: self.topologies.iter().any(Topology::is_stale),
            prefixes: self.prefixes.is_dirty(),
        }
    }

    /// Brings all routes up to what was said since the last time, and tells those that differ.
    pub fn compute(&mut self) -> Outcome {
        self.compute_by(|topology, sets| topology.is_stale().then(|| topology.update(sets)))
    }

    /// Does as [`compute`](Self::compute) with all shortest paths and routes computed from nothing: for measurements, and
    /// to prove the other right.
    pub fn recompute(&mut self) -> Outcome {
        self.prefixes.touch_all();
        self.compute_by(|topology, sets| Some(topology.recompute(sets)))
    }

    /// Computes the shortest paths of both levels from nothing, to those that are there already: for measurements. Levels
    /// with pending changes are left to [`compute`](Self::compute).
    pub fn recompute_paths(&mut self) -> Work {
        let mut work = Work::default();
        for topology in self.topologies.iter_mut().filter(|topology| !topology.is_stale()) {
            work.nodes += topology.recompute(&mut self.sets).visited;
            work.levels += 1;
        }
        work
    }

    /// The routes, by prefix.
    pub fn routes(&self) -> impl Iterator<Item = (Ipv4Net, Route)> + '_ {
        self.prefixes.all().map(|(net, best)| (net, self.route_of(&best)))
    }

    /// The route to exactly this prefix.
    #[must_use]
    pub fn route(&self, prefix: &Ipv4Net) -> Option<Route> {
        self.prefixes.best(prefix).map(|best| self.route_of(&best))
    }

    /// The route with the longest prefix that holds `address`.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<(Ipv4Net, Route)> {
        (0..=32).rev().find_map(|length| {
            let prefix = Ipv4Net::new(address, length).ok()?.trunc();
            Some((prefix, self.route(&prefix)?))
        })
    }

    /// How far the best routes lead, by prefix.
    pub fn reaches(&self) -> impl Iterator<Item = (Ipv4Net, Reach)> + '_ {
        self.prefixes.all().map(|(net, best)| (net, best.reach()))
    }

    /// How far the route to exactly this prefix leads.
    #[must_use]
    pub fn reach(&self, prefix: &Ipv4Net) -> Option<Reach> {
        self.prefixes.best(prefix).map(|best| best.reach())
    }

    /// The best routes of one level, by prefix, whatever the other level has. Those without next hops are announced by this
    /// router itself.
    pub fn level_routes(&self, level: Level) -> impl Iterator<Item = (Ipv4Net, Route)> + '_ {
        self.prefixes.level_all(level).map(|(net, best)| (net, self.route_of(&best)))
    }

    /// The best route of one level to exactly this prefix.
    #[must_use]
    pub fn level_route(&self, level: Level, prefix: &Ipv4Net) -> Option<Route> {
        self.prefixes.level_best(level, prefix).map(|best| self.route_of(&best))
    }

    /// How far the best routes of one level lead, by prefix: what leaking chooses from (RFC 1195 §3.2 for level 1 into 2, RFC
    /// 5302 §3 the other way).
    pub fn level_reaches(&self, level: Level) -> impl Iterator<Item = (Ipv4Net, Reach)> + '_ {
        self.prefixes.level_all(level).map(|(net, best)| (net, best.reach()))
    }

    /// How far the best route of one level to exactly this prefix leads.
    #[must_use]
    pub fn level_reach(&self, level: Level, prefix: &Ipv4Net) -> Option<Reach> {
        self.prefixes.level_best(level, prefix).map(|best| best.reach())
    }

    /// The metric of the shortest path to a router at `level`; 0 for this router itself. `None` if there is none, or its
    /// LSP fragment 0 is not there.
    #[must_use]
    pub fn reachable(&self, level: Level, router: SystemId) -> Option<u32> {
        let topology = self.topology(level);
        topology.distance(topology.graph.find(router.node())?)
    }

    /// The other routers and the pseudonodes that are reached at `level`, by their place, with their metric.
    pub fn nodes(&self, level: Level) -> impl Iterator<Item = (LanId, u32)> + '_ {
        let topology = self.topology(level);
        topology.reached().filter_map(|node| Some((topology.graph.id(node), topology.distance(node)?)))
    }

    /// The sets of areas that the other routers reached at `level` are in, each set once.
    #[must_use]
    pub fn areas(&self, level: Level) -> Vec<&[AreaAddress]> {
        let topology = self.topology(level);
        let routers = topology.reached().filter(|node| !topology.graph.id(*node).is_pseudonode());
        let mut sets: Vec<_> = routers.map(|node| topology.graph.area_set(node)).collect();
        sets.sort_unstable();
        sets.dedup();
        sets.into_iter().map(|set| topology.graph.areas(set)).collect()
    }

    /// Whether level 2 reaches a router that is in none of the areas `own`: then, and only then, may this router say in
    /// level 1 that it is attached (ISO 10589 §7.2.9.2). A router that names no area does not count.
    #[must_use]
    pub fn reaches_other_area(&self, own: &[AreaAddress]) -> bool {
        let topology = self.topology(Level::Two);
        let others = topology.graph.area_sets_without(own);
        let is_there = |node| {
            let is_router = !topology.graph.id(node).is_pseudonode();
            is_router && others.contains(&topology.graph.area_set(node))
        };
        !others.is_empty() && topology.reached().any(is_there)
    }

    fn topology(&self, level: Level) -> &Topology {
        &self.topologies[level.index()]
    }

    fn route_of(&self, best: &Best) -> Route {
        best.route(&self.topologies, &self.sets)
    }

    /// Takes what a fragment says now, in place of what it said.
    fn take(&mut self, level: Level, node: NodeIndex, fragment: u8, digest: &Digest) {
        let graph = &mut self.topologies[level.index()].graph;
        if fragment == 0 && graph.set_header(node, digest.header.as_ref()) {
            for announced in graph.announced(node) {
                self.prefixes.touch(announced.prefix);
            }
            if level == Level::One && self.attached_default {
                self.prefixes.touch_net(Ipv4Net::default());
            }
        }
        graph.set_listed(node, fragment, &digest.listed);
        self.take_announced(level, node, fragment, digest);
    }

    /// Most new versions of a fragment announce what the old one did, at other metrics at most: that costs no search.
    fn take_announced(&mut self, level: Level, node: NodeIndex, fragment: u8, digest: &Digest) {
        let graph = &mut self.topologies[level.index()].graph;
        let prefixes = &mut self.prefixes;
        let before = graph.announced_by(node, fragment);
        let is_alike = before.len() == digest.announced.len()
            && before.iter().zip(&digest.announced).all(|(announced, (net, kind, _))| {
                announced.kind == *kind && prefixes.net(announced.prefix) == *net
            });
        if is_alike {
            for (announced, (_, _, metric)) in before.iter_mut().zip(&digest.announced) {
                if announced.metric != *metric {
                    prefixes.change_metric(announced.prefix, announced.by(node), *metric);
                    announced.metric = *metric;
                }
            }
            return;
        }
        let named =
            |announced: &Announced| (prefixes.net(announced.prefix), announced.kind, announced.metric);
        let before: Vec<_> = before.iter().map(|announced| (named(announced), *announced)).collect();
        let mut old = before.into_iter().peekable();
        let mut now = Vec::with_capacity(digest.announced.len());
        for what in &digest.announced {
            while let Some((_, gone)) = old.next_if(|(before, _)| before < what) {
                prefixes.withdraw(gone.prefix, gone.by(node));
            }
            now.push(match old.next_if(|(before, _)| before == what) {
                Some((_, announced)) => announced,
                None => {
                    let (net, kind, metric) = *what;
                    let prefix = prefixes.announce(net, Announcer { node, metric, kind, fragment });
                    Announced { prefix, metric, kind, fragment }
                }
            });
        }
        for (_, gone) in old {
            prefixes.withdraw(gone.prefix, gone.by(node));
        }
        graph.set_announced(node, fragment, &now);
    }

    fn compute_by(&mut self, mut paths: impl FnMut(&mut Topology, &mut HopSets) -> Option<Moved>) -> Outcome {
        let mut work = Work::default();
        for level in Level::ALL {
            let topology = &mut self.topologies[level.index()];
            let Some(moved) = paths(topology, &mut self.sets) else { continue };
            work.levels += 1;
            work.nodes += moved.visited;
            for announced in moved.nodes.iter().flat_map(|node| topology.graph.announced(*node)) {
                self.prefixes.touch(announced.prefix);
            }
            if level == Level::One && self.attached_default && !moved.nodes.is_empty() {
                self.prefixes.touch_net(Ipv4Net::default());
            }
        }
        let choice = self.prefixes.choose(&self.topologies, self.attached_default, &mut self.sets);
        work.prefixes = choice.chosen;
        self.sweep();
        Outcome { changes: choice.changes, level_1: choice.level_1, work }
    }

    /// Gives back what nothing names any more.
    fn sweep(&mut self) {
        for topology in &mut self.topologies {
            topology.graph.sweep();
        }
        if self.sets.is_untidy() {
            let [one, two] = &self.topologies;
            self.sets.tidy(one.sets().chain(two.sets()).chain(self.prefixes.sets()));
        }
    }
}
