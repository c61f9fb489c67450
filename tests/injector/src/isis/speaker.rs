//! The smallest IS-IS router that others will be adjacent to, on one point-to-point circuit at level 2: it floods its database until
//! each LSP is acknowledged, as fast as that comes, and acknowledges all that it hears. It learns nothing, and describes nothing:
//! a neighbour gets all LSPs unasked (ISO 10589 §7.3.17).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use braid_isis_packet::{
    Authentication, CircuitType, Frame, Level, Lsp, LspHeader, LspId, NLPID_IPV4, Pdu, PointToPointHello,
    Psnp, SystemId, ThreeWay, ThreeWayState, Tlv, TlvList as _,
};

use super::{HELLO_S, HOLD_S, area, lsp};
use crate::{
    Grid, INJECTOR, InjectorError, Place,
    speaker::{Progress, Speaker, State},
};

/// The speaker's number of its circuit.
const CIRCUIT: u8 = 1;
/// Until unacknowledged LSPs are sent again (ISO 10589 minimumLSPTransmissionInterval has 5 s). isisd takes a second to acknowledge.
const RETRANSMIT: Duration = Duration::from_secs(2);
/// LSPs that may be on their way at first. There may be one more for each that is acknowledged, and half as many when one is lost.
const WINDOW: usize = 500;
/// What may be on its way at most: of much more, isisd loses some while it is busy with routes, and waits until they come again.
const WINDOW_MAX: usize = 4000;
/// LSPs sent at once: a socket's usual receive buffer holds less than 300.
const BURST: usize = 32;
/// The pause after a burst.
const PAUSE: Duration = Duration::from_millis(1);

/// The speaker.
#[derive(Debug)]
pub struct IsisSpeaker {
    system: SystemId,
    database: BTreeMap<LspId, Lsp>,
    state: State,
    neighbour: Option<(SystemId, Option<u32>)>,
    heard: Duration,
    hello_due: Duration,
    /// To be sent, the least first.
    waiting: BTreeSet<LspId>,
    /// When more of them may be sent.
    burst_due: Duration,
    /// Sent and not acknowledged, with the time.
    unacknowledged: BTreeMap<LspId, Duration>,
    /// The same in the order of time, with some that were acknowledged or sent again since.
    sent: VecDeque<(Duration, LspId)>,
    window: usize,
    acknowledged: usize,
}

impl IsisSpeaker {
    /// A speaker with a database.
    pub fn new(system: SystemId, lsps: impl IntoIterator<Item = Lsp>) -> Self {
        Self {
            system,
            database: lsps.into_iter().map(|lsp| (lsp.id(), lsp)).collect(),
            state: State::Down,
            neighbour: None,
            heard: Duration::ZERO,
            hello_due: Duration::ZERO,
            waiting: BTreeSet::new(),
            burst_due: Duration::ZERO,
            unacknowledged: BTreeMap::new(),
            sent: VecDeque::new(),
            window: WINDOW,
            acknowledged: 0,
        }
    }

    /// Takes a new LSP into the database. It goes out at once, whatever else waits.
    fn flood(&mut self, now: Duration, lsp: Lsp) -> Vec<Vec<u8>> {
        let id = lsp.id();
        self.waiting.remove(&id);
        self.database.insert(id, lsp);
        if self.state == State::Full { self.send(now, id) } else { Vec::new() }
    }

    fn send(&mut self, now: Duration, id: LspId) -> Vec<Vec<u8>> {
        let Some(lsp) = self.database.get(&id) else { return Vec::new() };
        self.unacknowledged.insert(id, now);
        self.sent.push_back((now, id));
        vec![lsp.bytes().to_vec()]
    }

    /// What of the waiting LSPs may go now.
    fn burst(&mut self, now: Duration) -> Vec<Vec<u8>> {
        if now < self.burst_due {
            return Vec::new();
        }
        let room = self.window.saturating_sub(self.unacknowledged.len()).min(BURST);
        let mut pdus = Vec::new();
        for _ in 0..room {
            let Some(id) = self.waiting.pop_first() else { break };
            pdus.extend(self.send(now, id));
        }
        if !pdus.is_empty() {
            self.burst_due = now + PAUSE;
        }
        pdus
    }

    /// Lets those wait again that were not acknowledged in time.
    fn give_up_late(&mut self, now: Duration) {
        let mut lost = false;
        while let Some((sent, id)) = self.sent.front().copied().filter(|(sent, _)| now >= *sent + RETRANSMIT)
        {
            self.sent.pop_front();
            if self.unacknowledged.get(&id) == Some(&sent) {
                self.unacknowledged.remove(&id);
                self.waiting.insert(id);
                lost = true;
            }
        }
        if lost {
            self.window = WINDOW.max(self.window / 2);
        }
    }

    /// The neighbour names what it has: it is an acknowledgement if it is as new as ours, else a request (ISO 10589 §7.3.15.2).
    fn on_entry(&mut self, entry: &LspHeader) {
        let Some(lsp) = self.database.get(&entry.id) else { return };
        let has_it = entry.sequence >= lsp.header().sequence;
        let was_sent = self.unacknowledged.remove(&entry.id).is_some();
        if has_it {
            self.waiting.remove(&entry.id);
            self.acknowledged += usize::from(was_sent);
            self.window = WINDOW_MAX.min(self.window + usize::from(was_sent));
        } else {
            self.waiting.insert(entry.id);
        }
    }

