//! The OSPF instance in the shell's router.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::BorrowedFd,
    path::Path,
    time::Duration,
};

use braid_kernel::NextHop;
use braid_ospf::{
    Config, Event, Input, Instance, Instant, InterfaceId, InterfaceState, NeighbourState, Network, Output,
    Refusal,
};
use ipnet::Ipv4Net;
use tracing::{debug, info, warn};

use super::{
    NAME, ROUTE_PROTOCOL,
    config::convert_external,
    file::{External, File},
    socket::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, Socket},
};
use crate::{
    ConfigError, Link, RouteMark, RouteUpdate, StartError,
    router::{Carrier, Protocol, Router, Said, in_the_same_words},
};

/// The metric of kernel routes unless told otherwise.
const METRIC: u32 = 110;

/// An OSPF router with its socket.
pub type Ospf = Router<Instance>;

impl Ospf {
    /// An interface's name, for people.
    pub(super) fn name(&self, interface: InterfaceId) -> String {
        self.links.get(&interface.0).map_or_else(|| interface.to_string(), |link| link.name.clone())
    }
}

impl Protocol for Instance {
    in_the_same_words!();

    fn redistribution(file: &File, prefix: &Ipv4Net, protocol: u8) -> Option<External> {
        let rule = file.redistribute.iter().find(|rule| rule.protocol == protocol)?;
        // Networks of our interfaces are announced as such.
        let mut own = file.interfaces.values();
        if own
            .any(|interface| interface.address.trunc() == *prefix || interface.prefixes.contains_key(prefix))
        {
            return None;
        }
        Some(External { metric: rule.metric, kind: rule.kind, tag: rule.tag, forwarding: None })
    }

    fn dead_interval(file: &File) -> Duration {
        let speaking = file.interfaces.values().filter(|interface| interface.speaks());
        Duration::from_secs(speaking.map(super::Interface::dead_s).max().unwrap_or(0).into())
    }

    fn interfaces(config: &Config) -> BTreeSet<u32> {
        config.interfaces.keys().map(|id| id.0).collect()
    }

    fn carrier(_config: &Config, _index: u32, link: &Link) -> Carrier {
        Carrier { up: link.up, ..Carrier::default() }
    }

    fn input(said: Said<Self>) -> Input {
        match said {
            Said::Timeout => Input::Timeout,
            Said::Leave => Input::Leave,
            Said::Configure(config) => Input::Configure(Box::new(config)),
            Said::Carrier(index, carrier) => Input::Carrier { interface: InterfaceId(index), up: carrier.up },
            Said::External((prefix, external)) => {
                Input::External { prefix, route: external.as_ref().map(convert_external) }
            }
        }
    }

    fn receive(socket: &mut Socket) -> io::Result<Option<Input>> {
        Ok(socket.receive()?.map(|packet| Input::Packet {
            interface: InterfaceId(packet.ifindex),
            source: packet.source,
            destination: packet.destination,
            ttl: packet.ttl,
            payload: packet.payload,
        }))
    }

    fn carry_out(router: &mut Ospf, output: Output) {
        match output {
            Output::Transmit { interface, source, destination, ttl, payload } => {
                if let Err(error) = router.socket.send(interface.0, source, destination, ttl, &payload) {
                    router.send_errors += 1;
                    debug!("cannot send to {destination} by {}: {error}", router.name(interface));
                }
            }
            Output::Routes(updates) => {
                router.updates.extend(updates.into_iter().map(|update| RouteUpdate {
                    prefix: update.prefix,
                    next_hops: update.route.as_ref().and_then(next_hops),
                }));
            }
            Output::Groups { interface, all_routers, designated } => {
                for (group, member) in [(ALL_SPF_ROUTERS, all_routers), (ALL_D_ROUTERS, designated)] {
                    if let Err(error) = router.socket.set_member(interface.0, group, member) {
                        warn!("cannot change membership of {group} on {}: {error}", router.name(interface));
                    }
                }
            }
            Output::Event(event) => log(&event),
        }
    }

    fn is_settled(router: &Ospf) -> bool {
        let config = router.instance.config();
        let speaks = |id: &InterfaceId| {
            router.carriers.get(&id.0).is_some_and(|carrier| carrier.up)
                && config.interfaces.get(id).is_some_and(|i| !i.passive && i.kind != Network::Loopback)
        };
        let interfaces = router.instance.interfaces();
        let mut speaking = interfaces.iter().filter(|interface| speaks(&interface.interface)).peekable();
        let any = speaking.peek().is_some();
        let whole =
            speaking.all(|interface| interface.full > 0 && interface.state != InterfaceState::Waiting);
        let busy = NeighbourState::ExStart..=NeighbourState::Loading;
        any && whole && !router.instance.neighbours().iter().any(|neighbour| busy.contains(&neighbour.state))
    }
}

/// A route's ways as the kernel takes them; `None` if the kernel has the route by itself.
pub(super) fn next_hops(route: &braid_ospf::InstalledRoute) -> Option<Vec<NextHop>> {
    let hop = |(interface, gateway): &(InterfaceId, Option<std::net::Ipv4Addr>)| {
        Some(NextHop::new((*gateway)?, interface.0))
    };
    if route.is_discard() {
        return Some(Vec::new());
    }
    // One that is also attached needs no other way.
    route.next_hops.iter().map(hop).collect()
}

fn log(event: &Event) {
    match event {
        // A stranger's packets are counted, and are no news to an operator.
        Event::Refused { reason: Refusal::Stranger | Refusal::Interface, .. } => debug!("{event}"),
        Event::Neighbour { .. }
        | Event::Interface { .. }
        | Event::Designated { .. }
        | Event::Helper { .. }
        | Event::Left => {
            info!("{event}");
        }
        _ => warn!("{event}"),
    }
}
