//! `up` and `restart` on the real kernel and against the real controller. Agents and borders are programs that do nothing, so
//! the network never converges: what counts here is which processes there are.

#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, sync::Arc, time::Duration};

use braid_controller::ControllerConfig;
use braid_lab::{Daemon, LabError, Progress, Stage, UpOptions, down, list, restart, up};
use common::{RING, TestLab};
use tokio::sync::Notify;

/// A lab whose controller is served by the test; the process in its place only stands for it.
struct Bench {
    lab: TestLab,
    stop: Arc<Notify>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { lab: TestLab::new(), stop: Arc::new(Notify::new()) };
        let (files, stop) = (bench.lab.lab(), Arc::clone(&bench.stop));
        tokio::spawn(async move {
            // `up` writes this before it starts its controller.
            while !files.topology_file().exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let config = ControllerConfig {
                listen: files.socket(),
                tls: None,
                state_dir: files.controller_dir(),
                topology: Some(files.topology_file()),
            };
            braid_controller::run(config, async move { stop.notified().await }).await.unwrap();
        });
        bench
    }

    /// Brings the lab up with a program that runs `script` for each daemon, and expects that it does not converge.
    async fn up(&self, topology: &str, script: &str) -> (LabError, Watcher) {
        let options = UpOptions {
            topology_text: topology.replace("NAME", self.lab.name.as_str()),
            topology_path: self.lab.topology_path(),
            braid: self.program(script),
            timeout: Duration::from_millis(300),
        };
        let mut watcher = Watcher::default();
        (up(&self.lab.root, options, &mut watcher).await.unwrap_err(), watcher)
    }

    /// Another process writes the program: a file that is open for writing anywhere, such as in a child that another test
    /// has just forked, cannot be run.
    fn program(&self, script: &str) -> PathBuf {
        let path = self.lab.scratch().join("braid");
        let write =
            "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2.new\" && chmod 755 \"$2.new\" && mv \"$2.new\" \"$2\"";
        let status = Command::new("sh").args(["-c", write, "sh", script]).arg(&path).status().unwrap();
        assert!(status.success());
        path
    }

    /// The pids on record.
    fn pids(&self) -> BTreeMap<String, i32> {
        let records = fs::read_dir(self.lab.lab().dir().join("processes.d")).unwrap().flatten();
        let read = |path: PathBuf| {
            let record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, i32::try_from(record["pid"].as_i64().unwrap()).unwrap())
        };
        records.map(|entry| read(entry.path())).collect()
    }

    async fn kill(&self, name: &str) {
        let process = braid_kernel::Process::open(self.pids()[name]).unwrap();
        process.signal(braid_kernel::Signal::KILL).unwrap();
        process.exited().await.unwrap();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

/// Remembers which stages began.
#[derive(Default)]
struct Watcher {
    begun: Vec<Stage>,
    ended: Vec<Stage>,
}

impl Progress for Watcher {
    fn begin(&mut self, stage: Stage) {
        self.begun.push(stage);
    }
    fn update(&mut self, stage: Stage, done: u32, total: u32, _: &str) {
        assert_eq!(self.begun.last(), Some(&stage));
        assert!(done <= total, "{done} of {total}");
    }
    fn end(&mut self, stage: Stage, _: Duration) {
        self.ended.push(stage);
    }
    fn warn(&mut self, text: &str) {
        panic!("{text}");
    }
}

const IDLE: &str = "exec sleep 600";

#[tokio::test(flavor = "multi_thread")]
async fn up_starts_every_daemon_once_and_down_ends_them_all() {
    let bench = Bench::new();
    let (error, watcher) = bench.up(RING, IDLE).await;

    // The agents do nothing, so it does not converge; it says what is pending, and stays up.
    let LabError::NotConverged { pending, .. } = &error else { panic!("{error}") };
    assert!(!pending.is_empty());
    assert!(error.to_string().contains(&format!("braid lab down {}", bench.lab.name)), "{error}");
    assert_eq!(watcher.begun, Stage::ALL);
    assert_eq!(watcher.ended, Stage::ALL[..5]);
    let first = bench.pids();
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["a-agent", "a-border", "b-agent", "b-border", "c-agent", "controller"]);
    let summary = list(&bench.lab.root).unwrap().into_iter().find(|lab| lab.name == bench.lab.name).unwrap();
    assert_eq!((summary.controller_alive, summary.nodes, summary.processes), (true, 3, 6));

    // Up again: everything is there, nothing is started or touched.
    let interfaces = bench.lab.interfaces();
    bench.up(RING, IDLE).await;
    assert_eq!(bench.pids(), first);
    assert_eq!(bench.lab.interfaces(), interfaces);

    // One dies: up starts that one, and only that one.
    bench.kill("b-agent").await;
    bench.up(RING, IDLE).await;
    let second = bench.pids();
    let changed: Vec<&String> = first.keys().filter(|name| first[*name] != second[*name]).collect();
    assert_eq!(changed, ["b-agent"]);

    // All are killed: down leaves nothing.
    for name in second.keys() {
        bench.kill(name).await;
    }
    let report = down(&bench.lab.root, &bench.lab.name).await.unwrap();
    assert_eq!((report.processes, report.namespaces), (0, 5));
    assert!(bench.lab.namespaces().is_empty());
    assert!(!bench.lab.root.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_starts_only_what_is_dead_and_meant() {
    let bench = Bench::new();
    bench.up(RING, IDLE).await;
    let (root, name) = (&bench.lab.root, &bench.lab.name);
    assert_eq!(restart(root, name, &Daemon::All).await.unwrap(), []);

    bench.kill("a-agent").await;
    bench.kill("a-border").await;
    bench.kill("controller").await;
    let agent = Daemon::Agent("a".parse().unwrap());
    assert_eq!(restart(root, name, &agent).await.unwrap(), [agent]);
    let rest = [Daemon::Controller, Daemon::Border("a".parse().unwrap())];
    assert_eq!(restart(root, name, &Daemon::All).await.unwrap(), rest);

    let stranger = Daemon::Border("c".parse().unwrap());
    let error = restart(root, name, &stranger).await.unwrap_err().to_string();
    assert!(error.contains("no border of `c`"), "{error}");
    let nobody = "nobodys-lab".parse().unwrap();
    assert!(matches!(restart(root, &nobody, &Daemon::All).await, Err(LabError::NoSuchLab { .. })));

    let report = down(root, name).await.unwrap();
    assert_eq!(report.processes, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_applied_to_a_running_lab() {
    let bench = Bench::new();
    bench.up(RING, IDLE).await;
    let before = bench.pids();
    let index = bench.lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]);

    // Node c gives way to node d, and b is no border any more.
    let changed = RING
        .replace("    c: {}", "    d: {}")
        .replace("c:eth", "d:eth")
        .replace(" b: { border: { prefixes: [198.18.2.0/24] } }", " b: {}");
    let (error, _) = bench.up(&changed, IDLE).await;
    assert!(matches!(error, LabError::NotConverged { .. }), "{error}");

    let after = bench.pids();
    let names: Vec<&str> = after.keys().map(String::as_str).collect();
    assert_eq!(names, ["a-agent", "a-border", "b-agent", "controller", "d-agent"]);
    for name in ["a-agent", "a-border", "b-agent", "controller"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    for gone in ["b-border", "c-agent"] {
        assert!(braid_kernel::Process::open(before[gone]).is_err(), "{gone}");
    }
    assert_eq!(bench.lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]), index);
    assert!(!bench.lab.namespaces().contains("c"));

    // The controller keeps the number of a link that is gone, so the new one has another: the cable follows it.
    let addresses = bench.lab.exec("d", &["ip", "-o", "-4", "address"]);
    assert!(addresses.contains("100.66.0.8/31") || addresses.contains("100.66.0.9/31"), "{addresses}");
    let kept = fs::read_to_string(bench.lab.lab().topology_file()).unwrap();
    assert_eq!(kept, changed.replace("NAME", bench.lab.name.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_is_told_at_once_with_its_log() {
    let bench = Bench::new();
    let script = "case $1 in border) echo no ballots today >&2; exit 3;; esac; exec sleep 600";
    let (error, _) = bench.up(RING, script).await;
    let text = error.to_string();
    assert!(
        matches!(&error, LabError::HalfMade { source, .. } if matches!(**source, LabError::Died { .. })),
        "{text}"
    );
    assert!(text.contains("border of `") && text.contains("no ballots today"), "{text}");
    assert!(text.contains(&format!("braid lab down {}", bench.lab.name)), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_starts_nothing() {
    let bench = Bench::new();
    let (error, watcher) = bench.up(&RING.replace("b:eth1", "x:eth1"), IDLE).await;
    assert!(matches!(&error, LabError::Topology(_)), "{error}");
    assert!(error.to_string().contains("ring.yaml:"), "{error}");
    assert_eq!(watcher.begun, [Stage::Check]);

    let (error, _) =
        bench.up(&RING.replace("    c: {}", "    logs: {}").replace("c:eth", "logs:eth"), IDLE).await;
    assert!(matches!(&error, LabError::ReservedNode { .. }), "{error}");
    assert!(!bench.lab.root.path().exists());
    assert!(bench.lab.namespaces().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_does_not_start_is_told_with_its_log() {
    let lab = TestLab::new();
    let bench = Bench { lab, stop: Arc::new(Notify::new()) };
    let (error, watcher) = bench.up(RING, "echo no state, no rule >&2; exit 1").await;
    assert!(error.to_string().contains("no state, no rule"), "{error}");
    assert_eq!(watcher.begun, [Stage::Check, Stage::Controller]);
    assert!(bench.lab.namespaces().is_empty());
    let report = down(&bench.lab.root, &bench.lab.name).await.unwrap();
    assert_eq!((report.processes, report.namespaces), (0, 0));
}
