//! RFC 8405: when routes are computed.

#![allow(clippy::unwrap_used)] // Helpers are test code too.

mod net;

use std::time::Duration;

use braid_isis::{
    External, Input,
    packet::{CircuitType, PduKind},
};
use net::{Fate, Net, circuit, loopback};

const SECOND: Duration = Duration::from_secs(1);

/// What a router itself lost is not waited for: packets must not go into a dead circuit while a back-off runs.
#[test]
fn the_loss_of_an_own_circuit_acts_at_once() {
    let mut net = Net::slow_square();
    assert_eq!(net.metric(1, loopback(4)), Some(20));
    net.set_wire(0, false);
    assert_eq!(net.metric(1, loopback(4)), Some(30), "in the very moment");
    assert!(net.routers[1].counters().routing.runs_at_once > 0);
}

/// A loss elsewhere waits for the initial delay, for what else belongs to it.
#[test]
fn s5_1_a_first_change_elsewhere_waits_for_the_initial_delay() {
    let mut net = Net::slow_square();
    net.set_wire(1, false);
    let took = net.until("the way round", 5 * SECOND, |net| net.metric(1, loopback(4)) == Some(30));
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(310), "{took:?}");
}

/// A link that flaps all the time costs few computations, and the routes are right as soon as it rests.
#[test]
fn s5_a_flapping_link_costs_few_computations() {
    let mut net = Net::slow_square();
    let before = net.routers[1].counters().routing;
    for round in 0..100 {
        net.configure(4, |config| config.circuits.get_mut(&circuit(1)).unwrap().metric.two = 10 + round % 2);
        net.configure(2, |config| config.circuits.get_mut(&circuit(1)).unwrap().metric.two = 11 + round % 2);
        net.run(Duration::from_millis(100));
    }
    let after = net.routers[1].counters().routing;
    assert!((4..=9).contains(&(after.runs - before.runs)), "{before:?} {after:?}");
    net.until("the last word", 5 * SECOND, |net| net.metric(1, loopback(4)) == Some(22));
}

/// A change of prefixes alone runs no SPF, and so waits for nothing.
#[test]
fn a_prefix_that_comes_or_goes_does_not_wait() {
    let mut net = Net::slow_square();
    let prefix = "198.18.0.0/24".parse().unwrap();
    let route = External { metric: 5, level: CircuitType::L2, external: false };
    net.input(4, Input::External { prefix, route: Some(route) });
    let took = net.until("there", SECOND, |net| net.metric(1, prefix) == Some(25));
    assert!(took < Duration::from_millis(10), "{took:?}");
    net.input(4, Input::External { prefix, route: None });
    let took = net.until("gone", SECOND, |net| net.metric(1, prefix).is_none());
    assert!(took < Duration::from_millis(30), "{took:?}");
}

/// An own LSP that is refreshed without a change, even often, costs no computation.
#[test]
fn refreshes_cost_no_computation() {
    let mut net = Net::slow_square();
    net.run(10 * SECOND);
    let before = net.routers[1].counters().routing.runs;
    let since = net.now;
    net.run(Duration::from_secs(3600));
    assert!(net.count(since, |carried| matches!(carried.kind, PduKind::Lsp(_))) > 8);
    assert_eq!(net.routers[1].counters().routing.runs, before);
}

/// Lost packets delay routes, but nothing stays wrong.
#[test]
fn routes_are_right_in_spite_of_losses() {
    let mut net = Net::slow_square();
    let mut dice = 12345_u32;
    net.meddler = Box::new(move |_| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if dice >> 30 == 0 { Fate::Lose } else { Fate::Pass }
    });
    net.set_wire(1, false);
    net.run(20 * SECOND);
    net.set_wire(1, true);
    net.meddler = Box::new(|_| Fate::Pass);
    net.run(40 * SECOND);
    assert_eq!(net.metric(1, loopback(4)), Some(20));
    assert!(net.is_connected(&[1, 2, 3, 4]));
}
