//! Each VN's part in a vote, in words.

use crate::{
    Candidate, CloneEvidence,
    cell::Cell,
    course::Vote,
    eligibility::Tier,
    race::{Race, Session},
    words,
};

/// Every VN of the electorate, as the vote found it.
pub(crate) fn candidates(
    vote: &Vote<'_>,
    session: Session<'_>,
    race: &Race,
    cells: &[Cell],
) -> Vec<Candidate> {
    let Vote { seats, tally, now, .. } = *vote;
    let winner = seats.iter().position(|seat| Some(seat.vn) == race.incumbent);
    let candidates = seats.iter().enumerate().map(|(i, seat)| {
        let mut reasons = vec![seat.eligibility.to_string()];
        let disagrees =
            |winner: usize| tally.group_of(i).is_some() && tally.group_of(winner) != tally.group_of(i);
        if tally.contradicts(i) {
            reasons.push("contradicted by a majority".to_owned());
        } else if winner.is_some_and(disagrees) {
            reasons.push("disagrees with the winner".to_owned());
        }
        let ballot = session.voters[i].ballot(session.prefix, &cells[i], race.attached, session.sets);
        if seat.refuted && seat.tier() == Tier::Eligible {
            reasons.push(format!("verified: {}", ballot.verification));
        }
        if let CloneEvidence::Pending { .. } = seat.clone {
            reasons.push("its converged clone will have another route".to_owned());
        }
        if winner != Some(i) && seat.standing.barred_until(vote.policy) > now {
            reasons.push(words::wait(vote, seat));
        }
        if winner != Some(i) && vote.damped_until(seat) > now {
            reasons.push(words::damped(vote, seat));
        }
        Candidate {
            vn: seat.vn,
            eligible: seat.tier() == Tier::Eligible,
            reason: reasons.join("; "),
            ballot,
            weight: tally.votes_of(i).to_string(),
            group: tally.group_of(i).map(|group| u16::from(group) + 1),
        }
    });
    candidates.collect()
}
