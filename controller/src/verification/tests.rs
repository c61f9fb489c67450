//! What borders are told of a ring of four routers, and when.

use std::time::Duration;

use braid_layout::Allocation;
use braid_topology::AttachedPrefix;

use super::*;
use crate::{
    fleet::Fleet,
    report::{Route, RouteKind},
    testing::{RING, fine, hello, node, ring, vn},
};

const SOUTH: &str = "198.18.2.0/24";
const NORTH_WEST: u16 = 4;
const CONVERGENCE: Duration = Duration::from_secs(5);
const MS: Duration = Duration::from_millis(1);

fn prefix(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn unicast(interfaces: &[&str]) -> Route {
    Route { kind: RouteKind::Unicast, interfaces: interfaces.iter().map(|i| (*i).into()).collect() }
}

/// A ring of which everything is known, and whose engines do as the model expects. Time passes only by `wait`.
struct Lab {
    plan: Plan,
    fleet: Fleet,
    inspector: Inspector,
    now: Instant,
    /// What north has been told last.
    told: u64,
}

impl Lab {
    fn new(plan: Plan) -> Self {
        let now = Instant::now();
        let mut fleet = Fleet::default();
        fleet.follow(&plan);
        for node in &plan.nodes {
            let actual = fleet.node_mut(&node.name).unwrap();
            actual.agent_joined(&hello(node.name.as_str()));
            actual.reported(fine(node, 1), &[vn(1), vn(2)]);
        }
        let links = Links::of(&plan, &fleet);
        let inspector = Inspector::new(&plan, &links, now).unwrap();
        let mut lab = Self { plan, fleet, inspector, now, told: 0 };
        for node in lab.plan.nodes.clone() {
            lab.inspector.reported(&node.name, &fine(&node, 1), &links, now);
            for router in &node.routers {
                lab.snapshot(node.name.as_str(), router.vn);
            }
        }
        lab
    }

    /// Everything as expected, and settled long ago.
    fn calm(plan: Plan) -> Self {
        let mut lab = Self::new(plan);
        lab.wait(CONVERGENCE * 2);
        assert_eq!(lab.told_north().0, ["red Delivers south", "green Delivers south"].map(String::from));
        lab
    }

    /// A whole FIB, as the model has it now.
    fn snapshot(&mut self, at: &str, vn: VnId) {
        let routes = self.inspector.model.prefixes().filter_map(|prefix| {
            let hops = self.inspector.model.expected(vn, &node(at), prefix)?.next_hops;
            let interfaces: Vec<&str> = hops.iter().map(|hop| hop.interface.as_str()).collect();
            Some((prefix, unicast(&interfaces)))
        });
        let (changed, removed) = (routes.collect(), Vec::new());
        self.forwarded(at, &FibChange { vn, snapshot: true, changed, removed });
    }

    fn forwarded(&mut self, at: &str, change: &FibChange) {
        let routes = self.inspector.routes(&node(at), change).unwrap();
        self.inspector.forwarded(routes);
        self.inspector.settle(self.now);
    }

    /// A route of red changes.
    fn route(&mut self, at: &str, to: &str, interfaces: &[&str]) {
        let changed = vec![(prefix(to), unicast(interfaces))];
        self.forwarded(at, &FibChange { vn: vn(1), snapshot: false, changed, removed: Vec::new() });
    }

    /// As if the agent said this of its node.
    fn report(&mut self, at: &str, mend: impl FnOnce(&mut NodeReport)) {
        let mut report = fine(self.plan.node(&node(at)).unwrap(), 1);
        mend(&mut report);
        self.fleet.node_mut(&node(at)).unwrap().reported(report.clone(), &[vn(1), vn(2)]);
        let links = Links::of(&self.plan, &self.fleet);
        self.inspector.reported(&node(at), &report, &links, self.now);
        self.inspector.settle(self.now);
    }

    /// A link of red goes down or comes up at north.
    fn link(&mut self, number: u16, up: bool) {
        self.report("north", |r| {
            if !up {
                r.routers[0].links_down.insert(number);
            }
        });
    }

    /// Time passes, with the inspector called whenever it wants to be.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.inspector.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            assert!(self.inspector.settle(self.now), "it had something to tell");
        }
        self.now = end;
        assert!(!self.inspector.settle(end), "nothing is due");
    }

    /// What north is told now, and whether that is all there is.
    fn told_north(&mut self) -> (Vec<String>, bool) {
        let Some(news) = self.inspector.news(&node("north"), self.told) else { return (Vec::new(), false) };
        self.told = news.revision;
        let line = |e: &Evidence| {
            let name = &self.inspector.vns[&e.vn].name;
            let egress: Vec<&str> = e.finding.egress().map(NodeName::as_str).collect();
            let state = format!("{:?}", e.finding);
            let state = state.split(' ').next().unwrap();
            format!("{name} {state} {}", egress.join(" ")).trim_end().to_owned()
        };
        (news.evidence.iter().map(line).collect(), news.snapshot)
    }

    #[track_caller]
    fn north_is_told(&mut self, expected: &[&str]) {
        assert_eq!(self.told_north().0, expected);
    }
}

