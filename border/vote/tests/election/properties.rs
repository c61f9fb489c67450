//! What holds after any history of evidence.

use std::time::Duration;

use braid_vote::{
    Alarm, Damping, EgressId, EngineState, Evidence, Explanation, LayoutClass, Millis, Policy, PrefixId,
    RouteEvidence, Rule, Step, Unusable, Verdict, VerificationEvidence,
};
use proptest::prelude::*;

use crate::world::{CHICAGO, DENVER, Event, World, delivers, differs, majority, master};

const HOUR: u64 = 3_600_000;

/// Evidence changes, each so many milliseconds after the one before.
type History = Vec<(u64, Event)>;

fn event(vns: u8) -> impl Strategy<Value = Event> {
    let vn = 1..=vns;
    let state = prop::sample::select(vec![
        EngineState::Running,
        EngineState::Running,
        EngineState::Starting,
        EngineState::Gone,
        EngineState::Silent,
        EngineState::Unknown,
    ]);
    let border = prop::sample::select(vec![None, Some(DENVER), Some(CHICAGO)]);
    let verified = prop::sample::select(vec![
        VerificationEvidence::Unknown,
        delivers(),
        delivers(),
        differs(),
        VerificationEvidence::Loops,
        VerificationEvidence::Dropped,
    ]);
    prop_oneof![
        8 => (vn.clone(), 1..=3_u8).prop_map(|(vn, last)| Event::Route(vn, last)),
        2 => vn.clone().prop_map(Event::Lost),
        1 => vn.clone().prop_map(|vn| Event::Broken(vn, Unusable::Blackhole)),
        3 => (vn.clone(), state).prop_map(|(vn, state)| Event::Engine(vn, state)),
        2 => (vn.clone(), border).prop_map(|(vn, border)| Event::Egress(vn, border)),
        1 => vn.clone().prop_map(Event::ProbesLost),
        1 => (vn.clone(), DENVER..=CHICAGO, any::<bool>())
            .prop_map(|(vn, border, lost)| Event::Border(vn, border, lost)),
        2 => (vn.clone(), verified).prop_map(|(vn, verified)| Event::Verified(vn, verified)),
        3 => vn.clone().prop_map(Event::Steady),
        1 => vn.clone().prop_map(Event::Pending),
        1 => Just(Event::ControllerAway),
        1 => (vn.clone(), any::<bool>()).prop_map(|(vn, up)| Event::Port(vn, up)),
        1 => (vn, prop::option::of(1..=2_u64)).prop_map(|(vn, class)| Event::Layout(vn, class)),
        1 => Just(Event::Nothing),
    ]
}

fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..500_u64, 500..50_000_u64, 50_000..2_000_000_u64]
}

fn policy(vns: u8) -> impl Strategy<Value = Policy> {
    let rule = prop_oneof![
        (1..=vns).prop_map(|master| Rule::Master { master }),
        Just(Rule::Majority),
        (0..=vns).prop_map(|k| Rule::FirstK { k }),
        Just(Rule::Consensus),
    ];
    let wait = |choices: &[u64]| prop::sample::select(choices.to_vec()).prop_map(Duration::from_millis);
    let patience = (wait(&[0, 200, 1_000]), wait(&[0, 1_000, 30_000]), wait(&[0, 100, 1_000]));
    let suppress = prop::sample::select(vec![500, 1_500, 3_000]);
    (rule, any::<bool>(), patience, suppress, wait(&[0, 10_000, 60_000])).prop_map(
        |(rule, verified, (settle, fail_back, deadline), suppress, half_life)| {
            let damping = Damping { half_life, suppress, ..Damping::default() };
            Policy { rule, verified, settle, fail_back, deadline, damping }
        },
    )
}

prop_compose! {
    fn any_history()(vns in 1..=5_u8)(
        policy in policy(vns),
        code_bases in prop::collection::vec(prop::sample::select(vec!["frr", "bird", "native"]), usize::from(vns)),
        adopted in prop::option::weighted(0.3, 1..=vns),
        history in prop::collection::vec((pause(), event(vns)), 1..40),
    ) -> (World, History) {
        let mut world = World::new(policy, &code_bases);
        if let Some(vn) = adopted {
            world.poll.adopt(world.prefix, vn);
        }
        (world, history)
    }
}

/// Lives through a history; `see` looks at the world after each vote that follows a change.
fn live(world: &mut World, history: &History, mut see: impl FnMut(&mut World)) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (pause, event) in history {
        let then = world.now.0 + pause;
        verdicts.push(world.at(then, event));
        see(world);
    }
    verdicts
}

