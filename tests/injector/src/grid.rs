//! The network that is fed: a square grid of routers with random costs.

use std::{net::Ipv4Addr, ops::RangeInclusive};

use braid_ospf_packet::{
    BuildError, LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterId, RouterLink, RouterLsa, SequenceNumber,
};

/// Link costs are from 1 to this.
const COST_MAX: u16 = 100;
/// The routers' ids, each also announced as a /32: 10.1.ROW.COLUMN.
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

    /// The router's id, which is announced as a host route.
    #[must_use]
    pub fn router(self) -> RouterId {
        RouterId(Ipv4Addr::from_bits(ROUTERS + self.number()))
    }

    /// The host that [`Grid::change`] announces here or not.
    #[must_use]
    pub fn marker(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(MARKERS + self.number())
    }
}

/// All the addresses that routers of a grid announce as their own.
pub(crate) fn routers() -> RangeInclusive<Ipv4Addr> {
    Ipv4Addr::from_bits(ROUTERS)..=Ipv4Addr::from_bits(ROUTERS + 0xffff)
}

/// Where the grid's neighbour, the router under test, is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment {
    /// The router of the grid with the link to the neighbour. The injector speaks as this one.
    pub place: Place,
    /// The neighbour.
    pub neighbour: RouterId,
    /// The address of the grid's end of that link.
    pub address: Ipv4Addr,
    /// The cost of that link.
    pub cost: u16,
}

/// A router of the grid, as far as it can change.
#[derive(Debug, Clone, Copy)]
struct Router {
    /// Costs to the right, downwards, to the left and upwards.
    costs: [u16; 4],
    marked: bool,
    sequence: SequenceNumber,
}

/// The grid's routers and costs. Equal sides, seeds and attachments make equal LSAs.
#[derive(Debug, Clone)]
pub struct Grid {
    side: u8,
    attachment: Attachment,
    routers: Vec<Router>,
}

impl Grid {
    /// A grid of `side` × `side` routers (at most 255), each direction of each link with a random cost from 1 to 100.
    #[must_use]
    pub fn new(side: u8, seed: u64, attachment: Attachment) -> Self {
        let mut random = SplitMix(seed);
        let mut cost = || 1 + (random.next() % u64::from(COST_MAX)) as u16;
        let router = |_| Router {
            costs: [cost(), cost(), cost(), cost()],
            marked: false,
            sequence: SequenceNumber::INITIAL,
        };
        let routers = (0..usize::from(side) * usize::from(side)).map(router).collect();
        Self { side, attachment, routers }
    }

    /// How many routers a side has.
    #[must_use]
    pub fn side(&self) -> u8 {
        self.side
    }

    /// Where the router under test is attached.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// Every router's LSA as it is now, row by row.
    ///
    /// # Errors
    /// [`BuildError`] never in practice: a router has six links at most.
    pub fn lsas(&self) -> Result<Vec<Lsa>, BuildError> {
        (0..self.side)
            .flat_map(|row| (0..self.side).map(move |column| Place { row, column }))
            .map(|place| self.lsa(place))
            .collect()
    }

    /// Sets the cost of one direction of a link, that to the right (in the last column: to the left), and announces the
    /// place's [marker](Place::marker) or ceases to, so that the change can be seen in any routing table. Gives the next
    /// instance of the router's LSA.
    ///
    /// # Errors
    /// As [`Grid::lsas`].
    pub fn change(&mut self, place: Place, cost: u16, marked: bool) -> Result<Lsa, BuildError> {
        let last = place.column + 1 == self.side;
        let index = self.index(place);
        let router = &mut self.routers[index];
        router.costs[if last { 2 } else { 0 }] = cost;
        router.marked = marked;
        router.sequence = router.sequence.next().unwrap_or(SequenceNumber::INITIAL);
        self.lsa(place)
    }

    fn index(&self, place: Place) -> usize {
        usize::from(place.row) * usize::from(self.side) + usize::from(place.column)
    }

    /// The neighbour in each direction, with our address of the link to it: of the two of a link, the even one is the left or
    /// upper router's.
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

    fn lsa(&self, place: Place) -> Result<Lsa, BuildError> {
        let router = &self.routers[self.index(place)];
        let point_to_point = |id, data, metric| RouterLink { kind: LinkKind::PointToPoint, id, data, metric };
        let host = |id, metric| RouterLink { kind: LinkKind::Stub, id, data: Ipv4Addr::BROADCAST, metric };
        let mut links = Vec::new();
        if place == self.attachment.place {
            let Attachment { neighbour, address, cost, .. } = self.attachment;
            links.push(point_to_point(neighbour.0, address, cost));
        }
        for (neighbour, cost) in self.neighbours(place).into_iter().zip(router.costs) {
            if let Some((neighbour, address)) = neighbour {
                links.push(point_to_point(neighbour.router().0, address, cost));
            }
        }
        links.push(host(place.router().0, 0));
        if router.marked {
            links.push(host(place.marker(), 1));
        }
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
        let id = place.router();
        Lsa::build(1, Options::E, id.0, id, router.sequence, &body)
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
        let attachment = Attachment {
            place: Place::new(0, 0),
            neighbour: RouterId([10, 0, 0, 1].into()),
            address: [10, 255, 0, 0].into(),
            cost: 1,
        };
        Grid::new(5, 7, attachment)
    }

    fn links(lsa: &Lsa) -> Vec<RouterLink> {
        match lsa.body() {
            LsaBody::Router(router) => router.links,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_link_is_announced_from_both_ends_with_two_addresses_side_by_side() {
        let mut ends: BTreeMap<(Ipv4Addr, Ipv4Addr), Ipv4Addr> = BTreeMap::new();
        for lsa in grid().lsas().unwrap() {
            let own = lsa.header().key.advertising_router.0;
            for link in links(&lsa).into_iter().filter(|link| link.kind == LinkKind::PointToPoint) {
                ends.insert((own, link.id), link.data);
            }
        }
        let outside = (Place::new(0, 0).router().0, Ipv4Addr::new(10, 0, 0, 1));
        assert!(ends.remove(&outside).is_some());
        assert_eq!(ends.len(), 2 * 2 * 5 * 4);
        for ((from, to), address) in &ends {
            assert_eq!(ends[&(*to, *from)].to_bits(), address.to_bits() ^ 1, "{from} {to}");
        }
    }

    #[test]
    fn a_change_is_one_new_instance_with_another_cost_and_the_marker() {
        let mut grid = grid();
        let place = Place::new(2, 4);
        let before = grid.lsa(place).unwrap();
        let after = grid.change(place, 500, true).unwrap();
        assert_eq!(after.header().compare(&before.header()), std::cmp::Ordering::Greater);
        let fresh: Vec<_> = links(&after).into_iter().filter(|link| !links(&before).contains(link)).collect();
        assert_eq!(fresh.len(), 2);
        assert_eq!((fresh[0].kind, fresh[0].metric), (LinkKind::PointToPoint, 500));
        assert_eq!((fresh[1].kind, fresh[1].id), (LinkKind::Stub, place.marker()));
    }

    #[test]
    fn a_seed_gives_the_same_costs_again() {
        assert_eq!(grid().lsas().unwrap(), grid().lsas().unwrap());
    }
}
