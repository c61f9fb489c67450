//! The file in which an agent says how an engine instance fares, for the border beside it.
//!
//! Agent and border are processes that do not talk to each other: one file per instance, replaced whole by rename, is all
//! that passes between them. A border takes pids from it and watches them itself, so a dead agent leaves it with eyes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::replace_file;

/// How an engine instance fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// It is being built or started.
    Starting,
    /// Its processes live and its control socket answers.
    Running,
    /// Its processes live, but its control socket does not answer in time.
    Silent,
    /// A process has died, or it could not be started.
    Gone,
}

/// A process of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProcess {
    /// Command name, such as `ospfd`.
    pub name: String,
    /// Process id.
    pub pid: i32,
    /// Clock ticks since boot at its start; guards against reuse of the pid.
    pub start_time: u64,
}

/// The content of an instance file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFile {
    /// How the instance fares, says the agent.
    pub state: InstanceState,
    /// Its processes.
    pub processes: Vec<InstanceProcess>,
    /// How often it has been restarted since it was built.
    pub restarts: u32,
}

/// An instance file could not be written or read.
#[derive(Debug, Error)]
pub enum InstanceError {
    /// The file system said no.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not an instance file: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl InstanceFile {
    /// The file's name in an instance's directory.
    pub const NAME: &str = "instance.json";

    /// Replaces the file in `dir`: a reader sees the old or the new content, never a part.
    ///
    /// # Errors
    /// When the file system refuses; the old content then stands.
    pub fn write(&self, dir: &Path) -> Result<(), InstanceError> {
        let path = dir.join(Self::NAME);
        let text = serde_json::to_vec(self)
            .map_err(|source| InstanceError::Format { path: path.clone(), source })?;
        replace_file(&path, &text).map_err(|source| InstanceError::Io { action: "write", path, source })
    }

    /// Reads the file in `dir`; `None` where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(dir: &Path) -> Result<Option<Self>, InstanceError> {
        let path = dir.join(Self::NAME);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|source| InstanceError::Format { path, source }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(InstanceError::Io { action: "read", path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_garbage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(InstanceFile::read(dir.path()).unwrap(), None);
        let file = InstanceFile {
            state: InstanceState::Running,
            processes: vec![InstanceProcess { name: "bird".into(), pid: 7, start_time: 9 }],
            restarts: 2,
        };
        file.write(dir.path()).unwrap();
        assert_eq!(InstanceFile::read(dir.path()).unwrap(), Some(file));
        fs::write(dir.path().join(InstanceFile::NAME), b"\xff{").unwrap();
        assert!(InstanceFile::read(dir.path()).is_err());
    }
}
