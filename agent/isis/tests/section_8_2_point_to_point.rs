//! ISO 10589 §8.2, RFC 5303: point-to-point circuits.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    AdjacencyState, CircuitKind, DownReason, Event, Rejection,
    packet::{Authentication, CircuitType, Level},
};
use net::{Net, circuit, in_area, loopback, router};

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Net {
    let mut net = Net::new([router(1), router(2)]);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.start()
}

/// Two routers reach each other within milliseconds of the carrier, not hello intervals.
#[test]
fn two_routers_meet_at_once() {
    let mut net = pair();
    let took = net.until("routes to each other", SECOND, |net| net.is_connected(&[1, 2]));
    assert!(took < Duration::from_millis(100), "{took:?}");
    net.converge(5 * SECOND);
    net.assert_alike(Level::One, &[1, 2]);
    net.assert_alike(Level::Two, &[1, 2]);
    let neighbour = net.routers[1].circuit(circuit(0)).unwrap().neighbour.clone().unwrap();
    assert_eq!(neighbour.state, AdjacencyState::Up);
    assert_eq!(neighbour.levels, CircuitType::L1L2);
    assert!(neighbour.three_way);
    assert_eq!(net.routers[1].host_name(net::system(2)).as_deref(), Some("r2"));
}

/// A neighbour that falls silent is gone after its hold time, and not before.
#[test]
fn silence_ends_an_adjacency_after_the_hold_time() {
    let mut net = pair();
    net.converge(5 * SECOND);
    net.run(10 * SECOND);
    net.kill(2);
    net.run(2 * SECOND - SECOND / 2);
    assert!(net.is_connected(&[1]) && net.metric(1, loopback(2)).is_some());
    net.run(2 * SECOND);
    assert_eq!(net.metric(1, loopback(2)), None);
    let told = |(router, event): &(usize, Event)| {
        *router == 1 && matches!(event, Event::AdjacencyDown { reason: DownReason::HoldTime, .. })
    };
    assert_eq!(net.events.iter().filter(|event| told(event)).count(), 1);
}

/// A lost carrier is acted on at once.
#[test]
fn a_lost_carrier_ends_an_adjacency_at_once() {
    let mut net = pair();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    net.set_wire(0, false);
    assert_eq!(net.metric(1, loopback(2)), None);
    net.set_wire(0, true);
    let took = net.until("routes again", SECOND, |net| net.is_connected(&[1, 2]));
    assert!(took < SECOND / 5, "{took:?}");
}

/// RFC 5303: a link that passes PDUs only one way carries no traffic.
#[test]
fn a_one_way_link_does_not_come_up() {
    let mut net = Net::new([router(1), router(2)]);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    let mut net = net.start();
    net.meddler = Box::new(|carried| if carried.from == 2 { net::Fate::Lose } else { net::Fate::Pass });
    net.run(20 * SECOND);
    let state =
        |number: usize| net.routers[number].circuit(circuit(0)).unwrap().neighbour.as_ref().map(|n| n.state);
    assert_eq!(state(1), None);
    assert_eq!(state(2), Some(AdjacencyState::Initialising));
}

/// RFC 5303: a neighbour that has lost its memory is noticed by its first hello, not by its hold time.
#[test]
fn a_restarted_neighbour_is_taken_back_at_once() {
    let mut net = pair();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    net.kill(2);
    net.restart(2);
    let took = net.until("routes again", SECOND, |net| net.is_connected(&[1, 2]));
    assert!(took < SECOND / 10, "{took:?}");
    net.converge(5 * SECOND);
    let one_way = |event: &(usize, Event)| {
        matches!(event, (1, Event::AdjacencyDown { reason: DownReason::OneWay, .. }))
    };
    assert!(net.events.iter().any(one_way));
    net.assert_alike(Level::One, &[1, 2]);
}

