//! RFC 2328 §16 step by step, on networks small enough to check by hand.
#![allow(clippy::unwrap_used)]

mod common;

use braid_ospf_packet::{LS_INFINITY, LinkKind, Lsa, MAX_AGE, RouterFlags, RouterLink};
use braid_ospf_route::{
    AreaKind, Domain, Neighbour, NextHop, PathKind, Route, Routing, VirtualLink, VirtualLinkState, routes_of,
};
use common::{
    Outside, World, address, area, asbr_summary, link, network_lsa, prefix, router, router_lsa, stub,
    summary, to, transit,
};

const NONE: RouterFlags = RouterFlags::NONE;
const B: RouterFlags = RouterFlags::B;
const E: RouterFlags = RouterFlags::E;
const NORMAL: AreaKind = AreaKind::Normal;
const NSSA: AreaKind = AreaKind::Nssa { summaries: true };

fn route(routing: &Routing, net: &str) -> Route {
    routing.route(&prefix(net)).unwrap_or_else(|| panic!("a route to {net}"))
}

fn hop(out: &str, gateway: &str) -> NextHop {
    NextHop { out: address(out), gateway: Some(address(gateway)) }
}

fn on_link(out: &str) -> NextHop {
    NextHop { out: address(out), gateway: None }
}

fn hops(routing: &Routing, net: &str) -> Vec<NextHop> {
    route(routing, net).next_hops.to_vec()
}

/// Two routers with the links given; router 2 has 192.0.2.0/24.
fn pair(one: &[RouterLink], two: &[RouterLink]) -> World {
    let mut world = World::new(1, &[(0, NORMAL)]);
    let two = [two, &[stub("192.0.2.0/24", 1)]].concat();
    world.with(0, router_lsa(1, NONE, one)).with(0, router_lsa(2, NONE, &two));
    world
}

/// §16.1.1: parallel links of equal cost are all used, a dearer one is not.
#[test]
fn parallel_links_share() {
    let world = pair(
        &[to(2, "10.0.0.0", 5), to(2, "10.0.1.0", 5), to(2, "10.0.2.0", 6)],
        &[to(1, "10.0.0.1", 1), to(1, "10.0.1.1", 1), to(1, "10.0.2.1", 1)],
    );
    let routing = world.routing();
    assert_eq!(route(&routing, "192.0.2.0/24").cost, 6);
    assert_eq!(hops(&routing, "192.0.2.0/24"), [hop("10.0.0.0", "10.0.0.1"), hop("10.0.1.0", "10.0.1.1")]);
}

/// §16.1.1: an unnumbered link has its index; the neighbour's address comes by a hint.
#[test]
fn unnumbered_links_need_hints() {
    let world = pair(&[to(2, "0.0.0.7", 5)], &[to(1, "0.0.0.3", 5)]);
    let mut routing = world.routing();
    assert_eq!(hops(&routing, "192.0.2.0/24"), [on_link("0.0.0.7")]);

    let (out, hint) = (address("0.0.0.7"), address("10.7.7.7"));
    routing.set_neighbours(vec![Neighbour { area: area(0), out, router: router(2), address: hint }]);
    assert!(routing.pending().topology);
    assert_eq!(routing.compute().changes.len(), 1);
    assert_eq!(hops(&routing, "192.0.2.0/24"), [hop("0.0.0.7", "10.7.7.7")]);
}

/// §16.1 (2b): a link counts when both ends have it, whatever its other end's cost is.
#[test]
fn links_have_two_ends() {
    let world = pair(&[to(2, "10.0.0.0", 5)], &[]);
    assert_eq!(world.routing().routes().count(), 0);
}

