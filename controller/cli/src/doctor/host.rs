//! Rights, limits and directories of this host.

use std::path::Path;

use braid_engine::cgroup::Cgroup;
use braid_lab::Root;
use nix::unistd::{AccessFlags, Uid, access};
use procfs::process::{LimitValue, Process};

use crate::view::{Area, Check};

/// The capabilities that daemons and labs use, with their numbers in linux/capability.h.
const CAPABILITIES: [(&str, u32); 6] = [
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_KILL", 5),
    ("CAP_NET_ADMIN", 12),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_ADMIN", 21),
];
/// Open files that a node's agent comes by with some dozen virtual routers.
const OPEN_FILES: u64 = 1024;

/// Root, and what root may do here.
pub fn rights() -> Vec<Check> {
    let uid = Uid::effective();
    if !uid.is_root() {
        let found = format!("uid {uid}: kernel features cannot be tried");
        return vec![Check::missing(Area::Rights, "root", found, "run it with sudo")];
    }
    let effective = Process::myself().and_then(|process| process.status()).map_or(0, |status| status.capeff);
    let lacking: Vec<_> = CAPABILITIES
        .iter()
        .filter(|(_, number)| effective >> number & 1 == 0)
        .map(|(name, _)| *name)
        .collect();
    let capabilities = if lacking.is_empty() {
        Check::ok(Area::Rights, "capabilities", "all that braid uses")
    } else {
        let found = format!("without {}", lacking.join(", "));
        Check::missing(Area::Rights, "capabilities", found, "start the container with them, or --privileged")
    };
    vec![Check::ok(Area::Rights, "root", "uid 0"), capabilities]
}

/// Control groups and open files.
pub fn limits() -> Vec<Check> {
    vec![control_groups(), open_files()]
}

/// The cgroup version that bounds engines here, in words; `None` if there is none.
fn cgroup_mode() -> Option<String> {
    let mounts = Process::myself().and_then(|process| process.mountinfo()).ok()?;
    let holds = |controllers: &str| {
        let mut words = controllers.split([' ', '\n', ',']);
        words.clone().any(|word| word == "memory") && words.any(|word| word == "pids")
    };
    let v2 = mounts.0.iter().filter(|mount| mount.fs_type == "cgroup2").find(|mount| {
        std::fs::read_to_string(mount.mount_point.join("cgroup.controllers")).is_ok_and(|text| holds(&text))
    });
    if let Some(mount) = v2 {
        return Some(format!("v2 at {}", mount.mount_point.display()));
    }
    let v1 = |controller: &str| {
        let mut mounts = mounts.0.iter().filter(|mount| mount.fs_type == "cgroup");
        mounts.find(|mount| mount.super_options.contains_key(controller))
    };
    let (memory, pids) = (v1("memory")?, v1("pids")?);
    Some(format!("v1 at {} and {}", memory.mount_point.display(), pids.mount_point.display()))
}

fn control_groups() -> Check {
    let what = "control groups";
    let Some(mode) = cgroup_mode() else {
        let found = "none with memory and pids: engines run without bounds";
        return Check::warn(Area::Limits, what, found, "mount -t cgroup2 none /sys/fs/cgroup");
    };
    if !Uid::effective().is_root() {
        return Check::ok(Area::Limits, what, mode);
    }
    let scratch = Cgroup::new(format!("braid-doctor-{}", std::process::id()), 64 << 20, 16);
    let tried = scratch.ensure();
    let removed = scratch.delete();
    match tried.and(removed) {
        Ok(()) => Check::ok(Area::Limits, what, mode),
        Err(error) => {
            let found = format!("{mode}, but: {error}; engines run without bounds");
            Check::warn(Area::Limits, what, found, "give this machine a cgroup tree that it may write")
        }
    }
}

fn open_files() -> Check {
    let what = "open files";
    let limit =
        Process::myself().and_then(|process| process.limits()).map(|limits| limits.max_open_files.soft_limit);
    match limit {
        Ok(LimitValue::Value(limit)) if limit < OPEN_FILES => {
            Check::warn(Area::Limits, what, format!("at most {limit}"), &format!("ulimit -n {OPEN_FILES}"))
        }
        Ok(LimitValue::Value(limit)) => Check::ok(Area::Limits, what, format!("at most {limit}")),
        Ok(LimitValue::Unlimited) => Check::ok(Area::Limits, what, "without limit"),
        Err(error) => {
            Check::warn(Area::Limits, what, format!("cannot be read: {error}"), "mount -t proc proc /proc")
        }
    }
}

/// The directory that labs live in, or the nearest one above it that there is.
pub fn run_directory() -> Check {
    let root = Root::from_env();
    let path = root.path();
    let what = "run directory";
    let there = path.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let writable = there.is_dir() && access(there, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if !writable {
        let found = format!("{}: {} cannot be written", path.display(), there.display());
        let fix = format!("set {} to a directory that can, or run it with sudo", Root::VARIABLE);
        return Check::missing(Area::Files, what, found, &fix);
    }
    let found = if there == path { "there" } else { "can be made" };
    Check::ok(Area::Files, what, format!("{}: {found}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::CheckState;

    #[test]
    fn root_of_this_machine_has_what_braid_uses() {
        assert!(Uid::effective().is_root(), "these tests run as root");
        let checks = rights();
        assert!(checks.iter().all(|check| check.state == CheckState::Ok), "{checks:?}");
    }

    #[test]
    fn a_scratch_control_group_leaves_nothing_behind() {
        let check = control_groups();
        assert_ne!(check.state, CheckState::Missing, "{check:?}");
        let name = format!("braid-doctor-{}", std::process::id());
        let left = walk(Path::new("/sys/fs/cgroup"), &name);
        assert_eq!(left, None);
    }

    /// A directory of that name at most two levels below `dir`.
    fn walk(dir: &Path, name: &str) -> Option<std::path::PathBuf> {
        let hierarchies = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        [dir.to_owned()].into_iter().chain(hierarchies).map(|dir| dir.join(name)).find(|path| path.exists())
    }
}
