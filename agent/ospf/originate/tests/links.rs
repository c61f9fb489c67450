//! Router-LSAs and network-LSAs, by the steps of RFC 2328 §12.4.1 and §12.4.2.

mod common;

use std::net::Ipv4Addr;

use braid_ospf_originate::{
    InterfaceState, InterfaceView, NeighbourView, Network, Problem, StubRouter, VirtualLinkView,
};
use braid_ospf_packet::{LinkKind, LsType, LsaBody, Options, RouterFlags};
use common::*;

fn neighbour(router: &str, address: &str, full: bool) -> NeighbourView {
    NeighbourView { router_id: id(router), address: ip(address), full }
}

fn broadcast(state: InterfaceState, dr: &str, neighbours: Vec<NeighbourView>) -> InterfaceView {
    InterfaceView {
        network: Network::Broadcast,
        state,
        designated_router: ip(dr),
        neighbours,
        ..point_to_point(BACKBONE, "10.0.0.1/24")
    }
}

fn backbone_with(interface: InterfaceView) -> Router {
    Router::new().area(BACKBONE, NORMAL).interface(interface)
}

#[test]
fn step_12_4_1_says_nothing_of_what_is_down() {
    let down = InterfaceView { state: InterfaceState::Down, ..loopback(BACKBONE, "100.64.0.1") };
    let said = backbone_with(down).originate();
    assert_eq!(said.router(BACKBONE).links, []);
    assert_eq!(said.router(BACKBONE).flags, RouterFlags::NONE);
    assert_eq!(said.origins[0].options, Options::E);
    assert_eq!(said.origins[0].link_state_id, ip(ME));
}

#[test]
fn step_12_4_1_a_loopback_is_a_host_route_with_further_networks_behind_it() {
    let mut interface = loopback(BACKBONE, "100.64.0.1");
    interface.prefixes.insert(net("198.18.1.0/24"), 20);
    let links = backbone_with(interface).originate().router(BACKBONE).links;
    let host = link(LinkKind::Stub, ip("100.64.0.1"), Ipv4Addr::BROADCAST, 0);
    assert_eq!(links, [host, link(LinkKind::Stub, ip("198.18.1.0"), ip("255.255.255.0"), 20)]);
}

#[test]
fn step_12_4_1_1_point_to_point_has_a_link_when_full_and_its_subnet_always() {
    let full = |full| InterfaceView {
        neighbours: vec![neighbour("1.1.1.1", "10.0.0.1", full)],
        ..point_to_point(BACKBONE, "10.0.0.0/31")
    };
    let subnet = link(LinkKind::Stub, ip("10.0.0.0"), ip("255.255.255.254"), 10);
    assert_eq!(backbone_with(full(false)).originate().router(BACKBONE).links, std::slice::from_ref(&subnet));
    assert_eq!(
        backbone_with(full(true)).originate().router(BACKBONE).links,
        [link(LinkKind::PointToPoint, ip("1.1.1.1"), ip("10.0.0.0"), 10), subnet]
    );
}

#[test]
fn step_12_4_1_1_a_32_is_announced_as_the_own_address() {
    let links = backbone_with(point_to_point(BACKBONE, "10.0.0.7/32")).originate().router(BACKBONE).links;
    assert_eq!(links, [link(LinkKind::Stub, ip("10.0.0.7"), Ipv4Addr::BROADCAST, 10)]);
}

#[test]
fn step_12_4_1_1_an_unnumbered_link_has_its_index_and_no_subnet() {
    let interface = InterfaceView {
        unnumbered: Some(0x0102),
        neighbours: vec![neighbour("1.1.1.1", "100.64.0.2", true)],
        ..point_to_point(BACKBONE, "100.64.0.1/32")
    };
    let links = backbone_with(interface).originate().router(BACKBONE).links;
    assert_eq!(links, [link(LinkKind::PointToPoint, ip("1.1.1.1"), ip("0.0.1.2"), 10)]);
}

