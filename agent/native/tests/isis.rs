//! Two IS-IS routers in namespaces: circuits that come late, keys, routes of others, crashes, nonsense.
//!
//! This program is the test, and also the binary under test.

#![allow(clippy::print_stdout, reason = "a test without the standard harness says itself what it did")]

mod common;
mod pair;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, ExitCode, Stdio},
    time::Duration,
};

use braid_kernel::Signal;
use braid_native::{
    RouteCounters, ShellQuestion,
    isis::{self, CircuitStatus, DatabaseEntry, File, Neighbour, Question},
};
use pair::{Pair, Program};
use serde_json::{Value, json};

/// What is tested.
const PROGRAM: Program = Program { word: "isis", name: isis::NAME, route_protocol: isis::ROUTE_PROTOCOL };

fn is_up(pair: &Pair, n: usize) -> bool {
    let neighbours: Vec<Neighbour> = pair.ask(n, &Question::Neighbours).unwrap_or_default();
    neighbours.iter().any(|neighbour| neighbour.adjacent)
}

/// What happens to a namespace's routes, as the kernel tells it.
struct Monitor(Child, PathBuf);

impl Monitor {
    fn of(pair: &Pair, n: usize) -> Self {
        let path = pair.dir.path().join("monitor");
        let output = fs::File::create(&path).expect("a file");
        let mut command = pair.netns[n - 1].command("ip");
        let child = command.args(["monitor", "route"]).stdout(Stdio::from(output)).spawn().expect("ip runs");
        let monitor = Self(child, path);
        // It listens once it has told of a first change.
        pair.wait("the monitor listens", |pair| {
            pair.ip(n, "route replace blackhole 203.0.113.0/24");
            pair.ip(n, "route del blackhole 203.0.113.0/24");
            monitor.text().contains("203.0.113.0/24")
        });
        monitor
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.1).expect("read")
    }

    /// All that has happened by now: what the kernel tells it, it writes down a while later.
    fn whole_text(&self, pair: &Pair, n: usize) -> String {
        pair.ip(n, "route add blackhole 203.0.113.128/25");
        pair.wait("the monitor has told all", |_| self.text().contains("203.0.113.128/25"));
        self.text()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What router `n` is told, with this on its link.
fn file(n: u8, link: &Value, rest: &Value) -> String {
    let mut circuit = json!({ "addresses": [format!("10.0.0.{n}/24")], "hello_ms": 300, "multiplier": 3 });
    let mut file = json!({
        "nets": [format!("49.0001.0000.0000.000{n}.00")],
        "level": "level-2",
        "host_name": format!("r{n}"),
        "circuits": { "lo": { "addresses": [format!("100.64.0.{n}/32")], "network": "loopback" } },
    });
    let merge = |into: &mut Value, from: &Value| {
        into.as_object_mut().expect("an object").extend(from.as_object().expect("an object").clone());
    };
    merge(&mut circuit, link);
    merge(&mut file, rest);
    file["circuits"]["eth1"] = circuit;
    serde_json::from_value::<File>(file).expect("a configuration").to_text()
}

/// Goal: what an operator changes around running routers is followed, on a LAN with keys.
fn what_an_operator_changes_is_followed() {
    let pair = Pair::new(&PROGRAM);
    let keys = json!({ "keys": [{ "id": 7, "algorithm": "hmac-sha-256", "secret": "new" },
                                { "algorithm": "hmac-md5", "secret": "old" }] });
    let link = json!({ "network": "broadcast", "authentication": keys, "election_wait_ms": 300 });
    let static_routes =
        json!({ "domain_authentication": keys, "redistribute": [{ "protocol": 4, "metric": 33 }] });
    let plain = json!({ "domain_authentication": keys });
    pair.write(1, &file(1, &link, &static_routes));
    pair.write(2, &file(2, &link, &plain));
    pair.start(1);
    pair.start(2);
    let circuits: Vec<CircuitStatus> = pair.ask(1, &Question::Circuits).expect("an answer");
    assert_eq!((circuits[0].state.as_str(), circuits[0].level), ("absent", isis::Level::Two));
    // The link comes after the routers.
    pair.join();
    let took = pair.wait("the routers are adjacent by their keys", |p| is_up(p, 1) && is_up(p, 2));
    println!("measured: adjacent on a broadcast circuit after {took:?}");
    let took = pair.wait("the loopbacks are reached", |p| {
        p.routes(2).contains("100.64.0.1 via 10.0.0.1 dev eth1 metric 115")
            && p.routes(1).contains("100.64.0.2 via 10.0.0.2 dev eth1 metric 115")
    });
    println!("measured: routes on a broadcast circuit {took:?} later");
    let neighbours: Vec<Neighbour> = pair.ask(1, &Question::Neighbours).expect("an answer");
    assert_eq!((neighbours.len(), neighbours[0].host_name.as_deref()), (1, Some("r2")));
    let circuits: Vec<CircuitStatus> = pair.ask(1, &Question::Circuits).expect("an answer");
    assert!(circuits.iter().all(|circuit| circuit.level == isis::Level::Two), "the router's: {circuits:?}");
    assert!(circuits[0].level_2.designated.is_some_and(|lan| lan.is_pseudonode()), "{circuits:?}");

    // What every router knows is the same, and can be computed with elsewhere.
    let database: Vec<DatabaseEntry> = pair.ask(2, &Question::Database).expect("an answer");
    assert_eq!(database.len(), 3, "two routers and a pseudonode: {database:?}");
    let lines: String = database.iter().map(|entry| format!("{}\n", entry.hex)).collect();
    let root = "0000.0000.0002".parse().expect("an id");
    let computed = isis::routes_from_hex(&lines, root, isis::OneLevel::Two).expect("routes");
    let loopback =
        computed.iter().find(|route| route.prefix.to_string() == "100.64.0.1/32").expect("it is there");
    assert_eq!(loopback.metric, 10);
    assert_eq!(loopback.next_hops[0].via.map(|via| via.to_string()).as_deref(), Some("10.0.0.1"));

    // Kernel routes of that protocol are announced while they are usable, and no others.
    pair.ip(1, "route add blackhole 198.18.8.0/24 proto 4");
    pair.ip(1, "route add 198.18.7.0/24 via 10.0.0.77 dev eth1 proto 3");
    pair.ip(1, "route add 198.18.9.0/24 via 10.0.0.77 dev eth1 proto 4");
    pair.wait("a kernel route is announced", |p| p.routes(2).contains("198.18.9.0/24 via 10.0.0.1"));
    assert!(!pair.routes(2).contains("198.18.8.0/24"), "a blackhole leads nowhere");
    assert!(!pair.routes(2).contains("198.18.7.0/24"));
    let routes: Vec<isis::Route> = pair.ask(2, &Question::Routes).expect("an answer");
    let external =
        routes.iter().find(|route| route.prefix.to_string() == "198.18.9.0/24").expect("it is there");
    assert_eq!((external.kind.as_str(), external.level, external.metric), ("level 2", 2, 43));
    pair.ip(1, "route del 198.18.9.0/24 proto 4");
    pair.wait("and taken back", |p| !p.routes(2).contains("198.18.9.0/24"));

    // A link that goes and comes under another number is the same to the file.
    pair.ip(1, "link del eth1");
    pair.wait("routes over it are gone", |p| p.routes(1).is_empty() && p.routes(2).is_empty());
    pair.join();
    pair.wait("the loopbacks are reached again", |p| {
        p.routes(1).contains("100.64.0.2 ") && p.routes(2).contains("100.64.0.1 ")
    });

    // A new metric is taken without a restart, and another system id is not.
    let mut other = link.clone();
    other["metric"] = json!(500);
    pair.write(2, &file(2, &other, &plain));
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    pair.wait("the metric counts", |p| {
        let routes: Vec<isis::Route> = p.ask(2, &Question::Routes).unwrap_or_default();
        routes.iter().any(|route| route.prefix.to_string() == "100.64.0.1/32" && route.metric == 500)
    });
    assert!(is_up(&pair, 2), "no adjacency was lost over it");
    pair.write(2, &file(3, &other, &plain));
    assert!(pair.ask::<()>(2, &ShellQuestion::Reload).is_none());

    // A router that goes says so: the other does not wait for the hold time.
    pair.end(1, Signal::TERM);
    let took = pair.wait("its routes are gone", |p| p.routes(2).is_empty());
    println!("measured: routes of a router that leaves are gone after {took:?}");
    assert!(took < Duration::from_millis(800), "{took:?}");
    assert!(pair.routes(1).is_empty(), "it took its own along");
    let counters: BTreeMap<String, u64> =
        pair.ask::<Vec<(String, u64)>>(2, &Question::Counters).expect("an answer").into_iter().collect();
    assert_eq!(counters.get("PDUs that could not be sent").copied(), Some(0), "{counters:?}");
}

/// Goal: a router that is killed keeps its routes; its next life touches only those that differ.
fn a_crash_costs_no_route() {
    let pair = Pair::new(&PROGRAM);
    let more = json!({ "externals": { "198.18.1.0/24": {}, "198.18.2.0/24": {} } });
    pair.join();
    pair.write(1, &file(1, &json!({}), &json!({})));
    pair.write(2, &file(2, &json!({}), &more));
    pair.start(1);
    pair.start(2);
    let took = pair.wait("all is reached", |p| {
        p.routes(1).contains("100.64.0.2 ")
            && p.routes(1).contains("198.18.2.0/24 ")
            && p.routes(2).contains("100.64.0.1 ")
    });
    println!("measured: routes on a point-to-point circuit after {took:?}");
    pair.end(1, Signal::KILL);
    let routes = pair.routes(1);
    assert_eq!(routes.lines().count(), 3, "{routes}");

    // While it is dead, a prefix goes and another comes.
    let less = json!({ "externals": { "198.18.2.0/24": {}, "198.18.3.0/24": {} } });
    pair.write(2, &file(2, &json!({}), &less));
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    let monitor = Monitor::of(&pair, 1);
    pair.start(1);
    pair.wait("what differs is put right", |p| {
        let routes = p.routes(1);
        routes.contains("198.18.3.0/24 ") && !routes.contains("198.18.1.0/24 ")
    });
    let kernel: RouteCounters = pair.ask(1, &ShellQuestion::Kernel).expect("an answer");
    assert_eq!((kernel.adopted, kernel.wanted), (3, 3), "{kernel:?}");
    let told = monitor.whole_text(&pair, 1);
    let of_engine: Vec<&str> = told.lines().filter(|line| line.contains("proto 78")).collect();
    assert!(
        of_engine.iter().all(|line| !line.contains("100.64.0.2") && !line.contains("198.18.2.0")),
        "{told}"
    );
    assert!(of_engine.iter().any(|line| line.starts_with("Deleted 198.18.1.0/24")), "{told}");
}

/// Goal: a router that summarises drops what its summary draws and nothing within it takes, and only that.
fn a_summary_is_a_discard_route_in_the_kernel() {
    let pair = Pair::new(&PROGRAM);
    let both = json!({ "level": "level-1-2" });
    let summarises =
        json!({ "level": "level-1-2", "leak": { "summaries": { "100.64.0.0/24": null, "10.9.0.0/16": 1 } } });
    pair.join();
    pair.write(1, &file(1, &json!({}), &summarises));
    pair.write(2, &file(2, &json!({}), &both));
    pair.start(1);
    pair.start(2);
    pair.wait("the summary is told, and dropped", |p| {
        p.routes(2).contains("100.64.0.0/24 via 10.0.0.1 dev eth1 metric 115")
            && p.routes(1).contains("blackhole 100.64.0.0/24 metric 115")
            && p.routes(1).contains("100.64.0.2 via 10.0.0.2 dev eth1 metric 115")
    });
    // Neither what is attached, nor a summary of nothing.
    assert_eq!(pair.routes(1).lines().count(), 2, "{}", pair.routes(1));
    assert!(!pair.routes(2).contains("blackhole"), "{}", pair.routes(2));
    let from_1 = |args: &str| pair.netns[0].command("ip").args(args.split(' ')).output().expect("ip runs");
    assert!(!from_1("route get 100.64.0.77").status.success(), "it ends here");
    assert!(from_1("route get 100.64.0.2").status.success());
    pair.write(1, &file(1, &json!({}), &both));
    pair.ask::<()>(1, &ShellQuestion::Reload).expect("taken");
    pair.wait("no longer", |p| !p.routes(1).contains("100.64.0.0/24"));
    assert!(pair.routes(1).contains("100.64.0.2 via 10.0.0.2"));
}

/// Goal: where the MTU allows it and the operator wants it, LSPs are longer than a length of IEEE 802.3 can tell.
fn long_lsps_pass_where_the_mtu_allows_them() {
    let pair = Pair::new(&PROGRAM);
    let link = json!({ "mtu": 9000 });
    let externals: serde_json::Map<String, Value> =
        (0..300).map(|n| (format!("198.18.{}.{}/32", n / 250, n % 250), json!({}))).collect();
    let long = json!({ "lsp": { "mtu": 8000 }, "externals": externals });
    pair.join();
    for n in 1..=2 {
        pair.ip(n, "link set eth1 mtu 9000");
    }
    pair.write(1, &file(1, &link, &json!({})));
    pair.write(2, &file(2, &link, &long));
    pair.start(1);
    pair.start(2);
    pair.wait("all prefixes are reached", |p| p.routes(1).lines().count() == 301);
    let database: Vec<DatabaseEntry> = pair.ask(1, &Question::Database).expect("an answer");
    let longest = database.iter().map(|entry| entry.length).max().expect("some");
    assert!((2000..=8000).contains(&longest), "{longest}");
    assert_eq!(database.len(), 2, "one fragment each");

    // By default LSPs are as short as everybody takes them, whatever the MTU.
    let short = json!({ "externals": long["externals"] });
    pair.write(2, &file(2, &link, &short));
    pair.ask::<()>(2, &ShellQuestion::Reload).expect("taken");
    pair.wait("two fragments", |p| {
        let database: Vec<DatabaseEntry> = p.ask(1, &Question::Database).unwrap_or_default();
        database.len() == 3 && database.iter().all(|entry| entry.length <= 1492)
    });
    assert_eq!(pair.routes(1).lines().count(), 301, "nothing was lost over it");
}

/// Goal: what is wrong with a configuration is told at the start, with its place.
fn a_wrong_configuration_is_told_with_its_place() {
    let pair = Pair::new(&PROGRAM);
    for (text, told) in [
        ("{\n  \"nets\": 7 }\n".to_owned(), "config:2:11: invalid type: integer `7`"),
        (file(1, &json!({ "hello_ms": 1 }), &json!({})), "config: circuits.eth1: "),
        (
            file(1, &json!({ "mtu": 9500 }), &json!({})),
            "config: circuits.eth1.mtu: 9500 is not in 576 to 9216",
        ),
    ] {
        pair.write(1, &text);
        let output = pair.try_start(1);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{said}");
    }
    pair.write(1, &file(1, &json!({}), &json!({})));
    pair.start(1);
    let said = String::from_utf8_lossy(&pair.try_start(1).stderr).into_owned();
    assert!(said.contains("another engine runs in"), "{said}");
}

fn main() -> ExitCode {
    pair::main(&[
        ("isis_what_an_operator_changes_is_followed", what_an_operator_changes_is_followed),
        ("isis_a_crash_costs_no_route", a_crash_costs_no_route),
        ("isis_a_summary_is_a_discard_route_in_the_kernel", a_summary_is_a_discard_route_in_the_kernel),
        ("isis_long_lsps_pass_where_the_mtu_allows_them", long_lsps_pass_where_the_mtu_allows_them),
        ("isis_a_wrong_configuration_is_told_with_its_place", a_wrong_configuration_is_told_with_its_place),
    ])
}
