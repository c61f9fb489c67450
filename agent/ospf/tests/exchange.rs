//! RFC 2328 §10.6-§10.9: how two neighbours make their databases equal.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use braid_ospf::{AreaConfig, AreaType, Config, NeighbourState, Refusal};
use braid_ospf_packet::*;
use common::*;

fn descriptions(bench: &Bench) -> Vec<DatabaseDescription> {
    bench.sent_on(ETH1).filter_map(Sent::description).cloned().collect()
}

/// A neighbour whose two hellos have just been heard.
fn exstart(config: Config, router: RouterId) -> (Bench, Peer) {
    let mut bench = Bench::new(config);
    let mut peer = Peer::new(ETH1, router);
    peer.hello(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
    (bench, peer)
}

/// An exchange in which the neighbour leads, just begun: it has sent number 100 and got our first answer.
fn exchange_led_by_high() -> (Bench, Peer) {
    let (mut bench, mut peer) = exstart(links(1), HIGH);
    bench.clear();
    peer.describe(&mut bench, "IMS", 100, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
    (bench, peer)
}

/// An exchange that we lead, just begun; the number of our packet that waits for an answer.
fn exchange_led_by_us() -> (Bench, Peer, u32) {
    let (mut bench, mut peer) = exstart(links(1), LOW);
    let number = descriptions(&bench)[0].sequence;
    bench.clear();
    peer.describe(&mut bench, "M", number, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
    let next = descriptions(&bench)[0].sequence;
    assert_eq!(next, number + 1);
    (bench, peer, next)
}

/// Goal: in ExStart we send empty descriptions with I, M and MS, again each RxmtInterval. (On point-to-point
/// links everything goes to AllSPFRouters: §8.1.)
#[test]
fn step_10_8_exstart_sends_empty_descriptions() {
    let (mut bench, _peer) = exstart(links(1), LOW);
    bench.run(RETRANSMIT * 2);
    let sent: Vec<_> = bench.sent_on(ETH1).filter(|sent| sent.description().is_some()).collect();
    assert_eq!(sent.len(), 3);
    for sent in &sent {
        let description = sent.description().unwrap();
        assert_eq!(sent.destination, ALL_SPF_ROUTERS);
        assert!(description.initial && description.more && description.master);
        assert!(description.headers.is_empty());
        assert_eq!(description.mtu, 1500);
        assert!(description.options.contains(Options::E));
        assert_eq!(description.sequence, descriptions(&bench)[0].sequence);
    }
    assert_eq!(sent[1].at.duration_since(sent[0].at), RETRANSMIT);
}

/// Goal: the router with the higher id leads: we take over its number and drop the MS bit.
#[test]
fn step_10_6_the_higher_router_id_leads() {
    let (bench, _) = exchange_led_by_high();
    let answer = &descriptions(&bench)[0];
    assert_eq!(answer.sequence, 100);
    assert!(!answer.initial && !answer.master);
    assert_eq!(answer.headers, [bench.own().header()]);
}

/// Goal: a lower neighbour that also wants to lead is not answered; once it follows, we go on.
#[test]
fn step_10_6_we_lead_a_lower_router_id() {
    let (mut bench, mut peer) = exstart(links(1), LOW);
    let number = descriptions(&bench)[0].sequence;
    bench.clear();
    peer.describe(&mut bench, "IMS", 4_711, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
    assert!(descriptions(&bench).iter().all(|description| description.initial));
    peer.describe(&mut bench, "", number + 7, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart, "not our number");
    bench.clear();
    peer.describe(&mut bench, "M", number, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
    let next = &descriptions(&bench)[0];
    assert!(next.master && !next.initial && next.sequence == number + 1);
    assert_eq!(next.headers, [bench.own().header()]);
}

/// Goal: a description whose MTU is above ours is refused, and the exchange does not begin (§10.6 and §G.9).
#[test]
fn step_10_6_a_larger_mtu_is_refused() {
    let (mut bench, mut peer) = exstart(links(1), HIGH);
    peer.mtu = 9_000;
    peer.describe(&mut bench, "IMS", 1, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
    assert_eq!(bench.refused(Refusal::Mtu), 1);
    peer.mtu = 1_400;
    peer.describe(&mut bench, "IMS", 1, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange, "a smaller one does");

    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().ignore_mtu = true;
    let (mut bench, mut peer) = exstart(config, HIGH);
    peer.mtu = 9_000;
    peer.describe(&mut bench, "IMS", 1, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange, "told to ignore it");
}

/// Goal: a description in Init that comes from somebody who hears us counts as 2-Way (§10.6 Init).
#[test]
fn step_10_6_a_description_in_init_is_two_way() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, HIGH);
    peer.hello_one_way(&mut bench);
    peer.describe(&mut bench, "IMS", 1, &[]);
    assert!(bench.state(&peer) >= NeighbourState::ExStart);
}

/// Goal: the follower answers a repeated description with the same answer, since its answer may be lost.
#[test]
fn step_10_6_the_follower_repeats_its_answer_to_a_duplicate() {
    let (mut bench, mut peer) = exchange_led_by_high();
    peer.describe(&mut bench, "MS", 101, &[]);
    let first = descriptions(&bench).last().unwrap().clone();
    bench.clear();
    bench.run(seconds(2));
    peer.describe(&mut bench, "MS", 101, &[]);
    assert_eq!(descriptions(&bench), [first]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
}

/// Goal: the leader takes no notice of a repeated answer.
#[test]
fn step_10_6_the_leader_drops_a_duplicate() {
    let (mut bench, mut peer, number) = exchange_led_by_us();
    bench.clear();
    peer.describe(&mut bench, "M", number - 1, &[]);
    assert!(descriptions(&bench).is_empty());
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
    peer.describe(&mut bench, "M", number, &[]);
    assert_eq!(descriptions(&bench)[0].sequence, number + 1);
}

/// Goal: the leader repeats its description each RxmtInterval until the answer comes; the follower never does
/// by itself.
#[test]
fn step_10_8_the_leader_retransmits() {
    let (mut bench, _peer, number) = exchange_led_by_us();
    bench.clear();
    bench.run(RETRANSMIT);
    assert_eq!(descriptions(&bench).iter().map(|sent| sent.sequence).collect::<Vec<_>>(), [number]);

    let (mut bench, _peer) = exchange_led_by_high();
    bench.clear();
    bench.run(RETRANSMIT * 2);
    assert!(descriptions(&bench).is_empty());
}

/// Goal: everything in Exchange that cannot be is SeqNumberMismatch: back to ExStart with a new number.
#[test]
fn step_10_6_contradictions_in_exchange_start_it_anew() {
    type Spoil = fn(&mut DatabaseDescription);
    let cases: [(&str, Spoil); 5] = [
        ("a jump of the number", |sent| sent.sequence += 1),
        ("a number of long ago", |sent| sent.sequence -= 50),
        ("the I bit again", |sent| sent.initial = true),
        ("the other one leads", |sent| sent.master = false),
        ("other options", |sent| sent.options = Options::E.with(Options::DC)),
    ];
    for (what, spoil) in cases {
        let (mut bench, mut peer) = exchange_led_by_high();
        let mut next = peer.description("MS", 101, &[]);
        spoil(&mut next);
        bench.clear();
        peer.send(&mut bench, &Body::DatabaseDescription(next));
        assert_eq!(bench.state(&peer), NeighbourState::ExStart, "{what}");
        let anew = &descriptions(&bench)[0];
        assert!(anew.initial && anew.more && anew.master && anew.headers.is_empty(), "{what}");
    }
}

/// Goal: the same where we lead.
#[test]
fn step_10_6_contradictions_where_we_lead_start_it_anew() {
    for (what, flags, jump) in [("a jump", "M", 5), ("I again", "IM", 0), ("it wants to lead", "MS", 0)] {
        let (mut bench, mut peer, number) = exchange_led_by_us();
        bench.clear();
        peer.describe(&mut bench, flags, number + jump, &[]);
        assert_eq!(bench.state(&peer), NeighbourState::ExStart, "{what}");
        let anew = &descriptions(&bench)[0];
        assert!(anew.initial && anew.sequence > number, "{what}: a new number");
    }
}

/// Goal: a header of unknown LS type is SeqNumberMismatch.
#[test]
fn step_10_6_a_header_of_unknown_type_starts_it_anew() {
    let (mut bench, mut peer) = exchange_led_by_high();
    let body = Body::DatabaseDescription(peer.description("MS", 101, &[router_lsa(FAR, 1, &[]).header()]));
    let mut bytes = peer.encoded(&body);
    bytes[HEADER_LENGTH + DatabaseDescription::FIXED_LENGTH + 3] = 6;
    // One number in place of another: the Internet checksum changes by the difference.
    let sum = u16::from_be_bytes([bytes[12], bytes[13]]);
    bytes[12..14].copy_from_slice(&(sum - 5).to_be_bytes());
    assert!(Frame::parse(&bytes).is_ok(), "the checksum was made right");
    peer.send_bytes(&mut bench, [10, 1, 0, 5].into(), bytes);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
}

/// Goal: an AS-external LSA described in a stub area is SeqNumberMismatch.
#[test]
fn step_10_6_an_external_lsa_in_a_stub_area_starts_it_anew() {
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().area = AREA_1;
    let kind = AreaType::Stub { default_cost: 1, summaries: true };
    config.areas.insert(AREA_1, AreaConfig { kind, ..AreaConfig::default() });
    let mut bench = Bench::new(config);
    let mut peer = Peer::new(ETH1, HIGH).in_area(AREA_1, Options::NONE);
    peer.hello(&mut bench);
    peer.describe(&mut bench, "IMS", 100, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
    peer.describe(&mut bench, "MS", 101, &[external_lsa(FAR, 1, 1).header()]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
}

/// Goal: in Full, the leader's last description is still answered as before; anything else starts the
/// exchange anew.
#[test]
fn step_10_6_descriptions_in_full() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, HIGH);
    peer.establish(&mut bench);
    let last = peer.number;
    bench.clear();
    peer.describe(&mut bench, "S", last, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::Full, "a duplicate");
    assert_eq!(descriptions(&bench).len(), 1);
    peer.describe(&mut bench, "S", last + 1, &[]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart, "not a duplicate");

    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, HIGH);
    peer.establish(&mut bench);
    peer.describe(&mut bench, "IMS", 9_999, &[]);
    assert!(bench.state(&peer) < NeighbourState::Full, "the neighbour has restarted");
}

/// Goal: what the neighbour has newer is asked for, what we have is not.
#[test]
fn step_10_7_only_what_is_missing_is_requested() {
    let (old, new) = (router_lsa(FAR, 1, &[]), router_lsa(FAR, 2, &[]));
    let other = external_lsa(FAR, 1, 5);
    let mut bench = Bench::new(links(2));
    Peer::new(ETH2, LOW).with_lsas(&[old, other.clone()]).establish(&mut bench);
    bench.clear();
    let mut peer = Peer::new(ETH1, HIGH);
    peer.hello(&mut bench);
    peer.describe(&mut bench, "IMS", 100, &[]);
    peer.describe(&mut bench, "S", 101, &[new.header(), other.header()]);
    let requested: Vec<_> =
        bench.sent_on(ETH1).filter_map(Sent::request).flat_map(|request| request.keys.clone()).collect();
    assert_eq!(requested, [new.key()]);
    assert_eq!(bench.state(&peer), NeighbourState::Loading);
    peer.flood(&mut bench, &[new]);
    assert_eq!(bench.state(&peer), NeighbourState::Full);
}

/// Goal: requests repeat each RxmtInterval until the LSAs are there; one that came is not asked for again.
#[test]
fn step_10_9_requests_are_repeated_until_satisfied() {
    let (first, second) = (router_lsa(FAR, 1, &[]), external_lsa(FAR, 1, 5));
    let (mut bench, mut peer) = exchange_led_by_high();
    peer.describe(&mut bench, "S", 101, &[first.header(), second.header()]);
    bench.clear();
    bench.run(RETRANSMIT);
    let requests: Vec<_> = bench.sent_on(ETH1).filter(|sent| sent.request().is_some()).collect();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].request().unwrap().keys.len(), 2);
    peer.flood(&mut bench, &[first]);
    assert_eq!(bench.state(&peer), NeighbourState::Loading);
    bench.clear();
    bench.run(RETRANSMIT);
    let keys = bench.sent_on(ETH1).filter_map(Sent::request).last().unwrap().keys.clone();
    assert_eq!(keys, [second.key()]);
    peer.flood(&mut bench, &[second]);
    assert_eq!(bench.state(&peer), NeighbourState::Full);
    bench.clear();
    bench.run(RETRANSMIT);
    assert!(bench.sent_on(ETH1).all(|sent| sent.request().is_none()));
}

/// Goal: a request is answered with the LSA itself, at once.
#[test]
fn step_10_7_requests_are_answered() {
    let (mut bench, mut peer) = exchange_led_by_high();
    bench.clear();
    peer.request(&mut bench, &[router_key(US)]);
    assert_eq!(bench.flooded(ETH1, router_key(US)), [bench.own().with_age(bench.own().age() + 1)]);
    assert_eq!(bench.state(&peer), NeighbourState::Exchange);
}

/// Goal: a request for what we do not have, or of unknown type, is BadLSReq: the exchange starts anew.
#[test]
fn step_10_7_a_request_for_what_is_not_there_starts_anew() {
    let (mut bench, mut peer) = exchange_led_by_high();
    peer.request(&mut bench, &[router_key(US), router_key(FAR)]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);

    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, HIGH);
    peer.establish(&mut bench);
    peer.request(&mut bench, &[router_key(FAR)]);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart, "also from Full");
}

