//! ISO 10589 §7.3.4 to §7.3.16, RFC 6232: what a router says of itself, and defends.

#![allow(clippy::unwrap_used)] // Helpers are test code too.

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind, Event, External, Input, Problem,
    packet::{
        Algorithm, Authentication, CircuitType, Key, Level, Lsp, LspFlags, LspId, NewLsp, PduKind, Tlv,
    },
};
use net::{Net, circuit, level, loopback, mac, router, system};

const SECOND: Duration = Duration::from_secs(1);

/// Routers of level 2 in a row.
fn row(length: usize) -> Net {
    let mut net = Net::new((1..=length).map(|number| level(router(number), CircuitType::L2)));
    for number in 1..length {
        net.join(CircuitKind::PointToPoint, &[number, number + 1]);
    }
    let mut net = net.start();
    net.converge(5 * SECOND);
    net
}

fn fragment(of: usize, number: u8) -> LspId {
    system(of).node().fragment(number)
}

/// An LSP as a router has it now.
fn lsp(net: &Net, at: usize, id: LspId) -> Option<Lsp> {
    net.routers[at].database(Level::Two).get(&id).map(|entry| entry.lsp.clone())
}

fn is_alive(net: &Net, at: usize, id: LspId) -> bool {
    lsp(net, at, id).is_some_and(|lsp| !lsp.is_purge())
}

/// Hands a router an LSP as if a neighbour on a wire had sent it.
fn inject(net: &mut Net, to: usize, wire: usize, from: usize, lsp: &Lsp) {
    let payload = lsp.bytes().to_vec();
    net.input(to, Input::Packet { circuit: circuit(wire), source: mac(from, wire), payload });
}

fn external(number: u32) -> (ipnet::Ipv4Net, External) {
    let prefix = format!("10.{}.{}.0/24", number >> 8, number & 255).parse().unwrap();
    (prefix, External { metric: 5, level: CircuitType::L2, external: false })
}

/// A router that restarts without a memory is reached again at once: it outruns its old LSP instead of waiting.
#[test]
fn s7_3_16_1_a_restarted_router_outruns_its_old_lsp() {
    let mut net = row(3);
    // Its LSP gets a high number.
    for metric in [20, 30, 40, 10] {
        net.configure(3, |config| config.circuits.get_mut(&circuit(1)).unwrap().metric.two = metric);
        net.run(10 * SECOND);
    }
    let before = lsp(&net, 1, fragment(3, 0)).unwrap().header().sequence;
    assert!(before >= 5, "{before}");
    net.kill(3);
    net.run(10 * SECOND);
    assert_eq!(net.metric(1, loopback(3)), None);
    net.restart(3);
    let took = net.until("the way back", 5 * SECOND, |net| net.metric(1, loopback(3)).is_some());
    assert!(took < Duration::from_millis(500), "{took:?}");
    net.converge(5 * SECOND);
    assert!(lsp(&net, 1, fragment(3, 0)).unwrap().header().sequence > before);
    net.assert_alike(Level::Two, &[1, 2, 3]);
}

/// Fragments that a router had before its restart, and no longer needs, are purged, and say by whom.
#[test]
fn s7_3_16_4_fragments_of_an_earlier_life_are_purged_by_their_owner() {
    let mut net = row(3);
    for number in 0..400 {
        let (prefix, route) = external(number);
        net.input(3, Input::External { prefix, route: Some(route) });
    }
    net.run(5 * SECOND);
    assert!(is_alive(&net, 1, fragment(3, 2)));
    net.kill(3);
    net.run(10 * SECOND);
    net.restart(3);
    net.run(5 * SECOND);
    assert!(is_alive(&net, 1, fragment(3, 0)));
    let purge = lsp(&net, 1, fragment(3, 2)).unwrap();
    assert!(purge.is_purge());
    let by = Tlv::PurgeOriginator { originator: system(3), received_from: None };
    assert!(purge.tlvs().any(|tlv| tlv == by));
    net.run(120 * SECOND);
    assert!(lsp(&net, 1, fragment(3, 2)).is_none(), "even the purge is forgotten in the end");
}

