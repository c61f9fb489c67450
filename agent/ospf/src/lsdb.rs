//! The link-state database (RFC 2328 §12.2): LSAs by domain and key, and an index by age.

use std::collections::{BTreeMap, BTreeSet};

use braid_ospf_packet::{Lsa, LsaKey, MAX_AGE};
use serde::{Deserialize, Serialize};

use crate::{FloodingDomain, Instant};

/// What is known of an LSA beside itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// As it was when it was installed; its age grows from there.
    pub lsa: Lsa,
    pub installed: Instant,
}

impl Entry {
    pub fn age(&self, now: Instant) -> u16 {
        let passed = now.duration_since(self.installed).as_secs();
        u16::try_from(passed).map_or(MAX_AGE, |passed| self.lsa.age().saturating_add(passed).min(MAX_AGE))
    }

    /// The LSA at its present age.
    pub fn current(&self, now: Instant) -> Lsa {
        self.lsa.with_age(self.age(now))
    }

    pub fn header(&self, now: Instant) -> braid_ospf_packet::LsaHeader {
        braid_ospf_packet::LsaHeader { age: self.age(now), ..self.lsa.header() }
    }

    /// When it reaches MaxAge, in whole seconds, rounded up.
    fn expiry(&self) -> u64 {
        (self.installed.0 + u64::from(MAX_AGE - self.lsa.age().min(MAX_AGE)) * 1_000_000).div_ceil(1_000_000)
    }
}

/// The database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lsdb {
    parts: BTreeMap<FloodingDomain, BTreeMap<LsaKey, Entry>>,
    /// LSAs below MaxAge by when they reach it, in seconds.
    ages: BTreeSet<(u64, FloodingDomain, LsaKey)>,
    /// LSAs at MaxAge: they go when all neighbours know.
    pub dying: BTreeSet<(FloodingDomain, LsaKey)>,
    count: usize,
    bytes: usize,
}

impl Lsdb {
    pub fn get(&self, domain: FloodingDomain, key: &LsaKey) -> Option<&Entry> {
        self.parts.get(&domain)?.get(key)
    }

    /// Puts an LSA in the place of another instance. Gives the one before.
    pub fn insert(&mut self, domain: FloodingDomain, lsa: Lsa, now: Instant) -> Option<Entry> {
        let key = lsa.key();
        let entry = Entry { lsa, installed: now };
        self.count += 1;
        self.bytes += entry.lsa.bytes().len();
        if entry.lsa.is_max_age() {
            self.dying.insert((domain, key));
        } else {
            self.dying.remove(&(domain, key));
            self.ages.insert((entry.expiry(), domain, key));
        }
        let expiry = entry.expiry();
        let old = self.parts.entry(domain).or_default().insert(key, entry)?;
        self.forget(domain, &key, &old, Some(expiry));
        Some(old)
    }

    pub fn remove(&mut self, domain: FloodingDomain, key: &LsaKey) -> Option<Entry> {
        let part = self.parts.get_mut(&domain)?;
        let old = part.remove(key)?;
        if part.is_empty() {
            self.parts.remove(&domain);
        }
        self.dying.remove(&(domain, *key));
        self.forget(domain, key, &old, None);
        Some(old)
    }

    fn forget(&mut self, domain: FloodingDomain, key: &LsaKey, old: &Entry, expiry: Option<u64>) {
        self.count -= 1;
        self.bytes -= old.lsa.bytes().len();
        let reused = expiry == Some(old.expiry()) && !self.dying.contains(&(domain, *key));
        if !old.lsa.is_max_age() && !reused {
            self.ages.remove(&(old.expiry(), domain, *key));
        }
    }

    /// When the next LSA reaches MaxAge.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.ages.first().map(|(second, ..)| Instant(second.saturating_mul(1_000_000)))
    }

    /// An LSA that has reached MaxAge by now.
    pub fn expired(&self, now: Instant) -> Option<(FloodingDomain, LsaKey)> {
        let (second, domain, key) = self.ages.first()?;
        (*second <= now.seconds()).then_some((*domain, *key))
    }

    pub fn domains(&self) -> impl Iterator<Item = FloodingDomain> + '_ {
        self.parts.keys().copied()
    }

    pub fn iter(&self, domain: FloodingDomain) -> impl Iterator<Item = (&LsaKey, &Entry)> + '_ {
        self.parts.get(&domain).into_iter().flatten()
    }

    pub fn all(&self) -> impl Iterator<Item = (FloodingDomain, &Entry)> + '_ {
        self.parts.iter().flat_map(|(domain, part)| part.values().map(|entry| (*domain, entry)))
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
