//! A watch on one routing table: the best IPv4 route of each prefix, told as it changes.
//!
//! ```text
//!  route, nexthop, link and address notifications ──► Table (what the kernel has) ──► differences ──► FibEvent
//!          ▲                                            ▲                              to what was told
//!  kernel ─┴─ lists, at the start and whenever the ─────┘
//!             notifications do not tell the whole story
//! ```
//!
//! The kernel does not announce every loss of a route. The table is therefore listed anew after
//! - an interface that comes up, goes down or vanishes, and an address that comes or goes: routes over it go, and next
//!   hops come back, in silence;
//! - a lost notification (`ENOBUFS`), or one that cannot be decoded;
//! - a notification that does not fit to what is known, or came while a list was read;
//! - the audit's interval, if one is set.
//!
//! A list is read between two passes through the kernel's routing lock, so that no change is half seen.

mod table;
mod watcher;

use std::{
    net::Ipv4Addr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use ipnet::Ipv4Net;
use tokio::{
    sync::mpsc::{Receiver, channel},
    task::JoinHandle,
};

use crate::{NetlinkError, Netns, RouteKind};
use watcher::Watcher;

/// Events that may wait for a slow reader; beyond them the kernel's buffer fills, and then the table is listed anew.
const PENDING_EVENTS: usize = 8192;

/// The best route for a prefix: of those for any type of service, the one the kernel tries first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FibEntry {
    /// The destinations it is for.
    pub prefix: Ipv4Net,
    /// What becomes of a packet.
    pub kind: RouteKind,
    /// Where packets go; several with equal-cost multipath.
    pub next_hops: Vec<FibNextHop>,
    /// Its metric.
    pub priority: u32,
    /// Who made it, a routing protocol number.
    pub protocol: u8,
}

impl FibEntry {
    /// Whether packets for the prefix go anywhere: a unicast route with at least one next hop whose interface is up.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.kind == RouteKind::Unicast && self.next_hops.iter().any(|hop| hop.up)
    }
}

/// One way out of a [`FibEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FibNextHop {
    /// The next router; `None` if the destination itself is on the link.
    pub via: Option<Ipv4Addr>,
    /// The interface's index.
    pub ifindex: u32,
    /// The interface's name; empty for one that nothing is known of.
    pub interface: Arc<str>,
    /// Its share among the entry's next hops, 1 to 256.
    pub weight: u16,
    /// Whether the interface is up with carrier, and the kernel has not given the next hop up.
    pub up: bool,
}

/// What has become of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Up, with carrier.
    Up,
    /// Admin-down or without carrier.
    Down,
    /// Not there any more.
    Gone,
}

/// A change to a watched table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FibEvent {
    /// All entries, by prefix, in the place of everything told before. The first event; again only after
    /// [`FibEvent::Stale`].
    Snapshot(Vec<FibEntry>),
    /// A prefix's best route is new or differs from what was told; `None`: it has none any more.
    Change {
        /// The prefix.
        prefix: Ipv4Net,
        /// Its best route now.
        entry: Option<FibEntry>,
    },
    /// An interface of the namespace appeared, came up, went down or vanished. The entries that this changes follow.
    Link {
        /// The interface's index.
        ifindex: u32,
        /// Its name.
        interface: Arc<str>,
        /// Its state now.
        state: LinkState,
    },
    /// The kernel cannot be asked: what was told may be out of date until the next snapshot.
    Stale {
        /// Why, in words.
        reason: String,
    },
}

/// How a watch has fared so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FibStats {
    /// Listings of the table, the first and the audits included.
    pub listings: u64,
    /// Times that the kernel dropped notifications because they were not read in time.
    pub overruns: u64,
    /// Undisturbed audits.
    pub audits: u64,
    /// Entries that an audit found to differ from what was told. Each is a fault of this program.
    pub audit_differences: u64,
}

#[derive(Debug, Default)]
struct Counters {
    listings: AtomicU64,
    overruns: AtomicU64,
    audits: AtomicU64,
    audit_differences: AtomicU64,
}

/// A stream of the changes to one routing table of a namespace. Dropping it ends the watching.
///
/// The watch keeps its namespace alive, also after the namespace's name is deleted.
#[derive(Debug)]
pub struct FibWatch {
    events: Receiver<FibEvent>,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl FibWatch {
    /// Begins to watch a table (254 is the main one), all protocols. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`NetlinkError`] if the routing socket cannot be had.
    pub fn open(netns: &Netns, table: u32) -> Result<Self, NetlinkError> {
        Self::start(netns, table, None)
    }

    /// As [`FibWatch::open`], and lists the table at this interval to see whether what was told is true. Differences
    /// are told as changes, counted in [`FibWatch::stats`] and logged.
    ///
    /// # Errors
    /// As [`FibWatch::open`].
    pub fn open_audited(netns: &Netns, table: u32, interval: Duration) -> Result<Self, NetlinkError> {
        Self::start(netns, table, Some(interval))
    }

    fn start(netns: &Netns, table: u32, audit: Option<Duration>) -> Result<Self, NetlinkError> {
        let (sender, events) = channel(PENDING_EVENTS);
        let counters = Arc::new(Counters::default());
        let watcher = Watcher::open(netns, table, audit, sender, Arc::clone(&counters))?;
        Ok(Self { events, counters, task: tokio::spawn(watcher.run()) })
    }

    /// The next event; `None` only if the runtime shuts down. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<FibEvent> {
        self.events.recv().await
    }

    /// Waits for an event and takes those that are ready after it too, at most `limit` in all. Empty only if the runtime
    /// shuts down. Giving up waiting loses nothing.
    pub async fn next_batch(&mut self, limit: usize) -> Vec<FibEvent> {
        let mut events = Vec::new();
        self.events.recv_many(&mut events, limit.max(1)).await;
        events
    }

    /// How the watch has fared so far.
    #[must_use]
    pub fn stats(&self) -> FibStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FibStats {
            listings: read(&self.counters.listings),
            overruns: read(&self.counters.overruns),
            audits: read(&self.counters.audits),
            audit_differences: read(&self.counters.audit_differences),
        }
    }
}

impl Stream for FibWatch {
    type Item = FibEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FibEvent>> {
        self.events.poll_recv(cx)
    }
}

impl Drop for FibWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