/// A purge that somebody else made of a living router's LSP does not last: it costs milliseconds, not a route.
#[test]
fn s7_3_16_4_a_purge_of_a_living_routers_lsp_is_fought_back() {
    let mut net = row(3);
    let victim = lsp(&net, 1, fragment(3, 0)).unwrap().header();
    let purge = Lsp::purge(Level::Two, victim.id, victim.sequence, &[], &Authentication::None).unwrap();
    inject(&mut net, 2, 0, 1, &purge);
    let since = net.now;
    net.until("purged", SECOND, |net| !is_alive(net, 2, victim.id));
    net.until("fought back", 5 * SECOND, |net| is_alive(net, 2, victim.id) && is_alive(net, 1, victim.id));
    let took = net.now.since(since);
    assert!(took < Duration::from_millis(200), "{took:?}");
    net.converge(5 * SECOND);
    assert!(net.metric(1, loopback(3)).is_some());
    net.assert_alike(Level::Two, &[1, 2, 3]);
}

/// Two routers with one system id fight, but ever more slowly, and the operator hears of it.
#[test]
fn s7_3_16_1_a_fight_between_twins_is_slowed_down_and_told() {
    let mut net = Net::new([1, 2, 3, 1].map(|number| level(router(number), CircuitType::L2)));
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join(CircuitKind::PointToPoint, &[2, 3]);
    net.join(CircuitKind::PointToPoint, &[3, 4]);
    let mut net = net.start();
    net.run(30 * SECOND);
    let contested =
        |event: &(usize, Event)| matches!(event, (1 | 4, Event::Origination(Problem::Contested { .. })));
    assert!(net.events.iter().any(contested), "{:?}", net.events);
    let since = net.now;
    net.run(30 * SECOND);
    let own =
        |carried: &net::Carried| matches!(carried.kind, PduKind::Lsp(_)) && matches!(carried.from, 1 | 4);
    let count = net.count(since, own);
    assert!(count < 150, "{count} LSPs in 30 s");
}

/// The LSP of a LAN's pseudonode names all routers on it; it goes with its designated router.
#[test]
fn s7_3_10_a_pseudonode_lsp_comes_and_goes_with_the_designated_router() {
    let mut net = Net::new((1..=3).map(|number| level(router(number), CircuitType::L2)));
    net.join_with(CircuitKind::Broadcast, &[1, 2, 3], |end, config| config.priority.two = 50 + end as u8);
    let mut net = net.start();
    net.until("routes", 10 * SECOND, |net| net.is_connected(&[1, 2, 3]));
    net.run(5 * SECOND);
    let pseudonode = |net: &Net, of: usize| {
        let database = net.routers[1].database(Level::Two);
        let mut lsps = database.iter().filter(|(id, entry)| {
            id.node.system == system(of) && id.node.pseudonode > 0 && !entry.is_purged()
        });
        lsps.next()
            .map(|(_, entry)| entry.lsp.neighbours().map(|member| member.node.system).collect::<Vec<_>>())
    };
    assert_eq!(pseudonode(&net, 3), Some(vec![system(1), system(2), system(3)]));
    // A router with a greater priority takes over: the old pseudonode is purged by its owner.
    net.configure(2, |config| config.circuits.get_mut(&circuit(0)).unwrap().priority.two = 100);
    net.run(10 * SECOND);
    assert_eq!(pseudonode(&net, 3), None);
    assert_eq!(pseudonode(&net, 2), Some(vec![system(1), system(2), system(3)]));
    assert!(net.is_connected(&[1, 2, 3]));
    // The designated router dies: its pseudonode is of no use to anybody, and another takes its place.
    net.kill(2);
    net.until("routes without it", 30 * SECOND, |net| {
        net.is_connected(&[1, 3]) && net.metric(1, loopback(2)).is_none()
    });
}

/// A thousand prefixes need many fragments; one more prefix touches one of them.
#[test]
fn s7_3_7_one_change_among_a_thousand_prefixes_is_one_small_lsp() {
    let mut net = row(2);
    for number in 0..1000 {
        let (prefix, route) = external(number);
        net.input(1, Input::External { prefix, route: Some(route) });
    }
    net.until("all prefixes", 30 * SECOND, |net| net.metric(2, external(999).0).is_some());
    net.run(10 * SECOND);
    assert_eq!(net.routers[2].routes().filter(|(prefix, _)| prefix.addr().octets()[0] == 10).count(), 1000);
    let since = net.now;
    let (prefix, route) = external(1000);
    net.input(1, Input::External { prefix, route: Some(route) });
    net.until("the new one", SECOND, |net| net.metric(2, prefix).is_some());
    net.run(SECOND);
    assert_eq!(net.count(since, |carried| matches!(carried.kind, PduKind::Lsp(_))), 1);
    // One goes from the first fragment, and no other moves up.
    let since = net.now;
    net.input(1, Input::External { prefix: external(3).0, route: None });
    net.until("the old one gone", SECOND, |net| net.metric(2, external(3).0).is_none());
    net.run(SECOND);
    assert_eq!(net.count(since, |carried| matches!(carried.kind, PduKind::Lsp(_))), 1);
}

