//! Why an engine's process does not run, or does not answer.

use std::{io, path::PathBuf};

use thiserror::Error;

/// A configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its text is not a configuration.
    #[error("{path}:{line}:{column}: {reason}")]
    Text {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Its text is fine, and what it says is not.
    #[error("{path}: {about}: {reason}")]
    Meaning {
        /// Which file.
        path: PathBuf,
        /// Which entry, such as `interfaces.eth1.cost`.
        about: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
}

/// A process cannot do its work.
#[derive(Debug, Error)]
pub enum StartError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another one runs in that directory.
    #[error("another engine runs in {dir}: its process is {pid}")]
    Running {
        /// The run directory.
        dir: PathBuf,
        /// The other process.
        pid: String,
    },
    /// A system call failed.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried, as a verb with its object.
        action: String,
        /// Why.
        source: io::Error,
    },
    /// The kernel's routing socket failed.
    #[error(transparent)]
    Netlink(#[from] braid_kernel::NetlinkError),
    /// The network namespace cannot be named.
    #[error(transparent)]
    Netns(#[from] braid_kernel::NetnsError),
}

impl StartError {
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::System { action, source }
    }
}
