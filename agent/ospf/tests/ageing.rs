//! RFC 2328 §12.1.1 (age), §12.1.6 (sequence numbers), §12.4 (origination), §14 (ageing and flushing).

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::{slice::from_ref, time::Duration};

use braid_ospf::{External, Input};
use braid_ospf_packet::*;
use common::*;

/// A router with one full neighbour, some time later.
fn one_link(lsas: &[Lsa]) -> (Bench, Peer) {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW).with_lsas(lsas);
    peer.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    bench.clear();
    (bench, peer)
}

fn external(bench: &mut Bench, metric: Option<u32>) -> LsaKey {
    let route = metric.map(|metric| External { metric, type2: true, tag: 0, forwarding: None });
    bench.input(Input::External { prefix: "198.51.100.0/24".parse().unwrap(), route });
    LsaKey::new(LsType::External, [198, 51, 100, 0].into(), US)
}

/// Goal: an LSA in the database grows older with the clock, and is sent at the age that it has.
#[test]
fn step_14_lsas_grow_older() {
    let lsa = router_lsa(FAR, 1, &[]);
    let (mut bench, mut peer) = one_link(from_ref(&lsa));
    let before = bench.lsa(lsa.key()).unwrap().age();
    bench.run_acking(seconds(100), &mut [&mut peer]);
    let stored = bench.lsa(lsa.key()).unwrap();
    assert_eq!(stored.age(), before + 100);
    assert!(stored.is_intact());
    peer.request(&mut bench, &[lsa.key()]);
    let sent = bench.flooded(ETH1, lsa.key()).pop().unwrap();
    assert!((before + 100..=before + 102).contains(&sent.age()), "{}", sent.age());
}

/// Goal: an LSA that reaches MaxAge is flooded once more at MaxAge, and goes when all have acknowledged it.
#[test]
fn step_14_an_lsa_that_reaches_max_age_is_flushed() {
    let lsa = router_lsa(FAR, 1, &[]).with_age(MAX_AGE - 60);
    let (mut bench, mut near, mut far) = two_links(from_ref(&lsa));
    bench.run_with(seconds(70), &mut [&mut near, &mut far]);
    for interface in [ETH1, ETH2] {
        let flushed = bench.flooded(interface, lsa.key());
        assert!(flushed.last().is_some_and(Lsa::is_max_age), "to both neighbours");
    }
    assert!(
        bench.lsa(lsa.key()).is_some_and(|lsa| lsa.is_max_age()),
        "kept while acknowledgments are missing"
    );
    let flush = lsa.with_age(MAX_AGE);
    near.ack(&mut bench, from_ref(&flush));
    bench.run(seconds(1));
    assert!(bench.lsa(lsa.key()).is_some(), "one is still missing");
    far.ack(&mut bench, from_ref(&flush));
    bench.run(seconds(1));
    assert!(bench.lsa(lsa.key()).is_none());
}

/// Goal: a flush that a neighbour sends is passed on, and the LSA goes once the others have acknowledged it.
#[test]
fn step_14_a_received_flush_is_passed_on_and_forgotten() {
    let lsa = router_lsa(FAR, 1, &[stub([198, 51, 100, 0].into(), 1)]);
    let (mut bench, mut near, mut far) = two_links(from_ref(&lsa));
    let flush = lsa.with_age(MAX_AGE);
    near.flood(&mut bench, from_ref(&flush));
    assert!(bench.flooded(ETH2, lsa.key()).last().is_some_and(Lsa::is_max_age));
    assert!(bench.lsa(lsa.key()).is_some());
    far.ack(&mut bench, from_ref(&flush));
    bench.run(seconds(2));
    assert!(bench.lsa(lsa.key()).is_none());
    assert!(bench.acked(ETH1, &flush));
}

