//! The values that each step of a vote compared, in words.

use std::{fmt, time::Duration};

use crate::{
    Comparison, Millis, Rule,
    cell::Condition,
    course::Vote,
    electorate::{Seat, last_news},
    eligibility::Tier,
    mask::Mask,
    policy::PROOF,
};

/// A duration in words: `200 ms`, `12.5 s`.
pub(crate) struct Lasting(pub Duration);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            ms @ ..1000 => write!(f, "{ms} ms"),
            ms if ms.is_multiple_of(1000) => write!(f, "{} s", ms / 1000),
            ms => write!(f, "{}.{} s", ms / 1000, ms % 1000 / 100),
        }
    }
}

fn vns<'s>(seats: impl Iterator<Item = &'s Seat>) -> String {
    seats.map(|seat| format!("VN {}", seat.vn)).collect::<Vec<_>>().join(", ")
}

pub(crate) fn gathering(vote: &Vote<'_>, until: Millis) -> String {
    let news = last_news(vote.seats);
    let moving = vote.seats.iter().filter(|seat| {
        let at = seat.settles_at(news, vote.policy);
        at > vote.now && !seat.starting
    });
    let starting = vote.seats.iter().filter(|seat| seat.starting);
    let mut waits = Vec::new();
    for (seats, words) in [(vns(moving), "to be steady"), (vns(starting), "to start")] {
        if !seats.is_empty() {
            waits.push(format!("for {seats} {words}"));
        }
    }
    let wait = Lasting(until.since(vote.now));
    let known = final_of(vote, |seat| seat.is_final(vote.policy.spread_at(news)));
    format!("a new prefix waits {}, for {wait} more at most{known}", waits.join(" and "))
}

/// What the master waits for.
pub(crate) fn takeover(vote: &Vote<'_>, master: usize, incumbent: usize) -> String {
    let (master, incumbent) = (&vote.seats[master], &vote.seats[incumbent]);
    let settle = Lasting(vote.policy.settle);
    let proof = match vote.awaits_proof(master, incumbent) {
        Some(_) => {
            let incumbent = incumbent.vn;
            format!(" and probes come out, as they do through VN {incumbent}, or for {}", Lasting(PROOF))
        }
        None => String::new(),
    };
    format!("VN {} takes over as master once its route has been stable for {settle}{proof}", master.vn)
}

/// The VNs whose ballots are known to stay as they are.
fn final_of(vote: &Vote<'_>, is_final: impl Fn(&Seat) -> bool) -> String {
    let mut seats = vote.seats.iter().filter(|seat| is_final(seat)).peekable();
    match seats.peek() {
        Some(_) => format!("; steady by converged clones: {}", vns(seats)),
        None => String::new(),
    }
}

/// Why a disagreement decided without having settled, if it did.
pub(crate) fn final_by_clones(vote: &Vote<'_>) -> String {
    let mut contradicted =
        vote.seats.iter().filter(|seat| seat.standing.condition == Condition::Contradicted);
    let hasty = contradicted.find(|seat| {
        seat.standing.since.after(vote.policy.settle) > vote.now && vote.final_at(seat) <= vote.now
    });
    let told = |seat: &Seat| final_of(vote, |other| vote.is_final(other, seat.standing.since));
    hasty.map(told).unwrap_or_default()
}

pub(crate) fn eligibility(seats: &[Seat], all: Mask, best: Tier) -> String {
    let words = match best {
        Tier::Eligible => "eligible",
        Tier::Stale => "no VN is eligible; with a stale route",
        Tier::Misdirected => "no VN is eligible; with a route to some border",
        Tier::Failing | Tier::Useless => "no VN is eligible; with a route at all",
    };
    let left = all.iter().filter(|seat| seats[*seat].tier() == best).count();
    let out = all.iter().map(|seat| &seats[seat]).filter(|seat| seat.tier() != best);
    let out: Vec<String> = out.map(|seat| format!("; VN {}: {}", seat.vn, seat.eligibility)).collect();
    format!("{words}: {left} of {}{}", all.len(), out.concat())
}

pub(crate) fn dispute(vote: &Vote<'_>, seat: usize) -> String {
    let Seat { vn, standing, .. } = &vote.seats[seat];
    let stood = Lasting(vote.now.since(standing.since));
    let decides = match vote.policy.rule {
        Rule::Consensus => format!(
            "which decides once all have been steady for {}, or after {}",
            Lasting(vote.policy.settle),
            Lasting(vote.policy.deadline)
        ),
        Rule::Master { .. } | Rule::Majority | Rule::FirstK { .. } => {
            format!("which decides after {}", Lasting(vote.policy.settle))
        }
    };
    format!("a majority has contradicted VN {vn} for {stood}, {decides}: {}", majority(vote))
}

/// What a seat says at a level of comparison.
fn position(vote: &Vote<'_>, level: Comparison, seat: &Seat) -> String {
    let listed = match level {
        Comparison::Egress => seat.egress.and_then(|set| vote.sets.egress.get(set)).map(ToString::to_string),
        Comparison::NextHops => {
            seat.next_hops.and_then(|set| vote.sets.next_hops.get(set)).map(ToString::to_string)
        }
        Comparison::Reachability => Some("reachable".to_owned()),
    };
    listed.filter(|words| !words.is_empty()).unwrap_or_else(|| "nowhere".to_owned())
}

pub(crate) fn majority(vote: &Vote<'_>) -> String {
    let Vote { seats, tally, .. } = vote;
    let Some(level) = tally.comparison else {
        return format!("{} of {0} votes", tally.all_votes());
    };
    let groups = (0..tally.groups()).filter_map(|group| {
        let members = || (0..seats.len()).filter(|seat| tally.group_of(*seat) == Some(group));
        let first = members().next()?;
        let position = position(vote, level, &seats[first]);
        let votes = tally.votes(tally.backing(first));
        Some(format!("{position}: {votes} ({})", vns(members().map(|seat| &seats[seat]))))
    });
    let groups: Vec<String> = groups.collect();
    match (&groups[..], tally.majority) {
        ([all], _) => format!("all agree by {level}: {all}"),
        (_, Some(_)) => format!("by {level}, of {} votes: {}", tally.all_votes(), groups.join("; ")),
        (_, None) => {
            format!("by {level}, of {} votes: {}: no majority", tally.all_votes(), groups.join("; "))
        }
    }
}

/// Why a barred VN waits, and how long.
pub(crate) fn wait(vote: &Vote<'_>, seat: &Seat) -> String {
    let standing = &seat.standing;
    let why = match standing.strikes {
        0 => "was not driving when the border started".to_owned(),
        1 => "was voted out".to_owned(),
        strikes => format!("was voted out {strikes} times"),
    };
    let wait = Lasting(vote.policy.penalty(standing.strikes));
    let clean = match standing.condition {
        Condition::Clean => vote.now.since(standing.since),
        Condition::Contradicted | Condition::Out => Duration::ZERO,
    };
    format!("{why} and may return after {wait} clean ({} so far)", Lasting(clean))
}

/// How far a damped VN's figure of merit is from reuse.
pub(crate) fn damped(vote: &Vote<'_>, seat: &Seat) -> String {
    let damping = &vote.policy.damping;
    let figure = seat.standing.merit.figure(vote.now, damping);
    let wait = Lasting(vote.damped_until(seat).since(vote.now));
    format!("lost the prefix often: merit {figure}, reuse below {}, in {wait}", damping.reuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_speak() {
        let words = [200, 30_000, 12_510].map(|ms| Lasting(Duration::from_millis(ms)).to_string());
        assert_eq!(words, ["200 ms", "30 s", "12.5 s"]);
    }
}
