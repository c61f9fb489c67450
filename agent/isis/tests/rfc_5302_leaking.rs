//! RFC 1195 §3.2, RFC 2966, RFC 5302: what the levels hear of each other.

#![allow(clippy::unwrap_used)] // Helpers are test code too.

mod net;

use std::{collections::BTreeSet, time::Duration};

use braid_isis::{
    CircuitKind, External, Input, LeakDown, MetricStyle,
    packet::{CircuitType, Level},
    route::PathKind,
};
use ipnet::Ipv4Net;
use net::{Net, in_area, level, loopback, system};

const SECOND: Duration = Duration::from_secs(1);

/// Area 49.0001 has 1 (level 1 only), 2 and 3 (both levels); area 49.0002 has 4 (both levels) and 5 (level 1 only).
///
/// ```text
///      2
///    /   \
///  1       4 - 5
///    \   /
///      3
/// ```
fn areas(style: MetricStyle) -> Net {
    let mut net = Net::new(
        [
            level(in_area(1, "49.0001"), CircuitType::L1),
            in_area(2, "49.0001"),
            in_area(3, "49.0001"),
            in_area(4, "49.0002"),
            level(in_area(5, "49.0002"), CircuitType::L1),
        ]
        .map(|mut config| {
            config.metric_style = style;
            config
        }),
    );
    for ends in [[1, 2], [1, 3], [2, 4], [3, 4], [4, 5]] {
        net.join(CircuitKind::PointToPoint, &ends);
    }
    let mut net = net.start();
    settle(&mut net);
    net
}

fn settle(net: &mut Net) {
    net.run(10 * SECOND);
    net.converge(SECOND);
}

