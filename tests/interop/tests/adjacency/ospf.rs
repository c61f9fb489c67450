//! OSPF of all implementations.

use std::collections::BTreeMap;

use braid_interop::{Algorithm, Auth, Kind, Network, Settings};
use braid_world::{Change, RouterIndex, SegmentIndex, SegmentKind};

use crate::{A, B, C, SEGMENT, keys, ok, world};

fn pair(kind: SegmentKind, kinds: [Kind; 2], settings: Settings) -> Network {
    let mut network = Network::build(world(kind, &[1, 1]), kinds.to_vec(), settings).unwrap();
    network.start_all().unwrap();
    network
}

#[test]
fn neighbours_of_every_kind_become_full_on_a_point_to_point_link_and_route() {
    for kind in Kind::ALL {
        let network = pair(SegmentKind::PointToPoint, [Kind::Native, kind], Settings::default());
        ok(&format!("native and {kind}"), &network, network.adjacent(SEGMENT, A, B));
        ok(&format!("native and {kind}"), &network, network.converge());
    }
}

/// Goal: whoever is designated router, backup and neither, all three reach one another, and agree on who is what.
fn roles(kinds: [Kind; 3], priorities: [u8; 3]) {
    let what = format!("{kinds:?} with priorities {priorities:?}");
    let world = world(SegmentKind::Broadcast, &priorities);
    let addresses: Vec<_> = world.segments[0].ends.iter().map(|end| end.address).collect();
    let mut network = Network::build(world, kinds.to_vec(), Settings::default()).unwrap();
    network.start_all().unwrap();
    ok(&what, &network, network.converge());
    // All begin within their Waiting timers, so the priorities decide.
    let mut order = [0, 1, 2];
    order.sort_by_key(|n| std::cmp::Reverse(priorities[*n]));
    let roles = (addresses[order[0]], addresses[order[1]]);
    for router in [A, B, C] {
        assert_eq!(network.designated(SEGMENT, router).unwrap(), roles, "{what}: by {router}");
    }
    // The designated router goes; the backup takes over (RFC 2328 §9.4), and comes back as an ordinary one.
    network.apply(&Change::Router(RouterIndex(order[0]), false)).unwrap();
    ok(&format!("{what}: the designated router is gone"), &network, network.converge());
    network.apply(&Change::Router(RouterIndex(order[0]), true)).unwrap();
    ok(&format!("{what}: it is back"), &network, network.converge());
    let now = network.designated(SEGMENT, RouterIndex(order[1])).unwrap();
    assert_eq!(now.0, roles.1, "{what}: the new designated router stays");
}

#[test]
fn native_is_designated_router_among_others() {
    roles([Kind::Native, Kind::Frr, Kind::Bird], [30, 20, 10]);
}

#[test]
fn native_is_backup_among_others() {
    roles([Kind::Native, Kind::Frr, Kind::Bird], [20, 30, 10]);
}

#[test]
fn native_is_neither_among_others() {
    roles([Kind::Native, Kind::Frr, Kind::Bird], [10, 20, 30]);
}

#[test]
fn native_may_never_be_designated_router() {
    let world = world(SegmentKind::Broadcast, &[0, 1, 0]);
    let kinds = vec![Kind::Native, Kind::Bird, Kind::Native];
    let network = Network::start(world, kinds).unwrap();
    ok("priority 0", &network, network.converge());
    let (designated, backup) = network.designated(SEGMENT, A).unwrap();
    assert_eq!((designated.octets()[3], backup.is_unspecified()), (2, true));
    assert_eq!(network.state(SEGMENT, A, C).unwrap().replace(['-', '_', ' '], ""), "2way");
}

fn authenticated(kind: Kind, auth: &Auth) -> Network {
    let auth = BTreeMap::from([((SEGMENT, A), auth.clone()), ((SEGMENT, B), auth.clone())]);
    pair(SegmentKind::PointToPoint, [Kind::Native, kind], Settings { auth, ..Settings::default() })
}

#[test]
fn passwords_and_md5_work_with_every_kind() {
    for kind in Kind::ALL {
        for auth in [Auth::Simple("secret".to_owned()), keys(Algorithm::Md5, &[(7, "secret")])] {
            let network = authenticated(kind, &auth);
            ok(&format!("{kind} with {auth:?}"), &network, network.converge());
        }
    }
}

