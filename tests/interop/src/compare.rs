//! What routers have, against what they should have.

use std::{collections::BTreeSet, fmt};

use braid_world::{ExpectedRoute, PathKind, RouterIndex, Table, World};
use ipnet::Ipv4Net;

use crate::{Cost, KernelRoutes, Kind, daemon::Costs};

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

/// What a router's kernel should have of a table: neither what is connected to it nor what it announces itself.
pub(crate) fn installed(world: &World, router: RouterIndex, table: &Table) -> Table {
    let connected = world.connected(router);
    let own = &world.router(router).externals;
    let kept = table.iter().filter(|(prefix, _)| !connected.contains(prefix) && !own.contains_key(prefix));
    kept.map(|(prefix, route)| (*prefix, route.clone())).collect()
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
    let wanted = |route: &ExpectedRoute| Cost {
        kind: route.kind,
        cost: route.cost,
        type2_cost: if route.kind == PathKind::External2 { route.type2_cost } else { 0 },
    };
    let wrong = expected.iter().filter(|(prefix, route)| found.get(prefix) != Some(&wanted(route)));
    wrong
        .map(|(prefix, route)| Difference {
            router,
            kind,
            prefix: *prefix,
            expected: route.to_string(),
            found: found.get(prefix).map_or_else(|| "not told".to_owned(), |cost| format!("{cost:?}")),
        })
        .collect()
}
