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
            // A child that it has just forked still has its command line: the oldest is the daemon itself.
            let found = living.entry((*member).clone()).or_insert(process.id());
            if process.start_time() < found.start_time {
                *found = process.id();
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Root;
    use braid_kernel::{Signal, terminate};
    use std::{
        path::PathBuf,
        time::{Duration, Instant},
    };

    /// A lab directory with one node's namespace.
    struct Bench {
        directory: tempfile::TempDir,
        lab: Lab,
        netns: Netns,
    }

    impl Bench {
        fn new(name: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let root = Root::new(directory.path().join("run"));
            let lab = Lab::new(&root, format!("{name}{}", std::process::id()).parse().unwrap());
            let netns = Netns::create(&format!("{}.n1", lab.name())).unwrap();
            Self { directory, lab, netns }
        }

        /// A program that runs a shell script. Another process writes it: a file that is open for writing anywhere, such as
        /// in a child that another test has just forked, cannot be run.
        fn program(&self, script: &str) -> PathBuf {
            let path = self.directory.path().join("braid");
            let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod 755 \"$2\"";
            let status = Command::new("sh").args(["-c", write, "sh", script]).arg(&path).status().unwrap();
            assert!(status.success());
            path
        }

        fn wait_for(&self, what: &str, condition: impl Fn() -> bool) {
            let deadline = Instant::now() + Duration::from_secs(10);
            while !condition() {
                assert!(Instant::now() < deadline, "{what}: not within 10 s");
                std::thread::yield_now();
            }
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = Netns::delete(&format!("{}.n1", self.lab.name()));
        }
    }

    fn agent() -> Member {
        Member::Agent("n1".parse().unwrap())
    }

    #[tokio::test]
    async fn a_daemon_runs_in_its_nodes_namespace_and_is_known_until_it_ends() {
        let bench = Bench::new("start");
        let program = bench.program("echo \"run as $*\" >&2; exec sleep 600");
        let started = start(&bench.lab, &program, &agent()).unwrap();

        assert_eq!(Netns::of_pid(started.pid).unwrap(), bench.netns);
        assert_eq!(living(&bench.lab, &[]).unwrap(), BTreeMap::from([(agent(), started)]));
        let log = bench.lab.log_file(&agent());
        bench.wait_for("the log has its first line", || files::tail(&log).contains("run as agent --network"));

        let process = started.open().unwrap();
        process.signal(Signal::KILL).unwrap();
        process.exited().await.unwrap();
        assert!(living(&bench.lab, &[agent()]).unwrap().is_empty());
        let error = died(&bench.lab, &agent()).to_string();
        assert!(error.contains("agent of `n1`") && error.contains("run as agent"), "{error}");
    }

    #[tokio::test]
    async fn a_daemon_without_a_record_is_found_by_its_command_line() {
        let bench = Bench::new("lost");
        // The shell itself waits, in the opening of a pipe that nobody writes to.
        let program = bench.program("mkfifo $0.pipe; read never <$0.pipe");
        let started = start(&bench.lab, &program, &agent()).unwrap();
        forget(&bench.lab, &agent()).unwrap();
        assert!(living(&bench.lab, &[]).unwrap().is_empty());
        bench.wait_for("the script runs", || !living(&bench.lab, &[agent()]).unwrap().is_empty());
        assert_eq!(living(&bench.lab, &[agent()]).unwrap(), BTreeMap::from([(agent(), started)]));
        assert!(living(&bench.lab, &[Member::Controller]).unwrap().is_empty());
        terminate(&[started.open().unwrap()], Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn a_daemon_that_cannot_be_recorded_is_not_left_running() {
        let bench = Bench::new("full");
        let program = bench.program("exec sleep 600");
        // The record's place is taken by a directory, as if the disk were full.
        fs::create_dir_all(bench.lab.process_file(&agent()).join("x")).unwrap();
        let error = start(&bench.lab, &program, &agent()).unwrap_err().to_string();
        assert!(error.contains("n1-agent.json"), "{error}");
        bench.wait_for("it is ended", || bench.netns.pids().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let bench = Bench::new("none");
        let error = start(&bench.lab, Path::new("/nonexistent/braid"), &agent()).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/braid") && error.contains("agent of `n1`"), "{error}");
        assert!(living(&bench.lab, &[agent()]).unwrap().is_empty());
    }
}
