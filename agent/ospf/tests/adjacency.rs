//! Routers find each other and agree.

#![allow(clippy::unwrap_used)] // a test's panic is its report

mod net;

use std::time::Duration;

use braid_ospf::{
    AreaId, Authentication, Event, FloodingDomain, Input, Instance, InterfaceId, LsType, NeighbourState,
    Network,
};
use braid_ospf_packet::{Algorithm, Key, KeyChain};
use net::{Net, config, id, interface, lan, line};

const BACKBONE: FloodingDomain = FloodingDomain::Area(AreaId::BACKBONE);

/// Goal: an adjacency needs round trips only, no hello interval.
#[test]
fn two_routers_are_full_and_have_routes_within_20_round_trips() {
    let mut net = line(2);
    let full = net.until("full", Net::all_full);
    assert!(full <= Duration::from_millis(20), "{full:?}\n{}", net.story());
    let routes = net.until("routes", |net| {
        net.reaches(0, "10.0.0.2/32").is_some() && net.reaches(1, "10.0.0.1/32").is_some()
    });
    assert!(routes <= Duration::from_millis(300), "{routes:?}");
    assert!(net.same_database(BACKBONE));
}

#[test]
fn a_line_of_five_learns_all_prefixes() {
    let mut net = line(5);
    net.until("all loopbacks", |net| {
        (0..5).all(|router| (1..=5).all(|other| net.reaches(router, &format!("{}/32", id(other))).is_some()))
    });
    assert_eq!(net.reaches(0, "10.0.0.5/32"), Some(40));
    assert!(net.same_database(BACKBONE));
}

/// Goal: a second on an idle network costs a hello each way and nothing else.
#[test]
fn an_idle_network_sends_nothing_but_hellos() {
    let mut net = line(3);
    net.seconds(10);
    let sent = net.sent;
    net.seconds(100);
    let hellos = net.sent - sent;
    assert!((400..=430).contains(&hellos), "{hellos}");
}

#[test]
fn three_on_a_lan_elect_and_agree() {
    let mut net = lan(3);
    net.until("all full", |net| net.all_full() && net.reaches(0, "10.0.0.3/32").is_some());
    let views: Vec<_> = net.routers.iter().map(|router| router.interfaces()[1].clone()).collect();
    assert!(views.iter().all(|view| (view.dr, view.backup) == (views[0].dr, views[0].backup)), "{views:?}");
    assert!(!views[0].dr.is_unspecified() && !views[0].backup.is_unspecified());
    net.seconds(2);
    assert!(net.same_database(BACKBONE));
    assert_eq!(net.routers[0].database().filter(|(_, lsa)| lsa.ls_type() == LsType::Network).count(), 1);
}

/// Goal: others stay 2-Way with each other; the backup takes over when the designated router dies.
#[test]
fn five_on_a_lan_and_the_designated_router_dies() {
    let mut net = lan(5);
    net.seconds(10);
    let dr = net.routers[0].interfaces()[1].dr;
    let backup = net.routers[0].interfaces()[1].backup;
    let two_way =
        net.routers.iter().flat_map(Instance::neighbours).filter(|one| one.state == NeighbourState::TwoWay);
    assert_eq!(two_way.count(), 6, "{}", net.story());
    let dead = usize::from(dr.octets()[3]) - 1;
    net.alive[dead] = false;
    let alive: Vec<usize> = (0..5).filter(|router| *router != dead).collect();
    net.until("the backup is the designated router", |net| {
        alive.iter().all(|router| net.routers[*router].interfaces()[1].dr == backup)
    });
    net.until("routes", |net| {
        alive.iter().all(|router| {
            alive.iter().all(|other| net.reaches(*router, &format!("{}/32", id(other + 1))).is_some())
                && net.reaches(*router, &format!("{}/32", id(dead + 1))).is_none()
        })
    });
}

/// Goal: a restarted router with lower sequence numbers gets its own LSAs back and goes beyond them (§13.4).
#[test]
fn a_restarted_router_outbids_its_former_life() {
    let mut net = line(3);
    net.seconds(5);
    let config = net.routers[1].config().clone();
    net.routers[1] = Instance::new(config, 99, net.now).unwrap();
    net.fibs[1].clear();
    net.input(1, Input::Carrier { interface: InterfaceId(2), up: true });
    net.input(1, Input::Carrier { interface: InterfaceId(3), up: true });
    net.until("full again", |net| {
        net.all_full() && net.reaches(1, "10.0.0.3/32").is_some() && net.reaches(0, "10.0.0.3/32").is_some()
    });
    net.seconds(10);
    assert!(net.same_database(BACKBONE), "{}", net.story());
    assert!(net.all_full());
}