#[test]
fn step_12_4_1_2_a_broadcast_network_is_transit_only_with_a_full_designated_router() {
    use InterfaceState::{Backup, Dr, DrOther, Waiting};
    let stub = link(LinkKind::Stub, ip("10.0.0.0"), ip("255.255.255.0"), 10);
    let transit = |dr| link(LinkKind::Transit, ip(dr), ip("10.0.0.1"), 10);
    let dr = |full| vec![neighbour("1.1.1.1", "10.0.0.9", full), neighbour("2.2.2.2", "10.0.0.8", true)];
    for (state, address, neighbours, expected, why) in [
        (Waiting, "10.0.0.9", dr(true), &stub, "still waiting"),
        (DrOther, "10.0.0.9", dr(false), &stub, "another neighbour is full, the DR is not"),
        (DrOther, "0.0.0.0", dr(true), &stub, "no DR"),
        (DrOther, "10.0.0.9", dr(true), &transit("10.0.0.9"), "full DR"),
        (Backup, "10.0.0.9", dr(true), &transit("10.0.0.9"), "full DR as backup"),
        (Dr, "10.0.0.1", vec![neighbour("1.1.1.1", "10.0.0.9", false)], &stub, "DR of nobody"),
        (Dr, "10.0.0.1", dr(true), &transit("10.0.0.1"), "DR with a full neighbour"),
    ] {
        let links = backbone_with(broadcast(state, address, neighbours)).originate().router(BACKBONE).links;
        assert_eq!(links, std::slice::from_ref(expected), "{why}");
    }
}

#[test]
fn step_12_4_1_3_a_virtual_link_is_the_backbones_and_marks_its_transit_area() {
    let mut router = Router::new()
        .area(BACKBONE, NORMAL)
        .area("0.0.0.1", NORMAL)
        .interface(point_to_point("0.0.0.1", "10.0.0.0/31"));
    let up = VirtualLinkView {
        transit: area_id("0.0.0.1"),
        endpoint: id("1.1.1.1"),
        address: Some(ip("10.0.0.0")),
        cost: 30,
        full: true,
    };
    let flags = |router: &mut Router, area| router.originate().router(area).flags;
    router.virtual_links = vec![up];
    let said = router.originate();
    assert_eq!(said.router(BACKBONE).links, [link(LinkKind::Virtual, ip("1.1.1.1"), ip("10.0.0.0"), 30)]);
    assert_eq!(said.router(BACKBONE).flags, RouterFlags::B);
    assert_eq!(said.router("0.0.0.1").flags, RouterFlags::B.with(RouterFlags::V));

    for down in [
        VirtualLinkView { full: false, ..up },
        VirtualLinkView { address: None, full: false, ..up },
        VirtualLinkView { cost: 0x1_0000, ..up },
    ] {
        router.virtual_links = vec![down];
        assert_eq!(router.originate().router(BACKBONE).links, [], "{down:?}");
    }
    // It still makes us a border router: or the other end could never find us (RFC 2328 §15).
    router.virtual_links = vec![VirtualLinkView { full: false, ..up }];
    assert_eq!(flags(&mut router, "0.0.0.1"), RouterFlags::B);
}

#[test]
fn step_12_4_1_border_routers_have_the_backbone_and_another_area() {
    let flags = |areas: &[&str], up: &[&str]| {
        let router = areas.iter().fold(Router::new(), |router, area| router.area(area, NORMAL));
        let mut router =
            up.iter().fold(router, |router, area| router.interface(loopback(area, "100.64.0.1")));
        router.originate().router(areas[0]).flags
    };
    assert_eq!(flags(&[BACKBONE, "0.0.0.1"], &[BACKBONE, "0.0.0.1"]), RouterFlags::B);
    // RFC 3509: not without an interface in the backbone, nor with all interfaces elsewhere down.
    assert_eq!(flags(&["0.0.0.1", "0.0.0.2"], &["0.0.0.1", "0.0.0.2"]), RouterFlags::NONE);
    assert_eq!(flags(&[BACKBONE, "0.0.0.1"], &["0.0.0.1"]), RouterFlags::NONE);
    assert_eq!(flags(&[BACKBONE, "0.0.0.1"], &[BACKBONE]), RouterFlags::NONE);
}

