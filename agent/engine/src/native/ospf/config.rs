//! The engine's configuration, written from the intent.

use std::collections::BTreeMap;

use braid_native::ospf::{File, Interface, Network, Pacing};

use crate::{
    RouterIntent,
    intent::{ATTACHED_METRIC, OSPF_DEAD_HELLOS},
    native::SPF,
};

/// As many equal ways as the other engines take.
const MAX_PATHS: usize = 64;

/// The configuration.
pub(super) fn render(intent: &RouterIntent) -> File {
    let hello_s = u16::try_from(intent.hello_s()).unwrap_or(u16::MAX);
    let mut file = File::new(intent.loopback);
    file.spf = Some(SPF);
    file.lsa =
        Some(Pacing { initial_ms: Some(0), hold_ms: Some(50), max_ms: Some(1000), min_arrival_ms: Some(0) });
    file.max_paths = Some(MAX_PATHS);
    for link in &intent.links {
        let interface = Interface {
            cost: Some(link.metric),
            hello_s,
            dead_s: Some(u32::from(hello_s) * u32::try_from(OSPF_DEAD_HELLOS).unwrap_or(4)),
            retransmit_s: 2,
            mtu: link.mtu,
            ..Interface::new(link.address)
        };
        file.interfaces.insert(link.interface.to_string(), interface);
    }
    // The agent has the route to the customer in the kernel; the engine only tells others.
    let attached: BTreeMap<_, _> = intent.attached.iter().map(|prefix| (*prefix, ATTACHED_METRIC)).collect();
    let loopback = Interface {
        network: Network::Loopback,
        prefixes: attached,
        ..Interface::new(intent.loopback.into())
    };
    file.interfaces.insert("lo".to_owned(), loopback);
    file
}
