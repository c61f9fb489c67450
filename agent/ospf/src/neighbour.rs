//! The neighbour and its state machine (RFC 2328 §10).

use std::{
    collections::{BTreeMap, VecDeque},
    net::Ipv4Addr,
};

use braid_ospf_packet::{DatabaseDescription, LsaHeader, LsaKey, Options, RouterId};
use serde::{Deserialize, Serialize};

use crate::{
    Event, Instance, Instant, InterfaceId, NeighbourState, interface::InterfaceEvent, timers::Timer,
};

/// Where a neighbour stands: interface, and key on it.
pub type Place = (InterfaceId, Ipv4Addr);

/// A neighbour.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Neighbour {
    pub router_id: RouterId,
    pub address: Ipv4Addr,
    pub state: NeighbourState,
    pub since: Instant,
    pub priority: u8,
    pub dr: Ipv4Addr,
    pub backup: Ipv4Addr,
    /// From its hellos, later from its database descriptions.
    pub options: Options,
    pub dead_at: Instant,
    /// Last cryptographic sequence number: of all packets, or by packet type if extended (RFC 7474 §3).
    pub sequences: [u64; 5],
    /// We lead the exchange.
    pub master: bool,
    pub dd_sequence: u32,
    /// The last database description taken: the bits, options, number.
    pub last_dd: Option<(bool, bool, bool, Options, u32)>,
    /// When it came, or came again.
    pub described_at: Instant,
    /// The last one sent, to send it again.
    pub sent_dd: Option<SentDescription>,
    /// Headers not yet described to it.
    pub summary: VecDeque<LsaHeader>,
    /// LSAs that we want and have not asked for.
    pub wanted: BTreeMap<LsaKey, LsaHeader>,
    /// LSAs that we have asked for.
    pub asked: BTreeMap<LsaKey, LsaHeader>,
    /// LSAs that it has not acknowledged, and when they were last sent. The instance is that of the database.
    pub retransmissions: BTreeMap<LsaKey, Instant>,
    /// What RFC 3623 §3.1 asks: of those, some are changes, not refreshes.
    pub owed_changes: bool,
}

/// A database description, as far as it has to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentDescription {
    pub initial: bool,
    pub more: bool,
    pub master: bool,
    pub sequence: u32,
    pub headers: Vec<LsaHeader>,
}

impl SentDescription {
    pub fn packet(&self, mtu: u16, options: Options) -> DatabaseDescription {
        DatabaseDescription {
            mtu,
            options,
            initial: self.initial,
            more: self.more,
            master: self.master,
            sequence: self.sequence,
            headers: self.headers.clone(),
            unknown: 0,
        }
    }
}

impl Neighbour {
    pub fn new(router_id: RouterId, address: Ipv4Addr, now: Instant) -> Self {
        Self {
            router_id,
            address,
            state: NeighbourState::Down,
            since: now,
            priority: 0,
            dr: Ipv4Addr::UNSPECIFIED,
            backup: Ipv4Addr::UNSPECIFIED,
            options: Options::NONE,
            dead_at: now,
            sequences: [0; 5],
            master: false,
            dd_sequence: 0,
            last_dd: None,
            described_at: now,
            sent_dd: None,
            summary: VecDeque::new(),
            wanted: BTreeMap::new(),
            asked: BTreeMap::new(),
            retransmissions: BTreeMap::new(),
            owed_changes: false,
        }
    }

    /// RFC 2328 §10.3: what ends with the adjacency.
    pub fn clear_lists(&mut self) {
        self.summary = VecDeque::new();
        self.wanted.clear();
        self.asked.clear();
        self.retransmissions.clear();
        self.owed_changes = false;
        self.last_dd = None;
        self.sent_dd = None;
    }

    pub fn is_loaded(&self) -> bool {
        self.wanted.is_empty() && self.asked.is_empty()
    }
}

/// Events of RFC 2328 §10.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourEvent {
    HelloReceived,
    TwoWayReceived,
    NegotiationDone,
    ExchangeDone,
    BadRequest,
    LoadingDone,
    AdjacencyOk,
    SequenceNumberMismatch,
    OneWay,
    Kill,
    InactivityTimer,
    LinkDown,
}

