//! The topology in force, with everything that follows from it.

use braid_layout::{Allocation, Plan, plan};
use braid_proto::{NetworkName, NodeName};
use braid_topology::{Position, Topology};

use crate::error::TopologyError;

/// A topology that is, or is about to be, in force.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// The file's text.
    pub(crate) text: String,
    pub(crate) topology: Topology,
    pub(crate) allocation: Allocation,
    pub(crate) plan: Plan,
    /// How often the topology has changed.
    pub(crate) revision: u64,
}

impl InForce {
    /// Checks and lays out a topology file, with the numbers already given out.
    ///
    /// # Errors
    /// When the file is not valid, cannot be laid out, or is of another network than `ours`.
    pub(crate) fn prepare(
        text: String,
        file: &str,
        allocation: &Allocation,
        revision: u64,
        ours: Option<&NetworkName>,
    ) -> Result<(Self, Vec<String>), TopologyError> {
        let checked = braid_topology::check(&text, file)?;
        let topology = checked.topology;
        if let Some(ours) = ours.filter(|ours| **ours != topology.name) {
            let (file, given, ours) = (file.to_owned(), topology.name, ours.clone());
            return Err(TopologyError::OtherNetwork { file, given, ours });
        }
        let layout_error = |source| TopologyError::Layout { file: file.to_owned(), source };
        let mut allocation = allocation.clone();
        allocation.update(&topology).map_err(layout_error)?;
        let plan = plan(&topology, &allocation).map_err(layout_error)?;
        let warnings = checked.warnings.to_string().lines().map(str::to_owned).collect();
        Ok((Self { text, topology, allocation, plan, revision }, warnings))
    }

    /// Where a node stands.
    pub(crate) fn position(&self, node: &NodeName) -> Option<Position> {
        self.topology.nodes.iter().find(|n| n.name == *node)?.position
    }
}
