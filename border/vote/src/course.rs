//! The course of one vote, step by step: the rules, free of memory.

use crate::{
    CloneEvidence, Comparison, Millis, Policy, Rule, Step, StepRecord,
    cell::Condition,
    electorate::{Seat, Tally},
    eligibility::Tier,
    mask::Mask,
    policy::PROOF,
    sets::Sets,
    words,
};

/// Who listens to the steps. `()` does not, and costs nothing.
pub(crate) trait Narrator {
    /// A step was taken.
    fn tell(&mut self, step: Step, detail: impl FnOnce() -> String, remaining: impl Iterator<Item = u8>);
    /// Forget what was told: the vote is run again.
    fn restart(&mut self);
}

impl Narrator for () {
    fn tell(&mut self, _: Step, _: impl FnOnce() -> String, _: impl Iterator<Item = u8>) {}
    fn restart(&mut self) {}
}

impl Narrator for Vec<StepRecord> {
    fn tell(&mut self, step: Step, detail: impl FnOnce() -> String, remaining: impl Iterator<Item = u8>) {
        self.push(StepRecord { step, detail: detail(), remaining: remaining.collect() });
    }

    fn restart(&mut self) {
        self.clear();
    }
}

/// Who is chosen, by place, and by which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub winner: Option<usize>,
    pub step: Step,
}

/// All that a vote is about.
#[derive(Clone, Copy)]
pub(crate) struct Vote<'v> {
    pub policy: &'v Policy,
    pub now: Millis,
    pub seats: &'v [Seat],
    pub tally: &'v Tally,
    /// Until when a new prefix waits for its ballots.
    pub gathers_until: Option<Millis>,
    pub sets: &'v Sets,
}

