//! ISO 10589 §7.3: the update process.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind, Event, Input, Rejection,
    packet::{
        Algorithm, Authentication, CircuitType, Key, Level, Lsp, LspFlags, LspId, NewLsp, PduKind, Psnp, Tlv,
        WidePrefix,
    },
};
use net::{Fate, Net, circuit, loopback, router, system};

const SECOND: Duration = Duration::from_secs(1);

fn line(count: usize) -> Net {
    line_of((1..=count).map(router).collect())
}

fn line_of(configs: Vec<braid_isis::Config>) -> Net {
    let count = configs.len();
    let mut net = Net::new(configs);
    for number in 1..count {
        net.join(CircuitKind::PointToPoint, &[number, number + 1]);
    }
    net.start()
}

fn own(number: usize) -> LspId {
    system(number).node().fragment(0)
}

fn announce(net: &mut Net, number: usize, prefix: &str) {
    net.configure(number, |config| {
        config.circuits.get_mut(&net::LOOPBACK).unwrap().prefixes.insert(prefix.parse().unwrap(), 1);
    });
}

fn is_lsp(kind: PduKind) -> bool {
    matches!(kind, PduKind::Lsp(_))
}

/// A change at one end of a line is a route at the other end after one delay of each link.
#[test]
fn a_change_is_flooded_without_delay() {
    let mut net = line(6);
    net.converge(10 * SECOND);
    net.run(5 * SECOND);
    announce(&mut net, 1, "10.0.0.0/8");
    let took = net.until("the route", SECOND, |net| net.metric(6, "10.0.0.0/8".parse().unwrap()) == Some(51));
    assert!(took <= Duration::from_millis(5), "{took:?}");
}

/// §7.3.14: an LSP that a point-to-point neighbour does not acknowledge is sent again, and only that.
#[test]
fn an_unacknowledged_lsp_is_sent_again() {
    let mut net = line(2);
    net.converge(10 * SECOND);
    let mut lost = 0;
    net.meddler = Box::new(move |carried| {
        let is_lost = is_lsp(carried.kind) && lost < 2;
        lost += usize::from(is_lost);
        if is_lost { Fate::Lose } else { Fate::Pass }
    });
    let start = net.now;
    announce(&mut net, 1, "10.0.0.0/8");
    net.run(4 * SECOND);
    assert_eq!(net.metric(2, "10.0.0.0/8".parse().unwrap()), None, "both levels' LSPs are lost");
    net.run(3 * SECOND);
    assert_eq!(net.metric(2, "10.0.0.0/8".parse().unwrap()), Some(11));
    net.run(20 * SECOND);
    assert_eq!(net.count(start, |carried| carried.from == 1 && is_lsp(carried.kind)), 4);
    assert_eq!(net.routers[1].circuit(circuit(0)).unwrap().counters.retransmitted, 2);
}

/// §7.3.15: an acknowledgment that was overtaken, of what the neighbour has lost since, ends the sending of an LSP that it lacks.
/// The next complete sequence numbers find it, long before it would be refreshed.
#[test]
fn a_stale_acknowledgment_does_not_hide_an_lsp_for_long() {
    let mut net = line(2);
    net.converge(10 * SECOND);
    net.meddler =
        Box::new(|carried| if is_lsp(carried.kind) && carried.from == 1 { Fate::Lose } else { Fate::Pass });
    announce(&mut net, 1, "10.0.0.0/8");
    for level in Level::ALL {
        let entry = net.routers[1].database(level).get(&own(1)).unwrap().header(net.now);
        let stale = Psnp { level, source: system(2), entries: vec![entry] };
        net.input(1, net::packet(0, 2, stale.encode(&Authentication::None).unwrap()));
    }
    net.meddler = Box::new(|_| Fate::Pass);
    net.run(30 * SECOND);
    let prefix = "10.0.0.0/8".parse().unwrap();
    assert_eq!(net.metric(2, prefix), None, "nobody knows that it is missing");
    net.until("complete sequence numbers", 40 * SECOND, |net| net.metric(2, prefix) == Some(11));
}

