//! The route computation alone: 10,000 routers, against a bare Dijkstra over arrays that finds distances and equal-cost
//! next hops and nothing else.

use std::{cmp::Reverse, collections::BinaryHeap, hint::black_box, time::Instant};

use braid_injector::{Attachment, Grid, Place, ROUTER_ID};
use braid_ospf_packet::{
    AreaId, LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterLink, RouterLsa, SequenceNumber,
};
use braid_ospf_route::{AreaKind, Domain, Routing, Settings};

use crate::row::{Row, median};

const SIDE: u8 = 100;
const ROUNDS: usize = 21;
/// The root's own address on its link.
const OWN: [u8; 4] = [10, 255, 0, 1];

pub fn measure() -> Vec<Row> {
    let attachment = Attachment {
        place: Place::new(0, 0),
        neighbour: ROUTER_ID,
        address: [10, 255, 0, 0].into(),
        cost: 10,
    };
    let mut grid = Grid::new(SIDE, 3, attachment);
    let lsas = grid.lsas().expect("small LSAs");
    let mut routing = Routing::new(ROUTER_ID, Settings::default());
    let domain = Domain::Area(AreaId::BACKBONE);
    routing.set_area(AreaId::BACKBONE, AreaKind::Normal);
    lsas.iter().for_each(|lsa| routing.install(domain, lsa));
    routing.install(domain, &root(&grid));
    let begin = Instant::now();
    let found = routing.compute().changes.len();
    let first = begin.elapsed().as_secs_f64() * 1e3;
    assert_eq!(found, usize::from(SIDE).pow(2), "a route to every router");

    let graph = Graph::of(&lsas);
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    // Interleaved, since the machine's speed wanders.
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        black_box(routing.recompute());
        ours.push(begin.elapsed().as_secs_f64() * 1e3);
        let begin = Instant::now();
        black_box(graph.distances(0));
        theirs.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let mut changes = Vec::new();
    let places = [Place::new(0, 1), Place::new(50, 50), Place::new(99, 98)];
    for round in 0..ROUNDS {
        for place in places {
            let up = round.is_multiple_of(2);
            let lsa = grid.change(place, if up { 1 } else { 200 }, up).expect("a small LSA");
            let begin = Instant::now();
            routing.install(domain, &lsa);
            black_box(routing.compute());
            changes.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    let show = |value: f64| format!("{value:.3} ms");
    let (ours, theirs) = (median(ours), median(theirs));
    vec![
        Row::new(
            "full SPF alone, 10,000 routers, median (peer: bare CSR Dijkstra with ECMP)",
            show(ours),
            show(theirs),
            format!("{:.2}", ours / theirs),
        )
        .aim("1 ms"),
        Row::alone("the first one, with 10,000 new routes", show(first)),
        Row::alone("one change alone, LSA to route differences, median", show(median(changes))).aim("1 ms"),
    ]
}

/// What the root itself says: one link to the grid.
fn root(grid: &Grid) -> Lsa {
    let neighbour = grid.attachment().place.router();
    let link = RouterLink { kind: LinkKind::PointToPoint, id: neighbour.0, data: OWN.into(), metric: 10 };
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: vec![link] });
    let built = Lsa::build(1, Options::E, ROUTER_ID.0, ROUTER_ID, SequenceNumber::INITIAL, &body);
    built.expect("a small LSA")
}

/// The grid in compressed sparse rows: of each router, where its links begin; of each link, its other end and its cost.
struct Graph {
    starts: Vec<u32>,
    links: Vec<(u32, u32)>,
}

impl Graph {
    fn of(lsas: &[Lsa]) -> Self {
        let mut order: Vec<_> =
            lsas.iter().enumerate().map(|(at, lsa)| (lsa.key().link_state_id, at as u32)).collect();
        order.sort_unstable();
        let index = |id| order.binary_search_by_key(&id, |(id, _)| *id).ok().map(|at| order[at].1);
        let mut graph = Self { starts: vec![0], links: Vec::new() };
        for lsa in lsas {
            let LsaBody::Router(router) = lsa.body() else { continue };
            let links = router.links.iter().filter(|link| link.kind == LinkKind::PointToPoint);
            graph.links.extend(links.filter_map(|link| Some((index(link.id)?, u32::from(link.metric)))));
            graph.starts.push(graph.links.len() as u32);
        }
        graph
    }

    /// Of each router, its distance and the set of the root's links that lead to it at that distance.
    fn distances(&self, root: u32) -> Vec<(u32, u64)> {
        let mut found = vec![(u32::MAX, 0_u64); self.starts.len() - 1];
        let mut heap = BinaryHeap::new();
        found[root as usize].0 = 0;
        heap.push(Reverse((0, root)));
        while let Some(Reverse((distance, at))) = heap.pop() {
            let (known, hops) = found[at as usize];
            if distance > known {
                continue;
            }
            let links = self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize;
            for (number, (to, cost)) in self.links[links].iter().enumerate() {
                let first = if at == root { 1 << number } else { hops };
                let (best, set) = &mut found[*to as usize];
                let distance = distance + cost;
                if distance < *best {
                    (*best, *set) = (distance, first);
                    heap.push(Reverse((distance, *to)));
                } else if distance == *best {
                    *set |= first;
                }
            }
        }
        found
    }
}
