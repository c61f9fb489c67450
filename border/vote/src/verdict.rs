//! What a vote comes to, and how that is explained.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Ballot, Comparison, Millis};

/// The outcome of a vote on one prefix at one border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The VN that forwards the prefix; none if there never was one with a usable route, or the prefix is new and its
    /// ballots are not steady yet.
    pub winner: Option<u8>,
    /// The first step that left a single VN.
    pub decisive_step: Step,
    /// Who would win if the winner were taken away.
    pub runner_up: Option<u8>,
    /// The VNs that disagree with the winner, or cannot forward what the winner can; ascending.
    pub dissenters: Vec<u8>,
    /// Since when the winner has been winning.
    pub since: Millis,
    /// What an operator should know; of several things the gravest.
    pub alarm: Option<Alarm>,
    /// How ballots were compared; none with fewer than two to compare.
    pub comparison: Option<Comparison>,
}

/// A step of the vote. Each narrows the VNs that are left; the first that leaves one is decisive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// No VN has a usable route: the steering stays where it is.
    NoneUsable,
    /// A new prefix waits for its ballots to become steady.
    Gathering,
    /// The electorate has one VN.
    OnlyCandidate,
    /// VNs that are not eligible drop out.
    Eligibility,
    /// No VN is eligible: the least bad of those with a route are better than nothing.
    LastStanding,
    /// Patience: the incumbent keeps driving until a disagreement, or a master's return, has settled.
    Settling,
    /// VNs that a strict majority contradicts drop out.
    Majority,
    /// VNs that were voted out and have not been clean for long enough drop out.
    FailBack,
    /// VNs that lose the prefix again and again drop out until they have calmed down.
    Damping,
    /// The master drives.
    Master,
    /// Nobody has a reason to take over from the incumbent, though others are preferred to it.
    Incumbent,
    /// Without majority and incumbent, the largest group stays.
    Plurality,
    /// The first in the order of preference stays.
    Preference,
}

impl Step {
    /// The stable name, in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::NoneUsable => "none-usable",
            Step::Gathering => "gathering",
            Step::OnlyCandidate => "only-candidate",
            Step::Eligibility => "eligibility",
            Step::LastStanding => "last-standing",
            Step::Settling => "settling",
            Step::Majority => "majority",
            Step::FailBack => "fail-back",
            Step::Damping => "damping",
            Step::Master => "master",
            Step::Incumbent => "incumbent",
            Step::Plurality => "plurality",
            Step::Preference => "preference",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an operator should know about a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// The voters have disagreed for longer than `settle`, and no group holds a strict majority: nobody can say who is
    /// right.
    Split,
    /// Verification speaks against the winner: it loops, drops, or delivers where the reference model does not expect it.
    /// If it is the majority that errs, no vote can mask that.
    Unverified,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Alarm::Split => "split",
            Alarm::Unverified => "unverified",
        })
    }
}

/// A verdict with its reasons, in words. VNs and borders are named by number, as `VN 1` and `border 2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The verdict that is explained.
    pub verdict: Verdict,
    /// When the same evidence may lead to another verdict. Until then it does not; none: never.
    pub recheck_at: Option<Millis>,
    /// The steps up to the decisive one, which is the last.
    pub steps: Vec<StepRecord>,
    /// Every VN of the electorate, in order of preference.
    pub candidates: Vec<Candidate>,
}

/// One step of a vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step.
    pub step: Step,
    /// The values it compared, in words.
    pub detail: String,
    /// The VNs that it left, in order of preference.
    pub remaining: Vec<u8>,
}

/// One VN in an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The VN's id.
    pub vn: u8,
    /// Whether it is fit to win by itself.
    pub eligible: bool,
    /// Why, or why not, and what else holds it back.
    pub reason: String,
    /// The evidence on it, with ages.
    pub ballot: Ballot,
    /// Its share of its code base's vote, as a whole number or fraction; `0` if it does not vote.
    pub weight: String,
    /// Number of the group of VNs that agree with it, from 1; none if it is not compared.
    pub group: Option<u16>,
}
