//! What others can make grow stays within its limit, is counted and told, and harms nothing that is there.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::slice::from_ref;

use braid_ospf::{Config, Event, External, Input, LimitKind, Limits, NeighbourState, Network};
use braid_ospf_packet::*;
use common::*;

fn limited(mut config: Config, change: fn(&mut Limits)) -> Bench {
    change(&mut config.limits);
    Bench::new(config)
}

fn assert_told(bench: &Bench, limit: LimitKind) {
    assert!(
        bench.router.counters().limited.get(&limit).is_some_and(|count| *count > 0),
        "{limit} is counted"
    );
    assert!(bench.events.contains(&Event::Limit { limit }), "{limit} is told");
}

fn many(count: u8) -> Vec<Lsa> {
    (0..count).map(|n| router_lsa(RouterId::from([50, 0, 0, n]), 1, &[])).collect()
}

/// Goal: beyond the limit new LSAs are neither kept nor acknowledged; known ones are still updated.
#[test]
fn lsas_beyond_the_limit_are_refused() {
    let mut bench = limited(links(2), |limits| limits.lsas = 20);
    let (mut near, mut far) = (Peer::new(ETH1, LOW), Peer::new(ETH2, HIGH));
    near.establish(&mut bench);
    far.establish(&mut bench);
    let lsas = many(40);
    near.flood(&mut bench, &lsas);
    bench.run(seconds(4));
    let kept: Vec<_> = lsas.iter().filter(|lsa| bench.lsa(lsa.key()).is_some()).collect();
    assert!((10..=20).contains(&kept.len()), "{}", kept.len());
    assert_told(&bench, LimitKind::Lsas);
    for lsa in &lsas {
        let is_kept = kept.contains(&lsa);
        assert_eq!(bench.acked(ETH1, lsa), is_kept, "{lsa}");
        assert_eq!(!bench.flooded(ETH2, lsa.key()).is_empty(), is_kept, "{lsa}");
    }
    near.flood(&mut bench, &[reissued(kept[0], 1, nth(2))]);
    assert_eq!(bench.lsa(kept[0].key()).unwrap().header().sequence, nth(2));
    assert_eq!(bench.state(&near), NeighbourState::Full);
    // Room again: what was refused is taken when it is sent again.
    near.flood(&mut bench, &[reissued(kept[1], MAX_AGE, nth(1))]);
    bench.run_acking(seconds(3), &mut [&mut near, &mut far]);
    let refused = lsas.iter().find(|lsa| !kept.contains(lsa)).unwrap();
    near.flood(&mut bench, from_ref(refused));
    assert!(bench.lsa(refused.key()).is_some());
}

/// Goal: the same in bytes.
#[test]
fn bytes_beyond_the_limit_are_refused() {
    let mut bench = limited(links(1), |limits| limits.lsa_bytes = 2_000);
    let mut near = Peer::new(ETH1, LOW);
    near.establish(&mut bench);
    let links: Vec<_> = (0..100).map(|n| stub([50, 0, n, 0].into(), 1)).collect();
    let lsa = router_lsa(FAR, 1, &links);
    near.flood(&mut bench, &[lsa.clone(), router_lsa(HIGH, 1, &links)]);
    let small = external_lsa(FAR, 1, 1);
    near.flood(&mut bench, from_ref(&small));
    assert!(bench.lsa(lsa.key()).is_some() && bench.lsa(small.key()).is_some());
    assert!(bench.lsa(router_key(HIGH)).is_none());
    assert_told(&bench, LimitKind::LsaBytes);
}

/// Goal: our own LSAs have their place even when others fill the database.
#[test]
fn own_lsas_are_not_refused() {
    let mut bench = limited(links(1), |limits| limits.lsas = 5);
    let mut near = Peer::new(ETH1, LOW);
    near.establish(&mut bench);
    near.flood(&mut bench, &many(10));
    let route = External { metric: 3, type2: true, tag: 0, forwarding: None };
    bench.input(Input::External { prefix: "198.51.100.0/24".parse().unwrap(), route: Some(route) });
    bench.run_acking(seconds(8), &mut [&mut near]);
    assert!(bench.lsa(external_lsa(US, 1, 1).key()).is_some());
    assert!(bench.own().router().unwrap().links().any(|link| link.id == LOW.0));
}

