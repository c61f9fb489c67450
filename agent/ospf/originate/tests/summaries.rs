//! Summary-LSAs, by the steps of RFC 2328 §12.4.3.

mod common;

use braid_ospf_originate::{DRAINED_METRIC, Discard, NeighbourView, StubRouter, VirtualLinkView};
use braid_ospf_packet::{LinkKind, LsaBody, RouterFlags, RouterLsa, SummaryLsa};
use common::*;

const AREA1: &str = "0.0.0.1";
const AREA2: &str = "0.0.0.2";

/// A border router of the backbone (neighbour 1.1.1.1, an ABR and ASBR) and area 1 (neighbour 2.2.2.2).
fn border() -> Router {
    Router::new()
        .area(BACKBONE, NORMAL)
        .area(AREA1, NORMAL)
        .neighbour(
            BACKBONE,
            "10.0.0.0/31",
            "1.1.1.1",
            RouterFlags::B.with(RouterFlags::E),
            &[("192.0.2.0/24", 5)],
        )
        .neighbour(
            AREA1,
            "10.1.0.0/31",
            "2.2.2.2",
            RouterFlags::NONE,
            &[("172.16.1.0/24", 1), ("172.16.2.0/24", 2)],
        )
}

#[test]
fn each_area_hears_of_the_others_networks_and_not_of_its_own() {
    let said = border().originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "172.16.1.0/24 11", "172.16.2.0/24 12"]);
    assert_eq!(said.summaries(AREA1), ["10.0.0.0/31 10", "192.0.2.0/24 15"]);
    assert_eq!(said.discards, []);
}

#[test]
fn inter_area_routes_go_from_the_backbone_into_areas_and_never_back() {
    let said = border().summary(BACKBONE, "203.0.113.0/24", "1.1.1.1", 7).originate();
    assert!(said.summaries(AREA1).contains(&"203.0.113.0/24 17".to_string()), "{:?}", said.summaries(AREA1));
    assert!(!said.summaries(BACKBONE).iter().any(|line| line.starts_with("203")));
}

#[test]
fn an_internal_router_summarises_nothing() {
    let mut router = Router::new().area(AREA1, NORMAL).area(AREA2, NORMAL);
    router = router.neighbour(AREA1, "10.1.0.0/31", "2.2.2.2", RouterFlags::NONE, &[]).neighbour(
        AREA2,
        "10.2.0.0/31",
        "3.3.3.3",
        RouterFlags::NONE,
        &[],
    );
    let said = router.originate();
    assert_eq!(said.summaries(AREA1), [""; 0]);
    assert_eq!(said.origins.len(), 2);
}

#[test]
fn ranges_announce_one_summary_at_the_largest_cost_with_a_discard_route() {
    let said = border().range(AREA1, "172.16.0.0/16", true, None).originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "172.16.0.0/16 12"]);
    let discard = Discard { prefix: net("172.16.0.0/16"), area: area_id(AREA1), cost: 12 };
    assert_eq!(said.discards, [discard]);
}

#[test]
fn ranges_have_a_configured_cost_or_hide() {
    let said = border().range(AREA1, "172.16.0.0/16", true, Some(99)).originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "172.16.0.0/16 99"]);
    let said = border().range(AREA1, "172.16.0.0/16", false, None).originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10"]);
    assert_eq!(said.discards, []);
}

#[test]
fn ranges_without_a_network_are_silent_and_the_narrowest_counts() {
    let said = border()
        .range(AREA1, "172.16.0.0/16", true, None)
        .range(AREA1, "172.16.2.0/23", true, None)
        .range(AREA1, "172.20.0.0/16", true, None)
        .originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "172.16.0.0/16 11", "172.16.2.0/23 12"]);
}

#[test]
fn a_range_that_is_a_network_itself_needs_no_discard_route() {
    let said = border().range(AREA1, "172.16.1.0/24", true, None).originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "172.16.1.0/24 11", "172.16.2.0/24 12"]);
    assert_eq!(said.discards, []);
}

#[test]
fn two_masks_of_one_address_have_two_link_state_ids() {
    let said = border().summary(BACKBONE, "203.0.0.0/16", "1.1.1.1", 1).summary(
        BACKBONE,
        "203.0.0.0/8",
        "1.1.1.1",
        2,
    );
    // The foreign router's second LSA replaced its first (one key), so give one of them the ids of appendix E.
    let body = LsaBody::Summary(SummaryLsa { mask: 16, metric: 1 });
    let said = { said }.lsa(BACKBONE, ip("203.0.255.255"), "1.1.1.1", body).originate();
    let ids: Vec<_> = said
        .origins
        .iter()
        .filter(|origin| origin.link_state_id.octets()[0] == 203)
        .map(|origin| origin.link_state_id.to_string())
        .collect();
    assert_eq!(ids, ["203.0.0.0", "203.0.255.255"]);
    assert!(said.summaries(AREA1).contains(&"203.0.0.0/16 11".to_string()), "{:?}", said.summaries(AREA1));
    assert!(said.summaries(AREA1).contains(&"203.0.0.0/8 12".to_string()));
}