/// §10.1: complete sequence numbers on a point-to-point circuit come in turn, each by up to a quarter earlier than they might; none
/// comes where nobody is adjacent.
#[test]
fn complete_sequence_numbers_come_now_and_then() {
    let mut net = line_of((1..=2).map(|number| net::level(router(number), CircuitType::L2)).collect());
    net.configure(1, |config| config.p2p_csnp_interval = 20 * SECOND);
    net.converge(10 * SECOND);
    let start = net.now;
    net.run(200 * SECOND);
    let is_csnp = |carried: &net::Carried| carried.kind == PduKind::Csnp(Level::Two);
    let rounds =
        |net: &Net, from: usize| net.count(start, |carried| is_csnp(carried) && carried.from == from);
    assert!((10..=14).contains(&rounds(&net, 1)), "{}", rounds(&net, 1));
    assert!((3..=5).contains(&rounds(&net, 2)), "by default each minute: {}", rounds(&net, 2));
    net.kill(2);
    net.run(5 * SECOND);
    let start = net.now;
    net.run(100 * SECOND);
    assert_eq!(net.count(start, is_csnp), 0);
}

/// §7.3.17: two parts of a network that have lived apart exchange what the other lacks.
#[test]
fn two_networks_join() {
    let mut net = line(4);
    net.set_wire(1, false);
    net.run(10 * SECOND);
    announce(&mut net, 1, "10.0.0.0/8");
    net.run(5 * SECOND);
    assert_eq!(net.metric(3, loopback(1)), None);
    net.set_wire(1, true);
    let took = net.until("all know all", SECOND, |net| net.is_connected(&[1, 2, 3, 4]));
    assert!(took < SECOND / 5, "{took:?}");
    net.converge(10 * SECOND);
    net.assert_alike(Level::Two, &[1, 2, 3, 4]);
}

/// §7.3.17: when a link comes back and nothing was missed, complete sequence numbers spare most LSPs.
#[test]
fn sequence_numbers_spare_what_both_have() {
    let mut net = line_of((1..=6).map(|number| net::level(router(number), CircuitType::L2)).collect());
    net.converge(10 * SECOND);
    let start = net.now;
    net.set_wire(0, false);
    net.set_wire(0, true);
    net.run(5 * SECOND);
    // Those of the two ends are new, twice; the other four routers' need not be sent.
    let sent = net.count(start, |carried| carried.wire == 0 && is_lsp(carried.kind));
    assert!(sent <= 4, "{sent}");
}

/// §7.3.16.1: a router that has lost its memory outruns what it said in its earlier life.
#[test]
fn a_restarted_router_outruns_its_past() {
    let mut net = line(3);
    net.converge(10 * SECOND);
    for metric in 2..9 {
        net.configure(3, |config| {
            config.circuits.get_mut(&net::LOOPBACK).unwrap().prefixes.insert(loopback(3), metric);
        });
        net.run(3 * SECOND);
    }
    net.kill(3);
    net.run(5 * SECOND);
    net.restart(3);
    net.converge(10 * SECOND);
    assert!(net.is_connected(&[1, 2, 3]));
    net.assert_alike(Level::One, &[1, 2, 3]);
    net.assert_alike(Level::Two, &[1, 2, 3]);
}

/// §7.3.16.1: an LSP under our name that we never said is purged everywhere.
#[test]
fn a_foreign_fragment_of_ours_is_purged() {
    let mut net = line(3);
    net.converge(10 * SECOND);
    let forged = NewLsp {
        level: Level::Two,
        id: system(1).node().fragment(7),
        sequence: 5,
        lifetime: 1000,
        flags: LspFlags::new(Level::Two),
    };
    let tlvs = [Tlv::ExtendedIp(vec![WidePrefix::new("10.0.0.0/8".parse().unwrap(), 0)])];
    let lsp = Lsp::build(&forged, &tlvs, &Authentication::None).unwrap();
    net.input(3, net::packet(1, 2, lsp.bytes().to_vec()));
    net.run(3 * SECOND);
    for number in 1..=3 {
        let entry = net.routers[number].database(Level::Two).get(&forged.id);
        assert!(entry.is_none_or(|entry| entry.is_purged()), "router {number}");
        assert_eq!(net.metric(number, "10.0.0.0/8".parse().unwrap()), None);
    }
    net.run(120 * SECOND);
    assert!(
        (1..=3).all(|number| net.routers[number].database(Level::Two).get(&forged.id).is_none()),
        "forgotten"
    );
}

