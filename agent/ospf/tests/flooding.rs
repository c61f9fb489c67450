//! RFC 2328 §13: what happens to an LSA that arrives, and how it goes on. RFC 5250 §3: the scopes of opaque
//! LSAs.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::slice::from_ref;

use braid_ospf::{AreaConfig, AreaType, FloodingDomain, InterfaceState, NeighbourState, Network};
use braid_ospf_packet::*;
use common::*;

/// Goal: an LSA with a wrong checksum or of unknown type is dropped without acknowledgment; others in the
/// packet count.
#[test]
fn step_13_1_and_2_bad_lsas_spoil_only_themselves() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let (good, broken) = (router_lsa(FAR, 1, &[]), external_lsa(FAR, 1, 9));
    let body =
        Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![broken.clone(), good.clone()], rejected: vec![] });
    near.auth = Authentication::Simple(Password::new(b""));
    let mut bytes = near.encoded(&body);
    // Byte 16 of the first LSA is of its checksum; the packet's own is taken along.
    bytes[28 + 16] ^= 0x40;
    let word = |at: usize, bytes: &[u8]| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    bytes[12..16].copy_from_slice(&[0, 0, 0, 0]);
    let mut sum: u32 = (0..bytes.len()).step_by(2).map(|at| word(at, &bytes)).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[12..14].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    near.send_bytes(&mut bench, ALL_SPF_ROUTERS, bytes);
    bench.run(seconds(4));
    assert!(bench.lsa(good.key()).is_some() && bench.acked(ETH1, &good));
    assert!(bench.lsa(broken.key()).is_none() && !bench.acked(ETH1, &broken));
    assert_eq!(bench.router.counters().bad_lsas, 1);
}

/// Goal: AS-external LSAs do not enter a stub area, and are not acknowledged there.
#[test]
fn step_13_3_external_lsas_do_not_enter_a_stub_area() {
    let mut config = links(2);
    config.interfaces.get_mut(&ETH1).unwrap().area = AREA_1;
    let kind = AreaType::Stub { default_cost: 1, summaries: true };
    config.areas.insert(AREA_1, AreaConfig { kind, ..AreaConfig::default() });
    let mut bench = Bench::new(config);
    let mut inside = Peer::new(ETH1, LOW).in_area(AREA_1, Options::NONE);
    let mut outside = Peer::new(ETH2, HIGH);
    inside.establish(&mut bench);
    outside.establish(&mut bench);
    let (refused, taken) = (external_lsa(FAR, 1, 1), external_lsa(RouterId::from([78, 0, 0, 1]), 1, 1));
    inside.flood(&mut bench, from_ref(&refused));
    outside.flood(&mut bench, from_ref(&taken));
    bench.run(seconds(4));
    assert!(bench.lsa(refused.key()).is_none() && !bench.acked(ETH1, &refused));
    assert!(bench.lsa(taken.key()).is_some() && bench.acked(ETH2, &taken));
    assert!(bench.flooded(ETH1, taken.key()).is_empty(), "nor by flooding");
}

/// Goal: the flush of an LSA that nobody here has is acknowledged directly and forgotten.
#[test]
fn step_13_4_a_flush_of_an_unknown_lsa_is_acknowledged_only() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let flush = reissued(&router_lsa(FAR, 1, &[]), MAX_AGE, nth(5));
    near.flood(&mut bench, from_ref(&flush));
    assert!(bench.acked(ETH1, &flush), "at once");
    assert!(bench.lsa(flush.key()).is_none() && bench.flooded(ETH2, flush.key()).is_empty());
}

/// Goal: while a neighbour is in Exchange or Loading, such a flush is installed instead, since that one may
/// have the LSA.
#[test]
fn step_13_4_during_an_exchange_such_a_flush_is_installed() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let mut config = bench.router.config().clone();
    config.interfaces.insert(ETH3, interface(3, Network::PointToPoint));
    bench.input(braid_ospf::Input::Configure(Box::new(config)));
    bench.input(braid_ospf::Input::Carrier { interface: ETH3, up: true });
    let mut third = Peer::new(ETH3, RouterId::from([8, 8, 8, 8]));
    third.hello(&mut bench);
    third.describe(&mut bench, "IMS", 1, &[]);
    assert_eq!(bench.state(&third), NeighbourState::Exchange);
    let flush = reissued(&router_lsa(FAR, 1, &[]), MAX_AGE, nth(5));
    near.flood(&mut bench, from_ref(&flush));
    assert!(bench.lsa(flush.key()).is_some());
    assert_eq!(bench.flooded(ETH2, flush.key()).len(), 1);
}

