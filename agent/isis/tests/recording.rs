//! Snapshots and recordings: a router can be copied, and its life lived again.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use braid_isis::{CircuitKind, Input, Instance, Instant, Output, Recording, packet::Level};
use net::{Net, loopback, router};

const SECOND: Duration = Duration::from_secs(1);

fn square() -> Net {
    let mut net = Net::new((1..=4).map(router));
    for ends in [[1, 2], [2, 3], [3, 4], [4, 1]] {
        net.join(CircuitKind::PointToPoint, &ends);
    }
    net.join(CircuitKind::Broadcast, &[1, 2, 3, 4]);
    net.start()
}

/// A copy of a router does in future exactly what the router does.
#[test]
fn a_restored_router_goes_on_as_the_original() {
    let mut net = square();
    net.converge(10 * SECOND);
    let bytes = net.routers[1].snapshot().unwrap();
    let mut copy = Instance::restore(&bytes).unwrap();
    assert_eq!(copy.snapshot().unwrap(), bytes);
    assert!(copy.routes().any(|(prefix, _)| prefix == loopback(3)));
    let mut original = net.routers[1].clone();
    for _ in 0..200 {
        let at = original.poll_timeout().unwrap();
        assert_eq!(copy.poll_timeout(), Some(at));
        original.handle(at, Input::Timeout);
        copy.handle(at, Input::Timeout);
        let outputs =
            |instance: &mut Instance| std::iter::from_fn(|| instance.poll_output()).collect::<Vec<Output>>();
        assert_eq!(outputs(&mut copy), outputs(&mut original));
    }
    assert!(Instance::restore(&bytes[..bytes.len() / 2]).is_err());
}

/// A recorded life, replayed, ends in the same state with the same outputs, also if the file was cut off.
#[test]
fn a_recording_replays() {
    let mut config = router(1);
    config.circuits.insert(net::circuit(0), {
        let mut circuit = braid_isis::CircuitConfig::new("eth0", CircuitKind::PointToPoint);
        circuit.addresses = vec!["100.65.0.1".parse().unwrap()];
        circuit
    });
    let mut recording = Recording::new(&config, 5, Instant(0)).unwrap();
    let mut live = Instance::new(config, 5, Instant(0)).unwrap();
    let mut outputs = Vec::new();
    let mut file = Vec::new();
    let mut give = |live: &mut Instance, now: Instant, input: Input| {
        recording.push(now, &input).unwrap();
        live.handle(now, input);
        file.extend(recording.take_bytes());
        outputs.extend(std::iter::from_fn(|| live.poll_output()).map(|output| (now, output)));
    };
    give(&mut live, Instant(10), Input::Carrier { circuit: net::circuit(0), up: true, mac: [2; 6] });
    for _ in 0..20 {
        let at = live.poll_timeout().unwrap();
        give(&mut live, at, Input::Timeout);
        give(
            &mut live,
            at,
            Input::Packet { circuit: net::circuit(0), source: [4; 6], payload: vec![0x83, 1, 2] },
        );
    }
    let mut shown = Vec::new();
    let replayed = Recording::replay(&file, |now, output| shown.push((now, output))).unwrap();
    assert_eq!(replayed.snapshot().unwrap(), live.snapshot().unwrap());
    assert_eq!(shown.len(), outputs.len());
    assert_eq!(shown, outputs);
    assert!(Recording::replay(&file[..file.len() - 3], |_, _| {}).is_ok());
    assert!(Recording::replay(&file[..10], |_, _| {}).is_err());
    assert_eq!(live.database(Level::One).len(), 1);
}
