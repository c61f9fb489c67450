//! Who wins, and by which step.

use braid_vote::{Alarm, Ballot, Comparison, EngineState, Explanation, Millis, Rule, Step, Unusable};

use crate::world::{BLUE, CHICAGO, DENVER, Event, GREEN, Line, RED, World, majority, master, tell};

use Event::{Broken, Egress, Engine, Layout, Lost, Nothing, Route};

/// The VNs of `abilene-diverse.yaml`: two of FRR, one of BIRD.
const ABILENE: [&str; 3] = ["frr", "bird", "frr"];
const THREE: [&str; 3] = ["frr", "bird", "native"];
const SPLIT: Option<Alarm> = Some(Alarm::Split);

#[test]
fn stories() {
    let stories: Vec<(&str, World, Vec<Line>)> = vec![
        (
            "while all agree the master drives",
            World::converged(master(GREEN), &ABILENE),
            vec![(1, Nothing, Some(GREEN), Step::Master, None)],
        ),
        (
            "while all agree the majority policy takes the first",
            World::converged(majority(), &ABILENE),
            vec![(1, Nothing, Some(RED), Step::Preference, None)],
        ),
        (
            "the only elector wins as long as it has a route",
            World::new(majority(), &["frr"]),
            vec![
                (0, Nothing, None, Step::NoneUsable, None),
                (1, Route(RED, 1), Some(RED), Step::OnlyCandidate, None),
                (2, Engine(RED, EngineState::Gone), Some(RED), Step::OnlyCandidate, None),
                (3, Lost(RED), Some(RED), Step::NoneUsable, None),
            ],
        ),
        (
            "at start the first to converge drives, until the master has been stable for `settle`",
            World::new(master(RED), &ABILENE),
            vec![
                (0, Nothing, None, Step::NoneUsable, None),
                (1_000, Route(GREEN, 1), None, Step::Gathering, None),
                (1_199, Nothing, None, Step::Gathering, None),
                (1_200, Nothing, Some(GREEN), Step::Eligibility, None),
                (2_000, Route(RED, 2), Some(GREEN), Step::Settling, None),
                (2_100, Route(RED, 1), Some(GREEN), Step::Settling, None),
                (2_299, Nothing, Some(GREEN), Step::Settling, None),
                (2_300, Nothing, Some(RED), Step::Master, None),
                (3_000, Route(BLUE, 1), Some(RED), Step::Master, None),
            ],
        ),
        (
            "a master whose engine is gone hands over at once, and returns when clean for 30 s",
            World::converged(master(RED), &ABILENE),
            vec![
                (1_000, Engine(RED, EngineState::Gone), Some(GREEN), Step::Preference, None),
                (2_000, Lost(RED), Some(GREEN), Step::Preference, None),
                (3_000, Engine(RED, EngineState::Starting), Some(GREEN), Step::Preference, None),
                (5_000, Engine(RED, EngineState::Running), Some(GREEN), Step::Preference, None),
                (6_000, Route(RED, 1), Some(GREEN), Step::Preference, None),
                (35_999, Nothing, Some(GREEN), Step::Preference, None),
                (36_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "with two VNs, fail-back is what keeps the master waiting",
            World::converged(master(RED), &["frr", "bird"]),
            vec![
                (1_000, Engine(RED, EngineState::Silent), Some(GREEN), Step::Eligibility, None),
                (2_000, Engine(RED, EngineState::Running), Some(GREEN), Step::FailBack, None),
                (32_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "a VN on its way back is still better than nothing",
            World::converged(master(RED), &["frr", "bird"]),
            vec![
                (1_000, Lost(RED), Some(GREEN), Step::Eligibility, None),
                (2_000, Route(RED, 1), Some(GREEN), Step::FailBack, None),
                (3_000, Lost(GREEN), Some(RED), Step::Eligibility, None),
            ],
        ),
        (
            "stale routes are better than none, and only as long as nothing better is there",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Lost(BLUE), Some(RED), Step::Master, None),
                (2_000, Engine(GREEN, EngineState::Gone), Some(RED), Step::Eligibility, None),
                (3_000, Engine(RED, EngineState::Gone), Some(RED), Step::Master, None),
                (4_000, Lost(GREEN), Some(RED), Step::LastStanding, None),
                (5_000, Route(BLUE, 1), Some(BLUE), Step::Eligibility, None),
            ],
        ),
        (
            "when all lose the prefix, steering stays; who returns first drives, and nobody is blamed",
            World::converged(master(RED), &["frr", "bird"]),
            vec![
                (1_000, Lost(GREEN), Some(RED), Step::Eligibility, None),
                (1_010, Lost(RED), Some(RED), Step::NoneUsable, None),
                (5_000, Route(GREEN, 1), Some(GREEN), Step::Eligibility, None),
                (6_000, Route(RED, 1), Some(GREEN), Step::Settling, None),
                (6_200, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "two code bases at odds: the master stays, with an alarm once that has settled",
            World::converged(master(RED), &["frr", "bird"]),
            vec![
                (1_000, Route(GREEN, 9), Some(RED), Step::Master, None),
                (1_199, Nothing, Some(RED), Step::Master, None),
                (1_200, Nothing, Some(RED), Step::Master, SPLIT),
                (2_000, Route(GREEN, 1), Some(RED), Step::Master, None),
            ],
        ),
        (
            "1-1-1 keeps the incumbent, though another is preferred",
            World::converged(majority(), &THREE),
            vec![
                (1_000, Lost(RED), Some(GREEN), Step::Preference, None),
                (2_000, Route(RED, 1), Some(GREEN), Step::Preference, None),
                (32_000, Nothing, Some(GREEN), Step::Incumbent, None),
                (40_000, Route(BLUE, 8), Some(GREEN), Step::Incumbent, None),
                (40_001, Route(RED, 9), Some(GREEN), Step::Incumbent, None),
                (40_201, Nothing, Some(GREEN), Step::Incumbent, SPLIT),
                (99_000, Nothing, Some(GREEN), Step::Incumbent, SPLIT),
            ],
        ),
        (
            "two FRR VNs do not outvote one BIRD: one vote each",
            World::converged(master(GREEN), &ABILENE),
            vec![
                (1_000, Route(GREEN, 9), Some(GREEN), Step::Master, None),
                (1_200, Nothing, Some(GREEN), Step::Master, SPLIT),
            ],
        ),
        (
            "half of FRR's vote and BIRD's are a majority against the other half, once it has settled",
            World::converged(master(RED), &ABILENE),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_199, Nothing, Some(RED), Step::Settling, None),
                (1_200, Nothing, Some(GREEN), Step::Preference, None),
                (2_000, Route(RED, 1), Some(GREEN), Step::Preference, None),
                (31_999, Nothing, Some(GREEN), Step::Preference, None),
                (32_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "a disagreement that passes within `settle` moves nothing",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_150, Route(RED, 1), Some(RED), Step::Master, None),
                (1_200, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_350, Route(RED, 1), Some(RED), Step::Master, None),
            ],
        ),
        (
            "a bystander that changes its mind all the time does not hold up the majority",
            World::converged(master(RED), &["a", "b", "c", "d", "e"]),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_090, Route(5, 7), Some(RED), Step::Settling, None),
                (1_180, Route(5, 1), Some(RED), Step::Settling, None),
                (1_200, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "a VN that lost a transit link is of another layout: no next hops are compared",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Layout(RED, Some(2)), Some(RED), Step::Master, None),
                (1_000, Route(RED, 9), Some(RED), Step::Master, None),
                (9_000, Nothing, Some(RED), Step::Master, None),
                (9_001, Layout(RED, Some(1)), Some(RED), Step::Settling, None),
                (9_201, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "where probes know the egress of all, next hops do not matter",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_010, Egress(RED, Some(DENVER)), Some(RED), Step::Settling, None),
                (1_020, Egress(GREEN, Some(DENVER)), Some(RED), Step::Settling, None),
                (1_030, Egress(BLUE, Some(DENVER)), Some(RED), Step::Master, None),
                (5_000, Egress(RED, Some(CHICAGO)), Some(RED), Step::Settling, None),
                (5_200, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "without majority and incumbent the largest group wins",
            {
                let mut world = World::new(majority(), &["a", "b", "c", "d", "e"]);
                for (vn, last) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4)] {
                    world.apply(&Route(vn, last));
                }
                world
            },
            vec![
                (0, Nothing, None, Step::Gathering, None),
                (200, Nothing, Some(4), Step::Incumbent, SPLIT),
                (300, Lost(5), Some(4), Step::Incumbent, SPLIT),
            ],
        ),
    ];
    for (name, world, story) in stories {
        tell(name, world, &story);
    }
}

