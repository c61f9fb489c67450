//! Probes, at the edge: the sockets, and the one thread that serves them.
//!
//! The thread has its own clock and its own sockets and shares nothing with the vote loop but two channels, so that probes
//! go on while a vote on a million prefixes takes its time. Everything that is decided is decided in [`braid_probe`].
//!
//! ```text
//!  run ── set, drives, doubt ──► commands ─► thread ── frames to the router's MAC ──► braid-vnK ─► virtual network K
//!      ◄── findings ◄────────────────────────┤ ◄────── packet socket on braid-vnK  (probes to prefixes, come out here)
//!      ◄── statistics ◄──────────────────────┘ ◄────── UDP socket on the loopback in K's namespace (probes, answers)
//! ```

mod clock;
mod ports;
mod rule;
mod sockets;
mod spec;
mod thread;

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, mpsc as commands},
    time::Instant,
};

use braid_kernel::{Netns, NetnsError};
pub use braid_probe::{Config, Counters, Key, PairStatistics, Statistics};
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use self::thread::{Alarm, Command};
pub use self::{
    rule::drop_rule,
    spec::{ProbePort, ProbeSpec},
};

/// Findings that may wait for the vote loop. Those beyond wait with the prober, where the newest of each target replaces
/// older ones.
const QUEUE: usize = 1024;

/// Probing cannot start.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// Its thread or its alarm cannot be had.
    #[error("cannot start probing: {0}")]
    System(#[from] io::Error),
    /// The node's namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

/// What probes say of one target in one virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing yet, or no longer: there is no port to send into.
    Unknown,
    /// They come out at these borders.
    Delivers {
        /// Which.
        egress: BTreeSet<NodeName>,
    },
    /// They do not come out.
    Lost,
}

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Another border.
    Border(NodeName),
    /// A prefix behind other borders.
    Prefix(Ipv4Net),
}

/// News of one target in one virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The virtual network.
    pub vn: VnId,
    /// What was probed.
    pub target: Target,
    /// What is true of it now.
    pub evidence: Evidence,
    /// Since when.
    pub since: Instant,
}

/// The way to the probing thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Handle {
    commands: commands::Sender<Command>,
    alarm: Arc<Alarm>,
    statistics: watch::Receiver<Arc<Statistics>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Starts probing from a node's namespace. Nothing is sent or answered until [`Handle::set`].
///
/// # Errors
/// When there is no thread to be had, or the namespace may not be entered.
pub fn start(netns: &Netns) -> Result<(Handle, mpsc::Receiver<Finding>), ProbeError> {
    let (findings, receiver) = mpsc::channel(QUEUE);
    let (commands, inbox) = commands::channel();
    let (publish, statistics) = watch::channel(Arc::default());
    let alarm = Arc::new(Alarm::new()?);
    let thread = {
        let alarm = Arc::clone(&alarm);
        // A thread begins in the namespace of the one that starts it.
        netns.run(|| thread::spawn(inbox, alarm, findings, publish))??
    };
    Ok((Handle { commands, alarm, statistics, thread: Some(thread) }, receiver))
}

impl Handle {
    /// Puts a specification in force. Evidence of targets that stay is kept.
    pub fn set(&self, spec: ProbeSpec) {
        self.tell(Command::Set(Box::new(spec.into())));
    }

    /// Says which virtual network drives these prefixes from now on, if any.
    pub fn drives(&self, changes: Vec<(Ipv4Net, Option<VnId>)>) {
        self.tell(Command::Drives(changes));
    }

    /// Has these prefixes probed at once in every virtual network, since their ballots changed or their verdicts are in
    /// doubt.
    pub fn doubt(&self, prefixes: Vec<Ipv4Net>) {
        self.tell(Command::Doubt(prefixes));
    }

    /// What was counted and measured, at most a second old.
    #[must_use]
    pub fn statistics(&self) -> Arc<Statistics> {
        self.statistics.borrow().clone()
    }

    fn tell(&self, command: Command) {
        // A thread that is gone has said why; there is nobody to tell.
        let _ = self.commands.send(command);
        self.alarm.ring();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tell(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
