//! What has been counted and measured.

use std::{net::Ipv4Addr, time::Duration};

use braid_proto::VnId;

use crate::Micros;

/// Events, counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Probes to other borders' loopbacks sent.
    pub border_probes: u64,
    /// Probes to prefixes sent.
    pub prefix_probes: u64,
    /// Answers sent.
    pub answers: u64,
    /// Of them through another virtual network, since the probe asked for help.
    pub helped: u64,
    /// Messages that are not of the format. They change nothing else.
    pub malformed: u64,
    /// Messages without a valid code. They change nothing else.
    pub forged: u64,
    /// Probes that were seen before, or are of an earlier incarnation. They change nothing else.
    pub replayed: u64,
    /// Messages that make no sense here: from a border that is none, at the wrong place, answers that nobody waits for.
    /// They change nothing else.
    pub unexpected: u64,
    /// Answers to what has been answered already.
    pub repeated: u64,
    /// Probes without an answer in time.
    pub lost: u64,
    /// Of them, answered all the same, later.
    pub late: u64,
    /// Probes that were not answered since there were too many.
    pub limited: u64,
    /// Answers by a border to which the target is not attached.
    pub astray: u64,
    /// Prefixes in doubt that had to wait for their turn, since too many were.
    pub postponed: u64,
}

/// What one virtual network does between this border and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairStatistics {
    /// The virtual network.
    pub vn: VnId,
    /// The other border's loopback.
    pub border: Ipv4Addr,
    /// Probes to its loopback sent.
    pub sent: u64,
    /// Of them, without an answer in time.
    pub lost: u64,
    /// The smoothed round trip.
    pub round_trip: Option<Duration>,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// The last probe's way there in µs, by two clocks: meaningful as far as they agree, and so it may be negative.
    pub one_way_us: Option<i64>,
    /// How much the ways there differ from one to the next, smoothed (RFC 3550 §6.4.1). The clocks' difference is not in it.
    pub jitter: Duration,
}

impl PairStatistics {
    pub(crate) fn new(vn: VnId, border: Ipv4Addr) -> Self {
        Self {
            vn,
            border,
            sent: 0,
            lost: 0,
            round_trip: None,
            timeout: Duration::ZERO,
            one_way_us: None,
            jitter: Duration::ZERO,
        }
    }

    /// Takes a probe's way there in.
    pub(crate) fn measure(&mut self, one_way_us: i64) {
        if let Some(last) = self.one_way_us.replace(one_way_us) {
            let jitter = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
            // RFC 3550 §6.4.1: J += (|D| - J) / 16
            let change = last.abs_diff(one_way_us).saturating_mul(1000);
            let next = jitter - jitter / 16 + change / 16;
            self.jitter = Duration::from_nanos(next);
        }
    }
}

/// All of it at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// When.
    pub at: Micros,
    /// What was counted.
    pub counters: Counters,
    /// By virtual network and border.
    pub pairs: Vec<PairStatistics>,
}
