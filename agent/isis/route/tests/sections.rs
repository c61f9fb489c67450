//! What the standards say, one scenario each. Router 1 is under test; its circuit to router n is number n.

mod common;

use braid_isis_packet::{
    CircuitType, LanId, Level, LspFlags, MAX_LINK_METRIC, MAX_PATH_METRIC, NarrowNeighbour, NarrowPrefix,
    Tlv, WidePrefix,
};
use braid_isis_route::{Adjacency, MetricStyle, PathKind, Pending, Routing, Settings};
use common::{build, link, lsp, lsp_with, net, router, system};
use ipnet::Ipv4Net;

use Level::{One, Two};

fn routing() -> Routing {
    Routing::new(system(1), Settings::default())
}

/// The circuits towards a prefix.
fn circuits(routing: &Routing, prefix: &str) -> Vec<u32> {
    let route = routing.route(&net(prefix));
    route.map_or(Vec::new(), |route| route.next_hops.iter().map(|hop| hop.circuit).collect())
}

fn metric(routing: &Routing, prefix: &str) -> Option<u32> {
    routing.route(&net(prefix)).map(|route| route.metric)
}

/// The prefix of router n.
fn own(number: u32) -> Ipv4Net {
    net(&format!("10.0.{number}.0/24"))
}

/// Router n with its prefix at metric zero, at level 2.
fn say(routing: &mut Routing, number: u32, listed: &[(u32, u32)]) {
    let listed: Vec<_> = listed.iter().map(|(number, metric)| (router(*number), *metric)).collect();
    routing.install(Two, &lsp(Two, router(number), &listed, &[(own(number), 0)]));
}

/// 1 - 2 - 3 and 1 - 4 - 3, all at 10.
fn square() -> Routing {
    let mut routing = routing();
    say(&mut routing, 2, &[(1, 10), (3, 10)]);
    say(&mut routing, 4, &[(1, 10), (3, 10)]);
    say(&mut routing, 3, &[(2, 10), (4, 10)]);
    routing.set_adjacencies(&[link(Two, 2, 2, 10), link(Two, 4, 4, 10)]);
    routing.compute();
    routing
}

#[test]
fn iso_10589_7_2_5_fragments_are_one_node_and_without_the_first_none_counts() {
    let mut routing = routing();
    routing.set_adjacencies(&[link(Two, 2, 2, 10)]);
    let flags = LspFlags::new(Two);
    let second = lsp_with(Two, router(2).fragment(7), flags, &[(router(1), 10)], &[(net("10.7.0.0/16"), 1)]);
    routing.install(Two, &second);
    assert_eq!(routing.compute().changes, []);

    // The first fragment says nothing itself, and its coming makes the other count.
    let first = lsp_with(Two, router(2).fragment(0), flags, &[], &[]);
    routing.install(Two, &first);
    routing.compute();
    let route = routing.route(&net("10.7.0.0/16")).unwrap();
    assert_eq!((route.metric, route.origin), (11, router(2).fragment(7)));

    // A purge takes it away.
    routing.install(Two, &first.with_lifetime(0));
    assert_eq!(routing.compute().changes[0].new, None);
}

#[test]
fn iso_10589_7_2_8_an_edge_counts_if_both_ends_list_it() {
    let mut routing = square();
    assert_eq!(circuits(&routing, "10.0.3.0/24"), [2, 4]);
    say(&mut routing, 3, &[(4, 10)]);
    routing.compute();
    assert_eq!(circuits(&routing, "10.0.3.0/24"), [4]);

    // Neither does an adjacency that the neighbour does not list.
    say(&mut routing, 4, &[(3, 10)]);
    routing.compute();
    assert_eq!(metric(&routing, "10.0.3.0/24"), None);
    assert_eq!(routing.reachable(Two, system(4)), None);
    assert_eq!(routing.reachable(Two, system(2)), Some(10));
}

