//! RFC 2328 §8.2 (reception), §9.5 (sending hellos), §10.2 (neighbour events), §10.5 (receiving hellos).

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::net::Ipv4Addr;

use braid_ospf::{AreaConfig, AreaType, Input, NeighbourState, Network, Refusal};
use braid_ospf_packet::*;
use common::*;

/// Goal: an interface that comes up says hello at once, to all routers on the link, with what it is set to.
#[test]
fn step_9_5_a_hello_goes_out_when_an_interface_comes_up() {
    let bench = Bench::new(networks(1, Network::Broadcast));
    let sent = bench.sent_on(ETH1).next().expect("a hello");
    let hello = sent.hello().expect("a hello");
    assert_eq!((sent.source, sent.destination, sent.ttl), ([10, 1, 0, 5].into(), ALL_SPF_ROUTERS, 1));
    assert_eq!((sent.router_id, sent.area_id), (US, AreaId::BACKBONE));
    assert_eq!((hello.hello_interval, hello.dead_interval, hello.priority), (10, 40, 1));
    assert_eq!(hello.mask, Ipv4Addr::new(255, 255, 255, 0));
    assert!(hello.options.contains(Options::E) && hello.neighbours.is_empty());
    assert_eq!((hello.designated_router, hello.backup), (NOBODY, NOBODY));
}

/// Goal: without carrier nothing is sent.
#[test]
fn step_9_3_an_interface_that_is_down_is_silent() {
    let mut bench = Bench::without_carrier(links(1));
    bench.run(seconds(60));
    assert!(bench.sent.is_empty());
    bench.input(Input::Carrier { interface: ETH1, up: true });
    assert!(!bench.sent.is_empty());
}

/// Goal: hellos repeat each HelloInterval, and list everybody heard within RouterDeadInterval.
#[test]
fn step_9_5_hellos_repeat_and_list_neighbours() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.hello_one_way(&mut bench);
    bench.clear();
    bench.run(seconds(35));
    let times: Vec<_> = bench.sent_on(ETH1).filter(|sent| sent.hello().is_some()).collect();
    assert!((3..=5).contains(&times.len()), "{} hellos in 35 s", times.len());
    for pair in times.windows(2) {
        assert!(pair[1].at.duration_since(pair[0].at) <= HELLO);
    }
    assert!(times.iter().all(|sent| sent.hello().unwrap().neighbours == [LOW]));
    bench.run(seconds(20));
    let last = bench.sent_on(ETH1).filter_map(Sent::hello).last().unwrap();
    assert!(last.neighbours.is_empty(), "40 s after its only hello");
}

/// Goal: a new neighbour gets to know at once that it was heard, without the wait for the next hello.
#[test]
fn step_10_5_a_new_neighbour_is_answered_at_once() {
    let mut bench = Bench::new(links(1));
    bench.run(seconds(3));
    bench.clear();
    Peer::new(ETH1, LOW).hello_one_way(&mut bench);
    let hello = bench.sent_on(ETH1).find_map(Sent::hello).expect("an answer");
    assert_eq!(hello.neighbours, [LOW]);
}

/// Goal: hellos that disagree about the intervals, the mask of a shared network, or the kind of area make no
/// neighbour.
#[test]
fn step_10_5_a_hello_that_disagrees_is_refused() {
    type Change = fn(&mut Hello);
    let cases: [(&str, Change); 5] = [
        ("HelloInterval", |hello| hello.hello_interval = 11),
        ("RouterDeadInterval", |hello| hello.dead_interval = 41),
        ("mask", |hello| hello.mask = [255, 255, 0, 0].into()),
        ("E bit", |hello| hello.options = Options::NONE),
        ("N bit", |hello| hello.options = Options::NP),
    ];
    for (what, change) in cases {
        let mut bench = Bench::new(networks(1, Network::Broadcast));
        let mut peer = Peer::new(ETH1, LOW);
        change(&mut peer.hello);
        peer.hello(&mut bench);
        assert_eq!(bench.state(&peer), NeighbourState::Down, "{what}");
        assert_eq!(bench.refused(Refusal::Mismatch), 1, "{what}");
    }
}

/// Goal: on a point-to-point link the mask means nothing.
#[test]
fn step_10_5_the_mask_is_ignored_on_point_to_point_links() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.hello.mask = NOBODY;
    peer.hello(&mut bench);
    assert!(bench.state(&peer) > NeighbourState::Init);
}

/// Goal: a hello that disagrees later does not take an adjacency down before its time (RFC 2328 §10.5:
/// dropped, no more).
#[test]
fn step_10_5_a_hello_that_disagrees_later_leaves_the_neighbour_to_its_timer() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    peer.hello.hello_interval = 11;
    peer.hello(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::Full);
    bench.run(DEAD);
    assert_eq!(bench.state(&peer), NeighbourState::Down);
}

