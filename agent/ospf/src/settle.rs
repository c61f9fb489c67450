//! What follows from an input: timers, routes, own LSAs, packets, until nothing more does.

use braid_ospf_originate::{
    AreaView, Database, InterfaceView, Local, NeighbourView, Origin, VirtualLinkView, active_areas,
    is_area_border, is_elected, originate,
};
use braid_ospf_packet::{AreaId, LsType, Lsa, LsaKey};
use braid_ospf_route::{Domain, VirtualLink};

use crate::{
    Event, FloodingDomain, Instance, InterfaceId, NeighbourState, Output, lsdb::Lsdb, timers::Timer, view,
};

/// Rounds in which routes and own LSAs may follow from each other before the rest waits for the next call.
const MOST_ROUNDS: usize = 8;

impl Instance {
    pub(crate) fn settle(&mut self) {
        self.run_timers();
        self.age();
        self.expire_help();
        for _ in 0..MOST_ROUNDS {
            if !self.settle_once() {
                break;
            }
        }
        self.flush();
        if std::mem::take(&mut self.reap) {
            self.reap();
            if self.unsaid {
                // A sequence number wrapped, and the old instance is gone.
                self.settle_once();
                self.flush();
            }
        }
        if self.leaving && !self.left && self.own.is_empty() {
            self.finish_leaving();
        }
    }