/// Goal: a new LSA is installed, goes out by the other link, not back on its own, and is acknowledged.
#[test]
fn step_13_5_a_new_lsa_is_installed_flooded_and_acknowledged() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let lsa = router_lsa(FAR, 1, &[]);
    near.flood(&mut bench, from_ref(&lsa));
    assert!(bench.lsa(lsa.key()).is_some());
    assert_eq!(bench.flooded(ETH2, lsa.key()).len(), 1);
    bench.run(seconds(4));
    assert!(bench.flooded(ETH1, lsa.key()).is_empty());
    let ack = bench.sent_on(ETH1).find(|sent| sent.acks(&lsa)).expect("an acknowledgment");
    assert_eq!(ack.destination, ALL_SPF_ROUTERS);
}

/// Goal: a flooded LSA is older by the InfTransDelay of the link that it leaves by.
#[test]
fn step_13_3_flooded_lsas_are_older_by_the_transmit_delay() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let lsa = router_lsa(FAR, 1, &[]).with_age(100);
    near.flood(&mut bench, from_ref(&lsa));
    assert_eq!(bench.flooded(ETH2, lsa.key())[0].age(), 101);
    let nearly = router_lsa(HIGH, 9, &[]).with_age(MAX_AGE - 1);
    let nearly = reissued(&nearly, MAX_AGE - 1, nth(9));
    near.flood(&mut bench, from_ref(&nearly));
    let ages: Vec<_> = bench.flooded(ETH2, nearly.key()).iter().map(Lsa::age).collect();
    assert!(ages.iter().all(|age| *age <= MAX_AGE), "never over MaxAge: {ages:?}");
}

/// Goal: a newer instance replaces the older one everywhere.
#[test]
fn step_13_5_a_newer_instance_replaces_the_older() {
    let first = router_lsa(FAR, 1, &[]);
    let (mut bench, mut near, _far) = two_links(from_ref(&first));
    let newer = router_lsa(FAR, 2, &[stub([198, 51, 100, 0].into(), 3)]);
    near.flood(&mut bench, from_ref(&newer));
    assert_eq!(bench.lsa(newer.key()).unwrap().header().sequence, nth(2));
    assert_eq!(bench.flooded(ETH2, newer.key()).len(), 1);
}

/// Goal: an instance that comes within MinLSArrival of the one before is dropped without acknowledgment,
/// later it is taken.
#[test]
fn step_13_5a_min_ls_arrival() {
    let (mut bench, mut near, _far) = two_links(&[]);
    near.flood(&mut bench, &[router_lsa(FAR, 1, &[])]);
    let next = router_lsa(FAR, 2, &[]);
    near.flood(&mut bench, from_ref(&next));
    assert_eq!(bench.lsa(next.key()).unwrap().header().sequence, nth(1));
    assert_eq!(bench.router.counters().too_soon, 1);
    bench.run(std::time::Duration::from_millis(1_001));
    assert!(!bench.acked(ETH1, &next));
    near.flood(&mut bench, from_ref(&next));
    assert_eq!(bench.lsa(next.key()).unwrap().header().sequence, nth(2), "sent again it is taken");
}

/// Goal: the flush of the very instance that is here is taken at once: who answers an older instance by its
/// flush (step 8) does not send it again, so that dropping it would bring the instance back for good. A flush
/// of another instance waits like any other.
#[test]
fn step_13_5a_min_ls_arrival_is_not_for_the_flush_of_the_same_instance() {
    let (mut bench, mut near, mut far) = two_links(&[]);
    let first = router_lsa(FAR, 1, &[]);
    near.flood(&mut bench, from_ref(&first));
    far.flood(&mut bench, &[reissued(&first, MAX_AGE, nth(2))]);
    assert_eq!(bench.router.counters().too_soon, 1, "a new instance");
    assert!(!bench.lsa(first.key()).unwrap().is_max_age());

    let flush = first.with_age(MAX_AGE);
    far.flood(&mut bench, from_ref(&flush));
    assert!(bench.lsa(first.key()).unwrap().is_max_age());
    assert!(bench.flooded(ETH1, first.key()).last().is_some_and(Lsa::is_max_age), "and goes on");
    near.ack(&mut bench, from_ref(&flush));
    bench.clear();
    bench.run(RETRANSMIT * 2);
    assert!(bench.lsa(first.key()).is_none());
    let live = |interface| bench.flooded(interface, first.key()).iter().any(|lsa| !lsa.is_max_age());
    assert!(!live(ETH1) && !live(ETH2), "nobody hears of the instance any more");
}

