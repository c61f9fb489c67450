//! What probes and the verification change in a vote.

use braid_vote::{
    Alarm, Comparison, EgressId, EngineState, Evidence, Millis, Policy, ProbeEvidence, Step,
    VerificationEvidence,
};

use crate::world::{
    BLUE, CHICAGO, DENVER, Event, GREEN, Line, RED, World, delivers, differs, majority, master, tell,
};

use Event::{
    Border, Broken, ControllerAway, Egress, Engine, Lost, Nothing, Port, ProbesLost, Route, Verified,
};
use VerificationEvidence::{Dropped, Loops};

const THREE: [&str; 3] = ["frr", "bird", "native"];
const UNVERIFIED: Option<Alarm> = Some(Alarm::Unverified);

fn verified(policy: Policy) -> Policy {
    Policy { verified: true, ..policy }
}

#[test]
fn stories() {
    let stories: Vec<(&str, World, Vec<Line>)> = vec![
        (
            "lost probes move the prefix at once, and it returns when they have come out for 30 s",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Egress(RED, Some(DENVER)), Some(RED), Step::Master, None),
                (2_000, ProbesLost(RED), Some(GREEN), Step::Preference, None),
                (3_000, Egress(RED, Some(DENVER)), Some(GREEN), Step::Preference, None),
                (32_999, Nothing, Some(GREEN), Step::Preference, None),
                (33_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "a border that is not reached takes along the prefixes attached there, and no others",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Border(RED, CHICAGO, true), Some(RED), Step::Master, None),
                (2_000, Border(RED, DENVER, true), Some(GREEN), Step::Preference, None),
                (3_000, Border(RED, DENVER, false), Some(GREEN), Step::Preference, None),
                (33_000, Nothing, Some(RED), Step::Master, None),
                // Where the prefix is known to come out elsewhere, that border counts.
                (40_000, Egress(RED, Some(CHICAGO)), Some(GREEN), Step::Preference, None),
            ],
        ),
        (
            "verified loops and drops are hard evidence as long as the controller is there",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Verified(RED, Loops), Some(GREEN), Step::Preference, None),
                (2_000, Verified(GREEN, Dropped), Some(BLUE), Step::Eligibility, None),
                (3_000, ControllerAway, Some(BLUE), Step::FailBack, None),
                (33_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "the last one standing is never voted out, whatever speaks against it",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Lost(GREEN), Some(RED), Step::Master, None),
                (1_001, Broken(BLUE, braid_vote::Unusable::Blackhole), Some(RED), Step::Eligibility, None),
                (2_000, ProbesLost(RED), Some(RED), Step::LastStanding, None),
                (3_000, Verified(RED, Loops), Some(RED), Step::LastStanding, UNVERIFIED),
                (4_000, Engine(RED, EngineState::Gone), Some(RED), Step::LastStanding, UNVERIFIED),
                (5_000, Port(RED, false), Some(RED), Step::NoneUsable, UNVERIFIED),
                (6_000, Route(GREEN, 7), Some(GREEN), Step::Eligibility, None),
            ],
        ),
        (
            "a stale route is better than one that seems to deliver nothing",
            World::converged(master(RED), &["frr", "bird"]),
            vec![
                (1_000, Engine(GREEN, EngineState::Gone), Some(RED), Step::Eligibility, None),
                (2_000, ProbesLost(RED), Some(GREEN), Step::LastStanding, None),
            ],
        ),
        (
            "a VN without a port cannot take packets",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Port(RED, false), Some(GREEN), Step::Preference, None),
                (2_000, Port(RED, true), Some(GREEN), Step::Preference, None),
                (32_000, Nothing, Some(RED), Step::Master, None),
            ],
        ),
        (
            "a winner that the model contradicts stays, with an alarm",
            World::converged(master(RED), &THREE),
            vec![
                (1_000, Verified(RED, differs()), Some(RED), Step::Master, UNVERIFIED),
                (2_000, Verified(RED, delivers()), Some(RED), Step::Master, None),
            ],
        ),
        (
            "with `verified` it has no vote, and cannot win while another can",
            World::converged(verified(master(RED)), &THREE),
            vec![
                (1_000, Verified(RED, differs()), Some(GREEN), Step::Preference, None),
                (2_000, Verified(GREEN, differs()), Some(BLUE), Step::Eligibility, None),
                (3_000, Verified(BLUE, differs()), Some(BLUE), Step::FailBack, UNVERIFIED),
                (4_000, Verified(GREEN, delivers()), Some(GREEN), Step::Eligibility, None),
            ],
        ),
        (
            "two of three that lie alike win the vote, and the verification says so",
            World::converged(majority(), &THREE),
            vec![
                (1_000, Egress(RED, Some(CHICAGO)), Some(RED), Step::Preference, None),
                (1_000, Egress(GREEN, Some(CHICAGO)), Some(RED), Step::Preference, None),
                (1_000, Egress(BLUE, Some(DENVER)), Some(RED), Step::Preference, None),
                (1_900, Verified(RED, differs()), Some(RED), Step::Preference, UNVERIFIED),
                (1_900, Verified(GREEN, differs()), Some(RED), Step::Preference, UNVERIFIED),
                (9_000, Nothing, Some(RED), Step::Preference, UNVERIFIED),
            ],
        ),
        (
            "under `verified` the two that lie lose, though they are the majority",
            World::converged(verified(majority()), &THREE),
            vec![
                (1_000, Egress(RED, Some(CHICAGO)), Some(RED), Step::Preference, None),
                (1_000, Egress(GREEN, Some(CHICAGO)), Some(RED), Step::Preference, None),
                (1_000, Egress(BLUE, Some(DENVER)), Some(RED), Step::Preference, None),
                (1_900, Verified(RED, differs()), Some(GREEN), Step::Incumbent, None),
                (1_901, Verified(GREEN, differs()), Some(BLUE), Step::Eligibility, None),
                (9_000, Nothing, Some(BLUE), Step::Eligibility, None),
            ],
        ),
    ];
    for (name, world, story) in stories {
        tell(name, world, &story);
    }
}

