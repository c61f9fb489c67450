//! The IS-IS instance in the shell's router.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::BorrowedFd,
    path::Path,
    time::Duration,
};

use braid_isis::{
    Circuit, CircuitConfig, CircuitId, CircuitKind, Config, Event, Group, Input, Instance, Instant, Output,
    Rejection,
};
use braid_isis_packet::Level;
use braid_isis_route::Route;
use braid_kernel::NextHop;
use ipnet::Ipv4Net;
use tracing::{debug, info, warn};

use super::{
    NAME, ROUTE_PROTOCOL,
    config::convert_external,
    file::{External, File},
    socket::{Mac, Socket, address},
};
use crate::{
    ConfigError, Link, RouteMark, RouteUpdate, StartError,
    router::{Carrier, Protocol, Router, Said, in_the_same_words},
};

/// The metric of kernel routes unless told otherwise.
const METRIC: u32 = 115;

/// An IS-IS router with its socket.
pub type Isis = Router<Instance>;

impl Isis {
    /// A circuit's name, for people.
    pub(super) fn name(&self, circuit: CircuitId) -> String {
        self.links
            .get(&circuit.0)
            .map_or_else(|| format!("interface {}", circuit.0), |link| link.name.clone())
    }

    fn log(&self, event: &Event) {
        let text = event.to_string();
        let named = circuit_of(event).and_then(|circuit| {
            Some(format!("{}{}", self.name(circuit), text.strip_prefix(&circuit.to_string())?))
        });
        let text = named.unwrap_or(text);
        match event {
            // A stranger's packets are counted, and are no news to an operator.
            Event::Rejected { reason: Rejection::Circuit | Rejection::NoAdjacency, .. } => debug!("{text}"),
            Event::AdjacencyUp { system, .. } | Event::AdjacencyDown { system, .. } => {
                let name = self.instance.host_name(*system);
                info!("{text}{}", name.map_or_else(String::new, |name| format!(" ({name})")));
            }
            Event::DesignatedRouter { .. } => info!("{text}"),
            _ => warn!("{text}"),
        }
    }
}

impl Protocol for Instance {
    in_the_same_words!();

    fn redistribution(file: &File, prefix: &Ipv4Net, protocol: u8) -> Option<External> {
        let rule = file.redistribute.iter().find(|rule| rule.protocol == protocol)?;
        // Networks of our circuits are announced as such.
        let mut own = file.circuits.values();
        let is_own = own.any(|circuit| {
            circuit.addresses.iter().any(|address| address.trunc() == *prefix)
                || circuit.prefixes.contains_key(prefix)
        });
        (!is_own).then_some(External { metric: rule.metric, level: rule.level, external: rule.external })
    }

    fn dead_interval(file: &File) -> Duration {
        let hold_ms = |circuit: &super::Circuit| u64::from(circuit.hello_ms) * u64::from(circuit.multiplier);
        let speaking = file.circuits.values().filter(|circuit| circuit.speaks());
        Duration::from_millis(speaking.map(hold_ms).max().unwrap_or(0))
    }

