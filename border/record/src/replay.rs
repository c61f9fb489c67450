//! Voting again on what a record holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use braid_vote::{Alarm, Evidence, Millis, Poll, PrefixId, Step};
use ipnet::Ipv4Net;

use crate::{
    Change, Decided, Event, Header, Outcome, Record, Standing, Turn, hindsight::Hindsight, outcome::Balance,
};

/// Votes again on all that a record holds, and judges the verdicts by what is known afterwards.
///
/// With nothing changed, the poll decides exactly when it did live, so that its verdicts must be those that are recorded.
/// Under another policy it decides then, too, and when it is due by itself.
#[must_use]
pub fn replay(record: &Record, change: &Change) -> Outcome {
    let mut outcome = Outcome { mismatches: change.is_none().then_some(0), ..Outcome::default() };
    for stretch in record.stretches() {
        let Some(first) = stretch.first() else { continue };
        let mut stage = Stage::new(first.header(), *change);
        for segment in stretch {
            for event in segment.events() {
                stage.take(event);
            }
        }
        let Stage { courses, mismatches, disagreed_ms, .. } = stage.finish();
        for (prefix, ms) in disagreed_ms {
            outcome.figures.disagreed_ms += ms;
            outcome.prefixes.entry(prefix).or_default().figures.disagreed_ms += ms;
        }
        outcome.mismatches = outcome.mismatches.map(|before| before + mismatches);
        let hindsight = Hindsight::of(stretch);
        Balance { hindsight: &hindsight, epoch_ms: first.header().epoch_ms }.draw(courses, &mut outcome);
    }
    outcome
}

/// What a verdict comes to; the step and the alarm are not known of those that stood before a record began.
type Said = (Option<u8>, Option<(Step, Option<Alarm>)>);

struct Stage {
    change: Change,
    poll: Poll,
    clock: Millis,
    /// Votes are being held.
    voting: bool,
    /// Something was heard since the last decision.
    news: bool,
    /// By recorded number.
    numbers: HashMap<PrefixId, PrefixId>,
    prefixes: HashMap<PrefixId, Ipv4Net>,
    courses: BTreeMap<Ipv4Net, Vec<Turn>>,
    /// What was decided live, by number of the poll here.
    live: HashMap<PrefixId, Said>,
    /// Verdicts to be compared once the recorded decision is known whole.
    unchecked: BTreeSet<PrefixId>,
    mismatches: u64,
    /// Prefixes about which VNs disagree, and since when.
    disagreed: HashMap<PrefixId, Millis>,
    disagreed_ms: BTreeMap<Ipv4Net, u64>,
}

impl Stage {
    fn new(header: &Header, change: Change) -> Stage {
        let mut stage = Stage {
            change,
            poll: Poll::new(),
            clock: header.begins,
            voting: header.voting,
            news: true,
            numbers: HashMap::new(),
            prefixes: HashMap::new(),
            courses: BTreeMap::new(),
            live: HashMap::new(),
            unchecked: BTreeSet::new(),
            mismatches: 0,
            disagreed: HashMap::new(),
            disagreed_ms: BTreeMap::new(),
        };
        stage.poll.set_electors(&header.electors);
        for (at, evidence) in header.evidence() {
            stage.poll.hear(at, &evidence);
        }
        stage
    }

    fn take(&mut self, event: Event) {
        let again = matches!(event, Event::Decide { at, .. } if at == self.clock && !self.news);
        if !again {
            self.check();
        }
        match event {
            Event::Standing(standing) => {
                if !self.numbers.contains_key(&standing.number) {
                    self.stand(&standing);
                }
            }
            Event::Open { number, prefix, policy, attached, adopted } => {
                self.close(number);
                let own = self.open(number, prefix, policy, &attached);
                if let Some(vn) = adopted {
                    self.adopt(own, prefix, vn);
                }
            }
            Event::Close { number } => self.close(number),
            Event::Terms { number, policy, attached } => {
                if let Some(own) = self.numbers.get(&number).copied() {
                    self.news = true;
                    self.poll.set_attached(own, &attached);
                    self.poll.set_policy(own, self.change.apply(policy));
                }
            }
            Event::Electors(electors) => {
                self.news = true;
                self.poll.set_electors(&electors);
            }
            Event::Evidence { at, evidence } => self.hear(at, evidence),
            Event::Decide { at, changed } => {
                self.wake_until(at);
                self.voting = true;
                self.decide(at);
                self.compare(&changed);
            }
            Event::Vn { .. } | Event::Border { .. } => {}
        }
    }

    fn open(
        &mut self,
        number: PrefixId,
        prefix: Ipv4Net,
        policy: braid_vote::Policy,
        attached: &braid_vote::EgressSet,
    ) -> PrefixId {
        let own = self.poll.open(self.change.apply(policy), attached);
        self.numbers.insert(number, own);
        self.prefixes.insert(own, prefix);
        self.news = true;
        own
    }

