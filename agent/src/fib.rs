//! Copies of the virtual routers' FIBs, for the controller: level-triggered, so that however often a route changes between
//! two messages it is sent once, and what waits to be sent is never more than the FIB itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use braid_kernel::{FibEntry, FibEvent, FibWatch, RouteKind};
use braid_proto::{VnId, v1};
use ipnet::Ipv4Net;
use tokio::sync::{Notify, watch};

use crate::{dataplane::Ground, status::Board};

/// The kernel's main table, which engines install into.
pub(crate) const MAIN_TABLE: u32 = 254;
/// Routes of one virtual router that are copied; the controller does not see those beyond.
const MAX_ROUTES: usize = 1 << 20;
/// Routes in one message.
const CHUNK: usize = 4096;
/// Pause after a watch that could not be opened.
const RETRY: Duration = Duration::from_secs(1);
/// Events taken in at once.
const BATCH: usize = 1024;

/// A virtual router's FIB and what of it is news to the controller.
#[derive(Debug, Default)]
struct Mirror {
    routes: BTreeMap<Ipv4Net, v1::FibRoute>,
    /// Prefixes whose route, or its absence, is still to be told.
    dirty: BTreeSet<Ipv4Net>,
    /// The controller knows nothing of it yet.
    untold: bool,
    /// Routes that did not fit.
    left_out: BTreeSet<Ipv4Net>,
}

impl Mirror {
    fn replace(&mut self, entries: &[FibEntry]) {
        let gone: Vec<Ipv4Net> = {
            let present: BTreeSet<Ipv4Net> = entries.iter().map(|entry| entry.prefix).collect();
            let known = self.routes.keys().chain(&self.left_out);
            known.filter(|prefix| !present.contains(prefix)).copied().collect()
        };
        for prefix in gone {
            self.change(prefix, None);
        }
        for entry in entries {
            self.change(entry.prefix, Some(entry));
        }
    }

    fn change(&mut self, prefix: Ipv4Net, entry: Option<&FibEntry>) {
        self.left_out.remove(&prefix);
        let Some(entry) = entry else {
            if self.routes.remove(&prefix).is_some() {
                self.dirty.insert(prefix);
            }
            return;
        };
        if self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(&prefix) {
            // The count is what matters of them; it need not be exact without end.
            if self.left_out.len() < MAX_ROUTES {
                self.left_out.insert(prefix);
            }
            return;
        }
        let route = to_wire(entry);
        if self.routes.get(&prefix) != Some(&route) {
            self.routes.insert(prefix, route);
            self.dirty.insert(prefix);
        }
    }

    fn tell_all(&mut self) {
        self.dirty = self.routes.keys().copied().collect();
        self.untold = true;
    }

    fn has_news(&self) -> bool {
        self.untold || !self.dirty.is_empty()
    }

    /// The next message, if something is still to be told.
    fn take(&mut self, vn: VnId) -> Option<v1::FibDelta> {
        if !self.has_news() {
            return None;
        }
        let mut delta = v1::FibDelta {
            vn_id: vn.into(),
            snapshot: std::mem::take(&mut self.untold),
            ..Default::default()
        };
        for _ in 0..CHUNK {
            let Some(prefix) = self.dirty.pop_first() else { break };
            match self.routes.get(&prefix) {
                Some(route) => delta.changed.push(route.clone()),
                None => delta.removed.push(prefix.to_string()),
            }
        }
        Some(delta)
    }
}

fn kind(entry: &FibEntry) -> &'static str {
    match entry.kind {
        RouteKind::Unicast if entry.is_usable() => "unicast",
        // It has no live way out, so nothing is forwarded by it.
        RouteKind::Unicast => "linkdown",
        RouteKind::Local => "local",
        RouteKind::Blackhole => "blackhole",
        RouteKind::Unreachable => "unreachable",
        RouteKind::Prohibit => "prohibit",
        RouteKind::Throw => "throw",
        RouteKind::Other(_) => "other",
    }
}

fn to_wire(entry: &FibEntry) -> v1::FibRoute {
    let live = entry.next_hops.iter().filter(|hop| hop.up);
    v1::FibRoute {
        prefix: entry.prefix.to_string(),
        kind: kind(entry).to_owned(),
        next_hops: live
            .map(|hop| v1::FibNextHop {
                via: hop.via.map(|via| via.to_string()).unwrap_or_default(),
                interface: hop.interface.to_string(),
            })
            .collect(),
        metric: entry.priority,
        protocol: entry.protocol.into(),
    }
}

/// The FIBs of all virtual routers of this node.
#[derive(Debug, Default)]
pub(crate) struct Fibs {
    mirrors: Mutex<BTreeMap<VnId, Mirror>>,
    news: Notify,
}

impl Fibs {
    fn mirrors(&self) -> MutexGuard<'_, BTreeMap<VnId, Mirror>> {
        // A mirror is whole between any two of its changes.
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new listener: everything is news.
    pub(crate) fn tell_all(&self) {
        self.mirrors().values_mut().for_each(Mirror::tell_all);
    }

    /// Whether something is still to be told.
    pub(crate) fn has_news(&self) -> bool {
        self.mirrors().values().any(Mirror::has_news)
    }

