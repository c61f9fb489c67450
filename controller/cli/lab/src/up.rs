//! Makes a lab, or brings one that is there to its desired state.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_layout::{Allocation, Plan};
use braid_proto::{NetworkName, v1};
use braid_topology::Topology;
use jiff::Timestamp;

use crate::{
    cabling::Cabling,
    controller::{self, Controller},
    converge,
    error::LabError,
    files,
    member::Member,
    paths::{Lab, Root},
    plan::{self, Action, owner},
    preflight::preflight,
    progress::{Progress, Stage},
    record::{self, DirectoryState, Lock, Record},
    removal, roster,
    stages::Stages,
    survey::survey,
    wiring::Wiring,
};

/// Room for the longest name of a unix socket within an instance's directory, and that of the instance's: `/vn255/…`.
const INSTANCE_PATH: usize = 30;
/// The longest path of a unix socket, in bytes (`sockaddr_un` with its final zero).
const SOCKET_PATH: usize = 107;

/// What [`up`] is to bring up.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// The topology file's text.
    pub topology_text: String,
    /// Where that was read, for messages and for [`crate::list`].
    pub topology_path: PathBuf,
    /// The `braid` binary that the daemons are started from.
    pub braid: PathBuf,
    /// How long the network may take to converge.
    pub timeout: Duration,
}

/// What [`up`] has brought up.
#[derive(Debug, Clone, PartialEq)]
pub struct UpReport {
    /// The lab.
    pub lab: NetworkName,
    /// Whether its controller ran before.
    pub already_running: bool,
    /// How long each stage took, in order.
    pub stages: Vec<(Stage, Duration)>,
    /// The network in brief, once it had converged.
    pub status: v1::GetStatusResponse,
}

/// Makes a lab from a topology file and waits until it has converged. On a lab that is there it makes what is missing,
/// applies a changed file, and leaves the rest alone.
///
/// # Errors
/// Before anything is started: [`LabError::Topology`], [`LabError::Layout`], [`LabError::NotRoot`], [`LabError::Missing`],
/// [`LabError::ForeignNamespaces`], [`LabError::Elsewhere`], [`LabError::Busy`] and others. Later ones, such as
/// [`LabError::Died`], come within [`LabError::HalfMade`]; after them and after [`LabError::NotConverged`] the lab stays as
/// it is, to be looked at.
pub async fn up(root: &Root, options: UpOptions, progress: &mut dyn Progress) -> Result<UpReport, LabError> {
    let mut stages = Stages::new(progress);
    stages.begin(Stage::Check);
    let plan = check(root, &options, &mut stages)?;
    let lab = Lab::new(root, plan.network.clone());
    let _lock = claim(root, &lab, &plan, &options.topology_path, Some(&options.braid)).await?;

    match build(&lab, &plan, &options, &mut stages).await {
        Ok((already_running, status)) => {
            Ok(UpReport { lab: lab.name().clone(), already_running, stages: stages.finish(), status })
        }
        Err(error @ LabError::NotConverged { .. }) => Err(error),
        Err(error) => Err(half_made(&lab, error)),
    }
}

fn half_made(lab: &Lab, error: LabError) -> LabError {
    LabError::HalfMade { lab: lab.name().clone(), source: Box::new(error) }
}

/// All that can be known to be wrong without touching anything.
fn check(root: &Root, options: &UpOptions, stages: &mut Stages<'_>) -> Result<Plan, LabError> {
    let file = options.topology_path.display().to_string();
    let checked = braid_topology::check(&options.topology_text, &file).map_err(LabError::Topology)?;
    for warning in checked.warnings.to_string().lines() {
        stages.warn(warning);
    }
    let plan = lay_out(&checked.topology)?;
    let lab = Lab::new(root, plan.network.clone());
    check_names(&lab, &plan)?;
    if !nix::unistd::Uid::effective().is_root() {
        return Err(LabError::NotRoot);
    }
    let engines: BTreeSet<_> = plan.vns.iter().map(|vn| vn.engine).collect();
    let missing = preflight(&engines);
    if missing.is_empty() { Ok(plan) } else { Err(LabError::Missing(missing)) }
}

/// The plan as for a network that is new. Only underlay addresses depend on what was before; those are the controller's.
pub(crate) fn lay_out(topology: &Topology) -> Result<Plan, LabError> {
    let mut allocation = Allocation::default();
    allocation.update(topology)?;
    Ok(braid_layout::plan(topology, &allocation)?)
}

fn check_names(lab: &Lab, plan: &Plan) -> Result<(), LabError> {
    for node in &plan.nodes {
        if Lab::RESERVED.contains(&node.name.as_str()) {
            return Err(LabError::ReservedNode { node: node.name.to_string() });
        }
        let path = lab.node_dir(&node.name);
        if path.as_os_str().len() + INSTANCE_PATH > SOCKET_PATH {
            return Err(LabError::PathTooLong { path });
        }
    }
    Ok(())
}

/// Takes the lab: makes sure that its names are free or its own, and writes down what it is about to make. Leaves nothing
/// behind if that fails.
async fn claim(
    root: &Root,
    lab: &Lab,
    plan: &Plan,
    topology_path: &Path,
    program: Option<&Path>,
) -> Result<Lock, LabError> {
    let lock = Lock::take(lab)?;
    let claimed = write_record(lab, plan, topology_path, program).await;
    if claimed.is_err() {
        record::remove_unstarted(root, lab);
    }
    claimed.map(|()| lock)
}

