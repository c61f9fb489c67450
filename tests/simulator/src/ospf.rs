//! OSPF under simulation: its engine, its packets, its rules.

mod convergence;
mod database;
mod packet;
mod router;
mod settings;

use std::net::Ipv4Addr;

use braid_ospf::{
    ALL_D_ROUTERS, ALL_SPF_ROUTERS, AreaId, Config, FloodingDomain, Input, InstalledRoute, Instance, Output,
};
use braid_world::{External, Interface, RouterIndex, SegmentIndex, World};
use ipnet::Ipv4Net;

pub use self::settings::Settings;
use self::settings::{interface, interface_id};
use crate::protocol::{Effect, Packet, Protocol, Received, Rules};

/// OSPF in a world.
pub struct Ospf {
    /// What all routers have set alike.
    pub settings: Settings,
    /// Picks who has opaque LSAs.
    pub seed: u64,
}

/// What of an IP header matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// IP source.
    pub source: Ipv4Addr,
    /// IP destination.
    pub destination: Ipv4Addr,
    /// IP time to live.
    pub ttl: u8,
}

/// The multicast groups that a router joined on a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Groups {
    /// 224.0.0.5.
    pub all_routers: bool,
    /// 224.0.0.6.
    pub designated: bool,
}

/// The first of the packet types that cannot come again much later without harm: updates, then acknowledgments.
const UPDATE: u8 = 4;

impl Protocol for Ospf {
    type Router = Instance;
    type Envelope = Envelope;
    type Groups = Groups;

    const RULES: Rules = Rules {
        // An LSA that was flushed comes to life again when an old update repeats it or is overtaken by the flush, one that was lost is
        // not sent again when an old acknowledgment confirms it, and OSPF has no remedy but authentication.
        keeps_order: |payload| payload.get(1) >= Some(&UPDATE),
        disguise: |payload, number| {
            if let [version, kind, ..] = payload {
                (*version, *kind) = (2, 1 + number % 5);
            }
        },
        spare: packet::spare,
    };

    fn config(&self, world: &World, router: RouterIndex) -> Config {
        self.settings.config(world, router)
    }

    /// Virtual links live on over one segment while another is down.
    fn bare_config(&self, world: &World, router: RouterIndex) -> Config {
        Config { virtual_links: Vec::new(), ..self.config(world, router) }
    }

    fn carrier(&self, _router: RouterIndex, interface: Interface, up: bool) -> Input {
        Input::Carrier { interface: interface_id(interface), up }
    }

    fn external(&self, _router: RouterIndex, prefix: Ipv4Net, external: Option<&External>) -> Input {
        Input::External { prefix, route: external.map(settings::external) }
    }

    /// Some routers have opaque LSAs to flood (RFC 5250).
    fn extras(&self, world: &World, router: RouterIndex) -> Vec<Input> {
        if !(self.seed ^ router.0 as u64).is_multiple_of(5) {
            return Vec::new();
        }
        let areas = world.areas_of(router);
        let area = areas.first().map(|area| FloodingDomain::Area(AreaId(*area)));
        // A router of stub areas alone has nobody to tell.
        let normal = |area| world.areas.get(area).is_some_and(|kind| kind.takes_externals());
        let everywhere = areas.iter().any(normal).then_some(FloodingDomain::As);
        let opaque = |domain| {
            let data = Some(vec![router.0 as u8; 8]);
            Input::Opaque { domain, opaque_type: 200, id: 1, data }
        };
        area.into_iter().chain(everywhere).map(opaque).collect()
    }

    fn receive(
        &self,
        world: &World,
        router: RouterIndex,
        segment: SegmentIndex,
        mut packet: Packet<Envelope>,
    ) -> Received<Self> {
        let Envelope { source, destination, ttl } = packet.envelope;
        if destination.is_multicast() || owns(world, router, destination) {
            let interface = interface_id(Interface::Segment(segment));
            let payload = packet.payload;
            return Received::Input(Input::Packet { interface, source, destination, ttl, payload });
        }
        packet.envelope.ttl = ttl.saturating_sub(1);
        if packet.envelope.ttl > 0 { Received::Forward(packet) } else { Received::Nothing }
    }

    fn effect(&self, _router: RouterIndex, output: Output) -> Effect<Self> {
        match output {
            Output::Transmit { interface: by, source, destination, ttl, payload } => {
                let envelope = Envelope { source, destination, ttl };
                Effect::Transmit(interface(by), Packet { envelope, payload })
            }
            Output::Routes(updates) => {
                Effect::Routes(updates.into_iter().map(|update| (update.prefix, update.route)).collect())
            }
            Output::Groups { interface: on, all_routers, designated } => match interface(on) {
                Interface::Segment(segment) => Effect::Listen(segment, Groups { all_routers, designated }),
                Interface::Stub(_) => Effect::Nothing,
            },
            Output::Event(_) => Effect::Nothing,
        }
    }

    fn destination(envelope: &Envelope) -> Option<Ipv4Addr> {
        (!envelope.destination.is_multicast()).then_some(envelope.destination)
    }

    fn travels(envelope: &Envelope) -> bool {
        !envelope.destination.is_multicast() && envelope.ttl > 1
    }

    fn hears(groups: Groups, envelope: &Envelope) -> bool {
        match envelope.destination {
            ALL_SPF_ROUTERS => groups.all_routers,
            ALL_D_ROUTERS => groups.designated,
            _ => false,
        }
    }

    fn next_hops(route: &InstalledRoute) -> Vec<(SegmentIndex, Ipv4Addr)> {
        let hop = |(by, gateway): &(_, Option<Ipv4Addr>)| match interface(*by) {
            Interface::Segment(segment) => Some((segment, (*gateway)?)),
            Interface::Stub(_) => None,
        };
        route.next_hops.iter().filter_map(hop).collect()
    }

    fn check_packet(
        &self,
        router: &Instance,
        interface: Interface,
        packet: &Packet<Envelope>,
    ) -> Result<(), String> {
        packet::check(router.config(), interface_id(interface), packet)
    }

    fn differences(&self, world: &World, routers: &[Option<&Instance>]) -> Vec<String> {
        convergence::differences(world, routers)
    }

    /// Neighbours that are gone have to be missed, designated routers waited for, and LSAs that come too often wait for each other.
    fn patience_s(&self) -> u64 {
        3 * self.settings.dead.as_secs() + 8 * self.settings.retransmit.as_secs() + 40
    }
}

fn owns(world: &World, router: RouterIndex, address: Ipv4Addr) -> bool {
    let stubs = &world.router(router).stubs;
    world.ends_of(router).any(|(.., end)| end.address == address)
        || stubs.iter().any(|stub| stub.address().addr() == address)
}
