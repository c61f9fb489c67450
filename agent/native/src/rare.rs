//! What happens seldom: signals, links, other kernel routes, questions. A thread of its own waits for it, in tokio's event loop,
//! and tells the engine's thread, which therefore wakes up for packets and time without the weight of that loop.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use braid_kernel::{FibEvent, FibWatch, LinkEvent, LinkWatch};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::control::Question;

/// Events that may wait for the engine.
const WAITING: usize = 16;
/// Kernel routes told at a time.
const KERNEL_ROUTES: usize = 1024;

/// Something that happens seldom.
pub(crate) enum Rare {
    /// The process shall end.
    Terminate,
    /// The configuration shall be read anew.
    Reload,
    Link(LinkEvent),
    KernelRoutes(Vec<FibEvent>),
    Question(Question),
}

/// Tells it.
#[derive(Clone)]
pub(crate) struct Teller {
    events: mpsc::Sender<Rare>,
    bell: Arc<EventFd>,
}

/// Is told it, in another thread.
pub(crate) struct Told {
    events: mpsc::Receiver<Rare>,
    bell: Arc<EventFd>,
}

/// The two ends of a queue of events.
pub(crate) fn queue() -> io::Result<(Teller, Told)> {
    let (sender, events) = mpsc::channel(WAITING);
    // One read takes one event.
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_SEMAPHORE;
    let bell = Arc::new(EventFd::from_flags(flags)?);
    Ok((Teller { events: sender, bell: Arc::clone(&bell) }, Told { events, bell }))
}

impl Teller {
    /// Waits for room, and tells it. Gives whether somebody is still there to hear.
    pub(crate) async fn tell(&self, event: Rare) -> bool {
        self.events.send(event).await.is_ok() && self.bell.write(1).is_ok()
    }

    /// Tells of signals from now on.
    pub(crate) fn signals(&self) -> io::Result<()> {
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        for kind in kinds {
            let (teller, mut signal) = (self.clone(), signal(kind)?);
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    let event = if kind == SignalKind::hangup() { Rare::Reload } else { Rare::Terminate };
                    teller.tell(event).await;
                }
            });
        }
        Ok(())
    }

    /// Tells of links.
    pub(crate) async fn links(self, mut watch: LinkWatch) {
        while let Some(event) = watch.next().await {
            self.tell(Rare::Link(event)).await;
        }
    }

    /// Tells of other kernel routes.
    pub(crate) async fn kernel_routes(self, mut watch: FibWatch) {
        loop {
            let events = watch.next_batch(KERNEL_ROUTES).await;
            if events.is_empty() || !self.tell(Rare::KernelRoutes(events)).await {
                return;
            }
        }
    }
}

impl Told {
    /// The next event, if one waits.
    pub(crate) fn next(&mut self) -> Option<Rare> {
        self.bell.read().ok().and_then(|_| self.events.try_recv().ok())
    }

    /// Readable while one waits.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
