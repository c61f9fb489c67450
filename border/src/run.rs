//! The border's life: one loop that takes evidence and orders in, votes, steers and reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use braid_kernel::{LinkWatch, NetlinkError, Netns, NetnsError};
use braid_proto::{NodeName, VnId, lock_file, v1, wire::FieldError};
use braid_vote::EngineState;
use ipnet::Ipv4Net;
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{error, info, warn};

use crate::{
    booth::Booth,
    clones,
    config::BorderConfig,
    engine, fib,
    probe::{self, Finding, ProbeError, ProbeSpec},
    recorder::Tape,
    report::{self, Clock},
    spec::{Spec, Vn},
    steering::{Steering, SteeringError},
    store,
    uplink::{self, Order, Report},
    verified,
    votes::Votes,
};

/// Pieces of evidence that may wait; a source that is faster waits in turn.
const QUEUE: usize = 4096;
/// Pieces of evidence taken in before the next vote.
const BATCH: usize = 1024;
/// The kernel's table is compared with the verdicts at least this far apart.
const AUDIT: Duration = Duration::from_secs(1);
/// A snapshot for the record goes on at this pace while nothing else happens.
const RECORD_PACE: Duration = Duration::from_millis(50);
/// An audit may take this part of the time.
const AUDIT_SHARE: u32 = 100;

