//! How long it takes to move all routes of a VN.

use std::{net::Ipv4Addr, time::Instant};

use braid_kernel::{Netlink, Netns, NextHop, Nexthop, NexthopTarget, Route, RouteChange};
use ipnet::Ipv4Net;

use crate::{
    row::{Row, median},
    shell::must,
};

/// Moving every route of a VN: one nexthop replace against replacing the routes in batches.
pub fn measure() -> Vec<Row> {
    let name = format!("bf{}", std::process::id());
    let netns = Netns::create(&name).expect("a namespace");
    must(&format!("ip -n {name} link add p1 type veth peer name q1"));
    must(&format!("ip -n {name} link add p2 type veth peer name q2"));
    for (interface, address) in [("p1", "100.67.0.2/31"), ("p2", "100.67.0.4/31")] {
        must(&format!("ip -n {name} addr add {address} dev {interface}"));
    }
    for interface in ["lo", "p1", "q1", "p2", "q2"] {
        must(&format!("ip -n {name} link set {interface} up"));
    }
    must(&format!("ip netns exec {name} sysctl -qw net.ipv4.nexthop_compat_mode=0"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = [1_000, 100_000].map(|count| runtime.block_on(flip_of(&netns, count)));
    drop(runtime);
    Netns::delete(&name).expect("deleted");
    rows.into()
}

async fn flip_of(netns: &Netns, count: u32) -> Row {
    let netlink = Netlink::open(netns).expect("netlink");
    let index = async |name: &str| netlink.link(name).await.expect("read").expect("there").index;
    let ports = [(index("p1").await, [100, 67, 0, 3]), (index("p2").await, [100, 67, 0, 5])];
    let device = |k: usize| {
        let (ifindex, gateway) = ports[k];
        NexthopTarget::Device { via: Some(Ipv4Addr::from(gateway)), ifindex }
    };
    let object = |k: usize| Nexthop { id: 7601, target: device(k), protocol: 76 };
    netlink.replace_nexthop(&object(0)).await.expect("an object");
    let prefixes: Vec<Ipv4Net> = (0..count)
        .map(|n| Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + (n << 8)), 24).expect("a prefix"))
        .collect();
    let install = |route: &dyn Fn(Ipv4Net) -> Route| -> Vec<RouteChange> {
        prefixes.iter().map(|prefix| RouteChange::Replace(route(*prefix))).collect()
    };
    let on_object = install(&|prefix| Route::to_nexthop(prefix, 7601, 76, 7601));
    let begin = Instant::now();
    assert!(netlink.apply_routes(&on_object).await.expect("sent").is_empty());
    let bulk = f64::from(count) / begin.elapsed().as_secs_f64();
    let mut flips = Vec::new();
    for k in [1, 0, 1, 0, 1] {
        let begin = Instant::now();
        netlink.replace_nexthop(&object(k)).await.expect("flipped");
        flips.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let via = |k: usize| {
        let (ifindex, gateway) = ports[k];
        install(&|prefix| Route::unicast(prefix, 7602, 76, NextHop::new(Ipv4Addr::from(gateway), ifindex)))
    };
    assert!(netlink.apply_routes(&via(0)).await.expect("sent").is_empty());
    let other = via(1);
    let begin = Instant::now();
    assert!(netlink.apply_routes(&other).await.expect("sent").is_empty());
    let one_by_one = begin.elapsed().as_secs_f64() * 1e6;
    netlink.delete_nexthop(7601).await.expect("deleted");
    let flip = median(flips);
    Row::new(
        &format!(
            "whole VN moved, {count} routes, bulk install at {:.0} k/s (peer: batched replaces)",
            bulk / 1e3
        ),
        format!("{flip:.0} us"),
        format!("{one_by_one:.0} us"),
        format!("{:.5}", flip / one_by_one),
    )
}
