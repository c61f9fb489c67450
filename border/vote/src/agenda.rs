//! Which prefixes are to be voted on, now and later.

use std::collections::BTreeMap;

use crate::{Millis, race::Race};

/// Prefixes by number: those that changed, and those whose patience runs out later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agenda {
    changed: Vec<u32>,
    all: bool,
    /// By time. An entry counts only while the race still says that it is due then.
    due: BTreeMap<Millis, Vec<u32>>,
    entries: usize,
}

impl Agenda {
    /// This prefix is to be voted on.
    pub fn change(&mut self, races: &mut [Race], prefix: u32) {
        let Some(race) = races.get_mut(prefix as usize) else { return };
        if !std::mem::replace(&mut race.changed, true) {
            self.changed.push(prefix);
        }
    }

    /// All are.
    pub fn change_all(&mut self) {
        self.all = true;
    }

    /// This one is to be voted on again then, and not at the time it was before.
    pub fn schedule(&mut self, races: &mut [Race], prefix: u32, at: Option<Millis>) {
        let race = &mut races[prefix as usize];
        if race.due.known() == at {
            return;
        }
        race.due = at.into();
        if let Some(at) = race.due.known() {
            self.due.entry(at).or_default().push(prefix);
            self.entries += 1;
        }
        if self.entries > 2 * races.len() + 1024 {
            self.compact(races);
        }
    }

    /// Forgets entries that do not count any more.
    fn compact(&mut self, races: &[Race]) {
        self.entries = 0;
        self.due.retain(|at, prefixes| {
            prefixes.retain(|prefix| races[*prefix as usize].due.known() == Some(*at));
            prefixes.sort_unstable();
            prefixes.dedup();
            prefixes.shrink_to_fit();
            self.entries += prefixes.len();
            !prefixes.is_empty()
        });
    }

    /// The prefixes to vote on now; each once.
    pub fn take(&mut self, races: &mut [Race], now: Millis) -> Vec<u32> {
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            let (at, prefixes) = entry.remove_entry();
            self.entries -= prefixes.len();
            for prefix in prefixes {
                if races[prefix as usize].due.known() == Some(at) {
                    self.change(races, prefix);
                }
            }
        }
        let mut changed = std::mem::take(&mut self.changed);
        if std::mem::take(&mut self.all) {
            changed.clear();
            changed.extend(0..races.len() as u32);
        }
        for prefix in &changed {
            races[*prefix as usize].changed = false;
        }
        changed.retain(|prefix| !races[*prefix as usize].closed);
        changed
    }

    /// When there is something to vote on, at the latest; the origin of the clock for now.
    pub fn next(&self) -> Option<Millis> {
        match self.all || !self.changed.is_empty() {
            true => Some(Millis(0)),
            false => self.due.keys().next().copied(),
        }
    }
}
