//! What a running lab costs while nothing happens.

use std::{fs, thread, time::Duration};

use braid_tests::Lab;

use crate::row::Row;

/// What a running lab costs while nothing happens.
pub fn measure() -> Vec<Row> {
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
