//! RFC 2328 §9: the interface state machine and the election of the designated router and its backup.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod common;

use std::net::Ipv4Addr;

use braid_ospf::{Config, Input, InterfaceState, NeighbourState, Network};
use braid_ospf_packet::*;
use common::*;

fn ip(last: u8) -> Ipv4Addr {
    if last == 0 { NOBODY } else { [10, 1, 0, last].into() }
}

/// A broadcast network on which we (10.1.0.5) have this priority.
fn network(priority: u8) -> Config {
    let mut config = networks(1, Network::Broadcast);
    config.interfaces.get_mut(&ETH1).unwrap().priority = priority;
    config
}

/// A neighbour 10.1.0.`last` that presents itself like this.
fn peer(last: u8, priority: u8, dr: u8, backup: u8) -> Peer {
    let mut peer = Peer::new(ETH1, RouterId::from([last, 1, 1, 1]));
    (peer.hello.priority, peer.hello.designated_router, peer.hello.backup) = (priority, ip(dr), ip(backup));
    peer
}

fn roles(bench: &Bench) -> (InterfaceState, u8, u8) {
    let status = bench.interface(ETH1);
    (status.state, status.dr.octets()[3], status.backup.octets()[3])
}

/// Goal: the election's outcome when the wait is over, in a table: who presents itself how, who becomes what.
/// (Whom we take for DR, we also take for backup until it says otherwise: step (4) repeats only for our own
/// part.)
#[test]
fn step_9_4_the_election_as_a_table() {
    use InterfaceState::{Backup, Dr, DrOther};
    type Case<'a> = (&'a str, u8, &'a [(u8, u8, u8, u8)], (InterfaceState, u8, u8));
    let cases: [Case<'_>; 14] = [
        ("alone", 1, &[], (Dr, 5, 0)),
        ("alone without priority", 0, &[], (DrOther, 0, 0)),
        ("equal priority: we have the lower router id", 1, &[(9, 1, 0, 0)], (DrOther, 9, 9)),
        ("equal priority: we have the higher router id", 1, &[(1, 1, 0, 0)], (Dr, 5, 1)),
        ("a higher priority wins over a router id", 7, &[(9, 6, 0, 0)], (Dr, 5, 9)),
        ("a lower one loses", 5, &[(1, 6, 0, 0)], (DrOther, 1, 1)),
        ("a DR stays, whatever our priority", 200, &[(1, 1, 1, 0)], (Backup, 1, 5)),
        ("DR and backup stay, whatever our priority", 200, &[(1, 1, 1, 2), (2, 1, 1, 2)], (DrOther, 1, 2)),
        ("two that say they are DR: the higher priority", 1, &[(1, 9, 1, 0), (2, 8, 2, 0)], (Backup, 1, 5)),
        ("two that say they are DR: then the router id", 1, &[(1, 9, 1, 0), (9, 9, 9, 0)], (Backup, 9, 5)),
        ("priority 0 is never DR, even if it says so", 1, &[(9, 0, 9, 0)], (Dr, 5, 0)),
        ("nobody is willing", 0, &[(9, 0, 0, 0)], (DrOther, 0, 0)),
        ("a backup without a DR becomes DR", 1, &[(2, 1, 0, 2), (3, 9, 0, 2)], (DrOther, 2, 2)),
        ("three newcomers: the best two", 1, &[(2, 1, 0, 0), (9, 1, 0, 0), (3, 4, 0, 0)], (DrOther, 3, 3)),
    ];
    for (what, priority, others, expected) in cases {
        let mut bench = Bench::new(network(priority));
        let mut peers: Vec<_> =
            others.iter().map(|&(last, p, dr, backup)| peer(last, p, dr, backup)).collect();
        // While we wait, nobody presents itself as designated: that would end the wait before all are heard.
        for peer in &mut peers {
            let mut quiet = self::peer(peer.router_id.0.octets()[0], peer.hello.priority, 0, 0);
            quiet.hello(&mut bench);
        }
        bench.run(seconds(39));
        for peer in &mut peers {
            peer.hello(&mut bench);
        }
        bench.run(seconds(2));
        assert_eq!(roles(&bench), expected, "{what}");
    }
}

