//! The built `braid`, as a script sees it: stdout, stderr, exit status.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod daemons;
mod engine;
mod files;
mod queries;
mod replay;
mod support;