/// Goal: an LSA that the neighbour flooded although we still ask it for a newer one is BadLSReq.
#[test]
fn step_13_6_an_older_instance_than_requested_is_bad_ls_request() {
    let mut bench = Bench::new(links(2));
    let old = router_lsa(FAR, 1, &[]);
    let mut other = Peer::new(ETH2, LOW).with_lsas(from_ref(&old));
    other.establish(&mut bench);
    bench.run(seconds(2));
    let mut peer = Peer::new(ETH1, HIGH);
    peer.hello(&mut bench);
    peer.describe(&mut bench, "IMS", 100, &[]);
    peer.describe(&mut bench, "S", 101, &[router_lsa(FAR, 2, &[]).header()]);
    assert_eq!(bench.state(&peer), NeighbourState::Loading);
    peer.flood(&mut bench, from_ref(&old));
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
}

/// Goal: an LSA that comes back from a neighbour which owes an acknowledgment is that acknowledgment; no
/// other is sent.
#[test]
fn step_13_7a_an_implied_acknowledgment() {
    let (mut bench, mut near, mut far) = two_links(&[]);
    let lsa = router_lsa(FAR, 1, &[]);
    near.flood(&mut bench, from_ref(&lsa));
    let flooded = bench.flooded(ETH2, lsa.key())[0].clone();
    bench.clear();
    far.flood(&mut bench, from_ref(&flooded));
    bench.run(RETRANSMIT * 2);
    assert!(bench.flooded(ETH2, lsa.key()).is_empty(), "it is not sent again");
    assert!(!bench.acked(ETH2, &lsa));
}

/// Goal: any other duplicate is acknowledged at once and directly, since our acknowledgment was lost.
#[test]
fn step_13_7b_a_duplicate_is_acknowledged_directly() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let lsa = router_lsa(FAR, 1, &[]);
    near.flood(&mut bench, from_ref(&lsa));
    bench.run(seconds(4));
    bench.clear();
    near.flood(&mut bench, from_ref(&lsa));
    assert!(bench.acked(ETH1, &lsa), "at once");
    assert!(bench.flooded(ETH2, lsa.key()).is_empty(), "and not flooded again");
}

/// Goal: who sends an older instance gets ours back directly, not an acknowledgment.
#[test]
fn step_13_8_an_older_instance_is_answered_with_ours() {
    let ours = router_lsa(FAR, 5, &[]);
    let (mut bench, mut near, _far) = two_links(from_ref(&ours));
    let old = router_lsa(FAR, 3, &[]);
    near.flood(&mut bench, from_ref(&old));
    let answer = bench.sent_on(ETH1).find(|sent| sent.lsa(old.key()).is_some()).expect("ours");
    assert_eq!(answer.lsa(old.key()).unwrap().header().sequence, nth(5));
    bench.run(seconds(4));
    assert!(!bench.acked(ETH1, &old));
    assert!(bench.flooded(ETH2, old.key()).is_empty());
}

/// Goal: while a wrapped sequence number is being flushed, older instances are dropped without answer.
#[test]
fn step_13_8_a_wrapping_lsa_does_not_answer() {
    let first = router_lsa(FAR, 1, &[]);
    let (mut bench, mut near, _far) = two_links(from_ref(&first));
    // The flush of MaxSequenceNumber stays, since the other neighbour does not acknowledge it.
    near.flood(&mut bench, &[reissued(&first, MAX_AGE, SequenceNumber::MAX)]);
    bench.run(seconds(2));
    bench.clear();
    let old = router_lsa(FAR, 7, &[]);
    near.flood(&mut bench, from_ref(&old));
    assert!(bench.flooded(ETH1, old.key()).is_empty() && !bench.acked(ETH1, &old));
}

