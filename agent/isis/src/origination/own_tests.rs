use std::time::Duration;

use braid_isis_packet::{Authentication, LspHeader, SystemId};
use rand_pcg::Pcg32;

use super::*;
use crate::{config::MetricStyle, origination::Repeated, origination::content::CircuitView};

const PACING: Pacing =
    Pacing { initial: Duration::ZERO, hold: Duration::from_millis(20), max: Duration::from_secs(1) };

/// A router with its own view of the world, whose clock the test moves.
struct Bench {
    own: Origination,
    view: View,
    random: Pcg32,
    now: Instant,
}

fn system(number: u8) -> SystemId {
    SystemId([0, 0, 0, 0, 0, number])
}

fn first() -> LspId {
    system(1).node().fragment(0)
}

impl Bench {
    /// A router with one neighbour, whose LSP has been said.
    fn new() -> Self {
        let circuit = CircuitView {
            in_level: true,
            metric: 10,
            addresses: vec![[100, 65, 0, 0].into()],
            prefixes: [("100.65.0.0/31".parse().expect("a prefix"), 10)].into(),
            neighbours: vec![system(2).node()],
            pseudonode: None,
        };
        let view = View {
            system: system(1),
            level: Level::Two,
            is_level_2: true,
            areas: ["49.0001".parse().expect("an area")].into(),
            host_name: Some("denver".to_owned()),
            style: MetricStyle::Wide,
            overload: false,
            attached: false,
            circuits: vec![circuit],
            scope: Scope::All,
            repeated: Vec::new(),
            room: 1400,
            auth: Authentication::None,
            lifetime: 1200,
            refresh: Duration::from_secs(900),
            pacing: PACING,
            left: false,
            until: None,
        };
        let now = Instant(1_000_000);
        let mut bench = Self { own: Origination::default(), view, random: Pcg32::new(7, 11), now };
        bench.own.touch(now);
        let lsps = bench.lsps();
        assert_eq!(numbers(&lsps), [(first(), 1, true)]);
        bench
    }

    fn run(&mut self) -> Vec<Issue> {
        let issues = self.own.run(self.now, &self.view, &mut self.random);
        assert!(self.own.poll_timeout().is_none_or(|at| at > self.now), "a wake-up that has passed");
        issues
    }

    /// What is said now; no problem must arise.
    fn lsps(&mut self) -> Vec<Lsp> {
        let lsp = |issue| match issue {
            Issue::Install(lsp) => lsp,
            Issue::Problem(problem) => panic!("{problem}"),
        };
        self.run().into_iter().map(lsp).collect()
    }

    fn touch(&mut self) -> Vec<Lsp> {
        self.own.touch(self.now);
        self.lsps()
    }

    /// Lets time pass to the next thing to do.
    fn wait(&mut self) -> Duration {
        let next = self.own.poll_timeout().expect("something to wait for");
        let wait = next.since(self.now);
        self.now = next;
        wait
    }

    fn pass(&mut self, wait: Duration) {
        self.now = self.now + wait;
    }

    fn hear(&mut self, id: LspId, sequence: u32, lifetime: u16) -> Heard {
        self.own.heard(self.now, &LspHeader { id, sequence, lifetime, checksum: 0x1234 })
    }

    fn repeat(&mut self, count: u32) {
        let nets = (0..count).map(|number| format!("10.{}.{}.0/24", number >> 8, number & 255));
        let repeated = Repeated { metric: 5, down: false, external: true, external_metric: false };
        self.view.repeated = nets.map(|net| (net.parse().expect("a prefix"), repeated)).collect();
    }
}

/// Id, sequence number, and whether it is alive.
fn numbers(lsps: &[Lsp]) -> Vec<(LspId, u32, bool)> {
    lsps.iter().map(|lsp| (lsp.id(), lsp.header().sequence, !lsp.is_purge())).collect()
}

