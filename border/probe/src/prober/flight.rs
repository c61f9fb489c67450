//! The probes under way in one virtual network.

use std::{collections::VecDeque, time::Duration};

use crate::{Micros, Target};

/// An answer may come so late and still be known.
const LATE: Duration = Duration::from_secs(2);

/// What has become of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its answer is waited for.
    Waiting,
    /// It was given up.
    Lost,
    /// It came out.
    Answered,
}

/// A probe that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) target: Target,
    pub(crate) nonce: u64,
    pub(crate) sent: Micros,
    pub(crate) deadline: Micros,
    pub(crate) fate: Fate,
    /// The ways by which an answer has come: another virtual network, its own. Whatever else comes by them is a replay.
    pub(crate) answered_by: [bool; 2],
}

/// Those that were sent of late, by sequence number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flight {
    /// The sequence number of the first one that is kept.
    first: u64,
    probes: VecDeque<Sent>,
}

impl Flight {
    /// None, and the first one will have this sequence number.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self { first, probes: VecDeque::new() }
    }

    /// The next sequence number.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.probes.len() as u64
    }

    /// Keeps a probe, under the next sequence number.
    pub(crate) fn push(&mut self, sent: Sent) {
        let now = sent.sent;
        while self.probes.front().is_some_and(|old| old.sent.after(LATE) < now && old.fate != Fate::Waiting) {
            self.probes.pop_front();
            self.first += 1;
        }
        self.probes.push_back(sent);
    }

    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut Sent> {
        self.probes.get_mut(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }

    /// Forgets them all. Their sequence numbers are not used again.
    pub(crate) fn clear(&mut self) {
        self.first = self.next();
        self.probes.clear();
    }
}
