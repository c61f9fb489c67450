//! What holds after any history of evidence.

use std::time::Duration;

use braid_vote::{Alarm, Eligibility, EngineState, Millis, Policy, Rule, Unusable, Verdict};
use proptest::prelude::*;

use crate::world::{Event, World, majority, master};

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
    let border = prop::sample::select(vec![None, Some("denver"), Some("chicago")]);
    prop_oneof![
        8 => (vn.clone(), 1..=3_u8).prop_map(|(vn, last)| Event::Route(vn, last)),
        2 => vn.clone().prop_map(Event::Lost),
        1 => vn.clone().prop_map(|vn| Event::Broken(vn, Unusable::Blackhole)),
        3 => (vn.clone(), state).prop_map(|(vn, state)| Event::Engine(vn, state)),
        1 => (vn.clone(), border).prop_map(|(vn, border)| Event::Egress(vn, border)),
        1 => (vn, prop::option::of(1..=2_u64)).prop_map(|(vn, class)| Event::Layout(vn, class)),
        1 => Just(Event::Nothing),
    ]
}

fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..500_u64, 500..50_000_u64, 50_000..2_000_000_u64]
}

fn policy(vns: u8) -> impl Strategy<Value = Policy> {
    let rule = prop_oneof![(1..=vns).prop_map(|master| Rule::Master { master }), Just(Rule::Majority)];
    let settle = prop::sample::select(vec![0, 200, 1_000]).prop_map(Duration::from_millis);
    let fail_back = prop::sample::select(vec![0, 1, 30]).prop_map(Duration::from_secs);
    (rule, settle, fail_back).prop_map(|(rule, settle, fail_back)| Policy { rule, settle, fail_back })
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
            world.election.adopt(vn);
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

/// 0 if the VN is eligible, 1 with a stale route, 2 without a usable one.
fn tier(eligibility: Eligibility) -> u8 {
    match eligibility {
        Eligibility::Eligible => 0,
        Eligibility::EngineGone | Eligibility::EngineSilent | Eligibility::EngineStarting => 1,
        Eligibility::NoRoute | Eligibility::Unusable(_) => 2,
    }
}

proptest! {
    #[test]
    fn the_same_history_in_any_order_of_vns_gives_the_same_verdicts((world, history) in any_history(), turn in 0..5_usize) {
        let verdicts = live(&mut world.clone(), &history, |_| {});
        let mut explained = Vec::new();
        let shuffled = live(&mut world.clone(), &history, |world| {
            // The world finds its VNs by place, so only what the voter gets to see is out of order.
            let (mut electors, mut ballots) = (world.electors.clone(), world.ballots.clone());
            let by = turn % electors.len();
            electors.rotate_left(by);
            ballots.reverse();
            explained.push(world.election.explain(world.now, &electors, &ballots).verdict);
            world.election.decide(world.now, &electors, &ballots);
        });
        prop_assert_eq!(&verdicts, &shuffled);
        prop_assert_eq!(&verdicts, &explained);
    }

    #[test]
    fn the_winner_comes_from_the_best_there_is((mut world, history) in any_history()) {
        let mut bad = None;
        live(&mut world, &history, |world| {
            let winner = world.vote().winner;
            let tiers: Vec<u8> = world.ballots.iter().map(|ballot| tier(Eligibility::of(ballot))).collect();
            let best = tiers.iter().copied().min().unwrap_or(2);
            let fine = best == 2 || winner.is_some_and(|vn| tiers[usize::from(vn) - 1] == best);
            if !fine {
                bad = Some((winner, world.ballots.clone()));
            }
        });
        prop_assert_eq!(bad, None);
    }

    #[test]
    fn a_second_look_at_the_same_time_changes_nothing((mut world, history) in any_history()) {
        let mut same = true;
        live(&mut world, &history, |world| {
            let before = world.election.clone();
            let decision = world.election.decide(world.now, &world.electors, &world.ballots);
            same &= !decision.changed && before == world.election;
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
                let found = other.election.decide(other.now, &other.electors, &other.ballots);
                if found.changed || found.recheck_at != due {
                    early = Some((now, due, Some((found.verdict.clone(), verdict.clone()))));
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
            let majority = told.steps.iter().find(|step| step.step == braid_vote::Step::Majority);
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
        by_majority in any::<bool>(),
        soft in any::<bool>(),
        up in prop::sample::select(vec![1_u64, 300, 31_000, 61_000, 610_000]),
        down in prop::sample::select(vec![1_u64, 300, 31_000]),
        jitter in prop::collection::vec(0..1_000_u64, 8),
    ) {
        // Goal: for six hours red fails and recovers to a rhythm of its own; traffic moves away and back
        // at most once per ten minutes, but for the first few times.
        let mut world = World::converged(if by_majority { majority() } else { master(1) }, &["a", "b", "c"]);
        let fault = if soft { Event::Route(1, 9) } else { Event::Lost(1) };
        let (mut switches, mut last, mut turn) = (0, Some(1), 0);
        while world.now.0 < 6 * HOUR {
            let jitter = jitter[turn % jitter.len()];
            let pause = if turn.is_multiple_of(2) { up } else { down };
            let event = if turn.is_multiple_of(2) { fault.clone() } else { Event::Route(1, 1) };
            turn += 1;
            let then = world.now.0 + pause + jitter;
            // Rechecks on the way count as well.
            while let Some(due) = world.recheck_at().filter(|due| due.0 < then) {
                let winner = world.wait_until(due).winner;
                switches += u64::from(winner != last);
                last = winner;
            }
            let winner = world.at(then, &event).winner;
            switches += u64::from(winner != last);
            last = winner;
        }
        let bound = if by_majority { 1 } else { 2 * (6 * HOUR / 600_000 + 6) };
        prop_assert!(switches <= bound, "{switches} switches");
    }
}