#[test]
fn an_lsp_says_what_the_router_is_and_sees() {
    let mut bench = Bench::new();
    bench.view.overload = true;
    let lsps = bench.touch();
    bench.pass(Duration::from_secs(10));
    let lsps = if lsps.is_empty() { bench.touch() } else { lsps };
    let lsp = &lsps[0];
    assert!(lsp.flags().overload && !lsp.flags().attached);
    assert_eq!(lsp.host_name().as_deref(), Some("denver"));
    assert_eq!(
        lsp.neighbours().map(|to| (to.node, to.metric, to.wide)).collect::<Vec<_>>(),
        [(system(2).node(), 10, true)]
    );
    assert_eq!(
        lsp.prefixes().map(|to| (to.net.to_string(), to.metric)).collect::<Vec<_>>(),
        [("100.65.0.0/31".to_owned(), 10)]
    );
    assert_eq!(lsp.interface_addresses().collect::<Vec<_>>(), [std::net::Ipv4Addr::new(100, 65, 0, 0)]);
}

#[test]
fn a_touch_without_a_change_says_nothing_and_slows_nothing_down() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    for _ in 0..10 {
        assert_eq!(bench.touch(), []);
    }
    bench.view.overload = true;
    assert_eq!(numbers(&bench.touch()), [(first(), 2, true)]);
}

#[test]
fn changes_that_go_on_are_said_ever_more_rarely() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    let mut waits = Vec::new();
    for turn in 0..9 {
        bench.view.overload = turn % 2 == 0;
        bench.own.touch(bench.now);
        let wait = if bench.own.is_due(bench.now) { Duration::ZERO } else { bench.wait() };
        waits.push(wait.as_millis());
        assert_eq!(bench.lsps().len(), 1);
    }
    assert_eq!(waits, [0, 20, 40, 80, 160, 320, 640, 1000, 1000]);
}

#[test]
fn an_unchanged_lsp_is_refreshed_up_to_a_quarter_early() {
    let mut bench = Bench::new();
    for sequence in 2..10 {
        let wait = bench.wait();
        assert!((675..=900).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(numbers(&bench.lsps()), [(first(), sequence, true)]);
    }
}

/// ISO 10589 §7.3.16.1: after a restart, old own LSPs are outrun.
#[test]
fn a_newer_own_lsp_is_outrun_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.hear(first(), 500, 1000), Heard::Contest);
    assert_eq!(numbers(&bench.lsps()), [(first(), 501, true)]);
    assert_eq!(bench.hear(first(), 400, 1000), Heard::Usual, "an older one is no contest");
}

#[test]
fn another_content_under_the_same_number_is_outrun() {
    let mut bench = Bench::new();
    assert_eq!(bench.hear(first(), 1, 1000), Heard::Contest);
    assert_eq!(numbers(&bench.lsps()), [(first(), 2, true)]);
}

#[test]
fn a_purge_of_our_lsp_is_fought_back() {
    let mut bench = Bench::new();
    assert_eq!(bench.hear(first(), 1, 0), Heard::Contest);
    assert_eq!(numbers(&bench.lsps()), [(first(), 2, true)]);
    assert_eq!(bench.hear(first(), 7, 0), Heard::Contest);
    bench.wait();
    assert_eq!(numbers(&bench.lsps()), [(first(), 8, true)]);
}

#[test]
fn a_fight_without_end_slows_down_and_the_operator_hears_of_it_once() {
    let mut bench = Bench::new();
    let (mut problems, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let sequence = bench.own.records[&first()].sequence;
        bench.hear(first(), sequence + 1, 0);
        let wait = if bench.own.is_due(bench.now) { Duration::ZERO } else { bench.wait() };
        waits.push(wait.as_millis());
        problems.extend(bench.run().into_iter().filter(|issue| matches!(issue, Issue::Problem(_))));
    }
    assert_eq!(&waits[..8], [0, 20, 40, 80, 160, 320, 640, 1000]);
    assert_eq!(problems, [Issue::Problem(Problem::Contested { level: Level::Two, id: first() })]);
}

