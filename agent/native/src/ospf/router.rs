//! The OSPF engine in the shell: packets to inputs, outputs to packets, routes and log lines.

use std::{
    collections::BTreeMap,
    io,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_kernel::NextHop;
use braid_ospf::{
    Event, Input, Instance, Instant, InterfaceId, InterfaceState, NeighbourState, Network, Output, Refusal,
};
use ipnet::Ipv4Net;
use tracing::{debug, info, warn};

use super::{
    ROUTE_PROTOCOL,
    config::convert_external,
    file::{External, File},
    socket::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, Socket},
};
use crate::{
    Clock, ConfigError, Engine, Links, RouteMark, RouteUpdate, StartError,
    externals::{Announcement, Externals},
};

/// Packets taken in one turn.
const RECEIVE_BATCH: usize = 64;
/// Routes of an earlier life are waited for so many dead intervals: neighbours that were restarted too need one to notice.
const GRACE_DEAD_INTERVALS: u32 = 3;

/// An OSPF router with its socket.
pub struct Ospf {
    pub(super) instance: Instance,
    pub(super) file: File,
    path: PathBuf,
    socket: Socket,
    pub(super) links: Links,
    /// The carrier that the instance was told of, by interface.
    told: BTreeMap<InterfaceId, bool>,
    externals: Externals<External>,
    updates: Vec<RouteUpdate>,
    /// Packets that could not be sent, by interface that is gone, down or without the address.
    pub(super) send_errors: u64,
}

impl Ospf {
    /// Reads the configuration and opens the socket. Interfaces are heard of by [`Engine::links`].
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
                Output::Transmit { interface, source, destination, ttl, payload } => {
                    if let Err(error) = self.socket.send(interface.0, source, destination, ttl, &payload) {
                        self.send_errors += 1;
                        debug!("cannot send to {destination} by {}: {error}", self.name(interface));
                    }
                }
                Output::Routes(updates) => {
                    self.updates.extend(updates.into_iter().map(|update| RouteUpdate {
                        prefix: update.prefix,
                        next_hops: update.route.as_ref().and_then(next_hops),
                    }));
                }
                Output::Groups { interface, all_routers, designated } => {
                    for (group, member) in [(ALL_SPF_ROUTERS, all_routers), (ALL_D_ROUTERS, designated)] {
                        if let Err(error) = self.socket.set_member(interface.0, group, member) {
                            warn!("cannot change membership of {group} on {}: {error}", self.name(interface));
                        }
                    }
                }
                Output::Event(event) => log(&event),
            }
        }
    }

    /// An interface's name, for people.
    pub(super) fn name(&self, interface: InterfaceId) -> String {
        self.links.get(&interface.0).map_or_else(|| interface.to_string(), |link| link.name.clone())
    }

    /// Tells the instance its configuration, as far as interfaces are there, and what came with it.
    fn configure(&mut self, now_us: u64) -> Result<(), ConfigError> {
        let index =
            |name: &str| self.links.iter().find(|(_, link)| link.name == name).map(|(index, _)| *index);
        let config = self.file.to_config(&self.path, index)?;
        self.told.retain(|id, _| config.interfaces.contains_key(id));
        let ids: Vec<InterfaceId> = config.interfaces.keys().copied().collect();
        if *self.instance.config() != config {
            self.handle(now_us, Input::Configure(Box::new(config)));
        }
        for id in ids {
            let up = self.links.get(&id.0).is_some_and(|link| link.up);
            if self.told.insert(id, up).unwrap_or(false) != up {
                self.handle(now_us, Input::Carrier { interface: id, up });
            }
        }
        Ok(())
    }

    /// Tells the instance the external routes that differ from what it was told.
    fn announce(&mut self, now_us: u64) {
        let of_file =
            self.file.externals.iter().map(|(prefix, external)| (prefix.trunc(), external.clone())).collect();
        let changes =
            self.externals.changes(of_file, |prefix, protocol| redistribution(&self.file, prefix, protocol));
        for change in changes {
            self.tell(now_us, change);
        }
    }

    fn tell(&mut self, now_us: u64, (prefix, external): Announcement<External>) {
        let route = external.as_ref().map(convert_external);
        self.handle(now_us, Input::External { prefix, route });
    }
}

