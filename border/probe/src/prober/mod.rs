//! The border that asks: what it sends, and what it makes of the answers.

mod flight;
mod schedule;
mod table;
mod track;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    net::Ipv4Addr,
    time::Duration,
};

use braid_proto::VnId;
use ipnet::Ipv4Net;
use rand_pcg::{
    Pcg32,
    rand_core::{RngCore, SeedableRng},
};

use self::{
    flight::{Fate, Flight, Sent},
    schedule::{Pair, Peer, Pick, View, jittered},
    table::Table,
    track::{Streak, Track},
};
use crate::{
    Arrival, Config, Counters, Evidence, Finding, Micros, PairStatistics, Place, Target, Targets,
    format::{Answer, How, Probe},
    rtt::{MAX_TIMEOUT, Rtt},
};

/// The part of the budget that is for probes, in percent.
pub(crate) const SHARE: u64 = 45;

/// A probe to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing {
    pub(crate) probe: Probe,
    pub(crate) port: u16,
}

/// The prober.
#[derive(Debug)]
pub(crate) struct Prober {
    config: Config,
    /// What the clock's origin is in µs since 1970: also the incarnation.
    epoch: u64,
    random: Pcg32,
    own: Ipv4Addr,
    vns: Vec<VnId>,
    /// By number of the virtual network, like the next one.
    open: Vec<bool>,
    flights: Vec<Flight>,
    /// No virtual network has used this sequence number or a greater one: where one that is new begins.
    unused: u64,
    /// Those with a border are sorted by it; the last one has none.
    peers: Vec<Peer>,
    table: Table,
    /// When which probe is given up.
    deadlines: BinaryHeap<Reverse<(Micros, VnId, u64)>>,
    /// What has changed, and when.
    news: BTreeMap<(VnId, Target), Micros>,
    /// The peer whose turn it is.
    turn: usize,
}

