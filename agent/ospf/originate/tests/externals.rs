//! AS-external-LSAs, by the steps of RFC 2328 §12.4.4, and NSSAs by those of RFC 3101.

mod common;

use braid_ospf_originate::{AreaType, Discard, InterfaceState, InterfaceView, Translate};
use braid_ospf_packet::{ExternalLsa, LsaBody, RouterFlags};
use common::*;

const AREA1: &str = "0.0.0.1";

fn internal() -> Router {
    Router::new()
        .area(BACKBONE, NORMAL)
        .interface(loopback(BACKBONE, "100.64.0.5"))
        .neighbour(BACKBONE, "10.0.0.0/31", "1.1.1.1", RouterFlags::E, &[])
        .neighbour(BACKBONE, "10.0.1.0/31", "9.9.9.9", RouterFlags::E, &[("192.0.2.0/24", 5)])
}

#[test]
fn step_12_4_4_own_routes_are_type_5_unless_unreachable() {
    let said = internal()
        .external("198.18.0.0/24", 20, true, None)
        .external("198.18.1.0/24", 30, false, None)
        .external("198.18.2.0/24", 0xff_ffff, false, None)
        .originate();
    assert_eq!(said.externals("as"), ["198.18.0.0/24 E2 20 via 0.0.0.0", "198.18.1.0/24 E1 30 via 0.0.0.0"]);
}

#[test]
fn step_12_4_4_1_forwarding_addresses_must_be_inside_the_as() {
    for (forwarding, expected, why) in [
        ("10.0.0.1", "10.0.0.1", "on an own link"),
        ("192.0.2.77", "192.0.2.77", "on a network of the AS"),
        ("10.0.0.0", "10.0.0.0", "ourselves"),
        ("203.0.113.1", "0.0.0.0", "nobody knows it"),
    ] {
        let said = internal().external("198.18.0.0/24", 20, true, Some(forwarding)).originate();
        assert_eq!(said.externals("as"), [format!("198.18.0.0/24 E2 20 via {expected}")], "{why}");
    }
}

#[test]
fn step_12_4_4_1_equivalent_lsas_are_left_to_the_highest_router_id() {
    let theirs = |by: &str, metric, forwarding: &str| {
        let body = ExternalLsa { mask: 24, type2: true, metric, forwarding: ip(forwarding), tag: 0 };
        let router = internal().external("198.18.0.0/24", 20, true, Some("192.0.2.7"));
        router.lsa("as", ip("198.18.0.0"), by, LsaBody::External(body)).originate().externals("as").len()
    };
    assert_eq!(theirs("9.9.9.9", 20, "192.0.2.7"), 0, "the other's id is higher");
    assert_eq!(theirs("1.1.1.1", 20, "192.0.2.7"), 1, "ours is");
    assert_eq!(theirs("8.8.8.8", 20, "192.0.2.7"), 1, "the other cannot be reached");
    assert_eq!(theirs("9.9.9.9", 19, "192.0.2.7"), 1, "another cost");
    assert_eq!(theirs("9.9.9.9", 20, "0.0.0.0"), 1, "no forwarding address");
}

#[test]
fn stub_areas_take_no_externals() {
    let said = Router::new()
        .area(AREA1, stub_area(true))
        .interface(loopback(AREA1, "100.64.0.5"))
        .external("198.18.0.0/24", 20, true, None)
        .originate();
    assert_eq!(said.origins.len(), 1);
}

/// A router with both interfaces in NSSA 1.
fn inside_nssa() -> Router {
    Router::new()
        .area(AREA1, nssa(true))
        .interface(loopback(AREA1, "100.64.0.5"))
        .neighbour(AREA1, "10.0.0.0/31", "1.1.1.1", RouterFlags::B, &[])
        .external("198.18.0.0/24", 20, true, None)
}

#[test]
fn rfc_3101_2_4_an_internal_router_wants_translation_and_says_where_to_send() {
    let said = inside_nssa().originate();
    assert_eq!(said.externals(AREA1), ["198.18.0.0/24 E2 20 via 100.64.0.5 P"]);
    assert_eq!(said.externals("as"), [""; 0]);
    assert_eq!(said.router(AREA1).flags, RouterFlags::E);
}

