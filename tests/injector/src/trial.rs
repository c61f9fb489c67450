//! One router under test, fed, disturbed and measured.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_kernel::{FibEvent, FibWatch};
use ipnet::Ipv4Net;
use tokio::time::{sleep, sleep_until, timeout_at};

use crate::{
    Grid, Implementation, Injector, InjectorError, Memory, Place, Progress, Protocol, Router, Site, cpu_time,
    grid, memory, site::ROUTER,
};

/// The kernel's main routing table.
const MAIN_TABLE: u32 = 254;
/// From the daemons' start to full tables.
const FILL_LIMIT: Duration = Duration::from_secs(120);
/// From a change to its route.
const CHANGE_LIMIT: Duration = Duration::from_secs(20);
/// How long a router is left alone after a change has become visible. BIRD looks round once a second; after two seconds of rest
/// the embedded engine's SPF back-off is at rest (RFC 8405), as FRR's is after its hold time.
const AFTERMATH: Duration = Duration::from_millis(2500);
/// How long a router that has nothing to do is watched.
const IDLE: Duration = Duration::from_secs(4);
/// The costs that a changed link has in turn: cheaper than nearly every other, and dearer than all.
const COSTS: [u16; 2] = [1, 200];
/// How often the injector is looked at while a condition is waited for.
const POLL: Duration = Duration::from_millis(20);

/// What is fed, and what is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How it is fed.
    pub protocol: Protocol,
    /// Routers per side of the grid.
    pub side: u8,
    /// Picks the costs.
    pub seed: u64,
    /// The router of the grid that the router under test is connected to.
    pub attached: Place,
    /// The routers, one link of which changes.
    pub places: Vec<Place>,
    /// How often each of them changes.
    pub rounds: u32,
}

impl Settings {
    /// The grid of the benchmark table, 100 × 100 and attached at a corner; a link changes near, in the middle, and far away.
    #[must_use]
    pub fn benchmark(protocol: Protocol) -> Self {
        Self {
            protocol,
            side: 100,
            seed: 3,
            attached: Place::new(0, 0),
            places: vec![Place::new(0, 1), Place::new(50, 50), Place::new(99, 98)],
            rounds: 4,
        }
    }
}

/// What one daemon has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The daemon's name.
    pub program: &'static str,
    /// CPU time, user and system.
    pub cpu: Duration,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFigures {
    /// Where.
    pub place: Place,
    /// The link's new cost.
    pub cost: u16,
    /// From the LSA or LSP sent to the kernel's route.
    pub visible: Duration,
    /// CPU time spent on it, without what the daemons use anyhow.
    pub cpu: Vec<Share>,
}

/// What a trial has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// From the start of the daemons to a kernel route to every router of the grid.
    pub full: Duration,
    /// CPU time until then.
    pub fill: Vec<Share>,
    /// Memory with the whole database, all daemons together.
    pub memory: Memory,
    /// Memory of each daemon.
    pub memory_by_daemon: Vec<(&'static str, Memory)>,
    /// Share of a core that the idle daemons use, one neighbour with a hello a second.
    pub idle: f64,
    /// The changes, in their order.
    pub changes: Vec<ChangeFigures>,
}

impl Figures {
    /// CPU times of all daemons per change, by rising time.
    #[must_use]
    pub fn cpu(&self) -> Vec<Duration> {
        sorted(self.changes.iter().map(|change| change.cpu.iter().map(|share| share.cpu).sum()))
    }

    /// CPU times of the daemon that computes routes per change, by rising time.
    #[must_use]
    pub fn routing_cpu(&self) -> Vec<Duration> {
        sorted(self.changes.iter().filter_map(|change| change.cpu.first()).map(|share| share.cpu))
    }

    /// Times from LSA or LSP to kernel route, by rising time.
    #[must_use]
    pub fn visible(&self) -> Vec<Duration> {
        sorted(self.changes.iter().map(|change| change.visible))
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
}

/// Holds a trial. Call it within a tokio runtime with time and I/O enabled.
///
/// # Errors
/// [`InjectorError`]: a daemon that cannot be started, or does not do within limits what is waited for.
pub async fn hold(implementation: &Implementation, settings: &Settings) -> Result<Figures, InjectorError> {
    let mut grid = Grid::new(settings.side, settings.seed, settings.attached);
    let site = Site::build().await?;
    let mut trial = Trial::begin(settings.protocol, implementation, &site, &grid)?;
    let begin = Instant::now();
    let routers = usize::from(settings.side).pow(2);
    let filled = trial.until("a route to every router of the grid", FILL_LIMIT, |routes, _| {
        routes.range(grid::routers()).count() == routers
    });
    let full = filled.await? - begin;
    let fill = trial.shares()?;
    let idle = trial.rest().await?;
    let memory_by_daemon: Vec<_> = trial
        .router
        .processes()
        .map(|(program, pid)| Ok((program, memory(&[pid])?)))
        .collect::<Result<_, InjectorError>>()?;
    let sum = |field: fn(&Memory) -> u64| memory_by_daemon.iter().map(|(_, memory)| field(memory)).sum();
    let memory = Memory { pss: sum(|memory| memory.pss), rss: sum(|memory| memory.rss) };
    let mut changes = Vec::new();
    for round in 0..settings.rounds {
        for place in &settings.places {
            changes.push(trial.change(&mut grid, *place, round, &idle).await?);
        }
    }
    let idle = idle.iter().map(|share| share.cpu.as_secs_f64()).sum::<f64>() / IDLE.as_secs_f64();
    Ok(Figures { full, fill, memory, memory_by_daemon, idle, changes })
}

/// A router under test with its injector. Fields are dropped in this order.
struct Trial<'a> {
    name: &'static str,
    site: &'a Site,
    router: Router,
    injector: Injector,
    fib: FibWatch,
    routes: BTreeSet<Ipv4Addr>,
}

