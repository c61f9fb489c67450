//! What the poll keeps of one prefix besides the ballots, and how a vote on it is held.

use crate::{
    Alarm, Comparison, EngineEvidence, EngineState, Explanation, Millis, Policy, PrefixId, Rule, Step,
    Verdict,
    cell::{Cell, Condition, Finding, Standing},
    course::{Choice, Narrator, Vote},
    electorate::{Seat, Tally, last_news},
    eligibility::{Eligibility, Tier},
    explain,
    policy::FORGIVEN_AFTER,
    sets::Sets,
    time::Stamp,
    voter::Voter,
};

/// The standing of one prefix: who drives, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Race {
    /// The borders at which the prefix is attached, as a number of a set.
    pub attached: u32,
    /// Place in the list of prefixes in doubt.
    pub doubt: u32,
    /// The number of the policy.
    pub policy: u32,
    /// When the same evidence may lead to another verdict.
    pub due: Stamp,
    since: Stamp,
    /// Since when the voters have disagreed without a majority.
    split_since: Stamp,
    /// Since when a new prefix has had a usable ballot.
    usable_since: Stamp,
    /// Who drives.
    pub incumbent: Option<u8>,
    pub runner_up: Option<u8>,
    /// None before the first vote.
    step: Option<Step>,
    alarm: Option<Alarm>,
    comparison: Option<Comparison>,
    /// Whether the first incumbent came from the kernel, so that the past of the others is not known.
    adopted: bool,
    /// Some VN has driven it: it is not new.
    pub opened: bool,
    /// It is to be voted on.
    pub changed: bool,
    pub closed: bool,
}

/// Not in the list of prefixes in doubt.
pub(crate) const NO_DOUBT: u32 = u32::MAX;

/// Buffers that each vote uses anew.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    seats: Vec<Seat>,
    tally: Tally,
    other_tally: Tally,
}

impl Scratch {
    pub const fn new() -> Scratch {
        Scratch { seats: Vec::new(), tally: Tally::new(), other_tally: Tally::new() }
    }
}

/// What all votes of one moment have in common.
#[derive(Clone, Copy)]
pub(crate) struct Session<'s> {
    pub now: Millis,
    pub prefix: PrefixId,
    pub voters: &'s [Voter],
    pub sets: &'s Sets,
}

/// What came of a vote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Whether the verdict differs from the last.
    pub changed: bool,
    pub recheck_at: Option<Millis>,
    /// Whether more evidence would help soon.
    pub in_doubt: bool,
}

impl Race {
    pub const fn new(attached: u32, policy: u32) -> Race {
        Race {
            attached,
            doubt: NO_DOUBT,
            policy,
            due: Stamp::NEVER,
            since: Stamp::NEVER,
            split_since: Stamp::NEVER,
            usable_since: Stamp::NEVER,
            incumbent: None,
            runner_up: None,
            step: None,
            alarm: None,
            comparison: None,
            adopted: false,
            opened: false,
            changed: false,
            closed: false,
        }
    }

    /// In the place of one that has ended.
    pub const fn closed() -> Race {
        let mut race = Race::new(u32::MAX, u32::MAX);
        race.closed = true;
        race
    }

    pub fn adopt(&mut self, incumbent: u8) {
        (self.incumbent, self.adopted, self.opened) = (Some(incumbent), true, true);
    }

    pub fn verdict(&self, voters: &[Voter], cells: &[Cell]) -> Option<Verdict> {
        let dissenters = voters.iter().zip(cells).filter(|(_, cell)| cell.dissents());
        let mut dissenters: Vec<u8> = dissenters.map(|(voter, _)| voter.elector.vn).collect();
        dissenters.sort_unstable();
        Some(Verdict {
            winner: self.incumbent,
            decisive_step: self.step?,
            runner_up: self.runner_up,
            dissenters,
            since: self.since.into(),
            alarm: self.alarm,
            comparison: self.comparison,
        })
    }

