//! What routers of a grid announce in IS-IS, at level 2.

use braid_isis_packet::{
    Authentication, BuildError, Level, Lsp, LspFlags, MAX_AGE, NLPID_IPV4, NewLsp, SystemId, Tlv,
    WideNeighbour, WidePrefix,
};
use ipnet::Ipv4Net;

use super::{ROUTER_ID, area};
use crate::{COST, Grid, Place};

/// The system id of a router: two zeros and its address.
#[must_use]
pub fn system(place: Place) -> SystemId {
    let [a, b, c, d] = place.address().octets();
    SystemId([0, 0, a, b, c, d])
}

/// The LSP of one router as it is now.
///
/// # Errors
/// [`BuildError`] never in practice: a router has five neighbours at most.
pub fn lsp(grid: &Grid, place: Place) -> Result<Lsp, BuildError> {
    let mut neighbours = Vec::new();
    if place == grid.attached() {
        neighbours.push(WideNeighbour::new(ROUTER_ID.node(), COST.into()));
    }
    neighbours
        .extend(grid.links(place).map(|link| WideNeighbour::new(system(link.to).node(), link.cost.into())));
    let mut prefixes = vec![WidePrefix::new(Ipv4Net::from(place.address()), 0)];
    if grid.is_marked(place) {
        prefixes.push(WidePrefix::new(Ipv4Net::from(place.marker()), 1));
    }
    let new = NewLsp {
        level: Level::Two,
        id: system(place).node().fragment(0),
        sequence: 1 + u32::from(grid.version(place)),
        lifetime: MAX_AGE,
        flags: LspFlags::new(Level::Two),
    };
    let tlvs = [
        Tlv::AreaAddresses(area()),
        Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
        Tlv::IsNeighbours(neighbours),
        Tlv::ExtendedIp(prefixes),
    ];
    Lsp::build(&new, &tlvs, &Authentication::None)
}

/// Every router's LSP as it is now, row by row.
///
/// # Errors
/// As [`lsp`].
pub fn lsps(grid: &Grid) -> Result<Vec<Lsp>, BuildError> {
    grid.places().map(|place| lsp(grid, place)).collect()
}

#[cfg(test)]
mod tests {
    use braid_isis_packet::Comparison;

    use super::*;

    #[test]
    fn the_attached_router_tells_of_the_one_under_test_too() {
        let grid = Grid::new(5, 7, Place::new(0, 0));
        let lsps = lsps(&grid).unwrap();
        assert_eq!(lsps.iter().map(|lsp| lsp.neighbours().count()).sum::<usize>(), 2 * 2 * 5 * 4 + 1);
        assert_eq!(lsps[0].neighbours().next().unwrap().node, ROUTER_ID.node());
        assert_eq!(lsps[7].id().to_string(), "0000.0a01.0102.00-00");
    }

    #[test]
    fn a_change_is_one_new_version_with_another_metric_and_the_marker() {
        let mut grid = Grid::new(5, 7, Place::new(0, 0));
        let place = Place::new(2, 4);
        let before = lsp(&grid, place).unwrap();
        grid.change(place, 500, true);
        let after = lsp(&grid, place).unwrap();
        assert_eq!(after.header().compare(&before.header()), Comparison::Newer);
        let changed: Vec<_> =
            after.neighbours().filter(|now| !before.neighbours().any(|was| was == *now)).collect();
        assert_eq!((changed.len(), changed[0].metric), (1, 500));
        let fresh: Vec<_> =
            after.prefixes().skip(before.prefixes().count()).map(|prefix| prefix.net).collect();
        assert_eq!(fresh, [Ipv4Net::from(place.marker())]);
    }
}
