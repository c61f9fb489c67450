//! What the kernel holds of a lab, and whose it is.

use std::collections::{BTreeMap, BTreeSet};

use braid_kernel::{Netlink, Netns, NetnsError};
use braid_proto::NetworkName;

use crate::{
    error::LabError,
    paths::Lab,
    plan::{Actual, Namespace, children_first, owner},
    record::Record,
    wiring::{NamespaceMark, Role},
};

/// Reads the lab's namespaces and their interfaces.
///
/// A namespace with the lab's prefix is ours if its `lo` carries the lab's mark, or the lab's record lists it (it was about
/// to be made when we died), or it is a virtual router's on a node of ours. All others are foreign, and left alone.
///
/// Fails with [`LabError::Elsewhere`] if a lab of this name under another root made one: the two would share names of
/// namespaces and cgroups.
pub(crate) async fn survey(lab: &Lab, record: Option<&Record>) -> Result<Actual, LabError> {
    let prefix = lab.namespace_prefix();
    let names: Vec<String> = Netns::list()?.into_iter().filter(|name| name.starts_with(&prefix)).collect();
    let mut actual = Actual::default();
    let (owners, children): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| owner(name) == name);
    for name in owners {
        let state = read(lab, &name).await?;
        let recorded = record.is_some_and(|record| record.namespaces.contains(&name));
        if state.role.is_some() || recorded {
            actual.namespaces.insert(name, state);
        } else {
            actual.foreign.insert(name);
        }
    }
    for name in children {
        if actual.namespaces.contains_key(owner(&name)) {
            actual.namespaces.insert(name, Namespace::default());
        } else {
            actual.foreign.insert(name);
        }
    }
    Ok(actual)
}

async fn read(lab: &Lab, name: &str) -> Result<Namespace, LabError> {
    let netns = match Netns::open(name) {
        Ok(netns) => netns,
        // A name with nothing behind it, or one that has just gone.
        Err(NetnsError::Missing { .. }) => return Ok(Namespace::default()),
        Err(error) => return Err(error.into()),
    };
    let links = Netlink::open(&netns)?.links().await?;
    let interfaces: BTreeMap<String, Option<String>> =
        links.into_iter().map(|link| (link.name, link.alias)).collect();
    let alias = interfaces.get("lo").and_then(Option::as_deref);
    let role = match alias.and_then(NamespaceMark::parse) {
        Some(mark) if mark.directory != lab.dir() => {
            return Err(LabError::Elsewhere { lab: lab.name().clone(), directory: mark.directory });
        }
        mark => mark.map(|mark| mark.role),
    };
    Ok(Namespace { role, interfaces })
}

impl Actual {
    /// The names of our namespaces, virtual routers first, so that whoever is interrupted while removing them leaves the
    /// marks by which the rest is known.
    pub(crate) fn names_children_first(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.namespaces.keys().map(String::as_str).collect();
        children_first(&mut names);
        names
    }

    /// How many namespaces are nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.namespaces.values().filter(|state| state.role == Some(Role::Node)).count()
    }
}

/// Opens those of the namespaces that are still there.
pub(crate) fn open_all<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Netns>, LabError> {
    let open = |name: &str| match Netns::open(name) {
        Err(NetnsError::Missing { .. }) => None,
        other => Some(other.map_err(LabError::from)),
    };
    names.into_iter().filter_map(open).collect()
}

/// Names of networks that namespaces of this machine may belong to.
pub(crate) fn networks() -> Result<BTreeSet<NetworkName>, LabError> {
    let names = Netns::list()?;
    Ok(names.iter().filter_map(|name| name.split_once('.')?.0.parse().ok()).collect())
}

/// Runs an async look at the kernel from a function that is not async, whether its caller is or not.
pub(crate) fn blocking<T: Send>(
    look: impl Future<Output = Result<T, LabError>> + Send,
) -> Result<T, LabError> {
    std::thread::scope(|scope| {
        let look = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(LabError::io("start a runtime in", "this process"))?;
            runtime.block_on(look)
        };
        scope.spawn(look).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
