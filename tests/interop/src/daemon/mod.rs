//! Daemons of the three kinds: configured, started, asked, killed.

mod bird;
mod frr;
mod native;

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::Ipv4Addr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use braid_kernel::Netns;
use braid_world::{
    PathKind, RouterIndex, World,
    isis::{self, Level, Levels},
};
use ipnet::Ipv4Net;

use crate::{Error, Kind, Protocol, Settings};

/// How long a daemon may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(15);

/// A neighbour as a daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Adjacency {
    /// Its router id, or system id.
    pub router: String,
    /// The interface towards it.
    pub interface: String,
    /// The neighbour state's name in lower case, such as `full` (RFC 2328 §10.1) or `up` (ISO 10589 §8.2).
    pub state: String,
    /// The levels of IS-IS that this state is of.
    pub levels: Option<Levels>,
}

/// A route's kind and metrics, as in the oracle's routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Of OSPF.
    Ospf {
        /// Its kind.
        kind: PathKind,
        /// Its cost.
        cost: u32,
        /// Of external type 2, the metric of that type; else 0.
        type2_cost: u32,
    },
    /// Of IS-IS.
    Isis {
        /// Its kind, where the daemon tells it.
        kind: Option<isis::PathKind>,
        /// Its metric.
        metric: u32,
    },
}

impl Cost {
    /// Whether a daemon's account is that of the oracle, as far as it goes.
    pub(crate) fn agrees(&self, expected: &Cost) -> bool {
        match (*self, *expected) {
            (Cost::Isis { kind: None, metric: told }, Cost::Isis { metric, .. }) => told == metric,
            (told, expected) => told == expected,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cost::Ospf { kind, cost, type2_cost: 0 } => write!(f, "{kind:?} {cost}"),
            Cost::Ospf { kind, cost, type2_cost } => write!(f, "{kind:?} {cost}/{type2_cost}"),
            Cost::Isis { kind: Some(kind), metric } => write!(f, "{kind:?} {metric}"),
            Cost::Isis { kind: None, metric } => write!(f, "metric {metric}"),
        }
    }
}

pub(crate) type Costs = BTreeMap<Ipv4Net, Cost>;

/// What a router should do.
pub(crate) struct Task<'a> {
    pub world: &'a World,
    pub router: RouterIndex,
    pub settings: &'a Settings,
    pub dir: &'a Path,
}

/// A router's processes.
pub(crate) struct Daemon {
    kind: Kind,
    protocol: Protocol,
    name: String,
    dir: PathBuf,
    netns: Netns,
    children: Vec<(&'static str, Child)>,
}

impl Daemon {
    pub fn new((kind, protocol): (Kind, Protocol), name: String, dir: PathBuf, netns: Netns) -> Self {
        Self { kind, protocol, name, dir, netns, children: Vec::new() }
    }

    pub fn pids(&self) -> Vec<i32> {
        self.children.iter().filter_map(|(_, child)| i32::try_from(child.id()).ok()).collect()
    }

    /// Starts it; gives when it listens.
    pub fn start(&mut self, task: &Task<'_>) -> Result<(), Error> {
        match self.kind {
            Kind::Frr => frr::start(self, task),
            Kind::Bird => bird::start(self, task),
            Kind::Native => native::start(self, task),
        }
    }

    /// Lets it take over a changed world; `before` is the one it knows.
    pub fn reconfigure(&mut self, before: &World, task: &Task<'_>) -> Result<(), Error> {
        match self.kind {
            Kind::Frr => frr::reconfigure(self, before, task),
            Kind::Bird => bird::reconfigure(self, task),
            Kind::Native => native::reconfigure(self, task),
        }
    }

    /// Kills it without a word.
    pub fn kill(&mut self) {
        for (program, mut child) in self.children.drain(..).rev() {
            let _ = child.kill();
            let _ = child.wait();
            // FRR leaves a directory for crash logs behind if it is killed.
            let _ = fs::remove_dir_all(format!("/var/tmp/frr/{program}.{}", child.id()));
        }
    }

    pub fn neighbours(&self) -> Result<Vec<Adjacency>, Error> {
        match self.kind {
            Kind::Frr => frr::neighbours(self),
            Kind::Bird => bird::neighbours(self),
            Kind::Native => native::neighbours(self),
        }
    }

    pub fn costs(&self) -> Result<Costs, Error> {
        match self.kind {
            Kind::Frr => frr::costs(self),
            Kind::Bird => bird::costs(self),
            Kind::Native => native::costs(self),
        }
    }

    /// The designated router and the backup on a segment, by address, as the daemon sees them.
    pub fn designated(&self, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
        match self.kind {
            Kind::Frr => frr::designated(self, interface),
            Kind::Bird => bird::designated(self, interface),
            Kind::Native => native::designated(self, interface),
        }
    }

    /// Whether it is the designated router of a LAN of IS-IS at a level.
    pub fn is_designated(&self, interface: &str, level: Level) -> Result<bool, Error> {
        match self.kind {
            Kind::Frr => frr::is_designated(self, interface, level),
            Kind::Bird => Err(self.failed("BIRD speaks no IS-IS")),
            Kind::Native => native::is_designated(self, interface, level),
        }
    }

    /// All that it can tell, for a failed test.
    pub fn account(&self) -> String {
        let told = match self.kind {
            Kind::Frr => frr::account(self),
            Kind::Bird => bird::account(self),
            Kind::Native => native::account(self),
        };
        let mut text = format!("== {} ({})\n", self.name, self.kind);
        text += &told.unwrap_or_else(|error| error.to_string());
        text + &self.output()
    }

    /// What its processes said on their standard streams.
    pub fn output(&self) -> String {
        let mut text = String::new();
        for (program, _) in &self.children {
            let said = fs::read_to_string(self.path(&format!("{program}.out"))).unwrap_or_default();
            text += &format!("\n-- {program} said\n{said}\n");
        }
        text
    }

    fn failed(&self, what: impl Into<String>) -> Error {
        Error::Daemon { who: format!("{} ({})", self.name, self.kind), what: what.into() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        fs::write(self.path(name), text).map_err(Error::system(format!("write {name} of {}", self.name)))
    }

    fn spawn(&mut self, program: &'static str, path: &str, arguments: &[&str]) -> Result<(), Error> {
        let log =
            fs::File::create(self.path(&format!("{program}.out"))).map_err(Error::system("make a log"))?;
        let errors = log.try_clone().map_err(Error::system("make a log"))?;
        let mut command: Command = self.netns.command(path);
        command.args(arguments).current_dir(&self.dir);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().map_err(Error::system(format!("run {path}")))?;
        self.children.push((program, child));
        Ok(())
    }

    /// Waits until the last started process has made a socket that takes connections.
    fn wait_for_socket(&mut self, name: &str) -> Result<(), Error> {
        let begin = Instant::now();
        let path = self.path(name);
        while std::os::unix::net::UnixStream::connect(&path).is_err() {
            let ended = self.children.last_mut().and_then(|(_, child)| child.try_wait().ok().flatten());
            if ended.is_some() || begin.elapsed() > START_LIMIT {
                let (program, end) = match (self.children.last(), ended) {
                    (Some((program, _)), Some(status)) => {
                        (*program, format!("ended: {status} (signal {:?})", status.signal()))
                    }
                    (Some((program, _)), None) => (*program, format!("has not opened {name}")),
                    (None, _) => ("nothing", "was started".to_owned()),
                };
                let said = fs::read_to_string(self.path(&format!("{program}.out"))).unwrap_or_default();
                return Err(self.failed(format!("{program} {end}: {said}")));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
