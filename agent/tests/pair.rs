//! Two nodes, two virtual networks: an agent's whole life with a controller.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // a test's panic is its report

mod common;

use std::time::{Duration, Instant};

use braid_kernel::{Nexthop, NexthopTarget, ProcessId, Signal};
use braid_proto::{InstanceState, v1};
use common::{Agent, Node, World, controller::Controller, eventually};

const RED: (u32, &str, &str) = (1, "red", "frr-ospf");
const GREEN: (u32, &str, &str) = (2, "green", "bird-ospf");

/// Two agents whose virtual networks have converged.
struct Pair {
    controller: Controller,
    agent_a: Agent,
    _agent_b: Agent,
    a: Node,
    b: Node,
    _world: World,
}

impl Pair {
    async fn up() -> Self {
        let world = World::new();
        let (a, b) = (world.node("a").await, world.node("b").await);
        world.cable(&a, &b).await;
        let controller = Controller::listen(&world.path("controller.sock"));
        controller.send(a.spec(1, &[RED, GREEN]));
        controller.send(b.spec(2, &[RED, GREEN]));
        let (agent_a, agent_b) = (a.agent(&controller.socket), b.agent(&controller.socket));
        let pair = Self { controller, agent_a, _agent_b: agent_b, a, b, _world: world };
        for (vn, ..) in [RED, GREEN] {
            pair.joined("a", vn).await;
            pair.joined("b", vn).await;
        }
        pair
    }

    async fn joined(&self, node: &str, vn: u32) {
        self.controller.hears(node, &format!("vn {vn} runs with one adjacency"), |h| h.is_joined(vn)).await;
    }
}

