//! What the outcomes of probes add up to, for one target in one virtual network.

use std::{net::Ipv4Addr, time::Duration};

use crate::{Config, Evidence, Micros};

/// When nobody else delivers either, a loss must last this many times as long.
const ALONE: u8 = 5;
/// How long it must last where nothing was ever delivered.
const FIRST: Duration = Duration::from_secs(3);
/// How long what another virtual network delivered must be known before it accuses. A far border that stood still answers all
/// that has waited at once, but through one virtual network before the next.
const RESPITE: Duration = Duration::from_millis(10);
/// Answers after which a border that gave none of them is no longer an egress.
const FORGOTTEN: u8 = 16;
/// Answers after which it is no longer, when the route has just changed.
const FORGOTTEN_SOON: u8 = 4;
/// Probes of one doubt: enough to forget an egress that is none any more.
const DOUBT: u8 = FORGOTTEN_SOON;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Unknown,
    Delivers,
    Lost,
}

/// A border that answered, and how many answers ago.
#[derive(Debug, Clone, Copy)]
struct Egress {
    border: Ipv4Addr,
    age: u8,
}

/// What another virtual network's answers prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streak {
    /// When the first of its answered probes in a row was sent.
    pub(crate) since: Micros,
    /// When the last one was.
    pub(crate) until: Micros,
}

/// The track record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Track {
    state: State,
    /// In a row.
    losses: u8,
    /// In a row, while lost.
    answers: u8,
    /// Probes still to be sent out of turn.
    doubting: u8,
    /// When the first of the losses in a row was sent.
    first_lost: Micros,
    /// Of probes answered in time, as long as none is lost.
    streak: Option<Streak>,
    /// Losses of probes that were sent before this prove nothing: a later one came out, or everybody was silent.
    past: Micros,
    /// Since when it is known that another virtual network has delivered all the while.
    proven: Option<Micros>,
    egress: [Option<Egress>; 4],
}