#[test]
fn rfc_3787_4_an_overloaded_router_is_reached_with_its_prefixes_and_never_gone_through() {
    let mut routing = square();
    let flags = LspFlags { overload: true, ..LspFlags::new(Two) };
    let listed = [(router(1), 10), (router(3), 10)];
    routing.install(Two, &lsp_with(Two, router(2).fragment(0), flags, &listed, &[(own(2), 0)]));
    routing.compute();
    assert_eq!(circuits(&routing, "10.0.2.0/24"), [2]);
    assert_eq!(circuits(&routing, "10.0.3.0/24"), [4]);

    // Our own overload is for others to mind.
    let mine = LspFlags { overload: true, ..LspFlags::new(Two) };
    routing.install(Two, &lsp_with(Two, router(1).fragment(0), mine, &[], &[]));
    assert_eq!(routing.compute().changes, []);
}

#[test]
fn rfc_5305_3_a_link_with_the_greatest_metric_is_not_used_in_that_direction() {
    let mut routing = square();
    say(&mut routing, 2, &[(1, 10), (3, MAX_LINK_METRIC)]);
    routing.compute();
    assert_eq!(circuits(&routing, "10.0.3.0/24"), [4]);
    // Only the direction from us matters.
    say(&mut routing, 4, &[(1, MAX_LINK_METRIC), (3, 10)]);
    routing.compute();
    assert_eq!(circuits(&routing, "10.0.3.0/24"), [4]);
    routing.set_adjacencies(&[link(Two, 2, 2, 10), link(Two, 4, 4, MAX_LINK_METRIC)]);
    routing.compute();
    assert_eq!(metric(&routing, "10.0.3.0/24"), None);
}

#[test]
fn rfc_5305_4_prefixes_and_paths_beyond_the_greatest_path_metric_are_none() {
    let mut routing = routing();
    let announced = [
        (net("10.0.0.0/8"), MAX_PATH_METRIC + 1),
        (net("11.0.0.0/8"), MAX_PATH_METRIC - 10),
        (net("12.0.0.0/8"), MAX_PATH_METRIC - 9),
    ];
    routing.install(Two, &lsp(Two, router(2), &[(router(1), 1)], &announced));
    routing.set_adjacencies(&[link(Two, 2, 2, 10)]);
    routing.compute();
    let routes: Vec<_> = routing.routes().map(|(net, route)| (net, route.metric)).collect();
    assert_eq!(routes, [(net("11.0.0.0/8"), MAX_PATH_METRIC)]);
}

#[test]
fn iso_10589_7_2_6_narrow_paths_end_at_1023() {
    let mut routing =
        Routing::new(system(1), Settings { metrics: MetricStyle::Narrow, ..Settings::default() });
    let narrow = |number: u32, listed: &[u32], metric: u8| {
        let listed = listed.iter().map(|number| NarrowNeighbour {
            node: router(*number),
            metric: 63,
            external: false,
        });
        let prefix = NarrowPrefix { net: own(number), metric, down: false, external_metric: false };
        let tlvs = [Tlv::IsNeighboursNarrow(listed.collect()), Tlv::InternalReach(vec![prefix])];
        build(Two, router(number).fragment(0), LspFlags::new(Two), &tlvs)
    };
    for number in 2..=19 {
        routing.install(Two, &narrow(number, &[number - 1, number + 1], 15));
    }
    routing.set_adjacencies(&[link(Two, 2, 2, 63)]);
    routing.compute();
    assert_eq!(metric(&routing, "10.0.17.0/24"), Some(1023));
    assert_eq!(metric(&routing, "10.0.18.0/24"), None);
    assert_eq!(routing.reachable(Two, system(18)), None);
    // Wide advertisements do not count here.
    say(&mut routing, 2, &[(1, 1)]);
    routing.compute();
    assert_eq!(routing.routes().count(), 0);
}

