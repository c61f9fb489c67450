//! Networks from seeds must survive their faults and converge.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use braid_simulator::{Kind, Scenario, Summary, Trace, run};

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

#[test]
fn networks_survive_all_faults_and_converge() {
    let scenarios: Vec<_> = (0..250).map(Scenario::new).collect();
    let summaries = all_pass(&scenarios);
    assert!(summaries.iter().any(|summary| summary.virtual_s > 7200), "some stay for a refresh of all LSAs");
}

#[test]
fn a_network_without_faults_converges_at_once() {
    let calm = |seed| Scenario { kinds: BTreeSet::new(), faults_s: Some(30), ..Scenario::new(seed) };
    let scenarios: Vec<_> = (1000..1020).map(calm).collect();
    for summary in all_pass(&scenarios) {
        assert!(summary.converged_s <= 2, "{summary}");
    }
}

#[test]
fn a_seed_does_the_same_twice() {
    for seed in [2, 3, 5] {
        let scenario = Scenario::new(seed);
        let once = run(&scenario, Trace::default());
        assert_eq!(once, run(&scenario, Trace::default()));
        assert_ne!(
            once.map(|summary| summary.hash),
            run(&Scenario::new(seed + 100), Trace::default()).map(|s| s.hash)
        );
    }
}

#[test]
fn a_routers_recorded_inputs_replay_to_the_same_outputs() {
    let mut kinds = BTreeSet::from(Kind::ALL);
    // A router that goes on from a saved state has no recording from its start on.
    kinds.remove(&Kind::Restore);
    let recorded = |seed| Scenario { kinds: kinds.clone(), record: true, ..Scenario::new(seed) };
    all_pass(&(2000..2020).map(recorded).collect::<Vec<_>>());
}

#[test]
fn a_large_network_converges() {
    let kinds = BTreeSet::from([Kind::Cut, Kind::Cost, Kind::Crash, Kind::External]);
    let large = Scenario { routers: Some(150), kinds, faults_s: Some(20), ..Scenario::new(1) };
    all_pass(&[large]);
}
