//! Received link state updates (RFC 2328 §13) and the installation of LSAs (§13.2).

use std::{cmp::Ordering, net::Ipv4Addr};

use braid_ospf_packet::{LinkStateUpdate, LsType, Lsa, LsaHeader, LsaKey, SequenceNumber};

use crate::{
    ALL_SPF_ROUTERS, FloodingDomain, Instance, InterfaceState, LimitKind, NeighbourState,
    neighbour::{NeighbourEvent, Place},
    timers::Timer,
    transmit::To,
};

impl Instance {
    pub(crate) fn receive_update(&mut self, place: Place, update: LinkStateUpdate, destination: Ipv4Addr) {
        if self.neighbour(place).is_none_or(|neighbour| neighbour.state < NeighbourState::Exchange) {
            return;
        }
        self.counters.bad_lsas += update.rejected.len() as u64;
        let (mut direct, mut answers) = (Vec::new(), Vec::new());
        for lsa in update.lsas {
            if !self.receive_lsa(place, &lsa, destination, &mut direct, &mut answers) {
                break;
            }
        }
        self.acknowledge_now(place, &direct);
        if let Some(neighbour) = self.neighbour(place) {
            let to = To::One(neighbour.address);
            self.send_lsas(place.0, to, answers);
        }
        self.check_loaded(place);
    }

    /// One LSA of an update. Gives whether the rest of the update still counts.
    fn receive_lsa(
        &mut self,
        place: Place,
        lsa: &Lsa,
        destination: Ipv4Addr,
        direct: &mut Vec<LsaHeader>,
        answers: &mut Vec<Lsa>,
    ) -> bool {
        let now = self.now;
        let Some(interface) = self.interfaces.get(&place.0) else { return false };
        let header = lsa.header();
        let key = header.key;
        // (2), (3)
        if !self.belongs(interface, key.ls_type) {
            return true;
        }
        let domain = interface.domain(key.ls_type);
        let known = self.lsdb.get(domain, &key).map(|entry| (entry.header(now), entry.installed));
        // (4)
        if header.is_max_age() && known.is_none() && !self.interfaces.values().any(|i| i.in_exchange()) {
            direct.push(header);
            return true;
        }
        match known {
            None => self.receive_newer(place, domain, lsa, destination),
            Some((ours, installed)) => match header.compare(&ours) {
                Ordering::Greater => {
                    // (5a): only of copies that came by flooding, which our own did not; what we asked for is welcome. The
                    // flush of the very instance that we have is no new one: MinLSArrival would keep it out, and who answers
                    // our instance with it (8) does so once, unacknowledged, and forgets the LSA when its others know.
                    let flooded = !self.is_own(lsa) && !self.is_requested(place, &key);
                    let is_flush = header.is_max_age()
                        && (header.sequence, header.checksum) == (ours.sequence, ours.checksum);
                    let is_early = now.duration_since(installed) < self.config.lsa.min_arrival;
                    if flooded && is_early && !is_flush {
                        self.counters.too_soon += 1;
                    } else {
                        self.receive_newer(place, domain, lsa, destination);
                    }
                }
                // (6)
                _ if self.is_requested(place, &key) => {
                    self.neighbour_event(place, NeighbourEvent::BadRequest);
                    return false;
                }
                Ordering::Equal => self.receive_duplicate(place, header, direct),
                // (8)
                Ordering::Less => {
                    let wrapping = ours.is_max_age() && ours.sequence == SequenceNumber::MAX;
                    if !wrapping && let Some(entry) = self.lsdb.get(domain, &key) {
                        answers.push(entry.current(now));
                    }
                }
            },
        }
        true
    }

    fn is_requested(&self, place: Place, key: &LsaKey) -> bool {
        self.neighbour(place)
            .is_some_and(|neighbour| neighbour.asked.contains_key(key) || neighbour.wanted.contains_key(key))
    }

    /// (5): there was none, or an older one.
    fn receive_newer(&mut self, place: Place, domain: FloodingDomain, lsa: &Lsa, destination: Ipv4Addr) {
        let header = lsa.header();
        let key = header.key;
        let is_own = self.is_own(lsa);
        if !is_own && let Some(limit) = self.full_database(domain, lsa) {
            self.limit(limit);
            if let Some(neighbour) = self.neighbour_mut(place) {
                neighbour.wanted.remove(&key);
                neighbour.asked.remove(&key);
            }
            return;
        }
        let is_change = self.install(domain, lsa);
        let back = self.flood(domain, key, Some(place), is_change);
        if is_own {
            self.reclaim.insert((domain, key));
            self.unsaid = true;
        }
        if back {
            return;
        }
        // RFC 2328 §13.5, table 19.
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        let from_dr = neighbour.address == interface.dr;
        let answered = destination != ALL_SPF_ROUTERS && !interface.is_broadcast();
        if interface.state != InterfaceState::Backup || from_dr || answered {
            self.acknowledge_later(place.0, header);
        }
    }

