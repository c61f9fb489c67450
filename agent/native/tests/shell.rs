//! The shell with an engine that believes whatever packets say: real packets, routes, links and signals, in a namespace.
//!
//! This program is test and daemon in one: the shell goes into the background by itself, so it cannot be a thread of a test.

#![allow(clippy::print_stdout, reason = "a test without the standard harness says itself what it did")]

mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use braid_kernel::{Netns, NextHop};
use braid_native::{
    AskError, Clock, ConfigError, Engine, Links, Options, RouteCounters, RouteMark, RouteUpdate, StartError,
};
use common::{ask, ip, kill};
use ipnet::Ipv4Net;
use socket2::{Domain, Protocol, Type};

/// For experiments (RFC 3692).
const EXPERIMENT: i32 = 253;

/// An engine that takes lines such as `10.1.0.0/16 via 10.0.0.2 10.0.1.2` out of packets, and is settled by `settled`.
struct Gullible {
    socket: socket2::Socket,
    config: PathBuf,
    /// The gateways' interfaces, by gateway: the configuration.
    gateways: BTreeMap<String, String>,
    links: Links,
    updates: Vec<RouteUpdate>,
    settled: bool,
    wakes: u64,
    next_wake: u64,
}

impl Gullible {
    fn open(config: &Path, clock: Clock) -> Result<Self, StartError> {
        let socket = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(EXPERIMENT)))
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .map_err(|source| StartError::System { action: "open a socket".to_owned(), source })?;
        Ok(Self {
            socket,
            gateways: read(config)?,
            config: config.to_owned(),
            links: Links::new(),
            updates: Vec::new(),
            settled: false,
            wakes: 0,
            next_wake: clock.now_us(),
        })
    }

    fn believe(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if line == "settled" {
            self.settled = true;
            return;
        }
        let prefix = words.next().expect("a prefix").parse().expect("a prefix");
        let hop = |gateway: &str| {
            let name = &self.gateways[gateway];
            let index = self.links.iter().find(|(_, link)| link.name == *name).expect("a link").0;
            NextHop::new(gateway.parse::<std::net::Ipv4Addr>().expect("an address"), *index)
        };
        let next_hops = (words.next() != Some("gone")).then(|| words.map(hop).collect());
        self.updates.push(RouteUpdate { prefix, next_hops });
    }
}

fn read(config: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let refused = |source| ConfigError::Read { path: config.to_owned(), source };
    let text = fs::read(config).map_err(refused)?;
    serde_json::from_slice(&text).map_err(|error| refused(io::Error::other(error)))
}

impl Engine for Gullible {
    const NAME: &'static str = "braid-gullible";

    fn mark(&self) -> RouteMark {
        RouteMark { table: 254, protocol: 99, metric: 110 }
    }
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
    fn receive(&mut self, _: u64) -> bool {
        let mut buffer = [0; 2048];
        let Ok(length) = (&self.socket).read(&mut buffer) else { return false };
        // Behind the IP header.
        let bytes = buffer[20..length].to_vec();
        self.believe(&String::from_utf8(bytes).expect("text"));
        true
    }
    fn links(&mut self, _: u64, links: &Links) {
        self.links = links.clone();
    }
    fn wake(&mut self, now_us: u64) {
        assert!(now_us >= self.next_wake, "woken too early");
        self.wakes += 1;
        self.next_wake = now_us + 50_000;
    }
    fn next_wake(&self) -> Option<u64> {
        Some(self.next_wake)
    }
    fn take_routes(&mut self) -> Vec<RouteUpdate> {
        std::mem::take(&mut self.updates)
    }
    fn is_settled(&self) -> bool {
        self.settled
    }
    fn dead_interval(&self) -> Duration {
        Duration::from_secs(4)
    }
    fn wants_kernel_routes(&self) -> bool {
        false
    }
    fn kernel_route(&mut self, _: u64, _: Ipv4Net, _: Option<u8>) {}
    fn reload(&mut self, _: u64, _: &Links) -> Result<(), ConfigError> {
        self.gateways = read(&self.config)?;
        Ok(())
    }
    fn answer(&self, _: u64, question: &str) -> Result<String, String> {
        match question.trim() {
            "{\"ask\":\"wakes\"}" => Ok(self.wakes.to_string()),
            "{\"ask\":\"gateways\"}" => Ok(self.gateways.len().to_string()),
            other => Err(format!("nobody knows {other}")),
        }
    }
    fn leave(&mut self, _: u64) {}
    fn has_left(&self) -> bool {
        true
    }
}

/// A namespace with an engine in it, and another at the other ends of its links.
struct Place {
    name: String,
    dir: tempfile::TempDir,
    netns: Netns,
    other: Netns,
}