impl NeighbourEvent {
    fn reason(self) -> &'static str {
        match self {
            Self::HelloReceived => "hello received",
            Self::TwoWayReceived => "it hears us",
            Self::NegotiationDone => "master and slave are agreed",
            Self::ExchangeDone => "databases are described",
            Self::BadRequest => "bad link state request",
            Self::LoadingDone => "all is loaded",
            Self::AdjacencyOk => "designated routers changed",
            Self::SequenceNumberMismatch => "sequence number mismatch",
            Self::OneWay => "it does not hear us",
            Self::Kill => "given up",
            Self::InactivityTimer => "silent for the dead interval",
            Self::LinkDown => "link down",
        }
    }
}

impl Instance {
    pub(crate) fn neighbour(&self, place: Place) -> Option<&Neighbour> {
        self.interfaces.get(&place.0)?.neighbours.get(&place.1)
    }

    pub(crate) fn neighbour_mut(&mut self, place: Place) -> Option<&mut Neighbour> {
        self.interfaces.get_mut(&place.0)?.neighbours.get_mut(&place.1)
    }

    /// RFC 2328 §10.3.
    pub(crate) fn neighbour_event(&mut self, place: Place, event: NeighbourEvent) {
        use NeighbourEvent as E;
        use NeighbourState as S;
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        let adjacency = interface.wants_adjacency(neighbour);
        let next = match (neighbour.state, event) {
            (S::Down, E::HelloReceived) => S::Init,
            (S::Init, E::TwoWayReceived) if adjacency => S::ExStart,
            (S::Init, E::TwoWayReceived) => S::TwoWay,
            (S::TwoWay, E::AdjacencyOk) if adjacency => S::ExStart,
            (S::ExStart | S::Exchange | S::Loading | S::Full, E::AdjacencyOk) if !adjacency => S::TwoWay,
            (S::ExStart, E::NegotiationDone) => S::Exchange,
            (S::Exchange, E::ExchangeDone) if neighbour.is_loaded() => S::Full,
            (S::Exchange, E::ExchangeDone) => S::Loading,
            (S::Loading, E::LoadingDone) => S::Full,
            (S::Exchange | S::Loading | S::Full, E::SequenceNumberMismatch | E::BadRequest) => S::ExStart,
            (state, E::OneWay) if state >= S::TwoWay => S::Init,
            (_, E::Kill | E::LinkDown | E::InactivityTimer) => S::Down,
            _ => return,
        };
        self.enter_neighbour_state(place, next, event);
    }

    fn enter_neighbour_state(&mut self, place: Place, next: NeighbourState, event: NeighbourEvent) {
        use NeighbourState as S;
        let now = self.now;
        let Some(interface) = self.interfaces.get_mut(&place.0) else { return };
        let name = interface.config.name.clone();
        let broadcast = interface.is_broadcast();
        let Some(neighbour) = interface.neighbours.get_mut(&place.1) else { return };
        let from = std::mem::replace(&mut neighbour.state, next);
        let router_id = neighbour.router_id;
        neighbour.since = now;
        let had_exchange = matches!(from, S::Exchange | S::Loading);
        if from >= S::ExStart && next <= S::ExStart {
            neighbour.clear_lists();
        }
        self.emit(Event::Neighbour {
            interface: place.0,
            name,
            router_id,
            from,
            to: next,
            reason: event.reason().to_owned(),
        });
        if next <= S::TwoWay {
            self.timers.stop(Timer::Retransmit(place.0, place.1));
        }
        match next {
            S::ExStart => self.start_exchange(place),
            S::Exchange => self.describe_database(place),
            S::Down => {
                self.timers.stop(Timer::Inactivity(place.0, place.1));
                self.neighbour_gone(place, router_id, event);
            }
            _ => {}
        }
        if from == S::Full || next == S::Full {
            self.changed();
        }
        if had_exchange || next == S::Down {
            self.reap = true;
        }
        // RFC 2328 §9.2 NeighborChange.
        if broadcast && (from >= S::TwoWay) != (next >= S::TwoWay) {
            self.interface_event(place.0, InterfaceEvent::NeighbourChange);
        }
    }

    fn neighbour_gone(&mut self, place: Place, router_id: RouterId, event: NeighbourEvent) {
        // RFC 3623 §3: a helped neighbour may be silent; its adjacency stays in our LSAs until the help ends.
        if event == NeighbourEvent::InactivityTimer && self.helper.is_helping((place.0, router_id)) {
            return;
        }
        if self.helper.leave((place.0, router_id)) {
            self.help_ended(&[(place.0, router_id)], "the neighbour is gone");
        }
        if let Some(interface) = self.interfaces.get_mut(&place.0) {
            interface.neighbours.remove(&place.1);
        }
        self.changed();
    }
}
