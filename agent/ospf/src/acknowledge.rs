//! Link state acknowledgments: sending (RFC 2328 §13.5) and receiving (§13.7).

use std::time::Duration;

use braid_ospf_packet::{Body, LinkStateAck, LsaHeader};

use crate::{Instance, InterfaceId, NeighbourState, neighbour::Place, timers::Timer, transmit::To};

/// How long acknowledgments are gathered at most.
const DELAY: Duration = Duration::from_millis(250);

impl Instance {
    /// An acknowledgment that may wait for others.
    pub(crate) fn acknowledge_later(&mut self, id: InterfaceId, header: LsaHeader) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        interface.acks.push(header);
        let full = interface.acks.len() >= interface.room() / LsaHeader::LENGTH;
        let at = self.now + DELAY.min(interface.config.retransmit / 4);
        if full {
            self.send_acknowledgments(id);
        } else {
            self.timers.start(Timer::Ack(id), at);
        }
    }

    pub(crate) fn send_acknowledgments(&mut self, id: InterfaceId) {
        self.timers.stop(Timer::Ack(id));
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        let headers = std::mem::take(&mut interface.acks);
        self.send_headers(id, To::Flooders, &headers);
    }

    /// Acknowledgments that must not wait (direct ones).
    pub(crate) fn acknowledge_now(&mut self, place: Place, headers: &[LsaHeader]) {
        let Some(neighbour) = self.neighbour(place) else { return };
        let to = To::One(neighbour.address);
        self.send_headers(place.0, to, headers);
    }

    fn send_headers(&mut self, id: InterfaceId, to: To, headers: &[LsaHeader]) {
        let Some(interface) = self.interfaces.get(&id) else { return };
        let fit = interface.room() / LsaHeader::LENGTH;
        for headers in headers.chunks(fit) {
            let ack = LinkStateAck { headers: headers.to_vec(), unknown: 0 };
            self.transmit(id, to, &Body::LinkStateAck(ack));
        }
    }

    /// RFC 2328 §13.7.
    pub(crate) fn receive_acknowledgment(&mut self, place: Place, ack: &LinkStateAck) {
        let now = self.now;
        if self.neighbour(place).is_none_or(|neighbour| neighbour.state < NeighbourState::Exchange) {
            return;
        }
        for header in &ack.headers {
            let Some(interface) = self.interfaces.get(&place.0) else { return };
            let domain = interface.domain(header.key.ls_type);
            let same = self
                .lsdb
                .get(domain, &header.key)
                .is_none_or(|entry| entry.header(now).same_instance(header));
            if same {
                self.acknowledged(place, &header.key);
            }
        }
    }
}