impl Place {
    fn new() -> Self {
        let name = format!("tn{}", std::process::id());
        let netns = Netns::create(&name).expect("a namespace");
        let other = Netns::create(&format!("{name}-other")).expect("a namespace");
        for number in 0..2 {
            ip(&format!("-n {name} link add eth{number} type veth peer name eth{number} netns {name}-other"));
            ip(&format!("-n {name} addr add 10.0.{number}.1/24 dev eth{number}"));
            ip(&format!("-n {name}-other addr add 10.0.{number}.2/24 dev eth{number}"));
            ip(&format!("-n {name} link set eth{number} up"));
            ip(&format!("-n {name}-other link set eth{number} up"));
        }
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("config"), r#"{"10.0.0.2": "eth0", "10.0.1.2": "eth1"}"#).expect("written");
        Self { name, dir, netns, other }
    }

    fn start(&self) -> (bool, String) {
        let output = self
            .netns
            .command(env::current_exe().expect("this program"))
            .arg("daemon")
            .arg(self.dir.path())
            .output()
            .expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join("braid-gullible.pid")
    }

    fn pid(&self) -> Option<i32> {
        common::pid(&self.pid_file())
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, question: &str) -> Result<T, AskError> {
        let socket = self.dir.path().join("braid-gullible.sock");
        ask(&socket, Duration::from_millis(500), &BTreeMap::from([("ask", question)]))
    }

    fn counters(&self) -> RouteCounters {
        self.ask("kernel").expect("an answer")
    }

    /// Sends the engine a line.
    fn say(&self, line: &str) {
        let socket = self
            .other
            .run(|| socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(EXPERIMENT))))
            .expect("entered")
            .expect("a socket");
        let to = std::net::SocketAddrV4::new([10, 0, 0, 1].into(), 0);
        socket.send_to(line.as_bytes(), &to.into()).expect("sent");
    }

    fn routes(&self) -> String {
        ip(&format!("-n {} route show proto 99", self.name))
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            let log = fs::read_to_string(self.dir.path().join("braid-gullible.log")).unwrap_or_default();
            assert!(begin.elapsed() < Duration::from_secs(15), "not so: {what}: {}\n{log}", self.routes());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.pid().expect("it runs"));
        nix::sys::signal::kill(pid, signal).expect("signalled");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        kill(&self.pid_file());
        let _ = Netns::delete(&self.name);
        let _ = Netns::delete(&format!("{}-other", self.name));
    }
}

