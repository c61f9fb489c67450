//! One own fragment: what it says, under which sequence number, and what it still owes to others.

use std::time::Duration;

use braid_isis_packet::{LspHeader, ZERO_AGE_LIFETIME};
use serde::{Deserialize, Serialize};

use super::throttle::Throttle;
use crate::{Instant, clock::earlier, config::Pacing};

/// How long a fragment that is no more said is remembered, with its sequence number. Should a copy of it turn up even
/// later, then it is contested like any other.
pub const REMEMBER: Duration = Duration::from_secs(2 * ZERO_AGE_LIFETIME as u64);

/// What a fragment says besides its entries, which [`super::layout::Layout`] has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The overload bit.
    pub overload: bool,
    /// The attached bit.
    pub attached: bool,
}

/// A fragment that is said, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it says; `None`: it is purged, or is to be.
    pub said: Option<Said>,
    /// What it should say could not be built: what was said before stays until the next change.
    pub is_owed: bool,
    /// The greatest sequence number known of it, whoever used it.
    pub sequence: u32,
    /// The checksum of what was said with it.
    pub checksum: u16,
    /// When to refresh it; when nothing is said, when to forget it.
    pub at: Instant,
    /// When to answer to others that say it or purge it.
    pub contest: Throttle,
    /// Answers in a row.
    pub contests: u32,
    /// No word of it before: its sequence numbers are used up.
    pub silent_until: Option<Instant>,
}

impl Record {
    /// A fragment that we do not say, last known under a sequence number.
    pub fn new(now: Instant, sequence: u32) -> Self {
        Self {
            said: None,
            is_owed: false,
            sequence,
            checksum: 0,
            at: now + REMEMBER,
            contest: Throttle::default(),
            contests: 0,
            silent_until: None,
        }
    }

    /// When something is to be done about it.
    pub fn due(&self) -> Option<Instant> {
        let answer = earlier(self.contest.due(), self.silent_until);
        // What is silent for want of sequence numbers must not be forgotten before they may start anew.
        if self.silent_until.is_some() { answer } else { earlier(answer, Some(self.at)) }
    }

    /// Whether an answer or a refresh is due.
    pub fn is_due(&self, now: Instant) -> bool {
        self.contest.is_due(now) || self.at <= now
    }

    /// Somebody else says or purges it. Gives whether that must be answered, from when on [`Record::due`] says.
    pub fn heard(&mut self, now: Instant, header: &LspHeader, pacing: &Pacing) -> bool {
        let is_newer = header.sequence > self.sequence;
        let is_level = header.sequence == self.sequence;
        let is_contest = match &self.said {
            Some(_) => is_newer || is_level && (header.lifetime == 0 || header.checksum != self.checksum),
            None => header.lifetime > 0 && (is_newer || is_level),
        };
        self.sequence = self.sequence.max(header.sequence);
        if is_contest {
            self.contests =
                if self.contest.is_calm(now, pacing) { 1 } else { self.contests.saturating_add(1) };
            self.contest.request(now, pacing);
        }
        is_contest
    }
}
