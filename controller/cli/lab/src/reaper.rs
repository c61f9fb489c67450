//! Ends all that runs in a set of namespaces and cgroups, and says who else holds them.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use braid_kernel::{Netns, Process, ProcessId, Signal, pids_in, terminate};

use crate::{cgroup::Cgroups, error::LabError, process, survey};

/// How long daemons may take to end by themselves.
const GRACE: Duration = Duration::from_millis(500);
/// How long it may take until nothing is left to kill. Killed processes are gone within milliseconds; the rest is for those
/// that fork meanwhile, and for a busy machine.
const LIMIT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// The processes of a lab, or of a part of it: known by where they are, not by whom they come from.
pub(crate) struct Reaper {
    /// Held open, so no other namespace can get the inode of one of them.
    namespaces: Vec<Netns>,
    cgroups: Option<Cgroups>,
    ended: BTreeSet<ProcessId>,
}

impl Reaper {
    /// For what runs in these namespaces.
    pub(crate) fn of_namespaces<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, LabError> {
        let namespaces = survey::open_all(names)?;
        Ok(Self { namespaces, cgroups: None, ended: BTreeSet::new() })
    }

    /// Also for what is in these cgroups.
    pub(crate) fn with_cgroups(mut self, cgroups: Cgroups) -> Self {
        self.cgroups = Some(cgroups);
        self
    }

    /// How many processes were ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Asks daemons to end, and kills those that do not within half a second.
    pub(crate) async fn stop(
        &mut self,
        daemons: impl IntoIterator<Item = ProcessId>,
    ) -> Result<(), LabError> {
        let daemons: Vec<Process> = daemons.into_iter().filter_map(ProcessId::open).collect();
        self.ended.extend(daemons.iter().map(Process::id));
        Ok(terminate(&daemons, GRACE).await?)
    }

    /// Kills what there is until there is nothing more.
    pub(crate) async fn kill_all(&mut self) -> Result<(), LabError> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let victims = self.victims().map_err(LabError::io("list", "/proc"))?;
            if victims.is_empty() {
                return Ok(());
            }
            for victim in &victims {
                victim.signal(Signal::KILL)?;
            }
            self.ended.extend(victims.iter().map(Process::id));
            if Instant::now() > deadline {
                let left = victims.iter().map(Process::id).collect();
                return Err(braid_kernel::ProcessError::Unkillable(left).into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// All that lives in the namespaces and cgroups, but for ourselves.
    fn victims(&self) -> io::Result<Vec<Process>> {
        let mut pids: BTreeSet<i32> = pids_in(&self.namespaces)?.into_iter().map(|(pid, _)| pid).collect();
        pids.extend(self.cgroups.iter().flat_map(Cgroups::pids));
        pids.remove(&own_pid());
        Ok(pids.into_iter().filter_map(|pid| Process::open(pid).ok()).collect())
    }

    /// Who keeps the namespaces alive from elsewhere, by an open handle or by a thread: in words.
    pub(crate) fn holders(&self) -> Vec<String> {
        // Namespace handles live in a file system of their own.
        let (Ok(pids), Ok(here)) = (process::pids(), fs::metadata("/proc/self/ns/net")) else {
            return Vec::new();
        };
        let own = own_pid();
        let mut holders = Vec::new();
        for pid in pids.into_iter().filter(|pid| *pid != own) {
            let inodes = inodes_held(pid, here.dev());
            let held = self.namespaces.iter().filter(|namespace| inodes.contains(&namespace.inode()));
            let names: Vec<String> = held.map(Netns::label).collect();
            if !names.is_empty() {
                holders.push(format!("{} holds {}", process::describe(pid), names.join(", ")));
            }
        }
        holders
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

/// The inodes of the namespaces that a process has open, or has threads in.
fn inodes_held(pid: i32, nsfs: u64) -> BTreeSet<u64> {
    let entries = |directory: String| fs::read_dir(directory).into_iter().flatten().flatten();
    let opened = entries(format!("/proc/{pid}/fd")).map(|fd| fd.path());
    let entered = entries(format!("/proc/{pid}/task")).map(|task| task.path().join("ns/net"));
    let look = |path: PathBuf| fs::metadata(path).ok().filter(|found| found.dev() == nsfs);
    opened.chain(entered).filter_map(look).map(|found| found.ino()).collect()
}
