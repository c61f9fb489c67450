//! What routers have, against what they should have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use braid_world::{ExpectedRoute, NextHop, Oracle, PathKind, RouterIndex, World, isis};
use ipnet::Ipv4Net;

use crate::{Cost, KernelRoutes, Kind, Settings, daemon::Costs};

/// A route that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub router: RouterIndex,
    /// Who runs it.
    pub kind: Kind,
    /// The destination.
    pub prefix: Ipv4Net,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { router, kind, prefix, expected, found } = self;
        write!(f, "{router} ({kind}) {prefix}: expected {expected}, found {found}")
    }
}

/// A route that a router must have, of either protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub cost: Cost,
    pub next_hops: BTreeSet<NextHop>,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cost)?;
        self.next_hops.iter().try_for_each(|hop| write!(f, " {hop}"))
    }
}

impl From<ExpectedRoute> for Route {
    fn from(route: ExpectedRoute) -> Self {
        let ExpectedRoute { kind, cost, next_hops, .. } = route;
        let type2_cost = if kind == PathKind::External2 { route.type2_cost } else { 0 };
        Self { cost: Cost::Ospf { kind, cost, type2_cost }, next_hops }
    }
}

impl From<isis::ExpectedRoute> for Route {
    fn from(route: isis::ExpectedRoute) -> Self {
        let isis::ExpectedRoute { kind, metric, next_hops } = route;
        Self { cost: Cost::Isis { kind: Some(kind), metric }, next_hops }
    }
}

pub(crate) type Table = BTreeMap<Ipv4Net, Route>;

/// What the kernel of every router that runs should have: neither what is connected to it nor what it announces itself.
pub(crate) fn installed(world: &World, settings: &Settings) -> Vec<(RouterIndex, Table)> {
    let live = world.router_indices().filter(|router| world.router(*router).up);
    match &settings.domain {
        None => {
            let oracle = Oracle::new(world);
            live.map(|router| (router, kept(world, router, oracle.routes(router)))).collect()
        }
        Some(domain) => {
            let oracle = isis::Oracle::new(world, domain);
            live.map(|router| (router, kept(world, router, oracle.routes(router)))).collect()
        }
    }
}

fn kept<R: Into<Route>>(world: &World, router: RouterIndex, routes: BTreeMap<Ipv4Net, R>) -> Table {
    let connected = world.connected(router);
    let own = &world.router(router).externals;
    let kept =
        routes.into_iter().filter(|(prefix, _)| !connected.contains(prefix) && !own.contains_key(prefix));
    let kept = kept.map(|(prefix, route)| (prefix, route.into()));
    kept.filter(|(_, route): &(_, Route)| !route.next_hops.is_empty()).collect()
}

fn shown(hops: &BTreeSet<(String, Option<std::net::Ipv4Addr>)>) -> String {
    let hop = |(interface, gateway): &(String, Option<std::net::Ipv4Addr>)| match gateway {
        Some(gateway) => format!("{gateway}%{interface}"),
        None => interface.clone(),
    };
    hops.iter().map(hop).collect::<Vec<_>>().join(" ")
}

/// Prefixes and next hops of the kernel. `ignored` prefixes are those that the router has from elsewhere.
pub(crate) fn kernel(
    router: RouterIndex,
    kind: Kind,
    expected: &Table,
    found: &KernelRoutes,
    ignored: &BTreeSet<Ipv4Net>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let prefixes: BTreeSet<&Ipv4Net> = expected.keys().chain(found.keys()).collect();
    for prefix in prefixes.into_iter().filter(|prefix| !ignored.contains(prefix)) {
        let hops = expected.get(prefix).map(|route| {
            route.next_hops.iter().map(|hop| (hop.interface.to_string(), hop.gateway)).collect()
        });
        if hops.as_ref() != found.get(prefix) {
            differences.push(Difference {
                router,
                kind,
                prefix: *prefix,
                expected: expected.get(prefix).map_or_else(|| "none".to_owned(), ToString::to_string),
                found: found.get(prefix).map_or_else(|| "none in the kernel".to_owned(), shown),
            });
        }
    }
    differences
}

/// Kinds and costs by the daemon's own account.
pub(crate) fn costs(router: RouterIndex, kind: Kind, expected: &Table, found: &Costs) -> Vec<Difference> {
    let is_right = |prefix, route: &Route| found.get(prefix).is_some_and(|told| told.agrees(&route.cost));
    let wrong = expected.iter().filter(|(prefix, route)| !is_right(prefix, route));
    wrong
        .map(|(prefix, route)| Difference {
            router,
            kind,
            prefix: *prefix,
            expected: route.to_string(),
            found: found.get(prefix).map_or_else(|| "not told".to_owned(), ToString::to_string),
        })
        .collect()
}
