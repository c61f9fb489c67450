//! Tear-down on the real kernel: exact, whatever happened before.

#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use braid_lab::{LabError, LabSummary, Root, down, list, wire};
use common::{Child, RING, TestLab, block_on, run};

fn summary(lab: &TestLab) -> Option<LabSummary> {
    list(&lab.root).unwrap().into_iter().find(|summary| summary.name == lab.name)
}

/// A process that ignores SIGTERM, in a lab.
fn stubborn(lab: &TestLab, target: &str) -> Child {
    Child::spawn(lab.command(target, &["sh", "-c", "trap '' TERM; exec sleep 600"]))
}

/// Directories of cgroup hierarchies that a lab would use.
fn cgroups(lab: &TestLab) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mounts = mounts.filter(|words| matches!(words[2], "cgroup" | "cgroup2"));
    mounts.map(|words| Path::new(words[1]).join("braid").join(lab.name.as_str())).collect()
}

#[test]
fn down_leaves_nothing() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    let mut children = vec![stubborn(&lab, "a"), stubborn(&lab, "a-host"), stubborn(&lab, "c")];
    run("ip", &["netns", "add", &format!("{}.a.red", lab.name)]);
    children.push(stubborn(&lab, "a/red"));
    let before = summary(&lab).unwrap();
    assert_eq!((before.nodes, before.namespaces, before.controller_alive), (3, 6, false));
    assert_eq!(before.topology, Some(lab.topology_path()));
    assert!(before.created.is_some());

    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!(report.namespaces, 6);
    assert!(report.processes >= 4, "{report:?}");
    assert_eq!(report.holders, Vec::<String>::new());

    assert!(lab.namespaces().is_empty());
    assert!(children.iter_mut().all(Child::has_ended));
    assert!(!lab.root.path().exists());
    assert_eq!(summary(&lab), None);
    let Err(LabError::NoSuchLab { .. }) = block_on(down(&lab.root, &lab.name)) else {
        panic!("a lab that is gone was removed again");
    };
    assert!(!lab.root.path().exists());
}

#[test]
fn down_works_without_the_labs_directory_and_ends_its_controller_too() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    // A controller of this lab by its command line, in the namespace of the machine.
    let files = lab.lab();
    let mut controller = Command::new("sh");
    controller.args(["-c", "trap '' TERM; read never", "controller", "--topology"]).stdin(Stdio::piped());
    controller.arg(files.topology_file()).args(["--listen", &files.socket().to_string(), "--state-dir"]);
    controller.arg(files.controller_dir());
    let mut controller = Child::spawn(controller);

    fs::remove_dir_all(lab.root.path()).unwrap();
    let before = summary(&lab).unwrap();
    assert_eq!((before.nodes, before.namespaces, before.controller_alive), (3, 5, true));
    assert_eq!((before.topology, before.created), (None, None));

    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!((report.namespaces, report.processes), (5, 1));
    assert!(lab.namespaces().is_empty());
    assert!(controller.has_ended());
}

#[test]
fn down_takes_the_half_made_and_the_half_removed() {
    // Only a directory is left.
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    for name in lab.namespaces() {
        run("ip", &["netns", "delete", &format!("{}.{name}", lab.name)]);
    }
    assert_eq!(summary(&lab).unwrap().namespaces, 0);
    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!(report.namespaces, 0);
    assert!(!lab.root.path().exists());

    // A namespace was made, and not yet marked; the next was only a name.
    block_on(lab.wire(RING)).unwrap();
    lab.exec("b", &["ip", "link", "set", "lo", "alias", ""]);
    run("umount", &[&format!("/run/netns/{}.c", lab.name)]);
    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!(report.namespaces, 5);
    assert!(lab.namespaces().is_empty());
}

#[test]
fn down_leaves_other_peoples_things_alone() {
    let mut lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    // A namespace that merely bears the lab's prefix, and one of a lab whose name begins alike.
    let foreign = lab.add_foreign("foo");
    let child = lab.add_foreign("foo.red");
    let neighbour = format!("{}-2.a", lab.name);
    run("ip", &["netns", "add", &neighbour]);
    let mut inside = Child::spawn(common::ip(&["netns", "exec", &foreign, "sleep", "600"]));

    // Also when the lab's directory is lost.
    fs::remove_dir_all(lab.lab().dir()).unwrap();
    assert_eq!(summary(&lab).unwrap().namespaces, 5);
    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    let left = lab.namespaces();
    let neighbour_is_left = Path::new("/run/netns").join(&neighbour).exists();
    run("ip", &["netns", "delete", &neighbour]);

    assert_eq!(report.namespaces, 5);
    assert_eq!(left, BTreeSet::from(["foo".to_owned(), "foo.red".to_owned()]), "{child}");
    assert!(neighbour_is_left);
    assert!(!inside.has_ended());
    let error = block_on(down(&lab.root, &lab.name)).unwrap_err();
    assert!(matches!(error, LabError::NoSuchLab { .. }), "{error}");
}

