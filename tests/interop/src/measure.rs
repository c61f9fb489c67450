//! Figures of one implementation, on grids of routers. One round each; callers take the median of several.

use std::{
    thread,
    time::{Duration, Instant},
};

use braid_injector::{cpu_time, memory};
use braid_world::{
    Change, Interface, RouterIndex, SegmentIndex, World, grid,
    isis::{self, Levels},
};

use crate::{Error, Kind, Network, Protocol, Settings, compare, kernel, network::wait_until};

/// How long a network may take to start.
const COLD_START_LIMIT: Duration = Duration::from_secs(120);
/// How long a network rests before something fails, so that no implementation's back-off still counts the start.
const REST: Duration = Duration::from_secs(3);
/// For how long idle routers are watched.
const IDLE: Duration = Duration::from_secs(10);

/// A grid as square as it can be.
fn world(routers: usize) -> World {
    let width = (1..=routers).find(|n| n * n >= routers && routers.is_multiple_of(*n)).unwrap_or(routers);
    grid(width, routers / width, 1, 1)
}

/// Whose figures are taken. Routers of IS-IS are all of level 2, in one area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The implementation.
    pub kind: Kind,
    /// What it speaks.
    pub protocol: Protocol,
}

fn settings(world: &World, protocol: Protocol) -> Settings {
    match protocol {
        Protocol::Ospf => Settings::default(),
        Protocol::Isis => Settings::isis(isis::flat(world, Levels::Two)),
    }
}

fn network(subject: Subject, routers: usize) -> Result<Network, Error> {
    let world = world(routers);
    let settings = settings(&world, subject.protocol);
    Network::build(world, vec![subject.kind; routers], settings)
}

fn converged(subject: Subject, routers: usize) -> Result<Network, Error> {
    let mut network = network(subject, routers)?;
    network.start_all()?;
    network.converge_within(COLD_START_LIMIT)?;
    Ok(network)
}

/// From the start of the first daemon until every kernel has all routes, in a grid of `routers` with links of 1 s hellos.
///
/// # Errors
/// [`Error`], also if that takes over two minutes.
pub fn cold_start(subject: Subject, routers: usize) -> Result<Duration, Error> {
    let mut network = network(subject, routers)?;
    let expected = compare::installed(network.world(), &settings(network.world(), subject.protocol));
    let begin = Instant::now();
    network.start_all()?;
    // Counting is cheaper than comparing and, at the first moment that all are there, as good; the comparison follows.
    for (router, table) in expected {
        let count = table.len();
        wait_until(&format!("{router} has {count} routes"), COLD_START_LIMIT, || {
            let ignored = network.world().connected(router);
            let found = network.kernel_routes(router)?;
            let found = found.keys().filter(|prefix| !ignored.contains(prefix)).count();
            Ok((found < count).then(|| format!("it has {found}")))
        })?;
    }
    let took = begin.elapsed();
    network.converge_within(COLD_START_LIMIT)?;
    Ok(took)
}

/// How long a destination stays unreachable in the kernel after a cable on the only best way to it loses carrier, in a grid of 9:
/// from the loss until the route of the router at the cable leads another way.
///
/// # Errors
/// [`Error`].
pub fn outage(subject: Subject) -> Result<Duration, Error> {
    let mut network = converged(subject, 9)?;
    thread::sleep(REST);
    // From r0 to the prefix of r1, the direct way.
    let (from, segment) = (RouterIndex(0), SegmentIndex(0));
    let prefix = network.world().router(RouterIndex(1)).stubs[0].prefix;
    let mut after = network.world().clone();
    after.apply(&Change::Segment(segment, false));
    let tables = compare::installed(&after, &settings(&after, subject.protocol));
    let wanted = tables.into_iter().find(|(router, _)| *router == from);
    let wanted = wanted.and_then(|(_, table)| table.get(&prefix).cloned());
    let wanted = wanted
        .ok_or_else(|| Error::Daemon { who: from.to_string(), what: format!("no second way to {prefix}") })?;
    let gateways: Vec<_> = wanted.next_hops.iter().map(|hop| hop.interface.to_string()).collect();
    let netns = network.netns(from).clone();
    // The far end is taken down, so that this one loses carrier and its routes are the daemon's to mend.
    let far = network.netns(RouterIndex(1)).clone();
    let interface = Interface::Segment(segment).to_string();
    let watch = thread::spawn(move || -> Result<Instant, Error> {
        let begin = Instant::now();
        loop {
            let found = kernel::routes(&netns)?;
            let hops = found.get(&prefix);
            if hops.is_some_and(|hops| hops.iter().all(|(interface, _)| gateways.contains(interface))) {
                return Ok(Instant::now());
            }
            if begin.elapsed() > COLD_START_LIMIT {
                let what = format!("{prefix} leads another way");
                return Err(Error::Late { what, limit: COLD_START_LIMIT });
            }
        }
    });
    let begin = Instant::now();
    kernel::ip(&far, &format!("link set {interface} down"))?;
    let end = watch.join().map_err(|_| Error::Daemon {
        who: from.to_string(),
        what: "the watch of its routes panicked".to_owned(),
    })??;
    network.apply(&Change::Segment(segment, false))?;
    Ok(end.saturating_duration_since(begin))
}

/// The share of one core that a converged grid of `routers` uses with nothing happening but 1 s hellos: 0.01 is 1 %.
///
/// # Errors
/// [`Error`].
pub fn idle_cpu(subject: Subject, routers: usize) -> Result<f64, Error> {
    let network = converged(subject, routers)?;
    let used = || cpu_time(&pids(&network));
    // Let acknowledgments and refreshes of the start pass.
    thread::sleep(IDLE);
    let (before, begin) = (used()?, Instant::now());
    thread::sleep(IDLE);
    Ok((used()? - before).div_duration_f64(begin.elapsed()))
}

fn pids(network: &Network) -> Vec<i32> {
    network.world().router_indices().flat_map(|router| network.pids(router)).collect()
}

/// Proportional set size of one router's processes in a converged grid of `routers`, on average, in bytes.
///
/// # Errors
/// [`Error`].
pub fn pss(subject: Subject, routers: usize) -> Result<u64, Error> {
    let network = converged(subject, routers)?;
    let memory = memory(&pids(&network))?;
    Ok(memory.pss / routers.max(1) as u64)
}