/// Routers 1, 2 and 3 on a LAN whose DIS is 2, at 10 each; 3 has a further link to 4.
fn lan() -> (Routing, LanId) {
    let lan = system(2).pseudonode(5);
    let mut routing = routing();
    routing.install(Two, &lsp(Two, lan, &[(router(1), 0), (router(2), 0), (router(3), 0)], &[]));
    routing.install(Two, &lsp(Two, router(2), &[(lan, 10)], &[(own(2), 0)]));
    routing.install(Two, &lsp(Two, router(3), &[(lan, 10), (router(4), 10)], &[(own(3), 0)]));
    routing.install(Two, &lsp(Two, router(4), &[(router(3), 10)], &[(own(4), 0)]));
    (routing, lan)
}

fn on(lan: LanId, number: u32) -> Adjacency {
    Adjacency { neighbour: lan, circuit: 1, ..link(Two, number, number, 10) }
}

#[test]
fn iso_10589_7_2_3_across_a_lan_packets_go_straight_to_the_router_on_the_other_side() {
    let (mut routing, lan) = lan();
    routing.set_adjacencies(&[on(lan, 2), on(lan, 3)]);
    routing.compute();
    let route = routing.route(&own(4)).unwrap();
    assert_eq!(route.metric, 20, "leaving the pseudonode costs nothing");
    assert_eq!(route.next_hops[0].gateway, on(lan, 3).gateway);
    assert_eq!(route.next_hops.len(), 1);

    // With no adjacency to 3, it is reached through 2, which has one.
    routing.set_adjacencies(&[on(lan, 2)]);
    routing.compute();
    let route = routing.route(&own(4)).unwrap();
    assert_eq!((route.metric, route.next_hops[0].gateway), (30, on(lan, 2).gateway));

    // A pseudonode that does not list us is not our LAN.
    routing.install(Two, &lsp(Two, lan, &[(router(2), 0), (router(3), 0)], &[]));
    routing.compute();
    assert_eq!(routing.routes().count(), 0);
}

#[test]
fn hostile_pseudonodes_cost_nothing_announce_nothing_and_are_never_overloaded() {
    let (mut routing, lan) = lan();
    routing.set_adjacencies(&[on(lan, 2), on(lan, 3)]);
    routing.compute();
    let before: Vec<_> = routing.routes().collect();
    let flags = LspFlags { overload: true, attached: true, ..LspFlags::new(Two) };
    let listed = [
        (router(1), 77),
        (router(2), 500),
        (router(3), 1),
        (router(3), 9),
        (lan, 3),
        (system(3).pseudonode(1), 0),
    ];
    routing.install(Two, &lsp_with(Two, lan.fragment(0), flags, &listed, &[(net("0.0.0.0/0"), 0)]));
    routing.set_attached_default(true);
    assert_eq!(routing.compute().changes, []);
    assert_eq!(before, routing.routes().collect::<Vec<_>>());
}

#[test]
fn equal_paths_share_up_to_the_limit_and_parallel_links_count_each() {
    let mut routing = Routing::new(system(1), Settings { max_paths: 3, ..Settings::default() });
    say(&mut routing, 2, &[(1, 10), (1, 10), (1, 30)]);
    let links =
        [10, 10, 30, 10, 10].into_iter().zip(3..).map(|(metric, circuit)| link(Two, 2, circuit, metric));
    routing.set_adjacencies(&links.collect::<Vec<_>>());
    routing.compute();
    assert_eq!(circuits(&routing, "10.0.2.0/24"), [3, 4, 6]);
}

#[test]
fn a_prefix_at_several_routers_is_reached_at_all_that_are_equally_near_and_the_least_lsp_is_the_evidence() {
    let mut routing = square();
    let anycast = [(net("192.0.2.0/24"), 5)];
    for number in [4, 2, 3] {
        let listed =
            if number == 3 { [(router(2), 10), (router(4), 10)] } else { [(router(1), 10), (router(3), 10)] };
        routing.install(Two, &lsp(Two, router(number), &listed, &anycast));
    }
    routing.compute();
    let route = routing.route(&net("192.0.2.0/24")).unwrap();
    assert_eq!((route.metric, route.origin), (15, router(2).fragment(0)));
    assert_eq!(circuits(&routing, "192.0.2.0/24"), [2, 4]);
}