impl<'a> Trial<'a> {
    fn begin(
        protocol: Protocol,
        implementation: &Implementation,
        site: &'a Site,
        grid: &Grid,
    ) -> Result<Self, InjectorError> {
        let fib = FibWatch::open(site.router(), MAIN_TABLE)?;
        let injector = protocol.feed(site.injector(), grid)?;
        let router = Router::start(protocol, implementation, site)?;
        Ok(Self { name: implementation.name(), site, router, injector, fib, routes: BTreeSet::new() })
    }

    /// CPU time of the daemons so far.
    fn shares(&self) -> Result<Vec<Share>, InjectorError> {
        self.router.processes().map(|(program, pid)| Ok(Share { program, cpu: cpu_time(&[pid])? })).collect()
    }

    /// Waits for a condition on the host routes in the kernel and on the injector.
    async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl Fn(&BTreeSet<Ipv4Addr>, Progress) -> bool,
    ) -> Result<Instant, InjectorError> {
        let begin = Instant::now();
        loop {
            let poll = tokio::time::Instant::now() + POLL;
            let events = timeout_at(poll, self.fib.next_batch(4096)).await.unwrap_or_default();
            let now = Instant::now();
            events.into_iter().for_each(|event| note(&mut self.routes, event));
            let progress = self.injector.progress()?;
            if condition(&self.routes, progress) {
                return Ok(now);
            }
            if begin.elapsed() > limit {
                let what = format!("{what} (routes: {}, injector: {progress:?})", self.routes.len());
                return Err(InjectorError::Late {
                    router: self.name,
                    what,
                    limit,
                    log: self.site.dir().to_owned(),
                });
            }
        }
    }

    /// What the daemons use in [`IDLE`] when nothing happens. Waits first until they have calmed down.
    async fn rest(&mut self) -> Result<Vec<Share>, InjectorError> {
        sleep(AFTERMATH).await;
        let before = self.shares()?;
        sleep(IDLE).await;
        Ok(difference(&before, &self.shares()?))
    }

    async fn change(
        &mut self,
        grid: &mut Grid,
        place: Place,
        round: u32,
        idle: &[Share],
    ) -> Result<ChangeFigures, InjectorError> {
        let marked = round.is_multiple_of(2);
        let cost = COSTS[usize::from(!marked)];
        grid.change(place, cost, marked);
        let before = self.shares()?;
        let sent = self.injector.announce(grid, place)?;
        let marker = place.marker();
        let visible = self.until("the route that a change brings or takes", CHANGE_LIMIT, |routes, _| {
            routes.contains(&marker) == marked
        });
        let visible = visible.await? - sent;
        self.until("the acknowledgement of a change", CHANGE_LIMIT, |_, injector| {
            injector.unacknowledged == 0
        })
        .await?;
        sleep_until((sent + visible + AFTERMATH).into()).await;
        let elapsed = sent.elapsed();
        let mut cpu = difference(&before, &self.shares()?);
        for (share, idle) in cpu.iter_mut().zip(idle) {
            share.cpu =
                share.cpu.saturating_sub(idle.cpu.mul_f64(elapsed.as_secs_f64() / IDLE.as_secs_f64()));
        }
        Ok(ChangeFigures { place, cost, visible, cpu })
    }
}

fn difference(before: &[Share], after: &[Share]) -> Vec<Share> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|(before, after)| Share { program: after.program, cpu: after.cpu.saturating_sub(before.cpu) })
        .collect()
}

/// Keeps the set of host routes, the router's own addresses aside.
fn note(routes: &mut BTreeSet<Ipv4Addr>, event: FibEvent) {
    let host =
        |prefix: Ipv4Net| (prefix.prefix_len() == 32 && prefix.addr() != ROUTER).then(|| prefix.addr());
    match event {
        FibEvent::Snapshot(entries) => {
            *routes = entries.iter().filter_map(|entry| host(entry.prefix)).collect();
        }
        FibEvent::Change { prefix, entry } => {
            let Some(address) = host(prefix) else { return };
            if entry.is_some() {
                routes.insert(address);
            } else {
                routes.remove(&address);
            }
        }
        FibEvent::Link { .. } | FibEvent::Stale { .. } => {}
    }
}
