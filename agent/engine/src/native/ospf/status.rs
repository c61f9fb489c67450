//! Where the running engine differs from the configuration that the intent asks for.

use std::collections::{BTreeMap, BTreeSet};

use braid_native::ospf::{File, InterfaceStatus, Network, Running, StubRouter};

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
    compare("router id", &wanted.router_id.to_string(), &running.router_id.to_string());
    compare(
        "stub router",
        &(wanted.stub_router != StubRouter::Off).to_string(),
        &running.stub_router.to_string(),
    );
    let found: BTreeMap<&str, &InterfaceStatus> =
        running.interfaces.iter().map(|interface| (interface.name.as_str(), interface)).collect();
    for (name, interface) in &wanted.interfaces {
        let Some(is) = found.get(name.as_str()) else {
            compare(&format!("interface {name}"), "OSPF on it", "nothing");
            continue;
        };
        let mut fact = |fact: &str, wanted: String, found: String| {
            compare(&format!("interface {name}: {fact}"), &wanted, &found);
        };
        fact("area", interface.area.to_string(), is.area.to_string());
        fact("address", interface.address.to_string(), is.address.to_string());
        fact("network", interface.network.to_string(), is.network.clone());
        fact("cost", interface.cost().to_string(), is.cost.to_string());
        fact("passive", interface.passive.to_string(), is.passive.to_string());
        if interface.network != Network::Loopback {
            fact("hello", interface.hello_s.to_string(), is.hello_s.to_string());
            fact("dead", interface.dead_s().to_string(), is.dead_s.to_string());
        }
    }
    for name in found.keys().filter(|name| !wanted.interfaces.contains_key(**name)) {
        compare(&format!("interface {name}"), "nothing", "OSPF on it");
    }
    let attached: BTreeSet<_> =
        wanted.interfaces.values().flat_map(|i| i.prefixes.iter().map(|(p, m)| (*p, *m))).collect();
    let told: BTreeSet<_> = running.announced.iter().map(|(prefix, metric)| (*prefix, *metric)).collect();
    drifts.extend(Drift::of_announcements(&attached, &told));
    drifts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::config::render, *};
    use crate::{LinkIntent, RouterIntent};

    #[test]
    fn a_changed_cost_and_a_lost_announcement_are_found() {
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
        let status = |name: &str| {
            let interface = &wanted.interfaces[name];
            InterfaceStatus {
                name: name.to_owned(),
                area: interface.area,
                address: interface.address,
                network: interface.network.to_string(),
                state: "up".to_owned(),
                cost: interface.cost(),
                hello_s: u64::from(interface.hello_s),
                dead_s: u64::from(interface.dead_s()),
                passive: false,
                neighbours: 0,
                adjacencies: 0,
                designated_router: [0; 4].into(),
                backup: [0; 4].into(),
            }
        };
        let mut running = Running {
            router_id: intent.loopback,
            interfaces: vec![status("eth1"), status("lo")],
            announced: BTreeMap::from([("198.18.1.0/24".parse().unwrap(), 20)]),
            stub_router: false,
        };
        assert_eq!(drift(&wanted, &running), []);
        running.interfaces[0].cost = 7;
        running.announced.clear();
        let told: Vec<String> = drift(&wanted, &running).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "interface eth1: cost: want `20`, found `7`",
                "attached prefix 198.18.1.0/24: want `announced at 20`, found `not so`",
            ]
        );
    }
}
