//! The router's own LSAs over time: what origination wants against what has been said. Paces, refreshes, numbers, and answers
//! instances of them that come from elsewhere. Installing and flooding is not done here.

use std::collections::{BTreeMap, BTreeSet};

use braid_ospf_packet::{Lsa, LsaKey, SequenceNumber};
use serde::{Deserialize, Serialize};

use crate::{FloodingDomain, Instant, LsaPacing};

/// Which own LSA.
pub type Name = (FloodingDomain, LsaKey);

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// Install and flood this new instance, age 0.
    Originate(FloodingDomain, Lsa),
    /// Age the instance in the database to MaxAge and flood it (RFC 2328 §14.1).
    Flush(FloodingDomain, LsaKey),
}

/// All own LSAs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnLsas {
    pacing: LsaPacing,
    lsas: BTreeMap<Name, Own>,
    schedule: BTreeSet<(Instant, Name)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Own {
    /// Contents wanted; none: to be flushed.
    wanted: Option<Lsa>,
    /// The instance in the database, unless it is at MaxAge.
    said: Option<Lsa>,
    /// The highest sequence number that is about.
    sequence: Option<SequenceNumber>,
    /// Numbers are used up: nothing can be said until the flushed instance is gone (RFC 2328 §12.1.6).
    wrapping: bool,
    /// When it was last originated, and how long it then has to wait.
    last: Option<Instant>,
    hold: std::time::Duration,
    /// Its place in the schedule.
    due: Option<Instant>,
}

impl OwnLsas {
    /// Nothing said, nothing wanted.
    #[must_use]
    pub fn new(pacing: LsaPacing) -> Self {
        Self { pacing, lsas: BTreeMap::new(), schedule: BTreeSet::new() }
    }

    /// Takes another pacing from the next origination on.
    pub fn configure(&mut self, pacing: LsaPacing) {
        self.pacing = pacing;
    }

    /// All that should be said, by contents (ages and sequence numbers do not matter). What is said beyond that is flushed.
    pub fn want(&mut self, now: Instant, lsas: impl IntoIterator<Item = (FloodingDomain, Lsa)>) {
        let mut wanted: BTreeMap<Name, Lsa> =
            lsas.into_iter().map(|(domain, lsa)| ((domain, lsa.key()), lsa)).collect();
        let unwanted: Vec<Name> = self
            .lsas
            .iter()
            .filter(|(name, own)| own.wanted.is_some() && !wanted.contains_key(name))
            .map(|(name, _)| *name)
            .collect();
        for name in unwanted {
            let own = self.lsas.entry(name).or_default();
            own.wanted = None;
            // Nothing holds a flush back: what is false must not be believed for longer.
            self.schedule(name, now);
        }
        wanted.retain(|name, lsa| {
            self.lsas
                .get(name)
                .and_then(|own| own.wanted.as_ref())
                .is_none_or(|known| !known.same_content(lsa))
        });
        for (name, lsa) in wanted {
            let own = self.lsas.entry(name).or_default();
            own.wanted = Some(lsa);
            let at = own.earliest(now, &self.pacing);
            self.schedule(name, at);
        }
    }

    /// RFC 2328 §13.4: an instance that we did not originate, or not since we started, came in as newer than what the
    /// database had, and is installed there. It is outdone or flushed.
    pub fn heard(&mut self, now: Instant, domain: FloodingDomain, lsa: &Lsa) {
        let name = (domain, lsa.key());
        let own = self.lsas.entry(name).or_default();
        own.sequence = own.sequence.max(Some(lsa.header().sequence));
        own.said = (!lsa.is_max_age()).then(|| lsa.clone());
        let at = match own.wanted {
            Some(_) => own.earliest(now, &self.pacing),
            None => now,
        };
        self.schedule(name, at);
    }

    /// A flushed instance left the database.
    pub fn gone(&mut self, now: Instant, domain: FloodingDomain, key: LsaKey) {
        let name = (domain, key);
        let Some(own) = self.lsas.get_mut(&name).filter(|own| own.said.is_none()) else { return };
        own.sequence = None;
        own.wrapping = false;
        if own.wanted.is_some() {
            self.schedule(name, now);
        } else {
            self.unschedule(name);
            self.lsas.remove(&name);
        }
    }

