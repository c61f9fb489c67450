//! Why the kernel's routing socket did not do what was asked.

use std::io;

use nix::errno::Errno;
use thiserror::Error;

use crate::NetnsError;

/// A netlink request that failed: what was asked, in which namespace, and the kernel's reason.
#[derive(Debug, Error)]
pub enum NetlinkError {
    /// The kernel understood the request and refused it.
    #[error("cannot {operation} in network namespace {namespace}: {reason}")]
    Refused {
        /// What was asked, with its object: `replace route 10.0.0.0/8 of table 254`.
        operation: String,
        /// The namespace's label.
        namespace: String,
        /// The kernel's reason.
        reason: Refusal,
    },
    /// The request could not be sent, or its answer not be received.
    #[error("cannot {operation} in network namespace {namespace}: the netlink socket failed: {source}")]
    Socket {
        /// What was asked.
        operation: String,
        /// The namespace's label.
        namespace: String,
        /// The socket's error.
        source: io::Error,
    },
    /// The answer is not one that this program understands.
    #[error(
        "cannot {operation} in network namespace {namespace}: the kernel's answer is malformed: {detail}"
    )]
    Decode {
        /// What was asked.
        operation: String,
        /// The namespace's label.
        namespace: String,
        /// Where decoding stopped.
        detail: String,
    },
    /// Every attempt to read a whole list was disturbed by changes to it.
    #[error(
        "cannot {operation} in network namespace {namespace}: the list kept changing while it was read; try again"
    )]
    Interrupted {
        /// What was asked.
        operation: String,
        /// The namespace's label.
        namespace: String,
    },
    /// No interface has that name.
    #[error("there is no interface `{name}` in network namespace {namespace}")]
    NoSuchLink {
        /// The interface's name.
        name: String,
        /// The namespace's label.
        namespace: String,
    },
    /// The namespace could not be entered to open the socket.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

impl NetlinkError {
    /// The kernel's error number, where it gave one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { reason, .. } => Some(reason.errno),
            Self::Socket { source, .. } => source.raw_os_error().map(Errno::from_raw),
            _ => None,
        }
    }
}

/// The kernel's reason for refusing a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{} ({errno:?})", .detail.as_deref().map(|detail| format!("{detail}: ")).unwrap_or_default(), .errno.desc())]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own words (the extended acknowledgement), where it has some.
    pub detail: Option<String>,
}
