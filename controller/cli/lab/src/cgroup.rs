//! The cgroups of a lab: `braid/<lab>` in every hierarchy, as the agents make them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use braid_proto::{NetworkName, NodeName};

use crate::error::LabError;

/// The cgroup above those of all labs.
const TOP: &str = "braid";
/// How long the kernel may take to let go of the last processes of a cgroup.
const LIMIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// The directories of one lab's, or one node's, cgroups; one per hierarchy where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    directories: Vec<PathBuf>,
}

impl Cgroups {
    /// The cgroups of a whole lab.
    pub(crate) fn of_lab(network: &NetworkName) -> Result<Self, LabError> {
        Self::below(&Path::new(TOP).join(network.as_str()))
    }

    /// The cgroups of one node.
    pub(crate) fn of_node(network: &NetworkName, node: &NodeName) -> Result<Self, LabError> {
        Self::below(&Path::new(TOP).join(network.as_str()).join(node.as_str()))
    }

    fn below(path: &Path) -> Result<Self, LabError> {
        let mounts =
            fs::read_to_string("/proc/self/mounts").map_err(LabError::io("read", "/proc/self/mounts"))?;
        let directories = hierarchies(&mounts).map(|mount| Path::new(mount).join(path));
        Ok(Self { directories: directories.filter(|directory| directory.is_dir()).collect() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    /// All processes in them.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        for directory in self.directories.iter().flat_map(|directory| tree(directory)) {
            let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
        pids
    }

    /// Removes them, those inside first, and then the cgroup above all labs if it is empty. Gives the number removed.
    pub(crate) async fn remove(&self) -> Result<usize, LabError> {
        let deadline = Instant::now() + LIMIT;
        let mut removed = 0;
        for top in &self.directories {
            for directory in tree(top) {
                removed += usize::from(remove_directory(&directory, deadline).await?);
            }
            if let Some(parent) = top.parent() {
                // Fails, as it should, while other labs or nodes are in it.
                let _ = fs::remove_dir(parent);
            }
        }
        Ok(removed)
    }
}

/// The mount points of the cgroup hierarchies.
fn hierarchies(mounts: &str) -> impl Iterator<Item = &str> {
    mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        matches!(words.next()?, "cgroup" | "cgroup2").then_some(place)
    })
}

/// A directory with all below it, those inside first.
fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(tree(&entry.path()));
        }
    }
    found.push(directory.to_owned());
    found
}

/// Removes a cgroup; one that is gone is fine. A cgroup stays busy for a moment after its last process was killed.
async fn remove_directory(directory: &Path, deadline: Instant) -> Result<bool, LabError> {
    loop {
        match fs::remove_dir(directory) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(LabError::io("remove the cgroup", directory)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_found_among_other_mounts() {
        let mounts = "sysfs /sys sysfs rw 0 0\n\
            cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nbroken\n";
        let found: Vec<_> = hierarchies(mounts).collect();
        assert_eq!(found, ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"]);
    }
}
