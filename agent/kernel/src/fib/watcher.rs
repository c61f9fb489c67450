//! The watch's task: reads notifications, lists the table where they do not suffice, tells what differs.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use ipnet::Ipv4Net;
use netlink_packet_core::{NLM_F_APPEND, NLM_F_REPLACE, NetlinkDeserializable};
use netlink_packet_route::RouteNetlinkMessage;
use tokio::{
    sync::mpsc::Sender,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Counters, FibEntry, FibEvent,
    table::{Interface, Placing, Table, Trust, Update},
};
use crate::{
    Link, LinkState, Netlink, NetlinkError, Netns, RouteFilter,
    link::decode,
    link_watch::RTNLGRP_LINK,
    nexthop::{NexthopMessage, RTM_DELNEXTHOP, RTM_NEWNEXTHOP, RTNLGRP_NEXTHOP},
    route::KernelRoute,
    socket::{Frames, Socket, is_loss},
};

const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;

/// Datagrams that are taken in before what they changed is told.
const BURST: usize = 1024;
/// When to list a table again that was listed amid changes, or has become doubtful.
const CHECK_SOONEST: Duration = Duration::from_millis(20);
const CHECK_LATEST: Duration = Duration::from_secs(2);
/// Pause after a listing that failed.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Watcher {
    number: u32,
    netlink: Netlink,
    monitor: Socket,
    table: Table,
    /// What the reader has been told.
    told: HashMap<Ipv4Net, FibEntry>,
    told_links: HashMap<u32, Interface>,
    events: Sender<FibEvent>,
    audit: Option<Duration>,
    counters: Arc<Counters>,
}

/// The reader is gone.
struct Closed;

/// Why the table is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Notifications were lost or do not tell all.
    Gap,
    /// Only to see whether what was told is true.
    Audit,
}

impl Watcher {
    pub(super) fn open(
        netns: &Netns,
        number: u32,
        audit: Option<Duration>,
        events: Sender<FibEvent>,
        counters: Arc<Counters>,
    ) -> Result<Self, NetlinkError> {
        let netlink = Netlink::open(netns)?;
        let monitor =
            netlink.open_socket(&[RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_NEXTHOP])?;
        Ok(Self {
            number,
            netlink,
            monitor,
            table: Table::default(),
            told: HashMap::new(),
            told_links: HashMap::new(),
            events,
            audit,
            counters,
        })
    }

    pub(super) async fn run(mut self) {
        let _closed = self.watch().await;
    }

    async fn watch(&mut self) -> Result<std::convert::Infallible, Closed> {
        let mut cause = Cause::Gap;
        let mut current = false;
        loop {
            let check = match self.list().await {
                Ok((_, check)) if !current => {
                    self.tell_snapshot().await?;
                    current = true;
                    check
                }
                Ok((undisturbed, check)) => {
                    let differences = self.tell_changes().await?;
                    if cause == Cause::Audit && undisturbed {
                        self.count_audit(differences);
                    }
                    check
                }
                Err(error) => {
                    if current {
                        current = false;
                        self.send(FibEvent::Stale { reason: error.to_string() }).await?;
                    }
                    tracing::error!(table = self.number, %error, "cannot list the routing table; trying again");
                    sleep(RETRY).await;
                    continue;
                }
            };
            cause = self.follow(check).await?;
        }
    }

    /// Takes in notifications and tells what they change, until the table must be listed.
    async fn follow(&mut self, mut check: Option<Instant>) -> Result<Cause, Closed> {
        let audit = self.audit.map(|interval| Instant::now() + interval);
        loop {
            let updates = tokio::select! {
                frames = self.monitor.receive() => frames.and_then(|frames| read_updates(frames, self.number)),
                () = at(check) => return Ok(Cause::Gap),
                () = at(audit) => return Ok(Cause::Audit),
                () = self.events.closed() => return Err(Closed),
            };
            let updates = updates.and_then(|mut updates| {
                updates.extend(self.pending()?);
                Ok(updates)
            });
            let trust = match updates {
                Ok(updates) => apply_all(&mut self.table, updates),
                Err(error) => {
                    self.note_gap(&error);
                    Trust::Broken
                }
            };
            self.tell_changes().await?;
            match trust {
                Trust::Unchanged | Trust::Exact => {}
                Trust::Doubtful => check = check.or(Some(Instant::now() + CHECK_SOONEST)),
                Trust::Broken => return Ok(Cause::Gap),
            }
        }
    }

    /// Lists the table. Says whether no notification was waiting or came meanwhile, and when it should be listed again.
    async fn list(&mut self) -> Result<(bool, Option<Instant>), NetlinkError> {
        loop {
            // What is waiting now will be in the list.
            let waiting = self.monitor.drain();
            let waiting = waiting.map_err(|error| self.netlink.socket_error("read notifications", error))?;
            let began = Instant::now();
            self.netlink.barrier().await?;
            let links = self.netlink.links().await?;
            let nexthops = self.netlink.nexthops().await?;
            let routes = self.netlink.kernel_routes(RouteFilter::table(self.number)).await?;
            self.netlink.barrier().await?;
            add(&self.counters.listings, 1);
            let mut fresh = Table::new(links, nexthops, routes);
            let meanwhile = match self.pending() {
                Ok(updates) => updates,
                Err(error) => {
                    self.note_gap(&error);
                    continue;
                }
            };
            let quiet = meanwhile.is_empty();
            // What was listed of a link, and of the routes over it, may be of two different moments.
            let link = meanwhile.iter().any(|update| matches!(update, Update::Link(_) | Update::NoLink(_)));
            let trust = apply_all(&mut fresh, meanwhile);
            fresh.supersede(std::mem::take(&mut self.table));
            self.table = fresh;
            // The notifications were perhaps in the list already, and putting them on it once more may have made
            // it wrong where a prefix changed twice.
            let pause = match trust {
                Trust::Broken => Duration::ZERO,
                _ if link => Duration::ZERO,
                _ => (began.elapsed() * 4).clamp(CHECK_SOONEST, CHECK_LATEST),
            };
            let check = (!quiet).then(|| Instant::now() + pause);
            let undisturbed = !waiting && quiet;
            return Ok((undisturbed, check));
        }
    }

