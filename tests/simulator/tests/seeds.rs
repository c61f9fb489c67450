//! Networks from seeds must survive their faults and converge.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use braid_simulator::{Kind, Protocols, Scenario, Summary, Trace, run};

/// Runs scenarios on all cores, and panics with what all that fail have to say.
fn all_pass(scenarios: &[Scenario]) -> Vec<Summary> {
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let summaries = Mutex::new(Vec::new());
    let work = || {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            match run(scenario, Trace::default()) {
                Ok(summary) => summaries.lock().expect("no panics").push(summary),
                Err(failure) => failures.lock().expect("no panics").push(failure.to_string()),
            }
        }
    };
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().expect("no panics");
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n")
    );
    summaries.into_inner().expect("no panics")
}

const ALL: [Protocols; 3] = [Protocols::Ospf, Protocols::Isis, Protocols::Mixed];

fn scenario(protocols: Protocols, seed: u64) -> Scenario {
    Scenario { protocols, ..Scenario::new(seed) }
}

fn survive_all_faults(protocols: Protocols, seeds: u64) {
    let scenarios: Vec<_> = (0..seeds).map(|seed| scenario(protocols, seed)).collect();
    let summaries = all_pass(&scenarios);
    assert!(summaries.iter().any(|summary| summary.virtual_s > 7200), "some stay for a refresh of all LSAs");
}

#[test]
fn ospf_networks_survive_all_faults_and_converge() {
    survive_all_faults(Protocols::Ospf, 250);
}

#[test]
fn isis_networks_survive_all_faults_and_converge() {
    survive_all_faults(Protocols::Isis, 200);
}

#[test]
fn ospf_and_isis_over_one_network_agree_where_packets_leave() {
    survive_all_faults(Protocols::Mixed, 100);
}

#[test]
fn a_network_without_faults_converges_at_once() {
    for protocols in ALL {
        let calm =
            |seed| Scenario { kinds: BTreeSet::new(), faults_s: Some(30), ..scenario(protocols, seed) };
        let scenarios: Vec<_> = (1000..1020).map(calm).collect();
        for summary in all_pass(&scenarios) {
            assert!(summary.converged_s <= 2, "{protocols}: {summary}");
        }
    }
}

#[test]
fn a_seed_does_the_same_twice() {
    for (protocols, seed) in ALL.into_iter().flat_map(|protocols| [2, 3, 5].map(|seed| (protocols, seed))) {
        let once = run(&scenario(protocols, seed), Trace::default());
        assert_eq!(once, run(&scenario(protocols, seed), Trace::default()));
        let other = run(&scenario(protocols, seed + 100), Trace::default());
        assert_ne!(once.map(|summary| summary.hash), other.map(|summary| summary.hash));
    }
}

#[test]
fn a_routers_recorded_inputs_replay_to_the_same_outputs() {
    let mut kinds = BTreeSet::from(Kind::ALL);
    // A router that goes on from a saved state has no recording from its start on.
    kinds.remove(&Kind::Restore);
    let recorded =
        |protocols, seed| Scenario { kinds: kinds.clone(), record: true, ..scenario(protocols, seed) };
    for protocols in [Protocols::Ospf, Protocols::Isis] {
        all_pass(&(2000..2020).map(|seed| recorded(protocols, seed)).collect::<Vec<_>>());
    }
}

#[test]
fn a_large_network_converges() {
    let kinds = BTreeSet::from([Kind::Cut, Kind::Cost, Kind::Crash, Kind::External]);
    let large = |protocols| Scenario {
        routers: Some(150),
        kinds: kinds.clone(),
        faults_s: Some(20),
        ..scenario(protocols, 1)
    };
    all_pass(&[large(Protocols::Ospf), large(Protocols::Isis)]);
}
