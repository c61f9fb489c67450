//! The ageing of the database (RFC 2328 §14) and the end of LSAs.

use braid_ospf_packet::{Lsa, LsaKey, MAX_AGE};

use crate::{FloodingDomain, Instance, NeighbourState};

impl Instance {
    /// LSAs that have reached MaxAge by themselves are flooded as such.
    pub(crate) fn age(&mut self) {
        while let Some((domain, key)) = self.lsdb.expired(self.now) {
            self.expire(domain, &key);
        }
    }

    /// Makes an LSA of the database MaxAge and floods it: premature ageing (RFC 2328 §14.1), or its time has come.
    pub(crate) fn expire(&mut self, domain: FloodingDomain, key: &LsaKey) {
        let Some(entry) = self.lsdb.get(domain, key) else { return };
        let lsa = entry.lsa.with_age(MAX_AGE);
        let is_change = self.install(domain, &lsa);
        self.flood(domain, *key, None, is_change);
    }

    /// Removes LSAs at MaxAge that all neighbours know of, once nobody describes databases (RFC 2328 §14).
    pub(crate) fn reap(&mut self) {
        if self.lsdb.dying.is_empty() {
            return;
        }
        let busy = self.interfaces.values().any(|interface| interface.in_exchange());
        if busy {
            return;
        }
        let dying: Vec<_> = self.lsdb.dying.iter().copied().collect();
        for (domain, key) in dying {
            if !self.is_awaited(domain, &key) {
                self.lsdb.remove(domain, &key);
                self.removed(domain, &key);
            }
        }
    }

    fn is_awaited(&self, domain: FloodingDomain, key: &LsaKey) -> bool {
        self.interfaces.values().any(|interface| {
            interface.domain(key.ls_type) == domain
                && interface.neighbours.values().any(|neighbour| {
                    neighbour.state >= NeighbourState::Exchange && neighbour.retransmissions.contains_key(key)
                })
        })
    }

    /// An LSA left the database: an own one may now start again with the first sequence number.
    fn removed(&mut self, domain: FloodingDomain, key: &LsaKey) {
        if let Some(own) = self.own.get_mut(&(domain, *key)) {
            if own.wrapping {
                own.wrapping = false;
                self.unsaid = true;
            } else {
                self.own.remove(&(domain, *key));
            }
        }
    }

    /// Drops a domain's LSAs without a word: the domain itself is no more for us.
    pub(crate) fn remove_domain(&mut self, domain: FloodingDomain) {
        let gone: Vec<Lsa> = self.lsdb.iter(domain).map(|(_, entry)| entry.lsa.clone()).collect();
        for lsa in gone {
            let key = lsa.key();
            self.lsdb.remove(domain, &key);
            self.own.remove(&(domain, key));
            self.reclaim.remove(&(domain, key));
            self.forget_retransmissions(domain, &key);
            if let Some(routing) = domain.routing() {
                self.table.lsa_removed(self.now, routing, &key);
            }
        }
        self.own.retain(|(own, _), _| *own != domain);
    }
}
