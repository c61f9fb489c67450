//! From bytes on a circuit to the part of the router that they concern.

use braid_isis_packet::{DecodeError, Frame, Pdu, PduKind};

use crate::{CircuitId, Event, Instance, Instant, Rejection, adjacency::Mac};

impl Instance {
    pub(crate) fn receive(&mut self, now: Instant, id: CircuitId, source: Mac, bytes: &[u8]) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        circuit.counters.received += 1;
        // A LAN may hand a router its own PDUs back.
        if circuit.mac == source && circuit.is_broadcast() {
            return;
        }
        if let Err(reason) = self.take(now, id, source, bytes) {
            if let Some(circuit) = self.circuits.get_mut(&id) {
                *circuit.counters.rejected.entry(reason).or_default() += 1;
            }
            if self.may_tell(id, reason) {
                self.tell(Event::Rejected { circuit: id, reason });
            }
        }
    }

    /// Cheap reasons to reject come first: an attacker chooses what arrives.
    fn take(&mut self, now: Instant, id: CircuitId, source: Mac, bytes: &[u8]) -> Result<(), Rejection> {
        let per_second = self.config.limits.packet_rate;
        let circuit = self.circuits.get_mut(&id).filter(|circuit| circuit.up && circuit.levels.is_some());
        let circuit = circuit.ok_or(Rejection::Circuit)?;
        if !circuit.received_rate.take(now, per_second) {
            return Err(Rejection::Rate);
        }
        let frame = Frame::parse(bytes).map_err(|_| Rejection::Malformed)?;
        let kind = frame.kind();
        let auth = match kind {
            PduKind::LanHello(_) | PduKind::PointToPointHello => &circuit.config.hello_auth,
            PduKind::Lsp(level) | PduKind::Csnp(level) | PduKind::Psnp(level) => {
                self.require_adjacency(id, level, source)?;
                self.config.auth(level)
            }
        };
        frame.verify(auth).map_err(|_| Rejection::Authentication)?;
        let pdu = frame.pdu().map_err(|error| match error {
            DecodeError::Checksum { .. } => Rejection::Checksum,
            _ => Rejection::Malformed,
        })?;
        match pdu {
            Pdu::LanHello(hello) => self.hear_lan(now, id, source, &hello),
            Pdu::PointToPointHello(hello) => self.hear_point_to_point(now, id, source, &hello),
            Pdu::Lsp(lsp) => self.hear_lsp(now, id, lsp),
            Pdu::Csnp(csnp) => {
                self.hear_csnp(now, id, &csnp);
                Ok(())
            }
            Pdu::Psnp(psnp) => {
                self.hear_psnp(now, id, &psnp);
                Ok(())
            }
        }
    }
}