    fn run_timers(&mut self) {
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::Hello(id) => self.hellos(id),
                Timer::Wait(id) => self.interface_event(id, crate::interface::InterfaceEvent::WaitTimer),
                Timer::Ack(id) => self.send_acknowledgments(id),
                Timer::Flood(id) => self.flood_timer(id),
                Timer::Inactivity(id, key) => self.inactivity((id, key)),
                Timer::Retransmit(id, key) => self.retransmit((id, key)),
                Timer::Originate => self.unsaid = true,
                Timer::Refresh => self.refresh(),
            }
        }
    }

    /// One round. Gives whether anything happened.
    pub(crate) fn settle_once(&mut self) -> bool {
        let mut acted = false;
        if std::mem::take(&mut self.dirty) {
            self.refresh_table();
            self.unsaid = true;
            acted = true;
        }
        self.unsaid |= self.translators.expire(self.now);
        // Before routes are computed: they follow from our own router-LSAs, too.
        if std::mem::take(&mut self.unsaid) {
            self.originate();
            acted = true;
        }
        if self.table.next().is_some_and(|at| at <= self.now)
            && let Some((routes, work)) = self.table.poll(self.now)
        {
            self.counters.computations += 1;
            self.counters.work.full_spf += work.full_spf;
            self.counters.work.incremental_spf += work.incremental_spf;
            self.counters.work.vertices = self.counters.work.vertices.wrapping_add(work.vertices);
            self.counters.work.prefixes = self.counters.work.prefixes.wrapping_add(work.prefixes);
            self.routing_changed(routes);
            acted = true;
        }
        acted
    }

    /// A computation is complete.
    fn routing_changed(&mut self, routes: Vec<crate::RouteUpdate>) {
        if !routes.is_empty() {
            self.outputs.push_back(Output::Routes(routes));
        }
        if !self.config.virtual_links.is_empty() {
            self.sync_virtual_links();
        }
        // Only what a border router or an ASBR says depends on routes.
        let depends = self.config.areas.len() > 1
            || !self.externals.is_empty()
            || !self.config.virtual_links.is_empty()
            || self.config.interfaces.values().any(|interface| !interface.area.0.is_unspecified());
        self.unsaid |= depends;
    }

    fn interface_views(&self) -> Vec<(InterfaceId, InterfaceView)> {
        let unnumbered = view::unnumbered(&self.config);
        let of = |interface: &crate::interface::Interface| {
            let neighbours = interface
                .neighbours
                .values()
                .filter(|neighbour| {
                    neighbour.state >= NeighbourState::Init
                        || self.helper.is_helping((interface.id, neighbour.router_id))
                })
                .map(|neighbour| NeighbourView {
                    router_id: neighbour.router_id,
                    address: neighbour.address,
                    full: neighbour.state == NeighbourState::Full
                        || self.helper.is_helping((interface.id, neighbour.router_id)),
                })
                .collect();
            let view = view::interface(
                interface.id,
                &interface.config,
                &unnumbered,
                interface.state,
                interface.dr,
                neighbours,
            );
            (interface.id, view)
        };
        self.interfaces.values().filter(|interface| interface.virtual_end.is_none()).map(of).collect()
    }

    fn virtual_link_views(&self) -> Vec<VirtualLinkView> {
        let full = |place: usize| {
            self.config.virtual_links.get(place).is_some_and(|link| {
                self.interfaces.values().any(|interface| {
                    interface
                        .virtual_end
                        .is_some_and(|end| end.transit == link.transit && end.endpoint == link.endpoint)
                        && interface.full() > 0
                })
            })
        };
        view::virtual_links(&self.config, &self.table, full)
    }

    /// Everything that origination looks at, put together for one question.
    fn with_local<T>(&self, question: impl FnOnce(&Local<'_>) -> T) -> T {
        let areas = view::areas(&self.config, &self.translators);
        let interfaces: Vec<InterfaceView> =
            self.interface_views().into_iter().map(|(_, view)| view).collect();
        let virtual_links = self.virtual_link_views();
        question(&Local {
            router_id: self.config.router_id,
            areas: &areas,
            interfaces: &interfaces,
            virtual_links: &virtual_links,
            externals: &self.externals,
            stub_router: self.config.stub_router,
            routing: self.table.routing(),
            database: &self.lsdb,
        })
    }

    /// Tells the routing table what it has to know of interfaces, neighbours and areas.
    fn refresh_table(&mut self) {
        let now = self.now;
        let active = self.with_local(|local| {
            let active: Vec<AreaId> = active_areas(local).collect();
            local.areas.iter().filter(|area| active.contains(&area.id)).cloned().collect::<Vec<AreaView>>()
        });
        let views = self.interface_views();
        let lsdb = &self.lsdb;
        self.table.set_areas(now, &active, |area| {
            lsdb.iter(FloodingDomain::Area(area)).map(|(_, entry)| &entry.lsa).filter(|lsa| !lsa.is_max_age())
        });
        self.table.set_interfaces(now, views.iter().map(|(id, view)| (*id, view)));
        let links = self
            .config
            .virtual_links
            .iter()
            .map(|link| VirtualLink { transit: link.transit, endpoint: link.endpoint })
            .collect();
        self.table.set_virtual_links(now, links);
    }

    /// What origination wants said.
    pub(crate) fn should_say(&mut self) -> Vec<Origin> {
        let elections = self.with_local(|local| {
            let border = is_area_border(local);
            let elected = |area: &AreaView| (area.id, border.then(|| is_elected(local, area)));
            local.areas.iter().filter(|area| area.kind.is_nssa()).map(elected).collect::<Vec<_>>()
        });
        self.translators.retain(|area| elections.iter().any(|(nssa, _)| *nssa == area));
        for (area, elected) in elections {
            self.translators.update(self.now, area, elected);
        }
        let said = self.with_local(originate);
        self.table.set_discards(self.now, said.discards);
        if said.problems.is_empty() {
            self.problems_told.clear();
        }
        for problem in said.problems {
            self.problem(problem.to_string());
        }
        said.origins
    }

    fn finish_leaving(&mut self) {
        self.left = true;
        let ids: Vec<_> = self.interfaces.keys().copied().collect();
        for id in ids {
            self.interface_event(id, crate::interface::InterfaceEvent::Down);
        }
        self.emit(Event::Left);
    }
}

impl Database for Lsdb {
    fn lsa(&self, domain: Domain, key: &LsaKey) -> Option<Lsa> {
        self.get(domain.into(), key).map(|entry| entry.lsa.clone()).filter(|lsa| !lsa.is_max_age())
    }

    fn nssa(&self, area: AreaId) -> Vec<Lsa> {
        self.iter(FloodingDomain::Area(area))
            .filter(|(key, entry)| key.ls_type == LsType::Nssa && !entry.lsa.is_max_age())
            .map(|(_, entry)| entry.lsa.clone())
            .collect()
    }
}
