//! Hosts and cables on the real kernel, without daemons.

#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::BTreeSet, fs, process::Command};

use braid_lab::{LabError, list};
use common::{RING, TestLab, block_on, output, run};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn neighbours_reach_one_another_and_hosts_reach_their_gateway() {
    // A ring of three nodes, two of them with a customer.
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    assert_eq!(lab.namespaces(), names(&["a", "a-host", "b", "b-host", "c"]));

    // Each node reaches both neighbours over the cable between them.
    for link in lab.plan(RING).links {
        for (from, to) in [(&link.a, &link.b), (&link.b, &link.a)] {
            let address = to.underlay_address.addr().to_string();
            lab.exec(from.node.as_str(), &["ping", "-c1", "-W5", "-I", from.interface.as_str(), &address]);
        }
    }

    // Each host reaches its gateway, and sends everything else there.
    lab.exec("a-host", &["ping", "-c1", "-W5", "198.18.1.1"]);
    let route = lab.exec("b-host", &["ip", "route", "get", "192.0.2.1"]);
    assert!(route.contains("via 198.18.2.1 dev eth0 src 198.18.2.10"), "{route}");

    // MTUs are as planned, and IPv6 keeps silent.
    assert!(lab.exec("a", &["cat", "/sys/class/net/eth1/mtu"]).starts_with("1600"));
    assert!(lab.exec("a", &["cat", "/sys/class/net/cust0/mtu"]).starts_with("1500"));
    for node in ["a", "a-host"] {
        assert_eq!(lab.exec(node, &["ip", "-6", "address"]), "");
    }
}

#[test]
fn wiring_again_touches_nothing_and_mends_what_is_broken() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();

    // An operator takes a link down, and gives a node an interface of their own: both stay so.
    lab.exec("a", &["ip", "link", "set", "eth1", "down"]);
    lab.exec("a", &["ip", "tuntap", "add", "mine", "mode", "tun"]);
    let before = lab.interfaces();
    block_on(lab.wire(RING)).unwrap();
    assert_eq!(lab.interfaces(), before);

    // A cable is lost, and a whole host: both come back, and nothing else is touched.
    lab.exec("b", &["ip", "link", "delete", "eth2"]);
    run("ip", &["netns", "delete", &format!("{}.b-host", lab.name)]);
    let index = lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]);
    block_on(lab.wire(RING)).unwrap();
    lab.exec("b-host", &["ping", "-c1", "-W5", "198.18.2.1"]);
    lab.exec("b", &["ping", "-c1", "-W5", "-I", "eth2", "100.66.0.5"]);
    assert_eq!(lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]), index);
}

#[test]
fn a_changed_topology_changes_only_what_differs() {
    let lab = TestLab::new();
    block_on(lab.wire(RING)).unwrap();
    // A process and a virtual router on the node that is about to go.
    let mut process = common::Child::spawn(lab.command("c", &["sleep", "600"]));
    run("ip", &["netns", "add", &format!("{}.c.red", lab.name)]);
    let index = lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]);

    // Node c gives way to node d, and b loses its customer.
    let changed = RING
        .replace("    c: {}", "    d: {}")
        .replace("c:eth", "d:eth")
        .replace(" b: { border: { prefixes: [198.18.2.0/24] } }", " b: {}");
    block_on(lab.wire(&changed)).unwrap();

    assert_eq!(lab.namespaces(), names(&["a", "a-host", "b", "d"]));
    common::wait_for("the process on c ends", || {
        fs::read(format!("/proc/{}/stat", process.0.id())).is_ok_and(|s| s.contains(&b'Z'))
    });
    assert!(process.has_ended());
    assert_eq!(lab.exec("a", &["cat", "/sys/class/net/eth1/ifindex"]), index);
    assert!(!lab.exec("b", &["ip", "-o", "link"]).contains("cust0"));
    lab.exec("d", &["ping", "-c1", "-W5", &address_of(&lab, &changed, "a", "eth2")]);
}

fn address_of(lab: &TestLab, text: &str, node: &str, interface: &str) -> String {
    let links = lab.plan(text).links;
    let mut ends = links.iter().flat_map(|link| [&link.a, &link.b]);
    let end = ends.find(|end| end.node.as_str() == node && end.interface.as_str() == interface).unwrap();
    end.underlay_address.addr().to_string()
}

#[test]
fn odd_addresses_that_an_operator_gives_work_too() {
    let lab = TestLab::new();
    let odd = RING.replace(
        "- endpoints: ['a:eth1', 'b:eth1']",
        "- { endpoints: ['a:eth1', 'b:eth1'], addresses: [192.0.2.1, 203.0.113.7] }",
    );
    block_on(lab.wire(&odd)).unwrap();
    lab.exec("a", &["ping", "-c1", "-W5", "203.0.113.7"]);
}

#[test]
fn two_labs_with_the_same_topology_live_side_by_side() {
    let (one, two) = (TestLab::new(), TestLab::new());
    block_on(one.wire(RING)).unwrap();
    block_on(two.wire(RING)).unwrap();
    let before = two.interfaces();
    block_on(braid_lab::down(&one.root, &one.name)).unwrap();
    assert!(one.namespaces().is_empty());
    assert_eq!(two.interfaces(), before);
    two.exec("a-host", &["ping", "-c1", "-W5", "198.18.1.1"]);
}

#[test]
fn a_namespace_of_somebody_elses_stops_the_lab_before_it_begins() {
    let mut lab = TestLab::new();
    let foreign = lab.add_foreign("b");
    let Err(LabError::ForeignNamespaces { names }) = block_on(lab.wire(RING)) else {
        panic!("the lab took somebody else's namespace");
    };
    assert_eq!(names, [foreign]);
    assert_eq!(lab.namespaces(), self::names(&["b"]));
    assert!(!lab.root.path().exists());
}

#[test]
fn a_virtual_routers_name_that_is_taken_stops_the_lab_too() {
    let mut lab = TestLab::new();
    let foreign = lab.add_foreign("b.red");
    let error = block_on(lab.wire(RING)).unwrap_err();
    assert!(error.to_string().contains(&foreign), "{error}");
}

#[test]
fn only_one_at_a_time_works_on_a_lab() {
    let lab = TestLab::new();
    fs::create_dir_all(lab.lab().dir()).unwrap();
    let other = fs::File::open(lab.lab().dir()).unwrap();
    other.lock().unwrap();
    assert!(matches!(block_on(lab.wire(RING)), Err(LabError::Busy { .. })));
    assert!(matches!(block_on(braid_lab::down(&lab.root, &lab.name)), Err(LabError::Busy { .. })));
    assert!(lab.namespaces().is_empty());
    // Not just closed: a child that another test forks at this moment has it open too.
    other.unlock().unwrap();
    block_on(lab.wire(RING)).unwrap();
}

#[test]
fn a_full_disk_is_told_and_nothing_is_started() {
    let lab = TestLab::new();
    let disk = Disk::full(lab.root.path());
    let error = block_on(lab.wire(RING)).unwrap_err().to_string();
    assert!(error.contains("lab.json") && error.contains("make room"), "{error}");
    assert!(lab.namespaces().is_empty());
    assert!(list(&lab.root).unwrap().iter().all(|summary| summary.name != lab.name));
    drop(disk);
}

/// A file system with room for directories only.
struct Disk(std::path::PathBuf);

impl Disk {
    fn full(path: &std::path::Path) -> Self {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"]).arg(path);
        output(mount);
        fs::write(path.join("filler"), [0; 4096]).unwrap();
        Self(path.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
