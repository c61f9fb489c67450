//! Goal: the routes told from LSPs alone are those of the router itself, but for the circuits.

mod common;

use std::net::Ipv4Addr;

use braid_isis_packet::{LanId, Level, Lsp, LspFlags, NewLsp, SystemId, Tlv, WideNeighbour, WidePrefix};
use braid_isis_route::{NextHop, PathKind, Route, RoutesOfError, routes_of};
use common::{build, net, router, system};
use ipnet::Ipv4Net;

struct Said<'a> {
    listed: &'a [(LanId, u32)],
    subnets: &'a [(&'a str, u32)],
    addresses: &'a [&'a str],
}

fn says(node: LanId, said: &Said<'_>) -> Lsp {
    let tlvs = [
        Tlv::IsNeighbours(
            said.listed.iter().map(|(node, metric)| WideNeighbour::new(*node, *metric)).collect(),
        ),
        Tlv::ExtendedIp(
            said.subnets.iter().map(|(text, metric)| WidePrefix::new(net(text), *metric)).collect(),
        ),
        Tlv::IpInterfaceAddresses(
            said.addresses.iter().map(|text| text.parse().expect("an address")).collect(),
        ),
    ];
    build(Level::Two, node.fragment(0), LspFlags::new(Level::Two), &tlvs)
}

fn routes(lsps: &[Lsp]) -> Vec<(Ipv4Net, Route)> {
    routes_of(system(1), Level::Two, lsps).expect("1 says something")
}

fn gateways(routes: &[(Ipv4Net, Route)], prefix: &str) -> Vec<Ipv4Addr> {
    let (_, route) = routes.iter().find(|(found, _)| *found == net(prefix)).expect("a route");
    assert!(route.next_hops.iter().all(|hop| hop.circuit == NextHop::UNKNOWN_CIRCUIT));
    route.next_hops.iter().map(|hop| hop.gateway.expect("an address")).collect()
}

/// Routers 1 and 2 with two links, at 10 and at 30, and a LAN of 1, 2 and 3 at 10; 3 is 2's and ours there only.
fn network(second: u32) -> Vec<Lsp> {
    let lan = system(3).pseudonode(1);
    let ours = Said {
        listed: &[(router(2), 10), (router(2), second), (lan, 10)],
        subnets: &[
            ("100.65.0.0/31", 10),
            ("100.65.0.2/31", second),
            ("10.0.0.0/24", 10),
            ("100.64.0.1/32", 0),
        ],
        addresses: &["100.65.0.0", "100.65.0.2", "10.0.0.1", "100.64.0.1"],
    };
    let second = Said {
        listed: &[(router(1), 10), (router(1), second), (lan, 10)],
        subnets: &[("100.64.0.2/32", 0)],
        addresses: &["10.0.0.2", "100.64.0.2", "100.65.0.1", "100.65.0.3"],
    };
    let third = Said {
        listed: &[(lan, 10)],
        subnets: &[("100.64.0.3/32", 0)],
        addresses: &["100.64.0.3", "10.0.0.3"],
    };
    let pseudonode =
        Said { listed: &[(router(1), 0), (router(2), 0), (router(3), 0)], subnets: &[], addresses: &[] };
    vec![says(router(1), &ours), says(router(2), &second), says(router(3), &third), says(lan, &pseudonode)]
}

#[test]
fn gateways_are_the_addresses_in_shared_prefixes_and_metrics_tell_parallel_links_apart() {
    let found = routes(&network(30));
    let gateway = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    assert_eq!(gateways(&found, "100.64.0.2/32"), [gateway("10.0.0.2"), gateway("100.65.0.1")]);
    assert_eq!(gateways(&found, "100.64.0.3/32"), [gateway("10.0.0.3")]);
    let found = routes(&network(10));
    let all = ["10.0.0.2", "100.65.0.1", "100.65.0.3"].map(gateway);
    assert_eq!(gateways(&found, "100.64.0.2/32"), all);
}

#[test]
fn a_neighbour_without_a_shared_prefix_has_its_first_address_and_one_without_any_has_none() {
    let ours = Said { listed: &[(router(2), 1), (router(3), 1)], subnets: &[], addresses: &[] };
    let second = Said {
        listed: &[(router(1), 1)],
        subnets: &[("100.64.0.2/32", 0)],
        addresses: &["100.64.0.2", "192.0.2.1"],
    };
    let third = Said { listed: &[(router(1), 1)], subnets: &[("100.64.0.3/32", 0)], addresses: &[] };
    let found = routes(&[says(router(1), &ours), says(router(2), &second), says(router(3), &third)]);
    assert_eq!(gateways(&found, "100.64.0.2/32"), ["100.64.0.2".parse::<Ipv4Addr>().unwrap()]);
    let nowhere = NextHop { circuit: NextHop::UNKNOWN_CIRCUIT, gateway: None };
    assert_eq!(&*found[1].1.next_hops, [nowhere]);
}

#[test]
fn the_newest_versions_count_in_whatever_order_and_purged_ones_do_not() {
    let mut lsps = network(30);
    let expected = routes(&lsps);
    let new = NewLsp {
        level: Level::Two,
        id: router(9).fragment(0),
        sequence: 2,
        lifetime: 1200,
        flags: LspFlags::new(Level::Two),
    };
    let older = lsps[1].clone();
    let newer = Lsp::build(&NewLsp { id: router(2).fragment(0), ..new }, &[], &Default::default()).unwrap();
    lsps.splice(0..0, [newer.clone(), newer.with_lifetime(0)]);
    let without: Vec<_> = routes(&lsps).into_iter().map(|(net, _)| net).collect();
    assert!(!without.contains(&net("100.64.0.2/32")), "2 was purged");
    lsps.drain(..2);
    lsps.push(older);
    assert_eq!(routes(&lsps), expected);
}

#[test]
fn a_router_of_level_1_alone_leaves_by_the_nearest_attached_one() {
    let area = |number: u32, is_type, attached| {
        let flags = LspFlags { attached, ..LspFlags::new(is_type) };
        let other = router(3 - number);
        common::lsp_with(Level::One, router(number).fragment(0), flags, &[(other, 10)], &[])
    };
    let lsps = [area(1, Level::One, false), area(2, Level::Two, true)];
    let found = routes_of(system(1), Level::One, &lsps).unwrap();
    assert_eq!(found[0].1.kind, PathKind::Attached);
    assert_eq!(routes_of(system(2), Level::One, &lsps).unwrap(), []);
}

#[test]
fn a_router_that_says_nothing_is_told() {
    let unknown: SystemId = system(77);
    let error = routes_of(unknown, Level::Two, &network(30)).unwrap_err();
    let id = unknown.node().fragment(0);
    assert_eq!(error, RoutesOfError::Silent { id, level: Level::Two, count: 4 });
    assert!(error.to_string().contains("0000.0000.004d.00-00 of level 2 is among the 4 LSPs"), "{error}");
    assert!(routes_of(system(1), Level::One, &network(30)).is_err());
}
