//! When routes are computed from LSPs and adjacencies, and what comes of it: differences of routes.
//!
//! ```text
//!   LSPs, adjacencies ─► Routing ─┬─ paths may change: Delay, as RFC 8405 says ──┬─► run ─► changes of one
//!                                 └─ only prefixes, or an adjacency is lost ─────┘          whole computation
//! ```

mod delay;

use std::collections::BTreeMap;

use braid_isis_packet::{CircuitType, Level, Lsp, LspId};
use braid_isis_route::{Adjacency, MetricStyle as Metrics, Route, RouteChange, Routing, Settings, Work};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    Circuit, CircuitId, Instant, PerLevel,
    config::{Config, MetricStyle, SpfDelay},
    lsdb::Database,
};
use delay::Delay;

/// What route computations have cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoutingCounters {
    /// Computations.
    pub runs: u64,
    /// Of these, those that did not wait for RFC 8405.
    pub runs_at_once: u64,
    /// Nodes looked at.
    pub nodes: u64,
    /// Prefixes whose best path was chosen again.
    pub prefixes: u64,
    /// Routes that changed.
    pub changes: u64,
}

/// The decision process and its timing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Engine {
    routing: Routing,
    settings: Settings,
    adjacencies: Vec<Adjacency>,
    times: SpfDelay,
    delay: Delay,
    /// Since when something is to be computed without delay.
    at_once: Option<Instant>,
    /// What a change of settings did to routes.
    changed: Vec<RouteChange>,
    /// The prefixes that level 1 reaches otherwise since the last computation.
    level_1: Vec<Ipv4Net>,
    counters: RoutingCounters,
}

impl Engine {
    /// A decision process that knows nothing yet.
    pub fn new(config: &Config) -> Self {
        let settings = settings(config);
        Self {
            routing: fresh(config, settings),
            settings,
            adjacencies: Vec::new(),
            times: config.spf,
            delay: Delay::default(),
            at_once: None,
            changed: Vec::new(),
            level_1: Vec::new(),
            counters: RoutingCounters::default(),
        }
    }

    /// The configuration changed. The databases are those of the new one.
    pub fn configure(&mut self, now: Instant, config: &Config, databases: &PerLevel<Database>) {
        self.times = config.spf;
        let settings = settings(config);
        if settings == self.settings {
            self.routing.set_levels(config.level);
            self.routing.set_attached_default(follows_attached(config));
        } else {
            // Which metrics count is decided as LSPs come in, so they come in again.
            let before = self.routing.routes().collect();
            self.settings = settings;
            self.routing = fresh(config, settings);
            for level in Level::ALL {
                databases[level].iter().for_each(|(_, entry)| self.routing.install(level, &entry.lsp));
            }
            self.routing.set_adjacencies(&self.adjacencies);
            self.routing.compute();
            self.changed.extend(difference(before, &self.routing));
        }
        self.at_once.get_or_insert(now);
    }

    /// An LSP was put into the database; if its lifetime is zero, it is as if taken out.
    pub fn lsp(&mut self, now: Instant, level: Level, lsp: &Lsp) {
        self.routing.install(level, lsp);
        self.look(now);
    }

    /// An LSP was taken out of the database.
    pub fn remove(&mut self, now: Instant, level: Level, id: &LspId) {
        self.routing.remove(level, id);
        self.look(now);
    }

    /// These adjacencies are up now, and no others. If one is lost, its next hops go at once.
    pub fn adjacencies(&mut self, now: Instant, adjacencies: Vec<Adjacency>, lost: bool) {
        self.routing.set_adjacencies(&adjacencies);
        self.adjacencies = adjacencies;
        self.look(now);
        if lost && !self.routing.pending().is_none() {
            self.at_once.get_or_insert(now);
        }
    }

    /// When [`Engine::run`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        crate::clock::earlier(self.at_once, self.delay.poll_timeout())
    }

    /// Computes what is due. Gives the routes that changed, of one complete computation: perhaps none, while what is
    /// reachable besides prefixes did. `None` if it was not due.
    pub fn run(&mut self, now: Instant) -> Option<Vec<RouteChange>> {
        let is_at_once = self.at_once.take_if(|at| *at <= now).is_some();
        if !self.delay.expire(now) && !is_at_once {
            return None;
        }
        self.delay.computed();
        let outcome = self.routing.compute();
        let Work { nodes, prefixes, .. } = outcome.work;
        let changes = join(std::mem::take(&mut self.changed), outcome.changes);
        self.level_1 = outcome.level_1;
        self.counters.runs += 1;
        self.counters.runs_at_once += u64::from(is_at_once);
        self.counters.nodes += nodes as u64;
        self.counters.prefixes += prefixes as u64;
        self.counters.changes += changes.len() as u64;
        Some(changes)
    }

    /// The prefixes whose kind or metric at level 1 the last computation changed. Nobody is told twice.
    pub fn take_level_1(&mut self) -> Vec<Ipv4Net> {
        std::mem::take(&mut self.level_1)
    }

    /// What was computed, for questions.
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// What it has cost.
    pub fn counters(&self) -> RoutingCounters {
        self.counters
    }

    /// Decides when the last change counts.
    fn look(&mut self, now: Instant) {
        let pending = self.routing.pending();
        if pending.topology {
            self.delay.change(now, &self.times);
        } else if pending.prefixes {
            // RFC 8405 is about shortest paths. What stands at their ends costs little, and nobody loops by it.
            self.at_once.get_or_insert(now);
        }
    }
}

