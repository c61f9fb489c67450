//! Who votes on a prefix, with what weight, and who agrees with whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Ballot, Comparison, Eligibility,
    eligibility::Tier,
    standing::{Condition, Standing},
};

/// A VN that may vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elector {
    /// The VN's id.
    pub vn: u8,
    /// Place in the order of preference, lowest first (file order); the id decides between equals.
    pub rank: u16,
    /// The code base of its engine. Each code base has one vote, which its VNs share.
    pub code_base: String,
    /// What the VN is laid out over at present, if known.
    pub layout: Option<LayoutClass>,
}

/// Equal for two VNs exactly if their live layout and metrics are equal, so that their next hops should be, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutClass(pub u64);

/// An elector with its ballot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'a> {
    pub elector: &'a Elector,
    pub ballot: &'a Ballot,
    pub eligibility: Eligibility,
    /// What the election remembers; filled in by it.
    pub standing: Standing,
    /// Place of the first seat with the same code base.
    code_base: usize,
    /// Votes, in parts of `Electorate::scale`; zero outside the best tier.
    pub weight: u64,
    /// Number of the group of agreeing seats, from 0; none outside the best tier.
    pub group: Option<u16>,
}

impl Seat<'_> {
    pub(crate) fn vn(&self) -> u8 {
        self.elector.vn
    }

    pub(crate) fn tier(&self) -> Tier {
        self.eligibility.tier()
    }
}

/// The electors of one vote with their ballots, in order of preference.
#[derive(Debug, Clone)]
pub(crate) struct Electorate<'a> {
    pub seats: Vec<Seat<'a>>,
    /// The best tier that has a seat in it: who is in it votes.
    pub tier: Tier,
    /// How the ballots were compared; none with fewer than two to compare.
    pub comparison: Option<Comparison>,
    /// How many groups of agreeing seats there are.
    pub groups: u16,
    /// The group that holds a strict majority of the votes.
    pub majority: Option<u16>,
    /// How many parts make one vote.
    scale: u64,
    /// All votes, in parts.
    total: u128,
}

static BLANK: Ballot = Ballot::blank(0);

impl<'a> Electorate<'a> {
    /// Seats every elector with its ballot and counts. Of several electors or ballots of one VN the first counts, a
    /// ballot without elector does not, and an elector without ballot has no route.
    pub(crate) fn new(electors: &'a [Elector], ballots: &'a [Ballot]) -> Self {
        let mut ballot_of = [None; 256];
        for ballot in ballots.iter().rev() {
            ballot_of[usize::from(ballot.vn)] = Some(ballot);
        }
        let mut seated = [false; 256];
        let mut seats = Vec::with_capacity(electors.len());
        for elector in electors {
            if std::mem::replace(&mut seated[usize::from(elector.vn)], true) {
                continue;
            }
            let ballot = ballot_of[usize::from(elector.vn)].unwrap_or(&BLANK);
            seats.push(Seat {
                elector,
                ballot,
                eligibility: Eligibility::of(ballot),
                standing: Standing::new(elector.vn),
                code_base: 0,
                weight: 0,
                group: None,
            });
        }
        seats.sort_unstable_by_key(|seat| (seat.elector.rank, seat.elector.vn));
        for i in 0..seats.len() {
            let code_base = &seats[i].elector.code_base;
            let first = seats[..i].iter().position(|other| other.elector.code_base == *code_base);
            seats[i].code_base = first.unwrap_or(i);
        }
        Self::count(seats)
    }

    /// The same vote without one of its VNs.
    pub(crate) fn without(&self, vn: u8) -> Self {
        Self::count(self.seats.iter().filter(|seat| seat.vn() != vn).copied().collect())
    }

