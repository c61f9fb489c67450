//! The router: all of its state, and the ways in and out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::Ipv4Addr,
};

use braid_ospf_packet::{AuthType, Lsa, LsaHeader, LsaKey, Options, RouterId};
use ipnet::Ipv4Net;
use rand_pcg::{
    Pcg32,
    rand_core::{RngCore, SeedableRng},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    AreaId, AreaType, Config, ConfigError, Counters, Event, External, FloodingDomain, Input, InstalledRoute,
    Instant, InterfaceId, InterfaceStatus, LimitKind, NeighbourStatus, Output,
    graceful::{GracePolicy, Helper},
    input::OpaqueKey,
    interface::{Interface, InterfaceEvent},
    lsdb::Lsdb,
    origination::Own,
    routing::RoutingTable,
    timers::Timers,
    translator::Translators,
};

/// A router. See the [crate](crate) for the calling contract.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    pub(crate) config: Config,
    pub(crate) now: Instant,
    pub(crate) rng: Pcg32,
    /// Virtual links are among them.
    pub(crate) interfaces: BTreeMap<InterfaceId, Interface>,
    pub(crate) carriers: BTreeSet<InterfaceId>,
    pub(crate) lsdb: Lsdb,
    /// What we originated, and when we may again.
    pub(crate) own: BTreeMap<(FloodingDomain, LsaKey), Own>,
    /// Received LSAs that say that we originated them (RFC 2328 §13.4).
    pub(crate) reclaim: BTreeSet<(FloodingDomain, LsaKey)>,
    pub(crate) externals: BTreeMap<Ipv4Net, External>,
    pub(crate) opaque: BTreeMap<OpaqueKey, Vec<u8>>,
    pub(crate) table: RoutingTable,
    pub(crate) translators: Translators,
    pub(crate) helper: Helper,
    pub(crate) timers: Timers,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) counters: Counters,
    /// The last cryptographic sequence number sent.
    pub(crate) sequence: u64,
    /// Interfaces, neighbours or configuration differ from what routes and own LSAs follow from.
    pub(crate) dirty: bool,
    /// Own LSAs may differ from what should be said.
    pub(crate) unsaid: bool,
    /// LSAs at MaxAge may be ready to go.
    pub(crate) reap: bool,
    /// Interfaces with something to flood.
    pub(crate) flooding: BTreeSet<InterfaceId>,
    /// The last second in which each limit was told of.
    pub(crate) limits_told: BTreeMap<LimitKind, u64>,
    pub(crate) problems_told: BTreeSet<String>,
    pub(crate) leaving: bool,
    pub(crate) left: bool,
}

/// Bytes are no snapshot of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a snapshot of this version: {0}")]
pub struct RestoreError(String);

impl RestoreError {
    pub(crate) fn new(error: &postcard::Error) -> Self {
        Self(error.to_string())
    }
}

impl Instance {
    /// A router that has heard nothing yet. Equal seeds make equal choices.
    ///
    /// # Errors
    /// The configuration contradicts itself.
    pub fn new(config: Config, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let mut instance = Self::empty(config, Pcg32::seed_from_u64(seed), now);
        instance.sync_interfaces();
        instance.dirty = true;
        instance.settle();
        Ok(instance)
    }

    pub(crate) fn empty(config: Config, rng: Pcg32, now: Instant) -> Self {
        let settings = braid_ospf_route::Settings { max_paths: config.max_paths, rfc1583: config.rfc1583 };
        let policy = GracePolicy { enabled: config.graceful_helper, ..GracePolicy::default() };
        Self {
            now,
            rng,
            interfaces: BTreeMap::new(),
            carriers: BTreeSet::new(),
            lsdb: Lsdb::default(),
            own: BTreeMap::new(),
            reclaim: BTreeSet::new(),
            externals: BTreeMap::new(),
            opaque: BTreeMap::new(),
            table: RoutingTable::new(config.router_id, settings, config.spf),
            translators: Translators::default(),
            helper: Helper::new(policy),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            sequence: 0,
            dirty: false,
            unsaid: false,
            reap: false,
            flooding: BTreeSet::new(),
            limits_told: BTreeMap::new(),
            problems_told: BTreeSet::new(),
            leaving: false,
            left: false,
            config,
        }
    }

