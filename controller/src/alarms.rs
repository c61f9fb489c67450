//! What an operator should look at, in words.

use std::time::SystemTime;

use braid_layout::{NodePlan, Plan};
use braid_proto::VERSION;

use crate::{
    convergence::state_in_words,
    fleet::{Fleet, NodeActual, Peer},
    links::Links,
    report::RouterState,
};

/// The alarms: peers first, then links, routers and votes.
pub(crate) fn alarms(plan: &Plan, fleet: &Fleet, links: &Links, now: SystemTime) -> Vec<String> {
    let nodes = || plan.nodes.iter().filter_map(|n| fleet.node(&n.name).map(|actual| (n, actual)));
    let mut lines = Vec::new();
    for (node, actual) in nodes() {
        peer("agent", node, &actual.agent, now, &mut lines);
        peer("border", node, &actual.border, now, &mut lines);
    }
    down_links(plan, links, &mut lines);
    for (node, actual) in nodes() {
        routers(node, actual, &mut lines);
    }
    for (node, actual) in nodes() {
        let raised = actual.votes().filter_map(|v| v.alarm.as_ref().map(|alarm| (v.prefix, alarm)));
        lines.extend(raised.map(|(prefix, alarm)| format!("{prefix} at {}: {alarm}", node.name)));
    }
    lines
}

fn peer(role: &str, node: &NodePlan, peer: &Peer, now: SystemTime, lines: &mut Vec<String>) {
    match peer {
        Peer::Never => {}
        Peer::Gone { since } => {
            let seconds = now.duration_since(*since).unwrap_or_default().as_secs();
            lines.push(format!("the {role} of {} has been away for {seconds} s", node.name));
        }
        Peer::Connected { version, .. } if version != VERSION => {
            lines.push(format!(
                "the {role} of {} has version {version}, the controller {VERSION}: update the older one",
                node.name
            ));
        }
        Peer::Connected { .. } => {}
    }
}

fn down_links(plan: &Plan, links: &Links, lines: &mut Vec<String>) {
    for link in &plan.links {
        let name = || {
            let (a, b) = (&link.a, &link.b);
            format!("link {} ({}:{} to {}:{})", link.number, a.node, a.interface, b.node, b.interface)
        };
        if links.physical(link.number).down() {
            lines.push(format!("{} is down", name()));
            continue;
        }
        let down_in = plan.vns.iter().filter(|v| links.down_in(v.id).contains(&link.number));
        let down_in: Vec<&str> = down_in.map(|v| v.name.as_str()).collect();
        if !down_in.is_empty() {
            lines.push(format!("{} is down in {}", name(), down_in.join(", ")));
        }
    }
}

fn routers(node: &NodePlan, actual: &NodeActual, lines: &mut Vec<String>) {
    for router in &node.routers {
        let Some(report) = actual.current_router(router.vn) else { continue };
        let mut say = |what: String| lines.push(format!("{} at {}: {what}", router.vn_name, node.name));
        if !matches!(report.state, RouterState::Starting | RouterState::Running) {
            say(state_in_words(report));
        }
        match report.restarts {
            0 => {}
            1 => say("the engine has been restarted once".to_owned()),
            n => say(format!("the engine has been restarted {n} times")),
        }
        if let Some(first) = report.drift.first() {
            say(match report.drift.len() - 1 {
                0 => format!("the running configuration differs from the intent: {first}"),
                n => format!("the running configuration differs from the intent: {first} (and {n} more)"),
            });
        }
    }
}
