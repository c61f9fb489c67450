//! Addresses, routes, rules and nexthop objects, checked against `ip`.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_kernel::{
    Address, GroupMember, Netlink, NextHop, Nexthop, NexthopTarget, Route, RouteChange, RouteFilter,
    RouteKind, Rule, RuleAction, VethSpec, sysctl,
};
use common::TestNs;
use ipnet::Ipv4Net;
use nix::errno::Errno;

const MAIN: u32 = 254;
const STATIC: u8 = 4;
const BRAID: u8 = 76;
const TABLE: u32 = 7601;

/// A router with two cables, `x` 10.0.0.0/31 and `y` 10.0.0.2/31, to one neighbour.
struct Router {
    ns: TestNs,
    _neighbour: TestNs,
    netlink: Netlink,
    x: u32,
    y: u32,
}

const X: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const Y: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

async fn router() -> Router {
    let (ns, neighbour) = (TestNs::new("r"), TestNs::new("n"));
    let netlink = ns.netlink();
    for (name, address) in [("x", "10.0.0.0/31"), ("y", "10.0.0.2/31")] {
        let cable = VethSpec { name, peer: name, peer_netns: &neighbour.netns, mtu: 1500, up: true };
        netlink.create_veth(&cable).await.unwrap();
        netlink.add_address(name, address.parse().unwrap()).await.unwrap();
    }
    let x = netlink.link("x").await.unwrap().unwrap().index;
    let y = netlink.link("y").await.unwrap().unwrap().index;
    Router { ns, _neighbour: neighbour, netlink, x, y }
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// The `number`th of many /32 prefixes.
fn many(number: u32) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::from(0x2000_0000 + number), 32).unwrap()
}

fn via_x(router: &Router) -> NexthopTarget {
    NexthopTarget::Device { via: Some(X), ifindex: router.x }
}