/// Goal: while a neighbour is in Exchange or Loading, flushed LSAs stay, so that the exchange cannot bring
/// them back.
#[test]
fn step_14_flushed_lsas_stay_during_an_exchange() {
    let lsa = router_lsa(FAR, 1, &[]);
    let mut bench = Bench::new(links(2));
    let mut near = Peer::new(ETH1, LOW).with_lsas(from_ref(&lsa));
    near.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut near]);
    let mut peer = Peer::new(ETH2, HIGH);
    peer.hello(&mut bench);
    peer.describe(&mut bench, "IMS", 100, &[]);
    near.flood(&mut bench, &[lsa.with_age(MAX_AGE)]);
    peer.follow(&mut bench);
    let lsa_of = |bench: &Bench| bench.lsa(lsa.key());
    // The follower of an exchange is still in it until the leader has no more.
    peer.ack_all(&mut bench);
    peer.ack(&mut bench, &[lsa.with_age(MAX_AGE)]);
    bench.run(seconds(1));
    if bench.state(&peer) < braid_ospf::NeighbourState::Full {
        assert!(lsa_of(&bench).is_some());
        peer.describe(&mut bench, "S", 101, &[]);
    }
    bench.run_acking(seconds(2), &mut [&mut near, &mut peer]);
    assert_eq!(bench.state(&peer), braid_ospf::NeighbourState::Full);
    assert!(lsa_of(&bench).is_none());
}

/// Goal: the flush of an LSA whose place is needed again is not in the way: a newer instance is taken while
/// it stays.
#[test]
fn step_14_a_flushed_lsa_can_be_originated_again() {
    let lsa = router_lsa(FAR, 1, &[]);
    let (mut bench, mut near, _far) = two_links(from_ref(&lsa));
    near.flood(&mut bench, &[lsa.with_age(MAX_AGE)]);
    bench.run(seconds(2));
    let again = router_lsa(FAR, 2, &[]);
    near.flood(&mut bench, from_ref(&again));
    assert!(!bench.lsa(lsa.key()).unwrap().is_max_age());
    assert!(bench.flooded(ETH2, lsa.key()).last().is_some_and(|lsa| lsa.header().sequence == nth(2)));
}

/// Goal: own LSAs are originated anew at LSRefreshTime, with the next sequence number and age 0, and not
/// earlier than needed.
#[test]
fn step_12_4_own_lsas_are_refreshed() {
    let (mut bench, mut peer) = one_link(&[]);
    let key = external(&mut bench, Some(5));
    bench.run_acking(seconds(10), &mut [&mut peer]);
    let before = bench.lsa(key).unwrap().header();
    bench.clear();
    // Jitter may make it earlier, by a sixth at most.
    bench.run_acking(seconds(1_490), &mut [&mut peer]);
    assert!(bench.flooded(ETH1, key).is_empty(), "not yet");
    bench.run_acking(seconds(330), &mut [&mut peer]);
    let refreshed = bench.flooded(ETH1, key);
    assert_eq!(refreshed.len(), 1);
    assert_eq!(Some(refreshed[0].header().sequence), before.sequence.next());
    assert!(refreshed[0].age() <= 1);
    assert_eq!(bench.lsa(key).unwrap().body(), refreshed[0].body());
    assert!(bench.lsa(router_key(US)).unwrap().age() <= 1_800, "and so is the router-LSA");
}

/// Goal: over a long time no own LSA ever gets near MaxAge, and sequence numbers grow no faster than needed.
#[test]
fn step_12_4_own_lsas_never_reach_max_age() {
    let (mut bench, mut peer) = one_link(&[]);
    external(&mut bench, Some(5));
    bench.run_acking(seconds(10), &mut [&mut peer]);
    let before = bench.own().header().sequence.0;
    for _ in 0..12 {
        bench.run_acking(seconds(600), &mut [&mut peer]);
        assert!(bench.own().age() <= LS_REFRESH_TIME + 10);
    }
    let refreshes = bench.own().header().sequence.0 - before;
    assert!((3..=5).contains(&refreshes), "{refreshes} refreshes in two hours");
}

/// Goal: an LSA that is no longer wanted is flushed before its time (§14.1), to all neighbours.
#[test]
fn step_14_1_premature_ageing() {
    let (mut bench, mut near, mut far) = two_links(&[]);
    let key = external(&mut bench, Some(5));
    bench.run_acking(seconds(10), &mut [&mut near, &mut far]);
    bench.clear();
    external(&mut bench, None);
    bench.run(seconds(5));
    for interface in [ETH1, ETH2] {
        assert!(bench.flooded(interface, key).last().is_some_and(Lsa::is_max_age));
    }
    bench.run_acking(seconds(2), &mut [&mut near, &mut far]);
    assert!(bench.lsa(key).is_none());
}