#[test]
fn step_12_4_1_as_boundary_routers_say_so_but_not_in_stub_areas() {
    let said = Router::new()
        .area(BACKBONE, NORMAL)
        .area("0.0.0.1", stub_area(true))
        .interface(loopback(BACKBONE, "100.64.0.1"))
        .interface(point_to_point("0.0.0.1", "10.0.0.0/31"))
        .external("198.18.0.0/24", 20, true, None)
        .originate();
    assert_eq!(said.router(BACKBONE).flags, RouterFlags::B.with(RouterFlags::E));
    assert_eq!(said.router("0.0.0.1").flags, RouterFlags::B);
    let options: Vec<_> = said.origins.iter().map(|origin| (origin.ls_type, origin.options)).collect();
    assert!(options.contains(&(LsType::Router, Options::NONE)), "E bit off in the stub area: {options:?}");
}

#[test]
fn step_12_4_2_the_designated_router_lists_its_full_neighbours() {
    let neighbours = vec![
        neighbour("9.9.9.9", "10.0.0.9", true),
        neighbour("1.1.1.1", "10.0.0.8", true),
        neighbour("2.2.2.2", "10.0.0.7", false),
    ];
    let said = backbone_with(broadcast(InterfaceState::Dr, "10.0.0.1", neighbours.clone())).originate();
    let networks: Vec<_> = said.origins.iter().filter(|origin| origin.ls_type == LsType::Network).collect();
    let [network] = networks.as_slice() else { panic!("one network-LSA: {said:?}") };
    assert_eq!(network.link_state_id, ip("10.0.0.1"));
    let LsaBody::Network(body) = &network.body else { panic!("{network:?}") };
    assert_eq!((body.mask, body.routers.as_slice()), (24, [id("1.1.1.1"), id(ME), id("9.9.9.9")].as_slice()));

    let nobody = vec![neighbour("1.1.1.1", "10.0.0.8", false)];
    for interface in [
        broadcast(InterfaceState::Dr, "10.0.0.1", nobody),
        broadcast(InterfaceState::Backup, "10.0.0.9", neighbours),
    ] {
        let said = backbone_with(interface).originate();
        assert!(said.origins.iter().all(|origin| origin.ls_type != LsType::Network));
    }
}

#[test]
fn rfc_6987_a_stub_router_keeps_its_own_networks_cheap() {
    let mut router = Router::new()
        .area(BACKBONE, NORMAL)
        .interface(loopback(BACKBONE, "100.64.0.1"))
        .neighbour(BACKBONE, "10.0.0.0/31", "1.1.1.1", RouterFlags::NONE, &[]);
    router.stub_router = StubRouter::Links;
    let links = router.originate().router(BACKBONE).links;
    let metrics: Vec<_> = links.iter().map(|link| (link.kind, link.metric)).collect();
    assert_eq!(metrics, [(LinkKind::Stub, 0), (LinkKind::PointToPoint, 0xffff), (LinkKind::Stub, 10)]);
}

#[test]
fn a_router_lsa_that_grows_too_long_loses_stub_networks_first() {
    let mut interface = loopback(BACKBONE, "100.64.0.1");
    for number in 0..6000_u32 {
        let prefix = Ipv4Addr::from_bits(0xc600_0000 + (number << 8));
        interface.prefixes.insert(format!("{prefix}/24").parse().unwrap(), 1);
    }
    let mut router =
        backbone_with(interface).neighbour(BACKBONE, "10.0.0.0/31", "1.1.1.1", RouterFlags::NONE, &[]);
    let said = router.originate();
    let links = said.router(BACKBONE).links;
    assert!(links.iter().any(|link| link.kind == LinkKind::PointToPoint), "the way to others stays");
    let omitted = 6003 - links.len();
    let problem = Problem::RouterLsaTooLong { area: area_id(BACKBONE), links: 6003, omitted };
    assert_eq!(said.problems, [problem]);
    assert!((500..=560).contains(&omitted), "no more than needed: {omitted}");
}
