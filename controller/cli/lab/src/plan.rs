//! The difference between what a lab ought to be and what it is, as a list of actions.

use std::collections::{BTreeMap, BTreeSet};

use crate::wiring::{Cable, Wiring};

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
    /// It carries the lab's mark, so it is finished.
    pub(crate) marked: bool,
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
    Make { namespace: &'a str },
    /// Makes a cable.
    Lay { cable: &'a Cable },
}

/// What to do, in order, to get from `actual` to `desired`. Nothing that is as it should be is touched, whether its links
/// are up or not: a cable that an operator took down stays down.
pub(crate) fn plan<'a>(desired: &'a Wiring, actual: &'a Actual) -> Vec<Action<'a>> {
    let mut actions = Vec::new();

    let removed: Vec<&str> = removed_namespaces(desired, actual);
    let marks: BTreeMap<(&str, &str), String> = desired
        .cables()
        .flat_map(|cable| {
            let mark = cable.mark(&desired.network);
            cable.ends.each_ref().map(|end| ((end.namespace.as_str(), end.interface.as_str()), mark.clone()))
        })
        .collect();

    // What stands in the way of a cable, or was a cable that is no longer wanted. Cables to a removed namespace go with it.
    let ours = format!("{} ", crate::wiring::namespace_mark(&desired.network));
    for (name, namespace) in &actual.namespaces {
        if removed.contains(&name.as_str()) {
            continue;
        }
        for (interface, alias) in &namespace.interfaces {
            let wanted = marks.get(&(name.as_str(), interface.as_str()));
            let is_cable = alias.as_ref().is_some_and(|alias| alias.starts_with(&ours));
            if (wanted.is_some() || is_cable) && wanted != alias.as_ref() {
                actions.push(Action::Cut { namespace: name, interface });
            }
        }
    }
    actions.extend(removed.into_iter().map(|namespace| Action::Remove { namespace }));

    let finished = |name: &String| actual.namespaces.get(name).is_some_and(|namespace| namespace.marked);
    let fresh = desired.namespaces.keys().filter(|name| !finished(name));
    actions.extend(fresh.map(|namespace| Action::Make { namespace }));

    let is_there = |cable: &&Cable| {
        let mark = cable.mark(&desired.network);
        cable.ends.iter().all(|end| {
            let interfaces = actual.namespaces.get(&end.namespace).map(|namespace| &namespace.interfaces);
            interfaces.and_then(|them| them.get(end.interface.as_str())).is_some_and(|a| a.as_ref() == Some(&mark))
        })
    };
    actions.extend(desired.cables().filter(|cable| !is_there(cable)).map(|cable| Action::Lay { cable }));
    actions
}

/// Namespaces of nodes and hosts that are no longer wanted, each after the virtual routers of its node: so the mark of
/// a node, by which its virtual routers are known, goes last.
fn removed_namespaces<'a>(desired: &Wiring, actual: &'a Actual) -> Vec<&'a str> {
    let wanted = |name: &str| desired.namespaces.contains_key(owner(name));
    let mut removed: Vec<&str> = actual.namespaces.keys().map(String::as_str).filter(|name| !wanted(name)).collect();
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
