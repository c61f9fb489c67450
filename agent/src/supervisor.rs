//! An engine's supervision: it is adopted or started, asked how it fares, and restarted when it died or fell silent.
//!
//! ```text
//!            ground built                      exit, or silent for 30 s
//!   Idle ──────────────────► Up (adopt, start) ─────────────────────────► Pause
//!    ▲                        │ health, drift, memory     failed start ──►  │
//!    └────────────────────────┴── namespace replaced ◄────── back-off over ─┘
//! ```
//!
//! Drift, a difference between the running configuration and the intent, is reported and *not* repaired: it is an operator
//! at work, as a rule. The next restart ends it.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use braid_engine::{Driver, EngineError, LinkIntent, Place, RouterIntent, cgroup::Cgroup, driver};
use braid_kernel::{Netns, Process, ProcessId, Signal, terminate};
use braid_proto::{InstanceFile, InstanceProcess};
use futures::future::{pending, select_all};
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    dataplane::Ground,
    run::{Node, until},
    spec::{Identity, Router},
    status::State,
    store,
};

/// From the first restart's pause to the longest.
const BACK_OFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_secs(30))
    .without_max_times();
/// An engine that has run for so long is sound: its next restart is quick again.
const SOUND: Duration = Duration::from_secs(60);

/// A healthy engine is asked this often, ...
const HEALTH: Duration = Duration::from_secs(1);
/// ... and one of which news is expected this often, ...
const HEALTH_EAGER: Duration = Duration::from_millis(200);
/// ... but for so long only, since a neighbour may stay away.
const EAGER: Duration = Duration::from_secs(15);
/// One question to a control socket may take this long.
const ANSWER: Duration = Duration::from_secs(1);
/// No answer for so long counts as silence, ...
const SILENT: Duration = Duration::from_secs(3);
/// ... and for so long as death.
const DEAD: Duration = Duration::from_secs(30);
const DRIFT: Duration = Duration::from_secs(10);
const MEMORY: Duration = Duration::from_secs(2);
/// A running engine may take this long to take a new configuration.
const RECONFIGURE: Duration = Duration::from_secs(5);
/// What is left of an instance has this long to go after it was killed.
const GRACE: Duration = Duration::from_secs(1);

/// Where an instance lives.
pub(crate) fn place(node: &Node, identity: &Identity, netns: Netns, memory_bytes: u64, pids: u32) -> Place {
    let config = &node.config;
    let path = format!("braid/{}/{}/vn{}", config.network, config.node, identity.vn);
    Place { dir: node.instance_dir(identity.vn), netns, cgroup: Cgroup::new(path, memory_bytes, pids) }
}

/// What a specification means to an engine.
fn intent(node: &Node, router: &Router) -> RouterIntent {
    let links = router.links.iter().map(|link| LinkIntent {
        interface: link.interface.clone(),
        address: link.address,
        metric: link.metric,
        mtu: link.mtu,
    });
    RouterIntent {
        node: node.config.node.clone(),
        loopback: router.loopback,
        links: links.collect(),
        port: router.port.as_ref().map(|port| port.router_interface.clone()),
        attached: router.attached.clone(),
        hello: router.hello,
    }
}

/// What becomes of an engine that has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// It may just be slow.
    Passing,
    /// It counts as silent.
    Silent,
    /// It will not come back by itself.
    Dead,
}

fn silence(lasting: Duration) -> Silence {
    match lasting {
        _ if lasting >= DEAD => Silence::Dead,
        _ if lasting >= SILENT => Silence::Silent,
        _ => Silence::Passing,
    }
}

/// How long to wait before asking again.
fn cadence(state: State, adjacencies: usize, links_up: usize, up_for: Duration) -> Duration {
    let awaited = state != State::Running || adjacencies < links_up;
    if awaited && up_for < EAGER { HEALTH_EAGER } else { HEALTH }
}

/// When to do what with an engine that is up.
#[derive(Debug, Clone, Copy)]
struct Up {
    since: Instant,
    /// Of an answer, or of the start.
    last_sign: Instant,
    health_at: Instant,
    drift_at: Instant,
    memory_at: Instant,
}

impl Up {
    fn now() -> Self {
        let now = Instant::now();
        Self { since: now, last_sign: now, health_at: now, drift_at: now + DRIFT, memory_at: now }
    }

    fn next(&self) -> Instant {
        self.health_at.min(self.drift_at).min(self.memory_at)
    }
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// To be brought up as soon as there is ground to stand on.
    Idle,
    Up(Up),
    /// To be brought up again at that time.
    Pause(Instant),
}

