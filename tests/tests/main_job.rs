//! The main job: Internet2's Abilene with five virtual networks on real daemons and the embedded engines, voted, under faults and under traffic.

use std::{
    collections::BTreeSet,
    fs,
    net::Ipv4Addr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use braid_tests::{Lab, braid, report, wait_for};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// The virtual networks of `abilene-diverse.yaml`.
const VNS: [&str; 5] = ["red", "green", "blue", "white", "black"];
/// Packets per second of the flows that faults are measured with.
const RATE: u32 = 1000;

fn kill_all(pids: &[i32]) {
    for pid in pids {
        // One that has ended in the meantime is as dead as it should be.
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
}

fn converged(lab: &Lab) -> bool {
    lab.json(&["status"])["converged"] == true
}

fn wait_until_converged(lab: &Lab, why: &str) {
    wait_for(why, Duration::from_secs(60), || converged(lab).then_some(()));
}

/// Waits until the master drives all that it is master of, and gives the verdicts. When the first ones fell it may not have been
/// ready, or its probes not yet come out.
fn verdicts_at_rest(lab: &Lab) -> BTreeSet<(String, String, String)> {
    wait_for("red drives what it is master of", Duration::from_secs(60), || {
        let verdicts = verdicts(lab);
        // For Seattle's prefix the majority decides, and then whoever was elected first stays.
        let mut driven = verdicts.iter().filter(|(_, prefix, _)| prefix != "198.18.1.0/24");
        driven.all(|(_, _, winner)| winner == "red").then_some(verdicts)
    })
}

/// One row a vote, without what differs from run to run.
fn verdicts(lab: &Lab) -> BTreeSet<(String, String, String)> {
    let votes = lab.json(&["get", "votes"]);
    let field = |vote: &Value, name: &str| vote[name].as_str().unwrap_or("").to_owned();
    let rows = votes.as_array().expect("a list of votes").iter();
    rows.map(|v| (field(v, "border"), field(v, "prefix"), field(v, "winner"))).collect()
}

#[test]
fn every_host_reaches_every_other_and_each_border_has_a_verdict_for_each_foreign_prefix() {
    let lab = Lab::up("abilene-diverse.yaml");
    let hosts = lab.hosts();
    assert_eq!(hosts.len(), 5);
    for (from, _) in &hosts {
        for (to, address) in hosts.iter().filter(|(to, _)| to != from) {
            let output = lab.exec(from, &["ping", "-c", "1", "-W", "2", &address.to_string()]);
            assert!(output.status.success(), "{from} does not reach {to}");
        }
    }
    let verdicts = verdicts_at_rest(&lab);
    assert_eq!(verdicts.len(), 5 * 4);
    assert!(verdicts.iter().all(|(_, _, winner)| !winner.is_empty()), "{verdicts:?}");

    // Once probes have come out everywhere the borders that they came out at are compared, and five engines of four code bases
    // agree on each.
    wait_for("egress borders are compared, and nobody dissents", Duration::from_secs(60), || {
        let explained = lab.json(&["explain", "198.18.5.0/24", "--at", "seattle"]);
        let votes = lab.json(&["get", "votes"]);
        let agreed =
            votes.as_array().expect("a list").iter().all(|v| v["dissenters"] == serde_json::json!([]));
        (explained["comparison"] == "egress" && agreed).then_some(())
    });
    // By now each running configuration has been read back, and is as intended.
    let status = lab.json(&["status"]);
    assert_eq!(status["alarms"], serde_json::json!([]));
    let explained = lab.json(&["explain", "198.18.5.0/24", "--at", "seattle"]);
    assert!(explained["verifying_since"].is_string(), "{explained:#}");

    // Customers keep 1500 bytes.
    lab.sh("seattle-host", &["ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1472", "198.18.5.10"]);

    // Starting it again changes nothing.
    let pids = lab.pids("red");
    lab.start();
    assert_eq!(lab.pids("red"), pids);

    // What somebody else takes out of the kernel comes back, and is counted.
    let repairs = || {
        let nodes = lab.json(&["get", "nodes"]);
        let seattle = nodes.as_array().expect("a list").iter().find(|node| node["name"] == "seattle");
        seattle.and_then(|node| node["border_repairs"].as_u64()).expect("a number")
    };
    let before = repairs();
    lab.sh("seattle", &["ip", "route", "flush", "table", "7601"]);
    wait_for("the repair is counted", Duration::from_secs(10), || (repairs() > before).then_some(()));
    assert!(!lab.sh("seattle", &["ip", "route", "show", "table", "7601"]).is_empty());
}

#[test]
fn the_vn_id_is_on_every_packet_and_never_changes_on_the_way() {
    // Goal: whichever VN a packet enters at the border, on all links it crosses it carries that VN's id in its VNI.
    let lab = Lab::up("abilene-diverse.yaml");
    verdicts_at_rest(&lab);
    let nodes: Vec<String> = lab
        .json(&["get", "nodes"])
        .as_array()
        .expect("a list of nodes")
        .iter()
        .map(|n| n["name"].as_str().expect("a name").to_owned())
        .collect();
    let captures: Vec<_> = nodes
        .iter()
        .map(|node| {
            Command::new(braid())
                .env("BRAID_LAB", lab.name())
                .args(["lab", "exec", node, "--"])
                .args([
                    "timeout", "-s", "INT", "8", "tcpdump", "-l", "-n", "-i", "any", "udp", "port", "4789",
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("tcpdump runs")
        })
        .collect();
    // While they run, mark packets by their size so that they are found in the captures.
    let flow_ends = Instant::now() + Duration::from_secs(5);
    while Instant::now() < flow_ends {
        lab.sh("seattle-host", &["ping", "-c", "5", "-i", "0.1", "-W", "2", "-s", "777", "198.18.5.10"]);
    }
    let mut vns = BTreeSet::new();
    let mut crossed = 0;
    for (node, capture) in nodes.iter().zip(captures) {
        let output = capture.wait_with_output().expect("tcpdump ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        for (header, packet) in lines.iter().zip(lines.iter().skip(1)) {
            let Some(vni) = header.split("vni ").nth(1).and_then(|rest| rest.split_whitespace().next())
            else {
                continue;
            };
            let vni: u32 = vni.trim_end_matches(',').parse().expect("a VNI is a number");
            assert!((1..=5).contains(&(vni >> 16)), "{node}: a VNI of no VN: {vni}");
            if packet.contains("ICMP echo request") && packet.contains("length 785") {
                vns.insert(vni >> 16);
                crossed += 1;
            }
        }
    }
    assert!(crossed > 0, "the captures hold our packets");
    let winner = lab.json(&["explain", "198.18.5.0/24", "--at", "seattle"])["winner"].clone();
    assert_eq!(winner, "red");
    assert_eq!(vns, [1].into(), "all of the flow stayed in the VN that seattle's verdict put it in");
}

#[test]
fn when_every_process_of_the_driving_vn_dies_traffic_moves_to_another_and_the_vn_comes_back() {
    let lab = Lab::up("abilene-diverse.yaml");
    verdicts_at_rest(&lab);
    let flow = lab.flow("seattle-host", "new-york-host", RATE);
    std::thread::sleep(Duration::from_secs(1));

    kill_all(&lab.pids("red"));
    wait_for("seattle votes red out", Duration::from_secs(5), || {
        (lab.winner("seattle", "198.18.5.0/24") != "red").then_some(())
    });
    let explained = lab.json(&["explain", "198.18.5.0/24", "--at", "seattle"]);
    assert_ne!(explained["winner"], "red");

    wait_for("red runs again on all nodes", Duration::from_secs(60), || {
        let routers = lab.json(&["get", "routers"]);
        let mut red = routers.as_array().expect("a list").iter().filter(|r| r["vn"] == "red");
        red.all(|r| r["state"] == "running" && r["adjacencies"] == r["adjacencies_expected"]).then_some(())
    });
    wait_until_converged(&lab, "the lab converges again");
    let losses = flow.stop();
    report(&format!("SIGKILL of every process of the driving VN: {losses:?}"));
    assert!(losses.sent > 1000);
    assert!(losses.lost < 50, "{losses:?}");
    assert_eq!(losses.duplicates, 0);

    // Fail-back: red drives again once it has been clean for 30 s.
    wait_for("red drives again", Duration::from_secs(60), || {
        (lab.winner("seattle", "198.18.5.0/24") == "red").then_some(())
    });
}

#[test]
fn a_vn_that_loses_a_prefix_at_a_border_loses_that_vote_and_explain_says_why() {
    let lab = Lab::up("abilene-diverse.yaml");
    let before = verdicts_at_rest(&lab);
    let flow = lab.flow("seattle-host", "new-york-host", RATE);
    lab.sh("seattle/red", &["ip", "route", "add", "blackhole", "198.18.5.0/24"]);
    wait_for("seattle sends new york's prefix elsewhere", Duration::from_secs(5), || {
        (lab.winner("seattle", "198.18.5.0/24") != "red").then_some(())
    });
    let explained = lab.json(&["explain", "198.18.5.0/24", "--at", "seattle"]);
    let red = explained["candidates"]
        .as_array()
        .and_then(|candidates| candidates.iter().find(|c| c["vn"] == "red"))
        .expect("red is a candidate");
    assert_eq!(red["eligible"], false);
    assert!(red["reason"].as_str().is_some_and(|r| r.contains("blackhole")), "{red}");
    // Only that prefix, only there.
    let changed: Vec<_> = verdicts(&lab).difference(&before).cloned().collect();
    assert_eq!(changed.len(), 1, "{changed:?}");

    // The hole is still there; packets go around it.
    std::thread::sleep(Duration::from_secs(1));
    let losses = flow.stop();
    report(&format!("a blackhole in the driving VN at the border: {losses:?}"));
    assert!(losses.lost < 50, "{losses:?}");
}

#[test]
fn a_vn_that_loses_a_transit_link_changes_only_its_own_path() {
    let lab = Lab::up("abilene-diverse.yaml");
    let before = verdicts_at_rest(&lab);
    let route = |vn: &str| lab.sh(&format!("kansas-city/{vn}"), &["ip", "route", "show", "198.18.1.0/24"]);
    let others = ["green", "blue", "white", "black"].map(route);
    let red = route("red");

    // Kansas City reaches Seattle over Denver; take that link away in red alone.
    let interface =
        red.split("dev ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a device");
    lab.sh("kansas-city/red", &["ip", "link", "set", interface, "down"]);
    wait_for("red finds another way", Duration::from_secs(20), || {
        let now = route("red");
        (!now.is_empty() && !now.contains(&format!("dev {interface} "))).then_some(())
    });
    assert_eq!(["green", "blue", "white", "black"].map(route), others);
    // All pairs still reach one another.
    wait_for("red has rerouted everywhere", Duration::from_secs(20), || {
        let output = lab.exec("houston-host", &["ping", "-c", "1", "-W", "1", "198.18.1.10"]);
        output.status.success().then_some(())
    });
    // The far end of the link notices after a dead interval: until then borders behind it may leave red, and nothing else moves.
    let moved: Vec<_> = before.difference(&verdicts(&lab)).cloned().collect();
    assert!(moved.iter().all(|(_, _, winner)| winner == "red"), "{moved:?}");
}

#[test]
fn a_physical_link_that_fails_is_seen_by_every_vn() {
    let lab = Lab::up("abilene-diverse.yaml");
    let links = lab.json(&["get", "links"]);
    let rows = links.as_array().expect("a list of links");
    let link = rows
        .iter()
        .find(|l| {
            let ends = (l["a"].as_str().unwrap_or(""), l["b"].as_str().unwrap_or(""));
            let joins = |one: &str, other: &str| ends.0.starts_with(one) && ends.1.starts_with(other);
            joins("denver:", "kansas-city:") || joins("kansas-city:", "denver:")
        })
        .expect("Denver and Kansas City are joined");
    let end = [&link["a"], &link["b"]].map(|e| e.as_str().unwrap_or("").to_owned());
    let (node, interface) = end[0].split_once(':').expect("node:interface");
    let flow = lab.flow("seattle-host", "new-york-host", RATE);
    lab.sh(node, &["ip", "link", "set", interface, "down"]);
    wait_for("every VN has left the link", Duration::from_secs(20), || {
        let gone = VNS.iter().all(|vn| {
            let routes = lab.sh(&format!("{node}/{vn}"), &["ip", "route"]);
            !routes.lines().any(|line| line.contains("via ") && line.contains(&format!("dev {interface} ")))
        });
        gone.then_some(())
    });
    wait_until_converged(&lab, "what is still linked converges");
    lab.sh(node, &["ip", "link", "set", interface, "up"]);
    wait_for("the link is up again in all VNs", Duration::from_secs(40), || {
        let status = lab.json(&["status"]);
        (status["links_up"] == status["links"] && status["converged"] == true).then_some(())
    });
    report(&format!("a physical link that all VNs use, cut and mended: {:?}", flow.stop()));
}

#[test]
fn killing_controller_agents_and_borders_loses_no_packet_and_they_come_back_to_the_same_state() {
    let lab = Lab::up("abilene-diverse.yaml");
    let before = verdicts_at_rest(&lab);
    let engines: BTreeSet<i32> = VNS.iter().flat_map(|vn| lab.pids(vn)).collect();
    let nodes = lab.json(&["get", "nodes"]);
    let pid =
        |node: &Value, field: &str| i32::try_from(node[field].as_i64().unwrap_or(0)).expect("a pid fits");
    let pids = |field: &str| -> Vec<i32> {
        nodes.as_array().expect("a list").iter().map(|n| pid(n, field)).filter(|pid| *pid > 0).collect()
    };
    let controller =
        i32::try_from(lab.json(&["status"])["controller_pid"].as_i64().expect("a pid")).expect("fits");
    for (what, victims) in
        [("controller", vec![controller]), ("agents", pids("agent_pid")), ("borders", pids("border_pid"))]
    {
        assert!(!victims.is_empty(), "{what}");
        let flows = [
            lab.flow("seattle-host", "new-york-host", RATE),
            lab.flow("atlanta-host", "los-angeles-host", RATE),
        ];
        for victim in &victims {
            kill_all(&[*victim]);
            std::thread::sleep(Duration::from_millis(100));
        }
        // Forwarding goes on without them, and goes on while they come back.
        std::thread::sleep(Duration::from_secs(1));
        let restarted = lab.braid(&["lab", "restart", "all"]);
        assert!(restarted.status.success(), "{}", String::from_utf8_lossy(&restarted.stderr));
        wait_until_converged(&lab, what);
        for flow in flows {
            let losses = flow.stop();
            report(&format!("SIGKILL of {what}: {losses:?}"));
            assert_eq!(losses.lost, 0, "{what}: {losses:?}");
        }
        assert_eq!(verdicts(&lab), before, "{what}");
    }
    let engines_now: BTreeSet<i32> = VNS.iter().flat_map(|vn| lab.pids(vn)).collect();
    assert_eq!(engines_now, engines, "no engine was touched");
}

/// What a lab could leave behind: namespaces, processes that name it, cgroups, files.
fn remains(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let entries = |dir: &str| -> Vec<String> {
        fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let namespaces = entries("/run/netns").into_iter().filter(|n| n.starts_with(&format!("{name}.")));
    found.extend(namespaces.map(|n| format!("namespace {n}")));
    for pid in entries("/proc").into_iter().filter(|p| p.bytes().all(|b| b.is_ascii_digit())) {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(&format!("/{name}/")) {
            found.push(format!("process {pid}: {command}"));
        }
    }
    let cgroups = Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", name]).output();
    let cgroups = cgroups.expect("find runs").stdout;
    found.extend(String::from_utf8_lossy(&cgroups).lines().map(|path| format!("cgroup {path}")));
    if fs::exists(format!("/run/braid/{name}")).unwrap_or(true) {
        found.push(format!("directory /run/braid/{name}"));
    }
    found
}

/// Where FRR's daemons keep directories for their last words.
fn crash_logs() -> BTreeSet<String> {
    let entries = fs::read_dir("/var/tmp/frr").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn lab_down_leaves_nothing() {
    let crash_logs_before = crash_logs();
    let lab = Lab::up("ring.yaml");
    assert!(!remains(lab.name()).is_empty(), "what this looks for is there while the lab runs");
    let begin = Instant::now();
    let output = lab.down();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    report(&format!("lab down of the ring: {:?}", begin.elapsed()));
    assert_eq!(remains(lab.name()), [""; 0]);
    assert_eq!(crash_logs(), crash_logs_before);
}

#[test]
fn lab_down_leaves_nothing_after_everything_was_killed() {
    let crash_logs_before = crash_logs();
    let lab = Lab::up("abilene-diverse.yaml");
    let nodes = lab.json(&["get", "nodes"]);
    let mut victims: Vec<i32> = VNS.iter().flat_map(|vn| lab.pids(vn)).collect();
    for node in nodes.as_array().expect("a list") {
        for field in ["agent_pid", "border_pid"] {
            victims
                .extend(node[field].as_i64().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0));
        }
    }
    let controller = lab.json(&["status"])["controller_pid"].as_i64().expect("a pid");
    victims.push(i32::try_from(controller).expect("a pid fits"));
    kill_all(&victims);
    let begin = Instant::now();
    let output = lab.down();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    report(&format!("lab down of Abilene after kill -9 of everything: {:?}", begin.elapsed()));
    assert_eq!(remains(lab.name()), [""; 0]);
    assert_eq!(crash_logs(), crash_logs_before);
}

#[test]
fn a_customer_cannot_choose_a_vn() {
    // Goal: VXLAN that a customer forges, with a VNI of its choice, never comes out of a virtual network.
    let lab = Lab::up("ring.yaml");
    let borders = lab.json(&["get", "nodes"]);
    let border = borders
        .as_array()
        .expect("a list")
        .iter()
        .find(|n| n["border"] == true)
        .and_then(|n| n["name"].as_str())
        .expect("a border")
        .to_owned();
    let before = dropped(&lab, &border);
    let host = format!("{border}-host");
    let gateway: Ipv4Addr = {
        let hosts = lab.json(&["get", "hosts"]);
        let row = hosts.as_array().and_then(|h| h.iter().find(|h| h["name"] == host.as_str()).cloned());
        row.and_then(|h| h["gateway"].as_str()?.parse().ok()).expect("the host has a gateway")
    };
    let netns = braid_kernel::Netns::open(&lab.namespace(&host)).expect("the host's namespace");
    let socket = netns.run(|| std::net::UdpSocket::bind("0.0.0.0:0")).expect("entered").expect("bound");
    for _ in 0..3 {
        socket.send_to(&[0x08, 0, 0, 0, 1, 0, 1, 0], (gateway, 4789)).expect("sent");
    }
    wait_for("the border drops and counts them", Duration::from_secs(2), || {
        (dropped(&lab, &border) == before + 3).then_some(())
    });
}

/// Packets that the border's filter has dropped.
fn dropped(lab: &Lab, border: &str) -> u64 {
    let text = lab.sh(border, &["nft", "list", "table", "inet", "braid"]);
    let packets = text.split("counter packets ").nth(1).and_then(|rest| rest.split_whitespace().next());
    packets.and_then(|n| n.parse().ok()).expect("the drop rule counts")
}
