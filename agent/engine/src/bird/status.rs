//! What BIRD says of its neighbours and of how it runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Drift, Neighbour, RouterIntent,
    intent::{ATTACHED_METRIC, OSPF_DEAD_HELLOS},
};

/// `show ospf neighbors`: router id, priority, state, dead time, interface, address.
pub(super) fn neighbours(answer: &str) -> Vec<Neighbour> {
    let rows = answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let neighbours = rows.filter_map(|columns| match columns[..] {
        [id, _, state, _, interface, _] if id.parse::<std::net::Ipv4Addr>().is_ok() => Some(Neighbour {
            id: id.to_owned(),
            interface: interface.to_owned(),
            state: state.to_owned(),
            adjacent: state.starts_with("Full"),
        }),
        _ => None,
    });
    neighbours.collect()
}

/// Whether `show protocols NAME` shows that protocol as down.
pub(super) fn is_down(answer: &str, name: &str) -> bool {
    let mut rows = answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.any(|columns| columns.first() == Some(&name) && columns.get(3) == Some(&"down"))
}

/// `show ospf interface`: for each interface its facts, such as `Cost` and `20`.
fn interfaces(answer: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut interfaces: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    for line in answer.lines() {
        if let Some(rest) = line.trim().strip_prefix("Interface ") {
            let name = rest.split_whitespace().next().unwrap_or_default().to_owned();
            interfaces.entry(name.clone()).or_default();
            current = Some(name);
        } else if let Some((fact, value)) = line.split_once(':')
            && let Some(facts) = current.as_ref().and_then(|name| interfaces.get_mut(name))
        {
            facts.insert(fact.trim().to_owned(), value.trim().to_owned());
        }
    }
    interfaces
}

/// The longest hello interval in `show ospf interface`, of interfaces that say any.
pub(super) fn longest_hello(answer: &str) -> Duration {
    let links =
        interfaces(answer).into_values().filter(|facts| facts.get("Type").is_some_and(|t| t == "ptp"));
    let hellos = links.filter_map(|facts| facts.get("Hello timer")?.parse::<u16>().ok());
    Duration::from_secs(hellos.max().unwrap_or(1).into())
}

/// What the facts of the intent's interfaces should be.
fn wanted(intent: &RouterIntent) -> BTreeMap<String, BTreeMap<&'static str, String>> {
    let hello = intent.hello_s();
    let link = |metric: u16| {
        BTreeMap::from([
            ("Type", "ptp".to_owned()),
            ("Area", "0.0.0.0 (0)".to_owned()),
            ("Cost", metric.to_string()),
            ("Hello timer", hello.to_string()),
            ("Dead timer", (hello * OSPF_DEAD_HELLOS).to_string()),
        ])
    };
    let links = intent.links.iter().map(|l| (l.interface.to_string(), link(l.metric)));
    let loopback = BTreeMap::from([("Area", "0.0.0.0 (0)".to_owned())]);
    links.chain([("lo".to_owned(), loopback)]).collect()
}

/// `show ospf state`: the stub networks that the router of that id announces, with their metrics.
fn stub_networks(answer: &str, router: &str) -> BTreeSet<(String, String)> {
    let mut ours = false;
    let mut found = BTreeSet::new();
    for columns in answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        match columns[..] {
            // A line of a link has a metric behind it.
            ["router", id] => ours = id == router,
            ["network", ..] => ours = false,
            ["stubnet", prefix, "metric", metric] if ours => {
                found.insert((prefix.to_owned(), metric.to_owned()));
            }
            _ => {}
        }
    }
    found
}