/// Supervises one engine instance.
pub(crate) struct Supervisor {
    node: Arc<Node>,
    driver: &'static dyn Driver,
    router: Arc<Router>,
    identity: Identity,
    /// To the data plane.
    intent: watch::Sender<Arc<Router>>,
    ground: watch::Receiver<Ground>,
    dir: PathBuf,
    phase: Phase,
    state: State,
    /// Where it is up.
    place: Option<Place>,
    processes: Vec<Process>,
    named: Vec<InstanceProcess>,
    restarts: u32,
    /// It has run before, so that the next start is a restart.
    has_run: bool,
    /// As last written.
    file: Option<InstanceFile>,
    /// It has not taken the configuration that it should have.
    unconfigured: bool,
    back_off: ExponentialBackoff,
}

/// Resolves with the place of the first process that has ended; never if there are none.
async fn first_exit(processes: &[Process]) -> usize {
    if processes.is_empty() {
        pending::<()>().await;
    }
    select_all(processes.iter().map(|process| Box::pin(process.exited()))).await.1
}

/// The processes of an instance wherever they may run, also in a namespace that has been replaced: those last known, and
/// those in its control group.
pub(crate) fn remains(place: &Place, known: &[InstanceProcess]) -> Vec<Process> {
    let known = known.iter().filter_map(|p| ProcessId { pid: p.pid, start_time: p.start_time }.open());
    let grouped = place.cgroup.pids().into_iter().filter_map(|pid| Process::open(pid).ok());
    let by_id: BTreeMap<ProcessId, Process> =
        known.chain(grouped).map(|process| (process.id(), process)).collect();
    by_id.into_values().collect()
}

/// Kills what is left of an instance, at once and without asking: asked, a routing daemon takes its routes along.
async fn kill(processes: &[Process]) -> Result<(), EngineError> {
    for process in processes {
        process.signal(Signal::KILL)?;
    }
    Ok(terminate(processes, GRACE).await?)
}

impl Supervisor {
    pub(crate) fn new(
        node: Arc<Node>,
        router: Arc<Router>,
        intent: watch::Sender<Arc<Router>>,
        ground: watch::Receiver<Ground>,
    ) -> Self {
        let identity = router.identity();
        let dir = node.instance_dir(identity.vn);
        // What our predecessor knew; where that cannot be read, counting begins anew.
        let file = InstanceFile::read(&dir).unwrap_or_default();
        Self {
            driver: driver(identity.engine),
            router,
            identity,
            intent,
            ground,
            dir,
            phase: Phase::Idle,
            state: State::Starting,
            place: None,
            processes: Vec::new(),
            named: file.as_ref().map(|file| file.processes.clone()).unwrap_or_default(),
            restarts: file.as_ref().map_or(0, |file| file.restarts),
            has_run: file.as_ref().is_some_and(|file| !file.processes.is_empty()),
            file,
            unconfigured: false,
            back_off: BACK_OFF.build(),
            node,
        }
    }

    fn note(&self, what: &str, outcome: Result<(), impl Display>) {
        self.node.board.note(&format!("{}: {what}", self.identity.name), outcome);
    }

    /// Supervises until the router is wanted no more.
    pub(crate) async fn run(mut self, wanted: &mut watch::Receiver<Option<Arc<Router>>>) {
        loop {
            if let Phase::Idle = self.phase {
                let netns = self.ground.borrow_and_update().netns().cloned();
                if let Some(netns) = netns {
                    self.bring_up(netns).await;
                }
            }
            let wake = match &self.phase {
                Phase::Idle => None,
                Phase::Up(up) => Some(up.next()),
                Phase::Pause(until) => Some(*until),
            };
            tokio::select! {
                // A death is told before anything else is looked at.
                biased;
                ended = first_exit(&self.processes) => self.mourn(ended).await,
                changed = wanted.changed() => {
                    let router = wanted.borrow_and_update().clone();
                    match (changed, router) {
                        (Ok(()), Some(router)) => self.follow(router).await,
                        _ => return,
                    }
                }
                Ok(()) = self.ground.changed() => self.look_down().await,
                () = until(wake) => match self.phase {
                    Phase::Up(up) => self.tend(up).await,
                    Phase::Idle | Phase::Pause(_) => self.phase = Phase::Idle,
                }
            }
        }
    }

    /// Takes over a whole instance that runs where it should, or starts one.
    async fn bring_up(&mut self, netns: Netns) {
        self.keep_directory();
        let place = place(&self.node, &self.identity, netns, self.router.memory_bytes, self.router.pids);
        match self.try_bring_up(&place).await {
            Ok(()) => {
                self.phase = Phase::Up(Up::now());
                self.place = Some(place);
            }
            Err(error) => {
                self.set_processes(&[]);
                self.fall(State::Failed, error.to_string());
            }
        }
    }

