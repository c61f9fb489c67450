//! The record of evidence of a border, and its replay: what it voted on, and what other policies had made of that.
//!
//! It must not vote (that is `braid_vote`'s, here as live), talk to a network, or make a border wait: whatever the disk does
//! costs the record and nothing else.
//!
//! ```text
//!  booth ─► Recorder ═queue═► thread: Writer ─► record-<n>.brec …      Record ─► replay ─┬─ Poll ───────► turns ─┐
//!            (never waits)     bounded, checksums, LZ4                    (checked)      └─ hindsight ─► faults ─┴─► Outcome
//! ```
//!
//! # What is recorded
//!
//! Everything that a border's poll is told, in order and with its times: electors, elections opened, closed and changed,
//! [`braid_vote::Evidence`] that is news, when the poll decided, and which verdicts that changed. A poll is a pure function
//! of these, so a replay under the same policy gives the same verdicts ([`Outcome::mismatches`] counts those it does not).
//!
//! A record is a directory of files, together no larger than [`Limits::total`]: the oldest are deleted. Each file stands for
//! itself: it begins with a [`Header`], and a snapshot of all elections ([`Standing`]) follows, in slices between the events,
//! so that not even a million prefixes keep the voter waiting. Events on a prefix count from its turn in the snapshot on. What
//! a snapshot does not hold is how VNs stood in the past (strikes, damping), so a replay that begins with one may differ from
//! what was decided live until these are forgotten. Replayed from the border's start, nothing differs.
//!
//! Where events were lost, since the disk was full or they came faster than it writes, the next file's header says how many:
//! a gap. What follows is another stretch, replayed by itself, as are the lives of a border before and after a restart. A torn
//! or damaged end of a file is left out, with a warning.
//!
//! # How verdicts are judged
//!
//! Afterwards, the evidence in a record tells when each VN did not deliver a prefix. It did not
//!
//! - without a usable route, or while packets could not get into it ([`Cause::NoRoute`]),
//! - while probes for the prefix, or to all borders at which it ought to come out, were lost ([`Cause::Lost`]),
//! - while it was verified to loop or to drop ([`Cause::Loops`], [`Cause::Dropped`]),
//! - while it delivered at a border where the prefix is not attached, or where the reference model does not expect it
//!   ([`Cause::Misdirected`]),
//! - while it delivered elsewhere than the strict majority of the code bases ([`Cause::Outvoted`]); unless the majority came
//!   over to it in the end: then it was merely first with the truth.
//!
//! That an engine is gone is no fault by itself, since its routes still forward. A fault begins with the time of its first
//! evidence, which for probes lies before the border could know of it. From that:
//!
//! | figure | is |
//! | --- | --- |
//! | wrong | the time during which the VN that drove did not deliver, summed over prefixes |
//! | unavoidable | of that, while no other VN delivered either |
//! | undecided | the time without a driver, while some VN would have delivered |
//! | false switches | switches away from a VN that delivered, other than to the master |
//! | returns | switches away from a VN that delivered, to the master |
//! | faults, sat out | faults of a VN that drove when they began; those that were over before a switch |
//! | delay | from the beginning of the others to the switch |
//!
//! These are figures of a recorded world: under another policy other VNs would have been probed more often, and evidence
//! would have come sooner or later. That part of the truth no record has.
//!
//! # Calling it
//!
//! Live: one [`Recorder`] per border; [`Recorder::note`] each event just after the poll was told, [`Recorder::decided`] after
//! each decision that was due, and then [`Recorder::attend`]. Off line: [`Record::open`] and [`replay()`].
//!
//! ```
//! use braid_record::*;
//! use braid_vote::*;
//!
//! let dir = tempfile::tempdir()?;
//! let mut writer = Writer::open(dir.path(), Limits::default())?;
//! writer.begin(&Header { network: "lab".into(), border: "north".into(), ..Header::default() })?;
//! let electors = [(1, "frr"), (2, "bird")].map(|(vn, code_base)| Elector {
//!     vn,
//!     rank: vn.into(),
//!     code_base: code_base.to_owned(),
//!     layout: None,
//! });
//! writer.add(&Event::Electors(electors.to_vec()))?;
//! let (number, policy) = (PrefixId(0), Policy::new(Rule::Majority));
//! let prefix = "198.18.5.0/24".parse()?;
//! writer.add(&Event::Open { number, prefix, policy, attached: EgressSet::default(), adopted: None })?;
//! let hop = NextHop { gateway: None, interface: "eth1".into() };
//! let route = RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 };
//! for vn in [1, 2] {
//!     let evidence = Evidence::Route { prefix: number, vn, route: route.clone() };
//!     writer.add(&Event::Evidence { at: Millis(0), evidence })?;
//! }
//! for at in [0, 200, 5_000] {
//!     writer.add(&Event::Decide { at: Millis(at), changed: Vec::new() })?;
//! }
//! drop(writer);
//!
//! let record = Record::open(dir.path())?;
//! let rule = Some(parse_rule("master:2", &record)?);
//! let outcome = replay(&record, &Change { rule, ..Change::default() });
//! assert_eq!(outcome.prefixes[&prefix].turns.last().and_then(|turn| turn.winner), Some(2));
//! assert_eq!(outcome.figures.undecided_ms, 200, "a new prefix waits for steady ballots");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod event;
mod hindsight;
mod outcome;
mod reader;
mod recorder;
mod replay;
mod segment;
mod wire;
mod writer;

pub use change::{Change, RuleError, parse_rule};
pub use event::{Decided, Event, Header, Known, Standing};
pub use hindsight::Cause;
pub use outcome::{Fault, Figures, Outcome, Timeline, Turn};
pub use reader::{Record, RecordError};
pub use recorder::Recorder;
pub use replay::replay;
pub use segment::Segment;
pub use wire::Engine;
pub use writer::{Limits, Writer};
