//! The smallest IS-IS router that others will be adjacent to, on one point-to-point circuit at level 2: it floods its database until
//! each LSP is acknowledged, and acknowledges all that it hears. It learns nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    net::Ipv4Addr,
    time::Duration,
};

use braid_isis_packet::{
    AreaAddress, Authentication, CircuitType, Frame, Level, Lsp, LspHeader, LspId, NLPID_IPV4, Pdu,
    PointToPointHello, Psnp, SystemId, ThreeWay, ThreeWayState, Tlv,
};

use crate::{InjectorError, Progress, State};

/// Seconds between hellos.
pub const HELLO_S: u16 = 1;
/// Seconds without a hello after which a neighbour is gone. Long, since a router may be busy with ten thousand LSPs.
pub const HOLD_S: u16 = 40;
/// The largest frame on the circuit.
pub const MTU: u16 = 1500;
/// The speaker's number of its circuit.
const CIRCUIT: u32 = 1;
/// Until unacknowledged LSPs are sent again (ISO 10589 minimumLSPTransmissionInterval).
const RETRANSMIT: Duration = Duration::from_secs(5);
/// LSPs per look at the timers, and the time between two looks in which something is left to send: 10,000 LSPs take a second or two.
const BURST: usize = 20;

/// The speaker. It owns no socket and no clock: time is what its caller says, since any moment.
#[derive(Debug)]
pub struct IsisSpeaker {
    system: SystemId,
    area: AreaAddress,
    address: Ipv4Addr,
    database: BTreeMap<LspId, Lsp>,
    state: State,
    neighbour: Option<(SystemId, Option<u32>)>,
    heard: Duration,
    hello_due: Duration,
    /// Not sent yet.
    waiting: VecDeque<LspId>,
    /// Sent and not acknowledged, with the time.
    unacknowledged: BTreeMap<LspId, Duration>,
    acknowledged: usize,
}

impl IsisSpeaker {
    /// A speaker of an area with an address on the circuit and a database.
    pub fn new(
        system: SystemId,
        area: AreaAddress,
        address: Ipv4Addr,
        lsps: impl IntoIterator<Item = Lsp>,
    ) -> Self {
        Self {
            system,
            area,
            address,
            database: lsps.into_iter().map(|lsp| (lsp.id(), lsp)).collect(),
            state: State::Down,
            neighbour: None,
            heard: Duration::ZERO,
            hello_due: Duration::ZERO,
            waiting: VecDeque::new(),
            unacknowledged: BTreeMap::new(),
            acknowledged: 0,
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            state: self.state,
            given: self.acknowledged,
            unacknowledged: self.waiting.len() + self.unacknowledged.len(),
        }
    }

    /// What to send now: hellos, LSPs, and those that were not acknowledged in time.
    ///
    /// # Errors
    /// [`InjectorError::IsisBuild`] never in practice.
    pub fn tick(&mut self, now: Duration) -> Result<Vec<Vec<u8>>, InjectorError> {
        let mut pdus = Vec::new();
        if self.state > State::Down && now > self.heard + Duration::from_secs(HOLD_S.into()) {
            self.down();
        }
        if now >= self.hello_due {
            pdus.push(self.hello(now)?);
        }
        if self.state != State::Full {
            return Ok(pdus);
        }
        let late = self.unacknowledged.iter().filter(|(_, sent)| now >= **sent + RETRANSMIT);
        let late: Vec<LspId> = late.map(|(id, _)| *id).take(BURST).collect();
        late.into_iter().for_each(|id| {
            self.unacknowledged.remove(&id);
            self.waiting.push_front(id);
        });
        for id in self.waiting.drain(..BURST.min(self.waiting.len())) {
            if let Some(lsp) = self.database.get(&id) {
                pdus.push(lsp.bytes().to_vec());
                self.unacknowledged.insert(id, now);
            }
        }
        Ok(pdus)
    }