#[test]
fn each_reason_not_to_win_has_its_words() {
    let cases = [
        (Lost(RED), "no route"),
        (Broken(RED, Unusable::Blackhole), "route is a blackhole"),
        (Broken(RED, Unusable::Unreachable), "route is unreachable"),
        (Broken(RED, Unusable::Prohibited), "route is prohibited"),
        (Broken(RED, Unusable::NoLiveNextHop), "route has no live next hop"),
        (Engine(RED, EngineState::Gone), "engine is gone: route is stale"),
        (Engine(RED, EngineState::Silent), "engine is silent: route is stale"),
        (Engine(RED, EngineState::Starting), "engine is starting: route is stale"),
    ];
    for (fault, reason) in cases {
        let mut world = World::converged(master(RED), &ABILENE);
        let verdict = world.at(1_000, &fault);
        assert_eq!(verdict.winner, Some(GREEN), "{fault:?} is hard evidence");
        let told = world.reason(RED);
        let rest = "; was voted out and may return after 30 s clean (0 ms so far)";
        assert_eq!(told, format!("{reason}{rest}"));
    }
}

#[test]
fn dissenters_are_those_that_disagree_and_those_that_have_lost_the_prefix() {
    let mut world = World::converged(master(RED), &["a", "b", "c", "d", "e"]);
    world.at(1_000, &Route(3, 9));
    world.at(1_001, &Lost(2));
    let verdict = world.at(1_002, &Engine(4, EngineState::Gone));
    assert_eq!(
        (verdict.winner, verdict.dissenters),
        (Some(RED), vec![2, 3]),
        "a stale VN has no say either way"
    );
}

