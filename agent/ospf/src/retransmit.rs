//! What is sent again because nobody answered (RFC 2328 §13.6, §10.8, §10.9).

use std::time::Duration;

use braid_ospf_packet::{Body, LinkStateRequest, LsaKey};

use crate::{
    Instance, LimitKind, NeighbourState,
    neighbour::{NeighbourEvent, Place},
    timers::Timer,
    transmit::To,
};

/// Bytes of LSAs that are sent again at a time; the rest waits for its turn.
const BURST_BYTES: usize = 32 * 1024;

impl Instance {
    /// Puts an LSA of the database on the neighbour's retransmission list.
    pub(crate) fn expect_acknowledgment(&mut self, place: Place, key: LsaKey, is_change: bool) {
        let (now, most) = (self.now, self.config.limits.retransmissions);
        let Some(neighbour) = self.neighbour_mut(place) else { return };
        if neighbour.retransmissions.len() >= most && !neighbour.retransmissions.contains_key(&key) {
            self.limit(LimitKind::Retransmissions);
            // It cannot follow: describing the database anew is shorter than all it has missed.
            return self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch);
        }
        neighbour.retransmissions.insert(key, now);
        neighbour.owed_changes |= is_change;
        self.arm_retransmission(place);
    }

    /// RxmtInterval is over.
    pub(crate) fn retransmit(&mut self, place: Place) {
        let now = self.now;
        let Some(interface) = self.interfaces.get_mut(&place.0) else { return };
        let (interval, dead) = (interface.config.retransmit, interface.config.dead);
        let Some(neighbour) = interface.neighbours.get_mut(&place.1) else { return };
        if neighbour.state < NeighbourState::ExStart {
            return;
        }
        let address = neighbour.address;
        let repeat_dd = match neighbour.state {
            NeighbourState::ExStart => true,
            NeighbourState::Exchange => neighbour.master,
            _ => false,
        };
        // The RFC has no timer for a slave. But a description that was late enough can have made one of us for a master
        // that is past all that, and would leave us waiting for ever.
        let is_slave = neighbour.state == NeighbourState::Exchange && !neighbour.master;
        if is_slave && now.duration_since(neighbour.described_at) >= dead {
            return self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch);
        }
        let asked: Vec<LsaKey> = neighbour.asked.keys().copied().collect();
        let due: Vec<LsaKey> = neighbour
            .retransmissions
            .iter()
            .filter(|(_, sent)| **sent + interval <= now)
            .map(|(key, _)| *key)
            .collect();
        if repeat_dd {
            self.repeat_description(place);
        }
        self.repeat_requests(place, &asked);
        let more = self.repeat_lsas(place, &due, To::One(address));
        let Some(neighbour) = self.neighbour(place) else { return };
        let next = if more {
            Some(now + Duration::from_millis(20))
        } else if repeat_dd || is_slave || !neighbour.asked.is_empty() {
            Some(now + interval)
        } else {
            neighbour
                .retransmissions
                .values()
                .min()
                .map(|sent| (*sent + interval).max(now + Duration::from_millis(20)))
        };
        if let Some(next) = next {
            self.timers.no_later_than(Timer::Retransmit(place.0, place.1), next);
        }
    }

    fn repeat_requests(&mut self, place: Place, asked: &[LsaKey]) {
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        let (fit, address) = (interface.room() / LinkStateRequest::KEY_LENGTH, neighbour.address);
        for keys in asked.chunks(fit) {
            let request = LinkStateRequest { keys: keys.to_vec(), unknown: 0 };
            self.transmit(place.0, To::One(address), &Body::LinkStateRequest(request));
        }
    }

    /// Whether some had to be left for later.
    fn repeat_lsas(&mut self, place: Place, due: &[LsaKey], to: To) -> bool {
        let now = self.now;
        let (mut lsas, mut bytes, mut more) = (Vec::new(), 0, false);
        let mut stale = Vec::new();
        let Some(interface) = self.interfaces.get(&place.0) else { return false };
        for key in due {
            let Some(entry) = self.lsdb.get(interface.domain(key.ls_type), key) else {
                stale.push(*key);
                continue;
            };
            if bytes >= BURST_BYTES {
                more = true;
                break;
            }
            bytes += entry.lsa.bytes().len();
            lsas.push(entry.current(now));
        }
        self.counters.retransmitted += lsas.len() as u64;
        let sent: Vec<LsaKey> = lsas.iter().map(braid_ospf_packet::Lsa::key).collect();
        self.send_lsas(place.0, to, lsas);
        if let Some(neighbour) = self.neighbour_mut(place) {
            for key in stale {
                neighbour.retransmissions.remove(&key);
            }
            for key in sent {
                neighbour.retransmissions.insert(key, now);
            }
        }
        more
    }

    /// An LSA need not be sent to this neighbour any more.
    pub(crate) fn acknowledged(&mut self, place: Place, key: &LsaKey) -> bool {
        let Some(neighbour) = self.neighbour_mut(place) else { return false };
        if neighbour.retransmissions.remove(key).is_none() {
            return false;
        }
        if neighbour.retransmissions.is_empty() {
            neighbour.owed_changes = false;
            if neighbour.state == NeighbourState::Full {
                self.timers.stop(Timer::Retransmit(place.0, place.1));
            }
        }
        let ls_type = key.ls_type;
        let domain = self.interfaces.get(&place.0).map(|interface| interface.domain(ls_type));
        if domain.is_some_and(|domain| self.lsdb.dying.contains(&(domain, *key))) {
            self.reap = true;
        }
        true
    }
}
