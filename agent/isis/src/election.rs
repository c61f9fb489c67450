//! The election of a LAN's designated router (ISO 10589 §8.4.5).

use braid_isis_packet::{LanId, Level, SystemId};

use crate::{Adjacency, Circuit, CircuitId, Event, Instance, Instant};

/// Who is designated on a LAN, among this router and those adjacent to it: the greatest priority wins, then
/// the greatest address. `None` without neighbours, and until the winner has named its pseudonode.
fn elect(circuit: &Circuit, level: Level, own: SystemId) -> Option<LanId> {
    let best = circuit.adjacencies(level).max_by_key(|neighbour| (neighbour.priority, neighbour.mac))?;
    if (circuit.config.priority[level], circuit.mac) > (best.priority, best.mac) {
        return Some(own.pseudonode(circuit.local_id));
    }
    let names_itself = best.lan_id.system == best.system && best.lan_id.is_pseudonode();
    names_itself.then_some(best.lan_id)
}

impl Instance {
    /// Elects where the electorate has changed and has had time to show itself.
    pub(crate) fn elect(&mut self, now: Instant) {
        let own = self.config.system();
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            for level in Level::ALL {
                let Some(circuit) = self.circuits.get_mut(&id) else { continue };
                let lan = &mut circuit.lans[level];
                if !lan.electorate_changed || now < lan.election_at {
                    continue;
                }
                lan.electorate_changed = false;
                let elected = elect(circuit, level, own);
                let is_ours = elected.is_some_and(|lan| lan.system == own);
                // Also if it was designated before: its last neighbours may have gone and others come at once.
                if is_ours != circuit.csnp_at[level].is_some() {
                    circuit.csnp_at[level] = is_ours.then_some(now);
                }
                if elected == circuit.lans[level].designated {
                    continue;
                }
                circuit.lans[level].designated = elected;
                self.tell(Event::DesignatedRouter { circuit: id, level, lan: elected });
                self.hello_soon(now, id, level);
                self.origination[level].touch(now);
                self.neighbours_changed.get_or_insert(false);
            }
        }
    }

    /// A neighbour that names another as designated shows that the LAN has elected already: no need to wait.
    pub(crate) fn end_election_wait(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let is_up = |system: SystemId| circuit.adjacencies(level).any(|other| other.system == system);
        let names_other = |neighbour: &Adjacency| neighbour.lan_id.system != neighbour.system;
        if circuit
            .adjacencies(level)
            .any(|neighbour| names_other(neighbour) && is_up(neighbour.lan_id.system))
        {
            let lan = &mut circuit.lans[level];
            lan.election_at = lan.election_at.min(now);
        }
    }
}
