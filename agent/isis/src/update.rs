//! The update process: LSPs that come in, and LSPs that go out (ISO 10589 §7.3.14 to §7.3.16).

use std::time::Duration;

use braid_isis_packet::{Authentication, Comparison, Level, Lsp, LspId, Tlv, ZERO_AGE_LIFETIME};

use crate::{
    CircuitId, CircuitKind, Event, Instance, Instant, Rejection, adjacency::Mac, origination::Heard,
};

/// Seconds in which the greatest sequence number and its purge are surely gone (§7.3.16.1).
pub(crate) const ZERO_AGE: Duration = Duration::from_secs(ZERO_AGE_LIFETIME as u64);

impl Instance {
    /// Takes an LSP whose authentication is right (§7.3.15.1).
    pub(crate) fn hear_lsp(&mut self, now: Instant, id: CircuitId, lsp: Lsp) -> Result<(), Rejection> {
        let level = lsp.level();
        if let Some(circuit) = self.circuits.get_mut(&id) {
            circuit.counters.lsps_received += 1;
        }
        // RFC 5304 §2.3: the body of a purge proves nothing where authentication is in use.
        let is_signed = *self.config.auth(level) != Authentication::None;
        if lsp.is_purge() && is_signed && lsp.illegal_in_purge().is_some() {
            return Err(Rejection::Malformed);
        }
        let header = lsp.header();
        let held = self.databases[level].get(&header.id).map(|entry| entry.header(now));
        let comparison = held.map(|held| header.compare(&held));
        let is_own = header.id.node.system == self.config.system();
        let is_known = matches!(comparison, Some(Comparison::Same | Comparison::Older));
        if is_own && !is_known && self.origination[level].heard(now, &header) == Heard::Contest {
            // §7.3.15.1 c, §7.3.16.1: the answer is flooded when origination has it.
            self.acknowledge(now, id, &lsp);
            return Ok(());
        }
        match comparison {
            // §7.3.16.4 a: nobody here has to forget it.
            None if header.lifetime == 0 => self.acknowledge(now, id, &lsp),
            None | Some(Comparison::Newer) => {
                self.admit(now, level, &lsp)?;
                self.acknowledge(now, id, &lsp);
                self.tell_purge(now, &lsp);
                self.store(now, lsp);
                self.flood(level, header.id, Some(id));
            }
            Some(Comparison::Same) => self.acknowledge(now, id, &lsp),
            Some(Comparison::Older) => {
                if let Some(circuit) = self.circuits.get_mut(&id) {
                    circuit.flooding[level].offer(header.id);
                    circuit.flooding[level].clear_answer(&header.id);
                }
            }
            // §7.3.16.2: one of the two is damaged, and nobody knows which.
            Some(Comparison::Conflict) => {
                self.tell_some(now, Event::Confused { level, id: header.id });
                self.purge(now, level, header.id);
            }
        }
        Ok(())
    }

    /// Whether a PDU of the update process may come from there (§7.3.15.1 a, §7.3.15.2 a).
    pub(crate) fn require_adjacency(
        &self,
        id: CircuitId,
        level: Level,
        source: Mac,
    ) -> Result<(), Rejection> {
        let circuit =
            self.circuits.get(&id).filter(|circuit| circuit.is_active(level)).ok_or(Rejection::Circuit)?;
        let sender = circuit.sender(level, source).filter(|adjacency| adjacency.is_up());
        sender.map(|_| ()).ok_or(Rejection::NoAdjacency)
    }

    /// Whether the database has room.
    fn admit(&mut self, now: Instant, level: Level, lsp: &Lsp) -> Result<(), Rejection> {
        let limits = self.config.limits;
        let database = &self.databases[level];
        let is_new = database.get(&lsp.id()).is_none();
        let is_full = (is_new && database.len() >= limits.lsps)
            || database.bytes() + lsp.bytes().len() > limits.lsp_bytes;
        if !is_full {
            return Ok(());
        }
        if !std::mem::replace(&mut self.full[level], true) {
            self.tell_some(now, Event::DatabaseFull { level });
        }
        Err(Rejection::DatabaseFull)
    }

    fn tell_purge(&mut self, now: Instant, lsp: &Lsp) {
        if lsp.is_purge() {
            let by = lsp.tlvs().find_map(|tlv| match tlv {
                Tlv::PurgeOriginator { originator, .. } => Some(originator),
                _ => None,
            });
            self.counters.purges += 1;
            self.tell_some(now, Event::Purged { level: lsp.level(), id: lsp.id(), by });
        }
    }

    /// The sender has this version: it needs no more of it, and on a point-to-point circuit is told so
    /// (§7.3.15.1 e).
    fn acknowledge(&mut self, now: Instant, id: CircuitId, lsp: &Lsp) {
        let wait = self.config.psnp_interval;
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let flooding = &mut circuit.flooding[lsp.level()];
        flooding.clear_send(&lsp.id());
        if circuit.config.kind == CircuitKind::PointToPoint {
            flooding.answer(lsp.header(), now + wait);
        } else {
            flooding.clear_answer(&lsp.id());
        }
    }