/// Goal: when the elected DR presents itself, both sides agree on the backup.
#[test]
fn step_9_4_the_dr_presents_itself() {
    let mut bench = Bench::new(network(1));
    let mut dr = peer(9, 1, 0, 0);
    bench.run_with(DEAD + seconds(1), &mut [&mut dr]);
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 9, 9));
    (dr.hello.designated_router, dr.hello.backup) = (ip(9), ip(5));
    dr.hello(&mut bench);
    assert_eq!(roles(&bench), (InterfaceState::Backup, 9, 5));
    dr.establish(&mut bench);
}

/// Goal: a router that comes up waits for RouterDeadInterval before it elects, and says so by naming nobody.
#[test]
fn step_9_4_waiting_ends_with_the_wait_timer() {
    let mut bench = Bench::new(network(1));
    let mut other = peer(1, 1, 0, 0);
    bench.run_with(seconds(39), &mut [&mut other]);
    assert_eq!(roles(&bench), (InterfaceState::Waiting, 0, 0));
    assert_eq!(bench.state(&other), NeighbourState::TwoWay, "no adjacency while waiting");
    assert!(bench.sent_on(ETH1).filter_map(Sent::hello).all(|hello| hello.designated_router == NOBODY));
    bench.run_with(seconds(2), &mut [&mut other]);
    assert_eq!(roles(&bench), (InterfaceState::Dr, 5, 1));
    bench.run(HELLO);
    let hello = bench.sent_on(ETH1).filter_map(Sent::hello).last().unwrap();
    assert_eq!((hello.designated_router, hello.backup), (ip(5), ip(1)));
}

/// Goal: the wait ends early when a backup presents itself, or a DR that says there is no backup
/// (BackupSeen).
#[test]
fn step_9_3_backup_seen_ends_the_wait() {
    for (what, mut other, ends) in [
        ("a backup", peer(1, 1, 9, 1), true),
        ("a DR without backup", peer(1, 1, 1, 0), true),
        ("a DR with a backup that is not here yet", peer(1, 1, 1, 2), false),
        ("neither", peer(1, 1, 0, 0), false),
    ] {
        let mut bench = Bench::new(network(1));
        other.hello_one_way(&mut bench);
        assert_eq!(bench.interface(ETH1).state, InterfaceState::Waiting, "{what}: not before 2-Way");
        other.hello(&mut bench);
        assert_eq!(bench.interface(ETH1).state != InterfaceState::Waiting, ends, "{what}");
    }
}

/// Goal: without priority there is no wait.
#[test]
fn step_9_3_a_router_without_priority_does_not_wait() {
    let bench = Bench::new(network(0));
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 0, 0));
}

/// A settled network: DR 10.1.0.8, backup 10.1.0.7, we and 10.1.0.1 are others. Only those two are adjacent
/// to us.
fn settled(priority: u8) -> (Bench, Peer, Peer, Peer) {
    let mut bench = Bench::new(network(priority));
    let (mut dr, mut backup, mut other) = (peer(8, 1, 8, 7), peer(7, 1, 8, 7), peer(1, 1, 8, 7));
    dr.hello(&mut bench);
    other.hello(&mut bench);
    backup.hello(&mut bench);
    bench.run(seconds(1));
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 8, 7));
    dr.establish(&mut bench);
    backup.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut dr, &mut backup, &mut other]);
    bench.clear();
    (bench, dr, backup, other)
}

/// Goal: other routers become adjacent with DR and backup only (§10.4).
#[test]
fn step_10_4_adjacencies_with_the_designated_ones_only() {
    let (bench, dr, backup, other) = settled(1);
    assert_eq!(bench.state(&dr), NeighbourState::Full);
    assert_eq!(bench.state(&backup), NeighbourState::Full);
    assert_eq!(bench.state(&other), NeighbourState::TwoWay);
    let own = bench.own();
    let link = own.router().unwrap().links().next().unwrap();
    assert_eq!((link.kind, link.id, link.data), (LinkKind::Transit, ip(8), ip(5)));
}