impl Vote<'_> {
    /// When a master that is not driving may take over from an incumbent that nobody objects to.
    pub fn takes_over_at(&self, master: &Seat, incumbent: Option<&Seat>) -> Millis {
        if master.standing.condition != Condition::Clean {
            return Millis::NEVER;
        }
        let stable = master.standing.since.max(master.steady_since).after(self.policy.settle);
        let proven = incumbent.and_then(|incumbent| self.awaits_proof(master, incumbent)).unwrap_or_default();
        stable.max(proven).max(master.standing.barred_until(self.policy)).max(self.damped_until(master))
    }

    /// Until when a master through which no probe has come out waits for the first, if probes come out through the incumbent.
    pub fn awaits_proof(&self, master: &Seat, incumbent: &Seat) -> Option<Millis> {
        let awaited = incumbent.proven && !master.proven && master.standing.condition == Condition::Clean;
        awaited.then(|| master.standing.since.max(master.steady_since).after(PROOF))
    }

    /// Until when a seat is damped.
    pub fn damped_until(&self, seat: &Seat) -> Millis {
        seat.standing.merit.held_until(&self.policy.damping)
    }

    /// When a contradiction decides against an incumbent.
    pub fn dispute_ends(&self, seat: &Seat) -> Millis {
        let Policy { rule, settle, deadline, .. } = *self.policy;
        let begun = seat.standing.since;
        let settled = begun.after(settle).min(self.final_at(seat).max(begun));
        if rule != Rule::Consensus {
            return settled;
        }
        let trusted = self.seats.iter().filter(|seat| seat.tier() == self.tally.tier);
        let all_steady = trusted.map(|seat| seat.settles_at(begun, self.policy)).max().unwrap_or_default();
        settled.max(all_steady.min(begun.after(deadline)))
    }

    /// When there is nothing more to wait for before a contradiction of this seat decides. A majority must contradict it by
    /// ballots that stay as they are, as their clones say; its own is such a ballot, or has been the same for `settle`.
    pub fn final_at(&self, seat: &Seat) -> Millis {
        let begun = seat.standing.since;
        if !self.tally.majority_of(|other| self.is_final(&self.seats[other], begun)) {
            return Millis::NEVER;
        }
        match seat.clone {
            _ if self.is_final(seat, begun) => Millis(0),
            CloneEvidence::Pending { .. } => Millis::NEVER,
            _ => seat.steady_since.max(self.seen_since(seat)).after(self.policy.settle),
        }
    }

    /// Whether a ballot stays as it is, as far as all VNs have heard what happened at `news`. A clone knows routes, but not
    /// how far the routers behind them have come: where a VN delivers must itself have been seen for as long.
    pub fn is_final(&self, seat: &Seat, news: Millis) -> bool {
        seat.is_final(self.policy.spread_at(news.max(self.seen_since(seat))))
    }

    /// Since when it has been known where a seat delivers, if that is what ballots are compared by.
    fn seen_since(&self, seat: &Seat) -> Millis {
        match self.tally.comparison {
            Some(Comparison::Egress) => seat.egress_since,
            _ => Millis(0),
        }
    }

    fn place_of(&self, vn: Option<usize>) -> Option<usize> {
        vn.filter(|seat| self.tally.is_present(*seat))
    }

    /// Runs the vote, given who drives at present.
    ///
    /// The outcome is a fixed point: with the chosen VN as the incumbent, the same vote chooses it again.
    pub fn run(&self, incumbent: Option<usize>, narrator: &mut impl Narrator) -> Choice {
        if self.tally.tier == Tier::Useless {
            let kept = self.place_of(incumbent);
            let told = || match kept {
                Some(seat) => {
                    format!("no VN has a usable route: steering stays on VN {}", self.seats[seat].vn)
                }
                None => "no VN has a usable route, and none had one before".to_owned(),
            };
            narrator.tell(Step::NoneUsable, told, kept.iter().map(|seat| self.seats[*seat].vn));
            return Choice { winner: kept, step: Step::NoneUsable };
        }
        if let Some(until) = self.gathers_until {
            let told = || words::gathering(self, until);
            narrator.tell(Step::Gathering, told, std::iter::empty());
            return Choice { winner: None, step: Step::Gathering };
        }
        let mut left = Mask::first(self.seats.len());
        left.retain(|seat| self.tally.is_present(seat));
        let mut course = Course { vote: *self, left, decisive: None, narrator };
        course.only_candidate();
        course.eligibility();
        let incumbent = incumbent.filter(|seat| course.left.contains(*seat));
        course.settle_dispute(incumbent);
        course.majority();
        course.fail_back(incumbent);
        course.damping(incumbent);
        let incumbent = incumbent.filter(|seat| course.left.contains(*seat));
        course.master(incumbent);
        course.preference(incumbent);
        Choice { winner: course.left.iter().next(), step: course.decisive.unwrap_or(Step::Preference) }
    }
}

struct Course<'v, 'n, N> {
    vote: Vote<'v>,
    left: Mask,
    decisive: Option<Step>,
    narrator: &'n mut N,
}

impl<N: Narrator> Course<'_, '_, N> {
    /// Drops those that `keep` refuses. Nothing happens after the decisive step.
    fn cut(&mut self, step: Step, keep: impl Fn(usize) -> bool, detail: impl FnOnce() -> String) {
        if self.decisive.is_some() {
            return;
        }
        self.left.retain(keep);
        let seats = self.vote.seats;
        self.narrator.tell(step, detail, self.left.iter().map(|seat| seats[seat].vn));
        if self.left.len() == 1 {
            self.decisive = Some(step);
        }
    }

    fn keep_only(&mut self, step: Step, chosen: usize, detail: impl FnOnce() -> String) {
        self.cut(step, |seat| seat == chosen, detail);
    }

    fn only_candidate(&mut self) {
        if self.left.len() == 1
            && let Some(only) = self.left.iter().next()
        {
            let only = &self.vote.seats[only];
            self.cut(
                Step::OnlyCandidate,
                |_| true,
                || format!("VN {} is alone: {}", only.vn, only.eligibility),
            );
        }
    }

    fn eligibility(&mut self) {
        let Vote { tally, seats, .. } = self.vote;
        let step = if tally.tier == Tier::Eligible { Step::Eligibility } else { Step::LastStanding };
        let all = self.left;
        self.cut(
            step,
            |seat| seats[seat].tier() == tally.tier,
            || words::eligibility(seats, all, tally.tier),
        );
    }