/// Goal: before Exchange, requests and updates are not taken.
#[test]
fn step_10_7_requests_and_updates_before_exchange_are_dropped() {
    let (mut bench, mut peer) = exstart(links(1), HIGH);
    bench.clear();
    peer.request(&mut bench, &[router_key(US)]);
    peer.flood(&mut bench, &[router_lsa(FAR, 1, &[])]);
    assert!(bench.sent_on(ETH1).all(|sent| sent.update().is_none() && sent.ack().is_none()));
    assert_eq!(bench.lsa(router_key(FAR)), None);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
}

/// Goal: a database that does not fit one packet is described in several, none above the MTU, each LSA once.
#[test]
fn step_10_8_a_large_database_is_described_in_several_packets() {
    let lsas: Vec<_> = (0..200).map(|n| router_lsa(RouterId::from([50, 0, 0, n]), 1, &[])).collect();
    let mut bench = Bench::new(links(2));
    Peer::new(ETH2, LOW).with_lsas(&lsas).establish(&mut bench);
    bench.clear();
    let mut peer = Peer::new(ETH1, HIGH);
    peer.establish(&mut bench);
    let sent = descriptions(&bench);
    let mut keys: Vec<_> = sent.iter().flat_map(|sent| &sent.headers).map(|header| header.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 201, "ours and those of the others");
    assert!(bench.sent.iter().all(|sent| sent.length + IP_HEADER_LENGTH <= 1500));
    assert!(sent.len() > 3);
}

