//! Commands in a lab's namespaces.

use std::{io, os::unix::process::CommandExt, process::Command};

use braid_kernel::Netns;
use braid_proto::NetworkName;
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};

use crate::{
    error::LabError,
    list,
    paths::{Lab, Root},
    record::Record,
    survey::{self, survey},
};

/// A command that runs in the namespace of a customer host (`seattle-host`), a node (`seattle`) or a virtual router
/// (`seattle/red`). Nothing runs yet: let the caller become it (`CommandExt::exec`), so that terminal, signals and exit
/// status are the command's own.
///
/// As with `ip netns exec`, `/sys` shows the namespace's interfaces; for that the command gets a mount namespace of its own.
///
/// # Errors
/// [`LabError::NoSuchLab`], [`LabError::NoSuchTarget`] with what there is, [`LabError::NoCommand`] if `command` is empty,
/// [`LabError::NotRoot`].
pub fn exec_command(
    root: &Root,
    lab: &NetworkName,
    target: &str,
    command: &[String],
) -> Result<Command, LabError> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(LabError::NotRoot);
    }
    let (program, arguments) =
        command.split_first().ok_or_else(|| LabError::NoCommand { target: target.to_owned() })?;
    let lab = Lab::new(root, lab.clone());
    let record = Record::read(&lab).unwrap_or_default();
    let actual = survey::blocking(survey(&lab, record.as_ref()))?;
    if record.is_none() && actual.namespaces.is_empty() {
        return Err(list::no_such_lab(root, lab.name()));
    }
    let prefix = lab.namespace_prefix();
    let targets: Vec<String> =
        actual.namespaces.keys().map(|name| name[prefix.len()..].replace('.', "/")).collect();
    if !targets.iter().any(|known| known == target) {
        let hint = nearest(target, &targets).map(|near| format!(" (did you mean `{near}`?)"));
        return Err(LabError::NoSuchTarget {
            lab: lab.name().clone(),
            target: target.chars().take(64).collect(),
            hint: hint.unwrap_or_default(),
            known: targets,
        });
    }
    let mut command = Netns::open(&format!("{prefix}{}", target.replace('/', ".")))?.command(program);
    command.args(arguments);
    // Runs after the namespace was entered: closures run in the order in which they were added.
    // SAFETY: between fork and exec (or right before exec, in our own only thread) the closure makes system calls on
    // constant strings; it takes no lock and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(own_sys);
    }
    Ok(command)
}

/// Mounts a `/sys` of the network namespace that we are in, for ourselves alone.
fn own_sys() -> io::Result<()> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // What we mount is ours alone; what others mount still shows.
    mount(NONE, "/", NONE, MsFlags::MS_SLAVE | MsFlags::MS_REC, NONE)?;
    match umount2("/sys", MntFlags::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), NONE)?)
}

/// The known name that is most like `text`, if one is like it.
fn nearest<'a>(text: &str, known: &'a [String]) -> Option<&'a String> {
    let near = known.iter().map(|name| (strsim::damerau_levenshtein(name, text), name)).min();
    near.filter(|(distance, name)| *distance <= 1 + name.len() / 4).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_pointed_out_and_nonsense_is_not() {
        let known = ["seattle", "seattle-host", "seattle/red"].map(str::to_owned);
        assert_eq!(nearest("seatle", &known).unwrap(), "seattle");
        assert_eq!(nearest("seattle/rde", &known).unwrap(), "seattle/red");
        assert_eq!(nearest("zzz", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