#[test]
fn rfc_3101_2_3_the_forwarding_address_is_a_loopbacks_or_a_stub_networks_or_else_an_interfaces() {
    let mut router = inside_nssa();
    let passive = InterfaceView { passive: true, ..point_to_point(AREA1, "172.16.9.1/24") };
    router.interfaces.push(passive);
    assert_eq!(router.originate().externals(AREA1), ["198.18.0.0/24 E2 20 via 100.64.0.5 P"]);
    router.interfaces[0].state = InterfaceState::Down;
    assert_eq!(router.originate().externals(AREA1), ["198.18.0.0/24 E2 20 via 172.16.9.1 P"]);
    let mut router = inside_nssa();
    router.interfaces[0].state = InterfaceState::Down;
    assert_eq!(router.originate().externals(AREA1), ["198.18.0.0/24 E2 20 via 10.0.0.0 P"]);
    // An address that is on a link of the area itself is better still.
    router.externals.values_mut().for_each(|external| external.forwarding = Some(ip("10.0.0.1")));
    assert_eq!(router.originate().externals(AREA1), ["198.18.0.0/24 E2 20 via 10.0.0.1 P"]);
    // Without any address nobody can translate.
    let mut router = inside_nssa();
    router.interfaces.iter_mut().for_each(|interface| interface.unnumbered = Some(1));
    assert_eq!(router.originate().externals(AREA1), ["198.18.0.0/24 E2 20 via 0.0.0.0"]);
}

/// A border router of the backbone and NSSA 1; 2.2.2.2 is an ASBR in the NSSA, 3.3.3.3 another border router of it.
fn nssa_border(other_flags: RouterFlags, other: &str) -> Router {
    Router::new()
        .area(BACKBONE, NORMAL)
        .area(AREA1, nssa(true))
        .neighbour(BACKBONE, "10.0.0.0/31", "1.1.1.1", RouterFlags::B, &[])
        .neighbour(AREA1, "10.1.0.0/31", "2.2.2.2", RouterFlags::E, &[("172.16.0.2/32", 0)])
        .neighbour(AREA1, "10.1.1.0/31", other, other_flags, &[])
        .type_7(AREA1, "198.18.0.0/24", "2.2.2.2", 20, "172.16.0.2")
        .type_7(AREA1, "198.18.1.0/24", "2.2.2.2", 21, "172.16.0.2")
}

fn translate(router: &mut Router, role: Translate) {
    let AreaType::Nssa { translate, .. } = &mut router.areas[1].kind else { panic!("NSSA") };
    *translate = role;
}

const TRANSLATED: [&str; 2] = ["198.18.0.0/24 E2 20 via 172.16.0.2", "198.18.1.0/24 E2 21 via 172.16.0.2"];

#[test]
fn rfc_3101_3_2_a_translator_repeats_type_7_as_type_5() {
    let said = nssa_border(RouterFlags::B, "3.3.3.3").originate();
    assert_eq!(said.externals("as"), TRANSLATED);
    assert_eq!(said.externals(AREA1), ["0.0.0.0/0 E1 7 via 0.0.0.0"], "and gives the area a default");
    assert_eq!(said.router(BACKBONE).flags, RouterFlags::B.with(RouterFlags::E));
    assert_eq!(said.router(AREA1).flags, RouterFlags::B.with(RouterFlags::E));
    let LsaBody::External(body) = &said.origins.last().unwrap().body else { panic!("type 5 last") };
    assert_eq!(body.tag, 9, "the tag is kept");
}

#[test]
fn rfc_3101_3_1_translators_are_elected() {
    let translates = |role, flags, other| {
        let mut router = nssa_border(flags, other);
        translate(&mut router, role);
        !router.originate().externals("as").is_empty()
    };
    let (b, nt) = (RouterFlags::B, RouterFlags::B.with(RouterFlags::NT));
    assert!(translates(Translate::Candidate, b, "3.3.3.3"), "our id is higher");
    assert!(!translates(Translate::Candidate, b, "9.9.9.9"), "theirs is");
    assert!(!translates(Translate::Candidate, nt, "3.3.3.3"), "they always do");
    assert!(translates(Translate::Candidate, RouterFlags::NONE, "9.9.9.9"), "no border router");
    assert!(translates(Translate::Always, nt, "9.9.9.9"), "we always do");
    assert!(!translates(Translate::Never, b, "3.3.3.3"));
    let mut router = nssa_border(b, "9.9.9.9");
    router.areas[1].translating_still = true;
    assert_eq!(router.originate().externals("as"), TRANSLATED, "deposed, but not for long enough");
}

#[test]
fn rfc_3101_3_1_who_always_translates_says_so() {
    let mut router = nssa_border(RouterFlags::B, "3.3.3.3");
    translate(&mut router, Translate::Always);
    let said = router.originate();
    assert!(said.router(AREA1).flags.contains(RouterFlags::NT));
    assert!(!said.router(BACKBONE).flags.contains(RouterFlags::NT));
}

#[test]
fn rfc_3101_3_2_what_is_not_translated() {
    use braid_ospf_packet::Options;
    let body = |forwarding: &str, mask| {
        LsaBody::Nssa(ExternalLsa { mask, type2: true, metric: 1, forwarding: ip(forwarding), tag: 0 })
    };
    let (id, by, fa) = (ip("203.0.113.0"), "2.2.2.2", "172.16.0.2");
    let base = || nssa_border(RouterFlags::B, "3.3.3.3");
    for (router, why) in [
        (base().lsa_with(AREA1, id, by, Options::NONE, body(fa, 24)), "no P bit"),
        (base().lsa_with(AREA1, id, by, Options::NP, body("0.0.0.0", 24)), "no forwarding address"),
        (
            base().lsa_with(AREA1, id, by, Options::NP, body("192.0.2.1", 24)),
            "unreachable forwarding address",
        ),
        (base().lsa_with(AREA1, id, "8.8.8.8", Options::NP, body(fa, 24)), "unreachable router"),
        (base().lsa_with(AREA1, ip("0.0.0.0"), by, Options::NP, body(fa, 0)), "a default"),
    ] {
        let mut router = router;
        assert_eq!(router.originate().externals("as"), TRANSLATED, "{why}");
    }
}

