//! The oracle on networks small enough to be worked out by hand, and its laws on random ones.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_world::{
    AreaKind, AreaRange, BACKBONE, Change, Dice, End, External, Interface, Options, Oracle, PathKind, Router,
    RouterIndex, Segment, SegmentIndex, SegmentKind, Stub, World, changes, generate, grid,
};
use ipnet::Ipv4Net;

fn router(n: u8) -> Router {
    let prefix = Ipv4Net::new(Ipv4Addr::new(10, 9, n, 0), 24).unwrap();
    Router {
        id: Ipv4Addr::new(1, 1, 1, n),
        up: true,
        stubs: vec![Stub { prefix, area: BACKBONE, cost: 1 }],
        externals: BTreeMap::new(),
        ranges: vec![],
        stub_router: false,
    }
}

fn segment(n: u8, kind: SegmentKind, ends: &[(usize, u16)]) -> Segment {
    let prefix = Ipv4Net::new(Ipv4Addr::new(10, 0, n, 0), 24).unwrap();
    let end = |(host, (router, cost)): (usize, &(usize, u16))| End {
        router: RouterIndex(*router),
        address: Ipv4Addr::new(10, 0, n, u8::try_from(host + 1).unwrap()),
        cost: *cost,
        priority: 1,
        passive: false,
        up: true,
    };
    let ends = ends.iter().enumerate().map(end).collect();
    Segment { area: BACKBONE, kind, prefix, ends, up: true }
}

/// Routers 0 and 3 joined by two ways of equal cost: over router 1, and over a broadcast network with router 2.
fn diamond() -> World {
    use SegmentKind::{Broadcast, PointToPoint};
    World {
        routers: (0..4).map(router).collect(),
        segments: vec![
            segment(0, PointToPoint, &[(0, 2), (1, 2)]),
            segment(1, PointToPoint, &[(1, 2), (3, 2)]),
            segment(2, Broadcast, &[(0, 1), (2, 1)]),
            segment(3, PointToPoint, &[(2, 3), (3, 3)]),
        ],
        areas: BTreeMap::from([(BACKBONE, AreaKind::Normal)]),
        virtual_links: vec![],
    }
}

fn hops(world: &World, from: usize, prefix: &str) -> (u32, Vec<String>) {
    let table = Oracle::new(world).routes(RouterIndex(from));
    let route = &table[&prefix.parse().unwrap()];
    (route.cost, route.next_hops.iter().map(ToString::to_string).collect())
}

#[test]
fn equal_costs_give_both_ways_and_a_cut_leaves_one() {
    let mut world = diamond();
    world.validate().unwrap();
    assert_eq!(hops(&world, 0, "10.9.3.0/24"), (5, vec!["10.0.0.2%seg0".into(), "10.0.2.2%seg2".into()]));
    assert_eq!(hops(&world, 0, "10.0.2.0/24"), (1, vec!["seg2".into()]));
    world.segments[1].up = false;
    assert_eq!(hops(&world, 0, "10.9.3.0/24"), (5, vec!["10.0.2.2%seg2".into()]));
    world.routers[2].up = false;
    assert!(!Oracle::new(&world).routes(RouterIndex(0)).contains_key(&"10.9.3.0/24".parse().unwrap()));
}

#[test]
fn a_broadcast_network_where_nobody_may_be_designated_joins_nobody() {
    let mut world = diamond();
    for end in &mut world.segments[2].ends {
        end.priority = 0;
    }
    assert_eq!(hops(&world, 0, "10.9.2.0/24"), (8, vec!["10.0.0.2%seg0".into()]));
}

#[test]
fn a_stub_router_is_a_last_resort_and_reachable_itself() {
    let mut world = diamond();
    world.routers[1].stub_router = true;
    assert_eq!(hops(&world, 0, "10.9.3.0/24"), (5, vec!["10.0.2.2%seg2".into()]));
    assert_eq!(hops(&world, 0, "10.9.1.0/24"), (3, vec!["10.0.0.2%seg0".into()]));
}

