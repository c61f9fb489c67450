//! Hellos: what all kinds of circuits share (ISO 10589 §8.2, §8.4.1).

mod lan;
mod point_to_point;

use std::{net::Ipv4Addr, time::Duration};

use braid_isis_packet::{AreaAddress, CircuitType, Level, NLPID_IPV4, Restart, SystemId, Tlv, TlvList};
use rand_pcg::rand_core::RngCore;

use crate::{
    Adjacency, AdjacencyState, Circuit, CircuitConfig, CircuitId, DownReason, Event, Instance, Instant,
    Padding, Rejection, adjacency::Mac,
};

/// Hellos out of turn that a circuit may send in a second, so that forged ones cannot make it send without
/// end.
const PROMPT_HELLOS: u32 = 50;

/// How often in a second neighbours that start anew are told all on a circuit, for the same reason.
const HELPS: u32 = 1;

/// Areas and addresses of a neighbour that are looked at: more than anybody has (§7.1.5 allows three areas).
const KEPT: usize = 64;

/// What the TLVs of any hello say.
#[derive(Debug)]
struct Said {
    areas: Vec<AreaAddress>,
    routes_ipv4: bool,
    addresses: Vec<Ipv4Addr>,
}

impl Said {
    fn of(tlvs: &[Tlv]) -> Self {
        Self {
            areas: tlvs.areas().take(KEPT).collect(),
            routes_ipv4: tlvs.protocols().any(|protocol| protocol == NLPID_IPV4),
            addresses: tlvs.interface_addresses().take(KEPT).collect(),
        }
    }

    /// The addresses, one in a network of the circuit first: that one can be reached for certain.
    fn ordered_addresses(mut self, circuit: &CircuitConfig) -> Vec<Ipv4Addr> {
        let is_near = |address: &Ipv4Addr| circuit.prefixes.keys().any(|prefix| prefix.contains(address));
        self.addresses.sort_by_key(|address| !is_near(address));
        self.addresses
    }
}

impl Instance {
    /// The parts of a hello that are the same on all circuits.
    fn hello_tlvs(&self, circuit: &Circuit, level: Level) -> Vec<Tlv> {
        vec![
            self.restart_tlv(circuit, level),
            Tlv::AreaAddresses(self.config.areas().copied().collect()),
            Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
            Tlv::IpInterfaceAddresses(circuit.config.addresses.clone()),
        ]
    }

    /// What a hello says of starting anew (RFC 5306 §3.1): that this router helps those who do, and one that it helps now.
    fn restart_tlv(&self, circuit: &Circuit, level: Level) -> Tlv {
        let helped = circuit.adjacencies(level).find(|neighbour| neighbour.restarting);
        let left = |neighbour: &Adjacency| neighbour.expires.since(self.now).as_secs();
        Tlv::Restart(Restart {
            granted: helped.map(|neighbour| u16::try_from(left(neighbour)).unwrap_or(u16::MAX)),
            neighbour: helped.filter(|_| circuit.is_broadcast()).map(|neighbour| neighbour.system),
            ..Restart::default()
        })
    }

