//! The border that is asked: says where a probe came out.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::Ipv4Addr,
    time::Duration,
};

use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::{
    Arrival, Config, Counters, Micros, Place, Targets,
    bucket::Bucket,
    format::{Answer, How, Probe},
    prober::SHARE as PROBE_SHARE,
};

/// How many sequence numbers back a probe may come late.
const WINDOW: u64 = 64;
/// Answers of each kind that may wait to be sent: a quarter of a second's worth, by default. The oldest gives way, since
/// the newest answer says most.
const QUEUE: usize = 128;
/// Answers at once, to all.
const BURST: u64 = 64;
/// Of them, those that answers to probes of prefixes leave to others.
const PREFIX_RESERVE: u64 = 16;
/// Those that help leaves: where answers have to wait they are late, lateness looks like loss, and loss asks for help.
const HELP_RESERVE: u64 = 32;
/// As many answers may wait, and help is still given.
const HELPFUL: usize = 8;
/// Answers to one border that may come at once: more than it asks in a second, by default.
const PEER_BURST: u64 = 256;
/// The part of the budget that is for answers, in percent. It is more than half, and what is for probes is less, so that
/// a queue gets shorter even when all borders ask as much as they may.
const SHARE: u64 = 100 - PROBE_SHARE;

/// A border that has been silent for so long may come back with an earlier incarnation: its clock was set back meanwhile.
const SILENCE: Duration = Duration::from_secs(10);

/// The sequence numbers seen of one border in one virtual network (as in RFC 4303 §3.4.3).
#[derive(Debug, Default)]
struct Window {
    incarnation: u64,
    newest: u64,
    /// Bit n: the sequence number `newest - n` has been seen.
    seen: u64,
    /// When a probe was last admitted.
    at: Micros,
}

impl Window {
    /// Whether the probe is new; from now on it is not.
    fn admit(&mut self, incarnation: u64, sequence: u64, now: Micros) -> bool {
        let silent = now.since(self.at) >= SILENCE;
        let admitted = match incarnation.cmp(&self.incarnation) {
            Ordering::Equal if self.seen != 0 => self.admit_next(sequence),
            Ordering::Less if !silent => false,
            _ => {
                (self.incarnation, self.newest, self.seen) = (incarnation, sequence, 1);
                true
            }
        };
        if admitted {
            self.at = now;
        }
        admitted
    }

    fn admit_next(&mut self, sequence: u64) -> bool {
        if let Some(ahead) = sequence.checked_sub(self.newest).filter(|ahead| *ahead > 0) {
            let kept = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0);
            (self.newest, self.seen) = (sequence, kept | 1);
            return true;
        }
        let behind = self.newest - sequence;
        let fresh = behind < WINDOW && self.seen & 1 << behind == 0;
        if fresh {
            self.seen |= 1 << behind;
        }
        fresh
    }
}

#[derive(Debug)]
struct Peer {
    windows: BTreeMap<VnId, Window>,
    bucket: Bucket,
    /// The virtual network that helped last.
    helper: Option<VnId>,
}

/// The responder. What it wants to send waits in it.
#[derive(Debug)]
pub(crate) struct Responder {
    own: Ipv4Addr,
    attached: BTreeSet<Ipv4Net>,
    vns: BTreeSet<VnId>,
    peers: BTreeMap<Ipv4Addr, Peer>,
    all: Bucket,
    /// Microseconds for one answer.
    pace: u64,
    /// Those to probes of loopbacks, which go first, and those to probes of prefixes.
    queues: [VecDeque<Answer>; 2],
}

impl Responder {
    pub(crate) fn new(config: &Config) -> Self {
        let pace = pace(config);
        Self {
            own: Ipv4Addr::UNSPECIFIED,
            attached: BTreeSet::new(),
            vns: BTreeSet::new(),
            peers: BTreeMap::new(),
            all: Bucket::new(pace, BURST),
            pace,
            queues: Default::default(),
        }
    }

    /// Changes the budget.
    pub(crate) fn set_config(&mut self, config: &Config) {
        self.pace = pace(config);
        self.all.set(self.pace, BURST);
        for peer in self.peers.values_mut() {
            peer.bucket.set(self.pace, PEER_BURST);
        }
    }

    pub(crate) fn set_targets(&mut self, targets: &Targets) {
        self.own = targets.own;
        self.attached.clone_from(&targets.attached);
        self.vns.clone_from(&targets.vns);
        // A probe of our own may come out here as well: at the very border that it went in at.
        self.peers.retain(|border, _| *border == targets.own || targets.borders.contains(border));
        for border in targets.borders.iter().chain([&targets.own]) {
            let pace = self.pace;
            self.peers.entry(*border).or_insert_with(|| Peer {
                windows: BTreeMap::new(),
                bucket: Bucket::new(pace, PEER_BURST),
                helper: None,
            });
        }
        for peer in self.peers.values_mut() {
            peer.windows.retain(|vn, _| targets.vns.contains(vn));
        }
        for queue in &mut self.queues {
            queue.retain(|answer| targets.vns.contains(&answer.through));
        }
    }

