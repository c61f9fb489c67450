//! Why an engine does not do as it should.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

/// Why an engine does not do as it should.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A program is not installed.
    #[error("`{program}` is not installed: apt-get install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A file of the instance cannot be written, read or owned as needed.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("cannot run {program}: {source}")]
    Run {
        /// The program.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A daemon refused to start.
    #[error("{program} does not start: {reason}")]
    Start {
        /// The daemon.
        program: &'static str,
        /// What it said, with the last lines of its log.
        reason: String,
    },
    /// A daemon does not understand its configuration.
    #[error("{program} rejects {file}: {reason}")]
    Rejected {
        /// The daemon.
        program: &'static str,
        /// The configuration.
        file: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The control socket does not answer in time, or not at all.
    #[error("{program} does not answer on {socket} within {limit:?}: {reason}")]
    Silent {
        /// The daemon.
        program: &'static str,
        /// Its control socket.
        socket: PathBuf,
        /// How long it was waited for.
        limit: Duration,
        /// What happened instead.
        reason: String,
    },
    /// The daemon answered something that cannot be read.
    #[error("{program} answers `{command}` in a way that cannot be read: {reason}")]
    Answer {
        /// The daemon.
        program: &'static str,
        /// What it was asked.
        command: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The processes cannot be watched or ended.
    #[error(transparent)]
    Process(#[from] braid_kernel::ProcessError),
}

impl EngineError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
