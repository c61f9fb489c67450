//! Own LSAs (RFC 2328 §12.4): what should be said against what is said, and when it may be (MinLSInterval).

use std::{collections::BTreeMap, time::Duration};

use braid_ospf_packet::{LsType, Lsa, LsaBody, LsaKey, MAX_AGE, Options, SequenceNumber};
use serde::{Deserialize, Serialize};

use crate::{Event, FloodingDomain, Instance, Instant, timers::Timer};

/// What there is to know of an own LSA beside what the database has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Own {
    /// The next origination is not allowed before.
    pub allowed: Instant,
    /// MinLSInterval at present.
    pub wait: Duration,
    /// Sequence numbers are used up: it is being flushed, to start anew (RFC 2328 §12.1.6).
    pub wrapping: bool,
    pub refresh_at: Instant,
}

/// Options and contents of an LSA that should be.
pub struct Wanted {
    pub options: Options,
    pub body: LsaBody,
}

type Place = (FloodingDomain, LsaKey);

impl Instance {
    /// Brings what is said in line with what should be.
    pub(crate) fn originate(&mut self) {
        let wanted = if self.leaving { BTreeMap::new() } else { self.wanted_origins() };
        if self.leaving {
            self.translators.retain(|_| false);
        }
        for place in std::mem::take(&mut self.reclaim) {
            self.reclaim_lsa(place, &wanted);
        }
        for (place, wanted) in &wanted {
            self.say(*place, wanted);
        }
        let silent: Vec<Place> =
            self.own.keys().filter(|place| !wanted.contains_key(place)).copied().collect();
        for (domain, key) in silent {
            if self.lsdb.get(domain, &key).is_none() {
                self.own.remove(&(domain, key));
            } else if !self.lsdb.dying.contains(&(domain, key)) {
                self.expire(domain, &key);
            }
        }
    }

    fn wanted_origins(&mut self) -> BTreeMap<Place, Wanted> {
        let us = self.config.router_id;
        let mut wanted: BTreeMap<Place, Wanted> = self
            .should_say()
            .into_iter()
            .map(|origin| {
                let place = (origin.domain.into(), origin.key(us));
                (place, Wanted { options: origin.options, body: origin.body })
            })
            .collect();
        for (place, data) in &self.opaque {
            let reaches = match place.domain {
                FloodingDomain::Link(id) => self.interfaces.get(&id).is_some_and(|i| i.speaks()),
                FloodingDomain::Area(area) => self.interfaces.values().any(|i| i.config.area == area),
                FloodingDomain::As => true,
            };
            if reaches && self.config.opaque {
                let options = match place.domain {
                    FloodingDomain::Area(area) => {
                        self.hello_options(area).with(Options::O).without(Options::NP)
                    }
                    _ => Options::E.with(Options::O),
                };
                let body = LsaBody::Opaque { ls_type: place.ls_type(), data: data.clone() };
                wanted.insert((place.domain, place.key(us)), Wanted { options, body });
            }
        }
        wanted
    }

    /// RFC 2328 §13.4: somebody has an LSA of ours that we have not (any more) said like that.
    fn reclaim_lsa(&mut self, place: Place, wanted: &BTreeMap<Place, Wanted>) {
        let (domain, key) = place;
        let Some(entry) = self.lsdb.get(domain, &key) else { return };
        let dies = entry.lsa.is_max_age();
        match wanted.get(&place) {
            Some(wanted) => self.say_again(place, wanted),
            None if !dies => self.expire(domain, &key),
            None => {}
        }
    }

    /// Originates if the database has something else, or nothing.
    fn say(&mut self, place: Place, wanted: &Wanted) {
        let (domain, key) = place;
        if let Some(entry) = self.lsdb.get(domain, &key)
            && !entry.lsa.is_max_age()
            && self.own.contains_key(&place)
        {
            let known = &entry.lsa;
            let header = known.header();
            if header.options == wanted.options && same_body(known, &key, wanted, header.sequence) {
                return;
            }
        }
        let (now, pacing) = (self.now, self.config.lsa);
        if self.own.get(&place).is_some_and(|own| own.wrapping) {
            return;
        }
        match self.own.get(&place) {
            Some(own) if own.allowed > now => {
                let at = own.allowed;
                self.timers.no_later_than(Timer::Originate, at);
            }
            None if !pacing.initial.is_zero() => {
                let allowed = now + pacing.initial;
                let own = Own { allowed, wait: pacing.hold, wrapping: false, refresh_at: Instant::FAR };
                self.own.insert(place, own);
                self.timers.no_later_than(Timer::Originate, allowed);
            }
            _ => self.say_again(place, wanted),
        }
    }