#[test]
fn carrier_loss_takes_routes_away_at_once_and_its_return_brings_them_back() {
    let mut net = line(3);
    net.seconds(5);
    net.input(0, Input::Carrier { interface: InterfaceId(3), up: false });
    net.input(1, Input::Carrier { interface: InterfaceId(2), up: false });
    assert_eq!(net.reaches(0, "10.0.0.3/32"), None);
    let told = net.until("r2 knows", |net| net.reaches(2, "10.0.0.1/32").is_none());
    assert!(told <= Duration::from_millis(30), "{told:?}");
    net.input(0, Input::Carrier { interface: InterfaceId(3), up: true });
    net.input(1, Input::Carrier { interface: InterfaceId(2), up: true });
    net.until("back", |net| {
        net.reaches(2, "10.0.0.1/32").is_some() && net.reaches(0, "10.0.0.3/32").is_some()
    });
}

#[test]
fn a_silent_neighbour_is_given_up_after_the_dead_interval() {
    let mut net = line(2);
    net.seconds(5);
    net.cut.insert(0);
    let gone = net.until("gone", |net| net.routers[0].neighbours().is_empty());
    assert!(gone > Duration::from_secs(2) && gone <= Duration::from_secs(4), "{gone:?}");
    assert_eq!(net.reaches(0, "10.0.0.2/32"), None);
}

#[test]
fn authenticated_neighbours_find_each_other_and_others_do_not() {
    for extended in [false, true] {
        let chain = |secret: &str| {
            let mut key = Key::new(1, Algorithm::HmacSha256, secret);
            key.extended = extended;
            Authentication::Cryptographic(KeyChain::new([key]))
        };
        for (secret, works) in [("right", true), ("wrong", false)] {
            let mut net = Net::new();
            for (number, secret) in [(1, "right"), (2, secret)] {
                let mut config = config(number);
                let mut eth = interface(&format!("192.0.2.{}/31", number - 1));
                eth.authentication = chain(secret);
                eth.ttl_security = Some(1);
                config.interfaces.insert(InterfaceId(3), eth);
                net.add(config);
            }
            net.wire(&[(0, InterfaceId(3)), (1, InterfaceId(3))]);
            net.seconds(5);
            assert_eq!(net.all_full(), works, "{}", net.story());
            if works {
                net.seconds(5);
                assert!(net.all_full(), "{}", net.story());
                assert!(
                    !net.events.iter().any(|(_, _, event)| matches!(event, Event::Refused { .. })),
                    "{}",
                    net.story()
                );
            }
        }
    }
}

/// Goal: LSAs are refreshed long before they are too old, for ever, and nothing is lost.
#[test]
fn two_hours_of_refreshes() {
    let mut net = line(3);
    net.seconds(2 * 3600);
    assert!(net.all_full());
    assert!(net.same_database(BACKBONE));
    assert!(net.routers[0].database().all(|(_, lsa)| lsa.age() < 1900));
    assert_eq!(net.reaches(0, "10.0.0.3/32"), Some(20));
}

/// Goal: who leaves is forgotten at once by the others.
#[test]
fn a_leaving_router_flushes_its_lsas() {
    let mut net = line(3);
    net.seconds(5);
    net.input(2, Input::Leave);
    net.until("flushed", |net| net.routers[2].has_left());
    net.until("forgotten", |net| net.reaches(0, "10.0.0.3/32").is_none());
    net.until("purged", |net| {
        net.routers[0].database().all(|(_, lsa)| lsa.key().advertising_router != id(3))
    });
}

/// Goal: a cost change does not touch adjacencies; an address change restarts one interface only.
#[test]
fn configuration_changes_live() {
    let mut net = line(3);
    net.seconds(5);
    let mut config = net.routers[1].config().clone();
    config.interfaces.get_mut(&InterfaceId(3)).unwrap().cost = 77;
    net.events.clear();
    net.input(1, Input::Configure(Box::new(config.clone())));
    net.until("new cost", |net| net.reaches(0, "10.0.0.3/32") == Some(87));
    assert!(
        !net.events.iter().any(|(_, _, event)| matches!(event, Event::Neighbour { .. })),
        "{}",
        net.story()
    );
    config.interfaces.remove(&InterfaceId(3));
    net.input(1, Input::Configure(Box::new(config)));
    net.until("gone", |net| net.reaches(0, "10.0.0.3/32").is_none());
    assert!(net.routers[0].neighbours()[0].state == NeighbourState::Full);
}

