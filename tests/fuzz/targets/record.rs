//! Any bytes as a record of evidence, also in frames with right checksums: nothing panics, grows without bounds or runs without
//! end, what cannot be read is told, of a file that is cut or bent what comes before the damage is read as it was, and a replay
//! comes to figures that fit together.
#![no_main]

use std::{cell::OnceCell, fs, path::Path, time::Duration};

use braid_fuzz::{Bytes, records::Case};
use braid_record::{Change, Figures, Record, Segment, parse_rule, replay};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static DIR: OnceCell<TempDir> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    match Case::read(&mut Bytes::new(bytes)) {
        Case::Files(files) => DIR.with(|dir| {
            let dir = dir.get_or_init(|| tempfile::tempdir_in("/dev/shm").expect("a directory in memory"));
            whole(dir.path(), &files);
        }),
        Case::Cut(file, at) => damage(&file, file[..at].to_vec()),
        Case::Bent(file, at, bit) => {
            let mut bent = file.clone();
            bent[at] ^= bit;
            damage(&file, bent);
        }
    }
});

fn whole(dir: &Path, files: &[Vec<u8>]) {
    let paths: Vec<_> =
        (1..).map(|number| dir.join(format!("record-{number}.brec"))).take(files.len()).collect();
    for (path, file) in paths.iter().zip(files) {
        fs::write(path, file).expect("there is memory");
    }
    match Record::open(dir) {
        Ok(record) => vote(&record),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for path in paths {
        fs::remove_file(path).expect("it was written");
    }
}

fn vote(record: &Record) {
    let rules = ["majority", "consensus", "first-k:2", "master:1"].map(|rule| parse_rule(rule, record).ok());
    let change = |rule| Change { rule, ..Change::default() };
    let strict = Change { verified: Some(true), settle: Some(Duration::ZERO), ..Change::default() };
    for change in rules.into_iter().flatten().map(|rule| change(Some(rule))).chain([change(None), strict]) {
        let Figures {
            watched_ms,
            wrong_ms,
            unavoidable_ms,
            switches,
            false_switches,
            returns,
            faults,
            sat_out,
            ..
        } = replay(record, &change).figures;
        assert!(unavoidable_ms <= wrong_ms && wrong_ms <= watched_ms);
        assert!(false_switches + returns <= switches && sat_out <= faults);
    }
}

/// Of damaged bytes is read what the file says, up to the damage.
fn damage(file: &[u8], damaged: Vec<u8>) {
    let path = Path::new("record-1.brec");
    let (before, after) = (Segment::read(path, file.to_vec()), Segment::read(path, damaged));
    match (before, after) {
        (Ok(before), Ok(after)) => {
            assert_eq!(after.header(), before.header());
            let mut events = before.events();
            assert!(after.events().all(|event| events.next() == Some(event)));
        }
        (_, Err(error)) => assert!(!error.to_string().is_empty()),
        (Err(error), Ok(_)) => panic!("damage has mended what was refused: {error}"),
    }
}
