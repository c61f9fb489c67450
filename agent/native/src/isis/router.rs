//! The IS-IS engine in the shell: PDUs to inputs, outputs to PDUs, routes and log lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_isis::{
    Circuit, CircuitConfig, CircuitId, CircuitKind, Event, Group, Input, Instance, Instant, Output, Rejection,
};
use braid_isis_packet::Level;
use braid_isis_route::Route;
use braid_kernel::NextHop;
use ipnet::Ipv4Net;
use tracing::{debug, info, warn};

use super::{
    ROUTE_PROTOCOL,
    config::convert_external,
    file::{External, File},
    socket::{Mac, Socket, address},
};
use crate::{
    Clock, ConfigError, Engine, Links, RouteMark, RouteUpdate, StartError,
    externals::{Announcement, Externals},
};

/// PDUs taken in one turn.
const RECEIVE_BATCH: usize = 64;
/// Routes of an earlier life are waited for so many hold times: neighbours that were restarted too need one to notice.
const GRACE_HOLD_TIMES: u32 = 3;

/// An IS-IS router with its socket.
pub struct Isis {
    pub(super) instance: Instance,
    pub(super) file: File,
    path: PathBuf,
    socket: Socket,
    pub(super) links: Links,
    /// The carrier and the hardware address that the instance was told of, by circuit.
    told: BTreeMap<CircuitId, (bool, Mac)>,
    externals: Externals<External>,
    updates: Vec<RouteUpdate>,
    /// PDUs that could not be sent, by an interface that is gone or down.
    pub(super) send_errors: u64,
}

impl Isis {
    /// Reads the configuration and opens the socket. Circuits are heard of by [`Engine::links`].
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(path: &Path, clock: Clock) -> Result<Self, StartError> {
        let file = File::read(path)?;
        let config = file.to_config(path, |_| None)?;
        let now_us = clock.now_us();
        let instance =
            Instance::new(config, now_us, Instant(now_us)).map_err(|error| ConfigError::Meaning {
                path: path.to_owned(),
                about: "configuration".to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            instance,
            file,
            path: path.to_owned(),
            socket: Socket::open()?,
            links: Links::new(),
            told: BTreeMap::new(),
            externals: Externals::new(),
            updates: Vec::new(),
            send_errors: 0,
        })
    }

    fn handle(&mut self, now_us: u64, input: Input) {
        self.instance.handle(Instant(now_us), input);
        self.drain();
    }

    /// Carries out what the instance wants.
    fn drain(&mut self) {
        while let Some(output) = self.instance.poll_output() {
            match output {
                Output::Transmit { circuit, group, payload } => {
                    if let Err(error) = self.socket.send(circuit.0, address(group), &payload) {
                        self.send_errors += 1;
                        debug!("cannot send by {}: {error}", self.name(circuit));
                    }
                }
                Output::Routes(changes) => {
                    self.updates.extend(changes.into_iter().map(|change| RouteUpdate {
                        prefix: change.prefix,
                        next_hops: change.new.as_ref().and_then(next_hops),
                    }));
                }
                Output::Event(event) => self.log(&event),
            }
        }
    }

    fn log(&self, event: &Event) {
        let text = event.to_string();
        let named = circuit_of(event).and_then(|circuit| {
            Some(format!("{}{}", self.name(circuit), text.strip_prefix(&circuit.to_string())?))
        });
        let text = named.unwrap_or(text);
        match event {
            // A stranger's packets are counted, and are no news to an operator.
            Event::Rejected { reason: Rejection::Circuit | Rejection::NoAdjacency, .. } => debug!("{text}"),
            Event::AdjacencyUp { system, .. } | Event::AdjacencyDown { system, .. } => {
                let name = self.instance.host_name(*system);
                info!("{text}{}", name.map_or_else(String::new, |name| format!(" ({name})")));
            }
            Event::DesignatedRouter { .. } => info!("{text}"),
            _ => warn!("{text}"),
        }
    }

    /// A circuit's name, for people.
    pub(super) fn name(&self, circuit: CircuitId) -> String {
        self.links
            .get(&circuit.0)
            .map_or_else(|| format!("interface {}", circuit.0), |link| link.name.clone())
    }

