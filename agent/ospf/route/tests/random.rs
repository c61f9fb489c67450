//! Random sequences of LSAs: the incremental computation, one from scratch and the textbook have to agree after each step.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use braid_ospf_packet::{LS_INFINITY, LinkKind, Lsa, RouterFlags, RouterLink};
use braid_ospf_route::{AreaKind, Domain, Neighbour, Outcome, Route, Routing, Settings, VirtualLink};
use common::{
    Outside, World, address, area, asbr_summary, link, network_lsa, prefix, router, router_lsa, stub,
    summary, textbook, to, transit,
};
use ipnet::Ipv4Net;
use rand_pcg::{
    Pcg32,
    rand_core::{RngCore, SeedableRng},
};

const ROUTERS: u8 = 9;
/// Possible point-to-point links of each area; two of them parallel.
const LINKS: [(u8, u8); 12] =
    [(1, 2), (2, 3), (3, 4), (4, 1), (1, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 2), (1, 2), (4, 7)];
/// Possible networks: address of the designated router, who that is.
const NETWORKS: [(&str, u8); 4] =
    [("10.9.1.1/24", 1), ("10.9.2.2/24", 2), ("10.9.3.5/24", 5), ("10.9.1.2/24", 2)];
const PREFIXES: [&str; 8] = [
    "172.16.1.0/24",
    "172.16.2.0/24",
    "172.16.0.0/16",
    "0.0.0.0/0",
    "10.9.1.0/24",
    "10.1.0.0/16",
    "172.17.0.0/16",
    "10.0.0.0/8",
];
const FORWARDING: [&str; 7] =
    ["0.0.0.0", "0.0.0.0", "10.9.1.77", "10.1.3.1", "172.16.2.2", "10.9.3.3", "10.9.1.1"];

struct Dice(Pcg32);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u32() as usize) % bound
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn router(&mut self) -> u8 {
        self.below(ROUTERS.into()) as u8 + 1
    }

    fn metric(&mut self, zero: bool) -> u16 {
        let metric = self.pick(&[1, 1, 2, 2, 3, 5, 10, 0xffff, 0]);
        if metric == 0 && !zero { 1 } else { metric }
    }

    fn router_lsa(&mut self, in_area: u8, n: u8, zero: bool) -> Lsa {
        let mut links: Vec<RouterLink> = Vec::new();
        for (at, (low, high)) in LINKS.iter().enumerate() {
            let ends = [(*low, *high, 0), (*high, *low, 1)];
            for (_, far, side) in ends.into_iter().filter(|end| end.0 == n) {
                if self.percent(80) {
                    let data =
                        if at == 3 { "0.0.0.7".to_owned() } else { format!("10.{in_area}.{at}.{side}") };
                    links.push(to(far, &data, self.metric(zero)));
                    if at != 3 && self.percent(50) {
                        links.push(stub(&format!("10.{in_area}.{at}.0/31"), self.metric(true)));
                    }
                }
            }
        }
        for (at, (net, _)) in NETWORKS.iter().enumerate() {
            if (usize::from(n) + at) % 3 != 0 && self.percent(70) {
                let dr = prefix(net).addr().to_string();
                links.push(transit(
                    &dr,
                    &format!("10.9.{}.{n}", prefix(net).addr().octets()[2]),
                    self.metric(zero),
                ));
            }
        }
        if in_area == 0 && self.percent(60) {
            for (low, high) in [(1, 6), (2, 7), (1, 3)] {
                let far = if n == low { high } else { low };
                if n == low || n == high {
                    let data = format!("10.1.0.{n}");
                    links.push(link(LinkKind::Virtual, &router(far).to_string(), &data, self.metric(zero)));
                }
            }
        }
        links.push(stub(&format!("100.64.0.{n}/32"), 0));
        if self.percent(40) {
            links.push(stub(self.pick(&PREFIXES), self.metric(true)));
        }
        let mut flags = RouterFlags::NONE;
        for (flag, chance) in [(RouterFlags::B, 60), (RouterFlags::E, 50), (RouterFlags::V, 10)] {
            if self.percent(chance) {
                flags = flags.with(flag);
            }
        }
        router_lsa(n, flags, &links)
    }

    /// Hints for own links, with addresses that no LSA has.
    fn neighbours(&mut self, root: u8) -> Vec<Neighbour> {
        let hint = |dice: &mut Self| {
            let (in_area, at) = (dice.below(3) as u8, dice.below(LINKS.len()));
            let outs =
                [format!("10.{in_area}.{at}.0"), format!("10.9.{}.{root}", at % 3 + 1), "0.0.0.7".to_owned()];
            let out = address(&outs[dice.below(3)]);
            let host = dice.router();
            let far = address(&format!("10.77.{host}.{}", dice.below(3)));
            Neighbour { area: area(in_area), out, router: router(host), address: far }
        };
        (0..20).map(|_| hint(self)).collect()
    }

    fn lsa(&mut self, zero: bool) -> (Domain, Lsa) {
        let in_area = self.below(3) as u8;
        let metric = self.pick(&[1, 2, 3, 10, 20, LS_INFINITY]);
        let net = self.pick(&PREFIXES);
        let from = self.router();
        let lsa = match self.below(12) {
            0..=4 => self.router_lsa(in_area, from, zero),
            5 | 6 => {
                let (net, dr) = self.pick(&NETWORKS);
                let members: Vec<u8> = (1..=ROUTERS).filter(|_| self.percent(70)).collect();
                network_lsa(net, dr, &members)
            }
            7 | 8 => summary(net, from, metric),
            9 => asbr_summary(self.router(), from, metric),
            kind => {
                let (type2, forwarding) = (self.percent(50), self.pick(&FORWARDING));
                let outside = Outside { net, from, type2, metric, forwarding };
                if kind == 10 {
                    return (Domain::As, outside.type5());
                }
                outside.type7(self.percent(50))
            }
        };
        (Domain::Area(area(in_area)), lsa)
    }
}

