//! What a router of both levels tells one level of the other: up to level 2 (RFC 1195 §3.2), down to level 1 (RFC 5302).

use std::collections::BTreeMap;

use braid_isis_route::{PathKind, Route};
use ipnet::Ipv4Net;

use crate::{
    config::{Leak, LeakDown},
    origination::Repeated,
};

/// What level 2 hears of level 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Up {
    /// The prefixes, and the summaries that stand for others.
    pub prefixes: BTreeMap<Ipv4Net, Repeated>,
    /// The summaries among them: level 2 hears of nothing else that lies within one.
    pub summaries: Vec<Ipv4Net>,
}

impl Up {
    /// Whether a summary already speaks for a prefix.
    pub fn covers(&self, prefix: &Ipv4Net) -> bool {
        self.summaries.iter().any(|summary| summary.contains(prefix))
    }
}

/// What goes up, of the best routes of level 1: none that came down (RFC 5302 §3.3), or that is a mere default.
pub fn up(level_1: impl Iterator<Item = (Ipv4Net, Route)>, leak: &Leak) -> Up {
    let mut up = Up::default();
    if !leak.up {
        return up;
    }
    let mut inside = BTreeMap::<Ipv4Net, u32>::new();
    for (prefix, route) in level_1 {
        if route.kind.is_down() || route.kind == PathKind::Attached {
            continue;
        }
        if let Some(summary) = summary_of(leak, &prefix) {
            inside
                .entry(summary)
                .and_modify(|greatest| *greatest = route.metric.max(*greatest))
                .or_insert(route.metric);
        } else {
            up.prefixes.insert(prefix, repeated(&route, false));
        }
    }
    for (summary, greatest) in inside {
        let metric = leak.summaries.get(&summary).copied().flatten().unwrap_or(greatest);
        let summarised = Repeated { metric, down: false, external: false, external_metric: false };
        up.prefixes.insert(summary, summarised);
        up.summaries.push(summary);
    }
    up
}

/// What goes down, of the best routes of all: those by level 2 that the operator wants there, with the down bit.
pub fn down(best: impl Iterator<Item = (Ipv4Net, Route)>, leak: &Leak) -> BTreeMap<Ipv4Net, Repeated> {
    let is_wanted = |prefix: &Ipv4Net| match &leak.down {
        LeakDown::Nothing => false,
        LeakDown::All => true,
        LeakDown::Within(nets) => nets.iter().any(|net| net.contains(prefix)),
    };
    best.filter(|(prefix, route)| {
        matches!(route.kind, PathKind::L2 | PathKind::L2External)
            && is_wanted(prefix)
            // One's own summary of the area is no news to it.
            && !leak.summaries.contains_key(prefix)
    })
    .map(|(prefix, route)| (prefix, repeated(&route, true)))
    .collect()
}

/// The outermost summary that a prefix lies in.
fn summary_of(leak: &Leak, prefix: &Ipv4Net) -> Option<Ipv4Net> {
    leak.summaries
        .keys()
        .filter(|summary| summary.contains(prefix))
        .min_by_key(|summary| summary.prefix_len())
        .copied()
}

fn repeated(route: &Route, down: bool) -> Repeated {
    let is_external = route.kind.is_external();
    Repeated { metric: route.metric, down, external: is_external, external_metric: is_external }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use braid_isis_packet::SystemId;
    use braid_isis_route::NextHop;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a prefix")
    }

    fn route(prefix: &str, kind: PathKind, metric: u32) -> (Ipv4Net, Route) {
        let next_hops = vec![NextHop { circuit: 1, gateway: None }].into();
        let origin = SystemId([0, 0, 0, 0, 0, 9]).node().fragment(0);
        (net(prefix), Route { level: kind.level(), kind, metric, next_hops, origin })
    }

    fn metrics(prefixes: &BTreeMap<Ipv4Net, Repeated>) -> Vec<(String, u32)> {
        prefixes.iter().map(|(prefix, repeated)| (prefix.to_string(), repeated.metric)).collect()
    }

    #[test]
    fn what_came_down_never_goes_up_again() {
        let routes = [
            route("10.0.1.0/24", PathKind::L1, 20),
            route("10.0.2.0/24", PathKind::L1Down, 5),
            route("10.0.3.0/24", PathKind::L1DownExternal, 5),
            route("0.0.0.0/0", PathKind::Attached, 10),
        ];
        let up = up(routes.into_iter(), &Leak::default());
        assert_eq!(metrics(&up.prefixes), [("10.0.1.0/24".to_owned(), 20)]);
    }

    #[test]
    fn a_summary_stands_for_all_within_it_at_the_metric_of_the_farthest() {
        let leak = Leak {
            summaries: [
                (net("10.1.0.0/16"), None),
                (net("10.2.0.0/16"), Some(7)),
                (net("10.3.0.0/16"), Some(7)),
            ]
            .into(),
            ..Leak::default()
        };
        let routes = [
            route("10.1.1.0/24", PathKind::L1, 20),
            route("10.1.0.0/16", PathKind::L1, 30),
            route("10.2.1.0/24", PathKind::L1, 20),
            route("10.4.0.0/16", PathKind::L1, 20),
        ];
        let up = up(routes.into_iter(), &leak);
        let expected = [("10.1.0.0/16", 30), ("10.2.0.0/16", 7), ("10.4.0.0/16", 20)];
        assert_eq!(metrics(&up.prefixes), expected.map(|(prefix, metric)| (prefix.to_owned(), metric)));
        assert!(up.covers(&net("10.1.200.0/30")));
        assert!(!up.covers(&net("10.3.0.0/24")), "nothing is reached in it, so it is not said");
    }

    #[test]
    fn a_summary_within_a_summary_is_not_said() {
        let leak = Leak {
            summaries: [(net("10.0.0.0/8"), None), (net("10.1.0.0/16"), None)].into(),
            ..Leak::default()
        };
        let up = up([route("10.1.1.0/24", PathKind::L1, 20)].into_iter(), &leak);
        assert_eq!(metrics(&up.prefixes), [("10.0.0.0/8".to_owned(), 20)]);
    }

    #[test]
    fn nothing_goes_up_if_the_operator_says_so() {
        let leak = Leak { up: false, ..Leak::default() };
        assert_eq!(up([route("10.1.1.0/24", PathKind::L1, 20)].into_iter(), &leak), Up::default());
    }

    #[test]
    fn down_goes_what_is_best_by_level_2_and_wanted() {
        let routes = || {
            [
                route("10.1.0.0/16", PathKind::L1, 20),
                route("10.2.0.0/16", PathKind::L2, 30),
                route("10.3.0.0/16", PathKind::L2External, 40),
                route("172.16.0.0/16", PathKind::L2, 50),
            ]
            .into_iter()
        };
        let leak = |down| Leak { down, summaries: [(net("10.2.0.0/16"), None)].into(), ..Leak::default() };
        assert!(down(routes(), &leak(LeakDown::Nothing)).is_empty());
        let all = down(routes(), &leak(LeakDown::All));
        assert_eq!(metrics(&all), [("10.3.0.0/16".to_owned(), 40), ("172.16.0.0/16".to_owned(), 50)]);
        assert!(all.values().all(|repeated| repeated.down));
        assert!(all[&net("10.3.0.0/16")].external_metric);
        let within = down(routes(), &leak(LeakDown::Within(BTreeSet::from([net("172.16.0.0/12")]))));
        assert_eq!(metrics(&within), [("172.16.0.0/16".to_owned(), 50)]);
    }
}