/// Goal: a large database arrives whole, asked for in packets that fit, also from a neighbour that we lead.
#[test]
fn step_10_9_a_large_database_is_loaded() {
    let lsas: Vec<_> = (0..60).map(|n| router_lsa(RouterId::from([50, 0, 0, n]), 1, &[])).collect();
    for router in [LOW, HIGH] {
        let mut bench = Bench::new(links(1));
        Peer::new(ETH1, router).with_lsas(&lsas).establish(&mut bench);
        assert!(lsas.iter().all(|lsa| bench.lsa(lsa.key()).is_some()));
    }
}

/// Goal: opaque LSAs are described only to neighbours that know them (RFC 5250 §3.1).
#[test]
fn step_10_8_opaque_lsas_are_described_to_those_who_know_them() {
    let opaque = opaque_lsa(LsType::OpaqueArea, FAR);
    let mut bench = Bench::new(links(2));
    Peer::new(ETH2, LOW).with_lsas(std::slice::from_ref(&opaque)).establish(&mut bench);
    for (options, expected) in [(Options::E.with(Options::O), true), (Options::E, false)] {
        bench.clear();
        let mut peer = Peer::new(ETH1, HIGH);
        peer.hello.options = options;
        peer.establish(&mut bench);
        let described =
            descriptions(&bench).iter().any(|sent| sent.headers.iter().any(|h| h.key == opaque.key()));
        assert_eq!(described, expected, "{options}");
        bench.run(DEAD);
    }
}

