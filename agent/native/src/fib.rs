//! The engine's routes in the kernel.
//!
//! ```text
//!  RouteUpdate ──► wanted ──(less what leads over dead links)──► batch ──► kernel
//!                     └──────────── plan(wanted, actual) ───────────┘  ▲
//!                        after a restart, and now and then: audit ─────┘ list
//! ```
//!
//! Routes of an earlier life stay until the engine is settled; the first audit then replaces and removes what differs.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use braid_kernel::{Netlink, NetlinkError, NextHop, Route, RouteChange, RouteFilter, RouteKind};
use ipnet::Ipv4Net;
use serde::Serialize;
use tracing::{debug, info, warn};

use crate::{
    engine::{Links, RouteMark, RouteUpdate},
    memory,
};

/// Changes in one batch: as many as the kernel takes in a datagram.
const BATCH: usize = 1024;

/// Next hops, sorted; many prefixes share them.
type NextHops = Rc<[NextHop]>;

/// How the kernel's routes have fared so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
pub struct RouteCounters {
    /// Routes that the engine wants.
    pub wanted: u64,
    /// Changes that the kernel took.
    pub applied: u64,
    /// Changes that it refused. They are tried again.
    pub refused: u64,
    /// Routes of an earlier life that were found at the start.
    pub adopted: u64,
    /// Routes that somebody else had changed, and that were put right.
    pub repaired: u64,
    /// Times that the kernel's routes were compared with the wanted ones.
    pub audits: u64,
}

pub(crate) struct Fib {
    netlink: Netlink,
    mark: RouteMark,
    wanted: BTreeMap<Ipv4Net, NextHops>,
    shared: BTreeSet<NextHops>,
    /// Interfaces that packets cannot leave by.
    dead: BTreeSet<u32>,
    /// Prefixes of an earlier life's routes, while they stay untouched.
    adopted: Option<BTreeSet<Ipv4Net>>,
    /// Prefixes whose kernel route may differ from the wanted one.
    dirty: BTreeSet<Ipv4Net>,
    pub(crate) counters: RouteCounters,
}

impl Fib {
    /// Finds the routes of an earlier life, and leaves them as they are.
    pub(crate) async fn open(netlink: Netlink, mark: RouteMark) -> Result<Self, NetlinkError> {
        let mut fib = Self {
            netlink,
            mark,
            wanted: BTreeMap::new(),
            shared: BTreeSet::new(),
            dead: BTreeSet::new(),
            adopted: None,
            dirty: BTreeSet::new(),
            counters: RouteCounters::default(),
        };
        let found: BTreeSet<_> = fib.actual().await?.into_keys().collect();
        if !found.is_empty() {
            info!("{} routes of an earlier life stay until they are learnt anew", found.len());
            fib.counters.adopted = found.len() as u64;
            fib.adopted = Some(found);
        }
        Ok(fib)
    }

    /// Whether routes of an earlier life are still left alone.
    pub(crate) fn holds(&self) -> bool {
        self.adopted.is_some()
    }

    /// Whether each of them has been learnt anew.
    pub(crate) fn is_covered(&self) -> bool {
        self.adopted.iter().flatten().all(|prefix| self.wanted.contains_key(prefix))
    }

    /// Lets go of the routes of an earlier life: those that differ are put right.
    pub(crate) async fn settle(&mut self) -> Result<(), NetlinkError> {
        if self.adopted.take().is_some() {
            let changed = self.put_right().await?;
            info!("{} of {} routes of an earlier life differed", changed, self.counters.adopted);
        }
        Ok(())
    }

    /// Takes what the engine has computed. [`Fib::apply`] carries it out.
    pub(crate) fn update(&mut self, updates: Vec<RouteUpdate>) {
        for update in updates {
            // Metrics of the protocol may change without the kernel's route.
            let differs = match update.next_hops {
                None => self.wanted.remove(&update.prefix).is_some(),
                Some(hops) => {
                    let hops = self.share(hops);
                    self.wanted.insert(update.prefix, Rc::clone(&hops)) != Some(hops)
                }
            };
            if differs {
                self.dirty.insert(update.prefix);
            }
        }
        if self.shared.len() > 64 && self.shared.len() > 2 * self.wanted.len() {
            self.shared.retain(|hops| Rc::strong_count(hops) > 1);
        }
        self.counters.wanted = self.wanted.len() as u64;
    }

