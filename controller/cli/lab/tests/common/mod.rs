//! What the tests of labs share: a lab of a unique name that is gone at the end, also after a panic.

#![allow(dead_code, clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use braid_lab::{Lab, LabError, Root, down, exec_command, wire};
use braid_layout::{Allocation, Plan};
use braid_proto::NetworkName;

/// Three nodes in a ring, `a` and `b` with customers.
pub const RING: &str = "
name: NAME
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24] } }
    b: { border: { prefixes: [198.18.2.0/24] } }
    c: {}
  links:
    - endpoints: ['a:eth1', 'b:eth1']
    - endpoints: ['b:eth2', 'c:eth1']
    - endpoints: ['a:eth2', 'c:eth2']
vns:
  - { id: 1, name: red, engine: bird-ospf }
  - { id: 2, name: blue, engine: frr-isis }
vote:
  default: { policy: master, master: red }
";

/// A lab for one test.
pub struct TestLab {
    pub root: Root,
    pub name: NetworkName,
    directory: tempfile::TempDir,
    /// Namespaces that the test makes by hand.
    foreign: Vec<String>,
}

impl TestLab {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::tempdir().unwrap();
        Self {
            root: Root::new(directory.path().join("run")),
            name: format!("lab{}-{number}", std::process::id()).parse().unwrap(),
            directory,
            foreign: Vec::new(),
        }
    }

    pub fn lab(&self) -> Lab {
        Lab::new(&self.root, self.name.clone())
    }

    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    pub fn topology_path(&self) -> PathBuf {
        self.directory.path().join("ring.yaml")
    }

    pub fn plan(&self, text: &str) -> Plan {
        let topology = braid_topology::parse(&text.replace("NAME", self.name.as_str()), "ring.yaml").unwrap();
        let mut allocation = Allocation::default();
        allocation.update(&topology).unwrap();
        braid_layout::plan(&topology, &allocation).unwrap()
    }

    pub async fn wire(&self, text: &str) -> Result<Lab, LabError> {
        wire(&self.root, &self.plan(text), &self.topology_path()).await
    }

    /// Makes a namespace by hand.
    pub fn add_foreign(&mut self, name: &str) -> String {
        let name = format!("{}.{name}", self.name);
        run("ip", &["netns", "add", &name]);
        self.foreign.push(name.clone());
        name
    }

    pub fn command(&self, target: &str, command: &[&str]) -> Command {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        exec_command(&self.root, &self.name, target, &command).unwrap()
    }

    /// The output of a command that succeeds in the lab.
    pub fn exec(&self, target: &str, command: &[&str]) -> String {
        output(self.command(target, command))
    }

    /// All namespaces with the lab's prefix.
    pub fn namespaces(&self) -> BTreeSet<String> {
        let prefix = format!("{}.", self.name);
        let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    /// Every interface's namespace, index, name, hardware address, alias and whether an operator wants it up: whoever makes
    /// one anew is found out. (The rest is the kernel's, and follows a change some time later.)
    pub fn interfaces(&self) -> Vec<String> {
        let of = |name: &String| {
            let text = output(ip(&["-n", &format!("{}.{name}", self.name), "-json", "link"]));
            let links: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            let show = |link: &serde_json::Value| {
                let up = link["flags"].as_array().unwrap().iter().any(|flag| flag == "UP");
                let [index, interface, mac, alias] =
                    ["ifindex", "ifname", "address", "ifalias"].map(|key| &link[key]);
                format!("{name} {index} {interface} {mac} {alias} up={up}")
            };
            links.iter().map(show).collect::<Vec<_>>()
        };
        self.namespaces().iter().flat_map(of).collect()
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        let (root, name) = (self.root.clone(), self.name.clone());
        for namespace in &self.foreign {
            let _ = ip(&["netns", "delete", namespace]).output();
        }
        let removed = std::thread::spawn(move || block_on(down(&root, &name))).join();
        match removed {
            Ok(Ok(_) | Err(LabError::NoSuchLab { .. })) => {}
            other if std::thread::panicking() => eprintln!("lab {} is not removed: {other:?}", self.name),
            other => panic!("lab {} is not removed: {other:?}", self.name),
        }
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn ip(arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(arguments);
    command
}

pub fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    output(command)
}

pub fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {} {text} {errors}", output.status);
    text
}

/// Waits until `condition` holds, for at most 10 s.
pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that the test started; it is killed and reaped at the end.
pub struct Child(pub std::process::Child);

impl Child {
    pub fn spawn(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
