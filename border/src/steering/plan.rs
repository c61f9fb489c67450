//! From verdicts and the kernel's state to the changes that close the difference. Pure.
//!
//! Every virtual network has one nexthop object, and every voted prefix is a route to the object of its winner. When all
//! prefixes of a virtual network move to one and the same other network, its object is first pointed at the other's port:
//! one message, however many routes hang on it. Their routes follow one by one, and then the object points home again, so
//! that at every moment each packet goes where the verdict says.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_proto::VnId;
use ipnet::Ipv4Net;

/// From how many routes on it pointing an object elsewhere is worth the extra message.
const FLIP_FROM: usize = 2;

/// Where a port's packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Index of the node's end.
    pub ifindex: u32,
    /// The router's address.
    pub gateway: Ipv4Addr,
}

/// What the kernel ought to hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// The ports that are there and up, by virtual network.
    pub ports: BTreeMap<VnId, Port>,
    /// Prefixes voted on, each with the winner; `None` while there is no verdict: what the kernel has is left.
    pub votes: BTreeMap<Ipv4Net, Option<VnId>>,
    /// Own prefixes, each with the index of the customer's interface.
    pub attached: BTreeMap<Ipv4Net, u32>,
}

/// What the kernel holds of ours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Actual {
    /// Nexthop objects, by the virtual network they belong to, with the port that they point at.
    pub objects: BTreeMap<VnId, Port>,
    /// Routes of the VOTED table, by the object that they hang on; `None`: on something that is not an object of ours.
    pub votes: BTreeMap<Ipv4Net, Option<VnId>>,
    /// Routes of the ATTACHED table, by interface index.
    pub attached: BTreeMap<Ipv4Net, u32>,
    /// How many routes hang on each object.
    load: BTreeMap<VnId, usize>,
}

/// One change of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteEdit {
    /// The VOTED table sends the prefix to the object of this virtual network.
    Vote(Ipv4Net, VnId),
    /// The VOTED table no longer holds the prefix.
    DropVote(Ipv4Net),
    /// The ATTACHED table sends the prefix out of this interface.
    Attach(Ipv4Net, u32),
    /// The ATTACHED table no longer holds the prefix.
    DropAttached(Ipv4Net),
}

impl RouteEdit {
    const fn prefix(&self) -> Ipv4Net {
        match self {
            RouteEdit::Vote(prefix, _)
            | RouteEdit::DropVote(prefix)
            | RouteEdit::Attach(prefix, _)
            | RouteEdit::DropAttached(prefix) => *prefix,
        }
    }
}

/// One change of the kernel, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Point the object of a virtual network at a port: its own, or for a moment another's.
    SetObject(VnId, Port),
    /// Edit these routes, in one batch.
    EditRoutes(Vec<RouteEdit>),
    /// Remove the object of a virtual network that is no more.
    DropObject(VnId),
}

impl Action {
    /// How many objects and routes it changes.
    #[must_use]
    pub fn changes(&self) -> usize {
        match self {
            Action::EditRoutes(edits) => edits.len(),
            Action::SetObject(..) | Action::DropObject(_) => 1,
        }
    }
}

impl Actual {
    /// What a reading of the kernel has found.
    #[must_use]
    pub fn new(
        objects: BTreeMap<VnId, Port>,
        votes: BTreeMap<Ipv4Net, Option<VnId>>,
        attached: BTreeMap<Ipv4Net, u32>,
    ) -> Self {
        let mut load = BTreeMap::new();
        for vn in votes.values().flatten() {
            *load.entry(*vn).or_default() += 1;
        }
        Self { objects, votes, attached, load }
    }

    /// How many objects and routes a later reading of the kernel has otherwise.
    #[must_use]
    pub fn differences(&self, later: &Self) -> usize {
        fn differing<K: Ord, V: PartialEq>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> usize {
            if one == other {
                return 0;
            }
            let other_or_gone = one.iter().filter(|(key, value)| other.get(key) != Some(value)).count();
            other_or_gone + other.keys().filter(|key| !one.contains_key(key)).count()
        }
        differing(&self.objects, &later.objects)
            + differing(&self.votes, &later.votes)
            + differing(&self.attached, &later.attached)
    }

    /// The route for a voted prefix is on this object now, or there is none any more.
    fn set_vote(&mut self, prefix: Ipv4Net, on: Option<VnId>) {
        let before = match on {
            Some(vn) => {
                *self.load.entry(vn).or_default() += 1;
                self.votes.insert(prefix, on)
            }
            None => self.votes.remove(&prefix),
        };
        if let Some(vn) = before.flatten()
            && let Some(load) = self.load.get_mut(&vn)
        {
            *load -= 1;
            if *load == 0 {
                self.load.remove(&vn);
            }
        }
    }