/// Goal: one that is wanted again right after is originated with a higher number than the flushed one.
#[test]
fn step_14_1_after_premature_ageing_numbers_go_on() {
    let (mut bench, mut peer) = one_link(&[]);
    let key = external(&mut bench, Some(5));
    bench.run_acking(seconds(10), &mut [&mut peer]);
    let first = bench.lsa(key).unwrap().header().sequence;
    external(&mut bench, None);
    external(&mut bench, Some(6));
    bench.run(seconds(10));
    let now = bench.lsa(key).unwrap();
    assert!(now.header().sequence > first && !now.is_max_age(), "{now}");
}

/// Goal: changes within MinLSInterval become one new instance, not many.
#[test]
fn step_12_4_min_ls_interval() {
    let (mut bench, mut peer) = one_link(&[]);
    let key = external(&mut bench, Some(1));
    bench.run_acking(seconds(10), &mut [&mut peer]);
    external(&mut bench, Some(2));
    bench.clear();
    let start = bench.now;
    for metric in 3..50 {
        external(&mut bench, Some(metric));
        bench.run(Duration::from_millis(50));
    }
    bench.run(seconds(6));
    let times: Vec<_> = bench
        .sent_on(ETH1)
        .filter(|sent| sent.destination == ALL_SPF_ROUTERS && sent.lsa(key).is_some())
        .map(|sent| sent.at)
        .collect();
    assert!(times.len() <= 2, "{} floodings of 47 changes", times.len());
    assert!(times.iter().all(|at| at.duration_since(start) + Duration::from_millis(1) >= Duration::ZERO));
    let LsaBody::External(body) = bench.lsa(key).unwrap().body() else { panic!("external") };
    assert_eq!(body.metric, 49, "the last change is the one that counts");
}

/// Goal: after MaxSequenceNumber the LSA is flushed first, and begins at InitialSequenceNumber once all have
/// acknowledged.
#[test]
fn step_12_1_6_the_sequence_number_wraps() {
    let (mut bench, mut near, mut far) = two_links(&[]);
    let key = external(&mut bench, Some(5));
    bench.run_acking(seconds(10), &mut [&mut near, &mut far]);
    // A copy of ours from a former life, just before the end: ours becomes the last one.
    let ours = bench.lsa(key).unwrap();
    near.flood(&mut bench, &[reissued(&ours, 10, SequenceNumber(i32::MAX - 1))]);
    bench.run_acking(seconds(10), &mut [&mut near, &mut far]);
    assert_eq!(bench.lsa(key).unwrap().header().sequence, SequenceNumber::MAX);
    bench.clear();
    external(&mut bench, Some(6));
    bench.run_with(seconds(10), &mut [&mut near, &mut far]);
    let sent = bench.flooded(ETH1, key);
    assert!(!sent.is_empty());
    assert!(
        sent.iter().all(|lsa| lsa.is_max_age() && lsa.header().sequence == SequenceNumber::MAX),
        "flushed first"
    );
    bench.run_acking(seconds(10), &mut [&mut near, &mut far]);
    let anew = bench.lsa(key).unwrap();
    assert_eq!(anew.header().sequence, SequenceNumber::INITIAL);
    let LsaBody::External(body) = anew.body() else { panic!("external") };
    assert_eq!(body.metric, 6);
    assert!(!bench.flooded(ETH2, key).last().unwrap().is_max_age());
}

/// Goal: a router that leaves flushes all its LSAs.
#[test]
fn step_14_1_a_router_that_leaves_flushes_its_lsas() {
    let (mut bench, _peer) = one_link(&[]);
    let key = external(&mut bench, Some(5));
    bench.run(seconds(6));
    bench.clear();
    bench.input(Input::Leave);
    bench.run(seconds(2));
    for key in [key, router_key(US)] {
        assert!(bench.flooded(ETH1, key).last().is_some_and(Lsa::is_max_age), "{key}");
    }
}
