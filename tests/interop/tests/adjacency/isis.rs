//! IS-IS of isisd and the embedded engine.

use std::{collections::BTreeMap, net::Ipv4Addr, thread};

use braid_interop::{Algorithm, Auth, Kind, MetricStyle, Network, Settings};
use braid_world::{
    Change, External, RouterIndex, SegmentKind,
    isis::{self, Domain, Level, Levels},
};
use ipnet::Ipv4Net;

use crate::{A, B, C, SEGMENT, keys, ok, world};

const OTHERS: [Kind; 2] = [Kind::Native, Kind::Frr];
const LEVELS: [Levels; 3] = [Levels::One, Levels::Two, Levels::Both];

/// Looks into all cases at once: most of the time goes by in waiting for isisd.
fn each<C: Send>(cases: impl IntoIterator<Item = C>, test: impl Fn(C) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}

fn flat(kinds: &[Kind], levels: Levels) -> Domain {
    Domain {
        routers: kinds.iter().map(|kind| router(*kind, 1, levels)).collect(),
        segments: vec![levels],
        narrow: false,
    }
}

/// isisd leaks nothing.
fn router(kind: Kind, area: u16, levels: Levels) -> isis::Router {
    isis::Router { leak_up: kind == Kind::Native, ..isis::Router::new(area, levels) }
}

fn network(kind: SegmentKind, kinds: &[Kind], priorities: &[u8], settings: Settings) -> Network {
    let mut network = Network::build(world(kind, priorities), kinds.to_vec(), settings).unwrap();
    network.start_all().unwrap();
    network
}

fn pair(kind: SegmentKind, kinds: [Kind; 2], settings: Settings) -> Network {
    network(kind, &kinds, &[64, 64], settings)
}

#[test]
fn neighbours_come_up_at_their_levels_on_cables_and_lans_and_route() {
    let segments = [SegmentKind::PointToPoint, SegmentKind::Broadcast];
    let cases = segments.into_iter().flat_map(|segment| {
        OTHERS.into_iter().flat_map(move |kind| LEVELS.map(|levels| (segment, kind, levels)))
    });
    each(cases, |(segment, kind, levels)| {
        let what = format!("native and {kind}, {segment:?}, {levels:?}");
        let kinds = [Kind::Native, kind];
        let network = pair(segment, kinds, Settings::isis(flat(&kinds, levels)));
        ok(&what, &network, network.converge());
        for (here, there) in [(A, B), (B, A)] {
            ok(&what, &network, network.wait_for_levels(SEGMENT, here, there, levels));
        }
    });
}

#[test]
fn a_router_of_both_levels_meets_others_at_what_they_share() {
    let both = Levels::Both;
    // Area and levels of the other, and what is shared with one of area 1 and both levels.
    let others = [(1, Levels::One, Levels::One), (1, Levels::Two, Levels::Two), (2, both, Levels::Two)];
    each(others, |(area, levels, shared)| {
        let what = format!("area {area}, {levels:?}");
        let domain = Domain {
            routers: vec![router(Kind::Native, 1, both), router(Kind::Frr, area, levels)],
            segments: vec![both],
            narrow: false,
        };
        let network = pair(SegmentKind::PointToPoint, [Kind::Native, Kind::Frr], Settings::isis(domain));
        ok(&what, &network, network.adjacent(SEGMENT, A, B));
        ok(&what, &network, network.converge());
        // isisd has an adjacency of level 1 with a router of another area, too.
        ok(&what, &network, network.wait_for_levels(SEGMENT, A, B, shared));
    });
}

/// Goal: whoever is the designated router, all reach one another and agree on who it is, at both levels.
fn roles(kinds: [Kind; 3], priorities: [u8; 3]) {
    let what = format!("{kinds:?} with priorities {priorities:?}");
    let settings = Settings::isis(flat(&kinds, Levels::Both));
    let mut network = network(SegmentKind::Broadcast, &kinds, &priorities, settings);
    ok(&what, &network, network.converge());
    let mut order = [A, B, C];
    order.sort_by_key(|router| std::cmp::Reverse(priorities[router.0]));
    agreed(&what, &network, order[0]);
    // The designated router goes; the next best takes over, until the first is back (ISO 10589 §8.4.5).
    network.apply(&Change::Router(order[0], false)).unwrap();
    ok(&format!("{what}: the designated router is gone"), &network, network.converge());
    agreed(&format!("{what}, the first gone"), &network, order[1]);
    network.apply(&Change::Router(order[0], true)).unwrap();
    ok(&format!("{what}: it is back"), &network, network.converge());
    agreed(&format!("{what}, the first back"), &network, order[0]);
}

