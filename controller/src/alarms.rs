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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{
        report::{RouterReport, Vote},
        state::Role,
        testing::{Bench, hello, ring, vote},
    };

    #[test]
    fn a_sound_network_raises_no_alarm_and_neither_does_one_that_begins() {
        assert_eq!(Bench::converged(ring(1)).alarms(), Vec::<String>::new());
        assert_eq!(Bench::new(ring(1)).alarms(), Vec::<String>::new());
    }

    #[test]
    fn a_router_that_fares_badly_is_an_alarm() {
        type Mend = fn(&mut RouterReport);
        let cases: [(Mend, &str); 5] = [
            (|r| r.state = RouterState::Silent, "red at east: the engine does not answer"),
            (
                |r| r.state = RouterState::Backoff,
                "red at east: the engine has died and waits for its restart",
            ),
            (|r| r.restarts = 1, "red at east: the engine has been restarted once"),
            (|r| r.restarts = 3, "red at east: the engine has been restarted 3 times"),
            (
                |r| r.drift = vec!["cost 7 on eth1".into(), "no hello".into()],
                "red at east: the running configuration differs from the intent: cost 7 on eth1 (and 1 more)",
            ),
        ];
        for (mend, expected) in cases {
            let mut bench = Bench::converged(ring(1));
            bench.report("east", |r| mend(&mut r.routers[0]));
            assert_eq!(bench.alarms(), [expected]);
        }
    }

    #[test]
    fn a_link_that_is_down_is_an_alarm_with_the_virtual_networks_that_lack_it() {
        let mut bench = Bench::converged(ring(1));
        bench.report("east", |r| {
            r.routers[0].links_down.insert(1);
            r.links[1].1 = false;
        });
        let expected =
            ["link 1 (east:eth1 to north:eth1) is down in red", "link 2 (east:eth2 to south:eth1) is down"];
        assert_eq!(bench.alarms(), expected);
    }

    #[test]
    fn a_peer_that_left_and_one_of_another_version_are_alarms() {
        let mut bench = Bench::converged(ring(1));
        bench.state.leave(&bench.caller(Role::Border, "south"), SystemTime::UNIX_EPOCH);
        let version = "0.0.9".to_owned();
        let old = crate::report::Hello { version, ..hello("east") };
        let _joined = bench.state.join(Role::Agent, &old).unwrap();
        let f = bench.state.in_force.as_ref().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(12);
        let lines = alarms(&f.plan, &bench.state.fleet, &bench.state.links, now);
        assert_eq!(
            lines,
            [
                format!(
                    "the agent of east has version 0.0.9, the controller {VERSION}: update the older one"
                ),
                "the border of south has been away for 12 s".to_owned(),
            ]
        );
    }

    #[test]
    fn a_vote_with_an_alarm_is_shown() {
        let mut bench = Bench::converged(ring(1));
        let border = bench.caller(Role::Border, "north");
        let split =
            Vote { alarm: Some("split".into()), ..vote("198.18.2.0/24".parse().unwrap(), Some("red")) };
        bench.vote(&border, vec![split]);
        assert_eq!(bench.alarms(), ["198.18.2.0/24 at north: split"]);
    }
}
