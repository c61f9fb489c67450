//! One border's end of all probes: it asks, and is asked.

use std::collections::BTreeSet;

use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::{
    Arrival, Config, Counters, Datagram, Finding, Key, Message, Micros, Refusal, Statistics, Targets,
    format::PORT, prober::Prober, responder::Responder,
};

/// What a probe's or answer's time to live begins with.
const TTL: u8 = 64;

/// A border's prober and responder. See the [crate](crate) for the calling contract.
#[derive(Debug)]
pub struct Station {
    key: Key,
    epoch: u64,
    prober: Prober,
    responder: Responder,
    counters: Counters,
    /// The virtual networks that have a port to send into.
    open: BTreeSet<VnId>,
}

impl Station {
    /// A station without targets.
    ///
    /// `seed` is for jitter, addresses and nonces. `epoch` is what the clock's origin is in µs since 1970; it must be later
    /// than at the last start, since it is the incarnation by which others tell new probes from replayed ones.
    #[must_use]
    pub fn new(key: Key, seed: u64, epoch: u64, config: Config) -> Self {
        Self {
            key,
            epoch,
            responder: Responder::new(&config),
            prober: Prober::new(seed, epoch, config),
            counters: Counters::default(),
            open: BTreeSet::new(),
        }
    }

    /// Changes the key and how much is probed. What is known is kept.
    pub fn set_config(&mut self, key: Key, config: Config) {
        self.key = key;
        self.responder.set_config(&config);
        self.prober.set_config(config);
    }

    /// Replaces what is probed and answered for. What is known of that which stays is kept.
    pub fn set_targets(&mut self, targets: Targets, now: Micros) {
        self.responder.set_targets(&targets);
        self.prober.set_targets(targets, now);
        self.open = self.prober.open_vns();
    }

    /// Says whether a virtual network has a port to send into. At first none has; without one nothing is known.
    pub fn set_open(&mut self, vn: VnId, open: bool, now: Micros) {
        self.prober.set_open(vn, open, now);
        self.open = self.prober.open_vns();
    }

    /// Says which virtual network drives a prefix from now on: it is probed more often.
    pub fn drives(&mut self, prefix: Ipv4Net, driver: Option<VnId>, now: Micros) {
        self.prober.drives(prefix, driver, now);
    }

    /// Has a prefix probed at once and in all virtual networks, until it is clear where it comes out.
    pub fn doubt(&mut self, prefix: Ipv4Net, now: Micros) {
        self.prober.doubt(prefix, now, &mut self.counters);
    }

    /// Takes the payload of a UDP datagram in that came to [`PORT`].
    pub fn receive(&mut self, payload: &[u8], arrival: &Arrival) {
        match self.key.open(payload) {
            Err(Refusal::Malformed) => self.counters.malformed += 1,
            Err(Refusal::Forged) => self.counters.forged += 1,
            Ok(Message::Answer(answer)) => self.prober.take(&answer, arrival, &mut self.counters),
            Ok(Message::Probe(probe)) => {
                self.responder.take(&probe, arrival, self.epoch, &self.open, &mut self.counters);
            }
        }
    }

    /// Gives up probes that were not answered in time. Everything that had come in by `now` must have been taken in.
    pub fn handle_timeout(&mut self, now: Micros) {
        self.prober.give_up(now, &mut self.counters);
    }

    /// The next packet to send, an IPv4 packet in place of what the buffer held, and the virtual network to send it into.
    pub fn poll_transmit(&mut self, now: Micros, packet: &mut Vec<u8>) -> Option<VnId> {
        if let Some(answer) = self.responder.next(now) {
            self.counters.answers += 1;
            let payload = self.key.seal(&Message::Answer(answer));
            let datagram = Datagram {
                source: answer.responder,
                destination: answer.probe.prober,
                source_port: PORT,
                destination_port: PORT,
                ttl: TTL,
                payload: &payload,
            };
            datagram.encode(packet);
            return Some(answer.through);
        }
        let outgoing = self.prober.next(now, &mut self.counters)?;
        let payload = self.key.seal(&Message::Probe(outgoing.probe));
        let datagram = Datagram {
            source: outgoing.probe.prober,
            destination: outgoing.probe.target,
            source_port: outgoing.port,
            destination_port: PORT,
            ttl: TTL,
            payload: &payload,
        };
        datagram.encode(packet);
        Some(outgoing.probe.vn)
    }

    /// The next piece of news. Of a target about which there is more than one, the newest.
    pub fn poll_evidence(&mut self) -> Option<Finding> {
        self.prober.finding()
    }

    /// Whether [`Station::poll_evidence`] may have something.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.prober.has_news()
    }

    /// When to call [`Station::handle_timeout`] and [`Station::poll_transmit`] next, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.responder.next_at().into_iter().chain(self.prober.next_at()).min()
    }

    /// What has been counted and measured.
    #[must_use]
    pub fn statistics(&self, now: Micros) -> Statistics {
        Statistics { at: now, counters: self.counters, pairs: self.prober.pairs() }
    }
}
