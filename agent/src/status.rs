//! How the node fares: one board that every part writes to and the uplink reads from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::SystemTime,
};

use braid_proto::{InstanceProcess, InstanceState, VnId, v1};
use tokio::sync::watch;
use tracing::{error, info};

/// How an engine instance fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// The virtual router is being built, or its engine started.
    #[default]
    Starting,
    /// All processes live, and the control socket answers.
    Running,
    /// The processes live, but the control socket does not answer in time.
    Silent,
    /// A process died; a restart is due.
    BackOff,
    /// It cannot be built or started as things are; it is tried again.
    Failed,
}

impl From<State> for v1::RouterState {
    fn from(state: State) -> Self {
        match state {
            State::Starting => Self::Starting,
            State::Running => Self::Running,
            State::Silent => Self::Silent,
            State::BackOff => Self::Backoff,
            State::Failed => Self::Failed,
        }
    }
}

impl From<State> for InstanceState {
    fn from(state: State) -> Self {
        match state {
            State::Starting => Self::Starting,
            State::Running => Self::Running,
            State::Silent => Self::Silent,
            State::BackOff | State::Failed => Self::Gone,
        }
    }
}

/// How a virtual router fares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RouterStatus {
    /// The state of its engine.
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: SystemTime,
    /// The engine's processes.
    pub(crate) processes: Vec<InstanceProcess>,
    /// Restarts since it was built.
    pub(crate) restarts: u32,
    /// Memory that the processes have resident. A change of this alone wakes nobody.
    pub(crate) rss_bytes: u64,
    /// Neighbours in the full (IS-IS: up) state.
    pub(crate) adjacencies: u32,
    /// Why it is not running, or was not last time; empty if it always was.
    pub(crate) last_error: String,
    /// Where the running configuration differs from the intent.
    pub(crate) drift: Vec<String>,
    /// Numbers of the links that are down in it, for whatever reason.
    pub(crate) links_down: BTreeSet<u16>,
}

impl Default for RouterStatus {
    fn default() -> Self {
        Self {
            state: State::default(),
            since: SystemTime::now(),
            processes: Vec::new(),
            restarts: 0,
            rss_bytes: 0,
            adjacencies: 0,
            last_error: String::new(),
            drift: Vec::new(),
            links_down: BTreeSet::new(),
        }
    }
}

/// How the node fares.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct NodeStatus {
    /// Of the specification in force; 0 if there is none.
    pub(crate) revision: u64,
    /// The virtual routers, also those that are being taken down.
    pub(crate) routers: BTreeMap<VnId, RouterStatus>,
    /// The physical links: number, and whether a frame would get through.
    pub(crate) links: BTreeMap<u16, bool>,
    /// What keeps the node from its desired state, by what it is about.
    pub(crate) problems: BTreeMap<String, String>,
}

impl NodeStatus {
    /// In wire terms.
    pub(crate) fn to_wire(&self) -> v1::NodeStatus {
        let router = |(vn, router): (&VnId, &RouterStatus)| v1::RouterStatus {
            vn_id: (*vn).into(),
            state: v1::RouterState::from(router.state).into(),
            processes: router
                .processes
                .iter()
                .map(|p| v1::Process { name: p.name.clone(), pid: p.pid, start_time: p.start_time })
                .collect(),
            restarts: router.restarts,
            rss_bytes: router.rss_bytes,
            adjacencies: router.adjacencies,
            since: Some(router.since.into()),
            last_error: router.last_error.clone(),
            drift: router.drift.clone(),
            links_down: router.links_down.iter().map(|number| u32::from(*number)).collect(),
        };
        v1::NodeStatus {
            revision: self.revision,
            routers: self.routers.iter().map(router).collect(),
            links: self
                .links
                .iter()
                .map(|(number, up)| v1::PhysicalLinkStatus { number: u32::from(*number), up: *up })
                .collect(),
            problems: self.problems.iter().map(|(about, problem)| format!("{about}: {problem}")).collect(),
        }
    }
}

/// Where every part of the agent writes how it fares.
#[derive(Debug)]
pub(crate) struct Board(watch::Sender<NodeStatus>);

impl Default for Board {
    fn default() -> Self {
        Self(watch::Sender::new(NodeStatus::default()))
    }
}

impl Board {
    /// Wakes when something changed that should be told at once.
    pub(crate) fn subscribe(&self) -> watch::Receiver<NodeStatus> {
        self.0.subscribe()
    }

    /// Changes what the board says of the node.
    pub(crate) fn node(&self, change: impl FnOnce(&mut NodeStatus)) {
        self.0.send_if_modified(|node| {
            let before = node.clone();
            change(node);
            *node != before
        });
    }

    /// Changes what the board says of a virtual router.
    pub(crate) fn router(&self, vn: VnId, change: impl FnOnce(&mut RouterStatus)) {
        self.0.send_if_modified(|node| {
            let router = node.routers.entry(vn).or_default();
            let before = router.clone();
            change(router);
            // How much memory there is in use changes all the time, and is no news.
            *router != RouterStatus { rss_bytes: router.rss_bytes, ..before }
        });
    }

    /// Says what came of something: a problem is logged and shown once until it changes, and so is its end.
    pub(crate) fn note(&self, about: &str, outcome: Result<(), impl Display>) {
        self.0.send_if_modified(|node| match outcome {
            Ok(()) => {
                let ended = node.problems.remove(about).is_some();
                if ended {
                    info!("{about}: all is well again");
                }
                ended
            }
            Err(problem) => {
                let problem = problem.to_string();
                let news = node.problems.get(about) != Some(&problem);
                if news {
                    error!("{about}: {problem}");
                    node.problems.insert(about.to_owned(), problem);
                }
                news
            }
        });
    }

    /// Takes a virtual router and its problems off. `about` begins what its problems are about.
    pub(crate) fn forget(&self, vn: VnId, about: &str) {
        self.node(|node| {
            node.routers.remove(&vn);
            node.problems.retain(|problem, _| !problem.starts_with(about));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_wakes_the_listener_and_a_breath_of_memory_does_not() {
        let board = Board::default();
        let vn = VnId::try_from(1_u32).unwrap();
        board.router(vn, |router| router.adjacencies = 1);
        let mut listener = board.subscribe();
        board.router(vn, |router| router.rss_bytes = 4096);
        board.note("x", Ok::<(), String>(()));
        assert!(!listener.has_changed().unwrap());
        board.note("x", Err("broken"));
        assert!(listener.has_changed().unwrap());
        let told = listener.borrow_and_update().to_wire();
        assert_eq!((told.routers[0].rss_bytes, &told.problems[..]), (4096, &["x: broken".to_owned()][..]));
        board.note("x", Err("broken"));
        assert!(!listener.has_changed().unwrap());
    }
}
