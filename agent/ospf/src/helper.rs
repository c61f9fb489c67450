//! The instance's part in a neighbour's graceful restart (RFC 3623 §3). Decisions are in [`crate::graceful`].

use braid_ospf_packet::{LsType, Lsa, LsaBody};

use crate::{
    Event, FloodingDomain, Instance, NeighbourState,
    graceful::{Grace, OPAQUE_TYPE, Segment, Standing},
};

impl Instance {
    /// The contents of an LSA changed: a grace-LSA begins or ends help, others may end it.
    pub(crate) fn help_content_changed(&mut self, domain: FloodingDomain, lsa: &Lsa) {
        let key = lsa.key();
        match (domain, key.ls_type) {
            (FloodingDomain::Link(id), LsType::OpaqueLink)
                if key.link_state_id.octets()[0] == OPAQUE_TYPE =>
            {
                self.grace((id, key.advertising_router), lsa);
            }
            (_, ls_type) if !ls_type.is_opaque() => {
                // The restarting router's own LSAs coming back are no change for it.
                if self.helper.next().is_none() {
                    return;
                }
                let mut helper = std::mem::take(&mut self.helper);
                let ended = helper.changed(|id| {
                    self.interfaces.get(&id).is_some_and(|interface| match domain {
                        FloodingDomain::Link(link) => link == id,
                        FloodingDomain::Area(area) => interface.config.area == area,
                        FloodingDomain::As => self.area_takes_externals(interface.config.area),
                    })
                });
                self.helper = helper;
                self.help_ended(&ended, "the topology changed");
            }
            _ => {}
        }
    }

    fn grace(&mut self, segment: Segment, lsa: &Lsa) {
        if segment.1 == self.config.router_id {
            return;
        }
        if lsa.is_max_age() {
            if self.helper.leave(segment) {
                self.help_ended(&[segment], "it is done");
            }
            return;
        }
        let LsaBody::Opaque { data, .. } = lsa.body() else { return };
        let entered = Grace::parse(&data).map_err(|error| error.to_string()).and_then(|grace| {
            let interface = self.interfaces.get(&segment.0);
            let neighbour = interface
                .and_then(|interface| interface.neighbours.values().find(|one| one.router_id == segment.1));
            let standing = Standing {
                full: neighbour.is_some_and(|neighbour| neighbour.state == NeighbourState::Full),
                owed_changes: neighbour.is_some_and(|neighbour| neighbour.owed_changes),
                age: lsa.age(),
            };
            self.helper.enter(self.now, segment, &grace, standing).map_err(|reason| reason.to_string())
        });
        let what = match entered {
            Ok(()) => "helping".to_owned(),
            Err(reason) => format!("not helping: {reason}"),
        };
        self.emit(Event::Helper { interface: segment.0, router_id: segment.1, what });
        self.changed();
    }

    /// Neighbours are helped no longer: those that are silent are gone.
    pub(crate) fn help_ended(&mut self, segments: &[Segment], why: &str) {
        for (id, router) in segments {
            self.emit(Event::Helper {
                interface: *id,
                router_id: *router,
                what: format!("help ends: {why}"),
            });
            if let Some(interface) = self.interfaces.get_mut(id) {
                interface
                    .neighbours
                    .retain(|_, one| one.router_id != *router || one.state != NeighbourState::Down);
            }
            self.changed();
        }
    }

    pub(crate) fn expire_help(&mut self) {
        if self.helper.next().is_some_and(|at| at <= self.now) {
            let ended = self.helper.expire(self.now);
            self.help_ended(&ended, "the grace period is over");
        }
    }
}