#[test]
fn type_4_tells_of_boundary_routers_elsewhere() {
    let said = border().originate();
    assert_eq!(said.asbr_summaries(AREA1), ["1.1.1.1 10"]);
    assert_eq!(said.asbr_summaries(BACKBONE), [""; 0]);
    // Also of those that others told of.
    let body = LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric: 30 });
    let said = border().lsa(BACKBONE, ip("8.8.8.8"), "1.1.1.1", body).originate();
    assert_eq!(said.asbr_summaries(AREA1), ["1.1.1.1 10", "8.8.8.8 40"]);
    assert_eq!(said.asbr_summaries(BACKBONE), [""; 0]);
}

#[test]
fn step_12_4_3_1_stub_areas_have_a_default_and_no_type_4() {
    for (summaries, expected) in
        [(true, vec!["0.0.0.0/0 7", "10.0.0.0/31 10", "192.0.2.0/24 15"]), (false, vec!["0.0.0.0/0 7"])]
    {
        let mut router = border();
        router.areas[1].kind = stub_area(summaries);
        let said = router.originate();
        assert_eq!(said.summaries(AREA1), expected);
        assert_eq!(said.asbr_summaries(AREA1), [""; 0]);
        assert_eq!(said.summaries(BACKBONE).len(), 3, "the backbone hears of the stub area");
    }
}

#[test]
fn a_default_route_inside_the_as_does_not_double_the_stub_default() {
    let mut router = border().summary(BACKBONE, "0.0.0.0/0", "1.1.1.1", 100);
    router.areas[1].kind = stub_area(true);
    assert_eq!(router.originate().summaries(AREA1)[0], "0.0.0.0/0 7");
}

#[test]
fn split_horizon_keeps_a_route_out_of_the_area_of_its_next_hop() {
    // Goal: the backbone is reached over a virtual link through area 1, so area 1 must not hear of backbone networks
    // from us: packets would go back into it.
    let mut router = Router::new()
        .area(BACKBONE, NORMAL)
        .area(AREA1, NORMAL)
        .area(AREA2, NORMAL)
        .neighbour(AREA1, "10.1.0.0/31", "1.1.1.1", RouterFlags::B.with(RouterFlags::V), &[])
        .neighbour(AREA2, "10.2.0.0/31", "3.3.3.3", RouterFlags::NONE, &[("198.18.3.0/24", 1)])
        .range(BACKBONE, "192.0.0.0/8", true, None);
    let links = vec![
        link(LinkKind::Virtual, ip(ME), ip("10.1.0.1"), 10),
        link(LinkKind::Stub, ip("192.0.2.0"), ip("255.255.255.0"), 5),
    ];
    router = router.lsa(
        BACKBONE,
        ip("1.1.1.1"),
        "1.1.1.1",
        LsaBody::Router(RouterLsa { flags: RouterFlags::B, links }),
    );
    router.virtual_links = vec![VirtualLinkView {
        transit: area_id(AREA1),
        endpoint: id("1.1.1.1"),
        address: Some(ip("10.1.0.0")),
        cost: 10,
        full: true,
    }];
    let said = router.originate();
    assert_eq!(said.summaries(BACKBONE), ["10.1.0.0/31 10", "10.2.0.0/31 10", "198.18.3.0/24 11"]);
    // The backbone's range is ignored towards its transit area, and the network lies behind that area: nothing.
    assert!(!said.summaries(AREA1).iter().any(|line| line.starts_with("192")), "{:?}", said.summaries(AREA1));
    assert!(said.summaries(AREA2).contains(&"192.0.0.0/8 15".to_string()), "{:?}", said.summaries(AREA2));
}

#[test]
fn what_is_gone_is_said_no_more() {
    let mut router = border();
    assert_eq!(router.originate().summaries(BACKBONE).len(), 3);
    router.interfaces[1].neighbours =
        vec![NeighbourView { full: false, ..router.interfaces[1].neighbours[0] }];
    assert_eq!(router.originate().summaries(BACKBONE), ["10.1.0.0/31 10"]);
}

#[test]
fn a_drained_border_router_raises_its_summaries() {
    let mut router = border();
    router.stub_router = StubRouter::Links;
    assert_eq!(router.originate().summaries(AREA1)[0], "10.0.0.0/31 10");
    router.stub_router = StubRouter::All;
    assert_eq!(router.originate().summaries(AREA1)[0], format!("10.0.0.0/31 {DRAINED_METRIC}"));
}
