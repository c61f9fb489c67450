//! The IS-IS oracle on networks small enough to be worked out by hand, and its laws on random ones.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_world::{
    AreaKind, BACKBONE, End, External, Interface, Oracle as Ospf, Router, RouterIndex, Segment, SegmentIndex,
    SegmentKind, Stub, World, changes, generate,
    isis::{self, Domain, LeakDown, Levels, Oracle, PathKind, Table},
};
use ipnet::Ipv4Net;

/// Routers in a row, joined by point-to-point links of cost 10; router n has 10.9.n.0/24 at cost 1.
fn row(routers: &[isis::Router], links: &[Levels]) -> (World, Domain) {
    let net = |text: String| text.parse::<Ipv4Net>().unwrap();
    let router = |n: usize| Router {
        id: Ipv4Addr::from(u32::try_from(n + 1).unwrap()),
        up: true,
        stubs: vec![Stub { prefix: net(format!("10.9.{n}.0/24")), area: BACKBONE, cost: 1 }],
        externals: BTreeMap::new(),
        ranges: vec![],
        stub_router: false,
    };
    let segment = |n: usize| {
        let prefix = net(format!("10.0.{n}.0/31"));
        let ends = prefix.hosts().zip([n, n + 1]).map(|(address, router)| End {
            router: RouterIndex(router),
            address,
            cost: 10,
            priority: 64,
            passive: false,
            up: true,
        });
        Segment { area: BACKBONE, kind: SegmentKind::PointToPoint, prefix, ends: ends.collect(), up: true }
    };
    let world = World {
        routers: (0..routers.len()).map(router).collect(),
        segments: (0..links.len()).map(segment).collect(),
        areas: BTreeMap::from([(BACKBONE, AreaKind::Normal)]),
        virtual_links: vec![],
    };
    let domain = Domain { routers: routers.to_vec(), segments: links.to_vec(), narrow: false };
    domain.validate(&world).unwrap();
    (world, domain)
}

/// Two areas, each of a router of level 1 behind one of both levels.
fn two_areas() -> (World, Domain) {
    use Levels::{Both, One};
    let routers =
        [(1, One), (1, Both), (2, Both), (2, One)].map(|(area, levels)| isis::Router::new(area, levels));
    row(&routers, &[Both, Both, Both])
}

fn shown(world: &World, domain: &Domain, from: usize, prefix: &str) -> String {
    let table = Oracle::new(world, domain).routes(RouterIndex(from));
    table.get(&prefix.parse().unwrap()).map_or("none".to_owned(), ToString::to_string)
}

#[test]
fn an_area_leaks_upwards_and_follows_the_attached_bit_out() {
    let (mut world, domain) = two_areas();
    let see = |world: &World, from, prefix| shown(world, &domain, from, prefix);
    assert_eq!(see(&world, 0, "10.9.0.0/24"), "L1 1");
    assert_eq!(see(&world, 0, "10.9.1.0/24"), "L1 11 10.0.0.1%seg0");
    assert_eq!(see(&world, 0, "10.9.3.0/24"), "none");
    assert_eq!(see(&world, 0, "0.0.0.0/0"), "Attached 10 10.0.0.1%seg0");
    assert_eq!(see(&world, 1, "10.9.3.0/24"), "L2 21 10.0.1.1%seg1");
    assert_eq!(see(&world, 1, "10.9.0.0/24"), "L1 11 10.0.0.0%seg0");
    assert_eq!(see(&world, 1, "0.0.0.0/0"), "none");
    world.segments[1].up = false;
    assert_eq!(see(&world, 0, "0.0.0.0/0"), "none", "no other area is reachable");
}

#[test]
fn what_leaks_down_is_the_last_choice_and_never_goes_up_again() {
    let (world, mut domain) = two_areas();
    domain.routers[1].leak_down = LeakDown::All;
    assert_eq!(shown(&world, &domain, 0, "10.9.3.0/24"), "L1Down 31 10.0.0.1%seg0");
    assert_eq!(shown(&world, &domain, 1, "10.9.3.0/24"), "L2 21 10.0.1.1%seg1");
    assert_eq!(shown(&world, &domain, 2, "10.9.3.0/24"), "L1 11 10.0.2.1%seg2");
    domain.routers[1].leak_down = LeakDown::Within(["10.9.2.0/23".parse().unwrap()].into());
    assert_eq!(shown(&world, &domain, 0, "10.9.2.0/24"), "L1Down 21 10.0.0.1%seg0");
    assert_eq!(shown(&world, &domain, 0, "10.0.2.0/31"), "none");
}

#[test]
fn a_summary_stands_for_what_lies_within() {
    let (world, mut domain) = two_areas();
    domain.routers[2].summaries.insert("10.9.2.0/23".parse().unwrap(), None);
    assert_eq!(
        shown(&world, &domain, 1, "10.9.2.0/23"),
        "L2 21 10.0.1.1%seg1",
        "as far as the farthest within"
    );
    assert_eq!(shown(&world, &domain, 1, "10.9.3.0/24"), "none");
    domain.routers[2].summaries.insert("10.9.2.0/23".parse().unwrap(), Some(5));
    assert_eq!(shown(&world, &domain, 1, "10.9.2.0/23"), "L2 15 10.0.1.1%seg1");
}