/// Goal: an LSA is sent again each RxmtInterval until the neighbour acknowledges this very instance.
#[test]
fn step_13_6_retransmission_until_acknowledged() {
    let (mut bench, mut near, mut far) = two_links(&[]);
    let lsa = router_lsa(FAR, 2, &[]);
    near.flood(&mut bench, from_ref(&lsa));
    bench.clear();
    bench.run(RETRANSMIT);
    let again: Vec<_> = bench.sent_on(ETH2).filter(|sent| sent.lsa(lsa.key()).is_some()).collect();
    assert_eq!(again.len(), 1);
    assert!(again[0].lsa(lsa.key()).unwrap().age() >= lsa.age() + 5, "as old as it is by now");
    far.ack(&mut bench, &[router_lsa(FAR, 1, &[])]);
    bench.clear();
    bench.run(RETRANSMIT);
    assert_eq!(
        bench.flooded(ETH2, lsa.key()).len(),
        1,
        "an acknowledgment of another instance does not count"
    );
    far.ack(&mut bench, from_ref(&lsa));
    bench.clear();
    bench.run(RETRANSMIT * 3);
    assert!(bench.flooded(ETH2, lsa.key()).is_empty());
}

/// Goal: several LSAs are acknowledged together, and flooded together, in packets that fit.
#[test]
fn step_13_5_acknowledgments_and_updates_are_bundled() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let lsas: Vec<_> = (0..100).map(|n| router_lsa(RouterId::from([50, 0, 0, n]), 1, &[])).collect();
    for some in lsas.chunks(50) {
        near.flood(&mut bench, some);
    }
    bench.run(seconds(4));
    assert!(lsas.iter().all(|lsa| bench.acked(ETH1, lsa) && !bench.flooded(ETH2, lsa.key()).is_empty()));
    let count =
        |found: fn(&Sent) -> bool, interface| bench.sent_on(interface).filter(|sent| found(sent)).count();
    assert!(count(|sent| sent.ack().is_some(), ETH1) <= 4, "100 headers in few packets");
    assert!(count(|sent| sent.update().is_some(), ETH2) <= 6, "100 LSAs in few packets");
    assert!(bench.sent.iter().all(|sent| sent.length + IP_HEADER_LENGTH <= 1500));
}

/// A network on which we, the neighbours, or both are designated; all neighbours full with us as far as they
/// should be.
fn network(us: InterfaceState) -> (Bench, Peer, Peer, Peer) {
    let mut config = networks(1, Network::Broadcast);
    config.interfaces.insert(ETH2, interface(2, Network::PointToPoint));
    config.interfaces.get_mut(&ETH1).unwrap().priority = match us {
        InterfaceState::Dr => 9,
        InterfaceState::Backup => 5,
        _ => 0,
    };
    let mut bench = Bench::new(config);
    let (mut low, mut high) = (Peer::new(ETH1, LOW), Peer::new(ETH1, HIGH));
    (low.hello.priority, high.hello.priority) = (1, 6);
    let ours = bench.interface(ETH1).address;
    let (dr, backup) = match us {
        InterfaceState::Dr => (ours, high.address),
        InterfaceState::Backup => (high.address, ours),
        _ => (high.address, low.address),
    };
    // Who is designated says so only once it knows: first everybody is waiting.
    low.hello(&mut bench);
    high.hello(&mut bench);
    bench.run(DEAD - seconds(1));
    for peer in [&mut low, &mut high] {
        peer.hello.designated_router = if dr == ours { NOBODY } else { dr };
        peer.hello.backup = if dr == ours || backup == ours { NOBODY } else { backup };
        peer.hello(&mut bench);
    }
    bench.run(seconds(2));
    for peer in [&mut low, &mut high] {
        (peer.hello.designated_router, peer.hello.backup) = (dr, backup);
        peer.hello(&mut bench);
    }
    assert_eq!(bench.interface(ETH1).state, us, "{:?}", bench.events);
    low.establish(&mut bench);
    high.establish(&mut bench);
    let mut other = Peer::new(ETH2, RouterId::from([2, 2, 2, 2]));
    other.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut low, &mut high, &mut other]);
    bench.clear();
    (bench, low, high, other)
}

/// Goal: the designated router floods an LSA back onto the network that it came from, to all routers there.
#[test]
fn step_13_3_the_dr_floods_back_onto_the_network() {
    let (mut bench, mut low, _high, _other) = network(InterfaceState::Dr);
    let lsa = router_lsa(FAR, 1, &[]);
    low.flood_to(&mut bench, ALL_D_ROUTERS, from_ref(&lsa));
    let back = bench.sent_on(ETH1).find(|sent| sent.lsa(lsa.key()).is_some()).expect("flooded back");
    assert_eq!(back.destination, ALL_SPF_ROUTERS);
    assert!(!bench.flooded(ETH2, lsa.key()).is_empty());
    bench.run(seconds(4));
    assert!(!bench.acked(ETH1, &lsa), "the flooded LSA is the acknowledgment for its sender (Table 19)");
}

