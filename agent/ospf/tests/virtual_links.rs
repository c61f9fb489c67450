//! RFC 2328 §15: virtual links, from the first hello to the routes of the backbone.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::net::Ipv4Addr;

use braid_ospf::{Config, FloodingDomain, InterfaceId, NeighbourState, VirtualLinkConfig};
use braid_ospf_packet::*;
use common::*;

/// A border router whose only way to the backbone is a virtual link to `HIGH` through area 1.
fn config() -> Config {
    let mut config = links(1);
    config.interfaces.get_mut(&ETH1).unwrap().area = AREA_1;
    config.virtual_links.push(VirtualLinkConfig::new(AREA_1, HIGH));
    config
}

/// The router-LSA of `HIGH` in area 1: a border router with a link to us.
fn border_lsa(n: i32, metric: u16) -> Lsa {
    let links = vec![
        RouterLink { kind: LinkKind::PointToPoint, id: US.0, data: [10, 1, 0, 9].into(), metric },
        stub([10, 1, 0, 0].into(), metric),
    ];
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::B, links });
    Lsa::build(1, Options::E, HIGH.0, HIGH, nth(n), &body).unwrap()
}

fn virtual_status(bench: &Bench) -> Option<NeighbourState> {
    let all = bench.router.neighbours();
    all.iter().find(|status| status.interface.is_virtual()).map(|status| status.state)
}

/// The neighbour of area 1, full, and its other self on the virtual link.
fn transit() -> (Bench, Peer, Peer) {
    let mut bench = Bench::new(config());
    let mut near = Peer::new(ETH1, HIGH).in_area(AREA_1, Options::E).with_lsas(&[border_lsa(1, 10)]);
    near.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut near]);
    let mut far = Peer::new(ETH1, HIGH);
    far.hello.mask = NOBODY;
    far.mtu = 0;
    far.ttl = 64;
    (bench, near, far)
}

fn virtual_hello(sent: &&Sent) -> bool {
    sent.area_id == AreaId::BACKBONE && sent.hello().is_some()
}

/// Sends as on the virtual link: to our address, in the backbone.
fn hello(far: &mut Peer, bench: &mut Bench) {
    let body = Body::Hello(far.hello.clone());
    far.send_to(bench, [10, 1, 0, 5].into(), &body);
}

/// Goal: without a way through the transit area, nothing is sent.
#[test]
fn step_15_a_virtual_link_is_down_without_a_way() {
    let mut bench = Bench::new(config());
    bench.run(seconds(60));
    assert!(bench.sent.iter().all(|sent| sent.area_id == AREA_1));
}

/// Goal: with a way, hellos go to the endpoint's address as packets of the backbone that may be forwarded.
#[test]
fn step_15_hellos_go_to_the_endpoint() {
    let (bench, ..) = transit();
    let sent = bench.sent_on(ETH1).find(virtual_hello).expect("a hello of the backbone");
    let expected: (Ipv4Addr, Ipv4Addr) = ([10, 1, 0, 5].into(), [10, 1, 0, 9].into());
    assert_eq!((sent.source, sent.destination), expected);
    assert!(sent.ttl > 1);
    let hello = sent.hello().unwrap();
    assert_eq!((hello.mask, hello.designated_router), (NOBODY, NOBODY));
}

/// Goal: the adjacency comes up; the backbone's router-LSA has a virtual link with the path's cost, area 1's
/// has the V bit.
#[test]
fn step_15_the_adjacency_is_announced() {
    let (mut bench, mut near, mut far) = transit();
    hello(&mut far, &mut bench);
    assert_eq!(virtual_status(&bench), Some(NeighbourState::ExStart));
    let status =
        |bench: &Bench| bench.router.neighbours().into_iter().find(|s| s.interface.is_virtual()).unwrap();
    let interface: InterfaceId = status(&bench).interface;
    assert_eq!(status(&bench).address, far.address);

    // We follow, since its router id is higher.
    far.describe(&mut bench, "IMS", 50, &[]);
    let first = bench.sent_on(ETH1).filter(|sent| sent.area_id == AreaId::BACKBONE);
    let first = first.filter_map(Sent::description).last().unwrap().clone();
    assert_eq!((first.mtu, first.sequence, first.master), (0, 50, false));
    let backbone = router_lsa(HIGH, 1, &[]);
    far.describe(&mut bench, "S", 51, &[backbone.header()]);
    far.flood_to(&mut bench, [10, 1, 0, 5].into(), &[backbone]);
    assert_eq!(virtual_status(&bench), Some(NeighbourState::Full));

    for _ in 0..8 {
        near.hello(&mut bench);
        near.ack_all(&mut bench);
        hello(&mut far, &mut bench);
        bench.run(seconds(1));
    }
    let own = bench.lsa_in(FloodingDomain::Area(AreaId::BACKBONE), router_key(US)).expect("of the backbone");
    let link =
        own.router().unwrap().links().find(|link| link.kind == LinkKind::Virtual).expect("a virtual link");
    assert_eq!((link.id, link.data, link.metric), (HIGH.0, [10, 1, 0, 5].into(), 10));
    let transit = bench.lsa_in(FloodingDomain::Area(AREA_1), router_key(US)).unwrap();
    assert!(transit.router().unwrap().flags().contains(RouterFlags::V.with(RouterFlags::B)));
    assert!(interface.is_virtual());
}

/// Goal: when the way through the transit area is lost, the virtual link goes with it.
#[test]
fn step_15_the_virtual_link_goes_with_its_way() {
    let (mut bench, mut near, mut far) = transit();
    hello(&mut far, &mut bench);
    assert!(virtual_status(&bench).is_some());
    near.flood(&mut bench, &[router_lsa(HIGH, 2, &[])]);
    bench.run(seconds(2));
    assert!(virtual_status(&bench).is_none_or(|state| state == NeighbourState::Down));
}

/// Goal: a packet of the backbone from somebody who is not the endpoint of a virtual link is refused.
#[test]
fn step_8_2_strangers_do_not_enter_the_backbone() {
    let (mut bench, _near, _far) = transit();
    let mut stranger = Peer::new(ETH1, FAR);
    stranger.ttl = 64;
    hello(&mut stranger, &mut bench);
    assert_eq!(virtual_status(&bench), None);
    assert_eq!(bench.refused(braid_ospf::Refusal::Area), 1);
}
