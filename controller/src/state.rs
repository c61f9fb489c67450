//! All that the controller knows: what is in force, what was last heard, and who is connected.
//!
//! Plain data and plain methods; the hub guards it with a mutex and does the waiting.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Instant, SystemTime},
};

use braid_layout::{NodePlan, Plan};
use braid_proto::{NodeName, VnId, v1};
use ipnet::Ipv4Net;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::{
    desired::Desired,
    desk::{Desk, DeskError},
    error::ApiError,
    fleet::{FibError, Fleet},
    in_force::InForce,
    journal::Journal,
    key::NetworkKey,
    links::Links,
    report::{FibChange, Hello, NodeReport, VoteChange},
    verification::Inspector,
};

/// How many routes are held for one node. A router with the whole Internet's table has about half of this.
const MAX_ROUTES: usize = 2_000_000;

/// The two kinds of callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Agent,
    Border,
}

impl Role {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Border => "border",
        }
    }
}

/// The caller of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    pub(crate) node: NodeName,
    /// Tells it from an older stream for the same node.
    pub(crate) id: u64,
}

/// What a stream hears from the rest of the controller.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The pid of whoever takes over.
    pub(crate) replaced: oneshot::Receiver<i32>,
    /// Questions for a border.
    pub(crate) questions: mpsc::Receiver<v1::ExplainQuery>,
    /// Questions for an agent.
    pub(crate) announced: mpsc::Receiver<v1::AnnouncedQuery>,
}

/// A connected stream.
#[derive(Debug)]
struct Session {
    id: u64,
    replaced: oneshot::Sender<i32>,
    explain: Desk<v1::ExplainQuery, Option<v1::Explanation>>,
    announced: Desk<v1::AnnouncedQuery, Vec<v1::Announcement>>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) in_force: Option<InForce>,
    pub(crate) fleet: Fleet,
    pub(crate) links: Links,
    /// Absent without a topology that can be verified.
    pub(crate) inspector: Option<Inspector>,
    pub(crate) journal: Journal,
    classes: BTreeMap<VnId, u64>,
    key: NetworkKey,
    border_revision: u64,
    /// Virtual networks that have left the topology; word of them may still be under way.
    retired: BTreeSet<VnId>,
    sessions: HashMap<(Role, NodeName), Session>,
    last_id: u64,
}

impl State {
    /// `retired` are virtual networks of the topology before. `now` seeds the revision of border specifications, which must
    /// grow over restarts too.
    pub(crate) fn new(
        in_force: Option<InForce>,
        retired: BTreeSet<VnId>,
        now: SystemTime,
        key: NetworkKey,
    ) -> Self {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut state = Self {
            in_force: None,
            fleet: Fleet::default(),
            links: Links::default(),
            inspector: None,
            journal: Journal::new(now),
            classes: BTreeMap::new(),
            key,
            border_revision: u64::try_from(since_epoch.as_millis()).unwrap_or_default(),
            retired,
            sessions: HashMap::new(),
            last_id: 0,
        };
        if let Some(in_force) = in_force {
            state.put_in_force(in_force);
        }
        state
    }

    pub(crate) fn put_in_force(&mut self, next: InForce) {
        if let Some(old) = self.in_force.take() {
            self.retired.extend(old.plan.vns.iter().map(|v| v.id));
        }
        for vn in &next.plan.vns {
            self.retired.remove(&vn.id);
        }
        for (border, prefix) in self.fleet.follow(&next.plan) {
            self.journal.note(&border, prefix, None);
        }
        self.links = Links::of(&next.plan, &self.fleet);
        self.classes = self.links.classes(&next.plan);
        self.inspect(&next.plan);
        self.border_revision += 1;
        self.in_force = Some(next);
    }

    /// Has a new plan verified.
    fn inspect(&mut self, plan: &Plan) {
        let now = Instant::now();
        let followed = match self.inspector.take() {
            Some(mut inspector) => inspector.follow(plan, &self.links, now).map(|()| inspector),
            None => Inspector::new(plan, &self.links, now),
        };
        match followed {
            Ok(inspector) => self.inspector = Some(inspector),
            Err(error) => warn!(%error, "forwarding is not verified"),
        }
    }

    /// Nothing is known any more of the FIBs of a node.
    fn forget_fibs(&mut self, node: &NodeName) {
        if let Some(inspector) = &mut self.inspector {
            inspector.forget(node);
        }
    }

    /// What everyone is to do now.
    pub(crate) fn desired(&self) -> Desired {
        self.in_force.as_ref().map_or_else(Desired::default, |f| {
            Desired::of(&f.plan, f.revision, &self.classes, self.border_revision, &self.key)
        })
    }