/// Goal: the backup leaves flooding back to the designated router, but sends on what came by other links.
#[test]
fn step_13_3_the_backup_does_not_flood_back() {
    let (mut bench, _low, mut high, mut other) = network(InterfaceState::Backup);
    let lsa = router_lsa(FAR, 1, &[]);
    high.flood(&mut bench, from_ref(&lsa));
    assert!(bench.flooded(ETH1, lsa.key()).is_empty());
    assert!(!bench.flooded(ETH2, lsa.key()).is_empty());
    bench.run(seconds(4));
    let ack =
        bench.sent_on(ETH1).find(|sent| sent.acks(&lsa)).expect("an acknowledgment, since the DR sent it");
    assert_eq!(ack.destination, ALL_SPF_ROUTERS);

    let from_elsewhere = external_lsa(FAR, 1, 1);
    other.flood(&mut bench, from_ref(&from_elsewhere));
    let sent = bench.sent_on(ETH1).find(|sent| sent.lsa(from_elsewhere.key()).is_some()).expect("flooded");
    assert_eq!(sent.destination, ALL_SPF_ROUTERS);
}

/// Goal: the backup does not acknowledge what others than the designated router flood (Table 19): the DR's
/// copy follows.
#[test]
fn step_13_5_the_backup_acknowledges_the_dr_only() {
    let (mut bench, mut low, mut high, _other) = network(InterfaceState::Backup);
    let lsa = router_lsa(FAR, 1, &[]);
    low.flood_to(&mut bench, ALL_D_ROUTERS, from_ref(&lsa));
    bench.run(seconds(4));
    assert!(!bench.acked(ETH1, &lsa));
    // The DR's copy is an implied acknowledgment; what is owed to the DR now goes out (Table 19, second row).
    high.flood(&mut bench, from_ref(&lsa));
    bench.run(seconds(4));
    assert!(bench.acked(ETH1, &lsa));
}

/// Goal: other routers send LSAs and acknowledgments to the designated routers' group only.
#[test]
fn step_13_3_other_routers_send_to_the_designated_ones() {
    let (mut bench, _low, mut high, mut other) = network(InterfaceState::DrOther);
    let lsa = router_lsa(FAR, 1, &[]);
    other.flood(&mut bench, from_ref(&lsa));
    let sent = bench.sent_on(ETH1).find(|sent| sent.lsa(lsa.key()).is_some()).expect("flooded");
    assert_eq!(sent.destination, ALL_D_ROUTERS);
    let lsa = external_lsa(FAR, 1, 1);
    high.flood(&mut bench, from_ref(&lsa));
    bench.run(seconds(4));
    assert!(bench.flooded(ETH1, lsa.key()).is_empty(), "not back onto the network");
    let ack = bench.sent_on(ETH1).find(|sent| sent.acks(&lsa)).expect("an acknowledgment");
    assert_eq!(ack.destination, ALL_D_ROUTERS);
}

/// Goal: RFC 5250 §3: opaque LSAs go as far as their type says, and only to those who know them.
#[test]
fn step_13_3_opaque_lsas_keep_to_their_scope() {
    let stub = AreaType::Stub { default_cost: 1, summaries: true };
    for (ls_type, to_backbone, to_plain, to_stub) in [
        (LsType::OpaqueLink, false, false, false),
        (LsType::OpaqueArea, true, false, false),
        (LsType::OpaqueAs, true, false, false),
    ] {
        let mut config = links(4);
        config.interfaces.get_mut(&braid_ospf::InterfaceId(4)).unwrap().area = AREA_1;
        config.areas.insert(AREA_1, AreaConfig { kind: stub.clone(), ..AreaConfig::default() });
        let mut bench = Bench::new(config);
        let mut from = Peer::new(ETH1, LOW);
        let mut knows = Peer::new(ETH2, HIGH);
        let mut plain = Peer::new(ETH3, RouterId::from([3, 3, 3, 3]));
        plain.hello.options = Options::E;
        let mut inside = Peer::new(braid_ospf::InterfaceId(4), RouterId::from([4, 4, 4, 4]));
        inside = inside.in_area(AREA_1, Options::O);
        for peer in [&mut from, &mut knows, &mut plain, &mut inside] {
            peer.establish(&mut bench);
        }
        let lsa = opaque_lsa(ls_type, FAR);
        from.flood(&mut bench, from_ref(&lsa));
        bench.run(seconds(4));
        assert!(bench.acked(ETH1, &lsa), "{ls_type}");
        let to = |interface| !bench.flooded(interface, lsa.key()).is_empty();
        assert_eq!(to(ETH2), to_backbone, "{ls_type}");
        assert_eq!(to(ETH3), to_plain, "{ls_type}: a neighbour without the O bit");
        assert_eq!(to(braid_ospf::InterfaceId(4)), to_stub, "{ls_type}: a stub area");
    }
}

