//! The smallest OSPF router that others will be adjacent to, on one point-to-point link: it describes its database, gives
//! what is asked for, floods what is new until it is acknowledged, and acknowledges all that it hears. It learns nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    net::Ipv4Addr,
    time::Duration,
};

use braid_ospf_packet::{
    AreaId, Authentication, Body, DatabaseDescription, Frame, Hello, LinkStateAck, LinkStateUpdate, Lsa,
    LsaHeader, LsaKey, Options, PacketHeader, RouterId, room,
};

use super::{DEAD_S, HELLO_S, lsa};
use crate::{
    Grid, InjectorError, Place,
    site::MTU,
    speaker::{Progress, Speaker, State},
};

/// Until unanswered packets are sent again (RFC 2328 RxmtInterval).
const RETRANSMIT: Duration = Duration::from_secs(2);

/// The speaker.
#[derive(Debug)]
pub struct OspfSpeaker {
    router_id: RouterId,
    database: BTreeMap<LsaKey, Lsa>,
    state: State,
    neighbour: Option<RouterId>,
    heard: Duration,
    hello_due: Duration,
    /// Sequence number of the last database description.
    sequence: u32,
    /// It, until it is answered, and when it was sent.
    description: Option<(DatabaseDescription, Duration)>,
    /// Headers not described yet.
    to_describe: VecDeque<LsaHeader>,
    /// Flooded and not acknowledged, with the time it was sent.
    unacknowledged: BTreeMap<LsaKey, (Lsa, Duration)>,
    /// LSAs given to the neighbour's requests so far.
    given: usize,
}

impl OspfSpeaker {
    /// A speaker with a database. Its router id must be higher than its neighbour's, for it can only lead the exchange.
    pub fn new(router_id: RouterId, lsas: impl IntoIterator<Item = Lsa>) -> Self {
        Self {
            router_id,
            database: lsas.into_iter().map(|lsa| (lsa.key(), lsa)).collect(),
            state: State::Down,
            neighbour: None,
            heard: Duration::ZERO,
            hello_due: Duration::ZERO,
            sequence: 1,
            description: None,
            to_describe: VecDeque::new(),
            unacknowledged: BTreeMap::new(),
            given: 0,
        }
    }

    /// Puts LSAs into the database; what to send of them to an adjacent neighbour.
    fn flood(&mut self, now: Duration, lsas: Vec<Lsa>) -> Result<Vec<Vec<u8>>, InjectorError> {
        for lsa in &lsas {
            self.database.insert(lsa.key(), lsa.clone());
        }
        if self.state < State::Exchange {
            return Ok(Vec::new());
        }
        for lsa in &lsas {
            self.unacknowledged.insert(lsa.key(), (lsa.clone(), now));
        }
        self.updates(lsas)
    }

    fn on_hello(
        &mut self,
        now: Duration,
        sender: RouterId,
        hello: &Hello,
    ) -> Result<Vec<Vec<u8>>, InjectorError> {
        let mut packets = Vec::new();
        self.heard = now;
        let known = self.neighbour.replace(sender) == Some(sender);
        let heard = hello.neighbours.contains(&self.router_id);
        if !known || self.state > State::Init && !heard {
            self.state = State::Init;
            self.description = None;
            packets.push(self.hello(now)?);
        }
        if self.state <= State::Init && heard {
            packets.push(self.start_exchange(now)?);
        }
        Ok(packets)
    }

    /// RFC 2328 §10.8: the first description is empty and only proposes to lead.
    fn start_exchange(&mut self, now: Duration) -> Result<Vec<u8>, InjectorError> {
        self.state = State::ExStart;
        self.sequence = self.sequence.wrapping_add(1000);
        self.unacknowledged.clear();
        self.to_describe = self.database.values().map(Lsa::header).collect();
        self.describe(now, true, Vec::new())
    }

