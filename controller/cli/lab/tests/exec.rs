//! Commands in a lab's namespaces.

#![allow(clippy::unwrap_used)]

mod common;

use braid_lab::{LabError, exec_command};
use common::{RING, TestLab, block_on, run};

#[test]
fn a_command_runs_in_a_host_a_node_or_a_virtual_router() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    run("ip", &["netns", "add", &format!("{}.a.red", lab.name)]);

    // /sys is the namespace's own, as with `ip netns exec`.
    assert_eq!(lab.exec("a-host", &["ls", "/sys/class/net"]), "eth0\nlo\n");
    assert_eq!(lab.exec("a", &["ls", "/sys/class/net"]), "cust0\neth1\neth2\nlo\n");
    assert_eq!(lab.exec("a/red", &["ls", "/sys/class/net"]), "lo\n");

    // The exit status is the command's own, and so is death by a signal.
    let status = lab.command("a", &["sh", "-c", "exit 42"]).status().unwrap();
    assert_eq!(status.code(), Some(42));
    let status = lab.command("a", &["sh", "-c", "kill -9 $$"]).status().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));

    // The machine's own mounts are as before.
    assert!(std::fs::exists("/sys/class/net/lo").unwrap());
    assert!(!std::fs::exists("/sys/class/net/cust0").unwrap());
}

#[test]
fn an_unknown_target_is_answered_with_what_there_is() {
    let mut lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    lab.add_foreign("foo");
    let command = ["true".to_owned()];

    let error = exec_command(&lab.root, &lab.name, "a-hots", &command).unwrap_err().to_string();
    assert!(error.contains("did you mean `a-host`?"), "{error}");
    assert!(error.ends_with("there are: a, a-host, b, b-host, c"), "{error}");

    for target in ["foo", "", "..", "a/../b", "a.red", "a/"] {
        let outcome = exec_command(&lab.root, &lab.name, target, &command);
        assert!(matches!(outcome, Err(LabError::NoSuchTarget { .. })), "{target}");
    }
    assert!(matches!(exec_command(&lab.root, &lab.name, "a", &[]), Err(LabError::NoCommand { .. })));

    let nobody = "nobodys-lab".parse().unwrap();
    let error = exec_command(&lab.root, &nobody, "a", &command).unwrap_err();
    assert!(
        matches!(&error, LabError::NoSuchLab { known, .. } if known.contains(&lab.name.to_string())),
        "{error}"
    );
}
