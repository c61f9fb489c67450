//! Removes a lab: exactly what is its own, whatever state it is in.

use std::time::{Duration, Instant};

use braid_kernel::Netns;
use braid_proto::NetworkName;

use crate::{
    cgroup::Cgroups,
    error::LabError,
    list,
    member::Member,
    paths::{Lab, Root},
    reaper::Reaper,
    record::{self, DirectoryState, Lock, Record},
    roster,
    survey::survey,
};

/// What [`down`] has removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownReport {
    /// How many processes were ended.
    pub processes: usize,
    /// How many namespaces were removed.
    pub namespaces: usize,
    /// How many cgroups were removed.
    pub cgroups: usize,
    /// How long it took.
    pub took: Duration,
    /// Processes outside of the lab that keep namespaces of it alive without their names, such as "strace (pid 7) holds
    /// ring.a". They are left alone.
    pub holders: Vec<String>,
}

/// Removes a lab: its processes, namespaces, cgroups and files. Works from what the kernel holds, so also after a crash,
/// on a half-made lab, and without the lab's directory.
///
/// # Errors
/// [`LabError::NoSuchLab`] if nothing at all of that lab is found, [`LabError::Busy`], [`LabError::NotRoot`];
/// [`LabError::Left`] if something could not be removed, after all else was.
pub async fn down(root: &Root, name: &NetworkName) -> Result<DownReport, LabError> {
    let begun = Instant::now();
    if !nix::unistd::Uid::effective().is_root() {
        return Err(LabError::NotRoot);
    }
    let lab = Lab::new(root, name.clone());
    let had_directory = matches!(record::directory_state(&lab), DirectoryState::Empty | DirectoryState::Lab);
    let lock = Lock::take(&lab)?;
    let outcome = remove(root, &lab, had_directory).await;
    if outcome.is_err() {
        // The one that the lock was taken on.
        record::remove_unstarted(root, &lab);
    }
    drop(lock);
    outcome.map(|report| DownReport { took: begun.elapsed(), ..report })
}

async fn remove(root: &Root, lab: &Lab, had_directory: bool) -> Result<DownReport, LabError> {
    // A damaged record says nothing, and the marks still say enough.
    let record = Record::read(lab).unwrap_or_default();
    let actual = survey(lab, record.as_ref()).await?;
    let cgroups = Cgroups::of_lab(lab.name())?;
    let daemons = roster::living(lab, &[Member::Controller])?;
    let names = actual.names_children_first();
    if !had_directory && names.is_empty() && cgroups.is_empty() && daemons.is_empty() {
        return Err(list::no_such_lab(root, lab.name()));
    }

    let mut left = Vec::new();
    let mut reaper = Reaper::of_namespaces(names.iter().copied())?.with_cgroups(cgroups.clone());
    left.extend(reaper.stop(daemons.into_values()).await.err());
    left.extend(reaper.kill_all().await.err());
    let (processes, holders) = (reaper.ended(), reaper.holders());

    let mut namespaces = 0;
    for name in names {
        match Netns::delete(name) {
            Ok(()) => namespaces += 1,
            Err(error) => left.push(error.into()),
        }
    }
    // Closes our own handles, the last that keep the namespaces and their cables alive.
    drop(reaper);
    let removed = cgroups.remove().await;
    let cgroups = *removed.as_ref().unwrap_or(&0);
    left.extend(removed.err());
    // As long as something is left, the directory says whose it is.
    if left.is_empty() {
        left.extend(record::remove_directory(root, lab).err());
    }
    if !left.is_empty() {
        let left = left.iter().map(LabError::to_string).collect();
        return Err(LabError::Left { lab: lab.name().clone(), left });
    }
    Ok(DownReport { processes, namespaces, cgroups, took: Duration::ZERO, holders })
}
