//! How fast and how large the computation is on a grid of routers with random costs, as ratios to a bare shortest-path
//! computation with equal-cost paths over a packed graph.
//!
//! `cargo run --release -p braid-ospf-route --example grid [SIDE]`
#![allow(clippy::print_stdout, clippy::disallowed_types)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cmp::Reverse,
    collections::BinaryHeap,
    hint::black_box,
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use braid_ospf_packet::{
    AreaId, LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterId, RouterLink, RouterLsa, SequenceNumber,
};
use braid_ospf_route::{AreaKind, Domain, Outcome, Routing, Settings};
use rand_pcg::{
    Pcg32,
    rand_core::{RngCore, SeedableRng},
};

/// Counts the bytes on the heap.
struct Counting;

static HEAP: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Grid {
    side: u32,
    /// Per router: cost to the right, down, left, up.
    costs: Vec<[u16; 4]>,
    stubs: bool,
}

impl Grid {
    fn new(side: u32, stubs: bool) -> Self {
        let mut dice = Pcg32::seed_from_u64(1);
        let mut cost = || (dice.next_u32() % 1000 + 1) as u16;
        let costs = (0..side * side).map(|_| [cost(), cost(), cost(), cost()]).collect();
        Self { side, costs, stubs }
    }

    /// The neighbours with cost, and a number for the link with the side of it.
    fn links(&self, at: u32) -> impl Iterator<Item = (u32, u16, u32, u32)> + '_ {
        let (x, y, side) = (at % self.side, at / self.side, self.side);
        let ends = [
            (x + 1 < side, at + 1, at * 2, 0),
            (y + 1 < side, at + side, at * 2 + 1, 0),
            (x > 0, at.wrapping_sub(1), at.wrapping_sub(1).wrapping_mul(2), 1),
            (y > 0, at.wrapping_sub(side), at.wrapping_sub(side).wrapping_mul(2).wrapping_add(1), 1),
        ];
        let costs = self.costs[at as usize];
        ends.into_iter().zip(costs).filter(|(end, _)| end.0).map(|(end, cost)| (end.1, cost, end.2, end.3))
    }

    fn lsa(&self, at: u32) -> Lsa {
        let router = |at: u32| Ipv4Addr::from(0x0a00_0000 + at);
        let mut links = Vec::new();
        for (far, metric, number, end) in self.links(at) {
            let data = Ipv4Addr::from(0x6440_0000 + number * 2 + end);
            links.push(RouterLink { kind: LinkKind::PointToPoint, id: router(far), data, metric });
            if self.stubs {
                let id = Ipv4Addr::from(0x6440_0000 + number * 2);
                links.push(RouterLink { kind: LinkKind::Stub, id, data: Ipv4Addr::from(!1), metric });
            }
        }
        links.push(RouterLink { kind: LinkKind::Stub, id: router(at), data: Ipv4Addr::BROADCAST, metric: 0 });
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
        let id = router(at);
        Lsa::build(1, Options::E, id, RouterId(id), SequenceNumber::INITIAL, &body).expect("a short LSA")
    }
}

/// The named peer: Dijkstra's algorithm over compressed sparse rows, next hops as bit sets of the root's links.
struct Bare {
    rows: Vec<u32>,
    edges: Vec<(u32, u32)>,
}

impl Bare {
    fn new(grid: &Grid) -> Self {
        let (mut rows, mut edges) = (vec![0], Vec::new());
        for at in 0..grid.side * grid.side {
            edges.extend(grid.links(at).map(|link| (link.0, u32::from(link.1))));
            rows.push(edges.len() as u32);
        }
        Self { rows, edges }
    }

    fn run(&self, root: u32) -> (Vec<u32>, Vec<u64>) {
        let count = self.rows.len() - 1;
        let (mut distance, mut hops) = (vec![u32::MAX; count], vec![0u64; count]);
        let mut heap = BinaryHeap::new();
        distance[root as usize] = 0;
        heap.push(Reverse((0, root)));
        while let Some(Reverse((near, at))) = heap.pop() {
            if near > distance[at as usize] {
                continue;
            }
            let row = self.rows[at as usize] as usize..self.rows[at as usize + 1] as usize;
            for (number, (to, cost)) in self.edges[row].iter().enumerate() {
                let far = near + cost;
                let way = if at == root { 1 << number } else { hops[at as usize] };
                if far < distance[*to as usize] {
                    (distance[*to as usize], hops[*to as usize]) = (far, way);
                    heap.push(Reverse((far, *to)));
                } else if far == distance[*to as usize] {
                    hops[*to as usize] |= way;
                }
            }
        }
        (distance, hops)
    }

