//! Every change of a vote, numbered, for those who watch.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use braid_proto::NodeName;
use ipnet::Ipv4Net;
use tokio::sync::broadcast;

use crate::report::Vote;

/// Changes that are held for those who resume, and that a slow watcher may be behind.
const HELD: usize = 4096;

/// A change of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VoteEvent {
    pub(crate) revision: u64,
    pub(crate) time: SystemTime,
    pub(crate) border: NodeName,
    pub(crate) prefix: Ipv4Net,
    /// `None`: the prefix is not voted on any more.
    pub(crate) vote: Option<Vote>,
}

/// The changes of late.
#[derive(Debug)]
pub(crate) struct Journal {
    revision: u64,
    held: VecDeque<Arc<VoteEvent>>,
    watchers: broadcast::Sender<Arc<VoteEvent>>,
}

impl Journal {
    /// An empty one. `now` seeds the revision, which must grow over restarts too.
    pub(crate) fn new(now: SystemTime) -> Self {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            revision: u64::try_from(since_epoch.as_micros()).unwrap_or_default(),
            held: VecDeque::new(),
            watchers: broadcast::Sender::new(HELD),
        }
    }

    /// The number of the last change.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// A vote has changed just now.
    pub(crate) fn note(&mut self, border: &NodeName, prefix: Ipv4Net, vote: Option<Vote>) {
        self.revision += 1;
        let time = SystemTime::now();
        let event = VoteEvent { revision: self.revision, time, border: border.clone(), prefix, vote };
        let event = Arc::new(event);
        if self.held.len() == HELD {
            self.held.pop_front();
        }
        self.held.push_back(Arc::clone(&event));
        // That nobody watches is no error.
        let _ = self.watchers.send(event);
    }

    /// Every change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<VoteEvent>> {
        self.watchers.subscribe()
    }

    /// The changes since `revision`, if all of them are held.
    pub(crate) fn since(&self, revision: u64) -> Option<Vec<Arc<VoteEvent>>> {
        let first = self.held.front().map_or(self.revision + 1, |event| event.revision);
        if revision > self.revision || revision + 1 < first {
            return None;
        }
        Some(self.held.iter().filter(|event| event.revision > revision).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    #[test]
    fn changes_are_held_in_order_and_only_so_many() {
        let mut journal = Journal::new(UNIX_EPOCH);
        assert_eq!(journal.since(0), Some(vec![]));
        let prefix = "198.18.1.0/24".parse().unwrap();
        for _ in 0..HELD + 2 {
            journal.note(&node("north"), prefix, None);
        }
        assert_eq!(journal.revision(), HELD as u64 + 2);
        assert_eq!(journal.since(1), None, "the second change is not held any more");
        assert_eq!(journal.since(2).map(|events| events.len()), Some(HELD));
        assert_eq!(journal.since(journal.revision()).map(|events| events.len()), Some(0));
        assert_eq!(journal.since(journal.revision() + 1), None, "of another life");
    }
}