fn plan() -> Plan {
    ring(1).plan
}

fn plan_of(text: &str) -> Plan {
    let topology = braid_topology::parse(text, "ring.yaml").unwrap();
    let mut allocation = Allocation::default();
    allocation.update(&topology).unwrap();
    braid_layout::plan(&topology, &allocation).unwrap()
}

/// South's prefix is attached at west too, which is nearer to north.
fn anycast() -> Plan {
    let text = RING.replace("west: {}", "west: { border: { prefixes: [198.18.3.0/24] } }");
    let mut topology = braid_topology::parse(&text, "ring.yaml").unwrap();
    let west = topology.nodes.iter_mut().find(|n| n.name == node("west")).unwrap();
    let second = AttachedPrefix { prefix: prefix(SOUTH), interface: "cust1".parse().unwrap() };
    west.border.as_mut().unwrap().prefixes.push(second);
    let mut allocation = Allocation::default();
    allocation.update(&topology).unwrap();
    braid_layout::plan(&topology, &allocation).unwrap()
}

#[test]
fn a_border_is_told_where_its_prefixes_come_out_and_which_way_they_go() {
    let mut lab = Lab::new(plan());
    let news = lab.inspector.news(&node("north"), 0).unwrap();
    assert!(news.snapshot);
    assert_eq!(news.evidence.iter().map(|e| e.prefix).collect::<Vec<_>>(), [prefix(SOUTH); 2]);
    let mut path = news.evidence[0].path.clone();
    assert_eq!((path.remove(0), path.pop()), (node("north"), Some(node("south"))));
    lab.north_is_told(&["red Delivers south", "green Delivers south"]);
    assert_eq!(lab.told_north(), (Vec::new(), false), "the same is told once");
    assert_eq!(lab.inspector.news(&node("east"), 0), None, "east is no border");
    assert_eq!(lab.inspector.due(), None);
}

#[test]
fn a_loop_is_told_once_it_has_lasted_and_its_end_at_once() {
    let mut lab = Lab::calm(plan());
    lab.route("east", SOUTH, &["eth1"]);
    lab.wait(199 * MS);
    lab.north_is_told(&[]);
    lab.wait(MS);
    lab.north_is_told(&["red Loops south"]);
    assert_eq!(lab.inspector.alarms(), ["red: 198.18.2.0/24 from north loops: east → north → east"]);
    lab.route("east", SOUTH, &["eth2"]);
    lab.north_is_told(&["red Delivers south"]);
    assert_eq!(lab.inspector.alarms(), Vec::<String>::new());

    lab.route("east", SOUTH, &["eth1"]);
    lab.wait(100 * MS);
    lab.route("east", SOUTH, &["eth2"]);
    lab.wait(CONVERGENCE);
    lab.north_is_told(&[]);
}

#[test]
fn what_engines_do_while_they_follow_a_link_is_not_told() {
    // Goal: red loops for almost a second after each of sixty changes of a link, and nobody is told.
    let mut lab = Lab::calm(plan());
    for round in 0..60 {
        lab.link(NORTH_WEST, round % 2 == 1);
        lab.route("east", SOUTH, &["eth1"]);
        lab.wait(900 * MS);
        lab.route("east", SOUTH, &["eth2"]);
        lab.wait(100 * MS);
    }
    lab.north_is_told(&[]);

    // A loop that stays is told one convergence after it began, though links go on changing.
    lab.route("east", SOUTH, &["eth1"]);
    for round in 0..5 {
        lab.north_is_told(&[]);
        lab.link(NORTH_WEST, round % 2 == 1);
        lab.wait(1000 * MS);
    }
    lab.north_is_told(&["red Loops"]);
    // Another virtual network is not disturbed by what happens in red.
    let change = FibChange { vn: vn(2), snapshot: false, changed: Vec::new(), removed: vec![prefix(SOUTH)] };
    lab.forwarded("east", &change);
    lab.wait(200 * MS);
    lab.north_is_told(&["green Dropped south"]);
}

