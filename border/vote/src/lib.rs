//! The voter: a pure function from the history of evidence, at one border, to the VN that forwards each prefix.
//!
//! It must not know the time, the network, files, threads or any other crate of braid (`clippy.toml` enforces it): whoever
//! calls it passes the time and the evidence, and acts on the verdicts. The same history gives the same verdicts, in
//! whatever order VNs are passed, so a record of evidence can be replayed, also under another policy.
//!
//! ```text
//!  Evidence: FIB, engine,        [ Poll ]
//!  port, probe, verification,     a cell per prefix and VN: its ballot, and how it stood so far
//!        │                        a race per prefix: who drives, and why
//!        ▼                              │                            ┌─► Verdict (steer by it)
//!      hear ─► cells ─► decide ─► seats ─► eligible? ─► groups, votes ─► steps ─► next_due (decide again)
//!                                       │                            ├─► doubt, drives, succession
//!                                explain: the same steps ────────────└─► Explanation (words)
//! ```
//!
//! # The rules
//!
//! - **Eligibility.** A VN with a usable route and nothing against it is eligible. Then come usable routes of an engine that
//!   is gone, silent or starting; under `verified` those that lead where the reference model does not expect it; those whose
//!   probes are lost or that are verified to loop or drop. The winner always comes from the best of these tiers that has a VN
//!   in it, so the last VN standing is never voted out; without any usable route steering stays where it is.
//! - **Votes.** The best tier votes. Each code base has one vote, shared evenly by its VNs, in exact fractions.
//! - **Agreement.** Ballots are compared by the strongest [`Comparison`] that all of them support, and fall into groups. Where
//!   a VN delivers is known from its probes, else from verification. A strict majority of the votes *contradicts* the VNs
//!   outside its group.
//! - **[`Rule::Majority`].** The incumbent stays unless contradicted; else the majority's group wins, or without one the
//!   largest, and in it the first in order of preference. So 1-1-1 keeps the incumbent, with [`Alarm::Split`].
//! - **[`Rule::Master`].** The same, but that the master drives whenever it is neither contradicted nor held back.
//! - **[`Rule::FirstK`].** As by majority, but only the `k` code bases whose ballots have been steady longest vote. With fewer
//!   than three a single code base that lied from the start is not outvoted.
//! - **[`Rule::Consensus`].** As by majority, but that a contradiction decides only once all have been steady for `settle`, or
//!   after `deadline`.
//! - **Patience.** Hard evidence (anything that makes a VN not eligible) moves the prefix at once. A contradiction must have
//!   stood for `settle` without a break, whatever VNs other than the contradicted one and its contradictors do meanwhile: so
//!   no bystander can delay it. A split must have lasted as long before it raises an alarm. A master that has not failed takes
//!   over once its route has been stable for `settle`. A new prefix waits until every ballot has been steady for `settle` and
//!   no engine is starting, or for `deadline`.
//! - **Converged clones.** Settling waits to see whether ballots change. An engine that can be cloned knows: its clone runs
//!   all pending work at once, and where none is left, routes stay as they are ([`Evidence::Converged`]). A contradiction
//!   decides without settling if a majority contradicts by such ballots alone, and the contradicted one is such a ballot,
//!   too, or has itself been the same for `settle`; a new prefix does not wait for them. They count if the clone was asked [`SPREAD`] after what began it, so that
//!   news had time to reach all VNs, and after the route and the engine last changed; a clone knows its own routes only, so
//!   where packets come out must have been seen for as long. A VN without a route may still get one, and settles. Where a
//!   clone says that a route is about to change, a new prefix and [`Rule::Consensus`] wait for it, up to the deadline.
//! - **Fail-back.** A VN that was voted out, by hard evidence or a contradiction, returns after `fail_back` of being eligible
//!   and uncontradicted without a break, twice as long after each relapse, up to [`FAIL_BACK_CEILING`]. It stands back behind
//!   others until then, but before nothing at all. Ten minutes ([`FORGIVEN_AFTER`]) of driving cleanly wipe its slate. When
//!   all VNs had lost the prefix, nobody is blamed for not being the first to have it back.
//! - **[`Damping`].** A VN that loses the prefix again and again, driving or not, stands back in the same way until it has
//!   calmed down. An incumbent does not lose by that alone.
//!
//! What no vote can mask is most code bases being wrong in the same way. Verification shows it: [`Alarm::Unverified`]; and
//! under `verified` those at fault have no vote.
//!
//! # Size and speed
//!
//! Sets of next hops and of borders are kept once and named by number. A ballot with its standing takes 48 bytes, a race 48,
//! so a million prefixes in five VNs take some 320 MB, and a vote about half a microsecond (`examples/votes.rs` measures
//! both).
//!
//! # Calling it
//!
//! One [`Poll`] per border. Tell it the electors, open an election for each prefix, pass evidence to [`Poll::hear`], and call
//! [`Poll::decide`] after that and at [`Poll::next_due`]; a call too many changes nothing. After a restart, [`Poll::adopt`]
//! what the kernel steers by, and decide once every FIB has been read: what has not been heard of counts as a lost route.
//! [`Poll::explain`] gives the reasons, by the same code.
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
//! let mut poll = Poll::new();
//! poll.set_electors(&[elector(1, "frr"), elector(2, "bird")]);
//! let prefix = poll.open(Policy::new(Rule::Master { master: 1 }), &EgressSet::default());
//!
//! let next_hop = NextHop { gateway: Some([100, 65, 0, 1].into()), interface: "eth1".into() };
//! let route = RouteEvidence::Usable { next_hops: [next_hop].into_iter().collect(), metric: 20 };
//! for vn in [1, 2] {
//!     poll.hear(Millis(0), &Evidence::Route { prefix, vn, route: route.clone() });
//! }
//! poll.decide(Millis(0));
//! assert_eq!(poll.next_due(), Some(Millis(200)), "a new prefix waits for steady ballots");
//! assert_eq!(poll.decide(Millis(200)), [prefix]);
//! assert_eq!((poll.winner(prefix), poll.succession(1)), (Some(1), Some(2)));
//!
//! // The master's engine dies: VN 2 takes over at once, and the explanation says why.
//! poll.hear(Millis(5_000), &Evidence::Engine { vn: 1, state: EngineState::Gone });
//! assert_eq!(poll.decide(Millis(5_000)), [prefix]);
//! let explanation = poll.explain(Millis(5_000), prefix).expect("it is voted on");
//! assert_eq!(explanation.verdict.winner, Some(2));
//! assert_eq!(explanation.steps[0].detail, "eligible: 1 of 2; VN 1: engine is gone: route is stale");
//! ```

mod agenda;
mod cell;
mod comparison;
mod course;
mod damping;
mod electorate;
mod eligibility;
mod evidence;
mod explain;
mod hearing;
mod intern;
mod mask;
mod policy;
mod poll;
mod race;
mod sets;
mod sorted;
mod time;
mod totals;
mod verdict;
mod voter;
mod words;

pub use comparison::Comparison;
pub use damping::{Damping, FLAP};
pub use electorate::{Elector, LayoutClass};
pub use eligibility::Eligibility;
pub use evidence::{
    Ballot, CloneEvidence, EgressId, EgressSet, EngineEvidence, EngineState, Evidence, FibEvidence, NextHop,
    PrefixId, ProbeEvidence, RouteEvidence, Unusable, VerificationEvidence,
};
pub use policy::{FAIL_BACK_CEILING, FORGIVEN_AFTER, PROOF, Policy, Rule, SPREAD};
pub use poll::Poll;
pub use sorted::SortedSet;
pub use time::Millis;
pub use verdict::{Alarm, Candidate, Explanation, Step, StepRecord, Verdict};
