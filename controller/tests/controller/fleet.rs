//! Agents and borders: what they hear, and what becomes of what they say.

use std::io::Write;

use braid_proto::v1::{
    self, attach_agent_request::Message as AgentSays, attach_border_request::Message as BorderSays,
};
use tonic::Code;

use crate::bench::{AgentLine, Bench, BorderLine, Fleet, Operator, agent, border, dial, fine, hello, info};

#[tokio::test]
async fn a_fleet_that_says_that_all_is_well_makes_a_converged_network() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;

    // Nobody is there yet.
    let status = operator.status().await;
    assert_eq!((status.network.as_str(), status.revision, status.converged), ("ring", 1, false));
    assert_eq!((status.nodes, status.borders, status.links, status.votes_expected), (4, 2, 4, 2));
    assert!(
        status.pending.contains(&"the agent of east is not connected".to_owned()),
        "{:?}",
        status.pending
    );

    let _fleet = Fleet::of(&running).await;
    let status = operator.until("converged", |s| s.converged).await;
    assert_eq!((status.agents_connected, status.borders_connected, status.links_up), (4, 2, 4));
    assert_eq!((status.votes, status.pending.len(), status.alarms.len()), (2, 0, 0));
    let red = &status.vns[0];
    assert_eq!((red.routers_running, red.routers_converged, red.adjacencies, red.votes_won), (4, 4, 8, 2));
    running.stop().await;
}

#[tokio::test]
async fn a_border_hears_where_every_virtual_network_delivers_its_prefixes() {
    let bench = Bench::new();
    let running = bench.start().await;
    let (mut north, _) = border(&running, "north").await;
    let mut agents = Vec::new();
    for (node, out) in [("north", "eth1"), ("east", "eth2"), ("south", "port"), ("west", "eth1")] {
        let line = AgentLine::open(dial(&running, None).await, AgentSays::Hello(hello(node))).await;
        for vn_id in [1, 2] {
            let next_hops = vec![v1::FibNextHop { via: String::new(), interface: out.into() }];
            let (prefix, kind) = ("198.18.2.0/24".into(), "unicast".into());
            let changed = vec![v1::FibRoute { prefix, kind, next_hops, ..Default::default() }];
            line.say(AgentSays::Fib(v1::FibDelta { vn_id, snapshot: true, changed, removed: vec![] })).await;
        }
        agents.push(line);
    }
    for verified in north.until_verified("198.18.2.0/24", v1::VerifiedState::Delivers).await {
        assert_eq!(verified.egress, ["south"]);
        assert_eq!(verified.path, ["north", "east", "south"]);
    }

    // An agent that leaves takes its knowledge along; a border that comes late hears that nothing is known.
    drop(agents.remove(1));
    north.until_verified("198.18.2.0/24", v1::VerifiedState::Unspecified).await;
    let (mut late, _) = border(&running, "north").await;
    late.until_verified("198.18.2.0/24", v1::VerifiedState::Unspecified).await;
    running.stop().await;
}

#[tokio::test]
async fn a_missing_adjacency_is_pending_by_name() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    let (east, spec) = &fleet.agents[1];
    let mut status = fine(spec);
    status.routers[1].adjacencies = 1;
    east.say(AgentSays::Status(status)).await;
    let status = operator.until("pending", |s| !s.converged).await;
    assert_eq!(status.pending, ["green at east: 1 of 2 adjacencies"]);
    running.stop().await;
}

#[tokio::test]
async fn a_border_hears_of_another_layout_class_when_a_virtual_link_goes_down() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let mut fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    // The class is known once all four agents have reported, and the same for both.
    let (north, first) = &mut fleet.borders[0];
    let mut spec = first.clone();
    while spec.vns[0].layout_class == 0 {
        spec = north.spec().await;
    }
    assert_eq!(spec.vns[0].layout_class, spec.vns[1].layout_class);

    let (east, node) = &fleet.agents[1];
    let mut status = fine(node);
    status.routers[0].links_down = vec![node.links[0].number];
    east.say(AgentSays::Status(status)).await;
    let next = north.spec().await;
    assert_ne!(next.vns[0].layout_class, spec.vns[0].layout_class);
    assert_eq!(next.vns[1].layout_class, spec.vns[1].layout_class);
    assert!(next.revision > spec.revision);
    let status = operator.status().await;
    assert_eq!(status.alarms, ["link 1 (east:eth1 to north:eth1) is down in red"]);
    assert_eq!((status.links_up, status.revision), (4, 1));
    running.stop().await;
}

#[tokio::test]
async fn a_second_agent_for_a_node_takes_over_from_the_first() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let (mut first, _) = agent(&running, "east").await;
    let (_second, _) = agent(&running, "east").await;

    let error = first.next().await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::Aborted, "REPLACED"));
    assert!(error.message().contains("another agent for node `east` has taken over (pid 4711)"), "{error}");
    // The end of the first stream does not make the node's agent disconnected.
    operator.until("connected", |s| s.agents_connected == 1).await;
    assert_eq!(operator.status().await.agents_connected, 1);
    running.stop().await;
}

