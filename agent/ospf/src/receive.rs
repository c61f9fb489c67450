//! What happens to a packet before its contents count (RFC 2328 §8.2, RFC 5082).

use std::net::Ipv4Addr;

use braid_ospf_packet::{AuthType, Body, Frame, RouterId};

use crate::{
    ALL_D_ROUTERS, ALL_SPF_ROUTERS, AreaId, Event, Instance, InterfaceId, LimitKind, Refusal,
    interface::Interface, neighbour::Place,
};

/// Why a packet is refused, and the details.
pub struct Refused(pub Refusal, pub String);

impl Refused {
    pub fn new(reason: Refusal, detail: impl Into<String>) -> Self {
        Self(reason, detail.into())
    }
}

impl Instance {
    pub(crate) fn receive(
        &mut self,
        id: InterfaceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        payload: &[u8],
    ) {
        if let Err(Refused(reason, detail)) = self.take(id, source, destination, ttl, payload) {
            *self.counters.refused.entry(reason).or_default() += 1;
            let second = self.now.seconds();
            let Some(interface) = self.interfaces.get_mut(&id) else { return };
            if interface.told != second {
                interface.told = second;
                self.emit(Event::Refused { interface: id, source, reason, detail });
            }
        }
    }

    fn take(
        &mut self,
        id: InterfaceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        payload: &[u8],
    ) -> Result<(), Refused> {
        let second = self.now.seconds();
        let most = self.config.limits.packets_per_second;
        let Some(interface) =
            self.interfaces.get_mut(&id).filter(|interface| interface.virtual_end.is_none())
        else {
            return Err(Refused::new(Refusal::Interface, "unknown"));
        };
        if interface.second != second {
            (interface.second, interface.packets) = (second, 0);
        }
        interface.packets += 1;
        if interface.packets > most {
            self.limit(LimitKind::Packets);
            return Err(Refused::new(Refusal::Limit, "too many packets in a second"));
        }
        let frame =
            Frame::parse(payload).map_err(|error| Refused::new(Refusal::Malformed, error.to_string()))?;
        if frame.router_id().0.is_unspecified() || source.is_unspecified() || source.is_multicast() {
            return Err(Refused::new(Refusal::Address, "no router has this address and id"));
        }
        if self.own_addresses().any(|own| own == source) && frame.router_id() == self.config.router_id {
            // Our own multicast, heard again.
            return Err(Refused::new(Refusal::Address, "our own packet"));
        }
        let by = self.receiving_interface(id, &frame, source, destination)?;
        let Some(interface) = self.interfaces.get(&by) else {
            return Err(Refused::new(Refusal::Interface, "unknown"));
        };
        if let (Some(hops), None) = (interface.config.ttl_security, interface.virtual_end) {
            // Locally sent packets have 255, the first hop does not count.
            if u16::from(ttl) + u16::from(hops) < 256 {
                return Err(Refused::new(Refusal::Ttl, format!("TTL {ttl} with at most {hops} hops")));
            }
        }
        frame
            .verify(&interface.config.authentication, source, second)
            .map_err(|error| Refused::new(Refusal::Authentication, error.to_string()))?;
        if frame.router_id() == self.config.router_id {
            let area = interface.config.area;
            self.emit_duplicate(by, source, area);
            return Err(Refused::new(Refusal::Address, "it uses our router id"));
        }
        let place = (by, interface.neighbour_key(source, frame.router_id()));
        self.check_replay(place, &frame)?;
        let body = frame.body().map_err(|error| Refused::new(Refusal::Malformed, error.to_string()))?;
        self.counters.received[usize::from(frame.kind().number() - 1)] += 1;
        if let Body::Hello(hello) = body {
            self.receive_hello(place, frame.router_id(), source, &hello)?;
            self.note_sequence(place, &frame);
            return Ok(());
        }
        let known = self.neighbour(place).is_some_and(|neighbour| neighbour.router_id == frame.router_id());
        if !known {
            return Err(Refused::new(Refusal::Stranger, format!("{} from no neighbour", frame.kind())));
        }
        self.note_sequence(place, &frame);
        match body {
            Body::Hello(_) => Ok(()),
            Body::DatabaseDescription(description) => self.receive_description(place, &description),
            Body::LinkStateRequest(request) => {
                self.receive_request(place, &request);
                Ok(())
            }
            Body::LinkStateUpdate(update) => {
                self.receive_update(place, update, destination);
                Ok(())
            }
            Body::LinkStateAck(ack) => {
                self.receive_acknowledgment(place, &ack);
                Ok(())
            }
        }
    }