    /// Tells the instance its configuration, as far as circuits are there, and what came with it.
    fn configure(&mut self, now_us: u64) -> Result<(), ConfigError> {
        let index =
            |name: &str| self.links.iter().find(|(_, link)| link.name == name).map(|(index, _)| *index);
        let config = self.file.to_config(&self.path, index)?;
        self.told.retain(|id, _| config.circuits.contains_key(id));
        let circuits: BTreeMap<CircuitId, BTreeSet<Mac>> =
            config.circuits.iter().map(|(id, circuit)| (*id, groups(&config, circuit))).collect();
        self.listen(&circuits);
        if *self.instance.config() != config {
            self.handle(now_us, Input::Configure(Box::new(config)));
        }
        for (id, groups) in circuits {
            let Some(link) = self.links.get(&id.0) else { continue };
            // Without a hardware address there is nobody to speak to.
            let up = link.up && (groups.is_empty() || link.mac.is_some());
            let state = (up, link.mac.unwrap_or_default());
            if self.told.insert(id, state) != Some(state) {
                self.handle(now_us, Input::Carrier { circuit: id, up, mac: state.1 });
            }
        }
        Ok(())
    }

    fn listen(&mut self, circuits: &BTreeMap<CircuitId, BTreeSet<Mac>>) {
        let wanted =
            circuits.iter().flat_map(|(id, groups)| groups.iter().map(|group| (id.0, *group))).collect();
        for (index, error) in self.socket.listen(&wanted) {
            warn!("cannot listen on {}: {error}", self.name(CircuitId(index)));
        }
    }

    /// Tells the instance the external routes that differ from what it was told.
    fn announce(&mut self, now_us: u64) {
        let of_file = self.file.externals.clone();
        let rule = |prefix: &Ipv4Net, protocol| redistribution(&self.file, prefix, protocol);
        for change in self.externals.changes(of_file, rule) {
            self.tell(now_us, change);
        }
    }

    fn tell(&mut self, now_us: u64, (prefix, external): Announcement<External>) {
        self.handle(now_us, Input::External { prefix, route: external.map(convert_external) });
    }
}

/// The circuit that an event is about, by whose number its text begins.
fn circuit_of(event: &Event) -> Option<CircuitId> {
    match event {
        Event::AdjacencyUp { circuit, .. }
        | Event::AdjacencyDown { circuit, .. }
        | Event::DesignatedRouter { circuit, .. }
        | Event::Rejected { circuit, .. }
        | Event::DuplicateSystem { circuit }
        | Event::LspTooBig { circuit, .. }
        | Event::Unbuildable { circuit, .. } => Some(*circuit),
        _ => None,
    }
}

/// The groups that a circuit's PDUs are sent to; none if it does not speak. On a point-to-point circuit some send to those
/// of the levels (RFC 5309 §4.1).
fn groups(config: &braid_isis::Config, circuit: &CircuitConfig) -> BTreeSet<Mac> {
    let Some(levels) = config.level.and(circuit.level).filter(|_| circuit.speaks()) else {
        return BTreeSet::new();
    };
    let of_level = |level| match level {
        Level::One => Group::AllL1,
        Level::Two => Group::AllL2,
    };
    let all = (circuit.kind == CircuitKind::PointToPoint).then_some(Group::AllIs);
    levels.levels().map(of_level).chain(all).map(address).collect()
}

/// What a kernel route is announced as.
fn redistribution(file: &File, prefix: &Ipv4Net, protocol: u8) -> Option<External> {
    let rule = file.redistribute.iter().find(|rule| rule.protocol == protocol)?;
    // Networks of our circuits are announced as such.
    let mut own = file.circuits.values();
    let is_own = own.any(|circuit| {
        circuit.addresses.iter().any(|address| address.trunc() == *prefix)
            || circuit.prefixes.contains_key(prefix)
    });
    (!is_own).then_some(External { metric: rule.metric, level: rule.level, external: rule.external })
}

/// A route's ways as the kernel takes them; `None` if this router itself announces the prefix.
pub(super) fn next_hops(route: &Route) -> Option<Vec<NextHop>> {
    let hops: Vec<NextHop> =
        route.next_hops.iter().filter_map(|hop| Some(NextHop::new(hop.gateway?, hop.circuit))).collect();
    (!hops.is_empty()).then_some(hops)
}

