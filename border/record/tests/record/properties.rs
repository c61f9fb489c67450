//! Whatever happens to a border, or to its record.

use std::{fs, path::Path};

use braid_record::{Change, Event, Limits, Record, Segment, Writer, replay};
use braid_vote::{EngineState, ProbeEvidence, Rule, VerificationEvidence};
use proptest::prelude::*;

use crate::live::{AWAY, Action, Drivers, HOME, Live, at, header, standings, write};

fn any_rule() -> impl Strategy<Value = Rule> {
    let rules = [Rule::Master { master: 1 }, Rule::Majority, Rule::FirstK { k: 2 }, Rule::Consensus]
        .map(Just)
        .to_vec();
    prop::sample::select(rules).prop_flat_map(|rule| rule)
}

fn any_action() -> impl Strategy<Value = Action> {
    let place = || (0..3_u8, 1..=3_u8);
    let egress = || prop_oneof![Just(at(HOME)), Just(at(AWAY))];
    let probe = prop_oneof![
        Just(ProbeEvidence::Unknown),
        Just(ProbeEvidence::Lost),
        egress().prop_map(|egress| ProbeEvidence::Delivers { egress })
    ];
    let verified = prop_oneof![
        Just(VerificationEvidence::Loops),
        egress().prop_map(|egress| VerificationEvidence::Delivers { egress }),
        egress().prop_map(|egress| VerificationEvidence::DiffersFromModel { egress })
    ];
    let engine = prop::sample::select(vec![EngineState::Running, EngineState::Gone, EngineState::Starting]);
    prop_oneof![
        3 => (0..3_u8, any_rule()).prop_map(|(p, rule)| Action::Open(p, rule)),
        1 => (0..3_u8).prop_map(Action::Close),
        1 => (0..3_u8, any_rule()).prop_map(|(p, rule)| Action::Terms(p, rule)),
        6 => (place(), 0..3_u8).prop_map(|((p, vn), last)| Action::Route(p, vn, last)),
        1 => place().prop_map(|(p, vn)| Action::Hole(p, vn)),
        4 => (place(), probe).prop_map(|((p, vn), probe)| Action::Probe(p, vn, probe)),
        2 => (place(), verified).prop_map(|((p, vn), found)| Action::Verified(p, vn, found)),
        1 => (1..=3_u8, any::<bool>()).prop_map(|(vn, lost)| Action::Border(vn, lost)),
        1 => (1..=3_u8, engine).prop_map(|(vn, state)| Action::Engine(vn, state)),
        1 => (1..=3_u8, any::<bool>()).prop_map(|(vn, up)| Action::Port(vn, up)),
        1 => Just(Action::Away),
        2 => (1..=3_u8, any::<bool>(), prop::option::of(0..3_u8))
            .prop_map(|(vn, at_rest, pending)| Action::Clone(vn, at_rest, pending)),
        1 => (1..=3_u8, prop::option::of(1..3_u64)).prop_map(|(vn, class)| Action::Layout(vn, class)),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<(u64, u64, Action)>> {
    let pause = prop::sample::select(vec![0_u64, 1, 50, 199, 201, 1_000, 31_000]);
    prop::collection::vec((pause, 0..3_u64, any_action()), 1..120)
}

/// Lives through a history, and begins another file every so many events.
fn record(dir: &Path, history: &[(u64, u64, Action)], every: usize) -> Drivers {
    let events = std::cell::RefCell::new(Vec::new());
    let mut live = Live::new(|event| events.borrow_mut().push(event));
    let mut writer = Writer::open(dir, Limits::default()).unwrap();
    let mut head = header();
    writer.begin(&head).unwrap();
    for (i, (pause, late, action)) in history.iter().enumerate() {
        live.pass(*pause, *late);
        live.act(action);
        live.decide();
        for event in events.borrow_mut().drain(..) {
            head.follow(&event);
            writer.add(&event).unwrap();
        }
        if i % every == every - 1 {
            writer.begin(&head).unwrap();
            for standing in standings(&live.poll, &live.numbers, None, 9) {
                writer.add(&Event::Standing(Box::new(standing))).unwrap();
            }
        }
    }
    live.drivers
}

fn winners(drivers: &Drivers) -> Vec<Vec<Option<u8>>> {
    let mut winners: Vec<Vec<_>> =
        drivers.values().map(|course| course.iter().map(|(_, winner)| *winner).collect()).collect();
    winners.iter_mut().for_each(Vec::dedup);
    winners
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_replay_gives_the_verdicts_that_were_given_live(history in any_history(), every in 5..200_usize) {
        let dir = tempfile::tempdir().unwrap();
        let drivers = record(dir.path(), &history, every);
        let record = Record::open(dir.path()).unwrap();
        prop_assert_eq!(record.stretches().len(), 1, "files follow each other without a gap");
        let outcome = replay(&record, &Change::default());
        prop_assert_eq!(outcome.mismatches, Some(0));
        let replayed: Drivers = (outcome.prefixes.iter())
            .map(|(prefix, it)| (*prefix, it.turns.iter().map(|turn| (turn.at_ms, turn.winner)).collect()))
            .filter(|(prefix, _)| drivers.contains_key(prefix))
            .collect();
        prop_assert_eq!(winners(&replayed), winners(&drivers));
        let figures = &outcome.figures;
        prop_assert!(figures.unavoidable_ms <= figures.wrong_ms && figures.wrong_ms <= figures.watched_ms);
        prop_assert!(figures.false_switches + figures.returns <= figures.switches);
        prop_assert_eq!(figures.delays_ms.len() as u64 + figures.sat_out, figures.faults);
        // Under other policies nothing is known beforehand but that they can be run.
        let any = replay(&record, &Change { rule: Some(Rule::Consensus), verified: Some(true), settle: None });
        prop_assert_eq!(any.figures.watched_ms > 0, figures.watched_ms > 0);
    }

    #[test]
    fn a_torn_record_is_read_up_to_the_tear(history in any_history(), cut in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut events = Vec::new();
        let mut live = Live::new(|event| events.push(event));
        for (pause, late, action) in &history {
            live.pass(*pause, *late);
            live.act(action);
            live.decide();
        }
        write(dir.path(), Limits::default(), &events);
        let file = dir.path().join("record-1.brec");
        let bytes = fs::read(&file).unwrap();
        let whole = Segment::read(&file, bytes.clone()).unwrap();
        prop_assert_eq!(whole.events().collect::<Vec<_>>(), &events[..]);
        prop_assert_eq!(whole.damaged(), 0);
        let torn = bytes[..cut.index(bytes.len())].to_vec();
        if let Ok(torn) = Segment::read(&file, torn) {
            let read: Vec<Event> = torn.events().collect();
            prop_assert!(events.starts_with(&read));
        }
    }

    #[test]
    fn garbage_is_refused_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..400),
        kind in 0..3_u8,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("record-7.brec");
        if kind > 0 {
            let mut live_events = Vec::new();
            Live::new(|event| live_events.push(event)).settle(3, Rule::Majority);
            write(dir.path(), Limits::default(), &live_events);
            let mut good = fs::read(dir.path().join("record-7.brec")).or_else(|_| fs::read(dir.path().join("record-1.brec"))).unwrap();
            if kind == 1 {
                good.truncate(12);
                good.extend(&bytes);
            }
            bytes = good;
            for (place, value) in &flips {
                let at = place.index(bytes.len());
                bytes[at] = *value;
            }
        }
        fs::write(&file, &bytes).unwrap();
        if let Ok(record) = Record::open(&file) {
            let _ = replay(&record, &Change::default());
        }
    }
}
