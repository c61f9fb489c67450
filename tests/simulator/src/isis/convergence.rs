//! What must hold once faults have ended: adjacencies, designated routers, equal databases, the oracle's routes.

use std::collections::{BTreeMap, BTreeSet};

use braid_isis::{AdjacencyState, Instance};
use braid_isis_packet::{LanId, Level, LspId, SystemId};
use braid_isis_route::Route;
use braid_world::{
    Interface, RouterIndex, SegmentIndex, SegmentKind, World,
    isis::{self, Domain, ExpectedRoute, Oracle},
};

use super::settings::{circuit_id, interface, system};

/// At most so many differences are told.
const TOLD: usize = 12;

/// Differences between a world and the routers that should have converged in it; cheap checks first, and only the first kind of
/// check that fails speaks.
#[must_use]
pub fn differences(world: &World, domain: &Domain, routers: &[Option<&Instance>]) -> Vec<String> {
    let mut told = Vec::new();
    for part in [adjacencies, databases, routes] {
        part(world, domain, routers, &mut told);
        if !told.is_empty() {
            break;
        }
    }
    told.truncate(TOLD);
    told
}

fn running<'a>(routers: &[Option<&'a Instance>]) -> impl Iterator<Item = (RouterIndex, &'a Instance)> {
    routers.iter().enumerate().filter_map(|(n, router)| Some((RouterIndex(n), (*router)?)))
}

/// The oracle's level.
fn of(level: Level) -> isis::Level {
    match level {
        Level::One => isis::Level::One,
        Level::Two => isis::Level::Two,
    }
}

/// Whom a router should have as neighbours at a level, and where.
fn expected(
    world: &World,
    domain: &Domain,
    index: RouterIndex,
    level: Level,
) -> BTreeSet<(SegmentIndex, RouterIndex)> {
    let mut all = BTreeSet::new();
    for (n, segment, end) in
        world.ends_of(index).filter(|(n, _, end)| !end.passive && world.has_carrier(*n, index))
    {
        let others = segment.ends.iter().filter(|other| !other.passive && other.router != end.router);
        let others = others.map(|other| other.router).filter(|other| {
            world.router(*other).up
                && world.has_carrier(n, *other)
                && domain.joins(n, of(level), [index, *other])
        });
        all.extend(others.map(|other| (n, other)));
    }
    all
}

/// Adjacencies are up between all that should be neighbours and nobody else, and on a LAN all agree on who leads it.
fn adjacencies(world: &World, domain: &Domain, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    let by_system: BTreeMap<SystemId, RouterIndex> =
        world.router_indices().map(|index| (system(world, index), index)).collect();
    let mut leaders: BTreeMap<(SegmentIndex, Level, u16), BTreeSet<Option<LanId>>> = BTreeMap::new();
    for (index, router) in running(routers) {
        for level in Level::ALL {
            let wanted = expected(world, domain, index, level);
            let mut found = BTreeSet::new();
            for circuit in router.circuits() {
                let Interface::Segment(segment) = interface(circuit.id) else { continue };
                for neighbour in circuit.neighbours(level).filter(|it| it.state == AdjacencyState::Up) {
                    match by_system.get(&neighbour.system) {
                        Some(other) => {
                            found.insert((segment, *other));
                        }
                        None => {
                            told.push(format!("{index}: stranger {} on seg{}", neighbour.system, segment.0));
                        }
                    }
                }
                let is_lan = world.segment(segment).kind == SegmentKind::Broadcast;
                if !is_lan && circuit.lans[level].designated.is_some() {
                    told.push(format!("{index}: seg{} between two has a designated router", segment.0));
                }
                if is_lan && wanted.iter().any(|(n, _)| *n == segment) {
                    let area = if level == Level::One { domain.router(index).area } else { 0 };
                    let seen = leaders.entry((segment, level, area)).or_default();
                    seen.insert(circuit.lans[level].designated);
                }
            }
            let missing = wanted.difference(&found).map(|there| ("no adjacency", there));
            let wrong = found.difference(&wanted).map(|there| ("a wrong adjacency", there));
            told.extend(missing.chain(wrong).map(|(what, (segment, other))| {
                format!("{index}: {what} with {other} on seg{} at {level}", segment.0)
            }));
        }
    }
    for ((segment, level, area), seen) in leaders {
        if seen.len() > 1 || seen.contains(&None) {
            told.push(format!("seg{} at {level} of area {area:x}: designated routers {seen:?}", segment.0));
        }
    }
}

/// An LSP's sequence number and checksum.
type Instances = BTreeMap<LspId, (u32, u16)>;

/// Neighbours at a level have the same LSPs. Purged ones are forgotten some day, by each in its own time.
fn databases(world: &World, domain: &Domain, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    for level in Level::ALL {
        let lsps = |router: &Instance| -> Instances {
            let living = router.database(level).iter().filter(|(_, entry)| !entry.is_purged());
            living
                .map(|(id, entry)| (*id, entry.lsp.header()))
                .map(|(id, h)| (id, (h.sequence, h.checksum)))
                .collect()
        };
        let all: BTreeMap<RouterIndex, Instances> =
            running(routers).map(|(index, router)| (index, lsps(router))).collect();
        for (index, here) in &all {
            for (_, other) in expected(world, domain, *index, level) {
                // Of each pair, one suffices.
                let there = all.get(&other).filter(|_| *index < other);
                let what = there.and_then(|there| difference(here, there));
                told.extend(what.map(|what| format!("{index} and {other}, {level}: {what}")));
            }
        }
    }
}

fn difference(one: &Instances, other: &Instances) -> Option<String> {
    if one == other {
        return None;
    }
    let mut ids = one.keys().chain(other.keys());
    let id = ids.find(|id| one.get(*id) != other.get(*id))?;
    Some(format!("{id} is {:x?} and {:x?}", one.get(id), other.get(id)))
}

/// Every router has the routes that the oracle computes from the world.
fn routes(world: &World, domain: &Domain, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    let oracle = Oracle::new(world, domain);
    for (index, router) in running(routers) {
        let mut expected = oracle.routes(index);
        for (prefix, route) in router.routes() {
            match expected.remove(&prefix) {
                Some(wanted) if same(&wanted, &route) => {}
                Some(wanted) => told.push(format!("{index}: {prefix} is {}, not {wanted}", shown(&route))),
                None => told.push(format!("{index}: {prefix} is {}, but not to be", shown(&route))),
            }
        }
        told.extend(
            expected.iter().map(|(prefix, wanted)| format!("{index}: {prefix} is missing: {wanted}")),
        );
        if told.len() > TOLD {
            break;
        }
    }
}

fn same(wanted: &ExpectedRoute, route: &Route) -> bool {
    let wanted_hops: BTreeSet<_> =
        wanted.next_hops.iter().map(|hop| (circuit_id(hop.interface).0, hop.gateway)).collect();
    let hops: BTreeSet<_> = route.next_hops.iter().map(|hop| (hop.circuit, hop.gateway)).collect();
    format!("{:?}", wanted.kind) == format!("{:?}", route.kind)
        && wanted.metric == route.metric
        && wanted_hops == hops
}

fn shown(route: &Route) -> String {
    let mut text = format!("{:?} {}", route.kind, route.metric);
    for hop in route.next_hops.iter() {
        let by = interface(braid_isis::CircuitId(hop.circuit));
        text += &hop.gateway.map_or_else(|| format!(" {by}"), |gateway| format!(" {gateway}%{by}"));
    }
    text + &format!(" by {}", route.origin)
}