#[tokio::test]
async fn addresses_come_and_go() {
    let router = router().await;
    let address = net("10.9.0.1/24");
    router.netlink.add_address("x", address).await.unwrap();
    router.netlink.add_address("x", address).await.unwrap();
    let found = router.netlink.addresses().await.unwrap();
    assert!(found.contains(&Address { ifindex: router.x, address }));
    let shown = router.ns.ip_json("-4 addr show dev x");
    let shown: Vec<_> =
        shown[0]["addr_info"].as_array().unwrap().iter().map(|a| a["local"].clone()).collect();
    assert_eq!(shown, ["10.0.0.0", "10.9.0.1"]);
    router.netlink.delete_address("x", address).await.unwrap();
    router.netlink.delete_address("x", address).await.unwrap();
    assert_eq!(router.netlink.addresses().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_route_is_read_as_it_was_written() {
    let router = router().await;
    let hop = NextHop::new(X, router.x);
    let multipath = Route {
        next_hops: vec![NextHop { weight: 3, ..hop }, NextHop::new(Y, router.y)],
        ..Route::new(net("192.0.2.0/24"), MAIN, STATIC, RouteKind::Unicast)
    };
    let routes = [
        Route::unicast(net("198.18.0.0/15"), MAIN, STATIC, hop),
        Route { priority: 20, ..Route::unicast(net("198.18.0.0/15"), MAIN, STATIC, hop) },
        Route::unicast(net("203.0.113.0/24"), MAIN, STATIC, NextHop::new(None, router.y)),
        multipath,
        Route::new(net("0.0.0.0/0"), MAIN, STATIC, RouteKind::Unreachable),
        Route::new(net("240.0.0.0/4"), TABLE, BRAID, RouteKind::Blackhole),
        Route::new(net("241.0.0.0/8"), TABLE, BRAID, RouteKind::Prohibit),
        Route::new(net("242.0.0.0/8"), TABLE, BRAID, RouteKind::Throw),
    ];
    for route in &routes {
        router.netlink.replace_route(route).await.unwrap();
        router.netlink.replace_route(route).await.unwrap();
    }
    let read = router.netlink.routes(RouteFilter::default()).await.unwrap();
    for route in &routes {
        assert!(read.contains(route), "{route:?} not in {read:#?}");
    }

    // Filters leave only what was asked for; a table that is not there is empty.
    let ours = RouteFilter { table: Some(TABLE), protocol: Some(BRAID) };
    assert_eq!(router.netlink.routes(ours).await.unwrap().len(), 3);
    let statics = RouteFilter { table: None, protocol: Some(STATIC) };
    assert_eq!(router.netlink.routes(statics).await.unwrap().len(), 5);
    assert_eq!(router.netlink.routes(RouteFilter::table(99)).await.unwrap(), []);

    // Deleted by metric, the other stays; deleting what is gone is fine.
    router.netlink.delete_route(&routes[1]).await.unwrap();
    router.netlink.delete_route(&routes[1]).await.unwrap();
    let left = router.ns.ip_json("route show 198.18.0.0/15");
    assert_eq!(left.as_array().unwrap().len(), 1);

    // A refusal names the route, the place and the reason.
    let lost = Route::unicast(net("198.51.100.0/24"), MAIN, STATIC, NextHop::new(Y, router.x));
    let error = router.netlink.replace_route(&lost).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("198.51.100.0/24") && text.contains(&router.ns.name), "{text}");
    assert!(text.contains("Nexthop has invalid gateway"), "{text}");
}

#[tokio::test]
async fn a_bad_route_in_a_batch_is_named_and_stops_no_other() {
    let router = router().await;
    let good =
        |number| RouteChange::Replace(Route::unicast(many(number), TABLE, BRAID, NextHop::new(X, router.x)));
    let bad =
        RouteChange::Replace(Route::unicast(net("9.9.9.9/32"), TABLE, BRAID, NextHop::new(Y, router.x)));
    let missing = RouteChange::Delete(Route::new(net("8.8.8.8/32"), TABLE, BRAID, RouteKind::Unicast));
    let mut changes: Vec<_> = (0..5000).map(good).collect();
    changes[0] = bad.clone();
    changes[1023] = bad.clone();
    changes[1024] = bad.clone();
    changes[3000] = missing;
    changes[4999] = bad;

    let refused = router.netlink.apply_routes(&changes).await.unwrap();
    let places: Vec<_> = refused.iter().map(|refused| refused.place).collect();
    assert_eq!(places, [0, 1023, 1024, 4999]);
    assert_eq!(refused[0].error.errno(), Some(Errno::ENETUNREACH));
    assert!(refused[0].error.to_string().contains("9.9.9.9/32"), "{}", refused[0].error);
    let ours = RouteFilter::table(TABLE);
    assert_eq!(router.netlink.routes(ours).await.unwrap().len(), 4995);

    // A batch in which all is bad comes back whole.
    let all_bad = vec![changes[0].clone(); 3000];
    assert_eq!(router.netlink.apply_routes(&all_bad).await.unwrap().len(), 3000);
    assert_eq!(router.netlink.apply_routes(&[]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_hundred_thousand_routes_are_written_and_read_quickly() {
    const COUNT: u32 = 100_000;
    let router = router().await;
    let routes: Vec<Route> =
        (0..COUNT).map(|n| Route::unicast(many(n), TABLE, BRAID, NextHop::new(X, router.x))).collect();
    let add: Vec<_> = routes.iter().cloned().map(RouteChange::Replace).collect();
    let delete: Vec<_> = routes.into_iter().map(RouteChange::Delete).collect();

    let timed = |what: &str, start: Instant| println!("{COUNT} routes {what} in {:?}", start.elapsed());
    let start = Instant::now();
    assert!(router.netlink.apply_routes(&add).await.unwrap().is_empty());
    timed("written", start);
    let start = Instant::now();
    assert_eq!(router.netlink.routes(RouteFilter::table(TABLE)).await.unwrap().len(), COUNT as usize);
    timed("read", start);
    let start = Instant::now();
    assert!(router.netlink.apply_routes(&delete).await.unwrap().is_empty());
    timed("deleted", start);
    assert_eq!(router.netlink.routes(RouteFilter::table(TABLE)).await.unwrap(), []);
}

#[tokio::test]
async fn one_nexthop_object_moves_ten_thousand_routes() {
    const COUNT: u32 = 10_000;
    const ID: u32 = 7601;
    let router = router().await;
    sysctl::write(&router.ns.netns, "net/ipv4/nexthop_compat_mode", "0").unwrap();
    let by = |target| Nexthop { id: ID, target, protocol: BRAID };
    router.netlink.replace_nexthop(&by(via_x(&router))).await.unwrap();
    assert_eq!(router.netlink.nexthops().await.unwrap(), [by(via_x(&router))]);
    let changes: Vec<_> =
        (0..COUNT).map(|n| RouteChange::Replace(Route::to_nexthop(many(n), TABLE, BRAID, ID))).collect();
    assert!(router.netlink.apply_routes(&changes).await.unwrap().is_empty());

    let filter = RouteFilter::table(TABLE);
    let routes = router.netlink.routes(filter).await.unwrap();
    assert!(routes.iter().all(|route| route.next_hops == [NextHop::new(X, router.x)]));

    // One replace and all go out by y.
    let start = Instant::now();
    let by_y = by(NexthopTarget::Device { via: Some(Y), ifindex: router.y });
    router.netlink.replace_nexthop(&by_y).await.unwrap();
    println!("{COUNT} routes moved in {:?}", start.elapsed());
    let routes = router.netlink.routes(filter).await.unwrap();
    assert_eq!(routes.len(), COUNT as usize);
    assert!(routes.iter().all(|route| route.next_hops == [NextHop::new(Y, router.y)]));
    let shown = router.ns.ip(&format!("route show table {TABLE} 32.0.0.1"));
    assert!(shown.contains("nhid 7601"), "{shown}");

    // Into the black hole, and deleted: then the kernel deletes the routes too.
    router.netlink.set_admin("lo", true).await.unwrap();
    router.netlink.replace_nexthop(&by(NexthopTarget::Blackhole)).await.unwrap();
    let routes = router.netlink.routes(filter).await.unwrap();
    assert!(routes.iter().all(|route| route.kind == RouteKind::Blackhole && route.next_hops.is_empty()));
    router.netlink.delete_nexthop(ID).await.unwrap();
    router.netlink.delete_nexthop(ID).await.unwrap();
    assert_eq!(router.netlink.routes(filter).await.unwrap(), []);
    assert_eq!(router.netlink.nexthops().await.unwrap(), []);
}

#[tokio::test]
async fn a_group_of_nexthop_objects_is_multipath_whatever_the_kernel_expands() {
    let router = router().await;
    let member = |id, target| Nexthop { id, target, protocol: BRAID };
    let by_y = NexthopTarget::Device { via: Some(Y), ifindex: router.y };
    router.netlink.replace_nexthop(&member(1, via_x(&router))).await.unwrap();
    router.netlink.replace_nexthop(&member(2, by_y)).await.unwrap();
    let group =
        NexthopTarget::Group(vec![GroupMember { id: 1, weight: 1 }, GroupMember { id: 2, weight: 200 }]);
    router.netlink.replace_nexthop(&member(3, group.clone())).await.unwrap();
    assert_eq!(router.netlink.nexthops().await.unwrap()[2].target, group);
    router.netlink.replace_route(&Route::to_nexthop(many(0), TABLE, BRAID, 3)).await.unwrap();

    let expected = [NextHop::new(X, router.x), NextHop { weight: 200, ..NextHop::new(Y, router.y) }];
    for mode in ["1", "0"] {
        sysctl::write(&router.ns.netns, "net/ipv4/nexthop_compat_mode", mode).unwrap();
        let routes = router.netlink.routes(RouteFilter::table(TABLE)).await.unwrap();
        assert_eq!(routes[0].next_hops, expected, "nexthop_compat_mode={mode}");
        assert_eq!(routes[0].nexthop_id, Some(3));
    }

    // A next hop that no link reaches is refused in words.
    let lost = member(4, NexthopTarget::Device { via: Some(Y), ifindex: router.x });
    let error = router.netlink.replace_nexthop(&lost).await.unwrap_err();
    assert!(error.to_string().contains("nexthop object 4"), "{error}");
}

#[tokio::test]
async fn rules_come_and_go() {
    let router = router().await;
    let rule = |priority, iif: Option<&str>, action| Rule {
        priority,
        iif: iif.map(str::to_owned),
        action,
        protocol: BRAID,
    };
    let rules = [
        rule(100, Some("x"), RuleAction::Lookup(7602)),
        rule(101, Some("x"), RuleAction::Unreachable),
        rule(102, None, RuleAction::Lookup(TABLE)),
        rule(103, Some("not-there-yet"), RuleAction::Prohibit),
        rule(104, None, RuleAction::Blackhole),
    ];
    for rule in &rules {
        router.netlink.add_rule(rule).await.unwrap();
        router.netlink.add_rule(rule).await.unwrap();
    }
    let read = router.netlink.rules().await.unwrap();
    assert_eq!(read.iter().filter(|rule| rule.protocol == BRAID).cloned().collect::<Vec<_>>(), rules);
    assert_eq!(read.len(), rules.len() + 3, "the kernel's own three stay: {read:?}");
    let shown = router.ns.ip("rule show");
    assert!(shown.contains("100:\tfrom all iif x lookup 7602"), "{shown}");
    for rule in &rules {
        router.netlink.delete_rule(rule).await.unwrap();
        router.netlink.delete_rule(rule).await.unwrap();
    }
    assert_eq!(router.netlink.rules().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_request_given_up_half_way_disturbs_no_other() {
    let router = router().await;
    let changes: Vec<_> = (0..20_000)
        .map(|n| RouteChange::Replace(Route::unicast(many(n), TABLE, BRAID, NextHop::new(X, router.x))))
        .collect();
    router.netlink.apply_routes(&changes).await.unwrap();
    // Give up reading the long list at many different moments; the next answer is always the right one.
    for step in 0..40 {
        let listing = router.netlink.routes(RouteFilter::table(TABLE));
        let _ = tokio::time::timeout(Duration::from_micros(100 * step), listing).await;
        assert_eq!(router.netlink.link("x").await.unwrap().unwrap().index, router.x);
        assert_eq!(router.netlink.addresses().await.unwrap().len(), 2);
    }
}
