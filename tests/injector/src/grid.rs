//! The network that is fed: a square grid of routers with random costs, whatever protocol tells of it.

use std::{net::Ipv4Addr, ops::RangeInclusive};

/// Link costs are from 1 to this.
const COST_MAX: u16 = 100;
/// The routers' addresses, each announced as a /32: 10.1.ROW.COLUMN.
const ROUTERS: u32 = 0x0a01_0000;
/// The /32s that a change brings or takes: 10.2.ROW.COLUMN.
const MARKERS: u32 = 0x0a02_0000;
/// The addresses of links, two each.
const LINKS: u32 = 0x0a80_0000;

/// A router's place: row and column, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From zero, at most 254.
    pub row: u8,
    /// From zero, at most 254.
    pub column: u8,
}

impl Place {
    /// Row and column.
    #[must_use]
    pub const fn new(row: u8, column: u8) -> Self {
        Self { row, column }
    }

    const fn number(self) -> u32 {
        (self.row as u32) << 8 | self.column as u32
    }

    /// The router's own address, which is announced as a host route. Protocols make its id of it.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(ROUTERS + self.number())
    }

    /// The host that is announced here while the place is [marked](Grid::is_marked).
    #[must_use]
    pub fn marker(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(MARKERS + self.number())
    }
}

/// All the addresses that routers of a grid announce as their own.
pub(crate) fn routers() -> RangeInclusive<Ipv4Addr> {
    Ipv4Addr::from_bits(ROUTERS)..=Ipv4Addr::from_bits(ROUTERS + 0xffff)
}

/// A link of a router, as seen from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The router at its other end.
    pub to: Place,
    /// The address of this end. Of the two of a link, the even one is the left or upper router's.
    pub address: Ipv4Addr,
    /// What it costs in this direction.
    pub cost: u16,
}

/// A router of the grid, as far as it can change.
#[derive(Debug, Clone, Copy)]
struct Router {
    /// Costs to the right, downwards, to the left and upwards.
    costs: [u16; 4],
    marked: bool,
    version: u16,
}

/// The grid's routers and costs. Equal sides, seeds and places make equal networks.
#[derive(Debug, Clone)]
pub struct Grid {
    side: u8,
    attached: Place,
    routers: Vec<Router>,
}

impl Grid {
    /// A grid of `side` × `side` routers (at most 255), each direction of each link with a random cost from 1 to 100. The router
    /// under test is attached at a place; the injector speaks as the router there.
    #[must_use]
    pub fn new(side: u8, seed: u64, attached: Place) -> Self {
        let mut random = SplitMix(seed);
        let mut cost = || 1 + (random.next() % u64::from(COST_MAX)) as u16;
        let router = |_| Router { costs: [cost(), cost(), cost(), cost()], marked: false, version: 0 };
        let routers = (0..usize::from(side) * usize::from(side)).map(router).collect();
        Self { side, attached, routers }
    }

    /// Where the router under test is attached.
    #[must_use]
    pub fn attached(&self) -> Place {
        self.attached
    }

    /// All places, row by row.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let side = self.side;
        (0..side).flat_map(move |row| (0..side).map(move |column| Place { row, column }))
    }

    /// The links of a router to others of the grid.
    pub fn links(&self, place: Place) -> impl Iterator<Item = Link> + use<> {
        let costs = self.router(place).costs;
        let links = self.neighbours(place).into_iter().zip(costs);
        links.filter_map(|(end, cost)| end.map(|(to, address)| Link { to, address, cost }))
    }

    /// Whether a router announces its [marker](Place::marker).
    #[must_use]
    pub fn is_marked(&self, place: Place) -> bool {
        self.router(place).marked
    }

    /// How often a router has changed.
    #[must_use]
    pub fn version(&self, place: Place) -> u16 {
        self.router(place).version
    }

    /// Sets the cost of one direction of a link, that to the right (in the last column: to the left), and whether the place is
    /// marked, so that the change can be seen in any routing table.
    pub fn change(&mut self, place: Place, cost: u16, marked: bool) {
        let last = place.column + 1 == self.side;
        let index = self.index(place);
        let router = &mut self.routers[index];
        router.costs[if last { 2 } else { 0 }] = cost;
        router.marked = marked;
        router.version += 1;
    }

    fn index(&self, place: Place) -> usize {
        usize::from(place.row) * usize::from(self.side) + usize::from(place.column)
    }

    fn router(&self, place: Place) -> &Router {
        &self.routers[self.index(place)]
    }

    /// The neighbour in each direction, with our address of the link to it.
    fn neighbours(&self, place: Place) -> [Option<(Place, Ipv4Addr)>; 4] {
        let Place { row, column } = place;
        let side = self.side;
        let link = |owner: Place, down: u32, end: u32| {
            Ipv4Addr::from_bits(LINKS + 4 * self.index(owner) as u32 + 2 * down + end)
        };
        let right = (column + 1 < side).then(|| (Place { row, column: column + 1 }, link(place, 0, 0)));
        let below = (row + 1 < side).then(|| (Place { row: row + 1, column }, link(place, 1, 0)));
        let left = column.checked_sub(1).map(|column| Place { row, column });
        let above = row.checked_sub(1).map(|row| Place { row, column });
        [
            right,
            below,
            left.map(|left| (left, link(left, 0, 1))),
            above.map(|above| (above, link(above, 1, 1))),
        ]
    }
}

/// SplitMix64: enough for costs, and the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn grid() -> Grid {
        Grid::new(5, 7, Place::new(0, 0))
    }

    fn links(grid: &Grid) -> Vec<(Place, Link)> {
        grid.places().flat_map(|place| grid.links(place).map(move |link| (place, link))).collect()
    }

    #[test]
    fn every_link_has_two_ends_with_two_addresses_side_by_side() {
        let ends: BTreeMap<(Place, Place), Ipv4Addr> =
            links(&grid()).into_iter().map(|(from, link)| ((from, link.to), link.address)).collect();
        assert_eq!(ends.len(), 2 * 2 * 5 * 4);
        for ((from, to), address) in &ends {
            assert_eq!(ends[&(*to, *from)].to_bits(), address.to_bits() ^ 1, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_change_is_of_one_cost_and_the_marker() {
        let (before, mut after) = (grid(), grid());
        let place = Place::new(2, 4);
        after.change(place, 500, true);
        let fresh: Vec<_> = links(&after).into_iter().filter(|link| !links(&before).contains(link)).collect();
        assert_eq!(fresh.len(), 1);
        assert_eq!((fresh[0].0, fresh[0].1.cost), (place, 500));
        assert_eq!((before.is_marked(place), after.is_marked(place)), (false, true));
        assert_eq!((before.version(place), after.version(place)), (0, 1));
    }

    #[test]
    fn a_seed_gives_the_same_costs_again() {
        assert_eq!(links(&grid()), links(&grid()));
    }
}