    /// When to call [`Self::poll`] next, if ever.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.schedule.first().map(|(at, _)| *at)
    }

    /// What is to be done by now. `random` gives any numbers: refreshes are spread by them.
    pub fn poll(&mut self, now: Instant, mut random: impl FnMut() -> u32) -> Vec<Say> {
        let mut says = Vec::new();
        while let Some((_, name)) = self.schedule.first().copied().filter(|(at, _)| *at <= now) {
            self.unschedule(name);
            says.extend(self.say(now, name, &mut random));
        }
        says
    }

    fn say(&mut self, now: Instant, name: Name, random: &mut impl FnMut() -> u32) -> Option<Say> {
        let flush = Say::Flush(name.0, name.1);
        let own = self.lsas.get_mut(&name)?;
        let Some(wanted) = &own.wanted else {
            return own.said.take().map(|_| flush);
        };
        if own.wrapping {
            return None;
        }
        let Some(sequence) = own.sequence.map_or(Some(SequenceNumber::INITIAL), SequenceNumber::next) else {
            own.wrapping = true;
            own.said = None;
            return Some(flush);
        };
        let (header, body) = (wanted.header(), wanted.body());
        let key = header.key;
        let router = key.advertising_router;
        // It was built once with these contents, so it can be built again.
        let lsa = Lsa::build(0, header.options, key.link_state_id, router, sequence, &body).ok()?;
        own.hold = own.next_hold(now, &self.pacing);
        own.last = Some(now);
        own.sequence = Some(sequence);
        own.said = Some(lsa.clone());
        let refresh = refresh_at(now, &self.pacing, random());
        self.schedule(name, refresh);
        Some(Say::Originate(name.0, lsa))
    }

    fn schedule(&mut self, name: Name, at: Instant) {
        self.unschedule(name);
        if let Some(own) = self.lsas.get_mut(&name) {
            own.due = Some(at);
            self.schedule.insert((at, name));
        }
    }

    fn unschedule(&mut self, name: Name) {
        if let Some(at) = self.lsas.get_mut(&name).and_then(|own| own.due.take()) {
            self.schedule.remove(&(at, name));
        }
    }
}

impl Own {
    /// When it may be originated next: after the initial delay, or so long after the last time as it has to wait. A change
    /// that already waits keeps its time.
    fn earliest(&self, now: Instant, pacing: &LsaPacing) -> Instant {
        let at = match self.last {
            Some(last) => (now + pacing.initial).max(last + self.hold),
            None => now + pacing.initial,
        };
        self.due.map_or(at, |due| due.min(at))
    }

    /// The wait doubles while changes follow on one another, and starts anew after a quiet time of the longest wait.
    fn next_hold(&self, now: Instant, pacing: &LsaPacing) -> std::time::Duration {
        let busy = self.last.is_some_and(|last| now.duration_since(last) <= pacing.max);
        if busy { (self.hold * 2).clamp(pacing.hold, pacing.max) } else { pacing.hold.min(pacing.max) }
    }
}

