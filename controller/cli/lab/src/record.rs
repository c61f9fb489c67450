//! What the lab's directory says about the lab, and the lock on it.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::LabError,
    files,
    paths::{Lab, Root},
};

/// What a lab was made from, and of which namespaces; written before the first of them is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The operator's file.
    pub(crate) topology_path: PathBuf,
    pub(crate) created: Timestamp,
    /// The binary that its daemons were last started from.
    pub(crate) program: Option<PathBuf>,
    /// Every namespace that the lab has made or was about to make: those that a crash left without their mark are known
    /// by this.
    pub(crate) namespaces: BTreeSet<String>,
}

impl Record {
    pub(crate) fn read(lab: &Lab) -> Result<Option<Self>, LabError> {
        files::read_json(lab, &lab.record_file())
    }

    pub(crate) fn write(&self, lab: &Lab) -> Result<(), LabError> {
        files::write_json(&lab.record_file(), self)
    }
}

/// The right to change a lab, held on its directory until dropped. A killed holder loses it.
#[derive(Debug)]
pub(crate) struct Lock {
    directory: File,
}

impl Lock {
    /// Takes the lock, making the directory if there is none.
    pub(crate) fn take(lab: &Lab) -> Result<Self, LabError> {
        loop {
            let opened = fs::create_dir_all(lab.dir()).and_then(|()| File::open(lab.dir()));
            let directory = match opened {
                // A `down` has removed it, or the root above it, in between.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(LabError::io("make the directory", lab.dir()))?,
            };
            match directory.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LabError::Busy { lab: lab.name().clone() }),
                Err(TryLockError::Error(error)) => return Err(LabError::io("lock", lab.dir())(error)),
            }
            let is_current = match (directory.metadata(), fs::metadata(lab.dir())) {
                (Ok(ours), Ok(current)) => (ours.dev(), ours.ino()) == (current.dev(), current.ino()),
                _ => false,
            };
            if is_current {
                return Ok(Self { directory });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it would not do at once: a child that is forked at this moment by another thread has it open too, until it
        // becomes its program.
        let _ = self.directory.unlock();
    }
}

/// The names of the labs that have a directory, sorted.
pub(crate) fn directories(root: &Root) -> Result<Vec<Lab>, LabError> {
    let entries = match fs::read_dir(root.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LabError::io("list", root.path())(error)),
    };
    let mut labs: Vec<Lab> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .map(|name| Lab::new(root, name))
        .filter(|lab| lab.record_file().exists())
        .collect();
    labs.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(labs)
}

/// Whose a lab's directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectoryState {
    Missing,
    /// Nothing in it yet, or no more.
    Empty,
    /// It holds a lab's record.
    Lab,
    /// It holds something, and no lab's record.
    Foreign,
}

pub(crate) fn directory_state(lab: &Lab) -> DirectoryState {
    let Ok(entries) = fs::read_dir(lab.dir()) else { return DirectoryState::Missing };
    if lab.record_file().exists() {
        return DirectoryState::Lab;
    }
    // A record that we died over while writing it.
    let half_written = files::fresh(&lab.record_file());
    match entries.filter_map(Result::ok).all(|entry| entry.path() == half_written) {
        true => DirectoryState::Empty,
        false => DirectoryState::Foreign,
    }
}

/// Removes the lab's directory, and the root above it if that is then empty. The record goes last: as long as there is
/// anything else, the directory is known to be a lab's.
pub(crate) fn remove_directory(root: &Root, lab: &Lab) -> Result<(), LabError> {
    if directory_state(lab) == DirectoryState::Foreign {
        return Err(LabError::NotALab { path: lab.dir().to_owned() });
    }
    let entries = fs::read_dir(lab.dir()).map_err(LabError::io("list", lab.dir()))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path == lab.record_file() {
            continue;
        }
        let removed = if path.is_dir() && !path.is_symlink() {
            remove_node_directory(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(LabError::io("remove", path))?;
    }
    match fs::remove_file(lab.record_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LabError::io("remove", lab.record_file())(error));
        }
        _ => {}
    }
    fs::remove_dir(lab.dir()).map_err(LabError::io("remove", lab.dir()))?;
    remove_root_if_empty(root);
    Ok(())
}

/// Removes a node's directory, and what the engines in it left behind elsewhere when they were killed.
pub(crate) fn remove_node_directory(directory: &Path) -> io::Result<()> {
    for instance in fs::read_dir(directory)?.flatten() {
        braid_engine::clear_crash_logs(&instance.path());
    }
    fs::remove_dir_all(directory)
}

/// Removes the directory of a lab of which nothing was ever started.
pub(crate) fn remove_unstarted(root: &Root, lab: &Lab) {
    if directory_state(lab) == DirectoryState::Empty {
        // What cannot be removed does no harm, and the caller has an error to tell already.
        let _ = remove_directory(root, lab);
    }
}

fn remove_root_if_empty(root: &Root) {
    // Fails, as it should, while labs are in it.
    let _ = fs::remove_dir(root.path());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_may_change_a_lab_and_only_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path().join("root"));
        let lab = Lab::new(&root, "ring".parse().unwrap());
        let other = Lab::new(&root, "ring-2".parse().unwrap());

        let lock = Lock::take(&lab).unwrap();
        assert!(matches!(Lock::take(&lab), Err(LabError::Busy { .. })));
        let _other = Lock::take(&other).unwrap();

        // The holder removes the directory, as `down` does: a later one gets a new directory with a lock of its own.
        remove_directory(&root, &lab).unwrap();
        assert!(!lab.dir().exists());
        let again = Lock::take(&lab).unwrap();
        drop(lock);
        assert!(matches!(Lock::take(&lab), Err(LabError::Busy { .. })));
        drop(again);
    }

    #[test]
    fn a_directory_is_a_lab_once_its_record_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let lab = Lab::new(&root, "ring".parse().unwrap());
        fs::create_dir(lab.dir()).unwrap();
        fs::create_dir(dir.path().join("Not A Lab")).unwrap();
        assert!(directories(&root).unwrap().is_empty());
        let record = Record {
            topology_path: "ring.yaml".into(),
            created: Timestamp::UNIX_EPOCH,
            program: None,
            namespaces: ["ring.a".to_owned()].into(),
        };
        record.write(&lab).unwrap();
        assert_eq!(Record::read(&lab).unwrap(), Some(record));
        assert_eq!(directories(&root).unwrap(), [lab]);
    }

    #[test]
    fn a_directory_that_is_no_labs_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let lab = Lab::new(&root, "docs".parse().unwrap());
        fs::create_dir(lab.dir()).unwrap();
        fs::write(lab.dir().join("thesis.txt"), "years of work").unwrap();
        assert_eq!(directory_state(&lab), DirectoryState::Foreign);
        assert!(matches!(remove_directory(&root, &lab), Err(LabError::NotALab { .. })));
        remove_unstarted(&root, &lab);
        assert!(lab.dir().join("thesis.txt").exists());
    }
}
