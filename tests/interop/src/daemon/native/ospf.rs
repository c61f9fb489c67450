//! The embedded OSPF engine.

use std::net::Ipv4Addr;

use braid_world::{AreaKind, Interface, PathKind, SegmentKind};
use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::{number, rows, text};
use crate::{
    Algorithm, Auth, Error,
    daemon::{Adjacency, Cost, Costs, Daemon, Task},
};

/// The configuration file, spelt as a user would.
pub(super) fn config(task: &Task<'_>) -> Value {
    let Task { world, router, settings, .. } = task;
    let it = world.router(*router);
    let mut areas = Map::new();
    for area in world.areas_of(*router) {
        let mut entry = match world.areas.get(&area) {
            Some(AreaKind::Stub { summaries, default_cost }) => {
                json!({ "type": "stub", "summaries": summaries, "default_cost": default_cost })
            }
            Some(AreaKind::Nssa { summaries, default_cost }) => {
                json!({ "type": "nssa", "summaries": summaries, "default_cost": default_cost })
            }
            _ => json!({}),
        };
        let mut ranges = Map::new();
        for range in it.ranges.iter().filter(|range| range.area == area) {
            ranges.insert(range.prefix.to_string(), json!({ "advertise": range.advertise }));
        }
        entry["ranges"] = ranges.into();
        areas.insert(area.to_string(), entry);
    }
    let mut interfaces = Map::new();
    for (index, segment, end) in world.ends_of(*router) {
        let network = match segment.kind {
            SegmentKind::PointToPoint => "point-to-point",
            SegmentKind::Broadcast => "broadcast",
        };
        let mut interface = json!({
            "area": segment.area,
            "address": format!("{}/{}", end.address, segment.prefix.prefix_len()),
            "network": network,
            "cost": end.cost,
            "passive": end.passive,
            "priority": end.priority,
            "hello_s": settings.hello_s,
            "dead_s": settings.dead_s(),
            "retransmit_s": 2,
            "mtu": settings.mtu(index, *router),
        });
        if let Some(auth) = authentication(settings.auth(index, *router)) {
            interface["authentication"] = auth;
        }
        interfaces.insert(Interface::Segment(index).to_string(), interface);
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let interface = json!({
            "area": stub.area, "address": stub.address(), "network": "broadcast", "cost": stub.cost, "passive": true,
        });
        interfaces.insert(Interface::Stub(n).to_string(), interface);
    }
    let mut externals = Map::new();
    for (prefix, external) in &it.externals {
        let kind = if external.type2 { 2 } else { 1 };
        let entry = json!({
            "metric": external.metric, "type": kind, "tag": external.tag, "forwarding": external.forwarding,
        });
        externals.insert(prefix.to_string(), entry);
    }
    let links = world.virtual_links.iter().filter(|link| link.ends.contains(router));
    let virtual_links: Vec<Value> = links
        .map(|link| {
            let peer = link.ends.iter().find(|end| *end != router).unwrap_or(&link.ends[0]);
            json!({
                "transit": link.transit, "peer": world.router(*peer).id, "hello_s": settings.hello_s,
                "dead_s": settings.dead_s(), "retransmit_s": 2,
            })
        })
        .collect();
    json!({
        "router_id": it.id,
        "areas": areas,
        "interfaces": interfaces,
        "virtual_links": virtual_links,
        "externals": externals,
        "max_paths": 64,
        "stub_router": if it.stub_router { "links" } else { "off" },
        "spf": { "initial_ms": 0, "short_ms": 20, "long_ms": 200, "hold_down_ms": 1000 },
        "lsa": { "initial_ms": 0, "hold_ms": 50, "max_ms": 1000, "min_arrival_ms": 0 },
    })
}

fn authentication(auth: &Auth) -> Option<Value> {
    let (algorithm, keys) = match auth {
        Auth::None => return None,
        Auth::Simple(secret) => return Some(json!({ "simple": secret })),
        Auth::Keys(algorithm, keys) => (*algorithm, keys),
    };
    let name = match algorithm {
        Algorithm::Md5 => "md5",
        Algorithm::HmacSha1 => "hmac-sha-1",
        Algorithm::HmacSha256 | Algorithm::Extended => "hmac-sha-256",
        Algorithm::HmacSha384 => "hmac-sha-384",
        Algorithm::HmacSha512 => "hmac-sha-512",
    };
    let key = |(n, (id, secret)): (usize, &(u8, String))| {
        // The one that began last signs.
        let begin = if n == 0 { "2001-01-01T00:00:00Z" } else { "2000-01-01T00:00:00Z" };
        json!({
            "id": id, "algorithm": name, "extended": algorithm == Algorithm::Extended, "secret": secret,
            "send": { "from": begin },
        })
    };
    let keys: Vec<Value> = keys.iter().enumerate().map(key).collect();
    Some(json!({ "keys": keys }))
}

fn address(row: &Value, key: &str) -> Ipv4Addr {
    row[key].as_str().and_then(|text| text.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED)
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let adjacency = |row: &Value| Adjacency {
        router: text(row, "router_id"),
        interface: text(row, "interface"),
        state: text(row, "state").to_lowercase(),
        levels: None,
    };
    Ok(rows(daemon, "neighbours")?.iter().map(adjacency).collect())
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let cost = |row: &Value| {
        let kind = match row["kind"].as_str()? {
            "intra-area" => PathKind::IntraArea,
            "inter-area" => PathKind::InterArea,
            "external-1" => PathKind::External1,
            "external-2" => PathKind::External2,
            _ => return None,
        };
        let prefix = row["prefix"].as_str()?.parse::<Ipv4Net>().ok()?;
        Some((prefix, Cost::Ospf { kind, cost: number(row, "cost"), type2_cost: number(row, "type2_cost") }))
    };
    Ok(rows(daemon, "routes")?.iter().filter_map(cost).collect())
}

pub(in crate::daemon) fn designated(daemon: &Daemon, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
    let rows = rows(daemon, "interfaces")?;
    let row = rows.iter().find(|row| row["name"] == interface);
    row.map(|row| (address(row, "designated_router"), address(row, "backup")))
        .ok_or_else(|| daemon.failed(format!("has no {interface}")))
}