    /// Holds the vote.
    pub fn vote(
        &mut self,
        session: Session<'_>,
        policy: &Policy,
        cells: &mut [Cell],
        scratch: &mut Scratch,
        narrator: &mut impl Narrator,
    ) -> Outcome {
        let Scratch { seats, tally, other_tally } = scratch;
        let Session { now, voters, sets, .. } = session;
        seats.clear();
        seats.extend(voters.iter().zip(&*cells).map(|(voter, cell)| self.seat(session, policy, voter, cell)));
        tally.count(policy.rule, seats, None);
        let mut incumbent = self.incumbent.and_then(|vn| seats.iter().position(|seat| seat.vn == vn));
        self.observe(now, policy, incumbent, seats, tally);
        let gathers_until = self.gathers_until(now, policy, seats, tally.tier);
        let pending = Vote { policy, now, seats, tally, gathers_until, sets };
        let mut choice = pending.run(incumbent, narrator);
        let handed_over = choice.winner != incumbent;
        if handed_over {
            self.blame(now, incumbent, seats);
            incumbent = choice.winner;
            // Told as it stands from now on, so that the same evidence gives the same verdict next time.
            narrator.restart();
            choice = Vote { policy, now, seats, tally, gathers_until, sets }.run(incumbent, narrator);
        }
        for (seat, cell) in seats.iter().zip(&mut *cells) {
            cell.set_standing(&seat.standing);
        }
        let vote = Vote { policy, now, seats, tally, gathers_until, sets };
        let runner_up = incumbent.filter(|_| seats.len() > 1).and_then(|winner| {
            other_tally.count(policy.rule, seats, Some(winner));
            Vote { tally: other_tally, gathers_until: None, ..vote }.run(None, &mut ()).winner
        });
        let recheck_at = self.recheck_at(&vote, incumbent);
        let in_doubt = self.in_doubt(&vote, &choice);
        let changed = self.record(&vote, &choice, runner_up, cells);
        Outcome { changed, recheck_at, in_doubt }
    }

    fn seat(&self, session: Session<'_>, policy: &Policy, voter: &Voter, cell: &Cell) -> Seat {
        let EngineEvidence { state, .. } = voter.engine;
        let (port_up, _) = voter.port;
        let lost = voter.is_lost(cell, self.attached, session.sets).is_some();
        let eligibility = Eligibility::of(cell, port_up, state, lost, policy);
        let steady_since = voter.steady_since(cell);
        Seat {
            vn: voter.elector.vn,
            code_base: voter.code_base,
            layout: voter.elector.layout,
            eligibility,
            next_hops: cell.route.next_hops(),
            egress: cell.egress(),
            steady_since,
            clone: voter.converged.on(session.prefix, steady_since),
            egress_since: match cell.probe.egress() {
                Some(_) => cell.probe_since.into(),
                None => cell.verification_since.into(),
            },
            starting: state == EngineState::Starting,
            proven: cell.probe.egress().is_some(),
            refuted: matches!(cell.verification, Finding::LOOPS | Finding::DROPPED)
                || cell.verification.differs_from_model(),
            standing: cell.standing(),
        }
    }

    /// Notes how each VN stands, and since when.
    fn observe(
        &mut self,
        now: Millis,
        policy: &Policy,
        incumbent: Option<usize>,
        seats: &mut [Seat],
        tally: &Tally,
    ) {
        for i in 0..seats.len() {
            let condition = tally.condition(seats, i);
            let drives = incumbent == Some(i);
            if drives && seats[i].standing.condition != condition {
                self.forgive(now, i, seats);
            }
            let standing = &mut seats[i].standing;
            if let Some(at) = standing.counts_at(policy).filter(|at| *at <= now) {
                standing.merit = standing.merit.flapped(at, &policy.damping);
                standing.counted = true;
            }
            if standing.fresh {
                standing.unknown_past = self.adopted && !drives;
            } else if standing.condition == condition {
                continue;
            } else if standing.condition == Condition::Clean
                && condition == Condition::Out
                && tally.tier != Tier::Useless
            {
                standing.merit = standing.merit.flapped(now, &policy.damping);
            }
            *standing = Standing { condition, since: now, fresh: false, counted: false, ..*standing };
        }
        self.split_since = match tally.is_split() {
            true => self.split_since.known().unwrap_or(now).into(),
            false => Stamp::NEVER,
        };
        self.usable_since = match tally.tier {
            Tier::Useless => Stamp::NEVER,
            _ => self.usable_since.known().unwrap_or(now).into(),
        };
    }

    /// Until when a new prefix waits, if it still does.
    fn gathers_until(&self, now: Millis, policy: &Policy, seats: &[Seat], best: Tier) -> Option<Millis> {
        if self.opened || seats.len() < 2 || best == Tier::Useless {
            return None;
        }
        let deadline = self.usable_since.known().unwrap_or(now).after(policy.deadline);
        let news = last_news(seats);
        let steady = seats.iter().map(|seat| seat.settles_at(news, policy));
        let until = steady.max().unwrap_or_default().min(deadline);
        (until > now).then_some(until)
    }

    /// Forgets the past faults of the incumbent if it has been driving cleanly for long, at the end of such a stretch.
    fn forgive(&self, now: Millis, incumbent: usize, seats: &mut [Seat]) {
        let standing = &mut seats[incumbent].standing;
        let Some(since) = self.since.known() else { return };
        let clean = standing.condition == Condition::Clean;
        if clean && now.since(standing.since.max(since)) >= FORGIVEN_AFTER {
            (standing.strikes, standing.unknown_past) = (0, false);
        }
    }

