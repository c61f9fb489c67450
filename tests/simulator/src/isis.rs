//! IS-IS under simulation: its engine, its packets, its rules.

mod convergence;
mod database;
mod packet;
mod router;
mod settings;

use std::net::Ipv4Addr;

use braid_isis::{Config, Group, Input, Instance, Output};
use braid_isis_route::Route;
use braid_world::{External, Interface, RouterIndex, SegmentIndex, World, isis::Domain};
use ipnet::Ipv4Net;

pub use self::settings::Settings;
use self::settings::{circuit_id, interface, levels};
use crate::protocol::{Effect, Packet, Protocol, Received, Rules};

/// IS-IS in a world.
pub struct Isis {
    /// Areas and levels.
    pub domain: Domain,
    /// What all routers have set alike.
    pub settings: Settings,
}

/// What of an Ethernet header matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Whose frame it is.
    pub source: [u8; 6],
    /// For whom.
    pub group: Group,
}

impl Protocol for Isis {
    type Router = Instance;
    type Envelope = Envelope;
    type Groups = ();

    const RULES: Rules = Rules {
        // Complete sequence numbers that come now and then make up for all that is overtaken or comes again.
        keeps_order: |_| false,
        disguise: packet::disguise,
        spare: |sent, damaged| packet::spare(sent, damaged),
    };

    fn config(&self, world: &World, router: RouterIndex) -> Config {
        self.settings.config(world, &self.domain, router)
    }

    fn carrier(&self, router: RouterIndex, interface: Interface, up: bool) -> Input {
        Input::Carrier { circuit: circuit_id(interface), up, mac: mac(router, interface) }
    }

    fn external(&self, router: RouterIndex, prefix: Ipv4Net, external: Option<&External>) -> Input {
        let route = external.map(|external| braid_isis::External {
            metric: external.metric,
            level: levels(self.domain.router(router).externals),
            external: external.type2 && self.domain.narrow,
        });
        Input::External { prefix, route }
    }

    fn extras(&self, _world: &World, _router: RouterIndex) -> Vec<Input> {
        Vec::new()
    }

    fn receive(
        &self,
        _world: &World,
        _router: RouterIndex,
        segment: SegmentIndex,
        packet: Packet<Envelope>,
    ) -> Received<Self> {
        let (source, payload) = (packet.envelope.source, packet.payload);
        Received::Input(Input::Packet { circuit: circuit_id(Interface::Segment(segment)), source, payload })
    }

    fn effect(&self, router: RouterIndex, output: Output) -> Effect<Self> {
        match output {
            Output::Transmit { circuit, group, payload } => {
                let by = interface(circuit);
                Effect::Transmit(
                    by,
                    Packet { envelope: Envelope { source: mac(router, by), group }, payload },
                )
            }
            Output::Routes(changes) => {
                // A route without next hops is the router's own, and none to the kernel.
                let lead = |route: &Route| !route.next_hops.is_empty();
                Effect::Routes(changes.into_iter().map(|it| (it.prefix, it.new.filter(lead))).collect())
            }
            Output::Event(_) => Effect::Nothing,
        }
    }

    fn destination(_envelope: &Envelope) -> Option<Ipv4Addr> {
        None
    }

    fn travels(_envelope: &Envelope) -> bool {
        false
    }

    fn hears(_groups: (), _envelope: &Envelope) -> bool {
        true
    }

    fn next_hops(route: &Route) -> Vec<(SegmentIndex, Ipv4Addr)> {
        let hop = |hop: &braid_isis_route::NextHop| match interface(braid_isis::CircuitId(hop.circuit)) {
            Interface::Segment(segment) => Some((segment, hop.gateway?)),
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
        packet::check(router.config(), circuit_id(interface), packet)
    }

    fn differences(&self, world: &World, routers: &[Option<&Instance>]) -> Vec<String> {
        convergence::differences(world, &self.domain, routers)
    }

    fn patience_s(&self) -> u64 {
        let Settings { hold, retransmit, csnp_interval, p2p_csnp_interval, .. } = &self.settings;
        let rounds = 3 * *csnp_interval + 2 * *p2p_csnp_interval;
        3 * hold.as_secs() + 8 * retransmit.as_secs() + rounds.as_secs() + 40
    }
}

/// A router's address on the data link.
fn mac(router: RouterIndex, interface: Interface) -> [u8; 6] {
    let [a, b] = (router.0 as u16).to_be_bytes();
    let [.., c, d] = circuit_id(interface).0.to_be_bytes();
    [2, 0, a, b, c, d]
}