    fn forget_neighbour(&mut self) {
        self.state = State::Down;
        self.neighbour = None;
        self.waiting.clear();
        self.unacknowledged.clear();
        self.sent.clear();
        self.window = WINDOW;
    }

    /// RFC 5303 §3.2.
    fn on_hello(&mut self, now: Duration, hello: &PointToPointHello) -> Result<Vec<Vec<u8>>, InjectorError> {
        let Some(three_way) = hello.tlvs.three_way() else { return Ok(Vec::new()) };
        self.heard = now;
        let before = self.state;
        let neighbour = Some((hello.source, three_way.circuit));
        if self.neighbour != neighbour || before == State::Full && three_way.state == ThreeWayState::Down {
            self.forget_neighbour();
        }
        self.neighbour = neighbour;
        if three_way.neighbour != Some(self.system) {
            self.state = State::Init;
        } else if self.state != State::Full {
            self.state = State::Full;
            self.waiting = self.database.keys().copied().collect();
        }
        Ok(if self.state == before { Vec::new() } else { vec![self.hello(now)?] })
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
            circuit: Some(CIRCUIT.into()),
            neighbour: self.neighbour.map(|(system, _)| system),
            neighbour_circuit: self.neighbour.and_then(|(_, circuit)| circuit),
        };
        let hello = PointToPointHello {
            circuit_type: CircuitType::L2,
            source: self.system,
            holding_time: HOLD_S,
            circuit_id: CIRCUIT,
            tlvs: vec![
                Tlv::ThreeWay(three_way),
                Tlv::AreaAddresses(area()),
                Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
                Tlv::IpInterfaceAddresses(vec![INJECTOR]),
            ],
        };
        Ok(hello.encode(&Authentication::None, None)?)
    }
}

impl Speaker for IsisSpeaker {
    fn progress(&self) -> Progress {
        let unacknowledged = self.waiting.len() + self.unacknowledged.len();
        Progress { state: self.state, given: self.acknowledged, unacknowledged }
    }

    fn tick(&mut self, now: Duration) -> Result<Vec<Vec<u8>>, InjectorError> {
        let mut pdus = Vec::new();
        if self.state > State::Down && now > self.heard + Duration::from_secs(HOLD_S.into()) {
            self.forget_neighbour();
        }
        if now >= self.hello_due {
            pdus.push(self.hello(now)?);
        }
        self.give_up_late(now);
        pdus.extend(self.burst(now));
        Ok(pdus)
    }

    fn next_tick(&self) -> Duration {
        let may_send = !self.waiting.is_empty() && self.unacknowledged.len() < self.window;
        if may_send { self.burst_due } else { Duration::MAX }
    }

    fn receive(&mut self, now: Duration, packet: &[u8]) -> Result<Vec<Vec<u8>>, InjectorError> {
        let Ok(pdu) = Frame::parse(packet).and_then(|frame| frame.pdu()) else { return Ok(Vec::new()) };
        let entries = match pdu {
            Pdu::PointToPointHello(hello) => return self.on_hello(now, &hello),
            Pdu::Lsp(lsp) if lsp.level() == Level::Two && self.state == State::Full => {
                let psnp = Psnp { level: Level::Two, source: self.system, entries: vec![lsp.header()] };
                return Ok(vec![psnp.encode(&Authentication::None)?]);
            }
            Pdu::Psnp(psnp) if self.state == State::Full => psnp.entries,
            Pdu::Csnp(csnp) if self.state == State::Full => csnp.entries,
            _ => return Ok(Vec::new()),
        };
        entries.iter().for_each(|entry| self.on_entry(entry));
        Ok(Vec::new())
    }

