//! `WatchVotes`: armed first, then a snapshot, then every change.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use braid_proto::{NodeName, v1};
use ipnet::Ipv4Net;
use tokio::sync::{broadcast, mpsc};
use tonic::Status;

use crate::{error::ApiError, hub::Hub, journal::VoteEvent, view};

/// How long nothing happens before that is said.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub(super) type Outgoing = mpsc::Sender<Result<v1::WatchVotesResponse, Status>>;

/// Which votes are watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) border: Option<NodeName>,
    pub(super) prefix: Option<Ipv4Net>,
}

impl Filter {
    fn takes(&self, border: &NodeName, prefix: Ipv4Net) -> bool {
        self.border.as_ref().is_none_or(|wanted| wanted == border)
            && self.prefix.is_none_or(|wanted| wanted == prefix)
    }
}

fn message(kind: v1::WatchKind, revision: u64, vote: Option<v1::Vote>) -> v1::WatchVotesResponse {
    v1::WatchVotesResponse { kind: kind.into(), revision, vote, time: Some(SystemTime::now().into()) }
}

fn change(event: &VoteEvent) -> v1::WatchVotesResponse {
    let (kind, vote) = match &event.vote {
        Some(vote) => (v1::WatchKind::Changed, view::vote(&event.border, vote)),
        None => {
            let (border, prefix) = (event.border.to_string(), event.prefix.to_string());
            (v1::WatchKind::Removed, v1::Vote { border, prefix, ..Default::default() })
        }
    };
    v1::WatchVotesResponse { time: Some(event.time.into()), ..message(kind, event.revision, Some(vote)) }
}

/// Watches until the watcher has gone or the controller stops.
pub(super) async fn run(hub: Arc<Hub>, filter: Filter, resume: u64, outgoing: Outgoing) {
    let watching = watch(&hub, &filter, resume, &outgoing);
    let stopped = tokio::select! {
        _ = watching => false,
        () = outgoing.closed() => false,
        () = hub.stopping() => true,
    };
    if stopped {
        // A watcher that is gone needs no reason.
        let _ = outgoing.try_send(Err(ApiError::Stopping.into()));
    }
}

/// The beginning of a watch, as of one moment.
struct Beginning {
    revision: u64,
    changes: broadcast::Receiver<Arc<VoteEvent>>,
    /// What to say first.
    messages: Vec<v1::WatchVotesResponse>,
}

fn begin(hub: &Hub, filter: &Filter, resume: u64) -> Beginning {
    let state = hub.state();
    let (revision, changes) = (state.journal.revision(), state.journal.subscribe());
    let missed = if resume == 0 { None } else { state.journal.since(resume) };
    let mut messages: Vec<_> = match missed {
        Some(missed) => {
            missed.iter().filter(|e| filter.takes(&e.border, e.prefix)).map(|event| change(event)).collect()
        }
        None => view::every_vote(&state)
            .filter(|(border, vote)| filter.takes(border, vote.prefix))
            .map(|(border, vote)| message(v1::WatchKind::Snapshot, revision, Some(view::vote(border, vote))))
            .collect(),
    };
    messages.push(message(v1::WatchKind::SnapshotEnd, revision, None));
    Beginning { revision, changes, messages }
}

/// Ends with the watcher.
async fn watch(hub: &Hub, filter: &Filter, resume: u64, outgoing: &Outgoing) -> Option<()> {
    let send = async |message| outgoing.send(Ok(message)).await.ok();
    let mut beginning = begin(hub, filter, resume);
    send(message(v1::WatchKind::Armed, beginning.revision, None)).await?;
    loop {
        let Beginning { mut revision, mut changes, messages } = beginning;
        for message in messages {
            send(message).await?;
        }
        loop {
            match tokio::time::timeout(HEARTBEAT, changes.recv()).await {
                Err(_) => send(message(v1::WatchKind::Heartbeat, revision, None)).await?,
                Ok(Ok(event)) => {
                    revision = event.revision;
                    if filter.takes(&event.border, event.prefix) {
                        send(change(&event)).await?;
                    }
                }
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => break,
                Ok(Err(broadcast::error::RecvError::Closed)) => return None,
            }
        }
        send(message(v1::WatchKind::Lagged, revision, None)).await?;
        beginning = begin(hub, filter, 0);
    }
}
