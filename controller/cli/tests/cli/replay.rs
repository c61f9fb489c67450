//! `braid replay` on a record that is made here.

use std::path::Path;

use braid_record::{Event, Header, Limits, Writer};
use braid_vote::{
    EgressId, EgressSet, Elector, Evidence, Millis, NextHop, Policy, PrefixId, ProbeEvidence, RouteEvidence,
    Rule,
};

use crate::support::run;

/// Red drives; 10 s after the start its packets are lost for 5 s, which the border learns 60 ms later.
fn record(dir: &Path) {
    let header = Header {
        network: "ring".into(),
        border: "north".into(),
        epoch_ms: 1_700_000_000_000,
        ..Header::default()
    };
    let (prefix, at_home): (_, EgressSet) = (PrefixId(0), [EgressId(0)].into_iter().collect());
    let mut writer = Writer::open(dir, Limits::default()).unwrap();
    writer.begin(&header).unwrap();
    let mut add = |event| writer.add(&event).unwrap();
    let vns = [(1, "red", "frr"), (2, "green", "bird"), (3, "blue", "native")];
    for (vn, name, _) in vns {
        add(Event::Vn { vn, name: name.into() });
    }
    let elector = |(vn, _, code_base): (u8, &str, &str)| Elector {
        vn,
        rank: vn.into(),
        code_base: code_base.into(),
        layout: None,
    };
    add(Event::Electors(vns.map(elector).into()));
    add(Event::Open {
        number: prefix,
        prefix: "198.18.5.0/24".parse().unwrap(),
        policy: Policy::new(Rule::Majority),
        attached: at_home.clone(),
        adopted: Some(1),
    });
    let hop = NextHop { gateway: Some([100, 65, 0, 1].into()), interface: "eth1".into() };
    for vn in 1..=3 {
        let route = RouteEvidence::Usable { next_hops: vec![hop.clone()].into(), metric: 20 };
        add(Event::Evidence { at: Millis(0), evidence: Evidence::Route { prefix, vn, route } });
        let probe = ProbeEvidence::Delivers { egress: at_home.clone() };
        add(Event::Evidence { at: Millis(0), evidence: Evidence::Probe { prefix, vn, probe } });
    }
    add(Event::Decide { at: Millis(0), changed: Vec::new() });
    let lost = Evidence::Probe { prefix, vn: 1, probe: ProbeEvidence::Lost };
    add(Event::Evidence { at: Millis(10_000), evidence: lost });
    add(Event::Decide { at: Millis(10_060), changed: Vec::new() });
    let probe = ProbeEvidence::Delivers { egress: at_home };
    add(Event::Evidence { at: Millis(15_000), evidence: Evidence::Probe { prefix, vn: 1, probe } });
    add(Event::Decide { at: Millis(15_001), changed: Vec::new() });
    add(Event::Decide { at: Millis(90_000), changed: Vec::new() });
}

#[test]
fn policies_are_compared_on_a_record() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path());
    let path = dir.path().to_str().unwrap();
    let arguments =
        ["replay", path, "--policy", "master:red", "--policy", "majority", "--policy", "first-k:3"];
    let ran = run(&arguments).ok();
    assert!(
        ran.stdout.starts_with("ring.north: 1 prefix, from 2023-11-14T22:13:20.000Z\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("DELAY P50") && ran.stdout.contains("60ms"), "{}", ran.stdout);
    let json = run(&[&arguments[..], &["-o", "json"]].concat()).ok().json();
    let switches: Vec<_> = json["policies"].as_array().unwrap().iter().map(|it| &it["switches"]).collect();
    assert_eq!(switches, [2, 1, 1], "only a master returns: {json:#}");
    assert!(json["policies"].as_array().unwrap().iter().all(|it| it["wrong_ms"] == 60), "{json:#}");
}

#[test]
fn the_course_of_a_prefix_is_shown_also_of_a_torn_record() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path());
    let file = dir.path().join("record-1.brec");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend(b"torn");
    std::fs::write(&file, bytes).unwrap();
    let ran =
        run(&["replay", file.to_str().unwrap(), "--prefix", "198.18.5.0/24", "--policy", "master:red"]).ok();
    assert!(ran.stderr.contains("the last 4 bytes") && ran.stderr.contains("torn"), "{}", ran.stderr);
    for word in ["198.18.5.0/24 under master:red: 2 moves, 60ms wrong", "green", "probes lost"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let empty = run(&["replay", path]).failed(1);
    assert!(empty.stderr.contains("holds no record"), "{}", empty.stderr);
    record(dir.path());
    let unknown = run(&["replay", path, "--policy", "master:pink"]).failed(2);
    assert!(unknown.stderr.contains("it has red, green, blue"), "{}", unknown.stderr);
    let strange = run(&["replay", path, "--prefix", "192.0.2.0/24"]).failed(1);
    assert!(strange.stderr.contains("no votes on 192.0.2.0/24; it has 198.18.5.0/24"), "{}", strange.stderr);
    let file = dir.path().join("record-2.brec");
    std::fs::write(&file, "nonsense").unwrap();
    let foreign = run(&["replay", file.to_str().unwrap()]).failed(1);
    assert!(foreign.stderr.contains("is not a record of a border"), "{}", foreign.stderr);
}
