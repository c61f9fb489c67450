//! RFC 2328 §13.4: own LSAs that come back from a former life, and others that only look like it.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::slice::from_ref;

use braid_ospf::{External, Input, Network};
use braid_ospf_packet::*;
use common::*;

fn one_link() -> (Bench, Peer) {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    bench.clear();
    (bench, peer)
}

/// Goal: a newer instance of our router-LSA from before a restart is outbid: our contents with the next
/// number.
#[test]
fn step_13_4_a_newer_router_lsa_of_ours_is_outbid() {
    let (mut bench, mut peer) = one_link();
    let contents = bench.own().body();
    let stale = router_lsa(US, 1_000, &[stub([203, 0, 113, 0].into(), 1)]);
    peer.flood(&mut bench, from_ref(&stale));
    bench.run_acking(seconds(8), &mut [&mut peer]);
    let own = bench.own();
    assert_eq!(own.header().sequence, nth(1_001));
    assert_eq!(own.body(), contents);
    let last = bench.flooded(ETH1, router_key(US)).pop().expect("flooded");
    assert_eq!(last.header().sequence, nth(1_001));
    assert_eq!(last.body(), contents);
}

/// Goal: after a restart the neighbour still has our old LSAs: the exchange ends in Full, with ours
/// outbidding them.
#[test]
fn step_13_4_restart_with_old_lsas_in_the_neighbours_database() {
    for router in [LOW, HIGH] {
        let stale = router_lsa(US, 50, &[stub([203, 0, 113, 0].into(), 1)]);
        let gone = external_lsa(US, 9, 7);
        let mut bench = Bench::new(links(1));
        let mut peer = Peer::new(ETH1, router).with_lsas(&[stale, gone.clone()]);
        peer.establish(&mut bench);
        bench.run_acking(seconds(15), &mut [&mut peer]);
        assert!(bench.own().header().sequence > nth(50));
        assert!(bench.own().router().unwrap().links().any(|link| link.id == router.0));
        assert!(bench.lsa(gone.key()).is_none(), "what we no longer say is flushed");
        let flushed = bench.flooded(ETH1, gone.key());
        assert!(flushed.last().is_some_and(Lsa::is_max_age));
    }
}

/// Goal: an LSA of ours that we do not originate any more is flushed, with the number that was received.
#[test]
fn step_13_4_an_lsa_of_ours_that_is_not_wanted_is_flushed() {
    let (mut bench, mut peer) = one_link();
    let gone = external_lsa(US, 9, 7);
    peer.flood(&mut bench, from_ref(&gone));
    bench.run(seconds(6));
    let flush = bench.flooded(ETH1, gone.key()).pop().expect("a flush");
    assert!(flush.is_max_age() && flush.header().sequence >= nth(9));
    bench.run_acking(seconds(2), &mut [&mut peer]);
    assert!(bench.lsa(gone.key()).is_none());
}

/// Goal: the flush of an LSA of ours by somebody else is answered by originating it anew.
#[test]
fn step_13_4_a_flush_of_an_lsa_that_we_want_is_outbid() {
    let (mut bench, mut peer) = one_link();
    let flush = reissued(&bench.own(), MAX_AGE, nth(500));
    peer.flood(&mut bench, from_ref(&flush));
    bench.run_acking(seconds(8), &mut [&mut peer]);
    let own = bench.own();
    assert!(!own.is_max_age() && own.header().sequence > nth(500), "{own}");
    assert!(!bench.flooded(ETH1, own.key()).last().unwrap().is_max_age());
}

/// Goal: MaxSequenceNumber from a former life: flushed, then our contents from InitialSequenceNumber on.
#[test]
fn step_13_4_the_last_sequence_number_comes_back() {
    let (mut bench, mut peer) = one_link();
    let contents = bench.own().body();
    peer.flood(&mut bench, &[reissued(&router_lsa(US, 1, &[]), 5, SequenceNumber::MAX)]);
    bench.run_acking(seconds(12), &mut [&mut peer]);
    let own = bench.own();
    assert_eq!(own.body(), contents);
    assert_eq!(own.header().sequence, SequenceNumber::INITIAL);
    assert!(bench.flooded(ETH1, own.key()).iter().any(Lsa::is_max_age), "flushed in between");
}

