//! Labs as users meet them: side by side, from imported files, on machines that lack something.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Output},
    time::Duration,
};

use braid_tests::{Lab, braid, report, repository, wait_for};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_all_pairs_reach_one_another(lab: &Lab) {
    let hosts = lab.hosts();
    assert!(hosts.len() > 1);
    for (from, _) in &hosts {
        for (to, address) in hosts.iter().filter(|(to, _)| to != from) {
            let output = lab.exec(from, &["ping", "-c", "1", "-W", "2", &address.to_string()]);
            assert!(output.status.success(), "{from} does not reach {to}: {}", text(&output.stdout));
        }
    }
}

/// Runs a shell script in a mount namespace of its own, so that it can hide parts of the machine.
fn elsewhere(script: &str) -> Output {
    Command::new("unshare").args(["--mount", "sh", "-c", script]).output().expect("unshare runs")
}

#[test]
fn two_labs_live_side_by_side_and_go_one_by_one() {
    let (first, second) = (Lab::up("ring.yaml"), Lab::up("ring.yaml"));
    let listed = Command::new(braid()).args(["lab", "list"]).output().expect("braid runs");
    let listed = text(&listed.stdout);
    assert!(listed.contains(first.name()) && listed.contains(second.name()), "{listed}");
    // The same addresses in both, and nothing in common.
    assert_all_pairs_reach_one_another(&first);
    assert!(first.down().status.success());
    assert_all_pairs_reach_one_another(&second);
    // Asked for a lab that is not there, one is told which are.
    let output = first.braid(&["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(first.name()), "{}", text(&output.stderr));
}

#[test]
fn without_the_daemons_it_says_what_to_install_and_starts_nothing() {
    let file = repository().join("topologies/abilene-diverse.yaml");
    let output = elsewhere(&format!(
        "mount -t tmpfs none /usr/lib/frr && mount --bind /dev/null /usr/sbin/bird && exec {} lab up {}",
        braid().display(),
        file.display()
    ));
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("apt-get install") && errors.contains("frr") && errors.contains("bird2"),
        "{errors}"
    );
    assert!(!fs::exists("/run/braid/abilene-diverse").expect("it can be looked for"));
    let namespaces = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    assert!(!namespaces.into_iter().any(|n| n.file_name().to_string_lossy().starts_with("abilene-diverse.")));
}

#[test]
fn on_a_full_disk_it_says_so_and_what_there_is_can_be_taken_down() {
    let lab = Lab::new(&fs::read_to_string(repository().join("topologies/ring.yaml")).expect("it ships"));
    let output = elsewhere(&format!(
        "mkdir -p /run/braid && mount -t tmpfs -o size=8k none /run/braid; {braid} lab up {file}; echo up=$?; \
         {braid} lab down {name}; echo down=$?; ip netns list | grep -c '^{name}\\.'; ls /run/braid",
        braid = braid().display(),
        file = lab.file().display(),
        name = lab.name(),
    ));
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(said.contains("up=1"), "{said}{errors}");
    assert!(errors.contains("No space left on device"), "{errors}");
    assert!(said.ends_with("\n0\n"), "something was left: {said}{errors}");
}

#[test]
fn a_running_lab_takes_a_changed_file_without_losing_what_stays() {
    let ring = fs::read_to_string(repository().join("topologies/ring.yaml")).expect("it ships");
    let lab = Lab::new(&ring);
    lab.start();
    let engines = lab.pids("red");
    // One more VN, and the vote by majority.
    let changed = fs::read_to_string(lab.file()).expect("written")
        + "  - { id: 3, name: blue, engine: frr-isis }\nvote:\n  default: { policy: majority }\n";
    fs::write(lab.file(), changed).expect("written");
    let flow = lab.flow("north-host", "south-host", 500);
    lab.start();
    let losses = flow.stop();
    report(&format!("a VN added under traffic: {losses:?}"));
    assert_eq!(losses.lost, 0, "{losses:?}");
    assert_eq!(lab.pids("red"), engines, "red was left alone");
    assert_eq!(lab.json(&["get", "vns"]).as_array().map(Vec::len), Some(3));
    assert_all_pairs_reach_one_another(&lab);

    // And away with the VN that may be driving.
    let removed = fs::read_to_string(lab.file()).expect("written");
    let removed: String =
        removed.lines().filter(|l| !l.contains("name: red")).map(|l| format!("{l}\n")).collect();
    fs::write(lab.file(), removed).expect("written");
    let flow = lab.flow("north-host", "south-host", 500);
    lab.start();
    wait_for("red is gone from every node", Duration::from_secs(30), || {
        let namespaces = fs::read_dir("/run/netns").expect("namespaces are listed").flatten();
        let names = namespaces.map(|n| n.file_name().to_string_lossy().into_owned());
        let mut red = names.filter(|n| n.starts_with(&format!("{}.", lab.name())) && n.ends_with(".red"));
        red.next().is_none().then_some(())
    });
    let losses = flow.stop();
    report(&format!("the driving VN removed under traffic: {losses:?}"));
    assert_eq!(losses.lost, 0, "{losses:?}");
    assert_all_pairs_reach_one_another(&lab);
}

/// Abilene as the Topology Zoo writes such files: keys with numbers of the file's own, labels with spaces, positions.
fn zoo() -> String {
    let places = [
        ("New York", 40.71, -74.01),
        ("Chicago", 41.85, -87.65),
        ("Washington DC", 38.90, -77.04),
        ("Seattle", 47.61, -122.33),
        ("Sunnyvale", 37.37, -122.04),
        ("Los Angeles", 34.05, -118.24),
        ("Denver", 39.74, -104.98),
        ("Kansas City", 39.11, -94.63),
        ("Houston", 29.76, -95.36),
        ("Atlanta", 33.75, -84.39),
        ("Indianapolis", 39.77, -86.16),
    ];
    let links = [
        (0, 1),
        (0, 2),
        (1, 10),
        (2, 9),
        (3, 4),
        (3, 6),
        (4, 5),
        (4, 6),
        (5, 8),
        (6, 7),
        (7, 8),
        (7, 10),
        (8, 9),
        (9, 10),
    ];
    let mut xml = "<?xml version=\"1.0\"?><graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\
        <key attr.name=\"label\" attr.type=\"string\" for=\"node\" id=\"d33\"/>\
        <key attr.name=\"Longitude\" attr.type=\"double\" for=\"node\" id=\"d32\"/>\
        <key attr.name=\"Latitude\" attr.type=\"double\" for=\"node\" id=\"d29\"/>\
        <key attr.name=\"label\" attr.type=\"string\" for=\"graph\" id=\"d12\"/>\
        <graph edgedefault=\"undirected\"><data key=\"d12\">Abilene</data>"
        .to_owned();
    for (id, (label, latitude, longitude)) in places.iter().enumerate() {
        let _ = write!(
            xml,
            "<node id=\"{id}\"><data key=\"d29\">{latitude}</data><data key=\"d32\">{longitude}</data>\
             <data key=\"d33\">{label}</data></node>"
        );
    }
    for (a, b) in links {
        let _ = write!(xml, "<edge source=\"{a}\" target=\"{b}\"/>");
    }
    xml + "</graph></graphml>"
}

#[test]
fn an_imported_graph_with_two_vns_added_by_hand_comes_up_and_carries_packets() {
    let file = tempfile::Builder::new().suffix(".graphml").tempfile().expect("a file");
    fs::write(file.path(), zoo()).expect("written");
    let output =
        Command::new(braid()).args(["import", "graphml"]).arg(file.path()).output().expect("braid runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("guess"), "every guess is said");
    let by_hand =
        "  - { id: 1, name: red, engine: frr-isis }\n  - { id: 2, name: green, engine: bird-ospf }\n";
    let lab = Lab::new(&(text(&output.stdout) + by_hand));
    lab.start();
    assert_all_pairs_reach_one_another(&lab);
}