    fn share(&mut self, mut hops: Vec<NextHop>) -> NextHops {
        hops.sort_unstable();
        hops.dedup();
        if let Some(known) = self.shared.get(&hops[..]) {
            return Rc::clone(known);
        }
        let fresh: NextHops = hops.into();
        self.shared.insert(Rc::clone(&fresh));
        fresh
    }

    /// Takes what the links are now: routes leave a dead one at once, whatever the engine thinks.
    pub(crate) fn links(&mut self, links: &Links) {
        let used: BTreeSet<u32> =
            self.shared.iter().flat_map(|hops| hops.iter().map(|hop| hop.ifindex)).collect();
        let dead: BTreeSet<u32> =
            used.into_iter().filter(|index| !links.get(index).is_some_and(|link| link.up)).collect();
        let changed: BTreeSet<u32> = dead.symmetric_difference(&self.dead).copied().collect();
        self.dead = dead;
        if changed.is_empty() {
            return;
        }
        let touched =
            self.wanted.iter().filter(|(_, hops)| hops.iter().any(|hop| changed.contains(&hop.ifindex)));
        self.dirty.extend(touched.map(|(prefix, _)| *prefix));
    }

    /// The ways to a prefix over links that live; `None` if there should be no route.
    fn effective(&self, prefix: &Ipv4Net) -> Option<Vec<NextHop>> {
        let wanted = self.wanted.get(prefix)?;
        let alive: Vec<NextHop> =
            wanted.iter().filter(|hop| !self.dead.contains(&hop.ifindex)).copied().collect();
        (wanted.is_empty() || !alive.is_empty()).then_some(alive)
    }

    fn change(&self, prefix: Ipv4Net) -> RouteChange {
        let hops = self.effective(&prefix);
        let kind =
            if hops.as_ref().is_some_and(Vec::is_empty) { RouteKind::Blackhole } else { RouteKind::Unicast };
        let route = |kind, next_hops| Route {
            priority: self.mark.metric,
            next_hops,
            ..Route::new(prefix, self.mark.table, self.mark.protocol, kind)
        };
        match hops {
            Some(hops) => RouteChange::Replace(route(kind, hops)),
            // Of any kind (`RTN_UNSPEC`): the one there is.
            None => RouteChange::Delete(route(RouteKind::Other(0), Vec::new())),
        }
    }

    /// Brings what has changed to the kernel, unless routes of an earlier life are left alone.
    pub(crate) async fn apply(&mut self) -> Result<(), NetlinkError> {
        if !self.has_dirty() {
            return Ok(());
        }
        let dirty = std::mem::take(&mut self.dirty);
        self.carry_out(dirty).await
    }

    async fn carry_out(&mut self, prefixes: BTreeSet<Ipv4Net>) -> Result<(), NetlinkError> {
        let many = prefixes.len() > BATCH;
        let mut prefixes = prefixes.into_iter();
        loop {
            let batch: Vec<RouteChange> =
                prefixes.by_ref().take(BATCH).map(|prefix| self.change(prefix)).collect();
            if batch.is_empty() {
                break;
            }
            let refused = self.netlink.apply_routes(&batch).await?;
            self.counters.applied += (batch.len() - refused.len()) as u64;
            self.counters.refused += refused.len() as u64;
            if let Some(first) = refused.first() {
                warn!(
                    "the kernel refused {} of {} route changes; {}",
                    refused.len(),
                    batch.len(),
                    first.error
                );
            }
            self.dirty.extend(refused.iter().filter_map(|refused| match batch.get(refused.place)? {
                RouteChange::Replace(route) | RouteChange::Delete(route) => Some(route.prefix),
            }));
        }
        if many {
            memory::trim();
        }
        Ok(())
    }

