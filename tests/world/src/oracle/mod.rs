//! The routes that a world's routers must have (RFC 2328 §16).

mod external;
mod graph;
pub(crate) mod paths;
mod summary;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;

use self::{
    graph::{AreaGraph, AreaView},
    summary::{Border, Entry, Summary},
};
use crate::{Area, BACKBONE, Interface, RouterIndex, World};

/// Which way packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop {
    /// Out of which interface.
    pub interface: Interface,
    /// To which router on it; none where the destination is on it itself.
    pub gateway: Option<Ipv4Addr>,
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gateway {
            Some(gateway) => write!(f, "{gateway}%{}", self.interface),
            None => write!(f, "{}", self.interface),
        }
    }
}

/// The kinds of OSPF routes, best first (RFC 2328 §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// Within an area of the router.
    IntraArea,
    /// To another area.
    InterArea,
    /// From outside, metrics added up.
    External1,
    /// From outside, by the external metric alone.
    External2,
}

/// A route that a router must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedRoute {
    /// Its kind.
    pub kind: PathKind,
    /// The area of the path; none for externals.
    pub area: Option<Area>,
    /// The whole cost; of type 2 externals, the cost to the forwarding address or the announcing router.
    pub cost: u32,
    /// The metric of a type 2 external, else 0.
    pub type2_cost: u32,
    /// The ways of equal cost, one at least.
    pub next_hops: BTreeSet<NextHop>,
}

impl fmt::Display for ExpectedRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.cost)?;
        if self.kind == PathKind::External2 {
            write!(f, "/{}", self.type2_cost)?;
        }
        self.next_hops.iter().try_for_each(|hop| write!(f, " {hop}"))
    }
}

/// A router's routes, with those of its own networks. What its kernel has as connected ([`World::connected`]) and what it
/// announces from outside itself are for the caller to leave out where they do not matter.
pub type Table = BTreeMap<Ipv4Net, ExpectedRoute>;

/// Knows the routes of a world as it is. What many routers' routes have in common is computed once.
pub struct Oracle<'a> {
    world: &'a World,
    areas: BTreeMap<Area, AreaGraph<'a>>,
    borders: BTreeMap<RouterIndex, Border>,
    /// What border routers announce into an area.
    summaries: BTreeMap<Area, Vec<Summary>>,
    externals: OnceCell<external::Externals>,
}

impl<'a> Oracle<'a> {
    /// Prepares the oracle of a valid world ([`World::validate`]).
    #[must_use]
    pub fn new(world: &'a World) -> Self {
        let mut areas: BTreeMap<Area, AreaGraph<'a>> =
            world.areas.keys().map(|area| (*area, AreaGraph::new(world, *area))).collect();
        let mut live_transits = BTreeSet::new();
        for link in &world.virtual_links {
            let [a, b] = link.ends;
            let path = |from, to| areas.get(&link.transit)?.view(from).routers.remove(&to);
            if let (Some(there), Some(back)) = (path(a, b), path(b, a))
                && let Some(backbone) = areas.get_mut(&BACKBONE)
            {
                backbone.add_virtual(a, b, &there);
                backbone.add_virtual(b, a, &back);
                live_transits.insert(link.transit);
            }
        }
        let borders = world
            .router_indices()
            .filter(|r| areas.values().filter(|area| area.contains(*r)).count() > 1)
            .map(|r| (r, Border::new(world, r, &areas)))
            .collect();
        let mut this = Self { world, areas, borders, summaries: BTreeMap::new(), externals: OnceCell::new() };
        this.exchange_summaries(&live_transits);
        this
    }

    /// A router's routes; none if it does not run.
    #[must_use]
    pub fn routes(&self, router: RouterIndex) -> Table {
        let views = self.views(router);
        let (entries, asbrs) = match self.borders.get(&router) {
            Some(border) => (border.entries.clone(), border.asbrs.clone()),
            None => self.internal_routes(router, &views),
        };
        let mut table: Table = entries.iter().map(|(prefix, entry)| (*prefix, entry.expected())).collect();
        for (prefix, route) in self.external_routes(router, &views, &entries, &asbrs) {
            table.entry(prefix).or_insert(route);
        }
        table
    }

    fn views(&self, router: RouterIndex) -> BTreeMap<Area, AreaView> {
        let mine = self.areas.iter().filter(|(_, area)| area.contains(router));
        mine.map(|(id, area)| (*id, area.view(router))).collect()
    }
}

impl Entry {
    fn expected(&self) -> ExpectedRoute {
        ExpectedRoute {
            kind: if self.intra { PathKind::IntraArea } else { PathKind::InterArea },
            area: Some(self.area),
            cost: self.reach.cost,
            type2_cost: 0,
            next_hops: self.reach.next_hops.clone(),
        }
    }
}
