//! The life of an engine's process: start, background, the loop, the end.

use std::{
    fs,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use braid_kernel::{FibEntry, FibEvent, FibWatch, LinkEvent, LinkWatch, Netlink, NetlinkError, Netns};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
};
use serde::Deserialize;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};
use tracing::{error, info, level_filters::LevelFilter, warn};

use crate::{
    Clock, StartError,
    control::{self, Question},
    engine::{Engine, Link, Links},
    fib::Fib,
    log::Log,
    memory,
    rare::{self, Rare, Teller, Told},
};

/// The environment variable with the level of the log: error, warn, info, debug.
const LOG: &str = "BRAID_LOG";
/// How often the kernel's routes are compared with the wanted ones.
const AUDIT: Duration = Duration::from_secs(30);
/// How soon after a link has changed, which may take routes away without a word; and after a refusal.
const AUDIT_SOON: Duration = Duration::from_secs(1);
/// Routes of an earlier life are waited for so many dead intervals: neighbours that were restarted too need one to notice.
const GRACE_DEAD_INTERVALS: u32 = 3;
/// And until the routes that take their place have been the same for this part of one, about a hello interval: others that were
/// restarted too may have yet to find their links again.
const REST_OF_DEAD_INTERVAL: u32 = 4;
/// How long neighbours may take to hear that the engine goes.
const LEAVE: Duration = Duration::from_millis(500);
/// Turns of packets before anything else has a turn.
const RECEIVE_TURNS: usize = 4;
/// The stack of tokio's thread, in bytes.
const STACK: usize = 256 * 1024;

/// How a process is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The configuration.
    pub config: PathBuf,
    /// Where pid file, control socket and log go; the engine's state of one virtual router.
    pub run_dir: PathBuf,
    /// Stay in the foreground, and log to stderr.
    pub foreground: bool,
}

/// The path of an engine's file in its run directory: `braid-ospf.pid`, `.sock`, `.log`.
#[must_use]
pub fn file_of<E: Engine>(run_dir: &Path, extension: &str) -> PathBuf {
    run_dir.join(format!("{}.{extension}", E::NAME))
}

/// Starts an engine: goes into the background once all that may fail has not, and there runs until a signal ends it.
/// Returns in the background only, at the end.
///
/// Call it from a process with one thread.
///
/// # Errors
/// [`StartError`] in the foreground. In the background errors go to the log.
pub fn start<E: Engine>(
    options: &Options,
    open: impl FnOnce(&Path, Clock) -> Result<E, StartError>,
) -> Result<(), StartError> {
    memory::one_heap();
    let clock = Clock::start();
    // The background is at the root of the file system.
    let run_dir = fs::create_dir_all(&options.run_dir)
        .and_then(|()| fs::canonicalize(&options.run_dir))
        .map_err(StartError::system(format!("make {}", options.run_dir.display())))?;
    let pid_file = file_of::<E>(&run_dir, "pid");
    let lock_file = file_of::<E>(&run_dir, "lock");
    let lock = braid_proto::lock_file(&lock_file)
        .map_err(StartError::system(format!("lock {}", lock_file.display())))?;
    let Some(_lock) = lock else {
        let pid = fs::read_to_string(&pid_file).unwrap_or_default().trim().to_owned();
        return Err(StartError::Running { dir: run_dir, pid });
    };
    let config = fs::canonicalize(&options.config).unwrap_or_else(|_| options.config.clone());
    let engine = open(&config, clock)?;
    let socket = file_of::<E>(&run_dir, "sock");
    let listener =
        control::bind(&socket).map_err(StartError::system(format!("listen on {}", socket.display())))?;
    let level = level();
    let log = file_of::<E>(&run_dir, "log");
    let log = if options.foreground {
        Log::stderr(level)
    } else {
        Log::file(&log, level).map_err(StartError::system(format!("write {}", log.display())))?
    };
    let name = std::ffi::CString::new(E::NAME).unwrap_or_default();
    let _ = nix::sys::prctl::set_name(&name);
    if !options.foreground {
        // Away from the terminal, and nobody's child.
        nix::unistd::daemon(false, false)
            .map_err(|errno| StartError::system("go into the background")(errno.into()))?;
    }
    let _ = tracing::subscriber::set_global_default(log);
    let ended = live(engine, clock, listener, &pid_file);
    let _ = fs::remove_file(&socket);
    let _ = fs::remove_file(&pid_file);
    match ended {
        Err(failure) if !options.foreground => {
            error!("{failure}");
            Ok(())
        }
        ended => ended,
    }
}

fn level() -> LevelFilter {
    std::env::var(LOG).ok().and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO)
}

