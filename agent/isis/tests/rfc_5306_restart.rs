//! RFC 5306: help for a neighbour that has started anew and asks to keep its adjacencies.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    AdjacencyState, CircuitKind, Event,
    packet::{
        Authentication, Frame, LanHello, Level, Pdu, PduKind, PointToPointHello, Restart, ThreeWay,
        ThreeWayState, Tlv,
    },
};
use net::{Net, circuit, loopback, router, system};

const SECOND: Duration = Duration::from_secs(1);
const REQUEST: Tlv = Tlv::Restart(Restart { request: true, suppress: false, granted: None, neighbour: None });

fn joined(kind: CircuitKind, count: usize) -> Net {
    let mut net =
        Net::new((1..=count).map(|number| net::level(router(number), braid_isis::packet::CircuitType::L2)));
    net.join(kind, &(1..=count).collect::<Vec<_>>());
    let mut net = net.start();
    net.converge(10 * SECOND);
    net.run(5 * SECOND);
    net
}

/// The last hello that a router sent, without what it says of restarts and of whom it hears.
fn hello(net: &Net, from: usize) -> Pdu {
    let is_hello = |kind| matches!(kind, PduKind::PointToPointHello | PduKind::LanHello(_));
    let mut carried = net.carried.iter().rev();
    let last = carried.find(|carried| carried.from == from && is_hello(carried.kind)).unwrap();
    let mut pdu = Frame::parse(&last.bytes).unwrap().pdu().unwrap();
    if let Pdu::PointToPointHello(PointToPointHello { tlvs, .. }) | Pdu::LanHello(LanHello { tlvs, .. }) =
        &mut pdu
    {
        tlvs.retain(|tlv| !matches!(tlv, Tlv::Restart(_) | Tlv::ThreeWay(_) | Tlv::LanNeighbours(_)));
    }
    pdu
}

/// Says a hello for a router, with more TLVs.
fn say(net: &mut Net, to: usize, from: usize, hello: &Pdu, more: &[Tlv]) {
    let mut hello = hello.clone();
    let bytes = match &mut hello {
        Pdu::PointToPointHello(hello) => {
            hello.tlvs.extend_from_slice(more);
            hello.encode(&Authentication::None, None)
        }
        Pdu::LanHello(hello) => {
            hello.tlvs.extend_from_slice(more);
            hello.encode(&Authentication::None, None)
        }
        other => panic!("{other:?}"),
    };
    net.input(to, net::packet(0, from, bytes.unwrap()));
}

/// What the hellos of a router since a moment grant.
fn grants(net: &Net, from: usize, since: braid_isis::Instant) -> Vec<Restart> {
    let hellos = net.carried.iter().filter(|carried| carried.from == from && carried.at >= since);
    let tlvs = hellos.filter_map(|carried| match Frame::parse(&carried.bytes).unwrap().pdu().unwrap() {
        Pdu::PointToPointHello(hello) => Some(hello.tlvs),
        Pdu::LanHello(hello) => Some(hello.tlvs),
        _ => None,
    });
    let restart = |tlv: &Tlv| if let Tlv::Restart(restart) = tlv { Some(*restart) } else { None };
    tlvs.map(|tlvs| tlvs.iter().find_map(restart).expect("each hello says that it helps")).collect()
}

fn downs(net: &Net) -> usize {
    net.events.iter().filter(|(_, event)| matches!(event, Event::AdjacencyDown { .. })).count()
}

