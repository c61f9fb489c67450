//! The controller under test, and the fleet around it.

use std::{path::PathBuf, time::Duration};

use braid_controller::{Controller, ControllerConfig, ControllerError};
use braid_proto::{
    Address, TlsFiles,
    v1::{
        self, attach_agent_request::Message as AgentSays, attach_agent_response::Message as AgentHears,
        attach_border_request::Message as BorderSays, attach_border_response::Message as BorderHears,
        fleet_service_client::FleetServiceClient, network_service_client::NetworkServiceClient,
    },
};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};
use tonic_types::{ErrorInfo, StatusExt};

pub const RING: &str = include_str!("../../../topologies/ring.yaml");
pub const NODES: [&str; 4] = ["north", "east", "south", "west"];
pub const BORDERS: [&str; 2] = ["north", "south"];
/// How long anything may take that ought to happen at once.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A controller, running in this process.
pub struct Running {
    pub address: Address,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ControllerError>>,
}

impl Running {
    pub async fn start(config: ControllerConfig) -> Result<Self, ControllerError> {
        let controller = Controller::start(config).await?;
        let address = controller.address().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(controller.serve(async {
            let _ = stopped.await;
        }));
        Ok(Self { address, stop, serving })
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.serving).await.expect("stops in time").unwrap().unwrap();
    }
}

/// A directory with a topology file and room for socket and state.
pub struct Bench {
    pub dir: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        bench.write(RING);
        bench
    }

    pub fn write(&self, topology: &str) {
        std::fs::write(self.file(), topology).unwrap();
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("ring.yaml")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("controller.sock")
    }

    pub fn config(&self) -> ControllerConfig {
        ControllerConfig {
            listen: Address::Unix(self.socket()),
            tls: None,
            state_dir: self.dir.path().join("state"),
            topology: Some(self.file()),
        }
    }

    pub async fn start(&self) -> Running {
        Running::start(self.config()).await.unwrap()
    }
}

pub async fn dial(running: &Running, tls: Option<&TlsFiles>) -> Channel {
    running.address.connect(tls).await.unwrap()
}

pub struct Operator(pub NetworkServiceClient<Channel>);

impl Operator {
    pub async fn of(running: &Running) -> Self {
        Self(NetworkServiceClient::new(dial(running, None).await))
    }

    pub async fn status(&mut self) -> v1::GetStatusResponse {
        self.0.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner()
    }

    /// Asks until `good`; panics with the last status if it does not come true.
    pub async fn until(
        &mut self,
        what: &str,
        good: impl Fn(&v1::GetStatusResponse) -> bool,
    ) -> v1::GetStatusResponse {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let status = self.status().await;
            if good(&status) {
                return status;
            }
            assert!(tokio::time::Instant::now() < deadline, "not {what}: {status:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn apply(&mut self, text: &str) -> Result<v1::ApplyTopologyResponse, Status> {
        let request = v1::ApplyTopologyRequest { text: text.into(), file_name: "new.yaml".into() };
        self.0.apply_topology(request).await.map(tonic::Response::into_inner)
    }

    pub async fn explain(&mut self, prefix: &str, border: &str) -> Result<v1::Explanation, Status> {
        let request = v1::ExplainVoteRequest { prefix: prefix.into(), border: border.into() };
        self.0.explain_vote(request).await.map(|r| r.into_inner().explanation.unwrap())
    }
}

pub fn hello(node: &str) -> v1::Hello {
    v1::Hello { network: "ring".into(), node: node.into(), version: braid_proto::VERSION.into(), pid: 4711 }
}

/// A stream in both directions, said hello on.
pub struct Line<Up, Down> {
    pub up: mpsc::Sender<Up>,
    pub down: Streaming<Down>,
}

impl<Up, Down> Line<Up, Down> {
    /// The next message, in time.
    pub async fn next(&mut self) -> Result<Option<Down>, Status> {
        tokio::time::timeout(PATIENCE, self.down.message()).await.expect("a message or the end")
    }
}

pub type AgentLine = Line<v1::AttachAgentRequest, v1::AttachAgentResponse>;
pub type BorderLine = Line<v1::AttachBorderRequest, v1::AttachBorderResponse>;

impl AgentLine {
    pub async fn open(channel: Channel, first: AgentSays) -> Self {
        let (up, requests) = mpsc::channel(16);
        up.send(v1::AttachAgentRequest { message: Some(first) }).await.unwrap();
        let mut client = FleetServiceClient::new(channel);
        let down = client.attach_agent(ReceiverStream::new(requests)).await.unwrap().into_inner();
        Self { up, down }
    }

    pub async fn say(&self, message: AgentSays) {
        self.up.send(v1::AttachAgentRequest { message: Some(message) }).await.unwrap();
    }

    pub async fn spec(&mut self) -> v1::NodeSpec {
        match self.next().await.unwrap().unwrap().message.unwrap() {
            AgentHears::Spec(spec) => spec,
            other => panic!("{other:?} instead of a specification"),
        }
    }

    pub async fn question(&mut self) -> v1::AnnouncedQuery {
        match self.next().await.unwrap().unwrap().message.unwrap() {
            AgentHears::Announced(query) => query,
            other => panic!("{other:?} instead of a question"),
        }
    }
}

impl BorderLine {
    pub async fn open(channel: Channel, first: BorderSays) -> Self {
        let (up, requests) = mpsc::channel(16);
        up.send(v1::AttachBorderRequest { message: Some(first) }).await.unwrap();
        let mut client = FleetServiceClient::new(channel);
        let down = client.attach_border(ReceiverStream::new(requests)).await.unwrap().into_inner();
        Self { up, down }
    }

