//! The course of one vote, step by step: the rules, free of memory and of time passing.

use crate::{
    Comparison, Millis, Policy, Rule, Step, StepRecord,
    electorate::{Electorate, Seat},
    eligibility::Tier,
    standing::Condition,
    time::Lasting,
};

/// Who listens to the steps. `()` does not, and costs nothing.
pub(crate) trait Narrator {
    /// A step was taken.
    fn tell(&mut self, step: Step, detail: impl FnOnce() -> String, remaining: &[&Seat<'_>]);
    /// Forget what was told: the vote is run again.
    fn restart(&mut self);
}

impl Narrator for () {
    fn tell(&mut self, _: Step, _: impl FnOnce() -> String, _: &[&Seat<'_>]) {}
    fn restart(&mut self) {}
}

impl Narrator for Vec<StepRecord> {
    fn tell(&mut self, step: Step, detail: impl FnOnce() -> String, remaining: &[&Seat<'_>]) {
        let remaining = remaining.iter().map(|seat| seat.vn()).collect();
        self.push(StepRecord { step, detail: detail(), remaining });
    }

    fn restart(&mut self) {
        self.clear();
    }
}

/// Who is chosen, and by which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub winner: Option<u8>,
    pub step: Step,
}

/// When a seat that is not driving may take over from an incumbent that nobody objects to.
pub(crate) fn ready_at(policy: &Policy, seat: &Seat<'_>) -> Millis {
    if seat.standing.condition != Condition::Clean {
        return Millis::NEVER;
    }
    let stable = seat.standing.since.max(seat.ballot.stable_since()).after(policy.settle);
    stable.max(seat.standing.barred_until(policy))
}

/// Runs the vote at `now`, given who drives at present.
///
/// The outcome is a fixed point: with the chosen VN as the incumbent, the same vote chooses it again.
pub(crate) fn run(
    policy: &Policy,
    now: Millis,
    electorate: &Electorate<'_>,
    incumbent: Option<u8>,
    narrator: &mut impl Narrator,
) -> Choice {
    if electorate.tier == Tier::Useless {
        let kept: Vec<_> = incumbent.and_then(|vn| electorate.seat(vn)).into_iter().collect();
        let told = || match &kept[..] {
            [seat] => format!("no VN has a usable route: steering stays on VN {}", seat.vn()),
            _ => "no VN has a usable route, and none had one before".to_owned(),
        };
        narrator.tell(Step::NoneUsable, told, &kept);
        return Choice { winner: kept.first().map(|seat| seat.vn()), step: Step::NoneUsable };
    }
    let mut course =
        Course { policy, now, electorate, left: electorate.seats.iter().collect(), decisive: None, narrator };
    course.only_candidate();
    course.eligibility();
    let incumbent = incumbent.and_then(|vn| course.find(vn));
    course.settle_dispute(incumbent);
    course.majority();
    course.fail_back(incumbent);
    let incumbent = incumbent.and_then(|seat| course.find(seat.vn()));
    course.master(incumbent);
    course.preference(incumbent);
    Choice {
        winner: course.left.first().map(|seat| seat.vn()),
        step: course.decisive.unwrap_or(Step::Preference),
    }
}

struct Course<'c, 'a, N> {
    policy: &'c Policy,
    now: Millis,
    electorate: &'c Electorate<'a>,
    left: Vec<&'c Seat<'a>>,
    decisive: Option<Step>,
    narrator: &'c mut N,
}

impl<'c, 'a, N: Narrator> Course<'c, 'a, N> {
    fn find(&self, vn: u8) -> Option<&'c Seat<'a>> {
        self.left.iter().copied().find(|seat| seat.vn() == vn)
    }

    /// Drops those that `keep` refuses. Nothing happens after the decisive step.
    fn cut(&mut self, step: Step, keep: impl Fn(&Seat<'_>) -> bool, detail: impl FnOnce() -> String) {
        if self.decisive.is_some() {
            return;
        }
        self.left.retain(|seat| keep(seat));
        self.narrator.tell(step, detail, &self.left);
        if self.left.len() == 1 {
            self.decisive = Some(step);
        }
    }

    fn keep_only(&mut self, step: Step, chosen: &Seat<'_>, detail: impl FnOnce() -> String) {
        self.cut(step, |seat| seat.vn() == chosen.vn(), detail);
    }

    fn only_candidate(&mut self) {
        if let [only] = self.left[..] {
            self.cut(
                Step::OnlyCandidate,
                |_| true,
                || format!("VN {} is alone: {}", only.vn(), only.eligibility),
            );
        }
    }

    fn eligibility(&mut self) {
        let best = self.electorate.tier;
        let (step, words) = match best {
            Tier::Eligible => (Step::Eligibility, "eligible"),
            Tier::Stale | Tier::Useless => (Step::LastStanding, "no VN is eligible; with a stale route"),
        };
        let all = self.electorate;
        self.cut(
            step,
            |seat| seat.tier() == best,
            || {
                let out: Vec<String> = all
                    .seats
                    .iter()
                    .filter(|seat| seat.tier() != best)
                    .map(|seat| format!("; VN {}: {}", seat.vn(), seat.eligibility))
                    .collect();
                format!("{words}: {} of {}{}", all.voters().count(), all.seats.len(), out.concat())
            },
        );
    }

    /// A disagreement that has not lasted does not move an incumbent.
    fn settle_dispute(&mut self, incumbent: Option<&Seat<'_>>) {
        let Some(seat) = incumbent.filter(|seat| self.electorate.contradicts(seat)) else { return };
        let (now, settle) = (self.now, self.policy.settle);
        if seat.standing.since.after(settle) > now {
            self.keep_only(Step::Settling, seat, || {
                format!(
                    "a majority has contradicted VN {} for {}, which decides after {}",
                    seat.vn(),
                    Lasting(now.since(seat.standing.since)),
                    Lasting(settle)
                )
            });
        }
    }

    fn majority(&mut self) {
        let all = self.electorate;
        let keep = |seat: &Seat<'_>| all.majority.is_none_or(|group| seat.group == Some(group));
        self.cut(Step::Majority, keep, || match (all.comparison, all.majority) {
            (Some(level), _) if all.groups == 1 => format!("all agree by {level}"),
            (level, Some(group)) => {
                format!("{} {} of {} votes", by(level), all.votes(all.group_weight(group)), all.all_votes())
            }
            (level, None) => {
                let votes: Vec<String> =
                    (0..all.groups).map(|group| all.votes(all.group_weight(group)).to_string()).collect();
                format!("{} {} of {} votes: no majority", by(level), votes.join(" to "), all.all_votes())
            }
        });
    }

    /// VNs that were voted out wait, unless there are no others. The incumbent drives already.
    fn fail_back(&mut self, incumbent: Option<&Seat<'_>>) {
        let (policy, now, incumbent) = (self.policy, self.now, incumbent.map(|seat| seat.vn()));
        let barred =
            |seat: &Seat<'_>| incumbent != Some(seat.vn()) && seat.standing.barred_until(policy) > now;
        let waiting: Vec<&Seat<'_>> = self.left.iter().copied().filter(|seat| barred(seat)).collect();
        if !waiting.is_empty() && waiting.len() < self.left.len() {
            self.cut(
                Step::FailBack,
                |seat| !barred(seat),
                || {
                    let told = waiting
                        .iter()
                        .map(|seat| format!("VN {} {}", seat.vn(), wait_in_words(policy, now, seat)));
                    told.collect::<Vec<_>>().join("; ")
                },
            );
        }
    }

    fn master(&mut self, incumbent: Option<&Seat<'_>>) {
        let Rule::Master { master } = self.policy.rule else { return };
        let Some(master) = self.find(master) else { return };
        let (now, settle) = (self.now, self.policy.settle);
        match incumbent {
            Some(other) if other.vn() != master.vn() && ready_at(self.policy, master) > now => {
                self.keep_only(Step::Settling, other, || {
                    format!(
                        "VN {} takes over as master once its route has been stable for {}",
                        master.vn(),
                        Lasting(settle)
                    )
                });
            }
            _ => self.keep_only(Step::Master, master, || {
                format!("VN {} is the master and no majority contradicts it", master.vn())
            }),
        }
    }

    /// An incumbent that nobody objects to stays; else the largest group wins, and in it the most preferred.
    fn preference(&mut self, incumbent: Option<&Seat<'_>>) {
        let all = self.electorate;
        let weight = |seat: &Seat<'_>| seat.group.map_or(0, |group| all.group_weight(group));
        let heaviest = self.left.iter().map(|seat| weight(seat)).max().unwrap_or_default();
        let Some(first) = self.left.iter().copied().find(|seat| weight(seat) == heaviest) else { return };
        if let Some(seat) = incumbent.filter(|seat| seat.vn() != first.vn()) {
            self.keep_only(Step::Incumbent, seat, || {
                format!("VN {} drives, and nothing speaks against it", seat.vn())
            });
        }
        if self.left.iter().any(|seat| seat.group != first.group) {
            self.cut(
                Step::Plurality,
                |seat| seat.group == first.group,
                || format!("{} of {} votes: the largest group", all.votes(heaviest), all.all_votes()),
            );
        }
        self.keep_only(Step::Preference, first, || {
            format!("VN {} comes first in order of preference", first.vn())
        });
    }
}

fn by(level: Option<Comparison>) -> String {
    level.map(|level| format!("by {level}:")).unwrap_or_default()
}

/// Why a barred VN waits, and how long.
pub(crate) fn wait_in_words(policy: &Policy, now: Millis, seat: &Seat<'_>) -> String {
    let standing = &seat.standing;
    let why = match standing.strikes {
        0 => "was not driving when the border started".to_owned(),
        1 => "was voted out".to_owned(),
        strikes => format!("was voted out {strikes} times"),
    };
    let wait = Lasting(policy.penalty(standing.strikes));
    let clean = match standing.condition {
        Condition::Clean => now.since(standing.since),
        Condition::Contradicted | Condition::Out => std::time::Duration::ZERO,
    };
    format!("{why} and may return after {wait} clean ({} so far)", Lasting(clean))
}