#[test]
fn an_engine_that_restarts_or_loses_a_neighbour_disturbs_its_virtual_network_too() {
    let changes: [fn(&mut NodeReport); 3] = [
        |r| r.routers[0].adjacencies = 1,
        |r| r.routers[0].restarts = 1,
        |r| r.routers[0].state = RouterState::Backoff,
    ];
    for change in changes {
        let mut lab = Lab::calm(plan());
        lab.report("east", change);
        lab.route("east", SOUTH, &["eth1"]);
        lab.wait(CONVERGENCE - MS);
        lab.north_is_told(&[]);
        lab.wait(MS);
        lab.north_is_told(&["red Loops south"]);
    }
}

#[test]
fn packets_that_leave_at_the_wrong_border_are_told_though_links_change() {
    let mut lab = Lab::calm(plan());
    lab.link(NORTH_WEST, false);
    lab.route("north", SOUTH, &["eth1"]);
    lab.route("east", SOUTH, &["port"]);
    lab.wait(200 * MS);
    lab.north_is_told(&["red Dropped"]);
    let alarms = lab.inspector.alarms();
    assert_eq!(
        alarms,
        [
            "red: 198.18.2.0/24 from north is dropped at east (it leaves the virtual network there, but is not attached there)"
        ]
    );
}

#[test]
fn a_fib_that_is_not_known_makes_the_way_unknown_at_once() {
    let mut lab = Lab::calm(plan());
    lab.inspector.forget(&node("west"));
    lab.inspector.settle(lab.now);
    lab.north_is_told(&["red Unknown", "green Unknown"]);
    lab.snapshot("west", vn(1));
    lab.north_is_told(&["red Delivers south"]);
    lab.snapshot("west", vn(2));
    lab.north_is_told(&["green Delivers south"]);
}

#[test]
fn another_egress_than_the_models_is_told_once_it_has_lasted() {
    // Goal: red at north goes past west, where the prefix is attached and nearer, to south.
    let mut lab = Lab::new(anycast());
    lab.wait(CONVERGENCE * 2);
    lab.north_is_told(&["red Delivers west", "green Delivers west"].repeat(2));
    lab.route("north", SOUTH, &["eth1"]);
    lab.route("east", SOUTH, &["eth2"]);
    lab.wait(499 * MS);
    lab.north_is_told(&[]);
    lab.wait(MS);
    lab.north_is_told(&["red Differs south"]);
    let alarm = "red: 198.18.2.0/24 from north is delivered at south, where the model expects west";
    assert_eq!(lab.inspector.alarms(), [alarm]);

    // The link to west goes down in red: now south is right.
    lab.link(NORTH_WEST, false);
    lab.north_is_told(&["red Delivers south"]);
}

#[test]
fn nobody_is_expected_behind_a_dead_engine() {
    // Goal: west's engine is dead in red, its neighbours have gone round it, and that is no fault.
    let mut lab = Lab::new(anycast());
    lab.wait(CONVERGENCE * 2);
    lab.told_north();
    lab.report("west", |r| r.routers[0].state = RouterState::Failed);
    lab.route("north", SOUTH, &["eth1"]);
    lab.route("east", SOUTH, &["eth2"]);
    lab.north_is_told(&["red Delivers south"]);
    lab.wait(CONVERGENCE * 2);
    lab.north_is_told(&[]);
    // Alive again, it is expected to deliver.
    lab.report("west", |_| {});
    lab.wait(CONVERGENCE);
    lab.north_is_told(&["red Differs south"]);
}

#[test]
fn what_is_out_of_reach_is_dropped_without_alarm() {
    let mut lab = Lab::calm(plan());
    lab.report("south", |r| r.links.iter_mut().for_each(|(_, up)| *up = false));
    lab.wait(CONVERGENCE * 2);
    lab.north_is_told(&["red Dropped", "green Dropped"]);
    assert_eq!(lab.inspector.alarms(), Vec::<String>::new());
}

