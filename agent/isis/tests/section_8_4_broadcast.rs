//! ISO 10589 §8.4: broadcast circuits, their adjacencies and designated routers.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind, Event, Input, Rejection,
    packet::{CircuitType, LanHello, Level, PduKind, Tlv},
};
use net::{Net, circuit, in_area, loopback, router, system};

const SECOND: Duration = Duration::from_secs(1);

fn lan(count: usize) -> Net {
    let mut net = Net::new((1..=count).map(router));
    net.join(CircuitKind::Broadcast, &(1..=count).collect::<Vec<_>>());
    net.start()
}

fn designated(net: &Net, number: usize, level: Level) -> Option<usize> {
    let lan = net.routers[number].circuit(circuit(0)).unwrap().lans[level].designated?;
    Some(lan.system.0[5].into())
}

/// Five routers elect one and reach each other in well under a second.
#[test]
fn a_lan_elects_one_router_and_converges() {
    let mut net = lan(5);
    let all = [1, 2, 3, 4, 5];
    let took = net.until("routes", SECOND, |net| net.is_connected(&all));
    assert!(took < SECOND / 2, "{took:?}");
    net.converge(5 * SECOND);
    for level in Level::ALL {
        // Equal priorities: the greatest address.
        assert!(all.iter().all(|number| designated(&net, *number, level) == Some(5)));
        net.assert_alike(level, &all);
    }
    assert_eq!(net.metric(1, loopback(2)), Some(10));
}

/// §8.4.5: the greater priority wins, at each level for itself, also over an incumbent.
#[test]
fn priority_decides_at_each_level() {
    let mut net = lan(3);
    net.converge(5 * SECOND);
    net.configure(1, |config| {
        let circuit = config.circuits.get_mut(&circuit(0)).unwrap();
        circuit.priority[Level::Two] = 100;
    });
    net.run(SECOND);
    net.converge(5 * SECOND);
    assert_eq!(designated(&net, 2, Level::One), Some(3));
    assert_eq!(designated(&net, 2, Level::Two), Some(1));
    assert!(net.is_connected(&[1, 2, 3]));
    // The pseudonode that is no longer wanted is purged.
    let live = net.routers[2].database(Level::Two).iter().filter(|(_, entry)| !entry.is_purged());
    let pseudonodes: Vec<_> =
        live.filter(|(id, _)| id.node.is_pseudonode()).map(|(id, _)| id.node.system).collect();
    assert_eq!(pseudonodes, [system(1)]);
}

/// A designated router that dies is replaced after its hold time, which is short since it speaks often.
#[test]
fn a_dead_designated_router_is_replaced() {
    let mut net = lan(3);
    net.converge(5 * SECOND);
    net.kill(3);
    let took = net.until("another", 5 * SECOND, |net| designated(net, 1, Level::One) == Some(2));
    assert!(took <= SECOND + SECOND / 10, "{took:?}");
    net.converge(5 * SECOND);
    assert!(net.is_connected(&[1, 2]));
    assert_eq!(net.metric(1, loopback(3)), None);
    // It returns, takes its part again, and is not confused by what it said in its earlier life.
    net.restart(3);
    net.run(2 * SECOND);
    net.converge(10 * SECOND);
    assert_eq!(designated(&net, 1, Level::One), Some(3));
    assert!(net.is_connected(&[1, 2, 3]));
    net.assert_alike(Level::One, &[1, 2, 3]);
}

/// §8.4.2.2: at level 1, routers of another area are no neighbours; at level 2 they are.
#[test]
fn areas_share_a_lan_at_level_2_only() {
    let mut net = Net::new([router(1), router(2), in_area(3, "49.0002")]);
    net.join(CircuitKind::Broadcast, &[1, 2, 3]);
    let mut net = net.start();
    net.converge(5 * SECOND);
    let neighbours = |level| net.routers[1].circuit(circuit(0)).unwrap().adjacencies(level).count();
    assert_eq!((neighbours(Level::One), neighbours(Level::Two)), (1, 2));
    assert_eq!(designated(&net, 1, Level::One), Some(2));
    assert!(net.is_connected(&[1, 2, 3]));
}

/// §8.4.5: a router alone on its LAN has no pseudonode.
#[test]
fn a_router_alone_elects_nobody() {
    let mut net = lan(2);
    net.converge(5 * SECOND);
    net.kill(2);
    net.run(5 * SECOND);
    assert_eq!(designated(&net, 1, Level::One), None);
    let live = net.routers[1].database(Level::One).iter().filter(|(_, entry)| !entry.is_purged());
    assert_eq!(live.filter(|(id, _)| id.node.is_pseudonode() && id.node.system == system(1)).count(), 0);
}

/// §8.4.5: at its start a router waits, lest it designates itself before it has heard others.
#[test]
fn the_first_election_waits() {
    let mut net = Net::new([router(1), router(2)]);
    net.join_with(CircuitKind::Broadcast, &[1, 2], |_, config| config.election_wait = None);
    let mut net = net.start();
    net.run(SECOND);
    assert_eq!(designated(&net, 1, Level::One), None);
    net.run(2 * SECOND);
    assert_eq!(designated(&net, 1, Level::One), Some(2));
}

