//! What routers of a grid announce in OSPF.

use std::net::Ipv4Addr;

use braid_ospf_packet::{
    BuildError, LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterId, RouterLink, RouterLsa, SequenceNumber,
};

use super::ROUTER_ID;
use crate::{COST, Grid, INJECTOR, Place};

/// The router-LSA of one router as it is now.
///
/// # Errors
/// [`BuildError`] never in practice: a router has seven links at most.
pub fn lsa(grid: &Grid, place: Place) -> Result<Lsa, BuildError> {
    let point_to_point = |id, data, metric| RouterLink { kind: LinkKind::PointToPoint, id, data, metric };
    let host = |id, metric| RouterLink { kind: LinkKind::Stub, id, data: Ipv4Addr::BROADCAST, metric };
    let mut links = Vec::new();
    if place == grid.attached() {
        links.push(point_to_point(ROUTER_ID.0, INJECTOR, COST));
    }
    links.extend(grid.links(place).map(|link| point_to_point(link.to.address(), link.address, link.cost)));
    links.push(host(place.address(), 0));
    if grid.is_marked(place) {
        links.push(host(place.marker(), 1));
    }
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
    let sequence = SequenceNumber(SequenceNumber::INITIAL.0 + i32::from(grid.version(place)));
    let id = place.address();
    Lsa::build(1, Options::E, id, RouterId(id), sequence, &body)
}

/// Every router's LSA as it is now, row by row.
///
/// # Errors
/// As [`lsa`].
pub fn lsas(grid: &Grid) -> Result<Vec<Lsa>, BuildError> {
    grid.places().map(|place| lsa(grid, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(lsa: &Lsa) -> Vec<RouterLink> {
        match lsa.body() {
            LsaBody::Router(router) => router.links,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_attached_router_tells_of_the_one_under_test_too() {
        let grid = Grid::new(5, 7, Place::new(0, 0));
        let told: usize = lsas(&grid).unwrap().iter().map(|lsa| links(lsa).len()).sum();
        assert_eq!(told, 2 * 2 * 5 * 4 + 5 * 5 + 1);
        assert_eq!(links(&lsa(&grid, grid.attached()).unwrap())[0].id, ROUTER_ID.0);
    }

    #[test]
    fn a_change_is_one_new_instance_with_another_cost_and_the_marker() {
        let mut grid = Grid::new(5, 7, Place::new(0, 0));
        let place = Place::new(2, 4);
        let before = lsa(&grid, place).unwrap();
        grid.change(place, 500, true);
        let after = lsa(&grid, place).unwrap();
        assert_eq!(after.header().compare(&before.header()), std::cmp::Ordering::Greater);
        let fresh: Vec<_> = links(&after).into_iter().filter(|link| !links(&before).contains(link)).collect();
        assert_eq!(fresh.len(), 2);
        assert_eq!((fresh[0].kind, fresh[0].metric), (LinkKind::PointToPoint, 500));
        assert_eq!((fresh[1].kind, fresh[1].id), (LinkKind::Stub, place.marker()));
    }
}