/// 0 if the VN is eligible, 1 with a usable route of any kind, 2 without one.
fn tiers(told: &Explanation) -> Vec<(u8, u8)> {
    let tier = |eligible, route: &RouteEvidence| match (eligible, route) {
        (true, _) => 0,
        (false, RouteEvidence::Usable { .. }) => 1,
        (false, _) => 2,
    };
    told.candidates.iter().map(|c| (c.vn, tier(c.eligible, &c.ballot.fib.route))).collect()
}

proptest! {
    #[test]
    fn the_same_history_in_any_order_of_vns_gives_the_same_verdicts((world, history) in any_history(), turn in 0..5_usize) {
        let verdicts = live(&mut world.clone(), &history, |_| {});
        let mut explained = Vec::new();
        let shuffled = live(&mut world.clone(), &history, |world| {
            let mut electors = world.electors.clone();
            let by = turn % electors.len();
            electors.rotate_left(by);
            world.poll.set_electors(&electors);
            explained.push(world.explain().verdict);
            world.vote();
        });
        prop_assert_eq!(&verdicts, &shuffled);
        prop_assert_eq!(&verdicts, &explained);
    }

    #[test]
    fn a_record_of_the_evidence_replays_to_the_same_verdicts((world, history) in any_history()) {
        // Goal: what a border wrote down is all that decided: whatever it was asked or did meanwhile.
        let mut record = Vec::new();
        let mut fresh = world.poll.clone();
        let verdicts = live(&mut world.clone(), &history, |world| {
            let _ = (world.explain(), world.recheck_at());
        });
        let mut now = Millis(0);
        for (pause, event) in &history {
            now = now.after(Duration::from_millis(*pause));
            let told = World { now, ..world.clone() };
            record.push((now, told.evidence(event), event.clone()));
        }
        let json = serde_json::to_string(&record.iter().map(|(_, heard, _)| heard).collect::<Vec<_>>()).unwrap();
        let read: Vec<Option<Evidence>> = serde_json::from_str(&json).unwrap();
        let mut electors = world.electors.clone();
        let mut replayed = Vec::new();
        for ((at, _, event), evidence) in record.into_iter().zip(read) {
            while let Some(due) = fresh.next_due().filter(|due| *due <= at) {
                fresh.decide(due);
            }
            fresh.decide(at);
            if let Some(evidence) = evidence {
                fresh.hear(at, &evidence);
            }
            if let Event::Layout(vn, class) = event {
                electors[usize::from(vn) - 1].layout = class.map(LayoutClass);
                fresh.set_electors(&electors);
            }
            fresh.decide(at);
            replayed.push((at, fresh.verdict(world.prefix).unwrap()));
        }
        prop_assert_eq!(verdicts, replayed.into_iter().map(|(_, verdict)| verdict).collect::<Vec<_>>());
    }

    #[test]
    fn clones_that_were_asked_before_the_last_change_move_nothing((world, history) in any_history(), at_rest in any::<bool>()) {
        let history: History =
            history.into_iter().filter(|(_, event)| !matches!(event, Event::Steady(_) | Event::Pending(_))).collect();
        let without = live(&mut world.clone(), &history, |_| {});
        let prefix = world.prefix;
        let with = live(&mut world.clone(), &history, |world| {
            for vn in 1..=world.electors.len() as u8 {
                let asked = world.poll.ballot(prefix, vn).map(|ballot| ballot.fib.since).unwrap_or_default();
                let pending = [prefix].into_iter().filter(|_| !at_rest).collect();
                world.poll.hear(world.now, &Evidence::Converged { vn, asked, at_rest, pending });
            }
        });
        prop_assert_eq!(without, with);
    }

    #[test]
    fn under_verified_no_refuted_vn_wins_while_another_is_eligible((mut world, history) in any_history()) {
        let mut policy = *world.poll.policy(world.prefix).unwrap();
        policy.verified = true;
        world.poll.set_policy(world.prefix, policy);
        let mut bad = None;
        live(&mut world, &history, |world| {
            let told = world.explain();
            let winner = told.candidates.iter().find(|c| Some(c.vn) == told.verdict.winner);
            let refuted = winner.is_some_and(|winner| winner.ballot.verification.is_fault());
            let better = told.candidates.iter().any(|candidate| candidate.eligible);
            if refuted && better || refuted != (told.verdict.alarm == Some(Alarm::Unverified)) {
                bad = Some(told);
            }
        });
        prop_assert_eq!(bad, None);
    }

    #[test]
    fn sums_are_sums_of_the_verdicts((mut world, history) in any_history()) {
        let attached = [EgressId(DENVER)].into_iter().collect();
        let others: Vec<PrefixId> = (0..3).map(|_| world.poll.open(majority(), &attached)).collect();
        let all = [&[world.prefix][..], &others].concat();
        let mut bad = None;
        for (turn, (pause, event)) in history.iter().enumerate() {
            world.wait_until(world.now.after(Duration::from_millis(*pause)));
            // Each event hits one of the prefixes.
            let home = std::mem::replace(&mut world.prefix, all[turn % all.len()]);
            world.apply(event);
            world.prefix = home;
            world.vote();
            let verdicts: Vec<Verdict> = all.iter().filter_map(|prefix| world.poll.verdict(*prefix)).collect();
            for vn in 1..=5 {
                let driven: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.winner == Some(vn)).collect();
                let drives: u32 = world.poll.drives(vn).map(|(_, prefixes)| prefixes).sum();
                let first = driven.first().and_then(|verdict| verdict.runner_up);
                let follows = first.filter(|_| driven.iter().all(|verdict| verdict.runner_up == first));
                if (drives as usize, world.poll.succession(vn)) != (driven.len(), follows) {
                    bad = Some((vn, verdicts.clone()));
                }
            }
        }
        prop_assert_eq!(bad, None);
    }

    #[test]
    fn the_winner_comes_from_the_best_there_is((mut world, history) in any_history()) {
        let mut bad = None;
        live(&mut world, &history, |world| {
            let verdict = world.vote();
            if verdict.decisive_step == Step::Gathering {
                return;
            }
            let told = world.explain();
            let best = tiers(&told).iter().map(|(_, tier)| *tier).min().unwrap_or(2);
            let fine = best == 2
                || verdict.winner.is_some_and(|winner| tiers(&told).contains(&(winner, best)));
            if !fine {
                bad = Some(told);
            }
        });
        prop_assert_eq!(bad, None);
    }

    #[test]
    fn a_second_look_at_the_same_time_changes_nothing((mut world, history) in any_history()) {
        let mut same = true;
        live(&mut world, &history, |world| {
            let before = world.explain();
            world.poll.revote();
            same &= world.poll.decide(world.now).is_empty() && before == world.explain();
        });
        prop_assert!(same);
    }

    #[test]
    fn nothing_changes_before_the_recheck((mut world, history) in any_history(), part in 0.0..1.0_f64) {
        let mut early = None;
        live(&mut world, &history, |world| {
            let now = world.now;
            let (verdict, due) = (world.vote(), world.recheck_at());
            if due.is_some_and(|due| due <= now) {
                early = Some((now, due, None));
            }
            // Anywhere between now and then, at the last moment before it, or ever if there is none.
            let span = due.map_or(HOUR, |due| due.0 - now.0 - 1);
            for later in [(span as f64 * part) as u64, span] {
                let mut other = world.clone();
                other.now = Millis(now.0 + later);
                other.poll.revote();
                let changed = !other.poll.decide(other.now).is_empty();
                if changed || other.explain().recheck_at != due {
                    early = Some((now, due, Some((other.explain(), verdict.clone()))));
                }
            }
        });
        prop_assert_eq!(early, None);
    }

    #[test]
    fn looking_more_often_does_not_matter((world, history) in any_history(), every in 100..20_000_u64) {
        let seldom = live(&mut world.clone(), &history, |_| {});
        let mut often = Vec::new();
        let mut busy = world;
        for (pause, event) in &history {
            let then = busy.now.0 + pause;
            let first = busy.now.0;
            for look in (1..50).map(|n| first + n * every).take_while(|look| *look < then) {
                busy.wait_until(Millis(look));
            }
            often.push(busy.at(then, event));
        }
        prop_assert_eq!(seldom, often);
    }

    #[test]
    fn the_explanation_tells_what_is_decided((mut world, history) in any_history(), before in any::<bool>()) {
        for (pause, event) in &history {
            world.wait_until(world.now.after(Duration::from_millis(*pause)));
            world.apply(event);
            // Asked before the decision, it foretells it; asked after, it repeats it.
            let foretold = world.explain();
            let verdict = world.vote();
            let told = if before { foretold } else { world.explain() };
            prop_assert_eq!(&told.verdict, &verdict);
            prop_assert_eq!(told.candidates.len(), world.electors.len());
            for pair in told.steps.windows(2) {
                let (left, then) = (&pair[0].remaining, &pair[1].remaining);
                prop_assert!(left.len() > 1 && then.iter().all(|vn| left.contains(vn)), "{:#?}", told.steps);
            }
            let last = told.steps.last().map(|last| (last.step, last.remaining.as_slice()));
            prop_assert_eq!(last, Some((verdict.decisive_step, verdict.winner.as_slice())));
        }
    }

    #[test]
    fn the_runner_up_wins_when_the_winner_fails((mut world, history) in any_history()) {
        let mut fault = None;
        live(&mut world, &history, |world| {
            let verdict = world.vote();
            let Some(winner) = verdict.winner else { return };
            let mut other = world.clone();
            other.apply(&Event::Lost(winner));
            let next = other.vote();
            let expected = verdict.runner_up.or(Some(winner));
            if next.winner != expected {
                fault = Some((verdict, next));
            }
        });
        prop_assert_eq!(fault, None);
    }

    #[test]
    fn one_faulty_code_base_of_three_never_wins_a_settled_vote(
        policy in policy(3),
        sizes in prop::collection::vec(1..=2_usize, 3),
        faulty in 0..3_usize,
        faults in prop::collection::vec((0..100_000_u64, any::<bool>(), 0..3_u8), 1..30),
    ) {
        // Goal: two code bases keep saying 1; the third says 1, 9 or nothing, in turn, and then 9 for good.
        let names = ["a", "b", "c"];
        let code_bases: Vec<&str> =
            names.iter().zip(&sizes).flat_map(|(name, size)| vec![*name; *size]).collect();
        let liars: Vec<u8> =
            (1..).zip(&code_bases).filter(|(_, name)| **name == names[faulty]).map(|(vn, _)| vn).collect();
        let mut world = World::converged(policy, &code_bases);
        for (pause, first, word) in faults {
            let liar = if first { liars[0] } else { liars[liars.len() - 1] };
            let event = match word {
                0 => Event::Lost(liar),
                1 => Event::Route(liar, 1),
                _ => Event::Route(liar, 9),
            };
            world.at(world.now.0 + pause, &event);
        }
        for liar in &liars {
            world.at(world.now.0, &Event::Route(*liar, 9));
        }
        let verdict = world.wait_until(world.now.after(policy.settle));
        prop_assert!(verdict.winner.is_some_and(|winner| !liars.contains(&winner)), "{verdict:?}");
        prop_assert_eq!((verdict.dissenters, verdict.alarm), (liars, None));
    }

    #[test]
    fn an_alarm_means_that_nobody_has_a_majority((mut world, history) in any_history()) {
        let mut fault = None;
        live(&mut world, &history, |world| {
            let verdict = world.vote();
            let told = world.explain();
            let majority = told.steps.iter().find(|step| step.step == Step::Majority);
            let says_none = majority.is_some_and(|step| step.detail.ends_with("no majority"));
            if verdict.alarm == Some(Alarm::Split) && !says_none {
                fault = Some(told);
            }
        });
        prop_assert_eq!(fault, None);
    }
}

