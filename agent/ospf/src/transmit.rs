//! How packets leave (RFC 2328 §8.1).

use std::net::Ipv4Addr;

use braid_ospf_packet::{Body, PacketHeader, encode, room};

use crate::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, Instance, InterfaceId, Output, interface::Interface};

/// To whom a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// All who listen on the link.
    All,
    /// Who floods on from here: the designated routers, or everybody if we are one of them.
    Flooders,
    /// One neighbour, by its address. On point-to-point networks that is everybody.
    One(Ipv4Addr),
}

impl Interface {
    fn destination(&self, to: To) -> Ipv4Addr {
        if let Some(end) = self.virtual_end {
            return end.address;
        }
        match to {
            To::One(address) if self.is_broadcast() => address,
            To::Flooders if self.is_broadcast() && !self.is_designated() => ALL_D_ROUTERS,
            _ => ALL_SPF_ROUTERS,
        }
    }

    /// Bytes that a packet's body may have.
    pub fn room(&self) -> usize {
        room(self.config.mtu, &self.config.authentication)
    }
}

impl Instance {
    pub(crate) fn transmit(&mut self, id: InterfaceId, to: To, body: &Body) {
        let now_s = self.now.seconds();
        let Some(interface) = self.interfaces.get(&id) else { return };
        let auth_type = interface.config.authentication.auth_type(now_s);
        let sequence = self.next_sequence(auth_type);
        let Some(interface) = self.interfaces.get(&id) else { return };
        let down = |exit: InterfaceId| {
            self.interfaces.get(&exit).is_none_or(|exit| exit.state == crate::InterfaceState::Down)
        };
        if interface.virtual_end.is_some_and(|end| down(end.exit)) {
            // Routing has not found another way yet.
            return;
        }
        let (source, destination) = (interface.address(), interface.destination(to));
        let (ttl, out) = match interface.virtual_end {
            Some(end) => (64, end.exit),
            None if interface.config.ttl_security.is_some() => (255, id),
            None => (1, id),
        };
        let header = PacketHeader { router_id: self.config.router_id, area_id: interface.config.area };
        match encode(header, body, &interface.config.authentication, source, sequence, now_s) {
            Ok(payload) => {
                self.counters.sent[usize::from(body.kind().number() - 1)] += 1;
                self.outputs.push_back(Output::Transmit {
                    interface: out,
                    source,
                    destination,
                    ttl,
                    payload,
                });
            }
            Err(error) => {
                let problem = format!("{}: {error}", interface.config.name);
                self.problem(problem);
            }
        }
    }

    /// Tells of a problem of our own, once until it is solved.
    pub(crate) fn problem(&mut self, problem: String) {
        if self.problems_told.len() < 64 && self.problems_told.insert(problem.clone()) {
            self.emit(crate::Event::Origination { problem });
        }
    }
}
