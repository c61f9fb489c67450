//! What must survive a restart: the topology in force, the numbers given out, and the revision.
//!
//! Three files in the state directory, and the network's key beside them. Each of the three is written whole beside the old one, synced, and then renamed over it, numbers
//! first and topology last: after a crash at any point the numbers cover the topology, and the revision is not used twice.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use braid_layout::Allocation;
use braid_proto::replace_secret;
use thiserror::Error;

use crate::key::NetworkKey;

const TOPOLOGY: &str = "topology.yaml";
const ALLOCATION: &str = "allocation.json";
const REVISION: &str = "revision";
const KEY: &str = "network.key";
const LOCK: &str = "lock";

/// Why the state directory cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {action} {path}: {source}{hint}", hint = hint(.source))]
    Io {
        /// "read", "write", …
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another controller has it.
    #[error(
        "a controller is already running on state directory {dir}{who}: stop that one first, or use another directory"
    )]
    Locked {
        /// The state directory.
        dir: PathBuf,
        /// Its process id in words, if known.
        who: String,
    },
    /// The allocation does not read.
    #[error(
        "{path} does not read as an allocation: {reason}. It holds the numbers from which all addresses and VNIs follow, so nothing is guessed: restore the file from a copy, or remove {dir} as a whole to number everything anew"
    )]
    Allocation {
        /// The file.
        path: PathBuf,
        /// The state directory.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is damaged or missing.
    #[error("{path} {reason}: restore the file from a copy, or remove {dir} as a whole to begin anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The state directory.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": free some space; what was stored is as before"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            ": the controller must be able to write there"
        }
        _ => "",
    }
}

/// What the state directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stored {
    /// The text of the topology file in force.
    pub(crate) topology: Option<String>,
    pub(crate) allocation: Allocation,
    /// How often the topology has changed; 0 before the first.
    pub(crate) revision: u64,
}

/// A state directory, ours alone while this lives.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    _lock: File,
}