#[test]
fn the_explanation_shows_every_value_that_was_compared() {
    // Goal: red sends the prefix to the wrong neighbour; the explanation alone shows why green drives.
    let mut world = World::converged(master(RED), &ABILENE);
    world.at(1_000, &Route(RED, 9));
    let verdict = world.wait_until(Millis(1_500));
    let Explanation { verdict: explained, steps, candidates, .. } = world.explain();
    assert_eq!(explained, verdict);
    assert_eq!(verdict.comparison, Some(Comparison::NextHops));
    assert_eq!((verdict.runner_up, verdict.since), (Some(BLUE), Millis(1_200)), "red waits");
    let told: Vec<_> =
        steps.iter().map(|step| (step.step.as_str(), step.detail.as_str(), &step.remaining[..])).collect();
    assert_eq!(
        told,
        [
            ("eligibility", "eligible: 3 of 3", &[RED, GREEN, BLUE][..]),
            (
                "majority",
                "by next hops, of 2 votes: via 100.65.0.9 dev eth1: 1/2 (VN 1); \
                 via 100.65.0.1 dev eth1: 3/2 (VN 2, VN 3)",
                &[GREEN, BLUE]
            ),
            ("preference", "VN 2 comes first in order of preference", &[GREEN]),
        ]
    );
    let red = &candidates[0];
    assert!(red.eligible);
    assert_eq!(
        red.reason,
        "eligible; contradicted by a majority; was voted out and may return after 30 s clean (0 ms so far)"
    );
    assert_eq!((red.weight.as_str(), red.group, red.ballot.metric()), ("1/2", Some(1), Some(20)));
    assert_eq!(red.ballot.next_hops()[0].to_string(), "via 100.65.0.9 dev eth1");
    assert_eq!((candidates[1].weight.as_str(), candidates[1].group), ("1", Some(2)));
}