/// §8.2.4.2, tables 5 to 8: the levels of an adjacency follow from both routers' levels and areas.
#[test]
fn levels_and_areas_decide_what_an_adjacency_is_of() {
    use CircuitType::{L1, L1L2, L2};
    let table = [
        (L1L2, L1L2, true, Some(L1L2)),
        (L1L2, L1L2, false, Some(L2)),
        (L1, L1, true, Some(L1)),
        (L1, L1, false, None),
        (L1, L1L2, true, Some(L1)),
        (L1, L1L2, false, None),
        (L2, L1L2, false, Some(L2)),
        (L2, L2, false, Some(L2)),
        (L1, L2, true, None),
    ];
    for (one, two, is_same_area, expected) in table {
        let other = if is_same_area { "49.0001" } else { "49.0002" };
        let mut net = Net::new([net::level(router(1), one), net::level(in_area(2, other), two)]);
        net.join(CircuitKind::PointToPoint, &[1, 2]);
        let mut net = net.start();
        net.run(3 * SECOND);
        for number in [1, 2] {
            let neighbour = net.routers[number].circuit(circuit(0)).unwrap().neighbour.as_ref();
            let levels = neighbour.filter(|neighbour| neighbour.is_up()).map(|neighbour| neighbour.levels);
            assert_eq!(levels, expected, "{one} and {two}, same area: {is_same_area}");
        }
    }
}

/// ISO 10589 §8.2.4: without the handshake, to hear is to be adjacent.
#[test]
fn a_neighbour_without_the_handshake_is_taken() {
    let mut net = Net::new([router(1), router(2)]);
    net.join_with(CircuitKind::PointToPoint, &[1, 2], |end, config| config.three_way = end == 1);
    let mut net = net.start();
    net.run(3 * SECOND);
    assert!(net.is_connected(&[1, 2]));
}

/// Hellos with the wrong secret are counted and told, and make no neighbour; with the right one they do.
#[test]
fn hellos_are_authenticated() {
    let secret = |text: &str| Authentication::Password(text.into());
    for (theirs, is_up) in [("right", true), ("wrong", false)] {
        let mut net = Net::new([router(1), router(2)]);
        net.join_with(CircuitKind::PointToPoint, &[1, 2], |end, config| {
            config.hello_auth = secret(if end == 1 { "right" } else { theirs });
        });
        let mut net = net.start();
        net.run(3 * SECOND);
        assert_eq!(net.is_connected(&[1, 2]), is_up);
        let circuit = net.routers[1].circuit(circuit(0)).unwrap();
        assert_eq!(circuit.counters.rejected.contains_key(&Rejection::Authentication), !is_up);
        let told = |event: &&(usize, Event)| matches!(event, (1, Event::Rejected { .. }));
        assert_eq!(
            net.events.iter().filter(told).count(),
            usize::from(!is_up),
            "told once, not for each hello"
        );
    }
}

/// A router that takes another's place on the link is adjacent at once.
#[test]
fn another_router_on_the_link_replaces_the_first() {
    let mut net = Net::new([router(1), router(2), router(3)]);
    net.join(CircuitKind::PointToPoint, &[1, 2, 3]);
    net.kill(3);
    let mut net = net.start();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    net.kill(2);
    net.restart(3);
    let took = net.until("routes to the other", SECOND, |net| net.is_connected(&[1, 3]));
    assert!(took < SECOND / 10, "{took:?}");
    let replaced = |event: &(usize, Event)| {
        matches!(event, (1, Event::AdjacencyDown { reason: DownReason::Replaced, .. }))
    };
    assert!(net.events.iter().any(replaced));
}

/// A hello with our own system id is told of as a duplicate.
#[test]
fn a_duplicate_system_id_is_told() {
    let mut net = pair();
    net.converge(5 * SECOND);
    let hello =
        net.carried.iter().rev().find(|carried| carried.from == 1 && carried.kind.level().is_none()).unwrap();
    let echoed = hello.bytes.clone();
    net.input(1, net::packet(0, 2, echoed));
    assert!(net.events.contains(&(1, Event::DuplicateSystem { circuit: circuit(0) })));
    assert!(net.is_connected(&[1, 2]));
}

/// §8.2.3: hellos are padded until the adjacency is up, so that an MTU that does not fit shows.
#[test]
fn hellos_are_padded_until_the_adjacency_is_up() {
    let mut net = Net::new([router(1), router(2)]);
    net.join_with(CircuitKind::PointToPoint, &[1, 2], |_, config| {
        config.padding = braid_isis::Padding::Sometimes;
    });
    let mut net = net.start();
    assert_eq!(net.carried[0].bytes.len(), 1497);
    net.converge(5 * SECOND);
    let now = net.now;
    net.run(5 * SECOND);
    assert!(net.count(now, |carried| carried.kind.level().is_none()) >= 8);
    assert_eq!(net.count(now, |carried| carried.kind.level().is_none() && carried.bytes.len() > 200), 0);
}