    /// The next message, if something is still to be told.
    pub(crate) fn take(&self) -> Option<v1::FibDelta> {
        self.mirrors().iter_mut().find_map(|(vn, mirror)| mirror.take(*vn))
    }

    /// Waits until there may be news. Giving up waiting loses nothing.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Forgets a virtual router.
    pub(crate) fn forget(&self, vn: VnId) {
        self.mirrors().remove(&vn);
    }

    /// Changes a mirror; gives the number of routes that did not fit.
    fn update(&self, vn: VnId, change: impl FnOnce(&mut Mirror)) -> usize {
        let left_out = {
            let mut mirrors = self.mirrors();
            let mirror = mirrors.entry(vn).or_insert_with(|| Mirror { untold: true, ..Mirror::default() });
            change(mirror);
            mirror.left_out.len()
        };
        self.news.notify_one();
        left_out
    }

    /// Copies the FIB of a virtual router, through all its namespaces, until it is dropped.
    pub(crate) async fn copy(&self, vn: VnId, mut ground: watch::Receiver<Ground>, board: &Board) {
        let about = format!("copying the FIB of vn {vn}");
        loop {
            let current = ground.borrow_and_update().netns().cloned();
            let Some(current) = current else {
                self.update(vn, |mirror| mirror.replace(&[]));
                if ground.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let opened = FibWatch::open(&current, MAIN_TABLE);
            let mut fib = match opened {
                Ok(fib) => fib,
                Err(error) => {
                    board.note(&about, Err(error));
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            drop(current);
            loop {
                let events = tokio::select! {
                    events = fib.next_batch(BATCH) => events,
                    _ = ground.changed() => break,
                };
                if events.is_empty() {
                    return;
                }
                self.take_in(vn, &events, &about, board);
            }
        }
    }

    fn take_in(&self, vn: VnId, events: &[FibEvent], about: &str, board: &Board) {
        let left_out = self.update(vn, |mirror| {
            for event in events {
                match event {
                    FibEvent::Snapshot(entries) => mirror.replace(entries),
                    FibEvent::Change { prefix, entry } => mirror.change(*prefix, entry.as_ref()),
                    FibEvent::Link { .. } | FibEvent::Stale { .. } => {}
                }
            }
        });
        let stale = events.iter().rev().find_map(|event| match event {
            FibEvent::Stale { reason } => Some(Err(format!("it may be out of date: {reason}"))),
            FibEvent::Snapshot(_) => Some(Ok(())),
            _ => None,
        });
        if left_out > 0 {
            let problem =
                format!("it holds more than {MAX_ROUTES} routes; the controller does not see the others");
            board.note(about, Err(problem));
        } else if let Some(outcome) = stale {
            board.note(about, outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vn() -> VnId {
        VnId::try_from(1_u32).unwrap()
    }

    fn entry(number: u32) -> FibEntry {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
        FibEntry {
            prefix: address.into(),
            kind: RouteKind::Blackhole,
            next_hops: vec![],
            priority: 0,
            protocol: 4,
        }
    }

    fn told(fibs: &Fibs) -> Vec<v1::FibDelta> {
        std::iter::from_fn(|| fibs.take()).collect()
    }

    #[test]
    fn a_listener_hears_everything_in_chunks_and_then_only_what_changed() {
        let fibs = Fibs::default();
        let many: Vec<FibEntry> = (0..5000).map(entry).collect();
        fibs.update(vn(), |mirror| mirror.replace(&many));
        fibs.tell_all();
        let first = told(&fibs);
        assert_eq!(
            first.iter().map(|d| (d.snapshot, d.changed.len())).collect::<Vec<_>>(),
            [(true, 4096), (false, 904)]
        );
        // A route that comes and goes between two messages, and one that changes twice, are told once, as they are now.
        fibs.update(vn(), |mirror| {
            mirror.change(entry(9000).prefix, Some(&entry(9000)));
            mirror.change(entry(9000).prefix, None);
            mirror.change(entry(1).prefix, None);
            mirror.change(entry(2).prefix, Some(&FibEntry { priority: 5, ..entry(2) }));
            mirror.change(entry(2).prefix, Some(&FibEntry { priority: 6, ..entry(2) }));
        });
        let [delta] = &told(&fibs)[..] else { panic!("one message") };
        assert_eq!(delta.removed, ["10.0.0.1/32", "10.0.35.40/32"]);
        assert_eq!(delta.changed.iter().map(|route| route.metric).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn an_empty_fib_is_told_too() {
        let fibs = Fibs::default();
        fibs.update(vn(), |mirror| mirror.replace(&[]));
        fibs.tell_all();
        assert_eq!(told(&fibs).len(), 1);
        assert!(fibs.take().is_none());
    }

    #[test]
    fn a_second_snapshot_removes_what_it_does_not_hold() {
        let fibs = Fibs::default();
        fibs.update(vn(), |mirror| mirror.replace(&[entry(1), entry(2)]));
        told(&fibs);
        fibs.update(vn(), |mirror| mirror.replace(&[entry(2), entry(3)]));
        let [delta] = &told(&fibs)[..] else { panic!("one message") };
        assert_eq!((delta.removed.len(), delta.changed.len()), (1, 1));
    }
}