/// Waits until a router alone calls itself designated, at both levels.
#[track_caller]
fn agreed(what: &str, network: &Network, designated: RouterIndex) {
    for level in Level::ALL {
        ok(what, network, network.wait_for_designated(SEGMENT, designated, level));
    }
}

#[test]
fn the_designated_router_is_native_or_is_not() {
    let (native, frr) = (Kind::Native, Kind::Frr);
    each(
        [
            ([native, frr, native], [90, 70, 10]),
            ([native, frr, frr], [70, 90, 0]),
            ([native, native, frr], [0, 80, 90]),
        ],
        |(kinds, priorities)| roles(kinds, priorities),
    );
}

/// One way to prove who one is, in hellos, in LSPs and SNPs of an area, and in those of the domain.
fn authenticated(kinds: [Kind; 2], auths: [Auth; 3]) -> Network {
    let [hello, area_auth, domain_auth] = auths;
    let auth = BTreeMap::from([((SEGMENT, A), hello.clone()), ((SEGMENT, B), hello)]);
    let settings = Settings { auth, area_auth, domain_auth, ..Settings::isis(flat(&kinds, Levels::Both)) };
    pair(SegmentKind::PointToPoint, kinds, settings)
}

#[test]
fn passwords_and_hmac_md5_of_hellos_areas_and_the_domain_work_with_isisd() {
    let password = |text: &str| Auth::Simple(text.to_owned());
    let md5 = |text: &str| keys(Algorithm::Md5, &[(0, text)]);
    let cases = [
        [password("hello"), Auth::None, Auth::None],
        [md5("hello"), Auth::None, Auth::None],
        [Auth::None, password("area"), password("domain")],
        [Auth::None, md5("area"), md5("domain")],
        [md5("hello"), password("area"), md5("domain")],
    ];
    each(cases, |auths| {
        let network = authenticated([Kind::Native, Kind::Frr], auths.clone());
        ok(&format!("{auths:?}"), &network, network.converge());
    });
}

#[test]
fn every_sha_works_among_natives() {
    use Algorithm::{HmacSha1, HmacSha256, HmacSha384, HmacSha512};
    each([HmacSha1, HmacSha256, HmacSha384, HmacSha512], |algorithm| {
        let auth = keys(algorithm, &[(7, "a secret of some length")]);
        let auths = [auth.clone(), auth.clone(), auth];
        let network = authenticated([Kind::Native; 2], auths);
        ok(&format!("{algorithm:?}"), &network, network.converge());
    });
}

#[test]
fn a_wrong_key_keeps_a_neighbour_out_and_the_right_one_lets_it_in() {
    let kinds = [Kind::Native, Kind::Frr];
    let right = keys(Algorithm::Md5, &[(0, "right")]);
    let auth = BTreeMap::from([
        ((SEGMENT, A), right.clone()),
        ((SEGMENT, B), keys(Algorithm::Md5, &[(0, "wrong")])),
    ]);
    let settings = Settings { auth, ..Settings::isis(flat(&kinds, Levels::Two)) };
    let mut network = pair(SegmentKind::PointToPoint, kinds, settings);
    network.wait_for_output(A, "authentic").unwrap();
    assert_eq!(network.state(SEGMENT, A, B).unwrap(), "absent");
    network.set_auth(SEGMENT, B, right).unwrap();
    ok("the right key", &network, network.converge());
}