#[test]
fn down_does_not_remove_a_directory_that_is_no_labs() {
    let lab = TestLab::new();
    fs::create_dir_all(lab.lab().dir()).unwrap();
    let thesis = lab.lab().dir().join("thesis.txt");
    fs::write(&thesis, "years of work").unwrap();
    assert!(matches!(block_on(down(&lab.root, &lab.name)), Err(LabError::NoSuchLab { .. })));
    assert!(matches!(block_on(lab.wire(RING)), Err(LabError::NotALab { .. })));
    assert!(thesis.exists());
    assert!(lab.namespaces().is_empty());
}

#[test]
fn down_empties_and_removes_the_labs_cgroups() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    let mut children = Vec::new();
    let tops = cgroups(&lab);
    assert!(!tops.is_empty(), "this machine has no cgroups");
    for top in &tops {
        let instance = top.join("a").join("vn1");
        fs::create_dir_all(&instance).unwrap();
        // cpuset groups take processes only once they have processors and memory; others take them at once.
        let child = Child::spawn({
            let mut command = Command::new("sleep");
            command.arg("600");
            command
        });
        let _ = fs::write(instance.join("cgroup.procs"), child.0.id().to_string());
        children.push((instance, child));
    }
    let inside = |(instance, child): &(PathBuf, Child)| {
        let text = fs::read_to_string(instance.join("cgroup.procs")).unwrap_or_default();
        text.lines().any(|line| line == child.0.id().to_string())
    };
    let entered: Vec<bool> = children.iter().map(inside).collect();
    assert!(entered.contains(&true));

    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!(report.cgroups, 3 * tops.len());
    assert!(tops.iter().all(|top| !top.exists()));
    for ((_, child), entered) in children.iter_mut().zip(entered) {
        assert_eq!(child.has_ended(), entered);
    }
}

#[test]
fn who_keeps_a_namespace_open_is_named_and_left_alone() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    let mut holder = Command::new("sh");
    holder.args([
        "-c",
        &format!(
            "exec 9</run/netns/{}.a; echo ready > {}/ready; exec sleep 600",
            lab.name,
            lab.scratch().display()
        ),
    ]);
    let mut holder = Child::spawn(holder);
    common::wait_for("the holder is ready", || lab.scratch().join("ready").exists());
    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    let expected = format!("(pid {}) holds {}.a", holder.0.id(), lab.name);
    assert!(report.holders.iter().any(|line| line.contains(&expected)), "{:?}", report.holders);
    assert!(!holder.has_ended());
}

#[test]
fn fifty_namespaces_and_eighty_processes_go_within_five_seconds() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    for number in 0..45 {
        run("ip", &["netns", "add", &format!("{}.a.vn{number}", lab.name)]);
    }
    let mut children: Vec<Child> = (0..80)
        .map(|n| {
            Child::spawn(common::ip(&[
                "netns",
                "exec",
                &format!("{}.a.vn{}", lab.name, n % 45),
                "sleep",
                "600",
            ]))
        })
        .collect();
    // Each has entered its namespace once it has become `sleep`.
    for child in &children {
        let name = format!("/proc/{}/comm", child.0.id());
        common::wait_for("a process enters its namespace", || {
            fs::read_to_string(&name).is_ok_and(|comm| comm == "sleep\n")
        });
    }
    let report = block_on(down(&lab.root, &lab.name)).unwrap();
    assert_eq!((report.namespaces, report.processes), (50, 80));
    assert!(report.took < Duration::from_secs(5), "{:?}", report.took);
    assert!(children.iter_mut().all(Child::has_ended));
}

#[test]
fn labs_of_one_name_under_two_roots_do_not_touch_each_other() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    let before = lab.interfaces();
    let other = Root::new(lab.scratch().join("other"));
    let plan = lab.plan(RING);

    let made = block_on(wire(&other, &plan, &lab.topology_path()));
    assert!(matches!(made, Err(LabError::Elsewhere { .. })), "{made:?}");
    let removed = block_on(down(&other, &lab.name));
    let Err(error @ LabError::Elsewhere { .. }) = removed else { panic!("{removed:?}") };
    assert!(error.to_string().contains(&lab.lab().dir().display().to_string()), "{error}");
    assert!(list(&other).unwrap().iter().all(|summary| summary.name != lab.name));
    assert!(!other.path().exists());
    assert_eq!(lab.interfaces(), before);
}
