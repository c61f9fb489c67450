//! The verifier against an oracle that knows nothing: it walks every address by itself, hop by hop, from scratch.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use crate::world::{name, net, port, topology, vn};
use braid_verify::{Action, DropReason, InterfaceId, NodeId, Topology, Verdict, Verifier};
use ipnet::Ipv4Net;
use proptest::{collection::vec, prelude::*, sample::select};

const NODES: &str = "abcdef";
const LINKS: &str = "ab bc cd de ef fa be ac";
const ATTACHED: [(char, &str); 6] = [
    ('a', "10.0.0.0/26"),
    ('b', "10.0.0.0/28"),
    ('c', "10.0.0.0/28"),
    ('d', "10.0.0.64/27"),
    ('e', "10.0.0.68/30"),
    ('f', "10.0.0.127/32"),
];

/// What a test may do to the world. Next hops are letters; one that is not a neighbour is an interface that leads nowhere.
#[derive(Debug, Clone)]
enum Event {
    Apply(char, Vec<(Ipv4Net, Option<Do>)>),
    Snapshot(char, Vec<(Ipv4Net, Do)>),
    Forget(char),
    Link(char, char, bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Do {
    Send(Vec<char>),
    Deliver,
    Local,
    Drop(DropReason),
}

fn prefix() -> impl Strategy<Value = Ipv4Net> {
    let small = (0..128_u8, 24..=32_u8)
        .prop_map(|(host, length)| Ipv4Net::new(Ipv4Addr::new(10, 0, 0, host), length).unwrap().trunc());
    let usual = select(ATTACHED.iter().map(|(_, prefix)| net(prefix)).collect::<Vec<_>>());
    let loopback = (1..=6_u8).prop_map(|node| Ipv4Net::new(Ipv4Addr::new(100, 64, 0, node), 32).unwrap());
    let wide = select(vec![net("0.0.0.0/0"), net("10.0.0.0/8"), net("100.64.0.0/29"), net("128.0.0.0/1")]);
    prop_oneof![3 => small, 4 => usual, 1 => loopback, 1 => wide]
}

fn action() -> impl Strategy<Value = Do> {
    let letters = NODES.chars().collect::<Vec<_>>();
    prop_oneof![
        8 => vec(select(letters), 0..4).prop_map(Do::Send),
        3 => Just(Do::Deliver),
        1 => Just(Do::Local),
        1 => select(vec![DropReason::Blackhole, DropReason::Unreachable]).prop_map(Do::Drop),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let node = || select(NODES.chars().collect::<Vec<_>>());
    let link =
        select(LINKS.split(' ').flat_map(|l| [l.to_owned(), l.chars().rev().collect()]).collect::<Vec<_>>());
    let change = (prefix(), proptest::option::weighted(0.7, action()));
    prop_oneof![
        12 => (node(), vec(change, 1..4)).prop_map(|(node, changes)| Event::Apply(node, changes)),
        2 => (node(), vec((prefix(), action()), 0..8)).prop_map(|(node, routes)| Event::Snapshot(node, routes)),
        1 => node().prop_map(Event::Forget),
        3 => (link, any::<bool>()).prop_map(|(link, up)| {
            let ends: Vec<char> = link.chars().collect();
            Event::Link(ends[0], ends[1], up)
        }),
    ]
}

/// The oracle's whole memory: plain lists of routes, and links that are down.
#[derive(Default)]
struct Oracle {
    fibs: BTreeMap<char, BTreeMap<Ipv4Net, Do>>,
    down: BTreeSet<(char, char)>,
}

/// The fate of one address from one node on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Fate {
    egress: BTreeSet<char>,
    drops: BTreeSet<(char, DropReason)>,
    unknown: BTreeSet<char>,
    /// For each knot of loops, the nodes in it.
    knots: BTreeSet<BTreeSet<char>>,
    edges: BTreeSet<(char, char)>,
}

impl Oracle {
    fn handle(&mut self, event: &Event) {
        match event {
            Event::Apply(node, changes) => {
                if let Some(fib) = self.fibs.get_mut(node) {
                    for (prefix, action) in changes {
                        fib.remove(prefix);
                        fib.extend(action.iter().map(|action| (*prefix, action.clone())));
                    }
                }
            }
            Event::Snapshot(node, routes) => {
                self.fibs.insert(*node, routes.iter().cloned().collect());
            }
            Event::Forget(node) => {
                self.fibs.remove(node);
            }
            Event::Link(a, b, true) => {
                self.down.remove(&(*a, *b));
            }
            Event::Link(a, b, false) => {
                self.down.insert((*a, *b));
            }
        }
    }

    fn carries(&self, a: char, b: char) -> bool {
        let linked = LINKS.split(' ').any(|link| link == format!("{a}{b}") || link == format!("{b}{a}"));
        linked && !self.down.contains(&(a, b)) && !self.down.contains(&(b, a))
    }

    fn fate(&self, address: Ipv4Addr, ingress: char) -> Fate {
        let mut fate = Fate::default();
        let mut seen = BTreeSet::from([ingress]);
        let mut todo = vec![ingress];
        while let Some(node) = todo.pop() {
            let Some(fib) = self.fibs.get(&node) else {
                fate.unknown.insert(node);
                continue;
            };
            let loopback = Ipv4Addr::new(100, 64, 0, 1 + NODES.find(node).unwrap() as u8);
            if address == loopback {
                fate.egress.insert(node);
                continue;
            }
            let best = fib.iter().filter(|(prefix, _)| prefix.contains(&address));
            match best.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|(_, action)| action) {
                None => drop(fate.drops.insert((node, DropReason::NoRoute))),
                Some(Do::Drop(reason)) => drop(fate.drops.insert((node, *reason))),
                Some(Do::Local) => drop(fate.egress.insert(node)),
                Some(Do::Deliver) => {
                    let attached =
                        |(at, prefix): &(char, &str)| *at == node && net(prefix).contains(&address);
                    if ATTACHED.iter().any(attached) {
                        fate.egress.insert(node);
                    } else {
                        fate.drops.insert((node, DropReason::NotAttached));
                    }
                }
                Some(Do::Send(peers)) => {
                    if peers.is_empty() {
                        fate.drops.insert((node, DropReason::DeadNextHop));
                    }
                    for peer in peers.iter().copied() {
                        if !self.carries(node, peer) {
                            fate.drops.insert((node, DropReason::DeadNextHop));
                            continue;
                        }
                        fate.edges.insert((node, peer));
                        if seen.insert(peer) {
                            todo.push(peer);
                        }
                    }
                }
            }
        }
        // By closing reachability: two nodes are in one knot if each reaches the other.
        let mut reaches = fate.edges.clone();
        for middle in NODES.chars() {
            let via: Vec<_> = reaches.iter().filter(|(_, to)| *to == middle).map(|(from, _)| *from).collect();
            let on: Vec<_> = reaches.iter().filter(|(from, _)| *from == middle).map(|(_, to)| *to).collect();
            reaches.extend(via.iter().flat_map(|from| on.iter().map(|to| (*from, *to))));
        }
        for node in NODES.chars().filter(|node| reaches.contains(&(*node, *node))) {
            let mutual =
                |other: &char| reaches.contains(&(node, *other)) && reaches.contains(&(*other, node));
            fate.knots.insert(NODES.chars().filter(mutual).collect());
        }
        fate
    }

    /// The fates, doubles removed, of all addresses that `interest` has to itself; every address where they may differ is tried.
    fn fates(&self, interest: Ipv4Net, interests: &[Ipv4Net], ingress: char) -> Vec<Fate> {
        let mut fates: Vec<Fate> = Vec::new();
        for address in interest.network().to_bits()..=interest.broadcast().to_bits() {
            let address = Ipv4Addr::from(address);
            let longer = |other: &&Ipv4Net| other.prefix_len() > interest.prefix_len();
            if interests.iter().filter(longer).any(|other| other.contains(&address)) {
                continue;
            }
            let fate = self.fate(address, ingress);
            if !fates.contains(&fate) {
                fates.push(fate);
            }
        }
        fates
    }
}

/// The verifier, driven by the same events.
struct Subject(Verifier);

impl Subject {
    fn node(&self, letter: char) -> NodeId {
        self.0.node(&name(letter)).unwrap()
    }

