//! Bounds, gaps and a disk that refuses.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use braid_record::{Change, Event, Limits, Record, Recorder, Writer, replay};
use braid_vote::{ProbeEvidence, Rule};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use crate::live::{Action, HOME, Live, at, header, prefix, standings};

fn size(dir: &Path) -> u64 {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn flap(turn: u64) -> Action {
    match turn % 2 {
        0 => Action::Probe(0, 1, ProbeEvidence::Lost),
        _ => Action::Probe(0, 1, ProbeEvidence::Delivers { egress: at(HOME) }),
    }
}

#[test]
fn a_record_stays_within_its_bounds_and_tells_of_the_last() {
    // Goal: however long a VN flaps, the record takes no more than it may, and what is left of it can be replayed.
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { total: 64 << 10, segment: 8 << 10 };
    let events = std::cell::RefCell::new(Vec::new());
    let mut live = Live::new(|event| events.borrow_mut().push(event));
    live.settle(5, Rule::Majority);
    let mut writer = Writer::open(dir.path(), limits).unwrap();
    let mut head = header();
    writer.begin(&head).unwrap();
    let mut files = 1;
    for turn in 0..60_000 {
        live.then(7 + turn % 13, &flap(turn));
        for event in events.borrow_mut().drain(..) {
            head.follow(&event);
            writer.add(&event).unwrap();
        }
        if writer.is_full() {
            writer.begin(&head).unwrap();
            standings(&live.poll, &live.numbers, None, 9)
                .into_iter()
                .for_each(|it| writer.add(&Event::Standing(Box::new(it))).unwrap());
            files += 1;
            assert!(size(dir.path()) <= limits.total);
        }
    }
    drop(writer);
    assert!(size(dir.path()) <= limits.total && files > 10, "{files} files");
    let record = Record::open(dir.path()).unwrap();
    assert_eq!((record.stretches().len(), record.warnings()), (1, &[][..]));
    assert!(!dir.path().join("record-1.brec").exists());
    let outcome = replay(&record, &Change::default());
    for (prefix, number) in &live.numbers {
        assert_eq!(outcome.prefixes[prefix].turns.last().unwrap().winner, live.poll.winner(*number));
    }
    // A border that starts again goes on in another file.
    let mut writer = Writer::open(dir.path(), limits).unwrap();
    writer.begin(&header()).unwrap();
    drop(writer);
    assert!(size(dir.path()) <= limits.total);
    let anew = Record::open(dir.path()).unwrap();
    assert_eq!(anew.stretches().iter().map(Vec::len).sum::<usize>(), 1 + record.stretches()[0].len());
}

#[test]
fn a_snapshot_that_does_not_fit_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), Limits { total: 200, segment: 100 }).unwrap();
    writer.begin(&header()).unwrap();
    let name = |i: u32| Event::Vn { vn: 1, name: format!("{:x}", i.wrapping_mul(2_654_435_761)) };
    let refused = (0..100_000).find_map(|i| writer.add(&name(i)).err()).unwrap();
    assert!(refused.to_string().contains("allow more"), "{refused}");
    assert!(size(dir.path()) <= 200);
}

/// Attends to the recorder until `done`.
fn until<S: FnMut(Event)>(
    what: &str,
    live: &Live<S>,
    recorder: &mut Recorder,
    done: impl Fn(&Recorder) -> bool,
) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !done(recorder) {
        assert!(Instant::now() < give_up, "still not: {what}; {recorder:?}");
        recorder.attend(|after, count| standings(&live.poll, &live.numbers, after, count));
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn too_much_at_once_is_a_gap_that_is_told() {
    // Goal: when more happens than can be written, the rest is counted, and the record goes on with how things stand.
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(dir.path().to_owned(), Limits::default(), header()).unwrap();
    let mut live = Live::new(|_| {});
    live.settle(3, Rule::Majority);
    let winner = live.poll.winner(live.numbers[&prefix(0)]);
    let electors = Event::Electors(live.electors.clone());
    for _ in 0..20_000_000_u32 {
        recorder.note(electors.clone());
        if recorder.lost() > 3 {
            break;
        }
    }
    assert!(recorder.lost() > 3);
    until("the gap is over", &live, &mut recorder, |it| it.lost() == 0 && !it.is_busy());
    until("there is room", &live, &mut recorder, |it| !it.is_busy());
    recorder.decided(live.now, Vec::new());
    drop(recorder);
    let record = Record::open(dir.path()).unwrap();
    assert!(
        record.warnings().iter().any(|warning| warning.contains("there is a gap: 4 events")),
        "{record:?}"
    );
    assert_eq!(record.stretches().len(), 2);
    let outcome = replay(&record, &Change::default());
    assert_eq!(outcome.prefixes.len(), 3);
    assert_eq!(outcome.prefixes[&prefix(0)].turns[0].winner, winner);
    assert_eq!(outcome.mismatches, Some(0));
}

#[test]
fn a_full_disk_costs_the_record_and_nothing_else() {
    // Goal: the disk fills up while a border votes. Its verdicts are those of one that records nothing; the problem is told,
    // and gone once there is room, with a gap in the record.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    let dir = tempfile::tempdir().unwrap();
    mount(Some("tmpfs"), dir.path(), Some("tmpfs"), MsFlags::empty(), Some("size=256k")).unwrap();
    let ballast = dir.path().join("ballast");
    fs::write(&ballast, vec![1; 200 << 10]).unwrap();
    let records = dir.path().join("record");

    let retry = Duration::from_millis(20);
    let mut recorder = Recorder::with_patience(records.clone(), Limits::default(), header(), retry).unwrap();
    let events = std::cell::RefCell::new(Vec::new());
    let mut live = Live::new(|event| events.borrow_mut().push(event));
    let mut alone = Live::new(|_| {});
    live.settle(2, Rule::Majority);
    alone.settle(2, Rule::Majority);
    let mut turn = 0;
    let give_up = Instant::now() + Duration::from_secs(60);
    while recorder.problem().is_none() {
        assert!(Instant::now() < give_up, "the disk never fills up");
        for _ in 0..100 {
            turn += 1;
            live.then(7 + turn % 13, &flap(turn));
            alone.then(7 + turn % 13, &flap(turn));
            events.borrow_mut().drain(..).for_each(|event| recorder.note(event));
        }
    }
    let problem = recorder.problem().unwrap();
    assert!(problem.contains("No space left on device"), "{problem}");
    assert_eq!(live.drivers, alone.drivers);

    fs::remove_file(&ballast).unwrap();
    until("all is well again", &live, &mut recorder, |it| it.problem().is_none() && !it.is_busy());
    drop(recorder);
    let record = Record::open(&records).unwrap();
    assert!(
        record.warnings().iter().any(|warning| warning.contains("there is a gap")),
        "{:?}",
        record.warnings()
    );
    let outcome = replay(&record, &Change::default());
    assert_eq!(outcome.prefixes.len(), 2);
}