    /// Whether [`IsisSpeaker::tick`] has more to send at once.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.state == State::Full && !self.waiting.is_empty()
    }

    /// New LSPs, which go out at once.
    ///
    /// # Errors
    /// As [`IsisSpeaker::tick`].
    pub fn flood(&mut self, now: Duration, lsps: Vec<Lsp>) -> Result<Vec<Vec<u8>>, InjectorError> {
        for lsp in lsps {
            self.waiting.push_front(lsp.id());
            self.unacknowledged.remove(&lsp.id());
            self.database.insert(lsp.id(), lsp);
        }
        self.tick(now)
    }

    /// Takes a PDU; gives what to answer.
    ///
    /// # Errors
    /// As [`IsisSpeaker::tick`].
    pub fn receive(&mut self, now: Duration, pdu: &[u8]) -> Result<Vec<Vec<u8>>, InjectorError> {
        let Ok(pdu) = Frame::parse(pdu).and_then(|frame| frame.pdu()) else { return Ok(Vec::new()) };
        match pdu {
            Pdu::PointToPointHello(hello) => self.hear(now, &hello),
            Pdu::Psnp(psnp) => {
                psnp.entries.iter().for_each(|entry| self.acknowledge(entry));
                Ok(Vec::new())
            }
            Pdu::Csnp(csnp) => {
                csnp.entries.iter().for_each(|entry| self.acknowledge(entry));
                Ok(Vec::new())
            }
            Pdu::Lsp(lsp) if lsp.level() == Level::Two && self.state == State::Full => {
                let psnp = Psnp { level: Level::Two, source: self.system, entries: vec![lsp.header()] };
                Ok(vec![psnp.encode(&Authentication::None)?])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The neighbour names what it has: it is an acknowledgement if it is as new as ours, else a request (ISO 10589 §7.3.15.2).
    fn acknowledge(&mut self, entry: &LspHeader) {
        let Some(lsp) = self.database.get(&entry.id) else { return };
        if entry.sequence >= lsp.header().sequence {
            self.acknowledged += usize::from(self.unacknowledged.remove(&entry.id).is_some());
        } else if !self.waiting.contains(&entry.id) {
            self.unacknowledged.remove(&entry.id);
            self.waiting.push_front(entry.id);
        }
    }

    fn down(&mut self) {
        self.state = State::Down;
        self.neighbour = None;
        self.waiting.clear();
        self.unacknowledged.clear();
    }

    /// RFC 5303 §3.2.
    fn hear(&mut self, now: Duration, hello: &PointToPointHello) -> Result<Vec<Vec<u8>>, InjectorError> {
        self.heard = now;
        let three_way = hello.tlvs.iter().find_map(|tlv| match tlv {
            Tlv::ThreeWay(three_way) => Some(*three_way),
            _ => None,
        });
        let Some(three_way) = three_way else { return Ok(Vec::new()) };
        let neighbour = Some((hello.source, three_way.circuit));
        let hears_us = three_way.neighbour == Some(self.system);
        let before = self.state;
        if self.neighbour != neighbour || (before == State::Full && three_way.state == ThreeWayState::Down) {
            self.down();
        }
        self.neighbour = neighbour;
        self.state = match (self.state, hears_us) {
            (State::Full, true) => State::Full,
            (_, true) => {
                self.waiting = self.database.keys().copied().collect();
                State::Full
            }
            (_, false) => State::Init,
        };
        if self.state == before { Ok(Vec::new()) } else { Ok(vec![self.hello(now)?]) }
    }

    fn hello(&mut self, now: Duration) -> Result<Vec<u8>, InjectorError> {
        self.hello_due = now + Duration::from_secs(HELLO_S.into());
        let state = match self.state {
            State::Down => ThreeWayState::Down,
            State::Full => ThreeWayState::Up,
            _ => ThreeWayState::Initializing,
        };
        let three_way = ThreeWay {
            state,
            circuit: Some(CIRCUIT),
            neighbour: self.neighbour.map(|(system, _)| system),
            neighbour_circuit: self.neighbour.and_then(|(_, circuit)| circuit),
        };
        let hello = PointToPointHello {
            circuit_type: CircuitType::L2,
            source: self.system,
            holding_time: HOLD_S,
            circuit_id: CIRCUIT as u8,
            tlvs: vec![
                Tlv::ThreeWay(three_way),
                Tlv::AreaAddresses(vec![self.area]),
                Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
                Tlv::IpInterfaceAddresses(vec![self.address]),
            ],
        };
        Ok(hello.encode(&Authentication::None, None)?)
    }
}