    /// A neighbour has started anew and asks to keep its adjacency: it is told so at once, and what it has forgotten
    /// (RFC 5306 §3.2.1 b, c).
    fn help(&mut self, now: Instant, id: CircuitId, levels: CircuitType) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        if !circuit.helps.take(now, HELPS) {
            return;
        }
        for level in levels.levels() {
            self.hello_soon(now, id, level);
            self.synchronise(now, id, level);
        }
    }

    /// Whether a neighbour is in one of this router's areas.
    fn shares_area(&self, areas: &[AreaAddress]) -> bool {
        self.config.areas().any(|area| areas.contains(area))
    }

    /// What is wrong with a hello on any circuit.
    fn refuse_hello(
        &mut self,
        circuit: CircuitId,
        source: Mac,
        system: SystemId,
        said: &Said,
    ) -> Option<Rejection> {
        if system == self.config.system() {
            let is_echo = self.circuits.get(&circuit).is_some_and(|circuit| circuit.mac == source);
            if !is_echo && self.may_tell(circuit, Rejection::OwnSystem) {
                self.tell(Event::DuplicateSystem { circuit });
            }
            return Some(Rejection::OwnSystem);
        }
        (!said.routes_ipv4).then_some(Rejection::Protocol)
    }

    /// Sends the hellos that are due. Those that are nearly due go with them, so that a router with many
    /// circuits wakes once.
    pub(crate) fn say_hellos(&mut self, now: Instant) {
        let is_due = |at: &Option<Instant>| at.is_some_and(|at| at <= now);
        let mut circuits = self.circuits.values();
        if !circuits.any(|circuit| is_due(&circuit.hello_at.one) || is_due(&circuit.hello_at.two)) {
            return;
        }
        // ISO 10589 §10.1: timers vary by up to a quarter, so that routers do not fall into step.
        let jitter = self.random.next_u32() % 256;
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            for level in Level::ALL {
                let Some(circuit) = self.circuits.get_mut(&id) else { continue };
                let interval = circuit.hello_interval(level, self.config.system());
                if circuit.hello_at[level].is_none_or(|at| at > now + interval / 4) {
                    continue;
                }
                circuit.hello_at[level] = Some(now + interval - interval / 4 * jitter / 256);
                self.say_hello(id, level);
            }
        }
    }

    fn say_hello(&mut self, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get(&id) else { return };
        let hello = if circuit.is_broadcast() {
            self.lan_hello(circuit, level)
        } else {
            self.point_to_point_hello(circuit)
        };
        match hello {
            Ok(payload) => self.transmit(id, level, payload),
            Err(error) => self.tell_unbuildable(id, &error),
        }
    }

    /// Says hello on a circuit now rather than in turn, because what it says has changed.
    pub(crate) fn hello_soon(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let level = if circuit.is_broadcast() { level } else { Level::One };
        if circuit.hello_at[level].is_some_and(|at| at > now)
            && circuit.prompt_hellos.take(now, PROMPT_HELLOS)
        {
            circuit.hello_at[level] = Some(now);
        }
    }

    /// Lets go of neighbours that have been silent for too long.
    pub(crate) fn expire_adjacencies(&mut self, now: Instant) {
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            let Some(circuit) = self.circuits.get(&id) else { continue };
            if circuit.neighbour.as_ref().is_some_and(|neighbour| neighbour.expires <= now) {
                self.drop_neighbour(now, id, DownReason::HoldTime);
            }
            for level in Level::ALL {
                self.expire_lan_neighbours(now, id, level);
            }
        }
    }

    /// An adjacency came up: tell, and let everything that depends on it know.
    fn adjacency_up(&mut self, now: Instant, id: CircuitId, levels: CircuitType, system: SystemId) {
        if let Some(circuit) = self.circuits.get_mut(&id) {
            circuit.counters.adjacencies_up += 1;
        }
        self.tell(Event::AdjacencyUp { circuit: id, levels, system });
        for level in levels.levels() {
            self.synchronise(now, id, level);
            self.origination[level].touch(now);
        }
        self.neighbours_changed.get_or_insert(false);
    }

    /// An adjacency that was up is not any more.
    fn adjacency_down(&mut self, now: Instant, id: CircuitId, gone: &Adjacency, reason: DownReason) {
        self.tell(Event::AdjacencyDown { circuit: id, levels: gone.levels, system: gone.system, reason });
        for level in gone.levels.levels() {
            let Some(circuit) = self.circuits.get_mut(&id) else { continue };
            if circuit.adjacencies(level).next().is_none() {
                // Nobody is left to send to or to answer.
                circuit.flooding[level] = Default::default();
                circuit.csnp_at[level] = None;
            }
            self.origination[level].touch(now);
        }
        self.neighbours_changed = Some(true);
    }
}

impl Circuit {
    /// Time between its hellos at a level.
    fn hello_interval(&self, level: Level, own: SystemId) -> Duration {
        if self.is_designated(level, own) { self.config.hello / 3 } else { self.config.hello }
    }

    /// How long a neighbour may keep this router without a hello, in seconds.
    fn holding_time(&self, level: Level, own: SystemId) -> u16 {
        let hold = self.hello_interval(level, own) * u32::from(self.config.multiplier);
        let whole = hold.as_secs() + u64::from(hold.subsec_nanos() > 0);
        u16::try_from(whole).unwrap_or(u16::MAX)
    }

    /// The size that a hello is padded to.
    fn padded_size(&self, level: Level) -> Option<u16> {
        let pads = match self.config.padding {
            Padding::Always => true,
            Padding::Sometimes => {
                self.neighbours(level).all(|neighbour| neighbour.state != AdjacencyState::Up)
            }
            Padding::Never => false,
        };
        pads.then_some(self.config.pdu_size())
    }
}