    fn bytes(&self) -> usize {
        self.rows.len() * 4 + self.edges.len() * 8 + (self.rows.len() - 1) * 12
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Changes a random cost of routers that `choose` picks, again and again: median and worst time from LSA to outcome.
fn changes(routing: &mut Routing, grid: &mut Grid, name: &str, bare: Duration, choose: impl Fn(u32) -> u32) {
    let mut dice = Pcg32::seed_from_u64(2);
    let (mut times, mut last) = (Vec::new(), Outcome::default());
    let mut vertices = 0;
    for _ in 0..201 {
        let at = choose(dice.next_u32());
        grid.costs[at as usize][dice.next_u32() as usize % 4] = (dice.next_u32() % 1000 + 1) as u16;
        let lsa = grid.lsa(at);
        let start = Instant::now();
        routing.install(Domain::Area(AreaId::BACKBONE), &lsa);
        last = routing.compute();
        times.push(start.elapsed());
        vertices = vertices.max(last.work.vertices);
    }
    let worst = times.iter().max().copied().unwrap_or_default();
    let middle = median(times);
    println!(
        "{name}: median {:.3} ms ({:.2} x bare), worst {:.3} ms ({:.2} x bare), at most {vertices} vertices; last {:?}",
        milliseconds(middle),
        middle.as_secs_f64() / bare.as_secs_f64(),
        milliseconds(worst),
        worst.as_secs_f64() / bare.as_secs_f64(),
        last.work,
    );
}

fn measure(side: u32, stubs: bool) {
    let mut grid = Grid::new(side, stubs);
    let count = side * side;
    let root = count / 2 + side / 2;
    println!(
        "\n{side} x {side} routers, {} links, a prefix {}",
        side * (side - 1) * 2,
        if stubs { "per router and link" } else { "per router" }
    );
    let bare = Bare::new(&grid);
    let bare_time = median((0..51).map(|_| timed(|| bare.run(black_box(root)))).collect());
    println!("bare: {:.3} ms, {:.2} MB", milliseconds(bare_time), bare.bytes() as f64 / 1e6);

    let lsas: Vec<Lsa> = (0..count).map(|at| grid.lsa(at)).collect();
    let before = HEAP.load(Ordering::Relaxed);
    let mut routing = Routing::new(RouterId(Ipv4Addr::from(0x0a00_0000 + root)), Settings::default());
    routing.set_area(AreaId::BACKBONE, AreaKind::Normal);
    let load = timed(|| lsas.iter().for_each(|lsa| routing.install(Domain::Area(AreaId::BACKBONE), lsa)));
    let first = timed(|| routing.compute());
    let bytes = HEAP.load(Ordering::Relaxed) - before;
    println!("load {:.1} ms, first outcome {:.1} ms", milliseconds(load), milliseconds(first));
    println!(
        "memory: {:.2} MB ({:.1} x bare); by its own account {:.2} MB",
        bytes as f64 / 1e6,
        bytes as f64 / bare.bytes() as f64,
        routing.memory() as f64 / 1e6
    );
    let full = median((0..51).map(|_| timed(|| routing.recompute())).collect());
    println!(
        "full SPF: {:.3} ms ({:.2} x bare)",
        milliseconds(full),
        full.as_secs_f64() / bare_time.as_secs_f64()
    );
    changes(&mut routing, &mut grid, "a change anywhere", bare_time, |dice| dice % count);
    changes(&mut routing, &mut grid, "a change far away", bare_time, |dice| dice % side);
    changes(&mut routing, &mut grid, "a change next door", bare_time, |_| root + 1);
    changes(&mut routing, &mut grid, "an own change", bare_time, |_| root);
    println!("memory after all that: {:.2} MB", (HEAP.load(Ordering::Relaxed) - before) as f64 / 1e6);
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn main() {
    let side = std::env::args().nth(1).and_then(|side| side.parse().ok()).unwrap_or(100);
    measure(side, false);
    measure(side, true);
}
