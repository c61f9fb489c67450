//! Circuits that come and go: configuration and carriers.

use std::collections::BTreeSet;

use braid_isis_packet::{CircuitType, Level};

use crate::{
    Circuit, CircuitConfig, CircuitCounters, CircuitId, CircuitKind, Config, ConfigError, DownReason, Event,
    Instance, Instant, PerLevel, adjacency::Mac, circuit::Lan, clock::earlier, flooding::Flooding,
    rate::Bucket,
};

impl Instance {
    /// Replaces the configuration.
    pub(crate) fn configure(&mut self, now: Instant, config: Config) {
        let is_other =
            config.nets.first().map(|net| net.system) != self.config.nets.first().map(|net| net.system);
        let verdict = config.validate().and(if is_other { Err(ConfigError::SystemChanged) } else { Ok(()) });
        if let Err(error) = verdict {
            self.tell(Event::ConfigRefused { error: error.to_string() });
            return;
        }
        if config == self.config {
            return;
        }
        let old = std::mem::replace(&mut self.config, config);
        self.arrange_circuits(now);
        for level in Level::ALL {
            if old.has_level(level) && !self.config.has_level(level) {
                self.databases[level] = Default::default();
                self.origination[level] = Default::default();
            }
        }
        self.routing.configure(now, &self.config, &self.databases);
        self.neighbours_changed.get_or_insert(false);
        self.touch(now);
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            for level in Level::ALL {
                self.hello_soon(now, id, level);
            }
        }
    }

    /// Makes the circuits those of the configuration.
    pub(crate) fn arrange_circuits(&mut self, now: Instant) {
        let ids: BTreeSet<CircuitId> =
            self.circuits.keys().chain(self.config.circuits.keys()).copied().collect();
        for id in ids {
            let Some(config) = self.config.circuits.get(&id).cloned() else {
                self.silence(now, id, DownReason::Configuration);
                self.circuits.remove(&id);
                continue;
            };
            let levels = self.config.level.and(config.level).filter(|_| config.speaks());
            let is_other = |circuit: &Circuit| circuit.levels != levels || circuit.config.kind != config.kind;
            let (up, mac) =
                self.circuits.get(&id).map_or((false, Mac::default()), |circuit| (circuit.up, circuit.mac));
            if self.circuits.get(&id).is_none_or(is_other) {
                self.silence(now, id, DownReason::Configuration);
                self.circuits.remove(&id);
                let local_id = if levels.is_some() { self.free_local_id() } else { 0 };
                self.circuits.insert(id, Circuit::new(id, config, levels, local_id));
                self.carrier(now, id, up, mac);
            } else if let Some(circuit) = self.circuits.get_mut(&id) {
                circuit.config = config;
                for level in Level::ALL {
                    circuit.lans[level].electorate_changed = circuit.is_broadcast();
                }
            }
        }
    }

    fn free_local_id(&self) -> u8 {
        let is_free = |number: &u8| self.circuits.values().all(|circuit| circuit.local_id != *number);
        (1..=u8::MAX).find(is_free).expect("validated: at most 255 circuits speak")
    }

    /// A circuit has a carrier, or not.
    pub(crate) fn carrier(&mut self, now: Instant, id: CircuitId, up: bool, mac: Mac) {
        let own = self.circuits.get(&id).map(|circuit| (circuit.up, circuit.mac));
        let Some((was_up, old_mac)) = own else { return };
        if was_up == up && (!up || old_mac == mac) {
            return;
        }
        self.silence(now, id, DownReason::Carrier);
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        (circuit.up, circuit.mac) = (up, mac);
        if up {
            circuit.start(now);
        }
        self.touch(now);
    }

    /// Ends everything that happens on a circuit.
    fn silence(&mut self, now: Instant, id: CircuitId, reason: DownReason) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        circuit.hello_at = PerLevel::default();
        self.drop_neighbour(now, id, reason);
        for level in Level::ALL {
            let Some(circuit) = self.circuits.get(&id) else { continue };
            let macs: Vec<Mac> = circuit.lans[level].neighbours.keys().copied().collect();
            for mac in macs {
                self.drop_lan_neighbour(now, id, level, mac, reason);
            }
            let Some(circuit) = self.circuits.get_mut(&id) else { continue };
            circuit.flooding[level] = Flooding::default();
            circuit.csnp_at[level] = None;
            if std::mem::take(&mut circuit.lans[level]).designated.is_some() {
                self.tell(Event::DesignatedRouter { circuit: id, level, lan: None });
                self.touch(now);
            }
        }
    }
}

impl Circuit {
    fn new(id: CircuitId, config: CircuitConfig, levels: Option<CircuitType>, local_id: u8) -> Self {
        Self {
            id,
            config,
            levels,
            local_id,
            up: false,
            mac: Mac::default(),
            neighbour: None,
            lans: PerLevel::default(),
            counters: CircuitCounters::default(),
            flooding: PerLevel::default(),
            hello_at: PerLevel::default(),
            csnp_at: PerLevel::default(),
            received_rate: Bucket::default(),
            prompt_hellos: Bucket::default(),
            helps: Bucket::default(),
            told: Default::default(),
        }
    }

    /// Starts to speak: at once, since each moment of silence is one of outage.
    fn start(&mut self, now: Instant) {
        let Some(levels) = self.levels else { return };
        if self.config.kind == CircuitKind::PointToPoint {
            self.hello_at.one = Some(now);
            return;
        }
        // ISO 10589 §8.4.5: the first election waits until others have had time to speak.
        let election_at = now + self.config.election_wait.unwrap_or(self.config.hello * 2);
        for level in levels.levels() {
            self.hello_at[level] = Some(now);
            self.lans[level] = Lan { election_at, ..Lan::default() };
        }
    }

    /// When something is due on it.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let mut next = self.neighbour.as_ref().map(|neighbour| neighbour.expires);
        for level in Level::ALL {
            let lan = &self.lans[level];
            let silent = lan.neighbours.values().map(|neighbour| neighbour.expires).min();
            let election = lan.electorate_changed.then_some(lan.election_at);
            let sends = [self.hello_at[level], self.csnp_at[level], self.flooding[level].poll_timeout()];
            next = sends.into_iter().fold(earlier(next, earlier(silent, election)), earlier);
        }
        next
    }
}
