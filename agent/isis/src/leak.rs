//! What a router of both levels tells one level of the other: up to level 2 (RFC 1195 §3.2), down to level 1 (RFC 5302).

use std::collections::BTreeMap;

use braid_isis_route::{PathKind, Reach};
use ipnet::Ipv4Net;

use crate::{
    config::{Leak, LeakDown},
    origination::Repeated,
};

/// What level 2 hears of level 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Up {
    /// The prefixes, and the summaries that stand for others, in order.
    pub prefixes: Vec<(Ipv4Net, Repeated)>,
    /// The summaries among them: level 2 hears of nothing else that lies within one.
    pub summaries: Vec<Ipv4Net>,
}

impl Up {
    /// Whether a summary already speaks for a prefix.
    pub fn covers(&self, prefix: &Ipv4Net) -> bool {
        self.summaries.iter().any(|summary| summary.contains(prefix))
    }
}

/// What goes up, of the best routes of level 1, by prefix: none that came down (RFC 5302 §3.3), or that is a mere default.
pub fn up(level_1: impl Iterator<Item = (Ipv4Net, Reach)>, leak: &Leak) -> Up {
    let mut up = Up::default();
    if !leak.up {
        return up;
    }
    let mut inside = BTreeMap::<Ipv4Net, u32>::new();
    for (prefix, reach) in level_1.filter(|(_, reach)| goes_up(*reach)) {
        if let Some(summary) = summary_of(leak, &prefix) {
            inside
                .entry(summary)
                .and_modify(|greatest| *greatest = reach.metric.max(*greatest))
                .or_insert(reach.metric);
        } else {
            up.prefixes.push((prefix, repeated(reach, false)));
        }
    }
    for (summary, greatest) in inside {
        let metric = leak.summaries.get(&summary).copied().flatten().unwrap_or(greatest);
        let summarised = Repeated { metric, down: false, external: false, external_metric: false };
        up.prefixes.push((summary, summarised));
        up.summaries.push(summary);
    }
    if !up.summaries.is_empty() {
        up.prefixes.sort_by_key(|(prefix, _)| *prefix);
    }
    up
}

/// What goes up of a prefix in no summary.
pub fn up_alone(reach: Reach, leak: &Leak) -> Option<Repeated> {
    (leak.up && goes_up(reach)).then(|| repeated(reach, false))
}

/// What goes down of the best route of all to a prefix: one by level 2 that the operator wants there, with the down bit.
pub fn down(prefix: &Ipv4Net, best: Reach, leak: &Leak) -> Option<Repeated> {
    let is_wanted = match &leak.down {
        LeakDown::Nothing => false,
        LeakDown::All => true,
        LeakDown::Within(nets) => nets.iter().any(|net| net.contains(prefix)),
    };
    // One's own summary of the area is no news to it.
    let goes_down = is_wanted && is_of_level_2(best) && !leak.summaries.contains_key(prefix);
    goes_down.then(|| repeated(best, true))
}

/// Whether it is among the routes that may go down.
pub fn is_of_level_2(best: Reach) -> bool {
    matches!(best.kind, PathKind::L2 | PathKind::L2External)
}

fn goes_up(reach: Reach) -> bool {
    !reach.kind.is_down() && reach.kind != PathKind::Attached
}

/// The outermost summary that a prefix lies in.
pub fn summary_of(leak: &Leak, prefix: &Ipv4Net) -> Option<Ipv4Net> {
    leak.summaries
        .keys()
        .filter(|summary| summary.contains(prefix))
        .min_by_key(|summary| summary.prefix_len())
        .copied()
}

fn repeated(reach: Reach, down: bool) -> Repeated {
    let is_external = reach.kind.is_external();
    Repeated { metric: reach.metric, down, external: is_external, external_metric: is_external }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a prefix")
    }

    fn route(prefix: &str, kind: PathKind, metric: u32) -> (Ipv4Net, Reach) {
        (net(prefix), Reach { kind, metric })
    }

    fn metrics(prefixes: &[(Ipv4Net, Repeated)]) -> Vec<(String, u32)> {
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
        let routes = [
            route("10.1.0.0/16", PathKind::L1, 20),
            route("10.2.0.0/16", PathKind::L2, 30),
            route("10.3.0.0/16", PathKind::L2External, 40),
            route("172.16.0.0/16", PathKind::L2, 50),
        ];
        let all_down = |leak: &Leak| -> Vec<(Ipv4Net, Repeated)> {
            let said = routes.iter().map(|(prefix, reach)| Some((*prefix, down(prefix, *reach, leak)?)));
            said.flatten().collect()
        };
        let leak = |down| Leak { down, summaries: [(net("10.2.0.0/16"), None)].into(), ..Leak::default() };
        assert!(all_down(&leak(LeakDown::Nothing)).is_empty());
        let all = all_down(&leak(LeakDown::All));
        assert_eq!(metrics(&all), [("10.3.0.0/16".to_owned(), 40), ("172.16.0.0/16".to_owned(), 50)]);
        assert!(all.iter().all(|(_, repeated)| repeated.down));
        assert!(all[0].1.external_metric && !all[1].1.external_metric);
        let within = all_down(&leak(LeakDown::Within(BTreeSet::from([net("172.16.0.0/12")]))));
        assert_eq!(metrics(&within), [("172.16.0.0/16".to_owned(), 50)]);
    }
}
