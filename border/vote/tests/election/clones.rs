//! What answers of converged clones are worth: a vote that need not wait, and never one that stands on old news.
#![allow(clippy::print_stdout, reason = "figures for who runs it")]

use std::time::Duration;

use braid_vote::{EngineState, Evidence, Millis, Policy, SPREAD, SortedSet, Step};

use crate::world::{BLUE, CHICAGO, DENVER, Event, GREEN, RED, World, majority, master};

const NATIVE: [&str; 3] = ["native-ospf", "native-isis", "bird"];
const ALL: [u8; 3] = [RED, GREEN, BLUE];
const SPREAD_MS: u64 = SPREAD.as_millis() as u64;

fn delay(world: &mut World, since: u64, answers: impl Fn(&mut World), done: impl Fn(&World) -> bool) -> u64 {
    for now in since..since + 5_000 {
        world.wait_until(Millis(now));
        answers(world);
        world.vote();
        if done(world) {
            return now - since;
        }
    }
    u64::MAX
}

#[test]
fn a_disagreement_of_steady_clones_decides_without_settling() {
    // Goal: the driver's route turns wrong; how long until the others take over, by time and by clones.
    let by = |clones: &[u8]| {
        let mut world = World::converged(master(RED), &NATIVE);
        world.at(10_000, &Event::Route(RED, 9));
        let answer = |world: &mut World| clones.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
        let took = delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix) != Some(RED));
        (took, world)
    };
    let (settled, _) = by(&[]);
    let (known, world) = by(&ALL);
    println!("measured: a disagreement decides after {settled} ms of settling, {known} ms with clones");
    assert_eq!((settled, known), (200, SPREAD_MS));
    assert_eq!(world.poll.winner(world.prefix), Some(GREEN));
    // Whoever is not known to stay might still change its mind: the accused, or who makes the majority.
    assert_eq!(by(&[GREEN, BLUE]).0, 200);
    assert_eq!(by(&[RED, GREEN]).0, 200);
}

#[test]
fn two_steady_code_bases_need_not_wait_for_one_that_stands_still() {
    // Goal: a prefix moves; two native engines have followed, and the driver's, which cannot be asked, has not.
    let by = |clones: &[u8], changed_before: u64| {
        let mut world = World::converged(master(RED), &["frr", "native-ospf", "native-isis"]);
        // While layouts differ, next hops are not compared.
        world.at(10_000 - changed_before, &Event::Layout(RED, None));
        world.apply(&Event::Route(RED, 2));
        world.at(9_999, &Event::Layout(RED, None));
        world.now = Millis(10_000);
        [GREEN, BLUE].iter().for_each(|vn| world.apply(&Event::Route(*vn, 9)));
        world.apply(&Event::Layout(RED, Some(1)));
        let answer = |world: &mut World| clones.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
        delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix) != Some(RED))
    };
    let waits = [by(&[], 1_000), by(&[GREEN], 1_000), by(&[GREEN, BLUE], 1_000), by(&[GREEN, BLUE], 50)];
    // If it changed 50 ms before, it has its own time to settle from then on.
    assert_eq!(waits, [200, 200, SPREAD_MS, 150]);
    println!(
        "measured: a driver that stands still is left after {} ms of settling, {} ms with clones",
        waits[0], waits[2]
    );
}

#[test]
fn the_explanation_says_that_clones_decided() {
    let mut world = World::converged(master(RED), &NATIVE);
    world.at(10_000, &Event::Route(RED, 9));
    world.wait_until(Millis(10_000 + SPREAD_MS));
    ALL.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
    // Before the decision, it foretells it: green is then the incumbent, whom nobody contradicts.
    world.vote();
    let told = world.explain();
    let majority = told.steps.iter().find(|step| step.step == Step::Majority).expect("it decided");
    assert!(
        majority.detail.ends_with("; steady by converged clones: VN 1, VN 2, VN 3"),
        "{}",
        majority.detail
    );
}

