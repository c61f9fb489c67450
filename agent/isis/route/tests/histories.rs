//! Goal: whatever happens in whatever order, the routes are those of a plain computation over the database, the
//! incremental computation does as one from nothing, and what it reports is exactly what changed.

mod common;
#[path = "common/textbook.rs"]
mod textbook;

use std::collections::BTreeMap;

use braid_isis_packet::{
    CircuitType, LanId, Level, Lsp, LspFlags, LspId, MAX_LINK_METRIC, NarrowNeighbour, NarrowPrefix, Tlv,
    WideNeighbour, WidePrefix,
};
use braid_isis_route::{Adjacency, MetricStyle, Route, Routing, Settings};
use common::{build, net, router, system};
use ipnet::Ipv4Net;
use proptest::{prelude::*, sample::select};
use textbook::{Announcement, Content, Database, Form, Textbook};

const ROUTERS: u32 = 7;
const ME: u32 = 1;

/// Routers 1 to 7, of which 1 is under test, and pseudonodes, one of them its own.
fn nodes() -> Vec<LanId> {
    let lans = [system(2).pseudonode(1), system(5).pseudonode(9), system(ME).pseudonode(3)];
    (1..=ROUTERS).map(router).chain(lans).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Say { level: Level, id: LspId, content: Content },
    Remove { level: Level, id: LspId, purge: bool },
    Adjacencies(Vec<Adjacency>),
    AttachedDefault(bool),
    Levels(CircuitType),
    Restart,
    Compute,
}

fn any_metric() -> impl Strategy<Value = u32> {
    select(vec![0, 0, 1, 1, 2, 3, 5, 10, 63, 1000, MAX_LINK_METRIC - 1, MAX_LINK_METRIC])
}

fn any_net() -> impl Strategy<Value = Ipv4Net> {
    select(["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.0.2.0/24"].to_vec())
        .prop_map(net)
}

prop_compose! {
    fn any_announcement()(
        net in any_net(),
        metric in prop_oneof![any_metric(), select(vec![0xfe00_0000, 0xfe00_0001, u32::MAX])],
        down in any::<bool>(),
        form in select(vec![Form::Wide, Form::Internal, Form::External, Form::ExternalMetric]),
    ) -> Announcement {
        let metric = if form == Form::Wide { metric } else { metric.min(63) };
        Announcement { net, metric, down, form }
    }
}

prop_compose! {
    fn any_content()(
        overload in prop::bool::weighted(0.15),
        attached in any::<bool>(),
        listed in prop::collection::vec((select(nodes()), any_metric(), any::<bool>()), 0..12),
        announced in prop::collection::vec(any_announcement(), 0..4),
    ) -> Content {
        let listed = listed.into_iter().map(|(node, metric, wide)| (node, if wide { metric } else { metric.min(63) }, wide));
        Content { overload, attached, listed: listed.collect(), announced }
    }
}

fn any_id() -> impl Strategy<Value = LspId> {
    (select(nodes()), select(vec![0, 0, 0, 1, 255])).prop_map(|(node, fragment)| node.fragment(fragment))
}

fn any_level() -> impl Strategy<Value = Level> {
    select(vec![Level::One, Level::One, Level::Two])
}

