//! What the kernel has, as far as it said: a routing table, the nexthop objects it uses, and the interfaces.
//! Pure: it takes updates and says which entries differ.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ipnet::Ipv4Net;

use crate::{
    FibEntry, FibNextHop, Link, LinkState, Nexthop, NexthopTarget, Route, nexthop::resolve, route::KernelRoute,
};

/// How a route was put among those of its prefix (`fib_table_insert` in net/ipv4/fib_trie.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placing {
    /// Before those of the same metric.
    First,
    /// After those of the same metric.
    Last,
    /// In the place of the first of the same metric.
    Replace,
}

/// A notification, decoded.
#[derive(Debug, Clone)]
pub(super) enum Update {
    Route(KernelRoute, Placing),
    NoRoute(KernelRoute),
    Nexthop(Nexthop),
    NoNexthop(u32),
    Link(Link),
    NoLink(Link),
    NoAddress,
}

/// How well the table is known after an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// The update told nothing new.
    Unchanged,
    /// As well as before.
    Exact,
    /// The update does not quite fit to what was known: list the table soon.
    Doubtful,
    /// Routes may have gone in silence: list the table now.
    Broken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: Arc<str>,
    pub(super) state: LinkState,
}

/// What may differ from what was told.
#[derive(Debug, Default)]
struct Touched {
    prefixes: HashSet<Ipv4Net>,
    nexthops: HashSet<u32>,
    interfaces: HashSet<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    /// The routes of each prefix in the order the kernel tries them: type of service falling, then metric rising.
    routes: HashMap<Ipv4Net, Vec<KernelRoute>>,
    nexthops: HashMap<u32, Nexthop>,
    interfaces: HashMap<u32, Interface>,
    touched: Touched,
}

impl Table {
    pub(super) fn new(links: Vec<Link>, nexthops: Vec<Nexthop>, routes: Vec<KernelRoute>) -> Self {
        let mut table = Self {
            interfaces: links.into_iter().map(|link| (link.index, interface(&link))).collect(),
            nexthops: nexthops.into_iter().map(|nexthop| (nexthop.id, nexthop)).collect(),
            ..Self::default()
        };
        for route in routes {
            table.routes.entry(route.route.prefix).or_default().push(route);
        }
        table
    }

    /// Takes the place of another table: whatever either knows may differ from what was told.
    pub(super) fn supersede(&mut self, old: Self) {
        self.touched.prefixes.extend(old.touched.prefixes);
        self.touched.prefixes.extend(old.routes.into_keys().chain(self.routes.keys().copied()));
        self.touched.interfaces.extend(old.touched.interfaces);
        self.touched.interfaces.extend(old.interfaces.into_keys().chain(self.interfaces.keys().copied()));
    }

    pub(super) fn apply(&mut self, update: Update) -> Trust {
        match update {
            Update::Route(route, placing) => self.add_route(route, placing),
            Update::NoRoute(route) => self.delete_route(&route),
            Update::Nexthop(nexthop) => self.set_nexthop(nexthop),
            Update::NoNexthop(id) => self.delete_nexthop(id),
            Update::Link(link) => {
                let now = interface(&link);
                let before = self.interfaces.insert(link.index, now.clone());
                if before.as_ref() == Some(&now) {
                    return Trust::Unchanged;
                }
                self.touched.interfaces.insert(link.index);
                // A new one has no routes to lose; one that changes may have lost some.
                if before.is_some_and(|before| before.state != now.state) { Trust::Broken } else { Trust::Exact }
            }
            Update::NoLink(link) => {
                let gone = Interface { state: LinkState::Gone, ..interface(&link) };
                if self.interfaces.insert(link.index, gone).is_none_or(|before| before.state == LinkState::Gone) {
                    return Trust::Unchanged;
                }
                self.touched.interfaces.insert(link.index);
                Trust::Broken
            }
            Update::NoAddress => Trust::Broken,
        }
    }

    fn add_route(&mut self, route: KernelRoute, placing: Placing) -> Trust {
        let prefix = route.route.prefix;
        let routes = self.routes.entry(prefix).or_default();
        if let Some(same) = routes.iter_mut().find(|known| known.is_same(&route)) {
            // Told again: after a change of the nexthop object it names, or because a list had it already.
            if *same == route {
                return Trust::Unchanged;
            }
            *same = route;
            self.touched.prefixes.insert(prefix);
            return Trust::Exact;
        }
        self.touched.prefixes.insert(prefix);
        let key = |route: &Route| (route.tos, route.priority);
        let own = key(&route.route);
        let before = |known: &KernelRoute| {
            let (tos, priority) = key(&known.route);
            tos > own.0 || tos == own.0 && priority < own.1
        };
        let first = routes.iter().position(|known| !before(known)).unwrap_or(routes.len());
        let alike = routes[first..].iter().take_while(|known| key(&known.route) == own).count();
        match placing {
            Placing::Replace if alike == 0 => {
                routes.insert(first, route);
                return Trust::Doubtful;
            }
            Placing::Replace => routes[first] = route,
            Placing::First => routes.insert(first, route),
            Placing::Last => routes.insert(first + alike, route),
        }
        Trust::Exact
    }