#[test]
fn a_new_prefix_waits_no_longer_than_news_takes_to_spread() {
    let first = |clones: &[u8]| {
        let mut world = World::new(majority(), &NATIVE);
        for vn in ALL {
            world.apply(&Event::Engine(vn, EngineState::Running));
        }
        world.wait_until(Millis(10_000));
        ALL.iter().for_each(|vn| world.apply(&Event::Route(*vn, 1)));
        let answer = |world: &mut World| clones.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
        delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix).is_some())
    };
    println!("measured: a first verdict after {} ms of settling, {} ms with clones", first(&[]), first(&ALL));
    assert_eq!((first(&[]), first(&ALL)), (200, SPREAD_MS));
    assert_eq!(first(&[RED, GREEN]), 200, "blue is not known to stay");
}

#[test]
fn a_vn_without_a_route_may_still_get_one_whatever_its_clone_says() {
    let mut world = World::new(majority(), &NATIVE);
    world.at(10_000, &Event::Route(RED, 1));
    let answer = |world: &mut World| ALL.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
    let took = delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix).is_some());
    assert_eq!(took, 200);
}

#[test]
fn a_pending_change_is_waited_for_up_to_the_deadline() {
    let mut world = World::new(majority(), &NATIVE);
    ALL.iter().for_each(|vn| world.apply(&Event::Route(*vn, 1)));
    let answer = |world: &mut World| world.apply(&Event::Pending(BLUE));
    let took = delay(&mut world, 10, answer, |world| world.poll.winner(world.prefix).is_some());
    assert_eq!(took, 990, "the deadline of 1 s, from the first route on");
    // But one that is accused does not put off its sentence by promising to do better.
    let mut world = World::converged(master(RED), &NATIVE);
    world.at(10_000, &Event::Route(RED, 9));
    let answer = |world: &mut World| world.apply(&Event::Pending(RED));
    let took = delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix) != Some(RED));
    assert_eq!(took, 200);
}

#[test]
fn an_answer_from_before_the_last_change_is_no_proof() {
    let mut world = World::converged(master(RED), &NATIVE);
    world.at(10_000, &Event::Route(RED, 9));
    world.wait_until(Millis(10_000 + SPREAD_MS));
    [GREEN, BLUE].iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
    // Red's was asked in the very millisecond of its next change, or before it.
    world.apply(&Event::Steady(RED));
    world.apply(&Event::Route(RED, 8));
    assert_eq!(world.vote().winner, Some(RED));
    // A restarted engine has forgotten what it knew.
    world.at(10_100, &Event::Engine(RED, EngineState::Silent));
    world.at(10_100, &Event::Engine(RED, EngineState::Running));
    let asked = Millis(10_099);
    let late = Evidence::Converged { vn: RED, asked, at_rest: true, pending: SortedSet::default() };
    world.poll.hear(Millis(10_110), &late);
    let told = world.explain();
    assert_eq!(told.candidates[0].ballot.clone, braid_vote::CloneEvidence::Unknown);
}

#[test]
fn where_packets_come_out_must_have_been_seen_for_as_long() {
    // Goal: clones know their own routes only; on the way to the far border there may be routers that are not as far.
    let mut world = World::converged(master(RED), &NATIVE);
    ALL.iter().for_each(|vn| world.apply(&Event::Egress(*vn, Some(DENVER))));
    world.at(10_000, &Event::Egress(RED, Some(CHICAGO)));
    world.wait_until(Millis(10_030));
    // Still at the wrong border, but at another one: that is news.
    world.apply(&Event::Egress(RED, Some(7)));
    let answer = |world: &mut World| ALL.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
    let took = delay(&mut world, 10_030, answer, |world| world.poll.winner(world.prefix) != Some(RED));
    assert_eq!(took, SPREAD_MS);
}

#[test]
fn consensus_counts_steady_clones_as_steady() {
    use braid_vote::Rule;
    let policy = Policy { settle: Duration::from_millis(500), ..Policy::new(Rule::Consensus) };
    let mut world = World::converged(policy, &NATIVE);
    world.at(10_000, &Event::Route(RED, 9));
    let answer = |world: &mut World| ALL.iter().for_each(|vn| world.apply(&Event::Steady(*vn)));
    let took = delay(&mut world, 10_000, answer, |world| world.poll.winner(world.prefix) != Some(RED));
    assert_eq!(took, SPREAD_MS);
}