/// Goal: the DR fails: the backup becomes DR, and we, the best of the rest, the backup, with adjacencies to
/// everybody.
#[test]
fn step_9_4_the_dr_fails_and_we_become_backup() {
    let (mut bench, _dr, mut backup, mut other) = settled(1);
    bench.run_with(seconds(34), &mut [&mut backup, &mut other]);
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 8, 7), "not before its dead interval");
    bench.run_with(seconds(8), &mut [&mut backup, &mut other]);
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 7, 7), "until the new DR presents itself");
    for peer in [&mut backup, &mut other] {
        (peer.hello.designated_router, peer.hello.backup) = (ip(7), ip(5));
        peer.hello(&mut bench);
    }
    assert_eq!(roles(&bench), (InterfaceState::Backup, 7, 5));
    assert_eq!(bench.state(&backup), NeighbourState::Full, "its adjacency was there already");
    other.establish(&mut bench);
    assert!(bench.groups.contains(&(ETH1, true, true)), "a member of AllDRouters from now on");
}

/// Goal: the DR presents itself no longer as DR: without waiting for its end, the backup takes over.
#[test]
fn step_9_2_neighbour_change_when_the_dr_resigns() {
    let (mut bench, mut dr, mut backup, _other) = settled(0);
    (dr.hello.priority, dr.hello.designated_router) = (0, ip(7));
    dr.hello(&mut bench);
    backup.hello.designated_router = ip(7);
    backup.hello.backup = NOBODY;
    backup.hello(&mut bench);
    bench.run(seconds(1));
    assert_eq!(roles(&bench).1, 7);
}

/// Goal: the backup fails: the best of the rest takes its place; the DR stays.
#[test]
fn step_9_4_the_backup_fails() {
    let (mut bench, mut dr, _backup, mut other) = settled(1);
    bench.run_with(seconds(42), &mut [&mut dr, &mut other]);
    assert_eq!(roles(&bench), (InterfaceState::Backup, 8, 5));
    assert_eq!(bench.state(&dr), NeighbourState::Full, "undisturbed");
}

/// We are backup, 10.1.0.8 is DR and 10.1.0.1 another router.
fn as_backup() -> (Bench, Peer, Peer) {
    let (mut bench, mut dr, _, mut other) = settled(1);
    bench.run_with(seconds(42), &mut [&mut dr, &mut other]);
    for peer in [&mut dr, &mut other] {
        peer.hello.backup = ip(5);
        peer.hello(&mut bench);
    }
    other.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut dr, &mut other]);
    bench.clear();
    (bench, dr, other)
}

/// Goal: we are backup and the DR fails: we take over at once and originate the network-LSA of the network.
#[test]
fn step_9_4_the_backup_is_promoted() {
    let (mut bench, dr, mut other) = as_backup();
    let key = LsaKey::new(LsType::Network, ip(5), US);
    assert!(bench.lsa(key).is_none());
    for _ in 0..42 {
        other.hello(&mut bench);
        other.ack_all(&mut bench);
        bench.run(seconds(1));
    }
    assert_eq!(bench.state(&dr), NeighbourState::Down);
    assert_eq!(roles(&bench), (InterfaceState::Dr, 5, 1));
    assert_eq!(bench.state(&other), NeighbourState::Full);
    let lsa = bench.lsa(key).expect("a network-LSA");
    let mut routers: Vec<_> = lsa.network().unwrap().routers().collect();
    routers.sort_unstable();
    assert_eq!((lsa.network().unwrap().mask(), routers), (24, vec![other.router_id, US]));
    let link = bench.own().router().unwrap().links().next().unwrap();
    assert_eq!((link.kind, link.id), (LinkKind::Transit, ip(5)));
}

