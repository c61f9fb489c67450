//! Where streams and calls meet: the state behind a mutex, the desired state in a watch channel, the store.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use braid_proto::{NodeName, VnId, v1};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::{
    desired::Desired,
    error::ApiError,
    in_force::InForce,
    key::NetworkKey,
    report::{FibChange, Hello, NodeReport, VoteChange},
    state::{Caller, Inbox, Role, State},
    store::{Store, Stored},
    verification::News,
};

/// How long to wait for more when FIBs have changed: they change in bursts, which are judged at once.
const BURST: Duration = Duration::from_millis(5);

/// What all services share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) started: SystemTime,
    state: Mutex<State>,
    desired: watch::Sender<Arc<Desired>>,
    /// Held while a topology is put in force, so that one comes after the other.
    store: Mutex<Store>,
    /// Something has changed that may be verified otherwise now.
    stirred: Notify,
    /// Grows whenever there is news of verification.
    verified: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

/// A stream's place in the state, given up when dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    hub: Arc<Hub>,
    pub(crate) caller: Caller,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.state().leave(&self.caller, SystemTime::now());
        self.hub.stirred.notify_one();
    }
}

/// What putting a topology in force came to.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) revision: u64,
    pub(crate) changed: bool,
    pub(crate) warnings: Vec<String>,
}

impl Hub {
    /// `retired` are virtual networks of the topology before.
    pub(crate) fn new(
        store: Store,
        key: NetworkKey,
        in_force: Option<InForce>,
        retired: BTreeSet<VnId>,
    ) -> Self {
        let started = SystemTime::now();
        let state = State::new(in_force, retired, started, key);
        Self {
            started,
            desired: watch::Sender::new(Arc::new(state.desired())),
            state: Mutex::new(state),
            store: Mutex::new(store),
            stirred: Notify::new(),
            verified: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }
    }

    /// The state. Keep it for as short as possible, and never over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Reports are whole and come again, so what a panic left half done mends itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn desired(&self) -> watch::Receiver<Arc<Desired>> {
        self.desired.subscribe()
    }

    /// Ends all streams.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the controller stops.
    pub(crate) async fn stopping(&self) {
        // An error would mean that the sender is gone, and it is ours.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Tells of every news of verification, from now on.
    pub(crate) fn verified(&self) -> watch::Receiver<u64> {
        self.verified.subscribe()
    }

    /// What is to be told to a border of verification that it has not been told by revision `after`.
    pub(crate) fn news(&self, border: &NodeName, after: u64) -> Option<News> {
        self.state().inspector.as_ref()?.news(border, after)
    }

    /// Judges what the fleet says, whenever it says anything. Runs for as long as it is polled.
    pub(crate) async fn inspect(&self) {
        loop {
            let due = {
                let mut state = self.state();
                state.inspector.as_mut().and_then(|inspector| {
                    if inspector.settle(Instant::now()) {
                        self.verified.send_modify(|count| *count += 1);
                    }
                    inspector.due()
                })
            };
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stirred.notified() => tokio::time::sleep(BURST).await,
                () = due => {}
            }
        }
    }

    pub(crate) fn join(self: &Arc<Self>, role: Role, hello: &Hello) -> Result<(Membership, Inbox), ApiError> {
        let (caller, inbox) = self.state().join(role, hello)?;
        self.stirred.notify_one();
        Ok((Membership { hub: Arc::clone(self), caller }, inbox))
    }

    pub(crate) fn reported(&self, caller: &Caller, report: NodeReport) -> Result<(), ApiError> {
        let mut state = self.state();
        if state.reported(caller, report)? {
            info!(node = %caller.node, "layout classes have changed: borders hear of them");
            self.desired.send_replace(Arc::new(state.desired()));
        }
        self.stirred.notify_one();
        Ok(())
    }

    pub(crate) fn forwarded(&self, caller: &Caller, change: FibChange) -> Result<(), ApiError> {
        self.state().forwarded(caller, change)?;
        self.stirred.notify_one();
        Ok(())
    }

    pub(crate) fn voted(&self, caller: &Caller, change: VoteChange) -> Result<(), ApiError> {
        self.state().voted(caller, change)
    }

    pub(crate) fn probed(&self, caller: &Caller, report: v1::ProbeReport) {
        self.state().probed(caller, report);
    }

    pub(crate) fn answered(&self, caller: &Caller, reply: v1::ExplainReply) {
        self.state().answered(caller, reply);
    }

    pub(crate) fn announced(&self, caller: &Caller, reply: v1::AnnouncedReply) {
        self.state().announced(caller, reply);
    }

    /// Puts a topology in force, stored first. On an error nothing changes. Blocks on the file system.
    pub(crate) fn apply(&self, text: String, file: &str) -> Result<Applied, ApiError> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.state().in_force.clone();
        let stored = match &current {
            Some(f) => {
                let topology = Some(f.text.clone());
                Stored { topology, allocation: f.allocation.clone(), revision: f.revision }
            }
            None => store.read()?,
        };
        let ours = current.as_ref().map(|f| &f.plan.network);
        let changed = stored.topology.as_ref() != Some(&text);
        let next_revision = stored.revision + u64::from(changed);
        let (next, warnings) = InForce::prepare(text, file, &stored.allocation, next_revision, ours)?;
        if changed {
            store.save(&next.text, &next.allocation, next.revision)?;
            info!(revision = next.revision, file, "a topology is put in force");
            for warning in &warnings {
                warn!("{warning}");
            }
            let mut state = self.state();
            state.put_in_force(next);
            self.desired.send_replace(Arc::new(state.desired()));
            self.stirred.notify_one();
        }
        Ok(Applied { revision: next_revision, changed, warnings })
    }
}
