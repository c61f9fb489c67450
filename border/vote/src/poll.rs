//! All elections of one border.

use crate::{
    Ballot, EgressId, EgressSet, Elector, Explanation, Millis, Policy, PrefixId, RouteEvidence, Verdict,
    agenda::Agenda,
    cell::Cell,
    intern::Interner,
    race::{NO_DOUBT, Outcome, Race, Scratch, Session},
    sets::Sets,
    totals::{Pair, Totals},
    voter::Voter,
};

/// The standing elections of all prefixes at one border, made for millions of them.
///
/// Pass evidence to [`Poll::hear`] as it comes, call [`Poll::decide`] after that and at [`Poll::next_due`]. A call too many
/// changes nothing. Time must never run backwards.
#[derive(Debug, Clone)]
pub struct Poll {
    /// In order of preference.
    pub(crate) voters: Vec<Voter>,
    /// By VN id, its place among the voters.
    pub(crate) places: Vec<Option<u8>>,
    pub(crate) races: Vec<Race>,
    /// For each race as many as there are voters.
    pub(crate) cells: Vec<Cell>,
    /// Closed races.
    free: Vec<u32>,
    policies: Interner<Policy>,
    pub(crate) sets: Sets,
    pub(crate) agenda: Agenda,
    totals: Totals,
    /// The prefixes in doubt.
    pub(crate) doubts: Vec<u32>,
    scratch: Scratch,
}

impl Default for Poll {
    fn default() -> Self {
        Self::new()
    }
}

impl Poll {
    /// A poll without electors and prefixes.
    #[must_use]
    pub fn new() -> Poll {
        Poll {
            voters: Vec::new(),
            places: vec![None; 256],
            races: Vec::new(),
            cells: Vec::new(),
            free: Vec::new(),
            policies: Interner::new(),
            sets: Sets::new(),
            agenda: Agenda::default(),
            totals: Totals::new(),
            doubts: Vec::new(),
            scratch: Scratch::new(),
        }
    }

    /// Puts an electorate in force, in any order. Of several electors of one VN the first counts, and VN 0 does not exist.
    /// Evidence on VNs that stay is kept, and that on others forgotten.
    pub fn set_electors(&mut self, electors: &[Elector]) {
        let mut old: Vec<Option<Voter>> = std::mem::take(&mut self.voters).into_iter().map(Some).collect();
        let before = std::mem::replace(&mut self.places, vec![None; 256]);
        let mut voters: Vec<(Voter, Option<u8>)> = Vec::new();
        for elector in electors {
            if elector.vn == 0 || voters.iter().any(|(voter, _)| voter.elector.vn == elector.vn) {
                continue;
            }
            let place = before[usize::from(elector.vn)];
            let known = place.and_then(|place| old[usize::from(place)].take());
            let voter = known.unwrap_or_else(|| Voter::new(elector.clone()));
            voters.push((Voter { elector: elector.clone(), ..voter }, place));
        }
        voters.sort_by_key(|(voter, _)| (voter.elector.rank, voter.elector.vn));
        for i in 0..voters.len() {
            let same = |other: &(Voter, _)| other.0.elector.code_base == voters[i].0.elector.code_base;
            voters[i].0.code_base = voters.iter().position(same).unwrap_or(i) as u8;
            self.places[usize::from(voters[i].0.elector.vn)] = Some(i as u8);
        }
        let kept: Vec<Option<u8>> = voters.iter().map(|(_, place)| *place).collect();
        self.voters = voters.into_iter().map(|(voter, _)| voter).collect();
        self.reseat(old.len(), &kept);
        self.agenda.change_all();
    }

    /// Moves the cells to their VNs' new places.
    fn reseat(&mut self, before: usize, kept: &[Option<u8>]) {
        if kept.len() == before && kept.iter().enumerate().all(|(i, old)| *old == Some(i as u8)) {
            return;
        }
        let mut cells = Vec::with_capacity(self.races.len() * kept.len());
        for race in 0..self.races.len() {
            let old = &self.cells[race * before..][..before];
            cells.extend(kept.iter().map(|place| place.map_or_else(Cell::blank, |at| old[usize::from(at)])));
            for (at, cell) in old.iter().enumerate() {
                if !kept.contains(&Some(at as u8)) {
                    self.sets.release(cell);
                }
            }
        }
        self.cells = cells;
    }

    /// Makes room for so many prefixes more.
    pub fn reserve(&mut self, prefixes: usize) {
        let more = prefixes.saturating_sub(self.free.len());
        self.races.reserve_exact(more);
        self.cells.reserve_exact(more * self.voters.len());
    }

