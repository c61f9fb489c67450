//! FRR's ospfd.

use std::{fmt::Write as _, net::Ipv4Addr};

use braid_world::{AreaKind, Interface, PathKind, SegmentKind, World};
use ipnet::Ipv4Net;

use super::{json, outside, outside_anew};
use crate::{
    Algorithm, Auth, Error,
    daemon::{Adjacency, Cost, Costs, Daemon, Task},
};

pub(super) const PROGRAM: &str = "ospfd";

/// What is told of it when a test has failed.
pub(super) const QUESTIONS: &[&str] =
    &["show ip ospf neighbor", "show ip ospf route", "show ip ospf database"];

pub(super) fn config(task: &Task<'_>) -> String {
    let Task { world, router, settings, .. } = task;
    let it = world.router(*router);
    let (hello, dead) = (settings.hello_s, settings.dead_s());
    let mut text = externals(task);
    for (index, segment, end) in world.ends_of(*router) {
        let kind = match segment.kind {
            SegmentKind::PointToPoint => "point-to-point",
            SegmentKind::Broadcast => "broadcast",
        };
        let _ = write!(
            text,
            "interface {}\n ip ospf network {kind}\n ip ospf cost {}\n ip ospf hello-interval {hello}\n \
             ip ospf dead-interval {dead}\n ip ospf retransmit-interval 2\n ip ospf priority {}\n ip ospf area {}\n",
            Interface::Segment(index),
            end.cost,
            end.priority,
            segment.area,
        );
        if end.passive {
            text.push_str(" ip ospf passive\n");
        }
        match settings.auth(index, *router) {
            Auth::None => {}
            Auth::Simple(secret) => {
                let _ = write!(text, " ip ospf authentication\n ip ospf authentication-key {secret}\n");
            }
            Auth::Keys(Algorithm::Md5, keys) => {
                text.push_str(" ip ospf authentication message-digest\n");
                // The last one configured signs.
                for (id, secret) in keys.iter().rev() {
                    let _ = writeln!(text, " ip ospf message-digest-key {id} md5 {secret}");
                }
            }
            // FRR 8 has no other; the world is not one for it, and the adjacency will tell.
            Auth::Keys(..) => {}
        }
        text.push_str("exit\n");
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let _ = write!(
            text,
            "interface {}\n ip ospf passive\n ip ospf cost {}\n ip ospf area {}\nexit\n",
            Interface::Stub(n),
            stub.cost,
            stub.area,
        );
    }
    let _ = write!(
        text,
        "router ospf\n ospf router-id {}\n timers throttle spf 0 20 200\n timers throttle lsa all 50\n \
         timers lsa min-arrival 0\n maximum-paths 64\n redistribute kernel route-map OUTSIDE\n",
        it.id,
    );
    if it.stub_router {
        text.push_str(" max-metric router-lsa administrative\n");
    }
    for area in world.areas_of(*router) {
        let word = |summaries: bool| if summaries { "" } else { " no-summary" };
        match world.areas.get(&area) {
            Some(AreaKind::Stub { summaries, default_cost }) => {
                let _ = write!(
                    text,
                    " area {area} stub{}\n area {area} default-cost {default_cost}\n",
                    word(*summaries)
                );
            }
            Some(AreaKind::Nssa { summaries, default_cost }) => {
                let _ = write!(
                    text,
                    " area {area} nssa{}\n area {area} default-cost {default_cost}\n",
                    word(*summaries)
                );
            }
            _ => {}
        }
    }
    for range in &it.ranges {
        let hidden = if range.advertise { "" } else { " not-advertise" };
        let _ = writeln!(text, " area {} range {}{hidden}", range.area, range.prefix);
    }
    for link in world.virtual_links.iter().filter(|link| link.ends.contains(router)) {
        let peer = link.ends.iter().find(|end| *end != router).unwrap_or(&link.ends[0]);
        let (transit, peer) = (link.transit, world.router(*peer).id);
        let _ = write!(
            text,
            " area {transit} virtual-link {peer}\n area {transit} virtual-link {peer} hello-interval {hello} \
             retransmit-interval 2 transmit-delay 1 dead-interval {dead}\n"
        );
    }
    text.push_str("exit\n");
    text
}

fn externals(task: &Task<'_>) -> String {
    outside(task, |external| {
        format!(
            " set metric {}\n set metric-type type-{}\n set tag {}\n",
            external.metric,
            if external.type2 { 2 } else { 1 },
            external.tag,
        )
    })
}

/// What a changed world means for the running daemon.
pub(super) fn differences(before: &World, task: &Task<'_>) -> Vec<String> {
    let router = task.router;
    let mut lines = Vec::new();
    for ((index, _, old), (_, _, new)) in before.ends_of(router).zip(task.world.ends_of(router)) {
        if old.cost != new.cost {
            lines.push(format!("interface {}", Interface::Segment(index)));
            lines.push(format!("ip ospf cost {}", new.cost));
            lines.push("exit".to_owned());
        }
    }
    lines.extend(outside_anew(before, task, &externals(task)));
    let (old, new) = (before.router(router), task.world.router(router));
    if old.stub_router != new.stub_router {
        let no = if new.stub_router { "" } else { "no " };
        lines.push("router ospf".to_owned());
        lines.push(format!("{no}max-metric router-lsa administrative"));
        lines.push("exit".to_owned());
    }
    lines
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let answer = json(daemon, PROGRAM, "show ip ospf neighbor json")?;
    let mut all = Vec::new();
    for (id, list) in answer["neighbors"].as_object().into_iter().flatten() {
        for neighbour in list.as_array().into_iter().flatten() {
            let state = neighbour["nbrState"].as_str().or(neighbour["state"].as_str()).unwrap_or_default();
            let interface = neighbour["ifaceName"].as_str().unwrap_or_default();
            all.push(Adjacency {
                router: id.clone(),
                interface: interface.split(':').next().unwrap_or_default().to_owned(),
                state: state.split('/').next().unwrap_or_default().to_lowercase(),
                levels: None,
            });
        }
    }
    Ok(all)
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let answer = json(daemon, PROGRAM, "show ip ospf route json")?;
    let mut costs = Costs::new();
    for (prefix, route) in answer.as_object().into_iter().flatten() {
        let kind = match route["routeType"].as_str().unwrap_or_default().trim() {
            "N" => PathKind::IntraArea,
            "N IA" => PathKind::InterArea,
            "N E1" => PathKind::External1,
            "N E2" => PathKind::External2,
            _ => continue,
        };
        let number = |key: &str| route[key].as_u64().and_then(|n| u32::try_from(n).ok());
        let Ok(prefix) = prefix.parse::<Ipv4Net>() else { continue };
        let cost = number("cost").or_else(|| number("metric")).unwrap_or_default();
        let type2_cost = number("type2cost").unwrap_or_default();
        costs.insert(prefix, Cost::Ospf { kind, cost, type2_cost });
    }
    Ok(costs)
}

pub(in crate::daemon) fn designated(daemon: &Daemon, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
    let answer = json(daemon, PROGRAM, &format!("show ip ospf interface {interface} json"))?;
    let it = &answer["interfaces"][interface];
    let address = |key: &str| it[key].as_str().and_then(|a| a.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED);
    Ok((address("drAddress"), address("bdrAddress")))
}
