//! The election of one prefix at one border: the rules of a vote, with memory.

use crate::{
    Alarm, Ballot, Candidate, Decision, Elector, Explanation, Millis, Policy, RouteEvidence, Rule, Step,
    Verdict,
    course::{self, Choice, Narrator},
    electorate::{Electorate, Seat},
    eligibility::Tier,
    policy::FORGIVEN_AFTER,
    standing::{Condition, Standing},
};

/// The standing election of one prefix at one border.
///
/// Call [`Election::decide`] whenever evidence has changed, and again at `recheck_at`. Calling more often is harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    policy: Policy,
    /// Who drives.
    incumbent: Option<u8>,
    /// Whether the first incumbent came from the kernel, so that the past of the others is not known.
    adopted: bool,
    /// In order of VN id.
    standings: Vec<Standing>,
    /// Since when the voters have disagreed without a majority.
    split_since: Option<Millis>,
    verdict: Option<Verdict>,
}

impl Election {
    /// An election that nobody has won yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Election {
        Election {
            policy,
            incumbent: None,
            adopted: false,
            standings: Vec::new(),
            split_since: None,
            verdict: None,
        }
    }

    /// Takes over a VN as the incumbent, as found steered in the kernel after a restart of the border; for use before the
    /// first decision. The past of all other VNs being unknown, none of them takes over by mere right, such as a master's,
    /// before it has been clean for `fail_back`.
    pub fn adopt(&mut self, incumbent: u8) {
        self.incumbent = Some(incumbent);
        self.adopted = true;
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Puts another policy in force from the next decision on. What is known of the VNs' past stays.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The last decision's verdict.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Votes. `now` must not lie before the last call's. `electors` and `ballots` may come in any order and change from
    /// call to call, with one elector and at most one ballot per VN (else the first counts). An elector without ballot has
    /// no route; a ballot without elector does not count; a VN that is no elector any more is forgotten.
    pub fn decide(&mut self, now: Millis, electors: &[Elector], ballots: &[Ballot]) -> Decision<'_> {
        let (verdict, recheck_at) = self.vote(now, &mut Electorate::new(electors, ballots), &mut ());
        let changed = self.verdict.as_ref() != Some(&verdict);
        Decision { verdict: self.verdict.insert(verdict), changed, recheck_at }
    }

    /// What [`Election::decide`] would return now, with its reasons: the same vote, run on a copy.
    #[must_use]
    pub fn explain(&self, now: Millis, electors: &[Elector], ballots: &[Ballot]) -> Explanation {
        let mut copy = self.clone();
        let mut electorate = Electorate::new(electors, ballots);
        let mut steps = Vec::new();
        let (verdict, recheck_at) = copy.vote(now, &mut electorate, &mut steps);
        let candidates = electorate.seats.iter().map(|seat| copy.candidate(now, &electorate, seat)).collect();
        Explanation { verdict, recheck_at, steps, candidates }
    }

    fn vote(
        &mut self,
        now: Millis,
        electorate: &mut Electorate<'_>,
        narrator: &mut impl Narrator,
    ) -> (Verdict, Option<Millis>) {
        self.incumbent = self.incumbent.filter(|vn| electorate.seat(*vn).is_some());
        self.observe(now, electorate);
        let mut choice = course::run(&self.policy, now, electorate, self.incumbent, narrator);
        if choice.winner != self.incumbent {
            self.hand_over(now, electorate, choice.winner);
            // Told as it stands from now on, so that the same evidence gives the same verdict next time.
            narrator.restart();
            choice = course::run(&self.policy, now, electorate, self.incumbent, narrator);
        }
        (self.verdict_on(now, electorate, choice), self.recheck_at(now, electorate))
    }

    /// Notes how each VN stands, and since when.
    fn observe(&mut self, now: Millis, electorate: &mut Electorate<'_>) {
        for i in 0..electorate.seats.len() {
            let vn = electorate.seats[i].vn();
            let condition = electorate.condition(&electorate.seats[i]);
            let at = match self.standings.binary_search_by_key(&vn, |standing| standing.vn) {
                Ok(at) => at,
                Err(at) => {
                    let unknown_past = self.adopted && self.incumbent != Some(vn);
                    let new = Standing { condition, since: now, unknown_past, ..Standing::new(vn) };
                    self.standings.insert(at, new);
                    at
                }
            };
            if self.standings[at].condition != condition {
                self.forgive(now, at);
                self.standings[at].condition = condition;
                self.standings[at].since = now;
            }
            electorate.seats[i].standing = self.standings[at];
        }
        if self.standings.len() > electorate.seats.len() {
            self.standings.retain(|standing| electorate.seat(standing.vn).is_some());
        }
        self.split_since = electorate.is_split().then(|| self.split_since.unwrap_or(now));
    }

    /// Forgets the past faults of a VN that has been driving cleanly for long, at the end of such a stretch.
    fn forgive(&mut self, now: Millis, at: usize) {
        let standing = &mut self.standings[at];
        let Some(verdict) = self.verdict.as_ref().filter(|verdict| verdict.winner == Some(standing.vn))
        else {
            return;
        };
        let clean = standing.condition == Condition::Clean;
        if clean && now.since(standing.since.max(verdict.since)) >= FORGIVEN_AFTER {
            (standing.strikes, standing.unknown_past) = (0, false);
        }
    }

    /// Lets another VN drive. The old one is at fault unless it was clean, or all had lost the prefix.
    fn hand_over(&mut self, now: Millis, electorate: &mut Electorate<'_>, winner: Option<u8>) {
        let old = self.incumbent.and_then(|vn| self.standings.iter().position(|standing| standing.vn == vn));
        if let Some(at) = old {
            self.forgive(now, at);
            let all_had_lost =
                self.verdict.as_ref().is_some_and(|verdict| verdict.decisive_step == Step::NoneUsable);
            let standing = &mut self.standings[at];
            if standing.condition != Condition::Clean && !all_had_lost {
                standing.strikes = standing.strikes.saturating_add(1);
            }
            for seat in electorate.seats.iter_mut().filter(|seat| seat.vn() == standing.vn) {
                seat.standing = *standing;
            }
        }
        self.incumbent = winner;
    }

    fn verdict_on(&self, now: Millis, electorate: &Electorate<'_>, choice: Choice) -> Verdict {
        let Choice { winner, step } = choice;
        let last = self.verdict.as_ref().filter(|last| last.winner == winner);
        let alarmed = self.split_since.is_some_and(|since| since.after(self.policy.settle) <= now);
        let runner_up = winner
            .filter(|_| electorate.seats.len() > 1)
            .and_then(|vn| course::run(&self.policy, now, &electorate.without(vn), None, &mut ()).winner);
        Verdict {
            winner,
            decisive_step: step,
            runner_up,
            dissenters: dissenters(electorate, winner),
            since: last.map_or(now, |last| last.since),
            alarm: alarmed.then_some(Alarm::Split),
            comparison: electorate.comparison,
        }
    }

    /// The first time after `now` at which patience runs out somewhere.
    fn recheck_at(&self, now: Millis, electorate: &Electorate<'_>) -> Option<Millis> {
        let settle = self.policy.settle;
        let of_seat = |seat: &Seat<'_>| match self.incumbent == Some(seat.vn()) {
            true if seat.standing.condition == Condition::Contradicted => seat.standing.since.after(settle),
            true => Millis::NEVER,
            false => self.returns_at(now, seat),
        };
        let split = self.split_since.map(|since| since.after(settle));
        let all = electorate.seats.iter().map(of_seat).chain(split);
        all.filter(|at| *at > now && *at < Millis::NEVER).min()
    }

    /// When a VN that does not drive next gains a right: to be chosen at all, or to take over as the master.
    fn returns_at(&self, now: Millis, seat: &Seat<'_>) -> Millis {
        let barred_until = seat.standing.barred_until(&self.policy);
        if barred_until <= now && self.policy.rule == (Rule::Master { master: seat.vn() }) {
            return course::ready_at(&self.policy, seat);
        }
        barred_until
    }

    fn candidate(&self, now: Millis, electorate: &Electorate<'_>, seat: &Seat<'_>) -> Candidate {
        let winner = self.incumbent.and_then(|vn| electorate.seat(vn));
        let mut reason = seat.eligibility.to_string();
        if electorate.contradicts(seat) {
            reason += "; contradicted by a majority";
        } else if seat.group.is_some() && winner.is_some_and(|winner| winner.group != seat.group) {
            reason += "; disagrees with the winner";
        }
        if self.incumbent != Some(seat.vn()) && seat.standing.barred_until(&self.policy) > now {
            reason += "; ";
            reason += &course::wait_in_words(&self.policy, now, seat);
        }
        Candidate {
            vn: seat.vn(),
            eligible: seat.tier() == Tier::Eligible,
            reason,
            next_hops: seat.ballot.next_hops().to_vec(),
            metric: match seat.ballot.fib.route {
                RouteEvidence::Usable { metric, .. } => Some(metric),
                RouteEvidence::Missing | RouteEvidence::Unusable { .. } => None,
            },
            egress: seat.ballot.egress().cloned(),
            weight: electorate.votes(seat.weight.into()).to_string(),
            group: seat.group.map(|group| group + 1),
        }
    }
}

/// Who disagrees with the winner, or cannot forward what it can.
fn dissenters(electorate: &Electorate<'_>, winner: Option<u8>) -> Vec<u8> {
    let Some(winner) = winner.and_then(|vn| electorate.seat(vn)).filter(|seat| seat.group.is_some()) else {
        return Vec::new();
    };
    let dissents = |seat: &&Seat<'_>| match seat.tier() {
        Tier::Useless => true,
        Tier::Eligible | Tier::Stale => seat.group.is_some() && seat.group != winner.group,
    };
    let mut dissenters: Vec<u8> = electorate.seats.iter().filter(dissents).map(Seat::vn).collect();
    dissenters.sort_unstable();
    dissenters
}
