//! The lab: hosts and cables on one machine, and the braid processes on them.
//!
//! The lab only makes what real hosts bring along (a network namespace per node and per customer host, a veth pair per
//! cable) and starts the processes; agents and borders then run the same code path as on real hosts. It builds no virtual
//! router, votes on nothing, and touches nothing that does not carry its mark.
//!
//! ```text
//!  topology file ─► plan ─► Wiring ─┐                        ┌─► namespaces, cables
//!                                   ├─ plan(desired, actual) ┤
//!        kernel ──survey──► Actual ─┘                        └─► daemons ──► controller says "converged"
//! ```
//!
//! Contract: [`up`], [`restart`] and [`down`] may be interrupted at any point, also by SIGKILL, and called again: each
//! compares what ought to be with what the kernel holds, and closes the difference. What is in order is left alone, so `up`
//! on a running lab disturbs no traffic. One of them works on a lab at a time.
//!
//! Everything that the lab makes is marked, and only what is marked is removed:
//!
//! | what | mark |
//! | --- | --- |
//! | namespace of a node or host | name `<lab>.<node>`; alias of its `lo`: `braid node of <lab's directory>` |
//! | namespace of a virtual router | name `<lab>.<node>.<vn>` with a marked `<lab>.<node>` beside it |
//! | cable | alias of both ends: `braid cable of <lab>: …` with all that it was made from |
//! | process | its network namespace, its cgroup, or its record in the lab's directory |
//! | cgroup | `braid/<lab>` |
//! | file | below the lab's directory |
//!
//! ```no_run
//! use braid_lab::{Root, down, exec_command, list};
//! # async fn example() -> Result<(), braid_lab::LabError> {
//! let root = Root::from_env();
//! for lab in list(&root)? {
//!     println!("{} with {} namespaces", lab.name, lab.namespaces);
//! }
//! let abilene = "abilene".parse().expect("a legal name");
//! let ping = ["ping", "-c", "3", "198.18.5.10"].map(str::to_owned);
//! exec_command(&root, &abilene, "seattle-host", &ping)?.status().expect("ping runs");
//! down(&root, &abilene).await?;
//! # Ok(())
//! # }
//! ```

mod cabling;
mod cgroup;
mod controller;
mod converge;
mod down;
mod error;
mod exec;
mod files;
mod list;
mod member;
mod paths;
mod plan;
mod preflight;
mod process;
mod progress;
mod reaper;
mod record;
mod removal;
mod restart;
mod roster;
mod stages;
mod survey;
#[cfg(test)]
mod testing;
mod up;
mod wiring;

pub use down::{DownReport, down};
pub use error::LabError;
pub use exec::exec_command;
pub use list::{LabSummary, list};
pub use member::Daemon;
pub use paths::{Lab, Root};
pub use preflight::{Missing, preflight};
pub use progress::{Progress, Stage};
pub use restart::restart;
pub use up::{UpOptions, UpReport, up, wire};