    /// Begins an election. `attached`: the borders at which the prefix is attached, so where it ought to come out; empty if
    /// that is not known.
    pub fn open(&mut self, policy: Policy, attached: &EgressSet) -> PrefixId {
        let race = Race::new(self.sets.egress.acquire(attached), self.policies.acquire(&policy));
        let prefix = match self.free.pop() {
            Some(prefix) => {
                self.races[prefix as usize] = race;
                prefix
            }
            None => {
                self.races.push(race);
                self.cells.resize(self.races.len() * self.voters.len(), Cell::blank());
                (self.races.len() - 1) as u32
            }
        };
        self.agenda.change(&mut self.races, prefix);
        PrefixId(prefix)
    }

    /// Ends an election. Its number may be given to another.
    pub fn close(&mut self, prefix: PrefixId) {
        let Some(race) = self.race(prefix).copied() else { return };
        self.account(prefix.0, Totals::leave);
        self.doubt_or_not(prefix.0, false);
        self.policies.release(race.policy);
        let voters = self.voters.len();
        for voter in &mut self.voters {
            voter.converged.forget(prefix);
        }
        for cell in &mut self.cells[prefix.0 as usize * voters..][..voters] {
            self.sets.release(cell);
            *cell = Cell::blank();
        }
        self.sets.egress.release(race.attached);
        // Entries on the agenda that name it count no more.
        self.races[prefix.0 as usize] = Race::closed();
        self.free.push(prefix.0);
    }

    pub(crate) fn race(&self, prefix: PrefixId) -> Option<&Race> {
        self.races.get(prefix.0 as usize).filter(|race| !race.closed)
    }

    /// Puts another policy in force for a prefix from the next decision on. What is known of the VNs' past stays.
    pub fn set_policy(&mut self, prefix: PrefixId, policy: Policy) {
        let Some(before) = self.race(prefix).map(|race| race.policy) else { return };
        if self.policies.get(before) == Some(&policy) {
            return;
        }
        self.races[prefix.0 as usize].policy = self.policies.acquire(&policy);
        self.policies.release(before);
        self.agenda.change(&mut self.races, prefix.0);
    }

    /// The prefix is attached at these borders from now on.
    pub fn set_attached(&mut self, prefix: PrefixId, attached: &EgressSet) {
        let Some(before) = self.race(prefix).map(|race| race.attached) else { return };
        if self.sets.egress.get(before) == Some(attached) {
            return;
        }
        self.account(prefix.0, Totals::leave);
        self.races[prefix.0 as usize].attached = self.sets.egress.acquire(attached);
        self.sets.egress.release(before);
        self.account(prefix.0, Totals::enter);
        self.agenda.change(&mut self.races, prefix.0);
    }

    /// Takes over a VN as the incumbent, as found steered in the kernel after a restart of the border; for use before the
    /// first decision. The past of all other VNs being unknown, none of them takes over by mere right, such as a master's,
    /// before it has been clean for `fail_back`.
    pub fn adopt(&mut self, prefix: PrefixId, incumbent: u8) {
        if self.race(prefix).is_some() {
            self.account(prefix.0, Totals::leave);
            self.races[prefix.0 as usize].adopt(incumbent);
            self.account(prefix.0, Totals::enter);
        }
    }

    /// Votes on everything again, changed or not, at the next decision.
    pub fn revote(&mut self) {
        self.agenda.change_all();
    }

    /// Holds the votes that are due. Gives the prefixes whose verdict changed in anything.
    pub fn decide(&mut self, now: Millis) -> Vec<PrefixId> {
        let mut due = self.agenda.take(&mut self.races, now);
        due.retain(|prefix| self.vote(now, *prefix));
        due.into_iter().map(PrefixId).collect()
    }

    fn vote(&mut self, now: Millis, prefix: u32) -> bool {
        let at = prefix as usize;
        let race = &mut self.races[at];
        let Some(policy) = self.policies.get(race.policy) else { return false };
        let voters = self.voters.len();
        let session = Session { now, prefix: PrefixId(prefix), voters: &self.voters, sets: &self.sets };
        let cells = &mut self.cells[at * voters..][..voters];
        let before = (race.incumbent, race.runner_up);
        let Outcome { changed, recheck_at, in_doubt } =
            race.vote(session, policy, cells, &mut self.scratch, &mut ());
        let after = (race.incumbent, race.runner_up);
        if before != after
            && let Some(attached) = self.sets.egress.get(race.attached)
        {
            self.totals.leave(before, attached);
            self.totals.enter(after, attached);
        }
        self.agenda.schedule(&mut self.races, prefix, recheck_at);
        self.doubt_or_not(prefix, in_doubt);
        changed
    }

