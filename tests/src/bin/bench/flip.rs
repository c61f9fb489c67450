//! How long a border takes to install the routes of a VN, and to move all of them.

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_border::{Spec, Vn, steering::Steering};
use braid_kernel::{Netlink, Netns, NextHop, Route, RouteChange};
use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::{
    row::{Row, median},
    shell::must,
};

/// A border's steering in a namespace of its own: bulk installation, and moving every route of a VN by one nexthop replace
/// against replacing the routes in batches.
pub fn measure() -> Vec<Row> {
    let name = format!("bf{}", std::process::id());
    let netns = Netns::create(&name).expect("a namespace");
    for k in 1..=2 {
        must(&format!("ip -n {name} link add braid-vn{k} type veth peer name q{k}"));
        must(&format!("ip -n {name} addr add 100.67.0.{}/31 dev braid-vn{k}", 2 * k));
        must(&format!("ip -n {name} link set braid-vn{k} up"));
        must(&format!("ip -n {name} link set q{k} up"));
    }
    must(&format!("ip -n {name} link set lo up"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = [1_000, 1_000_000].map(|count| runtime.block_on(flip_of(&netns, count)));
    drop(runtime);
    Netns::delete(&name).expect("deleted");
    rows.into_iter().flatten().collect()
}

fn vn(k: u8) -> Vn {
    Vn {
        id: VnId::try_from(u32::from(k)).expect("an id"),
        name: format!("vn{k}").parse().expect("a name"),
        engine: "native-ospf".to_owned(),
        code_base: "braid-ospf".to_owned(),
        namespace: String::new(),
        port: format!("braid-vn{k}").parse().expect("a name"),
        router_port: "port".parse().expect("a name"),
        gateway: Ipv4Addr::new(100, 67, 0, 2 * k + 1),
        layout_class: None,
    }
}

async fn flip_of(netns: &Netns, count: u32) -> Vec<Row> {
    let mut steering = Steering::open(netns).await.expect("the kernel is steered");
    let spec = Spec { vns: vec![vn(1), vn(2)], ..Spec::default() };
    let [red, green] = [spec.vns[0].id, spec.vns[1].id];
    let prefixes: Vec<Ipv4Net> = (0..count)
        .map(|n| Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + (n << 8)), 24).expect("a prefix"))
        .collect();
    let votes = || prefixes.iter().map(|prefix| (*prefix, Some(red))).collect::<BTreeMap<_, _>>();

    let all = votes();
    let (begin, begin_on_core) = (Instant::now(), on_core());
    let steered = steering.steer(&spec, all).await.expect("steered");
    let bulk = f64::from(count) / begin.elapsed().as_secs_f64();
    let spent = on_core() - begin_on_core;
    // The kernel's account is brought up to date at its ticks only.
    let on_core = match spent > Duration::from_millis(100) {
        true => format!("{:.0}", f64::from(count) / spent.as_secs_f64()),
        false => "too short to tell".to_owned(),
    };
    assert!(steered >= prefixes.len(), "all of them were installed");

    let mut flips = Vec::new();
    for to in [green, red, green, red, green, red, green, red] {
        let begin = Instant::now();
        steering.hand_over(&spec, red, to).await.expect("flipped");
        flips.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let flip = median(flips);
    assert_eq!(
        steering.steer(&spec, votes()).await.expect("steered"),
        0,
        "it stands as the verdicts want it"
    );

    let netlink = Netlink::open(netns).expect("netlink");
    let mut ports = Vec::new();
    for vn in &spec.vns {
        let link = netlink.link(vn.port.as_str()).await.expect("read").expect("there");
        ports.push(NextHop::new(vn.gateway, link.index));
    }
    let via = |port: &NextHop| -> Vec<RouteChange> {
        let route = |prefix: &Ipv4Net| Route::unicast(*prefix, 7609, 76, *port);
        prefixes.iter().map(|prefix| RouteChange::Replace(route(prefix))).collect()
    };
    assert!(netlink.apply_routes(&via(&ports[0])).await.expect("sent").is_empty());
    let other = via(&ports[1]);
    let begin = Instant::now();
    assert!(netlink.apply_routes(&other).await.expect("sent").is_empty());
    let one_by_one = begin.elapsed().as_secs_f64() * 1e6;
    let gone: Vec<RouteChange> = other.into_iter().map(deletion).collect();
    assert!(netlink.apply_routes(&gone).await.expect("sent").is_empty());
    assert!(steering.steer(&spec, BTreeMap::new()).await.expect("steered") >= prefixes.len(), "all are gone");

    vec![
        Row::alone(
            &format!("bulk install, {count} routes (per second on the clock; per second on a core)"),
            format!("{bulk:.0}; {on_core}"),
        )
        .aim("≥ 400,000 routes/s"),
        Row::new(
            &format!("whole VN moved, {count} routes (peer: batched replaces)"),
            format!("{flip:.0} us"),
            format!("{one_by_one:.0} us"),
            format!("{:.5}", flip / one_by_one),
        )
        .aim("≤ 1 ms"),
    ]
}

/// For how long this thread has been running on a core, in the kernel too: others use this machine as well.
fn on_core() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel keeps account");
    let ns = stat.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.expect("a number"))
}

fn deletion(change: RouteChange) -> RouteChange {
    match change {
        RouteChange::Replace(route) | RouteChange::Delete(route) => RouteChange::Delete(route),
    }
}
