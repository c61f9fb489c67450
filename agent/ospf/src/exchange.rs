//! Database description packets: sending (RFC 2328 §10.8) and receiving (§10.6).

use braid_ospf_packet::{Body, DatabaseDescription, LsType, LsaHeader, Options};

use crate::{
    FloodingDomain, Instance, NeighbourState, Refusal,
    neighbour::{Neighbour, NeighbourEvent, Place, SentDescription},
    receive::Refused,
    timers::Timer,
    transmit::To,
};

impl Instance {
    /// Entering ExStart: claims to be the master (RFC 2328 §10.3).
    pub(crate) fn start_exchange(&mut self, place: Place) {
        let first = self.random(u64::from(u32::MAX) + 1);
        let Some(neighbour) = self.neighbour_mut(place) else { return };
        neighbour.dd_sequence = match neighbour.dd_sequence {
            0 => u32::try_from(first).unwrap_or(1).max(1),
            last => last.wrapping_add(1),
        };
        neighbour.master = true;
        neighbour.sent_dd = Some(SentDescription {
            initial: true,
            more: true,
            master: true,
            sequence: neighbour.dd_sequence,
            headers: Vec::new(),
        });
        self.repeat_description(place);
        self.arm_retransmission(place);
    }

    fn description_options(&self, place: Place) -> Options {
        let Some(interface) = self.interfaces.get(&place.0) else { return Options::NONE };
        let options = self.hello_options(interface.config.area);
        if self.config.opaque { options.with(Options::O) } else { options }
    }

    /// Sends the last database description, again or for the first time.
    pub(crate) fn repeat_description(&mut self, place: Place) {
        let options = self.description_options(place);
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let mtu = if interface.virtual_end.is_some() { 0 } else { interface.config.mtu };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        let Some(sent) = &neighbour.sent_dd else { return };
        let (packet, address) = (sent.packet(mtu, options), neighbour.address);
        self.transmit(place.0, To::One(address), &Body::DatabaseDescription(packet));
    }

    /// Entering Exchange: lists the database for the neighbour (RFC 2328 §10.3 NegotiationDone).
    pub(crate) fn describe_database(&mut self, place: Place) {
        let now = self.now;
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        let mut domains = vec![FloodingDomain::Link(place.0), FloodingDomain::Area(interface.config.area)];
        if interface.virtual_end.is_none() && self.area_takes_externals(interface.config.area) {
            domains.push(FloodingDomain::As);
        }
        let opaque = neighbour.options.contains(Options::O) && self.config.opaque;
        let (mut headers, mut dying) = (Vec::new(), Vec::new());
        for domain in domains {
            for (key, entry) in self.lsdb.iter(domain) {
                if key.ls_type.is_opaque() && !opaque {
                    continue;
                }
                let header = entry.header(now);
                if header.is_max_age() { dying.push(*key) } else { headers.push(header) }
            }
        }
        let Some(neighbour) = self.neighbour_mut(place) else { return };
        neighbour.summary = headers.into();
        neighbour.retransmissions.extend(dying.into_iter().map(|key| (key, now)));
    }

    /// Makes and sends the next database description out of the summary list.
    fn next_description(&mut self, place: Place) {
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let fit = (interface.room() - DatabaseDescription::FIXED_LENGTH) / LsaHeader::LENGTH;
        let Some(neighbour) = self.neighbour_mut(place) else { return };
        let count = fit.min(neighbour.summary.len());
        let headers = neighbour.summary.drain(..count).collect();
        neighbour.sent_dd = Some(SentDescription {
            initial: false,
            more: !neighbour.summary.is_empty(),
            master: neighbour.master,
            sequence: neighbour.dd_sequence,
            headers,
        });
        self.repeat_description(place);
        if self.neighbour(place).is_some_and(|neighbour| neighbour.master) {
            self.rearm_retransmission(place);
        }
    }

