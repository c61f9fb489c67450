//! The control group of an instance: what it may use, and what it uses.
//!
//! Where the `memory` and `pids` controllers sit in a v2 tree, that is used, else the v1 trees are. A machine without either
//! runs engines without bounds, which is said once and is no reason not to route.

use cgroups_rs::{
    CgroupPid,
    fs::{Cgroup as Group, cgroup_builder::CgroupBuilder, hierarchies, memory::MemController},
};
use thiserror::Error;

/// The controllers that bound an instance. Others stay out of it: a v1 cpuset, for one, takes no process before it has been
/// given cores.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// A control group cannot be made, used or removed.
#[derive(Debug, Error)]
#[error("cannot {action} control group {path}: {reason}")]
pub struct CgroupError {
    action: &'static str,
    path: String,
    reason: String,
}

/// An instance's control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    /// Relative to the root of each hierarchy, such as `braid/abilene/seattle/vn1`.
    path: String,
    /// Memory in bytes.
    memory_bytes: u64,
    /// Processes and threads.
    pids: u32,
}

impl Cgroup {
    /// A control group at `path`, relative to the root of each hierarchy. Nothing is made yet.
    #[must_use]
    pub fn new(path: impl Into<String>, memory_bytes: u64, pids: u32) -> Self {
        Self { path: path.into(), memory_bytes, pids }
    }

    fn error<E: std::fmt::Display>(&self, action: &'static str) -> impl FnOnce(E) -> CgroupError {
        let path = self.path.clone();
        move |reason| CgroupError { action, path, reason: reason.to_string() }
    }

    fn load(&self) -> Group {
        let controllers = CONTROLLERS.map(str::to_owned).to_vec();
        Group::load_with_specified_controllers(hierarchies::auto(), &self.path, controllers)
    }

    /// Makes it, with its bounds, where it is not there yet.
    ///
    /// # Errors
    /// When the machine has no such controllers, or refuses.
    pub fn ensure(&self) -> Result<(), CgroupError> {
        let builder = CgroupBuilder::new(&self.path)
            .set_specified_controllers(CONTROLLERS.map(str::to_owned).to_vec())
            .memory()
            .memory_hard_limit(i64::try_from(self.memory_bytes).unwrap_or(i64::MAX))
            .done()
            .pid()
            .maximum_number_of_processes(cgroups_rs::fs::MaxValue::Value(self.pids.into()))
            .done();
        builder.build(hierarchies::auto()).map(drop).map_err(self.error("make"))
    }

    /// Moves a process into it, with all its threads. One that is in it stays.
    ///
    /// # Errors
    /// When the kernel refuses, also for a process that is gone.
    pub fn add(&self, pid: i32) -> Result<(), CgroupError> {
        let pid = u64::try_from(pid).map_err(self.error("move a process into"))?;
        self.load().add_task_by_tgid(CgroupPid::from(pid)).map_err(self.error("move a process into"))
    }

    /// The processes in it.
    #[must_use]
    pub fn pids(&self) -> Vec<i32> {
        self.load().procs().iter().filter_map(|pid| i32::try_from(pid.pid).ok()).collect()
    }

    /// What it uses of memory, in bytes, the kernel's part included; `None` where that is not counted.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        let group = self.load();
        let memory: &MemController = group.controller_of()?;
        Some(memory.memory_stat().usage_in_bytes).filter(|bytes| *bytes > 0)
    }

    /// Removes it. Those above it stay: they are the network's.
    ///
    /// # Errors
    /// When processes are still in it.
    pub fn delete(&self) -> Result<(), CgroupError> {
        let group = self.load();
        if group.exists() { group.delete().map_err(self.error("remove")) } else { Ok(()) }
    }
}