/// ISO 10589 §7.3.16.1, RFC 6232: what we do not say any more, others shall forget, and see who said so.
#[test]
fn an_unknown_own_fragment_is_purged_with_our_name_on_it() {
    let mut bench = Bench::new();
    let stale = system(1).pseudonode(4).fragment(2);
    assert_eq!(bench.hear(stale, 9, 0), Heard::Usual, "somebody has purged it already");
    assert_eq!(bench.hear(stale, 9, 800), Heard::Contest);
    let lsps = bench.lsps();
    assert_eq!(numbers(&lsps), [(stale, 9, false)]);
    let by =
        lsps[0].tlvs().any(|tlv| tlv == Tlv::PurgeOriginator { originator: system(1), received_from: None });
    assert!(by, "{}", lsps[0]);
    // It is remembered for a while, and then forgotten.
    assert_eq!(bench.hear(stale, 8, 800), Heard::Usual);
    bench.wait();
    assert_eq!(bench.lsps(), []);
    assert!(!bench.own.records.contains_key(&stale));
}

#[test]
fn forged_fragments_do_not_make_memory_grow_without_bound() {
    let mut bench = Bench::new();
    for number in 0..=u16::MAX {
        let [pseudonode, fragment] = number.to_be_bytes();
        bench.hear(system(1).pseudonode(pseudonode).fragment(fragment), 9, 800);
    }
    assert!(bench.own.records.len() <= MAX_RECORDS);
    assert!(bench.lsps().len() <= MAX_RECORDS);
    bench.pass(2 * REMEMBER);
    bench.lsps();
    assert_eq!(bench.own.records.len(), 1);
}

#[test]
fn when_a_lan_has_another_designated_router_our_pseudonode_is_purged() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    let lan = system(1).pseudonode(3);
    bench.view.circuits[0].neighbours = vec![lan];
    bench.view.circuits[0].pseudonode = Some((3, [system(2), system(4)].into()));
    let lsps = bench.touch();
    assert_eq!(numbers(&lsps), [(first(), 2, true), (lan.fragment(0), 1, true)]);
    let members: Vec<_> = lsps[1].neighbours().map(|member| (member.node, member.metric)).collect();
    assert_eq!(members, [(system(1).node(), 0), (system(2).node(), 0), (system(4).node(), 0)]);
    bench.pass(Duration::from_secs(5));
    bench.view.circuits[0].neighbours = vec![system(2).pseudonode(1)];
    bench.view.circuits[0].pseudonode = None;
    assert_eq!(numbers(&bench.touch()), [(first(), 3, true), (lan.fragment(0), 1, false)]);
    // Designated again: the number goes on.
    bench.pass(Duration::from_secs(5));
    bench.view.circuits[0].pseudonode = Some((3, [system(2)].into()));
    assert_eq!(numbers(&bench.touch()), [(lan.fragment(0), 2, true)]);
}

#[test]
fn fragments_come_and_go_with_what_they_say() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.repeat(400);
    let lsps = bench.touch();
    assert!(lsps.len() > 2);
    assert_eq!(lsps.iter().map(|lsp| lsp.prefixes().count()).sum::<usize>(), 401);
    assert!(lsps.iter().all(|lsp| lsp.bytes().len() <= 1427));
    assert!(lsps[1..].iter().all(|lsp| !lsp.flags().overload && lsp.flags().is_type == Level::Two));
    bench.pass(Duration::from_secs(5));
    bench.repeat(0);
    let gone = bench.touch();
    assert_eq!(gone.iter().filter(|lsp| lsp.is_purge()).count(), lsps.len() - 1);
}

#[test]
fn a_change_of_one_prefix_looks_at_no_other() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.repeat(400);
    let before = bench.touch();
    bench.pass(Duration::from_secs(5));
    let (net, repeated) = bench.view.repeated[250];
    bench.own.touch_prefixes(bench.now, &[net, net]);
    bench.view.scope = bench.own.scope(bench.now);
    assert_eq!(bench.view.scope, Scope::Prefixes(vec![net]));
    bench.view.repeated = vec![(net, Repeated { metric: 6, ..repeated })];
    let lsps = bench.lsps();
    let [lsp] = &lsps[..] else { panic!("{lsps:?}") };
    let was = before.iter().find(|other| other.id() == lsp.id()).expect("the fragment it was in");
    let differing: Vec<_> = lsp.prefixes().zip(was.prefixes()).filter(|(now, was)| now != was).collect();
    assert_eq!(differing.iter().map(|(now, _)| (now.net, now.metric)).collect::<Vec<_>>(), [(net, 6)]);
    assert_eq!(lsp.prefixes().count(), was.prefixes().count());
    // To look at many one by one would cost more than to look at all.
    bench.pass(Duration::from_secs(5));
    let many: Vec<Ipv4Net> = lsp.prefixes().map(|prefix| prefix.net).chain([net; 100]).collect();
    bench.own.touch_prefixes(bench.now, &many);
    assert_eq!(bench.own.scope(bench.now), Scope::All);
}