/// §16.1, §16.1.1: a transit network is on link, routers on it are gateways, networks behind them inherit.
#[test]
fn transit_networks_give_gateways() {
    let mut world = World::new(1, &[(0, NORMAL)]);
    world
        .with(0, router_lsa(1, NONE, &[transit("10.1.0.2", "10.1.0.1", 10)]))
        .with(
            0,
            router_lsa(2, NONE, &[transit("10.1.0.2", "10.1.0.2", 10), transit("10.2.0.3", "10.2.0.2", 10)]),
        )
        .with(
            0,
            router_lsa(3, NONE, &[transit("10.1.0.2", "10.1.0.3", 99), transit("10.2.0.3", "10.2.0.3", 10)]),
        )
        .with(0, network_lsa("10.1.0.2/24", 2, &[1, 2, 3]))
        .with(0, network_lsa("10.2.0.3/24", 3, &[2, 3]));
    let routing = world.routing();
    assert_eq!(hops(&routing, "10.1.0.0/24"), [on_link("10.1.0.1")]);
    assert_eq!(hops(&routing, "10.2.0.0/24"), [hop("10.1.0.1", "10.1.0.2"), hop("10.1.0.1", "10.1.0.3")]);
    assert_eq!(route(&routing, "10.2.0.0/24").cost, 20);
}

/// §16.1 (4): while a new designated router takes over, the network-LSA with the greater Link State ID counts.
#[test]
fn greater_link_state_id_wins_for_one_network() {
    let mut world = World::new(1, &[(0, NORMAL)]);
    let both = |n: &str| vec![transit("10.1.0.2", n, 10), transit("10.1.0.3", n, 10)];
    world
        .with(0, router_lsa(1, NONE, &both("10.1.0.1")))
        .with(0, router_lsa(2, NONE, &both("10.1.0.2")))
        .with(0, router_lsa(3, NONE, &both("10.1.0.3")))
        .with(0, network_lsa("10.1.0.2/24", 2, &[1, 2, 3]))
        .with(0, network_lsa("10.1.0.3/24", 3, &[1, 2, 3]));
    assert_eq!(route(&world.routing(), "10.1.0.0/24").origin.link_state_id, address("10.1.0.3"));
}

/// §16.1: equal paths are merged, sorted and limited.
#[test]
fn equal_paths_are_limited_to_the_least() {
    let mut world = World::new(1, &[(0, NORMAL)]);
    world.settings.max_paths = 2;
    let far = [to(2, "10.0.5.1", 1), to(3, "10.0.6.1", 1), to(4, "10.0.7.1", 1), stub("192.0.2.0/24", 0)];
    world
        .with(0, router_lsa(1, NONE, &[to(4, "10.0.3.0", 1), to(3, "10.0.2.0", 1), to(2, "10.0.1.0", 1)]))
        .with(0, router_lsa(2, NONE, &[to(1, "10.0.1.1", 1), to(5, "10.0.5.0", 1)]))
        .with(0, router_lsa(3, NONE, &[to(1, "10.0.2.1", 1), to(5, "10.0.6.0", 1)]))
        .with(0, router_lsa(4, NONE, &[to(1, "10.0.3.1", 1), to(5, "10.0.7.0", 1)]))
        .with(0, router_lsa(5, NONE, &far));
    let routing = world.routing();
    assert_eq!(hops(&routing, "192.0.2.0/24"), [hop("10.0.1.0", "10.0.1.1"), hop("10.0.2.0", "10.0.2.1")]);
}

/// RFC 6987: a router with MaxLinkMetric is passed through as the last resort, and its own stub networks are reached.
#[test]
fn stub_routers_are_the_last_resort() {
    let mut world = World::new(1, &[(0, NORMAL)]);
    let near = |high| [to(2, "10.0.0.0", 1), to(3, "10.0.1.0", high)];
    world
        .with(0, router_lsa(1, NONE, &near(9)))
        .with(
            0,
            router_lsa(
                2,
                NONE,
                &[to(1, "10.0.0.1", 0xffff), to(4, "10.0.2.0", 0xffff), stub("10.5.0.0/16", 3)],
            ),
        )
        .with(0, router_lsa(3, NONE, &[to(1, "10.0.1.1", 1), to(4, "10.0.3.0", 9)]))
        .with(0, router_lsa(4, NONE, &[to(2, "10.0.2.1", 1), to(3, "10.0.3.1", 1), stub("192.0.2.0/24", 0)]));
    let mut routing = world.routing();
    assert_eq!(hops(&routing, "192.0.2.0/24"), [hop("10.0.1.0", "10.0.1.1")]);
    assert_eq!(route(&routing, "10.5.0.0/16").cost, 4);

    routing.install(Domain::Area(area(0)), &router_lsa(1, NONE, &near(9)[..1]));
    routing.compute();
    assert_eq!(route(&routing, "192.0.2.0/24").cost, 0x1_0000);
}