/// Goal: in stub areas and NSSAs the options of both ends must say so (RFC 3101 §2.2): the table of all
/// combinations.
#[test]
fn step_10_5_options_must_fit_the_kind_of_area() {
    let stub = AreaType::Stub { default_cost: 1, summaries: true };
    let nssa = AreaType::Nssa {
        default_cost: 1,
        summaries: true,
        translate: braid_ospf::Translate::Candidate,
        default_route: false,
        external_ranges: std::collections::BTreeMap::new(),
    };
    for (kind, wanted) in [(AreaType::Normal, Options::E), (stub, Options::NONE), (nssa, Options::NP)] {
        for said in [Options::E, Options::NONE, Options::NP] {
            let mut config = links(1);
            config.interfaces.get_mut(&ETH1).unwrap().area = AREA_1;
            config.areas.insert(AREA_1, AreaConfig { kind: kind.clone(), ..AreaConfig::default() });
            let mut bench = Bench::new(config);
            let own = bench.sent_on(ETH1).find_map(Sent::hello).unwrap().options;
            assert_eq!(Options(own.0 & (Options::E.0 | Options::NP.0)), wanted, "ours in {kind:?}");
            let mut peer = Peer::new(ETH1, LOW).in_area(AREA_1, said);
            peer.hello(&mut bench);
            assert_eq!(bench.state(&peer) > NeighbourState::Down, said == wanted, "{said} in {kind:?}");
        }
    }
}

/// Goal: the checks of packet reception, one wrong thing each: nobody becomes a neighbour, and the reason is
/// counted.
#[test]
fn step_8_2_packets_that_do_not_belong_here_are_refused() {
    type Spoil = fn(&mut Peer, &mut Vec<u8>, &mut Ipv4Addr);
    let cases: [(&str, Refusal, Spoil); 8] = [
        ("version 3", Refusal::Malformed, |_, bytes, _| bytes[0] = 3),
        ("a checksum", Refusal::Malformed, |_, bytes, _| bytes[30] ^= 1),
        ("a cut", Refusal::Malformed, |_, bytes, _| bytes.truncate(40)),
        ("nothing", Refusal::Malformed, |_, bytes, _| bytes.clear()),
        ("another area", Refusal::Area, |peer, bytes, _| {
            peer.area = AREA_1;
            *bytes = peer.encoded(&Body::Hello(peer.hello.clone()));
        }),
        ("a source on another network", Refusal::Address, |peer, _, _| peer.address = [10, 2, 0, 1].into()),
        ("somebody else's address", Refusal::Address, |_, _, to| *to = [10, 1, 0, 77].into()),
        ("AllDRouters, which we are not", Refusal::Address, |_, _, to| *to = ALL_D_ROUTERS),
    ];
    for (what, reason, spoil) in cases {
        let mut config = networks(1, Network::Broadcast);
        config.interfaces.get_mut(&ETH1).unwrap().priority = 0;
        let mut bench = Bench::new(config);
        let mut peer = Peer::new(ETH1, LOW);
        let mut bytes = peer.encoded(&Body::Hello(peer.hello.clone()));
        let mut to = ALL_SPF_ROUTERS;
        spoil(&mut peer, &mut bytes, &mut to);
        peer.send_bytes(&mut bench, to, bytes);
        assert!(bench.router.neighbours().is_empty(), "{what}");
        assert_eq!(bench.refused(reason), 1, "{what}: {:?}", bench.router.counters().refused);
    }
}

/// Goal: our own packets, come back by a loop of the network, are not a neighbour.
#[test]
fn step_8_2_own_packets_are_not_a_neighbour() {
    let mut bench = Bench::new(networks(1, Network::Broadcast));
    let mut echo = Peer::new(ETH1, US);
    echo.hello(&mut bench);
    assert!(bench.router.neighbours().is_empty());
}

/// Goal: other packets than hellos are taken from neighbours only.
#[test]
fn step_8_2_strangers_may_only_say_hello() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    let lsa = router_lsa(FAR, 1, &[]);
    peer.describe(&mut bench, "IMS", 1, &[]);
    peer.request(&mut bench, &[router_key(US)]);
    peer.flood(&mut bench, std::slice::from_ref(&lsa));
    peer.ack(&mut bench, std::slice::from_ref(&lsa));
    assert_eq!(bench.refused(Refusal::Stranger), 4);
    assert!(bench.router.neighbours().is_empty());
    assert_eq!(bench.lsa(lsa.key()), None);
}

/// Goal: RFC 5082: with TTL security a packet from farther than allowed is refused, and ours leave with TTL
/// 255.
#[test]
fn step_8_2_ttl_security_refuses_packets_from_afar() {
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().ttl_security = Some(1);
    let mut bench = Bench::new(config);
    assert_eq!(bench.sent_on(ETH1).next().unwrap().ttl, 255);
    let mut peer = Peer::new(ETH1, LOW);
    for ttl in [1, 64, 254] {
        peer.ttl = ttl;
        peer.hello(&mut bench);
        assert_eq!(bench.state(&peer), NeighbourState::Down, "TTL {ttl}");
    }
    assert_eq!(bench.refused(Refusal::Ttl), 3);
    peer.ttl = 255;
    peer.hello(&mut bench);
    assert!(bench.state(&peer) > NeighbourState::Down);
}

