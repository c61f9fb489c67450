//! Records written by a border that lives through a history, read back and replayed.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod disk;
mod live;
mod properties;
mod stories;
