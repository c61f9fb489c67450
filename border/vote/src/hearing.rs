//! How evidence gets into the poll.

use crate::{
    EgressId, Evidence, Millis, Poll, PrefixId, ProbeEvidence, RouteEvidence, Unusable, VerificationEvidence,
    cell::{Cell, Finding, Route},
    sets::Sets,
    time::Stamp,
    voter::{Converged, Voter},
};

impl Poll {
    /// Takes in a piece of evidence. Says whether it is news; on prefixes and VNs that do not vote it is not.
    pub fn hear(&mut self, now: Millis, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::Route { prefix, vn, route } => self.hear_route(now, *prefix, *vn, route),
            Evidence::Probe { prefix, vn, probe } => {
                let found = |sets: &mut Sets| match probe {
                    ProbeEvidence::Unknown => Finding::UNKNOWN,
                    ProbeEvidence::Lost => Finding::LOST,
                    ProbeEvidence::Delivers { egress } => {
                        Finding::delivers(sets.egress.acquire(egress), true)
                    }
                };
                self.hear_finding(now, *prefix, *vn, found, |cell| (&mut cell.probe, &mut cell.probe_since))
            }
            Evidence::Verification { prefix, vn, verification } => {
                let found = |sets: &mut Sets| match verification {
                    VerificationEvidence::Unknown => Finding::UNKNOWN,
                    VerificationEvidence::Loops => Finding::LOOPS,
                    VerificationEvidence::Dropped => Finding::DROPPED,
                    VerificationEvidence::Delivers { egress } => {
                        Finding::delivers(sets.egress.acquire(egress), true)
                    }
                    VerificationEvidence::DiffersFromModel { egress } => {
                        Finding::delivers(sets.egress.acquire(egress), false)
                    }
                };
                self.hear_finding(now, *prefix, *vn, found, |cell| {
                    (&mut cell.verification, &mut cell.verification_since)
                })
            }
            Evidence::Border { border, vn, lost } => self.hear_border(now, *border, *vn, *lost),
            Evidence::VerificationAway => self.forget_verification(now),
            Evidence::Engine { vn, state } => self.hear_voter(*vn, |voter| {
                let news = voter.engine.state != *state;
                if news {
                    (voter.engine.state, voter.engine.since) = (*state, now);
                }
                news
            }),
            Evidence::Port { vn, up } => self.hear_voter(*vn, |voter| {
                let news = voter.port.0 != *up;
                if news {
                    voter.port = (*up, now);
                }
                news
            }),
            Evidence::Converged { vn, asked, at_rest, pending } => {
                let asked = (*asked).min(now);
                self.hear_clone(*vn, Converged { asked, at_rest: *at_rest, pending: pending.clone() })
            }
        }
    }

    fn hear_voter(&mut self, vn: u8, change: impl FnOnce(&mut Voter) -> bool) -> bool {
        let Some(place) = self.places[usize::from(vn)] else { return false };
        let news = change(&mut self.voters[usize::from(place)]);
        if news {
            self.revote();
        }
        news
    }

    /// Only where there is doubt can it change a verdict.
    fn hear_clone(&mut self, vn: u8, converged: Converged) -> bool {
        let Some(place) = self.places[usize::from(vn)] else { return false };
        let known = &mut self.voters[usize::from(place)].converged;
        if converged.asked <= known.asked {
            return false;
        }
        *known = converged;
        for prefix in &self.doubts {
            self.agenda.change(&mut self.races, *prefix);
        }
        true
    }

    fn cell_at(&self, prefix: PrefixId, vn: u8) -> Option<usize> {
        self.race(prefix)?;
        let place = self.places[usize::from(vn)]?;
        Some(prefix.0 as usize * self.voters.len() + usize::from(place))
    }

    fn hear_route(&mut self, now: Millis, prefix: PrefixId, vn: u8, route: &RouteEvidence) -> bool {
        let Some(at) = self.cell_at(prefix, vn) else { return false };
        let before = self.cells[at];
        let (route, metric) = match route {
            RouteEvidence::Missing => (Route::MISSING, 0),
            RouteEvidence::Unusable { reason } => (Route::unusable(*reason), 0),
            RouteEvidence::Usable { next_hops, .. } if next_hops.is_empty() => {
                (Route::unusable(Unusable::NoLiveNextHop), 0)
            }
            RouteEvidence::Usable { next_hops, metric } => {
                (Route::usable(self.sets.next_hops.acquire(next_hops)), *metric)
            }
        };
        if let Some(set) = before.route.next_hops() {
            self.sets.next_hops.release(set);
        }
        if (before.route, before.metric) == (route, metric) {
            return false;
        }
        let cell = &mut self.cells[at];
        (cell.route, cell.metric, cell.fib_since) = (route, metric, now.into());
        self.agenda.change(&mut self.races, prefix.0);
        true
    }

    fn hear_finding(
        &mut self,
        now: Millis,
        prefix: PrefixId,
        vn: u8,
        found: impl FnOnce(&mut Sets) -> Finding,
        part: impl FnOnce(&mut Cell) -> (&mut Finding, &mut Stamp),
    ) -> bool {
        let Some(at) = self.cell_at(prefix, vn) else { return false };
        let finding = found(&mut self.sets);
        let (kept, since) = part(&mut self.cells[at]);
        let before = std::mem::replace(kept, finding);
        if let Some(set) = before.egress() {
            self.sets.egress.release(set);
        }
        let news = before != finding;
        if news {
            *since = now.into();
            self.agenda.change(&mut self.races, prefix.0);
        }
        news
    }

    fn hear_border(&mut self, now: Millis, border: EgressId, vn: u8, lost: bool) -> bool {
        let Some(place) = self.places[usize::from(vn)].map(usize::from) else { return false };
        let known = &mut self.voters[place].lost;
        if known.contains_key(&border) == lost {
            return false;
        }
        match lost {
            true => known.insert(border, now),
            false => known.remove(&border),
        };
        let concerned = self.sets.egress.such(|set| set.binary_search(&border).is_ok());
        for prefix in 0..self.races.len() {
            let race = &self.races[prefix];
            let egress = self.cells[prefix * self.voters.len() + place].egress().unwrap_or(race.attached);
            if !race.closed && concerned.get(egress as usize) == Some(&true) {
                self.agenda.change(&mut self.races, prefix as u32);
            }
        }
        true
    }

    fn forget_verification(&mut self, now: Millis) -> bool {
        let mut news = false;
        for (at, cell) in self.cells.iter_mut().enumerate() {
            if cell.verification != Finding::UNKNOWN {
                if let Some(set) = cell.verification.egress() {
                    self.sets.egress.release(set);
                }
                (cell.verification, cell.verification_since) = (Finding::UNKNOWN, now.into());
                self.agenda.change(&mut self.races, (at / self.voters.len()) as u32);
                news = true;
            }
        }
        news
    }
}
