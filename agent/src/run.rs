//! The agent's life: one loop that follows the specification in force and has a task per virtual router.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    future::pending,
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use braid_kernel::{LinkWatch, Netlink, NetlinkError, Netns, NetnsError};
use braid_proto::{VnId, lock_file, v1, wire::FieldError};
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tracing::{error, info};

use crate::{
    carrier::{Carrier, NodeLinks},
    config::AgentConfig,
    fib::Fibs,
    removal, router,
    spec::{Identity, Router, Spec},
    status::Board,
    store, uplink,
};

/// Specifications that may wait: the last one counts, so few.
const QUEUE: usize = 4;
/// Pause after a task of ours panicked, so that it does not do so all the time.
const AFTER_PANIC: Duration = Duration::from_secs(1);
/// A specification that could not be kept is tried again after this.
const KEEP_AGAIN: Duration = Duration::from_secs(10);
/// The kernel may keep the loss of a carrier to itself for a second (linkwatch does so where a device and the one below it
/// have the same index, as veth pairs often have), so it is also looked for.
const LOOK: Duration = Duration::from_millis(200);
/// What the board says of the physical links goes by this.
const LINKS: &str = "physical links";
/// What the board says of the specification goes by this.
const SPECIFICATION: &str = "specification";

/// An agent cannot start.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Its directory cannot be used.
    #[error("cannot use the run directory {path}: {source}")]
    RunDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent runs on this directory.
    #[error("another agent runs on {path}: two would fight over the node's virtual routers; end it first")]
    AlreadyRunning {
        /// Which directory.
        path: PathBuf,
    },
    /// Its namespace cannot be had.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The kernel cannot be asked (it takes `CAP_NET_ADMIN`).
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// What all parts of an agent share.
pub(crate) struct Node {
    /// How it was started.
    pub(crate) config: AgentConfig,
    /// The node's own namespace.
    pub(crate) netlink: Netlink,
    /// Its links.
    pub(crate) links: watch::Receiver<Arc<NodeLinks>>,
    /// How everything fares.
    pub(crate) board: Arc<Board>,
    /// What the virtual routers forward.
    pub(crate) fibs: Arc<Fibs>,
}

impl Node {
    /// The directory of a virtual router's instance.
    pub(crate) fn instance_dir(&self, vn: VnId) -> PathBuf {
        store::instance_dir(&self.config.run_dir, vn)
    }
}

/// Runs an agent in the current network namespace until `shutdown` resolves. What it built and started stays as it is.
///
/// # Errors
/// When it cannot start: no run directory, another agent on it, no rights over the kernel.
pub async fn run(config: AgentConfig, shutdown: impl Future<Output = ()> + Send) -> Result<(), AgentError> {
    let _lock = lock(&config)?;
    let netns = Netns::current()?;
    let mut link_watch = LinkWatch::open(&netns)?;
    let (mut carrier, links) = Carrier::new();
    let node = Arc::new(Node {
        config: config.clone(),
        netlink: Netlink::open(&netns)?,
        links,
        board: Arc::default(),
        fibs: Arc::default(),
    });
    // Before the first account of the physical links every one of them would pass for gone.
    if let Some(event) = link_watch.next().await {
        carrier.take_in(&event, Instant::now());
    }
    let mut agent = Agent {
        node: Arc::clone(&node),
        spec: None,
        routers: BTreeMap::new(),
        strays: BTreeSet::new(),
        unkept: None,
        tasks: JoinSet::new(),
    };
    match store::kept(&config.run_dir) {
        Ok(Some(spec)) => agent.follow(&spec),
        Ok(None) => info!("no specification yet, waiting for the controller"),
        Err(problem) => node.board.note(SPECIFICATION, Err(problem)),
    }
    let mut node_links = node.links.clone();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keep_again = interval(KEEP_AGAIN);
    let (spec_sender, mut specs) = mpsc::channel(QUEUE);
    let mut line = JoinSet::new();
    line.spawn(uplink::run(config, Arc::clone(&node.board), Arc::clone(&node.fibs), spec_sender));
    tokio::pin!(shutdown);
    info!("the agent is up");
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(event) = link_watch.next() => carrier.take_in(&event, Instant::now()),
            _ = look.tick() => {
                let listed = node.netlink.links().await;
                if let Ok(links) = &listed {
                    carrier.see_all(links, Instant::now());
                }
                node.board.note(LINKS, listed.map(drop));
            }
            () = until(carrier.next_release()) => carrier.tell(Instant::now()),
            Ok(()) = node_links.changed() => agent.show_links(),
            Some(spec) = specs.recv() => agent.follow(&spec),
            _ = keep_again.tick(), if agent.unkept.is_some() => agent.keep(),
            Some(ended) = agent.tasks.join_next() => {
                if let Err(panicked) = ended {
                    error!("a virtual router's task ended in a way that it should not: {panicked}");
                    tokio::time::sleep(AFTER_PANIC).await;
                }
                agent.settle();
            }
        }
    }
}

/// Waits until then; for ever if there is no such time.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn lock(config: &AgentConfig) -> Result<File, AgentError> {
    let path = || config.run_dir.clone();
    lock_file(&config.run_dir.join("agent.lock"))
        .map_err(|source| AgentError::RunDir { path: path(), source })?
        .ok_or_else(|| AgentError::AlreadyRunning { path: path() })
}