    fn count(mut seats: Vec<Seat<'a>>) -> Self {
        let tier = seats.iter().map(Seat::tier).min().unwrap_or(Tier::Useless);
        for seat in &mut seats {
            (seat.weight, seat.group) = (0, None);
        }
        let mut counted =
            Electorate { seats, tier, comparison: None, groups: 0, majority: None, scale: 1, total: 0 };
        if tier != Tier::Useless {
            counted.weigh();
            counted.group();
            counted.majority =
                (0..counted.groups).find(|&group| counted.group_weight(group) * 2 > counted.total);
        }
        counted
    }

    /// Gives each code base one vote, split evenly among its voters, in exact parts. At most 255 voters keep the parts
    /// within range: the least common multiple of numbers that sum to 255 stays below 2^60.
    fn weigh(&mut self) {
        let tier = self.tier;
        let sharers = |seats: &[Seat<'_>], code_base: usize| {
            seats.iter().filter(|seat| seat.tier() == tier && seat.code_base == code_base).count() as u64
        };
        for seat in self.seats.iter().filter(|seat| seat.tier() == tier) {
            let sharers = sharers(&self.seats, seat.code_base);
            self.scale = self.scale / gcd(self.scale, sharers) * sharers;
        }
        for i in 0..self.seats.len() {
            if self.seats[i].tier() == tier {
                self.seats[i].weight = self.scale / sharers(&self.seats, self.seats[i].code_base);
                self.total += u128::from(self.seats[i].weight);
            }
        }
    }

    /// Numbers the groups of agreeing voters in the order of their best-ranked member.
    fn group(&mut self) {
        let level = Comparison::strongest(&self.voters());
        for i in 0..self.seats.len() {
            if self.seats[i].tier() != self.tier {
                continue;
            }
            let (earlier, seat) = (&self.seats[..i], &self.seats[i]);
            let joined =
                earlier.iter().find(|other| other.group.is_some() && level.agree(other.ballot, seat.ballot));
            let group = joined.map_or(self.groups, |other| other.group.unwrap_or_default());
            self.groups = self.groups.max(group + 1);
            self.seats[i].group = Some(group);
        }
        self.comparison = (self.voters().count() > 1).then_some(level);
    }

    /// The seats of the best tier.
    pub(crate) fn voters(&self) -> impl Iterator<Item = &Seat<'a>> + Clone {
        self.seats.iter().filter(|seat| seat.tier() == self.tier && self.tier != Tier::Useless)
    }

    pub(crate) fn seat(&self, vn: u8) -> Option<&Seat<'a>> {
        self.seats.iter().find(|seat| seat.vn() == vn)
    }

    /// The votes of a group, in parts.
    pub(crate) fn group_weight(&self, group: u16) -> u128 {
        self.seats.iter().filter(|seat| seat.group == Some(group)).map(|seat| u128::from(seat.weight)).sum()
    }

    /// Whether a strict majority says otherwise than this seat.
    pub(crate) fn contradicts(&self, seat: &Seat<'_>) -> bool {
        seat.group.is_some() && self.majority.is_some() && seat.group != self.majority
    }

    /// Whether the voters disagree and nobody has a strict majority.
    pub(crate) fn is_split(&self) -> bool {
        self.groups > 1 && self.majority.is_none()
    }

    pub(crate) fn condition(&self, seat: &Seat<'_>) -> Condition {
        match (self.contradicts(seat), seat.tier()) {
            (true, _) => Condition::Contradicted,
            (false, Tier::Eligible) => Condition::Clean,
            (false, Tier::Stale | Tier::Useless) => Condition::Out,
        }
    }

    /// Parts as votes: `1`, `1/2`, `3/2`.
    pub(crate) fn votes(&self, parts: u128) -> Votes {
        let scale = u128::from(self.scale);
        let (mut divisor, mut rest) = (parts, scale);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Votes { over: parts / divisor, under: scale / divisor }
    }

    /// All votes.
    pub(crate) fn all_votes(&self) -> Votes {
        self.votes(self.total)
    }
}

/// A number of votes in words.
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