    fn delete_route(&mut self, route: &KernelRoute) -> Trust {
        let prefix = route.route.prefix;
        let routes = self.routes.entry(prefix).or_default();
        let Some(place) = routes.iter().position(|known| known.is_same(route)) else { return Trust::Doubtful };
        routes.remove(place);
        if routes.is_empty() {
            self.routes.remove(&prefix);
        }
        self.touched.prefixes.insert(prefix);
        Trust::Exact
    }

    fn set_nexthop(&mut self, nexthop: Nexthop) -> Trust {
        let id = nexthop.id;
        if self.nexthops.get(&id) == Some(&nexthop) {
            return Trust::Unchanged;
        }
        self.nexthops.insert(id, nexthop);
        self.touched.nexthops.insert(id);
        Trust::Exact
    }

    /// The kernel deletes the routes to a deleted nexthop object without a word.
    fn delete_nexthop(&mut self, id: u32) -> Trust {
        if self.nexthops.remove(&id).is_none() {
            return Trust::Unchanged;
        }
        self.touched.nexthops.insert(id);
        let touched = &mut self.touched.prefixes;
        self.routes.retain(|prefix, routes| {
            let before = routes.len();
            routes.retain(|route| route.route.nexthop_id != Some(id));
            if routes.len() != before {
                touched.insert(*prefix);
            }
            !routes.is_empty()
        });
        Trust::Doubtful
    }

    /// The interfaces that were touched, with their state, by index.
    pub(super) fn touched_interfaces(&mut self) -> Vec<(u32, Option<Interface>)> {
        let mut touched: Vec<_> = self
            .touched
            .interfaces
            .iter()
            .map(|index| (*index, self.interfaces.get(index).cloned()))
            .collect();
        touched.sort_unstable_by_key(|(index, _)| *index);
        touched
    }

    /// The prefixes that were touched with their best routes, by prefix. After this, none is.
    pub(super) fn take_touched(&mut self) -> Vec<(Ipv4Net, Option<FibEntry>)> {
        let mut touched = std::mem::take(&mut self.touched);
        let direct = touched.nexthops.clone();
        let in_touched_group = |nexthop: &&Nexthop| match &nexthop.target {
            NexthopTarget::Group(members) => members.iter().any(|member| direct.contains(&member.id)),
            _ => false,
        };
        touched.nexthops.extend(self.nexthops.values().filter(in_touched_group).map(|nexthop| nexthop.id));
        let on_touched_interface: HashSet<u32> = self
            .nexthops
            .values()
            .filter(|nexthop| uses(nexthop, &self.nexthops, &touched.interfaces))
            .map(|nexthop| nexthop.id)
            .collect();
        touched.nexthops.extend(on_touched_interface);
        if !touched.nexthops.is_empty() || !touched.interfaces.is_empty() {
            let is_touched = |route: &KernelRoute| {
                route.route.nexthop_id.is_some_and(|id| touched.nexthops.contains(&id))
                    || route.route.next_hops.iter().any(|hop| touched.interfaces.contains(&hop.ifindex))
            };
            let by_way = self.routes.iter().filter(|(_, routes)| routes.iter().any(is_touched));
            touched.prefixes.extend(by_way.map(|(prefix, _)| *prefix));
        }
        let mut entries: Vec<_> =
            touched.prefixes.into_iter().map(|prefix| (prefix, self.entry(prefix))).collect();
        entries.sort_unstable_by_key(|(prefix, _)| *prefix);
        entries
    }

    /// The best route for a prefix.
    pub(super) fn entry(&self, prefix: Ipv4Net) -> Option<FibEntry> {
        let best = self.routes.get(&prefix)?.iter().find(|route| route.route.tos == 0)?;
        let mut route = best.route.clone();
        resolve(&mut route, &self.nexthops);
        let hop = |hop: crate::NextHop| {
            let interface = self.interfaces.get(&hop.ifindex);
            FibNextHop {
                via: hop.via,
                ifindex: hop.ifindex,
                interface: interface.map(|interface| Arc::clone(&interface.name)).unwrap_or_default(),
                weight: hop.weight,
                up: !hop.dead && interface.is_some_and(|interface| interface.state == LinkState::Up),
            }
        };
        Some(FibEntry {
            prefix,
            kind: route.kind,
            next_hops: route.next_hops.into_iter().map(hop).collect(),
            priority: route.priority,
            protocol: route.protocol,
        })
    }
}

/// Whether a nexthop object leads out of one of these interfaces.
fn uses(nexthop: &Nexthop, all: &HashMap<u32, Nexthop>, interfaces: &HashSet<u32>) -> bool {
    match &nexthop.target {
        NexthopTarget::Device { ifindex, .. } => interfaces.contains(ifindex),
        NexthopTarget::Blackhole => false,
        // Groups have no groups in them.
        NexthopTarget::Group(members) => members.iter().any(|member| {
            matches!(all.get(&member.id).map(|member| &member.target),
                Some(NexthopTarget::Device { ifindex, .. }) if interfaces.contains(ifindex))
        }),
    }
}

fn interface(link: &Link) -> Interface {
    let state = if link.is_up() { LinkState::Up } else { LinkState::Down };
    Interface { name: link.name.as_str().into(), state }
}