#[test]
fn verification_knows_the_egress_where_probes_do_not() {
    let mut world = World::converged(master(RED), &THREE);
    for vn in [GREEN, BLUE] {
        world.apply(&Verified(vn, delivers()));
    }
    assert_eq!(world.vote().comparison, Some(Comparison::NextHops), "of red it is not known");
    world.apply(&Egress(RED, Some(DENVER)));
    world.apply(&Verified(RED, differs()));
    let verdict = world.vote();
    assert_eq!(verdict.comparison, Some(Comparison::Egress));
    assert!(verdict.dissenters.is_empty(), "red's own probes count for more: {verdict:?}");
}

#[test]
fn the_explanation_shows_what_was_found_and_when() {
    // Goal: red's probes come out at the wrong border; everything that says so is in the explanation.
    let mut world = World::converged(master(RED), &THREE);
    world.at(1_000, &Egress(RED, Some(CHICAGO)));
    world.at(1_000, &Verified(RED, differs()));
    world.at(1_010, &Egress(GREEN, Some(DENVER)));
    world.at(1_020, &Verified(BLUE, delivers()));
    let told = world.explain();
    assert_eq!(told.steps[1].step, Step::Settling);
    assert_eq!(
        told.steps[1].detail,
        "a majority has contradicted VN 1 for 0 ms, which decides after 200 ms: \
         by egress borders, of 3 votes: border 4: 1 (VN 1); border 3: 2 (VN 2, VN 3)"
    );
    assert_eq!(told.recheck_at, Some(Millis(1_220)));
    let red = &told.candidates[0];
    assert_eq!(
        red.reason,
        "eligible; contradicted by a majority; verified: delivers at border 4, where the model does not expect it"
    );
    let egress = [EgressId(CHICAGO)].into_iter().collect();
    assert_eq!(
        (&red.ballot.probe, red.ballot.probe_since),
        (&ProbeEvidence::Delivers { egress }, Millis(1_000))
    );
    assert_eq!(told.candidates[2].ballot.verification_since, Millis(1_020));
    assert_eq!(told.verdict.alarm, UNVERIFIED);
}

#[test]
fn a_prefix_is_in_doubt_while_more_evidence_would_help() {
    let mut world = World::converged(master(RED), &THREE);
    let doubts = |world: &World| world.poll.doubt().collect::<Vec<_>>();
    assert_eq!(doubts(&world), []);
    // A disagreement that settles.
    world.at(1_000, &Route(RED, 9));
    assert_eq!(doubts(&world), [world.prefix]);
    world.wait_until(Millis(1_200));
    assert_eq!(doubts(&world), []);
    // All seem to fail.
    for vn in [RED, GREEN, BLUE] {
        world.at(2_000, &ProbesLost(vn));
    }
    assert_eq!(doubts(&world), [world.prefix]);
    world.poll.close(world.prefix);
    assert_eq!(doubts(&world), []);
}

#[test]
fn sums_over_verdicts_follow_them() {
    // Goal: three prefixes; what green takes over from red, and when it does not take over all of it.
    let mut world = World::converged(master(RED), &THREE);
    let attached = [EgressId(CHICAGO)].into_iter().collect();
    let others = [world.poll.open(master(RED), &attached), world.poll.open(master(RED), &attached)];
    let route = world.evidence(&Route(RED, 1));
    let Some(Evidence::Route { route, .. }) = route else { panic!("a route") };
    for prefix in others {
        for vn in [RED, GREEN, BLUE] {
            world.poll.hear(Millis(0), &Evidence::Route { prefix, vn, route: route.clone() });
        }
    }
    world.wait_until(Millis(1_000));
    let drives = |world: &World, vn| world.poll.drives(vn).collect::<Vec<_>>();
    assert_eq!(drives(&world, RED), [(EgressId(DENVER), 1), (EgressId(CHICAGO), 2)]);
    assert_eq!([RED, GREEN].map(|vn| world.poll.succession(vn)), [Some(GREEN), None]);
    // One prefix that green does not carry would go to blue.
    world.poll.hear(
        Millis(1_000),
        &Evidence::Route { prefix: others[0], vn: GREEN, route: braid_vote::RouteEvidence::Missing },
    );
    world.vote();
    assert_eq!(world.poll.succession(RED), None);
    // And where that prefix is not voted on any more, green follows again.
    world.poll.close(others[0]);
    assert_eq!(world.poll.succession(RED), Some(GREEN));
    assert_eq!(drives(&world, RED), [(EgressId(DENVER), 1), (EgressId(CHICAGO), 1)]);
    world.poll.set_attached(others[1], &[EgressId(DENVER)].into_iter().collect());
    assert_eq!(drives(&world, RED), [(EgressId(DENVER), 2)]);
    // What was foretold happens.
    world.at(2_000, &Engine(RED, EngineState::Gone));
    assert_eq!((drives(&world, RED), drives(&world, GREEN)), (vec![], vec![(EgressId(DENVER), 2)]));
}
