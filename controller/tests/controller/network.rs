//! What operators ask and order.

use braid_proto::v1::{self, attach_border_request::Message as BorderSays};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt;

use crate::bench::{Bench, Fleet, Operator, RING, Running, agent, border, dial, fine, info};

#[tokio::test]
async fn lists_tell_what_is_planned_and_what_was_heard() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let _fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    let nodes = operator.0.list_nodes(v1::ListNodesRequest::default()).await.unwrap().into_inner().nodes;
    assert_eq!(nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["east", "north", "south", "west"]);
    let north = &nodes[1];
    assert_eq!((north.number, north.loopback.as_str(), north.agent_pid), (1, "100.64.0.1", 4711));
    assert!(north.border && north.agent_connected && north.border_connected);
    assert_eq!((north.routers, north.routers_running), (2, 2));

    let links = operator.0.list_links(v1::ListLinksRequest::default()).await.unwrap().into_inner().links;
    assert_eq!((links[0].number, links[0].a.as_str(), links[0].b.as_str()), (1, "east:eth1", "north:eth1"));
    assert!(links.iter().all(|l| l.up && l.down_in.is_empty()));

    let vns = operator.0.list_vns(v1::ListVnsRequest::default()).await.unwrap().into_inner().vns;
    let red = &vns[0];
    assert_eq!((red.name.as_str(), red.engine.as_str(), red.code_base.as_str()), ("red", "frr-ospf", "frr"));
    assert_eq!((red.protocol.as_str(), red.routers, red.links, red.rss_bytes), ("ospf", 4, 4, 4 << 20));

    let prefixes =
        operator.0.list_prefixes(v1::ListPrefixesRequest::default()).await.unwrap().into_inner().prefixes;
    let first = &prefixes[0];
    assert_eq!(
        (first.prefix.as_str(), first.node.as_str(), first.interface.as_str()),
        ("198.18.1.0/24", "north", "cust0")
    );
    assert_eq!((first.borders_voting, first.borders_decided), (1, 1));
    assert!(first.policy.starts_with("master red, settle 200ms"), "{}", first.policy);

    let votes = operator.0.list_votes(v1::ListVotesRequest::default()).await.unwrap().into_inner().votes;
    let vote = &votes[0];
    assert_eq!(
        (vote.border.as_str(), vote.prefix.as_str(), vote.winner()),
        ("north", "198.18.2.0/24", "red")
    );

    let hosts = operator.0.list_hosts(v1::ListHostsRequest::default()).await.unwrap().into_inner().hosts;
    assert_eq!(
        (hosts[0].name.as_str(), &hosts[0].addresses[..]),
        ("north-host", &["198.18.1.10/24".to_owned()][..])
    );
    running.stop().await;
}

#[tokio::test]
async fn a_list_can_be_read_in_pages() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListRoutersRequest { page_size: 3, page_token };
        let page = operator.0.list_routers(request).await.unwrap().into_inner();
        seen.extend(page.routers.into_iter().map(|r| format!("{} {}", r.vn, r.node)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted(), "{seen:?}");

    let request = v1::ListNodesRequest { page_size: 0, page_token: "made up".into() };
    let error = operator.0.list_nodes(request).await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    running.stop().await;
}

#[tokio::test]
async fn a_vote_is_explained_by_the_border_itself() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let (mut line, _) = border(&running, "north").await;

    let border = tokio::spawn(async move {
        let question = line.question().await;
        assert_eq!(question.prefix, "198.18.2.0/24");
        let vote = v1::Vote { prefix: question.prefix, winner: Some("green".into()), ..Default::default() };
        let explanation = v1::Explanation { vote: Some(vote), policy: "master".into(), ..Default::default() };
        let reply = v1::ExplainReply { id: question.id, explanation: Some(explanation) };
        line.say(BorderSays::Explanation(reply)).await;
        line
    });
    // An address within the prefix will do.
    let explanation = operator.explain("198.18.2.10", "north").await.unwrap();
    assert_eq!(explanation.policy, "master");
    let vote = explanation.vote.unwrap();
    assert_eq!((vote.border.as_str(), vote.winner()), ("north", "green"));
    let mut line = border.await.unwrap();

    // A border that says that it does not vote on it, and one that says nothing.
    let silent = tokio::spawn(async move {
        let question = line.question().await;
        line.say(BorderSays::Explanation(v1::ExplainReply { id: question.id, explanation: None })).await;
        line.question().await;
        line
    });
    let error = operator.explain("198.18.2.0/24", "north").await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::NotFound, "PREFIX_UNKNOWN"));
    let error = operator.explain("198.18.2.0/24", "north").await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::DeadlineExceeded, "BORDER_SILENT"));

    // One that leaves while it is asked.
    let mut line = silent.await.unwrap();
    let leaving = tokio::spawn(async move { drop(line.question().await) });
    let error = operator.explain("198.18.2.0/24", "north").await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::Unavailable, "BORDER_NOT_CONNECTED"));
    leaving.await.unwrap();

    let cases = [
        ("198.18.1.0/24", "north", Code::NotFound, "PREFIX_UNKNOWN"),
        ("192.0.2.1", "north", Code::NotFound, "PREFIX_UNKNOWN"),
        ("198.18.2.0/24", "east", Code::NotFound, "BORDER_UNKNOWN"),
        ("198.18.1.0/24", "south", Code::Unavailable, "BORDER_NOT_CONNECTED"),
        ("nonsense", "north", Code::InvalidArgument, "FIELD_MALFORMED"),
        ("198.18.2.0/24", "No rth", Code::InvalidArgument, "FIELD_MALFORMED"),
    ];
    for (prefix, border, code, reason) in cases {
        let error = operator.explain(prefix, border).await.unwrap_err();
        assert_eq!((error.code(), info(&error).reason.as_str()), (code, reason), "{prefix} {border}");
    }
    running.stop().await;
}