/// The engine has this thread; tokio, another.
fn live<E: Engine>(
    engine: E,
    clock: Clock,
    listener: UnixListener,
    pid_file: &Path,
) -> Result<(), StartError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::system("start the event loop"))?;
    let mut life = runtime.block_on(Life::begin(&runtime, engine, clock, listener))?;
    thread::scope(|threads| {
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(threads, || runtime.block_on(ended).ok())
            .map_err(StartError::system("start a thread"))?;
        let pid = format!("{}\n", std::process::id());
        braid_proto::replace_file(pid_file, pid.as_bytes())
            .map_err(StartError::system(format!("write {}", pid_file.display())))?;
        let lived = life.run();
        drop(end);
        lived
    })
}

struct Life<'a, E> {
    engine: E,
    clock: Clock,
    runtime: &'a Runtime,
    links: Links,
    rare: Told,
    teller: Teller,
    kernel_routes: Option<JoinHandle<()>>,
    fib: Fib,
    netns: Netns,
    /// When routes of an earlier life are let go, settled or not.
    grace: Instant,
    /// When the engine's routes have not changed for long enough to take the place of those.
    rested: Instant,
    audit: Instant,
    /// When the process ends, whoever has not heard of it by then.
    leaving: Option<Instant>,
}

impl<'a, E: Engine> Life<'a, E> {
    async fn begin(
        runtime: &'a Runtime,
        engine: E,
        clock: Clock,
        listener: UnixListener,
    ) -> Result<Self, StartError> {
        let netns = Netns::current()?;
        let netlink = Netlink::open(&netns)?;
        let fib = Fib::open(netlink, engine.mark()).await?;
        let (teller, rare) = rare::queue().map_err(StartError::system("make an event descriptor"))?;
        teller.signals().map_err(StartError::system("catch signals"))?;
        tokio::spawn(teller.clone().links(LinkWatch::open(&netns)?));
        control::serve(listener, teller.clone())
            .map_err(StartError::system("listen on the control socket"))?;
        Ok(Self {
            grace: Instant::now() + engine.dead_interval() * GRACE_DEAD_INTERVALS,
            rested: Instant::now(),
            audit: Instant::now() + AUDIT,
            leaving: None,
            kernel_routes: None,
            links: Links::new(),
            runtime,
            rare,
            teller,
            fib,
            engine,
            clock,
            netns,
        })
    }

    fn run(&mut self) -> Result<(), StartError> {
        info!("{} {} runs", E::NAME, braid_proto::VERSION);
        memory::trim();
        loop {
            let [packets, rare] = self.wait().map_err(|errno| StartError::system("wait")(errno.into()))?;
            if packets {
                // While there may be more.
                let _ = (0..RECEIVE_TURNS).all(|_| self.engine.receive(self.clock.now_us()));
            }
            if rare {
                self.take_rare();
            }
            self.turn()?;
            if self.leaving.is_some_and(|end| self.engine.has_left() || Instant::now() >= end) {
                return Ok(self.runtime.handle().block_on(self.fib.clear())?);
            }
        }
    }

