//! Flooding: out of which interfaces an LSA goes (RFC 2328 §13.3), and the packets that carry it.

use std::{cmp::Ordering, time::Duration};

use braid_ospf_packet::{Body, LinkStateUpdate, LsType, Lsa, LsaKey, Options};

use crate::{
    FloodingDomain, Instance, Instant, InterfaceId, InterfaceState, NeighbourState,
    interface::Interface,
    neighbour::{Neighbour, Place},
    timers::Timer,
    transmit::To,
};

/// Updates that one interface floods without a pause, and the pause. Receivers' buffers are finite.
const BURST_PACKETS: u32 = 48;
const PAUSE: Duration = Duration::from_millis(5);

/// What becomes of an LSA at one neighbour (RFC 2328 §13.3 (1)).
enum Need {
    Nothing,
    /// It is no longer to be asked for.
    Has,
    /// It is to be sent and acknowledged.
    Send,
}

impl Instance {
    /// Floods an LSA that is in the database. `from`: who sent it, `None` if we originated it. Gives whether it goes back
    /// out of the interface that it came in by.
    pub(crate) fn flood(
        &mut self,
        domain: FloodingDomain,
        key: LsaKey,
        from: Option<Place>,
        is_change: bool,
    ) -> bool {
        let mut back = false;
        let ids: Vec<InterfaceId> = self
            .interfaces
            .values()
            .filter(|interface| self.is_eligible(interface, domain))
            .map(|i| i.id)
            .collect();
        for id in ids {
            back |= self.flood_by(id, domain, key, from, is_change);
        }
        back
    }

    /// RFC 2328 §13.3, RFC 5250 §3.1, RFC 3101 §2.4.
    fn is_eligible(&self, interface: &Interface, domain: FloodingDomain) -> bool {
        if interface.neighbours.is_empty() {
            return false;
        }
        match domain {
            FloodingDomain::Link(id) => interface.id == id,
            FloodingDomain::Area(area) => interface.config.area == area,
            FloodingDomain::As => {
                interface.virtual_end.is_none() && self.area_takes_externals(interface.config.area)
            }
        }
    }

    fn flood_by(
        &mut self,
        id: InterfaceId,
        domain: FloodingDomain,
        key: LsaKey,
        from: Option<Place>,
        is_change: bool,
    ) -> bool {
        let (mut added, mut loaded) = (Vec::new(), Vec::new());
        let Some(entry) = self.lsdb.get(domain, &key) else { return false };
        let header = entry.header(self.now);
        let Some(interface) = self.interfaces.get_mut(&id) else { return false };
        for (address, neighbour) in &mut interface.neighbours {
            let need = need(neighbour, key, &header);
            if matches!(need, Need::Has)
                || matches!(need, Need::Send) && neighbour.asked.remove(&key).is_some()
            {
                loaded.push(*address);
            }
            if matches!(need, Need::Send) && from != Some((id, *address)) {
                added.push(*address);
            }
        }
        // (2) to (4)
        let back = from.is_some_and(|place| place.0 == id);
        let sender = from.filter(|_| back).and_then(|place| interface.neighbours.get(&place.1));
        let by_designated = sender.is_some_and(|sender| {
            [interface.dr, interface.backup].contains(&sender.address) && interface.is_broadcast()
        });
        let silent = by_designated || back && interface.state == InterfaceState::Backup;
        let sends = !added.is_empty() && !silent;
        if sends {
            interface.flood.insert((domain, key), ());
            self.flooding.insert(id);
        }
        for address in added {
            self.expect_acknowledgment((id, address), key, is_change);
        }
        for address in loaded {
            self.check_loaded((id, address));
        }
        back && sends
    }

    /// Sends what has gathered on the interfaces.
    pub(crate) fn flush(&mut self) {
        for id in std::mem::take(&mut self.flooding) {
            self.flush_interface(id);
        }
    }