/// Goal: with a key, packets without it are refused, and an old packet does not count again (RFC 2328 §D.5).
#[test]
fn step_8_2_authentication_and_replay() {
    let auth = Authentication::Cryptographic(Key::new(1, Algorithm::HmacSha256, "secret").into());
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().authentication = auth.clone();
    let mut bench = Bench::new(config);
    let mut peer = Peer::new(ETH1, LOW);
    peer.hello(&mut bench);
    peer.auth = Authentication::Cryptographic(Key::new(1, Algorithm::HmacSha256, "guess").into());
    peer.hello(&mut bench);
    assert_eq!(bench.refused(Refusal::Authentication), 2);
    assert_eq!(bench.state(&peer), NeighbourState::Down);

    peer.auth = auth;
    let two_way = Body::Hello(peer.hello.clone());
    let recorded = peer.encoded(&two_way);
    peer.hello_one_way(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::Init);
    peer.send_bytes(&mut bench, ALL_SPF_ROUTERS, recorded);
    assert_eq!(bench.state(&peer), NeighbourState::Init, "its sequence number is an old one");
    assert_eq!(bench.refused(Refusal::Replay), 1);
    peer.hello(&mut bench);
    assert!(bench.state(&peer) > NeighbourState::Init);
}

/// Goal: a neighbour that does not name us is in Init, and no adjacency is formed; once it names us, one is.
#[test]
fn step_10_2_two_way_received() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.hello_one_way(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::Init);
    assert!(bench.sent_on(ETH1).all(|sent| sent.description().is_none()));
    peer.hello(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::ExStart);
}

/// Goal: a full neighbour that no longer names us goes back to Init, and our router-LSA no longer has it.
#[test]
fn step_10_2_one_way_received() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut peer]);
    let to_peer = |lsa: &Lsa| lsa.router().unwrap().links().filter(|link| link.id == LOW.0).count();
    assert_eq!(to_peer(&bench.own()), 1);
    peer.hello_one_way(&mut bench);
    assert_eq!(bench.state(&peer), NeighbourState::Init);
    bench.run(seconds(5));
    assert_eq!(to_peer(&bench.own()), 0);
}

/// Goal: RouterDeadInterval after its last hello a neighbour is down, not before.
#[test]
fn step_10_2_inactivity_timer() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    bench.run(seconds(20));
    peer.hello(&mut bench);
    bench.run(seconds(39));
    assert_eq!(bench.state(&peer), NeighbourState::Full);
    bench.run(seconds(1));
    assert_eq!(bench.state(&peer), NeighbourState::Down);
}

/// Goal: only hellos keep a neighbour alive.
#[test]
fn step_10_2_other_packets_do_not_keep_a_neighbour_alive() {
    let mut bench = Bench::new(links(1));
    let mut peer = Peer::new(ETH1, LOW);
    peer.establish(&mut bench);
    for n in 1..=8 {
        bench.run(seconds(5));
        peer.flood(&mut bench, &[router_lsa(FAR, n, &[])]);
    }
    assert_eq!(bench.state(&peer), NeighbourState::Down);
}

/// Goal: when carrier goes, neighbours go at once (LLDown).
#[test]
fn step_10_2_loss_of_carrier_takes_neighbours_down_at_once() {
    let mut bench = Bench::new(links(2));
    let (mut first, mut second) = (Peer::new(ETH1, LOW), Peer::new(ETH2, HIGH));
    first.establish(&mut bench);
    second.establish(&mut bench);
    bench.input(Input::Carrier { interface: ETH1, up: false });
    assert_eq!(bench.state(&first), NeighbourState::Down);
    assert_eq!(bench.state(&second), NeighbourState::Full, "the other link is left alone");
}

/// Goal: on a point-to-point link a router that comes with another id replaces the one before, at the latest
/// when that is dead.
#[test]
fn step_10_5_another_router_on_a_point_to_point_link() {
    let mut bench = Bench::new(links(1));
    let mut before = Peer::new(ETH1, LOW);
    before.establish(&mut bench);
    let mut after = Peer::new(ETH1, HIGH);
    after.address = before.address;
    bench.run_with(DEAD, &mut [&mut after]);
    assert_eq!(bench.state(&before), NeighbourState::Down);
    after.establish(&mut bench);
}

/// Goal: a passive interface is announced but neither speaks nor listens.
#[test]
fn step_9_5_a_passive_interface_speaks_to_nobody() {
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().passive = true;
    let mut bench = Bench::new(config);
    let mut peer = Peer::new(ETH1, LOW);
    peer.hello(&mut bench);
    bench.run(seconds(20));
    assert!(bench.sent.is_empty() && bench.router.neighbours().is_empty());
    let stub = bench.own().router().unwrap().links().next().expect("a stub network");
    assert_eq!((stub.kind, stub.id), (LinkKind::Stub, [10, 1, 0, 0].into()));
}