/// Goal: a snapshot continues as the original does.
#[test]
fn snapshot_and_restore() {
    let mut net = line(3);
    net.seconds(5);
    let bytes = net.routers[1].snapshot();
    net.routers[1] = Instance::restore(&bytes).unwrap();
    assert_eq!(net.routers[1].snapshot(), bytes);
    net.events.clear();
    net.seconds(10);
    assert!(net.all_full());
    assert!(net.events.is_empty(), "{}", net.story());
    assert!(Instance::restore(&bytes[..bytes.len() / 2]).is_err());
}

/// Goal: areas meet in the backbone; a virtual link joins an area that does not touch it.
#[test]
fn areas_and_a_virtual_link() {
    let mut net = Net::new();
    // r0 -area 0- r1 -area 1- r2 -area 2- r3
    for number in 0..4_usize {
        let mut config = config(number + 1);
        let area = |number: usize| AreaId::from([0, 0, 0, number as u8]);
        if number > 0 {
            let mut eth = interface(&format!("192.0.2.{}/31", number * 2 - 1));
            eth.area = area(number - 1);
            config.interfaces.insert(InterfaceId(2), eth);
            config.interfaces.get_mut(&InterfaceId(1)).unwrap().area = area(number - 1);
        }
        if number < 3 {
            let mut eth = interface(&format!("192.0.2.{}/31", number * 2));
            eth.area = area(number);
            config.interfaces.insert(InterfaceId(3), eth);
        }
        if number == 1 || number == 2 {
            let other = if number == 1 { 3 } else { 2 };
            let mut link = braid_ospf::VirtualLinkConfig::new(area(1), id(other));
            link.hello = Duration::from_secs(1);
            link.dead = Duration::from_secs(4);
            config.virtual_links.push(link);
        }
        net.add(config);
    }
    for number in 1..4 {
        net.wire(&[(number - 1, InterfaceId(3)), (number, InterfaceId(2))]);
    }
    net.until("everybody reaches everybody", |net| {
        (0..4).all(|router| (1..=4).all(|other| net.reaches(router, &format!("{}/32", id(other))).is_some()))
    });
    assert_eq!(net.reaches(0, "10.0.0.4/32"), Some(30));
}

#[test]
fn externals_come_and_go() {
    let mut net = line(3);
    net.seconds(5);
    let prefix = "203.0.113.0/24".parse().unwrap();
    let route = braid_ospf::External { metric: 5, type2: true, tag: 7, forwarding: None };
    net.input(2, Input::External { prefix, route: Some(route) });
    net.until("there", |net| net.reaches(0, "203.0.113.0/24").is_some());
    net.input(2, Input::External { prefix, route: None });
    net.until("gone", |net| net.reaches(0, "203.0.113.0/24").is_none());
}

#[test]
fn opaque_lsas_are_carried() {
    let mut net = line(3);
    net.seconds(5);
    let domain = FloodingDomain::Area(AreaId::BACKBONE);
    net.input(0, Input::Opaque { domain, opaque_type: 200, id: 1, data: Some(vec![1, 2, 3, 4]) });
    let count =
        |net: &Net| net.routers[2].database().filter(|(_, lsa)| lsa.ls_type() == LsType::OpaqueArea).count();
    net.until("carried", |net| count(net) == 1);
    net.input(0, Input::Opaque { domain, opaque_type: 200, id: 1, data: None });
    net.until("flushed", |net| count(net) == 0);
}

#[test]
fn a_mixed_kind_of_network_is_refused_by_mask_only_on_broadcast() {
    let mut net = line(2);
    let mut config = net.routers[1].config().clone();
    let eth = config.interfaces.get_mut(&InterfaceId(2)).unwrap();
    eth.address = "192.0.2.1/24".parse().unwrap();
    eth.kind = Network::PointToPoint;
    net.input(1, Input::Configure(Box::new(config)));
    net.until("full despite masks", Net::all_full);
}