    /// Whether there is something for [`Fib::apply`] to do: fresh, or refused before.
    pub(crate) fn has_dirty(&self) -> bool {
        !self.holds() && !self.dirty.is_empty()
    }

    /// Compares the kernel's routes with the wanted ones, and puts right what differs.
    pub(crate) async fn audit(&mut self) -> Result<(), NetlinkError> {
        if self.holds() {
            return Ok(());
        }
        self.counters.audits += 1;
        // What was refused is known to differ.
        let known = self.dirty.clone();
        let changed = self.put_right().await?;
        let repaired = changed.saturating_sub(known.len());
        if repaired > 0 {
            self.counters.repaired += repaired as u64;
            warn!("{repaired} routes were not as wanted in the kernel, and are put right");
        }
        Ok(())
    }

    async fn put_right(&mut self) -> Result<usize, NetlinkError> {
        self.dirty.clear();
        let actual = self.actual().await?;
        let wanted = self.wanted.keys().map(|prefix| (*prefix, self.effective(prefix)));
        let differing = differences(wanted, &actual);
        debug!("of {} routes in the kernel {} differ from the wanted", actual.len(), differing.len());
        drop(actual);
        let count = differing.len();
        self.carry_out(differing).await?;
        Ok(count)
    }

    /// The kernel's routes of this engine.
    async fn actual(&self) -> Result<BTreeMap<Ipv4Net, Vec<NextHop>>, NetlinkError> {
        let filter = RouteFilter { table: Some(self.mark.table), protocol: Some(self.mark.protocol) };
        let routes = self.netlink.routes(filter).await?;
        let ours = routes.into_iter().filter(|route| route.priority == self.mark.metric);
        let plain = |hop: NextHop| NextHop { dead: false, linkdown: false, ..hop };
        Ok(ours
            .map(|route| {
                let mut hops: Vec<NextHop> = route.next_hops.into_iter().map(plain).collect();
                hops.sort_unstable();
                (route.prefix, hops)
            })
            .collect())
    }

    /// Removes all routes: the engine ends for good.
    pub(crate) async fn clear(&mut self) -> Result<(), NetlinkError> {
        self.adopted = None;
        self.wanted.clear();
        self.put_right().await.map(drop)
    }
}

/// The prefixes whose routes differ, or that only one side has.
fn differences(
    wanted: impl Iterator<Item = (Ipv4Net, Option<Vec<NextHop>>)>,
    actual: &BTreeMap<Ipv4Net, Vec<NextHop>>,
) -> BTreeSet<Ipv4Net> {
    let mut seen = BTreeSet::new();
    let mut differing = BTreeSet::new();
    for (prefix, hops) in wanted {
        if actual.get(&prefix) != hops.as_ref() {
            differing.insert(prefix);
        }
        seen.insert(prefix);
    }
    differing.extend(actual.keys().filter(|prefix| !seen.contains(prefix)));
    differing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_touched() {
        let net = |text: &str| -> Ipv4Net { text.parse().unwrap() };
        let hop = |ifindex| NextHop::new(std::net::Ipv4Addr::LOCALHOST, ifindex);
        let wanted = [
            (net("10.0.1.0/24"), Some(vec![hop(1)])),
            (net("10.0.2.0/24"), Some(vec![hop(1), hop(2)])),
            (net("10.0.3.0/24"), None),
            (net("10.0.5.0/24"), Some(vec![hop(1)])),
        ];
        let actual = BTreeMap::from([
            (net("10.0.1.0/24"), vec![hop(1)]),
            (net("10.0.2.0/24"), vec![hop(2)]),
            (net("10.0.4.0/24"), vec![hop(1)]),
        ]);
        let differing = differences(wanted.into_iter(), &actual);
        assert_eq!(differing, ["10.0.2.0/24", "10.0.4.0/24", "10.0.5.0/24"].map(net).into());
    }
}