#[test]
fn what_this_router_announces_has_no_next_hop_unless_another_is_nearer() {
    let mut routing = square();
    let announced = [(own(2), 10), (own(4), 11), (own(1), 7)];
    routing.install(Two, &lsp(Two, router(1), &[], &announced));
    routing.compute();
    let of = |number| routing.route(&own(number)).unwrap();
    assert!(of(1).next_hops.is_empty() && of(2).next_hops.is_empty(), "a tie is ours");
    assert_eq!((of(2).origin, of(1).metric), (router(1).fragment(0), 7));
    assert_eq!(circuits(&routing, "10.0.4.0/24"), [4]);
    assert_eq!(routing.reachable(Two, system(1)), Some(0));
}

#[test]
fn rfc_5302_3_2_level_1_wins_over_level_2_and_that_over_what_was_leaked_down() {
    let mut routing = routing();
    let prefix = net("10.9.0.0/16");
    let level_1 = |number: u32, down: bool, metric: u32| {
        let tlvs = [
            Tlv::IsNeighbours(vec![braid_isis_packet::WideNeighbour::new(router(1), 10)]),
            Tlv::ExtendedIp(vec![WidePrefix { down, ..WidePrefix::new(prefix, metric) }]),
        ];
        build(One, router(number).fragment(0), LspFlags::new(Two), &tlvs)
    };
    routing.set_adjacencies(&[link(One, 2, 2, 10), link(Two, 3, 3, 10)]);
    routing.install(One, &level_1(2, true, 0));
    routing.compute();
    assert_eq!(routing.route(&prefix).unwrap().kind, PathKind::L1Down);
    routing.install(Two, &lsp(Two, router(3), &[(router(1), 10)], &[(prefix, 1000)]));
    routing.compute();
    assert_eq!(routing.route(&prefix).unwrap().kind, PathKind::L2);
    routing.install(One, &level_1(2, false, 100_000));
    let outcome = routing.compute();
    let [change] = &outcome.changes[..] else { panic!("one change, not {outcome:?}") };
    assert_eq!(change.old.as_ref().map(|route| (route.kind, route.metric)), Some((PathKind::L2, 1010)));
    assert_eq!(change.new.as_ref().map(|route| (route.kind, route.metric)), Some((PathKind::L1, 100_010)));

    // Each level keeps its own best, which is what leaking asks for.
    assert_eq!(routing.level_route(Two, &prefix).unwrap().metric, 1010);
    assert_eq!(routing.level_routes(One).count(), 1);

    // A level that the router leaves takes its routes with it.
    routing.set_levels(CircuitType::L2);
    assert_eq!(routing.compute().changes[0].new.as_ref().map(|route| route.kind), Some(PathKind::L2));
}

#[test]
fn rfc_1195_external_metrics_come_after_internal_ones_and_before_distance() {
    let mut routing =
        Routing::new(system(1), Settings { metrics: MetricStyle::Narrow, ..Settings::default() });
    let prefix = net("10.9.0.0/16");
    let external = |number: u32, back: u8, metric: u8, external_metric: bool| {
        let tlvs = [
            Tlv::IsNeighboursNarrow(vec![NarrowNeighbour { node: router(1), metric: back, external: false }]),
            Tlv::ExternalReach(vec![NarrowPrefix { net: prefix, metric, down: false, external_metric }]),
        ];
        build(Two, router(number).fragment(0), LspFlags::new(Two), &tlvs)
    };
    routing.set_adjacencies(&[link(Two, 2, 2, 50), link(Two, 3, 3, 10), link(Two, 4, 4, 60)]);
    routing.install(Two, &external(2, 10, 4, true));
    routing.install(Two, &external(3, 10, 5, true));
    routing.compute();
    let route = routing.route(&prefix).unwrap();
    assert_eq!((route.kind, route.metric, route.origin), (PathKind::L2External, 4, router(2).fragment(0)));
    // Of equal external metrics the nearest.
    routing.install(Two, &external(3, 10, 4, true));
    routing.compute();
    assert_eq!(circuits(&routing, "10.9.0.0/16"), [3]);
    // An internal metric wins however great.
    routing.install(Two, &external(4, 10, 63, false));
    routing.compute();
    assert_eq!(routing.route(&prefix).map(|route| (route.kind, route.metric)), Some((PathKind::L2, 123)));
}

