//! The route computation alone: 10,000 routers, against a bare Dijkstra over arrays that finds distances and equal-cost
//! next hops and nothing else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    hint::black_box,
    time::Instant,
};

use braid_injector::{Grid, Place, Protocol};

use crate::row::{Row, median};

const SIDE: u8 = 100;
const ROUNDS: usize = 21;

/// A computation of routes that is fed a grid. The root is the router that is attached to it.
pub trait Decision {
    /// What a router of the grid announces, ready to be taken in.
    type Announcement;

    /// Writes it.
    fn announcement(grid: &Grid, place: Place) -> Self::Announcement;

    /// Takes it in.
    fn install(&mut self, announcement: &Self::Announcement);

    /// Brings routes up to date; tells how many have changed.
    fn compute(&mut self) -> usize;

    /// Computes all shortest paths from nothing, and nothing else.
    fn recompute_paths(&mut self);
}

pub fn measure<D: Decision>(protocol: Protocol, new: impl Fn(&Grid) -> D) -> Vec<Row> {
    let mut grid = Grid::new(SIDE, 3, Place::new(0, 0));
    let mut decision = new(&grid);
    grid.places().for_each(|place| decision.install(&D::announcement(&grid, place)));
    let begin = Instant::now();
    let found = decision.compute();
    let first = begin.elapsed().as_secs_f64() * 1e3;
    assert_eq!(found, usize::from(SIDE).pow(2), "a route to every router");

    let graph = Graph::of(&grid);
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    // Interleaved, since the machine's speed wanders.
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        decision.recompute_paths();
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
            grid.change(place, if up { 1 } else { 200 }, up);
            let announcement = D::announcement(&grid, place);
            let begin = Instant::now();
            decision.install(&announcement);
            black_box(decision.compute());
            changes.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    let show = |value: f64| format!("{value:.3} ms");
    let title = |figure: &str| format!("{protocol}: {figure}");
    let (ours, theirs) = (median(ours), median(theirs));
    vec![
        Row::new(
            &title("full SPF alone, 10,000 routers, median (peer: bare CSR Dijkstra with ECMP)"),
            show(ours),
            show(theirs),
            format!("{:.2}", ours / theirs),
        )
        .aim("1 ms"),
        Row::alone(&title("the first one, with 10,000 new routes"), show(first)),
        Row::alone(
            &title("one change alone, announcement to route differences, median"),
            show(median(changes)),
        )
        .aim("1 ms"),
    ]
}

/// The grid in compressed sparse rows: of each router, where its links begin; of each link, its other end and its cost.
struct Graph {
    starts: Vec<u32>,
    links: Vec<(u32, u32)>,
}

impl Graph {
    fn of(grid: &Grid) -> Self {
        let index: BTreeMap<Place, u32> = grid.places().zip(0..).collect();
        let mut graph = Self { starts: vec![0], links: Vec::new() };
        for place in grid.places() {
            graph.links.extend(grid.links(place).map(|link| (index[&link.to], u32::from(link.cost))));
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