    fn interface(&self, node: char, peer: char) -> InterfaceId {
        self.0.interface(vn(), self.node(node), &port(peer)).unwrap_or(InterfaceId::NOWHERE)
    }

    fn action(&self, node: char, action: &Do) -> Action {
        match action {
            Do::Send(peers) => {
                Action::Forward(peers.iter().map(|peer| self.interface(node, *peer)).collect())
            }
            Do::Deliver => Action::Deliver,
            Do::Local => Action::Local,
            Do::Drop(reason) => Action::Drop(*reason),
        }
    }

    fn handle(&mut self, event: &Event) {
        match event {
            Event::Apply(node, changes) => {
                let changes: Vec<_> = changes
                    .iter()
                    .map(|(prefix, action)| {
                        (*prefix, action.as_ref().map(|action| self.action(*node, action)))
                    })
                    .collect();
                let _ = self.0.apply(vn(), self.node(*node), &changes);
            }
            Event::Snapshot(node, routes) => {
                let routes: Vec<_> =
                    routes.iter().map(|(prefix, action)| (*prefix, self.action(*node, action))).collect();
                self.0.set_snapshot(vn(), self.node(*node), &routes).unwrap();
            }
            Event::Forget(node) => self.0.forget(vn(), self.node(*node)).unwrap(),
            Event::Link(a, b, up) => self.0.set_link(vn(), self.interface(*a, *b), *up).unwrap(),
        }
    }

