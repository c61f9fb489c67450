//! Processes: which there are, and how one is started so that it outlives us.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{ffi::OsStringExt, process::CommandExt},
    process::Command,
};

use nix::unistd::setsid;

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

/// "name (pid 7)" for messages.
pub(crate) fn describe(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} (pid {pid})", name.trim_end())
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
    fn a_detached_command_leads_a_session_of_its_own() {
        let mut command = Command::new("sleep");
        detach(command.arg("60"));
        let mut child = command.spawn().unwrap();
        let pid = child.id() as i32;
        assert!(pids().unwrap().contains(&pid));
        assert_eq!(command_line(pid), ["sleep", "60"]);
        assert_eq!(nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(pid))).unwrap().as_raw(), pid);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(command_line(pid).is_empty());
    }
}