#[tokio::test]
async fn an_explanation_has_what_only_engines_know_and_does_not_wait_for_them_for_long() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let (mut node, _) = agent(&running, "north").await;
    let (mut line, _) = border(&running, "north").await;
    let border = tokio::spawn(async move {
        for _ in 0..2 {
            let question = line.question().await;
            let candidates = ["red", "green"].map(|vn| v1::Candidate { vn: vn.into(), ..Default::default() });
            let explanation = v1::Explanation { candidates: candidates.into(), ..Default::default() };
            let reply = v1::ExplainReply { id: question.id, explanation: Some(explanation) };
            line.say(BorderSays::Explanation(reply)).await;
        }
        line
    });
    let agent = tokio::spawn(async move {
        let question = node.question().await;
        assert_eq!(question.prefix, "198.18.2.0/24");
        let announcements = vec![v1::Announcement { vn_id: 2, text: "router LSA".into() }];
        let reply = v1::AnnouncedReply { id: question.id, announcements };
        node.say(v1::attach_agent_request::Message::Announced(reply)).await;
        // The second time it stays silent.
        node.question().await;
        node
    });
    let told = |explanation: v1::Explanation| -> Vec<String> {
        explanation.candidates.into_iter().map(|c| c.announced_by).collect()
    };
    assert_eq!(told(operator.explain("198.18.2.10", "north").await.unwrap()), ["", "router LSA"]);
    assert_eq!(told(operator.explain("198.18.2.10", "north").await.unwrap()), ["", ""]);
    let _connected = (agent.await.unwrap(), border.await.unwrap());
    running.stop().await;
}

#[tokio::test]
async fn a_bad_topology_changes_nothing_and_says_where_it_is_bad() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;

    let error = operator
        .apply(&RING.replace("east:eth1", "atlantis:eth1").replace("id: 2", "id: 300"))
        .await
        .unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::InvalidArgument, "TOPOLOGY_INVALID"));
    let violations = error.get_details_bad_request().unwrap().field_violations;
    assert!(violations.len() >= 2, "{violations:?}");
    assert!(
        violations.iter().all(|v| v.field == "text" && v.description.starts_with("new.yaml:")),
        "{violations:?}"
    );

    let error = operator.apply(&"{".repeat(16 << 20)).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let error = operator.apply(&RING.replace("name: ring", "name: star")).await.unwrap_err();
    assert_eq!(info(&error).reason, "TOPOLOGY_OF_OTHER_NETWORK");

    let topology = operator.0.get_topology(v1::GetTopologyRequest {}).await.unwrap().into_inner();
    assert_eq!((topology.text.as_str(), topology.revision), (RING, 1));
    running.stop().await;
}

#[tokio::test]
async fn a_good_topology_reaches_everyone_and_numbers_stay() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let mut fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;

    // The same again is no change.
    let same = operator.apply(RING).await.unwrap();
    assert_eq!((same.changed, same.revision), (false, 1));

    // West leaves, and green with it.
    let keep = |l: &&str| !l.contains("west") && !l.contains("green");
    let smaller: String = RING.lines().filter(keep).map(|l| format!("{l}\n")).collect();
    let applied = operator.apply(&smaller).await.unwrap();
    assert_eq!((applied.changed, applied.revision), (true, 2));

    for (line, before) in &mut fleet.agents {
        let spec = line.spec().await;
        assert_eq!(spec.revision, 2);
        if spec.node == "west" {
            assert!(spec.routers.is_empty() && spec.links.is_empty());
        } else {
            assert_eq!(spec.routers[0].loopback, before.routers[0].loopback);
            assert_eq!(spec.routers.len(), 1);
        }
        *before = spec;
    }
    let status = operator.status().await;
    assert_eq!((status.nodes, status.vns.len(), status.converged), (3, 1, false));
    assert!(
        status.pending.contains(&"the agent of east works towards revision 1, not 2".to_owned()),
        "{:?}",
        status.pending
    );

    // Once the agents say that they follow, it has converged: links 3 and 4 are gone, so fewer adjacencies are due.
    for (line, spec) in fleet.agents.iter().filter(|(_, s)| s.node != "west") {
        line.say(v1::attach_agent_request::Message::Status(fine(spec))).await;
    }
    operator.until("converged", |s| s.converged).await;
    running.stop().await;
}

