//! braid's own engines by hand: run one, look into it, and compute routes from its database without it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use braid_kernel::{Netns, Process, Signal};
use braid_ospf_packet::{
    LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterId, RouterLink, RouterLsa, SequenceNumber,
};

use crate::support::{Ran, braid, run, run_command, run_with_input};

/// A namespace with a router in it, ended when dropped.
struct Router {
    /// `ospf` or `isis`.
    protocol: &'static str,
    netns: Netns,
    name: String,
    dir: tempfile::TempDir,
}

impl Router {
    fn new(protocol: &'static str) -> Self {
        let name = format!("tc{}-{protocol}", std::process::id());
        let netns = Netns::create(&name).unwrap();
        let router = Self { protocol, netns, name, dir: tempfile::tempdir().unwrap() };
        for words in ["addr add 100.64.0.1/32 dev lo", "link set lo up"] {
            let args = format!("-n {} {words}", router.name);
            assert!(Command::new("ip").args(args.split(' ')).status().unwrap().success());
        }
        router
    }

    /// Runs `braid` in the namespace.
    fn braid(&self, arguments: &[&str]) -> Ran {
        let mut command = self.netns.command(env!("CARGO_BIN_EXE_braid"));
        command.args(arguments).stdin(Stdio::null());
        run_command(command)
    }

    fn start(&self, config: &str) -> Ran {
        let file = self.dir.path().join("router.json");
        fs::write(&file, config).unwrap();
        let dir = self.dir.path().to_str().unwrap();
        self.braid(&["agent", "engine", self.protocol, "--config", file.to_str().unwrap(), "--run-dir", dir])
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join(format!("braid-{}.pid", self.protocol))
    }

    /// Shows something of it, as JSON.
    fn show(&self, what: &str) -> serde_json::Value {
        self.braid(&["agent", "engine", "show", what, "-o", "json"]).ok().json()
    }

    /// Asks it to end.
    fn end(&self) {
        let process = self.process().unwrap();
        process.signal(Signal::TERM).unwrap();
        until("it has ended", || !process.is_alive() && !self.pid_file().exists());
    }

    fn process(&self) -> Option<Process> {
        let pid = fs::read_to_string(self.pid_file()).ok()?;
        Process::open(pid.trim().parse().ok()?).ok()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some(process) = self.process() {
            let _ = process.signal(Signal::KILL);
        }
        let _ = Netns::delete(&self.name);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_router_runs_by_hand_shows_what_it_does_and_ends_when_asked() {
    let router = Router::new("ospf");
    // What is wrong is told by file, line and column, and nothing runs.
    let wrong = router.start("{ \"router_id\": \"100.64.0.1\",\n  \"colour\": 1 }\n").failed(1);
    assert!(wrong.stderr.contains("router.json:2:10: unknown field `colour`"), "{}", wrong.stderr);
    let nobody = router.braid(&["agent", "engine", "show", "neighbours"]).failed(1);
    assert!(
        nobody.stderr.contains("no braid-ospf or braid-isis runs in this network namespace"),
        "{}",
        nobody.stderr
    );

    let config = r#"{ "router_id": "100.64.0.1", "interfaces": {
        "lo": { "address": "100.64.0.1/32", "network": "loopback", "prefixes": { "198.18.1.0/24": 20 } },
        "eth7": { "address": "10.0.0.1/24" } } }"#;
    router.start(config).ok();
    until("the router has a process", || router.process().is_some());
    let show = |what: &str| router.show(what);
    until("its own network is computed", || show("routes").as_array().unwrap().len() == 2);
    let interfaces = show("interfaces");
    assert_eq!(interfaces.as_array().unwrap().len(), 1, "one of them is not there: {interfaces}");
    assert_eq!((&interfaces[0]["name"], &interfaces[0]["network"]), (&"lo".into(), &"loopback".into()));
    assert_eq!(show("neighbours"), serde_json::json!([]));
    assert!(
        show("counters")
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["name"] == "LSAs originated" && c["value"] != 0)
    );
    let table = router.braid(&["agent", "engine", "show", "database"]).ok().stdout;
    assert!(table.contains("ADVERTISING ROUTER") && table.contains("router"), "{table}");

    // Its database in hexadecimal is what `debug routes` reads.
    let dir = router.dir.path().to_str().unwrap();
    let hex = run(&["agent", "engine", "show", "database", "--hex", "--run-dir", dir]).ok().stdout;
    assert!(hex.starts_with("area 0.0.0.0 "), "{hex}");
    let own = ["debug", "routes", "--protocol", "ospf", "--self", "100.64.0.1", "-o", "json"];
    let routes = run_with_input(&own, &hex).ok().json();
    let costs: Vec<_> = routes.as_array().unwrap().iter().map(|r| (&r["prefix"], &r["cost"])).collect();
    assert!(costs.contains(&(&"198.18.1.0/24".into(), &20.into())), "{routes}");

    router.end();
}

