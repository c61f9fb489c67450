//! End-to-end tests and benchmarks of braid: real labs, real daemons, real packets.
//!
//! This crate tests the binary from outside, as a user would: it starts labs with `braid lab up`, reads answers from `-o
//! json`, breaks things, and counts packets. It knows nothing of braid's insides but the names of namespaces.
//!
//! ```text
//! Lab (up … down, also on panic) ── braid -o json ──► facts        Flow: numbered packets between two hosts ──► Losses
//! ```
//!
//! `BRAID_BIN` names the binary under test; `tests/run` builds and sets it.

pub mod campaign;
mod flow;
mod lab;
mod wait;

pub use flow::{Flow, Losses};
pub use lab::{Lab, braid, repository};
pub use wait::wait_for;

/// Prints a figure that a test has measured; with `--nocapture` it is seen.
#[allow(clippy::print_stdout)]
pub fn report(figure: &str) {
    println!("measured: {figure}");
}
