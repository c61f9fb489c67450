//! A stream of the changes to a namespace's links.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use netlink_packet_route::RouteNetlinkMessage;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
};

use crate::{
    Link, Netlink, NetlinkError, Netns,
    link::decode,
    socket::{Frames, Socket},
};

/// The multicast group of links (`RTNLGRP_LINK`).
pub(crate) const RTNLGRP_LINK: u32 = 1;
const PENDING_EVENTS: usize = 1024;
/// Pause after a listing that failed.
const RETRY: Duration = Duration::from_millis(200);

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// All links there are, by index. The first event, and the only of its kind.
    Snapshot(Vec<Link>),
    /// A link is new, or differs from what was told before.
    Changed(Link),
    /// A link is gone.
    Removed(Link),
}

/// A stream of link changes that begins with a snapshot. Changes that a slow reader, or a burst, made the kernel drop are
/// found again by listing all links. Dropping it ends the watching.
///
/// The watch keeps its namespace alive.
#[derive(Debug)]
pub struct LinkWatch {
    events: Receiver<LinkEvent>,
    task: JoinHandle<()>,
}

impl LinkWatch {
    /// Begins to watch the links of a namespace. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`NetlinkError`] if the routing socket cannot be had.
    pub fn open(netns: &Netns) -> Result<Self, NetlinkError> {
        let netlink = Netlink::open(netns)?;
        let monitor = netlink.open_socket(&[RTNLGRP_LINK])?;
        let (sender, events) = channel(PENDING_EVENTS);
        let watcher = Watcher { netlink, monitor, links: BTreeMap::new(), events: sender };
        Ok(Self { events, task: tokio::spawn(watcher.run()) })
    }

    /// The next event; `None` only if the runtime shuts down. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<LinkEvent> {
        self.events.recv().await
    }
}

impl Stream for LinkWatch {
    type Item = LinkEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LinkEvent>> {
        self.events.poll_recv(cx)
    }
}

impl Drop for LinkWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Watcher {
    netlink: Netlink,
    monitor: Socket,
    /// What the reader has been told.
    links: BTreeMap<u32, Link>,
    events: Sender<LinkEvent>,
}

/// The reader is gone.
struct Closed;

impl Watcher {
    async fn run(mut self) {
        let first = self.list().await;
        self.links = first.iter().map(|link| (link.index, link.clone())).collect();
        if self.events.send(LinkEvent::Snapshot(first)).await.is_ok() {
            while let Ok(()) = self.step().await {}
        }
    }

    async fn step(&mut self) -> Result<(), Closed> {
        let changes = match self.monitor.receive().await {
            Ok(frames) => read_changes(frames),
            Err(error) => Err(error),
        };
        match changes {
            Ok(changes) => {
                for (link, present) in changes {
                    self.tell(link, present).await?;
                }
                Ok(())
            }
            Err(error) => {
                tracing::debug!(namespace = self.netlink.netns().label(), %error, "listing links anew");
                self.resync().await
            }
        }
    }

    /// Closes the gap between what was told and what is.
    async fn resync(&mut self) -> Result<(), Closed> {
        let actual: BTreeMap<u32, Link> =
            self.list().await.into_iter().map(|link| (link.index, link)).collect();
        let gone: Vec<Link> =
            self.links.values().filter(|link| !actual.contains_key(&link.index)).cloned().collect();
        for link in gone {
            self.tell(link, false).await?;
        }
        for link in actual.into_values() {
            self.tell(link, true).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, link: Link, present: bool) -> Result<(), Closed> {
        let event = if present {
            if self.links.get(&link.index) == Some(&link) {
                return Ok(());
            }
            self.links.insert(link.index, link.clone());
            LinkEvent::Changed(link)
        } else {
            match self.links.remove(&link.index) {
                Some(link) => LinkEvent::Removed(link),
                None => return Ok(()),
            }
        };
        self.events.send(event).await.map_err(|_| Closed)
    }

    async fn list(&mut self) -> Vec<Link> {
        loop {
            let drained =
                self.monitor.drain().map_err(|error| self.netlink.socket_error("list links", error));
            match (drained, self.netlink.links().await) {
                (Ok(_), Ok(links)) => return links,
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(%error, "cannot list links; trying again");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// The links a datagram is about, each with whether it is there.
fn read_changes(frames: Frames<'_>) -> io::Result<Vec<(Link, bool)>> {
    let mut changes = Vec::new();
    for frame in frames {
        match decode(&frame.map_err(io::Error::other)?).map_err(io::Error::other)? {
            RouteNetlinkMessage::NewLink(message) => {
                changes.extend(Link::from_message(message).zip(Some(true)));
            }
            RouteNetlinkMessage::DelLink(message) => {
                changes.extend(Link::from_message(message).zip(Some(false)));
            }
            _ => {}
        }
    }
    Ok(changes)
}