/// Router 1 in the backbone with router 2, and in area 1 with router 3; both others are area border routers.
fn border() -> World {
    let mut world = World::new(1, &[(0, NORMAL), (1, NORMAL)]);
    world
        .with(0, router_lsa(1, B, &[to(2, "10.0.0.0", 10)]))
        .with(0, router_lsa(2, B.with(E), &[to(1, "10.0.0.1", 10)]))
        .with(1, router_lsa(1, B, &[to(3, "10.1.0.0", 10)]))
        .with(1, router_lsa(3, B.with(E), &[to(1, "10.1.0.1", 10), stub("10.1.9.0/24", 5)]));
    world
}

/// §16.2: an area border router heeds the backbone's summaries only, of reachable border routers, below LSInfinity.
#[test]
fn border_routers_heed_the_backbone() {
    let mut world = border();
    world
        .with(0, summary("192.0.2.0/24", 2, 7))
        .with(1, summary("192.0.2.0/24", 3, 1))
        .with(1, summary("192.0.3.0/24", 3, 1))
        .with(0, summary("192.0.4.0/24", 2, LS_INFINITY))
        .with(0, summary("192.0.5.0/24", 9, 1))
        .with(0, summary("192.0.6.0/24", 1, 1));
    let routing = world.routing();
    let found = route(&routing, "192.0.2.0/24");
    assert_eq!((found.kind, found.area, found.cost), (PathKind::InterArea, Some(area(0)), 17));
    assert_eq!(found.next_hops.as_ref(), &[hop("10.0.0.0", "10.0.0.1")]);
    for net in ["192.0.3.0/24", "192.0.4.0/24", "192.0.5.0/24", "192.0.6.0/24"] {
        assert_eq!(routing.route(&prefix(net)), None, "{net}");
    }
    assert!(routing.is_area_border());
}

/// §16.2 (3): the summary of an own range counts only as long as nothing of the range is ours.
#[test]
fn own_active_ranges_are_ours() {
    let mut world = border();
    world.ranges.insert(area(1), vec![prefix("10.1.0.0/16")]);
    world.with(0, summary("10.1.0.0/16", 2, 7));
    let mut routing = world.routing();
    assert_eq!(routing.route(&prefix("10.1.0.0/16")), None);
    assert_eq!(routing.active_range(area(1), &prefix("10.1.0.0/16")), Some(15));

    routing.remove(Domain::Area(area(1)), &router_lsa(3, B, &[]).key());
    let outcome = routing.compute();
    let prefixes: Vec<_> = outcome.changes.iter().map(|change| change.prefix).collect();
    assert_eq!(prefixes, [prefix("10.1.0.0/16"), prefix("10.1.9.0/24")]);
    assert_eq!(route(&routing, "10.1.0.0/16").cost, 17);
}

