//! Why a border forwards a prefix as it does, as `braid explain` shows it.

use std::time::Duration;

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Vote, present, probe};
use crate::{
    output::View,
    page::{Cell, Page, Tone},
    units,
};

/// A verdict with everything that led to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The verdict, its fields beside those below.
    #[serde(flatten)]
    pub vote: Vote,
    /// The policy in words.
    pub policy: Option<String>,
    /// What the ballots were compared on.
    pub comparison: Option<String>,
    /// Since when the border has what the controller verifies; null while it votes without.
    pub verifying_since: Option<Timestamp>,
    pub candidates: Vec<Candidate>,
    pub steps: Vec<Step>,
}

/// A virtual network's standing in the vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub vn: String,
    pub engine: String,
    pub code_base: String,
    pub next_hops: Vec<String>,
    /// The kernel route's priority; null without a route.
    pub metric: Option<u32>,
    pub eligible: bool,
    /// Why it is eligible or not.
    pub reason: Option<String>,
    /// Its weight as a fraction, such as "1/2".
    pub weight: Option<String>,
    /// Candidates of one group agree; null for one that is not eligible.
    pub group: Option<u32>,
    /// How the engine fares, as the border sees it.
    pub engine_state: Option<String>,
    /// How long the route has been stable.
    pub fib_age_ms: Option<u64>,
    /// How long the engine has been in its state.
    pub engine_age_ms: Option<u64>,
    /// What probes have found: "delivers" or "lost"; null if nothing yet.
    pub probe: Option<&'static str>,
    /// The borders at which probes come out.
    pub probe_egress: Vec<String>,
    /// How long ago they found that.
    pub probe_age_ms: Option<u64>,
    /// Where the FIBs lead: "delivers", "differs" (from the reference model), "loops" or "dropped"; null if not verified.
    pub verified: Option<&'static str>,
    /// The borders to which the FIBs lead.
    pub verified_egress: Vec<String>,
    /// How long ago verification found that.
    pub verified_age_ms: Option<u64>,
    /// What verification has to say in words.
    pub verified_detail: Option<String>,
    /// The nodes that the prefix passes, one line for each branch.
    pub path: Vec<String>,
    /// The routers on these paths that send the prefix by other next hops than the model's shortest paths.
    pub detours: Vec<String>,
    /// The protocol's own evidence: what announces the prefix.
    pub announced_by: Option<String>,
}

fn verified(wire: v1::VerifiedState) -> Option<&'static str> {
    match wire {
        v1::VerifiedState::Unspecified => None,
        v1::VerifiedState::Delivers => Some("delivers"),
        v1::VerifiedState::Differs => Some("differs"),
        v1::VerifiedState::Loops => Some("loops"),
        v1::VerifiedState::Dropped => Some("dropped"),
    }
}

/// A step of the vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub step: String,
    /// The values compared.
    pub detail: String,
    /// Who was left after it.
    pub remaining: Vec<String>,
    pub decisive: bool,
}

impl From<v1::Explanation> for Explanation {
    fn from(explanation: v1::Explanation) -> Self {
        Self {
            vote: explanation.vote.unwrap_or_default().into(),
            policy: present(explanation.policy),
            comparison: present(explanation.comparison),
            verifying_since: units::timestamp(explanation.verifying_since),
            candidates: explanation.candidates.into_iter().map(Candidate::from).collect(),
            steps: explanation.steps.into_iter().map(Step::from).collect(),
        }
    }
}

impl From<v1::Candidate> for Candidate {
    fn from(candidate: v1::Candidate) -> Self {
        Self {
            probe: probe::state(candidate.probe()),
            probe_egress: candidate.probe_egress.clone(),
            probe_age_ms: units::whole_milliseconds(candidate.probe_age),
            verified: verified(candidate.verified()),
            verified_egress: candidate.verified_egress.clone(),
            verified_age_ms: units::whole_milliseconds(candidate.verified_age),
            verified_detail: present(candidate.verified_detail.clone()),
            path: candidate.path.clone(),
            detours: candidate.detours.clone(),
            announced_by: present(candidate.announced_by.clone()),
            vn: candidate.vn,
            engine: candidate.engine,
            code_base: candidate.code_base,
            next_hops: candidate.next_hops,
            metric: candidate.metric,
            eligible: candidate.eligible,
            reason: present(candidate.reason),
            weight: present(candidate.weight),
            group: candidate.group,
            engine_state: present(candidate.engine_state),
            fib_age_ms: units::whole_milliseconds(candidate.fib_age),
            engine_age_ms: units::whole_milliseconds(candidate.engine_age),
        }
    }
}