/// A virtual router's task.
struct Handle {
    identity: Identity,
    /// What it is to be; `None`: gone.
    intent: watch::Sender<Option<Arc<Router>>>,
}

struct Agent {
    node: Arc<Node>,
    /// In force.
    spec: Option<Spec>,
    routers: BTreeMap<VnId, Handle>,
    /// Namespaces that are being removed for want of anybody who answers for them.
    strays: BTreeSet<String>,
    /// The specification in force, where it is still to be written down.
    unkept: Option<v1::NodeSpec>,
    tasks: JoinSet<()>,
}

impl Agent {
    /// Puts the physical links on the board.
    fn show_links(&self) {
        let Some(spec) = &self.spec else { return };
        let links = self.node.links.borrow();
        let is_up = |name: &str| links.get(name).is_some_and(|link| link.up);
        let now = spec.links.iter().map(|(number, name)| (*number, is_up(name.as_str()))).collect();
        self.node.board.node(|status| status.links = now);
    }

    /// Puts a specification in force. One that makes no sense changes nothing.
    fn follow(&mut self, wire: &v1::NodeSpec) {
        let checked = self.check(wire).map_err(|error| format!("refused, the one in force stays: {error}"));
        self.node.board.note(SPECIFICATION, checked.as_ref().map(|_| ()));
        let Ok(spec) = checked else { return };
        if self.spec.as_ref() == Some(&spec) {
            return;
        }
        info!(revision = spec.revision, routers = spec.routers.len(), "specification");
        self.node.board.node(|status| status.revision = spec.revision);
        self.spec = Some(spec);
        self.show_links();
        self.settle();
        self.unkept = Some(wire.clone());
        self.keep();
    }

    /// Writes the specification in force down.
    fn keep(&mut self) {
        let Some(spec) = &self.unkept else { return };
        let kept = store::keep(&self.node.config.run_dir, spec);
        if kept.is_ok() {
            self.unkept = None;
        }
        self.node.board.note("keeping the specification", kept);
    }

    fn check(&self, wire: &v1::NodeSpec) -> Result<Spec, FieldError> {
        let config = &self.node.config;
        if config.network.as_str() != wire.network || config.node.as_str() != wire.node {
            let reason = format_args!(
                "is {}.{}, but this is {}.{}",
                wire.network.escape_debug(),
                wire.node.escape_debug(),
                config.network,
                config.node
            );
            return Err(FieldError::new("node", reason));
        }
        Spec::try_from(wire.clone())
    }

    /// Sees to it that there is a task for every virtual router that is to be, and that the others end.
    fn settle(&mut self) {
        let Some(spec) = self.spec.clone() else { return };
        // A task that ended has dropped its end.
        self.routers.retain(|_, handle| !handle.intent.is_closed());
        for (vn, handle) in &self.routers {
            let wanted = spec.router(*vn).filter(|router| router.identity() == handle.identity);
            let wanted = wanted.map(|router| Arc::new(router.clone()));
            handle.intent.send_if_modified(|intent| {
                // A removal that has begun is carried through; then it is built anew.
                let news = intent.is_some() && *intent != wanted;
                if news {
                    *intent = wanted;
                }
                news
            });
        }
        for stale in self.instances() {
            let wanted = spec.router(stale.vn).is_some_and(|router| router.identity() == stale);
            if !wanted {
                self.spawn(stale, None);
            }
        }
        for router in &spec.routers {
            self.spawn(router.identity(), Some(router.clone()));
        }
        self.remove_strays(&spec);
    }

    /// Starts a task for a virtual router, unless its predecessor is still there.
    fn spawn(&mut self, identity: Identity, intent: Option<Router>) {
        if self.routers.contains_key(&identity.vn) {
            return;
        }
        let (intent, wanted) = watch::channel(intent.map(Arc::new));
        self.tasks.spawn(router::run(Arc::clone(&self.node), identity.clone(), wanted));
        self.routers.insert(identity.vn, Handle { identity, intent });
    }

    /// The instances that agents before us left.
    fn instances(&self) -> Vec<Identity> {
        let read = store::instances(&self.node.config.run_dir);
        self.node.board.note("instance directories", read.as_ref().map(|_| ()));
        read.unwrap_or_default()
    }

    /// Removes namespaces that are by their name this node's virtual routers, but that nobody answers for.
    fn remove_strays(&mut self, spec: &Spec) {
        let own = format!("{}.{}.", self.node.config.network, self.node.config.node);
        let found = Netns::list();
        self.node.board.note("network namespaces", found.as_ref().map(|_| ()));
        let found: BTreeSet<String> =
            found.unwrap_or_default().into_iter().filter(|name| name.starts_with(&own)).collect();
        self.strays.retain(|name| found.contains(name));
        for name in found {
            let answered = spec.routers.iter().any(|router| router.namespace == name)
                || self.routers.values().any(|handle| handle.identity.namespace == name);
            if !answered && self.strays.insert(name.clone()) {
                let node = Arc::clone(&self.node);
                self.tasks.spawn(async move { removal::remove_stray(&node, &name).await });
            }
        }
    }
}
