//! One node with one virtual router: an agent that has to get by without a controller, and beside an operator.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // a test's panic is its report

mod common;

use std::fs;

use braid_kernel::{Netns, Process, ProcessId, RouteFilter, Signal};
use braid_proto::{InstanceFile, InstanceState, v1};
use common::{Node, World, controller::Controller, eventually};
use prost::Message;

const GREEN: (u32, &str, &str) = (2, "green", "bird-ospf");

async fn is(node: &Node, state: InstanceState) -> InstanceFile {
    let so = async || node.instance(2).filter(|file| file.state == state);
    eventually(&format!("the engine is {state:?}"), so).await
}

fn process(file: &InstanceFile) -> Process {
    let [bird] = &file.processes[..] else { panic!("one process: {file:?}") };
    ProcessId { pid: bird.pid, start_time: bird.start_time }.open().expect("it lives")
}

/// Whether the route to the node's customers is there.
async fn attached(node: &Node) -> Option<()> {
    let ours = RouteFilter { table: Some(254), protocol: Some(76) };
    let routes = node.inside("green")?.routes(ours).await.unwrap();
    routes.iter().any(|route| route.prefix.to_string() == "198.18.1.0/24").then_some(())
}

fn ip(node: &Node, arguments: &str) {
    let inside = Netns::open(&format!("{}.{}.green", node.network, node.name)).unwrap();
    let output = inside.command("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_specification_said_is_built_and_kept() {
    // Goal: an agent whose controller is away builds what it was told last, mends what breaks, and lets an operator be.
    let world = World::new();
    let (a, b) = (world.node("a").await, world.node("b").await);
    world.cable(&a, &b).await;
    let spec = a.spec(1, &[GREEN]);
    fs::write(a.run_dir.join("node-spec.binpb"), spec.encode_to_vec()).unwrap();
    // Here the engine's configuration cannot be written: a directory is in its place.
    fs::create_dir_all(a.run_dir.join("vn2/bird.conf")).unwrap();
    let socket = world.path("controller.sock");
    let _agent = a.agent(&socket);

    // A start that fails is told, and tried again until it succeeds.
    is(&a, InstanceState::Gone).await;
    fs::remove_dir(a.run_dir.join("vn2/bird.conf")).unwrap();
    let running = is(&a, InstanceState::Running).await;
    assert_eq!(running.restarts, 0, "it has not run before");
    attached(&a).await.expect("it is there before the engine");

    // A second agent on the same node is refused.
    assert_eq!(a.agent_command(&socket).status().unwrap().code(), Some(1));

    // The controller comes late, and hears how things are.
    let controller = Controller::listen(&socket);
    let heard =
        controller.hears("a", "it runs", |h| h.router(2).is_some_and(|r| !r.processes.is_empty())).await;
    assert_eq!(heard.router(2).unwrap().state(), v1::RouterState::Running);
    assert!(heard.router(2).unwrap().last_error.contains("bird.conf"), "{heard:?}");
    assert_eq!((heard.status.revision, &heard.status.problems[..]), (1, &[][..]));

    // An engine that hangs is silent, not gone, and is itself again when it answers.
    let bird = process(&running);
    bird.signal(Signal::STOP).unwrap();
    is(&a, InstanceState::Silent).await;
    bird.signal(Signal::CONT).unwrap();
    assert_eq!(is(&a, InstanceState::Running).await.processes, running.processes);

    // An operator's deeds are let be while our own things are mended.
    ip(&a, "link set eth1 down");
    ip(&a, "route add blackhole 192.0.2.0/24");
    ip(&a, "route del 198.18.1.0/24");
    eventually("the route to the customers is back", async || attached(&a).await).await;
    assert!(!a.link("green", "eth1").await.unwrap().admin_up);
    controller.hears("a", "the link is down", |h| h.router(2).is_some_and(|r| r.links_down == [1])).await;
    // Also when that is a route in the place of ours: the virtual network loses that prefix, as was wanted.
    ip(&a, "route replace blackhole 198.18.1.0/24");
    ip(&a, "link set eth1 up");
    controller
        .hears("a", "link up, route dead", |h| {
            let fib = h.fibs.get(&2).and_then(|fib| fib.get("198.18.1.0/24"));
            h.router(2).is_some_and(|r| r.links_down.is_empty()) && fib.is_some_and(|r| r.kind == "blackhole")
        })
        .await;
    ip(&a, "route del blackhole 198.18.1.0/24");
    eventually("the route to the customers is back", async || attached(&a).await).await;

    // A changed specification reaches the engine without a restart where it can take it so.
    let mut dearer = spec.clone();
    dearer.revision = 2;
    dearer.routers[0].links[0].metric = 77;
    controller.send(dearer);
    controller.hears("a", "the new revision", |h| h.status.revision == 2).await;
    eventually("the new metric", async || {
        let mut birdc = std::process::Command::new("birdc");
        let asked = birdc.arg("-s").arg(a.run_dir.join("vn2/bird.ctl")).args(["show", "ospf", "interface"]);
        String::from_utf8_lossy(&asked.output().unwrap().stdout).contains("Cost: 77").then_some(())
    })
    .await;
    assert_eq!(is(&a, InstanceState::Running).await, running);

    // The physical interface vanishes and comes back as another one.
    a.netlink.delete_link("eth1").await.unwrap();
    eventually("the virtual link is gone", async || a.link("green", "eth1").await.is_none().then_some(()))
        .await;
    world.cable(&a, &b).await;
    eventually("the virtual link is back", async || a.link("green", "eth1").await.filter(|l| l.is_up()))
        .await;

    // The namespace is deleted under the engine: it is built anew, and the engine with it.
    Netns::delete(&format!("{}.a.green", world.network)).unwrap();
    let restarted = eventually("restarted", async || {
        a.instance(2).filter(|f| f.restarts == 1 && f.state == InstanceState::Running)
    })
    .await;
    assert!(!bird.is_alive());
    let inside = a.inside("green").unwrap();
    assert_eq!(inside.netns(), &Netns::of_pid(process(&restarted).pid()).unwrap());
    eventually("the virtual link is back", async || a.link("green", "eth1").await.filter(|l| l.is_up()))
        .await;
    attached(&a).await.expect("it is there before the engine");
    controller.hears("a", "no problems", |h| h.status.problems.is_empty()).await;
}