async fn write_record(
    lab: &Lab,
    plan: &Plan,
    topology_path: &Path,
    program: Option<&Path>,
) -> Result<(), LabError> {
    if record::directory_state(lab) == DirectoryState::Foreign {
        return Err(LabError::NotALab { path: lab.dir().to_owned() });
    }
    let before = Record::read(lab)?;
    let actual = survey(lab, before.as_ref()).await?;
    let wanted: BTreeSet<String> = Wiring::of(plan).namespaces.into_keys().collect();
    let routers = plan.nodes.iter().flat_map(|node| &node.routers).map(|router| &router.namespace);
    let taken = wanted.iter().chain(routers).filter(|name| actual.foreign.contains(*name));
    let names: Vec<String> = taken.cloned().collect();
    if !names.is_empty() {
        return Err(LabError::ForeignNamespaces { names });
    }
    let kept = actual.namespaces.keys().filter(|name| owner(name) == *name).cloned();
    let record = Record {
        topology_path: absolute(topology_path),
        created: before.as_ref().map_or_else(Timestamp::now, |record| record.created),
        program: program.map(absolute).or_else(|| before.and_then(|record| record.program)),
        namespaces: kept.chain(wanted).collect(),
    };
    record.write(lab)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

async fn build(
    lab: &Lab,
    plan: &Plan,
    options: &UpOptions,
    stages: &mut Stages<'_>,
) -> Result<(bool, v1::GetStatusResponse), LabError> {
    let members = Member::all(plan);
    let living = roster::living(lab, &members)?;

    stages.begin(Stage::Controller);
    let already_running = living.contains_key(&Member::Controller);
    if !already_running {
        files::replace(&lab.topology_file(), options.topology_text.as_bytes())?;
        roster::start(lab, &options.braid, &Member::Controller)?;
    }
    let mut controller = Controller::connect(lab, controller::START).await?;
    let file_name = options.topology_path.display().to_string();
    if controller.apply(&options.topology_text, &file_name).await? {
        files::replace(&lab.topology_file(), options.topology_text.as_bytes())?;
    }
    let mut wiring = Wiring::of(plan);
    let unknown = wiring.adopt_addresses(&controller.links().await?);
    if !unknown.is_empty() {
        let reason = format!("it does not know {}", unknown.join(", "));
        return Err(LabError::Refused { action: "allocate addresses", reason });
    }

    stages.begin(Stage::Namespaces);
    removal::stop_unwanted(lab, &members).await?;
    make(lab, &wiring, Part::Namespaces, |done, total, detail| stages.update(done, total, detail)).await?;
    removal::clear_removed_nodes(lab, plan).await?;

    stages.begin(Stage::Cables);
    make(lab, &wiring, Part::Cables, |done, total, detail| stages.update(done, total, detail)).await?;

    stages.begin(Stage::Agents);
    start_missing(lab, &options.braid, &members, stages)?;

    stages.begin(Stage::Converge);
    let status = converge::wait(lab, &mut controller, &members, options.timeout, stages).await?;
    Ok((already_running, status))
}

/// Makes the namespaces and cables of a plan, and starts no daemon: bare hosts and cables, such as [`up`] makes them. Removes
/// those that the plan no longer has. Give it the topology file's path, for [`crate::list`].
///
/// # Errors
/// As [`up`], but for what concerns daemons.
pub async fn wire(root: &Root, plan: &Plan, topology_path: &Path) -> Result<Lab, LabError> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(LabError::NotRoot);
    }
    let lab = Lab::new(root, plan.network.clone());
    check_names(&lab, plan)?;
    let _lock = claim(root, &lab, plan, topology_path, None).await?;
    let wiring = Wiring::of(plan);
    let made = async {
        make(&lab, &wiring, Part::Namespaces, |_, _, _| {}).await?;
        make(&lab, &wiring, Part::Cables, |_, _, _| {}).await
    };
    match made.await {
        Ok(()) => Ok(lab),
        Err(error) => Err(half_made(&lab, error)),
    }
}

/// A part of the wiring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Namespaces, and the removal of what is no longer wanted.
    Namespaces,
    /// New cables.
    Cables,
}

/// Makes what is missing of a part.
async fn make(
    lab: &Lab,
    wiring: &Wiring,
    part: Part,
    mut report: impl FnMut(u32, u32, &str),
) -> Result<(), LabError> {
    let actual = survey(lab, Record::read(lab)?.as_ref()).await?;
    let mut actions = plan::plan(wiring, &actual);
    actions.retain(|action| matches!(action, Action::Lay { .. }) == (part == Part::Cables));
    let total = count(actions.len());
    let mut cabling = Cabling::new(lab);
    for (done, action) in (0..).zip(&actions) {
        report(done, total, &action.to_string());
        cabling.act(action).await?;
    }
    report(total, total, "");
    Ok(())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Starts the members that do not live.
fn start_missing(
    lab: &Lab,
    program: &Path,
    members: &[Member],
    stages: &mut Stages<'_>,
) -> Result<(), LabError> {
    let living = roster::living(lab, members)?;
    let total = count(members.len());
    for (done, member) in (0..).zip(members) {
        stages.update(done, total, &member.to_string());
        if !living.contains_key(member) {
            roster::start(lab, program, member)?;
        }
    }
    stages.update(total, total, "");
    Ok(())
}
