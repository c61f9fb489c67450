//! The daemons' front doors: a real controller answers the command line; no agent is needed for that.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    files::RING,
    support::{Ran, braid, run, run_command},
};

/// How long a daemon may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A controller of the ring, ended when dropped.
struct Controller {
    dir: tempfile::TempDir,
    child: Child,
}

impl Controller {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ring.yaml");
        fs::write(&file, RING).unwrap();
        let mut command = braid(&["controller"]);
        command.arg("--topology").arg(file);
        command.arg("--listen").arg(format!("unix:{}", dir.path().join("c.sock").display()));
        command.arg("--state-dir").arg(dir.path().join("state"));
        command.stdout(Stdio::null()).stderr(fs::File::create(dir.path().join("log")).unwrap());
        let child = command.spawn().unwrap();
        let controller = Self { dir, child };
        until("the controller answers", &controller.log(), || controller.ask(&["status"]).code == Some(0));
        controller
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut command = braid(arguments);
        command.env("BRAID_CONTROLLER", format!("unix:{}", self.dir.path().join("c.sock").display()));
        run_command(command)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds, and fails with the log where it does not.
fn until(what: &str, log: &PathBuf, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        let log = fs::read_to_string(log).unwrap_or_default();
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}; log:\n{log}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_controller_without_agents_answers_what_it_knows() {
    let controller = Controller::start();
    let status = controller.ask(&["status", "-o", "json"]).ok().json();
    assert_eq!(status["network"], "ring");
    assert_eq!(status["converged"], false);
    assert_eq!(status["nodes"], 3);
    assert_eq!(status["agents_connected"], 0);
    assert_eq!(status["votes_expected"], 2);

    let nodes = controller.ask(&["get", "nodes", "-o", "json"]).ok().json();
    assert_eq!(nodes.as_array().unwrap().len(), 3);
    assert!(nodes.as_array().unwrap().iter().all(|node| node["agent_connected"] == false));
    let links = controller.ask(&["get", "links", "--node", "east", "-o", "json"]).ok().json();
    assert_eq!(links.as_array().unwrap().len(), 2);
    let hosts = controller.ask(&["get", "hosts", "-o", "json"]).ok().json();
    let addresses: Vec<_> = hosts.as_array().unwrap().iter().map(|host| &host["addresses"][0]).collect();
    assert!(
        addresses.contains(&&"198.18.1.10".into()) && addresses.contains(&&"198.18.3.10".into()),
        "{hosts}"
    );
    for noun in ["vns", "prefixes"] {
        assert_eq!(
            controller.ask(&["get", noun, "-o", "json"]).ok().json().as_array().unwrap().len(),
            2,
            "{noun}"
        );
    }
    let text = controller.ask(&["status"]).ok().stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_border_that_is_away_cannot_explain_and_one_that_is_not_there_is_unknown() {
    let controller = Controller::start();
    let away = controller.ask(&["explain", "198.18.3.0/24", "--at", "north"]).failed(1).stderr;
    assert!(away.starts_with("error: ") && away.contains("north"), "{away}");
    let unknown = controller.ask(&["explain", "198.18.3.0/24", "--at", "nowhere"]).failed(1).stderr;
    assert!(unknown.contains("nowhere") && !unknown.contains("Status"), "{unknown}");
    assert_ne!(away, unknown);
}

#[test]
fn a_controller_ends_gracefully_on_either_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut controller = Controller::start();
        kill(Pid::from_raw(controller.child.id().cast_signed()), signal).unwrap();
        let mut status = None;
        until("the controller ends", &controller.log(), || {
            status = controller.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(0), "{signal}");
        let log = fs::read_to_string(controller.log()).unwrap();
        assert!(log.contains(signal.as_str()), "{log}");
        assert!(!log.contains('\x1b'), "a file gets no colour: {log}");
    }
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    fs::write(&file, "name: x\ntopolgy: {}\n").unwrap();
    let socket = format!("unix:{}", dir.path().join("c.sock").display());
    let state = dir.path().join("state");
    let mut command = braid(&["controller", "--listen", &socket, "--topology"]);
    command.arg(&file).arg("--state-dir").arg(state);
    let ran = run_command(command).failed(1);
    assert!(ran.stderr.contains("bad.yaml:"), "{}", ran.stderr);

    let mut command = braid(&["controller", "--listen", &socket, "--state-dir", "/nonexistent"]);
    command.env("BRAID_LOG", "=,=");
    let ran = run_command(command).failed(2);
    assert!(ran.stderr.contains("BRAID_LOG"), "{}", ran.stderr);
    run(&["controller", "--listen", "nonsense", "--state-dir", "/nonexistent"]).failed(2);
}
