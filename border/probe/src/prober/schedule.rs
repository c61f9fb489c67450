//! Which probe is next, for one border at a time.
//!
//! Each other border has its own share of the budget, so that all borders together never ask one for more than it may
//! answer, whatever its prefixes are. Out of a share come first the probes to the border's loopback, stretched in
//! proportion where it does not suffice; what they leave goes to prefixes: those in doubt first, then those that are driven
//! and all others, in turn. A few tokens are kept for doubts about the border itself.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use rand_pcg::{Pcg32, rand_core::RngCore};

use super::{table::Table, track::Track};
use crate::{Config, Micros, PairStatistics, bucket::Bucket, rtt::Rtt, time::whole};

/// Standbys are probed so many times less often.
const STANDBY: u32 = 5;
/// A driven prefix is probed at most so often.
const DRIVEN_EVERY: Duration = Duration::from_millis(50);
/// Any prefix is probed at most so often in each virtual network, when nothing is in doubt.
const BACKGROUND_EVERY: Duration = Duration::from_secs(1);
/// Of so many probes one is for the background, if both wait.
const BACKGROUND_SHARE: u8 = 4;
/// Loopbacks may take this much of the budget, in percent.
const LOOPBACK_SHARE: u64 = 90;
/// Tokens for each virtual network that prefixes leave to doubts about the border.
const DOUBT_TOKENS: u64 = 4;
/// Tokens beyond those.
const BURST: u64 = 16;
/// Doubts that may wait.
const DOUBTS: usize = 4096;
/// A prefix without an address to probe is passed over; so many at a time.
const PASSES: u32 = 32;

/// One border in one virtual network.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) track: Track,
    pub(crate) rtt: Rtt,
    /// Answers do not come back through this virtual network.
    pub(crate) needs_help: bool,
    /// How many prefixes of that border this virtual network drives.
    pub(crate) driven: u32,
    pub(crate) due: Micros,
    pub(crate) statistics: PairStatistics,
}

/// One border; or none, for prefixes whose border is not known.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) border: Option<Ipv4Addr>,
    /// By number of the virtual network; none without a border.
    pub(crate) pairs: Vec<Pair>,
    bucket: Bucket,
    /// Microseconds for one probe.
    pace: u64,
    /// Tokens that prefixes leave.
    reserve: u64,
    /// Its prefixes, by number.
    pub(crate) members: Vec<u32>,
    /// Those of them that are driven.
    pub(crate) driven: BTreeSet<u32>,
    /// Those of them in doubt: when, which, in which virtual network.
    doubts: BTreeSet<(Micros, u32, u8)>,
    last_driven: u32,
    driven_at: Micros,
    next_member: usize,
    background_at: Micros,
    turn: u8,
}

/// What to probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// The border, in the virtual network of this number.
    Border(usize),
    /// A prefix by its number, at this address, in the virtual network of this number.
    Prefix(usize, Ipv4Addr, usize),
}

/// What a schedule depends on beside itself.
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    /// By number of the virtual network: whether there is a port to send into.
    pub(crate) open: &'a [bool],
    pub(crate) table: &'a mut Table,
}

/// A quarter less to a quarter more.
pub(crate) fn jittered(wait: Duration, random: &mut Pcg32) -> Duration {
    Duration::from_micros(whole(wait).saturating_mul(u64::from(75 + random.next_u32() % 51)) / 100)
}

impl Peer {
    pub(crate) fn new(border: Option<Ipv4Addr>) -> Self {
        Self {
            border,
            pairs: Vec::new(),
            bucket: Bucket::new(1, 0),
            pace: 1,
            reserve: 0,
            members: Vec::new(),
            driven: BTreeSet::new(),
            doubts: BTreeSet::new(),
            last_driven: 0,
            driven_at: Micros::default(),
            next_member: 0,
            background_at: Micros::default(),
            turn: 0,
        }
    }

    /// Sets its share: microseconds for one probe.
    pub(crate) fn set_share(&mut self, pace: u64, vns: usize) {
        self.reserve = DOUBT_TOKENS * vns as u64;
        self.pace = pace.max(1);
        self.bucket.set(pace, self.reserve + BURST);
    }

    /// Forgets which prefixes it has.
    pub(crate) fn clear_members(&mut self) {
        self.members.clear();
        self.driven.clear();
        self.doubts.clear();
        self.next_member = 0;
    }

    /// Whether it is not yet clear what some virtual network does: all are asked then.
    fn is_in_doubt(&self, open: &[bool]) -> bool {
        self.pairs.iter().zip(open).any(|(pair, open)| *open && pair.track.is_unclear())
    }

    /// The time between two probes to the border in a virtual network.
    pub(crate) fn interval(&self, vn: usize, view: &View<'_>) -> Duration {
        let calm =
            |pair: &Pair| view.config.interval.saturating_mul(if pair.driven > 0 { 1 } else { STANDBY });
        match self.pairs.get(vn) {
            Some(pair) if !self.is_in_doubt(view.open) => {
                let open = self.pairs.iter().zip(view.open).filter(|(_, open)| **open);
                // In millionths of the share.
                let load: u64 = open.map(|(pair, _)| 1_000_000 * self.pace / whole(calm(pair)).max(1)).sum();
                let full = LOOPBACK_SHARE * 10_000;
                Duration::from_micros(whole(calm(pair)).saturating_mul(load.max(full)) / full)
            }
            _ => view.config.interval,
        }
    }

    /// Has the border asked at once through all virtual networks.
    pub(crate) fn ask_all(&mut self, now: Micros) {
        for pair in &mut self.pairs {
            pair.due = pair.due.min(now);
        }
    }