    pub(crate) fn receive_description(
        &mut self,
        place: Place,
        packet: &DatabaseDescription,
    ) -> Result<(), Refused> {
        use NeighbourState as S;
        let (us, now) = (self.config.router_id, self.now);
        let Some(interface) = self.interfaces.get(&place.0) else { return Ok(()) };
        let (mtu, ignore) = (interface.config.mtu, interface.config.ignore_mtu);
        if packet.mtu > mtu && !ignore && interface.virtual_end.is_none() {
            return Err(Refused::new(Refusal::Mtu, format!("its MTU is {}, ours {mtu}", packet.mtu)));
        }
        if self.neighbour(place).is_some_and(|neighbour| neighbour.state == S::Init) {
            self.neighbour_event(place, NeighbourEvent::TwoWayReceived);
        }
        let Some(neighbour) = self.neighbour_mut(place) else { return Ok(()) };
        let bits = (packet.initial, packet.more, packet.master, packet.options, packet.sequence);
        let duplicate = neighbour.last_dd == Some(bits);
        neighbour.described_at = now;
        match neighbour.state {
            S::Down | S::Init | S::TwoWay => {
                return Err(Refused::new(Refusal::Stranger, "a database description without adjacency"));
            }
            S::ExStart => {
                let empty = packet.headers.is_empty() && packet.unknown == 0;
                if packet.initial && packet.more && packet.master && empty && neighbour.router_id > us {
                    neighbour.master = false;
                    neighbour.dd_sequence = packet.sequence;
                } else if !packet.initial
                    && !packet.master
                    && packet.sequence == neighbour.dd_sequence
                    && neighbour.router_id < us
                {
                    neighbour.master = true;
                } else {
                    // It came to ExStart later than we, and has not heard that we lead: no reason to wait RxmtInterval.
                    if packet.initial && packet.master && empty && neighbour.router_id < us {
                        self.repeat_description(place);
                    }
                    return Ok(());
                }
                neighbour.options = packet.options;
                neighbour.last_dd = Some(bits);
                self.neighbour_event(place, NeighbourEvent::NegotiationDone);
                self.accept_description(place, packet);
            }
            S::Exchange if duplicate => {
                if !neighbour.master {
                    self.repeat_description(place);
                }
            }
            S::Exchange => {
                let expected = if neighbour.master {
                    neighbour.dd_sequence
                } else {
                    neighbour.dd_sequence.wrapping_add(1)
                };
                let options = neighbour.last_dd.is_none_or(|last| last.3 == packet.options);
                if packet.master == neighbour.master
                    || packet.initial
                    || !options
                    || packet.sequence != expected
                {
                    self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch);
                } else {
                    neighbour.last_dd = Some(bits);
                    self.accept_description(place, packet);
                }
            }
            S::Loading | S::Full if duplicate && neighbour.sent_dd.is_some() => {
                if !neighbour.master {
                    self.repeat_description(place);
                }
            }
            S::Loading | S::Full => self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch),
        }
        Ok(())
    }

    /// RFC 2328 §10.6: a description that is the next in sequence.
    fn accept_description(&mut self, place: Place, packet: &DatabaseDescription) {
        let now = self.now;
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let externals = interface.virtual_end.is_none() && self.area_takes_externals(interface.config.area);
        let nssa = self.area_is_nssa(interface.config.area);
        let mut wanted = Vec::new();
        for header in &packet.headers {
            let fits = match header.key.ls_type {
                LsType::External | LsType::OpaqueAs => externals,
                LsType::Nssa => nssa,
                _ => true,
            };
            if packet.unknown > 0 || !fits {
                return self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch);
            }
            if header.key.ls_type.is_opaque() && !self.config.opaque {
                continue;
            }
            let known = self.lsdb.get(interface.domain(header.key.ls_type), &header.key);
            if known.is_none_or(|entry| header.compare(&entry.header(now)).is_gt()) {
                wanted.push((header.key, *header));
            }
        }
        if packet.unknown > 0 {
            return self.neighbour_event(place, NeighbourEvent::SequenceNumberMismatch);
        }
        let Some(neighbour) = self.neighbour_mut(place) else { return };
        neighbour.wanted.extend(wanted);
        let is_done = |neighbour: &Neighbour| {
            !packet.more && neighbour.sent_dd.as_ref().is_some_and(|sent| !sent.initial && !sent.more)
        };
        if neighbour.master {
            neighbour.dd_sequence = neighbour.dd_sequence.wrapping_add(1);
            if is_done(neighbour) {
                self.neighbour_event(place, NeighbourEvent::ExchangeDone);
            } else {
                self.next_description(place);
            }
        } else {
            neighbour.dd_sequence = packet.sequence;
            self.next_description(place);
            if self.neighbour(place).is_some_and(is_done) {
                self.neighbour_event(place, NeighbourEvent::ExchangeDone);
            }
        }
        self.ask(place);
    }

    /// Starts the retransmission timer of the neighbour unless it runs.
    pub(crate) fn arm_retransmission(&mut self, place: Place) {
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let at = self.now + interface.config.retransmit;
        self.timers.start(Timer::Retransmit(place.0, place.1), at);
    }

    /// Starts it anew: something has just been sent.
    pub(crate) fn rearm_retransmission(&mut self, place: Place) {
        self.timers.stop(Timer::Retransmit(place.0, place.1));
        self.arm_retransmission(place);
    }
}
