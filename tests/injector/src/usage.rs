//! What processes use: CPU time by the scheduler's account, and their share of memory.

use std::{fs, io, time::Duration};

use nix::errno::Errno::ESRCH;

use crate::InjectorError;

fn failed(pid: i32, file: &'static str) -> impl Fn(io::Error) -> InjectorError {
    move |source| InjectorError::Process { pid, file, source }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not written as proc(5) says")
}

/// User and system time that the threads alive of these processes have had together, to the nanosecond.
///
/// # Errors
/// [`InjectorError::Process`] if one has ended.
pub fn cpu_time(pids: &[i32]) -> Result<Duration, InjectorError> {
    let mut sum = Duration::ZERO;
    for pid in pids {
        let failed = failed(*pid, "task");
        for thread in fs::read_dir(format!("/proc/{pid}/task")).map_err(&failed)? {
            let path = thread.map_err(&failed)?.path().join("schedstat");
            match fs::read_to_string(path) {
                Ok(text) => {
                    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
                    sum += Duration::from_nanos(first.ok_or_else(malformed).map_err(&failed)?);
                }
                // The thread has ended since: its file is gone (ENOENT), or it ended between opening and reading (ESRCH).
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        || error.raw_os_error() == Some(ESRCH as i32) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
    Ok(sum)
}

/// Memory of processes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Resident pages, each divided by the number of its users.
    pub pss: u64,
    /// Resident pages, those shared with others too.
    pub rss: u64,
}

/// The memory of these processes together.
///
/// # Errors
/// [`InjectorError::Process`] if one has ended, or may not be looked at.
pub fn memory(pids: &[i32]) -> Result<Memory, InjectorError> {
    let mut sum = Memory::default();
    for pid in pids {
        let failed = failed(*pid, "smaps_rollup");
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_err(&failed)?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kib.map(|kib| kib * 1024).ok_or_else(malformed)
        };
        sum.pss += field("Pss:").map_err(&failed)?;
        sum.rss += field("Rss:").map_err(&failed)?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_memory_is_seen() {
        let own = [std::process::id() as i32];
        let before = cpu_time(&own).unwrap();
        let mut spins = 0_u64;
        while cpu_time(&own).unwrap() == before {
            spins += 1;
            assert!(spins < 100_000_000, "the scheduler counts no time");
        }
        let memory = memory(&own).unwrap();
        assert!(0 < memory.pss && memory.pss <= memory.rss);
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        assert!(matches!(cpu_time(&[-1]), Err(InjectorError::Process { pid: -1, .. })));
    }
}