    /// Has a prefix probed at that time. Says whether there was room.
    pub(crate) fn ask(&mut self, at: Micros, prefix: usize, vn: usize) -> bool {
        let room = self.doubts.len() < DOUBTS;
        if room {
            self.doubts.insert((at, prefix as u32, vn as u8));
        }
        room
    }

    fn due_pair(&self, open: &[bool]) -> Option<(Micros, usize)> {
        let open = self.pairs.iter().zip(open).enumerate().filter(|(_, (_, open))| **open);
        open.map(|(vn, (pair, _))| (pair.due, vn)).min()
    }

    /// When there may be something to send.
    pub(crate) fn next_at(&self, open: &[bool]) -> Option<Micros> {
        let border = self.due_pair(open).map(|(due, _)| due.max(self.bucket.ready_at(0)));
        let sends = open.contains(&true);
        let background = (sends && !self.members.is_empty()).then_some(self.background_at);
        let driven = (sends && !self.driven.is_empty()).then_some(self.driven_at);
        let doubt = self.doubts.first().map(|(at, ..)| *at);
        let prefix = [background, driven, doubt].into_iter().flatten().min();
        let prefix = prefix.map(|at| at.max(self.bucket.ready_at(self.reserve)));
        border.into_iter().chain(prefix).min()
    }

    /// The next probe, if one is due and the budget allows it. It counts as sent.
    pub(crate) fn next(&mut self, now: Micros, view: &mut View<'_>, random: &mut Pcg32) -> Option<Pick> {
        if let Some((due, vn)) = self.due_pair(view.open)
            && due <= now
            && self.bucket.take(now, 0)
        {
            let interval = self.interval(vn, view);
            self.pairs[vn].due = now.after(jittered(interval, random));
            return Some(Pick::Border(vn));
        }
        if self.bucket.ready_at(self.reserve) > now {
            return None;
        }
        let pick = self.doubted(now, view, random).or_else(|| self.in_turn(now, view, random))?;
        self.bucket.take(now, self.reserve);
        Some(pick)
    }

    fn due_doubt(&mut self, now: Micros) -> Option<(Micros, u32, u8)> {
        if self.doubts.first()?.0 > now { None } else { self.doubts.pop_first() }
    }

    fn doubted(&mut self, now: Micros, view: &mut View<'_>, random: &mut Pcg32) -> Option<Pick> {
        for _ in 0..PASSES {
            let (_, prefix, vn) = self.due_doubt(now)?;
            let (prefix, vn) = (prefix as usize, usize::from(vn));
            let track = view.table.entries.get(prefix).and_then(|entry| entry.track(vn));
            if !track.is_some_and(Track::is_doubted) {
                continue;
            }
            if let Some(address) = view.table.address(prefix, random) {
                self.ask(now.after(jittered(view.config.interval, random)), prefix, vn);
                return Some(Pick::Prefix(prefix, address, vn));
            }
            view.table.entries[prefix].track_mut(vn, view.open.len()).trust();
        }
        None
    }

    fn in_turn(&mut self, now: Micros, view: &View<'_>, random: &mut Pcg32) -> Option<Pick> {
        self.turn = (self.turn + 1) % BACKGROUND_SHARE;
        if self.turn == 0 {
            self.background(now, view, random).or_else(|| self.driven(now, view, random))
        } else {
            self.driven(now, view, random).or_else(|| self.background(now, view, random))
        }
    }

    fn driven(&mut self, now: Micros, view: &View<'_>, random: &mut Pcg32) -> Option<Pick> {
        for _ in 0..PASSES {
            if self.driven_at > now {
                return None;
            }
            let after = self.driven.range(self.last_driven.saturating_add(1)..).next();
            self.last_driven = after.or_else(|| self.driven.first()).copied()?;
            let wait = jittered(DRIVEN_EVERY, random) / u32::try_from(self.driven.len()).unwrap_or(u32::MAX);
            self.driven_at = now.after(wait);
            let prefix = self.last_driven as usize;
            let driver = view.table.entries.get(prefix).and_then(|entry| entry.driver);
            let vn = driver.and_then(|driver| self.pairs.iter().position(|p| p.statistics.vn == driver));
            if let Some(vn) = vn.filter(|vn| view.open.get(*vn) == Some(&true))
                && let Some(address) = view.table.address(prefix, random)
            {
                return Some(Pick::Prefix(prefix, address, vn));
            }
        }
        None
    }

    fn background(&mut self, now: Micros, view: &View<'_>, random: &mut Pcg32) -> Option<Pick> {
        let vns = view.open.len();
        for _ in 0..PASSES {
            let places = self.members.len() * vns;
            if self.background_at > now || places == 0 {
                return None;
            }
            self.next_member = (self.next_member + 1) % places;
            let wait = jittered(BACKGROUND_EVERY, random) / u32::try_from(places).unwrap_or(u32::MAX);
            self.background_at = now.after(wait);
            let (prefix, vn) = (self.members[self.next_member / vns] as usize, self.next_member % vns);
            if view.open[vn]
                && let Some(address) = view.table.address(prefix, random)
            {
                return Some(Pick::Prefix(prefix, address, vn));
            }
        }
        None
    }

    /// Counts a prefix as driven in a virtual network, or no longer.
    pub(crate) fn count_driven(&mut self, vn: usize, more: bool, now: Micros) {
        if let Some(pair) = self.pairs.get_mut(vn) {
            pair.driven = if more { pair.driven.saturating_add(1) } else { pair.driven.saturating_sub(1) };
            if pair.driven == 1 && more {
                pair.due = pair.due.min(now);
            }
        }
    }
}