/// A tenth earlier than LSRefreshTime at most, and at the same moment as others of its group.
fn refresh_at(now: Instant, pacing: &LsaPacing, random: u32) -> Instant {
    let spread = u64::try_from(pacing.refresh.as_micros() / 10).unwrap_or(u64::MAX).max(1);
    let early = std::time::Duration::from_micros(u64::from(random) % spread);
    let at = now + pacing.refresh.saturating_sub(early);
    let group = u64::try_from(pacing.group.as_micros()).unwrap_or(u64::MAX).max(1);
    let grouped = Instant(at.0 - at.0 % group);
    if grouped > now { grouped } else { at }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use braid_ospf_packet::{AreaId, LsaBody, Options, RouterId, SummaryLsa};
    use proptest::prelude::*;

    use super::*;

    const DOMAIN: FloodingDomain = FloodingDomain::Area(AreaId::BACKBONE);
    const PACING: LsaPacing = LsaPacing {
        initial: Duration::ZERO,
        hold: Duration::from_millis(100),
        max: Duration::from_millis(1000),
        min_arrival: Duration::ZERO,
        refresh: Duration::from_secs(1800),
        group: Duration::from_secs(10),
    };

    fn lsa(id: u8, metric: u32, sequence: i32) -> Lsa {
        let body = LsaBody::Summary(SummaryLsa { mask: 24, metric });
        let (id, router) = (Ipv4Addr::new(10, id, 0, 0), RouterId::from([1, 1, 1, 1]));
        Lsa::build(0, Options::E, id, router, SequenceNumber(sequence), &body).unwrap()
    }

    fn at(ms: u64) -> Instant {
        Instant(ms * 1000)
    }

    /// What is said by then, as metric and how far the sequence number is from the first, or `flush`.
    fn said(own: &mut OwnLsas, ms: u64) -> Vec<String> {
        let say = |say| match say {
            Say::Originate(_, lsa) => {
                let LsaBody::Summary(body) = lsa.body() else { panic!("{lsa:?}") };
                format!(
                    "{} #{}",
                    body.metric,
                    i64::from(lsa.header().sequence.0) - i64::from(SequenceNumber::INITIAL.0)
                )
            }
            Say::Flush(..) => "flush".to_string(),
        };
        own.poll(at(ms), || 0).into_iter().map(say).collect()
    }

    fn want(own: &mut OwnLsas, ms: u64, metrics: &[u32]) {
        own.want(at(ms), metrics.iter().map(|metric| (DOMAIN, lsa(0, *metric, 9))));
    }

    #[test]
    fn step_12_4_changes_are_said_at_once_and_then_ever_slower() {
        let mut own = OwnLsas::new(PACING);
        want(&mut own, 0, &[1]);
        assert_eq!(said(&mut own, 0), ["1 #0"]);
        // Again and again: after 100, 200, 400, 800, 1000, 1000 ms, always with the latest contents.
        let mut times = Vec::new();
        for ms in 1..4000 {
            want(&mut own, ms, &[u32::try_from(ms).unwrap()]);
            let lines = said(&mut own, ms);
            assert!(lines.iter().all(|line| line.starts_with(&format!("{ms} "))), "{lines:?} at {ms}");
            times.extend(lines.iter().map(|_| ms));
        }
        assert_eq!(times, [100, 300, 700, 1500, 2500, 3500]);
        // A quiet time makes it fast again.
        want(&mut own, 10_000, &[5]);
        assert_eq!(said(&mut own, 10_000), ["5 #7"]);
        want(&mut own, 10_001, &[6]);
        assert_eq!(own.next(), Some(at(10_100)));
    }

    #[test]
    fn changes_do_not_put_off_one_another() {
        let pacing = LsaPacing { initial: Duration::from_millis(50), ..PACING };
        let mut own = OwnLsas::new(pacing);
        for ms in 0..50 {
            want(&mut own, ms, &[u32::try_from(ms).unwrap()]);
            assert_eq!(own.next(), Some(at(50)));
        }
    }

    #[test]
    fn what_is_wanted_as_before_is_not_said_again() {
        let mut own = OwnLsas::new(PACING);
        want(&mut own, 0, &[1]);
        assert_eq!(said(&mut own, 0).len(), 1);
        let next = own.next();
        want(&mut own, 500, &[1]);
        assert_eq!(own.next(), next);
    }

    #[test]
    fn step_14_1_what_is_wanted_no_more_is_flushed_at_once() {
        let mut own = OwnLsas::new(PACING);
        want(&mut own, 0, &[1]);
        said(&mut own, 0);
        want(&mut own, 1, &[]);
        assert_eq!(said(&mut own, 1), ["flush"]);
        // Wanted again before it is gone: the next number, so that it is newer than the flushed one.
        want(&mut own, 500, &[1]);
        assert_eq!(said(&mut own, 500), ["1 #1"]);
        // And after it is gone: from the start.
        want(&mut own, 10_000, &[]);
        assert_eq!(said(&mut own, 10_000), ["flush"]);
        own.gone(at(10_001), DOMAIN, lsa(0, 1, 1).key());
        assert!(own.lsas.is_empty() && own.schedule.is_empty());
        want(&mut own, 20_000, &[1]);
        assert_eq!(said(&mut own, 20_000), ["1 #0"]);
    }

    #[test]
    fn step_12_4_refreshed_before_it_gets_old_in_groups() {
        let mut own = OwnLsas::new(PACING);
        for id in 0..20_u8 {
            let lsas: Vec<_> = (0..=id).map(|id| (DOMAIN, lsa(id, 1, 1))).collect();
            own.want(at(u64::from(id) * 100), lsas);
            assert_eq!(own.poll(at(u64::from(id) * 100), || 0).len(), 1);
        }
        assert_eq!(own.next(), Some(at(1_800_000)));
        assert_eq!(own.poll(at(1_800_000), || 0).len(), 20, "together");
        // Random numbers spread them, but never beyond the refresh time.
        assert!((0..1000).all(|random| {
            let refresh = refresh_at(at(0), &PACING, random * 4_000_000);
            (at(1_610_000)..=at(1_800_000)).contains(&refresh)
        }));
    }

    #[test]
    fn step_13_4_a_newer_instance_from_elsewhere_is_outdone_or_flushed() {
        let mut own = OwnLsas::new(PACING);
        want(&mut own, 0, &[1]);
        said(&mut own, 0);
        own.heard(at(5000), DOMAIN, &lsa(0, 77, SequenceNumber::INITIAL.0 + 41));
        assert_eq!(said(&mut own, 5000), ["1 #42"]);
        // Of something that we do not say.
        own.heard(at(5000), DOMAIN, &lsa(3, 77, 12));
        assert_eq!(said(&mut own, 5000), ["flush"]);
    }

    #[test]
    fn step_12_1_6_numbers_start_again_when_the_last_one_is_gone() {
        let mut own = OwnLsas::new(PACING);
        want(&mut own, 0, &[1]);
        said(&mut own, 0);
        own.heard(at(5000), DOMAIN, &lsa(0, 77, SequenceNumber::MAX.0));
        assert_eq!(said(&mut own, 5000), ["flush"]);
        want(&mut own, 6000, &[2]);
        assert_eq!(said(&mut own, 9000), [""; 0], "not before it is gone");
        own.gone(at(9000), DOMAIN, lsa(0, 1, 1).key());
        assert_eq!(said(&mut own, 9000), ["2 #0"]);
    }

    proptest! {
        /// Whatever comes in which order: in the end the database holds what is wanted, with rising numbers on the way.
        #[test]
        fn comes_to_rest_with_what_is_wanted(steps in prop::collection::vec((0..4_u8, 0..3_u8, 1..5_u32, 0..3000_u64), 1..40)) {
            let mut own = OwnLsas::new(PACING);
            let mut database: BTreeMap<LsaKey, Lsa> = BTreeMap::new();
            let mut wanted: BTreeMap<u8, u32> = BTreeMap::new();
            let mut ms = 0;
            let run = |own: &mut OwnLsas, database: &mut BTreeMap<LsaKey, Lsa>, until: u64| -> Result<(), TestCaseError> {
                for say in own.poll(at(until), || 7) {
                    match say {
                        Say::Originate(_, lsa) => {
                            if let Some(old) = database.get(&lsa.key()) {
                                prop_assert!(lsa.header().sequence > old.header().sequence);
                            }
                            database.insert(lsa.key(), lsa);
                        }
                        Say::Flush(_, key) => {
                            let old = database.get(&key).cloned();
                            prop_assert!(old.as_ref().is_some_and(|old| !old.is_max_age()), "only what is there");
                            database.extend(old.map(|old| (key, old.with_age(3600))));
                        }
                    }
                }
                Ok(())
            };
            for (kind, id, metric, wait) in steps {
                ms += wait;
                run(&mut own, &mut database, ms)?;
                match kind {
                    0 => { wanted.insert(id, metric); }
                    1 => { wanted.remove(&id); }
                    2 => {
                        let key = lsa(id, 1, 1).key();
                        let newer = database.get(&key).map_or(1000, |old| old.header().sequence.0.saturating_add(3));
                        let heard = lsa(id, 99, newer);
                        database.insert(key, heard.clone());
                        own.heard(at(ms), DOMAIN, &heard);
                    }
                    _ => {
                        let flushed: Vec<LsaKey> =
                            database.values().filter(|lsa| lsa.is_max_age()).map(Lsa::key).collect();
                        for key in flushed {
                            database.remove(&key);
                            own.gone(at(ms), DOMAIN, key);
                        }
                    }
                }
                own.want(at(ms), wanted.iter().map(|(id, metric)| (DOMAIN, lsa(*id, *metric, 1))));
            }
            run(&mut own, &mut database, ms + 10_000)?;
            let rest: BTreeMap<u8, u32> = database
                .values()
                .filter(|lsa| !lsa.is_max_age())
                .map(|lsa| {
                    let LsaBody::Summary(body) = lsa.body() else { unreachable!("only summaries") };
                    (lsa.key().link_state_id.octets()[1], body.metric)
                })
                .collect();
            prop_assert_eq!(rest, wanted);
        }
    }
}
