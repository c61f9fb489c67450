//! BIRD configuration, written from the intent.

use std::fmt::Write as _;

use crate::{
    RouterIntent,
    intent::{ATTACHED_METRIC, OSPF_DEAD_HELLOS},
};

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
        "log \"{dir}/bird.log\" {{ warning, error, fatal, bug, auth, remote }};\nhostname \"{}\";\nrouter id {};\n\
         protocol device {{ }}\n",
        intent.node, intent.loopback,
    );
    let _ = write!(
        text,
        "protocol kernel kernel1 {{\n{}  merge paths yes limit 64;\n  ipv4 {{\n    import none;\n    export where \
         source ~ [ RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2 ];\n  }};\n}}\n",
        if kernel == Kernel::HandsOff { "  disabled;\n" } else { "" },
    );
    text.push_str(
        "protocol ospf v2 ospf1 {\n  tick 1;\n  ecmp yes limit 64;\n  ipv4 { import all; export none; };\n",
    );
    text.push_str("  area 0.0.0.0 {\n");
    // The agent has the route to the customer in the kernel; BIRD only tells others.
    for prefix in &intent.attached {
        let _ = writeln!(text, "    stubnet {prefix} {{ cost {ATTACHED_METRIC}; }};");
    }
    let hello = intent.hello_s();
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