#[test]
fn every_sha_works_with_bird_and_rfc_7474_among_natives() {
    use Algorithm::{Extended, HmacSha1, HmacSha256, HmacSha384, HmacSha512};
    for (kind, algorithm) in [HmacSha1, HmacSha256, HmacSha384, HmacSha512]
        .map(|algorithm| (Kind::Bird, algorithm))
        .into_iter()
        .chain([(Kind::Native, Extended)])
    {
        let network = authenticated(kind, &keys(algorithm, &[(1, "a secret of some length")]));
        ok(&format!("{kind} with {algorithm:?}"), &network, network.converge());
    }
}

#[test]
fn keys_roll_over_without_losing_the_adjacency() {
    let old = keys(Algorithm::Md5, &[(1, "old")]);
    let mut network = authenticated(Kind::Bird, &old);
    ok("the old key", &network, network.converge());
    // Both learn the new key, then sign with it, then forget the old one.
    for step in [
        keys(Algorithm::Md5, &[(1, "old"), (2, "new")]),
        keys(Algorithm::Md5, &[(2, "new"), (1, "old")]),
        keys(Algorithm::Md5, &[(2, "new")]),
    ] {
        for router in [A, B] {
            network.set_auth(SEGMENT, router, step.clone()).unwrap();
            for (here, there) in [(A, B), (B, A)] {
                let state = network.state(SEGMENT, here, there).unwrap();
                assert_eq!(state, "full", "{here} after {router} took {step:?}");
            }
        }
    }
    ok("the new key", &network, network.converge());
}

#[test]
fn a_wrong_key_keeps_a_neighbour_out_and_the_right_one_lets_it_in() {
    let auth = BTreeMap::from([
        ((SEGMENT, A), keys(Algorithm::Md5, &[(1, "right")])),
        ((SEGMENT, B), keys(Algorithm::Md5, &[(1, "wrong")])),
    ]);
    let settings = Settings { auth, ..Settings::default() };
    let mut network = pair(SegmentKind::PointToPoint, [Kind::Native, Kind::Frr], settings);
    // Its hellos have come by the time that another neighbour would be known.
    network.wait_for_output(A, "authentic").unwrap();
    assert_eq!(network.state(SEGMENT, A, B).unwrap(), "absent");
    network.set_auth(SEGMENT, B, keys(Algorithm::Md5, &[(1, "right")])).unwrap();
    ok("the right key", &network, network.converge());
}

#[test]
fn a_passive_interface_is_announced_and_speaks_to_nobody() {
    for kind in Kind::ALL {
        let mut world = world(SegmentKind::Broadcast, &[1, 1, 1]);
        // A third network, which only the passive router announces.
        let mut other = world.segments[0].clone();
        other.prefix = "10.0.1.0/29".parse().unwrap();
        other.ends.truncate(2);
        for (end, address) in other.ends.iter_mut().zip(other.prefix.hosts()) {
            end.address = address;
        }
        other.ends[0].passive = true;
        world.segments.push(other);
        world.segments[0].ends.remove(1);
        world.segments[1].ends[1].passive = true;
        let network = Network::start(world, vec![Kind::Native, kind, kind]).unwrap();
        ok(&format!("passive beside {kind}"), &network, network.converge());
        assert_eq!(network.state(SegmentIndex(1), A, B).unwrap(), "absent");
    }
}

#[test]
fn neighbours_of_different_mtu_do_not_come_to_be_full() {
    for kind in [Kind::Frr, Kind::Bird] {
        // RFC 2328 §10.6: the side with the smaller MTU refuses database descriptions of the other.
        let mtu = BTreeMap::from([((SEGMENT, A), 1400)]);
        let settings = Settings { mtu, ..Settings::default() };
        let network = pair(SegmentKind::PointToPoint, [Kind::Native, kind], settings);
        network.wait_for_output(A, "mtu").unwrap();
        assert_ne!(network.state(SEGMENT, A, B).unwrap(), "full", "beside {kind}");
    }
}