#[test]
fn nothing_goes_through_an_overloaded_router_but_to_it() {
    let (mut world, domain) = two_areas();
    world.routers[1].stub_router = true;
    assert_eq!(shown(&world, &domain, 2, "10.9.1.0/24"), "L2 11 10.0.1.0%seg1");
    assert_eq!(shown(&world, &domain, 0, "0.0.0.0/0"), "none");
    assert_eq!(shown(&world, &domain, 1, "10.9.3.0/24"), "L2 21 10.0.1.1%seg1", "its own traffic goes on");
}

#[test]
fn narrow_metrics_of_the_external_type_leave_out_the_way() {
    let both = isis::Router::new(1, Levels::Two);
    let (mut world, mut domain) = row(&[both.clone(), both.clone(), both], &[Levels::Two; 2]);
    let prefix: Ipv4Net = "198.18.0.0/24".parse().unwrap();
    let external = |metric| External { metric, type2: true, tag: 0, forwarding: None };
    world.routers[0].externals.insert(prefix, external(7));
    world.routers[2].externals.insert(prefix, external(7));
    let from_0 = |world: &World, domain: &Domain| shown(world, domain, 1, "198.18.0.0/24");
    assert_eq!(from_0(&world, &domain), "L2 17 10.0.0.0%seg0 10.0.1.1%seg1", "wide metrics know one type");
    domain.narrow = true;
    assert_eq!(from_0(&world, &domain), "L2External 7 10.0.0.0%seg0 10.0.1.1%seg1");
    world.segments[0].ends[1].cost = 9;
    assert_eq!(from_0(&world, &domain), "L2External 7 10.0.0.0%seg0", "the nearer of two that say the same");
}

#[test]
fn a_flat_network_has_the_routes_of_ospf() {
    for seed in 0..200 {
        let mut world = generate(seed, &braid_world::Options { externals: 0, ..Default::default() });
        let domain = isis::flat(&world, [Levels::One, Levels::Two, Levels::Both][seed as usize % 3]);
        for change in changes(&world.clone(), seed, 10) {
            world.apply(&change);
        }
        let (ospf, isis) = (Ospf::new(&world), Oracle::new(&world, &domain));
        for router in world.router_indices().filter(|router| world.router(*router).up) {
            let gateways = |hops: std::collections::BTreeSet<braid_world::NextHop>| -> Vec<_> {
                hops.into_iter().filter(|hop| hop.gateway.is_some()).collect()
            };
            let connected = world.connected(router);
            let ospf = ospf.routes(router).into_iter().filter(|(prefix, _)| !connected.contains(prefix));
            let isis = isis.routes(router).into_iter().filter(|(prefix, _)| !connected.contains(prefix));
            let ospf: Vec<_> = ospf.map(|(p, route)| (p, route.cost, gateways(route.next_hops))).collect();
            let isis: Vec<_> = isis.map(|(p, route)| (p, route.metric, gateways(route.next_hops))).collect();
            assert_eq!(ospf, isis, "seed {seed}, {router}");
        }
    }
}

#[test]
fn in_a_connected_world_packets_arrive_whatever_the_areas() {
    for seed in 0..300 {
        let options = isis::Options {
            routers: 16,
            areas: seed as usize % 4,
            summaries: seed % 3 == 0,
            leak_down: seed % 5 < 2,
            ..Default::default()
        };
        let (world, mut domain) = isis::generate(seed, &options);
        world.validate().unwrap();
        domain.validate(&world).unwrap();
        domain.routers.iter_mut().for_each(|router| router.leak_up = true);
        let oracle = Oracle::new(&world, &domain);
        let tables: Vec<_> = world.router_indices().map(|r| oracle.routes(r)).collect();
        for start in 0..world.routers.len() {
            for to in &world.routers {
                for stub in &to.stubs {
                    assert!(
                        arrives(&world, &tables, start, stub.prefix),
                        "seed {seed}: r{start} to {}",
                        stub.prefix
                    );
                }
            }
        }
    }
}

fn arrives(world: &World, tables: &[Table], start: usize, prefix: Ipv4Net) -> bool {
    let mut at = start;
    for _ in 0..64 {
        if world.connected(RouterIndex(at)).contains(&prefix) {
            return true;
        }
        let fits = |length| tables[at].get(&Ipv4Net::new(prefix.addr(), length).unwrap().trunc());
        let route = (0..=prefix.prefix_len()).rev().find_map(fits);
        let Some(hop) = route.and_then(|route| route.next_hops.first()) else { return false };
        let (Interface::Segment(SegmentIndex(n)), Some(gateway)) = (hop.interface, hop.gateway) else {
            return false;
        };
        let end = world.segments[n].ends.iter().find(|end| end.address == gateway);
        at = end.unwrap().router.0;
    }
    false
}

#[test]
fn kinds_rank_as_in_rfc_5302() {
    use PathKind::{Attached, L1, L1Down, L1DownExternal, L1External, L2, L2External};
    assert!([L1, L2, L1Down, L1External, L2External, L1DownExternal, Attached].is_sorted());
}
