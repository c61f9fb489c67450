//! Processes: held, waited for and ended, also when they are nobody's children here.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use braid_kernel::{Process, ProcessError, Signal, terminate};
use common::{PATIENCE, eventually};
use tokio::time::timeout;

/// A shell whose child's id is printed, so that there is a process that is not ours.
struct Grandchild {
    shell: Child,
    pid: i32,
}

impl Grandchild {
    fn start(script: &str) -> Self {
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { shell, pid: line.trim().parse().unwrap() }
    }
}

impl Drop for Grandchild {
    fn drop(&mut self) {
        if let Ok(process) = Process::open(self.pid) {
            let _ = process.signal(Signal::KILL);
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[tokio::test]
async fn the_end_of_someone_elses_child_is_seen() {
    let other = Grandchild::start("sleep 600 & echo $!; wait");
    let process = Process::open(other.pid).unwrap();
    eventually("the fork has become `sleep`", async || process.name().unwrap() == "sleep").await;
    assert!(process.rss_bytes().unwrap() > 0);
    let id = process.id();
    let stored = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<braid_kernel::ProcessId>(&stored).unwrap().open().unwrap().id(), id);

    let ended = process.exited();
    process.signal(Signal::KILL).unwrap();
    timeout(PATIENCE, ended).await.unwrap().unwrap();
    assert!(!process.is_alive());
    assert!(id.open().is_none());
    assert!(matches!(process.rss_bytes(), Err(ProcessError::Gone { .. })));
    // Signals to what is gone, and waits for it, do no harm.
    process.signal(Signal::TERM).unwrap();
    timeout(PATIENCE, process.exited()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_zombie_is_dead() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id() as i32;
    // Nobody has waited for it: it stays a zombie until we do.
    if let Ok(process) = Process::open(pid) {
        timeout(PATIENCE, process.exited()).await.unwrap().unwrap();
        assert!(!process.is_alive());
        assert!(process.id().open().is_none());
    }
    assert!(matches!(Process::open(pid), Err(ProcessError::Gone { .. })));
    child.wait().unwrap();
}

#[tokio::test]
async fn ending_goes_from_asking_to_killing() {
    let polite = Grandchild::start("sleep 600 & echo $!; wait");
    // A shell that does not listen to SIGTERM, once it has said so.
    let mut stubborn = Command::new("sh")
        .args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(stubborn.stdout.take().unwrap()).read_line(&mut line).unwrap();

    let processes = [Process::open(polite.pid).unwrap(), Process::open(stubborn.id() as i32).unwrap()];
    timeout(PATIENCE, terminate(&processes, Duration::from_millis(300))).await.unwrap().unwrap();
    assert!(processes.iter().all(|process| !process.is_alive()));
    stubborn.wait().unwrap();
}