    /// A disagreement that has not lasted does not move an incumbent.
    fn settle_dispute(&mut self, incumbent: Option<usize>) {
        let Some(seat) = incumbent.filter(|seat| self.vote.tally.contradicts(*seat)) else { return };
        let vote = self.vote;
        if vote.dispute_ends(&vote.seats[seat]) > vote.now {
            self.keep_only(Step::Settling, seat, || words::dispute(&vote, seat));
        }
    }

    fn majority(&mut self) {
        let vote = self.vote;
        let keep = |seat| vote.tally.majority.is_none_or(|group| vote.tally.group_of(seat) == Some(group));
        self.cut(Step::Majority, keep, || words::majority(&vote) + &words::final_by_clones(&vote));
    }

    /// Drops those that are held back, unless there are no others. The incumbent drives already.
    fn hold_back(
        &mut self,
        step: Step,
        incumbent: Option<usize>,
        until: impl Fn(&Seat) -> Millis,
        why: impl Fn(&Seat) -> String,
    ) {
        let Vote { seats, now, .. } = self.vote;
        let mut held = self.left;
        held.retain(|seat| incumbent != Some(seat) && until(&seats[seat]) > now);
        let waiting = held.len();
        if waiting > 0 && waiting < self.left.len() {
            self.cut(
                step,
                |seat| !held.contains(seat),
                || held.iter().map(|seat| why(&seats[seat])).collect::<Vec<_>>().join("; "),
            );
        }
    }

    fn fail_back(&mut self, incumbent: Option<usize>) {
        let vote = self.vote;
        let until = |seat: &Seat| seat.standing.barred_until(vote.policy);
        self.hold_back(Step::FailBack, incumbent, until, |seat| {
            format!("VN {} {}", seat.vn, words::wait(&vote, seat))
        });
    }

    fn damping(&mut self, incumbent: Option<usize>) {
        let vote = self.vote;
        let until = |seat: &Seat| vote.damped_until(seat);
        self.hold_back(Step::Damping, incumbent, until, |seat| {
            format!("VN {} {}", seat.vn, words::damped(&vote, seat))
        });
    }

    fn master(&mut self, incumbent: Option<usize>) {
        let Rule::Master { master } = self.vote.policy.rule else { return };
        let vote = self.vote;
        let Some(master) = self.left.iter().find(|seat| vote.seats[*seat].vn == master) else { return };
        let vn = vote.seats[master].vn;
        match incumbent {
            Some(other)
                if other != master
                    && vote.takes_over_at(&vote.seats[master], Some(&vote.seats[other])) > vote.now =>
            {
                self.keep_only(Step::Settling, other, || words::takeover(&vote, master, other));
            }
            _ => self.keep_only(Step::Master, master, || {
                format!("VN {vn} is the master and no majority contradicts it")
            }),
        }
    }

    /// An incumbent that nobody objects to stays; else the largest group wins, and in it the most preferred.
    fn preference(&mut self, incumbent: Option<usize>) {
        let Vote { tally, seats, .. } = self.vote;
        let heaviest = self.left.iter().map(|seat| tally.backing(seat)).max().unwrap_or_default();
        let Some(first) = self.left.iter().find(|seat| tally.backing(*seat) == heaviest) else { return };
        let split = self.left.iter().any(|seat| tally.group_of(seat) != tally.group_of(first));
        if let Some(seat) = incumbent.filter(|seat| *seat != first || split) {
            self.keep_only(Step::Incumbent, seat, || {
                format!("VN {} drives, and no majority speaks against it", seats[seat].vn)
            });
        }
        if split {
            self.cut(
                Step::Plurality,
                |seat| tally.group_of(seat) == tally.group_of(first),
                || format!("{} of {} votes: the largest group", tally.votes(heaviest), tally.all_votes()),
            );
        }
        self.keep_only(Step::Preference, first, || {
            format!("VN {} comes first in order of preference", seats[first].vn)
        });
    }
}
