//! The instance as origination and routing see it: configuration and protocol state put together.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_ospf_originate::{AreaView, InterfaceView, NeighbourView, Network, VirtualLinkView};
use braid_ospf_packet::AreaId;
use braid_ospf_route::VirtualLink;

use crate::{
    Config, InterfaceConfig, InterfaceId, InterfaceState, routing::RoutingTable, translator::Translators,
};

/// The areas: those that are configured and those that interfaces name, which then are ordinary ones; the backbone also
/// for virtual links.
pub fn areas(config: &Config, translators: &Translators) -> Vec<AreaView> {
    let mut ids: BTreeSet<AreaId> = config.areas.keys().copied().collect();
    ids.extend(config.interfaces.values().map(|interface| interface.area));
    if !config.virtual_links.is_empty() {
        ids.insert(AreaId::BACKBONE);
        ids.extend(config.virtual_links.iter().map(|link| link.transit));
    }
    let view = |id| {
        let area = config.areas.get(&id).cloned().unwrap_or_default();
        AreaView { id, kind: area.kind, ranges: area.ranges, translating_still: translators.still(id) }
    };
    ids.into_iter().map(view).collect()
}

/// The interfaces whose address is another one's: unnumbered point-to-point links that borrow it. On a link that is
/// numbered nobody else has the address.
pub fn unnumbered(config: &Config) -> BTreeSet<InterfaceId> {
    let mut users: BTreeMap<Ipv4Addr, u32> = BTreeMap::new();
    for interface in config.interfaces.values() {
        *users.entry(interface.address.addr()).or_default() += 1;
    }
    let borrows = |interface: &InterfaceConfig| {
        interface.kind == Network::PointToPoint && users[&interface.address.addr()] > 1
    };
    config.interfaces.iter().filter(|(_, interface)| borrows(interface)).map(|(id, _)| *id).collect()
}

/// One interface.
pub fn interface(
    id: InterfaceId,
    config: &InterfaceConfig,
    unnumbered: &BTreeSet<InterfaceId>,
    state: InterfaceState,
    designated_router: Ipv4Addr,
    neighbours: Vec<NeighbourView>,
) -> InterfaceView {
    InterfaceView {
        area: config.area,
        address: config.address,
        unnumbered: unnumbered.contains(&id).then_some(id.0 & 0xff_ffff),
        prefixes: config.prefixes.clone(),
        network: config.kind,
        passive: config.passive,
        cost: config.cost,
        state,
        designated_router,
        neighbours,
    }
}

/// The virtual links in the order of the configuration. `full` tells of each, by its place, whether its adjacency is.
pub fn virtual_links(
    config: &Config,
    table: &RoutingTable,
    full: impl Fn(usize) -> bool,
) -> Vec<VirtualLinkView> {
    let view = |(place, link): (usize, &crate::VirtualLinkConfig)| {
        let (transit, endpoint) = (link.transit, link.endpoint);
        let state = table.virtual_link(&VirtualLink { transit, endpoint });
        VirtualLinkView {
            transit,
            endpoint,
            address: state.map(|state| state.out),
            cost: state.map_or(0, |state| state.cost),
            full: state.is_some() && full(place),
        }
    };
    config.virtual_links.iter().enumerate().map(view).collect()
}

#[cfg(test)]
mod tests {
    use braid_ospf_originate::AreaType;
    use braid_ospf_packet::RouterId;

    use super::*;
    use crate::{AreaConfig, VirtualLinkConfig};

    fn config() -> Config {
        Config::new(RouterId::from([1, 1, 1, 1]))
    }

    #[test]
    fn areas_come_from_configuration_interfaces_and_virtual_links() {
        let mut config = config();
        let area = |number| AreaId::from([0, 0, 0, number]);
        config.areas.insert(
            area(3),
            AreaConfig { kind: AreaType::Stub { default_cost: 1, summaries: true }, ..AreaConfig::default() },
        );
        let interface =
            InterfaceConfig { area: area(2), ..InterfaceConfig::new("a", "10.0.0.0/31".parse().unwrap()) };
        config.interfaces.insert(InterfaceId(1), interface);
        let ids = |config: &Config| {
            areas(config, &Translators::default()).into_iter().map(|area| area.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&config), [area(2), area(3)]);
        config.virtual_links.push(VirtualLinkConfig::new(area(1), RouterId::from([2, 2, 2, 2])));
        assert_eq!(ids(&config), [AreaId::BACKBONE, area(1), area(2), area(3)]);
    }

    #[test]
    fn a_borrowed_address_makes_a_link_unnumbered_but_not_its_owner() {
        let mut config = config();
        for (id, address, kind) in [
            (1, "100.64.0.1/32", Network::Loopback),
            (2, "100.64.0.1/32", Network::PointToPoint),
            (3, "10.0.0.0/31", Network::PointToPoint),
        ] {
            let interface = InterfaceConfig { kind, ..InterfaceConfig::new("a", address.parse().unwrap()) };
            config.interfaces.insert(InterfaceId(id), interface);
        }
        assert_eq!(unnumbered(&config), BTreeSet::from([InterfaceId(2)]));
        let borrower = &config.interfaces[&InterfaceId(2)];
        let (none, up) = (Ipv4Addr::UNSPECIFIED, InterfaceState::PointToPoint);
        let view = interface(InterfaceId(2), borrower, &unnumbered(&config), up, none, Vec::new());
        assert_eq!(view.unnumbered, Some(2));
    }
}
