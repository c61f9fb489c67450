//! What a router's LSPs of one level should say: a pure function of what the router is and sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

use braid_isis_packet::{AreaAddress, Authentication, LanId, Level, SystemId};
use braid_isis_packet::{MAX_LINK_METRIC, MAX_NARROW_METRIC, MAX_PATH_METRIC};
use ipnet::Ipv4Net;

use super::entry::{Entries, Key, Value};
use crate::{
    Instant,
    config::{MetricStyle, Pacing},
};

/// What a [`View`] tells of what is said of prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// These prefixes only, in order; nothing else but the flags is other than in the view before.
    Prefixes(Vec<Ipv4Net>),
}

impl Scope {
    fn has(&self, net: &Ipv4Net) -> bool {
        match self {
            Self::All => true,
            Self::Prefixes(nets) => nets.binary_search(net).is_ok(),
        }
    }
}

/// What the LSPs of one level are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// This router.
    pub system: SystemId,
    /// The level.
    pub level: Level,
    /// Whether the router is one of level 2, whatever the level of the LSP (ISO 10589 §9.8, IS type).
    pub is_level_2: bool,
    /// Its areas.
    pub areas: BTreeSet<AreaAddress>,
    /// Its name (RFC 5301).
    pub host_name: Option<String>,
    /// Which metrics it tells.
    pub style: MetricStyle,
    /// Whether no traffic should pass through it.
    pub overload: bool,
    /// Whether it leads to other areas; said in level 1 only.
    pub attached: bool,
    /// Its circuits, those of the other level too.
    pub circuits: Vec<CircuitView>,
    /// What is to be looked at.
    pub scope: Scope,
    /// The prefixes in that scope that it repeats: from the other level, and from outside of the domain.
    pub repeated: Vec<(Ipv4Net, Repeated)>,
    /// Bytes that an LSP has for TLVs: its greatest size less its header and authentication.
    pub room: usize,
    /// How they are signed.
    pub auth: Authentication,
    /// Their lifetime in seconds.
    pub lifetime: u16,
    /// When they are said again though nothing changed.
    pub refresh: Duration,
    /// Back-off of those that change.
    pub pacing: Pacing,
    /// Whether the router has left the level, and so says nothing.
    pub left: bool,
    /// Until when this view holds, if the clock alone changes it.
    pub until: Option<Instant>,
}

/// A circuit, as LSPs see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CircuitView {
    /// Whether the router speaks this level on it.
    pub in_level: bool,
    /// Its metric at this level.
    pub metric: u32,
    /// Own addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Own prefixes and their metrics; none when the circuit is down.
    pub prefixes: BTreeMap<Ipv4Net, u32>,
    /// Neighbours with an adjacency that is up: the other router, or the pseudonode of the LAN.
    pub neighbours: Vec<LanId>,
    /// Where this router is the designated one: the number of the pseudonode, and the routers adjacent to this one.
    pub pseudonode: Option<(u8, BTreeSet<SystemId>)>,
}

/// A prefix from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// Its metric.
    pub metric: u32,
    /// RFC 5302 §2: it comes down from level 2.
    pub down: bool,
    /// It comes from outside of the domain.
    pub external: bool,
    /// Its narrow metric does not compare with metrics of the domain.
    pub external_metric: bool,
}

/// What the LSPs of a node say, all fragments together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Whether fragment 0 has the overload bit.
    pub overload: bool,
    /// Whether fragment 0 has the attached bit.
    pub attached: bool,
    /// The entries.
    pub entries: Entries,
}

/// What this router and the pseudonodes that it speaks for should say, by pseudonode number (0: the router).
pub fn wanted(view: &View) -> BTreeMap<u8, Node> {
    if view.left {
        return BTreeMap::new();
    }
    let (overload, attached) = flags(view);
    let mut nodes = BTreeMap::from([(0, Node { overload, attached, entries: router(view) })]);
    for circuit in view.circuits.iter().filter(|circuit| circuit.in_level) {
        if let Some((number, members)) = &circuit.pseudonode {
            nodes.insert(*number, pseudonode(view, members));
        }
    }
    nodes
}

