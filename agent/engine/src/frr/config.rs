//! FRR configuration: written from the intent, and compared with what runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::Protocol;
use crate::{
    Drift, RouterIntent,
    intent::{ATTACHED_METRIC, ISIS_HELLO_MULTIPLIER, ISIS_LSP_MTU, OSPF_DEAD_HELLOS},
};

/// Next hops of equal cost that are used side by side.
const MULTIPATH: u16 = 64;
/// Names the prefixes that are announced.
const FILTER: &str = "BRAID-ATTACHED";

fn head(intent: &RouterIntent, dir: &str, program: &str) -> String {
    format!("hostname {}\nlog file {dir}/{program}.log warnings\n", intent.node)
}

/// `zebra.conf`. Addresses and forwarding are the agent's. Nexthop objects of a zebra that was killed would stay in the kernel
/// for ever, and its successor would turn every route to new ones.
pub(super) fn zebra(intent: &RouterIntent, dir: &str) -> String {
    head(intent, dir, "zebra") + "no zebra nexthop kernel enable\n"
}

/// The hello interval in a daemon's configuration file, in seconds.
pub(super) fn hello_s(config: &str) -> u64 {
    let hellos = config.lines().filter_map(|line| line.trim().split_once("hello-interval "));
    hellos.filter_map(|(_, seconds)| seconds.parse().ok()).max().unwrap_or(1)
}

/// Announce attached prefixes and nothing else that somebody may put into the kernel. Stands before the protocol: isisd
/// takes a route map that is not there yet for one that denies everything, and does not ask again.
fn filter(text: &mut String, intent: &RouterIntent) {
    if intent.attached.is_empty() {
        return;
    }
    for (n, prefix) in intent.attached.iter().enumerate() {
        let _ = writeln!(text, "ip prefix-list {FILTER} seq {} permit {prefix}", 5 * (n + 1));
    }
    let _ = write!(text, "route-map {FILTER} permit 10\n match ip address prefix-list {FILTER}\nexit\n");
}

/// `ospfd.conf` or `isisd.conf`.
pub(super) fn protocol(protocol: Protocol, intent: &RouterIntent, dir: &str) -> String {
    match protocol {
        Protocol::Ospf => ospf(intent, dir),
        Protocol::Isis => isis(intent, dir),
    }
}

fn ospf(intent: &RouterIntent, dir: &str) -> String {
    let mut text = head(intent, dir, "ospfd");
    let hello = intent.hello_s();
    for link in &intent.links {
        let _ = write!(
            text,
            "interface {}\n ip ospf network point-to-point\n ip ospf cost {}\n ip ospf hello-interval {hello}\n \
             ip ospf dead-interval {}\n ip ospf area 0.0.0.0\nexit\n",
            link.interface,
            link.metric,
            hello * OSPF_DEAD_HELLOS,
        );
    }
    text.push_str("interface lo\n ip ospf area 0.0.0.0\n ip ospf passive\nexit\n");
    if let Some(port) = intent.port.as_ref().filter(|_| !intent.attached.is_empty()) {
        let _ = writeln!(text, "interface {port}\n ip ospf passive\n ip ospf cost {ATTACHED_METRIC}");
        for prefix in &intent.attached {
            // Of the port's addresses only these: its own is the same on every border.
            let _ = writeln!(text, " ip ospf area 0.0.0.0 {}", prefix.addr());
        }
        text.push_str("exit\n");
    }
    // The defaults wait seconds with everything; nine routers then take 21 s to converge instead of 1.6 s.
    let _ = write!(
        text,
        "router ospf\n ospf router-id {}\n timers throttle spf 0 20 200\n timers throttle lsa all 50\n \
         timers lsa min-arrival 0\n maximum-paths {MULTIPATH}\nexit\n",
        intent.loopback,
    );
    text
}

fn isis(intent: &RouterIntent, dir: &str) -> String {
    let mut text = head(intent, dir, "isisd");
    filter(&mut text, intent);
    // The intervals count only when they stand before `net`, which starts the protocol. Without the delays of RFC 8405 a
    // second SPF waits a full second.
    let _ = write!(
        text,
        "router isis braid\n is-type level-2-only\n metric-style wide\n lsp-gen-interval 1\n spf-interval 1\n \
         spf-delay-ietf init-delay 20 short-delay 100 long-delay 500 holddown 2000 time-to-learn 1000\n \
         net {}\n lsp-mtu {ISIS_LSP_MTU}\n",
        intent.net(),
    );
    if !intent.attached.is_empty() {
        let _ =
            writeln!(text, " redistribute ipv4 kernel level-2 metric {ATTACHED_METRIC} route-map {FILTER}");
    }
    text.push_str("exit\n");
    // Behind the protocol: before it is known to be wide, isisd refuses metrics above 63.
    for link in &intent.links {
        let _ = write!(
            text,
            "interface {}\n ip router isis braid\n isis circuit-type level-2-only\n no isis hello padding\n \
             isis hello-interval {}\n isis hello-multiplier {ISIS_HELLO_MULTIPLIER}\n isis metric {}\n \
             isis network point-to-point\nexit\n",
            link.interface,
            intent.hello_s(),
            link.metric,
        );
    }
    text.push_str("interface lo\n ip router isis braid\n isis metric 0\n isis passive\nexit\n");
    text
}

