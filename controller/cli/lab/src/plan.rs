//! The difference between what a lab ought to be and what it is, as a list of actions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::wiring::{Cable, Role, Wiring, cable_mark_prefix};

/// What the kernel holds of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Actual {
    /// Namespaces with the lab's prefix that are the lab's, by name.
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    /// Namespaces with the lab's prefix that somebody else made.
    pub(crate) foreign: BTreeSet<String>,
}

/// A namespace of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Namespace {
    /// What its mark says that it is; without a mark it is unfinished, or a virtual router.
    pub(crate) role: Option<Role>,
    /// Its interfaces by name, with their aliases.
    pub(crate) interfaces: BTreeMap<String, Option<String>>,
}

/// One step towards the desired state. Each can be taken again without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    /// Removes a cable by one of its ends.
    Cut { namespace: &'a str, interface: &'a str },
    /// Ends what runs in a namespace and removes it.
    Remove { namespace: &'a str },
    /// Makes a namespace, or finishes one.
    Make { namespace: &'a str, role: Role },
    /// Makes a cable.
    Lay { cable: &'a Cable },
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Cut { namespace, interface } => write!(f, "cutting {namespace}:{interface}"),
            Action::Remove { namespace } => write!(f, "removing {namespace}"),
            Action::Make { namespace, .. } => write!(f, "making {namespace}"),
            Action::Lay { cable } => write!(f, "laying {} -- {}", cable.ends[0], cable.ends[1]),
        }
    }
}

/// What to do, in order, to get from `actual` to `desired`. Nothing that is as it should be is touched, whether its links
/// are up or not: a cable that an operator took down stays down.
pub(crate) fn plan<'a>(desired: &'a Wiring, actual: &'a Actual) -> Vec<Action<'a>> {
    let mut actions = Vec::new();
    let removed = removed_namespaces(desired, actual);
    let (finished, missing): (Vec<&Cable>, Vec<&Cable>) =
        desired.cables().partition(|cable| is_finished(cable, desired, actual));

    // What was a cable and is none of the finished ones, and whatever stands where a missing one goes. The end of a cable
    // whose other end went with its namespace is cut too: the kernel may take its time to do so.
    let cable_mark = cable_mark_prefix(&desired.network);
    let is_end_of = |cables: &[&Cable], place: (&str, &str)| {
        cables
            .iter()
            .flat_map(|cable| &cable.ends)
            .any(|end| (&*end.namespace, end.interface.as_str()) == place)
    };
    for (namespace, state) in &actual.namespaces {
        if removed.contains(&namespace.as_str()) {
            continue;
        }
        for (interface, alias) in &state.interfaces {
            let place = (namespace.as_str(), interface.as_str());
            let was_cable = alias.as_ref().is_some_and(|alias| alias.starts_with(&cable_mark));
            if is_end_of(&missing, place) || (was_cable && !is_end_of(&finished, place)) {
                actions.push(Action::Cut { namespace, interface });
            }
        }
    }
    actions.extend(removed.into_iter().map(|namespace| Action::Remove { namespace }));

    let role_of = |name: &String| actual.namespaces.get(name).and_then(|state| state.role);
    let unfinished = desired.namespaces.iter().filter(|(name, role)| role_of(name) != Some(**role));
    actions.extend(unfinished.map(|(namespace, role)| Action::Make { namespace, role: *role }));
    actions.extend(missing.into_iter().map(|cable| Action::Lay { cable }));
    actions
}

/// Whether both ends of a cable are there and carry its mark.
fn is_finished(cable: &Cable, desired: &Wiring, actual: &Actual) -> bool {
    let mark = cable.mark(&desired.network);
    cable.ends.iter().all(|end| {
        let namespace = actual.namespaces.get(&end.namespace);
        let alias = namespace.and_then(|state| state.interfaces.get(end.interface.as_str()));
        alias.is_some_and(|alias| alias.as_ref() == Some(&mark))
    })
}

/// Namespaces of nodes and hosts that are no longer wanted, each after the virtual routers of its node: so the mark of
/// a node, by which its virtual routers are known, goes last.
fn removed_namespaces<'a>(desired: &Wiring, actual: &'a Actual) -> Vec<&'a str> {
    let wanted = |name: &str| desired.namespaces.contains_key(owner(name));
    let mut removed: Vec<&str> =
        actual.namespaces.keys().map(String::as_str).filter(|name| !wanted(name)).collect();
    children_first(&mut removed);
    removed
}

/// The namespace of the node or host to which a namespace belongs: itself, or for a virtual router its node's.
pub(crate) fn owner(namespace: &str) -> &str {
    match namespace.match_indices('.').nth(1) {
        Some((end, _)) => &namespace[..end],
        None => namespace,
    }
}