    fn planned(&self) -> Result<&InForce, ApiError> {
        self.in_force.as_ref().ok_or(ApiError::NoTopology)
    }

    /// Lets a caller in; an older stream for the same node has to go.
    pub(crate) fn join(&mut self, role: Role, hello: &Hello) -> Result<(Caller, Inbox), ApiError> {
        let plan = &self.planned()?.plan;
        if hello.network != plan.network {
            let (asked, ours) = (hello.network.clone(), plan.network.clone());
            return Err(ApiError::OtherNetwork { asked, ours });
        }
        let Some(node) = plan.node(&hello.node) else {
            let (network, node) = (plan.network.clone(), hello.node.clone());
            return Err(ApiError::UnknownNode { network, node });
        };
        if role == Role::Border && node.border.is_none() {
            return Err(ApiError::NotBorder { node: hello.node.clone() });
        }

        self.last_id += 1;
        let caller = Caller { role, node: hello.node.clone(), id: self.last_id };
        let (replaced, replaced_receiver) = oneshot::channel();
        let ((explain, questions), (announced, announced_receiver)) = (Desk::new(), Desk::new());
        let session = Session { id: caller.id, replaced, explain, announced };
        if let Some(old) = self.sessions.insert((role, hello.node.clone()), session) {
            // A stream that has ended meanwhile needs no word.
            let _ = old.replaced.send(hello.pid);
        }
        if let Some(actual) = self.fleet.node_mut(&hello.node) {
            match role {
                Role::Agent => actual.agent_joined(hello),
                Role::Border => actual.border_joined(hello),
            }
        }
        if role == Role::Agent {
            self.forget_fibs(&hello.node);
        }
        Ok((caller, Inbox { replaced: replaced_receiver, questions, announced: announced_receiver }))
    }

    /// A stream has ended. Questions that wait for its answer fail.
    pub(crate) fn leave(&mut self, caller: &Caller, now: SystemTime) {
        if self.session(caller).is_none() {
            return;
        }
        self.sessions.remove(&(caller.role, caller.node.clone()));
        if let Some(actual) = self.fleet.node_mut(&caller.node) {
            actual.left(caller.role, now);
        }
        if caller.role == Role::Agent {
            self.forget_fibs(&caller.node);
        }
    }

    fn session(&mut self, caller: &Caller) -> Option<&mut Session> {
        self.sessions.get_mut(&(caller.role, caller.node.clone())).filter(|s| s.id == caller.id)
    }

    /// Takes an agent's report. True if borders are to hear of it.
    pub(crate) fn reported(&mut self, caller: &Caller, report: NodeReport) -> Result<bool, ApiError> {
        if self.session(caller).is_none() {
            return Ok(false);
        }
        for router in &report.routers {
            self.check_vn(router.vn, report.revision)?;
        }
        let Some(in_force) = &self.in_force else { return Ok(false) };
        let Some(actual) = self.fleet.node_mut(&caller.node) else { return Ok(false) };
        let vns: Vec<VnId> = in_force.plan.vns.iter().map(|v| v.id).collect();
        actual.reported(report, &vns);

        self.links = Links::of(&in_force.plan, &self.fleet);
        let report = self.fleet.node(&caller.node).and_then(|n| n.report.as_ref());
        if let (Some(inspector), Some(report)) = (&mut self.inspector, report) {
            inspector.reported(&caller.node, report, &self.links, Instant::now());
        }
        let classes = self.links.classes(&in_force.plan);
        let changed = classes != self.classes;
        if changed {
            self.classes = classes;
            self.border_revision += 1;
        }
        Ok(changed)
    }

    /// Takes a change of a FIB.
    pub(crate) fn forwarded(&mut self, caller: &Caller, change: FibChange) -> Result<(), ApiError> {
        if self.session(caller).is_none() {
            return Ok(());
        }
        let node = self.fleet.node(&caller.node);
        let revision = node.and_then(|n| n.current_report()).map_or(0, |r| r.revision);
        if !self.check_vn(change.vn, revision)? {
            return Ok(());
        }
        let Some(actual) = self.fleet.node_mut(&caller.node) else { return Ok(()) };
        let routes = self.inspector.as_ref().and_then(|i| i.routes(&caller.node, &change));
        actual.forwarded(change, MAX_ROUTES).map_err(|error| match error {
            FibError::Malformed(error) => ApiError::from(error),
            FibError::TooManyRoutes { max } => ApiError::TooManyRoutes { max },
        })?;
        if let (Some(inspector), Some(routes)) = (&mut self.inspector, routes) {
            inspector.forwarded(routes);
        }
        Ok(())
    }

