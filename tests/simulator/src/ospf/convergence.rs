//! What must hold once faults have ended: full adjacencies, equal databases, the oracle's routes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_ospf::{AreaType, FloodingDomain, InstalledRoute, Instance, InterfaceStatus, NeighbourState};
use braid_ospf_packet::{AreaId, LsaKey, RouterId};
use braid_world::{ExpectedRoute, NextHop, Oracle, RouterIndex, SegmentIndex, SegmentKind, World};

use super::settings::interface_id;

/// At most so many differences are told.
const TOLD: usize = 12;

/// Differences between a world and the routers that should have converged in it; cheap checks first, and only the first kind of
/// check that fails speaks.
#[must_use]
pub fn differences(world: &World, routers: &[Option<&Instance>]) -> Vec<String> {
    let mut told = Vec::new();
    for part in [adjacencies, databases, routes] {
        part(world, routers, &mut told);
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

/// Neighbours on segments are those that can be heard, in Full, or in 2-Way if neither leads the network; and all agree on who
/// leads it.
fn adjacencies(world: &World, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    let mut leaders: BTreeMap<SegmentIndex, BTreeSet<(Ipv4Addr, Ipv4Addr)>> = BTreeMap::new();
    for (index, router) in running(routers) {
        let interfaces: BTreeMap<_, _> = router.interfaces().into_iter().map(|i| (i.interface, i)).collect();
        let neighbours: BTreeMap<_, _> =
            router.neighbours().into_iter().map(|n| ((n.interface, n.router_id), n.state)).collect();
        let mut expected = BTreeSet::new();
        for (n, segment, end) in world.ends_of(index) {
            if end.passive || !world.has_carrier(n, index) {
                continue;
            }
            let id = interface_id(braid_world::Interface::Segment(n));
            let Some(interface) = interfaces.get(&id) else {
                told.push(format!("{index} has no interface {id}"));
                continue;
            };
            if segment.kind == SegmentKind::Broadcast {
                leaders.entry(n).or_default().insert((interface.dr, interface.backup));
                if interface.dr.is_unspecified() && end.priority > 0 {
                    told.push(format!("{index}: seg{} has no designated router", n.0));
                }
            }
            for other in segment.ends.iter().filter(|other| other.router != index && !other.passive) {
                if !world.router(other.router).up || !world.has_carrier(n, other.router) {
                    continue;
                }
                let key = (id, RouterId(world.router(other.router).id));
                expected.insert(key);
                let state = neighbours.get(&key).copied().unwrap_or_default();
                let wanted = wanted_state(segment.kind, interface, other.address);
                if state != wanted {
                    told.push(format!("{index}: {} on seg{} is {state}, not {wanted}", other.router, n.0));
                }
            }
        }
        let strangers = neighbours.iter().filter(|((interface, id), state)| {
            !interface.is_virtual()
                && **state > NeighbourState::Down
                && !expected.contains(&(*interface, *id))
        });
        told.extend(strangers.map(|((i, id), state)| format!("{index}: stranger {id} on {i} is {state}")));
    }
    for (n, views) in leaders {
        if views.len() > 1 {
            told.push(format!("seg{}: routers see different (backup) designated routers: {views:?}", n.0));
        }
    }
}

fn wanted_state(kind: SegmentKind, interface: &InterfaceStatus, other: Ipv4Addr) -> NeighbourState {
    let leads = |address| [interface.dr, interface.backup].contains(&address);
    if kind == SegmentKind::PointToPoint || leads(interface.address) || leads(other) {
        NeighbourState::Full
    } else {
        NeighbourState::TwoWay
    }
}

/// The instances of a flooding domain, by key.
type Instances = Vec<(LsaKey, (i32, u16))>;

/// Neighbours have the same LSAs of their common area and of the AS, and nobody has any that are being flushed.
fn databases(world: &World, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    let mut all: BTreeMap<RouterIndex, BTreeMap<FloodingDomain, Instances>> = BTreeMap::new();
    for (index, router) in running(routers) {
        let here = all.entry(index).or_default();
        for (domain, header) in router.headers() {
            if header.is_max_age() {
                told.push(format!("{index}: {} in {domain} is being flushed", header.key));
            }
            here.entry(domain).or_default().push((header.key, (header.sequence.0, header.checksum)));
        }
    }
    let by_id: BTreeMap<Ipv4Addr, RouterIndex> =
        world.router_indices().map(|index| (world.router(index).id, index)).collect();
    let none = Instances::new();
    for (index, router) in running(routers) {
        for neighbour in router.neighbours() {
            let Some(&other) = by_id.get(&neighbour.router_id.0) else { continue };
            // Of each pair, one suffices.
            if neighbour.state != NeighbourState::Full || other < index {
                continue;
            }
            let area = FloodingDomain::Area(neighbour.area);
            let mut domains = vec![area];
            if !neighbour.interface.is_virtual() && takes_externals(router, neighbour.area) {
                domains.push(FloodingDomain::As);
            }
            for domain in domains {
                let of = |index| all.get(index).and_then(|here| here.get(&domain)).unwrap_or(&none);
                told.extend(
                    difference(of(&index), of(&other))
                        .map(|what| format!("{index} and {other}, {domain}: {what}")),
                );
            }
        }
    }
}

fn takes_externals(router: &Instance, area: AreaId) -> bool {
    router.config().areas.get(&area).is_none_or(|area| area.kind == AreaType::Normal)
}

fn difference(one: &Instances, other: &Instances) -> Option<String> {
    if one == other {
        return None;
    }
    let (one, other): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (one.iter().copied().collect(), other.iter().copied().collect());
    let mut keys = one.keys().chain(other.keys());
    let key = keys.find(|key| one.get(*key) != other.get(*key))?;
    Some(format!("{key} is {:x?} and {:x?}", one.get(key), other.get(key)))
}

/// Every router has the routes that the oracle computes from the world.
fn routes(world: &World, routers: &[Option<&Instance>], told: &mut Vec<String>) {
    let oracle = Oracle::new(world);
    for (index, router) in running(routers) {
        let own = &world.router(index).externals;
        let mut expected = oracle.routes(index);
        expected.retain(|prefix, _| !own.contains_key(prefix));
        for route in router.routes().filter(|route| !route.is_discard() && !own.contains_key(&route.prefix)) {
            match expected.remove(&route.prefix) {
                Some(wanted) if same(&wanted, &route) => {}
                Some(wanted) => {
                    told.push(format!("{index}: {} is {}, not {wanted}", route.prefix, shown(&route)));
                }
                None => told.push(format!("{index}: {} is {}, but not to be", route.prefix, shown(&route))),
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

fn same(wanted: &ExpectedRoute, route: &InstalledRoute) -> bool {
    let hops = |hop: &NextHop| (interface_id(hop.interface), hop.gateway);
    let wanted_hops: BTreeSet<_> = wanted.next_hops.iter().map(hops).collect();
    let route_hops: BTreeSet<_> = route.next_hops.iter().copied().collect();
    format!("{:?}", wanted.kind) == format!("{:?}", route.kind)
        && (wanted.cost, wanted.type2_cost) == (route.cost, route.type2_cost)
        && wanted_hops == route_hops
}

fn shown(route: &InstalledRoute) -> String {
    let mut text = format!("{:?} {}", route.kind, route.cost);
    if route.type2_cost > 0 {
        text += &format!("/{}", route.type2_cost);
    }
    for (interface, gateway) in &route.next_hops {
        text += &gateway.map_or_else(|| format!(" {interface}"), |gateway| format!(" {gateway}%{interface}"));
    }
    text + &format!(" by {}", route.origin)
}