/// Where the running BIRD differs from the intent. BIRD cannot show its configuration, so it is asked for the effects.
pub(super) fn drift(intent: &RouterIntent, status: &str, ospf_interfaces: &str, state: &str) -> Vec<Drift> {
    let mut drifts = Vec::new();
    let mut compare = |about: &str, wanted: &str, found: &str| {
        if wanted != found {
            drifts.push(Drift {
                about: about.to_owned(),
                wanted: wanted.to_owned(),
                found: found.to_owned(),
            });
        }
    };
    let id = status.lines().find_map(|line| line.trim().strip_prefix("Router ID is "));
    compare("router id", &intent.loopback.to_string(), id.unwrap_or("nothing").trim());
    let found = interfaces(ospf_interfaces);
    let wanted = wanted(intent);
    for (name, facts) in &wanted {
        match found.get(name) {
            None => compare(&format!("interface {name}"), "OSPF on it", "nothing"),
            Some(found) => {
                for (fact, value) in facts {
                    let is = found.get(*fact).map_or("nothing", String::as_str);
                    compare(&format!("interface {name}: {}", fact.to_lowercase()), value, is);
                }
            }
        }
    }
    for name in found.keys().filter(|name| !wanted.contains_key(*name)) {
        compare(&format!("interface {name}"), "nothing", "OSPF on it");
    }
    // Those of links and loopback follow from the interfaces, which have been looked at.
    let infrastructure = |prefix: &str| {
        let prefix = prefix.parse::<ipnet::Ipv4Net>().ok();
        // A link that is down is announced as the address alone.
        let link = |p: &ipnet::Ipv4Net| intent.links.iter().any(|link| link.address.contains(p));
        prefix.is_some_and(|p| p == intent.loopback.into() || link(&p))
    };
    let told = stub_networks(state, &intent.loopback.to_string());
    let told: BTreeSet<_> = told.into_iter().filter(|(prefix, _)| !infrastructure(prefix)).collect();
    let metric = ATTACHED_METRIC.to_string();
    let attached: BTreeSet<_> = intent.attached.iter().map(|p| (p.to_string(), metric.clone())).collect();
    drifts.extend(Drift::of_announcements(&attached, &told));
    drifts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::intent;

    const STATUS: &str = "BIRD 2.0.12\nRouter ID is 100.64.0.1\n";
    const INTERFACES: &str = "ospf1:\nInterface lo (100.64.0.1/32)\n\tType: nbma\n\tArea: 0.0.0.0 (0)\n\tCost: 1\n\
        Interface eth1 (100.65.0.2/31)\n\tType: ptp\n\tArea: 0.0.0.0 (0)\n\tCost: 20\n\tHello timer: 1\n\
        \tDead timer: 4\n";

    #[test]
    fn a_changed_cost_and_a_lost_announcement_are_found() {
        let state = "area 0.0.0.0\n\n\trouter 100.64.0.1\n\t\tdistance 0\n\t\trouter 100.64.0.2 metric 20\n\t\tstubnet 100.64.0.1/32 metric 0\n\
                     \t\tstubnet 198.18.1.0/24 metric 20\n\n\trouter 100.64.0.2\n\t\tstubnet 198.18.9.0/24 metric 20\n";
        assert_eq!(drift(&intent(), STATUS, INTERFACES, state), []);
        let told: Vec<String> = drift(&intent(), STATUS, &INTERFACES.replace("Cost: 20", "Cost: 7"), "")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "interface eth1: cost: want `20`, found `7`",
                "attached prefix 198.18.1.0/24: want `announced at 20`, found `not so`",
            ]
        );
    }

    #[test]
    fn neighbours_are_read_from_the_table_and_nothing_else_is() {
        let answer = "ospf1:\nRouter ID   \tPri\t     State     \tDTime\tInterface  Router IP\n\
                      100.64.0.2  \t  1\tFull/PtP  \t 3.003\teth1       100.65.0.3\n\
                      100.64.0.3  \t  1\tExStart/PtP\t 3.9\teth2       100.65.0.5\n";
        let read = neighbours(answer);
        assert_eq!(read.iter().map(|n| n.adjacent).collect::<Vec<_>>(), [true, false]);
        assert_eq!(longest_hello(INTERFACES), Duration::from_secs(1));
        assert!(is_down("Name Proto Table State Since\nkernel1 Kernel master4 down 12:00\n", "kernel1"));
    }

    proptest! {
        #[test]
        fn nothing_that_bird_says_makes_us_panic(text in "\\PC{0,300}", lines in "(Interface ?|[a-z:\n\t ]){0,40}") {
            neighbours(&text);
            drift(&intent(), &text, &lines, &text);
        }
    }
}