fn ids(router: Option<&v1::RouterStatus>) -> Vec<(i32, u64)> {
    router.map(|r| r.processes.iter().map(|p| (p.pid, p.start_time)).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_converge_and_outlive_crashes_of_everything() {
    // Goal: from a specification to forwarding, and back there after each failure.
    let mut pair = Pair::up().await;
    let Pair { controller, a, b, .. } = &pair;

    // Each virtual router forwards to the other's loopback and customers.
    for (vn, ..) in [RED, GREEN] {
        for (node, loopback, prefix) in
            [("a", "100.64.0.2/32", "198.18.2.0/24"), ("b", "100.64.0.1/32", "198.18.1.0/24")]
        {
            controller
                .hears(node, &format!("vn {vn} forwards to the other"), |h| {
                    h.forwards(vn, loopback) && h.forwards(vn, prefix)
                })
                .await;
        }
    }
    let heard = controller.heard("a");
    assert_eq!(heard.status.problems, [] as [&str; 0]);
    assert_eq!(heard.status.revision, 1);
    assert_eq!(heard.status.links, [v1::PhysicalLinkStatus { number: 1, up: true }]);
    assert_eq!(ids(heard.router(1)).len(), 2, "zebra and ospfd");
    controller.hears("a", "memory in use", |h| h.router(2).is_some_and(|r| r.rss_bytes > 0)).await;

    // Its engines tell what announces the other's prefix; of what is no prefix they tell nothing.
    controller.ask("a", 5, "198.18.2.0/24");
    let heard = controller.hears("a", "evidence", |h| !h.announced.is_empty()).await;
    let mut told = heard.announced[0].clone();
    told.announcements.sort_by_key(|announcement| announcement.vn_id);
    assert_eq!((told.id, told.announcements.iter().map(|a| a.vn_id).collect()), (5, vec![1, 2]), "{told:?}");
    for announcement in &told.announcements {
        let wanted = "router LSA 100.64.0.2 from 100.64.0.2, sequence 0x8";
        assert!(announcement.text.starts_with(wanted), "{announcement:?}");
    }
    controller.ask("a", 6, "no prefix");
    let heard = controller.hears("a", "nothing", |h| h.announced.len() == 2).await;
    assert_eq!(heard.announced[1], v1::AnnouncedReply { id: 6, announcements: Vec::new() });

    // The physical link goes down: the virtual ones lose carrier at once, without the engines having to notice.
    b.netlink.set_admin("eth1", false).await.unwrap();
    let down = Instant::now();
    for (_, name, _) in [RED, GREEN] {
        eventually("no carrier", async || a.link(name, "eth1").await.filter(|l| l.protodown && !l.is_up()))
            .await;
    }
    let took = down.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    controller
        .hears("a", "the links are down", |h| {
            let links_down = |vn| h.router(vn).is_some_and(|r| r.links_down == [1]);
            let alone = h.status.routers.iter().all(|router| router.adjacencies == 0);
            links_down(1) && links_down(2) && alone && h.status.links.iter().all(|link| !link.up)
        })
        .await;
    b.netlink.set_admin("eth1", true).await.unwrap();
    for (vn, name, _) in [RED, GREEN] {
        eventually("carrier", async || a.link(name, "eth1").await.filter(|l| !l.protodown && l.is_up()))
            .await;
        pair.joined("a", vn).await;
        pair.joined("b", vn).await;
    }

    // An engine's process is killed: the border beside it can read so at once, and it comes back by itself.
    let before = ids(controller.heard("a").router(1));
    let ospfd = ProcessId { pid: before[1].0, start_time: before[1].1 }.open().unwrap();
    ospfd.signal(Signal::KILL).unwrap();
    let killed = Instant::now();
    eventually("the instance is said to be gone", async || {
        a.instance(1).filter(|file| file.state == InstanceState::Gone)
    })
    .await;
    assert!(killed.elapsed() < Duration::from_millis(300), "{:?}", killed.elapsed());
    controller
        .hears("a", "restarted", |h| h.is_joined(1) && h.router(1).is_some_and(|r| r.restarts == 1))
        .await;
    let heard = controller.heard("a");
    assert!(heard.router(1).unwrap().last_error.contains("ospfd"), "{heard:?}");
    let after = ids(heard.router(1));
    assert!(after.iter().all(|id| !before.contains(id)), "no process of the half-dead instance is left");
    assert_eq!(heard.router(2).unwrap().restarts, 0);

    // The agent is killed: the engines do not notice, and its successor takes them over.
    let (green, connections) = (ids(heard.router(2)), heard.connections);
    pair.agent_a.kill();
    pair.agent_a = pair.a.agent(&pair.controller.socket);
    let Pair { controller, a, .. } = &pair;
    controller
        .hears("a", "the successor's word", |h| {
            h.connections > connections && h.is_joined(1) && h.is_joined(2) && h.forwards(1, "198.18.2.0/24")
        })
        .await;
    let heard = controller.heard("a");
    assert_eq!((ids(heard.router(1)), ids(heard.router(2))), (after.clone(), green.clone()));
    assert_eq!(heard.router(1).unwrap().restarts, 1);

    // What makes no sense is refused whole, and said; what runs, runs on.
    let mut garbage = a.spec(1, &[RED]);
    garbage.routers[0].loopback = "not an address".into();
    controller.send(garbage);
    controller
        .hears("a", "a problem", |h| h.status.problems.iter().any(|p| p.contains("routers.loopback")))
        .await;
    let mut foreign = a.spec(1, &[]);
    foreign.network = "elsewhere".into();
    controller.send_to("a", foreign);
    controller.hears("a", "a problem", |h| h.status.problems.iter().any(|p| p.contains("elsewhere"))).await;
    assert_eq!(ids(controller.heard("a").router(2)), green);

    // One virtual router is specified no longer: nothing of it stays, and nothing else is touched.
    // But first the border has to steer away, which it has when its nexthop object is gone.
    let port = a.netlink.link("braid-vn2").await.unwrap().unwrap();
    let target = NexthopTarget::Device { via: None, ifindex: port.index };
    a.netlink.replace_nexthop(&Nexthop { id: 7602, target, protocol: 76 }).await.unwrap();
    controller.send(a.spec(1, &[RED]));
    eventually("the agent waits", async || {
        let log = std::fs::read_to_string(a.run_dir.join("agent.log")).unwrap();
        log.contains("taking down").then_some(())
    })
    .await;
    assert_eq!(a.netlink.nexthops().await.unwrap().len(), 1);
    a.netlink.delete_nexthop(7602).await.unwrap();
    controller
        .hears("a", "only one router", |h| h.status.routers.len() == 1 && h.status.problems.is_empty())
        .await;
    assert!(a.inside("green").is_none());
    assert!(!a.run_dir.join("vn2").exists());
    assert_eq!(a.netlink.link("braid-vn2").await.unwrap(), None);
    let (pid, start_time) = green[0];
    assert!(ProcessId { pid, start_time }.open().is_none());
    assert_eq!(ids(controller.heard("a").router(1)), after);

    // Nor the other, when nothing is specified.
    controller.send(a.spec(1, &[]));
    controller.hears("a", "no router", |h| h.status.routers.is_empty()).await;
    assert!(a.inside("red").is_none());
}
