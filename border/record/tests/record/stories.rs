//! What a replay makes of faults that are known.

use braid_record::{Cause, Change, Event, Limits, Outcome, Record, RuleError, parse_rule, replay};
use braid_vote::{ProbeEvidence, Rule, VerificationEvidence};

use crate::live::{AWAY, Action, HOME, Live, at, prefix, write};

const MASTER: Rule = Rule::Master { master: 1 };

fn recorded(rule: Rule, tell: impl FnOnce(&mut Live<&mut dyn FnMut(Event)>)) -> Record {
    let dir = tempfile::tempdir().unwrap();
    let mut events = Vec::new();
    let mut sink = |event| events.push(event);
    let mut live = Live::new(&mut sink as &mut dyn FnMut(Event));
    live.settle(1, rule);
    tell(&mut live);
    write(dir.path(), Limits::default(), &events);
    Record::open(dir.path()).unwrap()
}

fn under(record: &Record, rule: &str) -> Outcome {
    replay(record, &Change { rule: Some(parse_rule(rule, record).unwrap()), ..Change::default() })
}

/// Red drives and its packets are lost for ten seconds. The vote moves at once; hindsight knows the delay, and that red's
/// return as master is no false switch.
#[test]
fn a_blackhole_costs_its_delay_and_the_return_is_not_false() {
    let delivers = Action::Probe(0, 1, ProbeEvidence::Delivers { egress: at(HOME) });
    let record = recorded(MASTER, |live| {
        // The evidence dates from 1 s on, and is heard of 60 ms later.
        live.act(&Action::Probe(0, 1, ProbeEvidence::Lost));
        live.now = live.now.after(std::time::Duration::from_millis(60));
        live.decide();
        live.then(10_000, &delivers);
        live.pass(60_000, 0);
        live.then(0, &Action::Engine(3, braid_vote::EngineState::Running));
    });
    let outcome = replay(&record, &Change::default());
    assert_eq!(outcome.mismatches, Some(0));
    let figures = &outcome.figures;
    assert_eq!((figures.wrong_ms, figures.unavoidable_ms), (60, 0));
    assert_eq!((figures.switches, figures.returns, figures.false_switches), (2, 1, 0));
    assert_eq!((figures.faults, figures.sat_out, &figures.delays_ms[..]), (1, 0, &[60][..]));
    let [fault] = outcome.prefixes[&prefix(0)].faults[..] else { panic!("{outcome:?}") };
    assert_eq!((fault.vn, fault.cause, fault.until_ms - fault.from_ms), (1, Cause::Lost, 10_060));
    // By majority nobody returns.
    assert_eq!(under(&record, "majority").figures.switches, 1);
}

/// Red delivers at the wrong border. Every policy must wait for `settle`; with `verified` a model that knows better moves at
/// once, so a replay shows what that had gained.
#[test]
fn policies_differ_by_what_they_wait_for() {
    let record = recorded(MASTER, |live| {
        live.act(&Action::Probe(0, 1, ProbeEvidence::Delivers { egress: at(AWAY) }));
        live.act(&Action::Verified(0, 1, VerificationEvidence::DiffersFromModel { egress: at(AWAY) }));
        live.decide();
        live.pass(5_000, 0);
        live.then(0, &Action::Route(0, 3, 2));
    });
    let outcome = under(&record, "master:red");
    assert_eq!((outcome.figures.wrong_ms, outcome.mismatches), (200, None));
    assert_eq!(outcome.prefixes[&prefix(0)].faults[0].cause, Cause::Misdirected);
    let master = Change { rule: Some(MASTER), ..Change::default() };
    let verified = replay(&record, &Change { verified: Some(true), ..master });
    assert_eq!((verified.figures.wrong_ms, verified.figures.switches), (0, 1));
    let settle = Some(std::time::Duration::from_millis(50));
    assert_eq!(replay(&record, &Change { settle, ..master }).figures.wrong_ms, 50);
}

/// All three follow a customer to another border, one after the other. For a moment the first is alone with the truth:
/// with hindsight it was right all along.
#[test]
fn who_is_first_with_the_truth_is_not_at_fault() {
    let moved = ProbeEvidence::Delivers { egress: at(AWAY) };
    let record = recorded(Rule::Majority, |live| {
        let number = live.numbers[&prefix(0)];
        let (policy, attached) = (*live.poll.policy(number).unwrap(), [HOME, AWAY].into_iter().collect());
        live.poll.set_attached(number, &attached);
        (live.sink)(Event::Terms { number, policy, attached });
        for vn in [2, 1, 3] {
            live.then(50, &Action::Probe(0, vn, moved.clone()));
        }
        live.then(5_000, &Action::Route(0, 3, 2));
    });
    let outcome = replay(&record, &Change::default());
    assert_eq!(outcome.mismatches, Some(0));
    let faults: Vec<_> = outcome.prefixes[&prefix(0)].faults.iter().map(|it| (it.vn, it.cause)).collect();
    assert_eq!(faults, [(3, Cause::Outvoted)], "{outcome:?}");
    assert_eq!((outcome.figures.switches, outcome.figures.wrong_ms), (0, 0));
}

/// Carrier goes, and red, blue and green lose their routes within a millisecond, one after the other; blue has the way round at once.
/// Who had no route when the vote was held was left for a reason.
#[test]
fn a_fault_of_less_than_a_millisecond_is_one_if_a_vote_was_held_on_it() {
    let record = recorded(MASTER, |live| {
        for (vn, route) in [(1, 0), (2, 0), (2, 1), (3, 0), (1, 1), (3, 1)] {
            live.act(&Action::Route(0, vn, route));
            live.decide();
        }
        live.then(5_000, &Action::Route(0, 3, 2));
    });
    let figures = replay(&record, &Change::default()).figures;
    assert!(figures.switches >= 2, "{figures:?}");
    assert_eq!((figures.false_switches, figures.wrong_ms), (0, 0), "{figures:?}");
}

/// Everything fails: that cannot be helped, and is told apart.
#[test]
fn what_nobody_delivers_is_unavoidable() {
    let record = recorded(Rule::Majority, |live| {
        for vn in 1..=3 {
            live.act(&Action::Route(0, vn, 0));
        }
        live.decide();
        live.then(3_000, &Action::Route(0, 1, 1));
        live.then(1_000, &Action::Route(0, 3, 2));
    });
    let figures = replay(&record, &Change::default()).figures;
    assert_eq!((figures.wrong_ms, figures.unavoidable_ms, figures.sat_out), (3_000, 3_000, 1));
}

#[test]
fn rules_are_told_in_words_with_the_names_of_the_record() {
    let record = recorded(Rule::Majority, |_| {});
    let parsed = |text: &str| parse_rule(text, &record);
    assert_eq!(parsed("master:green"), Ok(Rule::Master { master: 2 }));
    assert_eq!(parsed("master:3"), Ok(Rule::Master { master: 3 }));
    assert_eq!(parsed("first-k:3"), Ok(Rule::FirstK { k: 3 }));
    assert_eq!(parsed("consensus"), Ok(Rule::Consensus));
    assert!(matches!(parsed("first-k:0"), Err(RuleError::BadNumber(_))));
    assert!(matches!(parsed("majority:2"), Err(RuleError::Unknown(_))));
    let error = parsed("master:pink").unwrap_err().to_string();
    assert_eq!(error, "the record knows no virtual network `pink`: it has red, green, blue");
}
