//! Which labs there are on this machine.

use std::{collections::BTreeSet, path::PathBuf};

use braid_kernel::{Netns, pids_in};
use braid_proto::NetworkName;
use jiff::Timestamp;

use crate::{
    error::LabError,
    member::Member,
    paths::{Lab, Root},
    plan::Actual,
    record::{self, Record},
    roster,
    survey::{self, survey},
};

/// A lab in brief. A lab that has lost its directory, or its namespaces, is one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabSummary {
    /// Its name.
    pub name: NetworkName,
    /// The topology file that it was made from; `None` if the lab's directory is lost.
    pub topology: Option<PathBuf>,
    /// When it was made; `None` if the lab's directory is lost.
    pub created: Option<Timestamp>,
    /// Whether its controller runs.
    pub controller_alive: bool,
    /// How many nodes have a namespace.
    pub nodes: usize,
    /// How many namespaces it has: of nodes, customer hosts and virtual routers.
    pub namespaces: usize,
    /// How many processes it has: daemons, engines, and what operators run in it.
    pub processes: usize,
}

/// The labs of this machine by name, also half-dead ones. Who is not root sees only those with a directory, without their
/// namespaces.
///
/// # Errors
/// When the root directory, a lab's record or the kernel's state cannot be read.
pub fn list(root: &Root) -> Result<Vec<LabSummary>, LabError> {
    let labs = record::directories(root)?;
    let mut names: BTreeSet<NetworkName> = labs.iter().map(|lab| lab.name().clone()).collect();
    let is_root = nix::unistd::Uid::effective().is_root();
    if is_root {
        names.extend(survey::networks()?);
    }
    let summarize_all = async {
        let mut summaries = Vec::new();
        for name in names {
            summaries.extend(summarize(&Lab::new(root, name), is_root).await?);
        }
        Ok(summaries)
    };
    survey::blocking(summarize_all)
}

/// The summary of one lab; `None` where there is nothing of a lab of that name.
async fn summarize(lab: &Lab, is_root: bool) -> Result<Option<LabSummary>, LabError> {
    // A lab whose record is damaged is listed all the same: `down` removes it.
    let record = Record::read(lab).unwrap_or_default();
    let actual = match is_root {
        true => survey(lab, record.as_ref()).await,
        false => Ok(Actual::default()),
    };
    let actual = match actual {
        // The namespaces are those of a lab under another root, and a lab's that is not up may be here.
        Err(LabError::Elsewhere { .. }) => Actual::default(),
        other => other?,
    };
    let has_directory = lab.record_file().exists();
    if !has_directory && actual.namespaces.is_empty() {
        return Ok(None);
    }
    let controller = roster::living(lab, &[Member::Controller])?.remove(&Member::Controller);
    let opened: Vec<Netns> = survey::open_all(actual.namespaces.keys().map(String::as_str))?;
    let inside = pids_in(&opened).map_err(LabError::io("list", "/proc"))?;
    let controller_elsewhere =
        controller.is_some_and(|process| inside.iter().all(|(pid, _)| *pid != process.pid));
    Ok(Some(LabSummary {
        name: lab.name().clone(),
        topology: record.as_ref().map(|record| record.topology_path.clone()),
        created: record.as_ref().map(|record| record.created),
        controller_alive: controller.is_some(),
        nodes: actual.nodes(),
        namespaces: actual.namespaces.len(),
        processes: inside.len() + usize::from(controller_elsewhere),
    }))
}

/// The error for a lab that is not there, with those that are.
pub(crate) fn no_such_lab(root: &Root, lab: &NetworkName) -> LabError {
    let labs = list(root).unwrap_or_default();
    let known = labs.into_iter().map(|summary| summary.name.to_string()).collect();
    LabError::NoSuchLab { lab: lab.clone(), known }
}
