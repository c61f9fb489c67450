//! A lab that ends with its test.

use std::{
    env,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Output, id},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

use crate::Flow;

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the repository").to_owned()
}

/// The binary under test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn braid() -> PathBuf {
    let path =
        env::var_os("BRAID_BIN").map_or_else(|| repository().join("target/release/braid"), PathBuf::from);
    assert!(
        path.is_file(),
        "no binary at {}: run `cargo build --release`, or set BRAID_BIN to one",
        path.display()
    );
    path
}

/// A running lab. Dropping it takes it down, also when the test fails.
pub struct Lab {
    name: String,
    file: tempfile::NamedTempFile,
}

impl Lab {
    /// Prepares a lab from a topology's text, under a name of its own. Nothing runs yet.
    ///
    /// # Panics
    /// When the text has no `name:` line or cannot be written to a temporary file.
    #[must_use]
    pub fn new(topology: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}-{}", id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut named = false;
        let text: String = topology
            .lines()
            .map(|line| {
                if line.starts_with("name:") {
                    named = true;
                    format!("name: {name}\n")
                } else {
                    format!("{line}\n")
                }
            })
            .collect();
        assert!(named, "the topology has a name");
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file can be made");
        std::fs::write(file.path(), text).expect("a temporary file can be written");
        Self { name, file }
    }

    /// Brings a lab up from a file in `topologies/`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn up(topology_file: &str) -> Self {
        let path = repository().join("topologies").join(topology_file);
        let lab = Self::new(&std::fs::read_to_string(path).expect("the project ships that topology"));
        lab.start();
        lab
    }

    /// Brings it up, or up again.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(&self) {
        let output = self.try_start();
        let errors = String::from_utf8_lossy(&output.stderr);
        eprintln!("{errors}{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "lab up: {errors}");
    }

    /// `braid lab up`, whatever comes of it.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn try_start(&self) -> Output {
        Command::new(braid()).args(["lab", "up"]).arg(self.file.path()).output().expect("braid can be run")
    }

    /// The lab's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lab's topology file.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.file.path()
    }

    /// Runs `braid ARGS` on this lab.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn braid(&self, args: &[&str]) -> Output {
        Command::new(braid()).env("BRAID_LAB", &self.name).args(args).output().expect("braid can be run")
    }

    /// The answer of `braid ARGS -o json`.
    ///
    /// # Panics
    /// When it fails or is not JSON.
    #[must_use]
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.braid(&[args, &["-o", "json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "braid {args:?}: {errors}");
        serde_json::from_slice(&output.stdout).expect("-o json prints JSON")
    }

    /// Runs a command on a host, a node or a node's virtual router.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn exec(&self, target: &str, command: &[&str]) -> Output {
        self.braid(&[&["lab", "exec", target, "--"], command].concat())
    }

    /// Runs a command there that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn sh(&self, target: &str, command: &[&str]) -> String {
        let output = self.exec(target, command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{target}: {command:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Every customer host: its name and address.
    ///
    /// # Panics
    /// When `get hosts` answers with something else.
    #[must_use]
    pub fn hosts(&self) -> Vec<(String, Ipv4Addr)> {
        let hosts = self.json(&["get", "hosts"]);
        let host = |h: &Value| {
            let address = h["addresses"][0].as_str()?.parse().ok()?;
            Some((h["name"].as_str()?.to_owned(), address))
        };
        let rows = hosts.as_array().expect("a list of hosts");
        rows.iter().map(|h| host(h).expect("a host has a name and an address")).collect()
    }

    /// Numbered packets from one host to another.
    ///
    /// # Panics
    /// When there is no such host.
    #[must_use]
    pub fn flow(&self, from: &str, to: &str, rate: u32) -> Flow {
        let hosts = self.hosts();
        let (_, address) = hosts.iter().find(|(name, _)| name == to).expect("the host is in the lab");
        Flow::start(&self.namespace(from), &self.namespace(to), *address, rate)
    }

    /// The namespace of a host, a node, or `node/vn`.
    #[must_use]
    pub fn namespace(&self, target: &str) -> String {
        format!("{}.{}", self.name, target.replace('/', "."))
    }

    /// `(virtual network, node)` to `(state, pids)` of every engine.
    ///
    /// # Panics
    /// When `get routers` answers with something else.
    #[must_use]
    pub fn pids(&self, vn: &str) -> Vec<i32> {
        let routers = self.json(&["get", "routers"]);
        let of_vn = routers.as_array().expect("a list of routers").iter().filter(|r| r["vn"] == vn);
        of_vn
            .flat_map(|r| r["pids"].as_array().expect("a list of pids"))
            .map(|pid| i32::try_from(pid.as_i64().expect("a pid")).expect("a pid fits"))
            .collect()
    }

    /// The winner of a prefix at a border.
    ///
    /// # Panics
    /// When there is no such vote.
    #[must_use]
    pub fn winner(&self, border: &str, prefix: &str) -> String {
        let votes = self.json(&["get", "votes"]);
        let mut rows = votes.as_array().expect("a list of votes").iter();
        let vote = rows.find(|v| v["border"] == border && v["prefix"] == prefix);
        vote.and_then(|v| v["winner"].as_str()).unwrap_or("").to_owned()
    }

    /// Takes it down and says how that went.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn down(&self) -> Output {
        Command::new(braid()).args(["lab", "down", &self.name]).output().expect("braid can be run")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let output = self.down();
        // A test that took it down itself leaves nothing to do.
        if !output.status.success() && Path::new("/run/braid").join(&self.name).exists() {
            eprintln!("lab down {}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        }
    }
}
