//! Nodes in namespaces, agents as processes in them, and a controller that only talks and listens.
#![allow(dead_code)] // each test file uses its part

pub mod controller;

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use braid_agent::AgentConfig;
use braid_engine::cgroup::Cgroup;
use braid_kernel::{Link, Netlink, Netns, Process, Signal, VethSpec};
use braid_proto::{InstanceFile, v1};
use tempfile::TempDir;

/// How long a named condition may take to come true.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What an agent's process is to be, and where.
const AGENT: &str = "BRAID_TEST_AGENT";
const AGENT_DIR: &str = "BRAID_TEST_AGENT_DIR";

/// Not a test: what the test program does when it starts itself as an agent's process.
#[test]
fn agent_process() {
    let Ok(agent) = std::env::var(AGENT) else { return };
    let words: Vec<&str> = agent.split(' ').collect();
    let [network, node, controller] = words[..] else { panic!("not an agent: {agent}") };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).with_env_filter("info").init();
    let config = AgentConfig {
        network: network.parse().unwrap(),
        node: node.parse().unwrap(),
        controller: controller.parse().unwrap(),
        tls: None,
        run_dir: std::env::var_os(AGENT_DIR).unwrap().into(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Err(error) = runtime.block_on(braid_agent::run(config, std::future::pending())) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// A small network of namespaces, removed with everything in it, also when a test panics.
pub struct World {
    pub network: String,
    dir: TempDir,
}

impl World {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let network = format!("ba{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::Builder::new().prefix("ba").tempdir().unwrap();
        // FRR's daemons are another user.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        Self { network, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A node: a namespace with a loopback.
    pub async fn node(&self, name: &str) -> Node {
        let netns = Netns::create(&format!("{}.{name}", self.network)).expect("these tests run as root");
        let netlink = Netlink::open(&netns).unwrap();
        netlink.set_admin("lo", true).await.unwrap();
        let run_dir = self.path(name);
        fs::create_dir(&run_dir).unwrap();
        Node { network: self.network.clone(), name: name.to_owned(), netns, netlink, run_dir }
    }

    /// Joins two nodes by a cable: `eth1` at both, 100.66.0.0/31 at the first.
    pub async fn cable(&self, a: &Node, b: &Node) {
        let cable = VethSpec { name: "eth1", peer: "eth1", peer_netns: &b.netns, mtu: 1600, up: true };
        a.netlink.create_veth(&cable).await.unwrap();
        a.netlink.add_address("eth1", "100.66.0.0/31".parse().unwrap()).await.unwrap();
        b.netlink.add_address("eth1", "100.66.0.1/31".parse().unwrap()).await.unwrap();
    }

    /// The virtual routers' namespaces that there are.
    pub fn namespaces(&self) -> Vec<String> {
        let own = format!("{}.", self.network);
        let all = Netns::list().unwrap();
        all.into_iter().filter(|name| name.starts_with(&own) && name.matches('.').count() == 2).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let own = format!("{}.", self.network);
        for name in Netns::list().unwrap_or_default().into_iter().filter(|name| name.starts_with(&own)) {
            let pids = Netns::open(&name).and_then(|netns| netns.pids()).unwrap_or_default();
            let processes: Vec<Process> =
                pids.into_iter().filter_map(|pid| Process::open(pid).ok()).collect();
            for process in &processes {
                let _ = process.signal(Signal::KILL);
            }
            let start = Instant::now();
            while processes.iter().any(Process::is_alive) && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = Netns::delete(&name);
        }
        let _ = Cgroup::new(format!("braid/{}", self.network), 0, 0).delete();
        for node in ["a", "b"] {
            for instance in fs::read_dir(self.path(node)).into_iter().flatten().flatten() {
                braid_engine::clear_crash_logs(&instance.path());
            }
        }
        if std::thread::panicking() {
            for node in ["a", "b"] {
                if let Ok(log) = fs::read_to_string(self.path(node).join("agent.log")) {
                    let tail: Vec<&str> = log.lines().rev().take(40).collect();
                    eprintln!("the end of {node}'s log:");
                    tail.iter().rev().for_each(|line| eprintln!("  {line}"));
                }
            }
        }
    }
}

/// A physical router.
pub struct Node {
    pub network: String,
    pub name: String,
    pub netns: Netns,
    pub netlink: Netlink,
    pub run_dir: PathBuf,
}

impl Node {
    /// Starts an agent, which dials `controller`.
    pub fn agent(&self, controller: &Path) -> Agent {
        Agent(self.agent_command(controller).spawn().unwrap())
    }

    pub fn agent_command(&self, controller: &Path) -> Command {
        let log = File::options().create(true).append(true).open(self.run_dir.join("agent.log")).unwrap();
        let mut command = self.netns.command(std::env::current_exe().unwrap());
        command.args(["--exact", "common::agent_process", "--nocapture"]);
        command.env(AGENT, format!("{} {} unix:{}", self.network, self.name, controller.display()));
        command.env(AGENT_DIR, &self.run_dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    pub fn instance(&self, vn: u32) -> Option<InstanceFile> {
        InstanceFile::read(&self.run_dir.join(format!("vn{vn}"))).unwrap()
    }

    /// The namespace of a virtual router.
    pub fn inside(&self, vn: &str) -> Option<Netlink> {
        let netns = Netns::open(&format!("{}.{}.{vn}", self.network, self.name)).ok()?;
        Some(Netlink::open(&netns).unwrap())
    }

    /// A link of a virtual router.
    pub async fn link(&self, vn: &str, name: &str) -> Option<Link> {
        self.inside(vn)?.link(name).await.unwrap()
    }

    /// The specification of this node, number 1 or 2 of a pair, with these virtual networks: id, name, engine.
    pub fn spec(&self, number: u8, vns: &[(u32, &str, &str)]) -> v1::NodeSpec {
        let (own, peer) = (number - 1, 2 - number);
        let link = v1::PhysicalLink {
            number: 1,
            interface: "eth1".into(),
            address: format!("100.66.0.{own}/31"),
            peer_address: format!("100.66.0.{peer}"),
            mtu: 1600,
            ..Default::default()
        };
        let router = |&(vn, name, engine): &(u32, &str, &str)| v1::RouterSpec {
            vn_id: vn,
            vn: name.into(),
            engine: engine.into(),
            namespace: format!("{}.{}.{name}", self.network, self.name),
            loopback: format!("100.64.0.{number}"),
            links: vec![v1::VirtualLink {
                interface: "eth1".into(),
                vni: vn << 16 | 1,
                link_number: 1,
                address: format!("100.65.0.{own}/31"),
                peer_address: format!("100.65.0.{peer}"),
                metric: 10,
                mtu: 1550,
                underlay_interface: "eth1".into(),
                underlay_local: format!("100.66.0.{own}"),
                underlay_remote: format!("100.66.0.{peer}"),
                ..Default::default()
            }],
            port: Some(v1::Port {
                node_interface: format!("braid-vn{vn}"),
                router_interface: "port".into(),
                node_address: format!("100.67.0.{}/31", 2 * vn),
                router_address: format!("100.67.0.{}/31", 2 * vn + 1),
                mtu: 1550,
            }),
            attached: vec![format!("198.18.{number}.0/24")],
            hello: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            memory_bytes: 256 << 20,
            pids: 64,
        };
        v1::NodeSpec {
            network: self.network.clone(),
            node: self.name.clone(),
            revision: 1,
            links: vec![link],
            routers: vns.iter().map(router).collect(),
        }
    }
}

/// An agent's process; killed when dropped.
pub struct Agent(Child);

impl Agent {
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