/// Goal: a network-LSA is there only while a neighbour is full, and is flushed when the last one goes
/// (§12.4.2).
#[test]
fn step_12_4_2_the_network_lsa_comes_and_goes_with_full_neighbours() {
    let mut bench = Bench::new(network(9));
    let key = LsaKey::new(LsType::Network, ip(5), US);
    bench.run(DEAD + seconds(1));
    assert_eq!(roles(&bench).0, InterfaceState::Dr);
    assert!(bench.lsa(key).is_none(), "nobody else is here");
    let stub = bench.own().router().unwrap().links().next().unwrap();
    assert_eq!(stub.kind, LinkKind::Stub);
    let mut first = peer(1, 1, 5, 1);
    first.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut first]);
    assert_eq!(bench.lsa(key).unwrap().network().unwrap().routers().count(), 2);
    bench.run(DEAD);
    assert!(bench.lsa(key).is_none_or(|lsa| lsa.is_max_age()));
    bench.run(seconds(6));
    let stub = bench.own().router().unwrap().links().next().unwrap();
    assert_eq!(stub.kind, LinkKind::Stub);
}

/// Goal: two halves of a network meet, each with its DR: the one with the lower rank resigns and flushes its
/// network-LSA.
#[test]
fn step_9_4_two_drs_meet() {
    let mut bench = Bench::new(network(1));
    bench.run(DEAD + seconds(1));
    let mut low = peer(1, 1, 5, 1);
    low.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut low]);
    let key = LsaKey::new(LsType::Network, ip(5), US);
    assert!(bench.lsa(key).is_some());
    let mut rival = peer(9, 1, 9, 0);
    rival.hello(&mut bench);
    bench.run(seconds(1));
    let (state, dr, _) = roles(&bench);
    assert_eq!(dr, 9);
    assert_ne!(state, InterfaceState::Dr);
    bench.run(seconds(6));
    assert!(bench.flooded(ETH1, key).last().is_some_and(Lsa::is_max_age));
}

/// Goal: loss of carrier ends every role; with carrier the wait begins anew.
#[test]
fn step_9_3_interface_down_and_up() {
    let (mut bench, dr, _backup, _other) = settled(1);
    bench.input(Input::Carrier { interface: ETH1, up: false });
    assert_eq!(roles(&bench), (InterfaceState::Down, 0, 0));
    assert_eq!(bench.state(&dr), NeighbourState::Down);
    assert!(bench.own().router().unwrap().links().next().is_none(), "at once, within no interval of its own");
    bench.input(Input::Carrier { interface: ETH1, up: true });
    assert_eq!(roles(&bench), (InterfaceState::Waiting, 0, 0));
}

/// Goal: a point-to-point link has no election and no wait.
#[test]
fn step_9_3_point_to_point_links_elect_nobody() {
    let mut bench = Bench::new(links(1));
    assert_eq!(bench.interface(ETH1).state, InterfaceState::PointToPoint);
    let mut other = peer(9, 9, 9, 0);
    other.establish(&mut bench);
    assert_eq!(roles(&bench), (InterfaceState::PointToPoint, 0, 0));
}

/// Goal: our priority is changed by the operator: the roles stay until there is a reason, hellos tell the new
/// one at once.
#[test]
fn step_9_4_a_new_priority_is_told_but_takes_no_role_away() {
    let (mut bench, mut dr, mut backup, mut other) = settled(1);
    let mut config = bench.router.config().clone();
    config.interfaces.get_mut(&ETH1).unwrap().priority = 200;
    bench.input(Input::Configure(Box::new(config)));
    bench.run_with(seconds(15), &mut [&mut dr, &mut backup, &mut other]);
    assert_eq!(roles(&bench), (InterfaceState::DrOther, 8, 7));
    assert_eq!(bench.sent_on(ETH1).filter_map(Sent::hello).last().unwrap().priority, 200);
    assert_eq!(bench.state(&dr), NeighbourState::Full);
}
