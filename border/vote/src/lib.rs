//! The voter.

mod course;
mod election;
mod electorate;
mod eligibility;
mod evidence;
mod grouping;
mod policy;
mod sorted;
mod standing;
mod time;
mod verdict;

pub use election::Election;
pub use electorate::{Elector, LayoutClass};
pub use eligibility::Eligibility;
pub use evidence::{
    Ballot, EngineEvidence, EngineState, FibEvidence, NextHop, ProbeEvidence, RouteEvidence, Unusable,
    VerificationEvidence,
};
pub use grouping::Comparison;
pub use policy::{FAIL_BACK_CEILING, FORGIVEN_AFTER, Policy, Rule};
pub use sorted::SortedSet;
pub use time::Millis;
pub use verdict::{Alarm, Candidate, Decision, Explanation, Step, StepRecord, Verdict};