    /// Whether word of `vn` counts. An agent that works towards `revision` may still speak of virtual networks that have
    /// left the topology; it is just not listened to.
    fn check_vn(&self, vn: VnId, revision: u64) -> Result<bool, ApiError> {
        let in_force = self.planned()?;
        if in_force.plan.vn(vn).is_some() {
            Ok(true)
        } else if self.retired.contains(&vn) || revision != in_force.revision {
            Ok(false)
        } else {
            Err(ApiError::UnknownVn { vn })
        }
    }

    /// Takes changed votes.
    pub(crate) fn voted(&mut self, caller: &Caller, change: VoteChange) -> Result<(), ApiError> {
        if self.session(caller).is_none() {
            return Ok(());
        }
        let plan = self.in_force.as_ref().and_then(|f| f.plan.node(&caller.node));
        let foreign = plan.and_then(|n| n.border.as_ref()).map_or(&[][..], |b| &b.foreign);
        let Some(actual) = self.fleet.node_mut(&caller.node) else { return Ok(()) };
        for (prefix, vote) in actual.voted(change, |prefix| foreign.iter().any(|f| f.prefix == *prefix))? {
            self.journal.note(&caller.node, prefix, vote);
        }
        Ok(())
    }

    /// Takes what a border has measured.
    pub(crate) fn probed(&mut self, caller: &Caller, report: v1::ProbeReport) {
        if self.session(caller).is_some()
            && let Some(actual) = self.fleet.node_mut(&caller.node)
        {
            actual.probes = Some(report);
        }
    }

    /// Puts a question to a border. The answer comes over the receiver, which fails if the border leaves.
    pub(crate) fn ask(
        &mut self,
        border: &NodeName,
        prefix: Ipv4Net,
    ) -> Result<oneshot::Receiver<Option<v1::Explanation>>, ApiError> {
        self.last_id += 1;
        let id = self.last_id;
        let away = || ApiError::BorderAway { border: border.clone() };
        let session = self.sessions.get_mut(&(Role::Border, border.clone())).ok_or_else(away)?;
        let question = v1::ExplainQuery { id, prefix: prefix.to_string() };
        session.explain.ask(id, question).map_err(|error| match error {
            DeskError::Full => ApiError::BorderBusy { border: border.clone() },
            DeskError::Closed => away(),
        })
    }

    /// Asks a node's agent what announces a prefix. `None` if it is not there, or has enough to do.
    pub(crate) fn ask_announced(
        &mut self,
        node: &NodeName,
        prefix: Ipv4Net,
    ) -> Option<oneshot::Receiver<Vec<v1::Announcement>>> {
        self.last_id += 1;
        let id = self.last_id;
        let session = self.sessions.get_mut(&(Role::Agent, node.clone()))?;
        session.announced.ask(id, v1::AnnouncedQuery { id, prefix: prefix.to_string() }).ok()
    }

    /// Takes a border's answer.
    pub(crate) fn answered(&mut self, caller: &Caller, reply: v1::ExplainReply) {
        if let Some(session) = self.session(caller) {
            session.explain.answered(reply.id, reply.explanation);
        }
    }

    /// Takes an agent's answer.
    pub(crate) fn announced(&mut self, caller: &Caller, reply: v1::AnnouncedReply) {
        if let Some(session) = self.session(caller) {
            session.announced.answered(reply.id, reply.announcements);
        }
    }

