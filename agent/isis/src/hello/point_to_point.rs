//! Point-to-point hellos and the three-way handshake (ISO 10589 §8.2; RFC 5303).

use std::time::Duration;

use braid_isis_packet::{
    BuildError, CircuitType, Level, PointToPointHello, SystemId, ThreeWay, ThreeWayState, Tlv, TlvList,
};

use super::Said;
use crate::{
    Adjacency, AdjacencyState, Circuit, CircuitId, CircuitKind, DownReason, Instance, Instant, Rejection,
    adjacency::Mac,
};

/// What a hello makes of an adjacency.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    State(AdjacencyState),
    /// The neighbour believes in an adjacency that is gone here.
    Down,
    /// It speaks to somebody else.
    Discard,
}

/// RFC 5303 §3.2: the state that follows on what the neighbour says about it.
fn next(current: Option<AdjacencyState>, heard: &ThreeWay, own: SystemId, own_circuit: u32) -> Next {
    let is_to_us = heard.neighbour.is_none_or(|system| system == own)
        && heard.neighbour_circuit.is_none_or(|circuit| circuit == own_circuit);
    if !is_to_us {
        return Next::Discard;
    }
    match (heard.state, current) {
        (ThreeWayState::Down, _) => Next::State(AdjacencyState::Initialising),
        (ThreeWayState::Initializing, _) => Next::State(AdjacencyState::Up),
        (ThreeWayState::Up, Some(_)) => Next::State(AdjacencyState::Up),
        (ThreeWayState::Up, None) => Next::Down,
    }
}

impl Instance {
    pub(super) fn point_to_point_hello(&self, circuit: &Circuit) -> Result<Vec<u8>, BuildError> {
        let own = self.config.system();
        let neighbour = circuit.neighbour.as_ref();
        let level = neighbour.and_then(|neighbour| neighbour.levels.levels().next()).unwrap_or(Level::One);
        let mut tlvs = self.hello_tlvs(circuit, level);
        if circuit.config.three_way {
            tlvs.push(Tlv::ThreeWay(ThreeWay {
                state: match neighbour.map(|neighbour| neighbour.state) {
                    None => ThreeWayState::Down,
                    Some(AdjacencyState::Initialising) => ThreeWayState::Initializing,
                    Some(AdjacencyState::Up) => ThreeWayState::Up,
                },
                circuit: Some(circuit.id.0),
                neighbour: neighbour.map(|neighbour| neighbour.system),
                neighbour_circuit: neighbour.and_then(|neighbour| neighbour.extended_circuit),
            }));
        }
        let hello = PointToPointHello {
            circuit_type: circuit.levels.unwrap_or(CircuitType::L1L2),
            source: own,
            holding_time: circuit.holding_time(Level::One, own),
            circuit_id: circuit.local_id,
            tlvs,
        };
        hello.encode(&circuit.config.hello_auth, circuit.padded_size(level))
    }

    pub(crate) fn hear_point_to_point(
        &mut self,
        now: Instant,
        id: CircuitId,
        source: Mac,
        hello: &PointToPointHello,
    ) -> Result<(), Rejection> {
        let circuit = self.circuits.get(&id).ok_or(Rejection::Circuit)?;
        let ours = circuit.levels.ok_or(Rejection::Circuit)?;
        if circuit.config.kind != CircuitKind::PointToPoint {
            return Err(Rejection::Circuit);
        }
        let system = hello.source;
        let said = Said::of(&hello.tlvs);
        if let Some(rejection) = self.refuse_hello(id, source, system, &said) {
            return Err(rejection);
        }
        let levels = self.common_levels(ours, hello.circuit_type, &said);
        let is_same = |neighbour: &Adjacency| neighbour.system == system;
        let circuit = self.circuits.get(&id).ok_or(Rejection::Circuit)?;
        let is_known = circuit.neighbour.as_ref().is_some_and(is_same);
        let levels = match levels {
            Ok(levels) => levels,
            Err(rejection) => {
                if is_known {
                    self.drop_neighbour(now, id, DownReason::Mismatch);
                }
                return Err(rejection);
            }
        };
        let three_way = hello.tlvs.three_way().copied().filter(|_| circuit.config.three_way);
        let current = circuit
            .neighbour
            .as_ref()
            .filter(|neighbour| is_same(neighbour))
            .map(|neighbour| neighbour.state);
        let restarts = current == Some(AdjacencyState::Up) && hello.tlvs.asks_to_restart();
        // RFC 5306 §3.2.1: whatever the handshake says.
        let state = match three_way
            .filter(|_| !restarts)
            .map(|heard| next(current, &heard, self.config.system(), id.0))
        {
            // ISO 10589 §8.2.4: without a handshake, to hear is to be adjacent.
            None => AdjacencyState::Up,
            Some(Next::State(state)) => state,
            Some(Next::Down) => {
                self.hello_soon(now, id, Level::One);
                return Ok(());
            }
            Some(Next::Discard) => return Err(Rejection::ThreeWay),
        };
        if circuit.neighbour.is_some() && !is_known {
            self.drop_neighbour(now, id, DownReason::Replaced);
        }
        let circuit = self.circuits.get(&id).ok_or(Rejection::Circuit)?;
        let areas = said.areas.clone();
        let hold = Duration::from_secs(hello.holding_time.max(1).into());
        let mut adjacency = Adjacency {
            system,
            mac: source,
            levels,
            state,
            areas,
            addresses: said.ordered_addresses(&circuit.config),
            hold,
            expires: now + hold,
            up_since: None,
            priority: 0,
            lan_id: system.node(),
            extended_circuit: three_way.and_then(|three_way| three_way.circuit),
            three_way: three_way.is_some(),
            restarting: false,
        };
        if let Some(old) = circuit.neighbour.as_ref().filter(|_| restarts) {
            adjacency.restart(old);
        }
        self.renew_neighbour(now, id, adjacency);
        if restarts {
            self.help(now, id, levels);
        }
        Ok(())
    }

