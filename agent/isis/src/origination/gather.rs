//! The view of an instance that its LSPs are made from.

use std::collections::BTreeSet;

use braid_isis_packet::{AreaAddress, Level, PduKind, SystemId};
use braid_isis_route::{Route, RouteChange};
use ipnet::Ipv4Net;

use super::content::{CircuitView, Repeated, View};
use crate::{
    Circuit, Instance, Instant,
    config::{Attached, LeakDown, MetricStyle},
    leak::{self, Up},
};

impl View {
    /// What the LSPs of a level are made from, at this moment.
    pub(crate) fn of(instance: &Instance, now: Instant, level: Level) -> Self {
        let config = &instance.config;
        let auth = config.auth(level).clone();
        let headers = PduKind::Lsp(level).header_len() + auth.tlv_len();
        let startup = config.overload_on_startup.map(|wait| instance.started + wait).filter(|end| *end > now);
        let left = instance.left || !config.has_level(level);
        let up = match level {
            Level::Two if leaks(instance) && !left => {
                leak::up(instance.routing.routing().level_routes(Level::One), &config.leak)
            }
            _ => Up::default(),
        };
        Self {
            system: config.system(),
            level,
            is_level_2: config.has_level(Level::Two),
            areas: config.areas().copied().collect(),
            host_name: config.host_name.clone(),
            style: config.metric_style,
            overload: config.overload || startup.is_some(),
            attached: level == Level::One && leads_out(instance),
            circuits: instance
                .circuits
                .values()
                .map(|circuit| circuit_view(instance, circuit, level, &up))
                .collect(),
            repeated: if left { Vec::new() } else { repeated(instance, level, up) },
            room: usize::from(config.own_lsp_size()).saturating_sub(headers),
            auth,
            lifetime: config.lifetime,
            refresh: config.refresh,
            pacing: config.lsp_pacing,
            left,
            until: startup,
        }
    }
}

impl Instance {
    /// Routes were computed: what one level hears of the other, and the attached bit, may have to change.
    pub(crate) fn touch_by_routes(&mut self, now: Instant, changes: &[RouteChange]) {
        if !leaks(self) {
            return;
        }
        let of_area = |route: &Option<Route>| route.as_ref().is_some_and(|route| route.level == Level::One);
        // A level 1 route with an external metric may change behind a better one of level 2; wide metrics are never such.
        let is_hidden = self.config.metric_style != MetricStyle::Wide;
        let is_up = is_hidden || changes.iter().any(|change| of_area(&change.old) || of_area(&change.new));
        if self.config.leak.up && is_up {
            self.origination[Level::Two].touch(now);
        }
        let is_down = self.config.leak.down != LeakDown::Nothing && !changes.is_empty();
        if is_down || self.origination[Level::One].is_attached() != leads_out(self) {
            self.origination[Level::One].touch(now);
        }
    }
}

/// Whether there are two levels between which something can be leaked.
fn leaks(instance: &Instance) -> bool {
    instance.config.level.levels().count() == 2
}

/// ISO 10589 §7.2.9.2.
fn leads_out(instance: &Instance) -> bool {
    leaks(instance)
        && match instance.config.attached {
            Attached::Always => true,
            Attached::Never => false,
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

/// What comes from outside of the domain, and from the other level.
fn repeated(instance: &Instance, level: Level, up: Up) -> Vec<(Ipv4Net, Repeated)> {
    let externals = instance.externals.iter().filter(|(prefix, external)| {
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
        repeated.extend(leak::down(instance.routing.routing().routes(), &instance.config.leak));
    }
    repeated
}