#[test]
fn iso_10589_7_2_9_1_an_area_leaves_by_the_nearest_attached_router() {
    let mut routing = routing();
    routing.set_attached_default(true);
    let attached = |number: u32, attached: bool, overload: bool, announced: &[(Ipv4Net, u32)]| {
        let flags = LspFlags { attached, overload, ..LspFlags::new(Two) };
        lsp_with(One, router(number).fragment(0), flags, &[(router(1), 10)], announced)
    };
    routing.set_adjacencies(&[link(One, 2, 2, 20), link(One, 3, 3, 10), link(One, 4, 4, 20)]);
    routing.install(One, &attached(2, true, false, &[]));
    routing.install(One, &attached(3, false, false, &[]));
    routing.install(One, &attached(4, true, false, &[]));
    routing.compute();
    let route = routing.route(&Ipv4Net::default()).unwrap();
    assert_eq!((route.kind, route.metric, route.origin), (PathKind::Attached, 20, router(2).fragment(0)));
    assert_eq!(circuits(&routing, "0.0.0.0/0"), [2, 4]);
    assert_eq!(routing.lookup([203, 0, 113, 1].into()).unwrap().1, route);

    // Becoming attached, or losing its transit, counts at once.
    routing.install(One, &attached(3, true, false, &[]));
    assert_eq!(routing.pending(), Pending { topology: false, prefixes: true });
    routing.compute();
    assert_eq!(circuits(&routing, "0.0.0.0/0"), [3]);
    routing.install(One, &attached(3, true, true, &[]));
    routing.compute();
    assert_eq!(circuits(&routing, "0.0.0.0/0"), [2, 4]);

    // A default route that somebody announces wins, and one who does not want any has none.
    routing.install(One, &attached(4, true, false, &[(Ipv4Net::default(), 1000)]));
    routing.compute();
    assert_eq!(routing.route(&Ipv4Net::default()).unwrap().kind, PathKind::L1);
    routing.install(One, &attached(4, true, false, &[]));
    routing.set_attached_default(false);
    routing.compute();
    assert_eq!(routing.route(&Ipv4Net::default()), None);
}

#[test]
fn iso_10589_7_2_9_2_other_areas_are_those_of_level_2_routers_that_are_reached() {
    let area = |text: &str| text.parse().unwrap();
    let mut routing = routing();
    let from = |number: u32, areas: &[&str], listed: &[u32]| {
        let listed = listed.iter().map(|number| braid_isis_packet::WideNeighbour::new(router(*number), 1));
        let areas = areas.iter().map(|text| area(text)).collect();
        let tlvs = [Tlv::AreaAddresses(areas), Tlv::IsNeighbours(listed.collect())];
        build(Two, router(number).fragment(0), LspFlags::new(Two), &tlvs)
    };
    let own = [area("49.0001")];
    routing.set_adjacencies(&[link(Two, 2, 2, 1)]);
    routing.install(Two, &from(1, &["49.0001"], &[2]));
    routing.install(Two, &from(2, &["49.0001", "49.0002"], &[1]));
    routing.install(Two, &from(3, &["49.0003"], &[2]));
    routing.compute();
    assert!(!routing.reaches_other_area(&own), "2 is in our area too, 3 is not reached");
    routing.install(Two, &from(2, &["49.0001", "49.0002"], &[1, 3]));
    routing.compute();
    assert!(routing.reaches_other_area(&own));
    assert_eq!(routing.areas(Two).len(), 2);
}