    pub(crate) fn flush_interface(&mut self, id: InterfaceId) {
        let now = self.now;
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        if now.duration_since(interface.burst.0) >= PAUSE {
            interface.burst = (now, 0);
        }
        let mut budget = (BURST_PACKETS.saturating_sub(interface.burst.1)) as usize * interface.room();
        let mut lsas = Vec::new();
        while budget > 0
            && let Some(((domain, key), ())) = interface.flood.pop_first()
        {
            if let Some(entry) = self.lsdb.get(domain, &key) {
                budget = budget.saturating_sub(entry.lsa.bytes().len());
                lsas.push(entry.current(now));
            }
        }
        let again = (!interface.flood.is_empty()).then_some(interface.burst.0 + PAUSE);
        if let Some(again) = again {
            self.timers.start(Timer::Flood(id), again.max(now + Duration::from_millis(1)));
        }
        let packets = self.send_lsas(id, To::Flooders, lsas);
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.burst.1 = interface.burst.1.saturating_add(packets);
        }
    }

    /// Sends LSAs in as few packets as the MTU lets, each InfTransDelay older. Gives the number of packets.
    pub(crate) fn send_lsas(&mut self, id: InterfaceId, to: To, lsas: Vec<Lsa>) -> u32 {
        let Some(interface) = self.interfaces.get(&id) else { return 0 };
        let (room, delay) =
            (interface.room() - LinkStateUpdate::FIXED_LENGTH, interface.config.transmit_delay);
        let (mut packets, mut bytes, mut batch) = (0, 0, Vec::new());
        for lsa in lsas {
            let length = lsa.bytes().len();
            if !batch.is_empty() && bytes + length > room {
                packets += 1;
                self.send_update(id, to, std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += length;
            batch.push(lsa.with_age(lsa.age().saturating_add(delay)));
        }
        if !batch.is_empty() {
            packets += 1;
            self.send_update(id, to, batch);
        }
        packets
    }

    fn send_update(&mut self, id: InterfaceId, to: To, lsas: Vec<Lsa>) {
        let update = LinkStateUpdate { lsas, rejected: Vec::new() };
        self.transmit(id, to, &Body::LinkStateUpdate(update));
    }

    /// Whether LSAs of this type belong where the interface leads (RFC 2328 §13 (2), (3), RFC 5250 §3.1).
    pub(crate) fn belongs(&self, interface: &Interface, ls_type: LsType) -> bool {
        match ls_type {
            LsType::External => {
                interface.virtual_end.is_none() && self.area_takes_externals(interface.config.area)
            }
            LsType::OpaqueAs => {
                self.config.opaque
                    && interface.virtual_end.is_none()
                    && self.area_takes_externals(interface.config.area)
            }
            LsType::Nssa => self.area_is_nssa(interface.config.area),
            LsType::OpaqueLink | LsType::OpaqueArea => self.config.opaque,
            _ => true,
        }
    }

    /// The pause is over.
    pub(crate) fn flood_timer(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.burst = (Instant::ZERO, 0);
        }
        self.flush_interface(id);
    }
}

/// RFC 2328 §13.3 (1).
fn need(neighbour: &mut Neighbour, key: LsaKey, header: &braid_ospf_packet::LsaHeader) -> Need {
    if neighbour.state < NeighbourState::Exchange
        || key.ls_type.is_opaque() && !neighbour.options.contains(Options::O)
    {
        return Need::Nothing;
    }
    if neighbour.state < NeighbourState::Full {
        let asked = neighbour.wanted.get(&key).or_else(|| neighbour.asked.get(&key));
        if let Some(theirs) = asked {
            match header.compare(theirs) {
                Ordering::Less => return Need::Nothing,
                Ordering::Equal => {
                    neighbour.wanted.remove(&key);
                    neighbour.asked.remove(&key);
                    return Need::Has;
                }
                // Removed by the caller too, who then looks whether all is loaded.
                Ordering::Greater => {
                    let theirs = *theirs;
                    neighbour.wanted.remove(&key);
                    neighbour.asked.insert(key, theirs);
                }
            }
        }
    }
    Need::Send
}