/// §15, §16.1, §16.3: a virtual link through area 1 leads into the backbone; its next hops are the transit area's, and a
/// summary in there may show a shorter way.
#[test]
fn virtual_links_lean_on_their_transit_area() {
    let link_to_3 = VirtualLink { transit: area(1), endpoint: router(3) };
    let (v, out) = (B.with(RouterFlags::V), "10.1.0.0");
    let mut world = World::new(1, &[(0, NORMAL), (1, NORMAL)]);
    world.virtual_links.push(link_to_3);
    let (three, one) = (router(3).to_string(), router(1).to_string());
    world
        .with(1, router_lsa(1, v, &[to(2, out, 10), to(4, "10.4.0.0", 3)]))
        .with(1, router_lsa(2, NONE, &[to(1, "10.1.0.1", 10), to(3, "10.2.0.0", 10)]))
        .with(1, router_lsa(3, v, &[to(2, "10.2.0.1", 10)]))
        .with(1, router_lsa(4, B, &[to(1, "10.4.0.1", 3)]))
        .with(0, router_lsa(1, v, &[link(LinkKind::Virtual, &three, out, 20)]))
        .with(0, router_lsa(3, v, &[link(LinkKind::Virtual, &one, "10.2.0.1", 20), stub("192.0.2.0/24", 9)]));
    let mut routing = world.routing();
    let state = VirtualLinkState { cost: 20, out: address(out), address: Some(address("10.2.0.1")) };
    assert_eq!(routing.virtual_link_state(&link_to_3), Some(state));
    assert!(routing.transit_capability(area(1)));
    let found = route(&routing, "192.0.2.0/24");
    assert_eq!((found.kind, found.area, found.cost), (PathKind::IntraArea, Some(area(0)), 29));
    assert_eq!(found.next_hops.as_ref(), &[hop(out, "10.1.0.1")]);

    routing.install(Domain::Area(area(1)), &summary("192.0.2.0/24", 4, 5));
    routing.compute();
    let found = route(&routing, "192.0.2.0/24");
    assert_eq!((found.kind, found.area, found.cost), (PathKind::IntraArea, Some(area(0)), 8));
    assert_eq!(found.next_hops.as_ref(), &[hop("10.4.0.0", "10.4.0.1")]);

    routing.remove(Domain::Area(area(1)), &router_lsa(2, NONE, &[]).key());
    routing.compute();
    assert_eq!(routing.virtual_link_state(&link_to_3), None);
    assert_eq!(routing.route(&prefix("192.0.2.0/24")), None);
}

fn outside(from: u8, type2: bool, metric: u32, forwarding: &str) -> Outside<'_> {
    Outside { net: "198.51.100.0/24", from, type2, metric, forwarding }
}

/// §16.4 (6b): type 1 before type 2; type 2 by its own metric; equal ones together.
#[test]
fn external_types_are_ranked() {
    let put = |lsas: &[Lsa]| {
        let mut world = border();
        lsas.iter().for_each(|lsa| {
            world.put(Domain::As, lsa.clone());
        });
        route(&world.routing(), "198.51.100.0/24")
    };
    let far = outside(2, false, 1000, "0.0.0.0").type5();
    assert_eq!(put(&[far, outside(3, true, 1, "0.0.0.0").type5()]).kind, PathKind::External1);

    let dear = outside(2, true, 5, "0.0.0.0").type5();
    let found = put(&[dear, outside(3, true, 4, "0.0.0.0").type5()]);
    assert_eq!((found.cost, found.type2_cost, found.tag, found.area), (10, 4, 5, None));
    assert_eq!(found.origin.advertising_router, router(3));
}

/// §16.4.1: a way inside an area other than the backbone is preferred, however dear; with RFC1583Compatibility it is not.
#[test]
fn rfc1583_compatibility_decides_by_cost() {
    let mut world = border();
    world.put(Domain::As, outside(2, false, 1, "0.0.0.0").type5());
    world.put(Domain::As, outside(3, false, 50, "0.0.0.0").type5());
    assert_eq!(route(&world.routing(), "198.51.100.0/24").cost, 60);
    world.settings.rfc1583 = true;
    assert_eq!(route(&world.routing(), "198.51.100.0/24").cost, 11);
}

/// §16.4 (3): type 4 summaries lead to ASBRs of other areas.
#[test]
fn far_asbrs_are_found_by_summaries() {
    let mut world = border();
    world.with(0, asbr_summary(8, 2, 30)).put(Domain::As, outside(8, false, 1, "0.0.0.0").type5());
    let routing = world.routing();
    assert_eq!(route(&routing, "198.51.100.0/24").cost, 41);
    let asbr = routing.router(None, router(8)).unwrap();
    assert_eq!((asbr.kind, asbr.area, asbr.cost, asbr.flags), (PathKind::InterArea, area(0), 40, E));
    assert_eq!(routing.routers(Some(area(1))).map(|border| border.router).collect::<Vec<_>>(), [router(3)]);
}

