//! The process around an embedded routing engine: one engine, one virtual router, one process.
//!
//! The shell owns what every engine needs: the loop, links, kernel routes, control socket, log, pid file. The engine owns its
//! protocol and its packet socket. Both have one thread, which waits for packets and time by plain `ppoll`; what is rare is waited
//! for by tokio on a second one. This crate must not compute routes, build packets or decide when to run: the first two
//! are the sans-IO crates' work, the last is the agent's.
//!
//! ```text
//!               ┌── packets, time ────────────────────────────►┐              ┌──► packets
//!  kernel ──────┼── links, kernel routes of others ──►┐        ├─► Engine ────┤
//!               └── signals ─────────────────────────►┼─ Rare ─┘              └──► RouteUpdate ──► Fib ──► kernel, in batches
//!  control socket ── a question, a line of JSON ─────►┘
//! ```
//!
//! # Contract with the agent
//!
//! - [`start`] returns in the foreground when something is wrong, and else goes into the background: nobody's child. It leaves
//!   `NAME.pid`, `NAME.sock`, `NAME.log` and `NAME.lock` in the run directory; the lock is held as long as the process lives.
//! - SIGTERM: neighbours are told, routes are removed, the process ends. SIGHUP: the configuration is read anew.
//! - SIGKILL: routes stay. The next life leaves them alone until it has learnt each of them anew from all its neighbours and
//!   its own have not changed for a quarter of a dead interval (hold time), at most for three of them, and then changes what
//!   differs, in one batch. Where many engines are killed at once, each would else act on too few links: packets would loop.
//! - Routes carry a protocol number of each engine's own ([`ospf::ROUTE_PROTOCOL`], 77; [`isis::ROUTE_PROTOCOL`], 78; braid's
//!   static ones have 76, zebra's 11, 187 and 188, BIRD's 12) and metric 110 of OSPF, 115 of IS-IS. What somebody else does to
//!   them is put right within 30 s, and counted.
//! - A link that loses carrier loses its routes in the same turn of the loop, whatever back-off the engine is in.
//!
//! ```
//! use braid_native::ospf::File;
//! let file: File = serde_json::from_str(r#"{
//!     "router_id": "100.64.0.1",
//!     "interfaces": { "eth1": { "address": "100.65.0.2/31", "cost": 30, "hello_s": 1 } }
//! }"#)?;
//! assert_eq!(file.interfaces["eth1"].dead_s, None);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::{path::PathBuf, process::ExitCode};

mod client;
mod clock;
mod control;
mod daemon;
mod engine;
mod error;
mod externals;
mod fib;
mod file;
pub mod isis;
mod json;
mod log;
mod memory;
pub mod ospf;
mod rare;
mod router;
mod secret;
mod status;

pub use client::{AskError, Client};
pub use clock::Clock;
pub use daemon::{Options, file_of, start};
pub use engine::{Engine, Link, Links, RouteMark, RouteUpdate};
pub use error::{ConfigError, StartError};
pub use fib::RouteCounters;
pub use secret::Secret;
pub use status::{Convergence, HexError, PendingRoute, RouteNextHop, ShellQuestion};

/// The command line of the engines, without the rest of the `braid` binary: `[agent engine] ospf|isis --config FILE --run-dir
/// DIR [--foreground]`. For tests that have no `braid` beside them.
#[must_use]
pub fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|(start, options)| start(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts one of the engines.
type Start = fn(&Options) -> Result<(), StartError>;

fn arguments(words: impl Iterator<Item = String>) -> Result<(Start, Options), StartError> {
    let usage = |what: &str| {
        StartError::Usage(format!("{what}; usage: ospf|isis --config FILE --run-dir DIR [--foreground]"))
    };
    let (mut config, mut run_dir, mut foreground) = (None, None, false);
    let mut words = words.skip_while(|word| word == "agent" || word == "engine");
    let start: Start = match words.next().as_deref() {
        Some("ospf") => ospf::start,
        Some("isis") => isis::start,
        _ => return Err(usage("the engines are ospf and isis")),
    };
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--foreground" => {
                foreground = true;
                continue;
            }
            "--config" => &mut config,
            "--run-dir" => &mut run_dir,
            other => return Err(usage(&format!("nobody knows `{other}`"))),
        };
        *place =
            Some(PathBuf::from(words.next().ok_or_else(|| usage(&format!("`{word}` lacks its value")))?));
    }
    let config = config.ok_or_else(|| usage("--config is missing"))?;
    let run_dir = run_dir.ok_or_else(|| usage("--run-dir is missing"))?;
    Ok((start, Options { config, run_dir, foreground }))
}
