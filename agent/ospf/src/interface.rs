//! The interface and its state machine (RFC 2328 §9).

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf_originate::InterfaceState;
use braid_ospf_packet::{LsaHeader, LsaKey, RouterId};
use serde::{Deserialize, Serialize};

use crate::{
    AreaId, Event, FloodingDomain, Instance, Instant, InterfaceConfig, InterfaceId, Network, Output,
    election::{self, Candidate},
    neighbour::{Neighbour, NeighbourEvent},
    timers::Timer,
};

/// An interface, or a virtual link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Interface {
    pub id: InterfaceId,
    /// Of a virtual link, one made up from its own configuration.
    pub config: InterfaceConfig,
    /// Set on virtual links.
    pub virtual_end: Option<VirtualEnd>,
    pub state: InterfaceState,
    /// The designated router's address on this network.
    pub dr: Ipv4Addr,
    pub backup: Ipv4Addr,
    /// By source address on broadcast networks, else by router id (RFC 2328 §10).
    pub neighbours: BTreeMap<Ipv4Addr, Neighbour>,
    /// Acknowledgments not yet sent (RFC 2328 §13.5).
    pub acks: Vec<LsaHeader>,
    /// LSAs not yet flooded, looked up when they are sent.
    pub flood: BTreeMap<(FloodingDomain, LsaKey), ()>,
    /// Memberships last asked for: all routers, designated.
    pub groups: (bool, bool),
    /// The second that `packets` counts.
    pub second: u64,
    pub packets: u32,
    /// The last second in which a refused packet was told of.
    pub told: u64,
    /// When this interface may send a next burst of updates.
    pub burst: (Instant, u32),
}

/// Where a virtual link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualEnd {
    pub transit: AreaId,
    pub endpoint: RouterId,
    /// The other end's address, 0.0.0.0 while unknown.
    pub address: Ipv4Addr,
    /// By which interface packets leave.
    pub exit: InterfaceId,
}

/// Events of RFC 2328 §9.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceEvent {
    Up,
    WaitTimer,
    BackupSeen,
    NeighbourChange,
    Down,
}

impl Interface {
    pub fn new(id: InterfaceId, config: InterfaceConfig, virtual_end: Option<VirtualEnd>) -> Self {
        Self {
            id,
            config,
            virtual_end,
            state: InterfaceState::Down,
            dr: Ipv4Addr::UNSPECIFIED,
            backup: Ipv4Addr::UNSPECIFIED,
            neighbours: BTreeMap::new(),
            acks: Vec::new(),
            flood: BTreeMap::new(),
            groups: (false, false),
            second: 0,
            packets: 0,
            told: 0,
            burst: (Instant::ZERO, 0),
        }
    }

    pub fn is_broadcast(&self) -> bool {
        self.config.kind == Network::Broadcast
    }

    /// Hellos are sent and packets taken.
    pub fn speaks(&self) -> bool {
        !self.config.passive
            && self.config.kind != Network::Loopback
            && !matches!(self.state, InterfaceState::Down | InterfaceState::Loopback)
    }

    pub fn address(&self) -> Ipv4Addr {
        self.config.address.addr()
    }

    /// DR or backup.
    pub fn is_designated(&self) -> bool {
        matches!(self.state, InterfaceState::Dr | InterfaceState::Backup)
    }

    /// Name of the key by which a neighbour is found.
    pub fn neighbour_key(&self, source: Ipv4Addr, router: RouterId) -> Ipv4Addr {
        if self.is_broadcast() { source } else { router.0 }
    }

    /// The domain in which LSAs of a type that come or go by this interface are flooded.
    pub fn domain(&self, ls_type: braid_ospf_packet::LsType) -> FloodingDomain {
        match ls_type.scope() {
            braid_ospf_packet::Scope::Link => FloodingDomain::Link(self.id),
            braid_ospf_packet::Scope::Area => FloodingDomain::Area(self.config.area),
            braid_ospf_packet::Scope::As => FloodingDomain::As,
        }
    }

    /// RFC 2328 §10.4: whether an adjacency shall be with this neighbour.
    pub fn wants_adjacency(&self, neighbour: &Neighbour) -> bool {
        !self.is_broadcast()
            || self.is_designated()
            || neighbour.address == self.dr
            || neighbour.address == self.backup
    }

    /// Full members, in other words whether anybody listens.
    pub fn full(&self) -> usize {
        self.neighbours.values().filter(|neighbour| neighbour.state == crate::NeighbourState::Full).count()
    }

    pub fn in_exchange(&self) -> bool {
        use crate::NeighbourState::{Exchange, Loading};
        self.neighbours.values().any(|neighbour| matches!(neighbour.state, Exchange | Loading))
    }
}