/// §16.4 (3): a forwarding address on an attached network is itself the next hop, by the best route to it; without a
/// route the LSA does nothing; an external route is no route for that.
#[test]
fn forwarding_addresses_are_looked_up() {
    let mut world = border();
    let own = [to(2, "10.0.0.0", 10), stub("203.0.113.0/24", 4)];
    world.with(0, router_lsa(1, B, &own)).put(Domain::As, outside(2, false, 1, "203.0.113.9").type5());
    let mut routing = world.routing();
    let found = route(&routing, "198.51.100.0/24");
    assert_eq!((found.cost, found.next_hops[0]), (5, hop("203.0.113.0", "203.0.113.9")));

    // a more specific route takes the address over, and the external with it
    routing.install(Domain::Area(area(0)), &summary("203.0.113.8/30", 2, 1));
    routing.compute();
    assert_eq!(route(&routing, "198.51.100.0/24").cost, 12);

    routing.install(Domain::As, &outside(2, false, 1, "198.51.100.7").type5());
    routing.compute();
    assert_eq!(routing.route(&prefix("198.51.100.0/24")), None);
}

/// RFC 3101 §2.5: type 7 counts in its NSSA; the ASBR of a type 5 is not looked for there; forwarding addresses lie in
/// the NSSA; an area border router takes no default without the P bit.
#[test]
fn nssas_have_their_own_externals() {
    let mut world = border();
    world.areas.insert(area(1), NSSA);
    world.put(Domain::As, outside(3, false, 1, "0.0.0.0").type5());
    assert_eq!(world.routing().route(&prefix("198.51.100.0/24")), None);

    world.with(1, outside(3, false, 2, "10.1.9.1").type7(true));
    let found = route(&world.routing(), "198.51.100.0/24");
    assert_eq!((found.cost, found.tag), (17, 7));

    let default = |propagate| Outside { net: "0.0.0.0/0", ..outside(3, true, 1, "0.0.0.0") }.type7(propagate);
    world.with(1, default(false));
    assert_eq!(world.routing().route(&prefix("0.0.0.0/0")), None);
    world.with(1, default(true));
    assert_eq!(route(&world.routing(), "0.0.0.0/0").type2_cost, 1);
    world.areas.insert(area(1), AreaKind::Nssa { summaries: false });
    assert_eq!(world.routing().route(&prefix("0.0.0.0/0")), None);
}

/// A chain of routers, each with a stub network, seen from its start.
fn chain(length: u8) -> World {
    let mut world = World::new(1, &[(0, NORMAL)]);
    for n in 1..=length {
        world.with(0, chained(n, length, 10));
    }
    world
}

fn chained(n: u8, length: u8, metric: u16) -> Lsa {
    let mut links = vec![stub(&format!("192.0.{n}.0/24"), metric)];
    if n > 1 {
        links.push(to(n - 1, &format!("10.0.{}.1", n - 1), 10));
    }
    if n < length {
        links.push(to(n + 1, &format!("10.0.{n}.0"), 10));
    }
    router_lsa(n, NONE, &links)
}

/// A change of a prefix runs no SPF; one of a far link looks at what is behind it only.
#[test]
fn small_changes_do_little() {
    let mut routing = chain(200).routing();
    let domain = Domain::Area(area(0));
    routing.install(domain, &chained(150, 200, 11));
    assert_eq!((routing.pending().topology, routing.pending().prefixes), (false, true));
    let outcome = routing.compute();
    assert_eq!((outcome.work.incremental_spf, outcome.work.full_spf, outcome.work.prefixes), (0, 0, 1));
    assert_eq!(outcome.changes.len(), 1);

    routing.remove(domain, &chained(198, 200, 10).key());
    let outcome = routing.compute();
    assert_eq!((outcome.work.full_spf, outcome.changes.len()), (0, 3));
    assert!(outcome.work.vertices < 15, "{:?}", outcome.work);
}