    pub async fn say(&self, message: BorderSays) {
        self.up.send(v1::AttachBorderRequest { message: Some(message) }).await.unwrap();
    }

    /// The next message that asks for anything. What is verified comes in between at any time.
    async fn order(&mut self) -> BorderHears {
        loop {
            match self.next().await.unwrap().unwrap().message.unwrap() {
                BorderHears::Verification(_) => {}
                order => return order,
            }
        }
    }

    /// Hears what is verified until each virtual network's way with `prefix` is in `state`.
    pub async fn until_verified(
        &mut self,
        prefix: &str,
        state: v1::VerifiedState,
    ) -> Vec<v1::VerifiedPrefix> {
        let mut known = std::collections::BTreeMap::new();
        while known.len() < 2 || known.values().any(|v: &v1::VerifiedPrefix| v.state() != state) {
            let BorderHears::Verification(news) = self.next().await.unwrap().unwrap().message.unwrap() else {
                continue;
            };
            if news.snapshot {
                known.clear();
            }
            known.extend(news.changed.into_iter().filter(|v| v.prefix == prefix).map(|v| (v.vn_id, v)));
        }
        known.into_values().collect()
    }

    pub async fn spec(&mut self) -> v1::BorderSpec {
        match self.order().await {
            BorderHears::Spec(spec) => spec,
            other => panic!("{other:?} instead of a specification"),
        }
    }

    pub async fn question(&mut self) -> v1::ExplainQuery {
        match self.order().await {
            BorderHears::Explain(query) => query,
            other => panic!("{other:?} instead of a question"),
        }
    }
}

/// The status of a node on which all is well.
pub fn fine(spec: &v1::NodeSpec) -> v1::NodeStatus {
    let router = |r: &v1::RouterSpec| v1::RouterStatus {
        vn_id: r.vn_id,
        state: v1::RouterState::Running.into(),
        processes: vec![v1::Process { name: "ospfd".into(), pid: 99, start_time: 5 }],
        adjacencies: r.links.len().try_into().unwrap(),
        rss_bytes: 1 << 20,
        ..Default::default()
    };
    let link = |l: &v1::PhysicalLink| v1::PhysicalLinkStatus { number: l.number, up: true };
    v1::NodeStatus {
        revision: spec.revision,
        routers: spec.routers.iter().map(router).collect(),
        links: spec.links.iter().map(link).collect(),
        problems: Vec::new(),
    }
}

/// The FIB of a router that has converged in the ring.
pub fn full_fib(router: &v1::RouterSpec) -> v1::FibDelta {
    let prefixes =
        (1..=4).map(|n| format!("100.64.0.{n}/32")).chain((1..=2).map(|n| format!("198.18.{n}.0/24")));
    let route = |prefix| {
        let interface = router.links[0].interface.clone();
        let next_hops = vec![v1::FibNextHop { via: router.links[0].peer_address.clone(), interface }];
        v1::FibRoute { prefix, kind: "unicast".into(), next_hops, metric: 20, protocol: 188 }
    };
    v1::FibDelta {
        vn_id: router.vn_id,
        snapshot: true,
        changed: prefixes.map(route).collect(),
        removed: Vec::new(),
    }
}

pub fn all_votes(spec: &v1::BorderSpec) -> v1::VoteReport {
    let vote = |f: &v1::ForeignPrefix| v1::Vote {
        prefix: f.prefix.clone(),
        winner: Some("red".into()),
        decisive_step: "master".into(),
        runner_up: Some("green".into()),
        steered: true,
        ..Default::default()
    };
    v1::VoteReport { snapshot: true, votes: spec.foreign.iter().map(vote).collect(), ..Default::default() }
}

/// An agent that says that all is well.
pub async fn agent(running: &Running, node: &str) -> (AgentLine, v1::NodeSpec) {
    let mut line = AgentLine::open(dial(running, None).await, AgentSays::Hello(hello(node))).await;
    let spec = line.spec().await;
    line.say(AgentSays::Status(fine(&spec))).await;
    for router in &spec.routers {
        line.say(AgentSays::Fib(full_fib(router))).await;
    }
    (line, spec)
}

/// A border that says that all is well.
pub async fn border(running: &Running, node: &str) -> (BorderLine, v1::BorderSpec) {
    let mut line = BorderLine::open(dial(running, None).await, BorderSays::Hello(hello(node))).await;
    let spec = line.spec().await;
    line.say(BorderSays::Votes(all_votes(&spec))).await;
    (line, spec)
}

/// Everyone, saying that all is well.
pub struct Fleet {
    pub agents: Vec<(AgentLine, v1::NodeSpec)>,
    pub borders: Vec<(BorderLine, v1::BorderSpec)>,
}

impl Fleet {
    pub async fn of(running: &Running) -> Self {
        let (mut agents, mut borders) = (Vec::new(), Vec::new());
        for node in NODES {
            agents.push(agent(running, node).await);
        }
        for node in BORDERS {
            borders.push(border(running, node).await);
        }
        Self { agents, borders }
    }
}

/// The machine-readable reason of a refusal.
pub fn info(status: &Status) -> ErrorInfo {
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "braid");
    info
}