impl Store {
    /// Makes the directory if there is none, locks it and reads it.
    ///
    /// # Errors
    /// When another controller has it, the file system refuses, or a file does not read.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Stored), StoreError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { action, path, source }
        };
        fs::create_dir_all(dir).map_err(failed("make", dir))?;
        let lock = lock(dir)?;
        let store = Self { dir: dir.to_owned(), _lock: lock };
        let stored = store.read()?;
        Ok((store, stored))
    }

    /// Where the topology in force is.
    pub(crate) fn topology_path(&self) -> PathBuf {
        self.dir.join(TOPOLOGY)
    }

    /// Reads what is stored.
    ///
    /// # Errors
    /// When the file system refuses, or a file does not read.
    pub(crate) fn read(&self) -> Result<Stored, StoreError> {
        let damaged = |name, reason: &str| StoreError::Damaged {
            path: self.dir.join(name),
            dir: self.dir.clone(),
            reason: reason.to_owned(),
        };
        let text = |name, bytes| String::from_utf8(bytes).map_err(|_| damaged(name, "is not text"));

        let topology = self.read_file(TOPOLOGY)?.map(|bytes| text(TOPOLOGY, bytes)).transpose()?;
        let allocation = match self.read_file(ALLOCATION)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| self.bad_allocation(&e.to_string()))?,
            None if topology.is_some() => return Err(self.bad_allocation("it is missing")),
            None => Allocation::default(),
        };
        let revision = match self.read_file(REVISION)? {
            Some(bytes) => {
                let text = text(REVISION, bytes)?;
                text.trim().parse().map_err(|_| damaged(REVISION, "holds no number"))?
            }
            None if topology.is_some() => return Err(damaged(REVISION, "is missing")),
            None => 0,
        };
        Ok(Stored { topology, allocation, revision })
    }

    /// Replaces what is stored. On an error the old content stands.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn save(
        &self,
        topology: &str,
        allocation: &Allocation,
        revision: u64,
    ) -> Result<(), StoreError> {
        let mut allocation =
            serde_json::to_vec_pretty(allocation).map_err(|e| self.bad_allocation(&e.to_string()))?;
        allocation.push(b'\n');
        let revision = format!("{revision}\n");
        let files =
            [(ALLOCATION, &allocation[..]), (REVISION, revision.as_bytes()), (TOPOLOGY, topology.as_bytes())];
        let fresh = |name| self.dir.join(format!("{name}.new"));

        // All that needs space comes first, so that a full disk changes nothing.
        for (name, content) in &files {
            if let Err(source) = write_synced(&fresh(name), content) {
                for (name, _) in &files {
                    // What cannot be removed is overwritten next time.
                    let _ = fs::remove_file(fresh(name));
                }
                return Err(self.failed("write", name, source));
            }
        }
        for (name, _) in &files {
            fs::rename(fresh(name), self.dir.join(name)).map_err(|e| self.failed("write", name, e))?;
        }
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|source| StoreError::Io {
            action: "sync",
            path: self.dir.clone(),
            source,
        })
    }

    /// The network's key, which is made when there is none yet. Readable by its owner only.
    ///
    /// # Errors
    /// When the file system refuses, or the file does not read.
    pub(crate) fn key(&self) -> Result<NetworkKey, StoreError> {
        if let Some(bytes) = self.read_file(KEY)? {
            return std::str::from_utf8(&bytes).ok().and_then(NetworkKey::from_text).ok_or_else(|| {
                StoreError::Damaged {
                    path: self.dir.join(KEY),
                    dir: self.dir.clone(),
                    reason: "holds no key (64 hexadecimal digits)".to_owned(),
                }
            });
        }
        let failed = |source| self.failed("write", KEY, source);
        let key = NetworkKey::generate().map_err(|error| failed(io::Error::other(error)))?;
        replace_secret(&self.dir.join(KEY), key.to_text().as_bytes()).map_err(failed)?;
        Ok(key)
    }

    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(self.dir.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", name, e)),
        }
    }

    fn failed(&self, action: &'static str, name: &str, source: io::Error) -> StoreError {
        StoreError::Io { action, path: self.dir.join(name), source }
    }

    fn bad_allocation(&self, reason: &str) -> StoreError {
        let (path, dir) = (self.dir.join(ALLOCATION), self.dir.clone());
        StoreError::Allocation { path, dir, reason: reason.to_owned() }
    }
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Takes the directory's lock, which the kernel releases with our process, and leaves our pid in it.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let failed = |action| {
        let path = path.clone();
        move |source| StoreError::Io { action, path, source }
    };
    let mut options = File::options();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed("open"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let known = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
            let who = if known { format!(" (pid {})", pid.trim()) } else { String::new() };
            return Err(StoreError::Locked { dir: dir.to_owned(), who });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
    }
    // The pid only serves the message above: a full disk is no reason not to start.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(dir: &Path) -> (Store, Stored) {
        Store::open(dir).unwrap()
    }

    #[test]
    fn what_is_saved_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        let (store, stored) = opened(&dir);
        assert_eq!(stored, Stored::default());
        store.save("name: a\n", &Allocation::default(), 7).unwrap();
        drop(store);
        let (_store, stored) = opened(&dir);
        assert_eq!((stored.topology.as_deref(), stored.revision), (Some("name: a\n"), 7));
        assert!(!dir.join("revision.new").exists());
    }

    #[test]
    fn the_key_is_made_once_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = opened(dir.path());
        let key = store.key().unwrap();
        assert_eq!(store.key().unwrap(), key);
        let mode = fs::metadata(dir.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join(KEY), "not a key").unwrap();
        assert!(store.key().unwrap_err().to_string().contains("holds no key"));
    }

    #[test]
    fn a_second_controller_is_turned_away_with_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let _first = opened(dir.path());
        let error = Store::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("already running on state directory {}", dir.path().display())));
        assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_what_to_do() {
        let cases: [(&str, &[u8], &str); 5] = [
            (ALLOCATION, b"{\"version\": 1, \"nod", "does not read as an allocation"),
            (ALLOCATION, b"{\"version\": 99, \"nodes\": {\"live\": {}, \"retired\": []}, \"links\": {\"live\": {}, \"retired\": []}}", "99"),
            (REVISION, b"seven", "holds no number"),
            (TOPOLOGY, b"\xff\xfe", "is not text"),
            (REVISION, b"\xff", "is not text"),
        ];
        for (name, content, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            opened(dir.path()).0.save("name: a\n", &Allocation::default(), 7).unwrap();
            fs::write(dir.path().join(name), content).unwrap();
            let error = Store::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("restore the file"), "{error}");
        }
    }

    #[test]
    fn a_topology_without_its_numbers_or_revision_is_an_error() {
        for name in [ALLOCATION, REVISION] {
            let dir = tempfile::tempdir().unwrap();
            opened(dir.path()).0.save("name: a\n", &Allocation::default(), 7).unwrap();
            fs::remove_file(dir.path().join(name)).unwrap();
            let error = Store::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("is missing"), "{error}");
        }
    }

    #[test]
    fn a_save_that_fails_leaves_the_old_content() {
        // Goal: the third file cannot be written; neither of the first two may have changed.
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = opened(dir.path());
        store.save("name: a\n", &Allocation::default(), 7).unwrap();
        fs::create_dir(dir.path().join("topology.yaml.new")).unwrap();
        let error = store.save("name: b\n", &Allocation::default(), 8).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains(TOPOLOGY), "{error}");
        let stored = store.read().unwrap();
        assert_eq!((stored.topology.as_deref(), stored.revision), (Some("name: a\n"), 7));
    }
}
