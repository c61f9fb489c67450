//! First-k, consensus, new prefixes and damping.

use std::time::Duration;

use braid_vote::{Alarm, Damping, EngineState, Millis, Policy, Rule, Step};

use crate::world::{BLUE, Event, GREEN, Line, RED, World, majority, master, tell};

use Event::{Engine, Lost, Nothing, Route};

const THREE: [&str; 3] = ["frr", "bird", "native"];

fn first(k: u8) -> Policy {
    Policy::new(Rule::FirstK { k })
}

fn consensus() -> Policy {
    Policy::new(Rule::Consensus)
}

#[test]
fn stories() {
    let stories: Vec<(&str, World, Vec<Line>)> = vec![
        (
            "of two that were steady first, the late third has no say",
            {
                let mut world = World::new(first(2), &THREE);
                world.apply(&Route(RED, 1));
                world.apply(&Route(GREEN, 1));
                world
            },
            vec![
                (200, Nothing, Some(RED), Step::Preference, None),
                (500, Route(BLUE, 9), Some(RED), Step::Preference, None),
                (900, Nothing, Some(RED), Step::Preference, None),
            ],
        ),
        (
            "who changes its mind goes to the end of the line and is outvoted by those that did not",
            World::converged(first(2), &THREE),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_200, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "the first alone decides, until it moves",
            World::converged(first(1), &THREE),
            vec![
                (1_000, Route(GREEN, 9), Some(RED), Step::Preference, None),
                (2_000, Lost(RED), Some(BLUE), Step::Majority, None),
            ],
        ),
        (
            "consensus waits until all have been steady for `settle`",
            World::converged(consensus(), &THREE),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_150, Route(BLUE, 5), Some(RED), Step::Incumbent, None),
                (1_300, Route(BLUE, 1), Some(RED), Step::Settling, None),
                (1_499, Nothing, Some(RED), Step::Settling, None),
                (1_500, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "but no longer than the deadline",
            World::converged(consensus(), &["a", "b", "c", "d", "e"]),
            vec![
                (1_000, Route(RED, 9), Some(RED), Step::Settling, None),
                (1_150, Route(5, 5), Some(RED), Step::Settling, None),
                (1_300, Route(5, 1), Some(RED), Step::Settling, None),
                (1_450, Route(5, 5), Some(RED), Step::Settling, None),
                (1_600, Route(5, 1), Some(RED), Step::Settling, None),
                (1_750, Route(5, 5), Some(RED), Step::Settling, None),
                (1_900, Route(5, 1), Some(RED), Step::Settling, None),
                (2_000, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "hard evidence does not wait for consensus",
            World::converged(consensus(), &THREE),
            vec![(1_000, Lost(RED), Some(GREEN), Step::Preference, None)],
        ),
        (
            "a new prefix waits until its ballots are steady, and goes to the majority at once",
            World::new(majority(), &THREE),
            vec![
                (1_000, Route(RED, 9), None, Step::Gathering, None),
                (1_100, Route(GREEN, 1), None, Step::Gathering, None),
                (1_250, Route(BLUE, 1), None, Step::Gathering, None),
                (1_449, Nothing, None, Step::Gathering, None),
                (1_450, Nothing, Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "a new prefix does not wait beyond the deadline for one that is starting",
            World::new(majority(), &THREE),
            vec![
                (1_000, Engine(GREEN, EngineState::Starting), None, Step::NoneUsable, None),
                (2_000, Route(RED, 1), None, Step::Gathering, None),
                (2_999, Nothing, None, Step::Gathering, None),
                (3_000, Nothing, Some(RED), Step::Eligibility, None),
            ],
        ),
        (
            "a new prefix that is lost before its first vote is new again",
            World::new(majority(), &THREE),
            vec![
                (1_000, Route(RED, 1), None, Step::Gathering, None),
                (1_100, Lost(RED), None, Step::NoneUsable, None),
                (1_900, Route(RED, 1), None, Step::Gathering, None),
                (2_100, Nothing, Some(RED), Step::Eligibility, None),
            ],
        ),
        (
            "a split that is new goes to the first in preference, with an alarm",
            World::new(majority(), &THREE),
            vec![
                (0, Route(RED, 1), None, Step::Gathering, None),
                (0, Route(GREEN, 2), None, Step::Gathering, None),
                (0, Route(BLUE, 3), None, Step::Gathering, None),
                (200, Nothing, Some(RED), Step::Incumbent, Some(Alarm::Split)),
                (300, Nothing, Some(RED), Step::Incumbent, Some(Alarm::Split)),
            ],
        ),
    ];
    for (name, world, story) in stories {
        tell(name, world, &story);
    }
}

/// Without fail-back, so that only damping holds anybody back.
fn damped(policy: Policy) -> Policy {
    Policy { fail_back: Duration::ZERO, ..policy }
}

#[test]
fn a_flapping_master_is_held_back_until_its_merit_has_decayed() {
    let mut world = World::converged(damped(master(RED)), &THREE);
    for flap in 1..=3 {
        world.at(flap * 1_000, &Lost(RED));
        world.at(flap * 1_000 + 500, &Route(RED, 1));
        assert_eq!(world.wait_until(Millis(flap * 1_000 + 700)).winner, Some(RED), "flap {flap}");
    }
    world.at(4_000, &Lost(RED));
    world.at(4_500, &Route(RED, 1));
    assert_eq!(world.wait_until(Millis(10_000)).winner, Some(GREEN));
    let reason = world.reason(RED);
    assert!(reason.contains("lost the prefix often: merit 36"), "{reason}");
    // log2(3932 / 750) half-lives.
    assert_eq!(world.wait_until(Millis(145_000)).winner, Some(GREEN));
    assert_eq!(world.wait_until(Millis(150_000)).winner, Some(RED));
}

#[test]
fn a_damped_vn_stands_back_behind_others_and_before_nothing() {
    let mut world = World::converged(damped(master(RED)), &THREE);
    // Green flaps without driving.
    for flap in 1..=4 {
        world.at(flap * 1_000, &Lost(GREEN));
        world.at(flap * 1_000 + 500, &Route(GREEN, 1));
    }
    let verdict = world.at(6_000, &Lost(RED));
    assert_eq!(
        (verdict.winner, verdict.decisive_step, verdict.runner_up),
        (Some(BLUE), Step::Damping, Some(GREEN))
    );
    assert_eq!(world.at(7_000, &Lost(BLUE)).winner, Some(GREEN));
}

#[test]
fn short_disagreements_are_no_flaps_and_lasting_ones_are() {
    for (lasts, held) in [(150, false), (400, true)] {
        let mut world = World::converged(damped(majority()), &THREE);
        for flap in 1..=4 {
            world.at(flap * 1_000, &Route(GREEN, 9));
            world.at(flap * 1_000 + lasts, &Route(GREEN, 1));
        }
        world.wait_until(Millis(6_000));
        assert_eq!(world.reason(GREEN).contains("lost the prefix often"), held, "{lasts} ms");
    }
}

#[test]
fn damping_can_be_turned_off() {
    let off = Damping { half_life: Duration::ZERO, ..Damping::default() };
    let mut world = World::converged(Policy { damping: off, ..damped(master(RED)) }, &THREE);
    for flap in 1..=50 {
        world.at(flap * 1_000, &Lost(RED));
        world.at(flap * 1_000 + 500, &Route(RED, 1));
        assert_eq!(world.wait_until(Millis(flap * 1_000 + 700)).winner, Some(RED), "flap {flap}");
    }
}