/// Goal: LSAs that are being flushed are not described but sent (§10.3, NegotiationDone).
#[test]
fn step_10_3_max_age_lsas_are_sent_not_described() {
    let lsa = router_lsa(FAR, 1, &[]);
    let mut bench = Bench::new(links(3));
    let mut silent = Peer::new(ETH2, LOW).with_lsas(std::slice::from_ref(&lsa));
    silent.establish(&mut bench);
    let mut third = Peer::new(ETH3, RouterId::from([3, 3, 3, 3]));
    third.establish(&mut bench);
    // The third one does not acknowledge the flush, so the LSA stays for now.
    bench.run(seconds(2));
    silent.flood(&mut bench, &[reissued(&lsa, MAX_AGE, nth(2))]);
    assert!(bench.lsa(lsa.key()).is_some_and(|lsa| lsa.is_max_age()));
    bench.clear();
    let mut peer = Peer::new(ETH1, HIGH);
    peer.hello(&mut bench);
    peer.describe(&mut bench, "IMS", 100, &[]);
    assert!(
        descriptions(&bench).iter().all(|sent| sent.headers.iter().all(|header| header.key != lsa.key()))
    );
    bench.run(RETRANSMIT);
    assert!(!bench.flooded(ETH1, lsa.key()).is_empty(), "sent in an update, until acknowledged");
}