prop_compose! {
    fn any_adjacency()(
        level in any_level(),
        other in 1..=ROUTERS,
        lan in prop::option::weighted(0.4, select(nodes())),
        circuit in 1..4_u32,
        metric in any_metric(),
    ) -> Adjacency {
        let gateway = Some([10, 0, circuit as u8, other as u8].into());
        Adjacency { level, neighbour: lan.unwrap_or(router(other)), router: system(other), circuit, gateway, metric }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let say = (any_level(), any_id(), any_content()).prop_map(|(level, id, content)| Step::Say {
        level,
        id,
        content,
    });
    let remove = (any_level(), any_id(), any::<bool>()).prop_map(|(level, id, purge)| Step::Remove {
        level,
        id,
        purge,
    });
    prop_oneof![
        8 => say,
        3 => remove,
        3 => prop::collection::vec(any_adjacency(), 0..8).prop_map(Step::Adjacencies),
        1 => any::<bool>().prop_map(Step::AttachedDefault),
        1 => select(vec![CircuitType::L1, CircuitType::L2, CircuitType::L1L2, CircuitType::L1L2]).prop_map(Step::Levels),
        1 => Just(Step::Restart),
        6 => Just(Step::Compute),
    ]
}

/// Every node says something first, so that histories start with paths.
fn any_history() -> impl Strategy<Value = Vec<Step>> {
    let openings = nodes().into_iter().map(|node| {
        any_content().prop_map(move |content| Step::Say { level: Level::One, id: node.fragment(0), content })
    });
    let adjacencies = prop::collection::vec(any_adjacency(), 2..8).prop_map(Step::Adjacencies);
    (openings.collect::<Vec<_>>(), adjacencies, any::<bool>(), prop::collection::vec(any_step(), 0..40))
        .prop_map(|(mut steps, adjacencies, attached_default, rest)| {
            steps.push(adjacencies);
            steps.push(Step::AttachedDefault(attached_default));
            steps.push(Step::Compute);
            steps.extend(rest);
            steps.push(Step::Compute);
            steps
        })
}

fn lsp(level: Level, id: LspId, content: &Content) -> Lsp {
    let flags =
        LspFlags { overload: content.overload, attached: content.attached, ..LspFlags::new(Level::Two) };
    let (wide, narrow): (Vec<_>, Vec<_>) = content.listed.iter().copied().partition(|(_, _, wide)| *wide);
    let of = |form| content.announced.iter().filter(move |announced| announced.form == form);
    let narrow_prefix = |announced: &Announcement| NarrowPrefix {
        net: announced.net,
        metric: announced.metric as u8,
        down: announced.down,
        // In TLV 128 the bit means nothing.
        external_metric: announced.form != Form::External,
    };
    let tlvs = [
        Tlv::IsNeighbours(wide.iter().map(|(node, metric, _)| WideNeighbour::new(*node, *metric)).collect()),
        Tlv::IsNeighboursNarrow(
            narrow
                .iter()
                .map(|(node, metric, _)| NarrowNeighbour {
                    node: *node,
                    metric: *metric as u8,
                    external: false,
                })
                .collect(),
        ),
        Tlv::ExtendedIp(
            of(Form::Wide)
                .map(|announced| WidePrefix {
                    down: announced.down,
                    ..WidePrefix::new(announced.net, announced.metric)
                })
                .collect(),
        ),
        Tlv::InternalReach(of(Form::Internal).map(narrow_prefix).collect()),
        Tlv::ExternalReach(of(Form::External).chain(of(Form::ExternalMetric)).map(narrow_prefix).collect()),
    ];
    build(level, id, flags, &tlvs)
}

/// The routing under test beside what it was told.
struct Trial {
    routing: Routing,
    settings: Settings,
    databases: [Database; 2],
    adjacencies: Vec<Adjacency>,
    attached_default: bool,
    levels: CircuitType,
    table: BTreeMap<Ipv4Net, Route>,
}

impl Trial {
    fn new(settings: Settings) -> Trial {
        Trial {
            routing: Routing::new(system(ME), settings),
            settings,
            databases: Default::default(),
            adjacencies: Vec::new(),
            attached_default: false,
            levels: CircuitType::L1L2,
            table: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Say { level, id, content } => {
                self.routing.install(level, &lsp(level, id, &content));
                if self.levels.has(level) {
                    self.databases[level.index()].insert(id, content);
                }
            }
            Step::Remove { level, id, purge } => {
                if purge {
                    self.routing.install(level, &lsp(level, id, &Content::default()).with_lifetime(0));
                } else {
                    self.routing.remove(level, &id);
                }
                self.databases[level.index()].remove(&id);
            }
            Step::Adjacencies(adjacencies) => {
                self.routing.set_adjacencies(&adjacencies);
                self.adjacencies = adjacencies;
                self.adjacencies.retain(|adjacency| self.levels.has(adjacency.level));
            }
            Step::AttachedDefault(wanted) => {
                self.routing.set_attached_default(wanted);
                self.attached_default = wanted;
            }
            Step::Levels(levels) => {
                self.routing.set_levels(levels);
                self.levels = levels;
                for level in Level::ALL.into_iter().filter(|level| !levels.has(*level)) {
                    self.databases[level.index()].clear();
                    self.adjacencies.retain(|adjacency| adjacency.level != level);
                }
            }
            Step::Restart => {
                let snapshot = postcard::to_stdvec(&self.routing).expect("it can be written");
                self.routing = postcard::from_bytes(&snapshot).expect("it can be read");
            }
            Step::Compute => {
                self.compute();
                self.check();
            }
        }
    }

    fn compute(&mut self) {
        let pending = self.routing.pending();
        let outcome = self.routing.compute();
        assert!(!pending.is_none() || outcome.changes.is_empty(), "nothing was pending, yet {outcome:?}");
        assert!(
            pending.topology || outcome.work.levels == 0,
            "only prefixes changed, yet {:?}",
            outcome.work
        );
        assert!(outcome.changes.is_sorted_by_key(|change| change.prefix));
        for change in outcome.changes {
            assert_ne!(change.old, change.new);
            let before = match change.new {
                Some(route) => self.table.insert(change.prefix, route),
                None => self.table.remove(&change.prefix),
            };
            assert_eq!(before, change.old, "{}", change.prefix);
        }
        assert!(self.routing.pending().is_none());
        assert_eq!(self.routing.compute(), Default::default(), "a second time there is nothing to do");
    }

    fn check(&self) {
        let routes: BTreeMap<Ipv4Net, Route> = self.routing.routes().collect();
        assert_eq!(self.table, routes, "the changes told lead to the table");

        let mut again = self.routing.clone();
        assert_eq!(again.recompute().changes, [], "computed from nothing it is the same");

        let mut fresh = Trial::new(self.settings);
        fresh.routing.set_adjacencies(&self.adjacencies);
        fresh.routing.set_attached_default(self.attached_default);
        for level in Level::ALL {
            for (id, content) in self.databases[level.index()].iter().rev() {
                fresh.routing.install(level, &lsp(level, *id, content));
            }
        }
        fresh.routing.compute();
        assert_eq!(
            routes,
            fresh.routing.routes().collect(),
            "a router that has only just come sees the same"
        );

        for level in Level::ALL {
            self.check_level(level);
        }
        for (prefix, route) in &routes {
            assert_eq!(self.routing.route(prefix).as_ref(), Some(route));
            let (longest, _) = self.routing.lookup(prefix.addr()).expect("it is in this one at least");
            assert!(prefix.contains(&longest));
            let best = Level::ALL.into_iter().filter_map(|level| self.routing.level_route(level, prefix));
            assert_eq!(best.min_by_key(|route| route.kind).as_ref(), Some(route));
        }
    }

    fn check_level(&self, level: Level) {
        let textbook = Textbook {
            me: system(ME),
            level,
            database: &self.databases[level.index()],
            adjacencies: &self.adjacencies,
            style: self.settings.metrics,
            max_paths: self.settings.max_paths,
            attached_default: self.attached_default,
        };
        let expected = textbook.paths();
        let found: BTreeMap<_, _> = self
            .routing
            .level_routes(level)
            .map(|(net, route)| (net, (route.kind, route.metric, route.next_hops.to_vec(), route.origin)))
            .collect();
        assert_eq!(found, expected, "{level}");
        let nodes: BTreeMap<LanId, u32> = self.routing.nodes(level).collect();
        let expected: BTreeMap<LanId, u32> =
            textbook.nodes().into_iter().map(|(node, (distance, _))| (node, distance as u32)).collect();
        assert_eq!(nodes, expected, "{level}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leads_to_the_routes_of_the_textbook(
        metrics in select(vec![MetricStyle::Narrow, MetricStyle::Wide, MetricStyle::Both, MetricStyle::Both]),
        max_paths in select(vec![1, 2, 64]),
        history in any_history(),
    ) {
        let mut trial = Trial::new(Settings { metrics, max_paths });
        for step in history {
            trial.step(step);
        }
    }
}
