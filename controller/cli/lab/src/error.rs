//! What can go wrong with a lab, and what to do about it.

use std::{io, path::PathBuf, time::Duration};

use braid_kernel::{NetlinkError, NetnsError, ProcessError, sysctl::SysctlError};
use braid_layout::LayoutError;
use braid_proto::NetworkName;
use braid_topology::Diagnostics;
use thiserror::Error;

use crate::preflight::Missing;

/// Why a lab could not be made, changed, entered or removed.
#[derive(Debug, Error)]
pub enum LabError {
    /// The topology file is not valid.
    #[error("{0}")]
    Topology(Diagnostics),
    /// The topology has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A node has a name that the lab's directory cannot hold.
    #[error("node `{node}` cannot be in a lab: the lab keeps a directory of that name; rename the node")]
    ReservedNode {
        /// The node.
        node: String,
    },
    /// Unix sockets below the lab's directory would have too long a path.
    #[error(
        "{path} is too long for the sockets in it: set BRAID_RUN_ROOT to a shorter directory, or shorten names"
    )]
    PathTooLong {
        /// The longest directory.
        path: PathBuf,
    },
    /// Not run by root.
    #[error("a lab makes network namespaces, which only root may do: run the command with sudo")]
    NotRoot,
    /// Programs or kernel features are missing. Nothing has been started.
    #[error("{}", missing_text(.0))]
    Missing(Vec<Missing>),
    /// Namespaces with the lab's prefix are not ours.
    #[error(
        "network namespaces that braid did not make have names of this lab: {}; rename the lab or remove them with \
         `ip netns delete NAME`", .names.join(", ")
    )]
    ForeignNamespaces {
        /// Their names.
        names: Vec<String>,
    },
    /// A lab of this name was made under another root.
    #[error(
        "lab `{lab}` is in {directory}: set BRAID_RUN_ROOT to the directory above that, or rename the lab that you want"
    )]
    Elsewhere {
        /// The lab.
        lab: NetworkName,
        /// Its directory.
        directory: PathBuf,
    },
    /// Another command works on the same lab.
    #[error(
        "another braid process is making, changing or removing lab `{lab}`: wait until it is done, and try again"
    )]
    Busy {
        /// The lab.
        lab: NetworkName,
    },
    /// There is no such lab.
    #[error("there is no lab `{lab}`{}", known_text("labs are", .known))]
    NoSuchLab {
        /// The name asked for.
        lab: NetworkName,
        /// The labs that there are.
        known: Vec<String>,
    },
    /// A lab has no such host, node or virtual router.
    #[error(
        "lab `{lab}` has no host, node or virtual router `{target}`{hint}{}", known_text("there are", .known)
    )]
    NoSuchTarget {
        /// The lab.
        lab: NetworkName,
        /// What was asked for.
        target: String,
        /// " (did you mean `x`?)", or nothing.
        hint: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No command was given.
    #[error("no command is given: write `braid lab exec {target} -- COMMAND`")]
    NoCommand {
        /// The host, node or virtual router.
        target: String,
    },
    /// The lab has no such daemon.
    #[error("lab `{lab}` has no {daemon}: its topology is in {topology}")]
    NoSuchDaemon {
        /// The lab.
        lab: NetworkName,
        /// The daemon.
        daemon: String,
        /// The lab's copy of the topology file.
        topology: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot {action} {path}: {source}{}", space_hint(.source))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of the lab's own holds something else.
    #[error("{path} is damaged ({reason}): remove the lab with `braid lab down {lab}` and make it anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The lab.
        lab: NetworkName,
    },
    /// A namespace could not be made, entered or removed.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// The kernel refuses a change in a namespace.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The kernel refuses a parameter of a namespace.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A process cannot be ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The lab's directory holds something else.
    #[error("{path} is not the directory of a lab, and not empty: rename the lab, or set BRAID_RUN_ROOT")]
    NotALab {
        /// The directory.
        path: PathBuf,
    },
    /// A daemon could not be started.
    #[error("cannot start the {member} from {program}: {source}")]
    Start {
        /// The daemon.
        member: String,
        /// The binary.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A daemon ended where it should have run on.
    #[error("the {member} has ended; the end of its log, {log}:\n{tail}")]
    Died {
        /// The daemon.
        member: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The controller does not answer.
    #[error("the controller does not answer within {after:?}: {reason}; its log is {log}")]
    Silent {
        /// How long was waited.
        after: Duration,
        /// What it does instead.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// The controller refuses a request.
    #[error("the controller refuses to {action}: {reason}")]
    Refused {
        /// What was asked, as a verb.
        action: &'static str,
        /// Its answer.
        reason: String,
    },
    /// The network did not settle in time. The lab stays up.
    #[error(
        "lab `{lab}` has not converged within {after:?}; still pending:\n{}\nIt stays up: look at `braid status`, or \
         remove it with `braid lab down {lab}`", bullets(.pending)
    )]
    NotConverged {
        /// The lab.
        lab: NetworkName,
        /// How long was waited.
        after: Duration,
        /// What is pending, in words.
        pending: Vec<String>,
    },
    /// `up` failed half-way.
    #[error(
        "{source}\nLab `{lab}` is half made: mend the cause and run `braid lab up` again, or remove it with `braid lab down {lab}`"
    )]
    HalfMade {
        /// The lab.
        lab: NetworkName,
        /// What failed.
        source: Box<LabError>,
    },
    /// Something of the lab could not be removed.
    #[error("lab `{lab}` is not wholly removed:\n{}\nRun `braid lab down {lab}` again", bullets(.left))]
    Left {
        /// The lab.
        lab: NetworkName,
        /// What is left and why, in words.
        left: Vec<String>,
    },
}

impl LabError {
    /// A file system error with what was tried on which file.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LabError {
        let path = path.into();
        move |source| LabError::Io { action, path, source }
    }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
}

fn known_text(intro: &str, known: &[String]) -> String {
    if known.is_empty() { "; there is none".to_owned() } else { format!("; {intro}: {}", known.join(", ")) }
}

fn space_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room, and try again",
        _ => "",
    }
}

fn missing_text(missing: &[Missing]) -> String {
    let lines: Vec<String> =
        missing.iter().map(|m| format!("{} ({}): {}", m.what, m.why, m.install)).collect();
    format!("this machine lacks what the lab needs; nothing has been started\n{}", bullets(&lines))
}
