//! RFC 7987: a remaining lifetime that was damaged on its way ends no LSP.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind,
    packet::{Authentication, Level, Lsp, LspFlags, LspId, MAX_AGE, NewLsp, PduKind},
};
use net::{Fate, Net, circuit, loopback, router, system};

const SECOND: Duration = Duration::from_secs(1);
/// Where the remaining lifetime stands, which no checksum covers.
const LIFETIME: std::ops::Range<usize> = 10..12;

fn line() -> Net {
    let mut net = Net::new((1..=3).map(router));
    for number in 1..3 {
        net.join(CircuitKind::PointToPoint, &[number, number + 1]);
    }
    net.start()
}

fn own(number: usize) -> LspId {
    system(number).node().fragment(0)
}

fn lifetime(net: &Net, at: usize, of: LspId) -> Option<u16> {
    net.routers[at].database(Level::Two).get(&of).map(|entry| entry.lifetime(net.now))
}

/// §3.1: what comes in with a lifetime of 2 s is kept for MaxAge, and passed on with it. Without that, routers would purge each
/// other's LSPs without end.
#[test]
fn s3_1_a_small_lifetime_becomes_max_age() {
    let mut net = line();
    net.meddler = Box::new(|carried| {
        let mut bytes = carried.bytes.clone();
        let is_lsp = matches!(carried.kind, PduKind::Lsp(_));
        if is_lsp && carried.wire == 0 && bytes[LIFETIME] != [0, 0] {
            bytes[LIFETIME].copy_from_slice(&[0, 2]);
        }
        Fate::Become(bytes)
    });
    net.converge(10 * SECOND);
    net.run(60 * SECOND);
    assert!(net.is_connected(&[1, 2, 3]));
    for router in [2, 3] {
        let left = lifetime(&net, router, own(1)).unwrap();
        assert!((MAX_AGE - 80..MAX_AGE).contains(&left), "router {router}: {left} s");
    }
    assert!(net.routers.iter().all(|router| router.counters().instance.purges == 0));
}

/// A greater lifetime than the own stays: its router says itself how long it is meant.
#[test]
fn s3_1_a_great_lifetime_stays() {
    let mut net = line();
    net.configure(1, |config| config.lifetime = 20_000);
    net.configure(3, |config| config.lifetime = 600);
    net.converge(10 * SECOND);
    net.run(10 * SECOND);
    for router in [2, 3] {
        assert!(lifetime(&net, router, own(1)).unwrap() > 19_900, "router {router}");
    }
    assert!(lifetime(&net, 2, own(3)).unwrap() > MAX_AGE - 30, "a lesser one becomes the own MaxAge");
    assert_eq!(net.metric(3, loopback(1)), Some(20));
}

/// A purge is a lifetime of zero, and stays one.
#[test]
fn s3_1_purges_are_purges() {
    let mut net = line();
    let id = system(77).node().fragment(0);
    net.converge(10 * SECOND);
    let new = NewLsp { level: Level::Two, id, sequence: 1, lifetime: 900, flags: LspFlags::new(Level::Two) };
    let lsp = Lsp::build(&new, &[], &Authentication::None).unwrap();
    net.input(1, net::packet(0, 2, lsp.bytes().to_vec()));
    assert!(lifetime(&net, 1, id).unwrap() >= MAX_AGE - 1);
    let purge = Lsp::purge(Level::Two, id, 1, &[], &Authentication::None).unwrap();
    net.input(1, net::packet(0, 2, purge.bytes().to_vec()));
    assert_eq!(lifetime(&net, 1, id), Some(0));
    assert!(net.routers[1].circuit(circuit(0)).unwrap().neighbour.is_some());
}