    /// The virtual network through which the kernel forwards `prefix`, seen through objects that point elsewhere.
    #[must_use]
    pub fn forwards_through(&self, prefix: Ipv4Net, ports: &BTreeMap<VnId, Port>) -> Option<VnId> {
        let object = self.votes.get(&prefix).copied().flatten()?;
        let at = self.objects.get(&object)?;
        ports.iter().find(|(_, port)| *port == at).map(|(vn, _)| *vn)
    }

    /// The state after `actions` have been carried out.
    pub fn apply(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::SetObject(vn, port) => {
                    self.objects.insert(*vn, *port);
                }
                Action::DropObject(vn) => {
                    self.objects.remove(vn);
                    // The kernel takes an object's routes with it.
                    if self.load.remove(vn).is_some() {
                        self.votes.retain(|_, on| *on != Some(*vn));
                    }
                }
                Action::EditRoutes(edits) => {
                    let mut edits: Vec<&RouteEdit> = edits.iter().collect();
                    // Neighbours in a map are best visited one after the other.
                    edits.sort_by_key(|edit| edit.prefix());
                    edits.into_iter().for_each(|edit| match edit {
                        RouteEdit::Vote(prefix, vn) => {
                            self.set_vote(*prefix, Some(*vn));
                        }
                        RouteEdit::DropVote(prefix) => {
                            self.set_vote(*prefix, None);
                        }
                        RouteEdit::Attach(prefix, ifindex) => {
                            self.attached.insert(*prefix, *ifindex);
                        }
                        RouteEdit::DropAttached(prefix) => {
                            self.attached.remove(prefix);
                        }
                    });
                }
            }
        }
    }
}

/// Objects to set before these routes move: those that are missing, those that point elsewhere while routes stay on them,
/// and those whose routes all move to one other network.
fn objects_first(
    ports: &BTreeMap<VnId, Port>,
    votes: &BTreeMap<Ipv4Net, Option<VnId>>,
    actual: &Actual,
) -> Vec<Action> {
    // Of each object how many of its routes move, and where to, if all of those move to one network.
    let mut leaving: BTreeMap<VnId, (usize, Option<VnId>)> = BTreeMap::new();
    let mut wanted = BTreeSet::new();
    for (prefix, winner) in votes {
        wanted.extend(*winner);
        let (on, to) = (actual.votes.get(prefix).copied().flatten(), usable(ports, *winner));
        if let (Some(on), Some(to)) = (on, to)
            && on != to
        {
            let (routes, common) = leaving.entry(on).or_insert((0, Some(to)));
            *routes += 1;
            *common = common.filter(|common| *common == to);
        }
    }
    let mut actions = Vec::new();
    for (vn, home) in ports {
        let points_at = match leaving.get(vn) {
            // An object on which other routes stay or arrive meanwhile must point home all the time.
            Some((routes, Some(to)))
                if *routes >= FLIP_FROM && actual.load.get(vn) == Some(routes) && !wanted.contains(vn) =>
            {
                ports[to]
            }
            _ => *home,
        };
        if actual.objects.get(vn) != Some(&points_at) {
            actions.push(Action::SetObject(*vn, points_at));
        }
    }
    actions
}

/// The winner if there is one and its port can be used.
fn usable(ports: &BTreeMap<VnId, Port>, winner: Option<VnId>) -> Option<VnId> {
    winner.filter(|vn| ports.contains_key(vn))
}

/// The routes that are not where these verdicts want them: those that there are, and then new ones.
///
/// New ones come in the order of their reversed bits. The kernel keeps routes in a trie whose large nodes it builds anew as
/// they grow; in order of addresses it does so again and again on the way, in this order early and once: it takes two
/// thirds of the time.
fn moves(
    ports: &BTreeMap<VnId, Port>,
    votes: &BTreeMap<Ipv4Net, Option<VnId>>,
    actual: &Actual,
) -> Vec<RouteEdit> {
    let (mut moved, mut new) = (Vec::new(), Vec::new());
    for (prefix, winner) in votes {
        let Some(vn) = usable(ports, *winner) else { continue };
        match actual.votes.get(prefix) {
            Some(on) if *on == Some(vn) => {}
            Some(_) => moved.push((*prefix, vn)),
            None => new.push((*prefix, vn)),
        }
    }
    new.sort_by_cached_key(|(prefix, _)| u32::from(prefix.network()).reverse_bits());
    moved.append(&mut new);
    moved.into_iter().map(|(prefix, vn)| RouteEdit::Vote(prefix, vn)).collect()
}