impl From<v1::VoteStep> for Step {
    fn from(step: v1::VoteStep) -> Self {
        Self { step: step.step, detail: step.detail, remaining: step.remaining, decisive: step.decisive }
    }
}

impl Explanation {
    fn verdict(&self, now: Timestamp) -> String {
        let Vote { border, prefix, winner, decisive_step, since, .. } = &self.vote;
        let Some(winner) = winner else {
            return format!("{prefix} at {border}: no virtual network forwards it");
        };
        let step = decisive_step.as_ref().map(|step| format!(", decided by `{step}`"));
        let since = since.map(|since| format!(", for {}", units::age(since, now)));
        format!(
            "{prefix} at {border}: {winner} forwards{}{}",
            step.unwrap_or_default(),
            since.unwrap_or_default()
        )
    }
}

impl View for Explanation {
    fn draw(&self, page: &mut Page) {
        let vote = &self.vote;
        page.toned_line(self.verdict(page.now()), Tone::Strong);
        page.gap();
        let mut pairs = vec![
            ("policy", Cell::maybe(self.policy.as_ref())),
            ("compared on", Cell::maybe(self.comparison.as_ref())),
            (
                "verification",
                match self.verifying_since {
                    Some(since) => Cell::from(format!("for {}", units::age(since, page.now()))),
                    None => Cell::toned("none: the border votes without", Tone::Bad),
                },
            ),
            ("runner-up", Cell::maybe(vote.runner_up.as_ref())),
            ("dissenters", Cell::list(&vote.dissenters)),
            (
                "kernel route",
                match (vote.steered, &vote.winner) {
                    (true, _) => Cell::toned("follows the verdict", Tone::Good),
                    (false, Some(_)) => Cell::toned("does not follow the verdict", Tone::Bad),
                    (false, None) => Cell::maybe(None::<String>),
                },
            ),
        ];
        if let Some(alarm) = &vote.alarm {
            pairs.push(("alarm", Cell::toned(alarm, Tone::Bad)));
        }
        page.pairs(pairs);

        page.heading("candidates");
        let winner = vote.winner.as_deref();
        page.table(
            &["VN", "ENGINE", "STATE", "METRIC", "NEXT HOPS", "WEIGHT", "GROUP", "ELIGIBLE"],
            self.candidates.iter().map(|candidate| candidate.cells(winner)),
            "none",
        );

        if self.candidates.iter().any(Candidate::is_followed) {
            page.heading("evidence");
            page.table(
                &["VN", "PROBES", "VERIFIED", "PATH", "ANNOUNCED BY"],
                self.candidates.iter().map(Candidate::evidence),
                "none",
            );
        }

        page.heading("steps");
        page.table(&["", "STEP", "DETAIL", "LEFT"], self.steps.iter().map(Step::cells), "none");
    }
}

impl Candidate {
    /// Whether anything is known of it beyond its FIB at the border.
    fn is_followed(&self) -> bool {
        self.probe.is_some()
            || self.verified.is_some()
            || !self.path.is_empty()
            || self.announced_by.is_some()
    }

    /// The paths, and below them where they leave the shortest ones.
    fn ways(&self) -> Vec<String> {
        let detours = self.detours.iter().map(|detour| format!("detour: {detour}"));
        self.path.iter().cloned().chain(detours).collect()
    }

    fn evidence(&self) -> Vec<Cell> {
        let found = |state: Option<&str>, egress: &[String], age_ms: Option<u64>, detail: Option<&str>| {
            let Some(state) = state else { return Cell::maybe(None::<String>) };
            let mut text = state.to_owned();
            if !egress.is_empty() {
                text += " at ";
                text += &egress.join(", ");
            }
            if let Some(detail) = detail {
                text += ": ";
                text += detail;
            }
            if let Some(ms) = age_ms {
                text += ", for ";
                text += &units::rough_span(Duration::from_millis(ms));
            }
            Cell::toned(text, if state == "delivers" { Tone::Good } else { Tone::Bad })
        };
        vec![
            (&self.vn).into(),
            found(self.probe, &self.probe_egress, self.probe_age_ms, None),
            found(
                self.verified,
                &self.verified_egress,
                self.verified_age_ms,
                self.verified_detail.as_deref(),
            ),
            Cell::stack(&self.ways()),
            Cell::maybe(self.announced_by.as_ref()),
        ]
    }