/// An LSA that says the same, or is not of an attached area, costs nothing; one at MaxAge is gone.
#[test]
fn refreshes_are_free_and_max_age_removes() {
    let mut routing = chain(3).routing();
    let same = chained(3, 3, 10).with_age(1000);
    routing.install(Domain::Area(area(0)), &same);
    routing.install(Domain::Area(area(7)), &chained(2, 3, 99));
    routing.install(Domain::As, &chained(2, 3, 99));
    assert!(!routing.pending().any());

    routing.install(Domain::Area(area(0)), &same.with_age(MAX_AGE));
    let outcome = routing.compute();
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(outcome.changes[0].new, None);
}

/// Hostile LSAs: ourselves as our neighbour, router 0.0.0.0, costs of 0 in a circle, a mask with holes.
#[test]
fn oddities_do_no_harm() {
    let mut world = chain(3);
    world
        .with(0, router_lsa(0, NONE, &[to(0, "0.0.0.0", 0), to(3, "10.3.0.0", 0), to(4, "10.4.0.0", 0)]))
        .with(0, router_lsa(3, NONE, &[to(2, "10.0.2.1", 10), to(0, "10.3.0.1", 0), to(3, "10.0.9.9", 0)]))
        .with(
            0,
            router_lsa(4, NONE, &[to(0, "10.4.0.1", 0), link(LinkKind::Stub, "10.0.0.0", "255.0.255.0", 1)]),
        )
        .with(0, network_lsa("10.0.0.0/24", 3, &[3, 3, 4]))
        .with(0, summary("192.0.2.0/24", 4, 0xff_fffe));
    let mut routing = world.routing();
    assert!(!routing.pending().any());
    assert_eq!(route(&routing, "192.0.2.0/24").cost, 20);
    assert_eq!(routing.distance(area(0), router(4)), Some(20));

    routing.remove(Domain::Area(area(0)), &chained(2, 3, 0).key());
    routing.compute();
    assert_eq!(routing.distance(area(0), router(4)), None);
    assert_eq!(routing.routes().count(), 1);
}

/// Next-hop sets that are used no more go, and those in use stay what they are.
#[test]
fn next_hop_sets_do_not_gather() {
    let mut routing = chain(5).routing();
    let hint = |n: u32| Neighbour {
        area: area(0),
        out: address("10.0.1.0"),
        router: router(2),
        address: (0x0a00_0000 + n).into(),
    };
    let mut sizes = Vec::new();
    for n in 0..10_000 {
        routing.set_neighbours(vec![hint(n)]);
        assert_eq!(routing.compute().changes.len(), 4);
        assert_eq!(hops(&routing, "192.0.5.0/24")[0].gateway, Some(hint(n).address));
        sizes.push(routing.memory());
    }
    let most = |sizes: &[usize]| sizes.iter().max().copied().unwrap();
    assert_eq!(most(&sizes[..5_000]), most(&sizes[5_000..]));
}

/// A database alone tells areas, virtual links and active ranges.
#[test]
fn configuration_is_inferred() {
    let mut world = border();
    world.ranges.insert(area(1), vec![prefix("10.1.0.0/16")]);
    world.with(0, summary("10.1.0.0/16", 2, 7)).with(0, summary("10.1.0.0/16", 1, 15));
    world.put(Domain::As, outside(3, false, 50, "0.0.0.0").type5());
    let lsas = world.lsas.iter().map(|((domain, _), lsa)| (*domain, lsa.clone()));
    let routing = routes_of(router(1), lsas, world.settings);
    assert!(routing.areas().eq([(area(0), NORMAL), (area(1), NORMAL)]));
    assert!(routing.routes().eq(world.routing().routes()));
    assert_eq!(routing.route(&prefix("10.1.0.0/16")), None);
}
