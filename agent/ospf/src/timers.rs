//! When something is due: one enum, one table.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use serde::{Deserialize, Serialize};

use crate::{Instant, InterfaceId};

/// What can be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    /// Send a hello (HelloInterval).
    Hello(InterfaceId),
    /// Stop waiting for an elected designated router (RFC 2328 §9.1 Waiting).
    Wait(InterfaceId),
    /// Send delayed acknowledgments.
    Ack(InterfaceId),
    /// Go on with a long burst of updates.
    Flood(InterfaceId),
    /// Look whether the neighbour has fallen silent. Set lazily: hellos move only the neighbour's own `dead_at`.
    Inactivity(InterfaceId, Ipv4Addr),
    /// Send again what the neighbour has not answered (RxmtInterval).
    Retransmit(InterfaceId, Ipv4Addr),
    /// Originate what MinLSInterval held back.
    Originate,
    /// Refresh own LSAs.
    Refresh,
}

/// The table of timers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Timers {
    at: BTreeMap<Timer, Instant>,
    queue: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    /// Sets a timer, in place of what it was set to.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(old) = self.at.insert(timer, at) {
            self.queue.remove(&(old, timer));
        }
        self.queue.insert((at, timer));
    }

    /// Sets a timer unless it is set already.
    pub fn start(&mut self, timer: Timer, at: Instant) {
        if !self.at.contains_key(&timer) {
            self.set(timer, at);
        }
    }

    /// Sets a timer unless it is set for an earlier time.
    pub fn no_later_than(&mut self, timer: Timer, at: Instant) {
        if self.at.get(&timer).is_none_or(|set| *set > at) {
            self.set(timer, at);
        }
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: Timer) {
        if let Some(old) = self.at.remove(&timer) {
            self.queue.remove(&(old, timer));
        }
    }

    /// When a timer is set to go off.
    #[must_use]
    pub fn at(&self, timer: Timer) -> Option<Instant> {
        self.at.get(&timer).copied()
    }

    /// The earliest time.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        self.at.remove(&timer);
        Some(timer)
    }
}