    fn adopt(&mut self, own: PrefixId, prefix: Ipv4Net, vn: u8) {
        self.poll.adopt(own, vn);
        let turn = Turn { at_ms: self.clock.0, winner: Some(vn), step: None, alarm: None };
        self.courses.entry(prefix).or_default().push(turn);
    }

    fn stand(&mut self, standing: &Standing) {
        let Standing { number, prefix, policy, attached, winner, .. } = standing;
        let own = self.open(*number, *prefix, *policy, attached);
        if let Some(vn) = winner {
            self.adopt(own, *prefix, *vn);
        }
        for (at, evidence) in standing.evidence(own) {
            self.poll.hear(at, &evidence);
        }
        self.live.insert(own, (*winner, None));
    }

    fn close(&mut self, number: PrefixId) {
        let Some(own) = self.numbers.remove(&number) else { return };
        self.poll.close(own);
        self.live.remove(&own);
        self.unchecked.remove(&own);
        if let Some(prefix) = self.prefixes.remove(&own) {
            agree(&mut self.disagreed, &mut self.disagreed_ms, (own, prefix), self.clock);
            let closed = Turn { at_ms: self.clock.0, winner: None, step: None, alarm: None };
            self.courses.entry(prefix).or_default().push(closed);
        }
        self.news = true;
    }

    fn hear(&mut self, at: Millis, mut evidence: Evidence) {
        self.wake_until(at);
        if let Evidence::Route { prefix, .. }
        | Evidence::Probe { prefix, .. }
        | Evidence::Verification { prefix, .. } = &mut evidence
        {
            // Of a prefix whose turn in the snapshot has not come.
            let Some(own) = self.numbers.get(prefix) else { return };
            *prefix = *own;
        }
        if let Evidence::Converged { pending, .. } = &mut evidence {
            *pending = pending.iter().filter_map(|prefix| self.numbers.get(prefix).copied()).collect();
        }
        self.news = true;
        self.poll.hear(at, &evidence);
    }

    /// Under another policy votes fall due at other times than live.
    fn wake_until(&mut self, at: Millis) {
        if self.change.is_none() || !self.voting || self.news {
            return;
        }
        while let Some(due) = self.poll.next_due().filter(|due| *due < at) {
            self.decide(due.max(self.clock));
            if self.poll.next_due() == Some(due) {
                return;
            }
        }
    }

    fn decide(&mut self, at: Millis) {
        self.clock = self.clock.max(at);
        self.news = false;
        for own in self.poll.decide(at) {
            self.unchecked.insert(own);
            let (Some(prefix), Some(verdict)) = (self.prefixes.get(&own), self.poll.verdict(own)) else {
                continue;
            };
            if verdict.dissenters.is_empty() {
                agree(&mut self.disagreed, &mut self.disagreed_ms, (own, *prefix), self.clock);
            } else {
                self.disagreed.entry(own).or_insert(self.clock);
            }
            let turns = &mut self.courses.entry(*prefix).or_default();
            let last = turns.last().filter(|turn| !turn.is_end()).map(|turn| (turn.winner, turn.alarm));
            if last != Some((verdict.winner, verdict.alarm)) {
                turns.push(Turn {
                    at_ms: self.clock.0,
                    winner: verdict.winner,
                    step: Some(verdict.decisive_step),
                    alarm: verdict.alarm,
                });
            }
        }
    }

    fn compare(&mut self, changed: &[Decided]) {
        for Decided { number, winner, step, alarm } in changed {
            if let Some(own) = self.numbers.get(number) {
                self.live.insert(*own, (*winner, Some((*step, *alarm))));
                self.unchecked.insert(*own);
            }
        }
    }

    /// Counts the verdicts that are not those that were decided live.
    fn check(&mut self) {
        for own in std::mem::take(&mut self.unchecked) {
            let verdict = self.poll.verdict(own).map(|it| (it.winner, (it.decisive_step, it.alarm)));
            let same = match (self.live.get(&own), verdict) {
                (Some((winner, None)), Some(here)) => *winner == here.0,
                (Some((winner, Some(how))), Some(here)) => (*winner, *how) == here,
                (None, here) => here.is_none(),
                (Some(_), None) => false,
            };
            self.mismatches += u64::from(!same);
        }
    }

    fn finish(mut self) -> Stage {
        self.check();
        for (own, prefix) in &self.prefixes {
            agree(&mut self.disagreed, &mut self.disagreed_ms, (*own, *prefix), self.clock);
        }
        self
    }
}

/// The virtual networks agree about a prefix from now on, or nobody asks any more.
fn agree(
    disagreed: &mut HashMap<PrefixId, Millis>,
    total: &mut BTreeMap<Ipv4Net, u64>,
    (own, prefix): (PrefixId, Ipv4Net),
    now: Millis,
) {
    if let Some(since) = disagreed.remove(&own) {
        *total.entry(prefix).or_default() += now.0.saturating_sub(since.0);
    }
}