#[test]
fn edges_of_metric_zero_in_a_circle_settle_and_come_apart_again() {
    // 2, 3 and 4 are at one place, whichever of the two ways one comes there; 5 lies behind it.
    let circle = |routing: &mut Routing, two: u32| {
        say(routing, 2, &[(1, 10), (3, 0), (4, 0)]);
        say(routing, 3, &[(2, 0), (4, 0)]);
        say(routing, 4, &[(1, 10), (2, 0), (3, 0), (5, 0)]);
        say(routing, 5, &[(4, 7)]);
        routing.set_adjacencies(&[link(Two, 2, 2, two), link(Two, 4, 4, 10)]);
        routing.compute();
    };
    let mut routing = routing();
    circle(&mut routing, 10);
    for number in 2..=5 {
        assert_eq!(circuits(&routing, &own(number).to_string()), [2, 4], "router {number}");
        assert_eq!(metric(&routing, &own(number).to_string()), Some(10));
    }
    // The members must not keep a next hop alive that they have from one another only.
    circle(&mut routing, 11);
    for number in 2..=5 {
        assert_eq!(circuits(&routing, &own(number).to_string()), [4], "router {number}");
    }
    routing.set_adjacencies(&[]);
    routing.compute();
    assert_eq!(routing.routes().count(), 0);
}

#[test]
fn odd_adjacencies_and_lsps_about_ourselves_do_not_matter() {
    let mut routing = square();
    let before: Vec<_> = routing.routes().collect();
    let odd = [
        link(Two, 1, 9, 0),
        link(Two, 99, 9, 0),
        Adjacency { neighbour: router(3), ..link(Two, 2, 9, 0) },
        Adjacency { neighbour: system(1).pseudonode(1), ..link(Two, 2, 9, 0) },
        link(Two, 2, 2, 10),
        link(Two, 2, 2, 10),
        link(Two, 4, 4, 10),
    ];
    routing.set_adjacencies(&odd);
    assert_eq!(routing.compute().changes, []);
    // Others list us twice, at odd metrics, and themselves.
    routing.install(
        Two,
        &lsp(
            Two,
            router(3),
            &[(router(1), 0), (router(1), 5), (router(3), 0), (router(2), 10), (router(4), 10)],
            &[(own(3), 0)],
        ),
    );
    // What our own LSP lists is not asked.
    routing.install(Two, &lsp(Two, router(1), &[(router(3), 0)], &[]));
    assert_eq!(routing.compute().changes, []);
    assert_eq!(before, routing.routes().collect::<Vec<_>>());
}

#[test]
fn a_version_that_says_the_same_costs_nothing_and_a_prefix_no_shortest_path() {
    let mut routing = square();
    say(&mut routing, 2, &[(3, 10), (1, 10)]);
    assert!(routing.pending().is_none(), "another order is the same");
    let listed = [(router(1), 10), (router(3), 10)];
    routing.install(Two, &lsp(Two, router(2), &listed, &[(own(2), 3)]));
    assert_eq!(routing.pending(), Pending { topology: false, prefixes: true });
    let outcome = routing.compute();
    assert_eq!((outcome.work.levels, outcome.work.prefixes, outcome.changes.len()), (0, 1, 1));

    // One that lists a neighbour which does not answer changes nothing either.
    say(&mut routing, 2, &[(1, 10), (3, 10), (77, 1)]);
    routing.compute();
    say(&mut routing, 2, &[(1, 10), (3, 10), (78, 1)]);
    let outcome = routing.compute();
    assert_eq!((outcome.work.nodes, outcome.changes.len()), (0, 0));
}