    /// Takes an input. Afterwards poll for outputs, and for the time of the next timeout.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        if self.leaving && !matches!(input, Input::Packet { .. } | Input::Timeout) {
            return;
        }
        match input {
            Input::Packet { interface, source, destination, ttl, payload } => {
                self.receive(interface, source, destination, ttl, &payload);
            }
            Input::Timeout => {}
            Input::Carrier { interface, up } => self.carrier(interface, up),
            Input::Configure(config) => self.configure(*config),
            Input::External { prefix, route } => self.set_external(prefix.trunc(), route),
            Input::Opaque { domain, opaque_type, id, data } => self.set_opaque(domain, opaque_type, id, data),
            Input::Leave => self.leave(),
        }
        self.settle();
    }

    /// When to hand in the next [`Input::Timeout`]; `None`: not before another input.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.timers.next(),
            self.table.next(),
            self.lsdb.next_expiry(),
            self.helper.next(),
            self.translators.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing to do, in order; `None`: nothing before the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn carrier(&mut self, id: InterfaceId, up: bool) {
        if up {
            self.carriers.insert(id);
        } else {
            self.carriers.remove(&id);
        }
        self.interface_event(id, if up { InterfaceEvent::Up } else { InterfaceEvent::Down });
    }

    fn set_external(&mut self, prefix: Ipv4Net, route: Option<External>) {
        match route {
            Some(route) => {
                if !self.externals.contains_key(&prefix)
                    && self.externals.len() >= self.config.limits.externals
                {
                    return self.limit(LimitKind::Externals);
                }
                if self.externals.insert(prefix, route) == Some(route) {
                    return;
                }
            }
            None => {
                if self.externals.remove(&prefix).is_none() {
                    return;
                }
            }
        }
        self.unsaid = true;
    }

    fn set_opaque(&mut self, domain: FloodingDomain, opaque_type: u8, id: u32, data: Option<Vec<u8>>) {
        let place = OpaqueKey::new(domain, opaque_type, id);
        let refused = if !self.config.opaque {
            Some("opaque LSAs are switched off")
        } else if id > 0xff_ffff {
            Some("an opaque id has 24 bits")
        } else if data.as_ref().is_some_and(|data| data.len() > 60_000) {
            Some("an opaque LSA holds 60,000 bytes at most")
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.emit(Event::InputRefused { reason: reason.to_owned() });
        }
        match data {
            Some(data) => self.opaque.insert(place, data),
            None => self.opaque.remove(&place),
        };
        self.unsaid = true;
    }

    fn leave(&mut self) {
        self.leaving = true;
        self.unsaid = true;
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Interfaces, neighbours or configuration changed: routes and own LSAs may have to.
    pub(crate) fn changed(&mut self) {
        self.dirty = true;
    }

    /// Counts what a limit held back, and tells of it once a second.
    pub(crate) fn limit(&mut self, limit: LimitKind) {
        *self.counters.limited.entry(limit).or_default() += 1;
        let second = self.now.seconds();
        if self.limits_told.insert(limit, second) != Some(second) {
            self.emit(Event::Limit { limit });
        }
    }

    /// A random number below `bound`.
    pub(crate) fn random(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng.next_u64() % bound }
    }

    pub(crate) fn area_type(&self, area: AreaId) -> AreaType {
        self.config.areas.get(&area).map(|area| area.kind.clone()).unwrap_or_default()
    }

    pub(crate) fn area_takes_externals(&self, area: AreaId) -> bool {
        self.config.areas.get(&area).is_none_or(|area| area.kind.takes_externals())
    }

    pub(crate) fn area_is_nssa(&self, area: AreaId) -> bool {
        self.config.areas.get(&area).is_some_and(|area| area.kind.is_nssa())
    }

    /// Options of hellos in an area (RFC 2328 §9.5, RFC 3101 §2.4).
    pub(crate) fn hello_options(&self, area: AreaId) -> Options {
        match self.area_type(area) {
            AreaType::Normal => Options::E,
            AreaType::Stub { .. } => Options::NONE,
            AreaType::Nssa { .. } => Options::NP,
        }
    }

    /// The next cryptographic sequence number: the clock's, so that it goes on after a restart. With 64 bits it grows by
    /// each packet (RFC 7474 §2), with 32 bits it may stay (RFC 2328 §D.4.3).
    pub(crate) fn next_sequence(&mut self, auth_type: AuthType) -> u64 {
        if auth_type == AuthType::Extended {
            self.sequence = self.now.0.max(self.sequence + 1);
            self.sequence
        } else {
            self.now.seconds() & u64::from(u32::MAX)
        }
    }

    // ---- questions ----

    /// The router's id.
    #[must_use]
    pub fn router_id(&self) -> RouterId {
        self.config.router_id
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time of the last input.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// All neighbours, by interface.
    #[must_use]
    pub fn neighbours(&self) -> Vec<NeighbourStatus> {
        let of = |interface: &Interface| {
            interface
                .neighbours
                .values()
                .map(|neighbour| NeighbourStatus {
                    interface: interface.id,
                    interface_name: interface.config.name.clone(),
                    area: interface.config.area,
                    router_id: neighbour.router_id,
                    address: neighbour.address,
                    state: neighbour.state,
                    since: neighbour.since,
                    priority: neighbour.priority,
                    dr: neighbour.dr,
                    backup: neighbour.backup,
                    dead_at: neighbour.dead_at,
                    retransmissions: neighbour.retransmissions.len(),
                    requests: neighbour.wanted.len() + neighbour.asked.len(),
                    helped: self.helper.is_helping((interface.id, neighbour.router_id)),
                })
                .collect::<Vec<_>>()
        };
        self.interfaces.values().flat_map(of).collect()
    }

    /// All interfaces, virtual links among them.
    #[must_use]
    pub fn interfaces(&self) -> Vec<InterfaceStatus> {
        let of = |interface: &Interface| InterfaceStatus {
            interface: interface.id,
            name: interface.config.name.clone(),
            area: interface.config.area,
            address: interface.address(),
            state: interface.state,
            cost: interface.config.cost.into(),
            passive: interface.config.passive,
            dr: interface.dr,
            backup: interface.backup,
            neighbours: interface.neighbours.len(),
            full: interface.full(),
        };
        self.interfaces.values().map(of).collect()
    }

    /// The database: all LSAs with their present ages, by domain and key.
    pub fn database(&self) -> impl Iterator<Item = (FloodingDomain, Lsa)> + '_ {
        self.database_at(self.now)
    }

    /// The database with the ages of another time than that of the last input.
    pub fn database_at(&self, now: Instant) -> impl Iterator<Item = (FloodingDomain, Lsa)> + '_ {
        self.lsdb.all().map(move |(domain, entry)| (domain, entry.current(now)))
    }

    /// The headers of the database with their present ages, by domain and key: the instances without their contents.
    pub fn headers(&self) -> impl Iterator<Item = (FloodingDomain, LsaHeader)> + '_ {
        self.lsdb.all().map(|(domain, entry)| (domain, entry.header(self.now)))
    }

    /// An LSA of the database with its present age.
    #[must_use]
    pub fn lsa(&self, domain: FloodingDomain, key: &LsaKey) -> Option<Lsa> {
        self.lsdb.get(domain, key).map(|entry| entry.current(self.now))
    }

    /// The routes of the last computation, by prefix.
    pub fn routes(&self) -> impl Iterator<Item = InstalledRoute> + '_ {
        self.table.all_installed()
    }

    /// The route to exactly this prefix, of the last computation.
    #[must_use]
    pub fn route(&self, prefix: &Ipv4Net) -> Option<InstalledRoute> {
        self.table.installed(prefix)
    }

    /// Own LSAs are flushed after [`Input::Leave`], and every neighbour knows.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.left
    }

    /// Everything as bytes (postcard), outputs not yet polled too.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        // Serialisation into a growing vector cannot fail: all maps know their lengths.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// A router as it was when `bytes` were made.
    ///
    /// # Errors
    /// The bytes are no snapshot.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        postcard::from_bytes(bytes).map_err(|error| RestoreError::new(&error))
    }

    pub(crate) fn own_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.config.interfaces.values().map(|interface| interface.address.addr())
    }
}
