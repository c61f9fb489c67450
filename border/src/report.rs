//! Verdicts and their reasons as the controller hears them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime},
};

use braid_proto::{NodeName, VnId, v1};
use braid_vote::{
    Candidate, Damping, EgressId, EngineState, Explanation, Millis, Policy, ProbeEvidence, Rule, StepRecord,
    Verdict, VerificationEvidence,
};
use ipnet::Ipv4Net;

use crate::{
    booth::Booth,
    probe::{PairStatistics, Statistics},
    spec::Spec,
};

/// The border's clock: milliseconds since it started, and what time that was.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: SystemTime::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment at which the clock shows `at`.
    #[must_use]
    pub fn instant(&self, at: Millis) -> Instant {
        self.started + Duration::from_millis(at.0)
    }

    /// What the clock showed at that moment.
    #[must_use]
    pub fn millis(&self, at: Instant) -> Millis {
        let elapsed = at.saturating_duration_since(self.started);
        Millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// What the wall clock showed at the origin, in milliseconds since 1970.
    #[must_use]
    pub fn epoch_ms(&self) -> u64 {
        let since_1970 = self.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    fn timestamp(&self, at: Millis) -> prost_types::Timestamp {
        (self.started_at + Duration::from_millis(at.0)).into()
    }
}

/// A virtual network's name.
#[must_use]
pub fn name(spec: &Spec, vn: u8) -> String {
    let known = spec.vns.iter().find(|known| known.id.get() == vn);
    known.map_or_else(|| format!("vn{vn}"), |known| known.name.to_string())
}

fn names(spec: &Spec, vns: &[u8]) -> Vec<String> {
    vns.iter().map(|vn| name(spec, *vn)).collect()
}

/// A verdict in wire terms. `steered`: the kernel's table follows it.
#[must_use]
pub fn vote(spec: &Spec, clock: &Clock, prefix: Ipv4Net, verdict: &Verdict, steered: bool) -> v1::Vote {
    v1::Vote {
        border: String::new(),
        prefix: prefix.to_string(),
        winner: verdict.winner.map(|vn| name(spec, vn)),
        decisive_step: verdict.decisive_step.to_string(),
        runner_up: verdict.runner_up.map(|vn| name(spec, vn)),
        dissenters: names(spec, &verdict.dissenters),
        since: Some(clock.timestamp(verdict.since)),
        alarm: verdict.alarm.map(|alarm| alarm.to_string()),
        steered,
    }
}

/// The voter speaks of `VN 1` and `border 2`; operators know them by name.
fn with_names(booth: &Booth, text: &str) -> String {
    let vns = named(text, "VN ", |vn| Some(name(booth.spec(), u8::try_from(vn).ok()?)));
    named(&vns, "border ", |border| booth.borders().name(EgressId(border)).map(ToString::to_string))
}

/// Puts names in the place of marked numbers.
fn named(text: &str, mark: &str, name: impl Fn(u16) -> Option<String>) -> String {
    let mut named = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, after) = (&rest[..at], &rest[at + mark.len()..]);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        named.push_str(before);
        match after[..digits].parse().ok().and_then(&name) {
            Some(name) => named.push_str(&name),
            None => named.push_str(&rest[at..at + mark.len() + digits]),
        }
        rest = &after[digits..];
    }
    named + rest
}

fn policy_in_words(spec: &Spec, policy: &Policy) -> String {
    let rule = match policy.rule {
        Rule::Master { master } => format!("master {}", name(spec, master)),
        Rule::Majority => "majority of code bases".to_owned(),
        Rule::FirstK { k } => format!("majority of the {k} code bases that are steady first"),
        Rule::Consensus => "consensus: majority of code bases once all are steady".to_owned(),
    };
    let Policy { verified, settle, fail_back, deadline, damping, .. } = policy;
    let verified = if *verified { ", verified" } else { "" };
    let Damping { half_life, suppress, reuse, .. } = damping;
    format!(
        "{rule}{verified}, settle {settle:?}, fail back {fail_back:?}, deadline {deadline:?}, \
         damping {suppress} to {reuse} by half each {half_life:?}"
    )
}

fn engine_state(state: EngineState) -> &'static str {
    match state {
        EngineState::Running => "running",
        EngineState::Starting => "starting",
        EngineState::Gone => "gone",
        EngineState::Silent => "silent",
        EngineState::Unknown => "unknown",
    }
}