/// Objects that must point home now that their routes have followed.
fn home_again(ports: &BTreeMap<VnId, Port>, actual: &Actual, first: &[Action]) -> Vec<Action> {
    let points_at = |vn: &VnId| {
        let set = first.iter().rev().find_map(|action| match action {
            Action::SetObject(other, port) if other == vn => Some(port),
            _ => None,
        });
        set.or_else(|| actual.objects.get(vn))
    };
    let astray = ports.iter().filter(|(vn, home)| points_at(vn) != Some(*home));
    astray.map(|(vn, home)| Action::SetObject(*vn, *home)).collect()
}

/// What to change, in order, so that `actual` becomes `desired`. Empty when it is so already.
///
/// A route whose winner has no usable port is left as it is; so is one without a verdict.
#[must_use]
pub fn plan(desired: &Desired, actual: &Actual) -> Vec<Action> {
    let Desired { ports, votes, attached } = desired;
    let mut actions = objects_first(ports, votes, actual);
    let mut edits = moves(ports, votes, actual);
    edits.extend(actual.votes.keys().filter(|p| !votes.contains_key(p)).map(|p| RouteEdit::DropVote(*p)));
    edits.extend(
        attached
            .iter()
            .filter(|(prefix, ifindex)| actual.attached.get(prefix) != Some(ifindex))
            .map(|(prefix, ifindex)| RouteEdit::Attach(*prefix, *ifindex)),
    );
    edits.extend(
        actual.attached.keys().filter(|p| !attached.contains_key(p)).map(|p| RouteEdit::DropAttached(*p)),
    );
    let home = home_again(ports, actual, &actions);
    // An object that still carries routes goes when they have found another winner.
    let mut load = actual.load.clone();
    for edit in &edits {
        if let RouteEdit::Vote(prefix, _) | RouteEdit::DropVote(prefix) = edit
            && let Some(routes) = actual.votes.get(prefix).copied().flatten().and_then(|on| load.get_mut(&on))
        {
            *routes -= 1;
        }
    }
    let unused = actual.objects.keys().filter(|vn| !ports.contains_key(vn));
    let unused = unused.filter(|vn| load.get(vn).is_none_or(|routes| *routes == 0));
    let drops = unused.map(|vn| Action::DropObject(*vn));
    actions.extend((!edits.is_empty()).then_some(Action::EditRoutes(edits)));
    actions.extend(home);
    actions.extend(drops);
    actions
}

