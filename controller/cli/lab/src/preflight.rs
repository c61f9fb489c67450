//! What a machine needs for a lab.

use std::{collections::BTreeSet, env, path::Path};

use braid_proto::Engine;

/// Something that the machine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What: a program or a kernel feature.
    pub what: String,
    /// Who needs it.
    pub why: String,
    /// The command that mends it.
    pub install: String,
}

/// What this machine lacks for labs with these engines; empty if nothing.
#[must_use]
pub fn preflight(engines: &BTreeSet<Engine>) -> Vec<Missing> {
    let mut missing = Vec::new();
    missing
}
