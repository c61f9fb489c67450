//! Converged clones: what a router's routes become is known before its back-off (RFC 8405) has run out.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod net;

use std::{collections::BTreeMap, time::Duration};

use braid_ospf::{Config, Input, InstalledRoute, InterfaceId};
use ipnet::Ipv4Net;
use net::{Net, config, interface};

/// As borders settle by default.
const SETTLE: Duration = Duration::from_millis(200);

/// A square: 0 reaches 3 by 1, or a longer way by 2; computations wait everywhere.
fn square() -> (Net, Vec<Config>) {
    let links = [(0, 1, 10), (1, 3, 10), (0, 2, 20), (2, 3, 10)];
    let mut configs: Vec<Config> = (1..=4).map(config).collect();
    for config in &mut configs {
        config.spf.initial = Duration::from_millis(300);
        config.spf.short = Duration::from_millis(400);
        config.spf.long = Duration::from_secs(2);
    }
    for (number, (a, b, cost)) in links.into_iter().enumerate() {
        for (end, router) in [a, b].into_iter().enumerate() {
            let mut on = interface(&format!("192.0.2.{}/31", number * 2 + end));
            on.cost = cost;
            configs[router].interfaces.insert(InterfaceId(10 + number as u32), on);
        }
    }
    let mut net = Net::new();
    for config in &configs {
        net.add(config.clone());
    }
    for (number, (a, b, _)) in links.into_iter().enumerate() {
        let id = InterfaceId(10 + number as u32);
        net.wire(&[(a, id), (b, id)]);
    }
    net.until("all are adjacent", Net::all_full);
    net.seconds(30);
    (net, configs)
}

fn routes(net: &Net, router: usize) -> BTreeMap<Ipv4Net, InstalledRoute> {
    net.routers[router].routes().map(|route| (route.prefix, route)).collect()
}

/// Goal: the clone says at once what the router itself finds out after its delay, and nothing is touched by asking.
#[test]
fn the_clone_knows_the_routes_before_the_back_off_ends() {
    let (mut net, mut configs) = square();
    let calm = net.routers[0].converged(net.now);
    assert!(calm.is_at_rest && calm.changes.is_empty() && calm.at == net.now, "{calm:?}");

    // Elsewhere a link becomes dear; the LSA comes by.
    configs[1].interfaces.get_mut(&InterfaceId(11)).unwrap().cost = 100;
    net.input(1, Input::Configure(Box::new(configs[1].clone())));
    let change = net.now;
    let before = routes(&net, 0);
    net.until("the clone sees a change", |net| !net.routers[0].converged(net.now).changes.is_empty());
    let known = net.now.duration_since(change);
    let snapshot = net.routers[0].snapshot();
    let clone = net.routers[0].converged(net.now);
    assert!(clone.is_at_rest && clone.at > net.now);
    assert_eq!(net.routers[0].snapshot(), snapshot, "asking changes nothing");
    assert_eq!(routes(&net, 0), before, "the router itself waits still");

    // What the router comes to is what the clone said, at the time that it said.
    let mut expected = before.clone();
    for update in &clone.changes {
        match &update.route {
            Some(route) => expected.insert(update.prefix, route.clone()),
            None => expected.remove(&update.prefix),
        };
    }
    net.until("the router computes", |net| routes(net, 0) != before);
    let installed = net.now.duration_since(change);
    net.run_until(clone.at.max(net.now));
    assert_eq!(routes(&net, 0), expected);
    assert!(net.routers[0].converged(net.now).changes.is_empty());
    assert!(known < Duration::from_millis(20) && installed >= Duration::from_millis(300));
    println!(
        "measured: OSPF, SPF delay 300 ms: the clone tells the new routes {known:?} after the change; the FIB has them after \
         {installed:?}, where the clone says steady at once, settling {:?}",
        installed + SETTLE
    );
}

/// Goal: what our own LSAs wait for (MinLSInterval) is run, too, and silent neighbours are not lost by running a clone.
#[test]
fn own_changes_are_run_but_no_neighbour_is_lost() {
    let (mut net, mut configs) = square();
    for cost in [30, 40] {
        configs[0].interfaces.get_mut(&InterfaceId(10)).unwrap().cost = cost;
        net.input(0, Input::Configure(Box::new(configs[0].clone())));
    }
    // Far beyond every dead interval: no packet arrives in a clone, and yet nobody is missed.
    let clone = net.routers[0].converged(net.now);
    assert!(clone.is_at_rest, "{clone:?}");
    let lost = clone.changes.iter().filter(|update| update.route.is_none()).count();
    assert_eq!(lost, 0, "{clone:?}");
    net.seconds(20);
    for update in clone.changes {
        assert_eq!(net.routers[0].route(&update.prefix), update.route);
    }
}

/// Goal: the LSA that a route stands on is named with its age.
#[test]
fn a_route_names_its_lsa() {
    let (net, _) = square();
    let prefix = Ipv4Net::from(net::id(4).0);
    let (_, header) = net.routers[0].announced(&prefix, net.now + Duration::from_secs(5)).unwrap();
    assert_eq!(header.key.advertising_router, net::id(4));
    assert!(header.age >= 5, "{header:?}");
    assert_eq!(net.routers[0].announced(&"203.0.113.0/24".parse().unwrap(), net.now), None);
}
