//! Where the running engine differs from the configuration that the intent asks for.

use std::collections::{BTreeMap, BTreeSet};

use braid_native::isis::{CircuitStatus, File, Running};

use crate::Drift;

/// What it should be, and what the engine says that it does.
pub(super) fn drift(wanted: &File, running: &Running) -> Vec<Drift> {
    let mut drifts = Vec::new();
    let mut compare = |about: &str, wanted: &str, found: &str| {
        if wanted != found {
            let (about, wanted, found) = (about.to_owned(), wanted.to_owned(), found.to_owned());
            drifts.push(Drift { about, wanted, found });
        }
    };
    compare("network entity titles", &listed(&wanted.nets), &listed(&running.nets));
    compare("level", &wanted.level.to_string(), &running.level.to_string());
    compare("overload", &wanted.overload.to_string(), &running.overload.to_string());
    compare("metric style", &format!("{:?}", wanted.metric_style), &format!("{:?}", running.metric_style));
    if let Some(mtu) = wanted.lsp.and_then(|lsp| lsp.mtu) {
        compare("LSP MTU", &mtu.to_string(), &running.lsp_mtu.to_string());
    }
    let found: BTreeMap<&str, &CircuitStatus> =
        running.circuits.iter().map(|circuit| (circuit.name.as_str(), circuit)).collect();
    for (name, circuit) in &wanted.circuits {
        let Some(is) = found.get(name.as_str()) else {
            compare(&format!("interface {name}"), "IS-IS on it", "nothing");
            continue;
        };
        let mut fact = |fact: &str, wanted: String, found: String| {
            compare(&format!("interface {name}: {fact}"), &wanted, &found);
        };
        fact("addresses", listed(&circuit.addresses), listed(&is.addresses));
        fact("network", circuit.network.to_string(), is.network.clone());
        fact("passive", circuit.passive.to_string(), is.passive.to_string());
        if circuit.speaks() {
            fact("metric", circuit.metric().to_string(), is.level_2.metric.to_string());
            fact("hello", format!("{} ms", circuit.hello_ms), format!("{} ms", is.hello_ms));
            let hold_ms = u64::from(circuit.hello_ms) * u64::from(circuit.multiplier);
            fact("hold time", format!("{hold_ms} ms"), format!("{} ms", is.hold_ms));
            fact("MTU", circuit.mtu.to_string(), is.mtu.to_string());
        }
    }
    for name in found.keys().filter(|name| !wanted.circuits.contains_key(**name)) {
        compare(&format!("interface {name}"), "nothing", "IS-IS on it");
    }
    let attached: BTreeSet<_> =
        wanted.circuits.values().flat_map(|circuit| circuit.prefixes.iter().map(|(p, m)| (*p, *m))).collect();
    let told: BTreeSet<_> = running.announced.iter().map(|(prefix, metric)| (*prefix, *metric)).collect();
    drifts.extend(Drift::of_announcements(&attached, &told));
    drifts
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use braid_native::isis::LevelStatus;

    use super::{super::config::render, *};
    use crate::{LinkIntent, RouterIntent};

    #[test]
    fn a_changed_metric_and_a_lost_announcement_are_found() {
        let intent = RouterIntent {
            node: "a".parse().unwrap(),
            loopback: [100, 64, 0, 1].into(),
            links: vec![LinkIntent {
                interface: "eth1".parse().unwrap(),
                address: "100.65.0.2/31".parse().unwrap(),
                metric: 20,
                mtu: 1550,
            }],
            port: Some("port".parse().unwrap()),
            attached: vec!["198.18.1.0/24".parse().unwrap()],
            hello: Duration::from_secs(1),
        };
        let wanted = render(&intent);
        assert_eq!(wanted.nets[0].to_string(), "49.0001.1000.6400.0001.00");
        assert_eq!(wanted.circuits["eth1"].mtu, 1500, "a frame with a length is not longer");
        let status = |name: &str| {
            let circuit = &wanted.circuits[name];
            let at = LevelStatus { metric: circuit.metric(), designated: None };
            CircuitStatus {
                name: name.to_owned(),
                addresses: circuit.addresses.clone(),
                network: circuit.network.to_string(),
                level: circuit.level,
                state: "up".to_owned(),
                level_1: at,
                level_2: at,
                hello_ms: circuit.hello_ms.into(),
                hold_ms: u64::from(circuit.hello_ms) * u64::from(circuit.multiplier),
                mtu: circuit.mtu,
                passive: false,
                neighbours: 0,
                adjacencies: 0,
            }
        };
        let mut running = Running {
            nets: wanted.nets.clone(),
            level: wanted.level,
            host_name: wanted.host_name.clone(),
            metric_style: wanted.metric_style,
            lsp_mtu: 1200,
            overload: false,
            circuits: vec![status("eth1"), status("lo")],
            announced: BTreeMap::from([("198.18.1.0/24".parse().unwrap(), 20)]),
        };
        assert_eq!(drift(&wanted, &running), []);
        running.circuits[0].level_2.metric = 7;
        running.announced.clear();
        let told: Vec<String> = drift(&wanted, &running).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "interface eth1: metric: want `20`, found `7`",
                "attached prefix 198.18.1.0/24: want `announced at 20`, found `not so`",
            ]
        );
    }
}
