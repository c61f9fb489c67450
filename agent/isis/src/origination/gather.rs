//! The view of an instance that its LSPs are made from.

use std::collections::BTreeSet;

use braid_isis_packet::{AreaAddress, Level, PduKind, SystemId};
use braid_isis_route::{Reach, Route, RouteChange};
use ipnet::Ipv4Net;

use super::content::{CircuitView, Repeated, Scope, View};
use crate::{
    Circuit, External, Instance, Instant,
    config::{Attached, LeakDown},
    leak::{self, Up},
};

impl View {
    /// What the LSPs of a level are made from, at this moment: as much of it as they may have to change by.
    pub(crate) fn of(instance: &Instance, now: Instant, level: Level) -> Self {
        Self::within(instance, now, level, instance.origination[level].scope(now))
    }

    /// The same of a scope.
    pub(crate) fn within(instance: &Instance, now: Instant, level: Level, scope: Scope) -> Self {
        let config = &instance.config;
        let auth = config.auth(level).clone();
        let headers = PduKind::Lsp(level).header_len() + auth.tlv_len();
        let left = instance.left || !config.has_level(level);
        let up = match level {
            Level::Two if leaks(instance) && !left => up(instance, &scope),
            _ => Up::default(),
        };
        Self {
            system: config.system(),
            level,
            is_level_2: config.has_level(Level::Two),
            areas: config.areas().copied().collect(),
            host_name: config.host_name.clone(),
            style: config.metric_style,
            overload: is_overloaded(instance, now),
            attached: level == Level::One && leads_out(instance, now),
            circuits: instance
                .circuits
                .values()
                .map(|circuit| circuit_view(instance, circuit, level, &up))
                .collect(),
            repeated: if left { Vec::new() } else { repeated(instance, level, &scope, up) },
            scope,
            room: usize::from(config.own_lsp_size()).saturating_sub(headers),
            auth,
            lifetime: config.lifetime,
            refresh: config.refresh,
            pacing: config.lsp_pacing,
            left,
            until: startup(instance, now),
        }
    }
}

impl Instance {
    /// Routes were computed: what one level hears of the other, and the attached bit, may have to change.
    pub(crate) fn touch_by_routes(&mut self, now: Instant, changes: &[RouteChange]) {
        let level_1 = self.routing.take_level_1();
        if !leaks(self) {
            return;
        }
        let leak = &self.config.leak;
        // What lies in a summary has its part in what is said of others.
        let is_summarised = |prefix| leak::summary_of(leak, prefix).is_some();
        if leak.up && level_1.iter().any(is_summarised) {
            self.origination[Level::Two].touch(now);
        } else if leak.up {
            self.origination[Level::Two].touch_prefixes(now, &level_1);
        }
        if self.config.leak.down != LeakDown::Nothing {
            let of_level_2 = |route: &Option<Route>| -> Option<Reach> {
                route.as_ref().map(Route::reach).filter(|reach| leak::is_of_level_2(*reach))
            };
            let changes = changes.iter().filter(|change| of_level_2(&change.old) != of_level_2(&change.new));
            let prefixes: Vec<Ipv4Net> = changes.map(|change| change.prefix).collect();
            self.origination[Level::One].touch_prefixes(now, &prefixes);
        }
        if self.origination[Level::One].is_attached() != leads_out(self, now) {
            self.origination[Level::One].touch(now);
        }
    }
}

/// Whether there are two levels between which something can be leaked.
fn leaks(instance: &Instance) -> bool {
    instance.config.level.levels().count() == 2
}

/// When this router's time of starting ends, if it has not yet: until then it is overloaded.
fn startup(instance: &Instance, now: Instant) -> Option<Instant> {
    let end = instance.config.overload_on_startup.map(|wait| instance.started + wait);
    end.filter(|end| *end > now)
}

fn is_overloaded(instance: &Instance, now: Instant) -> bool {
    instance.config.overload || startup(instance, now).is_some()
}

/// ISO 10589 §7.2.9.2. What is overloaded does not ask for an area's traffic: level-1 routers that look at the attached bit alone,
/// as isisd's do, would send it.
fn leads_out(instance: &Instance, now: Instant) -> bool {
    leaks(instance)
        && match instance.config.attached {
            Attached::Always => true,
            Attached::Never => false,
            Attached::Automatic if is_overloaded(instance, now) => false,
            Attached::Automatic => {
                let areas: Vec<AreaAddress> = instance.config.areas().copied().collect();
                instance.routing.routing().reaches_other_area(&areas)
            }
        }
}

