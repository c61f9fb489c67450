//! FRR's isisd.

use std::fmt::Write as _;

use braid_world::{
    Interface, SegmentKind, World,
    isis::{Level, Levels},
};
use ipnet::Ipv4Net;

use super::{ask, json, outside, outside_anew};
use crate::{
    Auth, Error,
    daemon::{Adjacency, Cost, Costs, Daemon, Task},
    settings::MetricStyle,
};

pub(super) const PROGRAM: &str = "isisd";
/// What is told of it when a test has failed.
pub(super) const QUESTIONS: &[&str] = &[
    "show isis summary",
    "show isis interface detail",
    "show isis neighbor",
    "show isis route",
    "show isis database detail",
];

pub(super) fn config(task: &Task<'_>) -> String {
    let Task { world, router, settings, .. } = task;
    let Some(domain) = &settings.domain else { return String::new() };
    let (it, speaks) = (world.router(*router), domain.router(*router));
    // First, since metrics of more than six bits are refused until their style is known.
    let mut text = externals(task);
    // The title comes after the delays, since it starts it all: isisd would make one LSP, and wait for half a minute with the next.
    let _ = write!(
        text,
        "router isis braid\n is-type {}\n metric-style {}\n lsp-gen-interval 1\n spf-interval 1\n spf-delay-ietf init-delay 0 \
         short-delay 20 long-delay 200 holddown 1000 time-to-learn 500\n net {}\n no hostname dynamic\n",
        is_type(speaks.levels),
        match settings.metric_style(*router) {
            MetricStyle::Wide => "wide",
            MetricStyle::Narrow => "narrow",
            MetricStyle::Transition => "transition",
        },
        settings.net(*router),
    );
    for level in
        Level::ALL.into_iter().filter(|level| speaks.levels.has(*level) && speaks.externals.has(*level))
    {
        let _ = writeln!(text, " redistribute ipv4 kernel {} route-map OUTSIDE", word(level));
    }
    for (command, auth) in [("area", &settings.area_auth), ("domain", &settings.domain_auth)] {
        if let Some(password) = password(auth) {
            let _ = writeln!(text, " {command}-password {password} authenticate snp validate");
        }
    }
    if let Some(lsp_mtu) = settings.lsp_mtu {
        let _ = writeln!(text, " lsp-mtu {lsp_mtu}");
    }
    if it.stub_router {
        text.push_str(" set-overload-bit\n");
    }
    text.push_str("exit\n");
    for (index, segment, end) in world.ends_of(*router) {
        let _ = write!(
            text,
            "interface {}\n ip router isis braid\n isis circuit-type {}\n isis metric level-1 {}\n isis metric level-2 {}\n \
             isis hello-interval {}\n isis hello-multiplier 4\n isis psnp-interval 1\n isis csnp-interval 1\n \
             isis priority {}\n",
            Interface::Segment(index),
            is_type(domain.levels_on(index, *router).unwrap_or(speaks.levels)),
            end.cost,
            end.cost + speaks.level2_extra,
            settings.hello_s,
            end.priority,
        );
        if segment.kind == SegmentKind::PointToPoint {
            text.push_str(" isis network point-to-point\n");
        }
        if end.passive {
            text.push_str(" isis passive\n");
        }
        if let Some(password) = password(settings.auth(index, *router)) {
            let _ = writeln!(text, " isis password {password}");
        }
        text.push_str("exit\n");
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let _ = write!(
            text,
            "interface {}\n ip router isis braid\n isis passive\n isis metric {}\nexit\n",
            Interface::Stub(n),
            stub.cost,
        );
    }
    text
}

fn word(level: Level) -> &'static str {
    match level {
        Level::One => "level-1",
        Level::Two => "level-2",
    }
}

fn is_type(levels: Levels) -> &'static str {
    match levels {
        Levels::One => "level-1",
        Levels::Two => "level-2-only",
        Levels::Both => "level-1-2",
    }
}

/// FRR 8 has passwords and one HMAC-MD5 key; with anything else the adjacency will tell.
fn password(auth: &Auth) -> Option<String> {
    match auth {
        Auth::None => None,
        Auth::Simple(secret) => Some(format!("clear {secret}")),
        Auth::Keys(_, keys) => keys.first().map(|(_, secret)| format!("md5 {secret}")),
    }
}

fn externals(task: &Task<'_>) -> String {
    outside(task, |external| format!(" set metric {}\n", external.metric))
}

/// What a changed world means for the running daemon.
pub(super) fn differences(before: &World, task: &Task<'_>) -> Vec<String> {
    let router = task.router;
    let extra = task.settings.domain.as_ref().map_or(0, |domain| domain.router(router).level2_extra);
    let mut lines = Vec::new();
    for ((index, _, old), (_, _, new)) in before.ends_of(router).zip(task.world.ends_of(router)) {
        if old.cost != new.cost {
            lines.push(format!("interface {}", Interface::Segment(index)));
            lines.push(format!("isis metric level-1 {}", new.cost));
            lines.push(format!("isis metric level-2 {}", new.cost + extra));
            lines.push("exit".to_owned());
        }
    }
    lines.extend(outside_anew(before, task, &externals(task)));
    let (old, new) = (before.router(router), task.world.router(router));
    if old.stub_router != new.stub_router {
        let no = if new.stub_router { "" } else { "no " };
        lines.push("router isis braid".to_owned());
        lines.push(format!("{no}set-overload-bit"));
        lines.push("exit".to_owned());
    }
    lines
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    // Its JSON has but one neighbour of each LAN.
    let answer = ask(daemon, PROGRAM, &["show isis neighbor"])?;
    let adjacency = |line: &str| {
        // System id, interface, level, state, holding time, address.
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[id, interface, level, state, ..] = words.as_slice() else { return None };
        let levels = match level {
            "1" => Levels::One,
            "2" => Levels::Two,
            "3" => Levels::Both,
            _ => return None,
        };
        Some(Adjacency {
            router: id.to_owned(),
            interface: interface.to_owned(),
            state: state.to_lowercase(),
            levels: Some(levels),
        })
    };
    Ok(answer.lines().filter_map(adjacency).collect())
}

/// By zebra's account, since isisd 8 tells of its routes in prose only.
pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let answer = json(daemon, "zebra", "show ip route isis json")?;
    let mut costs = Costs::new();
    for (prefix, routes) in answer.as_object().into_iter().flatten() {
        let Ok(prefix) = prefix.parse::<Ipv4Net>() else { continue };
        for route in routes.as_array().into_iter().flatten().filter(|route| route["selected"] == true) {
            let metric = route["metric"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
            costs.insert(prefix, Cost::Isis { kind: None, metric });
        }
    }
    Ok(costs)
}

/// Whether it is designated router of a LAN at a level.
pub(in crate::daemon) fn is_designated(
    daemon: &Daemon,
    interface: &str,
    level: Level,
) -> Result<bool, Error> {
    let answer = ask(daemon, PROGRAM, &[&format!("show isis interface {interface}")])?;
    let title = match level {
        Level::One => "Level-1 Information:",
        Level::Two => "Level-2 Information:",
    };
    let (_, told) = answer
        .split_once(title)
        .ok_or_else(|| daemon.failed(format!("{interface} has no `{title}`: {answer}")))?;
    Ok(told.split("Information:").next().unwrap_or_default().contains("is DIS"))
}
