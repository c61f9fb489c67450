//! Verdicts and their reasons as the controller hears them.

use std::time::{Duration, Instant, SystemTime};

use braid_proto::{VnId, v1};
use braid_vote::{Candidate, EngineState, Explanation, Millis, Policy, Rule, StepRecord, Verdict};
use ipnet::Ipv4Net;

use crate::{booth::Booth, spec::Spec};

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

/// The voter speaks of `VN 1`; operators know it by name.
fn with_names(spec: &Spec, text: &str) -> String {
    const MARK: &str = "VN ";
    let mut named = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, after) = (&rest[..at], &rest[at + MARK.len()..]);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        named.push_str(before);
        match after[..digits].parse() {
            Ok(vn) => named.push_str(&name(spec, vn)),
            Err(_) => named.push_str(&rest[at..at + MARK.len() + digits]),
        }
        rest = &after[digits..];
    }
    named + rest
}

fn policy_in_words(spec: &Spec, policy: &Policy) -> String {
    let rule = match policy.rule {
        Rule::Master { master } => format!("master {}", name(spec, master)),
        Rule::Majority => "majority of code bases".to_owned(),
    };
    format!("{rule}, settle {:?}, fail back {:?}", policy.settle, policy.fail_back)
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

fn candidate(booth: &Booth, now: Millis, prefix: Ipv4Net, candidate: &Candidate) -> v1::Candidate {
    let id = VnId::try_from(u32::from(candidate.vn)).ok();
    let vn = id.and_then(|id| booth.spec().vn(id));
    let ballot = id.and_then(|id| booth.ballot(id, prefix));
    let age = |since: Millis| prost_types::Duration::try_from(now.since(since)).ok();
    v1::Candidate {
        vn: name(booth.spec(), candidate.vn),
        engine: vn.map(|vn| vn.engine.clone()).unwrap_or_default(),
        code_base: vn.map(|vn| vn.code_base.clone()).unwrap_or_default(),
        next_hops: candidate.next_hops.iter().map(ToString::to_string).collect(),
        metric: candidate.metric,
        eligible: candidate.eligible,
        reason: with_names(booth.spec(), &candidate.reason),
        engine_state: ballot
            .as_ref()
            .map_or("unknown", |ballot| engine_state(ballot.engine.state))
            .to_owned(),
        fib_age: ballot.as_ref().and_then(|ballot| age(ballot.fib.since)),
        engine_age: ballot.as_ref().and_then(|ballot| age(ballot.engine.since)),
        weight: candidate.weight.clone(),
        group: candidate.group.map(u32::from),
    }
}

fn step(spec: &Spec, record: &StepRecord, decisive: bool) -> v1::VoteStep {
    v1::VoteStep {
        step: record.step.to_string(),
        detail: with_names(spec, &record.detail),
        remaining: names(spec, &record.remaining),
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
    let policy = spec.foreign.iter().find(|foreign| foreign.prefix == prefix).map(|foreign| foreign.policy);
    let decisive = explained.verdict.decisive_step;
    v1::Explanation {
        vote: Some(vote(spec, clock, prefix, &explained.verdict, steered)),
        candidates: explained.candidates.iter().map(|c| candidate(booth, now, prefix, c)).collect(),
        steps: explained.steps.iter().map(|s| step(spec, s, s.step == decisive)).collect(),
        policy: policy.map(|policy| policy_in_words(spec, &policy)).unwrap_or_default(),
        comparison: explained.verdict.comparison.map_or("none", comparison).to_owned(),
    }
}

fn comparison(comparison: braid_vote::Comparison) -> &'static str {
    match comparison {
        braid_vote::Comparison::Egress => "egress",
        braid_vote::Comparison::NextHops => "next-hops",
        braid_vote::Comparison::Reachability => "reachability",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_where_there_are_names() {
        assert_eq!(with_names(&Spec::default(), "VN 1, VN 2 and VN x: 3"), "vn1, vn2 and VN x: 3");
        assert_eq!(with_names(&Spec::default(), "VN 999"), "VN 999");
    }
}
