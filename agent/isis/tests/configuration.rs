//! What an operator may change while routers run, and what is refused.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{
    CircuitKind, Config, ConfigError, DownReason, Event, External, Input, Instance, Instant,
    packet::{CircuitType, Level},
};
use net::{Net, circuit, loopback, router};

const SECOND: Duration = Duration::from_secs(1);

fn triangle() -> Net {
    let mut net = Net::new((1..=3).map(router));
    for ends in [[1, 2], [2, 3], [3, 1]] {
        net.join(CircuitKind::PointToPoint, &ends);
    }
    let mut net = net.start();
    net.converge(5 * SECOND);
    net.run(5 * SECOND);
    net
}

/// A new metric moves traffic and disturbs no adjacency.
#[test]
fn a_metric_changes_in_place() {
    let mut net = triangle();
    let start = net.events.len();
    assert_eq!(net.next_hops(1, loopback(2)), ["100.65.0.2".parse::<std::net::Ipv4Addr>().unwrap()]);
    net.configure(1, |config| {
        let circuit = config.circuits.get_mut(&circuit(0)).unwrap();
        (circuit.metric.one, circuit.metric.two) = (100, 100);
    });
    net.run(SECOND);
    assert_eq!(net.next_hops(1, loopback(2)), ["100.65.2.3".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!(net.metric(1, loopback(2)), Some(20));
    assert_eq!(net.events.len(), start, "{:?}", &net.events[start..]);
}

/// Parallel ways of equal cost are all used.
#[test]
fn equal_ways_are_all_used() {
    let mut net = Net::new((1..=4).map(router));
    for ends in [[1, 2], [1, 3], [2, 4], [3, 4]] {
        net.join(CircuitKind::PointToPoint, &ends);
    }
    let mut net = net.start();
    net.converge(5 * SECOND);
    assert_eq!(net.next_hops(1, loopback(4)).len(), 2);
}

/// A circuit that is taken out of the configuration is left at once; put back, it works again.
#[test]
fn circuits_come_and_go() {
    let mut net = triangle();
    let mut kept = None;
    net.configure(1, |config| kept = config.circuits.remove(&circuit(0)));
    let gone = |event: &(usize, Event)| {
        matches!(event, (1, Event::AdjacencyDown { reason: DownReason::Configuration, .. }))
    };
    assert!(net.events.iter().any(gone));
    net.run(5 * SECOND);
    assert_eq!(net.metric(1, loopback(2)), Some(20));
    net.configure(1, |config| {
        config.circuits.insert(circuit(0), kept.unwrap());
    });
    net.set_wire(0, true);
    net.run(5 * SECOND);
    assert_eq!(net.metric(1, loopback(2)), Some(10));
}

/// A router that leaves a level forgets it, and so do the others.
#[test]
fn a_router_leaves_a_level() {
    let mut net = triangle();
    net.configure(1, |config| config.level = CircuitType::L2);
    net.run(5 * SECOND);
    assert!(net.routers[1].database(Level::One).is_empty());
    assert!(net.is_connected(&[1, 2, 3]));
    assert!(net.routers[2].neighbours().any(|(_, neighbour)| neighbour.levels == CircuitType::L2));
    net.configure(1, |config| config.level = CircuitType::L1L2);
    net.run(5 * SECOND);
    net.assert_alike(Level::One, &[1, 2, 3]);
    assert!(net.is_connected(&[1, 2, 3]));
}

/// A passive circuit is announced and does not speak.
#[test]
fn a_passive_circuit_is_announced_and_silent() {
    let mut net = triangle();
    net.configure(1, |config| config.circuits.get_mut(&circuit(0)).unwrap().passive = true);
    let start = net.now;
    net.run(5 * SECOND);
    assert_eq!(net.count(start, |carried| carried.from == 1 && carried.wire == 0), 0);
    assert!(net.metric(3, "100.65.0.0/24".parse().unwrap()).is_some());
}

/// A wrong configuration is refused with a reason, and the one before stands.
#[test]
fn a_wrong_configuration_is_refused() {
    let mut net = triangle();
    let mut wrong = net.routers[1].config().clone();
    wrong.nets = vec!["49.0001.0000.0000.0099.00".parse().unwrap()];
    net.input(1, Input::Configure(Box::new(wrong)));
    let error = ConfigError::SystemChanged.to_string();
    assert!(net.events.contains(&(1, Event::ConfigRefused { error })));
    net.run(5 * SECOND);
    assert!(net.is_connected(&[1, 2, 3]));
}

/// Each value out of range is refused with its name.
#[test]
fn values_out_of_range_are_refused() {
    type Change = fn(&mut Config);
    let table: [(Change, &str); 10] = [
        (|config| config.nets.clear(), "net"),
        (|config| config.host_name = Some(String::new()), "host name"),
        (|config| config.lsp_mtu = 100, "lsp_mtu"),
        (|config| config.refresh = 2000 * SECOND, "refresh"),
        (|config| config.max_paths = 65, "max_paths"),
        (|config| config.p2p_csnp_interval = SECOND / 2, "p2p_csnp_interval"),
        (|config| config.limits.adjacencies = 1000, "adjacencies"),
        (|config| config.circuits.get_mut(&net::LOOPBACK).unwrap().metric.two = 0x100_0000, "metric"),
        (
            |config| {
                config.circuits.get_mut(&net::LOOPBACK).unwrap().kind = CircuitKind::Broadcast;
            },
            "addresses",
        ),
        (
            |config| {
                config.leak.summaries.insert("10.0.0.1/8".parse().unwrap(), None);
            },
            "10.0.0.0/8",
        ),
    ];
    for (change, named) in table {
        let mut config = router(1);
        change(&mut config);
        let error = Instance::new(config, 1, Instant(0)).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

/// External prefixes are announced, up to the limit, and taken back.
#[test]
fn externals_are_limited() {
    let mut net = triangle();
    net.configure(1, |config| config.limits.externals = 2);
    let route = Some(External { metric: 5, level: CircuitType::L2, external: false });
    for prefix in ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"] {
        net.input(1, Input::External { prefix: prefix.parse().unwrap(), route });
    }
    net.run(5 * SECOND);
    assert!(net.events.contains(&(1, Event::ExternalsFull)));
    let metrics =
        ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(|prefix| net.metric(2, prefix.parse().unwrap()));
    assert_eq!(metrics, [Some(15), Some(15), None]);
    net.input(1, Input::External { prefix: "10.1.0.0/16".parse().unwrap(), route: None });
    net.run(5 * SECOND);
    assert_eq!(net.metric(2, "10.1.0.0/16".parse().unwrap()), None);
}