    /// The one that drove is at fault unless it was clean, or all had lost the prefix.
    fn blame(&self, now: Millis, incumbent: Option<usize>, seats: &mut [Seat]) {
        let Some(old) = incumbent else { return };
        self.forgive(now, old, seats);
        let standing = &mut seats[old].standing;
        if standing.condition != Condition::Clean && self.step != Some(Step::NoneUsable) {
            standing.strikes = standing.strikes.saturating_add(1);
        }
    }

    /// Keeps the verdict. Says whether it is another one than before.
    fn record(
        &mut self,
        vote: &Vote<'_>,
        choice: &Choice,
        runner_up: Option<usize>,
        cells: &mut [Cell],
    ) -> bool {
        let Vote { policy, now, seats, tally, .. } = *vote;
        let before = *self;
        let vn = |seat: Option<usize>| seat.map(|seat| seats[seat].vn);
        self.incumbent = vn(choice.winner);
        self.opened |= choice.winner.is_some();
        if self.incumbent != before.incumbent || before.step.is_none() {
            self.since = now.into();
        }
        self.runner_up = vn(runner_up);
        self.step = Some(choice.step);
        self.comparison = tally.comparison;
        let split = self.split_since.known().is_some_and(|since| since.after(policy.settle) <= now);
        self.alarm = match choice.winner {
            Some(winner) if seats[winner].refuted => Some(Alarm::Unverified),
            Some(_) if split => Some(Alarm::Split),
            _ => None,
        };
        let mut dissent = false;
        let group = choice.winner.and_then(|winner| tally.group_of(winner));
        for (i, cell) in cells.iter_mut().enumerate() {
            let dissents = match seats[i].tier() {
                _ if group.is_none() => false,
                Tier::Useless | Tier::Failing | Tier::Misdirected if seats[i].tier() != tally.tier => true,
                _ => tally.group_of(i).is_some() && tally.group_of(i) != group,
            };
            dissent |= cell.set_dissents(dissents);
        }
        dissent
            || (before.incumbent, before.step, before.runner_up, before.alarm, before.comparison)
                != (self.incumbent, self.step, self.runner_up, self.alarm, self.comparison)
    }

    /// The first time after now at which patience runs out somewhere.
    fn recheck_at(&self, vote: &Vote<'_>, incumbent: Option<usize>) -> Option<Millis> {
        let Vote { policy, now, seats, .. } = vote;
        let mut next = Millis::NEVER;
        let mut at = |at: Millis| {
            if at > *now {
                next = next.min(at);
            }
        };
        for (i, seat) in seats.iter().enumerate() {
            at(seat.standing.counts_at(policy).unwrap_or_default());
            if incumbent == Some(i) {
                if seat.standing.condition == Condition::Contradicted {
                    at(vote.dispute_ends(seat));
                }
                continue;
            }
            let barred_until = seat.standing.barred_until(policy);
            let damped_until = vote.damped_until(seat);
            at(barred_until);
            at(damped_until);
            if policy.rule == (Rule::Master { master: seat.vn }) {
                at(vote.takes_over_at(seat, incumbent.map(|place| &seats[place])));
            }
        }
        at(self.split_since.known().map_or(Millis(0), |since| since.after(policy.settle)));
        at(vote.gathers_until.unwrap_or_default());
        (next < Millis::NEVER).then_some(next)
    }

    /// Whether a disagreement is settling, a new prefix waits, the master has still to prove itself, or the best there is seems to fail.
    fn in_doubt(&self, vote: &Vote<'_>, choice: &Choice) -> bool {
        let Vote { tally, policy, now, seats, .. } = *vote;
        let disputed = choice.winner.is_some_and(|winner| tally.contradicts(winner));
        let splitting = self.split_since.known().is_some_and(|since| since.after(policy.settle) > now);
        let unproven = choice.winner.is_some_and(|winner| {
            let masters = seats.iter().filter(|seat| policy.rule == Rule::Master { master: seat.vn });
            let mut until = masters.filter_map(|master| vote.awaits_proof(master, &seats[winner]));
            until.any(|until| until > now)
        });
        disputed || splitting || unproven || choice.step == Step::Gathering || tally.tier == Tier::Failing
    }

    /// Explains the vote that would be held now, on copies.
    pub fn explain(mut self, session: Session<'_>, policy: &Policy, cells: &[Cell]) -> Explanation {
        let mut cells = cells.to_vec();
        let mut scratch = Scratch::new();
        let mut steps = Vec::new();
        let Outcome { recheck_at, .. } = self.vote(session, policy, &mut cells, &mut scratch, &mut steps);
        let Scratch { seats, tally, .. } = &scratch;
        let vote = Vote { policy, now: session.now, seats, tally, gathers_until: None, sets: session.sets };
        let candidates = explain::candidates(&vote, session, &self, &cells);
        let verdict = self.verdict(session.voters, &cells);
        let verdict = verdict.expect("a vote was held just before");
        Explanation { verdict, recheck_at, steps, candidates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_small() {
        assert!(size_of::<Race>() <= 48, "{}", size_of::<Race>());
    }
}
