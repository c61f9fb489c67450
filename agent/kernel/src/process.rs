//! Processes, ours or not, that cannot be mistaken for later ones of the same number.

use std::{
    fmt, io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::{SysconfVar, sysconf},
};
use procfs::{ProcError, process};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::timeout;

use crate::readiness::register;

pub use rustix::process::Signal;

/// How long a killed process may take to go, in the kernel's hands.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// Why nothing could be learnt of, or done to, a process.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It is gone, or a zombie.
    #[error("there is no process {pid}")]
    Gone {
        /// The process id.
        pid: i32,
    },
    /// A system call failed.
    #[error("cannot {operation} process {pid}: {source}")]
    System {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The process id.
        pid: i32,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Killed processes are still there: the kernel has them in a wait that nothing ends.
    #[error("killed, but still there after 5 s: {}; look at /proc/PID/stack for what they wait for", list(.0))]
    Unkillable(Vec<ProcessId>),
}

fn list(processes: &[ProcessId]) -> String {
    processes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A process's identity for as long as the host is up: its number, and when it began. To be written to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// When it began, in clock ticks since the host came up (`proc(5)`, `starttime`).
    pub start_time: u64,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pid, f)
    }
}

impl ProcessId {
    /// The process, unless it is gone (or a zombie) and its number perhaps another's.
    #[must_use]
    pub fn open(self) -> Option<Process> {
        Process::open(self.pid).ok().filter(|process| process.id == self)
    }
}

/// A hold on one process. Signals and waits go to this one and never to a later process of the same number. Clones share
/// the hold; it does not keep the process from ending.
#[derive(Debug, Clone)]
pub struct Process {
    id: ProcessId,
    pidfd: Arc<OwnedFd>,
}

impl Process {
    /// Takes hold of a process.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] if there is none of that number, or only a zombie.
    pub fn open(pid: i32) -> Result<Self, ProcessError> {
        let gone = || ProcessError::Gone { pid };
        let failed = |source: io::Error| ProcessError::System { operation: "open", pid, source };
        let number = Some(pid).filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or_else(gone)?;
        let pidfd = match pidfd_open(number, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            // EINVAL: the number is a thread's.
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Err(gone()),
            Err(errno) => return Err(failed(errno.into())),
        };
        let start_time = stat(pid)?.starttime;
        let process = Self { id: ProcessId { pid, start_time }, pidfd: Arc::new(pidfd) };
        // Alive still, so the start time is this process's own and not its successor's.
        if process.is_alive() { Ok(process) } else { Err(gone()) }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.id.pid
    }

    /// When it began, in clock ticks since the host came up.
    #[must_use]
    pub fn start_time(&self) -> u64 {
        self.id.start_time
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Whether it still runs. A zombie does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let mut ended = [PollFd::new((*self.pidfd).as_fd(), PollFlags::POLLIN)];
        poll(&mut ended, PollTimeout::ZERO) == Ok(0)
    }

    /// Waits until it has ended, whosever child it is.
    ///
    /// # Errors
    /// If tokio cannot wait for it; call this within a runtime that has I/O enabled.
    pub async fn exited(&self) -> io::Result<()> {
        let pidfd = register(self.pidfd.try_clone()?)?;
        pidfd.readable().await.map(drop)
    }

    /// Sends it a signal. One that has ended already is fine.
    ///
    /// # Errors
    /// [`ProcessError::System`] without the right to.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => {
                Err(ProcessError::System { operation: "signal", pid: self.pid(), source: errno.into() })
            }
        }
    }

    /// The memory it has resident, in bytes.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] if it has ended.
    pub fn rss_bytes(&self) -> Result<u64, ProcessError> {
        let pages = self.own(stat(self.pid())?)?.rss;
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
        Ok(pages.saturating_mul(page.unsigned_abs()))
    }

    /// Its name: that of its program, cut to 15 bytes, or what it calls itself.
    ///
    /// # Errors
    /// [`ProcessError::Gone`] if it has ended.
    pub fn name(&self) -> Result<String, ProcessError> {
        Ok(self.own(stat(self.pid())?)?.comm)
    }

    /// What was read by number is of this process if it is alive after the reading.
    fn own<T>(&self, read: T) -> Result<T, ProcessError> {
        if self.is_alive() { Ok(read) } else { Err(ProcessError::Gone { pid: self.pid() }) }
    }
}

fn stat(pid: i32) -> Result<process::Stat, ProcessError> {
    process::Process::new(pid).and_then(|process| process.stat()).map_err(|error| match error {
        ProcError::NotFound(_) => ProcessError::Gone { pid },
        ProcError::Io(source, _) if source.raw_os_error() == Some(nix::libc::ESRCH) => {
            ProcessError::Gone { pid }
        }
        other => ProcessError::System { operation: "read /proc of", pid, source: io::Error::other(other) },
    })
}

/// Ends processes: asks each to terminate, kills those still there after `grace`, and waits until all are gone.
///
/// # Errors
/// [`ProcessError::System`] without the right to signal them, [`ProcessError::Unkillable`] if killing does not help.
pub async fn terminate(processes: &[Process], grace: Duration) -> Result<(), ProcessError> {
    signal_all(processes, Signal::TERM)?;
    if wait_all(processes, grace).await?.is_empty() {
        return Ok(());
    }
    signal_all(processes, Signal::KILL)?;
    let left = wait_all(processes, KILL_WAIT).await?;
    if left.is_empty() { Ok(()) } else { Err(ProcessError::Unkillable(left)) }
}

fn signal_all(processes: &[Process], signal: Signal) -> Result<(), ProcessError> {
    processes.iter().try_for_each(|process| process.signal(signal))
}

/// Waits for all to end; gives those that have not within `limit`.
async fn wait_all(processes: &[Process], limit: Duration) -> Result<Vec<ProcessId>, ProcessError> {
    let all = futures::future::try_join_all(processes.iter().map(|process| async {
        let failed = |source| ProcessError::System { operation: "wait for", pid: process.pid(), source };
        process.exited().await.map_err(failed)
    }));
    match timeout(limit, all).await {
        Ok(done) => done.map(|_| Vec::new()),
        Err(_late) => {
            Ok(processes.iter().filter(|process| process.is_alive()).map(|process| process.id).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_reused_number_is_not_mistaken() {
        let own = Process::open(std::process::id() as i32).unwrap();
        assert!(own.is_alive());
        assert!(own.rss_bytes().unwrap() > 0);
        assert_eq!(own.id().open().unwrap().id(), own.id());
        let earlier = ProcessId { start_time: own.start_time() - 1, ..own.id() };
        assert!(earlier.open().is_none());
    }

    #[test]
    fn numbers_that_are_no_process_are_gone() {
        for pid in [-1, 0, i32::MIN, i32::MAX] {
            assert!(matches!(Process::open(pid), Err(ProcessError::Gone { .. })), "{pid}");
        }
    }
}