    /// The voted prefix that is meant by a prefix or an address at a border.
    pub(crate) fn voted_prefix(&self, border: &NodeName, asked: Ipv4Net) -> Result<Ipv4Net, ApiError> {
        let plan = &self.planned()?.plan;
        let known = || {
            let names = plan.nodes.iter().filter(|n| n.border.is_some()).map(|n| n.name.as_str());
            match names.take(20).collect::<Vec<_>>().join(", ") {
                names if names.is_empty() => "none".to_owned(),
                names => names,
            }
        };
        let unknown = || {
            let (network, border) = (plan.network.clone(), border.clone());
            ApiError::UnknownBorder { network, border, known: known() }
        };
        let found = plan.node(border).and_then(|n: &NodePlan| n.border.as_ref()).ok_or_else(unknown)?;
        let meant = |prefix: &Ipv4Net| {
            *prefix == asked || (asked.prefix_len() == 32 && prefix.contains(&asked.addr()))
        };
        if let Some(foreign) = found.foreign.iter().find(|f| meant(&f.prefix)) {
            return Ok(foreign.prefix);
        }
        let why = if found.attached.iter().any(|a| meant(&a.prefix)) {
            "it is attached there"
        } else {
            "it is not an attached prefix of another border"
        };
        Err(ApiError::UnknownPrefix { border: border.clone(), prefix: asked.to_string(), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        desk::MAX_QUESTIONS,
        report::RouterReport,
        testing::{Bench, RING, fine, hello, node, ring, running, snapshot, vn},
    };

    fn class(bench: &Bench, vn: usize) -> u64 {
        bench.state.desired().border(&node("north")).vns[vn].layout_class
    }

    #[test]
    fn only_nodes_of_this_network_may_join_and_only_borders_as_borders() {
        let mut bench = Bench::new(ring(1));
        let other = Hello { network: "star".parse().unwrap(), ..hello("east") };
        assert!(matches!(bench.state.join(Role::Agent, &other), Err(ApiError::OtherNetwork { .. })));
        let error = bench.state.join(Role::Agent, &hello("atlantis")).unwrap_err();
        assert!(error.to_string().contains("add it to the topology file"), "{error}");
        let error = bench.state.join(Role::Border, &hello("east")).unwrap_err();
        assert!(matches!(error, ApiError::NotBorder { .. }));
        assert!(bench.state.join(Role::Agent, &hello("east")).is_ok());

        let mut empty = State::new(None, BTreeSet::new(), SystemTime::UNIX_EPOCH, NetworkKey::of_test());
        assert!(matches!(empty.join(Role::Agent, &hello("east")), Err(ApiError::NoTopology)));
    }

    #[test]
    fn a_second_agent_takes_over_and_the_first_is_not_heard_any_more() {
        let mut bench = Bench::converged(ring(1));
        let first = bench.caller(Role::Agent, "east");
        let second = bench.join(Role::Agent, "east");
        let (_, inbox) = bench.callers.iter_mut().find(|(c, _)| *c == first).unwrap();
        assert_eq!(inbox.replaced.try_recv(), Ok(7));

        bench.report("east", |_| {});
        let east = bench.state.in_force.as_ref().unwrap().plan.node(&node("east")).unwrap().clone();
        let late = NodeReport { problems: vec!["late".into()], ..fine(&east, 1) };
        assert!(!bench.state.reported(&first, late).unwrap());
        bench.state.leave(&first, SystemTime::UNIX_EPOCH);
        let actual = bench.state.fleet.node(&node("east")).unwrap();
        assert!(actual.agent.is_connected() && actual.current_report().unwrap().problems.is_empty());
        bench.state.leave(&second, SystemTime::UNIX_EPOCH);
        assert!(!bench.state.fleet.node(&node("east")).unwrap().agent.is_connected());
    }

    #[test]
    fn layout_classes_are_unknown_until_every_node_has_reported_and_then_follow_the_links() {
        let mut bench = Bench::new(ring(1));
        assert_eq!((class(&bench, 0), class(&bench, 1)), (0, 0));
        bench = Bench::converged(ring(1));
        let whole = class(&bench, 0);
        assert!(whole != 0 && class(&bench, 1) == whole);
        let before = bench.state.desired();

        // A link down in red alone: another class for red, and a higher revision, for borders only.
        assert!(bench.report("east", |r| r.routers[0].links_down.extend([1])));
        assert!(class(&bench, 0) != whole && class(&bench, 1) == whole);
        let after = bench.state.desired();
        let (north, east) = (node("north"), node("east"));
        assert!(after.border(&north).revision > before.border(&north).revision);
        assert_eq!(after.agent(&east), before.agent(&east));

        // The same said again by the other end changes nothing.
        assert!(!bench.report("north", |r| r.routers[0].links_down.extend([1])));
        // A physical link down is down in both.
        assert!(bench.report("south", |r| r.links[1].1 = false));
        assert!(class(&bench, 0) != class(&bench, 1) && class(&bench, 1) != whole);
        // An agent that leaves changes nothing.
        bench.state.leave(&bench.caller(Role::Agent, "south"), SystemTime::UNIX_EPOCH);
        assert!(class(&bench, 1) != whole && class(&bench, 1) != 0);
    }

    #[test]
    fn word_of_an_unknown_virtual_network_is_refused_but_of_a_former_one_ignored() {
        let mut bench = Bench::converged(ring(1));
        let east = bench.caller(Role::Agent, "east");
        let error = bench.state.forwarded(&east, snapshot(vn(9), [])).unwrap_err();
        assert!(matches!(error, ApiError::UnknownVn { .. }));

        // Goal: green leaves the topology; agents still speak of it while they tear it down.
        let text: String =
            RING.lines().filter(|l| !l.contains("name: green")).map(|l| format!("{l}\n")).collect();
        let f = bench.state.in_force.clone().unwrap();
        let (next, _) = InForce::prepare(text, "ring.yaml", &f.allocation, 2, None).unwrap();
        bench.state.put_in_force(next);
        bench.state.forwarded(&east, snapshot(vn(2), [])).unwrap();
        bench.state.forwarded(&east, snapshot(vn(9), [])).unwrap();
        let green = f.plan.node(&node("east")).unwrap().routers[1].clone();
        let with_green =
            |r: &mut NodeReport| r.routers.push(RouterReport { adjacencies: 9, ..running(&green) });
        bench.report("east", with_green);
        assert!(bench.state.fleet.node(&node("east")).unwrap().router(vn(2)).is_none());
        assert!(bench.state.fleet.node(&node("east")).unwrap().fib(vn(2)).is_none());
        // Once the agent works towards the new topology, an id that never was is an error again.
        assert!(bench.state.forwarded(&east, snapshot(vn(9), [])).is_err());
    }

    #[test]
    fn a_node_that_leaves_the_topology_is_forgotten_and_the_others_are_not() {
        let mut bench = Bench::converged(ring(1));
        let text = RING
            .replace("    west: {}\n", "")
            .lines()
            .filter(|l| !l.contains("west"))
            .map(|l| format!("{l}\n"))
            .collect();
        let f = bench.state.in_force.clone().unwrap();
        let (next, _) = InForce::prepare(text, "ring.yaml", &f.allocation, 2, None).unwrap();
        let west = bench.caller(Role::Agent, "west");
        bench.state.put_in_force(next);
        assert!(bench.state.fleet.node(&node("west")).is_none());
        assert!(bench.state.desired().agent(&node("west")).routers.is_empty());
        assert!(!bench.state.reported(&west, NodeReport::default()).unwrap());
        let east = bench.state.fleet.node(&node("east")).unwrap();
        assert!(east.agent.is_connected() && east.current_fib(vn(1)).is_some());
    }

    #[test]
    fn a_voted_prefix_is_found_by_itself_or_by_an_address_in_it() {
        let bench = Bench::new(ring(1));
        let asked =
            |border: &str, prefix: &str| bench.state.voted_prefix(&node(border), prefix.parse().unwrap());
        let south: Ipv4Net = "198.18.2.0/24".parse().unwrap();
        assert_eq!(asked("north", "198.18.2.0/24").unwrap(), south);
        assert_eq!(asked("north", "198.18.2.10/32").unwrap(), south);
        let own = asked("north", "198.18.1.10/32").unwrap_err().to_string();
        assert!(own.contains("it is attached there"), "{own}");
        for unknown in ["198.18.2.0/25", "10.0.0.0/8", "0.0.0.0/0"] {
            assert!(matches!(asked("north", unknown), Err(ApiError::UnknownPrefix { .. })), "{unknown}");
        }
        let error = asked("east", "198.18.2.0/24").unwrap_err().to_string();
        assert!(error.contains("its borders are north, south"), "{error}");
    }

    #[test]
    fn questions_reach_the_border_and_answers_whoever_asked_and_neither_piles_up() {
        let mut bench = Bench::converged(ring(1));
        let north = bench.caller(Role::Border, "north");
        let prefix = "198.18.2.0/24".parse().unwrap();
        let mut answer = bench.state.ask(&node("north"), prefix).unwrap();
        let (_, inbox) = bench.callers.iter_mut().find(|(c, _)| *c == north).unwrap();
        let question = inbox.questions.try_recv().unwrap();
        assert_eq!(question.prefix, "198.18.2.0/24");
        let explanation = Some(v1::Explanation::default());
        // An answer to nobody's question is not an error.
        bench.state.answered(&north, v1::ExplainReply { id: question.id + 99, explanation: None });
        bench.state.answered(&north, v1::ExplainReply { id: question.id, explanation: explanation.clone() });
        assert_eq!(answer.try_recv(), Ok(explanation));

        let waiting: Vec<_> =
            (0..MAX_QUESTIONS).map(|_| bench.state.ask(&node("north"), prefix).unwrap()).collect();
        assert!(matches!(bench.state.ask(&node("north"), prefix), Err(ApiError::BorderBusy { .. })));
        bench.state.leave(&north, SystemTime::UNIX_EPOCH);
        for mut answer in waiting {
            assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        }
        assert!(matches!(bench.state.ask(&node("north"), prefix), Err(ApiError::BorderAway { .. })));
    }
}
