//! ISO 10589 §7.2.9: the attached bit, and the way out of an area.

#![allow(clippy::unwrap_used)] // Helpers are test code too.

mod net;

use std::time::Duration;

use braid_isis::{
    Attached, CircuitKind,
    packet::{CircuitType, Level},
};
use ipnet::Ipv4Net;
use net::{Net, in_area, level, loopback, system};

const SECOND: Duration = Duration::from_secs(1);

/// Area 49.0001 has 1 (level 1 only), 2 and 3 (both levels); 4 is alone in area 49.0002, behind 2 and 3.
///
/// ```text
///        2
///      /   \
///    1       4
///      \   /
///        3
/// ```
fn areas() -> Net {
    let mut net = Net::new([
        level(in_area(1, "49.0001"), CircuitType::L1),
        in_area(2, "49.0001"),
        in_area(3, "49.0001"),
        in_area(4, "49.0002"),
    ]);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join_with(CircuitKind::PointToPoint, &[1, 3], |_, config| config.metric.one = 15);
    net.join(CircuitKind::PointToPoint, &[2, 4]);
    net.join(CircuitKind::PointToPoint, &[3, 4]);
    let mut net = net.start();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    net
}

fn default() -> Ipv4Net {
    Ipv4Net::default()
}

fn is_attached(net: &Net, router: usize) -> bool {
    let id = system(router).node().fragment(0);
    net.routers[1].database(Level::One).get(&id).is_some_and(|entry| entry.lsp.flags().attached)
}

/// Level 1 sends what it does not know to the nearest router that reaches other areas.
#[test]
fn s7_2_9_1_level_1_takes_the_nearest_way_out() {
    let net = areas();
    assert!(is_attached(&net, 2) && is_attached(&net, 3));
    assert_eq!(net.metric(1, default()), Some(10));
    assert_eq!(net.metric(1, loopback(4)), None);
    assert_eq!(net.metric(4, loopback(1)), Some(20), "while level 2 hears of the area's prefixes");
    for router in [2, 3, 4] {
        assert_eq!(net.metric(router, default()), None, "a router of level 2 needs no default route");
    }
}

/// A router that no longer reaches another area does not attract traffic for it.
#[test]
fn s7_2_9_2_the_attached_bit_goes_with_the_last_other_area() {
    let mut net = areas();
    net.set_wire(2, false);
    // Router 2 has no level-2 neighbour any more: level 2 between 2 and 3 is not connected within the area.
    let took = net.until("the other way out", SECOND, |net| net.metric(1, default()) == Some(15));
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert!(!is_attached(&net, 2));
    net.set_wire(2, true);
    net.until("the nearer way out", SECOND, |net| net.metric(1, default()) == Some(10));
}

/// A router that others shall forward around does not ask for the area's traffic.
#[test]
fn s7_2_9_2_an_overloaded_router_is_not_attached() {
    let mut net = areas();
    net.configure(2, |config| config.overload = true);
    net.until("the other way out", SECOND, |net| {
        net.metric(1, default()) == Some(15) && !is_attached(net, 2)
    });
    net.configure(2, |config| config.overload = false);
    net.until("the nearer way out", SECOND, |net| {
        net.metric(1, default()) == Some(10) && is_attached(net, 2)
    });
}

/// Other routers of the same area at level 2 are no reason to be attached.
#[test]
fn s7_2_9_2_one_area_has_no_way_out() {
    let mut net = Net::new([
        level(in_area(1, "49.0001"), CircuitType::L1),
        in_area(2, "49.0001"),
        in_area(3, "49.0001"),
    ]);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join(CircuitKind::PointToPoint, &[2, 3]);
    let mut net = net.start();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    assert!(!is_attached(&net, 2) && !is_attached(&net, 3));
    assert_eq!(net.metric(1, default()), None);
}

/// The operator has the last word on both sides.
#[test]
fn s7_2_9_the_operator_may_say_otherwise() {
    let mut net = areas();
    net.configure(2, |config| config.attached = Attached::Never);
    net.until("the other way out", SECOND, |net| net.metric(1, default()) == Some(15));
    net.configure(1, |config| config.follow_attached = false);
    net.until("no way out", SECOND, |net| net.metric(1, default()).is_none());
    net.set_wire(3, false);
    net.configure(1, |config| config.follow_attached = true);
    net.configure(3, |config| config.attached = Attached::Always);
    net.until("the way that the operator wants", SECOND, |net| net.metric(1, default()) == Some(15));
}
