//! Two or three routers on one segment: adjacencies in every role, with every authentication, and where there must be none.
#![allow(clippy::unwrap_used)] // a failed step ends the test

mod isis;
mod ospf;

use std::collections::BTreeMap;

use braid_interop::{Algorithm, Auth, Network};
use braid_world::{
    AreaKind, BACKBONE, End, Router, RouterIndex, Segment, SegmentIndex, SegmentKind, Stub, World,
};

const SEGMENT: SegmentIndex = SegmentIndex(0);
const A: RouterIndex = RouterIndex(0);
const B: RouterIndex = RouterIndex(1);
const C: RouterIndex = RouterIndex(2);

/// Routers on one segment, each with its priority and an attached prefix.
fn world(kind: SegmentKind, priorities: &[u8]) -> World {
    let router = |n: usize| Router {
        id: [192, 0, 2, u8::try_from(n + 1).unwrap()].into(),
        up: true,
        stubs: vec![Stub { prefix: format!("10.1.{n}.0/24").parse().unwrap(), area: BACKBONE, cost: 1 }],
        externals: BTreeMap::new(),
        ranges: vec![],
        stub_router: false,
    };
    let prefix: ipnet::Ipv4Net = "10.0.0.0/29".parse().unwrap();
    let end = |(n, (priority, address)): (usize, (&u8, std::net::Ipv4Addr))| End {
        router: RouterIndex(n),
        address,
        cost: 10,
        priority: *priority,
        passive: false,
        up: true,
    };
    World {
        routers: (0..priorities.len()).map(router).collect(),
        segments: vec![Segment {
            area: BACKBONE,
            kind,
            prefix,
            ends: priorities.iter().zip(prefix.hosts()).enumerate().map(end).collect(),
            up: true,
        }],
        areas: BTreeMap::from([(BACKBONE, AreaKind::Normal)]),
        virtual_links: vec![],
    }
}

/// Names the network in a failure.
#[track_caller]
fn ok(what: &str, network: &Network, result: Result<(), braid_interop::Error>) {
    if let Err(error) = result {
        let accounts: String =
            network.world().router_indices().map(|router| network.account(router)).collect();
        panic!("{what}: {error}\n{accounts}");
    }
}

fn keys(algorithm: Algorithm, keys: &[(u8, &str)]) -> Auth {
    Auth::Keys(algorithm, keys.iter().map(|(id, secret)| (*id, (*secret).to_owned())).collect())
}