fn net_of(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn kind(net: &Net, at: usize, prefix: Ipv4Net) -> Option<PathKind> {
    net.routers[at].routes().find(|(found, _)| *found == prefix).map(|(_, route)| route.kind)
}

/// What a router's own LSPs of a level say of a prefix: metric and down bit.
fn said(net: &Net, by: usize, level: Level, prefix: Ipv4Net) -> Option<(u32, bool)> {
    let lsps = net.routers[by]
        .database(level)
        .iter()
        .filter(|(id, entry)| id.node.system == system(by) && !entry.is_purged());
    let found: Vec<_> = lsps
        .flat_map(|(_, entry)| entry.lsp.prefixes().collect::<Vec<_>>())
        .filter(|said| said.net == prefix)
        .map(|said| (said.metric, said.down))
        .collect();
    assert!(found.len() < 2 || found.iter().all(|other| *other == found[0]), "{found:?}");
    found.first().copied()
}

/// Level 2 hears of all prefixes of an area, at their distance.
#[test]
fn s3_2_level_2_hears_of_the_areas() {
    for style in [MetricStyle::Wide, MetricStyle::Narrow, MetricStyle::Transition] {
        let net = areas(style);
        assert_eq!(said(&net, 2, Level::Two, loopback(1)), Some((10, false)), "{style:?}");
        assert_eq!(said(&net, 4, Level::Two, loopback(5)), Some((10, false)));
        assert_eq!(net.metric(2, loopback(5)), Some(20));
        assert_eq!(kind(&net, 2, loopback(5)), Some(PathKind::L2));
        assert_eq!(net.next_hops(4, loopback(1)).len(), 2, "by both routers of the other area");
        assert_eq!(kind(&net, 2, loopback(1)), Some(PathKind::L1));
        assert_eq!(net.metric(1, loopback(5)), None, "level 1 hears of nothing unless asked to");
    }
}

/// A prefix that its area loses is withdrawn at level 2.
#[test]
fn s3_2_what_the_area_loses_level_2_loses() {
    let mut net = areas(MetricStyle::Wide);
    net.set_wire(4, false);
    net.until("gone", SECOND, |net| net.metric(2, loopback(5)).is_none());
    net.set_wire(4, true);
    net.until("back", 5 * SECOND, |net| net.metric(2, loopback(5)) == Some(20));
}

/// What is asked for comes down with the down bit, at its distance, and level 1 prefers the nearer router.
#[test]
fn s3_level_1_hears_of_level_2_what_the_operator_wants() {
    for style in [MetricStyle::Wide, MetricStyle::Narrow, MetricStyle::Transition] {
        let mut net = areas(style);
        net.configure(2, |config| {
            config.leak.down = LeakDown::Within(BTreeSet::from([net_of("100.64.0.0/16")]));
        });
        settle(&mut net);
        assert_eq!(said(&net, 2, Level::One, loopback(5)), Some((20, true)), "{style:?}");
        assert_eq!(said(&net, 2, Level::One, net_of("100.65.4.0/24")), None, "not asked for");
        assert_eq!(kind(&net, 1, loopback(5)), Some(PathKind::L1Down));
        assert_eq!(net.metric(1, loopback(5)), Some(30));
        net.configure(2, |config| config.leak.down = LeakDown::Nothing);
        net.until("gone", SECOND, |net| net.metric(1, loopback(5)).is_none());
    }
}

/// What came down does not go up again: with all routers leaking all, prefixes that vanish do vanish everywhere, and
/// routers of both levels keep to level 2.
#[test]
fn s3_3_what_came_down_does_not_go_up_again() {
    let mut net = areas(MetricStyle::Wide);
    for router in [2, 3, 4] {
        net.configure(router, |config| config.leak.down = LeakDown::All);
    }
    settle(&mut net);
    assert_eq!(net.metric(1, loopback(5)), Some(30));
    assert_eq!(net.next_hops(1, loopback(5)).len(), 2);
    assert_eq!(net.metric(5, loopback(1)), Some(30));
    for router in [2, 3] {
        assert_eq!(said(&net, router, Level::Two, loopback(5)), None);
        assert_eq!(kind(&net, router, loopback(5)), Some(PathKind::L2));
        assert_eq!(
            said(&net, router, Level::One, loopback(1)),
            None,
            "the area's own prefixes do not come back down"
        );
    }
    // Router 3 loses its way at level 2, and reaches area 49.0002 by level 1 as router 2 leaks it down.
    net.set_wire(3, false);
    settle(&mut net);
    assert_eq!(kind(&net, 3, loopback(5)), Some(PathKind::L1Down));
    assert_eq!(net.metric(3, loopback(5)), Some(40));
    assert_eq!(said(&net, 3, Level::Two, loopback(5)), None);
    // The prefix vanishes, and no two routers tell it to each other for ever.
    net.set_wire(4, false);
    settle(&mut net);
    for router in [1, 2, 3, 4] {
        assert_eq!(net.metric(router, loopback(5)), None, "router {router}");
    }
}

/// A summary stands for the prefixes within it, while there is one.
#[test]
fn s3_2_a_summary_stands_for_what_lies_within_it() {
    let mut net = areas(MetricStyle::Wide);
    let summary = net_of("100.64.0.0/29");
    for router in [2, 3] {
        net.configure(router, |config| {
            config.leak.summaries.insert(summary, None);
            config.leak.summaries.insert(net_of("192.168.0.0/16"), Some(5));
        });
    }
    settle(&mut net);
    assert_eq!(said(&net, 2, Level::Two, summary), Some((20, false)), "the farthest within it is router 3");
    for router in [1, 2, 3] {
        assert_eq!(said(&net, 2, Level::Two, loopback(router)), None);
        assert_eq!(net.metric(4, loopback(router)), None);
    }
    assert_eq!(net.metric(4, summary), Some(30));
    assert_eq!(said(&net, 2, Level::Two, net_of("192.168.0.0/16")), None, "nothing lies within it");
    assert_eq!(net.metric(4, loopback(5)), Some(10), "other areas' prefixes are theirs");
    net.configure(2, |config| config.leak.summaries.clear());
    net.until("told one by one again", SECOND, |net| net.metric(4, loopback(1)) == Some(20));
}

/// What a summary draws and nothing within it takes is dropped by the router that says it, and only as long as it does. So no
/// packet can go out by a default route and come back by the summary.
#[test]
fn s3_2_a_summary_is_a_discard_route_of_who_says_it() {
    let mut net = areas(MetricStyle::Wide);
    assert!(net.discards.is_empty(), "what is attached is not discarded: {:?}", net.discards);
    let (summary, unused) = (net_of("100.64.0.0/29"), net_of("192.168.0.0/16"));
    net.configure(2, |config| {
        config.leak.summaries.extend([(summary, None), (unused, Some(5))]);
    });
    settle(&mut net);
    assert_eq!(net.discards, BTreeSet::from([(2, summary)]), "the other says nothing, so it draws nothing");
    assert_eq!(net.next_hops(3, summary).len(), 1, "for others it is a route like any");

    // The area gets a route to all of it: packets take that one.
    let level_1 = External { metric: 7, level: CircuitType::L1, external: false };
    net.input(1, Input::External { prefix: summary, route: Some(level_1) });
    net.until("a route of the area", SECOND, |net| kind(net, 2, summary) == Some(PathKind::L1));
    assert!(net.discards.is_empty());
    net.input(1, Input::External { prefix: summary, route: None });
    net.until("dropped again", SECOND, |net| net.discards.contains(&(2, summary)));

    // What is attached itself has a route of somebody else's in the kernel. The own route stays the same over it.
    net.configure(2, |config| {
        config.leak.summaries.insert(summary, Some(7));
    });
    let level_2 = External { metric: 7, level: CircuitType::L2, external: false };
    net.input(2, Input::External { prefix: summary, route: Some(level_2) });
    settle(&mut net);
    assert!(net.discards.is_empty());
    net.input(2, Input::External { prefix: summary, route: None });
    settle(&mut net);
    assert_eq!(net.discards, BTreeSet::from([(2, summary)]));

    // A summary that ends, for want of the operator or of anything within it, ends the dropping.
    net.configure(2, |config| config.leak.up = false);
    net.until("not said", SECOND, |net| net.discards.is_empty());
    net.configure(2, |config| {
        config.leak.up = true;
        config.leak.summaries = [(net_of("100.65.4.0/22"), None)].into();
    });
    settle(&mut net);
    assert!(net.discards.is_empty(), "nothing of the area lies within it: {:?}", net.discards);
}

/// Of two routers that say a summary, one whose metric is worse than the way to the other sends there what it does not know. It
/// ends at the other.
#[test]
fn s3_2_a_better_summary_of_another_goes_before_the_own() {
    let mut net = areas(MetricStyle::Wide);
    let summary = net_of("100.64.0.0/29");
    for (router, metric) in [(2, 5), (3, 500)] {
        net.configure(router, |config| {
            config.leak.summaries.insert(summary, Some(metric));
        });
    }
    settle(&mut net);
    assert_eq!(net.discards, BTreeSet::from([(2, summary)]));
    assert_eq!(net.metric(3, summary), Some(25));
    net.kill(2);
    net.until("the own takes over", 10 * SECOND, |net| net.discards.contains(&(3, summary)));
}

/// The operator may keep an area's prefixes to itself.
#[test]
fn s3_2_nothing_goes_up_if_the_operator_says_so() {
    let mut net = areas(MetricStyle::Wide);
    for router in [2, 3] {
        net.configure(router, |config| config.leak.up = false);
    }
    settle(&mut net);
    assert_eq!(net.metric(4, loopback(1)), None);
    assert_eq!(net.metric(4, loopback(2)), Some(10), "own prefixes are of both levels");
}

/// Prefixes from outside are announced at the levels asked for, and cross between them like others.
#[test]
fn s3_externals_cross_between_levels() {
    let mut net = areas(MetricStyle::Wide);
    let prefix = net_of("198.18.0.0/24");
    let route = External { metric: 7, level: CircuitType::L1, external: false };
    net.input(1, Input::External { prefix, route: Some(route) });
    net.until("at level 2", SECOND, |net| net.metric(4, prefix) == Some(27));
    net.configure(4, |config| config.leak.down = LeakDown::All);
    net.until("in the other area", SECOND, |net| net.metric(5, prefix) == Some(37));
    net.input(1, Input::External { prefix, route: None });
    net.until("gone from there", SECOND, |net| net.metric(5, prefix).is_none());
    // At level 2 only, the announcing router's own area does not hear of it.
    net.input(4, Input::External { prefix, route: Some(External { level: CircuitType::L2, ..route }) });
    net.until("at level 2", SECOND, |net| net.metric(2, prefix) == Some(17));
    assert_eq!(net.metric(1, prefix), None);
}

/// RFC 5302 §3.2: with a metric of the external type, the announced metric goes before the way to who announces it, in
/// both levels.
#[test]
fn s3_2_metrics_of_the_external_type_stay_so_when_leaked() {
    let mut net = areas(MetricStyle::Narrow);
    let prefix = net_of("198.18.0.0/24");
    let route = External { metric: 7, level: CircuitType::L2, external: true };
    net.input(4, Input::External { prefix, route: Some(route) });
    net.configure(2, |config| config.leak.down = LeakDown::All);
    net.until("in the area", SECOND, |net| net.metric(1, prefix) == Some(7));
    assert_eq!(kind(&net, 2, prefix), Some(PathKind::L2External));
    assert_eq!(kind(&net, 1, prefix), Some(PathKind::L1DownExternal));
    assert_eq!(said(&net, 2, Level::One, prefix), Some((7, true)));
}
