//! The benchmark table: what braid does, beside what a named peer does in the same run on the same machine.

use std::{
    collections::BTreeSet,
    env, fs,
    net::Ipv4Addr,
    process::{Command, ExitCode, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use braid_kernel::{Netlink, Netns, NextHop, Nexthop, NexthopTarget, Route, RouteChange};
use braid_tests::{Lab, repository, wait_for};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use ipnet::Ipv4Net;

/// A row of the table.
struct Row {
    figure: String,
    braid: String,
    peer: String,
    ratio: String,
}

impl Row {
    fn new(
        figure: &str,
        braid: impl Into<String>,
        peer: impl Into<String>,
        ratio: impl Into<String>,
    ) -> Self {
        Self { figure: figure.to_owned(), braid: braid.into(), peer: peer.into(), ratio: ratio.into() }
    }

    /// A figure without a peer.
    fn alone(figure: &str, braid: impl Into<String>) -> Self {
        Self::new(figure, braid, "-", "-")
    }
}

/// A group of figures: its name on the command line, and how they are had.
type Group = (&'static str, fn() -> Vec<Row>);

const GROUPS: [Group; 6] = [
    ("lab", lab),
    ("forwarding", forwarding),
    ("outage", outage),
    ("flip", flip),
    ("voter", voter),
    ("footprint", footprint),
];

fn main() -> ExitCode {
    let wanted: BTreeSet<String> = env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !GROUPS.iter().any(|(known, _)| known == name)) {
        let names = GROUPS.map(|(name, _)| name).join(" ");
        eprintln!("bench: no group `{unknown}`; there are: {names}");
        return ExitCode::from(2);
    }
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["figure", "braid", "peer", "braid / peer"]);
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.contains(name) {
            eprintln!("== {name}");
            for row in measure() {
                table.add_row([row.figure, row.braid, row.peer, row.ratio]);
            }
        }
    }
    #[allow(clippy::print_stdout)] // The table is what this program is for.
    {
        println!("{table}");
    }
    ExitCode::SUCCESS
}

fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    output.unwrap_or_else(|e| panic!("{program} cannot be run: {e}"))
}

