//! The routes that each router must have (ISO 10589 §7.2, RFC 5302 §3.2).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use ipnet::Ipv4Net;

use super::{
    Domain, Level, Levels,
    graph::{Announcement, LevelGraph, own},
    leak,
};
use crate::{NextHop, RouterIndex, World, oracle::paths::Reach};

/// The kinds of routes, best first (RFC 5302 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// Within the area.
    L1,
    /// By level 2.
    L2,
    /// By level 1, leaked down from level 2.
    L1Down,
    /// By level 1, with a narrow metric of the external type.
    L1External,
    /// By level 2, with a narrow metric of the external type.
    L2External,
    /// By level 1, leaked down, with a narrow metric of the external type.
    L1DownExternal,
    /// The default route to the nearest attached router of both levels (ISO 10589 §7.2.9.1).
    Attached,
}

/// A route that a router must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedRoute {
    /// Its kind.
    pub kind: PathKind,
    /// The whole metric; of the external type, that which is announced.
    pub metric: u32,
    /// The ways of equal metric; none where the router announces the prefix itself and nobody is nearer.
    pub next_hops: BTreeSet<NextHop>,
}

impl fmt::Display for ExpectedRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.metric)?;
        self.next_hops.iter().try_for_each(|hop| write!(f, " {hop}"))
    }
}

/// A router's routes, with those of its own networks.
pub type Table = BTreeMap<Ipv4Net, ExpectedRoute>;

type View = BTreeMap<RouterIndex, Reach>;

/// Knows the routes of a world as it is. What many routers' routes have in common is computed once.
pub struct Oracle<'a> {
    domain: &'a Domain,
    one: LevelGraph<'a>,
    two: LevelGraph<'a>,
    /// All that is announced at level 1.
    said_one: Vec<Announcement>,
    /// And at level 2.
    said_two: Vec<Announcement>,
    /// Whose attached bit is set.
    attached: BTreeSet<RouterIndex>,
}

impl<'a> Oracle<'a> {
    /// Prepares the oracle of a valid world and domain ([`Domain::validate`]).
    #[must_use]
    pub fn new(world: &'a World, domain: &'a Domain) -> Self {
        let [one, two] = Level::ALL.map(|level| LevelGraph::new(world, domain, level));
        let said = |level| world.router_indices().flat_map(move |by| own(world, domain, by, level));
        let mut this = Self {
            domain,
            one,
            two,
            said_one: said(Level::One).collect(),
            said_two: Vec::new(),
            attached: BTreeSet::new(),
        };
        let borders: Vec<RouterIndex> = world
            .router_indices()
            .filter(|index| world.router(*index).up && domain.router(*index).levels == Levels::Both)
            .collect();
        let level1: BTreeMap<RouterIndex, Table> = borders
            .iter()
            .map(|border| (*border, table(Level::One, &this.said_one, *border, &this.one.view(*border))))
            .collect();
        for by in world.router_indices() {
            let own = own(world, domain, by, Level::Two);
            let said = match level1.get(&by) {
                Some(known) => leak::up(domain, by, own, known),
                None => own,
            };
            this.said_two.extend(said);
        }
        for (border, known) in level1 {
            let view = this.two.view(border);
            let elsewhere = |other: &RouterIndex| domain.router(*other).area != domain.router(border).area;
            if view.keys().any(elsewhere) && !world.router(border).stub_router {
                this.attached.insert(border);
            }
            if domain.router(border).leak_down != super::LeakDown::Nothing {
                let best = better(known, table(Level::Two, &this.said_two, border, &view));
                // What goes down neither goes up nor down again, so that one round suffices.
                this.said_one.extend(leak::down(domain, border, &best));
            }
        }
        this
    }

    /// A router's routes; none if it does not run.
    #[must_use]
    pub fn routes(&self, router: RouterIndex) -> Table {
        let (one, two) = (self.one.view(router), self.two.view(router));
        let by_level1 = table(Level::One, &self.said_one, router, &one);
        let mut best = better(by_level1, table(Level::Two, &self.said_two, router, &two));
        if self.domain.router(router).levels == Levels::One
            && let Some(nearest) = self.nearest_attached(&one)
        {
            best.entry(Ipv4Net::default()).or_insert(nearest);
        }
        best
    }

    fn nearest_attached(&self, view: &View) -> Option<ExpectedRoute> {
        let mut ways = self.attached.iter().filter_map(|router| view.get(router));
        let mut nearest = ways.next()?.clone();
        ways.for_each(|way| nearest.merge(way.clone()));
        Some(ExpectedRoute { kind: PathKind::Attached, metric: nearest.cost, next_hops: nearest.next_hops })
    }
}

/// The better route to each prefix.
fn better(mut one: Table, two: Table) -> Table {
    for (prefix, route) in two {
        match one.get(&prefix) {
            Some(known) if known.kind < route.kind => {}
            _ => {
                one.insert(prefix, route);
            }
        }
    }
    one
}

/// A router's best routes at a level, by what is announced there and the ways to who does.
fn table(level: Level, said: &[Announcement], root: RouterIndex, view: &View) -> Table {
    let mut best: BTreeMap<Ipv4Net, (Rank, BTreeSet<NextHop>)> = BTreeMap::new();
    for announced in said {
        let Some(way) = view.get(&announced.by) else { continue };
        let kind = kind(level, announced);
        let rank = match announced.external {
            true => Rank { kind, metric: announced.metric, distance: way.cost },
            false => Rank { kind, metric: announced.metric + way.cost, distance: 0 },
        };
        match best.get_mut(&announced.prefix) {
            Some((old, _)) if *old < rank => {}
            // Nobody is nearer than this router itself, which has no next hops.
            Some((old, known)) if *old == rank && (known.is_empty() || announced.by == root) => known.clear(),
            Some((old, known)) if *old == rank => known.extend(way.next_hops.iter().copied()),
            _ => {
                best.insert(announced.prefix, (rank, way.next_hops.clone()));
            }
        }
    }
    let route =
        |(rank, next_hops): (Rank, _)| ExpectedRoute { kind: rank.kind, metric: rank.metric, next_hops };
    best.into_iter().map(|(prefix, found)| (prefix, route(found))).collect()
}

/// By which the best way is chosen.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: PathKind,
    metric: u32,
    /// To who announces it, where the metric does not include that.
    distance: u32,
}

fn kind(level: Level, announced: &Announcement) -> PathKind {
    match (level, announced.down, announced.external) {
        (Level::One, false, false) => PathKind::L1,
        (Level::One, true, false) => PathKind::L1Down,
        (Level::One, false, true) => PathKind::L1External,
        (Level::One, true, true) => PathKind::L1DownExternal,
        (Level::Two, _, false) => PathKind::L2,
        (Level::Two, _, true) => PathKind::L2External,
    }
}
