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

impl Actual {
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
                    self.votes.retain(|_, on| *on != Some(*vn));
                }
                Action::EditRoutes(edits) => edits.iter().for_each(|edit| match edit {
                    RouteEdit::Vote(prefix, vn) => {
                        self.votes.insert(*prefix, Some(*vn));
                    }
                    RouteEdit::DropVote(prefix) => {
                        self.votes.remove(prefix);
                    }
                    RouteEdit::Attach(prefix, ifindex) => {
                        self.attached.insert(*prefix, *ifindex);
                    }
                    RouteEdit::DropAttached(prefix) => {
                        self.attached.remove(prefix);
                    }
                }),
            }
        }
    }
}

/// The winner of `prefix` if there is one and its port can be used.
fn target(desired: &Desired, prefix: &Ipv4Net) -> Option<VnId> {
    desired.votes.get(prefix).copied().flatten().filter(|vn| desired.ports.contains_key(vn))
}

/// Objects to set before routes move: those that are missing, those that point elsewhere while routes stay on them, and
/// those whose routes all move to one other network.
fn objects_first(desired: &Desired, actual: &Actual) -> Vec<Action> {
    let mut routes_on: BTreeMap<VnId, Vec<Option<VnId>>> = BTreeMap::new();
    for (prefix, object) in &actual.votes {
        if let Some(object) = object {
            routes_on.entry(*object).or_default().push(target(desired, prefix));
        }
    }
    let wanted: BTreeSet<VnId> = desired.votes.values().flatten().copied().collect();
    let mut actions = Vec::new();
    for (vn, home) in &desired.ports {
        let routes = routes_on.get(vn).map_or(&[][..], Vec::as_slice);
        let common =
            routes.first().copied().flatten().filter(|to| routes.iter().all(|other| *other == Some(*to)));
        let points_at = match common {
            // An object on which other routes arrive meanwhile must point home all the time.
            Some(to) if to != *vn && !wanted.contains(vn) && routes.len() >= FLIP_FROM => desired.ports[&to],
            _ => *home,
        };
        if actual.objects.get(vn) != Some(&points_at) {
            actions.push(Action::SetObject(*vn, points_at));
        }
    }
    actions
}

fn edits(desired: &Desired, actual: &Actual) -> Vec<RouteEdit> {
    let mut edits = Vec::new();
    for prefix in desired.votes.keys() {
        if let Some(vn) = target(desired, prefix)
            && actual.votes.get(prefix) != Some(&Some(vn))
        {
            edits.push(RouteEdit::Vote(*prefix, vn));
        }
    }
    edits.extend(
        actual.votes.keys().filter(|p| !desired.votes.contains_key(p)).map(|p| RouteEdit::DropVote(*p)),
    );
    for (prefix, ifindex) in &desired.attached {
        if actual.attached.get(prefix) != Some(ifindex) {
            edits.push(RouteEdit::Attach(*prefix, *ifindex));
        }
    }
    edits.extend(
        actual
            .attached
            .keys()
            .filter(|p| !desired.attached.contains_key(p))
            .map(|p| RouteEdit::DropAttached(*p)),
    );
    edits
}

/// What to change, in order, so that `actual` becomes `desired`. Empty when it is so already.
///
/// A route whose winner has no usable port is left as it is; so is one without a verdict.
#[must_use]
pub fn plan(desired: &Desired, actual: &Actual) -> Vec<Action> {
    let mut actions = objects_first(desired, actual);
    let edits = edits(desired, actual);
    let mut after = actual.clone();
    after.apply(&actions);
    if !edits.is_empty() {
        let edit = Action::EditRoutes(edits);
        after.apply(std::slice::from_ref(&edit));
        actions.push(edit);
    }
    // Home again, now that the routes have followed.
    for (vn, home) in &desired.ports {
        if after.objects.get(vn) != Some(home) {
            actions.push(Action::SetObject(*vn, *home));
        }
    }
    for vn in actual.objects.keys().filter(|vn| !desired.ports.contains_key(vn)) {
        // An object that still carries routes goes when they have found another winner.
        if !after.votes.values().any(|on| *on == Some(*vn)) {
            actions.push(Action::DropObject(*vn));
        }
    }
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

    proptest! {
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
