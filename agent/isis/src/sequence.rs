//! Complete and partial sequence numbers (ISO 10589 §7.3.15.2, §7.3.15.3, §7.3.17).

use braid_isis_packet::{Comparison, Csnp, Level, LspHeader, LspId, Psnp};
use rand_pcg::rand_core::RngCore;

use crate::{Circuit, CircuitId, Instance, Instant};

impl Instance {
    /// Takes complete sequence numbers: what lies in their range and is not listed, the sender lacks.
    pub(crate) fn hear_csnp(&mut self, now: Instant, id: CircuitId, csnp: &Csnp) {
        self.hear_entries(now, id, csnp.level, &csnp.entries);
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let mut listed: Vec<LspId> = csnp.entries.iter().map(|entry| entry.id).collect();
        listed.sort_unstable();
        for (lsp, entry) in self.databases[csnp.level].range(csnp.start..=csnp.end) {
            // §7.3.15.2 c: purged ones are not worth telling.
            if !entry.is_purged() && listed.binary_search(lsp).is_err() {
                circuit.flooding[csnp.level].offer(*lsp);
            }
        }
    }

    /// Takes partial sequence numbers: acknowledgments and requests. On a LAN they are the designated
    /// router's business.
    pub(crate) fn hear_psnp(&mut self, now: Instant, id: CircuitId, psnp: &Psnp) {
        let own = self.config.system();
        let is_ours = |circuit: &Circuit| !circuit.is_broadcast() || circuit.is_designated(psnp.level, own);
        if self.circuits.get(&id).is_some_and(is_ours) {
            self.hear_entries(now, id, psnp.level, &psnp.entries);
        }
    }

    /// §7.3.15.2 b: compares what a neighbour has with what is here.
    fn hear_entries(&mut self, now: Instant, id: CircuitId, level: Level, entries: &[LspHeader]) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let is_broadcast = circuit.is_broadcast();
        let flooding = &mut circuit.flooding[level];
        for theirs in entries {
            let Some(ours) = self.databases[level].get(&theirs.id).map(|entry| entry.header(now)) else {
                // b 5: an LSP that is not here, and worth having.
                if theirs.lifetime != 0 && theirs.sequence != 0 && theirs.checksum != 0 {
                    flooding.answer(LspHeader { sequence: 0, checksum: 0, ..*theirs }, now);
                }
                continue;
            };
            match theirs.compare(&ours) {
                Comparison::Same => {
                    if !is_broadcast {
                        flooding.clear_send(&theirs.id);
                    }
                }
                Comparison::Older => {
                    flooding.clear_answer(&theirs.id);
                    flooding.offer(theirs.id);
                }
                Comparison::Newer => {
                    flooding.answer(ours, now);
                    if !is_broadcast {
                        flooding.clear_send(&theirs.id);
                    }
                }
                // §7.3.16.2: only the LSPs themselves can tell; the neighbour does the same when it has ours.
                Comparison::Conflict => flooding.offer(theirs.id),
            }
        }
    }

    /// Sends the sequence numbers that are due.
    pub(crate) fn send_sequence_numbers(&mut self, now: Instant) {
        let ids: Vec<CircuitId> = self.circuits.keys().copied().collect();
        for id in ids {
            for level in Level::ALL {
                let Some(circuit) = self.circuits.get_mut(&id) else { continue };
                if circuit.csnp_at[level].is_some_and(|at| at <= now) {
                    let is_designated = circuit.is_designated(level, self.config.system());
                    let interval = if circuit.is_broadcast() {
                        is_designated.then_some(self.config.csnp_interval)
                    } else {
                        // ISO 10589 §10.1: by up to a quarter less.
                        let quarter = self.config.p2p_csnp_interval / 4;
                        Some(self.config.p2p_csnp_interval - quarter * (self.random.next_u32() % 256) / 256)
                    };
                    circuit.csnp_at[level] = interval.map(|interval| now + interval);
                    self.send_csnps(now, id, level);
                }
                self.send_psnps(now, id, level);
            }
        }
    }

    fn send_csnps(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get(&id) else { return };
        let size = self.config.snp_size(&circuit.config);
        let capacity = Csnp::capacity(size, self.config.auth(level)).max(1);
        let source = self.config.system();
        let headers: Vec<LspHeader> =
            self.databases[level].iter().map(|(_, entry)| entry.header(now)).collect();
        let mut chunks = headers.chunks(capacity).peekable();
        let mut start = LspId::FIRST;
        // Without LSPs, one empty CSNP asks for all.
        loop {
            let entries = chunks.next().unwrap_or_default().to_vec();
            let next = chunks.peek().and_then(|chunk| chunk.first()).map(|header| header.id);
            let end =
                if next.is_some() { entries.last().map_or(LspId::LAST, |last| last.id) } else { LspId::LAST };
            match (Csnp { level, source, start, end, entries }).encode(self.config.auth(level)) {
                Ok(payload) => self.transmit(id, level, payload),
                Err(error) => self.tell_unbuildable(id, &error),
            }
            match end.next().filter(|_| next.is_some()) {
                Some(after) => start = after,
                None => break,
            }
        }
    }

    fn send_psnps(&mut self, now: Instant, id: CircuitId, level: Level) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        let size = self.config.snp_size(&circuit.config);
        let capacity = Psnp::capacity(size, self.config.auth(level)).max(1);
        let is_full = circuit.flooding[level].answers() >= capacity;
        let answers = circuit.flooding[level].due_answers(if is_full { Instant(u64::MAX) } else { now });
        let source = self.config.system();
        for entries in answers.chunks(capacity) {
            match (Psnp { level, source, entries: entries.to_vec() }).encode(self.config.auth(level)) {
                Ok(payload) => self.transmit(id, level, payload),
                Err(error) => self.tell_unbuildable(id, &error),
            }
        }
    }
}