    fn describe(
        &mut self,
        now: Duration,
        initial: bool,
        headers: Vec<LsaHeader>,
    ) -> Result<Vec<u8>, InjectorError> {
        let description = DatabaseDescription {
            mtu: MTU,
            options: Options::E,
            initial,
            more: initial || !self.to_describe.is_empty(),
            master: true,
            sequence: self.sequence,
            headers,
            unknown: 0,
        };
        self.description = Some((description.clone(), now));
        self.encode(&Body::DatabaseDescription(description))
    }

    fn on_description(
        &mut self,
        now: Duration,
        answer: &DatabaseDescription,
    ) -> Result<Vec<Vec<u8>>, InjectorError> {
        let sequence = self.sequence;
        match self.state {
            State::Down | State::Init => Ok(Vec::new()),
            // The neighbour proposes to lead as well; it will give in.
            State::ExStart if answer.initial || answer.master || answer.sequence != sequence => {
                Ok(Vec::new())
            }
            State::ExStart => {
                self.state = State::Exchange;
                Ok(vec![self.describe_more(now)?])
            }
            State::Exchange | State::Full if answer.initial || answer.master => {
                Ok(vec![self.start_exchange(now)?])
            }
            State::Exchange if answer.sequence == sequence => {
                if self.to_describe.is_empty()
                    && !answer.more
                    && self.description.as_ref().is_some_and(|(own, _)| !own.more)
                {
                    self.state = State::Full;
                    self.description = None;
                    return Ok(Vec::new());
                }
                Ok(vec![self.describe_more(now)?])
            }
            // Of an earlier description.
            State::Exchange | State::Full => Ok(Vec::new()),
        }
    }

    fn describe_more(&mut self, now: Duration) -> Result<Vec<u8>, InjectorError> {
        let room = (room(MTU, &Authentication::None) - DatabaseDescription::FIXED_LENGTH) / LsaHeader::LENGTH;
        let headers = self.to_describe.drain(..room.min(self.to_describe.len())).collect();
        self.sequence = self.sequence.wrapping_add(1);
        self.describe(now, false, headers)
    }

    fn hello(&mut self, now: Duration) -> Result<Vec<u8>, InjectorError> {
        self.hello_due = now + Duration::from_secs(HELLO_S.into());
        self.encode(&hello(self.neighbour))
    }

    fn acknowledge(&self, headers: Vec<LsaHeader>) -> Result<Vec<Vec<u8>>, InjectorError> {
        if headers.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![self.encode(&Body::LinkStateAck(LinkStateAck { headers, unknown: 0 }))?])
    }

    /// Update packets with these LSAs, each as full as fits.
    fn updates(&self, lsas: Vec<Lsa>) -> Result<Vec<Vec<u8>>, InjectorError> {
        let room = room(MTU, &Authentication::None) - LinkStateUpdate::FIXED_LENGTH;
        let mut packets = Vec::new();
        let mut batch: Vec<Lsa> = Vec::new();
        let mut bytes = 0;
        for lsa in lsas {
            let length = lsa.bytes().len();
            if bytes + length > room && !batch.is_empty() {
                packets.push(self.update(std::mem::take(&mut batch))?);
                bytes = 0;
            }
            bytes += length;
            batch.push(lsa);
        }
        if !batch.is_empty() {
            packets.push(self.update(batch)?);
        }
        Ok(packets)
    }

    fn update(&self, lsas: Vec<Lsa>) -> Result<Vec<u8>, InjectorError> {
        self.encode(&Body::LinkStateUpdate(LinkStateUpdate { lsas, rejected: Vec::new() }))
    }

    fn encode(&self, body: &Body) -> Result<Vec<u8>, InjectorError> {
        let header = PacketHeader { router_id: self.router_id, area_id: AreaId::BACKBONE };
        let packet =
            braid_ospf_packet::encode(header, body, &Authentication::None, Ipv4Addr::UNSPECIFIED, 0, 0);
        Ok(packet?)
    }
}

impl Speaker for OspfSpeaker {
    fn progress(&self) -> Progress {
        Progress { state: self.state, given: self.given, unacknowledged: self.unacknowledged.len() }
    }

