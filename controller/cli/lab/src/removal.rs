//! Ends what a changed topology no longer has: daemons, and what is left of removed nodes.

use std::{collections::BTreeSet, fs};

use braid_layout::Plan;
use braid_proto::NodeName;

use crate::{
    cgroup::Cgroups, error::LabError, member::Member, paths::Lab, reaper::Reaper,
    record::remove_node_directory, roster,
};

/// Stops the daemons on record that are not among those wanted.
pub(crate) async fn stop_unwanted(lab: &Lab, wanted: &[Member]) -> Result<(), LabError> {
    let mut unwanted = roster::recorded(lab)?;
    unwanted.retain(|member, _| !wanted.contains(member));
    Reaper::of_namespaces([])?.stop(unwanted.values().copied()).await?;
    unwanted.keys().try_for_each(|member| roster::forget(lab, member))
}

/// Removes the cgroups and directories of nodes that the plan no longer has. Their namespaces are gone by now.
pub(crate) async fn clear_removed_nodes(lab: &Lab, plan: &Plan) -> Result<(), LabError> {
    let wanted: BTreeSet<&NodeName> = plan.nodes.iter().map(|node| &node.name).collect();
    let entries = fs::read_dir(lab.dir()).map_err(LabError::io("list", lab.dir()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let removed = names.filter(|name| !Lab::RESERVED.contains(&name.as_str()));
    let removed =
        removed.filter_map(|name| name.parse::<NodeName>().ok()).filter(|node| !wanted.contains(node));
    for node in removed {
        let cgroups = Cgroups::of_node(lab.name(), &node)?;
        Reaper::of_namespaces([])?.with_cgroups(cgroups.clone()).kill_all().await?;
        cgroups.remove().await?;
        let directory = lab.node_dir(&node);
        remove_node_directory(&directory).map_err(LabError::io("remove", directory))?;
    }
    Ok(())
}