    /// Takes a probe in that has the network's code. `epoch` is what the clock's origin is in µs since 1970; `open` are the
    /// virtual networks that something can be sent into.
    pub(crate) fn take(
        &mut self,
        probe: &Probe,
        arrival: &Arrival,
        epoch: u64,
        open: &BTreeSet<VnId>,
        counters: &mut Counters,
    ) {
        let sensible = probe.vn == arrival.vn
            && self.vns.contains(&probe.vn)
            && probe.prober == arrival.source
            && probe.target == arrival.destination
            && (arrival.place == Place::Port || probe.target == self.own);
        let Some(peer) = self.peers.get_mut(&probe.prober).filter(|_| sensible) else {
            counters.unexpected += 1;
            return;
        };
        if !peer.windows.entry(probe.vn).or_default().admit(probe.incarnation, probe.sequence, arrival.at) {
            counters.replayed += 1;
            return;
        }
        let how = match arrival.place {
            Place::Loopback => How::Loopback,
            Place::Port => attachment(&self.attached, probe.target).map_or(How::NotAttached, How::Attached),
        };
        if !peer.bucket.take(arrival.at, 0) {
            counters.limited += 1;
            return;
        }
        let mut answer = Answer {
            probe: Probe { help: false, ..*probe },
            how,
            ttl: arrival.ttl,
            received_at: epoch.saturating_add(arrival.at.0),
            responder: self.own,
            through: probe.vn,
        };
        let queue = &mut self.queues[usize::from(how != How::Loopback)];
        let plenty = queue.len() < HELPFUL && self.all.ready_at(HELP_RESERVE) <= arrival.at;
        let helper = (probe.help && plenty).then(|| peer.helper(probe.vn, open)).flatten();
        queue.push_back(answer);
        if let Some(helper) = helper {
            answer.through = helper;
            counters.helped += 1;
            queue.push_back(answer);
        }
        if queue.len() > QUEUE {
            counters.limited += 1;
            queue.pop_front();
        }
    }

    /// The next answer to send, if the budget allows it.
    pub(crate) fn next(&mut self, now: Micros) -> Option<Answer> {
        let [loopbacks, prefixes] = &mut self.queues;
        let (queue, reserve) = if loopbacks.is_empty() { (prefixes, PREFIX_RESERVE) } else { (loopbacks, 0) };
        queue.front()?;
        if self.all.take(now, reserve) { queue.pop_front() } else { None }
    }

    /// When there is something to send.
    pub(crate) fn next_at(&self) -> Option<Micros> {
        match &self.queues {
            [loopbacks, _] if !loopbacks.is_empty() => Some(self.all.ready_at(0)),
            [_, prefixes] if !prefixes.is_empty() => Some(self.all.ready_at(PREFIX_RESERVE)),
            _ => None,
        }
    }
}

/// Microseconds for one answer.
fn pace(config: &Config) -> u64 {
    100_000_000 / SHARE / u64::from(config.packets_per_second.max(1))
}

impl Peer {
    /// Another virtual network to answer through: each in its turn.
    fn helper(&mut self, not: VnId, open: &BTreeSet<VnId>) -> Option<VnId> {
        let others = || open.iter().copied().filter(|vn| *vn != not);
        let next = others().find(|vn| Some(*vn) > self.helper).or_else(|| others().next());
        self.helper = next;
        next
    }
}

/// The longest attached prefix around an address.
fn attachment(attached: &BTreeSet<Ipv4Net>, address: Ipv4Addr) -> Option<Ipv4Net> {
    (0..=32).rev().find_map(|length| {
        let around = Ipv4Net::new(address, length).ok()?.trunc();
        attached.contains(&around).then_some(around)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_sequence_number_is_admitted_twice(sequences in prop::collection::vec(0..200u64, 0..300)) {
            let mut window = Window::default();
            let mut admitted = BTreeSet::new();
            for sequence in sequences {
                let newest = admitted.last().copied();
                let fresh = window.admit(9, sequence, Micros(0));
                if fresh {
                    prop_assert!(admitted.insert(sequence), "{sequence} twice");
                } else {
                    let too_old = newest.is_some_and(|newest| newest >= sequence + WINDOW);
                    prop_assert!(admitted.contains(&sequence) || too_old);
                }
            }
        }
    }

    #[test]
    fn a_restarted_border_begins_anew_and_its_past_stays_past() {
        let mut window = Window::default();
        assert!(window.admit(100, 5_000, Micros(0)));
        assert!(window.admit(200, 1, Micros(0)));
        assert!(!window.admit(100, 5_001, Micros(0)));
        assert!(window.admit(200, u64::MAX, Micros(0)));
        assert!(!window.admit(200, 2, Micros(0)));
        let later = Micros(0).after(SILENCE);
        assert!(window.admit(150, 1, later), "a clock that was set back is no reason to be deaf for ever");
    }

    #[test]
    fn the_longest_attached_prefix_is_named() {
        let attached = ["198.18.0.0/16", "198.18.5.0/24"].map(|p| p.parse().unwrap()).into();
        let around = |address: &str| attachment(&attached, address.parse().unwrap()).map(|p| p.to_string());
        assert_eq!(around("198.18.5.9").as_deref(), Some("198.18.5.0/24"));
        assert_eq!(around("198.18.6.9").as_deref(), Some("198.18.0.0/16"));
        assert_eq!(around("198.19.0.1"), None);
    }
}