    /// Originates the next instance now.
    fn say_again(&mut self, place: Place, wanted: &Wanted) {
        let (domain, key) = place;
        let (now, pacing) = (self.now, self.config.lsa);
        let last = self.lsdb.get(domain, &key).map(|entry| entry.lsa.header().sequence);
        let sequence = match last.map(SequenceNumber::next) {
            None => SequenceNumber::INITIAL,
            Some(Some(next)) => next,
            Some(None) => return self.wrap(place),
        };
        let lsa =
            Lsa::build(0, wanted.options, key.link_state_id, key.advertising_router, sequence, &wanted.body);
        let lsa = match lsa {
            Ok(lsa) => lsa,
            Err(error) => return self.problem(format!("{key}: {error}")),
        };
        let jitter = self.random(u64::try_from(pacing.refresh.as_micros() / 20).unwrap_or(0));
        let refresh = pacing.refresh.min(Duration::from_secs(1800))
            - Duration::from_micros(jitter).min(pacing.refresh / 2);
        let refresh_at = now + refresh;
        let own = self.own.entry(place).or_insert(Own {
            allowed: now,
            wait: pacing.hold,
            wrapping: false,
            refresh_at,
        });
        // Doubles while changes follow each other, starts anew after a quiet time.
        let quiet = now.duration_since(own.allowed) > own.wait.max(pacing.hold) * 2;
        own.wait = if quiet || last.is_none() {
            pacing.hold
        } else {
            (own.wait * 2).min(pacing.max).max(pacing.hold)
        };
        own.allowed = now + own.wait;
        own.refresh_at = refresh_at;
        self.timers.no_later_than(Timer::Refresh, refresh_at);
        self.counters.originated += 1;
        let is_change = self.install(domain, &lsa);
        self.flood(domain, key, None, is_change);
    }

    /// RFC 2328 §12.1.6.
    fn wrap(&mut self, place: Place) {
        let (domain, key) = place;
        let now = self.now;
        let own = self.own.entry(place).or_insert(Own {
            allowed: now,
            wait: Duration::ZERO,
            wrapping: false,
            refresh_at: Instant::FAR,
        });
        if !own.wrapping {
            own.wrapping = true;
            self.emit(Event::SequenceWrap { key });
            self.expire(domain, &key);
            self.reap = true;
        }
    }

    /// LSRefreshTime is over for some: originates them again, and those that are due soon with them.
    pub(crate) fn refresh(&mut self) {
        let until = self.now + self.config.lsa.group;
        let due: Vec<Place> = self
            .own
            .iter()
            .filter(|(_, own)| own.refresh_at <= until && !own.wrapping)
            .map(|(place, _)| *place)
            .collect();
        for (domain, key) in due {
            let Some(entry) = self.lsdb.get(domain, &key).filter(|entry| entry.lsa.age() < MAX_AGE) else {
                continue;
            };
            let wanted = Wanted { options: entry.lsa.header().options, body: entry.lsa.body() };
            self.say_again((domain, key), &wanted);
        }
        if let Some(next) = self.own.values().map(|own| own.refresh_at).filter(|at| *at > until).min() {
            self.timers.no_later_than(Timer::Refresh, next);
        }
    }
}

/// Whether the LSA says just that. Type 2 to 5 bodies are small; comparing bytes needs no care for each kind.
fn same_body(known: &Lsa, key: &LsaKey, wanted: &Wanted, sequence: SequenceNumber) -> bool {
    debug_assert_eq!(key.ls_type, wanted.body.ls_type());
    if key.ls_type != LsType::Router && known.body() == wanted.body {
        return true;
    }
    Lsa::build(0, wanted.options, key.link_state_id, key.advertising_router, sequence, &wanted.body)
        .is_ok_and(|lsa| lsa.body_bytes() == known.body_bytes())
}
