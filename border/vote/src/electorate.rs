//! Who votes on a prefix, with what weight, and who agrees with whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    CloneEvidence, Comparison, Eligibility, Millis, Policy, Rule,
    cell::{Condition, Standing},
    eligibility::Tier,
    mask::Mask,
};

/// A VN that may vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elector {
    /// The VN's id, from 1.
    pub vn: u8,
    /// Place in the order of preference, lowest first (file order); the id decides between equals.
    pub rank: u16,
    /// The code base of its engine. Each code base has one vote, which its VNs share.
    pub code_base: String,
    /// What the VN is laid out over at present, if known and at rest.
    pub layout: Option<LayoutClass>,
}

/// Equal for two VNs exactly if their live layout and metrics are equal, so that their next hops should be, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutClass(pub u64);

/// An elector as it takes part in one vote. Seats are in order of preference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub vn: u8,
    pub code_base: u8,
    pub layout: Option<LayoutClass>,
    pub eligibility: Eligibility,
    /// Numbers of shared sets: equal exactly if the sets are.
    pub next_hops: Option<u32>,
    pub egress: Option<u32>,
    /// Since when both the route and a running engine have been what they are now.
    pub steady_since: Millis,
    /// What a converged clone of its engine says of that.
    pub clone: CloneEvidence,
    /// Since when it has been known where it delivers.
    pub egress_since: Millis,
    /// Its engine may still bring a route.
    pub starting: bool,
    /// Probes come out through it.
    pub proven: bool,
    /// Verification speaks against it.
    pub refuted: bool,
    pub standing: Standing,
}

impl Seat {
    pub const fn tier(&self) -> Tier {
        self.eligibility.tier()
    }

    /// Whether a clone that was asked then or later says that its route stays as it is.
    pub fn is_final(&self, from: Millis) -> bool {
        self.next_hops.is_some() && self.clone.steady().is_some_and(|asked| asked >= from)
    }

    /// When the ballot counts as steady, after what happened at `news`: once it has settled, or when a clone says so. A VN
    /// that has no route may still get one, whatever it knows by now.
    pub fn settles_at(&self, news: Millis, policy: &Policy) -> Millis {
        match self.next_hops {
            _ if self.starting || self.clone.is_pending() => Millis::NEVER,
            Some(_) if self.is_final(policy.spread_at(news)) => Millis(0),
            Some(_) => self.steady_since.after(policy.settle),
            None => self.steady_since.max(news).after(policy.settle),
        }
    }
}

/// When the last route was heard of.
pub(crate) fn last_news(seats: &[Seat]) -> Millis {
    let carriers = seats.iter().filter(|seat| seat.next_hops.is_some());
    carriers.map(|seat| seat.steady_since).max().unwrap_or_default()
}

/// The count of one vote over the seats, kept to be used again.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Votes of each seat, in parts of `scale`; zero for those that do not vote.
    weights: Vec<u64>,
    /// The group of agreeing seats that each is in, from 0; none outside the best tier.
    groups: Vec<Option<u8>>,
    /// The votes of each group, in parts.
    by_group: Vec<u128>,
    /// The seat that is left out.
    without: Option<usize>,
    /// The best tier that has a seat in it: from it comes the winner.
    pub tier: Tier,
    /// How the ballots were compared; none with fewer than two to compare.
    pub comparison: Option<Comparison>,
    /// The group that holds a strict majority of the votes.
    pub majority: Option<u8>,
    /// How many parts make one vote.
    scale: u64,
    /// All votes, in parts.
    total: u128,
}

impl Tally {
    pub const fn new() -> Tally {
        Tally {
            weights: Vec::new(),
            groups: Vec::new(),
            by_group: Vec::new(),
            without: None,
            tier: Tier::Useless,
            comparison: None,
            majority: None,
            scale: 1,
            total: 0,
        }
    }

    /// Counts the votes of all seats but one.
    pub fn count(&mut self, rule: Rule, seats: &[Seat], without: Option<usize>) {
        self.without = without;
        self.weights.clear();
        self.weights.resize(seats.len(), 0);
        self.groups.clear();
        self.groups.resize(seats.len(), None);
        self.by_group.clear();
        (self.comparison, self.majority, self.scale, self.total) = (None, None, 1, 0);
        let present = seats.iter().enumerate().filter(|(i, _)| Some(*i) != without);
        self.tier = present.map(|(_, seat)| seat.tier()).min().unwrap_or(Tier::Useless);
        if self.tier != Tier::Useless {
            let trusted = self.trusted(seats);
            self.weigh(seats, &trusted, rule);
            self.group(seats, &trusted);
            let majority = self.by_group.iter().position(|weight| weight * 2 > self.total);
            self.majority = majority.map(|group| group as u8);
        }
    }

    /// The seats of the best tier.
    fn trusted(&self, seats: &[Seat]) -> Mask {
        let mut trusted = Mask::first(seats.len());
        trusted.retain(|i| seats[i].tier() == self.tier && self.without != Some(i));
        trusted
    }