#[test]
fn an_is_is_router_shows_the_same_in_its_own_words() {
    let router = Router::new("isis");
    let net = r#""nets": ["49.0001.1000.6400.0001.00"]"#;
    let wrong = router.start(&format!("{{ {net},\n  \"colour\": 1 }}\n")).failed(1);
    assert!(wrong.stderr.contains("router.json:2:10: unknown field `colour`"), "{}", wrong.stderr);

    let config = format!(
        r#"{{ {net}, "host_name": "r1", "circuits": {{
            "lo": {{ "addresses": ["100.64.0.1/32"], "network": "loopback", "prefixes": {{ "198.18.1.0/24": 20 }} }},
            "eth7": {{ "addresses": ["10.0.0.1/24"] }} }} }}"#
    );
    router.start(&config).ok();
    until("the router has a process", || router.process().is_some());
    until("its own networks are known", || router.show("routes").as_array().unwrap().len() == 2);
    let circuits = router.show("circuits");
    let states: Vec<_> = circuits.as_array().unwrap().iter().map(|c| (&c["name"], &c["state"])).collect();
    assert_eq!(states, [(&"eth7".into(), &"absent".into()), (&"lo".into(), &"up".into())]);
    assert_eq!(router.show("neighbours"), serde_json::json!([]));
    let counters = router.show("counters");
    assert!(counters.as_array().unwrap().iter().any(|c| c["name"] == "own LSPs said" && c["value"] != 0));
    let table = router.braid(&["agent", "engine", "show", "database"]).ok().stdout;
    assert!(table.contains("1000.6400.0001.00-00") && table.contains("r1"), "{table}");

    // Its database in hexadecimal is what `debug routes` reads, a level at a time.
    let dir = router.dir.path().to_str().unwrap();
    let hex = run(&["agent", "engine", "show", "database", "--hex", "--run-dir", dir]).ok().stdout;
    assert_eq!(hex.lines().count(), 2, "one LSP for each level: {hex}");
    let own = ["debug", "routes", "--protocol", "isis", "--self", "1000.6400.0001", "-o", "json"];
    for level in ["1", "2"] {
        let routes = run_with_input(&[&own[..], &["--level", level]].concat(), &hex).ok().json();
        let metrics: Vec<_> =
            routes.as_array().unwrap().iter().map(|r| (&r["prefix"], &r["metric"])).collect();
        assert!(metrics.contains(&(&"198.18.1.0/24".into(), &20.into())), "{routes}");
    }
    let bad = run_with_input(&own, &format!("{hex}zz\n")).failed(1);
    assert!(bad.stderr.starts_with("<stdin>:3: "), "{}", bad.stderr);
    let nobody = ["debug", "routes", "--protocol", "isis", "--self", "0000.0000.0009"];
    let bad = run_with_input(&nobody, &hex).failed(1);
    assert!(bad.stderr.contains("0000.0000.0009"), "{}", bad.stderr);
    run_with_input(&["debug", "routes", "--protocol", "isis", "--self", "100.64.0.1"], &hex).failed(2);
    run_with_input(&["debug", "routes", "--protocol", "ospf", "--self", "1.1.1.1", "--level", "2"], "")
        .failed(2);

    router.end();
}

fn router_lsa(id: u8, links: &[(LinkKind, [u8; 4], [u8; 4], u16)]) -> String {
    let links = links
        .iter()
        .map(|(kind, id, data, metric)| RouterLink {
            kind: *kind,
            id: (*id).into(),
            data: (*data).into(),
            metric: *metric,
        })
        .collect();
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::default(), links });
    let id = RouterId([0, 0, 0, id].into());
    Lsa::build(1, Options::E, id.0, id, SequenceNumber::INITIAL, &body).unwrap().to_hex()
}

#[test]
fn routes_are_computed_from_hexadecimal_lines_and_a_bad_line_is_told_by_its_number() {
    let point_to_point = LinkKind::PointToPoint;
    let one = router_lsa(1, &[(point_to_point, [0, 0, 0, 2], [10, 0, 0, 0], 7)]);
    let two = router_lsa(
        2,
        &[
            (point_to_point, [0, 0, 0, 1], [10, 0, 0, 1], 7),
            (LinkKind::Stub, [198, 18, 1, 0], [255, 255, 255, 0], 20),
        ],
    );
    let arguments = ["debug", "routes", "--protocol", "ospf", "--self", "0.0.0.1"];
    let text = run_with_input(&arguments, &format!("# by hand\narea 0.0.0.0 {one}\n{two}\n")).ok().stdout;
    assert!(text.contains("198.18.1.0/24") && text.contains("via 10.0.0.1 out of 10.0.0.0"), "{text}");
    let json =
        run_with_input(&[&arguments[..], &["-o", "json"]].concat(), &format!("{one}\n{two}\n")).ok().json();
    assert_eq!((&json[0]["cost"], &json[0]["kind"]), (&27.into(), &"intra-area".into()));

    let bad = run_with_input(&arguments, &format!("{one}\nzz\n")).failed(1);
    assert!(bad.stderr.starts_with("<stdin>:2: "), "{}", bad.stderr);
    run(&["debug", "routes", "--self", "0.0.0.1"]).failed(2);
}

#[test]
fn an_agent_is_told_what_it_lacks_and_its_engines_are_apart_from_it() {
    let lacking = run(&["agent", "--network", "ring"]).failed(2);
    assert!(lacking.stderr.contains("--controller"), "{}", lacking.stderr);
    let mixed = run_command(braid(&["agent", "--network", "ring", "engine", "show", "routes"])).failed(2);
    assert!(mixed.stderr.contains("cannot be used with"), "{}", mixed.stderr);
    run(&["agent", "engine", "show", "routes", "--hex", "--run-dir", "/nonexistent"]).failed(2);
    let silent = run(&["agent", "engine", "show", "routes", "--run-dir", "/nonexistent"]).failed(1);
    assert!(silent.stderr.contains("/nonexistent/braid-ospf.sock"), "{}", silent.stderr);
}