/// RFC 6232: a purge of an LSP by somebody else is fought back, and those who see it can tell who it was.
#[test]
fn a_purge_by_another_is_fought_back() {
    let mut net = line(3);
    net.converge(10 * SECOND);
    let sequence = net.routers[2].database(Level::One).get(&own(1)).unwrap().lsp.header().sequence;
    let origin = [Tlv::PurgeOriginator { originator: system(9), received_from: None }];
    let purge = Lsp::purge(Level::One, own(1), sequence, &origin, &Authentication::None).unwrap();
    net.input(2, net::packet(1, 3, purge.bytes().to_vec()));
    let told = Event::Purged { level: Level::One, id: own(1), by: Some(system(9)) };
    assert!(net.events.contains(&(2, told)));
    net.run(5 * SECOND);
    net.converge(10 * SECOND);
    assert!(net.is_connected(&[1, 2, 3]));
    assert!(net.routers[3].database(Level::One).get(&own(1)).unwrap().lsp.header().sequence > sequence);
    net.assert_alike(Level::One, &[1, 2, 3]);
}

/// §7.3.16.2: two contents under one sequence number end in a newer one, by its originator.
#[test]
fn confusion_is_resolved_by_the_originator() {
    let mut net = line(3);
    net.converge(10 * SECOND);
    let held = net.routers[2].database(Level::One).get(&own(1)).unwrap().lsp.clone();
    let other = NewLsp {
        level: Level::One,
        id: own(1),
        sequence: held.header().sequence,
        lifetime: 900,
        flags: held.flags(),
    };
    let other = Lsp::build(&other, &[], &Authentication::None).unwrap();
    net.input(2, net::packet(1, 3, other.bytes().to_vec()));
    assert!(net.events.contains(&(2, Event::Confused { level: Level::One, id: own(1) })));
    net.run(5 * SECOND);
    net.converge(10 * SECOND);
    assert!(net.is_connected(&[1, 2, 3]));
    net.assert_alike(Level::One, &[1, 2, 3]);
}

/// §7.3.16.3, §7.3.16.4: what is not refreshed expires, is purged, and is forgotten a minute later.
#[test]
fn lsps_of_a_dead_router_expire() {
    let mut configs: Vec<_> = (1..=3).map(router).collect();
    configs.iter_mut().for_each(|config| (config.lifetime, config.refresh) = (100, 50 * SECOND));
    let mut net = line_of(configs);
    net.converge(10 * SECOND);
    net.kill(3);
    net.run(60 * SECOND);
    assert!(net.routers[1].database(Level::Two).get(&own(3)).is_some_and(|entry| !entry.is_purged()));
    net.run(45 * SECOND);
    assert!(net.routers[1].database(Level::Two).get(&own(3)).is_some_and(|entry| entry.is_purged()));
    net.run(70 * SECOND);
    assert!(net.routers[1].database(Level::Two).get(&own(3)).is_none());
    // The living have refreshed theirs.
    assert!(net.is_connected(&[1, 2]));
}

/// §7.3.16.4 a: a purge of an LSP that nobody has is acknowledged and not kept.
#[test]
fn a_purge_of_nothing_is_not_kept() {
    let mut net = line(2);
    net.converge(10 * SECOND);
    let id = system(77).node().fragment(0);
    let purge = Lsp::purge(Level::One, id, 9, &[], &Authentication::None).unwrap();
    let start = net.now;
    net.input(1, net::packet(0, 2, purge.bytes().to_vec()));
    net.run(2 * SECOND);
    assert!(net.routers[1].database(Level::One).get(&id).is_none());
    assert_eq!(net.count(start, |carried| carried.from == 1 && carried.kind == PduKind::Psnp(Level::One)), 1);
}

/// §7.3.15.1: LSPs with a wrong checksum, or from where there is no adjacency, are counted and not kept.
#[test]
fn damaged_and_foreign_lsps_are_rejected() {
    let mut net = line(2);
    net.converge(10 * SECOND);
    let id = system(77).node().fragment(0);
    let new = NewLsp { level: Level::One, id, sequence: 1, lifetime: 900, flags: LspFlags::new(Level::One) };
    let sound = Lsp::build(&new, &[Tlv::DynamicName("x".into())], &Authentication::None).unwrap();
    let mut damaged = sound.bytes().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    net.input(1, net::packet(0, 2, damaged));
    net.set_wire(0, false);
    net.set_wire(0, true);
    net.input(1, net::packet(0, 2, sound.bytes().to_vec()));
    let rejected = &net.routers[1].circuit(circuit(0)).unwrap().counters.rejected;
    assert_eq!(rejected.get(&Rejection::Checksum), Some(&1));
    assert_eq!(rejected.get(&Rejection::NoAdjacency), Some(&1));
    assert!(net.routers[1].database(Level::One).get(&id).is_none());
}