#[tokio::test]
async fn a_policy_of_a_prefix_is_changed_live_and_nothing_else_with_it() {
    let with = |prefixes: &str| {
        let two = RING.replace("[198.18.2.0/24]", "[198.18.2.0/24, 198.18.3.0/24]");
        format!("{two}vote:\n  default: {{ policy: master, master: red }}\n  prefixes: [{prefixes}]\n")
    };
    let bench = Bench::new();
    bench.write(&with("{ match: 198.18.3.0/24, policy: master, master: green }"));
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    let mut fleet = Fleet::of(&running).await;
    // Layout classes come when all agents have reported: what is compared is the specification with them.
    for (line, spec) in &mut fleet.borders {
        while spec.vns.iter().any(|vn| vn.layout_class == 0) {
            *spec = line.spec().await;
        }
    }

    let changes = [
        "{ match: 198.18.3.0/24, policy: first-k, k: 2, verified: true, settle: 1s }",
        "{ match: 198.18.3.0/24, policy: consensus, deadline: 3s }",
        "",
    ];
    for rule in changes {
        assert!(operator.apply(&with(rule)).await.unwrap().changed);
        for (line, before) in &mut fleet.borders {
            let spec = line.spec().await;
            let mut expected = v1::BorderSpec { revision: spec.revision, ..before.clone() };
            for foreign in expected.foreign.iter_mut().filter(|f| f.prefix == "198.18.3.0/24") {
                let changed = spec.foreign.iter().find(|f| f.prefix == foreign.prefix).unwrap();
                assert_ne!(changed.policy, foreign.policy, "{rule}");
                foreign.policy.clone_from(&changed.policy);
            }
            assert_eq!(spec, expected, "{rule}");
            assert!(spec.revision > before.revision);
            *before = spec;
        }
    }
    // Without a rule of its own it is the default's again.
    let north = &fleet.borders[0].1;
    assert_eq!(north.foreign.len(), 2);
    assert_eq!(north.foreign[0].policy, north.foreign[1].policy);
    assert_eq!(north.foreign[0].policy.unwrap().kind(), v1::PolicyKind::Master);

    // A rule that makes no sense changes nothing, and says where and why.
    let error = operator.apply(&with("{ match: 198.18.3.0/24, policy: first-k, k: 3 }")).await.unwrap_err();
    let violations = error.get_details_bad_request().unwrap().field_violations;
    assert!(violations[0].description.contains("k 3 is more than the 2 code bases"), "{violations:?}");
    assert!(!operator.apply(&with("")).await.unwrap().changed);
    running.stop().await;
}

#[tokio::test]
async fn a_controller_without_a_topology_waits_for_one() {
    let bench = Bench::new();
    let running = Running::start(braid_controller::ControllerConfig { topology: None, ..bench.config() })
        .await
        .unwrap();
    let mut operator = Operator::of(&running).await;
    let status = operator.status().await;
    assert!(
        !status.converged && status.pending[0].contains("no topology is in force"),
        "{:?}",
        status.pending
    );
    assert!(
        operator.0.list_nodes(v1::ListNodesRequest::default()).await.unwrap().into_inner().nodes.is_empty()
    );
    let error = operator.0.get_topology(v1::GetTopologyRequest {}).await.unwrap_err();
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::FailedPrecondition, "NO_TOPOLOGY"));

    assert_eq!(operator.apply(RING).await.unwrap().revision, 1);
    let _fleet = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;
    running.stop().await;
}

#[tokio::test]
async fn reflection_lists_the_services_and_health_says_that_they_serve() {
    let bench = Bench::new();
    let running = bench.start().await;
    let channel = dial(&running, None).await;
    let request = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let requests = tokio_stream::iter([
        request(MessageRequest::ListServices(String::new())),
        request(MessageRequest::FileContainingSymbol("braid.v1.NetworkService".into())),
    ]);
    let mut answers = ServerReflectionClient::new(channel.clone())
        .server_reflection_info(requests)
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services")
    };
    let names: Vec<String> = list.service.into_iter().map(|s| s.name).collect();
    let services = ["braid.v1.FleetService", "braid.v1.NetworkService", "grpc.health.v1.Health"];
    for service in services {
        assert!(names.iter().any(|n| n == service), "{names:?}");
    }
    let file = answers.next().await.unwrap().unwrap().message_response;
    assert!(matches!(file, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");

    let mut health = HealthClient::new(channel);
    for service in ["", services[0], services[1]] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    }
    running.stop().await;
}
