//! The thread that serves the sockets.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, Read as _},
    net::Ipv4Addr,
    os::fd::AsFd,
    sync::{Arc, mpsc as commands},
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use braid_probe::{self as pure, Arrival, Config, Datagram, Key, PORT, Place, Station, Statistics, Targets};
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        eventfd::{EfdFlags, EventFd},
        time::TimeSpec,
    },
};
use tokio::sync::{mpsc, watch};
use tracing::{error, info};

use super::{
    Evidence, Finding, ProbePort, ProbeSpec, Target,
    clock::{Clock, Moment},
    ports::{LOOK, Ports},
    sockets::PACKET,
};

/// Orders carried out between two looks at the sockets.
const ORDERS: usize = 1000;
/// How often what was counted is published.
const PUBLISH: Duration = Duration::from_secs(1);
/// The number of packets taken from one socket before others have their turn, many times what a budget allows.
const BATCH: usize = 4096;

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Command {
    Set(Box<Order>),
    Drives(Vec<(Ipv4Net, Option<VnId>)>),
    Doubt(Vec<Ipv4Net>),
    Stop,
}

/// A specification, taken apart before it comes to the thread, since that takes a while for many prefixes.
#[derive(Debug)]
pub(super) struct Order {
    key: Key,
    config: Config,
    targets: Targets,
    names: BTreeMap<Ipv4Addr, NodeName>,
    ports: BTreeMap<VnId, ProbePort>,
}

impl From<ProbeSpec> for Order {
    fn from(spec: ProbeSpec) -> Self {
        let (targets, names) = (spec.targets(), spec.names());
        Self { key: spec.key, config: spec.config, targets, names, ports: spec.vns }
    }
}

/// What wakes the thread.
#[derive(Debug)]
pub(super) struct Alarm(EventFd);

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(EventFd::from_value_and_flags(0, flags)?))
    }

    pub(super) fn ring(&self) {
        // It fails only when it rings already, more often than can be counted.
        let _ = self.0.write(1);
    }

    fn silence(&self) {
        // It fails only when it does not ring.
        let _ = self.0.read();
    }
}

/// Starts the thread in the namespace of this one.
pub(super) fn spawn(
    inbox: commands::Receiver<Command>,
    alarm: Arc<Alarm>,
    findings: mpsc::Sender<Finding>,
    statistics: watch::Sender<Arc<Statistics>>,
) -> io::Result<JoinHandle<()>> {
    let mut seed = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let clock = Clock::start();
    let thread = Thread {
        clock,
        station: Station::new(Key([0; 32]), u64::from_ne_bytes(seed), clock.epoch(), Config::default()),
        ports: Ports::new(),
        names: BTreeMap::new(),
        drives: VecDeque::new(),
        doubts: VecDeque::new(),
        buffer: Box::new([0; PACKET]),
        inbox,
        alarm,
        findings,
        statistics,
    };
    Builder::new().name("probes".into()).spawn(|| thread.run())
}

struct Thread {
    clock: Clock,
    station: Station,
    ports: Ports,
    names: BTreeMap<Ipv4Addr, NodeName>,
    /// Orders that wait.
    drives: VecDeque<(Ipv4Net, Option<VnId>)>,
    doubts: VecDeque<Ipv4Net>,
    buffer: Box<[u8; PACKET]>,
    inbox: commands::Receiver<Command>,
    alarm: Arc<Alarm>,
    findings: mpsc::Sender<Finding>,
    statistics: watch::Sender<Arc<Statistics>>,
}

