//! The embedded IS-IS engine.

use braid_world::{
    Interface, SegmentKind,
    isis::{LeakDown, Level, Levels, PathKind},
};
use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::{number, rows, text};
use crate::{
    Algorithm, Auth, Error,
    daemon::{Adjacency, Cost, Costs, Daemon, Task},
    settings::{MetricStyle, system_id},
};

/// The configuration file, spelt as a user would.
pub(super) fn config(task: &Task<'_>) -> Value {
    let Task { world, router, settings, .. } = task;
    let Some(domain) = &settings.domain else { return Value::Null };
    let (it, speaks) = (world.router(*router), domain.router(*router));
    let mut circuits = Map::new();
    for (index, segment, end) in world.ends_of(*router) {
        let network = match segment.kind {
            SegmentKind::PointToPoint => "point-to-point",
            SegmentKind::Broadcast => "broadcast",
        };
        let mut circuit = json!({
            "addresses": [format!("{}/{}", end.address, segment.prefix.prefix_len())],
            "network": network,
            "level": levels(domain.segments[index.0]),
            "metric": end.cost,
            "level_2": { "metric": end.cost + speaks.level2_extra },
            "passive": end.passive,
            "priority": end.priority,
            "hello_ms": u32::from(settings.hello_s) * 1000,
            "multiplier": 4,
            "mtu": settings.mtu(index, *router),
        });
        if let Some(auth) = authentication(settings.auth(index, *router)) {
            circuit["authentication"] = auth;
        }
        circuits.insert(Interface::Segment(index).to_string(), circuit);
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let circuit = json!({
            "addresses": [stub.address()], "network": "broadcast", "metric": stub.cost, "passive": true,
        });
        circuits.insert(Interface::Stub(n).to_string(), circuit);
    }
    let mut externals = Map::new();
    for (prefix, external) in &it.externals {
        let entry = json!({
            "metric": external.metric, "level": levels(speaks.externals), "external": external.type2,
        });
        externals.insert(prefix.to_string(), entry);
    }
    let mut file = json!({
        "nets": [settings.net(*router)],
        "level": levels(speaks.levels),
        "circuits": circuits,
        "externals": externals,
        "metric_style": match settings.metric_style(*router) {
            MetricStyle::Wide => "wide",
            MetricStyle::Narrow => "narrow",
            MetricStyle::Transition => "transition",
        },
        "max_paths": 64,
        "overload": it.stub_router,
        "leak": {
            "up": speaks.leak_up,
            "summaries": speaks.summaries,
            "down": match &speaks.leak_down {
                LeakDown::Nothing => json!("nothing"),
                LeakDown::All => json!("all"),
                LeakDown::Within(list) => json!({ "within": list }),
            },
        },
        "spf": { "initial_ms": 0, "short_ms": 20, "long_ms": 200, "hold_down_ms": 1000 },
        "lsp": { "mtu": settings.lsp_mtu.unwrap_or(1492), "initial_ms": 0, "hold_ms": 50, "max_ms": 1000 },
        "flooding": { "retransmit_ms": 2000, "csnp_ms": 1000 },
    });
    for (key, auth) in
        [("area_authentication", &settings.area_auth), ("domain_authentication", &settings.domain_auth)]
    {
        if let Some(auth) = authentication(auth) {
            file[key] = auth;
        }
    }
    file
}

fn levels(levels: Levels) -> &'static str {
    match levels {
        Levels::One => "level-1",
        Levels::Two => "level-2",
        Levels::Both => "level-1-2",
    }
}

fn authentication(auth: &Auth) -> Option<Value> {
    let (algorithm, keys) = match auth {
        Auth::None => return None,
        Auth::Simple(secret) => return Some(json!({ "password": secret })),
        Auth::Keys(algorithm, keys) => (*algorithm, keys),
    };
    let name = match algorithm {
        Algorithm::Md5 => "hmac-md5",
        Algorithm::HmacSha1 => "hmac-sha-1",
        Algorithm::HmacSha256 | Algorithm::Extended => "hmac-sha-256",
        Algorithm::HmacSha384 => "hmac-sha-384",
        Algorithm::HmacSha512 => "hmac-sha-512",
    };
    let key = |(id, secret): &(u8, String)| json!({ "id": id, "algorithm": name, "secret": secret });
    Some(json!({ "keys": keys.iter().map(key).collect::<Vec<_>>() }))
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let adjacency = |row: &Value| Adjacency {
        router: text(row, "system_id"),
        interface: text(row, "interface"),
        state: text(row, "state").to_lowercase(),
        levels: match text(row, "levels").as_str() {
            "level-1" => Some(Levels::One),
            "level-2" => Some(Levels::Two),
            "level-1-2" => Some(Levels::Both),
            _ => None,
        },
    };
    Ok(rows(daemon, "neighbours")?.iter().map(adjacency).collect())
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let cost = |row: &Value| {
        let kind = match row["kind"].as_str()? {
            "level 1" => PathKind::L1,
            "level 2" => PathKind::L2,
            "level 1, leaked" => PathKind::L1Down,
            "level 1, external metric" => PathKind::L1External,
            "level 2, external metric" => PathKind::L2External,
            "level 1, leaked, external metric" => PathKind::L1DownExternal,
            "attached default" => PathKind::Attached,
            _ => return None,
        };
        let prefix = row["prefix"].as_str()?.parse::<Ipv4Net>().ok()?;
        Some((prefix, Cost::Isis { kind: Some(kind), metric: number(row, "metric") }))
    };
    Ok(rows(daemon, "routes")?.iter().filter_map(cost).collect())
}

/// Whether it is designated router of a LAN at a level.
pub(in crate::daemon) fn is_designated(
    daemon: &Daemon,
    interface: &str,
    level: Level,
) -> Result<bool, Error> {
    let key = match level {
        Level::One => "level_1",
        Level::Two => "level_2",
    };
    let rows = rows(daemon, "circuits")?;
    let row = rows.iter().find(|row| row["name"] == interface);
    let row = row.ok_or_else(|| daemon.failed(format!("has no {interface}")))?;
    let node = row[key]["designated"].as_str().unwrap_or_default();
    let own = daemon.name.trim_start_matches('r').parse().map(system_id).unwrap_or_default();
    Ok(node.starts_with(&format!("{own}.")))
}
