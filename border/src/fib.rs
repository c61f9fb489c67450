//! What a virtual network's kernel FIB says at this border.

use std::{collections::BTreeMap, time::Duration};

use braid_kernel::{FibEntry, FibEvent, FibWatch, Netns, RouteKind};
use braid_vote::{NextHop, RouteEvidence, Unusable};
use ipnet::Ipv4Net;
use tokio::sync::mpsc;
use tracing::{info, warn};

/// The kernel's main table, which engines install into.
const MAIN_TABLE: u32 = 254;
/// How often the watch compares what it knows with all that the kernel has.
const AUDIT: Duration = Duration::from_secs(10);
/// How often the namespace of that name is checked for being still the one watched, or looked for while there is none.
const LOOK: Duration = Duration::from_millis(250);

/// News of a FIB.
#[derive(Debug)]
pub enum News {
    /// These are all routes there are. Nothing, where there is no such namespace.
    All(BTreeMap<Ipv4Net, RouteEvidence>),
    /// The route for one prefix is now this.
    One(Ipv4Net, RouteEvidence),
}

/// A kernel route as evidence.
fn evidence(entry: &FibEntry) -> RouteEvidence {
    let reason = match entry.kind {
        RouteKind::Unicast if entry.is_usable() => {
            let hops = entry.next_hops.iter().filter(|hop| hop.up);
            let next_hops = hops
                .map(|hop| NextHop { gateway: hop.via.map(Into::into), interface: hop.interface.to_string() })
                .collect();
            return RouteEvidence::Usable { next_hops, metric: entry.priority };
        }
        RouteKind::Unicast => Unusable::NoLiveNextHop,
        RouteKind::Unreachable => Unusable::Unreachable,
        RouteKind::Prohibit => Unusable::Prohibited,
        // Whatever else it is, it does not forward.
        _ => Unusable::Blackhole,
    };
    RouteEvidence::Unusable { reason }
}

fn news(event: FibEvent) -> Option<News> {
    match event {
        FibEvent::Snapshot(entries) => {
            Some(News::All(entries.iter().map(|entry| (entry.prefix, evidence(entry))).collect()))
        }
        FibEvent::Change { prefix, entry } => {
            Some(News::One(prefix, entry.as_ref().map_or(RouteEvidence::Missing, evidence)))
        }
        // The entries that this changes follow.
        FibEvent::Link { .. } => None,
        FibEvent::Stale { reason } => {
            warn!("voting on what was last known: {reason}");
            None
        }
    }
}

/// Watches the FIB in the namespace of that name, through all its lives, until the receiver is gone.
pub async fn watch<E>(namespace: String, events: mpsc::Sender<E>, event: impl Fn(News) -> E) {
    let mut told_missing = false;
    loop {
        match Netns::open(&namespace).map_err(|e| e.to_string()).and_then(|netns| {
            let watch = FibWatch::open_audited(&netns, MAIN_TABLE, AUDIT).map_err(|e| e.to_string())?;
            Ok((netns.inode(), watch))
        }) {
            Ok((inode, watch)) => {
                info!(namespace, "watching its FIB");
                told_missing = false;
                if !follow(&namespace, inode, watch, &events, &event).await {
                    return;
                }
            }
            Err(reason) if !told_missing => {
                warn!("no FIB to watch: {reason}");
                told_missing = true;
            }
            Err(_) => {}
        }
        if told_missing && events.send(event(News::All(BTreeMap::new()))).await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Hands on news until the namespace is another one (`true`) or the receiver is gone (`false`).
async fn follow<E>(
    namespace: &str,
    inode: u64,
    mut watch: FibWatch,
    events: &mpsc::Sender<E>,
    event: &impl Fn(News) -> E,
) -> bool {
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            heard = watch.next() => {
                let Some(heard) = heard else { return true };
                if let Some(news) = news(heard) && events.send(event(news)).await.is_err() {
                    return false;
                }
            }
            _ = look.tick() => {
                // A watch keeps the old namespace alive, so only its name tells that it was replaced.
                if Netns::open(namespace).map(|netns| netns.inode()).ok() != Some(inode) {
                    return events.send(event(News::All(BTreeMap::new()))).await.is_ok();
                }
            }
        }
    }
}