/// §3.2.1: the adjacency stays, the neighbour is told so at once, and gets all that it has forgotten.
#[test]
fn s3_2_1_a_neighbour_that_asks_keeps_its_adjacency() {
    let mut net = joined(CircuitKind::PointToPoint, 2);
    let plain = hello(&net, 2);
    net.kill(2);
    let fresh = Tlv::ThreeWay(ThreeWay {
        state: ThreeWayState::Down,
        circuit: Some(77),
        neighbour: None,
        neighbour_circuit: None,
    });
    let start = net.now;
    say(&mut net, 1, 2, &plain, &[REQUEST, fresh.clone()]);
    net.run(Duration::from_millis(100));
    assert_eq!(downs(&net), 0);
    assert_eq!(net.metric(1, loopback(2)), Some(10));
    assert_eq!(grants(&net, 1, start), [Restart { granted: Some(3), ..Restart::default() }]);
    assert_eq!(net.count(start, |carried| carried.kind == PduKind::Csnp(Level::Two)), 1);
    assert_eq!(net.count(start, |carried| carried.kind == PduKind::Lsp(Level::Two)), 2);
    let neighbour = net.routers[1].circuit(circuit(0)).unwrap().neighbour.clone().unwrap();
    assert_eq!((neighbour.restarting, neighbour.extended_circuit), (true, Some(77)));

    // A hello of the usual kind ends the help, and the adjacency goes on.
    let usual = Tlv::ThreeWay(ThreeWay {
        state: ThreeWayState::Initializing,
        circuit: Some(77),
        neighbour: Some(system(1)),
        neighbour_circuit: Some(1),
    });
    let (since, grantless) = (net.now, Restart::default());
    say(&mut net, 1, 2, &plain, &[usual]);
    net.run(2 * SECOND);
    assert!(grants(&net, 1, since).iter().all(|restart| *restart == grantless));
    assert_eq!(downs(&net), 0);

    // Without the question, a router that has started anew loses its adjacency.
    say(&mut net, 1, 2, &plain, &[fresh]);
    assert_eq!(downs(&net), 1);
}

/// §3.2.1 a: it asks as often as it likes, but has one hold time; and only who was adjacent may ask.
#[test]
fn s3_2_1_asking_again_wins_no_time() {
    let mut net = joined(CircuitKind::PointToPoint, 2);
    let plain = hello(&net, 2);
    net.kill(2);
    let start = net.now;
    for _ in 0..300 {
        say(&mut net, 1, 2, &plain, &[REQUEST]);
        net.run(SECOND / 100);
        if downs(&net) > 0 {
            break;
        }
    }
    assert_eq!(downs(&net), 1);
    let took = net.now.since(start);
    assert!((Duration::from_millis(2900)..Duration::from_millis(3100)).contains(&took), "{took:?}");
    let rounds = net.count(start, |carried| carried.from == 1 && carried.kind == PduKind::Csnp(Level::Two));
    assert!(rounds <= 6, "{rounds} rounds of sequence numbers: they are no lever for an attacker");
    assert!(net.routers[1].neighbours().all(|(_, neighbour)| !neighbour.restarting));
}

/// §3.2.1 on a LAN: the same, and nobody elects anew.
#[test]
fn s3_2_1_a_neighbour_on_a_lan_keeps_its_adjacency() {
    let mut net = joined(CircuitKind::Broadcast, 3);
    let designated = net.routers[1].circuit(circuit(0)).unwrap().lans[Level::Two].designated;
    assert_eq!(designated.unwrap().system, system(3), "the greatest address");
    let mut plain = hello(&net, 2);
    net.kill(2);
    let Pdu::LanHello(fresh) = &mut plain else { panic!("a LAN") };
    fresh.lan_id = system(2).pseudonode(1);
    let start = net.now;
    for to in [1, 3] {
        say(&mut net, to, 2, &plain, &[REQUEST]);
    }
    net.run(Duration::from_millis(100));
    assert_eq!(downs(&net), 0);
    let granted = Restart { granted: Some(3), neighbour: Some(system(2)), ..Restart::default() };
    assert_eq!((grants(&net, 1, start)[0], grants(&net, 3, start)[0]), (granted, granted));
    assert!(net.count(start, |carried| carried.kind == PduKind::Csnp(Level::Two) && carried.from == 3) >= 1);
    for at in [1, 3] {
        let lan = &net.routers[at].circuit(circuit(0)).unwrap().lans[Level::Two];
        assert_eq!(lan.designated, designated);
        assert!(lan.neighbours.values().all(|neighbour| neighbour.state == AdjacencyState::Up));
    }
    net.run(5 * SECOND);
    assert_eq!(downs(&net), 2, "it has not come back");
}
