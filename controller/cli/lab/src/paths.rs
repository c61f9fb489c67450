//! Where a lab keeps its files.

use std::{
    env,
    path::{Path, PathBuf},
};

use braid_proto::{Address, NetworkName, NodeName};

use crate::member::Member;

/// The directory that holds the labs of this machine, one sub-directory each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// Where labs live if nothing else is said.
    pub const DEFAULT: &str = "/run/braid";
    /// The environment variable that says otherwise.
    pub const VARIABLE: &str = "BRAID_RUN_ROOT";

    /// `$BRAID_RUN_ROOT`, or `/run/braid` where that is unset or empty.
    #[must_use]
    pub fn from_env() -> Self {
        let root = env::var_os(Self::VARIABLE).filter(|value| !value.is_empty());
        Self::new(root.map_or_else(|| PathBuf::from(Self::DEFAULT), PathBuf::from))
    }

    /// The root at `path`; a relative one is taken from the current directory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self(std::path::absolute(&path).unwrap_or(path))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The paths of one lab. Making one touches no file.
///
/// Files of the lab's own have a dot in their names, which names of nodes never have; the two directories without one,
/// [`Lab::RESERVED`], are no names for nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lab {
    name: NetworkName,
    dir: PathBuf,
}

impl Lab {
    /// Directories that stand beside those of the nodes.
    pub const RESERVED: [&str; 2] = ["controller", "logs"];

    /// The paths of the lab `name` under `root`.
    #[must_use]
    pub fn new(root: &Root, name: NetworkName) -> Self {
        let dir = root.path().join(name.as_str());
        Self { name, dir }
    }

    /// The lab's name, which is its network's.
    #[must_use]
    pub fn name(&self) -> &NetworkName {
        &self.name
    }

    /// The lab's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the controller listens.
    #[must_use]
    pub fn socket(&self) -> Address {
        Address::Unix(self.dir.join("controller.sock"))
    }

    /// Where daemons log, one file each, such as `seattle-agent.log`.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The log of one member.
    pub(crate) fn log_file(&self, member: &Member) -> PathBuf {
        self.log_dir().join(format!("{}.log", member.file_stem()))
    }

    /// The controller's state.
    #[must_use]
    pub fn controller_dir(&self) -> PathBuf {
        self.dir.join("controller")
    }

    /// The state of a node's agent and border, and of its engines.
    #[must_use]
    pub fn node_dir(&self, node: &NodeName) -> PathBuf {
        self.dir.join(node.as_str())
    }

    /// The lab's copy of the topology file in force.
    #[must_use]
    pub fn topology_file(&self) -> PathBuf {
        self.dir.join("topology.yaml")
    }

    /// Who is in the lab and since when.
    pub(crate) fn record_file(&self) -> PathBuf {
        self.dir.join("lab.json")
    }

    /// Which process a member is.
    pub(crate) fn process_file(&self, member: &Member) -> PathBuf {
        self.process_dir().join(format!("{}.json", member.file_stem()))
    }

    /// The directory of [`Lab::process_file`].
    pub(crate) fn process_dir(&self) -> PathBuf {
        self.dir.join("processes.d")
    }

    /// What the names of the lab's namespaces begin with. Names hold no dots, so this is exact: it takes nothing of a lab
    /// whose name merely begins alike.
    pub(crate) fn namespace_prefix(&self) -> String {
        format!("{}.", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_of_a_lab_are_in_its_directory() {
        let lab = Lab::new(&Root::new("/run/braid"), "ring".parse().unwrap());
        let node: NodeName = "n1".parse().unwrap();
        assert_eq!(lab.socket().to_string(), "unix:/run/braid/ring/controller.sock");
        assert_eq!(lab.node_dir(&node), Path::new("/run/braid/ring/n1"));
        assert_eq!(lab.log_file(&Member::Agent(node)), Path::new("/run/braid/ring/logs/n1-agent.log"));
        assert_eq!(lab.namespace_prefix(), "ring.");
    }

    #[test]
    fn a_relative_root_is_made_absolute() {
        assert!(Root::new("labs").path().is_absolute());
    }
}