    /// The levels of an adjacency (ISO 10589 §8.2.4.2, tables 5 to 8).
    fn common_levels(
        &self,
        ours: CircuitType,
        theirs: CircuitType,
        said: &Said,
    ) -> Result<CircuitType, Rejection> {
        let common = ours.and(theirs).ok_or(Rejection::Level)?;
        if self.shares_area(&said.areas) {
            return Ok(common);
        }
        common.and(CircuitType::L2).ok_or(Rejection::Area)
    }

    fn renew_neighbour(&mut self, now: Instant, id: CircuitId, mut new: Adjacency) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let old = circuit.neighbour.take();
        let was_up = old.as_ref().is_some_and(Adjacency::is_up);
        let stays_up = was_up && new.is_up() && old.as_ref().is_some_and(|old| old.levels == new.levels);
        let says_same = old
            .as_ref()
            .is_some_and(|old| old.state == new.state && old.extended_circuit == new.extended_circuit);
        let reaches_same = old.as_ref().is_some_and(|old| old.addresses == new.addresses);
        if stays_up {
            new.up_since = old.as_ref().and_then(|old| old.up_since);
        } else if new.is_up() {
            new.up_since = Some(now);
        }
        let (is_up, levels, system) = (new.is_up(), new.levels, new.system);
        // While the old one is told to be down, none is there: its levels may be others.
        if let Some(old) = old.filter(|_| was_up && !stays_up) {
            let reason = if is_up { DownReason::Mismatch } else { DownReason::OneWay };
            self.adjacency_down(now, id, &old, reason);
        }
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        circuit.neighbour = Some(new);
        if !says_same {
            self.hello_soon(now, id, Level::One);
        }
        if is_up && !stays_up {
            self.adjacency_up(now, id, levels, system);
        } else if is_up && !reaches_same {
            self.neighbours_changed.get_or_insert(false);
        }
    }

    /// Lets go of the neighbour of a point-to-point circuit.
    pub(crate) fn drop_neighbour(&mut self, now: Instant, id: CircuitId, reason: DownReason) {
        let Some(old) = self.circuits.get_mut(&id).and_then(|circuit| circuit.neighbour.take()) else {
            return;
        };
        if old.is_up() {
            self.adjacency_down(now, id, &old, reason);
        }
        self.hello_soon(now, id, Level::One);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: SystemId = SystemId([1; 6]);

    fn says(state: ThreeWayState) -> ThreeWay {
        ThreeWay { state, circuit: Some(7), neighbour: Some(OWN), neighbour_circuit: Some(3) }
    }

    #[test]
    fn the_handshake_follows_the_table_of_rfc_5303() {
        use AdjacencyState as Is;
        use ThreeWayState as Says;
        let table = [
            (None, Says::Down, Next::State(Is::Initialising)),
            (None, Says::Initializing, Next::State(Is::Up)),
            (None, Says::Up, Next::Down),
            (Some(Is::Initialising), Says::Down, Next::State(Is::Initialising)),
            (Some(Is::Initialising), Says::Initializing, Next::State(Is::Up)),
            (Some(Is::Initialising), Says::Up, Next::State(Is::Up)),
            (Some(Is::Up), Says::Down, Next::State(Is::Initialising)),
            (Some(Is::Up), Says::Initializing, Next::State(Is::Up)),
            (Some(Is::Up), Says::Up, Next::State(Is::Up)),
        ];
        for (current, state, expected) in table {
            assert_eq!(next(current, &says(state), OWN, 3), expected, "{current:?} hears {state:?}");
        }
    }

    #[test]
    fn a_handshake_with_another_circuit_or_system_is_discarded() {
        let heard = says(ThreeWayState::Up);
        assert_eq!(next(Some(AdjacencyState::Up), &heard, OWN, 4), Next::Discard);
        assert_eq!(next(Some(AdjacencyState::Up), &heard, SystemId([2; 6]), 3), Next::Discard);
    }
}
