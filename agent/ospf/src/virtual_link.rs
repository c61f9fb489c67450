//! Virtual links (RFC 2328 §15): interfaces that come, go and get their addresses by routing.

use std::net::Ipv4Addr;

use braid_ospf_route::VirtualLink;
use ipnet::Ipv4Net;

use crate::{
    AreaId, Instance, InterfaceConfig, InterfaceId, InterfaceState, VirtualLinkConfig,
    interface::{Interface, InterfaceEvent, VirtualEnd},
};

impl Instance {
    /// The configuration that a virtual link has as an interface.
    pub(crate) fn virtual_config(link: &VirtualLinkConfig, address: Ipv4Addr, cost: u16) -> InterfaceConfig {
        InterfaceConfig {
            area: AreaId::BACKBONE,
            cost,
            hello: link.hello,
            dead: link.dead,
            retransmit: link.retransmit,
            transmit_delay: link.transmit_delay,
            authentication: link.authentication.clone(),
            ..InterfaceConfig::new(
                &format!("virtual link to {} through {}", link.endpoint, link.transit),
                Ipv4Net::from(address),
            )
        }
    }

    pub(crate) fn virtual_id(&self, link: &VirtualLinkConfig) -> Option<InterfaceId> {
        self.interfaces
            .values()
            .find(|interface| {
                interface
                    .virtual_end
                    .is_some_and(|end| end.transit == link.transit && end.endpoint == link.endpoint)
            })
            .map(|interface| interface.id)
    }

    pub(crate) fn add_virtual_link(&mut self, link: &VirtualLinkConfig) {
        let used = |id: &u32| self.interfaces.contains_key(&InterfaceId(*id));
        let Some(id) = (InterfaceId::FIRST_VIRTUAL..=u32::MAX).find(|id| !used(id)).map(InterfaceId) else {
            return;
        };
        let end = VirtualEnd {
            transit: link.transit,
            endpoint: link.endpoint,
            address: Ipv4Addr::UNSPECIFIED,
            exit: InterfaceId(0),
        };
        let config = Self::virtual_config(link, Ipv4Addr::UNSPECIFIED, 1);
        self.interfaces.insert(id, Interface::new(id, config, Some(end)));
    }

    /// After a computation: virtual links come up, go down, or take another way (RFC 2328 §16.1 (3), §16.3).
    pub(crate) fn sync_virtual_links(&mut self) {
        for link in self.config.virtual_links.clone() {
            let Some(id) = self.virtual_id(&link) else { continue };
            let state =
                self.table.virtual_link(&VirtualLink { transit: link.transit, endpoint: link.endpoint });
            let usable = state.and_then(|state| {
                let cost = u16::try_from(state.cost).ok()?;
                let address = state.address?;
                // Of several links to the endpoint the address may be another one's than the path's.
                let way = self
                    .table
                    .routing()
                    .lookup(address)
                    .and_then(|(_, route)| route.next_hops.first().copied());
                let out = way.map_or(state.out, |hop| hop.out);
                let exit = self.interface_of(out).or_else(|| self.interface_of(state.out))?;
                Some((cost, state.out, exit, address))
            });
            let Some((cost, out, exit, address)) = usable else {
                self.interface_event(id, InterfaceEvent::Down);
                continue;
            };
            let Some(interface) = self.interfaces.get_mut(&id) else { continue };
            let own = self.config.interfaces.get(&exit).map_or(out, |exit| exit.address.addr());
            interface.virtual_end =
                Some(VirtualEnd { transit: link.transit, endpoint: link.endpoint, address, exit });
            let moved = interface.config.cost != cost || interface.address() != own;
            interface.config.cost = cost;
            interface.config.address = Ipv4Net::from(own);
            if interface.state == InterfaceState::Down {
                self.interface_event(id, InterfaceEvent::Up);
            } else if moved {
                self.changed();
            }
        }
    }

    /// The interface that routing calls `out`.
    fn interface_of(&self, out: Ipv4Addr) -> Option<InterfaceId> {
        let numbered = || self.config.interfaces.iter().find(|(_, config)| config.address.addr() == out);
        let by_number = InterfaceId(u32::from(out));
        if out.octets()[0] == 0 && self.config.interfaces.contains_key(&by_number) {
            return Some(by_number);
        }
        numbered().map(|(id, _)| *id)
    }
}
