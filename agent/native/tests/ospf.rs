//! Two OSPF routers on a link with keys: interfaces that come late, more groups than the kernel likes, routes of others.
//!
//! This program is the test, and also the binary under test.

#![allow(clippy::print_stdout, reason = "a test without the standard harness says itself what it did")]

mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use braid_kernel::{Netns, Process, Signal};
use braid_native::{
    Convergence, ShellQuestion,
    ospf::{self, File, Neighbour, Question},
};
use common::{ask, ip, kill};

/// Interfaces beside the link: two groups on each are more than the 20 memberships that a socket has by default.
const LEAVES: u8 = 15;

/// Two namespaces, each with a router in it.
struct Pair {
    name: String,
    dir: tempfile::TempDir,
    netns: Vec<Netns>,
}

impl Pair {
    fn new() -> Self {
        let name = format!("to{}", std::process::id());
        let netns = (1..=2).map(|n| Netns::create(&format!("{name}.{n}")).expect("a namespace")).collect();
        let pair = Self { name, dir: tempfile::tempdir().expect("a directory"), netns };
        for n in 1..=2 {
            pair.ip(n, &format!("addr add 100.64.0.{n}/32 dev lo"));
            pair.ip(n, "link set lo up");
            fs::create_dir(pair.dir.path().join(n.to_string())).expect("a directory");
        }
        pair
    }

    fn ip(&self, n: usize, args: &str) -> String {
        ip(&format!("-n {}.{n} {args}", self.name))
    }

    fn write(&self, n: usize, file: &File) {
        fs::write(self.dir.path().join(n.to_string()).join("config"), file.to_text()).expect("written");
    }

    fn start(&self, n: usize) {
        let dir = self.dir.path().join(n.to_string());
        let output = self.netns[n - 1]
            .command(env::current_exe().expect("this program"))
            .args(["agent", "engine", "ospf", "--config"])
            .arg(dir.join("config"))
            .arg("--run-dir")
            .arg(&dir)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, n: usize, question: &impl serde::Serialize) -> Option<T> {
        let socket = ospf::socket_of(&self.dir.path().join(n.to_string()));
        ask(&socket, Duration::from_secs(2), question).ok()
    }

    fn is_full(&self, n: usize) -> bool {
        let neighbours: Vec<Neighbour> = self.ask(n, &Question::Neighbours).unwrap_or_default();
        neighbours.iter().any(|neighbour| neighbour.adjacent)
    }

    fn routes(&self, n: usize) -> String {
        self.ip(n, &format!("route show proto {}", ospf::ROUTE_PROTOCOL))
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let begin = Instant::now();
        while !is_so(self) {
            let log = |n: usize| {
                fs::read_to_string(self.dir.path().join(n.to_string()).join("braid-ospf.log"))
                    .unwrap_or_default()
            };
            assert!(begin.elapsed() < Duration::from_secs(30), "not so: {what}\n{}\n{}", log(1), log(2));
            thread::sleep(Duration::from_millis(5));
        }
        begin.elapsed()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for n in 1..=2 {
            kill(&self.dir.path().join(n.to_string()).join("braid-ospf.pid"));
            let _ = Netns::delete(&format!("{}.{n}", self.name));
        }
    }
}

/// What router `n` is told.
fn file(n: u8) -> File {
    let leaf = |number: u8| {
        (
            format!("leaf{number}"),
            serde_json::json!({ "address": format!("10.{n}.{number}.1/24"), "network": "broadcast" }),
        )
    };
    let mut interfaces: serde_json::Map<String, serde_json::Value> =
        if n == 1 { (0..LEAVES).map(leaf).collect() } else { serde_json::Map::new() };
    let keys = serde_json::json!([
        { "id": 1, "algorithm": "md5", "secret": "old", "send": { "until": "2020-01-01T00:00:00Z" } },
        { "id": 2, "algorithm": "hmac-sha-256", "extended": true, "secret": "new" },
    ]);
    interfaces.insert(
        "eth1".to_owned(),
        serde_json::json!({ "address": format!("10.0.0.{n}/24"), "network": "broadcast", "hello_s": 1,
            "ttl_security": 1, "authentication": { "keys": keys } }),
    );
    interfaces.insert(
        "lo".to_owned(),
        serde_json::json!({ "address": format!("100.64.0.{n}/32"), "network": "loopback" }),
    );
    let mut file = serde_json::json!({ "router_id": format!("100.64.0.{n}"), "interfaces": interfaces });
    if n == 1 {
        file["redistribute"] = serde_json::json!([{ "protocol": 4, "metric": 33, "type": 1, "tag": 5 }]);
    }
    serde_json::from_value(file).expect("a configuration")
}