#[test]
fn externals_lead_to_their_forwarding_address_and_types_rank() {
    let mut world = diamond();
    let prefix: Ipv4Net = "198.18.0.0/24".parse().unwrap();
    let forwarding = Some(Ipv4Addr::new(10, 0, 2, 200));
    let external = External { metric: 10, type2: true, tag: 0, forwarding };
    world.routers[2].externals.insert(prefix, external);
    let table = Oracle::new(&world).routes(RouterIndex(0));
    assert_eq!(table[&prefix].to_string(), "External2 1/10 10.0.2.200%seg2");
    let nearer = External { metric: 500, type2: false, tag: 0, forwarding: None };
    world.routers[3].externals.insert(prefix, nearer);
    let table = Oracle::new(&world).routes(RouterIndex(0));
    assert_eq!((table[&prefix].kind, table[&prefix].cost), (PathKind::External1, 504));
}

#[test]
fn summaries_add_up_over_two_borders_and_totally_stubby_areas_see_a_default() {
    // 0 -area 1- 1 -backbone- 2 -area 2- 3
    let mut world = diamond();
    let (one, two) = (Ipv4Addr::new(0, 0, 0, 1), Ipv4Addr::new(0, 0, 0, 2));
    world.segments.remove(2);
    world.areas.insert(one, AreaKind::Stub { summaries: false, default_cost: 7 });
    world.areas.insert(two, AreaKind::Normal);
    world.segments[0].area = one;
    world.routers[0].stubs[0].area = one;
    let last = &mut world.segments[2];
    last.area = two;
    last.ends[0].router = RouterIndex(3);
    last.ends[1].router = RouterIndex(2);
    world.routers[2].stubs[0].area = two;
    world.validate().unwrap();
    let routes = |n| Oracle::new(&world).routes(RouterIndex(n));
    assert_eq!(routes(0)[&Ipv4Net::default()].to_string(), "InterArea 9 10.0.0.2%seg0");
    assert!(!routes(0).contains_key(&"10.9.2.0/24".parse().unwrap()));
    assert_eq!(routes(2)[&"10.9.0.0/24".parse().unwrap()].to_string(), "InterArea 8 10.0.3.1%seg2");
}

/// RFC 3101 §3.2: only installed type 7 LSAs are translated, so that the world outside an NSSA learns of the way that is best from
/// the translator, not of the one that would be best from elsewhere.
#[test]
fn a_translator_repeats_the_announcement_that_it_uses_itself() {
    // 0 -backbone- 1, which is the border of the NSSA of 2 (near) and 3 (far, with the lower metric).
    let (nssa, prefix) = (Ipv4Addr::new(0, 0, 0, 1), "198.18.0.0/24".parse().unwrap());
    let mut world = diamond();
    world.areas.insert(nssa, AreaKind::Nssa { summaries: true, default_cost: 1 });
    world.segments = vec![
        segment(0, SegmentKind::PointToPoint, &[(0, 2), (1, 2)]),
        segment(1, SegmentKind::PointToPoint, &[(1, 2), (2, 2)]),
        segment(2, SegmentKind::PointToPoint, &[(1, 30), (3, 30)]),
    ];
    for n in [2, 3] {
        world.segments[n - 1].area = nssa;
        world.routers[n].stubs[0].area = nssa;
    }
    let external = |metric| External { metric, type2: false, tag: 0, forwarding: None };
    world.routers[2].externals.insert(prefix, external(20));
    world.routers[3].externals.insert(prefix, external(1));
    world.validate().unwrap();
    let route = |world: &World| Oracle::new(world).routes(RouterIndex(0))[&prefix].to_string();
    // 2 + 2 + 1 to the forwarding address of 2, then 20; by 3 it would be 2 + 30 + 1 + 1.
    assert_eq!(route(&world), "External1 25 10.0.0.2%seg0");
    // The border router summarises both at the cost of the dearer one: now 3 would look better from outside, at 33 + 1.
    let range = Ipv4Net::new(Ipv4Addr::new(10, 9, 0, 0), 16).unwrap();
    world.routers[1].ranges.push(AreaRange { area: nssa, prefix: range, advertise: true });
    assert_eq!(route(&world), "External1 53 10.0.0.2%seg0");
}