#[tokio::test]
async fn an_agent_that_goes_is_marked_and_what_it_said_is_kept() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let mut fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    drop(fleet.agents.remove(1));
    let status = operator.until("disconnected", |s| s.agents_connected == 3).await;
    assert_eq!(status.pending, ["the agent of east is not connected"]);
    assert!(status.alarms[0].starts_with("the agent of east has been away for"), "{:?}", status.alarms);
    let routers =
        operator.0.list_routers(v1::ListRoutersRequest::default()).await.unwrap().into_inner().routers;
    let east = routers.iter().find(|r| r.node == "east" && r.vn == "red").unwrap();
    assert_eq!((east.state(), east.routes, east.processes.len()), (v1::RouterState::Unspecified, 6, 1));

    // It comes back, and all is as before.
    fleet.agents.push(agent(&running, "east").await);
    operator.until("converged again", |s| s.converged).await;
    running.stop().await;
}

#[tokio::test]
async fn strangers_are_told_why_they_are_refused() {
    let bench = Bench::new();
    let running = bench.start().await;
    let with = |mend: fn(&mut v1::Hello)| {
        let mut hello = hello("east");
        mend(&mut hello);
        AgentSays::Hello(hello)
    };
    let cases = [
        (
            with(|h| h.network = "star".into()),
            Code::NotFound,
            "NETWORK_UNKNOWN",
            "controller of network `ring`",
        ),
        (with(|h| h.node = "atlantis".into()), Code::NotFound, "NODE_UNKNOWN", "add it to the topology file"),
        (with(|h| h.node = "A b".into()), Code::InvalidArgument, "FIELD_MALFORMED", "`hello.node`"),
        (
            AgentSays::Status(v1::NodeStatus::default()),
            Code::InvalidArgument,
            "HELLO_MISSING",
            "must be a Hello",
        ),
    ];
    for (first, code, reason, words) in cases {
        let mut line = AgentLine::open(dial(&running, None).await, first).await;
        let error = line.next().await.unwrap_err();
        assert_eq!((error.code(), info(&error).reason.as_str()), (code, reason));
        assert!(error.message().contains(words), "{error}");
    }
    // East is a node, but no border.
    let mut line = BorderLine::open(dial(&running, None).await, BorderSays::Hello(hello("east"))).await;
    let error = line.next().await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::NotFound, "NODE_NOT_BORDER"));

    // Another version is let in, and pointed out.
    let _old = AgentLine::open(dial(&running, None).await, with(|h| h.version = "0.0.1".into())).await;
    let status = Operator::of(&running).await.until("connected", |s| s.agents_connected == 1).await;
    assert!(status.alarms[0].contains("the agent of east has version 0.0.1"), "{:?}", status.alarms);
    running.stop().await;
}

#[tokio::test]
async fn garbage_ends_the_stream_that_it_came_on_and_costs_nothing_else() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let _fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    let route =
        |prefix: &str| v1::FibRoute { prefix: prefix.into(), kind: "unicast".into(), ..Default::default() };
    let fib = |vn_id, prefix| {
        AgentSays::Fib(v1::FibDelta { vn_id, snapshot: true, changed: vec![route(prefix)], removed: vec![] })
    };
    let long = "x".repeat(1 << 20);
    let router = v1::RouterStatus { vn_id: 1, state: 77, ..Default::default() };
    let cases = [
        (fib(1, "198.18.1.0/33"), "FIELD_MALFORMED"),
        (fib(1, &long), "FIELD_MALFORMED"),
        (fib(0, "198.18.1.0/24"), "FIELD_MALFORMED"),
        (fib(9, "198.18.1.0/24"), "VN_UNKNOWN"),
        (
            AgentSays::Status(v1::NodeStatus { routers: vec![router], ..Default::default() }),
            "FIELD_MALFORMED",
        ),
        (AgentSays::Hello(hello("east")), "HELLO_REPEATED"),
    ];
    for (garbage, reason) in cases {
        let (mut line, _) = agent(&running, "east").await;
        line.say(garbage).await;
        let error = line.next().await.unwrap_err();
        assert_eq!((error.code(), info(&error).reason.as_str()), (Code::InvalidArgument, reason), "{error}");
        assert!(error.message().len() < 4000);
        // What the agent said before is kept.
        let routers =
            operator.0.list_routers(v1::ListRoutersRequest::default()).await.unwrap().into_inner().routers;
        assert_eq!(routers.iter().find(|r| r.node == "east").unwrap().routes, 6);
    }
    let votes = |prefix: &str| {
        let vote = v1::Vote { prefix: prefix.into(), winner: Some("Red!".into()), ..Default::default() };
        BorderSays::Votes(v1::VoteReport { snapshot: true, votes: vec![vote], ..Default::default() })
    };
    for garbage in [votes("198.18.1.1/24"), votes("198.18.2.0/24")] {
        let (mut line, _) = border(&running, "north").await;
        line.say(garbage).await;
        // Specifications may come first.
        let error = loop {
            if let Err(error) = line.next().await {
                break error;
            }
        };
        assert_eq!((error.code(), info(&error).reason.as_str()), (Code::InvalidArgument, "FIELD_MALFORMED"));
    }

    // A message beyond the limit, and bytes that are no HTTP at all.
    let (mut line, _) = agent(&running, "east").await;
    line.say(AgentSays::Status(v1::NodeStatus {
        problems: vec!["x".repeat(17 << 20)],
        ..Default::default()
    }))
    .await;
    assert!(line.next().await.is_err());
    let mut socket = std::os::unix::net::UnixStream::connect(bench.socket()).unwrap();
    socket.write_all(&[0xff; 4096]).unwrap();

    let _east = agent(&running, "east").await;
    let _north = border(&running, "north").await;
    operator.until("converged again", |s| s.converged).await;
    running.stop().await;
}
