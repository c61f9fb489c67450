//! A new configuration on a running router: what does not differ is left alone.

use std::collections::BTreeSet;

use crate::{
    AreaId, Config, Event, FloodingDomain, Instance, InterfaceConfig, InterfaceId, Network,
    graceful::GracePolicy,
    interface::{Interface, InterfaceEvent},
    timers::Timer,
};

impl Instance {
    pub(crate) fn configure(&mut self, config: Config) {
        if let Err(error) = config.check() {
            return self.emit(Event::ConfigRefused { reason: error.to_string() });
        }
        let settings = |config: &Config| (config.router_id, config.max_paths, config.rfc1583);
        if config.router_id != self.config.router_id {
            return self.start_anew(config);
        }
        if settings(&config) != settings(&self.config) {
            self.rebuild_table(&config);
        }
        let old = std::mem::replace(&mut self.config, config);
        let kind = |config: &Config, area: AreaId| {
            config.areas.get(&area).map(|area| area.kind.clone()).unwrap_or_default()
        };
        // RFC 2328 §9.5: options of all hellos differ, so that neighbours must be found anew.
        let other_kind: BTreeSet<AreaId> = old
            .areas
            .keys()
            .chain(self.config.areas.keys())
            .filter(|area| {
                let (before, after) = (kind(&old, **area), kind(&self.config, **area));
                before.takes_externals() != after.takes_externals() || before.is_nssa() != after.is_nssa()
            })
            .copied()
            .collect();
        for (id, before) in &old.interfaces {
            let restarts = self.config.interfaces.get(id).is_none_or(|after| restarts(before, after));
            if restarts || other_kind.contains(&before.area) || old.opaque != self.config.opaque {
                self.interface_event(*id, InterfaceEvent::Down);
            }
        }
        for area in other_kind {
            self.remove_domain(FloodingDomain::Area(area));
        }
        self.table.configure(self.config.spf);
        let policy = GracePolicy { enabled: self.config.graceful_helper, ..GracePolicy::default() };
        let ended = self.helper.configure(policy);
        self.help_ended(&ended, "helping was switched off");
        self.sync_interfaces();
        self.drop_areas();
        self.changed();
    }

    /// Another router id: another router, on the same links.
    fn start_anew(&mut self, config: Config) {
        let mut old = self.clone();
        old.handle(self.now, crate::Input::Leave);
        let mut fresh = Self::empty(config, self.rng.clone(), self.now);
        fresh.carriers = std::mem::take(&mut self.carriers);
        fresh.externals = std::mem::take(&mut self.externals);
        fresh.opaque = std::mem::take(&mut self.opaque);
        fresh.counters = std::mem::take(&mut self.counters);
        fresh.sequence = self.sequence;
        // The old router's last words, and all of its routes taken back.
        fresh.outputs = std::mem::take(&mut old.outputs);
        let gone: Vec<_> = self
            .table
            .all_installed()
            .map(|route| crate::RouteUpdate { prefix: route.prefix, route: None })
            .collect();
        if !gone.is_empty() {
            fresh.outputs.push_back(crate::Output::Routes(gone));
        }
        *self = fresh;
        self.sync_interfaces();
        self.changed();
    }

    /// Other settings of the computation: all routes are computed anew and told again. Destinations stay the same.
    fn rebuild_table(&mut self, config: &Config) {
        let settings = braid_ospf_route::Settings { max_paths: config.max_paths, rfc1583: config.rfc1583 };
        let mut table = crate::routing::RoutingTable::new(config.router_id, settings, config.spf);
        for (_, entry) in self.lsdb.iter(FloodingDomain::As).filter(|(_, entry)| !entry.lsa.is_max_age()) {
            table.lsa_changed(self.now, braid_ospf_route::Domain::As, &entry.lsa);
        }
        // Areas get their LSAs when the table is told of them.
        self.table = table;
    }

    /// Makes interfaces and virtual links those of the configuration.
    pub(crate) fn sync_interfaces(&mut self) {
        let gone: Vec<InterfaceId> = self
            .interfaces
            .values()
            .filter(|interface| match interface.virtual_end {
                None => !self.config.interfaces.contains_key(&interface.id),
                Some(end) => !self
                    .config
                    .virtual_links
                    .iter()
                    .any(|link| link.transit == end.transit && link.endpoint == end.endpoint),
            })
            .map(|interface| interface.id)
            .collect();
        for id in gone {
            self.interface_event(id, InterfaceEvent::Down);
            self.interfaces.remove(&id);
        }
        for (id, config) in self.config.interfaces.clone() {
            self.sync_interface(id, config);
        }
        for link in self.config.virtual_links.clone() {
            match self.virtual_id(&link) {
                None => self.add_virtual_link(&link),
                Some(id) => {
                    let Some(interface) = self.interfaces.get(&id) else { continue };
                    let config = Self::virtual_config(&link, interface.address(), interface.config.cost);
                    self.replace_config(id, config);
                }
            }
        }
    }

    fn sync_interface(&mut self, id: InterfaceId, config: InterfaceConfig) {
        let is_loopback = config.kind == Network::Loopback;
        self.interfaces.entry(id).or_insert_with(|| Interface::new(id, config.clone(), None));
        self.replace_config(id, config);
        if is_loopback || self.carriers.contains(&id) {
            self.interface_event(id, InterfaceEvent::Up);
        }
    }

    fn replace_config(&mut self, id: InterfaceId, config: InterfaceConfig) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        let old = std::mem::replace(&mut interface.config, config);
        let new = &interface.config;
        let (hello, priority) = (old.hello != new.hello, old.priority != new.priority);
        if interface.speaks() && hello {
            let now = self.now;
            self.timers.set(Timer::Hello(id), now);
        }
        if priority {
            self.interface_event(id, InterfaceEvent::NeighbourChange);
        }
    }

    /// Areas that nothing attaches to any more are forgotten.
    fn drop_areas(&mut self) {
        let attached: BTreeSet<AreaId> =
            self.interfaces.values().map(|interface| interface.config.area).collect();
        let gone: Vec<FloodingDomain> = self
            .lsdb
            .domains()
            .filter(|domain| matches!(domain, FloodingDomain::Area(area) if !attached.contains(area)))
            .collect();
        for domain in gone {
            self.remove_domain(domain);
        }
    }
}

/// The change is too deep for a running interface.
fn restarts(before: &InterfaceConfig, after: &InterfaceConfig) -> bool {
    let deep =
        |config: &InterfaceConfig| (config.area, config.address, config.kind, config.passive, config.mtu);
    deep(before) != deep(after)
}