/// The adjacencies that count in the graph: on a LAN those to the routers that its designated router joins.
pub fn adjacencies_of(circuits: &BTreeMap<CircuitId, Circuit>) -> Vec<Adjacency> {
    let mut found = Vec::new();
    for (id, circuit) in circuits {
        for level in Level::ALL {
            for adjacency in circuit.adjacencies(level).filter(|_| circuit.is_active(level)) {
                let router = adjacency.system;
                let neighbour =
                    if circuit.is_broadcast() { circuit.lans[level].designated } else { Some(router.node()) };
                found.extend(neighbour.map(|neighbour| Adjacency {
                    level,
                    neighbour,
                    router,
                    circuit: id.0,
                    gateway: adjacency.gateway(),
                    metric: circuit.config.metric[level],
                }));
            }
        }
    }
    found
}

fn settings(config: &Config) -> Settings {
    let metrics = match config.metric_style {
        MetricStyle::Wide => Metrics::Wide,
        MetricStyle::Narrow => Metrics::Narrow,
        MetricStyle::Transition => Metrics::Both,
    };
    Settings { max_paths: config.max_paths.into(), metrics }
}

fn fresh(config: &Config, settings: Settings) -> Routing {
    let mut routing = Routing::new(config.system(), settings);
    routing.set_levels(config.level);
    routing.set_attached_default(follows_attached(config));
    routing
}

/// ISO 10589 §7.2.9.1: a level 2 router knows other ways out of the area itself.
fn follows_attached(config: &Config) -> bool {
    config.level == CircuitType::L1 && config.follow_attached
}

/// What became of routes when another decision process took over.
fn difference(before: BTreeMap<Ipv4Net, Route>, after: &Routing) -> Vec<RouteChange> {
    let mut before = before;
    let mut changes = Vec::new();
    for (prefix, new) in after.routes() {
        let old = before.remove(&prefix);
        if old.as_ref() != Some(&new) {
            changes.push(RouteChange { prefix, old, new: Some(new) });
        }
    }
    changes.extend(before.into_iter().map(|(prefix, old)| RouteChange { prefix, old: Some(old), new: None }));
    changes
}