impl Instance {
    pub(crate) fn interface_event(&mut self, id: InterfaceId, event: InterfaceEvent) {
        let Some(interface) = self.interfaces.get(&id) else { return };
        use InterfaceEvent as E;
        use InterfaceState as S;
        let next = match (interface.state, event) {
            (S::Down, E::Up) => self.state_when_up(id),
            (S::Waiting, E::BackupSeen | E::WaitTimer) => return self.elect(id),
            (S::DrOther | S::Backup | S::Dr, E::NeighbourChange) => return self.elect(id),
            (state, E::Down) if state != S::Down => S::Down,
            _ => return,
        };
        self.enter_interface_state(id, next);
    }

    fn state_when_up(&self, id: InterfaceId) -> InterfaceState {
        let config = &self.interfaces[&id].config;
        match config.kind {
            Network::Loopback => InterfaceState::Loopback,
            Network::PointToPoint => InterfaceState::PointToPoint,
            // Nobody is spoken to: the network is a stub.
            Network::Broadcast if config.passive || config.priority == 0 => InterfaceState::DrOther,
            Network::Broadcast => InterfaceState::Waiting,
        }
    }

    fn enter_interface_state(&mut self, id: InterfaceId, next: InterfaceState) {
        let now = self.now;
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        let from = std::mem::replace(&mut interface.state, next);
        if from == next {
            return;
        }
        let (name, speaks, dead) = (interface.config.name.clone(), interface.speaks(), interface.config.dead);
        self.emit(Event::Interface { interface: id, name, from, to: next });
        self.changed();
        if next == InterfaceState::Down {
            self.interface_down(id);
        } else if from == InterfaceState::Down && speaks {
            if next == InterfaceState::Waiting {
                self.timers.set(Timer::Wait(id), now + dead);
            }
            self.update_groups(id);
            self.hello_tick(id);
        } else {
            self.update_groups(id);
        }
    }

    fn interface_down(&mut self, id: InterfaceId) {
        let ended = self.helper.interface_down(id);
        self.help_ended(&ended, "the interface is down");
        for key in self.neighbour_keys(id) {
            self.neighbour_event((id, key), NeighbourEvent::LinkDown);
        }
        for timer in [Timer::Hello(id), Timer::Wait(id), Timer::Ack(id), Timer::Flood(id)] {
            self.timers.stop(timer);
        }
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.dr = Ipv4Addr::UNSPECIFIED;
            interface.backup = Ipv4Addr::UNSPECIFIED;
            interface.acks.clear();
            interface.flood.clear();
        }
        self.update_groups(id);
        self.remove_domain(FloodingDomain::Link(id));
    }

    /// Asks for the multicast groups that the state needs (RFC 2328 §9.5, §8.1).
    fn update_groups(&mut self, id: InterfaceId) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        if interface.virtual_end.is_some() {
            return;
        }
        let wanted = (interface.speaks(), interface.speaks() && interface.is_designated());
        if wanted != interface.groups {
            interface.groups = wanted;
            self.outputs.push_back(Output::Groups {
                interface: id,
                all_routers: wanted.0,
                designated: wanted.1,
            });
        }
    }

    /// RFC 2328 §9.4, and what follows from the outcome.
    fn elect(&mut self, id: InterfaceId) {
        let Some(interface) = self.interfaces.get(&id) else { return };
        let us = Candidate {
            address: interface.address(),
            router_id: self.config.router_id,
            priority: interface.config.priority,
            dr: interface.dr,
            backup: interface.backup,
        };
        let others: Vec<_> = interface
            .neighbours
            .values()
            .filter(|neighbour| neighbour.state >= crate::NeighbourState::TwoWay)
            .map(|neighbour| Candidate {
                address: neighbour.address,
                router_id: neighbour.router_id,
                priority: neighbour.priority,
                dr: neighbour.dr,
                backup: neighbour.backup,
            })
            .collect();
        let (dr, backup) = election::elect(us, &others);
        let next = if dr == us.address {
            InterfaceState::Dr
        } else if backup == us.address {
            InterfaceState::Backup
        } else {
            InterfaceState::DrOther
        };
        let moved = (dr, backup) != (interface.dr, interface.backup);
        let name = interface.config.name.clone();
        self.timers.stop(Timer::Wait(id));
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.dr = dr;
            interface.backup = backup;
        }
        self.enter_interface_state(id, next);
        if moved {
            self.emit(Event::Designated { interface: id, name, dr, backup });
            self.changed();
            // RFC 2328 §9.4 (7): the set of adjacencies may be another one now.
            for key in self.neighbour_keys(id) {
                self.neighbour_event((id, key), NeighbourEvent::AdjacencyOk);
            }
            // Others shall hear of it before a HelloInterval is over.
            self.hello_tick(id);
        }
    }

    pub(crate) fn neighbour_keys(&self, id: InterfaceId) -> Vec<Ipv4Addr> {
        self.interfaces
            .get(&id)
            .map(|interface| interface.neighbours.keys().copied().collect())
            .unwrap_or_default()
    }
}
