//! A level's link-state database.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use braid_isis_packet::{Lsp, LspHeader, LspId};
use serde::{Deserialize, Serialize};

use crate::{Instant, clock::earlier};

/// An LSP, and until when it is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// As it was received or built: its lifetime is of that moment.
    pub lsp: Lsp,
    /// When it expires; of a purged LSP, when it is forgotten.
    pub expires: Instant,
}

impl Entry {
    /// Whether only the header counts any more.
    pub fn is_purged(&self) -> bool {
        self.lsp.header().lifetime == 0
    }

    /// Its lifetime now, in seconds: at least 1 until it is purged.
    pub fn lifetime(&self, now: Instant) -> u16 {
        if self.is_purged() {
            return 0;
        }
        u16::try_from(self.expires.since(now).as_secs()).unwrap_or(u16::MAX).max(1)
    }

    /// Its header as of now.
    pub fn header(&self, now: Instant) -> LspHeader {
        LspHeader { lifetime: self.lifetime(now), ..self.lsp.header() }
    }
}

/// A level's link-state database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Database {
    entries: BTreeMap<LspId, Entry>,
    bytes: usize,
    /// No entry expires before.
    quiet_until: Option<Instant>,
}

impl Database {
    /// How many LSPs there are, with purged ones.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Their size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// An LSP.
    pub fn get(&self, id: &LspId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All LSPs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&LspId, &Entry)> {
        self.entries.iter()
    }

    /// Those of a range, in order.
    pub fn range(&self, ids: RangeInclusive<LspId>) -> impl Iterator<Item = (&LspId, &Entry)> {
        // A range that ends before it starts comes from the network: it is empty, not a panic.
        let is_range = ids.start() <= ids.end();
        is_range.then(|| self.entries.range(ids)).into_iter().flatten()
    }

    /// Puts an LSP in, for as long as `keep`.
    pub(crate) fn insert(&mut self, now: Instant, lsp: Lsp, keep: Duration) {
        let expires = now + keep;
        self.quiet_until = earlier(self.quiet_until, Some(expires));
        self.bytes += lsp.bytes().len();
        let old = self.entries.insert(lsp.header().id, Entry { lsp, expires });
        self.bytes -= old.map_or(0, |old| old.lsp.bytes().len());
    }

    /// Takes an LSP out.
    pub(crate) fn remove(&mut self, id: &LspId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.bytes -= entry.lsp.bytes().len();
        Some(entry)
    }

    /// The LSPs whose time is up.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<LspId> {
        if self.quiet_until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        let is_over = |entry: &Entry| entry.expires <= now;
        let over = self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| *id).collect();
        self.quiet_until =
            self.entries.values().filter(|entry| !is_over(entry)).map(|entry| entry.expires).min();
        over
    }

    /// When to ask for them again; it may prove to have been too early.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.quiet_until
    }
}

#[cfg(test)]
mod tests {
    use braid_isis_packet::{Authentication, Level, LspFlags, NewLsp, SystemId};

    use super::*;

    fn lsp(number: u8) -> Lsp {
        let id = SystemId([0, 0, 0, 0, 0, number]).node().fragment(0);
        let flags = LspFlags::new(Level::Two);
        let new = NewLsp { level: Level::Two, id, sequence: 1, lifetime: 100, flags };
        Lsp::build(&new, &[], &Authentication::None).unwrap()
    }

    fn after(seconds: u64) -> Instant {
        Instant(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn lsps_age_and_expire_when_their_time_is_up() {
        let mut database = Database::default();
        database.insert(Instant(0), lsp(1), Duration::from_secs(100));
        database.insert(Instant(0), lsp(2), Duration::from_secs(200));
        assert_eq!(database.get(&lsp(1).id()).unwrap().lifetime(after(40)), 60);
        assert_eq!(database.poll_timeout(), Some(after(100)));
        assert!(database.expired(after(99)).is_empty());
        assert_eq!(database.expired(after(100)), [lsp(1).id()]);
        database.remove(&lsp(1).id());
        assert_eq!(database.poll_timeout(), Some(after(200)));
        // A lifetime of zero says that an LSP is purged: an LSP that is not must not seem so in its last second.
        assert_eq!(database.get(&lsp(2).id()).unwrap().lifetime(after(200)), 1);
    }

    #[test]
    fn bytes_are_those_of_what_is_there() {
        let mut database = Database::default();
        let size = lsp(1).bytes().len();
        database.insert(Instant(0), lsp(1), Duration::from_secs(1));
        database.insert(Instant(0), lsp(1), Duration::from_secs(1));
        assert_eq!((database.len(), database.bytes()), (1, size));
        database.remove(&lsp(1).id());
        assert_eq!((database.is_empty(), database.bytes()), (true, 0));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        let mut database = Database::default();
        database.insert(Instant(0), lsp(1), Duration::from_secs(1));
        assert_eq!(database.range(LspId::LAST..=LspId::FIRST).count(), 0);
        assert_eq!(database.range(LspId::FIRST..=LspId::LAST).count(), 1);
    }
}
