//! Hellos: sending (RFC 2328 §9.5) and receiving (§10.5).

use std::{net::Ipv4Addr, time::Duration};

use braid_ospf_packet::{Body, Hello, Options, RouterId};

use crate::{
    Instance, InterfaceId, InterfaceState, LimitKind, NeighbourState, Refusal,
    interface::{Interface, InterfaceEvent},
    neighbour::{Neighbour, NeighbourEvent, Place},
    receive::Refused,
    timers::Timer,
    transmit::To,
};

impl Instance {
    /// A hello is due. Those of other interfaces that are due soon go with it: idle routers should wake up seldom.
    pub(crate) fn hellos(&mut self, id: InterfaceId) {
        self.hello_tick(id);
        let others: Vec<(InterfaceId, Duration)> = self
            .interfaces
            .values()
            .filter(|other| other.id != id && other.speaks())
            .map(|other| (other.id, other.config.hello / 8))
            .collect();
        for (other, early) in others {
            if self.timers.at(Timer::Hello(other)).is_some_and(|at| at <= self.now + early) {
                self.hello_tick(other);
            }
        }
    }

    /// Sends a hello and sets the timer for the next one.
    pub(crate) fn hello_tick(&mut self, id: InterfaceId) {
        let Some(interface) = self.interfaces.get(&id).filter(|interface| interface.speaks()) else { return };
        let config = &interface.config;
        let interval = config.hello;
        let virtual_link = interface.virtual_end.is_some();
        let hello = Hello {
            // RFC 2328 §A.3.2: of virtual links and unnumbered links it is 0.
            mask: if virtual_link { Ipv4Addr::UNSPECIFIED } else { config.address.netmask() },
            hello_interval: u16::try_from(interval.as_secs()).unwrap_or(u16::MAX),
            options: self.hello_options(config.area),
            priority: config.priority,
            dead_interval: u32::try_from(config.dead.as_secs()).unwrap_or(u32::MAX),
            designated_router: interface.dr,
            backup: interface.backup,
            neighbours: interface
                .neighbours
                .values()
                .filter(|neighbour| neighbour.state >= NeighbourState::Init)
                .map(|neighbour| neighbour.router_id)
                .collect(),
        };
        self.transmit(id, To::All, &Body::Hello(hello));
        // A little early, never late: else neighbours would send in step.
        let jitter = self.random(u64::try_from(interval.as_micros() / 20).unwrap_or(1));
        self.timers.set(Timer::Hello(id), self.now + (interval - Duration::from_micros(jitter)));
    }

    pub(crate) fn receive_hello(
        &mut self,
        place: Place,
        router: RouterId,
        source: Ipv4Addr,
        hello: &Hello,
    ) -> Result<(), Refused> {
        let (now, us) = (self.now, self.config.router_id);
        let most = self.config.limits.neighbours;
        let Some(interface) = self.interfaces.get(&place.0) else { return Ok(()) };
        let options = self.hello_options(interface.config.area);
        check_hello(interface, options, hello)?;
        if interface.neighbours.get(&place.1).is_some_and(|known| known.router_id != router) {
            // Another router with the same address: the one we knew is no more.
            self.neighbour_event(place, NeighbourEvent::Kill);
        }
        let Some(interface) = self.interfaces.get_mut(&place.0) else { return Ok(()) };
        let dead_at = now + interface.config.dead;
        let (waiting, broadcast) = (interface.state == InterfaceState::Waiting, interface.is_broadcast());
        let is_new =
            interface.neighbours.get(&place.1).is_none_or(|known| known.state == NeighbourState::Down);
        if is_new && !interface.neighbours.contains_key(&place.1) && interface.neighbours.len() >= most {
            self.limit(LimitKind::Neighbours);
            return Err(Refused::new(Refusal::Limit, "too many neighbours"));
        }
        let neighbour =
            interface.neighbours.entry(place.1).or_insert_with(|| Neighbour::new(router, source, now));
        let (before, was) = ((neighbour.dr, neighbour.backup), neighbour.state);
        let priority = std::mem::replace(&mut neighbour.priority, hello.priority);
        neighbour.dead_at = dead_at;
        let moved = std::mem::replace(&mut neighbour.address, source) != source;
        (neighbour.dr, neighbour.backup) = (hello.designated_router, hello.backup);
        if is_new {
            neighbour.options = hello.options;
        }
        let heard = hello.neighbours.contains(&us);
        if moved {
            self.changed();
        }
        if is_new {
            self.neighbour_event(place, NeighbourEvent::HelloReceived);
            self.timers.set(Timer::Inactivity(place.0, place.1), dead_at);
        }
        if !heard {
            self.neighbour_event(place, NeighbourEvent::OneWay);
            if is_new || was >= NeighbourState::TwoWay {
                // It shall not have to wait a HelloInterval to learn that we hear it.
                self.hello_tick(place.0);
            }
            return Ok(());
        }
        if was < NeighbourState::TwoWay {
            if is_new {
                self.hello_tick(place.0);
            }
            self.neighbour_event(place, NeighbourEvent::TwoWayReceived);
        }
        if broadcast {
            let after = (hello.designated_router, hello.backup);
            let joined = was < NeighbourState::TwoWay;
            if waiting {
                // RFC 2328 §10.5: an elected backup, or a designated router without one.
                if hello.backup == source
                    || hello.designated_router == source && hello.backup.is_unspecified()
                {
                    self.interface_event(place.0, InterfaceEvent::BackupSeen);
                }
            } else if !joined {
                let declares = |pair: (Ipv4Addr, Ipv4Addr)| (pair.0 == source, pair.1 == source);
                if priority != hello.priority || declares(before) != declares(after) {
                    self.interface_event(place.0, InterfaceEvent::NeighbourChange);
                }
            }
        }
        Ok(())
    }

    /// RFC 2328 §10.2 InactivityTimer, set lazily.
    pub(crate) fn inactivity(&mut self, place: Place) {
        let Some(neighbour) = self.neighbour(place) else { return };
        if neighbour.dead_at > self.now {
            let at = neighbour.dead_at;
            self.timers.set(Timer::Inactivity(place.0, place.1), at);
        } else {
            self.neighbour_event(place, NeighbourEvent::InactivityTimer);
        }
    }
}

/// RFC 2328 §10.5: what neighbours must agree on.
fn check_hello(interface: &Interface, options: Options, hello: &Hello) -> Result<(), Refused> {
    let config = &interface.config;
    let mismatch = |what: &str, theirs: String, ours: String| {
        Err(Refused::new(Refusal::Mismatch, format!("{what} {theirs}, ours is {ours}")))
    };
    if interface.is_broadcast() && hello.mask != config.address.netmask() {
        return mismatch("network mask", hello.mask.to_string(), config.address.netmask().to_string());
    }
    if u64::from(hello.hello_interval) != config.hello.as_secs() {
        return mismatch(
            "hello interval",
            hello.hello_interval.to_string(),
            config.hello.as_secs().to_string(),
        );
    }
    if u64::from(hello.dead_interval) != config.dead.as_secs() {
        return mismatch("dead interval", hello.dead_interval.to_string(), config.dead.as_secs().to_string());
    }
    let kind = Options::E.with(Options::NP);
    if (hello.options.0 ^ options.0) & kind.0 != 0 {
        return mismatch("area options", hello.options.to_string(), options.to_string());
    }
    Ok(())
}