fn circuit_view(instance: &Instance, circuit: &Circuit, level: Level, up: &Up) -> CircuitView {
    let config = &circuit.config;
    let levels = instance.config.level.and(config.level);
    if !circuit.up || !levels.is_some_and(|levels| levels.has(level)) {
        return CircuitView::default();
    }
    let own = instance.config.system();
    let is_of_area = levels.is_some_and(|levels| levels.has(Level::One));
    let is_said = |prefix: &Ipv4Net| !(is_of_area && up.covers(prefix));
    let members: BTreeSet<SystemId> = circuit.adjacencies(level).map(|adjacency| adjacency.system).collect();
    let lan = circuit.lans[level].designated.filter(|_| circuit.is_broadcast() && !members.is_empty());
    CircuitView {
        in_level: true,
        metric: config.metric[level],
        addresses: config.addresses.clone(),
        prefixes: config
            .prefixes
            .iter()
            .filter(|(prefix, _)| is_said(prefix))
            .map(|(net, cost)| (*net, *cost))
            .collect(),
        pseudonode: lan.filter(|lan| lan.system == own).map(|lan| (lan.pseudonode, members.clone())),
        neighbours: if circuit.is_broadcast() {
            lan.into_iter().collect()
        } else {
            members.into_iter().map(SystemId::node).collect()
        },
    }
}

/// What goes up to level 2 of prefixes in a scope. Where that is not all, no summary is concerned.
fn up(instance: &Instance, scope: &Scope) -> Up {
    let (routing, leak) = (instance.routing.routing(), &instance.config.leak);
    match scope {
        Scope::All => leak::up(routing.level_reaches(Level::One), leak),
        Scope::Prefixes(prefixes) => {
            let up_of = |prefix: &Ipv4Net| {
                let reach = routing.level_reach(Level::One, prefix)?;
                Some((*prefix, leak::up_alone(reach, leak)?))
            };
            Up { prefixes: prefixes.iter().filter_map(up_of).collect(), summaries: Vec::new() }
        }
    }
}

/// What goes down to level 1 of prefixes in a scope.
fn down(instance: &Instance, scope: &Scope) -> Vec<(Ipv4Net, Repeated)> {
    let (routing, leak) = (instance.routing.routing(), &instance.config.leak);
    let down_of = |(prefix, best): (Ipv4Net, Reach)| Some((prefix, leak::down(&prefix, best, leak)?));
    match scope {
        _ if leak.down == LeakDown::Nothing => Vec::new(),
        Scope::All => routing.reaches().filter_map(down_of).collect(),
        Scope::Prefixes(prefixes) => {
            let reaches = prefixes.iter().filter_map(|prefix| Some((*prefix, routing.reach(prefix)?)));
            reaches.filter_map(down_of).collect()
        }
    }
}

/// The prefixes from outside in a scope.
fn externals<'a>(
    instance: &'a Instance,
    scope: &'a Scope,
) -> Box<dyn Iterator<Item = (&'a Ipv4Net, &'a External)> + 'a> {
    match scope {
        Scope::All => Box::new(instance.externals.iter()),
        Scope::Prefixes(prefixes) => {
            Box::new(prefixes.iter().filter_map(|prefix| instance.externals.get_key_value(prefix)))
        }
    }
}

/// What comes from outside of the domain, and from the other level.
fn repeated(instance: &Instance, level: Level, scope: &Scope, up: Up) -> Vec<(Ipv4Net, Repeated)> {
    let externals = externals(instance, scope).filter(|(prefix, external)| {
        external.level.has(level) && !(external.level.has(Level::One) && up.covers(prefix))
    });
    let externals = externals.map(|(prefix, external)| {
        let repeated = Repeated {
            metric: external.metric,
            down: false,
            external: external.external,
            external_metric: external.external,
        };
        (*prefix, repeated)
    });
    let mut repeated: Vec<_> = externals.collect();
    repeated.extend(up.prefixes);
    if level == Level::One && leaks(instance) {
        repeated.extend(down(instance, scope));
    }
    repeated
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