/// A newcomer to a LAN that has elected already does not wait.
#[test]
fn a_newcomer_joins_at_once() {
    let mut net = Net::new([router(1), router(2), router(3)]);
    net.join_with(CircuitKind::Broadcast, &[1, 2, 3], |_, config| config.election_wait = None);
    let mut net = net.start();
    net.kill(1);
    net.run(10 * SECOND);
    net.restart(1);
    let took = net.until("routes", 2 * SECOND, |net| net.is_connected(&[1, 2, 3]));
    assert!(took < SECOND / 5, "{took:?}");
}

/// 30,000 forged hellos with fresh system ids and addresses neither fill memory nor push neighbours out.
#[test]
fn forged_hellos_do_not_grow_memory() {
    let mut net = lan(2);
    net.converge(5 * SECOND);
    let before = net.routers[1].snapshot().unwrap().len();
    for number in 0..30_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let hello = LanHello {
            level: Level::One,
            circuit_type: CircuitType::L1,
            source: braid_isis::packet::SystemId([9, 9, 9, a, b, c]),
            holding_time: 65_535,
            priority: 127,
            lan_id: Default::default(),
            tlvs: vec![
                Tlv::AreaAddresses(vec!["49.0001".parse().unwrap()]),
                Tlv::ProtocolsSupported(vec![braid_isis::packet::NLPID_IPV4]),
            ],
        };
        let payload = hello.encode(&Default::default(), None).unwrap();
        net.input(1, Input::Packet { circuit: circuit(0), source: [2, 9, 9, a, b, c], payload });
    }
    let held = net.routers[1].circuit(circuit(0)).unwrap();
    assert_eq!(held.lans[Level::One].neighbours.len(), net.routers[1].config().limits.adjacencies);
    assert!(held.counters.evicted >= 29_000);
    assert!(net.routers[1].snapshot().unwrap().len() < before + 20_000);
    net.run(5 * SECOND);
    assert!(net.is_connected(&[1, 2]));
    assert_eq!(designated(&net, 1, Level::One), Some(2), "one-way neighbours have no vote");
}

/// Neighbours beyond the limit that hear us are refused, and the operator is told.
#[test]
fn neighbours_beyond_the_limit_are_refused() {
    let mut configs: Vec<_> = (1..=4).map(router).collect();
    configs[0].limits.adjacencies = 2;
    let mut net = Net::new(configs);
    net.join(CircuitKind::Broadcast, &[1, 2, 3, 4]);
    let mut net = net.start();
    net.run(5 * SECOND);
    let told = Event::Rejected { circuit: circuit(0), reason: Rejection::Adjacencies };
    assert!(net.events.contains(&(1, told)));
    assert_eq!(net.routers[1].neighbours().count(), 4, "two at each level");
}

/// The designated router's complete sequence numbers repair what a LAN has lost.
#[test]
fn complete_sequence_numbers_repair_a_lossy_lan() {
    let mut net = lan(4);
    net.converge(5 * SECOND);
    let mut lost = 0;
    net.meddler = Box::new(move |carried| {
        let is_lost = matches!(carried.kind, PduKind::Lsp(_)) && lost < 3;
        lost += usize::from(is_lost);
        if is_lost { net::Fate::Lose } else { net::Fate::Pass }
    });
    net.configure(2, |config| {
        config.circuits.get_mut(&net::LOOPBACK).unwrap().prefixes.insert("10.0.0.0/8".parse().unwrap(), 1);
    });
    net.run(25 * SECOND);
    net.assert_alike(Level::One, &[1, 2, 3, 4]);
    net.assert_alike(Level::Two, &[1, 2, 3, 4]);
    assert!([1, 3, 4].iter().all(|number| net.metric(*number, "10.0.0.0/8".parse().unwrap()) == Some(11)));
}

/// A designated router whose only neighbour is replaced by another in one moment goes on with its duties.
#[test]
fn a_replaced_neighbour_does_not_silence_the_designated_router() {
    let mut net = lan(2);
    net.converge(5 * SECOND);
    let is_hello = |kind| kind == PduKind::LanHello(Level::One);
    let hello = net.carried.iter().rev().find(|carried| carried.from == 1 && is_hello(carried.kind)).unwrap();
    let mut forged = hello.bytes.clone();
    forged[14] = 9; // The last byte of the source id.
    net.input(2, net::packet(0, 1, forged));
    net.run(5 * SECOND);
    let start = net.now;
    net.run(20 * SECOND);
    let is_csnp = |carried: &net::Carried| carried.from == 2 && carried.kind == PduKind::Csnp(Level::One);
    assert_eq!(net.count(start, is_csnp), 2);
    net.assert_alike(Level::One, &[1, 2]);
}