/// Only installed type-7 LSAs are examined: those of a route that is best from here.
#[test]
fn rfc_3101_3_2_of_several_routes_the_installed_one_is_translated() {
    // 10.1.1.1 in the NSSA announces the same network, at a greater distance than 2.2.2.2.
    let rival = |by: &str, metric| {
        nssa_border(RouterFlags::B, "3.3.3.3")
            .neighbour(AREA1, "10.1.2.0/31", by, RouterFlags::E, &[("172.16.0.9/32", 5)])
            .type_7(AREA1, "198.18.0.0/24", by, metric, "172.16.0.9")
            .originate()
            .externals("as")
    };
    assert_eq!(rival("10.1.1.1", 20), TRANSLATED, "as good outside, farther away inside");
    assert_eq!(rival("10.1.1.1", 19)[0], "198.18.0.0/24 E2 19 via 172.16.0.9");
    // A type 5 that is better takes its place, one that is worse does not.
    let type_5 = |metric| {
        let body = ExternalLsa { mask: 24, type2: true, metric, forwarding: ip("0.0.0.0"), tag: 0 };
        nssa_border(RouterFlags::B, "3.3.3.3")
            .neighbour(BACKBONE, "10.0.9.0/31", "7.7.7.7", RouterFlags::E, &[])
            .lsa("as", ip("198.18.0.0"), "7.7.7.7", LsaBody::External(body))
            .originate()
            .externals("as")
    };
    assert_eq!(type_5(19), [TRANSLATED[1]]);
    assert_eq!(type_5(21), TRANSLATED);
}

#[test]
fn rfc_3101_3_2_ranges_sum_translations_up() {
    let ranged = |range: &str, tag| {
        let mut router = nssa_border(RouterFlags::B, "3.3.3.3");
        let AreaType::Nssa { external_ranges, .. } = &mut router.areas[1].kind else { panic!("NSSA") };
        external_ranges.insert(net(range), tag);
        router.originate()
    };
    let said = ranged("198.18.0.0/16", Some(77));
    assert_eq!(
        said.externals("as"),
        ["198.18.0.0/16 E2 22 via 0.0.0.0"],
        "the largest type 2 metric, plus one"
    );
    assert_eq!(said.discards, [Discard { prefix: net("198.18.0.0/16"), area: area_id(AREA1), cost: 22 }]);
    let LsaBody::External(body) = &said.origins.last().unwrap().body else { panic!("type 5 last") };
    assert_eq!(body.tag, 77);

    assert_eq!(ranged("198.18.0.0/16", None).externals("as"), [""; 0], "hidden");
    assert_eq!(
        ranged("198.18.0.0/24", Some(77)).externals("as"),
        TRANSLATED,
        "a range that is the network itself"
    );
}

#[test]
fn rfc_3101_2_4_a_border_router_that_is_a_boundary_router_says_both_and_wants_no_translation() {
    let mut router = nssa_border(RouterFlags::B, "3.3.3.3").external("203.0.113.0/24", 5, true, None);
    let said = router.originate();
    assert_eq!(said.externals(AREA1), ["0.0.0.0/0 E1 7 via 0.0.0.0", "203.0.113.0/24 E2 5 via 0.0.0.0"]);
    assert!(said.externals("as").contains(&"203.0.113.0/24 E2 5 via 0.0.0.0".to_string()));
}

#[test]
fn rfc_3101_3_2_a_better_own_route_is_not_replaced_by_a_translation() {
    let own = |metric| {
        let mut router = nssa_border(RouterFlags::B, "3.3.3.3").external("198.18.0.0/24", metric, true, None);
        router.originate().externals("as")[0].clone()
    };
    assert_eq!(own(5), "198.18.0.0/24 E2 5 via 0.0.0.0");
    assert_eq!(own(500), "198.18.0.0/24 E2 20 via 172.16.0.2");
}

#[test]
fn rfc_3101_2_7_without_summaries_the_default_is_a_summary() {
    let mut router = nssa_border(RouterFlags::B, "3.3.3.3");
    router.areas[1].kind = nssa(false);
    let said = router.originate();
    assert_eq!(said.summaries(AREA1), ["0.0.0.0/0 7"]);
    assert_eq!(said.externals(AREA1), [""; 0]);
    assert_eq!(said.externals("as"), TRANSLATED);
}