fn candidate(booth: &Booth, now: Millis, candidate: &Candidate) -> v1::Candidate {
    let spec = booth.spec();
    let vn = spec.vns.iter().find(|known| known.id.get() == candidate.vn);
    let ballot = &candidate.ballot;
    let age = |since: Millis| prost_types::Duration::try_from(now.since(since)).ok();
    let (probe, probe_egress) = match &ballot.probe {
        ProbeEvidence::Unknown => (v1::ProbeState::Unspecified, Vec::new()),
        ProbeEvidence::Delivers { egress } => (v1::ProbeState::Delivers, booth.borders().names(egress)),
        ProbeEvidence::Lost => (v1::ProbeState::Lost, Vec::new()),
    };
    let (verified, verified_egress) = match &ballot.verification {
        VerificationEvidence::Unknown => (v1::VerifiedState::Unspecified, Vec::new()),
        VerificationEvidence::Delivers { egress } => {
            (v1::VerifiedState::Delivers, booth.borders().names(egress))
        }
        VerificationEvidence::Loops => (v1::VerifiedState::Loops, Vec::new()),
        VerificationEvidence::Dropped => (v1::VerifiedState::Dropped, Vec::new()),
        VerificationEvidence::DiffersFromModel { egress } => {
            (v1::VerifiedState::Differs, booth.borders().names(egress))
        }
    };
    let known_age = |known: bool, since| age(since).filter(|_| known);
    v1::Candidate {
        vn: name(spec, candidate.vn),
        engine: vn.map(|vn| vn.engine.clone()).unwrap_or_default(),
        code_base: vn.map(|vn| vn.code_base.clone()).unwrap_or_default(),
        next_hops: ballot.next_hops().iter().map(ToString::to_string).collect(),
        metric: ballot.metric(),
        eligible: candidate.eligible,
        reason: with_names(booth, &candidate.reason),
        engine_state: engine_state(ballot.engine.state).to_owned(),
        fib_age: age(ballot.fib.since),
        engine_age: age(ballot.engine.since),
        weight: candidate.weight.clone(),
        group: candidate.group.map(u32::from),
        probe: probe.into(),
        probe_egress,
        probe_age: known_age(ballot.probe != ProbeEvidence::Unknown, ballot.probe_since),
        verified: verified.into(),
        verified_egress,
        verified_age: known_age(
            ballot.verification != VerificationEvidence::Unknown,
            ballot.verification_since,
        ),
        ..v1::Candidate::default()
    }
}

fn step(booth: &Booth, record: &StepRecord, decisive: bool) -> v1::VoteStep {
    v1::VoteStep {
        step: record.step.to_string(),
        detail: with_names(booth, &record.detail),
        remaining: names(booth.spec(), &record.remaining),
        decisive,
    }
}

/// A vote with everything that led to it, in wire terms.
#[must_use]
pub fn explanation(
    booth: &Booth,
    clock: &Clock,
    prefix: Ipv4Net,
    explained: &Explanation,
    steered: bool,
) -> v1::Explanation {
    let spec = booth.spec();
    let now = clock.now();
    let policy = spec.foreign.iter().find(|foreign| foreign.prefix == prefix).map(|foreign| *foreign.policy);
    let decisive = explained.verdict.decisive_step;
    v1::Explanation {
        vote: Some(vote(spec, clock, prefix, &explained.verdict, steered)),
        candidates: explained.candidates.iter().map(|c| candidate(booth, now, c)).collect(),
        steps: explained.steps.iter().map(|s| step(booth, s, s.step == decisive)).collect(),
        policy: policy.map(|policy| policy_in_words(spec, &policy)).unwrap_or_default(),
        comparison: explained.verdict.comparison.map_or("none", comparison).to_owned(),
        verifying_since: booth.verifying_since().map(|since| clock.timestamp(since)),
    }
}

fn comparison(comparison: braid_vote::Comparison) -> &'static str {
    match comparison {
        braid_vote::Comparison::Egress => "egress",
        braid_vote::Comparison::NextHops => "next-hops",
        braid_vote::Comparison::Reachability => "reachability",
    }
}

/// What probes have measured, in wire terms; `None` as long as they have measured nothing.
#[must_use]
pub fn probes(
    spec: &Spec,
    statistics: &Statistics,
    lost: &BTreeSet<(VnId, NodeName)>,
) -> Option<v1::ProbeReport> {
    let borders = &spec.probes.as_ref()?.borders;
    let path = |pair: &PairStatistics| {
        let (to, _) = borders.iter().find(|(_, loopback)| **loopback == pair.border)?;
        let state = match pair.round_trip {
            _ if lost.contains(&(pair.vn, to.clone())) => v1::ProbeState::Lost,
            Some(_) => v1::ProbeState::Delivers,
            None => v1::ProbeState::Unspecified,
        };
        let one_way = pair.one_way_us.map(|us| prost_types::Duration {
            seconds: us / 1_000_000,
            nanos: i32::try_from(us % 1_000_000 * 1000).unwrap_or_default(),
        });
        Some(v1::ProbePath {
            vn: name(spec, pair.vn.get()),
            to: to.to_string(),
            sent: pair.sent,
            lost: pair.lost,
            round_trip: pair.round_trip.and_then(|span| span.try_into().ok()),
            one_way,
            jitter: pair.jitter.try_into().ok(),
            state: state.into(),
        })
    };
    let counters = &statistics.counters;
    let sent = counters.border_probes + counters.prefix_probes + counters.answers;
    (sent > 0).then(|| v1::ProbeReport {
        paths: statistics.pairs.iter().filter_map(path).collect(),
        malformed: counters.malformed,
        forged: counters.forged,
        replayed: counters.replayed,
        unexpected: counters.unexpected,
        sent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_where_there_are_names() {
        let booth = Booth::default();
        assert_eq!(with_names(&booth, "VN 1, VN 2 and VN x: 3"), "vn1, vn2 and VN x: 3");
        assert_eq!(with_names(&booth, "VN 999 at border 7"), "VN 999 at border 7");
    }
}
