//! A controller that sends what it is told to send, and remembers what it hears.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::PATIENCE;
use braid_proto::v1::{
    self,
    attach_agent_request::Message as Up,
    attach_agent_response::Message as Down,
    fleet_service_server::{FleetService, FleetServiceServer},
};
use tokio::{
    net::UnixListener,
    sync::{mpsc, watch},
};
use tokio_stream::{
    Stream, StreamExt,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{Request, Response, Status, Streaming};

/// What was heard from one agent on its present connection.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    pub connections: u32,
    pub status: v1::NodeStatus,
    pub announced: Vec<v1::AnnouncedReply>,
    /// Routes by virtual network and prefix.
    pub fibs: BTreeMap<u32, BTreeMap<String, v1::FibRoute>>,
}

impl Heard {
    pub fn router(&self, vn: u32) -> Option<&v1::RouterStatus> {
        self.status.routers.iter().find(|router| router.vn_id == vn)
    }

    /// Whether that router runs with one adjacency.
    pub fn is_joined(&self, vn: u32) -> bool {
        self.router(vn).is_some_and(|r| r.state() == v1::RouterState::Running && r.adjacencies == 1)
    }

    pub fn forwards(&self, vn: u32, prefix: &str) -> bool {
        self.fibs.get(&vn).and_then(|fib| fib.get(prefix)).is_some_and(|route| route.kind == "unicast")
    }
}

#[derive(Default)]
struct Shared {
    heard: Mutex<BTreeMap<String, Heard>>,
    specs: Mutex<BTreeMap<String, watch::Sender<Option<v1::NodeSpec>>>>,
    /// The last question, and to whom.
    question: watch::Sender<Option<(String, v1::AnnouncedQuery)>>,
}

impl Shared {
    fn specs(&self, node: &str) -> watch::Sender<Option<v1::NodeSpec>> {
        self.specs.lock().unwrap().entry(node.to_owned()).or_insert_with(|| watch::Sender::new(None)).clone()
    }

    fn hear(&self, node: &str, message: Up) {
        let mut all = self.heard.lock().unwrap();
        let heard = all.entry(node.to_owned()).or_default();
        match message {
            Up::Hello(_) => *heard = Heard { connections: heard.connections + 1, ..Heard::default() },
            Up::Status(status) => heard.status = status,
            Up::Announced(reply) => heard.announced.push(reply),
            Up::Fib(delta) => {
                assert!(delta.snapshot || heard.fibs.contains_key(&delta.vn_id), "a difference to nothing");
                let fib = heard.fibs.entry(delta.vn_id).or_default();
                if delta.snapshot {
                    fib.clear();
                }
                delta.removed.iter().for_each(|prefix| drop(fib.remove(prefix)));
                fib.extend(delta.changed.into_iter().map(|route| (route.prefix.clone(), route)));
            }
        }
    }
}

pub struct Controller {
    shared: Arc<Shared>,
    pub socket: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

impl Controller {
    pub fn listen(socket: &Path) -> Self {
        let shared = Arc::<Shared>::default();
        let connections = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
        let service = FleetServiceServer::new(Service(Arc::clone(&shared)));
        let server = tonic::transport::Server::builder().add_service(service);
        let server = tokio::spawn(async move { server.serve_with_incoming(connections).await.unwrap() });
        Self { shared, socket: socket.to_owned(), server }
    }

    /// Sends a specification, now and on every new connection.
    pub fn send(&self, spec: v1::NodeSpec) {
        self.shared.specs(&spec.node.clone()).send_replace(Some(spec));
    }

    /// Sends `node` what may not even be meant for it.
    pub fn send_to(&self, node: &str, spec: v1::NodeSpec) {
        self.shared.specs(node).send_replace(Some(spec));
    }

    /// Asks a node what announces a prefix.
    pub fn ask(&self, node: &str, id: u64, prefix: &str) {
        let query = v1::AnnouncedQuery { id, prefix: prefix.to_owned() };
        self.shared.question.send_replace(Some((node.to_owned(), query)));
    }

    pub fn heard(&self, node: &str) -> Heard {
        self.shared.heard.lock().unwrap().get(node).cloned().unwrap_or_default()
    }

    /// Waits until what was heard from a node is so.
    pub async fn hears(&self, node: &str, what: &str, is_so: impl Fn(&Heard) -> bool) -> Heard {
        let start = Instant::now();
        loop {
            let heard = self.heard(node);
            if is_so(&heard) {
                return heard;
            }
            assert!(start.elapsed() < PATIENCE, "{node}: not within {PATIENCE:?}: {what}; heard {heard:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Service(Arc<Shared>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl FleetService for Service {
    type AttachAgentStream = Answers<v1::AttachAgentResponse>;
    type AttachBorderStream = Answers<v1::AttachBorderResponse>;

    async fn attach_agent(
        &self,
        request: Request<Streaming<v1::AttachAgentRequest>>,
    ) -> Result<Response<Self::AttachAgentStream>, Status> {
        let mut requests = request.into_inner();
        let shared = Arc::clone(&self.0);
        let Some(Up::Hello(hello)) = requests.message().await?.and_then(|request| request.message) else {
            return Err(Status::invalid_argument("no hello"));
        };
        let node = hello.node.clone();
        shared.hear(&node, Up::Hello(hello));
        let mut specs = shared.specs(&node).subscribe();
        specs.mark_changed();
        let mut questions = shared.question.subscribe();
        let (sender, answers) = mpsc::channel(4);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    request = requests.message() => match request {
                        Ok(Some(request)) => shared.hear(&node, request.message.unwrap()),
                        _ => return,
                    },
                    Ok(()) = questions.changed() => {
                        let question = questions.borrow_and_update().clone();
                        if let Some((_, query)) = question.filter(|(asked, _)| *asked == node) {
                            let answer = v1::AttachAgentResponse { message: Some(Down::Announced(query)) };
                            if sender.send(Ok(answer)).await.is_err() {
                                return;
                            }
                        }
                    }
                    Ok(()) = specs.changed() => {
                        let spec = specs.borrow_and_update().clone();
                        if let Some(spec) = spec {
                            let answer = v1::AttachAgentResponse { message: Some(Down::Spec(spec)) };
                            if sender.send(Ok(answer)).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers).map(|answer| answer))))
    }

    async fn attach_border(
        &self,
        _: Request<Streaming<v1::AttachBorderRequest>>,
    ) -> Result<Response<Self::AttachBorderStream>, Status> {
        Err(Status::unimplemented("no borders here"))
    }
}