/// Goal: what an operator changes around running routers is followed.
fn story() {
    let pair = Pair::new();
    pair.write(1, &file(1));
    pair.write(2, &file(2));
    pair.ip(1, "route add blackhole 198.18.8.0/24 proto 4");
    pair.start(1);
    pair.start(2);
    // The link comes after the routers.
    for number in 0..LEAVES {
        pair.ip(1, &format!("link add leaf{number} type veth peer name end{number}"));
        pair.ip(1, &format!("addr add 10.1.{number}.1/24 dev leaf{number}"));
        pair.ip(1, &format!("link set leaf{number} up"));
        pair.ip(1, &format!("link set end{number} up"));
    }
    pair.ip(1, &format!("link add eth1 type veth peer name eth1 netns {}.2", pair.name));
    for n in 1..=2 {
        pair.ip(n, &format!("addr add 10.0.0.{n}/24 dev eth1"));
        pair.ip(n, "link set eth1 up");
    }
    let took = pair.wait("the routers are adjacent by their keys", |p| p.is_full(1) && p.is_full(2));
    println!("measured: adjacent on a broadcast link after {took:?}");
    pair.wait("all networks are reached", |p| {
        let routes = p.routes(2);
        routes.matches("10.1.").count() == usize::from(LEAVES) && routes.contains("100.64.0.1 via 10.0.0.1")
    });

    // Kernel routes of that protocol are announced while they are usable, and no others.
    assert!(!pair.routes(2).contains("198.18.8.0/24"), "a blackhole leads nowhere");
    pair.ip(1, "route add 198.18.9.0/24 via 10.1.3.9 dev leaf3 proto 4");
    pair.ip(1, "route add 198.18.7.0/24 via 10.1.3.9 dev leaf3 proto 3");
    pair.wait("a kernel route is announced", |p| p.routes(2).contains("198.18.9.0/24 via 10.0.0.1"));
    let routes: Vec<ospf::Route> = pair.ask(2, &Question::Routes).expect("an answer");
    let external =
        routes.iter().find(|route| route.prefix.to_string() == "198.18.9.0/24").expect("it is there");
    assert_eq!((external.kind.as_str(), external.cost, external.tag), ("external-1", 43, 5));
    assert!(!pair.routes(2).contains("198.18.7.0/24"));
    pair.ip(1, "route del 198.18.9.0/24 proto 4");
    pair.wait("and taken back", |p| !p.routes(2).contains("198.18.9.0/24"));

    // What routes become is known before the back-off lets the router compute them.
    let converged = |p: &Pair| p.ask::<Convergence>(2, &Question::Converged).expect("an answer");
    let calm = converged(&pair);
    assert!(calm.is_at_rest && calm.changes.is_empty(), "{calm:?}");
    let mut patient = file(2);
    let delays = serde_json::json!({ "initial_ms": 3000, "short_ms": 3000, "long_ms": 3000 });
    patient.spf = serde_json::from_value(delays).expect("delays");
    pair.write(2, &patient);
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    pair.ip(1, "route add 198.18.9.0/24 via 10.1.3.9 dev leaf3 proto 4");
    let known = pair.wait("the clone has the new route", |p| {
        converged(p).changes.iter().any(|change| {
            let via = change.next_hops.iter().flatten().find_map(|hop| hop.via);
            change.prefix.to_string() == "198.18.9.0/24" && via == Some([10, 0, 0, 1].into())
        })
    });
    assert!(!pair.routes(2).contains("198.18.9.0/24"), "before the router itself");
    let rest = pair.wait("the router has it, too", |p| p.routes(2).contains("198.18.9.0/24"));
    println!(
        "measured: with an SPF delay of 3 s the clone knows a route after {known:?}, the FIB {rest:?} later"
    );
    assert!(converged(&pair).changes.is_empty(), "nothing is pending any more");
    let lsa: Option<ospf::Announcement> = pair
        .ask(2, &Question::Announced { prefix: "198.18.9.0/24".parse().expect("a prefix") })
        .expect("an answer");
    let lsa = lsa.expect("it stands on an LSA");
    assert_eq!((lsa.kind.as_str(), lsa.advertising_router), ("external", [100, 64, 0, 1].into()), "{lsa:?}");
    pair.write(2, &file(2));
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    pair.ip(1, "route del 198.18.9.0/24 proto 4");
    pair.wait("and that is taken back", |p| !p.routes(2).contains("198.18.9.0/24"));

    // A link that goes and comes under another number is the same to the file.
    pair.ip(1, "link del eth1");
    pair.wait("routes over it are gone", |p| p.routes(1).is_empty() && !p.routes(2).contains("via"));
    pair.ip(1, &format!("link add eth1 type veth peer name eth1 netns {}.2", pair.name));
    for n in 1..=2 {
        pair.ip(n, &format!("addr add 10.0.0.{n}/24 dev eth1"));
        pair.ip(n, "link set eth1 up");
    }
    pair.wait("the routers are adjacent again", |p| p.is_full(1) && p.is_full(2));
    pair.wait("all networks are reached again", |p| {
        p.routes(2).matches("10.1.").count() == usize::from(LEAVES)
    });

    // A new cost is taken without a restart.
    let mut other = file(2);
    other.interfaces.get_mut("eth1").expect("it has that").cost = Some(500);
    pair.write(2, &other);
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    pair.wait("the cost counts", |p| {
        let routes: Vec<ospf::Route> = p.ask(2, &Question::Routes).unwrap_or_default();
        routes.iter().any(|route| route.prefix.to_string() == "100.64.0.1/32" && route.cost == 500)
    });
    assert!(pair.is_full(2), "no adjacency was lost over it");

    // A router that goes says so: the other does not wait for the dead interval.
    let pid: i32 = fs::read_to_string(pair.dir.path().join("1/braid-ospf.pid"))
        .expect("read")
        .trim()
        .parse()
        .expect("a pid");
    Process::open(pid).expect("it runs").signal(Signal::TERM).expect("signalled");
    let took = pair.wait("its routes are gone", |p| p.routes(2).is_empty());
    assert!(took < Duration::from_secs(3), "{took:?}");
    let counters: BTreeMap<String, u64> =
        pair.ask::<Vec<(String, u64)>>(2, &Question::Counters).expect("an answer").into_iter().collect();
    assert_eq!(counters.get("packets that could not be sent").copied(), Some(0), "{counters:?}");
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|word| word == "agent") {
        return braid_native::main();
    }
    if args.iter().any(|arg| arg == "--list") {
        println!("ospf: test");
        return ExitCode::SUCCESS;
    }
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    if filters.is_empty() || filters.iter().any(|filter| "ospf".contains(filter.as_str())) {
        story();
        println!("test ospf ... ok");
    }
    ExitCode::SUCCESS
}