/// Goal: a type 11 LSA is not taken from a stub area (RFC 5250 §3.1).
#[test]
fn step_13_3_opaque_lsas_of_as_scope_do_not_come_from_a_stub_area() {
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().area = AREA_1;
    let kind = AreaType::Stub { default_cost: 1, summaries: true };
    config.areas.insert(AREA_1, AreaConfig { kind, ..AreaConfig::default() });
    let mut bench = Bench::new(config);
    let mut inside = Peer::new(ETH1, LOW).in_area(AREA_1, Options::O);
    inside.establish(&mut bench);
    let lsa = opaque_lsa(LsType::OpaqueAs, FAR);
    inside.flood(&mut bench, from_ref(&lsa));
    bench.run(seconds(4));
    assert!(bench.lsa_in(FloodingDomain::As, lsa.key()).is_none() && !bench.acked(ETH1, &lsa));
}

/// Goal: flooding goes to neighbours that are still in Exchange too, but not what they are just being asked
/// for.
#[test]
fn step_13_3_flooding_reaches_neighbours_in_exchange() {
    let (mut bench, mut near, _far) = two_links(&[]);
    let mut config = bench.router.config().clone();
    config.interfaces.insert(ETH3, interface(3, Network::PointToPoint));
    bench.input(braid_ospf::Input::Configure(Box::new(config)));
    bench.input(braid_ospf::Input::Carrier { interface: ETH3, up: true });
    let mut third = Peer::new(ETH3, RouterId::from([8, 8, 8, 8]));
    third.hello(&mut bench);
    third.describe(&mut bench, "IMS", 1, &[]);
    let (wanted, other) = (router_lsa(FAR, 1, &[]), external_lsa(FAR, 1, 1));
    third.describe(&mut bench, "MS", 2, &[wanted.header()]);
    near.flood(&mut bench, &[wanted.clone(), other.clone()]);
    assert!(bench.flooded(ETH3, wanted.key()).is_empty(), "it has this very instance");
    assert_eq!(bench.flooded(ETH3, other.key()).len(), 1);
}

/// Goal: on a network, what is meant for one neighbour goes to it alone: direct acknowledgments,
/// retransmissions, answers.
#[test]
fn step_13_what_is_for_one_neighbour_goes_to_it_alone() {
    let (mut bench, mut low, mut high, mut other) = network(InterfaceState::Dr);
    let lsa = router_lsa(FAR, 4, &[]);
    low.flood_to(&mut bench, ALL_D_ROUTERS, from_ref(&lsa));
    high.ack_all(&mut bench);
    other.ack_all(&mut bench);
    bench.run(seconds(2));
    bench.clear();
    low.flood_to(&mut bench, ALL_D_ROUTERS, from_ref(&lsa));
    let ack = bench.sent_on(ETH1).find(|sent| sent.acks(&lsa)).expect("a direct acknowledgment");
    assert_eq!(ack.destination, low.address);
    low.flood_to(&mut bench, ALL_D_ROUTERS, &[router_lsa(FAR, 2, &[])]);
    let answer =
        bench.sent_on(ETH1).find(|sent| sent.lsa(lsa.key()).is_some()).expect("ours, which is newer");
    assert_eq!(answer.destination, low.address);

    let next = external_lsa(FAR, 1, 1);
    other.flood(&mut bench, from_ref(&next));
    low.ack(&mut bench, from_ref(&next));
    bench.clear();
    bench.run(RETRANSMIT + seconds(1));
    let again = bench.sent_on(ETH1).find(|sent| sent.lsa(next.key()).is_some()).expect("a retransmission");
    assert_eq!(again.destination, high.address, "who has not acknowledged");
}
