//! What a circuit still has to send: the SRM and SSN flags of the update process (ISO 10589 §7.3.12).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use braid_isis_packet::{LspHeader, LspId};
use serde::{Deserialize, Serialize};

use crate::{Instant, clock::earlier};

/// A circuit's flags at one level.
///
/// ```text
///   send ──► queue ──burst──► sent (point-to-point only) ──acknowledged──► forgotten
///              ▲────────retransmission──┘
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Flooding {
    /// SRM: LSPs to send.
    queue: BTreeSet<LspId>,
    /// SRM: LSPs sent and not acknowledged, and when.
    sent: BTreeMap<LspId, Instant>,
    /// None of `sent` is to be sent again before.
    retransmit_at: Option<Instant>,
    /// No burst before.
    burst_at: Instant,
    /// SSN: what a PSNP is to acknowledge or to ask for.
    answers: BTreeMap<LspId, LspHeader>,
    /// When to send it.
    answer_at: Option<Instant>,
}

impl Flooding {
    /// Sets SRM for a new version.
    pub(crate) fn send(&mut self, id: LspId) {
        self.sent.remove(&id);
        self.queue.insert(id);
    }

    /// Sets SRM for a version that may be under way already: it is not sent twice.
    pub(crate) fn offer(&mut self, id: LspId) {
        if !self.sent.contains_key(&id) {
            self.queue.insert(id);
        }
    }

    /// Clears SRM.
    pub(crate) fn clear_send(&mut self, id: &LspId) {
        self.sent.remove(id);
        self.queue.remove(id);
    }

    /// Sets SSN, to be told by then.
    pub(crate) fn answer(&mut self, header: LspHeader, by: Instant) {
        self.answers.insert(header.id, header);
        self.answer_at = earlier(self.answer_at, Some(by));
    }

    /// Clears SSN.
    pub(crate) fn clear_answer(&mut self, id: &LspId) {
        self.answers.remove(id);
        if self.answers.is_empty() {
            self.answer_at = None;
        }
    }

    /// Waits with the next burst until then.
    pub(crate) fn pause(&mut self, until: Instant) {
        self.burst_at = until;
    }

    /// How many answers wait.
    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// The answers that are due: all, so that they share PDUs.
    pub(crate) fn due_answers(&mut self, now: Instant) -> Vec<LspHeader> {
        if self.answer_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.answer_at = None;
        std::mem::take(&mut self.answers).into_values().collect()
    }

    /// Puts what waits for an acknowledgment since `before` into the queue again; gives how many.
    pub(crate) fn retransmit(&mut self, now: Instant, wait: Duration) -> usize {
        if self.retransmit_at.is_none_or(|at| now < at) {
            return 0;
        }
        let (due, left) = std::mem::take(&mut self.sent).into_iter().partition(|(_, at)| *at + wait <= now);
        let due: BTreeMap<LspId, Instant> = due;
        self.sent = left;
        self.retransmit_at = self.sent.values().min().map(|at| *at + wait);
        let count = due.len();
        self.queue.extend(due.into_keys());
        count
    }

    /// The next burst, if it is time for one. With `wait`, they are kept until acknowledged, and sent again
    /// after that long.
    pub(crate) fn burst(
        &mut self,
        now: Instant,
        size: usize,
        pause: Duration,
        wait: Option<Duration>,
    ) -> Vec<LspId> {
        if self.queue.is_empty() || now < self.burst_at {
            return Vec::new();
        }
        self.burst_at = now + pause;
        let rest = self.queue.iter().nth(size).copied();
        let rest = rest.map(|rest| self.queue.split_off(&rest)).unwrap_or_default();
        let burst = std::mem::replace(&mut self.queue, rest);
        if let Some(wait) = wait {
            self.sent.extend(burst.iter().map(|id| (*id, now)));
            self.retransmit_at = earlier(self.retransmit_at, Some(now + wait));
        }
        burst.into_iter().collect()
    }

    /// Whether all was sent and acknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.sent.is_empty() && self.answers.is_empty()
    }

    /// When something may be due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let burst = (!self.queue.is_empty()).then_some(self.burst_at);
        let again = self.retransmit_at.filter(|_| !self.sent.is_empty());
        earlier(earlier(burst, again), self.answer_at)
    }
}

#[cfg(test)]
mod tests {
    use braid_isis_packet::SystemId;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(5);
    const WAIT: Duration = Duration::from_secs(5);

    fn id(number: u8) -> LspId {
        SystemId([0, 0, 0, 0, 0, number]).node().fragment(0)
    }

    #[test]
    fn bursts_are_paced_and_unacknowledged_lsps_are_sent_again() {
        let mut flooding = Flooding::default();
        (1..=3).for_each(|number| flooding.send(id(number)));
        assert_eq!(flooding.burst(Instant(0), 2, PAUSE, Some(WAIT)), [id(1), id(2)]);
        assert!(flooding.burst(Instant(4_999), 2, PAUSE, Some(WAIT)).is_empty());
        assert_eq!(flooding.burst(Instant(5_000), 2, PAUSE, Some(WAIT)), [id(3)]);

        // The neighbour acknowledges the first and the last; the second is sent again.
        flooding.clear_send(&id(1));
        flooding.clear_send(&id(3));
        assert_eq!(flooding.retransmit(Instant(4_999_999), WAIT), 0);
        assert_eq!(flooding.retransmit(Instant(5_000_000), WAIT), 1);
        assert_eq!(flooding.burst(Instant(5_000_000), 2, PAUSE, Some(WAIT)), [id(2)]);
        flooding.clear_send(&id(2));
        assert!(flooding.is_idle());
        assert_eq!(flooding.poll_timeout(), None);
    }

    #[test]
    fn answers_share_a_pdu() {
        let mut flooding = Flooding::default();
        let header = |number| LspHeader { id: id(number), lifetime: 1, sequence: 1, checksum: 1 };
        flooding.answer(header(1), Instant(10));
        flooding.answer(header(2), Instant(5));
        assert!(flooding.due_answers(Instant(4)).is_empty());
        assert_eq!(flooding.due_answers(Instant(5)).len(), 2);
        assert_eq!(flooding.poll_timeout(), None);
    }
}
