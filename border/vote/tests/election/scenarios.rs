//! Who wins, and by which step.

use braid_vote::{Alarm, Ballot, Comparison, EngineState, Explanation, Millis, Rule, Step, Unusable};

use crate::world::{BLUE, Event, GREEN, Line, RED, World, majority, master, tell};

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
                (1_000, Route(GREEN, 1), Some(GREEN), Step::Eligibility, None),
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
                (60_000, Route(RED, 1), Some(GREEN), Step::FailBack, None).only_if(false),
            ]
            .into_iter()
            .flatten()
            .collect(),
        ),
    ];
    for (name, world, story) in stories {
        tell(name, world, &story);
    }
}