/// RFC 5304, RFC 5310: with keys in common, networks converge with every algorithm; purges are signed too.
#[test]
fn every_algorithm_signs_lsps_and_sequence_numbers() {
    use Algorithm::{HmacMd5, HmacSha1, HmacSha224, HmacSha256, HmacSha384, HmacSha512};
    for algorithm in [HmacMd5, HmacSha1, HmacSha224, HmacSha256, HmacSha384, HmacSha512] {
        let auth = Authentication::Cryptographic(vec![Key { id: 3, algorithm, secret: "s3cret".into() }]);
        let configs = (1..=3).map(|number| {
            let mut config = router(number);
            (config.area_auth, config.domain_auth) = (auth.clone(), auth.clone());
            config
        });
        let mut net = line_of(configs.collect());
        net.converge(10 * SECOND);
        assert!(net.is_connected(&[1, 2, 3]), "{algorithm:?}");
        net.input(3, Input::Leave);
        net.run(3 * SECOND);
        assert!(net.routers[1].database(Level::One).get(&own(3)).unwrap().is_purged(), "{algorithm:?}");
    }
}

/// RFC 5304: a purge without the key changes nothing.
#[test]
fn a_forged_purge_is_rejected() {
    let auth =
        Authentication::Cryptographic(vec![Key { id: 1, algorithm: Algorithm::HmacMd5, secret: "a".into() }]);
    let configs = (1..=2).map(|number| {
        let mut config = router(number);
        config.area_auth = auth.clone();
        config
    });
    let mut net = line_of(configs.collect());
    net.converge(10 * SECOND);
    let sequence = net.routers[1].database(Level::One).get(&own(2)).unwrap().lsp.header().sequence;
    let purge = Lsp::purge(Level::One, own(2), sequence, &[], &Authentication::None).unwrap();
    net.input(1, net::packet(0, 2, purge.bytes().to_vec()));
    assert!(!net.routers[1].database(Level::One).get(&own(2)).unwrap().is_purged());
    let rejected = &net.routers[1].circuit(circuit(0)).unwrap().counters.rejected;
    assert_eq!(rejected.get(&Rejection::Authentication), Some(&1));
}

/// A router that leaves takes its routes with it at once, and is not missed for a hold time.
#[test]
fn a_leaving_router_purges_and_says_goodbye() {
    let mut net = line(3);
    net.converge(10 * SECOND);
    net.input(2, Input::Leave);
    assert!(net.routers[2].has_left());
    net.run(Duration::from_millis(10));
    assert_eq!(net.metric(1, loopback(2)), None);
    assert!(net.routers[1].database(Level::One).get(&own(2)).unwrap().is_purged());
    assert!(net.routers[1].neighbours().all(|(_, neighbour)| !neighbour.is_up()));
    assert_eq!(net.routers[2].poll_timeout(), None);
}

/// A database at its limit refuses what is new, says so once, and keeps what it has.
#[test]
fn a_full_database_refuses() {
    let mut configs: Vec<_> = (1..=4).map(router).collect();
    configs[0].limits.lsps = 3;
    let mut net = line_of(configs);
    net.run(10 * SECOND);
    assert_eq!(net.routers[1].database(Level::One).len(), 3);
    assert_eq!(
        net.events.iter().filter(|event| **event == (1, Event::DatabaseFull { level: Level::One })).count(),
        1
    );
    assert!(net.metric(1, loopback(2)).is_some());
}

/// More PDUs than the limit are not looked at.
#[test]
fn the_packet_rate_is_limited() {
    let mut configs: Vec<_> = (1..=2).map(router).collect();
    configs[0].limits.packet_rate = 100;
    let mut net = line_of(configs);
    net.converge(10 * SECOND);
    for _ in 0..1000 {
        net.input(1, net::packet(0, 2, vec![0x83; 40]));
    }
    let rejected = &net.routers[1].circuit(circuit(0)).unwrap().counters.rejected;
    assert!(rejected[&Rejection::Rate] >= 790);
    net.run(10 * SECOND);
    assert!(net.is_connected(&[1, 2]));
}
