//! What tests and the example say in LSPs.
#![allow(dead_code, reason = "each of them uses a part")]

use braid_isis_packet::{
    Authentication, LanId, Level, Lsp, LspFlags, LspId, NewLsp, SystemId, Tlv, WideNeighbour, WidePrefix,
};
use braid_isis_route::Adjacency;
use ipnet::Ipv4Net;

/// The system of a number.
pub fn system(number: u32) -> SystemId {
    let [a, b, c, d] = number.to_be_bytes();
    SystemId([0, 0, a, b, c, d])
}

/// The router of a number, as a node.
pub fn router(number: u32) -> LanId {
    system(number).node()
}

pub fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix")
}

/// The first fragment of `node`, with wide metrics, for routers of level 2.
pub fn lsp(level: Level, node: LanId, listed: &[(LanId, u32)], announced: &[(Ipv4Net, u32)]) -> Lsp {
    lsp_with(level, node.fragment(0), LspFlags::new(Level::Two), listed, announced)
}

pub fn lsp_with(
    level: Level,
    id: LspId,
    flags: LspFlags,
    listed: &[(LanId, u32)],
    announced: &[(Ipv4Net, u32)],
) -> Lsp {
    let listed = listed.iter().map(|(node, metric)| WideNeighbour::new(*node, *metric)).collect();
    let announced = announced.iter().map(|(net, metric)| WidePrefix::new(*net, *metric)).collect();
    build(level, id, flags, &[Tlv::IsNeighbours(listed), Tlv::ExtendedIp(announced)])
}

pub fn build(level: Level, id: LspId, flags: LspFlags, tlvs: &[Tlv]) -> Lsp {
    let new = NewLsp { level, id, sequence: 1, lifetime: 1200, flags };
    Lsp::build(&new, tlvs, &Authentication::None).expect("it fits into one LSP")
}

/// An adjacency over a point-to-point circuit.
pub fn link(level: Level, number: u32, circuit: u32, metric: u32) -> Adjacency {
    let gateway = Some(std::net::Ipv4Addr::from(0x0a00_0000 + number));
    Adjacency { level, neighbour: router(number), router: system(number), circuit, gateway, metric }
}

/// A grid of point-to-point links with two prefixes per router; router `y * side + x + 1` stands at (x, y).
pub struct Grid {
    pub side: u32,
    /// Metric to the right and down, by router.
    pub metrics: Vec<[u32; 2]>,
}

impl Grid {
    pub fn new(side: u32, mut metric: impl FnMut() -> u32) -> Grid {
        Grid { side, metrics: (0..side * side).map(|_| [metric(), metric()]).collect() }
    }

    /// The neighbours of router `number`, with the metrics to them.
    pub fn neighbours(&self, number: u32) -> Vec<(u32, u32)> {
        let (side, at) = (self.side, number - 1);
        let (x, y) = (at % side, at / side);
        let metric = |router: u32, way: usize| self.metrics[router as usize][way];
        let mut neighbours = Vec::new();
        if x + 1 < side {
            neighbours.push((number + 1, metric(at, 0)));
        }
        if y + 1 < side {
            neighbours.push((number + side, metric(at, 1)));
        }
        if x > 0 {
            neighbours.push((number - 1, metric(at - 1, 0)));
        }
        if y > 0 {
            neighbours.push((number - side, metric(at - side, 1)));
        }
        neighbours
    }

    pub fn lsp(&self, number: u32) -> Lsp {
        self.lsp_announcing(number, 10)
    }

    /// With the second prefix at a metric.
    pub fn lsp_announcing(&self, number: u32, metric: u32) -> Lsp {
        let listed: Vec<_> =
            self.neighbours(number).into_iter().map(|(peer, metric)| (router(peer), metric)).collect();
        let loopback = Ipv4Net::new((0x6440_0000 + number).into(), 32).expect("at most 32");
        let customer = Ipv4Net::new((0x0a00_0000 + (number << 8)).into(), 24).expect("at most 32");
        lsp(Level::Two, router(number), &listed, &[(loopback, 0), (customer, metric)])
    }

    pub fn lsps(&self) -> impl Iterator<Item = Lsp> + '_ {
        (1..=self.side * self.side).map(|number| self.lsp(number))
    }

    pub fn adjacencies(&self, number: u32) -> Vec<Adjacency> {
        let links = self.neighbours(number).into_iter();
        links.map(|(peer, metric)| link(Level::Two, peer, peer, metric)).collect()
    }
}

/// Numbers that look random: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(bound)) as u32
    }
}
