//! The state as operators see it: one function per list, each row with the text by which the list is sorted.

use std::time::SystemTime;

use braid_layout::{NodePlan, PolicyPlan, PolicyRule, RouterPlan};
use braid_proto::{NodeName, VERSION, VnId, v1};
use ipnet::Ipv4Net;

use crate::{
    alarms::alarms,
    convergence::{Assessment, adjacencies_expected, assess},
    desired::duration,
    fleet::NodeActual,
    in_force::InForce,
    report::{Process, RouterState, Vote},
    state::State,
    verification::Inspector,
};

/// How many lines of what is pending are told.
const MAX_PENDING: usize = 50;

/// A row and the text by which it is sorted and found again.
pub(crate) type Row<T> = (String, T);

fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    time.into()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Sorts as the prefix does.
fn prefix_key(prefix: Ipv4Net) -> String {
    format!("{:08x}/{:02}", prefix.addr().to_bits(), prefix.prefix_len())
}

fn assessed(state: &State, f: &InForce) -> Assessment {
    assess(&f.plan, f.revision, &state.fleet, &state.links)
}

/// The planned nodes with what was last heard of them.
fn nodes_of<'a>(state: &'a State, f: &'a InForce) -> impl Iterator<Item = (&'a NodePlan, &'a NodeActual)> {
    f.plan.nodes.iter().filter_map(|n| state.fleet.node(&n.name).map(|actual| (n, actual)))
}

pub(crate) fn status(state: &State, started: SystemTime, now: SystemTime) -> v1::GetStatusResponse {
    let common = v1::GetStatusResponse {
        controller_pid: i32::try_from(std::process::id()).unwrap_or(0),
        version: VERSION.to_owned(),
        started: Some(timestamp(started)),
        ..Default::default()
    };
    let Some(f) = &state.in_force else {
        let pending =
            vec!["no topology is in force: start with --topology FILE, or call ApplyTopology".to_owned()];
        return v1::GetStatusResponse { pending, ..common };
    };
    let assessment = assessed(state, f);
    let connected = |is: fn(&NodeActual) -> bool| count(nodes_of(state, f).filter(|(_, a)| is(a)).count());
    v1::GetStatusResponse {
        network: f.plan.network.to_string(),
        revision: f.revision,
        nodes: count(f.plan.nodes.len()),
        agents_connected: connected(|a| a.agent.is_connected()),
        borders: count(f.plan.nodes.iter().filter(|n| n.border.is_some()).count()),
        borders_connected: connected(|a| a.border.is_connected()),
        links: count(f.plan.links.len()),
        links_up: count(f.plan.links.iter().filter(|l| state.links.physical(l.number).up()).count()),
        vns: f.plan.vns.iter().map(|v| vn(f, v.id, &assessment)).collect(),
        votes: assessment.votes,
        votes_expected: assessment.votes_expected,
        converged: assessment.converged(),
        pending: cut_lines(assessment.pending),
        alarms: all_alarms(state, f, now),
        ..common
    }
}

fn all_alarms(state: &State, f: &InForce, now: SystemTime) -> Vec<String> {
    let mut lines = alarms(&f.plan, &state.fleet, &state.links, now);
    lines.extend(state.inspector.iter().flat_map(Inspector::alarms));
    lines
}