    /// Waits for packets, for what is rare, and until something is due: which of the first two there is.
    fn wait(&self) -> Result<[bool; 2], Errno> {
        let mut ready =
            [self.engine.socket(), self.rare.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let left = self.wake_at().saturating_duration_since(Instant::now());
        match ppoll(&mut ready, Some(left.into()), None) {
            // A signal: tokio's thread has noted it.
            Ok(_) | Err(Errno::EINTR) => Ok(ready.map(|fd| fd.any().unwrap_or(false))),
            Err(errno) => Err(errno),
        }
    }

    fn take_rare(&mut self) {
        match self.rare.next() {
            Some(Rare::Terminate) => self.leave(),
            Some(Rare::Reload) => {
                // What is wrong is in the log.
                let _ = self.reload();
            }
            Some(Rare::Link(event)) => self.link(event),
            Some(Rare::KernelRoutes(events)) => self.kernel_events(events),
            Some(Rare::Question(question)) => self.answer(question),
            None => {}
        }
    }

    /// Begins to end: what neighbours do not acknowledge in time they will notice by themselves.
    fn leave(&mut self) {
        if self.leaving.is_none() {
            info!("ending");
            self.engine.leave(self.clock.now_us());
            self.leaving = Some(Instant::now() + LEAVE);
        }
    }

    /// When something is due.
    fn wake_at(&self) -> Instant {
        let engine = self.engine.next_wake().map(|us| self.clock.at(us));
        let rested = Some(self.rested).filter(|at| *at > Instant::now());
        let release = self.fib.holds().then(|| rested.unwrap_or(self.grace).min(self.grace));
        engine.into_iter().chain(release).chain(self.leaving).fold(self.audit, Instant::min)
    }

    /// What is due, whatever there was to wait for.
    fn turn(&mut self) -> Result<(), StartError> {
        let now_us = self.clock.now_us();
        if self.engine.next_wake().is_some_and(|due| due <= now_us) {
            self.engine.wake(now_us);
        }
        self.watch_kernel_routes()?;
        let updates = self.engine.take_routes();
        if !updates.is_empty() {
            self.fib.update(updates);
            self.rested = Instant::now() + self.engine.dead_interval() / REST_OF_DEAD_INTERVAL;
        }
        if let Err(error) = self.bring_to_kernel() {
            error!("{error}");
        }
        if self.fib.has_dirty() {
            self.audit_soon();
        }
        Ok(())
    }

    fn bring_to_kernel(&mut self) -> Result<(), NetlinkError> {
        let now = Instant::now();
        let is_settled = || now >= self.rested && self.engine.is_settled() && self.fib.is_covered();
        let settles = self.fib.holds() && (now >= self.grace || is_settled());
        let audits = now >= self.audit;
        if !(settles || audits || self.fib.has_dirty()) {
            return Ok(());
        }
        let fib = &mut self.fib;
        let done = self.runtime.handle().block_on(async {
            let carried_out = if settles { fib.settle().await } else { fib.apply().await };
            let audited = if audits { fib.audit().await } else { Ok(()) };
            carried_out.and(audited)
        });
        if audits {
            self.audit = Instant::now() + AUDIT;
            // What convergence took is not needed at rest.
            memory::trim();
        }
        done
    }

    fn audit_soon(&mut self) {
        self.audit = self.audit.min(Instant::now() + AUDIT_SOON);
    }

    fn link(&mut self, event: LinkEvent) {
        let state = |link: braid_kernel::Link| {
            (link.index, Link { up: link.is_up(), mac: link.mac, name: link.name })
        };
        match event {
            LinkEvent::Snapshot(links) => self.links = links.into_iter().map(state).collect(),
            LinkEvent::Changed(link) => self.links.extend([state(link)]),
            LinkEvent::Removed(link) => {
                self.links.remove(&link.index);
            }
        }
        self.fib.links(&self.links);
        self.engine.links(self.clock.now_us(), &self.links);
        self.audit_soon();
    }

    /// Begins or ends to listen to other kernel routes, as the engine wants it.
    fn watch_kernel_routes(&mut self) -> Result<(), StartError> {
        match (self.engine.wants_kernel_routes(), &self.kernel_routes) {
            (true, None) => {
                let _within = self.runtime.enter();
                let watch = FibWatch::open(&self.netns, self.engine.mark().table)?;
                self.kernel_routes = Some(tokio::spawn(self.teller.clone().kernel_routes(watch)));
            }
            (false, Some(told)) => {
                told.abort();
                self.kernel_routes = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn kernel_events(&mut self, events: Vec<FibEvent>) {
        let now_us = self.clock.now_us();
        let protocol = |entry: &FibEntry| entry.is_usable().then_some(entry.protocol);
        for event in events {
            match event {
                FibEvent::Snapshot(entries) => {
                    for entry in entries {
                        self.engine.kernel_route(now_us, entry.prefix, protocol(&entry));
                    }
                }
                FibEvent::Change { prefix, entry } => {
                    self.engine.kernel_route(now_us, prefix, entry.as_ref().and_then(protocol));
                }
                FibEvent::Link { .. } => {}
                FibEvent::Stale { reason } => warn!("kernel routes cannot be read: {reason}"),
            }
        }
    }

    fn reload(&mut self) -> Result<(), String> {
        match self.engine.reload(self.clock.now_us(), &self.links) {
            Ok(()) => {
                info!("took the configuration");
                Ok(())
            }
            Err(error) => {
                warn!("the configuration stays as it was: {error}");
                Err(error.to_string())
            }
        }
    }

    fn answer(&mut self, question: Question) {
        #[derive(Deserialize)]
        struct Asked {
            ask: String,
        }
        let asked = serde_json::from_str::<Asked>(&question.text);
        let answer = match asked.as_ref().map(|asked| asked.ask.as_str()) {
            Ok("reload") => self.reload().map(|()| "null".to_owned()),
            Ok("kernel") => serde_json::to_string(&self.fib.counters).map_err(|error| error.to_string()),
            _ => self.engine.answer(self.clock.now_us(), &question.text),
        };
        // A client that is gone needs no answer.
        let _ = question.answer.send(answer);
    }
}
