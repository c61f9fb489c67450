//! Processes: which live, which are ours, and how one is started so that it outlives us.

use std::{
    ffi::OsString,
    fs,
    io,
    os::unix::{ffi::OsStringExt, process::CommandExt},
    process::Command,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, setsid},
};
use procfs::process::Process;
use serde::{Deserialize, Serialize};

/// A process, safe from reuse of its pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks since boot at its start.
    pub(crate) start_time: u64,
}

impl ProcessId {
    /// The process with this pid, unless it is gone or a zombie.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
        (!matches!(stat.state, 'Z' | 'X' | 'x')).then_some(Self { pid, start_time: stat.starttime })
    }

    /// Whether it lives. A zombie does not.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal, unless the process is gone. Between the look and the signal a pid would have to be given away
    /// for another process to get it, which takes the kernel a whole round of pids.
    pub(crate) fn signal(self, signal: Signal) -> Result<(), Errno> {
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Err(Errno::ESRCH) => Ok(()),
            other => other,
        }
    }

    /// "name (pid)" for messages.
    pub(crate) fn describe(self) -> String {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        format!("{} (pid {})", name.trim_end(), self.pid)
    }
}

/// The pids of this moment, in ascending order.
pub(crate) fn pids() -> io::Result<Vec<i32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            pids.push(pid);
        }
    }
    pids.sort_unstable();
    Ok(pids)
}

/// A process's command line; empty for kernel threads, zombies and the gone.
pub(crate) fn command_line(pid: i32) -> Vec<OsString> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = text.strip_suffix(&[0]).unwrap_or(&text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// Lets `command` become a session of its own, so that neither a hangup nor a Ctrl-C at our terminal reaches it.
pub(crate) fn detach(command: &mut Command) {
    let detach = || setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec the closure makes one system call, setsid; it takes no lock and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(detach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_until_it_is_a_zombie() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(child.id() as i32).unwrap();
        assert!(id.is_alive());
        assert_eq!(command_line(id.pid), ["sleep", "60"]);
        id.signal(Signal::SIGKILL).unwrap();
        while id.is_alive() {
            std::thread::yield_now();
        }
        // Nobody has waited for it yet: it is a zombie.
        assert!(fs::exists(format!("/proc/{}", id.pid)).unwrap());
        assert_eq!(id.signal(Signal::SIGKILL), Ok(()));
        child.wait().unwrap();
    }

    #[test]
    fn another_process_with_the_same_pid_is_another_process() {
        let this = ProcessId::of(std::process::id() as i32).unwrap();
        assert!(!ProcessId { start_time: this.start_time + 1, ..this }.is_alive());
    }
}