fn daemon(dir: &Path) -> ExitCode {
    let options = Options { config: dir.join("config"), run_dir: dir.to_owned(), foreground: false };
    match braid_native::start(&options, Gullible::open) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Goal: routes follow packets, and survive what a kernel, an operator and a crash do to them.
fn story() {
    use nix::sys::signal::Signal;
    let place = Place::new();
    assert_eq!(place.start(), (true, String::new()));
    place.wait("it runs", |p| p.ask::<u64>("wakes").is_ok());
    let pid = place.pid().expect("it runs");
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).expect("read");
    assert_eq!(comm.trim(), "braid-gullible");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("read");
    let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
    assert_eq!(parent, Some("1"), "nobody's child: {stat}");

    // A second one is refused, and does the first no harm.
    let (started, error) = place.start();
    assert!(!started && error.contains(&format!("its process is {pid}")), "{error}");
    // Timers are on time, and questions that nobody knows are refused.
    let wakes: u64 = place.ask("wakes").expect("an answer");
    place.wait("time goes by", |p| p.ask::<u64>("wakes").is_ok_and(|now| now > wakes + 3));
    let refused = place.ask::<u64>("what").expect_err("refused");
    assert!(refused.to_string().contains("nobody knows"), "{refused}");

    // Packets become routes, also by two ways.
    place.say("10.1.0.0/16 via 10.0.0.2");
    place.say("10.2.0.0/16 via 10.0.0.2 10.0.1.2");
    place.wait("routes follow packets", |p| {
        p.routes().contains("10.1.0.0/16 via 10.0.0.2 dev eth0 metric 110")
    });
    place.say("10.4.0.0/16 nowhere");
    place.wait("packets are dropped", |p| p.routes().contains("blackhole 10.4.0.0/16"));
    place.say("10.4.0.0/16 gone");
    place.wait("no route any more", |p| !p.routes().contains("10.4.0.0/16"));
    place.wait("both ways", |p| p.routes().matches("nexthop").count() == 2);

    // What an operator does to them is put right; a link that changes is the occasion.
    ip(&format!("-n {} route del 10.1.0.0/16 proto 99 metric 110", place.name));
    ip(&format!("-n {} route add 10.3.0.0/16 via 10.0.0.2 proto 99 metric 110", place.name));
    ip(&format!("-n {} link set eth1 mtu 1400", place.name));
    place.wait("routes are put right", |p| {
        let routes = p.routes();
        routes.contains("10.1.0.0/16") && !routes.contains("10.3.0.0/16")
    });
    place.wait("it is counted", |p| p.counters().repaired == 2);

    // A dead link loses its routes, and gets them back.
    ip(&format!("-n {}-other link set eth0 down", place.name));
    place.wait("no way over the dead link", |p| {
        let routes = p.routes();
        !routes.contains("eth0") && routes.contains("10.2.0.0/16 via 10.0.1.2 dev eth1")
    });
    ip(&format!("-n {}-other link set eth0 up", place.name));
    place.wait("back again", |p| p.routes().contains("10.1.0.0/16 via 10.0.0.2 dev eth0"));
    ip(&format!("-n {} link set eth0 down", place.name));
    place.wait("no way over a link taken down", |p| !p.routes().contains("eth0"));
    ip(&format!("-n {} link set eth0 up", place.name));
    place.wait("back again", |p| {
        p.routes().contains("10.1.0.0/16 via 10.0.0.2") && p.routes().matches("nexthop").count() == 2
    });
    assert_eq!(place.counters().refused, 0);

    // The configuration is read anew, and one that is wrong changes nothing.
    fs::write(place.dir.path().join("config"), r#"{"10.0.0.2": "eth0"}"#).expect("written");
    place.ask::<()>("reload").expect("taken");
    assert_eq!(place.ask::<u64>("gateways").expect("an answer"), 1);
    fs::write(place.dir.path().join("config"), "{").expect("written");
    let refused = place.ask::<()>("reload").expect_err("refused");
    assert!(refused.to_string().contains("line 1"), "{refused}");
    assert_eq!(place.ask::<u64>("gateways").expect("an answer"), 1);
    let (started, error) = place.start();
    assert!(!started && error.contains("another engine runs"), "{error}");

    // Stopped, it is silent.
    place.signal(Signal::SIGSTOP);
    assert!(matches!(place.ask::<u64>("wakes"), Err(AskError::Silent { .. })));
    place.signal(Signal::SIGCONT);

    // Killed, its routes stay; what the next life learns waits until it is settled, and then replaces them.
    place.signal(Signal::SIGKILL);
    place.wait("it is gone", |_| !Path::new(&format!("/proc/{pid}")).exists());
    let before = place.routes();
    assert!(before.contains("10.1.0.0/16"));
    let (started, error) = place.start();
    assert!(
        !started && error.contains("config"),
        "a configuration that is wrong is told in the foreground: {error}"
    );
    fs::write(place.dir.path().join("config"), r#"{"10.0.0.2": "eth0", "10.0.1.2": "eth1"}"#)
        .expect("written");
    assert_eq!(place.start(), (true, String::new()));
    place.wait("it runs", |p| p.ask::<u64>("wakes").is_ok());
    assert_eq!(place.counters().adopted, 2);
    place.say("10.1.0.0/16 via 10.0.1.2");
    place.say("settled");
    place.wait("it has learnt", |p| p.counters().wanted == 1);
    assert_eq!(place.routes(), before, "not all of them are learnt anew yet");
    place.say("10.2.0.0/16 via 10.0.0.2 10.0.1.2");
    place.wait("what differs is replaced", |p| p.routes().contains("10.1.0.0/16 via 10.0.1.2 dev eth1"));
    assert_eq!(place.counters().applied, 1);
    let pid = place.pid().expect("it runs");
    report_memory(pid);

    // Asked to end, it takes everything along.
    place.signal(Signal::SIGTERM);
    place.wait("it is gone", |_| !Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(place.routes(), "");
    assert!(place.pid().is_none());
}

fn report_memory(pid: i32) {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("read");
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("a field");
        line.split_whitespace().nth(1).expect("a number").to_owned()
    };
    println!(
        "measured: a bare engine has {} KiB private dirty, {} KiB PSS",
        field("Private_Dirty"),
        field("Pss")
    );
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match &args[..] {
        [word, dir] if word == "daemon" => daemon(Path::new(dir)),
        // As the standard harness does.
        [first, ..] if first == "--list" => {
            println!("story: test");
            ExitCode::SUCCESS
        }
        _ => {
            let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
            if filters.is_empty() || filters.iter().any(|filter| "story".contains(filter.as_str())) {
                story();
                println!("test story ... ok");
            }
            ExitCode::SUCCESS
        }
    }
}