    /// (7): the same instance.
    fn receive_duplicate(&mut self, place: Place, header: LsaHeader, direct: &mut Vec<LsaHeader>) {
        if !self.acknowledged(place, &header.key) {
            direct.push(header);
            return;
        }
        let Some(interface) = self.interfaces.get(&place.0) else { return };
        let Some(neighbour) = interface.neighbours.get(&place.1) else { return };
        if interface.state == InterfaceState::Backup && neighbour.address == interface.dr {
            self.acknowledge_later(place.0, header);
        }
    }

    /// RFC 2328 §13.4: by router id, or a network-LSA of one of our addresses from before our id changed.
    pub(crate) fn is_own(&self, lsa: &Lsa) -> bool {
        let key = lsa.key();
        key.advertising_router == self.config.router_id
            || key.ls_type == LsType::Network && self.own_addresses().any(|own| own == key.link_state_id)
    }

    /// The limit that keeps a new LSA out, if one does.
    fn full_database(&self, domain: FloodingDomain, lsa: &Lsa) -> Option<LimitKind> {
        let before = self.lsdb.get(domain, &lsa.key());
        let limits = &self.config.limits;
        let grown = lsa.bytes().len().saturating_sub(before.map_or(0, |entry| entry.lsa.bytes().len()));
        if before.is_none() && self.lsdb.len() >= limits.lsas {
            Some(LimitKind::Lsas)
        } else if grown > 0 && self.lsdb.bytes() + grown > limits.lsa_bytes {
            Some(LimitKind::LsaBytes)
        } else {
            None
        }
    }

    /// RFC 2328 §13.2: puts the LSA in the database. Gives whether its contents changed. Flooding is the caller's.
    pub(crate) fn install(&mut self, domain: FloodingDomain, lsa: &Lsa) -> bool {
        let (now, key, dies) = (self.now, lsa.key(), lsa.is_max_age());
        self.counters.installed += 1;
        let old = self.lsdb.insert(domain, lsa.clone(), now);
        let was_dying = old.as_ref().is_some_and(|old| old.lsa.is_max_age());
        let is_change = match &old {
            Some(old) => was_dying != dies || !old.lsa.same_content(lsa),
            None => !dies,
        };
        // (5c): nobody is to be sent the old instance any more.
        if old.is_some() {
            self.forget_retransmissions(domain, &key);
        }
        self.forget_acknowledgments(domain, &key);
        if dies {
            self.reap = true;
        }
        if is_change {
            self.content_changed(domain, lsa);
        }
        is_change
    }

    /// An acknowledgment that still waits is of the instance before. Sent now, it could meet a neighbour that has since learnt
    /// that instance again, and take away the only thing that would make it hear of this one.
    fn forget_acknowledgments(&mut self, domain: FloodingDomain, key: &LsaKey) {
        for interface in self.interfaces.values_mut() {
            if !interface.acks.is_empty() && interface.domain(key.ls_type) == domain {
                interface.acks.retain(|header| header.key != *key);
            }
        }
    }

    pub(crate) fn forget_retransmissions(&mut self, domain: FloodingDomain, key: &LsaKey) {
        let mut idle = Vec::new();
        for interface in self.interfaces.values_mut() {
            if interface.neighbours.is_empty() || interface.domain(key.ls_type) != domain {
                continue;
            }
            for (address, neighbour) in &mut interface.neighbours {
                if neighbour.retransmissions.remove(key).is_some()
                    && neighbour.retransmissions.is_empty()
                    && neighbour.state == NeighbourState::Full
                {
                    idle.push(Timer::Retransmit(interface.id, *address));
                }
            }
        }
        for timer in idle {
            self.timers.stop(timer);
        }
    }

    /// The database says something new: routes, our own LSAs and our help may depend on it.
    pub(crate) fn content_changed(&mut self, domain: FloodingDomain, lsa: &Lsa) {
        if let Some(routing) = domain.routing() {
            self.table.lsa_changed(self.now, routing, lsa);
            if lsa.ls_type() == LsType::Nssa || lsa.ls_type() == LsType::External {
                self.unsaid = true;
            }
        }
        self.help_content_changed(domain, lsa);
    }
}