/// A border cannot start.
#[derive(Debug, Error)]
pub enum BorderError {
    /// Its directory cannot be used.
    #[error("cannot use the run directory {path}: {source}")]
    RunDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another border runs on this directory.
    #[error("another border runs on {path}: two would fight over the kernel's table")]
    AlreadyRunning {
        /// Which directory.
        path: PathBuf,
    },
    /// Its namespace cannot be had.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Its links cannot be watched.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The kernel cannot be steered.
    #[error(transparent)]
    Steering(#[from] SteeringError),
    /// Nothing can be probed.
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

/// Something to take into account.
enum Event {
    Fib(VnId, fib::News),
    Engine(VnId, EngineState),
    Clone(VnId, clones::Answer),
}

/// Runs a border in the current network namespace until `shutdown` resolves. What it steers stays as it is.
///
/// # Errors
/// When it cannot start: no run directory, another border on it, no rights over the kernel's tables.
pub async fn run(config: BorderConfig, shutdown: impl Future<Output = ()> + Send) -> Result<(), BorderError> {
    let _lock = lock(&config)?;
    let netns = Netns::current()?;
    let mut links = LinkWatch::open(&netns)?;
    let (events, mut inbox) = mpsc::channel(QUEUE);
    let (order_sender, mut orders) = mpsc::channel(QUEUE);
    let (reports, reported) = watch::channel(Arc::default());
    let (prober, mut findings) = probe::start(&netns)?;
    let mut border = Border {
        steering: Steering::open(&netns).await?,
        booth: Booth::new(BTreeMap::new()),
        has_spec: false,
        prober,
        driven: BTreeMap::new(),
        doubted: BTreeSet::new(),
        lost: BTreeSet::new(),
        details: BTreeMap::new(),
        clock: Clock::start(),
        watchers: BTreeMap::new(),
        repairs: 0,
        pace: clones::Pace::default(),
        events,
        reports,
        votes: Votes::default(),
        problems: BTreeMap::new(),
        config: config.clone(),
    };
    if let Some(spec) = store::kept(&config.run_dir) {
        border.follow(spec).await;
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(uplink::run(config, reported, order_sender));
    let mut audit = Instant::now() + AUDIT;
    tokio::pin!(shutdown);
    info!("the border is up");
    loop {
        let (mut batch, mut found) = (Vec::new(), Vec::new());
        let wake = border.wake_at().map_or(audit, |due| due.min(audit));
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            _ = inbox.recv_many(&mut batch, BATCH) => border.take_in(batch).await,
            1.. = findings.recv_many(&mut found, BATCH) => border.learn(found),
            Some(order) = orders.recv() => border.obey(order).await,
            // A port may have come or gone, and the kernel drops routes over it without a word.
            Some(_) = links.next() => audit = Instant::now(),
            () = tokio::time::sleep_until(wake.into()) => {}
        }
        if audit <= Instant::now() {
            let begin = Instant::now();
            border.audit().await;
            audit = Instant::now() + AUDIT.max(begin.elapsed() * AUDIT_SHARE);
        }
        border.vote().await;
    }
}

fn lock(config: &BorderConfig) -> Result<File, BorderError> {
    let path = || config.run_dir.clone();
    lock_file(&config.run_dir.join("border.lock"))
        .map_err(|source| BorderError::RunDir { path: path(), source })?
        .ok_or_else(|| BorderError::AlreadyRunning { path: path() })
}

/// What is watched of a virtual network: its namespace and its engine.
type Watched = (String, String);

fn watched(vn: &Vn) -> Watched {
    (vn.namespace.clone(), vn.engine.clone())
}

struct Border {
    config: BorderConfig,
    booth: Booth,
    /// Whether any specification has ever been in force. Before that, what the kernel holds is nobody's to change.
    has_spec: bool,
    steering: Steering,
    prober: probe::Handle,
    /// Who drives each prefix, as the prober was told.
    driven: BTreeMap<Ipv4Net, VnId>,
    /// What was in doubt at the last vote.
    doubted: BTreeSet<Ipv4Net>,
    /// The borders that virtual networks do not reach.
    lost: BTreeSet<(VnId, NodeName)>,
    /// What verification has to say in words, where it has.
    details: BTreeMap<(VnId, Ipv4Net), String>,
    clock: Clock,
    /// By virtual network: what is watched, and the tasks that do it.
    watchers: BTreeMap<VnId, (Watched, JoinSet<()>)>,
    /// Objects and routes in the kernel that audits have found changed by others, and put right.
    repairs: u64,
    /// How often engines are asked for their clones.
    pace: clones::Pace,
    events: mpsc::Sender<Event>,
    reports: watch::Sender<Arc<Report>>,
    /// The verdicts as they are told.
    votes: Votes,
    /// What is wrong, by what it is about; said once each.
    problems: BTreeMap<&'static str, String>,
}

impl Border {
    fn wake_at(&self) -> Option<Instant> {
        let due = self.booth.next_due().map(|due| self.clock.instant(due));
        let record = self.booth.tape().is_busy().then(|| Instant::now() + RECORD_PACE);
        due.into_iter().chain(record).min()
    }

    fn note(&mut self, about: &'static str, outcome: Result<(), impl ToString>) {
        match outcome {
            Ok(()) => {
                if self.problems.remove(about).is_some() {
                    info!("{about}: all is well again");
                }
            }
            Err(problem) => {
                let problem = problem.to_string();
                if self.problems.get(about) != Some(&problem) {
                    error!("{about}: {problem}");
                    self.problems.insert(about, problem);
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Spec(spec) => self.follow(*spec).await,
            Order::Verification(news) => self.hear_verification(&news),
            Order::ControllerAway if self.booth.verifying_since().is_some() => {
                warn!("the controller is away: voting without what it verifies");
                self.details.clear();
                self.booth.clear_verification(self.clock.now());
            }
            Order::ControllerAway => {}
            Order::Explain(prefix, reply) => {
                // A border that has been asked and gave up waiting is no reason to stop.
                let _ = reply.send(self.explain(prefix));
            }
        }
    }

    fn hear_verification(&mut self, news: &v1::Verification) {
        let now = self.clock.now();
        let findings: Result<Vec<_>, _> = news.changed.iter().map(verified::finding).collect();
        let heard = findings.map(|findings| {
            if news.snapshot {
                self.details.clear();
            }
            for ((vn, prefix, _), wire) in findings.iter().zip(&news.changed) {
                if wire.detail.is_empty() {
                    self.details.remove(&(*vn, *prefix));
                } else {
                    self.details.insert((*vn, *prefix), wire.detail.clone());
                }
            }
            self.booth.set_verification(news.snapshot, &findings, now);
        });
        self.note("verification", heard);
    }

    /// Takes in what probes have found.
    fn learn(&mut self, findings: Vec<Finding>) {
        for Finding { vn, target, evidence, since } in findings {
            let lost = evidence == probe::Evidence::Lost;
            match &target {
                probe::Target::Border(border) => {
                    let way = (vn, border.clone());
                    if if lost { self.lost.insert(way) } else { self.lost.remove(&way) } {
                        info!(vn = %self.name(vn), %border, lost, "probes");
                    }
                }
                probe::Target::Prefix(prefix) if lost => {
                    info!(vn = %self.name(vn), %prefix, "probes do not come out");
                }
                probe::Target::Prefix(_) => {}
            }
            self.booth.set_probe(vn, &target, &evidence, self.clock.millis(since));
        }
    }

    fn explain(&self, prefix: Ipv4Net) -> Option<v1::Explanation> {
        let explained = self.booth.explain(prefix, self.clock.now())?;
        let steered = explained.verdict.winner.is_some_and(|vn| self.is_steered(prefix, vn));
        let mut explanation = report::explanation(&self.booth, &self.clock, prefix, &explained, steered);
        for (candidate, standing) in explanation.candidates.iter_mut().zip(&explained.candidates) {
            let vn = VnId::try_from(u32::from(standing.vn)).ok();
            let detail = vn.and_then(|vn| self.details.get(&(vn, prefix)).cloned());
            candidate.verified_detail = detail.unwrap_or_default();
        }
        Some(explanation)
    }

    fn is_steered(&self, prefix: Ipv4Net, winner: u8) -> bool {
        self.steering.in_force_for(prefix).is_some_and(|vn| vn.get() == winner)
    }

    /// Puts a specification in force. One that makes no sense changes nothing.
    async fn follow(&mut self, wire: v1::BorderSpec) {
        let ours = self.config.network.as_str() == wire.network && self.config.node.as_str() == wire.node;
        let checked = if ours {
            Spec::try_from(wire.clone())
        } else {
            Err(FieldError::new(
                "node",
                format_args!("is {}.{}, which is not this one", wire.network, wire.node),
            ))
        };
        let outcome = match checked {
            Err(error) => Err(format!("refused, the one in force stays: {error}")),
            Ok(spec) if self.has_spec && spec == *self.booth.spec() => Ok(()),
            Ok(spec) => {
                if !self.has_spec {
                    // What the kernel does now is what the last border had decided.
                    self.booth = Booth::new(self.steering.in_force(&spec));
                    let BorderConfig { run_dir, network, node, .. } = &self.config;
                    let tape = Tape::start(run_dir, network, node, self.clock.epoch_ms());
                    let begun = tape.map(|tape| self.booth.record(tape));
                    self.note("beginning the record", begun);
                    self.has_spec = true;
                }
                self.watch(&spec);
                self.prober.set(spec.probes.clone().unwrap_or_else(ProbeSpec::nothing));
                self.lost.retain(|(vn, _)| spec.vn(*vn).is_some());
                self.details.retain(|(vn, _), _| spec.vn(*vn).is_some());
                self.booth.set_spec(spec, self.clock.now());
                self.audit().await;
                self.retell_all();
                Ok(())
            }
        };
        if outcome.is_ok() {
            let kept = store::keep(&self.config.run_dir, &wire);
            self.note("keeping the specification", kept);
        }
        self.note("specification", outcome);
    }

    /// Watches the virtual networks of a specification and no others.
    fn watch(&mut self, spec: &Spec) {
        self.watchers.retain(|id, (what, _)| spec.vn(*id).is_some_and(|vn| watched(vn) == *what));
        for vn in &spec.vns {
            self.watchers.entry(vn.id).or_insert_with(|| {
                let mut tasks = JoinSet::new();
                let id = vn.id;
                let (fibs, engines) = (self.events.clone(), self.events.clone());
                tasks.spawn(fib::watch(vn.namespace.clone(), fibs, move |news| Event::Fib(id, news)));
                let dir = self.config.run_dir.join(format!("vn{id}"));
                if let Some(socket) = clones::socket(&vn.engine, &dir) {
                    let (clock, pace, answers) = (self.clock, self.pace.subscribe(), self.events.clone());
                    tasks.spawn(clones::watch(socket, clock, pace, answers, move |a| Event::Clone(id, a)));
                }
                tasks.spawn(engine::watch(dir, engines, move |state| Event::Engine(id, state)));
                (watched(vn), tasks)
            });
        }
    }

    async fn take_in(&mut self, batch: Vec<Event>) {
        let now = self.clock.now();
        for event in batch {
            match event {
                Event::Fib(vn, fib::News::All(routes)) => self.booth.set_routes(vn, routes, now),
                Event::Fib(vn, fib::News::One(prefix, route)) => self.booth.set_route(vn, prefix, route, now),
                Event::Clone(vn, answer) => self.booth.set_converged(vn, &answer, now),
                Event::Engine(vn, state) => {
                    info!(vn = %self.name(vn), ?state, "engine");
                    let fails = matches!(state, EngineState::Gone | EngineState::Silent);
                    let heir = self.booth.succession(vn).filter(|_| fails);
                    self.booth.set_engine(vn, state, now);
                    if let Some(heir) = heir {
                        // One message now, whatever the number of prefixes; the votes that follow confirm it one by one.
                        let handed = self.steering.hand_over(self.booth.spec(), vn, heir).await;
                        self.note("steering", handed);
                    }
                }
            }
        }
    }

    fn name(&self, vn: VnId) -> String {
        self.booth.spec().vn(vn).map_or_else(|| vn.to_string(), |vn| vn.name.to_string())
    }

    /// Compares the kernel with what it ought to hold, and mends what others have changed.
    async fn audit(&mut self) {
        if !self.has_spec {
            return;
        }
        let observed = self.steering.observe().await;
        let changed = *observed.as_ref().unwrap_or(&0);
        if changed > 0 {
            self.repairs = self.repairs.saturating_add(u64::try_from(changed).unwrap_or(u64::MAX));
            warn!(changed, in_all = self.repairs, "others changed what the verdicts want of the kernel");
        }
        self.note("reading the kernel's tables", observed.map(drop));
        let founded = self.steering.found(self.booth.spec()).await;
        self.note("rules and filter", founded);
        let ports = self.steering.ports(self.booth.spec()).into_keys().collect();
        self.booth.set_ports(&ports, self.clock.now());
        let votes = self.booth.winners().collect();
        let steered = self.steering.steer(self.booth.spec(), votes).await;
        self.steered(steered.map(drop)).await;
        self.retell_steering();
    }

    /// Makes the kernel follow verdicts that have just changed.
    async fn steer_changes(&mut self, changed: &[Ipv4Net]) {
        let votes = changed.iter().map(|prefix| (*prefix, self.booth.winner(*prefix))).collect();
        let steered = self.steering.steer_changes(self.booth.spec(), &votes).await;
        self.steered(steered).await;
    }

    async fn steered(&mut self, outcome: Result<(), SteeringError>) {
        if outcome.is_err() {
            // What is known of the kernel is stale after a refusal.
            let observed = self.steering.observe().await;
            self.note("reading the kernel's tables", observed.map(drop));
        }
        self.note("steering", outcome);
    }

    /// Holds the votes that are due, steers where a verdict changed, and reports.
    async fn vote(&mut self) {
        let changed = self.booth.decide(self.clock.now());
        let recorded = self.booth.tape().problem().map_or(Ok(()), Err);
        self.note("recording evidence", recorded);
        if !changed.is_empty() {
            self.steer_changes(&changed).await;
            for prefix in &changed {
                self.votes.set(*prefix, self.told_of(*prefix));
            }
            for prefix in changed.iter().copied().take(8) {
                let Some(verdict) = self.booth.verdict(prefix) else { continue };
                let winner = verdict.winner.map(|vn| report::name(self.booth.spec(), vn));
                info!(%prefix, winner, step = %verdict.decisive_step, "verdict");
            }
            self.tell_prober(&changed);
        }
        let doubted: BTreeSet<Ipv4Net> = self.booth.doubt().collect();
        let new: Vec<Ipv4Net> = doubted.difference(&self.doubted).copied().collect();
        self.pace.set(doubted.len(), !new.is_empty());
        if !new.is_empty() {
            self.prober.doubt(new);
        }
        self.doubted = doubted;
        let now = self.report();
        self.reports.send_if_modified(|told| {
            let news = **told != now;
            if news {
                *told = Arc::new(now);
            }
            news
        });
    }

    /// Says who drives these prefixes now, where that has changed.
    fn tell_prober(&mut self, changed: &[Ipv4Net]) {
        let mut news = Vec::new();
        for prefix in changed {
            let driver = self.booth.winner(*prefix);
            let told = match driver {
                Some(vn) => self.driven.insert(*prefix, vn),
                None => self.driven.remove(prefix),
            };
            if told != driver {
                news.push((*prefix, driver));
            }
        }
        if !news.is_empty() {
            self.prober.drives(news);
        }
    }

    /// The verdict on a prefix as it is told.
    fn told_of(&self, prefix: Ipv4Net) -> Option<v1::Vote> {
        let verdict = self.booth.verdict(prefix)?;
        let steered = verdict.winner.is_some_and(|vn| self.is_steered(prefix, vn));
        Some(report::vote(self.booth.spec(), &self.clock, prefix, &verdict, steered))
    }

    /// Tells all verdicts anew: names may have changed.
    fn retell_all(&mut self) {
        let prefixes = self.booth.winners().map(|(prefix, _)| prefix);
        self.votes = prefixes.filter_map(|prefix| Some((prefix, self.told_of(prefix)?))).collect();
    }

    /// Tells the verdicts anew of which the kernel has another opinion than before.
    fn retell_steering(&mut self) {
        let differs = |(prefix, vote): &(Ipv4Net, &v1::Vote)| {
            let winner = self.booth.winner(*prefix);
            vote.steered != winner.is_some_and(|vn| self.is_steered(*prefix, vn.get()))
        };
        let differing: Vec<Ipv4Net> = self.votes.iter().filter(differs).map(|(prefix, _)| prefix).collect();
        for prefix in differing {
            self.votes.set(prefix, self.told_of(prefix));
        }
    }

    fn report(&self) -> Report {
        Report {
            votes: self.votes.clone(),
            problems: self.problems.iter().map(|(about, problem)| format!("{about}: {problem}")).collect(),
            repairs: self.repairs,
            probes: report::probes(self.booth.spec(), &self.prober.statistics(), &self.lost),
        }
    }
}
