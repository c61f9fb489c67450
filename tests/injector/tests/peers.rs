//! Routers of other hands, fed and disturbed: the injector's adjacency stands, and what it changes reaches the kernel.

use std::time::Duration;

use braid_injector::{Figures, Implementation, InjectorError, Place, Protocol, Settings, hold};

fn small(protocol: Protocol) -> Settings {
    let places = vec![Place::new(0, 1), Place::new(7, 7)];
    Settings { protocol, side: 8, seed: 5, attached: Place::new(3, 3), places, rounds: 2 }
}

fn try_to_hold(protocol: Protocol, implementation: &Implementation) -> Result<Figures, InjectorError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(hold(implementation, &small(protocol)))
}

fn hold_a_small_trial(protocol: Protocol, implementation: &Implementation) -> Figures {
    try_to_hold(protocol, implementation).expect("a trial is held")
}

/// Every change was seen in the kernel, and somebody worked for it.
fn check(figures: &Figures, daemons: usize) {
    assert_eq!(figures.changes.len(), 4);
    assert!(figures.visible()[0] > Duration::ZERO && figures.cpu()[3] > Duration::ZERO, "{figures:?}");
    assert_eq!(figures.memory_by_daemon.len(), daemons);
    assert!(figures.memory.pss > 100_000, "{figures:?}");
}

#[test]
fn frr_takes_the_lsas_and_the_changes() {
    check(&hold_a_small_trial(Protocol::Ospf, &Implementation::Frr), 2);
}

#[test]
fn bird_takes_the_lsas_and_the_changes() {
    check(&hold_a_small_trial(Protocol::Ospf, &Implementation::Bird), 1);
}

#[test]
fn frr_takes_the_lsps_and_the_changes() {
    check(&hold_a_small_trial(Protocol::Isis, &Implementation::Frr), 2);
}

#[test]
fn bird_cannot_be_fed_lsps() {
    let error = try_to_hold(Protocol::Isis, &Implementation::Bird).unwrap_err();
    assert!(error.to_string().contains("BIRD speaks no IS-IS"), "{error}");
}

#[test]
fn a_router_that_cannot_be_started_is_named() {
    let missing = Implementation::Native("/nonexistent/braid".into());
    let error = try_to_hold(Protocol::Isis, &missing).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/braid"), "{error}");
}