/// Goal: an older instance of ours is answered with the one that counts, like any other LSA (§13 (8)).
#[test]
fn step_13_8_an_older_instance_of_ours_is_answered() {
    let (mut bench, mut peer) = one_link();
    peer.flood(&mut bench, &[reissued(&router_lsa(US, 1, &[]), 5, nth(900))]);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    bench.clear();
    peer.flood(&mut bench, &[router_lsa(US, 3, &[])]);
    let answer = bench.sent_on(ETH1).find(|sent| sent.lsa(router_key(US)).is_some()).expect("ours");
    assert!(answer.lsa(router_key(US)).unwrap().header().same_instance(&bench.own().header()));
}

/// Goal: a network-LSA whose link state id is one of our addresses is ours from before a change of router id:
/// flushed.
#[test]
fn step_13_4_a_network_lsa_named_after_our_address_is_flushed() {
    let mut bench = Bench::new(networks(1, Network::PointToPoint));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    bench.clear();
    let body = LsaBody::Network(NetworkLsa { mask: 24, routers: vec![FAR, LOW] });
    let ours = bench.interface(ETH1).address;
    let lsa = Lsa::build(1, Options::E, ours, FAR, nth(4), &body).unwrap();
    peer.flood(&mut bench, from_ref(&lsa));
    bench.run(seconds(6));
    assert!(bench.flooded(ETH1, lsa.key()).last().is_some_and(Lsa::is_max_age), "aged by us");
    bench.run_acking(seconds(2), &mut [&mut peer]);
    assert!(bench.lsa(lsa.key()).is_none());
}

/// Goal: LSAs of others that only name us are not ours: they are kept and not answered.
#[test]
fn step_13_4_foreign_lsas_that_name_us_are_not_ours() {
    let (mut bench, mut peer) = one_link();
    let link = RouterLink { kind: LinkKind::PointToPoint, id: US.0, data: [10, 1, 0, 1].into(), metric: 1 };
    let router = router_lsa(LOW, 3, &[link]);
    let body = LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric: 5 });
    let about_us = Lsa::build(1, Options::E, US.0, LOW, nth(1), &body).unwrap();
    let body = LsaBody::Summary(SummaryLsa { mask: 32, metric: 5 });
    let at_our_address = Lsa::build(1, Options::E, [10, 1, 0, 5].into(), LOW, nth(1), &body).unwrap();
    peer.flood(&mut bench, &[router.clone(), about_us.clone(), at_our_address.clone()]);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    for lsa in [router, about_us, at_our_address] {
        assert!(bench.lsa(lsa.key()).is_some_and(|kept| !kept.is_max_age()), "{lsa}");
        assert!(bench.flooded(ETH1, lsa.key()).is_empty(), "{lsa}");
    }
}

/// Goal: two routers with our id fight at the pace of MinLSInterval, not without end, and the network lives
/// on.
#[test]
fn step_13_4_a_second_router_with_our_id_does_not_cause_a_storm() {
    let (mut bench, mut peer) = one_link();
    for n in 0..30 {
        let theirs = router_lsa(US, 1_000 + 10 * n, &[stub([203, 0, 113, 0].into(), 1)]);
        peer.flood(&mut bench, from_ref(&theirs));
        peer.hello(&mut bench);
        peer.ack_all(&mut bench);
        bench.run(seconds(1));
    }
    let floods = bench
        .sent_on(ETH1)
        .filter(|sent| sent.destination == ALL_SPF_ROUTERS && sent.lsa(router_key(US)).is_some())
        .count();
    assert!((1..=32).contains(&floods), "{floods} floodings in 30 s");
    assert_eq!(bench.state(&peer), braid_ospf::NeighbourState::Full);
}

/// Goal: an external LSA of ours that comes back while we mean to originate it keeps our contents.
#[test]
fn step_13_4_an_external_lsa_of_ours_is_outbid() {
    let (mut bench, mut peer) = one_link();
    let route = External { metric: 3, type2: true, tag: 0, forwarding: None };
    bench.input(Input::External { prefix: "198.51.100.0/24".parse().unwrap(), route: Some(route) });
    bench.run_acking(seconds(8), &mut [&mut peer]);
    peer.flood(&mut bench, &[external_lsa(US, 77, 99)]);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    let lsa = bench.lsa(external_lsa(US, 1, 1).key()).unwrap();
    let LsaBody::External(body) = lsa.body() else { panic!("external") };
    assert_eq!((body.metric, lsa.header().sequence), (3, nth(78)));
}