    fn announce(&mut self, now: Duration, grid: &Grid, place: Place) -> Result<Vec<Vec<u8>>, InjectorError> {
        Ok(self.flood(now, lsp(grid, place)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ROUTER_ID, lsps, system};
    use super::*;

    const START: Duration = Duration::from_secs(10);

    fn grid() -> Grid {
        Grid::new(40, 7, Place::new(0, 0))
    }

    fn speaker(grid: &Grid) -> IsisSpeaker {
        IsisSpeaker::new(system(grid.attached()), lsps(grid).unwrap())
    }

    /// A hello of the router under test that has heard this system.
    fn hello(heard: Option<SystemId>, state: ThreeWayState) -> Vec<u8> {
        let three_way = ThreeWay {
            state,
            circuit: Some(9),
            neighbour: heard,
            neighbour_circuit: heard.map(|_| CIRCUIT.into()),
        };
        let tlvs = vec![Tlv::ThreeWay(three_way), Tlv::AreaAddresses(area())];
        let (circuit_type, source) = (CircuitType::L2, ROUTER_ID);
        PointToPointHello { circuit_type, source, holding_time: 40, circuit_id: 9, tlvs }
            .encode(&Authentication::None, None)
            .unwrap()
    }

    fn psnp(entries: Vec<LspHeader>) -> Vec<u8> {
        Psnp { level: Level::Two, source: ROUTER_ID, entries }.encode(&Authentication::None).unwrap()
    }

    fn pdus(bytes: &[Vec<u8>]) -> Vec<Pdu> {
        bytes.iter().map(|pdu| Frame::parse(pdu).unwrap().pdu().unwrap()).collect()
    }

    fn headers(bytes: &[Vec<u8>]) -> Vec<LspHeader> {
        let header = |pdu| match pdu {
            Pdu::Lsp(lsp) => Some(lsp.header()),
            _ => None,
        };
        pdus(bytes).into_iter().filter_map(header).collect()
    }

    fn told_state(bytes: &[Vec<u8>]) -> Vec<ThreeWayState> {
        let state = |pdu| match pdu {
            Pdu::PointToPointHello(hello) => hello.tlvs.three_way().map(|it| it.state),
            _ => None,
        };
        pdus(bytes).into_iter().filter_map(state).collect()
    }

    /// A speaker whose neighbour hears it, and that has nothing else to say for a moment.
    fn full(grid: &Grid) -> IsisSpeaker {
        let mut speaker = speaker(grid);
        let own = Some(speaker.system);
        let answer = speaker.receive(START, &hello(own, ThreeWayState::Initializing)).unwrap();
        assert_eq!(told_state(&answer), [ThreeWayState::Up]);
        speaker
    }

    #[test]
    fn the_handshake_goes_three_ways() {
        let mut speaker = speaker(&grid());
        let answer = speaker.receive(START, &hello(None, ThreeWayState::Down)).unwrap();
        assert_eq!(told_state(&answer), [ThreeWayState::Initializing]);
        assert_eq!(speaker.progress().state, State::Init);
        let own = Some(speaker.system);
        let answer = speaker.receive(START, &hello(own, ThreeWayState::Initializing)).unwrap();
        assert_eq!(told_state(&answer), [ThreeWayState::Up]);
        assert_eq!(speaker.progress().state, State::Full);
    }

    #[test]
    fn the_whole_database_goes_out_as_fast_as_it_is_acknowledged() {
        let grid = grid();
        let mut speaker = full(&grid);
        let mut now = START;
        let mut sent: Vec<LspHeader> = Vec::new();
        while sent.len() < WINDOW {
            let burst = headers(&speaker.tick(now).unwrap());
            assert!((1..=BURST).contains(&burst.len()));
            assert_eq!(headers(&speaker.tick(now).unwrap()), []);
            sent.extend(burst);
            now += PAUSE;
        }
        assert_eq!(speaker.next_tick(), Duration::MAX);
        while !sent.is_empty() {
            let answer = speaker.receive(now, &psnp(sent.split_off(sent.len().saturating_sub(90)))).unwrap();
            assert!(answer.is_empty());
            sent.extend(headers(&speaker.tick(now).unwrap()));
            now += PAUSE;
        }
        let done = Progress { state: State::Full, given: 40 * 40, unacknowledged: 0 };
        assert_eq!(speaker.progress(), done);
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again() {
        let mut speaker = full(&grid());
        let first = headers(&speaker.tick(START).unwrap());
        speaker.receive(START, &psnp(first[1..].to_vec())).unwrap();
        let again = headers(&speaker.tick(START + RETRANSMIT).unwrap());
        assert_eq!(again[0], first[0]);
    }

    #[test]
    fn a_change_goes_out_before_all_that_waits_until_this_version_is_acknowledged() {
        let mut grid = grid();
        let mut speaker = full(&grid);
        let place = Place::new(20, 20);
        let old = lsp(&grid, place).unwrap().header();
        grid.change(place, 1, true);
        let sent = headers(&speaker.announce(START, &grid, place).unwrap());
        assert_eq!(sent, [lsp(&grid, place).unwrap().header()]);
        let before = speaker.progress();
        speaker.receive(START, &psnp(sent)).unwrap();
        assert_eq!(speaker.progress().unacknowledged, before.unacknowledged - 1);
        speaker.receive(START, &psnp(vec![old])).unwrap();
        assert_eq!(speaker.progress().unacknowledged, before.unacknowledged);
    }

    #[test]
    fn what_is_heard_is_acknowledged() {
        let grid = grid();
        let mut speaker = full(&grid);
        let foreign = lsp(&grid, Place::new(3, 3)).unwrap();
        let answer = pdus(&speaker.receive(START, foreign.bytes()).unwrap());
        assert!(matches!(&answer[..], [Pdu::Psnp(psnp)] if psnp.entries == [foreign.header()]), "{answer:?}");
    }

    #[test]
    fn a_neighbour_that_begins_anew_is_met_anew() {
        let mut speaker = full(&grid());
        speaker.tick(START).unwrap();
        let answer = speaker.receive(START, &hello(None, ThreeWayState::Down)).unwrap();
        assert_eq!(told_state(&answer), [ThreeWayState::Initializing]);
        assert_eq!(speaker.progress(), Progress { state: State::Init, given: 0, unacknowledged: 0 });
    }
}
