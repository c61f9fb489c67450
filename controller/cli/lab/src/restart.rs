//! Starts daemons of a lab that have ended.

use std::env;

use braid_proto::NetworkName;

use crate::{
    controller::{self, Controller},
    error::LabError,
    list,
    member::{Daemon, Member},
    paths::{Lab, Root},
    record::{Lock, Record},
    roster,
    up::lay_out,
};

/// Starts those of the daemons meant by `which` that are not alive, and gives them back. A controller is waited for until it
/// answers.
///
/// # Errors
/// [`LabError::NoSuchLab`], [`LabError::NoSuchDaemon`] if the lab's topology has none of those meant, [`LabError::Busy`],
/// [`LabError::NotRoot`], [`LabError::Start`], and [`LabError::Namespace`] if a node has lost its namespace: `up` mends that.
pub async fn restart(root: &Root, lab: &NetworkName, which: &Daemon) -> Result<Vec<Daemon>, LabError> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(LabError::NotRoot);
    }
    let lab = Lab::new(root, lab.clone());
    if !lab.record_file().exists() {
        return Err(list::no_such_lab(root, lab.name()));
    }
    let _lock = Lock::take(&lab)?;
    let Some(record) = Record::read(&lab)? else { return Err(list::no_such_lab(root, lab.name())) };
    let program = match record.program {
        Some(program) => program,
        None => env::current_exe().map_err(LabError::io("find", "the path of this program"))?,
    };
    let mut members = members(&lab)?;
    members.retain(|member| which.covers(member));
    if members.is_empty() {
        return Err(LabError::NoSuchDaemon {
            lab: lab.name().clone(),
            daemon: which.to_string(),
            topology: lab.topology_file(),
        });
    }
    let living = roster::living(&lab, &members)?;
    members.retain(|member| !living.contains_key(member));
    for member in &members {
        roster::start(&lab, &program, member)?;
        if *member == Member::Controller {
            Controller::connect(&lab, controller::START).await?;
        }
    }
    Ok(members.into_iter().map(Daemon::from).collect())
}

/// The members of a lab by its copy of the topology file.
fn members(lab: &Lab) -> Result<Vec<Member>, LabError> {
    let topology = braid_topology::load(&lab.topology_file()).map_err(LabError::Topology)?.topology;
    Ok(Member::all(&lay_out(&topology)?))
}