#[test]
fn keys_roll_over_without_losing_the_adjacency() {
    let kinds = [Kind::Native; 2];
    let old = keys(Algorithm::HmacSha256, &[(1, "old")]);
    let mut network = authenticated(kinds, [old, Auth::None, Auth::None]);
    ok("the old key", &network, network.converge());
    // Both learn the new key, then sign with it, then forget the old one.
    for step in [[(1, "old"), (2, "new")], [(2, "new"), (1, "old")]]
        .iter()
        .map(|keys| &keys[..])
        .chain([&[(2, "new")][..]])
    {
        for router in [A, B] {
            network.set_auth(SEGMENT, router, keys(Algorithm::HmacSha256, step)).unwrap();
            for (here, there) in [(A, B), (B, A)] {
                assert_eq!(
                    network.state(SEGMENT, here, there).unwrap(),
                    "up",
                    "{here} after {router} took {step:?}"
                );
            }
        }
    }
    ok("the new key", &network, network.converge());
}

/// Goal: PDUs that no length of IEEE 802.3 can tell go by EtherType 0x8870, both ways: padded hellos, and LSPs of 250 prefixes.
#[test]
fn pdus_longer_than_1500_bytes_pass_where_the_mtu_allows_them() {
    each(OTHERS, |kind| {
        let kinds = [Kind::Native, kind];
        let mut world = world(SegmentKind::PointToPoint, &[64, 64]);
        for (n, router) in (0_u8..).zip(&mut world.routers) {
            let external = External { metric: 20, type2: false, tag: 0, forwarding: None };
            let prefixes = (0..250).map(|host| (Ipv4Net::from(Ipv4Addr::new(198, 18, n, host)), external));
            router.externals = prefixes.collect();
        }
        let mtu = BTreeMap::from([A, B].map(|router| ((SEGMENT, router), 4000)));
        let settings = Settings { mtu, lsp_mtu: Some(3900), ..Settings::isis(flat(&kinds, Levels::Two)) };
        let mut network = Network::build(world, kinds.to_vec(), settings).unwrap();
        network.start_all().unwrap();
        let what = format!("long PDUs with {kind}");
        ok(&what, &network, network.converge());
        let database = network.account(A);
        let rows = database.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let long = rows.filter(|row| row["length"].as_u64() > Some(1500)).count();
        assert!(long >= 2, "{what}: {long} long LSPs\n{database}");
    });
}

/// A router of both metric styles stands between one of each (RFC 5305 §4).
#[test]
fn a_network_moves_from_narrow_to_wide_metrics() {
    let kinds = [Kind::Native, Kind::Frr, Kind::Native];
    let steps = [
        [MetricStyle::Transition, MetricStyle::Narrow, MetricStyle::Narrow],
        [MetricStyle::Wide, MetricStyle::Transition, MetricStyle::Transition],
        [MetricStyle::Transition, MetricStyle::Transition, MetricStyle::Wide],
    ];
    each(steps, |styles| {
        let metric_style = [A, B, C].into_iter().zip(styles).collect();
        let settings = Settings { metric_style, ..Settings::isis(flat(&kinds, Levels::Two)) };
        let network = network(SegmentKind::Broadcast, &kinds, &[64, 64, 64], settings);
        ok(&format!("{styles:?}"), &network, network.converge());
    });
}

#[test]
fn a_passive_circuit_is_announced_and_speaks_to_nobody() {
    each(OTHERS, |kind| {
        let kinds = [Kind::Native, kind];
        let mut world = world(SegmentKind::Broadcast, &[64, 64]);
        // A second network, which is passive at one end.
        let mut other = world.segments[0].clone();
        other.prefix = "10.0.1.0/29".parse().unwrap();
        for (end, address) in other.ends.iter_mut().zip(other.prefix.hosts()) {
            end.address = address;
        }
        other.ends[0].passive = true;
        world.segments.push(other);
        let mut domain = flat(&kinds, Levels::Two);
        domain.segments.push(Levels::Two);
        let mut network = Network::build(world, kinds.to_vec(), Settings::isis(domain)).unwrap();
        network.start_all().unwrap();
        ok(&format!("passive beside {kind}"), &network, network.converge());
        assert_eq!(network.state(braid_world::SegmentIndex(1), A, B).unwrap(), "absent");
    });
}
