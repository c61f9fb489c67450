//! BIRD configuration, written from the intent.

use std::fmt::Write as _;

use crate::{
    RouterIntent,
    intent::{ATTACHED_METRIC, OSPF_DEAD_HELLOS},
};

/// How long, in hellos, BIRD waits after its start for adjacencies before it announces itself (RFC 3623 §2.2). Neighbours keep
/// forwarding through a router that crashed meanwhile; and since its first router LSA then has all links in it, it need not
/// wait out MinLSInterval (5 s) for a second one: a cold start takes 4 s instead of 6 s.
const GRACE_HELLOS: u64 = 3;
/// A log is turned over, once, at this size in bytes.
const LOG_BYTES: u32 = 1 << 20;

/// Whether a fresh BIRD may touch the kernel's routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// At once.
    Synced,
    /// Not yet: an earlier life left routes there, which BIRD would sweep before it has learnt anything.
    HandsOff,
}

/// The configuration.
pub(super) fn render(intent: &RouterIntent, dir: &str, kernel: Kernel) -> String {
    let mut text = format!(
        "log \"{dir}/bird.log\" {LOG_BYTES} \"{dir}/bird.log.old\" {{ warning, error, fatal, bug, auth, remote }};\n\
         hostname \"{}\";\nrouter id {};\nprotocol device {{ }}\n",
        intent.node, intent.loopback,
    );
    // What the kernel has as directly connected need not come back to it from OSPF.
    let own: String = intent.links.iter().map(|link| format!("\"{}\", ", link.interface)).collect();
    let _ = writeln!(text, "protocol direct {{ ipv4; interface {own}\"lo\"; }}");
    let _ = write!(
        text,
        "protocol kernel kernel1 {{\n{}  merge paths yes limit 64;\n  ipv4 {{\n    import none;\n    export where \
         source ~ [ RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2 ];\n  }};\n}}\n",
        if kernel == Kernel::HandsOff { "  disabled;\n" } else { "" },
    );
    let hello = intent.hello_s();
    let _ = write!(
        text,
        "protocol ospf v2 ospf1 {{\n  tick 1;\n  ecmp yes limit 64;\n  graceful restart yes;\n  graceful restart time \
         {};\n  ipv4 {{ import all; export none; }};\n",
        hello * GRACE_HELLOS,
    );
    text.push_str("  area 0.0.0.0 {\n");
    // The agent has the route to the customer in the kernel; BIRD only tells others.
    for prefix in &intent.attached {
        let _ = writeln!(text, "    stubnet {prefix} {{ cost {ATTACHED_METRIC}; }};");
    }
    for link in &intent.links {
        let _ = writeln!(
            text,
            "    interface \"{}\" {{ type ptp; cost {}; hello {hello}; dead {}; retransmit 2; }};",
            link.interface,
            link.metric,
            hello * OSPF_DEAD_HELLOS,
        );
    }
    text.push_str("    interface \"lo\" { stub yes; cost 1; };\n  };\n}\n");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_attached_prefixes_are_announced() {
        let intent = RouterIntent {
            node: "denver".parse().unwrap(),
            loopback: [100, 64, 0, 4].into(),
            links: vec![],
            port: Some("port".parse().unwrap()),
            attached: vec!["198.18.1.0/24".parse().unwrap()],
            hello: Duration::from_secs(1),
        };
        let text = render(&intent, "/d", Kernel::Synced);
        assert!(text.contains("stubnet 198.18.1.0/24 { cost 20; };"), "{text}");
        assert!(text.contains("import none;") && text.contains("export none;"), "{text}");
        assert!(!text.contains("disabled"));
        assert!(render(&intent, "/d", Kernel::HandsOff).contains("  disabled;\n"));
    }
}