#[test]
fn most_code_bases_wrong_alike_are_an_alarm_of_their_own() {
    let mut lab = Lab::calm(plan());
    for id in [1, 2] {
        let change =
            FibChange { vn: vn(id), snapshot: false, changed: Vec::new(), removed: vec![prefix(SOUTH)] };
        lab.forwarded("north", &change);
    }
    lab.wait(200 * MS);
    lab.north_is_told(&["red Dropped", "green Dropped"]);
    assert_eq!(
        lab.inspector.alarms(),
        [
            "most code bases (bird, frr) do wrong with 198.18.2.0/24 from north, so that no vote masks it",
            "green: 198.18.2.0/24 from north is dropped at north (no route)",
            "red: 198.18.2.0/24 from north is dropped at north (no route)",
        ]
    );
}

#[test]
fn a_new_topology_keeps_what_was_found_and_a_prefix_that_leaves_is_forgotten() {
    let mut lab = Lab::calm(plan());
    lab.route("east", SOUTH, &["eth1"]);
    lab.wait(200 * MS);
    lab.north_is_told(&["red Loops south"]);
    let follow = |lab: &mut Lab, text: &str| {
        lab.plan = plan_of(text);
        lab.fleet.follow(&lab.plan);
        let links = Links::of(&lab.plan, &lab.fleet);
        lab.inspector.follow(&lab.plan, &links, lab.now).unwrap();
        lab.inspector.settle(lab.now);
    };
    // A metric changes: the loop is still there, and nobody needs to hear of it again.
    follow(&mut lab, &RING.replace(r#""west:eth1"] }"#, r#""west:eth1"], metric: 11 }"#));
    lab.north_is_told(&[]);
    lab.wait(CONVERGENCE * 2);
    lab.north_is_told(&[]);
    assert_eq!(lab.inspector.faults().count(), 1);

    follow(&mut lab, &RING.replace("198.18.2.0/24", "198.18.4.0/24"));
    let (told, snapshot) = lab.told_north();
    assert!(snapshot && told.is_empty(), "{told:?}");
    assert_eq!(lab.inspector.faults().count(), 0);
    follow(&mut lab, RING);
    lab.wait(200 * MS);
    assert!(lab.told_north().1);
}

#[test]
fn who_leaves_the_shortest_way_is_named() {
    // The way by west is the longer one.
    let mut lab = Lab::calm(plan_of(&RING.replace(r#""west:eth1"] }"#, r#""west:eth1"], metric: 11 }"#)));
    let detours = |lab: &Lab| lab.inspector.detours(vn(1), prefix(SOUTH), &node("north"));
    assert_eq!(detours(&lab), [""; 0]);
    lab.route("north", SOUTH, &["eth1", "eth2"]);
    assert_eq!(detours(&lab), ["north by eth2, where the model goes by eth1"]);
    // With the short way down the long one is the shortest.
    lab.route("north", SOUTH, &["eth2"]);
    lab.link(1, false);
    assert_eq!(detours(&lab), [""; 0]);
}

#[test]
fn the_ways_of_a_prefix_are_told_branch_by_branch() {
    let mut lab = Lab::calm(plan());
    let ways = |lab: &Lab| lab.inspector.ways(vn(1), prefix(SOUTH), &node("north"));
    let [east, west] = ["east", "west"].map(|by| format!("north > {by} > south (198.18.2.0/24)"));
    lab.route("north", SOUTH, &["eth1", "eth2"]);
    assert_eq!(ways(&lab), [east, west.clone()]);
    lab.route("north", SOUTH, &["eth2"]);
    assert_eq!(ways(&lab), [west]);
    lab.route("west", SOUTH, &["eth2"]);
    assert_eq!(ways(&lab), ["north > west > north: a loop (198.18.2.0/24)"]);
    let removed = vec![prefix(SOUTH)];
    lab.forwarded("west", &FibChange { vn: vn(1), snapshot: false, changed: Vec::new(), removed });
    assert_eq!(ways(&lab), ["north > west: dropped, no route (198.18.2.0/24)"]);
    lab.inspector.forget(&node("west"));
    assert_eq!(ways(&lab), ["north > west: its FIB is not known (198.18.2.0/24)"]);
    assert_eq!(lab.inspector.detours(vn(1), prefix(SOUTH), &node("north")), [""; 0]);
    assert_eq!(lab.inspector.ways(vn(1), prefix(SOUTH), &node("atlantis")), [""; 0]);
}