fn must(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let output = run(words[0], &words[1..]);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// From nothing to a voted network, and back to nothing.
fn lab() -> Vec<Row> {
    let text = fs::read_to_string(repository().join("topologies/abilene-diverse.yaml")).expect("it ships");
    let lab = Lab::new(&text);
    let begin = Instant::now();
    lab.start();
    let up = begin.elapsed();
    let begin = Instant::now();
    assert!(lab.down().status.success(), "lab down");
    vec![
        Row::alone(
            "lab up, Abilene, 3 VNs, to all verdicts (aim 20 s)",
            format!("{:.1} s", up.as_secs_f64()),
        ),
        Row::alone("lab down (aim 5 s)", format!("{:.1} s", begin.elapsed().as_secs_f64())),
    ]
}

const LINE: &str = "name: line
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24] } }
    b: {}
    c: { border: { prefixes: [198.18.2.0/24] } }
  links:
    - { endpoints: [\"a:eth1\", \"b:eth1\"] }
    - { endpoints: [\"b:eth2\", \"c:eth1\"] }
vns:
  - { id: 1, name: red, engine: frr-ospf }
  - { id: 2, name: green, engine: bird-ospf }
";

/// The same hosts and nodes as in [`LINE`], with static routes and nothing in between: what the kernel does bare.
struct Plain {
    name: String,
}

impl Plain {
    fn new() -> Self {
        let name = format!("bp{}", std::process::id());
        let ns = |part: &str| format!("{name}.{part}");
        let cable = |a: &str, a_if: &str, a_ip: &str, b: &str, b_if: &str, b_ip: &str| {
            must(&format!("ip -n {} link add {a_if} type veth peer name {b_if} netns {}", ns(a), ns(b)));
            for (part, interface, address) in [(a, a_if, a_ip), (b, b_if, b_ip)] {
                must(&format!("ip -n {} addr add {address} dev {interface}", ns(part)));
                must(&format!("ip -n {} link set {interface} up", ns(part)));
            }
        };
        for part in ["h1", "a", "b", "c", "h2"] {
            must(&format!("ip netns add {}", ns(part)));
            must(&format!("ip netns exec {} sysctl -qw net.ipv4.ip_forward=1", ns(part)));
        }
        cable("h1", "eth0", "198.18.1.10/24", "a", "cust0", "198.18.1.1/24");
        cable("a", "eth1", "100.66.0.2/31", "b", "eth1", "100.66.0.3/31");
        cable("b", "eth2", "100.66.0.4/31", "c", "eth1", "100.66.0.5/31");
        cable("c", "cust0", "198.18.2.1/24", "h2", "eth0", "198.18.2.10/24");
        for (part, route) in [
            ("h1", "default via 198.18.1.1"),
            ("h2", "default via 198.18.2.1"),
            ("a", "198.18.2.0/24 via 100.66.0.3"),
            ("b", "198.18.2.0/24 via 100.66.0.5"),
            ("b", "198.18.1.0/24 via 100.66.0.2"),
            ("c", "198.18.1.0/24 via 100.66.0.4"),
        ] {
            must(&format!("ip -n {} route add {route}", ns(part)));
        }
        Self { name }
    }

    fn ns(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        for part in ["h1", "a", "b", "c", "h2"] {
            let _ = run("ip", &["netns", "delete", &self.ns(part)]);
        }
    }
}

/// What iperf3 measures from one namespace to an address in another, by a pointer into its JSON.
fn iperf(from: &str, to: &str, address: &str, options: &[&str], pointer: &str) -> f64 {
    let mut server = Command::new("ip")
        .args(["netns", "exec", to, "iperf3", "-s", "-1", "-B", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("iperf3 runs");
    let client = [&["netns", "exec", from, "iperf3", "-J", "-c", address, "-t", "3"], options].concat();
    // Until the server listens, the client ends with an error in its JSON, and well by its exit status.
    let json = wait_for("iperf3 measures", Duration::from_secs(30), || {
        let json: serde_json::Value = serde_json::from_slice(&run("ip", &client).stdout).ok()?;
        json.get("error").is_none().then_some(json)
    });
    // It may be gone already: `-1` ends it after one client, though not always.
    let _ = server.kill();
    server.wait().expect("iperf3 ends");
    json.pointer(pointer).and_then(serde_json::Value::as_f64).expect("iperf3 measured it")
}

/// Average round trip in microseconds.
fn round_trip(from: &str, address: &str) -> f64 {
    let text = must(&format!("ip netns exec {from} ping -q -c 300 -i 0.005 {address}"));
    let average = text.split("= ").nth(1).and_then(|rest| rest.split('/').nth(1));
    average.and_then(|ms| ms.parse::<f64>().ok()).expect("ping prints an average") * 1000.0
}

/// Three nodes by a VN against the same three with plain static routes.
fn forwarding() -> Vec<Row> {
    let lab = Lab::new(LINE);
    lab.start();
    let plain = Plain::new();
    let voted = (lab.namespace("a-host"), lab.namespace("c-host"));
    let bare = (plain.ns("h1"), plain.ns("h2"));
    let address = "198.18.2.10";
    let both = |measure: &dyn Fn(&(String, String)) -> f64| {
        // Interleaved, since the machine's speed wanders.
        let (ours, theirs): (Vec<f64>, Vec<f64>) = (0..3).map(|_| (measure(&voted), measure(&bare))).unzip();
        (median(ours), median(theirs))
    };
    let tcp = both(&|ends| iperf(&ends.0, &ends.1, address, &[], "/end/sum_received/bits_per_second"));
    let udp = both(&|ends| {
        let options = ["-u", "-l", "64", "-b", "0"];
        let packets = iperf(&ends.0, &ends.1, address, &options, "/end/sum/packets");
        let lost = iperf(&ends.0, &ends.1, address, &options, "/end/sum/lost_percent");
        packets / 3.0 * (1.0 - lost / 100.0)
    });
    let rtt = both(&|ends| round_trip(&ends.0, address));
    let ratio = |(ours, theirs): (f64, f64)| format!("{:.2}", ours / theirs);
    let giga = |bits: f64| format!("{:.2} Gbit/s", bits / 1e9);
    let kilo = |packets: f64| format!("{:.0} k/s", packets / 1e3);
    let micros = |value: f64| format!("{value:.0} us");
    vec![
        Row::new("TCP over three nodes (peer: kernel, static routes)", giga(tcp.0), giga(tcp.1), ratio(tcp)),
        Row::new("64-byte UDP over three nodes (same peer)", kilo(udp.0), kilo(udp.1), ratio(udp)),
        Row::new("round trip over three nodes (same peer)", micros(rtt.0), micros(rtt.1), ratio(rtt)),
    ]
}

/// Packets lost at 1,000 a second while `fault` strikes and for as long as the test lets it last.
fn lost(lab: &Lab, fault: impl FnOnce(&Lab), then: impl FnOnce(&Lab)) -> u64 {
    let flow = lab.flow("seattle-host", "new-york-host", 1000);
    thread::sleep(Duration::from_secs(1));
    fault(lab);
    thread::sleep(Duration::from_secs(5));
    then(lab);
    thread::sleep(Duration::from_secs(5));
    let losses = flow.stop();
    eprintln!("{losses:?}");
    losses.lost
}

/// Faults in the driving VN: braid's three VNs against the driving one alone.
fn outage() -> Vec<Row> {
    let voted = fs::read_to_string(repository().join("topologies/abilene-diverse.yaml")).expect("it ships");
    let alone: String = voted
        .lines()
        .filter(|line| {
            !["id: 2", "id: 3", "policy: majority", "  prefixes:"].iter().any(|cut| line.contains(cut))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let measure = |topology: &str| {
        let lab = Lab::new(topology);
        lab.start();
        let blackhole = |lab: &Lab, what: &str| {
            lab.sh("seattle/red", &["ip", "route", what, "blackhole", "198.18.5.0/24"]);
        };
        let hole = lost(&lab, |lab| blackhole(lab, "add"), |lab| blackhole(lab, "del"));
        wait_for("red drives again", Duration::from_secs(60), || {
            (lab.winner("seattle", "198.18.5.0/24") == "red").then_some(())
        });
        let kill = |lab: &Lab| {
            for pid in lab.pids("red") {
                let _ = run("kill", &["-KILL", &pid.to_string()]);
            }
        };
        let death = lost(&lab, kill, |_| {});
        (hole, death)
    };
    let (hole, death) = measure(&voted);
    let (hole_alone, death_alone) = measure(&alone);
    let ratio = |ours: u64, theirs: u64| match theirs {
        0 => "-".to_owned(),
        _ => format!("{:.3}", ours as f64 / theirs as f64),
    };
    vec![
        Row::new(
            "packets lost, one prefix blackholed at the border for 5 s, 1,000/s (peer: FRR OSPF alone)",
            hole.to_string(),
            hole_alone.to_string(),
            ratio(hole, hole_alone),
        ),
        Row::new(
            "packets lost, SIGKILL of all processes of the driving VN (aim < 50; same peer)",
            death.to_string(),
            death_alone.to_string(),
            ratio(death, death_alone),
        ),
    ]
}

/// Moving every route of a VN: one nexthop replace against replacing the routes in batches.
fn flip() -> Vec<Row> {
    let name = format!("bf{}", std::process::id());
    let netns = Netns::create(&name).expect("a namespace");
    must(&format!("ip -n {name} link add p1 type veth peer name q1"));
    must(&format!("ip -n {name} link add p2 type veth peer name q2"));
    for (interface, address) in [("p1", "100.67.0.2/31"), ("p2", "100.67.0.4/31")] {
        must(&format!("ip -n {name} addr add {address} dev {interface}"));
    }
    for interface in ["lo", "p1", "q1", "p2", "q2"] {
        must(&format!("ip -n {name} link set {interface} up"));
    }
    must(&format!("ip netns exec {name} sysctl -qw net.ipv4.nexthop_compat_mode=0"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = [1_000, 100_000].map(|count| runtime.block_on(flip_of(&netns, count)));
    drop(runtime);
    Netns::delete(&name).expect("deleted");
    rows.into()
}

async fn flip_of(netns: &Netns, count: u32) -> Row {
    let netlink = Netlink::open(netns).expect("netlink");
    let index = async |name: &str| netlink.link(name).await.expect("read").expect("there").index;
    let ports = [(index("p1").await, [100, 67, 0, 3]), (index("p2").await, [100, 67, 0, 5])];
    let device = |k: usize| {
        let (ifindex, gateway) = ports[k];
        NexthopTarget::Device { via: Some(Ipv4Addr::from(gateway)), ifindex }
    };
    let object = |k: usize| Nexthop { id: 7601, target: device(k), protocol: 76 };
    netlink.replace_nexthop(&object(0)).await.expect("an object");
    let prefixes: Vec<Ipv4Net> = (0..count)
        .map(|n| Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + (n << 8)), 24).expect("a prefix"))
        .collect();
    let install = |route: &dyn Fn(Ipv4Net) -> Route| -> Vec<RouteChange> {
        prefixes.iter().map(|prefix| RouteChange::Replace(route(*prefix))).collect()
    };
    let on_object = install(&|prefix| Route::to_nexthop(prefix, 7601, 76, 7601));
    let begin = Instant::now();
    assert!(netlink.apply_routes(&on_object).await.expect("sent").is_empty());
    let bulk = f64::from(count) / begin.elapsed().as_secs_f64();
    let mut flips = Vec::new();
    for k in [1, 0, 1, 0, 1] {
        let begin = Instant::now();
        netlink.replace_nexthop(&object(k)).await.expect("flipped");
        flips.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let via = |k: usize| {
        let (ifindex, gateway) = ports[k];
        install(&|prefix| Route::unicast(prefix, 7602, 76, NextHop::new(Ipv4Addr::from(gateway), ifindex)))
    };
    assert!(netlink.apply_routes(&via(0)).await.expect("sent").is_empty());
    let other = via(1);
    let begin = Instant::now();
    assert!(netlink.apply_routes(&other).await.expect("sent").is_empty());
    let one_by_one = begin.elapsed().as_secs_f64() * 1e6;
    netlink.delete_nexthop(7601).await.expect("deleted");
    let flip = median(flips);
    Row::new(
        &format!(
            "whole VN moved, {count} routes, bulk install at {:.0} k/s (peer: batched replaces)",
            bulk / 1e3
        ),
        format!("{flip:.0} us"),
        format!("{one_by_one:.0} us"),
        format!("{:.5}", flip / one_by_one),
    )
}

/// Votes per second on one core.
fn voter() -> Vec<Row> {
    let target = env::var("CARGO_TARGET_DIR").map_or_else(|_| repository().join("target"), Into::into);
    let output =
        Command::new(target.join("release/examples/throughput")).output().expect("tests/bench builds it");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.lines().map(|line| Row::alone("voter", line)).collect()
}

/// What a running lab costs while nothing happens.
fn footprint() -> Vec<Row> {
    let lab = Lab::up("abilene-diverse.yaml");
    thread::sleep(Duration::from_secs(5));
    let routers = lab.json(&["get", "routers"]);
    let rows = routers.as_array().expect("a list");
    let mut result = Vec::new();
    for vn in ["red", "green", "blue"] {
        let of_vn: Vec<_> = rows.iter().filter(|r| r["vn"] == vn).collect();
        let total: u64 = of_vn.iter().filter_map(|r| r["rss_bytes"].as_u64()).sum();
        let engine = of_vn[0]["engine"].as_str().unwrap_or("?");
        let mean = total as f64 / of_vn.len() as f64 / 1e6;
        result.push(Row::alone(&format!("memory (RSS) per router, {engine}"), format!("{mean:.1} MB")));
    }
    let nodes = lab.json(&["get", "nodes"]);
    let mut pids: Vec<i64> = nodes
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|n| ["agent_pid", "border_pid"].map(|field| n[field].as_i64().unwrap_or(0)))
        .filter(|pid| *pid > 0)
        .collect();
    pids.push(lab.json(&["status"])["controller_pid"].as_i64().expect("a pid"));
    let engines: Vec<i64> =
        ["red", "green", "blue"].iter().flat_map(|vn| lab.pids(vn)).map(i64::from).collect();
    let ticks = |pids: &[i64]| pids.iter().map(|pid| cpu_ticks(*pid)).sum::<u64>();
    let before = (ticks(&pids), ticks(&engines));
    let span = 10;
    thread::sleep(Duration::from_secs(span));
    // 100 clock ticks a second, so ticks per second are percent of a core.
    let share = |before: u64, after: u64| (after - before) as f64 / span as f64;
    let (braid, engines) = (share(before.0, ticks(&pids)), share(before.1, ticks(&engines)));
    result.push(Row::new(
        "idle CPU of all 17 braid daemons (peer: the 55 routing daemons), of one core",
        format!("{braid:.1} %"),
        format!("{engines:.1} %"),
        format!("{:.2}", braid / engines),
    ));
    result
}

/// User and system time of a process, in clock ticks.
fn cpu_ticks(pid: i64) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let field = |n: usize| fields.get(n).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}