    /// RFC 2328 §8.2: the interface or virtual link that the packet belongs to.
    fn receiving_interface(
        &self,
        id: InterfaceId,
        frame: &Frame<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) -> Result<InterfaceId, Refused> {
        let Some(interface) = self.interfaces.get(&id) else {
            return Err(Refused::new(Refusal::Interface, "unknown"));
        };
        if interface.state == crate::InterfaceState::Down {
            return Err(Refused::new(Refusal::Interface, "down"));
        }
        let area = frame.area_id();
        if area != interface.config.area {
            return self.receiving_virtual_link(interface, area, frame.router_id(), destination);
        }
        if !interface.speaks() {
            return Err(Refused::new(Refusal::Interface, "passive"));
        }
        if interface.is_broadcast() && !interface.config.address.contains(&source) {
            return Err(Refused::new(
                Refusal::Address,
                format!("not of the network {}", interface.config.address),
            ));
        }
        match destination {
            ALL_SPF_ROUTERS => Ok(id),
            ALL_D_ROUTERS if interface.is_designated() => Ok(id),
            ALL_D_ROUTERS => Err(Refused::new(Refusal::Address, "for designated routers, which we are not")),
            own if self.own_addresses().any(|address| address == own) => Ok(id),
            other => Err(Refused::new(Refusal::Address, format!("for {other}"))),
        }
    }

    fn receiving_virtual_link(
        &self,
        interface: &Interface,
        area: AreaId,
        router: RouterId,
        destination: Ipv4Addr,
    ) -> Result<InterfaceId, Refused> {
        let wrong = || Refused::new(Refusal::Area, format!("area {area}, this is {}", interface.config.area));
        if area != AreaId::BACKBONE || destination.is_multicast() {
            return Err(wrong());
        }
        let fits = |link: &&Interface| {
            link.speaks()
                && link.virtual_end.is_some_and(|end| {
                    // By any interface of the transit area, and from any address of the endpoint: paths need not be
                    // the same both ways.
                    end.endpoint == router && end.transit == interface.config.area
                })
        };
        self.interfaces.values().find(fits).map(|link| link.id).ok_or_else(wrong)
    }

    fn emit_duplicate(&mut self, id: InterfaceId, source: Ipv4Addr, area: AreaId) {
        let second = self.now.seconds();
        if let Some(interface) = self.interfaces.get_mut(&id)
            && interface.told != second
        {
            interface.told = second;
            self.emit(Event::DuplicateRouterId { source, area });
        }
    }

    /// RFC 2328 §D.4.3 with 32 bits: not lower than before. RFC 7474 §3 with 64: higher, for each type of packet.
    fn check_replay(&self, place: Place, frame: &Frame<'_>) -> Result<(), Refused> {
        let (Some(sequence), Some(neighbour)) = (frame.sequence(), self.neighbour(place)) else {
            return Ok(());
        };
        let last = neighbour.sequences[sequence_slot(frame)];
        let old = if frame.auth_type() == AuthType::Extended { sequence <= last } else { sequence < last };
        if old && last != 0 {
            return Err(Refused::new(Refusal::Replay, format!("sequence number {sequence} after {last}")));
        }
        Ok(())
    }

    fn note_sequence(&mut self, place: Place, frame: &Frame<'_>) {
        if let Some(sequence) = frame.sequence()
            && let Some(neighbour) = self.neighbour_mut(place)
        {
            neighbour.sequences[sequence_slot(frame)] = sequence;
        }
    }
}

fn sequence_slot(frame: &Frame<'_>) -> usize {
    match (frame.auth_type(), frame.kind()) {
        (AuthType::Extended, kind) => usize::from(kind.number() - 1),
        _ => 0,
    }
}
