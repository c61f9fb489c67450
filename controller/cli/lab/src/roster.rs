//! Which processes the lab's daemons are.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

use braid_kernel::{Netns, Process, ProcessId};
use braid_layout::names;
use serde::{Deserialize, Serialize};

use crate::{error::LabError, files, member::Member, paths::Lab, process};

/// The record of a started daemon.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    member: Member,
    #[serde(flatten)]
    process: ProcessId,
}

/// The daemons that live: those on record, and those of `expected` that are found by their command line, as after the
/// loss of the lab's directory, or after a crash between a start and its record.
pub(crate) fn living(lab: &Lab, expected: &[Member]) -> Result<BTreeMap<Member, ProcessId>, LabError> {
    let mut living = recorded(lab)?;
    living.retain(|_, process| process.open().is_some());
    let missing: Vec<&Member> = expected.iter().filter(|member| !living.contains_key(member)).collect();
    if missing.is_empty() {
        return Ok(living);
    }
    for pid in process::pids().map_err(LabError::io("list", "/proc"))? {
        let line = process::command_line(pid);
        let member = missing.iter().find(|member| member.is_command_line(lab, &line));
        if let (Some(member), Ok(process)) = (member, Process::open(pid)) {
            living.insert((*member).clone(), process.id());
        }
    }
    Ok(living)
}

/// The daemons on record, alive or not.
pub(crate) fn recorded(lab: &Lab) -> Result<BTreeMap<Member, ProcessId>, LabError> {
    let entries = match fs::read_dir(lab.process_dir()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(LabError::io("list", lab.process_dir())(error)),
    };
    let mut recorded = BTreeMap::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_some_and(|extension| extension == "json") {
            // A damaged record is as good as none: the daemon is found by its command line.
            if let Ok(Some(Entry { member, process })) = files::read_json(lab, &path) {
                recorded.insert(member, process);
            }
        }
    }
    Ok(recorded)
}

/// Starts a daemon in its node's namespace, as a session of its own, and records it. It is not waited for.
pub(crate) fn start(lab: &Lab, program: &Path, member: &Member) -> Result<ProcessId, LabError> {
    let failed = |source: io::Error| LabError::Start {
        member: member.to_string(),
        program: program.to_owned(),
        source,
    };
    files::make_directory(&lab.log_dir())?;
    files::make_directory(&lab.process_dir())?;
    let mut command = match member.node() {
        Some(node) => Netns::open(&names::node_namespace(lab.name(), node))?.command(program),
        None => Command::new(program),
    };
    let log = files::open_log(&lab.log_file(member))?;
    let again = log.try_clone().map_err(failed)?;
    command.args(member.arguments(lab)).stdin(Stdio::null()).stdout(log).stderr(again).current_dir("/");
    process::detach(&mut command);
    // tokio reaps it should it end while we live.
    let mut child = tokio::process::Command::from(command).kill_on_drop(false).spawn().map_err(failed)?;
    let recorded = child
        .id()
        .and_then(|pid| Process::open(i32::try_from(pid).ok()?).ok())
        .ok_or_else(|| died(lab, member))
        .and_then(|process| {
            let process = process.id();
            let entry = Entry { member: member.clone(), process };
            files::write_json(&lab.process_file(member), &entry).map(|()| process)
        });
    if recorded.is_err() {
        // An unrecorded daemon would be hard to find: better none.
        let _ = child.start_kill();
    }
    recorded
}

/// Forgets a daemon that was stopped for good.
pub(crate) fn forget(lab: &Lab, member: &Member) -> Result<(), LabError> {
    let path = lab.process_file(member);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LabError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The error for a daemon that ended, with the end of its log.
pub(crate) fn died(lab: &Lab, member: &Member) -> LabError {
    let log = lab.log_file(member);
    let tail = files::tail(&log);
    LabError::Died { member: member.to_string(), log, tail }
}
