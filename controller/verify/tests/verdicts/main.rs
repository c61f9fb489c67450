//! The verifier from outside: what it says, and that it is right.

#![allow(clippy::unwrap_used)]

mod oracle;
mod stories;
mod world;
