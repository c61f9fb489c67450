//! The voter: a pure function from the history of evidence on one prefix, at one border, to the VN that forwards it.
//!
//! It must not know the time, the network, files, threads or any other crate of braid (`clippy.toml` enforces it): whoever
//! calls it passes the time and the evidence, and acts on the verdict. The same history gives the same verdicts, in
//! whatever order VNs are passed, so a record of evidence can be replayed, also under another policy.
//!
//! ```text
//!  FIB, engine,                       [ Election ]
//!  probe, verification                 standings: how each VN stood so far
//!        │                                  │                       ┌─► Verdict (steer by it)
//!        ▼                                  ▼                       │
//!  [Ballot]s + [Elector]s ─► seats ─► eligible? ─► groups, votes ─► steps ─► recheck_at (call again)
//!                                                                   │
//!                                     explain: the same steps ──────└─► Explanation (words)
//! ```
//!
//! # The rules
//!
//! - **Eligibility.** A VN with a usable route and no doubt about its engine is eligible. A usable route of an engine that is
//!   gone, silent or starting is stale. The winner always comes from the eligible; if there are none, from the stale, so the
//!   last VN standing is never voted out; if there are none either, steering stays where it is.
//! - **Votes.** The best of these tiers votes. Each code base has one vote, shared evenly by its VNs, in exact fractions.
//! - **Agreement.** Voters are compared by the strongest [`Comparison`] that all of them support, and fall into groups. A
//!   strict majority of the votes *contradicts* the VNs outside its group.
//! - **`majority`.** The incumbent stays unless contradicted; else the majority's group wins, or without one the largest,
//!   and in it the first in order of preference.
//! - **`master`.** The same, but that the master drives whenever it is neither contradicted nor waiting to fail back.
//! - **Patience.** Hard evidence (no usable route, an engine gone or silent) moves the prefix at once. A contradiction must
//!   have stood for `settle` without a break, whatever VNs other than the contradicted one and its contradictors do
//!   meanwhile: so no bystander can delay it. A split must have lasted as long before it raises an alarm. A master that has
//!   not failed takes over once its route has been stable for `settle`.
//! - **Fail-back.** A VN that was voted out, by hard evidence or a contradiction, returns after `fail_back` of being eligible
//!   and uncontradicted without a break, twice as long after each relapse, up to [`FAIL_BACK_CEILING`]. It stands back behind
//!   others until then, but before nothing at all. Ten minutes ([`FORGIVEN_AFTER`]) of driving cleanly wipe its slate. When
//!   all VNs had lost the prefix, nobody is blamed for not being the first to have it back.
//!
//! # Calling it
//!
//! One [`Election`] per prefix. Call [`Election::decide`] on every change of evidence, electors or policy, and at
//! `recheck_at`; a call too many changes nothing. After a restart, [`Election::adopt`] what the kernel steers by, and vote
//! once every FIB has been read: an absent ballot counts as a lost route. [`Election::explain`] gives the reasons, by the same
//! code.
//!
//! ```
//! use braid_vote::*;
//!
//! let elector = |vn, code_base: &str| Elector {
//!     vn,
//!     rank: vn.into(),
//!     code_base: code_base.to_owned(),
//!     layout: Some(LayoutClass(1)),
//! };
//! let electors = [elector(1, "frr"), elector(2, "bird")];
//! let ballot = |vn| Ballot {
//!     fib: FibEvidence {
//!         route: RouteEvidence::Usable {
//!             next_hops: [NextHop { gateway: Some([100, 65, 0, 1].into()), interface: "eth1".into() }]
//!                 .into_iter()
//!                 .collect(),
//!             metric: 20,
//!         },
//!         since: Millis(0),
//!     },
//!     ..Ballot::blank(vn)
//! };
//! let mut ballots = [ballot(1), ballot(2)];
//!
//! let mut election = Election::new(Policy::new(Rule::Master { master: 1 }));
//! let decision = election.decide(Millis(0), &electors, &ballots);
//! assert_eq!((decision.verdict.winner, decision.verdict.runner_up), (Some(1), Some(2)));
//!
//! // The master's engine dies: VN 2 takes over at once, and the explanation says why.
//! ballots[0].engine = EngineEvidence { state: EngineState::Gone, since: Millis(5_000) };
//! let decision = election.decide(Millis(5_000), &electors, &ballots);
//! assert!(decision.changed);
//! assert_eq!((decision.verdict.winner, decision.verdict.decisive_step), (Some(2), Step::Eligibility));
//! let explanation = election.explain(Millis(5_000), &electors, &ballots);
//! assert_eq!(explanation.steps[0].detail, "eligible: 1 of 2; VN 1: engine is gone: route is stale");
//! ```

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