    /// The notifications that are waiting, up to a limit.
    fn pending(&mut self) -> io::Result<Vec<Update>> {
        let mut updates = Vec::new();
        for _ in 0..BURST {
            match self.monitor.try_receive()? {
                Some(frames) => updates.extend(read_updates(frames, self.number)?),
                None => break,
            }
        }
        Ok(updates)
    }

    fn note_gap(&self, error: &io::Error) {
        if is_loss(error) {
            add(&self.counters.overruns, 1);
            tracing::debug!(table = self.number, "notifications overran; listing the table");
        } else {
            tracing::warn!(table = self.number, %error, "cannot read a notification; listing the table");
        }
    }

    fn count_audit(&self, differences: usize) {
        add(&self.counters.audits, 1);
        add(&self.counters.audit_differences, differences as u64);
        if differences > 0 {
            let namespace = self.netlink.netns().label();
            tracing::warn!(
                namespace,
                table = self.number,
                differences,
                "an audit found a stale routing table"
            );
        }
    }

    async fn tell_snapshot(&mut self) -> Result<(), Closed> {
        self.told_links = self
            .table
            .touched_interfaces()
            .into_iter()
            .filter_map(|(index, interface)| Some((index, interface?)))
            .collect();
        let entries: Vec<FibEntry> =
            self.table.take_touched().into_iter().filter_map(|(_, entry)| entry).collect();
        self.told = entries.iter().map(|entry| (entry.prefix, entry.clone())).collect();
        self.send(FibEvent::Snapshot(entries)).await
    }

    /// Tells what differs from what was told; gives the number of entries that do.
    async fn tell_changes(&mut self) -> Result<usize, Closed> {
        for (ifindex, interface) in self.table.touched_interfaces() {
            let known = self.told_links.get(&ifindex);
            let Some(now) = interface.or_else(|| known.cloned().map(Interface::gone)) else { continue };
            let gone = now.state == LinkState::Gone;
            if known == Some(&now) || known.is_none() && gone {
                continue;
            }
            if gone {
                self.told_links.remove(&ifindex);
            } else {
                self.told_links.insert(ifindex, now.clone());
            }
            self.send(FibEvent::Link { ifindex, interface: now.name, state: now.state }).await?;
        }
        let mut differences = 0;
        for (prefix, entry) in self.table.take_touched() {
            if self.told.get(&prefix) == entry.as_ref() {
                continue;
            }
            match &entry {
                Some(entry) => self.told.insert(prefix, entry.clone()),
                None => self.told.remove(&prefix),
            };
            differences += 1;
            self.send(FibEvent::Change { prefix, entry }).await?;
        }
        Ok(differences)
    }

    async fn send(&self, event: FibEvent) -> Result<(), Closed> {
        self.events.send(event).await.map_err(|_| Closed)
    }
}

/// Waits until an instant; for ever if there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Applies updates in their order; gives the worst of what they say about the table.
fn apply_all(table: &mut Table, updates: Vec<Update>) -> Trust {
    updates.into_iter().map(|update| table.apply(update)).fold(Trust::Unchanged, Trust::max)
}

/// What a datagram says about a table.
fn read_updates(frames: Frames<'_>, table: u32) -> io::Result<Vec<Update>> {
    let mut updates = Vec::new();
    for frame in frames {
        let frame = frame.map_err(io::Error::other)?;
        let kind = frame.header.message_type;
        if matches!(kind, RTM_NEWNEXTHOP | RTM_DELNEXTHOP) {
            let message =
                NexthopMessage::deserialize(&frame.header, frame.payload).map_err(io::Error::other)?;
            updates.extend(if kind == RTM_NEWNEXTHOP {
                message.nexthop().map(Update::Nexthop)
            } else {
                message.id().map(Update::NoNexthop)
            });
            continue;
        }
        let of_table = |route: &KernelRoute| route.route.table == table;
        match decode(&frame).map_err(io::Error::other)? {
            RouteNetlinkMessage::NewRoute(message) => {
                let route = KernelRoute::from_message(message).map_err(io::Error::other)?;
                let flags = frame.header.flags;
                let placing = if flags & NLM_F_REPLACE != 0 {
                    Placing::Replace
                } else if flags & NLM_F_APPEND != 0 {
                    Placing::Last
                } else {
                    Placing::First
                };
                updates.extend(route.filter(of_table).map(|route| Update::Route(route, placing)));
            }
            RouteNetlinkMessage::DelRoute(message) => {
                let route = KernelRoute::from_message(message).map_err(io::Error::other)?;
                updates.extend(route.filter(of_table).map(Update::NoRoute));
            }
            RouteNetlinkMessage::NewLink(message) => {
                updates.extend(Link::from_message(message).map(Update::Link));
            }
            RouteNetlinkMessage::DelLink(message) => {
                updates.extend(Link::from_message(message).map(Update::NoLink));
            }
            RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_) => {
                updates.push(Update::Address);
            }
            _ => {}
        }
    }
    Ok(updates)
}