/// Lines by the section they stand in; those outside any section under "".
fn sections(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim_end) {
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('!') {
            continue;
        }
        if line.starts_with(' ') {
            sections.entry(section.clone()).or_default().insert(spelt_alike(bare));
        } else if bare == "exit" {
            section.clear();
        } else if ["interface ", "router ", "route-map "].iter().any(|opening| bare.starts_with(opening)) {
            bare.clone_into(&mut section);
            sections.entry(section.clone()).or_default();
        } else {
            sections.entry(String::new()).or_default().insert(bare.to_owned());
        }
    }
    sections
}

/// FRR shows some lines in other words than it takes them in, and says nothing of defaults.
fn spelt_alike(line: &str) -> String {
    if let Some(rest) = line.strip_prefix("lsp-timers gen-interval ") {
        return format!("lsp-gen-interval {}", rest.split_whitespace().next().unwrap_or_default());
    }
    line.to_owned()
}

/// Lines that no running configuration shows: FRR keeps silent on defaults, and these are.
const SILENT: [&str; 6] = [
    "metric-style wide",
    "spf-interval 1",
    "isis metric 10",
    "isis hello-interval 3",
    "ip ospf hello-interval 10",
    "ip ospf dead-interval 40",
];
/// Top-level lines that are no part of the intent.
const INCIDENTAL: [&str; 4] = ["frr version", "frr defaults", "hostname", "log file"];

/// The first words of a line: what it sets. Enough to pair a wanted line with the one that stands in its place.
fn topic(line: &str) -> String {
    let words: Vec<&str> = line.trim_start_matches("no ").split_whitespace().collect();
    words[..words.len().saturating_sub(1).clamp(1, 3).min(words.len())].join(" ")
}

/// Where the running configuration differs from the wanted one, in both directions.
pub(super) fn drift(wanted: &str, running: &str) -> Vec<Drift> {
    let (wanted, running) = (sections(wanted), sections(running));
    let nothing = BTreeSet::new();
    let mut drifts = Vec::new();
    for section in wanted.keys().chain(running.keys()).collect::<BTreeSet<_>>() {
        let want = wanted.get(section).unwrap_or(&nothing);
        let find = running.get(section).unwrap_or(&nothing);
        let incidental = |line: &&String| {
            SILENT.contains(&line.as_str())
                || (section.is_empty() && INCIDENTAL.iter().any(|start| line.starts_with(start)))
        };
        let mut extra: Vec<&String> = find.difference(want).filter(|line| !incidental(line)).collect();
        let about = if section.is_empty() { "configuration" } else { section };
        for line in want.difference(find).filter(|line| !incidental(line)) {
            let instead =
                extra.iter().position(|other| topic(other) == topic(line)).map(|at| extra.remove(at));
            drifts.push(Drift {
                about: about.to_owned(),
                wanted: line.clone(),
                found: instead.map_or_else(|| "nothing".to_owned(), Clone::clone),
            });
        }
        drifts.extend(extra.into_iter().map(|line| Drift {
            about: about.to_owned(),
            wanted: "nothing".to_owned(),
            found: line.clone(),
        }));
    }
    drifts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn intent() -> RouterIntent {
        let mut intent = testing::intent();
        intent.node = "seattle".parse().unwrap();
        intent.links[0].metric = 114;
        intent
    }

    #[test]
    fn intervals_stand_before_the_net_that_starts_isis() {
        let text = protocol(Protocol::Isis, &intent(), "/d");
        assert!(text.find("spf-interval 1").unwrap() < text.find("net 49.0001.1000.6400.0001.00").unwrap());
        assert!(text.contains(" lsp-mtu 1200\n"));
    }

    #[test]
    fn the_hello_interval_is_read_back_from_either_configuration() {
        let slow = RouterIntent { hello: Duration::from_secs(20), ..intent() };
        for kind in [Protocol::Ospf, Protocol::Isis] {
            assert_eq!(hello_s(&protocol(kind, &slow, "/d")), 20);
        }
        assert_eq!(hello_s(""), 1);
    }

    #[test]
    fn a_transit_router_announces_nothing_from_the_kernel() {
        let transit = RouterIntent { attached: vec![], ..intent() };
        assert!(!protocol(Protocol::Isis, &transit, "/d").contains("redistribute"));
        assert!(!protocol(Protocol::Ospf, &transit, "/d").contains("interface port"));
        assert!(protocol(Protocol::Ospf, &intent(), "/d").contains(" ip ospf area 0.0.0.0 198.18.1.0\n"));
    }

    #[test]
    fn a_changed_a_missing_and_a_foreign_line_are_each_found() {
        let wanted = protocol(Protocol::Ospf, &intent(), "/d");
        assert_eq!(drift(&wanted, &wanted), []);
        let running =
            wanted.replace("ip ospf cost 114", "ip ospf cost 7").replacen(" ip ospf passive\n", "", 1)
                + "router bgp 1\n neighbor 192.0.2.1 remote-as 2\nexit\n";
        let told: Vec<String> = drift(&wanted, &running).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "interface eth1: want `ip ospf cost 114`, found `ip ospf cost 7`",
                "interface lo: want `ip ospf passive`, found `nothing`",
                "router bgp 1: want `nothing`, found `neighbor 192.0.2.1 remote-as 2`",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_answer_of_a_daemon_makes_the_comparison_panic(running in ".{0,400}") {
            drift(&protocol(Protocol::Ospf, &intent(), "/d"), &running);
        }
    }
}