impl Engine for Isis {
    const NAME: &'static str = super::NAME;

    fn mark(&self) -> RouteMark {
        let kernel = self.file.kernel;
        RouteMark { table: kernel.table, protocol: ROUTE_PROTOCOL, metric: kernel.metric }
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn receive(&mut self, now_us: u64) -> bool {
        for _ in 0..RECEIVE_BATCH {
            match self.socket.receive() {
                Ok(Some(packet)) => self.handle(
                    now_us,
                    Input::Packet {
                        circuit: CircuitId(packet.ifindex),
                        source: packet.source,
                        payload: packet.payload,
                    },
                ),
                Ok(None) => return false,
                // Such as an interface that went down, told once.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => debug!("receiving: {error}"),
            }
        }
        true
    }

    fn links(&mut self, now_us: u64, links: &Links) {
        for index in self.links.keys().filter(|index| !links.contains_key(index)) {
            self.socket.forget(*index);
        }
        self.links.clone_from(links);
        if let Err(error) = self.configure(now_us) {
            warn!("{error}");
        }
        self.announce(now_us);
    }

    fn wake(&mut self, now_us: u64) {
        self.handle(now_us, Input::Timeout);
    }

    fn next_wake(&self) -> Option<u64> {
        self.instance.poll_timeout().map(|at| at.0)
    }

    fn take_routes(&mut self) -> Vec<RouteUpdate> {
        std::mem::take(&mut self.updates)
    }

    fn is_settled(&self) -> bool {
        let mut speaking =
            self.instance.circuits().filter(|circuit| circuit.up && circuit.levels.is_some()).peekable();
        let any = speaking.peek().is_some();
        let is_adjacent = |circuit: &Circuit| {
            Level::ALL.into_iter().any(|level| circuit.adjacencies(level).next().is_some())
        };
        any && speaking.all(is_adjacent) && self.instance.is_settled()
    }

    fn grace(&self) -> Duration {
        let hold_ms = |circuit: &super::Circuit| u64::from(circuit.hello_ms) * u64::from(circuit.multiplier);
        let speaking = self.file.circuits.values().filter(|circuit| circuit.speaks());
        let hold_ms = speaking.map(hold_ms).max().unwrap_or(0);
        Duration::from_millis(hold_ms) * GRACE_HOLD_TIMES
    }

    fn wants_kernel_routes(&self) -> bool {
        !self.file.redistribute.is_empty()
    }

    fn kernel_route(&mut self, now_us: u64, prefix: Ipv4Net, protocol: Option<u8>) {
        self.externals.set_kernel(prefix, protocol);
        let of_file = self.file.externals.get(&prefix).copied();
        let rule = |prefix: &Ipv4Net, protocol| redistribution(&self.file, prefix, protocol);
        if let Some(change) = self.externals.change(prefix, of_file, rule) {
            self.tell(now_us, change);
        }
    }

    fn reload(&mut self, now_us: u64, links: &Links) -> Result<(), ConfigError> {
        let file = File::read(&self.path)?;
        // Wrong, it changes nothing.
        file.to_config(&self.path, |_| None)?;
        let only_by_restart = |about: &str| ConfigError::Meaning {
            path: self.path.clone(),
            about: about.to_owned(),
            reason: "it changes by a restart only".to_owned(),
        };
        if file.kernel != self.file.kernel {
            return Err(only_by_restart("kernel"));
        }
        let system = |file: &File| file.nets.first().map(|net| net.system);
        if system(&file) != system(&self.file) {
            return Err(only_by_restart("nets: the system id"));
        }
        self.file = file;
        if !self.wants_kernel_routes() {
            self.externals.forget_kernel();
        }
        self.links.clone_from(links);
        self.configure(now_us)?;
        self.announce(now_us);
        Ok(())
    }

    fn answer(&self, now_us: u64, question: &str) -> Result<String, String> {
        super::answer::answer(self, Instant(now_us), question)
    }

    fn leave(&mut self, now_us: u64) {
        self.handle(now_us, Input::Leave);
    }

    fn has_left(&self) -> bool {
        self.instance.has_left()
    }
}