/// Goal: beyond the limit new neighbours are not heard; those that are there stay.
#[test]
fn neighbours_beyond_the_limit_are_refused() {
    let mut bench = limited(networks(1, Network::Broadcast), |limits| limits.neighbours = 3);
    for n in 10..20 {
        Peer::new(ETH1, RouterId::from([n, 0, 0, 1])).hello(&mut bench);
    }
    let known: Vec<_> =
        bench.router.neighbours().iter().map(|status| status.router_id.0.octets()[0]).collect();
    assert_eq!(known, [10, 11, 12]);
    assert_told(&bench, LimitKind::Neighbours);
}

/// Goal: more packets in a second than allowed are dropped, in the next second there is room again.
#[test]
fn packets_beyond_the_rate_are_dropped() {
    let mut bench = limited(links(1), |limits| limits.packets_per_second = 10);
    let mut near = Peer::new(ETH1, LOW);
    near.establish(&mut bench);
    bench.run(seconds(2));
    for n in 0..50 {
        near.flood(&mut bench, &[router_lsa(RouterId::from([50, 0, 0, n]), 1, &[])]);
    }
    let known = (0..50).filter(|n| bench.lsa(router_key(RouterId::from([50, 0, 0, *n]))).is_some()).count();
    assert!((1..=10).contains(&known), "{known}");
    assert_told(&bench, LimitKind::Packets);
    bench.run(seconds(1));
    near.flood(&mut bench, &[router_lsa(FAR, 1, &[])]);
    assert!(bench.lsa(router_key(FAR)).is_some());
}

/// Goal: a neighbour that acknowledges nothing does not fill the memory: beyond the limit its adjacency
/// starts anew.
#[test]
fn a_neighbour_that_acknowledges_nothing_is_given_up() {
    let mut bench = limited(links(2), |limits| limits.retransmissions = 20);
    let (mut near, mut far) = (Peer::new(ETH1, LOW), Peer::new(ETH2, HIGH));
    near.establish(&mut bench);
    far.establish(&mut bench);
    near.flood(&mut bench, &many(60));
    bench.run(seconds(1));
    assert_told(&bench, LimitKind::Retransmissions);
    assert!(bench.state(&far) < NeighbourState::Full);
    assert_eq!(bench.state(&near), NeighbourState::Full);
    let waiting = bench.router.neighbours().iter().map(|status| status.retransmissions).max();
    assert!(waiting.is_some_and(|count| count <= 21), "{waiting:?}");
}

/// Goal: beyond the limit new external routes of ours are refused, known ones may change, and room comes
/// back.
#[test]
fn external_routes_beyond_the_limit_are_refused() {
    let mut bench = limited(links(1), |limits| limits.externals = 2);
    let mut bring = |third: u8, metric: Option<u32>| {
        let route = metric.map(|metric| External { metric, type2: true, tag: 0, forwarding: None });
        bench.input(Input::External { prefix: format!("198.51.{third}.0/24").parse().unwrap(), route });
        bench.run(seconds(6));
        let count =
            bench.router.database_at(bench.now).filter(|(_, lsa)| lsa.ls_type() == LsType::External).count();
        (count, bench.router.counters().limited.get(&LimitKind::Externals).copied().unwrap_or(0))
    };
    assert_eq!(bring(1, Some(1)), (1, 0));
    assert_eq!(bring(2, Some(1)), (2, 0));
    assert_eq!(bring(3, Some(1)), (2, 1));
    assert_eq!(bring(2, Some(7)), (2, 1), "a change");
    assert_eq!(bring(1, None), (1, 1));
    assert_eq!(bring(3, Some(1)), (2, 1), "room again");
}

/// Goal: a neighbour whose database is beyond the limit becomes Full all the same, with what there is room
/// for.
#[test]
fn a_neighbour_with_too_large_a_database_becomes_full() {
    let mut bench = limited(links(1), |limits| limits.lsas = 20);
    let mut near = Peer::new(ETH1, LOW).with_lsas(&many(40));
    near.establish(&mut bench);
    assert_told(&bench, LimitKind::Lsas);
    assert!((10..=20).contains(&bench.router.database_at(bench.now).count()));
}