/// What a kernel route is announced as.
fn redistribution(file: &File, prefix: &Ipv4Net, protocol: u8) -> Option<External> {
    let rule = file.redistribute.iter().find(|rule| rule.protocol == protocol)?;
    // Networks of our interfaces are announced as such.
    let mut own = file.interfaces.values();
    if own.any(|interface| interface.address.trunc() == *prefix || interface.prefixes.contains_key(prefix)) {
        return None;
    }
    Some(External { metric: rule.metric, kind: rule.kind, tag: rule.tag, forwarding: None })
}

/// A route's ways as the kernel takes them; `None` if the kernel has the route by itself.
pub(super) fn next_hops(route: &braid_ospf::InstalledRoute) -> Option<Vec<NextHop>> {
    let hop = |(interface, gateway): &(InterfaceId, Option<std::net::Ipv4Addr>)| {
        Some(NextHop::new((*gateway)?, interface.0))
    };
    if route.is_discard() {
        return Some(Vec::new());
    }
    // One that is also attached needs no other way.
    route.next_hops.iter().map(hop).collect()
}

fn log(event: &Event) {
    match event {
        // A stranger's packets are counted, and are no news to an operator.
        Event::Refused { reason: Refusal::Stranger | Refusal::Interface, .. } => debug!("{event}"),
        Event::Neighbour { .. }
        | Event::Interface { .. }
        | Event::Designated { .. }
        | Event::Helper { .. }
        | Event::Left => {
            info!("{event}");
        }
        _ => warn!("{event}"),
    }
}

impl Engine for Ospf {
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
                        interface: InterfaceId(packet.ifindex),
                        source: packet.source,
                        destination: packet.destination,
                        ttl: packet.ttl,
                        payload: packet.payload,
                    },
                ),
                Ok(None) => return false,
                // Such as an ICMP error about a packet of ours, told once.
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
        let config = self.instance.config();
        let speaks = |id: &InterfaceId| {
            self.told.get(id) == Some(&true)
                && config.interfaces.get(id).is_some_and(|i| !i.passive && i.kind != Network::Loopback)
        };
        let interfaces = self.instance.interfaces();
        let mut speaking = interfaces.iter().filter(|interface| speaks(&interface.interface)).peekable();
        let any = speaking.peek().is_some();
        let whole =
            speaking.all(|interface| interface.full > 0 && interface.state != InterfaceState::Waiting);
        let busy = NeighbourState::ExStart..=NeighbourState::Loading;
        any && whole && !self.instance.neighbours().iter().any(|neighbour| busy.contains(&neighbour.state))
    }

    fn grace(&self) -> Duration {
        let dead_s = self.file.interfaces.values().map(super::Interface::dead_s).max().unwrap_or(0);
        Duration::from_secs(dead_s.into()) * GRACE_DEAD_INTERVALS
    }

    fn wants_kernel_routes(&self) -> bool {
        !self.file.redistribute.is_empty()
    }

    fn kernel_route(&mut self, now_us: u64, prefix: Ipv4Net, protocol: Option<u8>) {
        self.externals.set_kernel(prefix, protocol);
        let of_file = self.file.externals.get(&prefix).cloned();
        let change = self
            .externals
            .change(prefix, of_file, |prefix, protocol| redistribution(&self.file, prefix, protocol));
        if let Some(change) = change {
            self.tell(now_us, change);
        }
    }

    fn reload(&mut self, now_us: u64, links: &Links) -> Result<(), ConfigError> {
        let file = File::read(&self.path)?;
        // Wrong, it changes nothing.
        file.to_config(&self.path, |_| None)?;
        if file.kernel != self.file.kernel {
            return Err(ConfigError::Meaning {
                path: self.path.clone(),
                about: "kernel".to_owned(),
                reason: "table and metric change by a restart only".to_owned(),
            });
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
