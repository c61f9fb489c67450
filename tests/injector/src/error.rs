//! Why a trial could not be held.

use std::{io, path::PathBuf, time::Duration};

use braid_kernel::{NetlinkError, NetnsError, ProcessError};
use thiserror::Error;

/// Why a trial could not be held.
#[derive(Debug, Error)]
pub enum InjectorError {
    /// The codec refuses to write what the injector wants to say.
    #[error("cannot write a packet or LSA: {0}")]
    Ospf(#[from] braid_ospf_packet::BuildError),
    /// The codec refuses to write what the injector wants to say.
    #[error("cannot write a PDU or LSP: {0}")]
    Isis(#[from] braid_isis_packet::BuildError),
    /// An implementation has no such protocol.
    #[error("{router} speaks no IS-IS; it can only be fed OSPF")]
    NotSpoken {
        /// The implementation.
        router: &'static str,
    },
    /// A socket call failed.
    #[error("cannot {operation} the injector's raw socket: {source}")]
    Socket {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A namespace could not be had.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The kernel refuses a link, an address or a watch.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A setting of a namespace could not be written.
    #[error(transparent)]
    Sysctl(#[from] braid_kernel::sysctl::SysctlError),
    /// A daemon cannot be signalled.
    #[error(transparent)]
    Signal(#[from] ProcessError),
    /// A file or directory of a daemon could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A daemon could not be started.
    #[error("cannot start {}: {source}; is it installed (`tests/install`) or built?", program.display())]
    Start {
        /// Its program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A process's figures cannot be read from `/proc`.
    #[error("cannot read /proc/{pid}/{file}: {source}; has the process ended?")]
    Process {
        /// The process id.
        pid: i32,
        /// The file.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Something did not happen.
    #[error("{router}: not within {limit:?}: {what}; its log is in {}", log.display())]
    Late {
        /// The implementation under test.
        router: &'static str,
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// Where it logs.
        log: PathBuf,
    },
}