impl Thread {
    fn run(mut self) {
        info!("probing");
        let (mut look, mut publish) = (Instant::now(), Instant::now());
        loop {
            let wake = self.wake_at().map_or(look.min(publish), |at| at.min(look).min(publish));
            if let Err(errno) = self.wait(wake.saturating_duration_since(Instant::now())) {
                error!("cannot wait for probes, so there are none any more: {errno}");
                return;
            }
            self.alarm.silence();
            // What comes in after this moment may wait; nothing that came before may.
            let moment = self.clock.moment();
            self.drain(&moment);
            self.station.handle_timeout(moment.now);
            self.transmit();
            if !self.obey() {
                return;
            }
            if look <= Instant::now() {
                self.look();
                look = Instant::now() + LOOK;
            }
            if publish <= Instant::now() {
                self.statistics.send_replace(Arc::new(self.station.statistics(self.clock.now())));
                publish = Instant::now() + PUBLISH;
            }
            self.tell();
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.drives.is_empty() && self.doubts.is_empty() {
            self.station.poll_timeout().map(|at| self.clock.instant(at))
        } else {
            Some(Instant::now())
        }
    }

    fn wait(&self, time: Duration) -> Result<(), Errno> {
        let mut wanted = vec![PollFd::new(self.alarm.0.as_fd(), PollFlags::POLLIN)];
        for (_, open) in self.ports.open() {
            wanted.push(PollFd::new(open.frames.as_fd(), PollFlags::POLLIN));
            wanted.push(PollFd::new(open.loopback.as_fd(), PollFlags::POLLIN));
        }
        match ppoll(&mut wanted, Some(TimeSpec::from_duration(time)), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Takes in all that waits.
    fn drain(&mut self, moment: &Moment) {
        for (vn, open) in self.ports.open() {
            // An error is told once by the kernel, and is of the port: it will be looked at.
            for _ in 0..BATCH {
                let Ok(Some(received)) = open.loopback.receive(&mut self.buffer) else { break };
                let Some(source) = received.from else { continue };
                let arrival = Arrival {
                    vn,
                    place: Place::Loopback,
                    source,
                    destination: open.own(),
                    ttl: received.ttl,
                    at: moment.of(received.stamp),
                };
                self.station.receive(&self.buffer[..received.length.min(PACKET)], &arrival);
            }
            for _ in 0..BATCH {
                let Ok(Some(received)) = open.frames.receive(&mut self.buffer) else { break };
                let packet = Datagram::decode(&self.buffer[..received.length.min(PACKET)]);
                let Some(packet) = packet.filter(|packet| packet.destination_port == PORT) else { continue };
                let arrival = Arrival {
                    vn,
                    place: Place::Port,
                    source: packet.source,
                    destination: packet.destination,
                    ttl: packet.ttl,
                    at: moment.of(received.stamp),
                };
                self.station.receive(packet.payload, &arrival);
            }
        }
    }

    fn transmit(&mut self) {
        let (now, mut packet) = (self.clock.now(), Vec::new());
        while let Some(vn) = self.station.poll_transmit(now, &mut packet) {
            if let Some(open) = self.ports.get(vn) {
                // What cannot be sent does not come through either, and is missed as such.
                let _ = open.frames.send(&packet);
            }
        }
    }

    /// Carries orders out. Says whether to go on.
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Set(order)) => self.set(*order),
                Ok(Command::Drives(changes)) => self.drives.extend(changes),
                Ok(Command::Doubt(prefixes)) => self.doubts.extend(prefixes),
                Ok(Command::Stop) | Err(commands::TryRecvError::Disconnected) => return false,
                Err(commands::TryRecvError::Empty) => break,
            }
        }
        let now = self.clock.now();
        for (prefix, vn) in self.drives.drain(..self.drives.len().min(ORDERS)) {
            self.station.drives(prefix, vn, now);
        }
        for prefix in self.doubts.drain(..self.doubts.len().min(ORDERS)) {
            self.station.doubt(prefix, now);
        }
        true
    }

    fn set(&mut self, order: Order) {
        self.station.set_config(order.key, order.config);
        let borders = order.targets.borders.iter().copied();
        self.ports.set(order.targets.own, borders, order.ports);
        self.station.set_targets(order.targets, self.clock.now());
        self.names = order.names;
        self.look();
    }

    /// Sees which ports there are.
    fn look(&mut self) {
        let now = self.clock.now();
        for (vn, open) in self.ports.look() {
            self.station.set_open(vn, open, now);
        }
    }

    /// Hands on what is new, as far as there is room.
    fn tell(&mut self) {
        while self.station.has_news() {
            let Ok(place) = self.findings.try_reserve() else { return };
            let Some(finding) = self.station.poll_evidence() else { return };
            if let Some(finding) = named(finding, &self.names, &self.clock) {
                place.send(finding);
            }
        }
    }
}

/// A finding with names for loopbacks; none for a border that is not known any more.
fn named(finding: pure::Finding, names: &BTreeMap<Ipv4Addr, NodeName>, clock: &Clock) -> Option<Finding> {
    let evidence = match finding.evidence {
        pure::Evidence::Unknown => Evidence::Unknown,
        pure::Evidence::Lost => Evidence::Lost,
        pure::Evidence::Delivers { egress } => Evidence::Delivers {
            egress: egress.iter().filter_map(|border| names.get(border).cloned()).collect(),
        },
    };
    let target = match finding.target {
        pure::Target::Border(border) => Target::Border(names.get(&border)?.clone()),
        pure::Target::Prefix(prefix) => Target::Prefix(prefix),
    };
    Some(Finding { vn: finding.vn, target, evidence, since: clock.instant(finding.since) })
}
