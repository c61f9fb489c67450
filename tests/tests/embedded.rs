//! The README's first command: Abilene on embedded engines only, on a machine that has no routing daemon.

use std::{collections::BTreeSet, process::Command, thread, time::Duration};

use braid_tests::{Lab, braid, report, repository, wait_for};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// The virtual networks of `abilene.yaml`.
const VNS: [&str; 3] = ["red", "green", "blue"];

/// What each router of a virtual network says of itself.
fn routers(lab: &Lab, vn: &str) -> Vec<Value> {
    let all = lab.json(&["get", "routers"]);
    all.as_array().expect("a list of routers").iter().filter(|router| router["vn"] == vn).cloned().collect()
}

fn whole(lab: &Lab, vn: &str) -> bool {
    let routers = routers(lab, vn);
    let running = |r: &Value| r["state"] == "running" && r["adjacencies"] == r["adjacencies_expected"];
    routers.len() == 11 && routers.iter().all(running)
}

#[test]
fn it_needs_no_routing_daemon() {
    let lab = Lab::new(
        &std::fs::read_to_string(repository().join("topologies/abilene.yaml")).expect("the file ships"),
    );
    // All of it in a mount namespace that hides the daemons: what is mounted there, as network namespaces are, is seen there.
    let script = format!(
        "set -e; mount -t tmpfs none /usr/lib/frr; mount --bind /dev/null /usr/sbin/bird; {braid} lab up {file}; \
         for host in seattle los-angeles houston atlanta new-york; do for net in 1 2 3 4 5; do \
         {braid} lab exec $host-host -- ping -q -c 1 -W 2 198.18.$net.10; done; done; \
         {braid} status -o json > {file}.status; {braid} lab down {name}",
        braid = braid().display(),
        file = lab.file().display(),
        name = lab.name(),
    );
    let output = Command::new("unshare")
        .env("BRAID_LAB", lab.name())
        .args(["--mount", "sh", "-c", &script])
        .output()
        .expect("unshare runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let status = std::path::PathBuf::from(format!("{}.status", lab.file().display()));
    let said: Value = serde_json::from_slice(&std::fs::read(&status).expect("written")).expect("JSON");
    std::fs::remove_file(&status).expect("removed");
    assert_eq!((&said["converged"], &said["alarms"]), (&Value::Bool(true), &serde_json::json!([])));
}

#[test]
fn an_engine_that_is_killed_keeps_its_routes_and_finds_them_again() {
    // Goal: SIGKILL of every engine, then a planned change of the file, under traffic through them.
    let lab = Lab::up("abilene.yaml");
    let flow = lab.flow("seattle-host", "new-york-host", 1000);
    let before: BTreeSet<i32> = VNS.iter().flat_map(|vn| lab.pids(vn)).collect();
    assert_eq!(before.len(), 33, "one process a virtual router");
    for pid in &before {
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    wait_for("all engines are back", Duration::from_secs(30), || {
        VNS.iter().all(|vn| whole(&lab, vn) && lab.pids(vn).len() == 11).then_some(())
    });
    wait_for("the lab converges", Duration::from_secs(30), || {
        (lab.json(&["status"])["converged"] == true).then_some(())
    });
    // Routes of the earlier life are let go meanwhile.
    thread::sleep(Duration::from_secs(4));
    let losses = flow.stop();
    report(&format!("SIGKILL of every embedded engine at once: {losses:?}"));
    assert_eq!(losses.lost, 0, "{losses:?}");

    // A metric changes in the file: engines take it without a restart.
    let engines = VNS.map(|vn| lab.pids(vn));
    let text = std::fs::read_to_string(lab.file()).expect("written");
    std::fs::write(lab.file(), text.replace("metric: 164", "metric: 1640")).expect("written");
    let flow = lab.flow("seattle-host", "new-york-host", 1000);
    lab.start();
    wait_for("seattle's traffic leaves over sunnyvale", Duration::from_secs(10), || {
        let leaves_by_eth1 = |vn: &&str| {
            let route = lab.sh(&format!("seattle/{vn}"), &["ip", "route", "show", "198.18.5.0/24"]);
            route.contains("dev eth1")
        };
        VNS.iter().all(leaves_by_eth1).then_some(())
    });
    let losses = flow.stop();
    report(&format!("a metric changed in the file: {losses:?}"));
    assert_eq!(losses.lost, 0, "{losses:?}");
    assert_eq!(VNS.map(|vn| lab.pids(vn)), engines, "no engine was restarted");
}

#[test]
fn a_physical_link_that_fails_is_left_at_once() {
    let lab = Lab::up("abilene.yaml");
    let flow = lab.flow("seattle-host", "new-york-host", 1000);
    lab.sh("chicago", &["ip", "link", "set", "eth2", "down"]);
    wait_for("all virtual networks have left the link", Duration::from_secs(10), || {
        let gone = VNS.iter().all(|vn| {
            let routes = lab.sh(&format!("chicago/{vn}"), &["ip", "route"]);
            !routes.lines().any(|line| line.contains("via ") && line.contains("dev eth2 "))
        });
        gone.then_some(())
    });
    lab.sh("chicago", &["ip", "link", "set", "eth2", "up"]);
    wait_for("the link is up again in all", Duration::from_secs(40), || {
        VNS.iter().all(|vn| whole(&lab, vn)).then_some(())
    });
    report(&format!("embedded engines only, a physical link cut and mended: {:?}", flow.stop()));
}