#[test]
fn an_explanation_reads_back_from_json() {
    let mut world = World::converged(master(RED), &THREE);
    world.at(1_000, &Egress(RED, Some(DENVER)));
    world.at(2_000, &Engine(RED, EngineState::Gone));
    let explanation = world.explain();
    let json = serde_json::to_string(&explanation).unwrap();
    assert!(json.contains(r#""decisive_step":"preference""#), "{json}");
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), explanation);
    let ballots = serde_json::to_string(&world.ballots()).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Ballot>>(&ballots).unwrap(), world.ballots());
}

#[test]
fn vns_come_and_go() {
    let mut world = World::converged(master(RED), &THREE);
    // Red is taken out of the network: green takes over, without blame on red.
    let red = world.electors.remove(0);
    world.set_electors();
    world.now = Millis(1_000);
    assert_eq!(world.vote().winner, Some(GREEN));
    // Red is put back, as if never seen: it drives once it has settled.
    world.electors.push(red);
    world.set_electors();
    world.now = Millis(2_000);
    world.apply(&Route(RED, 1));
    assert_eq!(world.vote().decisive_step, Step::Settling);
    assert_eq!(world.wait_until(Millis(2_200)).winner, Some(RED));
    // All are taken out: nothing to steer to.
    world.electors.clear();
    world.set_electors();
    let verdict = world.vote();
    assert_eq!((verdict.winner, verdict.decisive_step), (None, Step::NoneUsable));
}

#[test]
fn a_new_policy_holds_from_the_next_vote() {
    let mut world = World::converged(master(RED), &THREE);
    world.wait_until(Millis(5_000));
    world.poll.set_policy(world.prefix, master(BLUE));
    let verdict = world.vote();
    assert_eq!((verdict.winner, verdict.decisive_step), (Some(BLUE), Step::Master), "clean for long already");
    world.poll.set_policy(world.prefix, majority());
    let verdict = world.vote();
    assert_eq!((verdict.winner, verdict.decisive_step), (Some(BLUE), Step::Incumbent));
    assert_eq!(world.poll.policy(world.prefix).unwrap().rule, Rule::Majority);
}

#[test]
fn one_to_one_to_one_keeps_any_incumbent_with_an_alarm() {
    for incumbent in 1..=5_u8 {
        for count in incumbent.max(2)..=5 {
            for policy in [majority(), master(incumbent)] {
                let names = ["a", "b", "c", "d", "e"];
                let mut world = World::converged(policy, &names[..count.into()]);
                world.poll.adopt(world.prefix, incumbent);
                for vn in 1..=count {
                    world.apply(&Route(vn, vn));
                }
                let verdict = world.wait_until(Millis(1_000_000));
                let told = (verdict.winner, verdict.alarm, verdict.dissenters.len());
                assert_eq!(told, (Some(incumbent), SPLIT, usize::from(count) - 1), "{policy:?} {count}");
            }
        }
    }
}

#[test]
fn votes_stay_exact_with_the_most_vns_that_there_can_be() {
    // Goal: sizes of code bases whose least common multiple is large; 0 to 255, of which the last drives as master.
    let sizes = [3, 5, 7, 11, 13, 16, 17, 19, 23, 29, 31, 37, 41, 4];
    let names: Vec<String> = sizes.iter().map(|size| format!("base-{size}")).collect();
    let code_bases: Vec<&str> =
        names.iter().zip(sizes).flat_map(|(name, size)| vec![name.as_str(); size]).take(255).collect();
    let mut world = World::new(master(1), &code_bases);
    let count = code_bases.len() as u8;
    for vn in 1..=count {
        world.apply(&Route(vn, if vn <= 3 { 9 } else { 1 }));
    }
    let verdict = world.wait_until(Millis(200));
    assert_eq!(verdict.winner, Some(4), "one vote of 14 does not make a majority");
    assert_eq!(verdict.dissenters, [1, 2, 3]);
    let majority = &world.explain().steps[1];
    assert!(
        majority
            .detail
            .starts_with("by next hops, of 14 votes: via 100.65.0.9 dev eth1: 1 (VN 1, VN 2, VN 3); via")
    );
    assert!(majority.detail.contains(" 100.65.0.1 dev eth1: 13 (VN 4, "), "{}", majority.detail);
}