/// The issue: an LSP that cannot be fragmented is an error that the operator sees, never an empty LSP.
#[test]
fn what_does_not_fit_leaves_the_lsp_as_it_was_and_is_told() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.view.host_name = Some("x".repeat(200));
    bench.view.room = 100;
    bench.own.touch(bench.now);
    let problem = Problem::TooSmall { level: Level::Two, node: system(1).node(), needed: 211, room: 100 };
    assert_eq!(bench.run(), [Issue::Problem(problem)]);
    bench.own.touch(bench.now);
    assert_eq!(bench.run(), [], "told once");
    // What was said stays alive.
    bench.wait();
    let lsps = bench.lsps();
    assert_eq!(numbers(&lsps), [(first(), 2, true)]);
    assert_eq!(lsps[0].host_name().as_deref(), Some("denver"));
    assert_eq!(lsps[0].neighbours().count(), 1);
}

#[test]
fn more_than_256_fragments_are_told_and_leave_adjacencies_standing() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.view.room = 120;
    bench.repeat(5000);
    bench.own.touch(bench.now);
    let issues = bench.run();
    let left_out = issues.iter().find_map(|issue| match issue {
        Issue::Problem(Problem::LeftOut { entries, .. }) => Some(*entries),
        _ => None,
    });
    let lsps: Vec<&Lsp> = issues
        .iter()
        .filter_map(|issue| if let Issue::Install(lsp) = issue { Some(lsp) } else { None })
        .collect();
    let said = lsps.iter().map(|lsp| lsp.prefixes().count()).sum::<usize>();
    assert_eq!(lsps.len(), 256);
    assert_eq!(left_out, Some(5001 - said));
    assert_eq!(lsps.iter().map(|lsp| lsp.neighbours().count()).sum::<usize>(), 1);
}

/// ISO 10589 §7.3.16.1: others must have forgotten the greatest number before the first is said again.
#[test]
fn used_up_sequence_numbers_mean_silence_for_max_age_and_zero_age() {
    let mut bench = Bench::new();
    bench.hear(first(), u32::MAX, 1000);
    let wrapped = Problem::SequenceWrapped { level: Level::Two, id: first(), silent_s: 1260 };
    let issues = bench.run();
    let [Issue::Install(purge), Issue::Problem(problem)] = &issues[..] else { panic!("{issues:?}") };
    assert_eq!((purge.header().sequence, purge.is_purge()), (u32::MAX, true));
    assert_eq!(*problem, wrapped);
    // In between it stays silent, whatever changes, and purges what comes back.
    bench.view.overload = true;
    assert_eq!(bench.touch(), []);
    bench.pass(Duration::from_secs(100));
    assert_eq!(bench.hear(first(), u32::MAX, 900), Heard::Contest);
    assert_eq!(numbers(&bench.lsps()), [(first(), u32::MAX, false)]);
    assert_eq!(bench.wait(), Duration::from_secs(1160));
    let lsps = bench.lsps();
    let [lsp] = &lsps[..] else { panic!("{lsps:?}") };
    assert_eq!((lsp.header().sequence, lsp.flags().overload), (1, true));
}

#[test]
fn overload_ends_by_the_clock_alone() {
    let mut bench = Bench::new();
    bench.view.overload = true;
    bench.view.until = Some(bench.now + Duration::from_secs(60));
    bench.pass(Duration::from_secs(5));
    assert!(bench.touch()[0].flags().overload);
    bench.view.overload = false;
    bench.view.until = None;
    assert_eq!(bench.wait(), Duration::from_secs(55));
    assert!(!bench.lsps()[0].flags().overload);
}

