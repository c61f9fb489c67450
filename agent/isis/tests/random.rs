//! Random networks, losses and bytes: after trouble ends, all agree; nothing panics.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind, Input, Instance,
    packet::{Algorithm, Authentication, CircuitType, Key, Level},
};
use net::{Fate, Net, circuit, router};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// Trouble of a random network.
#[derive(Debug, Clone)]
enum Trouble {
    Wire(usize, bool),
    Kill(usize),
    Restart(usize),
    Overload(usize, bool),
    Wait(u64),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        (0..8_usize, any::<bool>()).prop_map(|(wire, up)| Trouble::Wire(wire, up)),
        (1..6_usize).prop_map(Trouble::Kill),
        (1..6_usize).prop_map(Trouble::Restart),
        (1..6_usize, any::<bool>()).prop_map(|(router, on)| Trouble::Overload(router, on)),
        (1..3000_u64).prop_map(Trouble::Wait),
    ]
}

fn network(links: &[(usize, usize)], has_lan: bool, level: CircuitType) -> Net {
    let mut net = Net::new((1..=5).map(|number| net::level(router(number), level)));
    for (a, b) in links.iter().filter(|(a, b)| a != b) {
        net.join(CircuitKind::PointToPoint, &[*a, *b]);
    }
    // So that it is connected when all is well.
    let kind = if has_lan { CircuitKind::Broadcast } else { CircuitKind::PointToPoint };
    if has_lan {
        net.join(kind, &[1, 2, 3, 4, 5]);
    } else {
        (1..5).for_each(|number| {
            net.join(kind, &[number, number + 1]);
        });
    }
    net.start()
}

proptest! {

    /// Routers die, links break and PDUs are lost; when that ends, all databases are alike and all reach all.
    #[test]
    fn every_network_recovers(
        links in proptest::collection::vec((1..=5_usize, 1..=5_usize), 0..4),
        has_lan in any::<bool>(),
        level in prop_oneof![Just(CircuitType::L1), Just(CircuitType::L2), Just(CircuitType::L1L2)],
        troubles in proptest::collection::vec(trouble(), 0..25),
        loss in 0..60_u64,
    ) {
        let mut net = network(&links, has_lan, level);
        let mut dice = loss;
        net.meddler = Box::new(move |_| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (dice >> 33) % 100 < loss { Fate::Lose } else { Fate::Pass }
        });
        let wires = net.wire_count();
        for trouble in troubles {
            match trouble {
                Trouble::Wire(wire, up) => net.set_wire(wire % wires, up),
                Trouble::Kill(router) => net.kill(router),
                Trouble::Restart(router) => net.restart(router),
                Trouble::Overload(router, on) => net.configure(router, |config| config.overload = on),
                Trouble::Wait(time_ms) => net.run(Duration::from_millis(time_ms)),
            }
        }
        net.meddler = Box::new(|_| Fate::Pass);
        (0..wires).for_each(|wire| net.set_wire(wire, true));
        for number in 1..=5 {
            net.configure(number, |config| config.overload = false);
            if !net.is_alive(number) {
                net.restart(number);
            }
        }
        // The longest is a round of complete sequence numbers, and a retransmission.
        net.run(30 * SECOND);
        net.converge(30 * SECOND);
        prop_assert!(net.is_connected(&[1, 2, 3, 4, 5]));
        for level in level.levels() {
            net.assert_alike(level, &[1, 2, 3, 4, 5]);
        }
        for number in 1..=5 {
            let copy = Instance::restore(&net.routers[number].snapshot().unwrap()).unwrap();
            prop_assert_eq!(copy.routes().collect::<Vec<_>>(), net.routers[number].routes().collect::<Vec<_>>());
        }
    }

    /// No bytes from the network, however close to PDUs, make a router panic or spin.
    #[test]
    fn no_bytes_make_a_router_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..200),
        is_signed in any::<bool>(),
    ) {
        let mut configs: Vec<_> = (1..=3).map(router).collect();
        if is_signed {
            let key = Key { id: 1, algorithm: Algorithm::HmacSha256, secret: "x".into() };
            configs.iter_mut().for_each(|config| config.area_auth = Authentication::Cryptographic(vec![key.clone()]));
        }
        let mut net = Net::new(configs);
        net.join(CircuitKind::PointToPoint, &[1, 2]);
        net.join(CircuitKind::Broadcast, &[1, 2, 3]);
        let mut net = net.start();
        net.run(3 * SECOND);
        let seeds = net.carried.clone();
        for (pdu, place, byte) in changes {
            let seed = pdu.get(&seeds);
            let mut bytes = seed.bytes.clone();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if byte % 16 == 0 {
                bytes.truncate(place);
            }
            let to = if seed.from == 1 { 2 } else { 1 };
            net.input(to, Input::Packet { circuit: circuit(seed.wire), source: net::mac(seed.from, seed.wire), payload: bytes });
        }
        net.run(5 * SECOND);
        prop_assert!(Level::ALL.into_iter().all(|level| net.routers[1].database(level).len() < 1000));
    }
}