impl Prober {
    pub(crate) fn new(seed: u64, epoch: u64, config: Config) -> Self {
        Self {
            config: checked(config),
            epoch,
            random: Pcg32::seed_from_u64(seed),
            own: Ipv4Addr::UNSPECIFIED,
            vns: Vec::new(),
            open: Vec::new(),
            flights: Vec::new(),
            unused: 0,
            peers: vec![Peer::new(None)],
            table: Table::default(),
            deadlines: BinaryHeap::new(),
            news: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Changes how often, how much and how patiently.
    pub(crate) fn set_config(&mut self, config: Config) {
        self.config = checked(config);
        self.share_out();
    }

    /// Replaces what is probed. What is known of that which stays is kept.
    pub(crate) fn set_targets(&mut self, targets: Targets, now: Micros) {
        let vns: Vec<VnId> = targets.vns.into_iter().collect();
        let places: Vec<Option<usize>> =
            vns.iter().map(|vn| self.vns.iter().position(|old| old == vn)).collect();
        let unused = self.flights.iter().map(Flight::next).max();
        self.unused = self.unused.max(unused.unwrap_or_default());
        let flight = |place: &Option<usize>| {
            place.map_or(Flight::starting_at(self.unused), |at| std::mem::take(&mut self.flights[at]))
        };
        self.flights = places.iter().map(flight).collect();
        self.open = places.iter().map(|place| place.is_some_and(|at| self.open[at])).collect();
        self.own = targets.own;
        self.set_peers(&targets.borders, &vns, &places, now);
        self.vns = vns;
        let numbers: BTreeMap<Ipv4Addr, u32> =
            self.peers.iter().zip(0..).filter_map(|(peer, number)| Some((peer.border?, number))).collect();
        let egress = |borders: Vec<Ipv4Addr>| {
            borders.iter().filter_map(|border| numbers.get(border).copied()).collect::<Box<[u32]>>()
        };
        let prefixes = targets.foreign.into_iter().map(|(prefix, borders)| (prefix.trunc(), egress(borders)));
        self.table.set(prefixes.collect(), targets.attached, &places);
        self.set_members(now);
        self.share_out();
    }

    fn set_peers(
        &mut self,
        borders: &BTreeSet<Ipv4Addr>,
        vns: &[VnId],
        places: &[Option<usize>],
        now: Micros,
    ) {
        let mut before: BTreeMap<Option<Ipv4Addr>, Peer> =
            self.peers.drain(..).map(|peer| (peer.border, peer)).collect();
        for border in borders.iter().copied().map(Some).chain([None]) {
            let mut peer = before.remove(&border).unwrap_or_else(|| Peer::new(border));
            let old = std::mem::take(&mut peer.pairs);
            if let Some(border) = border {
                for (vn, place) in vns.iter().zip(places) {
                    let first = now.after(jittered(self.config.interval, &mut self.random) / 2);
                    peer.pairs.push(place.and_then(|at| old.get(at)).cloned().unwrap_or_else(|| Pair {
                        track: Track::default(),
                        rtt: Rtt::default(),
                        needs_help: false,
                        driven: 0,
                        due: first,
                        statistics: PairStatistics::new(*vn, border),
                    }));
                }
            }
            self.peers.push(peer);
        }
    }

    /// Gives the prefixes to their peers anew.
    fn set_members(&mut self, now: Micros) {
        for peer in &mut self.peers {
            peer.clear_members();
            peer.pairs.iter_mut().for_each(|pair| pair.driven = 0);
        }
        for number in 0..self.table.entries.len() {
            let peer = self.peer_of(number);
            self.peers[peer].members.push(number as u32);
            let entry = &mut self.table.entries[number];
            entry.driver = entry.driver.filter(|driver| self.vns.contains(driver));
            self.count_driven(number, true, now);
            for vn in 0..self.vns.len() {
                if self.table.entries[number].track(vn).is_some_and(Track::is_doubted) {
                    self.peers[peer].ask(now, number, vn);
                }
            }
        }
    }

    /// Gives each border an equal share of what is for probes.
    fn share_out(&mut self) {
        let last = self.peers.len() - 1;
        let shares = last + usize::from(!self.peers[last].members.is_empty());
        let packets = u64::from(self.config.packets_per_second.max(1));
        let pace = 100_000_000 / SHARE * shares.max(1) as u64 / packets;
        for peer in &mut self.peers {
            peer.set_share(pace, self.vns.len());
        }
    }

    /// The peer that pays for a prefix's probes.
    fn peer_of(&self, prefix: usize) -> usize {
        let first = self.table.entries[prefix].egress.first();
        first.map_or(self.peers.len() - 1, |peer| *peer as usize)
    }

    fn number(&self, vn: VnId) -> Option<usize> {
        self.vns.binary_search(&vn).ok()
    }

    fn count_driven(&mut self, prefix: usize, more: bool, now: Micros) {
        let entry = &self.table.entries[prefix];
        let Some(vn) = entry.driver.and_then(|driver| self.number(driver)) else { return };
        for peer in &entry.egress {
            self.peers[*peer as usize].count_driven(vn, more, now);
        }
        let peer = self.peer_of(prefix);
        if more {
            self.peers[peer].driven.insert(prefix as u32);
        } else {
            self.peers[peer].driven.remove(&(prefix as u32));
        }
    }

    /// Says which virtual network drives a prefix.
    pub(crate) fn drives(&mut self, prefix: Ipv4Net, driver: Option<VnId>, now: Micros) {
        let Some(number) = self.table.find(prefix) else { return };
        if self.table.entries[number].driver != driver {
            self.count_driven(number, false, now);
            self.table.entries[number].driver = driver;
            self.count_driven(number, true, now);
        }
    }

    /// Has a prefix probed at once and in all virtual networks, until it is clear where it comes out.
    pub(crate) fn doubt(&mut self, prefix: Ipv4Net, now: Micros, counters: &mut Counters) {
        let Some(number) = self.table.find(prefix) else { return };
        for vn in 0..self.vns.len() {
            self.table.entries[number].track_mut(vn, self.vns.len()).age();
        }
        self.ask_all(number, now, counters);
    }

    fn ask_all(&mut self, number: usize, now: Micros, counters: &mut Counters) {
        let peer = self.peer_of(number);
        for vn in (0..self.vns.len()).filter(|vn| self.open[*vn]) {
            let track = self.table.entries[number].track_mut(vn, self.vns.len());
            let known = track.is_doubted();
            track.doubt();
            if !known && !self.peers[peer].ask(now, number, vn) {
                self.table.entries[number].track_mut(vn, self.vns.len()).trust();
                counters.postponed += 1;
            }
        }
    }

    /// Says whether there is a port to send into. Without one nothing is known.
    pub(crate) fn set_open(&mut self, vn: VnId, open: bool, now: Micros) {
        let Some(number) = self.number(vn) else { return };
        if self.open[number] == open {
            return;
        }
        self.open[number] = open;
        if open {
            return;
        }
        self.flights[number].clear();
        let mut gone = Vec::new();
        for peer in &mut self.peers {
            let Some(pair) = peer.pairs.get_mut(number) else { continue };
            gone.extend((!pair.track.is_unknown()).then_some(Target::Border(pair.statistics.border)));
            (pair.track, pair.rtt, pair.needs_help) = (Track::default(), Rtt::default(), false);
        }
        for entry in &mut self.table.entries {
            let Some(track) = entry.track(number) else { continue };
            gone.extend((!track.is_unknown()).then_some(Target::Prefix(entry.prefix)));
            *entry.track_mut(number, self.vns.len()) = Track::default();
        }
        self.news.extend(gone.into_iter().map(|target| ((vn, target), now)));
    }

    /// The next probe to send.
    pub(crate) fn next(&mut self, now: Micros, counters: &mut Counters) -> Option<Outgoing> {
        let peers = self.peers.len();
        for _ in 0..peers {
            let peer = self.turn % peers;
            let mut view = View { config: &self.config, open: &self.open, table: &mut self.table };
            if let Some(pick) = self.peers[peer].next(now, &mut view, &mut self.random) {
                return Some(self.send(peer, pick, now, counters));
            }
            self.turn = (peer + 1) % peers;
        }
        None
    }

    fn send(&mut self, peer: usize, pick: Pick, now: Micros, counters: &mut Counters) -> Outgoing {
        let vn = match pick {
            Pick::Border(vn) | Pick::Prefix(_, _, vn) => vn,
        };
        let pair = self.peers[peer].pairs.get_mut(vn);
        let timeout = pair.as_ref().map_or(MAX_TIMEOUT, |pair| pair.rtt.timeout());
        let mut help = pair.as_ref().is_some_and(|pair| pair.needs_help);
        let (target, address) = match (pick, pair) {
            (Pick::Prefix(prefix, address, _), _) => {
                counters.prefix_probes += 1;
                let entry = &mut self.table.entries[prefix];
                help |= entry.track_mut(vn, self.vns.len()).has_losses();
                (Target::Prefix(entry.prefix), address)
            }
            (Pick::Border(_), pair) => {
                counters.border_probes += 1;
                let border = pair.map_or(Ipv4Addr::UNSPECIFIED, |pair| {
                    pair.statistics.sent += 1;
                    pair.statistics.border
                });
                (Target::Border(border), border)
            }
        };
        let nonce = self.random.next_u64();
        let sequence = self.flights[vn].next();
        let deadline = now.after(timeout);
        self.flights[vn].push(Sent {
            target,
            nonce,
            sent: now,
            deadline,
            fate: Fate::Waiting,
            answered_by: [false; 2],
        });
        self.deadlines.push(Reverse((deadline, self.vns[vn], sequence)));
        let probe = Probe {
            vn: self.vns[vn],
            help,
            prober: self.own,
            target: address,
            incarnation: self.epoch,
            sequence,
            nonce,
            sent_at: self.epoch.saturating_add(now.0),
        };
        // A port of the dynamic range (RFC 6335 §6), another one each time, so that the members of ECMP groups take turns.
        Outgoing { probe, port: 0xc000 | self.random.next_u32() as u16 }
    }

    /// Gives up what has not been answered in time. All that came in until `now` must have been taken in.
    pub(crate) fn give_up(&mut self, now: Micros, counters: &mut Counters) {
        while self.deadlines.peek().is_some_and(|Reverse((at, ..))| *at < now) {
            let Some(Reverse((_, vn, sequence))) = self.deadlines.pop() else { return };
            let Some(number) = self.number(vn) else { continue };
            let sent = self.flights[number].get_mut(sequence).filter(|sent| sent.fate == Fate::Waiting);
            let Some(sent) = sent else { continue };
            sent.fate = Fate::Lost;
            let (target, sent) = (sent.target, sent.sent);
            counters.lost += 1;
            match target {
                Target::Border(border) => self.lose_border(border, number, sent, now),
                Target::Prefix(prefix) => self.lose_prefix(prefix, number, sent, now, counters),
            }
        }
    }

    fn peer(&mut self, border: Ipv4Addr) -> Option<&mut Peer> {
        let at = self.peers[..self.peers.len() - 1].binary_search_by_key(&Some(border), |peer| peer.border);
        self.peers.get_mut(at.ok()?)
    }

    fn lose_border(&mut self, border: Ipv4Addr, vn: usize, sent: Micros, now: Micros) {
        let Some(peer) = self.peer(border) else { return };
        let pair = &mut peer.pairs[vn];
        pair.statistics.lost += 1;
        pair.needs_help = true;
        let first = !pair.track.is_unclear() && !pair.track.is_lost();
        pair.track.lose(sent);
        if first {
            peer.ask_all(now);
        }
        self.judge_border(border, now);
    }

    fn judge_border(&mut self, border: Ipv4Addr, now: Micros) {
        let config = self.config;
        let Some(peer) = self.peer(border) else { return };
        let streaks: Vec<_> = peer.pairs.iter().map(|pair| pair.track.streak()).collect();
        let condemned = |(vn, pair): (usize, &mut Pair)| {
            let since = pair.track.condemn(&config, others(&streaks, vn), now)?;
            Some(((pair.statistics.vn, Target::Border(border)), since))
        };
        let lost: Vec<_> = peer.pairs.iter_mut().enumerate().filter_map(condemned).collect();
        self.news.extend(lost);
    }

    fn lose_prefix(
        &mut self,
        prefix: Ipv4Net,
        vn: usize,
        sent: Micros,
        now: Micros,
        counters: &mut Counters,
    ) {
        let Some(number) = self.table.find(prefix) else { return };
        let vns = self.vns.len();
        let track = self.table.entries[number].track_mut(vn, vns);
        track.lose(sent);
        if !track.is_lost() && !track.is_doubted() {
            self.ask_all(number, now, counters);
        }
        self.judge_prefix(number, now);
    }

    fn judge_prefix(&mut self, number: usize, now: Micros) {
        let entry = &mut self.table.entries[number];
        let (prefix, vns) = (entry.prefix, self.vns.len());
        let streaks: Vec<_> = entry.tracks().iter().map(Track::streak).collect();
        for vn in 0..streaks.len() {
            let lost = entry.track_mut(vn, vns).condemn(&self.config, others(&streaks, vn), now);
            self.news.extend(lost.map(|since| ((self.vns[vn], Target::Prefix(prefix)), since)));
        }
    }

    /// Takes an answer in that has the network's code.
    pub(crate) fn take(&mut self, answer: &Answer, arrival: &Arrival, counters: &mut Counters) {
        let number = self.number(answer.probe.vn).filter(|_| {
            arrival.place == Place::Loopback
                && answer.through == arrival.vn
                && answer.responder == arrival.source
                && answer.probe.prober == self.own
                && answer.probe.incarnation == self.epoch
        });
        let sent = number.and_then(|number| self.flights[number].get_mut(answer.probe.sequence));
        let sent = sent.filter(|sent| sent.nonce == answer.probe.nonce);
        let (Some(vn), Some(sent)) = (number, sent) else {
            counters.unexpected += 1;
            return;
        };
        let came_back = answer.through == answer.probe.vn;
        if std::mem::replace(&mut sent.answered_by[usize::from(came_back)], true) {
            counters.repeated += 1;
            return;
        }
        let (before, in_time) = (sent.fate, arrival.at <= sent.deadline);
        let (target, sent_at) = (sent.target, sent.sent);
        let at_target = match target {
            Target::Border(border) => answer.how == How::Loopback && answer.responder == border,
            Target::Prefix(_) => answer.how != How::Loopback,
        };
        if at_target && before != Fate::Answered {
            sent.fate = Fate::Answered;
        }
        if came_back && let Some(peer) = self.peer(answer.responder) {
            peer.pairs[vn].needs_help = false;
        }
        if before == Fate::Answered {
            counters.repeated += 1;
            return;
        }
        counters.late += u64::from(before == Fate::Lost);
        self.measure(answer, vn, arrival.at.since(sent_at));
        match target {
            // A border's loopback came out elsewhere: it is not delivered.
            _ if !at_target => counters.astray += 1,
            Target::Border(border) => {
                self.deliver_border(border, vn, sent_at, in_time && before == Fate::Waiting, arrival.at);
            }
            Target::Prefix(prefix) => {
                counters.astray += u64::from(answer.how == How::NotAttached);
                let in_time = in_time && before == Fate::Waiting;
                self.deliver_prefix(prefix, vn, (sent_at, in_time), answer.responder, arrival.at, counters);
            }
        }
    }

    fn measure(&mut self, answer: &Answer, vn: usize, round_trip: Duration) {
        let Some(peer) = self.peer(answer.responder) else { return };
        let pair = &mut peer.pairs[vn];
        pair.rtt.measure(round_trip);
        let (sent, received) = (answer.probe.sent_at, answer.received_at);
        // Two clocks: the difference has a sign, and fits as clocks show times since 1970.
        pair.statistics.measure(received.wrapping_sub(sent).cast_signed());
    }

    fn deliver_border(&mut self, border: Ipv4Addr, vn: usize, sent: Micros, in_time: bool, now: Micros) {
        let (needed, soon) = (self.config.losses, now.after(self.config.interval));
        let key = (self.vns[vn], Target::Border(border));
        let Some(peer) = self.peer(border) else { return };
        if peer.pairs[vn].track.deliver(sent, in_time, border, needed) {
            self.news.insert(key, now);
        } else if peer.pairs[vn].track.is_lost() {
            // It seems to come back: make sure of it soon.
            peer.pairs[vn].due = peer.pairs[vn].due.min(soon);
        }
        self.judge_border(border, now);
    }

    fn deliver_prefix(
        &mut self,
        prefix: Ipv4Net,
        vn: usize,
        (sent, in_time): (Micros, bool),
        border: Ipv4Addr,
        now: Micros,
        counters: &mut Counters,
    ) {
        let Some(number) = self.table.find(prefix) else { return };
        let vns = self.vns.len();
        let track = self.table.entries[number].track_mut(vn, vns);
        let changed = track.deliver(sent, in_time, border, self.config.losses);
        let unclear = track.is_lost() && !track.is_doubted();
        if changed {
            self.news.insert((self.vns[vn], Target::Prefix(prefix)), now);
        }
        if changed || unclear {
            self.ask_all(number, now, counters);
        }
        self.judge_prefix(number, now);
    }

    /// The next piece of news.
    pub(crate) fn finding(&mut self) -> Option<Finding> {
        while let Some(((vn, target), since)) = self.news.pop_first() {
            let Some(number) = self.number(vn) else { continue };
            let evidence = match target {
                Target::Border(border) => self.peer(border).map(|peer| peer.pairs[number].track.evidence()),
                Target::Prefix(prefix) => self.table.find(prefix).map(|at| {
                    self.table.entries[at].track(number).map_or(Evidence::Unknown, Track::evidence)
                }),
            };
            if let Some(evidence) = evidence {
                return Some(Finding { vn, target, evidence, since });
            }
        }
        None
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// When something is to be done.
    pub(crate) fn next_at(&self) -> Option<Micros> {
        let sends = self.peers.iter().filter_map(|peer| peer.next_at(&self.open));
        // One that may come in at its deadline is in time.
        let deadline = self.deadlines.peek().map(|Reverse((at, ..))| Micros(at.0.saturating_add(1)));
        sends.chain(deadline).min()
    }

    pub(crate) fn pairs(&self) -> Vec<PairStatistics> {
        let pairs = self.peers.iter().flat_map(|peer| &peer.pairs);
        pairs
            .map(|pair| PairStatistics {
                round_trip: pair.rtt.smoothed(),
                timeout: pair.rtt.timeout(),
                ..pair.statistics.clone()
            })
            .collect()
    }

    pub(crate) fn open_vns(&self) -> BTreeSet<VnId> {
        self.vns.iter().zip(&self.open).filter(|(_, open)| **open).map(|(vn, _)| *vn).collect()
    }
}

fn checked(config: Config) -> Config {
    let interval = config.interval.clamp(Duration::from_millis(1), Duration::from_secs(60));
    Config { losses: config.losses.clamp(1, 50), interval, ..config }
}

/// What all but one have to show.
fn others(streaks: &[Option<Streak>], but: usize) -> impl Iterator<Item = Streak> {
    let others = streaks.iter().enumerate().filter(move |(at, _)| *at != but);
    others.filter_map(|(_, streak)| *streak)
}