    fn cells(&self, winner: Option<&str>) -> Vec<Cell> {
        let aged = |text: &str, age_ms: Option<u64>| match age_ms {
            Some(ms) => format!("{text} {}", units::rough_span(Duration::from_millis(ms))),
            None => text.to_owned(),
        };
        let state = self.engine_state.as_ref().map(|state| aged(state, self.engine_age_ms));
        let eligible = match (self.eligible, &self.reason) {
            // "yes: eligible" says it twice.
            (true, Some(reason)) if reason != "eligible" => format!("yes: {reason}"),
            (true, _) => "yes".to_owned(),
            (false, Some(reason)) => format!("no: {reason}"),
            (false, None) => "no".to_owned(),
        };
        let won = winner == Some(self.vn.as_str());
        vec![
            Cell::toned(&self.vn, if won { Tone::Strong } else { Tone::Plain }),
            (&self.engine).into(),
            Cell::maybe(state),
            Cell::maybe(self.metric),
            Cell::stack(&self.next_hops),
            Cell::maybe(self.weight.as_ref()),
            Cell::maybe(self.group),
            Cell::toned(eligible, if self.eligible { Tone::Good } else { Tone::Bad }),
        ]
    }
}

impl Step {
    fn cells(&self) -> Vec<Cell> {
        let tone = if self.decisive { Tone::Strong } else { Tone::Plain };
        vec![
            Cell::toned(if self.decisive { "=>" } else { "" }, tone),
            Cell::toned(&self.step, tone),
            (&self.detail).into(),
            Cell::list(&self.remaining),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{at, drawn};

    fn explanation() -> Explanation {
        let candidate = |vn: &str, eligible: bool, reason: &str| v1::Candidate {
            vn: vn.into(),
            engine: "frr-ospf".into(),
            code_base: "frr".into(),
            next_hops: if eligible { vec!["100.65.0.1 dev eth1".into()] } else { Vec::new() },
            metric: eligible.then_some(20),
            eligible,
            reason: reason.into(),
            engine_state: "running".into(),
            engine_age: Some(prost_types::Duration { seconds: 61, nanos: 0 }),
            weight: "1/2".into(),
            group: eligible.then_some(1),
            ..Default::default()
        };
        let step = |step: &str, remaining: &[&str], decisive| v1::VoteStep {
            step: step.into(),
            detail: "compared".into(),
            remaining: remaining.iter().map(|vn| (*vn).to_owned()).collect(),
            decisive,
        };
        v1::Explanation {
            vote: Some(v1::Vote {
                border: "seattle".into(),
                prefix: "198.18.5.0/24".into(),
                winner: Some("red".into()),
                decisive_step: "master".into(),
                since: at(60),
                steered: true,
                ..Default::default()
            }),
            candidates: vec![candidate("red", true, "delivers"), candidate("blue", false, "no route")],
            steps: vec![step("eligible", &["red", "green"], false), step("master", &["red"], true)],
            policy: "master red".into(),
            comparison: "egress".into(),
            verifying_since: None,
        }
        .into()
    }

    #[test]
    fn the_verdict_comes_first_and_the_decisive_step_is_marked() {
        let text = drawn(&explanation());
        assert!(
            text.starts_with("198.18.5.0/24 at seattle: red forwards, decided by `master`, for 30s\n"),
            "{text}"
        );
        assert!(text.contains("\n=>  master    compared  red\n"), "{text}");
        assert!(text.contains("running 1m 1s"), "{text}");
        assert!(text.contains("none: the border votes without"), "{text}");
        assert!(text.contains("no: no route"), "{text}");
    }

    #[test]
    fn an_explanation_has_the_fields_that_scripts_rely_on_at_its_top() {
        let json = serde_json::to_value(explanation()).unwrap();
        assert_eq!(json["winner"], "red");
        assert_eq!(json["candidates"][1]["reason"], "no route");
        assert!(json["candidates"][1]["metric"].is_null());
        assert_eq!(json["candidates"][0]["engine_age_ms"], 61_000);
        for field in ["border", "prefix", "decisive_step", "policy", "comparison", "since", "steps"] {
            assert!(!json[field].is_null(), "{field}");
        }
        for field in ["runner_up", "alarm"] {
            assert!(json.get(field).is_some_and(serde_json::Value::is_null), "{field}");
        }
    }
}