/// An LSP that cannot be fragmented is an event, and never an empty LSP: adjacencies and own prefixes stand.
#[test]
fn s7_3_7_what_cannot_be_fragmented_is_told_and_empties_nothing() {
    let mut net = row(3);
    net.configure(2, |config| config.host_name = Some("x".repeat(200)));
    net.configure(2, |config| config.lsp_mtu = 128);
    net.run(10 * SECOND);
    let too_small =
        |event: &(usize, Event)| matches!(event, (2, Event::Origination(Problem::TooSmall { .. })));
    assert!(net.events.iter().any(too_small), "{:?}", net.events);
    assert_eq!(lsp(&net, 1, fragment(2, 0)).unwrap().neighbours().count(), 2);
    assert!(net.metric(1, loopback(3)).is_some());
    // It stays so beyond any lifetime, and ends with its cause.
    net.run(3000 * SECOND);
    assert!(net.metric(1, loopback(3)).is_some());
    net.configure(2, |config| config.host_name = Some("short".to_owned()));
    net.run(5 * SECOND);
    assert_eq!(net.routers[1].host_name(system(2)).as_deref(), Some("short"));
}

/// An overloaded router carries nothing through, and is still reached itself.
#[test]
fn s7_2_8_1_an_overloaded_router_is_passed_by_but_reached() {
    let mut net = Net::new((1..=3).map(|number| level(router(number), CircuitType::L2)));
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join(CircuitKind::PointToPoint, &[2, 3]);
    net.join_with(CircuitKind::PointToPoint, &[1, 3], |_, config| config.metric.two = 100);
    let mut net = net.start();
    net.converge(5 * SECOND);
    assert_eq!(net.metric(1, loopback(3)), Some(20));
    net.configure(2, |config| config.overload = true);
    net.until("the way round", SECOND, |net| net.metric(1, loopback(3)) == Some(100));
    assert_eq!(net.metric(1, loopback(2)), Some(10));
    net.configure(2, |config| config.overload = false);
    net.until("the way through", SECOND, |net| net.metric(1, loopback(3)) == Some(20));
}

/// A router that starts overloaded carries traffic when its time is up, and not before.
#[test]
fn s7_2_8_1_overload_on_startup_ends_by_itself() {
    let mut slow = level(router(2), CircuitType::L2);
    slow.overload_on_startup = Some(60 * SECOND);
    let mut net = Net::new([level(router(1), CircuitType::L2), slow, level(router(3), CircuitType::L2)]);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join(CircuitKind::PointToPoint, &[2, 3]);
    let mut net = net.start();
    net.run(59 * SECOND);
    assert!(lsp(&net, 1, fragment(2, 0)).unwrap().flags().overload);
    assert_eq!((net.metric(1, loopback(2)), net.metric(1, loopback(3))), (Some(10), None));
    net.run(2 * SECOND);
    assert_eq!(net.metric(1, loopback(3)), Some(20));
}

/// A router that leaves takes its LSPs with it: nobody waits for hold times.
#[test]
fn s7_3_16_4_a_router_that_leaves_is_forgotten_at_once() {
    let mut net = Net::new((1..=3).map(|number| level(router(number), CircuitType::L2)));
    for ends in [[1, 2], [2, 3], [1, 3]] {
        net.join(CircuitKind::PointToPoint, &ends);
    }
    let mut net = net.start();
    net.converge(5 * SECOND);
    net.input(2, Input::Leave);
    let took = net.until("its prefixes gone", 5 * SECOND, |net| {
        net.metric(1, loopback(2)).is_none() && net.metric(3, loopback(2)).is_none()
    });
    assert!(took < Duration::from_millis(50), "{took:?}");
    assert!(net.metric(1, loopback(3)).is_some());
}

/// That holds in the middle of a change too, when the back-off would have it wait.
#[test]
fn s7_3_16_4_a_router_that_leaves_in_the_middle_of_a_change_is_forgotten_at_once() {
    let mut net = row(2);
    for metric in [20, 30, 40, 50] {
        net.configure(2, |config| config.circuits.get_mut(&circuit(0)).unwrap().metric.two = metric);
    }
    net.input(2, Input::Leave);
    net.until("its prefixes gone", Duration::from_millis(50), |net| net.metric(1, loopback(2)).is_none());
    net.run(60 * SECOND);
    assert!(!is_alive(&net, 1, fragment(2, 0)));
}