    fn letter(&self, node: NodeId) -> char {
        self.0.node_name(node).unwrap().as_str().chars().next().unwrap()
    }
}

fn shape() -> Topology {
    topology(NODES, LINKS, &ATTACHED)
}

fn interests() -> Vec<Ipv4Net> {
    let loopbacks = (1..=6).map(|node| Ipv4Net::from(Ipv4Addr::new(100, 64, 0, node)));
    let attached: BTreeSet<_> = ATTACHED.iter().map(|(_, prefix)| net(prefix)).collect();
    attached.into_iter().chain(loopbacks).collect()
}

fn check(subject: &Subject, oracle: &Oracle, prefix: Ipv4Net, ingress: char) {
    let interests = interests();
    let verdict = subject.0.verdict(vn(), prefix, subject.node(ingress)).unwrap();
    let fates = oracle.fates(prefix, &interests, ingress);
    let context = || format!("{prefix} from {ingress}: {verdict:?} against {fates:?}");

    let letters = |nodes: &[NodeId]| nodes.iter().map(|n| subject.letter(*n)).collect::<Vec<_>>();
    let union = |of: fn(&Fate) -> &BTreeSet<char>| {
        fates.iter().flat_map(of).copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(letters(&verdict.egress), union(|fate| &fate.egress), "{}", context());
    assert_eq!(letters(&verdict.unknown), union(|fate| &fate.unknown), "{}", context());
    let drops: BTreeSet<_> = fates.iter().flat_map(|fate| fate.drops.iter().copied()).collect();
    let told: Vec<_> = verdict.drops.iter().map(|(node, why)| (subject.letter(*node), *why)).collect();
    assert_eq!(told, drops.into_iter().collect::<Vec<_>>(), "{}", context());

    // Every loop told is one that a packet can take, and every knot of loops is told of.
    let loops: Vec<_> = verdict.loops.iter().map(|nodes| letters(nodes)).collect();
    for cycle in &loops {
        let next = cycle.iter().cycle().skip(1);
        let edges: Vec<_> = cycle.iter().copied().zip(next.copied()).collect();
        assert!(fates.iter().any(|fate| edges.iter().all(|edge| fate.edges.contains(edge))), "{}", context());
        assert_eq!(cycle.iter().min(), cycle.first(), "{}", context());
    }
    for knot in fates.iter().flat_map(|fate| &fate.knots) {
        assert!(loops.iter().any(|cycle| cycle.iter().all(|node| knot.contains(node))), "{}", context());
    }
    let ends = |fate: &Fate| Fate { edges: BTreeSet::new(), ..fate.clone() };
    let differ = fates.iter().any(|fate| ends(fate) != ends(&fates[0]));
    let may_differ = differ || fates.iter().any(|fate| !fate.knots.is_empty()) && fates.len() > 1;
    assert!(!differ || verdict.partial, "{}", context());
    assert!(!verdict.partial || may_differ, "{}", context());
}

fn verdicts(verifier: &Verifier) -> BTreeMap<(Ipv4Net, NodeId), Verdict> {
    let ids = NODES.chars().map(|letter| verifier.node(&name(letter)).unwrap());
    let pairs = ids.flat_map(|id| interests().into_iter().map(move |prefix| (prefix, id)));
    pairs.map(|(prefix, id)| ((prefix, id), (*verifier.verdict(vn(), prefix, id).unwrap()).clone())).collect()
}

proptest! {
    /// Whatever happened, every verdict is what walking every address says, and the changes told add up to the verdicts.
    #[test]
    fn verdicts_are_what_walks_from_scratch_say(
        full in any::<bool>(),
        events in vec(event(), 1..40),
        asked in vec(any::<bool>(), 40),
    ) {
        let mut oracle = Oracle::default();
        let mut subject = Subject(Verifier::new(&shape()).unwrap());
        let mut mirror = verdicts(&subject.0);
        let start: Vec<_> =
            NODES.chars().filter(|_| full).map(|node| Event::Snapshot(node, Vec::new())).collect();
        for (event, ask) in start.iter().chain(&events).zip(asked.iter().cycle()) {
            oracle.handle(event);
            subject.handle(event);
            if *ask {
                for change in subject.0.changes() {
                    let before = mirror.insert((change.prefix, change.ingress), (*change.verdict).clone());
                    prop_assert_ne!(before.as_ref(), Some(&*change.verdict), "told without a change");
                }
                prop_assert_eq!(&mirror, &verdicts(&subject.0));
            }
        }
        for prefix in interests() {
            for ingress in NODES.chars() {
                check(&subject, &oracle, prefix, ingress);
            }
        }
    }

    /// The state is a function of the FIBs and links, not of the way there: a verifier told only the end state, in another
    /// order, says the same and holds exactly as much. So nothing is left of what came and went.
    #[test]
    fn the_way_there_does_not_matter(events in vec(event(), 1..60), order in any::<u64>()) {
        let mut subject = Subject(Verifier::new(&shape()).unwrap());
        let mut oracle = Oracle::default();
        for event in &events {
            oracle.handle(event);
            subject.handle(event);
        }
        subject.0.changes();

        let mut fresh = Subject(Verifier::new(&shape()).unwrap());
        let mut end: Vec<Event> = oracle.down.iter().map(|(a, b)| Event::Link(*a, *b, false)).collect();
        for (node, fib) in &oracle.fibs {
            let half = fib.len() * (order % 3) as usize / 2;
            let routes = fib.iter().take(half).map(|(prefix, action)| (*prefix, action.clone()));
            end.push(Event::Snapshot(*node, routes.collect()));
            let rest = fib.iter().skip(half).map(|(prefix, action)| (*prefix, Some(action.clone())));
            end.extend(rest.rev().map(|change| Event::Apply(*node, vec![change])));
        }
        // Routes after their node's snapshot, else any order.
        let shift = (order as usize) % end.len().max(1);
        let key = |event: &Event| match event {
            Event::Apply(..) => 1,
            _ => 0,
        };
        end.rotate_left(shift);
        end.sort_by_key(key);
        end.iter().for_each(|event| fresh.handle(event));
        fresh.0.changes();
        prop_assert_eq!(verdicts(&subject.0), verdicts(&fresh.0));
        prop_assert_eq!(subject.0.size(), fresh.0.size());
        for node in NODES.chars() {
            let id = subject.node(node);
            prop_assert_eq!(subject.0.routes(vn(), id), fresh.0.routes(vn(), id));
        }
    }

    /// Doing something and undoing it changes nothing at all.
    #[test]
    fn apply_and_undo_is_nothing(
        before in vec(event(), 1..30),
        node in select(NODES.chars().collect::<Vec<_>>()),
        changes in vec((prefix(), proptest::option::of(action())), 1..5),
    ) {
        let mut subject = Subject(Verifier::new(&shape()).unwrap());
        before.iter().for_each(|event| subject.handle(event));
        subject.handle(&Event::Snapshot(node, vec![(net("10.0.0.0/25"), Do::Send(vec!['a', 'b']))]));
        subject.0.changes();
        let (size, verdicts_before) = (subject.0.size(), verdicts(&subject.0));
        let routes = subject.0.routes(vn(), subject.node(node)).unwrap();
        subject.handle(&Event::Apply(node, changes.clone()));
        let undo: Vec<_> = changes
            .iter()
            .map(|(prefix, _)| {
                let route = routes.iter().find(|(other, _)| other == prefix);
                (*prefix, route.map(|(_, action)| action.clone()))
            })
            .collect();
        subject.0.apply(vn(), subject.node(node), &undo).unwrap();
        prop_assert_eq!(subject.0.changes(), vec![]);
        prop_assert_eq!(subject.0.size(), size);
        prop_assert_eq!(verdicts(&subject.0), verdicts_before);
    }
}