fn cut_lines(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MAX_PENDING {
        let more = lines.len() - (MAX_PENDING - 1);
        lines.truncate(MAX_PENDING - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

pub(crate) fn nodes(state: &State) -> Vec<Row<v1::Node>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    nodes_of(state, f).map(|(plan, actual)| (plan.name.to_string(), node(f, plan, actual))).collect()
}

fn node(f: &InForce, plan: &NodePlan, actual: &NodeActual) -> v1::Node {
    let running = |r: &&RouterPlan| {
        actual.current_router(r.vn).is_some_and(|report| report.state == RouterState::Running)
    };
    let problems = actual.report.iter().flat_map(|r| &r.problems).chain(&actual.border_problems);
    v1::Node {
        name: plan.name.to_string(),
        number: plan.number,
        loopback: plan.loopback.to_string(),
        position: f
            .position(&plan.name)
            .map(|p| v1::Position { latitude: p.latitude, longitude: p.longitude }),
        border: plan.border.is_some(),
        agent_connected: actual.agent.is_connected(),
        border_connected: actual.border.is_connected(),
        routers: count(plan.routers.len()),
        routers_running: count(plan.routers.iter().filter(running).count()),
        problems: problems.cloned().collect(),
        agent_pid: actual.agent.pid(),
        border_pid: actual.border.pid(),
        border_repairs: actual.border_repairs,
    }
}

pub(crate) fn links(state: &State) -> Vec<Row<v1::Link>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let link = |link: &braid_layout::LinkPlan| {
        let down_in =
            f.plan.vns.iter().filter(|v| {
                v.links.contains(&link.number) && state.links.down_in(v.id).contains(&link.number)
            });
        v1::Link {
            number: link.number.into(),
            a: format!("{}:{}", link.a.node, link.a.interface),
            b: format!("{}:{}", link.b.node, link.b.interface),
            a_address: link.a.underlay_address.to_string(),
            b_address: link.b.underlay_address.to_string(),
            metric: link.metric.into(),
            mtu: link.mtu.into(),
            delay: link.delay.and_then(duration),
            up: state.links.physical(link.number).up(),
            down_in: down_in.map(|v| v.name.to_string()).collect(),
        }
    };
    f.plan.links.iter().map(|l| (format!("{:05}", l.number), link(l))).collect()
}

pub(crate) fn vns(state: &State) -> Vec<Row<v1::Vn>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let assessment = assessed(state, f);
    f.plan.vns.iter().map(|v| (format!("{:03}", v.id.get()), vn(f, v.id, &assessment))).collect()
}

fn vn(f: &InForce, id: VnId, assessment: &Assessment) -> v1::Vn {
    let Some(plan) = f.plan.vn(id) else { return v1::Vn::default() };
    let tally = assessment.vns.get(&id).copied().unwrap_or_default();
    let routers = f.plan.nodes.iter().flat_map(|n| &n.routers).filter(|r| r.vn == id);
    v1::Vn {
        id: id.into(),
        name: plan.name.to_string(),
        engine: plan.engine.to_string(),
        code_base: plan.code_base.to_owned(),
        protocol: plan.protocol.to_owned(),
        routers: count(routers.count()),
        routers_running: tally.running,
        adjacencies: tally.adjacencies,
        adjacencies_expected: tally.adjacencies_expected,
        routers_converged: tally.converged,
        votes_won: tally.votes_won,
        rss_bytes: tally.rss_bytes,
        links: count(plan.links.len()),
    }
}

pub(crate) fn routers(state: &State) -> Vec<Row<v1::Router>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let rows = nodes_of(state, f).flat_map(|(node, actual)| {
        node.routers.iter().map(move |plan| {
            let key = format!("{} {}", plan.vn_name, node.name);
            (key, router(state, node, plan, actual))
        })
    });
    rows.collect()
}

fn router(state: &State, node: &NodePlan, plan: &RouterPlan, actual: &NodeActual) -> v1::Router {
    let known = v1::Router {
        vn: plan.vn_name.to_string(),
        node: node.name.to_string(),
        engine: plan.engine.to_string(),
        adjacencies_expected: adjacencies_expected(plan, &state.links),
        routes: count(actual.fib(plan.vn).map_or(0, |fib| fib.len())),
        namespace: plan.namespace.clone(),
        ..Default::default()
    };
    let Some(report) = actual.router(plan.vn) else { return known };
    // What an agent that is not there said last is shown, but it vouches for no state.
    let state_now = actual.current_router(plan.vn).map(|r| router_state(r.state));
    v1::Router {
        state: state_now.unwrap_or(v1::RouterState::Unspecified).into(),
        processes: report.processes.iter().map(process).collect(),
        restarts: report.restarts,
        rss_bytes: report.rss_bytes,
        adjacencies: report.adjacencies,
        since: report.since.map(timestamp),
        last_error: report.last_error.clone(),
        drift: report.drift.clone(),
        ..known
    }
}

fn router_state(state: RouterState) -> v1::RouterState {
    match state {
        RouterState::Starting => v1::RouterState::Starting,
        RouterState::Running => v1::RouterState::Running,
        RouterState::Silent => v1::RouterState::Silent,
        RouterState::Backoff => v1::RouterState::Backoff,
        RouterState::Failed => v1::RouterState::Failed,
    }
}