impl Track {
    pub(crate) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.state == State::Unknown
    }

    /// Whether the last probes were lost, or the first ones after a loss come through: what is true is not yet clear.
    pub(crate) fn is_unclear(&self) -> bool {
        if self.is_lost() { self.answers > 0 } else { self.losses > 0 }
    }

    pub(crate) fn has_losses(&self) -> bool {
        self.losses > 0
    }

    pub(crate) fn streak(&self) -> Option<Streak> {
        self.streak
    }

    /// Whether it is to be probed out of turn.
    pub(crate) fn is_doubted(&self) -> bool {
        self.doubting > 0
    }

    /// Has it probed out of turn.
    pub(crate) fn doubt(&mut self) {
        self.doubting = DOUBT;
    }

    /// Ends the doubt.
    pub(crate) fn trust(&mut self) {
        self.doubting = 0;
    }

    /// The route has changed: what was true before is soon forgotten.
    pub(crate) fn age(&mut self) {
        for egress in self.egress.iter_mut().flatten() {
            egress.age = egress.age.max(FORGOTTEN - FORGOTTEN_SOON);
        }
    }

    /// A probe sent then was not answered in time.
    pub(crate) fn lose(&mut self, sent: Micros) {
        if self.streak.is_some_and(|streak| sent >= streak.since) {
            self.streak = None;
        }
        if sent < self.past {
            return;
        }
        self.first_lost = if self.losses == 0 { sent } else { self.first_lost.min(sent) };
        self.losses = self.losses.saturating_add(1);
        self.answers = 0;
        if self.is_lost() {
            self.doubting = self.doubting.saturating_sub(1);
        }
    }

    /// Whether the losses amount to a loss now, and since when: `needed` in a row, and either another virtual network has
    /// delivered all the while, or they are five times as many and have lasted as long as that takes at the usual interval. What
    /// has never delivered has three seconds: its routers may be about to converge, the far border to listen.
    ///
    /// Where the others were silent too when this began and one of them delivers again, counting begins anew: it was the
    /// far border that was away, and its answers come back through one virtual network a moment before the next.
    pub(crate) fn condemn(
        &mut self,
        config: &Config,
        others: impl Iterator<Item = Streak>,
        now: Micros,
    ) -> Option<Micros> {
        if self.losses == 0 || self.is_lost() {
            return None;
        }
        let mut back = None::<Micros>;
        let mut delivered = false;
        for other in others.filter(|other| other.until > self.first_lost) {
            if other.since <= self.first_lost {
                delivered = true;
            } else {
                back = Some(back.map_or(other.since, |earliest| earliest.min(other.since)));
            }
        }
        if let Some(back) = back.filter(|_| !delivered) {
            (self.losses, self.past) = (0, back);
            return None;
        }
        let (needed, many) = (config.losses, config.losses.saturating_mul(ALONE));
        let patience = if self.is_unknown() { FIRST } else { Duration::ZERO };
        let long = patience.max(config.interval.saturating_mul(u32::from(many)));
        let lasting = self.losses >= many && now.since(self.first_lost) >= long;
        self.proven = (delivered && !self.is_unknown()).then(|| self.proven.unwrap_or(now));
        let proven = lasting || self.proven.is_some_and(|since| now.since(since) >= RESPITE);
        let lost = self.losses >= needed && proven;
        if lost {
            *self = Self { state: State::Lost, egress: [None; 4], answers: 0, doubting: 0, ..*self };
        }
        lost.then_some(self.first_lost)
    }

    /// A probe sent then came out at a border. Says whether that changes what is true.
    pub(crate) fn deliver(&mut self, sent: Micros, in_time: bool, border: Ipv4Addr, needed: u8) -> bool {
        if in_time {
            let begun = self.streak.unwrap_or(Streak { since: sent, until: sent });
            self.streak = Some(Streak { since: begun.since.min(sent), until: begun.until.max(sent) });
        }
        self.doubting = self.doubting.saturating_sub(1);
        if self.losses > 0 && sent < self.first_lost {
            // It had left before the trouble began.
            return false;
        }
        (self.losses, self.proven) = (0, None);
        self.past = self.past.max(sent);
        match self.state {
            State::Unknown => {
                self.state = State::Delivers;
                self.see(border);
                true
            }
            State::Delivers => self.see(border),
            State::Lost => {
                self.answers = self.answers.saturating_add(1);
                self.see(border);
                let healed = self.answers >= needed;
                if healed {
                    (self.state, self.answers) = (State::Delivers, 0);
                }
                healed
            }
        }
    }

    /// Notes where a probe came out. Says whether the set is another one now.
    fn see(&mut self, border: Ipv4Addr) -> bool {
        let mut changed = false;
        for place in &mut self.egress {
            let Some(egress) = place.as_mut().filter(|egress| egress.border != border) else { continue };
            egress.age += 1;
            if egress.age >= FORGOTTEN {
                *place = None;
                changed = true;
            }
        }
        let seen = Some(Egress { border, age: 0 });
        if let Some(known) = self.egress.iter_mut().find(|place| place.is_some_and(|e| e.border == border)) {
            *known = seen;
            return changed;
        }
        // An empty place, or else the one not seen for longest.
        if let Some(place) = self.egress.iter_mut().max_by_key(|place| place.map_or(u8::MAX, |e| e.age)) {
            *place = seen;
        }
        true
    }

    /// What is true.
    pub(crate) fn evidence(&self) -> Evidence {
        match self.state {
            State::Unknown => Evidence::Unknown,
            State::Lost => Evidence::Lost,
            State::Delivers => {
                let mut egress: Vec<_> = self.egress.iter().flatten().map(|egress| egress.border).collect();
                egress.sort_unstable();
                Evidence::Delivers { egress }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 2);
    const LATER: Micros = Micros(10_000_000);

    /// Another virtual network has delivered from the beginning until then; 0: none has.
    fn condemn(track: &mut Track, until: u64) -> bool {
        let other = || [Streak { since: Micros(0), until: Micros(until) }].into_iter();
        let early = Micros(LATER.0 - 10_000);
        let mut at = |now| track.condemn(&Config::default(), other(), now).is_some();
        at(early) || at(LATER)
    }

    fn delivering() -> Track {
        let mut track = Track::default();
        assert!(track.deliver(Micros(1), true, A, 3));
        track
    }

    fn lose(track: &mut Track, sent: impl IntoIterator<Item = u64>) {
        sent.into_iter().for_each(|sent| track.lose(Micros(sent)));
    }

    #[test]
    fn three_losses_count_once_another_virtual_network_has_delivered_since() {
        let mut track = delivering();
        lose(&mut track, [10, 20]);
        assert!(!condemn(&mut track, 100), "two are not enough");
        lose(&mut track, [30]);
        assert!(!condemn(&mut track, 9), "that one was sent before");
        assert!(condemn(&mut track, 11));
        assert_eq!(track.evidence(), Evidence::Lost);
        assert!(!condemn(&mut track, 12), "told once");
    }

    #[test]
    fn when_nobody_delivers_it_takes_five_times_as_many() {
        let mut track = delivering();
        lose(&mut track, 10..24);
        assert!(!condemn(&mut track, 0));
        lose(&mut track, [24]);
        let soon = Micros(10).after(Duration::from_millis(299));
        assert!(track.condemn(&Config::default(), [].into_iter(), soon).is_none(), "and as much time");
        assert!(condemn(&mut track, 0));
    }

    #[test]
    fn what_has_never_delivered_has_three_seconds_to_converge() {
        let mut track = Track::default();
        lose(&mut track, 10..60);
        let other = || [Streak { since: Micros(0), until: Micros(2_000_000) }].into_iter();
        assert_eq!(track.condemn(&Config::default(), other(), Micros(3_000_009)), None);
        assert_eq!(track.condemn(&Config::default(), other(), Micros(3_000_010)), Some(Micros(10)));
    }

    #[test]
    fn late_answers_heal_but_not_those_from_before() {
        let mut track = delivering();
        lose(&mut track, [10, 20, 30]);
        assert!(!track.deliver(Micros(5), false, A, 3));
        assert!(condemn(&mut track, 15), "an answer to what was sent before says nothing");

        let mut track = delivering();
        lose(&mut track, [10, 20, 30]);
        track.deliver(Micros(20), false, A, 3);
        assert!(!condemn(&mut track, 15), "a late answer heals");
        assert_eq!(track.streak(), None, "and proves nothing against others");
    }

    #[test]
    fn when_all_were_silent_the_first_to_come_back_proves_nothing_yet() {
        // Goal: the far border restarts; its answers come back through one virtual network a moment before the next.
        let mut track = delivering();
        lose(&mut track, [10, 20, 30, 40]);
        let back = |until| [Streak { since: Micros(45), until: Micros(until) }].into_iter();
        assert_eq!(track.condemn(&Config::default(), back(46), LATER), None);
        lose(&mut track, [42]);
        assert!(!track.has_losses(), "it was sent while all were silent");
        lose(&mut track, [50, 60]);
        assert_eq!(track.condemn(&Config::default(), back(70), LATER), None);
        lose(&mut track, [70]);
        assert_eq!(
            track.condemn(&Config::default(), back(75), LATER),
            None,
            "what has waited may come at once"
        );
        let later = LATER.after(RESPITE);
        assert!(
            track.condemn(&Config::default(), back(75), later).is_some(),
            "three more, while the other delivers, do"
        );
    }

    #[test]
    fn losses_that_are_noticed_after_a_later_probe_came_out_are_of_the_past() {
        // Goal: before the first answer the time-out is a second; by then the virtual network has converged.
        let mut track = delivering();
        assert!(!track.deliver(Micros(50), true, A, 3));
        lose(&mut track, [10, 20, 30, 40]);
        assert!(!condemn(&mut track, 100));
        assert!(!track.has_losses());
        lose(&mut track, [60, 70, 80]);
        assert!(condemn(&mut track, 100));
    }

    #[test]
    fn after_a_loss_three_answers_in_a_row_restore() {
        let mut track = delivering();
        lose(&mut track, [10, 20, 30]);
        assert!(condemn(&mut track, 15));
        assert!(!track.deliver(Micros(40), true, A, 3));
        assert!(!track.deliver(Micros(50), true, A, 3));
        lose(&mut track, [60]);
        assert!(!track.deliver(Micros(70), true, A, 3));
        assert!(!track.deliver(Micros(80), true, A, 3));
        assert!(track.deliver(Micros(90), true, A, 3));
        assert_eq!(track.evidence(), Evidence::Delivers { egress: vec![A] });
    }

    #[test]
    fn the_egress_set_is_of_those_that_answered_of_late() {
        let mut track = delivering();
        assert!(track.deliver(Micros(2), true, B, 3), "a second one, at once");
        assert_eq!(track.evidence(), Evidence::Delivers { egress: vec![A, B] });
        let changes = (3..18).map(|sent| track.deliver(Micros(sent), true, B, 3)).collect::<Vec<_>>();
        assert_eq!(changes.iter().filter(|changed| **changed).count(), 1);
        assert!(changes[14], "the first is forgotten after 16 answers");
        assert_eq!(track.evidence(), Evidence::Delivers { egress: vec![B] });

        // A change of the route makes it quicker.
        track.age();
        let changes = (20..24).map(|sent| track.deliver(Micros(sent), true, A, 3)).collect::<Vec<_>>();
        assert_eq!(changes, [true, false, false, true]);
    }
}
