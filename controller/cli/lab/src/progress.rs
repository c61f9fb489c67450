//! What a caller of [`crate::up`] sees while it works.

use std::{fmt, time::Duration};

/// A stage of [`crate::up`], in the order in which they pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The file, the rights, the tools; nothing is started before this is over.
    Check,
    /// The controller is started and answers. It comes first since it allocates the cables' addresses.
    Controller,
    /// A namespace for each node and each customer host.
    Namespaces,
    /// A veth pair for each physical link and each customer host.
    Cables,
    /// An agent on each node, a border on each border node.
    Agents,
    /// Until every virtual network has converged and every vote is there.
    Converge,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 6] =
        [Stage::Check, Stage::Controller, Stage::Namespaces, Stage::Cables, Stage::Agents, Stage::Converge];

    /// One lower-case word, such as "cables".
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Stage::Check => "check",
            Stage::Controller => "controller",
            Stage::Namespaces => "namespaces",
            Stage::Cables => "cables",
            Stage::Agents => "agents",
            Stage::Converge => "converge",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// Receives the progress of [`crate::up`]. Each stage that begins also ends, unless `up` fails in it.
pub trait Progress: Send {
    /// `stage` begins.
    fn begin(&mut self, stage: Stage);
    /// `done` of `total` is done; `detail` says in a few words what is being waited for or worked on.
    fn update(&mut self, stage: Stage, done: u32, total: u32, detail: &str);
    /// `stage` is over.
    fn end(&mut self, stage: Stage, took: Duration);
    /// Something that the operator should know and that stops nothing.
    fn warn(&mut self, text: &str);
}