    /// Gives each code base that votes one vote, split evenly among its seats, in exact parts. At most 255 voters keep the
    /// parts within range: the least common multiple of numbers that sum to 255 stays below 2^60.
    fn weigh(&mut self, seats: &[Seat], trusted: &Mask, rule: Rule) {
        let mut voters = *trusted;
        if let Rule::FirstK { k } = rule {
            let late = LateComers::beyond(usize::from(k.max(1)), seats, trusted);
            voters.retain(|i| !late.contains(seats[i].code_base));
        }
        for i in voters.iter() {
            let sharers = voters.iter().filter(|other| seats[*other].code_base == seats[i].code_base).count();
            // For the moment; the parts are known when all sharers are.
            self.weights[i] = sharers as u64;
            self.scale = self.scale / gcd(self.scale, sharers as u64) * sharers as u64;
        }
        for i in voters.iter() {
            self.weights[i] = self.scale / self.weights[i];
            self.total += u128::from(self.weights[i]);
        }
    }

    /// Numbers the groups of agreeing seats in the order of their best-ranked member.
    fn group(&mut self, seats: &[Seat], trusted: &Mask) {
        let level = Comparison::strongest(trusted.iter().map(|i| &seats[i]));
        for i in trusted.iter() {
            let mut earlier = trusted.iter().take_while(|other| *other < i);
            let joined = earlier.find(|other| level.agree(&seats[*other], &seats[i]));
            let group = joined.and_then(|other| self.groups[other]).unwrap_or_else(|| {
                self.by_group.push(0);
                (self.by_group.len() - 1) as u8
            });
            self.groups[i] = Some(group);
            self.by_group[usize::from(group)] += u128::from(self.weights[i]);
        }
        self.comparison = (trusted.len() > 1).then_some(level);
    }

    pub fn is_present(&self, seat: usize) -> bool {
        self.without != Some(seat)
    }

    pub fn group_of(&self, seat: usize) -> Option<u8> {
        self.groups[seat]
    }

    /// The votes of the group that a seat is in, in parts.
    pub fn backing(&self, seat: usize) -> u128 {
        self.groups[seat].map_or(0, |group| self.by_group[usize::from(group)])
    }

    /// How many groups there are, those without votes included.
    pub fn groups(&self) -> u8 {
        self.by_group.len() as u8
    }

    /// Whether a strict majority says otherwise than this seat.
    pub fn contradicts(&self, seat: usize) -> bool {
        self.groups[seat].is_some() && self.majority.is_some() && self.groups[seat] != self.majority
    }

    /// Whether those for whom `counts` holds are a majority by themselves, and say the same.
    pub fn majority_of(&self, counts: impl Fn(usize) -> bool) -> bool {
        let members =
            (0..self.groups.len()).filter(|seat| self.groups[*seat] == self.majority && counts(*seat));
        let weight: u128 = members.map(|seat| u128::from(self.weights[seat])).sum();
        self.majority.is_some() && weight * 2 > self.total
    }

    /// Whether the voters disagree and nobody has a strict majority.
    pub fn is_split(&self) -> bool {
        self.by_group.len() > 1 && self.majority.is_none()
    }

    pub fn condition(&self, seats: &[Seat], seat: usize) -> Condition {
        match (self.contradicts(seat), seats[seat].tier()) {
            (true, _) => Condition::Contradicted,
            (false, Tier::Eligible) => Condition::Clean,
            (false, _) => Condition::Out,
        }
    }

    /// The votes of a seat.
    pub fn votes_of(&self, seat: usize) -> Votes {
        self.votes(self.weights[seat].into())
    }

    /// Parts as votes: `1`, `1/2`, `3/2`.
    pub fn votes(&self, parts: u128) -> Votes {
        let scale = u128::from(self.scale);
        let (mut divisor, mut rest) = (parts, scale);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Votes { over: parts / divisor, under: scale / divisor }
    }

    /// All votes.
    pub fn all_votes(&self) -> Votes {
        self.votes(self.total)
    }
}

/// The code bases that are not among the first `k`.
struct LateComers([u64; 4]);

impl LateComers {
    /// The line is in order of when the first seat of each code base became steady; equals are in order of preference.
    fn beyond(k: usize, seats: &[Seat], trusted: &Mask) -> LateComers {
        let place = |i: usize| (seats[i].steady_since, i);
        let mut leaders = *trusted;
        leaders.retain(|i| {
            let rivals = trusted.iter().filter(|other| seats[*other].code_base == seats[i].code_base);
            rivals.map(place).min() == Some(place(i))
        });
        let mut late = LateComers([0; 4]);
        for i in leaders.iter() {
            if leaders.iter().filter(|other| place(*other) < place(i)).count() >= k {
                let code_base = usize::from(seats[i].code_base);
                late.0[code_base / 64] |= 1 << (code_base % 64);
            }
        }
        late
    }

    fn contains(&self, code_base: u8) -> bool {
        self.0[usize::from(code_base) / 64] >> (code_base % 64) & 1 == 1
    }
}

/// A number of votes in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Votes {
    over: u128,
    under: u128,
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.under {
            1 => write!(f, "{}", self.over),
            under => write!(f, "{}/{under}", self.over),
        }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
