//! LAN hellos and their adjacencies (ISO 10589 §8.4.1, §8.4.2).

use std::time::Duration;

use braid_isis_packet::{BuildError, CircuitType, LanHello, Level, Tlv, TlvList};

use super::Said;
use crate::{
    Adjacency, AdjacencyState, Circuit, CircuitId, DownReason, Instance, Instant, Rejection, adjacency::Mac,
};

/// Neighbours that one TLV can list.
const MACS_PER_TLV: usize = 42;

impl Instance {
    pub(super) fn lan_hello(&self, circuit: &Circuit, level: Level) -> Result<Vec<u8>, BuildError> {
        let own = self.config.system();
        let mut tlvs = self.hello_tlvs(circuit, level);
        let macs: Vec<Mac> = circuit.lans[level].neighbours.keys().copied().collect();
        tlvs.extend(macs.chunks(MACS_PER_TLV).map(|macs| Tlv::LanNeighbours(macs.to_vec())));
        let hello = LanHello {
            level,
            circuit_type: circuit.levels.unwrap_or(CircuitType::L1L2),
            source: own,
            holding_time: circuit.holding_time(level, own),
            priority: circuit.config.priority[level],
            lan_id: circuit.lans[level].designated.unwrap_or(own.pseudonode(circuit.local_id)),
            tlvs,
        };
        hello.encode(&circuit.config.hello_auth, circuit.padded_size(level))
    }

    pub(crate) fn hear_lan(
        &mut self,
        now: Instant,
        id: CircuitId,
        source: Mac,
        hello: &LanHello,
    ) -> Result<(), Rejection> {
        let level = hello.level;
        let circuit = self.circuits.get(&id).ok_or(Rejection::Circuit)?;
        if !circuit.is_broadcast() || !circuit.has(level) {
            return Err(Rejection::Circuit);
        }
        let own_mac = circuit.mac;
        let said = Said::of(&hello.tlvs);
        if let Some(rejection) = self.refuse_hello(id, source, hello.source, &said) {
            return Err(rejection);
        }
        // ISO 10589 §8.4.2.2: level-1 neighbours share an area.
        if level == Level::One && !self.shares_area(&said.areas) {
            self.drop_lan_neighbour(now, id, level, source, DownReason::Mismatch);
            return Err(Rejection::Area);
        }
        let hears_us = hello.tlvs.lan_neighbours().any(|mac| mac == own_mac);
        let is_replaced = |old: &Adjacency| old.system != hello.source;
        if self
            .circuits
            .get(&id)
            .and_then(|circuit| circuit.lans[level].neighbours.get(&source))
            .is_some_and(is_replaced)
        {
            self.drop_lan_neighbour(now, id, level, source, DownReason::Replaced);
        }
        self.make_room(id, level, source)?;
        let circuit = self.circuits.get(&id).ok_or(Rejection::Circuit)?;
        let hold = Duration::from_secs(hello.holding_time.max(1).into());
        let areas = said.areas.clone();
        let mut adjacency = Adjacency {
            system: hello.source,
            mac: source,
            levels: level.into(),
            state: if hears_us { AdjacencyState::Up } else { AdjacencyState::Initialising },
            areas,
            addresses: said.ordered_addresses(&circuit.config),
            hold,
            expires: now + hold,
            up_since: None,
            priority: hello.priority,
            lan_id: hello.lan_id,
            extended_circuit: None,
            three_way: false,
            restarting: false,
        };
        let old = circuit.lans[level].neighbours.get(&source).filter(|old| old.is_up());
        let restarts = old.filter(|_| hello.tlvs.asks_to_restart());
        if let Some(old) = restarts {
            adjacency.restart(old);
        }
        let restarts = restarts.is_some();
        self.renew_lan_neighbour(now, id, level, adjacency);
        if restarts {
            self.help(now, id, level.into());
        }
        Ok(())
    }

    /// At the limit, the one-way neighbour that expires first makes room: forged hellos cannot lock others
    /// out.
    fn make_room(&mut self, id: CircuitId, level: Level, source: Mac) -> Result<(), Rejection> {
        let limit = self.config.limits.adjacencies;
        let circuit = self.circuits.get_mut(&id).ok_or(Rejection::Circuit)?;
        let neighbours = &mut circuit.lans[level].neighbours;
        if neighbours.len() < limit || neighbours.contains_key(&source) {
            return Ok(());
        }
        let one_way = neighbours.values().filter(|neighbour| !neighbour.is_up());
        let first = one_way.min_by_key(|neighbour| neighbour.expires).map(|neighbour| neighbour.mac);
        neighbours.remove(&first.ok_or(Rejection::Adjacencies)?);
        circuit.counters.evicted += 1;
        Ok(())
    }

    fn renew_lan_neighbour(&mut self, now: Instant, id: CircuitId, level: Level, mut new: Adjacency) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let lan = &mut circuit.lans[level];
        let old = lan.neighbours.get(&new.mac);
        let was_up = old.is_some_and(Adjacency::is_up);
        let is_new = old.is_none();
        let reaches_same = old.is_some_and(|old| old.addresses == new.addresses);
        let votes_same = old.is_some_and(|old| {
            old.state == new.state && old.priority == new.priority && old.lan_id == new.lan_id
        });
        new.up_since =
            if was_up { old.and_then(|old| old.up_since) } else { Some(now) }.filter(|_| new.is_up());
        lan.electorate_changed |= !votes_same;
        let adjacency = new.clone();
        lan.neighbours.insert(new.mac, new);
        if adjacency.is_up() != was_up || is_new {
            self.hello_soon(now, id, level);
        }
        match (was_up, adjacency.is_up()) {
            (false, true) => {
                self.end_election_wait(now, id, level);
                self.adjacency_up(now, id, adjacency.levels, adjacency.system);
            }
            (true, false) => self.adjacency_down(now, id, &adjacency, DownReason::OneWay),
            (true, true) if !reaches_same => {
                self.neighbours_changed.get_or_insert(false);
            }
            _ => {}
        }
    }

    pub(super) fn expire_lan_neighbours(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get(&id) else { return };
        let neighbours = circuit.lans[level].neighbours.values();
        let silent: Vec<Mac> =
            neighbours.filter(|neighbour| neighbour.expires <= now).map(|neighbour| neighbour.mac).collect();
        for mac in silent {
            self.drop_lan_neighbour(now, id, level, mac, DownReason::HoldTime);
        }
    }

    /// Lets go of a neighbour on a LAN.
    pub(crate) fn drop_lan_neighbour(
        &mut self,
        now: Instant,
        id: CircuitId,
        level: Level,
        mac: Mac,
        reason: DownReason,
    ) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let Some(old) = circuit.lans[level].neighbours.remove(&mac) else { return };
        circuit.lans[level].electorate_changed = true;
        if old.is_up() {
            self.adjacency_down(now, id, &old, reason);
        }
    }
}