    fn doubt_or_not(&mut self, prefix: u32, in_doubt: bool) {
        let doubted = self.races[prefix as usize].doubt;
        if in_doubt == (doubted != NO_DOUBT) {
            return;
        }
        if in_doubt {
            self.races[prefix as usize].doubt = self.doubts.len() as u32;
            self.doubts.push(prefix);
        } else {
            self.doubts.swap_remove(doubted as usize);
            if let Some(moved) = self.doubts.get(doubted as usize) {
                self.races[*moved as usize].doubt = doubted;
            }
            self.races[prefix as usize].doubt = NO_DOUBT;
        }
    }

    fn account(&mut self, prefix: u32, book: fn(&mut Totals, Pair, &EgressSet)) {
        let race = &self.races[prefix as usize];
        if let Some(attached) = self.sets.egress.get(race.attached) {
            book(&mut self.totals, (race.incumbent, race.runner_up), attached);
        }
    }

    /// When to call [`Poll::decide`] although nothing changes; the origin of the clock if there are votes to hold now.
    /// Sometimes earlier than needed, never later.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.agenda.next()
    }

    /// The last decision's verdict; none before the first, and on a prefix that is not voted on.
    #[must_use]
    pub fn verdict(&self, prefix: PrefixId) -> Option<Verdict> {
        self.race(prefix)?.verdict(&self.voters, self.cells_of(prefix))
    }

    /// The VN that drives a prefix. What [`Poll::verdict`] says, for less.
    #[must_use]
    pub fn winner(&self, prefix: PrefixId) -> Option<u8> {
        self.race(prefix)?.incumbent
    }

    /// The policy in force for a prefix.
    #[must_use]
    pub fn policy(&self, prefix: PrefixId) -> Option<&Policy> {
        self.policies.get(self.race(prefix)?.policy)
    }

    /// The borders at which a prefix is attached, as told.
    #[must_use]
    pub fn attached(&self, prefix: PrefixId) -> Option<&EgressSet> {
        self.sets.egress.get(self.race(prefix)?.attached)
    }

    /// What [`Poll::decide`] would say of a prefix now, with its reasons: the same vote, held on a copy.
    #[must_use]
    pub fn explain(&self, now: Millis, prefix: PrefixId) -> Option<Explanation> {
        let race = *self.race(prefix)?;
        let session = Session { now, prefix, voters: &self.voters, sets: &self.sets };
        Some(race.explain(session, self.policies.get(race.policy)?, self.cells_of(prefix)))
    }

    fn cells_of(&self, prefix: PrefixId) -> &[Cell] {
        &self.cells[prefix.0 as usize * self.voters.len()..][..self.voters.len()]
    }

    /// The route that was last heard of in one VN for one prefix, whether or not packets can get into that VN.
    #[must_use]
    pub fn route(&self, prefix: PrefixId, vn: u8) -> Option<RouteEvidence> {
        self.race(prefix)?;
        let place = usize::from(self.places[usize::from(vn)]?);
        Some(self.sets.route(&self.cells_of(prefix)[place]))
    }

    /// The evidence on one VN for one prefix.
    #[must_use]
    pub fn ballot(&self, prefix: PrefixId, vn: u8) -> Option<Ballot> {
        let race = self.race(prefix)?;
        let place = usize::from(self.places[usize::from(vn)]?);
        Some(self.voters[place].ballot(prefix, &self.cells_of(prefix)[place], race.attached, &self.sets))
    }

    /// The prefixes on which more evidence would help at once: a disagreement settles, a new prefix waits, or even the best
    /// VN seems to lose packets.
    pub fn doubt(&self) -> impl ExactSizeIterator<Item = PrefixId> {
        self.doubts.iter().copied().map(PrefixId)
    }

    /// The borders towards which a VN drives something, with the number of prefixes attached there that it drives.
    pub fn drives(&self, vn: u8) -> impl Iterator<Item = (EgressId, u32)> {
        self.totals.drives(vn)
    }

    /// The one VN that would take over everything a VN drives if that VN failed now; none if several would, or if nobody
    /// would take over some of it.
    #[must_use]
    pub fn succession(&self, vn: u8) -> Option<u8> {
        self.totals.succession(vn)
    }
}