/// Signed LSPs are purged, outrun and fought for with signatures: the neighbours take no others.
#[test]
fn s7_3_16_4_fighting_back_works_with_authentication() {
    let key = || {
        Authentication::Cryptographic(vec![Key {
            id: 7,
            algorithm: Algorithm::HmacSha256,
            secret: "secret".into(),
        }])
    };
    let configs = (1..=3).map(|number| {
        let mut config = level(router(number), CircuitType::L2);
        config.domain_auth = key();
        config
    });
    let mut net = Net::new(configs);
    net.join(CircuitKind::PointToPoint, &[1, 2]);
    net.join(CircuitKind::PointToPoint, &[2, 3]);
    let mut net = net.start();
    net.converge(5 * SECOND);
    let victim = lsp(&net, 1, fragment(3, 0)).unwrap().header();
    // Without the key, nobody listens.
    let forged = Lsp::purge(Level::Two, victim.id, victim.sequence, &[], &Authentication::None).unwrap();
    inject(&mut net, 2, 0, 1, &forged);
    assert!(is_alive(&net, 2, victim.id));
    // With it, the purge is believed, and answered.
    let purge = Lsp::purge(Level::Two, victim.id, victim.sequence, &[], &key()).unwrap();
    inject(&mut net, 2, 0, 1, &purge);
    assert!(!is_alive(&net, 2, victim.id));
    net.until("fought back", SECOND, |net| is_alive(net, 2, victim.id) && is_alive(net, 1, victim.id));
    // A router that leaves signs its own purges.
    net.input(3, Input::Leave);
    net.until("its prefixes gone", SECOND, |net| net.metric(1, loopback(3)).is_none());
}

/// The least circuit bounds the size of own LSPs, so that they get through everywhere.
#[test]
fn s7_3_7_own_lsps_fit_the_least_circuit() {
    let mut net = Net::new((1..=2).map(|number| level(router(number), CircuitType::L2)));
    net.join_with(CircuitKind::PointToPoint, &[1, 2], |_, config| config.mtu = 600);
    let mut net = net.start();
    net.converge(5 * SECOND);
    for number in 0..300 {
        let (prefix, route) = external(number);
        net.input(1, Input::External { prefix, route: Some(route) });
    }
    net.until("all prefixes", 30 * SECOND, |net| net.metric(2, external(299).0).is_some());
    let own = net.routers[1].database(Level::Two).iter().filter(|(id, _)| id.node.system == system(1));
    let sizes: Vec<usize> = own.map(|(_, entry)| entry.lsp.bytes().len()).collect();
    assert!(sizes.len() > 4 && sizes.iter().all(|size| *size <= 597), "{sizes:?}");
}

/// LSPs live on by refreshes for hours, and their numbers grow slowly.
#[test]
fn s7_3_8_unchanged_lsps_are_refreshed_before_they_age_out() {
    let mut net = row(2);
    let before = lsp(&net, 1, fragment(2, 0)).unwrap().header().sequence;
    net.run(Duration::from_secs(3 * 3600));
    assert!(net.is_connected(&[1, 2]));
    let grown = lsp(&net, 1, fragment(2, 0)).unwrap().header().sequence - before;
    assert!((12..=16).contains(&grown), "{grown} refreshes in three hours");
}

/// Somebody forged our LSP with the greatest sequence number: we fall silent for as long as asked, and come back.
#[test]
fn s7_3_16_1_used_up_sequence_numbers_end_in_silence_and_a_new_start() {
    let mut net = row(2);
    let new = NewLsp {
        level: Level::Two,
        id: fragment(2, 0),
        sequence: u32::MAX,
        lifetime: 1000,
        flags: LspFlags::new(Level::Two),
    };
    inject(&mut net, 2, 0, 1, &Lsp::build(&new, &[], &Authentication::None).unwrap());
    net.run(SECOND);
    let wrapped =
        |event: &(usize, Event)| matches!(event, (2, Event::Origination(Problem::SequenceWrapped { .. })));
    assert!(net.events.iter().any(wrapped));
    assert_eq!(net.metric(1, loopback(2)), None);
    net.run(Duration::from_secs(1200));
    assert_eq!(net.metric(1, loopback(2)), None);
    net.run(Duration::from_secs(120));
    assert_eq!(lsp(&net, 1, fragment(2, 0)).unwrap().header().sequence, 1);
    assert!(net.is_connected(&[1, 2]));
}