    async fn try_bring_up(&mut self, place: &Place) -> Result<(), EngineError> {
        // Bounds are a safeguard for the others: an engine routes without them too.
        self.note("control group", place.cgroup.ensure());
        let found = self.driver.processes(place)?;
        if found.len() == self.driver.process_count() {
            info!(vn = %self.identity.name, engine = %self.identity.engine, "adopted");
            self.has_run = true;
            self.set_processes(&found);
            self.configure(place).await;
            return Ok(());
        }
        self.set(State::Starting, None);
        kill(&remains(place, &self.named)).await?;
        self.prepare(place).await?;
        info!(vn = %self.identity.name, engine = %self.identity.engine, "starting");
        let started = self.driver.start(place).await?;
        self.restarts += u32::from(self.has_run);
        self.has_run = true;
        self.unconfigured = false;
        self.note("configuration", Ok::<(), EngineError>(()));
        self.set_processes(&started);
        self.set(State::Starting, None);
        Ok(())
    }

    /// Writes the engine's files; gives whether they changed.
    async fn prepare(&self, place: &Place) -> Result<bool, EngineError> {
        self.driver.prepare(&intent(&self.node, &self.router), place).await
    }

    /// Makes a running engine work as specified. One that refuses goes on as it did, and is asked again later.
    async fn configure(&mut self, place: &Place) {
        let taken = match self.prepare(place).await {
            Ok(changed) if changed || self.unconfigured => self.reconfigure(place).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.unconfigured = taken.is_err();
        self.note("configuration", taken);
    }

    /// Makes the running engine take its files, also where that takes a start.
    async fn reconfigure(&mut self, place: &Place) -> Result<(), EngineError> {
        info!(vn = %self.identity.name, engine = %self.identity.engine, "reconfiguring");
        self.driver.reconfigure(place, RECONFIGURE).await?;
        if self.driver.processes(place)?.len() < self.driver.process_count() {
            self.set(State::Starting, None);
        }
        let processes = self.driver.start(place).await?;
        self.set_processes(&processes);
        Ok(())
    }

    /// Makes the instance's directory, and says in it whose it is.
    fn keep_directory(&self) {
        let kept = store::keep_instance(&self.node.config.run_dir, &self.identity);
        self.note("instance directory", kept);
    }

    /// The specification changed.
    async fn follow(&mut self, router: Arc<Router>) {
        self.router = Arc::clone(&router);
        // The data plane and the engine close their differences each at its own pace.
        let _ = self.intent.send(router);
        self.back_off = BACK_OFF.build();
        match (self.phase, self.place.clone()) {
            (Phase::Up(_), Some(place)) => {
                self.configure(&place).await;
                self.phase = Phase::Up(Up::now());
            }
            // What failed may do better now.
            _ => self.phase = Phase::Idle,
        }
    }

    /// The ground changed.
    async fn look_down(&mut self) {
        let ground = self.ground.borrow_and_update().clone();
        match (ground, self.phase, &self.place) {
            (Ground::Missing(reason), Phase::Idle, _) => self.set(State::Failed, Some(reason.to_string())),
            (Ground::Built(netns), Phase::Up(_), Some(place)) if place.netns != netns => {
                self.give_up(State::BackOff, "its network namespace was replaced".to_owned()).await;
                self.phase = Phase::Idle;
            }
            _ => {}
        }
    }

    /// A process ended.
    async fn mourn(&mut self, ended: usize) {
        let who = self.named.get(ended).map(|p| format!("{} (pid {})", p.name, p.pid)).unwrap_or_default();
        self.give_up(State::BackOff, format!("{who} ended")).await;
    }

    /// Ends what is left of the instance, and pauses.
    async fn give_up(&mut self, state: State, reason: String) {
        // First of all the border beside us must know.
        self.fall(state, reason);
        let left = std::mem::take(&mut self.processes);
        let killed = kill(&left).await;
        self.note("ending its processes", killed);
        self.place = None;
    }

    /// The instance is down: says why, and when it is tried again.
    fn fall(&mut self, state: State, reason: String) {
        if let Phase::Up(up) = self.phase
            && up.since.elapsed() >= SOUND
        {
            self.back_off = BACK_OFF.build();
        }
        let pause = self.back_off.next().unwrap_or(Duration::from_secs(30));
        warn!(vn = %self.identity.name, engine = %self.identity.engine, ?pause, "down: {reason}");
        self.phase = Phase::Pause(Instant::now() + pause);
        self.set(state, Some(reason));
    }

    /// Asks it what is due.
    async fn tend(&mut self, mut up: Up) {
        let Some(place) = self.place.clone() else { return };
        let now = Instant::now();
        if up.memory_at <= now {
            up.memory_at = now + MEMORY;
            let bytes = self.processes.iter().filter_map(|process| process.rss_bytes().ok()).sum();
            self.node.board.router(self.identity.vn, |status| status.rss_bytes = bytes);
        }
        self.phase = Phase::Up(up);
        if up.drift_at <= now {
            self.keep_directory();
            if self.unconfigured {
                self.configure(&place).await;
            }
            let intent = intent(&self.node, &self.router);
            let Some(drift) = self.ask(self.driver.drift(&intent, &place, ANSWER)).await else { return };
            up.drift_at = Instant::now() + DRIFT;
            self.phase = Phase::Up(up);
            // An engine that does not answer is the health check's business.
            if let Ok(drift) = drift {
                self.show_drift(drift.iter().map(ToString::to_string).collect());
            }
        }
        if up.health_at <= now {
            let Some(health) = self.ask(self.driver.health(&place, ANSWER)).await else { return };
            let adjacencies = match health {
                Ok(health) => {
                    up.last_sign = Instant::now();
                    let adjacencies = health.adjacencies();
                    self.show_adjacencies(adjacencies);
                    self.set(State::Running, None);
                    adjacencies
                }
                Err(error) => match silence(up.last_sign.elapsed()) {
                    Silence::Passing => 0,
                    Silence::Silent => {
                        self.show_adjacencies(0);
                        self.set(State::Silent, Some(error.to_string()));
                        0
                    }
                    Silence::Dead => return self.give_up(State::BackOff, error.to_string()).await,
                },
            };
            up.health_at = now + cadence(self.state, adjacencies, self.links_up(), up.since.elapsed());
            self.phase = Phase::Up(up);
        }
    }

    /// Waits for an answer, but not beyond the death of who should give it.
    async fn ask<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            answer = question => Some(answer),
            _ = first_exit(&self.processes) => None,
        }
    }

    fn links_up(&self) -> usize {
        let node = self.node.links.borrow();
        let is_up = |name: &str| node.get(name).is_some_and(|link| link.up);
        self.router.links.iter().filter(|link| is_up(link.underlay.as_str())).count()
    }

    fn show_adjacencies(&self, adjacencies: usize) {
        let adjacencies = u32::try_from(adjacencies).unwrap_or(u32::MAX);
        self.node.board.router(self.identity.vn, |status| status.adjacencies = adjacencies);
    }

    fn show_drift(&self, drift: Vec<String>) {
        self.node.board.router(self.identity.vn, |status| {
            if status.drift != drift {
                warn!(vn = %self.identity.name, ?drift, "the running configuration; let be until the next restart");
                status.drift = drift;
            }
        });
    }

    fn set_processes(&mut self, processes: &[Process]) {
        processes.clone_into(&mut self.processes);
        if processes.is_empty() {
            // The names of the dead stay in the file: they say that it has run.
            return;
        }
        let named = processes.iter().map(|process| InstanceProcess {
            name: process.name().unwrap_or_default(),
            pid: process.pid(),
            start_time: process.start_time(),
        });
        self.named = named.collect();
    }

    /// Says how the instance fares: to the border beside us, then to the controller.
    fn set(&mut self, state: State, error: Option<String>) {
        let file =
            InstanceFile { state: state.into(), processes: self.named.clone(), restarts: self.restarts };
        if self.file.as_ref() != Some(&file) {
            let written = file.write(&self.dir);
            if written.is_ok() {
                self.file = Some(file);
            }
            self.note("instance file", written);
        }
        self.state = state;
        let alive = if self.processes.is_empty() { Vec::new() } else { self.named.clone() };
        self.node.board.router(self.identity.vn, |status| {
            if status.state != state {
                status.state = state;
                status.since = SystemTime::now();
                info!(vn = %self.identity.name, ?state, "engine");
            }
            if !matches!(state, State::Running | State::Silent) {
                status.adjacencies = 0;
                status.rss_bytes = 0;
                status.drift.clear();
            }
            status.processes = alive;
            status.restarts = self.restarts;
            status.last_error = error.unwrap_or(std::mem::take(&mut status.last_error));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_borne_then_told_then_ended() {
        let seconds = Duration::from_secs;
        assert_eq!(
            [0, 2, 3, 29, 30].map(|s| silence(seconds(s))),
            [Silence::Passing, Silence::Passing, Silence::Silent, Silence::Silent, Silence::Dead]
        );
    }

    #[test]
    fn an_engine_is_asked_often_only_while_news_is_expected() {
        let soon = Duration::from_secs(2);
        assert_eq!(cadence(State::Starting, 0, 0, soon), HEALTH_EAGER);
        assert_eq!(cadence(State::Running, 1, 2, soon), HEALTH_EAGER);
        assert_eq!(cadence(State::Running, 2, 2, soon), HEALTH);
        // A neighbour that is away may stay so for days.
        assert_eq!(cadence(State::Running, 1, 2, EAGER), HEALTH);
    }

    #[test]
    fn restarts_come_at_growing_distances() {
        let pauses: Vec<u64> =
            BACK_OFF.build().take(8).map(|d| u64::try_from(d.as_millis()).unwrap()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    }
}
