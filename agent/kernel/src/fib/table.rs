//! What the kernel has, as far as it said: a routing table, the nexthop objects it uses, and the interfaces.
//! Pure: it takes updates and says which entries differ.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ipnet::Ipv4Net;

use crate::{
    FibEntry, FibNextHop, Link, LinkState, Nexthop, NexthopTarget, Route, nexthop::resolve,
    route::KernelRoute,
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
    /// An address came or went.
    Address,
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

impl Interface {
    fn new(link: &Link) -> Self {
        let state = if link.is_up() { LinkState::Up } else { LinkState::Down };
        Self { name: link.name.as_str().into(), state }
    }

    pub(super) fn gone(self) -> Self {
        Self { state: LinkState::Gone, ..self }
    }
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
            interfaces: links.into_iter().map(|link| (link.index, Interface::new(&link))).collect(),
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
                let now = Interface::new(&link);
                let before = self.interfaces.insert(link.index, now.clone());
                if before.as_ref() != Some(&now) {
                    self.touched.interfaces.insert(link.index);
                }
                // Down, it may have taken routes with it even if it was known to be down: carrier shows as lost
                // before the kernel acts on that, and an interface without carrier can be taken down too.
                match before.map(|before| before.state) {
                    None => Trust::Exact,
                    Some(_) if now.state == LinkState::Down => Trust::Broken,
                    Some(state) if state == now.state => Trust::Unchanged,
                    Some(_) => Trust::Broken,
                }
            }
            Update::NoLink(link) => {
                let gone = Interface::new(&link).gone();
                self.interfaces.insert(link.index, gone);
                self.touched.interfaces.insert(link.index);
                Trust::Broken
            }
            // The last address takes routes along; the first gives given-up next hops back.
            Update::Address => Trust::Broken,
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
        let Some(place) = routes.iter().position(|known| known.is_same(route)) else {
            return Trust::Doubtful;
        };
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
        let known = self.nexthops.remove(&id).is_some();
        let mut lost = false;
        let touched = &mut self.touched.prefixes;
        // Also if the object is not known: a list of routes may be older than the list of objects before it.
        self.routes.retain(|prefix, routes| {
            let before = routes.len();
            routes.retain(|route| route.route.nexthop_id != Some(id));
            if routes.len() != before {
                touched.insert(*prefix);
                lost = true;
            }
            !routes.is_empty()
        });
        if known {
            self.touched.nexthops.insert(id);
        }
        if known || lost { Trust::Doubtful } else { Trust::Unchanged }
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{LinkKind, NextHop};

    fn prefix() -> Ipv4Net {
        "198.18.5.0/24".parse().unwrap()
    }

    fn link(index: u32, carrier: bool) -> Link {
        Link {
            index,
            name: format!("eth{index}"),
            kind: LinkKind::Other(String::new()),
            mtu: 1500,
            admin_up: true,
            carrier,
            protodown: false,
            alias: None,
            master: None,
            mac: None,
        }
    }

    /// A route for the prefix over an interface.
    fn over(ifindex: u32, priority: u32) -> KernelRoute {
        let route = Route::unicast(prefix(), 254, 4, NextHop::new(Ipv4Addr::LOCALHOST, ifindex));
        KernelRoute { route: Route { priority, ..route }, scope: 0, rest: Vec::new() }
    }

    fn to_nexthop(id: u32) -> KernelRoute {
        KernelRoute { route: Route::to_nexthop(prefix(), 254, 4, id), scope: 0, rest: Vec::new() }
    }

    fn nexthop(id: u32, ifindex: u32) -> Nexthop {
        Nexthop { id, target: NexthopTarget::Device { via: None, ifindex }, protocol: 4 }
    }

    fn table() -> Table {
        Table::new(vec![link(1, true), link(2, true), link(3, true)], Vec::new(), Vec::new())
    }

    /// The interface of the prefix's best route.
    fn best(table: &Table) -> Option<u32> {
        Some(table.entry(prefix())?.next_hops.first()?.ifindex)
    }

    #[test]
    fn routes_of_one_metric_stand_where_they_were_put() {
        let mut table = table();
        table.apply(Update::Route(over(1, 0), Placing::First));
        table.apply(Update::Route(over(2, 0), Placing::Last));
        assert_eq!(best(&table), Some(1));
        table.apply(Update::Route(over(3, 0), Placing::First));
        assert_eq!(best(&table), Some(3));
        // A replacement takes the first one's place, and only that.
        table.apply(Update::Route(over(4, 0), Placing::Replace));
        assert_eq!(best(&table), Some(4));
        table.apply(Update::NoRoute(over(4, 0)));
        assert_eq!(best(&table), Some(1));
        // A worse metric waits until the better ones are gone.
        table.apply(Update::Route(over(3, 9), Placing::First));
        table.apply(Update::NoRoute(over(1, 0)));
        table.apply(Update::NoRoute(over(2, 0)));
        assert_eq!(best(&table), Some(3));
        table.apply(Update::NoRoute(over(3, 9)));
        assert_eq!(table.entry(prefix()), None);
    }

    #[test]
    fn news_that_a_list_had_already_changes_nothing() {
        let mut table = table();
        assert_eq!(table.apply(Update::Route(over(1, 0), Placing::First)), Trust::Exact);
        for placing in [Placing::First, Placing::Last, Placing::Replace] {
            assert_eq!(table.apply(Update::Route(over(1, 0), placing)), Trust::Unchanged);
        }
        // What does not fit is taken in, and not believed.
        assert_eq!(table.apply(Update::NoRoute(over(2, 0))), Trust::Doubtful);
        assert_eq!(table.apply(Update::Route(over(1, 5), Placing::Replace)), Trust::Doubtful);
    }

    #[test]
    fn a_nexthop_object_moves_and_takes_its_routes_also_in_a_group() {
        let mut table = table();
        table.apply(Update::Nexthop(nexthop(7, 1)));
        let group = NexthopTarget::Group(vec![crate::GroupMember { id: 7, weight: 1 }]);
        table.apply(Update::Nexthop(Nexthop { id: 8, target: group, protocol: 4 }));
        table.apply(Update::Route(to_nexthop(8), Placing::First));
        assert_eq!(table.take_touched().len(), 1);

        table.apply(Update::Nexthop(nexthop(7, 2)));
        let told = table.take_touched();
        assert_eq!(told[0].1.as_ref().unwrap().next_hops[0].ifindex, 2);
        table.apply(Update::Link(link(2, false)));
        assert!(!table.take_touched()[0].1.as_ref().unwrap().is_usable());
        table.apply(Update::NoNexthop(8));
        assert_eq!(table.take_touched(), [(prefix(), None)]);
    }

    #[test]
    fn a_link_that_is_down_may_have_taken_routes_along_however_often_it_says_so() {
        let mut table = table();
        assert_eq!(table.apply(Update::Link(link(1, true))), Trust::Unchanged);
        assert_eq!(table.apply(Update::Link(link(1, false))), Trust::Broken);
        assert_eq!(table.apply(Update::Link(link(1, false))), Trust::Broken);
        assert_eq!(table.apply(Update::Link(link(1, true))), Trust::Broken);
        assert_eq!(table.apply(Update::Link(link(9, false))), Trust::Exact, "a new one has none to take");
        assert_eq!(table.apply(Update::NoLink(link(1, true))), Trust::Broken);
    }
}
