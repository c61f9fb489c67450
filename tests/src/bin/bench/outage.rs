//! What faults in the driving VN cost.

use std::{fs, thread, time::Duration};

use braid_tests::{Lab, repository, wait_for};

use crate::{row::Row, shell::run};

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
pub fn measure() -> Vec<Row> {
    let voted = fs::read_to_string(repository().join("topologies/abilene-diverse.yaml")).expect("it ships");
    let alone: String = voted
        .lines()
        .filter(|line| {
            !["id: 2", "id: 3", "id: 4", "id: 5", "policy: majority", "  prefixes:"]
                .iter()
                .any(|cut| line.contains(cut))
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
            "packets lost, SIGKILL of all processes of the driving VN (same peer)",
            death.to_string(),
            death_alone.to_string(),
            ratio(death, death_alone),
        )
        .aim("< 50"),
    ]
}