    /// Puts an LSP into the database and tells the decision process.
    fn store(&mut self, now: Instant, lsp: Lsp) {
        let keep = match lsp.header().lifetime {
            0 => ZERO_AGE,
            // RFC 7987 §3.1: no checksum covers it, and a small one would end what is still said.
            lifetime => Duration::from_secs(lifetime.max(self.config.lifetime).into()),
        };
        self.routing.lsp(now, lsp.level(), &lsp);
        self.databases[lsp.level()].insert(now, lsp, keep);
    }

    /// Puts one of this router's own LSPs, or its purge of any, into the database and floods it.
    pub(crate) fn install(&mut self, now: Instant, lsp: Lsp) {
        let (level, id) = (lsp.level(), lsp.id());
        self.store(now, lsp);
        self.flood(level, id, None);
    }

    /// Sets SRM on all circuits but one (§7.3.14, §7.3.15.1 e).
    fn flood(&mut self, level: Level, lsp: LspId, except: Option<CircuitId>) {
        for (id, circuit) in &mut self.circuits {
            if Some(*id) != except && circuit.adjacencies(level).next().is_some() {
                circuit.flooding[level].send(lsp);
                circuit.flooding[level].clear_answer(&lsp);
            }
        }
    }

    /// A new neighbour gets to know all (§7.3.17).
    pub(crate) fn synchronise(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        if circuit.is_broadcast() {
            // Its designated router's complete sequence numbers show it what it lacks; newcomers share a
            // round.
            if let Some(at) = &mut circuit.csnp_at[level] {
                *at = (*at).min(now + self.config.min_lsp_transmission);
            }
            return;
        }
        circuit.csnp_at[level] = Some(now);
        // The neighbour's own complete sequence numbers may come first and spare most of this.
        circuit.flooding[level].pause(now + self.config.min_lsp_transmission);
        for (lsp, _) in self.databases[level].iter() {
            circuit.flooding[level].send(*lsp);
        }
    }

    /// Ends an LSP's life: a header stays for a while, so that all others hear of it (§7.3.16.4).
    pub(crate) fn purge(&mut self, now: Instant, level: Level, id: LspId) {
        let Some(entry) = self.databases[level].get(&id) else { return };
        let sequence = entry.lsp.header().sequence;
        // RFC 6232: who to ask why.
        let origin = [Tlv::PurgeOriginator { originator: self.config.system(), received_from: None }];
        match Lsp::purge(level, id, sequence, &origin, self.config.auth(level)) {
            Ok(purge) => self.install(now, purge),
            Err(_) => self.forget(now, level, &id),
        }
    }

    fn forget(&mut self, now: Instant, level: Level, id: &LspId) {
        self.databases[level].remove(id);
        self.routing.remove(now, level, id);
        for circuit in self.circuits.values_mut() {
            circuit.flooding[level].clear_send(id);
        }
        self.full[level] = false;
    }

    /// Purges what has expired, and forgets what was purged (§7.3.16.3, §7.3.16.4).
    pub(crate) fn age(&mut self, now: Instant) {
        for level in Level::ALL {
            for id in self.databases[level].expired(now) {
                if self.databases[level].get(&id).is_some_and(|entry| entry.is_purged()) {
                    self.forget(now, level, &id);
                } else {
                    self.purge(now, level, id);
                }
            }
        }
    }

    /// Sends the LSPs that are due, in bursts.
    pub(crate) fn send_lsps(&mut self, now: Instant) {
        let (size, pause) = (self.config.lsp_burst.into(), self.config.min_lsp_transmission);
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            for level in Level::ALL {
                let Some(circuit) = self.circuits.get_mut(&id) else { continue };
                let is_broadcast = circuit.is_broadcast();
                let flooding = &mut circuit.flooding[level];
                let again = flooding.retransmit(now, self.config.retransmit);
                circuit.counters.retransmitted += again as u64;
                let wait = (!is_broadcast).then_some(self.config.retransmit);
                for lsp in flooding.burst(now, size, pause, wait) {
                    self.send_lsp(now, id, level, lsp);
                }
            }
        }
    }

    fn send_lsp(&mut self, now: Instant, id: CircuitId, level: Level, lsp: LspId) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let Some(entry) = self.databases[level].get(&lsp) else {
            circuit.flooding[level].clear_send(&lsp);
            return;
        };
        let (bytes, limit) =
            (entry.lsp.with_lifetime(entry.lifetime(now)).bytes().to_vec(), circuit.config.pdu_size());
        if bytes.len() > limit.into() {
            circuit.flooding[level].clear_send(&lsp);
            if self.may_tell(id, Rejection::TooBig) {
                self.tell(Event::LspTooBig { circuit: id, id: lsp, size: bytes.len(), limit });
            }
            return;
        }
        circuit.counters.lsps_sent += 1;
        self.transmit(id, level, bytes);
    }
}