fn world(dice: &mut Dice) -> World {
    let normal = AreaKind::Normal;
    let nssa = AreaKind::Nssa { summaries: dice.percent(50) };
    let shapes: [&[(u8, AreaKind)]; 5] = [
        &[(0, normal), (1, normal), (2, nssa)],
        &[(0, normal)],
        &[(1, normal), (2, nssa)],
        &[(2, nssa)],
        &[(0, normal), (1, normal)],
    ];
    let mut world = World::new(dice.router(), dice.pick(&shapes));
    world.settings = Settings { max_paths: 16, rfc1583: dice.percent(30) };
    if world.areas.contains_key(&area(1)) {
        world.ranges.insert(area(1), vec![prefix("172.16.0.0/16"), prefix("10.1.0.0/16")]);
        for endpoint in [6, 1, 3] {
            world.virtual_links.push(VirtualLink { transit: area(1), endpoint: router(endpoint) });
        }
    }
    world
}

fn table(routing: &Routing) -> BTreeMap<Ipv4Net, Route> {
    routing.routes().collect()
}

/// The changes lead from the old table to the new one, and none is without a difference.
fn check_changes(old: &BTreeMap<Ipv4Net, Route>, new: &BTreeMap<Ipv4Net, Route>, outcome: &Outcome) {
    let mut told = old.clone();
    for change in &outcome.changes {
        let same = |a: Option<&Route>, b: Option<&Route>| match (a, b) {
            (Some(a), Some(b)) => a.same_path(b),
            (None, None) => true,
            _ => false,
        };
        assert!(same(told.get(&change.prefix), change.old.as_ref()), "{change:?}");
        assert!(!same(change.old.as_ref(), change.new.as_ref()), "{change:?}");
        match &change.new {
            Some(route) => told.insert(change.prefix, route.clone()),
            None => told.remove(&change.prefix),
        };
    }
    let in_order = outcome.changes.windows(2).all(|pair| pair[0].prefix < pair[1].prefix);
    assert!(in_order);
    assert_eq!(told.len(), new.len());
    assert!(told.iter().zip(new).all(|(told, new)| told.0 == new.0 && told.1.same_path(new.1)));
}

fn check_textbook(world: &World, table: &BTreeMap<Ipv4Net, Route>) {
    let brief = |route: &Route| textbook::Entry {
        kind: route.kind,
        area: route.area,
        cost: u64::from(route.cost),
        type2_cost: route.type2_cost,
        hops: route.next_hops.iter().copied().collect(),
    };
    let ours: textbook::Table = table.iter().map(|(net, route)| (*net, brief(route))).collect();
    let theirs = textbook::routes(world);
    for net in ours.keys().chain(theirs.keys()) {
        assert_eq!(ours.get(net), theirs.get(net), "{net}: ours, the textbook's");
    }
}

fn check(world: &World, routing: &Routing) {
    let fresh = world.routing();
    let (grown, scratch) = (table(routing), table(&fresh));
    for net in grown.keys().chain(scratch.keys()) {
        assert_eq!(grown.get(net), scratch.get(net), "{net}: grown, from scratch");
    }
    for area in world.areas.keys().map(|area| Some(*area)).chain([None]) {
        assert!(routing.routers(area).eq(fresh.routers(area)), "routers of {area:?}");
    }
    for link in &world.virtual_links {
        assert_eq!(routing.virtual_link_state(link), fresh.virtual_link_state(link));
    }
    assert!(!routing.pending().any());
}

/// What a history is about.
#[derive(Clone, Copy, PartialEq)]
enum Story {
    /// What the textbook knows.
    Textbook,
    /// Hints about neighbours, and few paths allowed.
    Hints,
    /// Links of cost 0.
    ZeroCosts,
}

