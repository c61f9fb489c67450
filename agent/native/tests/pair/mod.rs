//! Two routers in namespaces, to tell stories of.

use std::{
    cell::Cell,
    env, fs,
    path::PathBuf,
    process::{ExitCode, Output},
    thread,
    time::{Duration, Instant},
};

use braid_kernel::{Netns, Process, Signal};

use crate::common::{ask, ip, kill, process};

/// The engine of both.
pub struct Program {
    /// Its word on the command line.
    pub word: &'static str,
    /// The name of its process and of its files.
    pub name: &'static str,
    /// The number of its kernel routes.
    pub route_protocol: u8,
}

/// Two namespaces, each with a router in it.
pub struct Pair {
    program: &'static Program,
    name: String,
    /// Where the routers' run directories are.
    pub dir: tempfile::TempDir,
    /// Their namespaces.
    pub netns: Vec<Netns>,
}

impl Pair {
    /// Namespaces with a loopback.
    pub fn new(program: &'static Program) -> Self {
        thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
        let count = COUNT.replace(COUNT.get() + 1);
        let name = format!("t{}{}-{count}", &program.word[..1], std::process::id());
        let netns = (1..=2).map(|n| Netns::create(&format!("{name}.{n}")).expect("a namespace")).collect();
        let pair = Self { program, name, dir: tempfile::tempdir().expect("a directory"), netns };
        for n in 1..=2 {
            pair.ip(n, &format!("addr add 100.64.0.{n}/32 dev lo"));
            pair.ip(n, "link set lo up");
            fs::create_dir(pair.run_dir(n)).expect("a directory");
        }
        pair
    }

    fn run_dir(&self, n: usize) -> PathBuf {
        self.dir.path().join(n.to_string())
    }

    /// A file of the router.
    fn file(&self, n: usize, extension: &str) -> PathBuf {
        self.run_dir(n).join(format!("{}.{extension}", self.program.name))
    }

    /// What `ip` says in the router's namespace.
    pub fn ip(&self, n: usize, args: &str) -> String {
        ip(&format!("-n {}.{n} {args}", self.name))
    }

    /// Links the two.
    pub fn join(&self) {
        self.ip(1, &format!("link add eth1 type veth peer name eth1 netns {}.2", self.name));
        for n in 1..=2 {
            self.ip(n, &format!("addr add 10.0.0.{n}/24 dev eth1"));
            self.ip(n, "link set eth1 up");
        }
    }

    /// Writes the router's configuration.
    pub fn write(&self, n: usize, text: &str) {
        fs::write(self.run_dir(n).join("config"), text).expect("written");
    }

    /// What the router's start comes to.
    pub fn try_start(&self, n: usize) -> Output {
        let dir = self.run_dir(n);
        self.netns[n - 1]
            .command(env::current_exe().expect("this program"))
            .args(["agent", "engine", self.program.word, "--config"])
            .arg(dir.join("config"))
            .arg("--run-dir")
            .arg(&dir)
            .output()
            .expect("it runs")
    }

    /// Starts the router.
    pub fn start(&self, n: usize) {
        let output = self.try_start(n);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn process(&self, n: usize) -> Option<Process> {
        process(&self.file(n, "pid"))
    }

    /// Ends the router.
    pub fn end(&self, n: usize, signal: Signal) {
        let process = self.process(n).expect("it runs");
        process.signal(signal).expect("signalled");
        self.wait("it ends", |_| !process.is_alive());
    }

    /// The router's answer.
    pub fn ask<T: serde::de::DeserializeOwned>(
        &self,
        n: usize,
        question: &impl serde::Serialize,
    ) -> Option<T> {
        ask(&self.file(n, "sock"), Duration::from_secs(2), question).ok()
    }

    /// The kernel routes that the router has made.
    pub fn routes(&self, n: usize) -> String {
        self.ip(n, &format!("route show proto {}", self.program.route_protocol))
    }

    /// Waits until it is so. Gives for how long.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let begin = Instant::now();
        while !is_so(self) {
            let log = |n| fs::read_to_string(self.file(n, "log")).unwrap_or_default();
            assert!(begin.elapsed() < Duration::from_secs(30), "not so: {what}\n{}\n{}", log(1), log(2));
            thread::sleep(Duration::from_millis(5));
        }
        begin.elapsed()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for n in 1..=2 {
            kill(&self.file(n, "pid"));
            let _ = Netns::delete(&format!("{}.{n}", self.name));
        }
    }
}

/// Runs the tests that the command line asks for; or is the daemon under test, if it says that.
pub fn main(tests: &[(&str, fn())]) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|word| word == "agent") {
        return braid_native::main();
    }
    if args.iter().any(|arg| arg == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    for (name, test) in tests {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}
