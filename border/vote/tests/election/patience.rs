//! How long the voter waits: fail-back, its doubling, forgiveness, adoption.

use braid_vote::{EngineState, Millis, Policy, Step};

use crate::world::{BLUE, DENVER, Event, GREEN, RED, World, majority, master};

const THREE: [&str; 3] = ["frr", "bird", "native"];

/// Takes red's route away and gives it back a second later; returns how long after that red drives again.
fn relapse(world: &mut World) -> u64 {
    let gone = world.now.0 + 1_000;
    world.at(gone, &Event::Lost(RED));
    world.at(gone + 1_000, &Event::Route(RED, 1));
    while let Some(due) = world.recheck_at() {
        if world.wait_until(due).winner == Some(RED) {
            return due.0 - gone - 1_000;
        }
    }
    u64::MAX
}

#[test]
fn fail_back_doubles_with_each_relapse_up_to_ten_minutes() {
    let mut world = World::converged(master(RED), &THREE);
    let waits: Vec<u64> = (0..7).map(|_| relapse(&mut world) / 1_000).collect();
    assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600]);
}

#[test]
fn ten_minutes_of_clean_driving_are_forgiven() {
    let mut world = World::converged(master(RED), &THREE);
    assert_eq!([relapse(&mut world), relapse(&mut world)], [30_000, 60_000]);
    // Nine minutes are not enough.
    world.wait_until(Millis(world.now.0 + 540_000));
    assert_eq!(relapse(&mut world), 120_000);
    // Ten are, though red changes its route meanwhile, as all do.
    for last in [2, 1] {
        world.wait_until(Millis(world.now.0 + 200_000));
        for vn in [RED, GREEN, BLUE] {
            world.apply(&Event::Route(vn, last));
        }
        world.vote();
    }
    world.wait_until(Millis(world.now.0 + 200_000));
    assert_eq!(relapse(&mut world), 30_000);
}

#[test]
fn a_relapse_while_waiting_begins_the_wait_anew() {
    let mut world = World::converged(master(RED), &THREE);
    world.at(1_000, &Event::Engine(RED, EngineState::Gone));
    world.at(2_000, &Event::Engine(RED, EngineState::Running));
    // Contradicted for a moment is not clean either.
    world.at(20_000, &Event::Route(RED, 9));
    world.at(20_010, &Event::Route(RED, 1));
    assert_eq!(world.wait_until(Millis(50_009)).winner, Some(GREEN));
    assert_eq!(world.wait_until(Millis(50_010)).winner, Some(RED));
}

#[test]
fn a_return_waits_for_a_stable_route() {
    let mut world = World::converged(master(RED), &THREE);
    world.at(1_000, &Event::Lost(RED));
    world.at(2_000, &Event::Route(RED, 1));
    // A new route just before the return: not unclean, but not settled.
    world.at(31_900, &Event::Layout(RED, None));
    world.at(31_900, &Event::Route(RED, 5));
    let verdict = world.wait_until(Millis(32_000));
    assert_eq!((verdict.winner, verdict.decisive_step), (Some(GREEN), Step::Settling));
    assert_eq!(world.wait_until(Millis(32_100)).winner, Some(RED));
}

#[test]
fn a_master_that_has_delivered_nothing_yet_waits_while_another_delivers() {
    let begin = || {
        let mut world = World::new(master(RED), &THREE);
        world.apply(&Event::Route(GREEN, 1));
        world.at(1_000, &Event::Egress(GREEN, Some(DENVER)));
        assert_eq!(world.wait_until(Millis(2_000)).winner, Some(GREEN));
        world.at(3_000, &Event::Route(RED, 1));
        world
    };
    let mut world = begin();
    assert_eq!(world.wait_until(Millis(4_000)).winner, Some(GREEN));
    assert_eq!(world.poll.doubt().collect::<Vec<_>>(), [world.prefix], "probes shall hurry");
    let told = &world.explain().steps;
    let settling = told.iter().find(|step| step.step == Step::Settling).unwrap();
    assert!(
        settling.detail.ends_with("and probes come out, as they do through VN 2, or for 5 s"),
        "{told:#?}"
    );
    assert_eq!(world.at(4_500, &Event::Egress(RED, Some(DENVER))).winner, Some(RED));

    // Nothing ever comes out.
    let mut world = begin();
    assert_eq!(world.at(6_100, &Event::ProbesLost(RED)).winner, Some(GREEN));
    // Nobody probes it.
    let mut world = begin();
    assert_eq!(world.wait_until(Millis(7_999)).winner, Some(GREEN));
    assert_eq!(world.wait_until(Millis(8_000)).winner, Some(RED));
    assert_eq!(world.poll.doubt().count(), 0);
}

#[test]
fn an_adopted_incumbent_keeps_driving_until_the_master_has_been_clean_for_fail_back() {
    let mut world = World::new(master(RED), &THREE);
    for vn in [RED, GREEN, BLUE] {
        world.apply(&Event::Route(vn, 1));
    }
    world.poll.adopt(world.prefix, GREEN);
    world.now = Millis(10_000);
    let verdict = world.vote();
    assert_eq!((verdict.winner, verdict.since), (Some(GREEN), Millis(10_000)));
    assert!(world.reason(RED).contains("was not driving when the border started"), "{}", world.reason(RED));
    assert_eq!(world.wait_until(Millis(39_999)).winner, Some(GREEN));
    assert_eq!(world.wait_until(Millis(40_000)).winner, Some(RED));
}

#[test]
fn an_adopted_incumbent_is_held_to_hard_evidence_as_any() {
    let mut world = World::new(majority(), &THREE);
    world.poll.adopt(world.prefix, GREEN);
    world.apply(&Event::Route(BLUE, 1));
    assert_eq!(world.vote().winner, Some(BLUE));
    // And one that is no elector any more is let go.
    let mut world = World::new(majority(), &THREE);
    world.poll.adopt(world.prefix, 200);
    assert_eq!(world.vote().winner, None);
}

#[test]
fn a_voted_out_stand_in_is_not_the_first_choice_for_the_next_one() {
    // Goal: green stood in and failed; when red fails again, blue stands in, though green comes first.
    let mut world = World::converged(master(RED), &THREE);
    world.at(1_000, &Event::Lost(RED));
    world.at(2_000, &Event::Lost(GREEN));
    world.at(3_000, &Event::Route(GREEN, 1));
    assert_eq!(world.wait_until(Millis(20_000)).winner, Some(BLUE));
    let verdict = world.at(21_000, &Event::Route(RED, 1));
    assert_eq!((verdict.winner, verdict.decisive_step), (Some(BLUE), Step::FailBack));
    assert_eq!(verdict.runner_up, Some(RED), "both wait, so the master");
}

#[test]
fn without_patience_everything_happens_at_once() {
    let impatient =
        Policy { settle: std::time::Duration::ZERO, fail_back: std::time::Duration::ZERO, ..master(RED) };
    let mut world = World::converged(impatient, &THREE);
    assert_eq!(world.at(1, &Event::Route(RED, 9)).winner, Some(GREEN));
    assert_eq!(world.at(2, &Event::Route(RED, 1)).winner, Some(RED));
}