/// Sorts virtual routers before nodes and hosts.
pub(crate) fn children_first(namespaces: &mut [&str]) {
    namespaces.sort_by_key(|name| (owner(name) == *name, *name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// A lab that is as it should be.
    fn finished(wiring: &Wiring) -> Actual {
        let mut actual = Actual::default();
        for (name, role) in &wiring.namespaces {
            let interfaces = [("lo".to_owned(), Some("a mark".to_owned()))].into();
            actual.namespaces.insert(name.clone(), Namespace { role: Some(*role), interfaces });
        }
        for cable in wiring.cables() {
            for end in &cable.ends {
                let namespace = actual.namespaces.get_mut(&end.namespace).unwrap();
                namespace.interfaces.insert(end.interface.to_string(), Some(cable.mark(&wiring.network)));
            }
        }
        actual
    }

    fn show(actions: &[Action<'_>]) -> Vec<String> {
        actions.iter().map(Action::to_string).collect()
    }

    #[test]
    fn from_nothing_everything_is_made_namespaces_first() {
        let wiring = testing::ring("ring");
        let actions = show(&plan(&wiring, &Actual::default()));
        assert_eq!(
            actions,
            [
                "making ring.a",
                "making ring.a-host",
                "making ring.b",
                "making ring.c",
                "laying ring.a:eth1 -- ring.b:eth1",
                "laying ring.b:eth2 -- ring.c:eth1",
                "laying ring.a:eth2 -- ring.c:eth2",
                "laying ring.a:cust0 -- ring.a-host:eth0",
            ]
        );
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone_and_so_are_others_things() {
        let wiring = testing::ring("ring");
        let mut actual = finished(&wiring);
        // The agents' ports and virtual routers, an operator's own interface, and somebody's own namespace.
        let node = actual.namespaces.get_mut("ring.a").unwrap();
        node.interfaces.insert("braid-vn1".into(), None);
        node.interfaces.insert("tap0".into(), Some("mine".into()));
        actual.namespaces.insert("ring.a.red".into(), Namespace::default());
        actual.foreign.insert("ring.foo".into());
        assert_eq!(plan(&wiring, &actual), []);
    }

    #[test]
    fn a_half_made_cable_is_made_anew() {
        let wiring = testing::ring("ring");
        let mut actual = finished(&wiring);
        actual.namespaces.get_mut("ring.b").unwrap().interfaces.insert("eth1".into(), None);
        assert_eq!(
            show(&plan(&wiring, &actual)),
            ["cutting ring.a:eth1", "cutting ring.b:eth1", "laying ring.a:eth1 -- ring.b:eth1"]
        );
    }

    #[test]
    fn an_unfinished_namespace_is_finished_and_a_lost_one_made_with_its_cables() {
        let wiring = testing::ring("ring");
        let mut actual = finished(&wiring);
        actual.namespaces.get_mut("ring.b").unwrap().role = None;
        actual.namespaces.remove("ring.a-host");
        // The kernel has yet to clean up after the lost namespace, so the cable's other end may still be there.
        assert_eq!(
            show(&plan(&wiring, &actual)),
            [
                "cutting ring.a:cust0",
                "making ring.a-host",
                "making ring.b",
                "laying ring.a:cust0 -- ring.a-host:eth0"
            ]
        );
    }

    #[test]
    fn a_removed_node_goes_with_its_virtual_routers_and_its_cables() {
        let before = testing::ring("ring");
        let mut actual = finished(&before);
        actual.namespaces.insert("ring.c.red".into(), Namespace::default());
        let mut after = before.clone();
        after.namespaces.remove("ring.c");
        after.links.truncate(1);
        assert_eq!(
            show(&plan(&after, &actual)),
            ["cutting ring.a:eth2", "cutting ring.b:eth2", "removing ring.c.red", "removing ring.c"]
        );
    }

    #[test]
    fn a_changed_cable_is_replaced_and_no_other() {
        let before = testing::ring("ring");
        let actual = finished(&before);
        let mut after = before.clone();
        after.links[1].mtu = 9000;
        assert_eq!(
            show(&plan(&after, &actual)),
            ["cutting ring.b:eth2", "cutting ring.c:eth1", "laying ring.b:eth2 -- ring.c:eth1"]
        );
    }

    #[test]
    fn a_virtual_router_belongs_to_its_node() {
        assert_eq!(owner("ring.a.red"), "ring.a");
        assert_eq!(owner("ring.a"), "ring.a");
        let mut names = ["ring.a", "ring.a.red", "ring.a-host", "ring.a.blue"];
        children_first(&mut names);
        assert_eq!(names, ["ring.a.blue", "ring.a.red", "ring.a", "ring.a-host"]);
    }
}
