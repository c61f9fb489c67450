//! The one interface behind which engines differ.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use braid_kernel::{Netns, Process};
use braid_proto::Engine;
use ipnet::Ipv4Net;

use crate::{
    EngineError, RouterIntent,
    bird::Bird,
    cgroup::Cgroup,
    frr::{Frr, Protocol},
    native::{NativeIsis, NativeOspf},
};

/// Where an instance lives.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its own directory, such as `/run/braid/abilene/seattle/vn1`: configuration, sockets, pid files, logs. Its path must
    /// be short: a unix socket's ends at 107 bytes.
    pub dir: PathBuf,
    /// The virtual router's network namespace.
    pub netns: Netns,
    /// Its control group.
    pub cgroup: Cgroup,
}

/// A program that an engine needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// Its name.
    pub program: &'static str,
    /// Where it is, any of these.
    pub paths: &'static [&'static str],
    /// The Debian package that has it.
    pub package: &'static str,
}

impl Requirement {
    /// The program's path.
    ///
    /// # Errors
    /// [`EngineError::Missing`] if it is at none of its places.
    pub fn find(&self) -> Result<&'static str, EngineError> {
        let missing = EngineError::Missing { program: self.program, package: self.package };
        self.paths.iter().copied().find(|path| Path::new(path).is_file()).ok_or(missing)
    }
}

/// How an engine fares, by its own account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Every neighbour it knows.
    pub neighbours: Vec<Neighbour>,
}

impl Health {
    /// Neighbours with which routes are exchanged: OSPF state Full (RFC 2328 §10.1), IS-IS state Up.
    #[must_use]
    pub fn adjacencies(&self) -> usize {
        self.neighbours.iter().filter(|neighbour| neighbour.adjacent).count()
    }
}

/// A neighbour of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its router id, system id or host name.
    pub id: String,
    /// The interface towards it.
    pub interface: String,
    /// Its state in the engine's words.
    pub state: String,
    /// Whether routes are exchanged with it.
    pub adjacent: bool,
}

/// A place where the running configuration differs from the intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What it is about, such as `interface eth1`.
    pub about: String,
    /// What it should be.
    pub wanted: String,
    /// What it is.
    pub found: String,
}

impl Drift {
    /// Where the prefixes that an engine announces, with their metrics, differ from those that it should.
    pub(crate) fn of_announcements<P: fmt::Display + Ord, M: fmt::Display + Ord>(
        wanted: &BTreeSet<(P, M)>,
        found: &BTreeSet<(P, M)>,
    ) -> Vec<Drift> {
        let missing = wanted.difference(found).map(|(prefix, metric)| Drift {
            about: format!("attached prefix {prefix}"),
            wanted: format!("announced at {metric}"),
            found: "not so".to_owned(),
        });
        let foreign = found.difference(wanted).map(|(prefix, metric)| Drift {
            about: format!("prefix {prefix}"),
            wanted: "nothing".to_owned(),
            found: format!("announced at {metric}"),
        });
        missing.chain(foreign).collect()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: want `{}`, found `{}`", self.about, self.wanted, self.found)
    }
}

/// A routing engine, as the agent handles it. All calls are idempotent.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Which engine it is.
    fn engine(&self) -> Engine;

    /// The programs it needs.
    fn requirements(&self) -> &'static [Requirement];

    /// Addresses that the port must have, beside its own and without routes to the subnets around them, for this engine to
    /// announce the attached prefixes.
    fn port_addresses(&self, _attached: &[Ipv4Net]) -> Vec<Ipv4Net> {
        Vec::new()
    }

    /// Writes the configuration. Gives whether it differs from what was there, so that a running engine must be
    /// reconfigured.
    ///
    /// # Errors
    /// When a program is missing or a file cannot be written.
    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError>;

    /// Starts the processes that do not run. They become nobody's children, so that they outlive whoever started them. Routes
    /// of an earlier life stay in the kernel until the engine has learnt them anew.
    ///
    /// # Errors
    /// When one does not start.
    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError>;

    /// The processes that run, found by their pid files; all of [`Driver::process_count`] if it is whole.
    ///
    /// # Errors
    /// When pid files or processes cannot be read.
    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError>;

    /// How many processes a whole instance has.
    fn process_count(&self) -> usize;

    /// Asks the control socket how it fares.
    ///
    /// # Errors
    /// [`EngineError::Silent`] when it does not answer within `limit`.
    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError>;

    /// Compares the running configuration with the intent.
    ///
    /// # Errors
    /// As [`Driver::health`].
    async fn drift(
        &self,
        intent: &RouterIntent,
        place: &Place,
        limit: Duration,
    ) -> Result<Vec<Drift>, EngineError>;

    /// What it has that announces exactly this prefix, in words: the LSA or LSP, of several the first few. `None` if nothing
    /// does. `dir` is the instance's, as of [`Place::dir`].
    ///
    /// # Errors
    /// As [`Driver::health`].
    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError>;

    /// Makes a running engine take the configuration that [`Driver::prepare`] wrote: softly where the engine can, else by
    /// ending it, so that the next [`Driver::start`] brings it up anew, its routes staying meanwhile.
    ///
    /// # Errors
    /// When it refuses.
    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError>;

    /// Ends all processes: asks them, and after `grace` kills them.
    ///
    /// # Errors
    /// When one lives on.
    async fn stop(&self, place: &Place, grace: Duration) -> Result<(), EngineError> {
        Ok(braid_kernel::terminate(&self.processes(place)?, grace).await?)
    }
}

/// The driver of an engine.
#[must_use]
pub fn driver(engine: Engine) -> &'static dyn Driver {
    match engine {
        Engine::FrrOspf => &Frr { protocol: Protocol::Ospf },
        Engine::FrrIsis => &Frr { protocol: Protocol::Isis },
        Engine::BirdOspf => &Bird,
        Engine::NativeOspf => &NativeOspf,
        Engine::NativeIsis => &NativeIsis,
    }
}
