//! Where the running engine differs from the configuration that the intent asks for.

use std::collections::BTreeMap;

use braid_native::ospf::{File, InterfaceStatus, Network, Running, StubRouter};

use crate::{Drift, native::comparison::Comparison};

/// What it should be, and what the engine says that it does.
pub(super) fn drift(wanted: &File, running: &Running) -> Vec<Drift> {
    let mut comparison = Comparison::default();
    comparison.fact("router id", wanted.router_id, running.router_id);
    comparison.fact("stub router", wanted.stub_router != StubRouter::Off, running.stub_router);
    let found: BTreeMap<&str, &InterfaceStatus> =
        running.interfaces.iter().map(|interface| (interface.name.as_str(), interface)).collect();
    comparison.interfaces("OSPF", &wanted.interfaces, &found, |interface, is, fact| {
        fact("area", &interface.area, &is.area);
        fact("address", &interface.address, &is.address);
        fact("network", &interface.network, &is.network);
        fact("cost", &interface.cost(), &is.cost);
        fact("passive", &interface.passive, &is.passive);
        if interface.network != Network::Loopback {
            fact("hello", &interface.hello_s, &is.hello_s);
            fact("dead", &interface.dead_s(), &is.dead_s);
        }
    });
    comparison.announcements(wanted.interfaces.values().map(|i| &i.prefixes), &running.announced)
}

#[cfg(test)]
mod tests {
    use super::{super::config::render, *};
    use crate::{native::comparison::tests::are_of_cost_and_announcement, testing};

    #[test]
    fn a_changed_cost_and_a_lost_announcement_are_found() {
        let intent = testing::intent();
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
        are_of_cost_and_announcement(&drift(&wanted, &running), "cost");
    }
}