#[test]
fn in_a_connected_world_everybody_reaches_everything_whatever_the_areas() {
    let (stub, nssa) = (
        AreaKind::Stub { summaries: true, default_cost: 1 },
        AreaKind::Nssa { summaries: true, default_cost: 1 },
    );
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let mut areas = vec![AreaKind::Normal, stub, nssa];
        dice.shuffle(&mut areas);
        let virtual_link = dice.chance(50);
        let options = Options { routers: 14, areas, virtual_link, ..Options::default() };
        let world = generate(seed, &options);
        world.validate().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let oracle = Oracle::new(&world);
        for from in world.router_indices() {
            let table = oracle.routes(from);
            for to in &world.routers {
                for stub in &to.stubs {
                    assert!(table.contains_key(&stub.prefix), "seed {seed}: {from} to {}", stub.prefix);
                }
            }
            assert!(table.values().all(|route| !route.next_hops.is_empty()), "seed {seed}: {from}");
        }
    }
}

#[test]
fn packets_that_follow_the_routes_arrive_also_after_changes() {
    for seed in 0..100 {
        // Where areas or the backbone fall apart, RFC 2328 itself leaves holes: a border router looks at no summaries but the
        // backbone's. So nothing goes down there.
        let several = seed % 2 == 0;
        let nssa = AreaKind::Nssa { summaries: false, default_cost: 3 };
        let areas = if several { vec![AreaKind::Normal, nssa] } else { vec![] };
        let mut world = generate(seed, &Options { areas, routers: 12, ..Options::default() });
        let fit = |change: &Change| !several || matches!(change, Change::Cost(..) | Change::External(..));
        for change in changes(&world.clone(), seed, 30).into_iter().filter(fit) {
            world.apply(&change);
            let oracle = Oracle::new(&world);
            let tables: Vec<_> = world.router_indices().map(|r| oracle.routes(r)).collect();
            for (start, table) in tables.iter().enumerate() {
                for (prefix, route) in table.iter().filter(|(p, _)| p.prefix_len() > 0) {
                    assert!(
                        arrives(&world, &tables, start, *prefix),
                        "seed {seed}, {change}: r{start} {prefix} {route}"
                    );
                }
            }
        }
    }
}

fn arrives(world: &World, tables: &[braid_world::Table], start: usize, prefix: Ipv4Net) -> bool {
    let mut at = start;
    for _ in 0..64 {
        let here = &world.routers[at];
        if here.externals.contains_key(&prefix) || world.connected(RouterIndex(at)).contains(&prefix) {
            return true;
        }
        let longer = (0..=prefix.prefix_len())
            .rev()
            .find_map(|length| tables[at].get(&Ipv4Net::new(prefix.addr(), length).unwrap().trunc()));
        let Some(hop) = longer.and_then(|route| route.next_hops.first()) else { return false };
        let (Interface::Segment(SegmentIndex(n)), Some(gateway)) = (hop.interface, hop.gateway) else {
            return true;
        };
        match world.segments[n].ends.iter().find(|end| end.address == gateway) {
            Some(end) => at = end.router.0,
            None => return true, // a forwarding address: outside
        }
    }
    false
}

#[test]
fn a_grid_of_a_thousand_routers_is_no_trouble() {
    let world = grid(32, 32, 5, 1);
    let table = Oracle::new(&world).routes(RouterIndex(0));
    assert_eq!(table.len(), world.segments.len() + world.routers.len());
}