/// One random history. Returns how many areas were repaired and how many computed from scratch.
fn history(seed: u64, steps: usize, story: Story) -> (u32, u32) {
    let zero = story == Story::ZeroCosts;
    let mut dice = Dice(Pcg32::seed_from_u64(seed));
    let mut world = world(&mut dice);
    if story == Story::Hints {
        world.settings.max_paths = dice.pick(&[1, 2, 3, 64]);
    }
    let mut routing = world.routing();
    for in_area in world.areas.keys().copied().collect::<Vec<_>>() {
        for n in 1..=ROUTERS {
            let lsa = dice.router_lsa(in_area.0.octets()[3], n, zero);
            routing.install(Domain::Area(in_area), &lsa);
            world.put(Domain::Area(in_area), lsa);
        }
    }
    let (mut repaired, mut full) = (0, 0);
    for _ in 0..steps {
        for _ in 0..=dice.below(3) {
            let (domain, lsa) = dice.lsa(zero);
            if matches!(domain, Domain::Area(area) if !world.areas.contains_key(&area)) {
                continue;
            }
            if dice.percent(15) {
                routing.remove(domain, &lsa.key());
                world.lsas.remove(&(domain, lsa.key()));
            } else {
                routing.install(domain, &lsa);
                world.put(domain, lsa);
            }
        }
        if story == Story::Hints && dice.percent(20) {
            world.neighbours = dice.neighbours(world.root.0.octets()[0]);
            routing.set_neighbours(world.neighbours.clone());
        }
        let old = table(&routing);
        let outcome = routing.compute();
        repaired += outcome.work.incremental_spf;
        full += outcome.work.full_spf;
        check_changes(&old, &table(&routing), &outcome);
        check(&world, &routing);
        if story == Story::Textbook {
            check_textbook(&world, &table(&routing));
        }
    }
    let bytes = postcard::to_stdvec(&routing).unwrap();
    let restored: Routing = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(table(&restored), table(&routing));
    (repaired, full)
}

/// How many seeds: `SEEDS=from..to` for other than the usual.
fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("SEEDS").unwrap_or_else(|_| "0..150".to_owned());
    let (from, to) = text.split_once("..").expect("SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

fn each_seed(test: &str, story: Story) -> (u32, u32) {
    let mut work = (0, 0);
    for seed in seeds() {
        let found = std::panic::catch_unwind(|| history(seed, 60, story)).unwrap_or_else(|_| {
            panic!(
                "seed {seed}: again by SEEDS={seed}..{} cargo test -p braid-ospf-route --test random {test}",
                seed + 1
            )
        });
        work = (work.0 + found.0, work.1 + found.1);
    }
    work
}

/// Three computations agree; and the incremental one is what ran.
#[test]
fn incremental_full_and_textbook_agree() {
    let (repaired, full) = each_seed("textbook", Story::Textbook);
    assert!(repaired > 4 * full, "{repaired} repairs, {full} from scratch");
}

/// Hints about neighbours, at any time, and a limit on paths, take effect as if they had been there all along.
#[test]
fn hints_may_come_late() {
    each_seed("hints", Story::Hints);
}

/// With links of cost 0, which the RFC forbids and anybody can send, the result still does not depend on history.
#[test]
fn zero_costs_do_no_harm() {
    each_seed("zero", Story::ZeroCosts);
}

/// Areas come and go, change their kind and ranges, and virtual links are configured: as if it had been so all along.
#[test]
fn configuration_may_change() {
    let mut dice = Dice(Pcg32::seed_from_u64(7));
    let mut world = World::new(1, &[(0, AreaKind::Normal), (1, AreaKind::Normal)]);
    let mut routing = world.routing();
    for step in 0..400 {
        let id = area(dice.below(3) as u8);
        match dice.below(8) {
            0 => {
                world.areas.remove(&id);
                world.ranges.remove(&id);
                world.lsas.retain(|key, _| key.0 != Domain::Area(id));
                routing.remove_area(id);
            }
            1 => {
                let kind = dice.pick(&[AreaKind::Normal, AreaKind::Stub, AreaKind::Nssa { summaries: true }]);
                world.areas.insert(id, kind);
                routing.set_area(id, kind);
            }
            2 if world.areas.contains_key(&id) => {
                let ranges = vec![prefix(dice.pick(&PREFIXES))];
                world.ranges.insert(id, ranges.clone());
                routing.set_ranges(id, ranges);
            }
            3 => {
                let endpoint = router(dice.router());
                world.virtual_links = vec![VirtualLink { transit: area(1), endpoint }];
                routing.set_virtual_links(world.virtual_links.clone());
            }
            _ => {
                for _ in 0..3 {
                    let (domain, lsa) = dice.lsa(false);
                    if matches!(domain, Domain::Area(area) if world.areas.contains_key(&area))
                        || domain == Domain::As
                    {
                        routing.install(domain, &lsa);
                        world.put(domain, lsa);
                    }
                }
            }
        }
        let old = table(&routing);
        let outcome = routing.compute();
        check_changes(&old, &table(&routing), &outcome);
        check(&world, &routing);
        check_textbook(&world, &table(&routing));
        assert!(step < 400);
    }
    assert_eq!(
        routing.lookup(address("100.64.0.1")).is_some(),
        routing.route(&prefix("100.64.0.1/32")).is_some()
    );
}
