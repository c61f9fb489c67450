//! The engine's configuration, written from the intent.

use braid_native::isis::{Circuit, File, Flooding, Level, LspSettings, Network, Padding};

use crate::{
    RouterIntent,
    intent::{ATTACHED_METRIC, ISIS_HELLO_MULTIPLIER, ISIS_LSP_MTU},
    native::SPF,
};

/// As many equal ways as the other engines take.
const MAX_PATHS: u8 = 64;
/// A length of IEEE 802.3 goes no further, whatever the link takes.
const LONGEST_FRAME: u16 = 1500;

/// The configuration.
pub(super) fn render(intent: &RouterIntent) -> File {
    let hello_ms = u32::try_from(intent.hello_s() * 1000).unwrap_or(u32::MAX);
    let net = intent.net().parse().expect("an area, three times four digits, and 00");
    let mut file = File::new(net);
    file.level = Level::Two;
    file.host_name = Some(intent.node.to_string());
    file.spf = Some(SPF);
    file.lsp = Some(LspSettings {
        mtu: Some(ISIS_LSP_MTU),
        initial_ms: Some(0),
        hold_ms: Some(50),
        max_ms: Some(1000),
        ..LspSettings::default()
    });
    file.flooding = Some(Flooding { retransmit_ms: Some(2000), ..Flooding::default() });
    file.max_paths = Some(MAX_PATHS);
    for link in &intent.links {
        let circuit = Circuit {
            metric: Some(link.metric.into()),
            hello_ms,
            multiplier: ISIS_HELLO_MULTIPLIER.into(),
            mtu: link.mtu.min(LONGEST_FRAME),
            // The agent knows the MTU of virtual links, and probes find what does not pass.
            padding: Padding::Never,
            ..Circuit::new(link.address)
        };
        file.circuits.insert(link.interface.to_string(), circuit);
    }
    // The agent has the route to the customer in the kernel; the engine only tells others.
    let loopback = Circuit {
        network: Network::Loopback,
        prefixes: intent.attached.iter().map(|prefix| (*prefix, ATTACHED_METRIC.into())).collect(),
        ..Circuit::new(intent.loopback.into())
    };
    file.circuits.insert("lo".to_owned(), loopback);
    file
}
