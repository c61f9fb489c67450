//! Link state requests: sending (RFC 2328 §10.9) and answering (§10.7).

use braid_ospf_packet::{Body, LinkStateRequest, Lsa};

use crate::{
    Instance, NeighbourState,
    neighbour::{NeighbourEvent, Place},
    transmit::To,
};

/// Requests that may be under way to one neighbour, in packets. The RFC has one; its answers are bounded by this.
const PACKETS_UNDER_WAY: usize = 4;

impl Instance {
    /// Asks for what is missing, as far as the window lets.
    pub(crate) fn ask(&mut self, place: Place) {
        let Some(interface) = self.interfaces.get_mut(&place.0) else { return };
        let fit = interface.room() / LinkStateRequest::KEY_LENGTH;
        let Some(neighbour) = interface.neighbours.get_mut(&place.1) else { return };
        if !matches!(neighbour.state, NeighbourState::Exchange | NeighbourState::Loading) {
            return;
        }
        let address = neighbour.address;
        let mut packets = Vec::new();
        // Not for each LSA that comes in: packets should be full.
        while !neighbour.wanted.is_empty()
            && neighbour.asked.len() + fit.min(neighbour.wanted.len()) <= fit * PACKETS_UNDER_WAY
        {
            let mut keys = Vec::with_capacity(fit.min(neighbour.wanted.len()));
            while keys.len() < fit
                && let Some((key, header)) = neighbour.wanted.pop_first()
            {
                neighbour.asked.insert(key, header);
                keys.push(key);
            }
            packets.push(keys);
        }
        if packets.is_empty() {
            return;
        }
        for keys in packets {
            let request = LinkStateRequest { keys, unknown: 0 };
            self.transmit(place.0, To::One(address), &Body::LinkStateRequest(request));
        }
        self.arm_retransmission(place);
    }

    /// RFC 2328 §10.7.
    pub(crate) fn receive_request(&mut self, place: Place, request: &LinkStateRequest) {
        let now = self.now;
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        if neighbour.state < NeighbourState::Exchange {
            return;
        }
        let address = neighbour.address;
        let mut lsas: Vec<Lsa> = Vec::with_capacity(request.keys.len());
        let mut bad = request.unknown > 0;
        for key in &request.keys {
            match self.lsdb.get(interface.domain(key.ls_type), key) {
                Some(entry) => lsas.push(entry.current(now)),
                None => bad = true,
            }
        }
        if bad {
            return self.neighbour_event(place, NeighbourEvent::BadRequest);
        }
        self.send_lsas(place.0, To::One(address), lsas);
    }

    /// The neighbour has no more to give of what it described.
    pub(crate) fn check_loaded(&mut self, place: Place) {
        let Some(neighbour) = self.neighbour(place) else { return };
        if neighbour.state == NeighbourState::Loading && neighbour.is_loaded() {
            self.neighbour_event(place, NeighbourEvent::LoadingDone);
        } else {
            self.ask(place);
        }
    }
}
