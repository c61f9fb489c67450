//! Converged clones: what a router's routes become is known before its back-off (RFC 8405) has run out.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod net;

use std::{collections::BTreeMap, time::Duration};

use braid_isis::route::Route;
use ipnet::Ipv4Net;
use net::{Net, circuit, loopback};

const SECOND: Duration = Duration::from_secs(1);
/// As borders settle by default.
const SETTLE: Duration = Duration::from_millis(200);

fn routes(net: &Net, number: usize) -> BTreeMap<Ipv4Net, Route> {
    net.routers[number].routes().collect()
}

/// Goal: the clone says at once what the router itself finds out after its delay, and nothing is touched by asking.
#[test]
fn the_clone_knows_the_routes_before_the_back_off_ends() {
    let mut net = Net::slow_square();
    let calm = net.routers[1].converged(net.now);
    assert!(calm.is_at_rest && calm.changes.is_empty(), "{calm:?}");

    // Elsewhere a link becomes dear; the LSP comes by.
    net.configure(2, |config| config.circuits.get_mut(&circuit(1)).unwrap().metric.two = 100);
    let change = net.now;
    let before = routes(&net, 1);
    let sees = |net: &Net| !net.routers[1].converged(net.now).changes.is_empty();
    let known = net.until("the clone sees a change", SECOND, sees);
    let clone = net.routers[1].converged(net.now);
    assert!(clone.is_at_rest && clone.at > net.now);
    assert_eq!(net.routers[1].converged(net.now), clone, "asking changes nothing");
    assert_eq!(routes(&net, 1), before, "the router itself waits still");

    // What the router comes to is what the clone said.
    let mut expected = before.clone();
    for update in &clone.changes {
        assert_eq!(before.get(&update.prefix), update.old.as_ref());
        match &update.new {
            Some(route) => expected.insert(update.prefix, route.clone()),
            None => expected.remove(&update.prefix),
        };
    }
    net.until("the router computes", 5 * SECOND, |net| routes(net, 1) != before);
    let installed = net.now.since(change);
    assert_eq!(routes(&net, 1), expected);
    assert_eq!(net.metric(1, loopback(4)), Some(30));
    assert!(net.routers[1].converged(net.now).changes.is_empty());
    assert!(known < Duration::from_millis(20) && installed >= Duration::from_millis(300));
    println!(
        "measured: IS-IS, SPF delay 300 ms: the clone tells the new routes {known:?} after the change; the FIB has them after \
         {installed:?}, where the clone says steady at once, settling {:?}",
        installed + SETTLE
    );
}

/// Goal: no packet arrives in a clone, and yet no neighbour is missed there.
#[test]
fn no_neighbour_is_lost_by_running_a_clone() {
    let mut net = Net::slow_square();
    for metric in [30, 40] {
        net.configure(1, |config| config.circuits.get_mut(&circuit(0)).unwrap().metric.two = metric);
    }
    let clone = net.routers[1].converged(net.now);
    assert!(clone.is_at_rest, "{clone:?}");
    assert!(clone.changes.iter().all(|change| change.new.is_some()), "{clone:?}");
    net.run(20 * SECOND);
    for change in clone.changes {
        assert_eq!(net.routers[1].routing().route(&change.prefix), change.new);
    }
}