    fn tick(&mut self, now: Duration) -> Result<Vec<Vec<u8>>, InjectorError> {
        let mut packets = Vec::new();
        if self.state > State::Down && now > self.heard + Duration::from_secs(DEAD_S.into()) {
            self.state = State::Down;
            self.neighbour = None;
            self.unacknowledged.clear();
        }
        if now >= self.hello_due {
            packets.push(self.hello(now)?);
        }
        if let Some((description, sent)) = &mut self.description
            && now >= *sent + RETRANSMIT
        {
            *sent = now;
            let body = Body::DatabaseDescription(description.clone());
            packets.push(self.encode(&body)?);
        }
        let mut late = Vec::new();
        for (lsa, sent) in self.unacknowledged.values_mut().filter(|(_, sent)| now >= *sent + RETRANSMIT) {
            *sent = now;
            late.push(lsa.clone());
        }
        packets.extend(self.updates(late)?);
        Ok(packets)
    }

    fn receive(&mut self, now: Duration, packet: &[u8]) -> Result<Vec<Vec<u8>>, InjectorError> {
        let Ok(frame) = Frame::parse(packet) else { return Ok(Vec::new()) };
        let sender = frame.router_id();
        if sender == self.router_id {
            return Ok(Vec::new());
        }
        match frame.body() {
            Ok(Body::Hello(hello)) => self.on_hello(now, sender, &hello),
            Ok(Body::DatabaseDescription(description)) => self.on_description(now, &description),
            Ok(Body::LinkStateRequest(request)) if self.state >= State::Exchange => {
                let asked: Vec<Lsa> =
                    request.keys.iter().filter_map(|key| self.database.get(key).cloned()).collect();
                self.given += asked.len();
                self.updates(asked)
            }
            Ok(Body::LinkStateUpdate(update)) if self.state >= State::Exchange => {
                self.acknowledge(update.lsas.iter().map(Lsa::header).collect())
            }
            Ok(Body::LinkStateAck(ack)) => {
                for header in &ack.headers {
                    self.unacknowledged.retain(|key, (lsa, _)| {
                        *key != header.key || lsa.header().sequence != header.sequence
                    });
                }
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn announce(&mut self, now: Duration, grid: &Grid, place: Place) -> Result<Vec<Vec<u8>>, InjectorError> {
        self.flood(now, vec![lsa(grid, place)?])
    }
}

/// A hello from a link of two, by who has heard this neighbour.
fn hello(neighbour: Option<RouterId>) -> Body {
    Body::Hello(Hello {
        mask: Ipv4Addr::new(255, 255, 255, 254),
        hello_interval: HELLO_S,
        options: Options::E,
        priority: 1,
        dead_interval: DEAD_S.into(),
        designated_router: Ipv4Addr::UNSPECIFIED,
        backup: Ipv4Addr::UNSPECIFIED,
        neighbours: neighbour.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use braid_ospf_packet::{LinkStateRequest, LsaBody, RouterFlags, RouterLsa, SequenceNumber};

    use super::*;

    const OWN: RouterId = RouterId(Ipv4Addr::new(10, 1, 0, 0));
    const OTHER: RouterId = RouterId(Ipv4Addr::new(10, 0, 0, 1));

    fn lsa(id: u32) -> Lsa {
        let router = RouterId(Ipv4Addr::from_bits(id));
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: Vec::new() });
        Lsa::build(1, Options::E, router.0, router, SequenceNumber::INITIAL, &body).unwrap()
    }

    /// What the speaker answers to the other router.
    fn answers(speaker: &mut OspfSpeaker, now: Duration, body: &Body) -> Vec<Body> {
        let other = OspfSpeaker::new(OTHER, []);
        let packet = other.encode(body).unwrap();
        decode(&speaker.receive(now, &packet).unwrap())
    }

    fn decode(packets: &[Vec<u8>]) -> Vec<Body> {
        packets.iter().map(|packet| Frame::parse(packet).unwrap().body().unwrap()).collect()
    }

    fn descriptions(bodies: Vec<Body>) -> Vec<DatabaseDescription> {
        bodies
            .into_iter()
            .filter_map(|body| match body {
                Body::DatabaseDescription(description) => Some(description),
                _ => None,
            })
            .collect()
    }

    /// A speaker whose neighbour has heard it and is ready for the first description, which is given, too.
    fn met(lsas: impl IntoIterator<Item = Lsa>) -> (OspfSpeaker, DatabaseDescription) {
        let mut speaker = OspfSpeaker::new(OWN, lsas);
        let first = descriptions(answers(&mut speaker, Duration::ZERO, &hello(Some(OWN))));
        (speaker, first.into_iter().next().unwrap())
    }

    /// The other router's empty answer to a description.
    fn followed(description: &DatabaseDescription) -> Body {
        Body::DatabaseDescription(DatabaseDescription {
            initial: false,
            master: false,
            more: false,
            headers: Vec::new(),
            ..description.clone()
        })
    }

    fn full(lsas: impl IntoIterator<Item = Lsa>) -> (OspfSpeaker, Vec<LsaHeader>) {
        let (mut speaker, mut description) = met(lsas);
        let mut described = Vec::new();
        while speaker.state < State::Full {
            let next = descriptions(answers(&mut speaker, Duration::ZERO, &followed(&description)));
            match next.into_iter().next() {
                Some(next) => description = next,
                None => break,
            }
            described.extend(description.headers.iter().copied());
        }
        assert_eq!(speaker.state, State::Full);
        (speaker, described)
    }

    #[test]
    fn the_whole_database_is_described_and_what_is_asked_for_is_given() {
        let lsas: Vec<Lsa> = (1..=200).map(lsa).collect();
        let (mut speaker, described) = full(lsas.clone());
        assert_eq!(described, lsas.iter().map(Lsa::header).collect::<Vec<_>>());
        let request = LinkStateRequest { keys: lsas.iter().map(Lsa::key).collect(), unknown: 0 };
        let updates = answers(&mut speaker, Duration::ZERO, &Body::LinkStateRequest(request));
        let given: Vec<Lsa> = updates
            .into_iter()
            .flat_map(|body| match body {
                Body::LinkStateUpdate(update) => update.lsas,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(given, lsas);
        assert_eq!(speaker.given, 200);
    }

    #[test]
    fn a_flooded_lsa_is_sent_again_until_it_is_acknowledged() {
        let (mut speaker, _) = full([]);
        let sent = speaker.flood(Duration::ZERO, vec![lsa(7)]).unwrap();
        assert_eq!(sent.len(), 1);
        let again = decode(&speaker.tick(RETRANSMIT).unwrap());
        assert!(again.iter().any(|body| matches!(body, Body::LinkStateUpdate(_))), "{again:?}");
        let ack = Body::LinkStateAck(LinkStateAck { headers: vec![lsa(7).header()], unknown: 0 });
        assert_eq!(answers(&mut speaker, RETRANSMIT, &ack), []);
        assert_eq!(speaker.progress().unacknowledged, 0);
    }

    #[test]
    fn what_is_heard_is_acknowledged() {
        let (mut speaker, _) = full([]);
        let update = Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![lsa(9)], rejected: Vec::new() });
        let ack = Body::LinkStateAck(LinkStateAck { headers: vec![lsa(9).header()], unknown: 0 });
        assert_eq!(answers(&mut speaker, Duration::ZERO, &update), [ack]);
    }

    #[test]
    fn a_neighbour_that_begins_anew_is_met_anew() {
        let (mut speaker, _) = full([lsa(1)]);
        let (_, first) = met([]);
        let begins = Body::DatabaseDescription(DatabaseDescription { sequence: 4711, ..first });
        let answer = descriptions(answers(&mut speaker, Duration::ZERO, &begins));
        assert!(answer[0].initial && answer[0].master);
        assert_eq!(speaker.state, State::ExStart);
    }
}