fn process(process: &Process) -> v1::Process {
    v1::Process { name: process.name.clone(), pid: process.pid, start_time: process.start_time }
}

pub(crate) fn prefixes(state: &State) -> Vec<Row<v1::Prefix>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let attached = f
        .plan
        .nodes
        .iter()
        .flat_map(|node| node.border.iter().flat_map(move |b| b.attached.iter().map(move |a| (node, a))));
    let rows = attached.map(|(node, attached)| {
        let (mut voting, mut decided, mut policy) = (0, 0, None);
        for (other, actual) in nodes_of(state, f) {
            let foreign = other.border.iter().flat_map(|b| &b.foreign).find(|p| p.prefix == attached.prefix);
            let Some(foreign) = foreign else { continue };
            policy.get_or_insert(&foreign.policy);
            voting += 1;
            decided += u32::from(actual.vote(&attached.prefix).is_some_and(|v| v.winner.is_some()));
        }
        let row = v1::Prefix {
            prefix: attached.prefix.to_string(),
            node: node.name.to_string(),
            interface: attached.interface.to_string(),
            policy: policy.map(|p| policy_in_words(f, p)).unwrap_or_default(),
            borders_decided: decided,
            borders_voting: voting,
        };
        (format!("{} {}", prefix_key(attached.prefix), node.name), row)
    });
    rows.collect()
}

fn policy_in_words(f: &InForce, policy: &PolicyPlan) -> String {
    let rule = match policy.rule {
        PolicyRule::Majority => "majority of code bases".to_owned(),
        PolicyRule::FirstK { k } => format!("first {k} code bases"),
        PolicyRule::Consensus => "consensus of code bases".to_owned(),
        PolicyRule::Master { master } => match f.plan.vn(master) {
            Some(vn) => format!("master {}", vn.name),
            None => format!("master {master}"),
        },
    };
    let verified = if policy.verified { ", verified" } else { "" };
    format!("{rule}{verified}, settle {:?}, fail back {:?}", policy.settle, policy.fail_back)
}

/// Every vote with its border.
pub(crate) fn every_vote(state: &State) -> impl Iterator<Item = (&NodeName, &Vote)> {
    let nodes = state.in_force.iter().flat_map(|f| nodes_of(state, f));
    nodes.flat_map(|(node, actual)| actual.votes().map(move |vote| (&node.name, vote)))
}

pub(crate) fn votes(state: &State) -> Vec<Row<v1::Vote>> {
    let row =
        |(border, v): (&NodeName, &Vote)| (format!("{border} {}", prefix_key(v.prefix)), vote(border, v));
    every_vote(state).map(row).collect()
}

pub(crate) fn probe_paths(state: &State) -> Vec<Row<v1::MeasuredPath>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let rows = nodes_of(state, f).flat_map(|(node, actual)| {
        actual.probes.iter().flat_map(|report| &report.paths).map(move |path| {
            let key = format!("{} {} {}", node.name, path.to, path.vn);
            (key, v1::MeasuredPath { from: node.name.to_string(), path: Some(path.clone()) })
        })
    });
    rows.collect()
}

pub(crate) fn vote(border: &NodeName, vote: &Vote) -> v1::Vote {
    v1::Vote {
        border: border.to_string(),
        prefix: vote.prefix.to_string(),
        winner: vote.winner.as_ref().map(ToString::to_string),
        decisive_step: vote.decisive_step.clone(),
        runner_up: vote.runner_up.as_ref().map(ToString::to_string),
        dissenters: vote.dissenters.iter().map(ToString::to_string).collect(),
        since: vote.since.map(timestamp),
        alarm: vote.alarm.clone(),
        steered: vote.steered,
    }
}

pub(crate) fn hosts(state: &State) -> Vec<Row<v1::Host>> {
    let Some(f) = &state.in_force else { return Vec::new() };
    let host = |host: &braid_layout::HostPlan| v1::Host {
        name: host.name.clone(),
        node: host.node.to_string(),
        addresses: vec![host.address.to_string()],
        gateway: host.gateway.to_string(),
        namespace: host.namespace.clone(),
    };
    f.plan.hosts.iter().map(|h| (h.name.clone(), host(h))).collect()
}