proptest! {
    // Six hours of flapping are thousands of votes each.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_flapping_vn_moves_traffic_a_bounded_number_of_times(
        policy in prop::sample::select(vec![
            master(1),
            majority(),
            Policy::new(Rule::FirstK { k: 2 }),
            Policy::new(Rule::Consensus),
        ]),
        kind in 0..5_u8,
        up in prop::sample::select(vec![1_u64, 300, 31_000, 61_000, 610_000]),
        down in prop::sample::select(vec![1_u64, 300, 31_000]),
        jitter in prop::collection::vec(0..1_000_u64, 8),
    ) {
        // Goal: for six hours red fails and recovers to a rhythm of its own; traffic moves away and back
        // at most once per ten minutes, but for the first few times.
        let mut world = World::converged(Policy { verified: kind == 4, ..policy }, &["a", "b", "c"]);
        let (fault, recovery) = match kind {
            0 => (Event::Lost(1), Event::Route(1, 1)),
            1 => (Event::Route(1, 9), Event::Route(1, 1)),
            2 => (Event::ProbesLost(1), Event::Egress(1, Some(DENVER))),
            3 => (Event::Verified(1, VerificationEvidence::Loops), Event::ControllerAway),
            _ => (Event::Verified(1, differs()), Event::Verified(1, delivers())),
        };
        let (mut switches, mut last, mut turn) = (0, Some(1), 0);
        while world.now.0 < 6 * HOUR {
            let jitter = jitter[turn % jitter.len()];
            let pause = if turn.is_multiple_of(2) { up } else { down };
            let event = if turn.is_multiple_of(2) { fault.clone() } else { recovery.clone() };
            turn += 1;
            let then = world.now.0 + pause + jitter;
            // Rechecks on the way count as well.
            while let Some(due) = world.poll.next_due().filter(|due| due.0 < then) {
                let winner = world.wait_until(due).winner;
                switches += u64::from(winner != last);
                last = winner;
            }
            let winner = world.at(then, &event).winner;
            switches += u64::from(winner != last);
            last = winner;
        }
        let has_master = matches!(policy.rule, Rule::Master { .. });
        let bound = if has_master { 2 * (6 * HOUR / 600_000 + 6) } else { 1 };
        prop_assert!(switches <= bound, "{switches} switches");
    }
}