/// Two sets of changes as one, the second of which came later.
fn join(first: Vec<RouteChange>, second: Vec<RouteChange>) -> Vec<RouteChange> {
    if first.is_empty() {
        return second;
    }
    let mut joined: BTreeMap<Ipv4Net, RouteChange> =
        first.into_iter().map(|change| (change.prefix, change)).collect();
    for change in second {
        joined.entry(change.prefix).and_modify(|old| old.new = change.new.clone()).or_insert(change);
    }
    joined.into_values().filter(|change| change.old != change.new).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use braid_isis_packet::{
        Authentication, LspFlags, NarrowNeighbour, NarrowPrefix, NewLsp, SystemId, Tlv, WideNeighbour,
        WidePrefix,
    };

    use super::*;

    const ME: SystemId = SystemId([0, 0, 0, 0, 0, 1]);
    const PEER: SystemId = SystemId([0, 0, 0, 0, 0, 2]);

    fn config() -> Config {
        let mut config = Config::new("49.0001.0000.0000.0001.00".parse().expect("a net"));
        config.level = CircuitType::L2;
        config.spf.initial = Duration::from_millis(50);
        config
    }

    fn ms(ms: u64) -> Instant {
        Instant(ms * 1000)
    }

    fn lsp(of: SystemId, sequence: u32, tlvs: &[Tlv]) -> Lsp {
        let id = of.node().fragment(0);
        let new =
            NewLsp { level: Level::Two, id, sequence, lifetime: 1200, flags: LspFlags::new(Level::Two) };
        Lsp::build(&new, tlvs, &Authentication::None).expect("small")
    }

    /// A neighbour and prefixes with wide metrics, and the same neighbour and one prefix with narrow ones.
    fn tlvs(neighbour: SystemId, prefixes: &[&str]) -> Vec<Tlv> {
        let net = |text: &str| text.parse().expect("a prefix");
        let narrow = NarrowPrefix { net: net("10.9.0.0/16"), metric: 1, down: false, external_metric: false };
        vec![
            Tlv::IsNeighbours(vec![WideNeighbour::new(neighbour.node(), 10)]),
            Tlv::IsNeighboursNarrow(vec![NarrowNeighbour {
                node: neighbour.node(),
                metric: 10,
                external: false,
            }]),
            Tlv::ExtendedIp(prefixes.iter().map(|prefix| WidePrefix::new(net(prefix), 5)).collect()),
            Tlv::InternalReach(vec![narrow]),
        ]
    }

    fn peer_adjacency() -> Adjacency {
        let (level, neighbour) = (Level::Two, PEER.node());
        Adjacency {
            level,
            neighbour,
            router: PEER,
            circuit: 3,
            gateway: Some([10, 0, 0, 2].into()),
            metric: 10,
        }
    }

    fn changes(run: Option<Vec<RouteChange>>) -> Vec<(String, Option<u32>)> {
        let changes = run.expect("due").into_iter();
        changes.map(|change| (change.prefix.to_string(), change.new.map(|new| new.metric))).collect()
    }

    /// Two routers, with routes computed.
    fn engine() -> Engine {
        let mut engine = Engine::new(&config());
        engine.lsp(ms(0), Level::Two, &lsp(ME, 1, &tlvs(PEER, &[])[..1]));
        engine.lsp(ms(1), Level::Two, &lsp(PEER, 1, &tlvs(ME, &["10.2.0.0/16"])));
        engine.adjacencies(ms(2), vec![peer_adjacency()], false);
        // The own LSP moves no path: adjacencies do, as soon as the neighbour confirms them.
        assert_eq!(engine.run(ms(50)), None, "the first change waits 50 ms");
        assert_eq!(engine.poll_timeout(), Some(ms(51)));
        assert_eq!(changes(engine.run(ms(51))), [("10.2.0.0/16".to_owned(), Some(15))]);
        assert_eq!(engine.poll_timeout(), None);
        engine
    }

    #[test]
    fn all_changes_of_one_computation_come_together() {
        engine();
    }

    #[test]
    fn prefixes_alone_do_not_wait() {
        let mut engine = engine();
        engine.lsp(ms(60), Level::Two, &lsp(PEER, 2, &tlvs(ME, &["10.3.0.0/16"])));
        let expected = [("10.2.0.0/16".to_owned(), None), ("10.3.0.0/16".to_owned(), Some(15))];
        assert_eq!(changes(engine.run(ms(60))), expected);
        assert_eq!(engine.counters().runs_at_once, 1);
    }

    #[test]
    fn a_lost_adjacency_does_not_wait() {
        let mut engine = engine();
        engine.adjacencies(ms(60), Vec::new(), true);
        assert_eq!(changes(engine.run(ms(60))), [("10.2.0.0/16".to_owned(), None)]);
        assert_eq!(engine.poll_timeout(), None);
    }

    #[test]
    fn a_new_adjacency_waits_like_all_else() {
        let mut engine = engine();
        let parallel = Adjacency { circuit: 4, ..peer_adjacency() };
        engine.adjacencies(ms(5000), vec![peer_adjacency(), parallel], false);
        assert_eq!(engine.run(ms(5000)), None);
        assert_eq!(engine.poll_timeout(), Some(ms(5050)));
        assert_eq!(changes(engine.run(ms(5050))), [("10.2.0.0/16".to_owned(), Some(15))]);
    }

    #[test]
    fn an_lsp_that_says_the_same_costs_nothing() {
        let mut engine = engine();
        engine.lsp(ms(60), Level::Two, &lsp(PEER, 2, &tlvs(ME, &["10.2.0.0/16"])));
        assert_eq!(engine.poll_timeout(), None);
    }

    #[test]
    fn other_metrics_count_as_soon_as_the_operator_says_so() {
        let mut engine = engine();
        let mut databases = PerLevel::<Database>::default();
        for lsp in [lsp(ME, 1, &tlvs(PEER, &[])[..2]), lsp(PEER, 1, &tlvs(ME, &["10.2.0.0/16"]))] {
            databases[Level::Two].insert(ms(60), lsp, Duration::from_secs(1200));
        }
        let mut narrow = config();
        narrow.metric_style = MetricStyle::Narrow;
        engine.configure(ms(60), &narrow, &databases);
        let expected = [("10.2.0.0/16".to_owned(), None), ("10.9.0.0/16".to_owned(), Some(11))];
        assert_eq!(changes(engine.run(ms(60))), expected);
        engine.configure(ms(70), &narrow, &databases);
        assert_eq!(changes(engine.run(ms(70))), []);
    }

    #[test]
    fn changes_that_cancel_out_are_none() {
        let [there, elsewhere] =
            ["10.2.0.0/16", "10.3.0.0/16"].map(|prefix| prefix.parse::<Ipv4Net>().expect("a prefix"));
        let route = engine().routing().route(&there).expect("a route");
        let gone = |prefix| RouteChange { prefix, old: Some(route.clone()), new: None };
        let back = RouteChange { prefix: there, old: None, new: Some(route.clone()) };
        assert_eq!(join(vec![gone(there)], vec![back, gone(elsewhere)]), [gone(elsewhere)]);
    }
}