    fn fixed(before: &File, after: &File) -> Option<&'static str> {
        let system = |file: &File| file.nets.first().map(|net| net.system);
        (system(before) != system(after)).then_some("nets: the system id")
    }

    fn interfaces(config: &Config) -> BTreeSet<u32> {
        config.circuits.keys().map(|id| id.0).collect()
    }

    fn carrier(config: &Config, index: u32, link: &Link) -> Carrier {
        let speaks = |circuit| !groups(config, circuit).is_empty();
        // Without a hardware address there is nobody to speak to.
        let deaf = link.mac.is_none() && config.circuits.get(&CircuitId(index)).is_some_and(speaks);
        Carrier { up: link.up && !deaf, mac: link.mac.unwrap_or_default() }
    }

    fn input(said: Said<Self>) -> Input {
        match said {
            Said::Timeout => Input::Timeout,
            Said::Leave => Input::Leave,
            Said::Configure(config) => Input::Configure(Box::new(config)),
            Said::Carrier(index, Carrier { up, mac }) => {
                Input::Carrier { circuit: CircuitId(index), up, mac }
            }
            Said::External((prefix, external)) => {
                Input::External { prefix, route: external.map(convert_external) }
            }
        }
    }

    fn receive(socket: &mut Socket) -> io::Result<Option<Input>> {
        Ok(socket.receive()?.map(|packet| Input::Packet {
            circuit: CircuitId(packet.ifindex),
            source: packet.source,
            payload: packet.payload,
        }))
    }

    fn listen(router: &mut Isis, config: &Config) {
        let of_circuit = |(id, circuit): (&CircuitId, &CircuitConfig)| {
            groups(config, circuit).into_iter().map(|group| (id.0, group)).collect::<Vec<_>>()
        };
        let wanted = config.circuits.iter().flat_map(of_circuit).collect();
        let mtus = config.circuits.iter().map(|(id, circuit)| (id.0, circuit.mtu)).collect();
        for (index, error) in router.socket.listen(&wanted, &mtus) {
            warn!("cannot listen on {}: {error}", router.name(CircuitId(index)));
        }
    }

    fn carry_out(router: &mut Isis, output: Output) {
        match output {
            Output::Transmit { circuit, group, payload } => {
                if let Err(error) = router.socket.send(circuit.0, address(group), &payload) {
                    router.send_errors += 1;
                    debug!("cannot send by {}: {error}", router.name(circuit));
                }
            }
            Output::Routes(changes) => {
                router.updates.extend(changes.into_iter().map(|change| RouteUpdate {
                    prefix: change.prefix,
                    next_hops: if change.discard {
                        Some(Vec::new())
                    } else {
                        change.new.as_ref().and_then(next_hops)
                    },
                }));
            }
            Output::Event(event) => router.log(&event),
        }
    }

    fn is_settled(router: &Isis) -> bool {
        let mut speaking =
            router.instance.circuits().filter(|circuit| circuit.up && circuit.levels.is_some()).peekable();
        let any = speaking.peek().is_some();
        let is_adjacent = |circuit: &Circuit| {
            Level::ALL.into_iter().any(|level| circuit.adjacencies(level).next().is_some())
        };
        any && speaking.all(is_adjacent) && router.instance.is_settled()
    }
}

/// The circuit that an event is about, by whose number its text begins.
fn circuit_of(event: &Event) -> Option<CircuitId> {
    match event {
        Event::AdjacencyUp { circuit, .. }
        | Event::AdjacencyDown { circuit, .. }
        | Event::DesignatedRouter { circuit, .. }
        | Event::Rejected { circuit, .. }
        | Event::DuplicateSystem { circuit }
        | Event::LspTooBig { circuit, .. }
        | Event::Unbuildable { circuit, .. } => Some(*circuit),
        _ => None,
    }
}

/// The groups that a circuit's PDUs are sent to; none if it does not speak. On a point-to-point circuit some send to those
/// of the levels (RFC 5309 §4.1).
fn groups(config: &Config, circuit: &CircuitConfig) -> BTreeSet<Mac> {
    let Some(levels) = config.level.and(circuit.level).filter(|_| circuit.speaks()) else {
        return BTreeSet::new();
    };
    let of_level = |level| match level {
        Level::One => Group::AllL1,
        Level::Two => Group::AllL2,
    };
    let all = (circuit.kind == CircuitKind::PointToPoint).then_some(Group::AllIs);
    levels.levels().map(of_level).chain(all).map(address).collect()
}

/// A route's ways as the kernel takes them; `None` if this router itself announces the prefix.
pub(super) fn next_hops(route: &Route) -> Option<Vec<NextHop>> {
    let hops: Vec<NextHop> =
        route.next_hops.iter().filter_map(|hop| Some(NextHop::new(hop.gateway?, hop.circuit))).collect();
    (!hops.is_empty()).then_some(hops)
}