/// What to change, in order, after these verdicts have changed; all that does not concern them is left. The effort is that
/// of the changes, however many routes there are.
#[must_use]
pub fn plan_changes(
    ports: &BTreeMap<VnId, Port>,
    votes: &BTreeMap<Ipv4Net, Option<VnId>>,
    actual: &Actual,
) -> Vec<Action> {
    let mut actions = objects_first(ports, votes, actual);
    let edits = moves(ports, votes, actual);
    let home = home_again(ports, actual, &actions);
    actions.extend((!edits.is_empty()).then_some(Action::EditRoutes(edits)));
    actions.extend(home);
    actions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vn(id: u32) -> VnId {
        VnId::try_from(id).unwrap()
    }

    fn port(id: u32) -> Port {
        Port { ifindex: 10 + id, gateway: Ipv4Addr::new(100, 67, 0, 2 * id as u8 + 1) }
    }

    fn prefix(n: u8) -> Ipv4Net {
        Ipv4Net::new(Ipv4Addr::new(198, 18, n, 0), 24).unwrap()
    }

    fn desired(winners: &[u32]) -> Desired {
        Desired {
            ports: (1..=3).map(|id| (vn(id), port(id))).collect(),
            votes: winners.iter().enumerate().map(|(n, id)| (prefix(n as u8), Some(vn(*id)))).collect(),
            attached: BTreeMap::new(),
        }
    }

    fn settled(desired: &Desired) -> Actual {
        let mut actual = Actual::default();
        let actions = plan(desired, &actual);
        actual.apply(&actions);
        actual
    }

    #[test]
    fn what_others_did_to_the_kernel_is_counted() {
        let known = settled(&desired(&[1, 1, 2]));
        assert_eq!(known.differences(&known.clone()), 0);
        let mut later = known.clone();
        later.set_vote(prefix(0), None);
        later.set_vote(prefix(1), Some(vn(2)));
        later.set_vote("198.51.100.0/24".parse().unwrap(), Some(vn(1)));
        later.objects.remove(&vn(2));
        later.attached.insert(prefix(9), 7);
        assert_eq!((known.differences(&later), later.differences(&known)), (5, 5));
    }

    #[test]
    fn a_dead_virtual_network_is_left_by_one_message_first() {
        let actual = settled(&desired(&[1, 1, 1]));
        let actions = plan(&desired(&[2, 2, 2]), &actual);
        assert_eq!(actions.first(), Some(&Action::SetObject(vn(1), port(2))));
        assert!(matches!(&actions[1], Action::EditRoutes(edits) if edits.len() == 3));
        assert_eq!(actions.last(), Some(&Action::SetObject(vn(1), port(1))));
    }

    #[test]
    fn a_single_prefix_moves_alone() {
        let actual = settled(&desired(&[1, 1, 1]));
        assert_eq!(
            plan(&desired(&[1, 3, 1]), &actual),
            [Action::EditRoutes(vec![RouteEdit::Vote(prefix(1), vn(3))])]
        );
    }

    #[test]
    fn a_route_without_a_verdict_or_a_port_is_left() {
        let actual = settled(&desired(&[1, 2]));
        let mut wanted = desired(&[1, 2]);
        wanted.votes.insert(prefix(0), None);
        wanted.ports.remove(&vn(2));
        assert_eq!(plan(&wanted, &actual), []);
    }

    #[test]
    fn a_removed_network_goes_with_its_object_once_its_routes_have_moved() {
        let actual = settled(&desired(&[1, 2]));
        let mut wanted = desired(&[1, 1]);
        wanted.ports.remove(&vn(2));
        let actions = plan(&wanted, &actual);
        assert_eq!(actions.last(), Some(&Action::DropObject(vn(2))));
    }

    #[test]
    fn a_network_is_left_by_one_message_only_if_no_route_stays_on_it() {
        let actual = settled(&desired(&[1, 1, 1]));
        let ports = desired(&[]).ports;
        let changed = |ns: &[u8]| ns.iter().map(|n| (prefix(*n), Some(vn(2)))).collect();
        let some = plan_changes(&ports, &changed(&[0, 1]), &actual);
        assert!(matches!(&some[..], [Action::EditRoutes(edits)] if edits.len() == 2), "{some:?}");
        assert_eq!(plan_changes(&ports, &changed(&[0, 1, 2]), &actual), plan(&desired(&[2, 2, 2]), &actual));
    }

    proptest! {
        /// What changed is planned as all is.
        #[test]
        fn changes_lead_where_a_whole_plan_leads(
            before in prop::collection::vec(1_u32..=3, 1..8),
            after in prop::collection::vec(1_u32..=3, 8),
        ) {
            let (old, new) = (desired(&before), desired(&after[..before.len()]));
            let actual = settled(&old);
            let changed = new.votes.iter().filter(|(prefix, vn)| old.votes.get(prefix) != Some(vn));
            let changed = changed.map(|(prefix, vn)| (*prefix, *vn)).collect();
            let actions = plan_changes(&new.ports, &changed, &actual);
            let mut by_changes = actual.clone();
            for action in &actions {
                by_changes.apply(std::slice::from_ref(action));
                for n in 0..before.len() {
                    let through = by_changes.forwards_through(prefix(n as u8), &new.ports);
                    prop_assert!(through == Some(vn(before[n])) || through == Some(vn(after[n])));
                }
            }
            prop_assert_eq!(&by_changes, &settled(&new));
            prop_assert_eq!(actions, plan(&new, &actual));
        }

        /// Whatever the kernel held, and wherever we are interrupted: no packet goes to a network that is neither the
        /// old nor the new winner, and carrying the plan out reaches the desired state.
        #[test]
        fn every_step_forwards_by_the_old_or_the_new_verdict(
            before in prop::collection::vec(1_u32..=3, 0..8),
            after in prop::collection::vec(1_u32..=3, 0..8),
            cut in 0_usize..6,
        ) {
            let (old, new) = (desired(&before), desired(&after));
            let mut actual = settled(&old);
            let actions = plan(&new, &actual);
            for action in actions.iter().take(cut) {
                actual.apply(std::slice::from_ref(action));
                for n in 0..before.len().min(after.len()) {
                    let through = actual.forwards_through(prefix(n as u8), &new.ports);
                    prop_assert!(through == Some(vn(before[n])) || through == Some(vn(after[n])));
                }
            }
            // The rest is planned afresh, as a restarted border would.
            let rest = plan(&new, &actual);
            actual.apply(&rest);
            prop_assert_eq!(plan(&new, &actual), vec![]);
            prop_assert_eq!(actual, settled(&new));
        }
    }
}