/// What this router should say of each of the prefixes `nets`, in order, by key; `None`: nothing.
pub fn wanted_of(view: &View, nets: &[Ipv4Net]) -> Vec<(Key, Option<Value>)> {
    let mut entries = Entries::new();
    prefixes(view, &mut entries);
    let entries = combined(entries);
    let styles = [
        (tells_narrow(view.style), Key::NarrowPrefix as fn(Ipv4Net) -> Key),
        (tells_narrow(view.style), Key::NarrowExternal),
        (tells_wide(view.style), Key::WidePrefix),
    ];
    let keys = styles.into_iter().filter(|(is_told, _)| *is_told);
    keys.flat_map(|(_, key)| nets.iter().map(move |net| key(*net)))
        .map(|key| {
            let found = entries.binary_search_by(|(other, _)| other.cmp(&key));
            (key, found.ok().map(|at| entries[at].1))
        })
        .collect()
}

/// The overload and attached bits of this router.
pub fn flags(view: &View) -> (bool, bool) {
    (view.overload, view.attached && view.level == Level::One)
}

/// ISO 10589 §7.3.10: the LSP of a pseudonode names the routers of the LAN, at no cost, and nothing else.
fn pseudonode(view: &View, members: &BTreeSet<SystemId>) -> Node {
    let mut entries = Entries::new();
    for member in members.iter().copied().chain([view.system]) {
        neighbour(&mut entries, view.style, member.node(), 0);
    }
    Node { entries: combined(entries), ..Node::default() }
}

/// ISO 10589 §7.3.7 to §7.3.9, RFC 1195 §3.1 and §3.2.
fn router(view: &View) -> Entries {
    let mut entries = Entries::new();
    entries.extend(view.areas.iter().map(|area| (Key::Area(*area), OWN)));
    entries.push((Key::Protocols, OWN));
    entries.extend(view.host_name.iter().map(|name| (Key::Name(name.clone()), OWN)));
    for circuit in view.circuits.iter().filter(|circuit| circuit.in_level) {
        entries.extend(circuit.addresses.iter().map(|address| (Key::Address(*address), OWN)));
        for node in &circuit.neighbours {
            neighbour(&mut entries, view.style, *node, circuit.metric);
        }
    }
    prefixes(view, &mut entries);
    combined(entries)
}

/// The prefixes in the view's scope, own and repeated.
fn prefixes(view: &View, entries: &mut Entries) {
    let own = view.circuits.iter().filter(|circuit| circuit.in_level).flat_map(|circuit| &circuit.prefixes);
    let own = own.map(|(net, metric)| {
        let own = Repeated { metric: *metric, down: false, external: false, external_metric: false };
        (net.trunc(), own, true)
    });
    let own: Vec<_> = own.filter(|(net, ..)| view.scope.has(net)).collect();
    let repeated = view.repeated.iter().map(|(net, repeated)| (net.trunc(), *repeated, false));
    let all = own.into_iter().chain(repeated);
    // One kind of entry after the other: so they are nearly in order.
    if tells_narrow(view.style) {
        entries.extend(all.clone().map(|(net, from, own)| narrow_prefix(net, &from, own)));
    }
    if tells_wide(view.style) {
        entries.extend(all.filter_map(|(net, from, own)| wide_prefix(net, &from, own)));
    }
}

const OWN: Value = Value { metric: 0, down: false, external_metric: false, own: true };

const fn tells_narrow(style: MetricStyle) -> bool {
    matches!(style, MetricStyle::Narrow | MetricStyle::Transition)
}

const fn tells_wide(style: MetricStyle) -> bool {
    matches!(style, MetricStyle::Wide | MetricStyle::Transition)
}

/// Several circuits to one neighbour are one entry with the least metric: others only care for that.
fn neighbour(entries: &mut Entries, style: MetricStyle, node: LanId, metric: u32) {
    if tells_narrow(style) {
        let metric = metric.min(u32::from(MAX_NARROW_METRIC));
        entries.push((Key::NarrowNeighbour(node), Value { metric, ..OWN }));
    }
    if tells_wide(style) {
        let metric = metric.min(MAX_LINK_METRIC);
        entries.push((Key::WideNeighbour(node), Value { metric, ..OWN }));
    }
}

fn narrow_prefix(net: Ipv4Net, from: &Repeated, own: bool) -> (Key, Value) {
    let key = if from.external { Key::NarrowExternal(net) } else { Key::NarrowPrefix(net) };
    let metric = from.metric.min(u32::from(MAX_NARROW_METRIC));
    (key, Value { metric, down: from.down, external_metric: from.external_metric, own })
}

fn wide_prefix(net: Ipv4Net, from: &Repeated, own: bool) -> Option<(Key, Value)> {
    let value = Value { metric: from.metric, down: from.down, external_metric: false, own };
    (from.metric <= MAX_PATH_METRIC).then_some((Key::WidePrefix(net), value))
}

