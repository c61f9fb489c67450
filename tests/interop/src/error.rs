//! What can go wrong around the daemons.

use std::{io, time::Duration};

use thiserror::Error;

/// A network could not be built, asked, or did not come to what was expected.
#[derive(Debug, Error)]
pub enum Error {
    /// A namespace could not be had; the tests need root.
    #[error(transparent)]
    Namespace(#[from] braid_kernel::NetnsError),
    /// A kernel parameter was refused.
    #[error(transparent)]
    Sysctl(#[from] braid_kernel::sysctl::SysctlError),
    /// A file or program.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// `ip` refused.
    #[error("ip {arguments}: {said}")]
    Ip {
        /// Its arguments or batch.
        arguments: String,
        /// What it said.
        said: String,
    },
    /// A daemon does not answer, or not as expected.
    #[error("{who}: {what}")]
    Daemon {
        /// Which router's.
        who: String,
        /// What happened.
        what: String,
    },
    /// A condition did not come true.
    #[error("not within {limit:?}: {what}")]
    Late {
        /// The condition, and what is the case instead.
        what: String,
        /// How long was waited.
        limit: Duration,
    },
    /// What the daemons use could not be read.
    #[error(transparent)]
    Usage(#[from] braid_injector::InjectorError),
    /// The world cannot be judged.
    #[error(transparent)]
    World(#[from] braid_world::Invalid),
}

impl Error {
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::System { what, source }
    }
}
