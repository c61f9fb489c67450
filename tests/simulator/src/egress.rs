//! Where packets leave a virtual network, by its kernels' routes.

use std::collections::{BTreeMap, BTreeSet};

use braid_world::RouterIndex;
use ipnet::Ipv4Net;

use crate::{protocol::Protocol, simulation::Simulation};

/// At most so many differences are told.
const TOLD: usize = 12;

/// The routers at which packets leave, by where they enter.
type Egresses = BTreeMap<RouterIndex, BTreeSet<RouterIndex>>;

/// Prefixes whose packets leave two virtual networks of one world at different routers.
pub fn differences<P: Protocol, Q: Protocol>(one: &Simulation<P>, two: &Simulation<Q>) -> Vec<String> {
    let mut told = Vec::new();
    let known: BTreeSet<Ipv4Net> = prefixes(one).chain(prefixes(two)).collect();
    for prefix in known {
        let (first, second) = (egresses(one, prefix), egresses(two, prefix));
        for (from, there) in &first {
            if second.get(from) != Some(there) {
                told.push(format!("{prefix} from {from}: {there:?} and {:?}", second.get(from)));
            }
        }
        if told.len() > TOLD {
            break;
        }
    }
    told.truncate(TOLD);
    told
}

fn prefixes<P: Protocol>(simulation: &Simulation<P>) -> impl Iterator<Item = Ipv4Net> {
    simulation.nodes.iter().flat_map(|node| node.fib.keys().copied())
}

/// Where packets to a prefix leave, by every way that routes allow; nowhere, if they end at a router without a route.
fn egresses<P: Protocol>(simulation: &Simulation<P>, prefix: Ipv4Net) -> Egresses {
    let world = &simulation.world;
    let running = world.router_indices().filter(|router| world.router(*router).up);
    running.map(|router| (router, reachable_egresses(simulation, router, prefix))).collect()
}

fn reachable_egresses<P: Protocol>(
    simulation: &Simulation<P>,
    from: RouterIndex,
    prefix: Ipv4Net,
) -> BTreeSet<RouterIndex> {
    let world = &simulation.world;
    let (mut seen, mut open, mut found) = (BTreeSet::from([from]), vec![from], BTreeSet::new());
    while let Some(router) = open.pop() {
        if world.router(router).externals.contains_key(&prefix) || world.connected(router).contains(&prefix) {
            found.insert(router);
            continue;
        }
        let route = simulation.nodes[router.0].fib.get(&prefix);
        for (segment, gateway) in route.map(P::next_hops).unwrap_or_default() {
            let ends = &world.segment(segment).ends;
            let next = ends.iter().find(|end| end.address == gateway).map(|end| end.router);
            open.extend(next.filter(|next| seen.insert(*next)));
        }
    }
    found
}