/// Sorts entries. Of two words on one thing, that which did not come down counts (RFC 5302 §3.2), then the least metric.
fn combined(mut entries: Entries) -> Entries {
    let rank = |value: &Value| (value.down, value.external_metric, value.metric);
    // Stable, as most of it comes in order.
    entries.sort_by(|(key, _), (other, _)| key.cmp(other));
    entries.dedup_by(|(key, value), (other, best)| {
        let is_same = key == other;
        if is_same {
            let own = best.own || value.own;
            *best = Value { own, ..std::cmp::min_by_key(*best, *value, rank) };
        }
        is_same
    });
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(number: u8) -> SystemId {
        SystemId([0, 0, 0, 0, 0, number])
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a prefix")
    }

    fn circuit(metric: u32, neighbour: LanId) -> CircuitView {
        let prefixes = [(net("10.0.0.0/24"), metric)].into();
        CircuitView {
            in_level: true,
            metric,
            neighbours: vec![neighbour],
            prefixes,
            ..CircuitView::default()
        }
    }

    fn view(circuits: Vec<CircuitView>, repeated: Vec<(Ipv4Net, Repeated)>) -> View {
        View {
            system: system(1),
            level: Level::One,
            is_level_2: true,
            areas: BTreeSet::new(),
            host_name: None,
            style: MetricStyle::Wide,
            overload: false,
            attached: true,
            circuits,
            scope: Scope::All,
            repeated,
            room: 1400,
            auth: Authentication::None,
            lifetime: 1200,
            refresh: Duration::from_secs(900),
            pacing: Pacing::default(),
            left: false,
            until: None,
        }
    }

    fn value(node: &Node, key: &Key) -> Option<Value> {
        node.entries.iter().find(|(other, _)| other == key).map(|(_, value)| *value)
    }

    fn metric(node: &Node, key: &Key) -> Option<u32> {
        value(node, key).map(|value| value.metric)
    }

    #[test]
    fn parallel_links_are_said_once_at_the_least_metric() {
        let peer = system(2).node();
        let nodes = wanted(&view(vec![circuit(20, peer), circuit(10, peer), circuit(30, peer)], Vec::new()));
        assert_eq!(metric(&nodes[&0], &Key::WideNeighbour(peer)), Some(10));
        assert_eq!(metric(&nodes[&0], &Key::WidePrefix(net("10.0.0.0/24"))), Some(10));
    }

    #[test]
    fn a_prefix_from_two_sides_is_said_as_the_better_one() {
        let from = |metric, down| Repeated { metric, down, external: false, external_metric: false };
        let [own, other] = [net("10.0.0.0/24"), net("10.1.0.0/24")];
        let repeated = vec![(own, from(5, false)), (other, from(1, true)), (other, from(50, false))];
        let nodes = wanted(&view(vec![circuit(10, system(2).node())], repeated));
        let own = value(&nodes[&0], &Key::WidePrefix(own)).expect("it is said");
        assert_eq!((own.metric, own.own), (5, true));
        let other = value(&nodes[&0], &Key::WidePrefix(other)).expect("it is said");
        assert_eq!((other.metric, other.down), (50, false), "what came down is no better for being near");
    }

    #[test]
    fn a_prefix_beyond_the_greatest_path_metric_is_not_said() {
        let far =
            Repeated { metric: MAX_PATH_METRIC + 1, down: false, external: true, external_metric: false };
        let mut view = view(Vec::new(), vec![(net("10.1.0.0/24"), far)]);
        assert_eq!(metric(&wanted(&view)[&0], &Key::WidePrefix(net("10.1.0.0/24"))), None);
        view.style = MetricStyle::Narrow;
        assert_eq!(metric(&wanted(&view)[&0], &Key::NarrowExternal(net("10.1.0.0/24"))), Some(63));
    }

    #[test]
    fn a_circuit_of_the_other_level_is_not_said() {
        let other = CircuitView {
            in_level: false,
            pseudonode: Some((3, BTreeSet::new())),
            ..circuit(10, system(2).node())
        };
        let nodes = wanted(&view(vec![other], Vec::new()));
        assert_eq!(nodes.keys().copied().collect::<Vec<_>>(), [0]);
        let keys: Vec<&Key> = nodes[&0].entries.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [&Key::Protocols]);
    }

    #[test]
    fn the_attached_bit_is_one_of_level_1() {
        let mut view = view(Vec::new(), Vec::new());
        assert!(wanted(&view)[&0].attached);
        view.level = Level::Two;
        assert!(!wanted(&view)[&0].attached);
    }
}