#[test]
fn another_key_signs_all_anew() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.repeat(400);
    let lsps = bench.touch();
    bench.pass(Duration::from_secs(5));
    bench.view.auth = Authentication::Password("new".into());
    assert_eq!(bench.touch().len(), lsps.len());
}

#[test]
fn a_router_that_leaves_purges_all_at_once() {
    let mut bench = Bench::new();
    bench.view.overload = true;
    bench.own.touch(bench.now);
    bench.view.left = true;
    bench.own.touch_at_once(bench.now);
    assert_eq!(numbers(&bench.lsps()), [(first(), 1, false)]);
    assert_eq!(bench.touch(), []);
}

#[test]
fn narrow_and_transition_say_the_other_metrics_too() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(5));
    bench.view.circuits[0].metric = 100;
    bench.repeat(1);
    bench.view.style = MetricStyle::Transition;
    let lsps = bench.touch();
    let neighbours: Vec<_> = lsps[0].neighbours().map(|to| (to.metric, to.wide)).collect();
    assert_eq!(neighbours, [(63, false), (100, true)]);
    let prefixes: Vec<_> = lsps[0].prefixes().map(|to| (to.net.prefix_len(), to.external, to.wide)).collect();
    assert_eq!(prefixes, [(31, false, false), (24, true, false), (24, false, true), (31, false, true)]);
    bench.pass(Duration::from_secs(5));
    bench.view.style = MetricStyle::Narrow;
    let lsps = bench.touch();
    assert!(lsps[0].neighbours().all(|to| !to.wide) && lsps[0].prefixes().all(|to| !to.wide));
}

/// Whatever is heard and whenever, what stands at the end of a contest is what the router wants to say.
#[test]
fn no_history_of_contests_leaves_anything_else_standing() {
    use rand_pcg::rand_core::RngCore;
    for seed in 0..60 {
        let (mut bench, mut dice) = (Bench::new(), Pcg32::new(seed, 3));
        let mut held = BTreeMap::<LspId, (u32, bool)>::new();
        for _ in 0..100 {
            let id = system(1).pseudonode((dice.next_u32() % 2) as u8).fragment((dice.next_u32() % 3) as u8);
            let sequence = 1 + dice.next_u32() % 50;
            let lifetime = if dice.next_u32() % 3 == 0 { 0 } else { 600 };
            match dice.next_u32() % 4 {
                0 => {
                    bench.repeat(dice.next_u32() % 400);
                    bench.own.touch(bench.now);
                }
                1 => bench.pass(Duration::from_millis(u64::from(dice.next_u32() % 2000))),
                _ => {
                    // A database elsewhere that holds this has heard it from somebody.
                    let known = held.get(&id).copied().unwrap_or((0, false));
                    if (sequence, lifetime == 0) > known {
                        held.insert(id, (sequence, lifetime == 0));
                        bench.own.heard(bench.now, &LspHeader { id, sequence, lifetime, checksum: 1 });
                    }
                }
            }
            for issue in bench.own.run(bench.now, &bench.view, &mut bench.random) {
                if let Issue::Install(lsp) = issue {
                    held.insert(lsp.id(), (lsp.header().sequence, lsp.is_purge()));
                }
            }
        }
        for _ in 0..20 {
            bench.pass(Duration::from_secs(3));
            for issue in bench.own.run(bench.now, &bench.view, &mut bench.random) {
                if let Issue::Install(lsp) = issue {
                    let known = held.insert(lsp.id(), (lsp.header().sequence, lsp.is_purge()));
                    assert!(
                        known.is_none_or(|known| known < (lsp.header().sequence, lsp.is_purge())),
                        "seed {seed}"
                    );
                }
            }
        }
        for (id, (sequence, is_purge)) in held {
            let record = bench.own.records.get(&id);
            let is_said = record.is_some_and(|record| record.said.is_some());
            assert_eq!(is_said, !is_purge, "seed {seed}, {id}");
            assert!(record.is_none_or(|record| record.sequence == sequence), "seed {seed}, {id}");
        }
    }
}
