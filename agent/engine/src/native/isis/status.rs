//! Where the running engine differs from the configuration that the intent asks for.

use std::collections::BTreeMap;

use braid_native::isis::{CircuitStatus, File, Running};

use crate::{Drift, native::comparison::Comparison};

/// What it should be, and what the engine says that it does.
pub(super) fn drift(wanted: &File, running: &Running) -> Vec<Drift> {
    let mut comparison = Comparison::default();
    comparison.fact("network entity titles", listed(&wanted.nets), listed(&running.nets));
    comparison.fact("level", wanted.level, running.level);
    comparison.fact("overload", wanted.overload, running.overload);
    let style = |style| format!("{style:?}");
    comparison.fact("metric style", style(wanted.metric_style), style(running.metric_style));
    if let Some(mtu) = wanted.lsp.and_then(|lsp| lsp.mtu) {
        comparison.fact("LSP MTU", mtu, running.lsp_mtu);
    }
    let found: BTreeMap<&str, &CircuitStatus> =
        running.circuits.iter().map(|circuit| (circuit.name.as_str(), circuit)).collect();
    comparison.interfaces("IS-IS", &wanted.circuits, &found, |circuit, is, fact| {
        fact("addresses", &listed(&circuit.addresses), &listed(&is.addresses));
        fact("network", &circuit.network, &is.network);
        fact("passive", &circuit.passive, &is.passive);
        if circuit.speaks() {
            fact("metric", &circuit.metric(), &is.level_2.metric);
            fact("hello", &format!("{} ms", circuit.hello_ms), &format!("{} ms", is.hello_ms));
            let hold_ms = u64::from(circuit.hello_ms) * u64::from(circuit.multiplier);
            fact("hold time", &format!("{hold_ms} ms"), &format!("{} ms", is.hold_ms));
            fact("MTU", &circuit.mtu, &is.mtu);
        }
    });
    comparison.announcements(wanted.circuits.values().map(|circuit| &circuit.prefixes), &running.announced)
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use braid_native::isis::LevelStatus;

    use super::{super::config::render, *};
    use crate::{native::comparison::tests::are_of_cost_and_announcement, testing};

    #[test]
    fn a_changed_metric_and_a_lost_announcement_are_found() {
        let intent = testing::intent();
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
        are_of_cost_and_announcement(&drift(&wanted, &running), "metric");
    }
}
