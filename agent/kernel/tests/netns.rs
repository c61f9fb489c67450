//! Namespaces: made, found, entered and removed, as iproute2 sees them too.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use braid_kernel::{Netns, NetnsError, pids_in};
use common::{TestNs, unique};

fn ip_netns_list() -> String {
    String::from_utf8(Command::new("ip").args(["netns", "list"]).output().unwrap().stdout).unwrap()
}

#[test]
fn a_namespace_lives_from_create_to_delete_and_ip_sees_it() {
    let ns = TestNs::new("life");

    // It is there for us and for iproute2, and cannot be made twice.
    assert!(Netns::list().unwrap().contains(&ns.name));
    assert!(ip_netns_list().contains(&ns.name));
    assert!(matches!(Netns::create(&ns.name), Err(NetnsError::Exists { .. })));
    let again = Netns::open(&ns.name).unwrap();
    assert_eq!(again, ns.netns);
    assert_eq!(again.name(), Some(ns.name.as_str()));
    assert_eq!(Netns::open_or_create(&ns.name).unwrap(), ns.netns);
    assert_ne!(Netns::current().unwrap(), ns.netns);
    let links = Command::new("ip").args(["-n", &ns.name, "-o", "link"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&links.stdout).lines().count(), 1, "only loopback");

    // Deleted, it is gone for both; deleting what is gone is fine.
    Netns::delete(&ns.name).unwrap();
    assert!(matches!(Netns::open(&ns.name), Err(NetnsError::Missing { .. })));
    assert!(!ip_netns_list().contains(&ns.name));
    Netns::delete(&ns.name).unwrap();

    // The open handle still works, and the name can be taken again by another namespace.
    ns.netns.run(|| ()).unwrap();
    let other = Netns::create(&ns.name).unwrap();
    assert_ne!(other, ns.netns);
}

#[test]
fn iproute2_opens_and_deletes_ours_and_we_its() {
    let name = unique("both");
    assert!(Command::new("ip").args(["netns", "add", &name]).status().unwrap().success());
    let theirs = Netns::open(&name).unwrap();
    assert_eq!(Netns::of_pid(std::process::id() as i32).unwrap(), Netns::current().unwrap());
    theirs.run(|| ()).unwrap();
    Netns::delete(&name).unwrap();

    Netns::create(&name).unwrap();
    assert!(Command::new("ip").args(["netns", "delete", &name]).status().unwrap().success());
    assert!(matches!(Netns::open(&name), Err(NetnsError::Missing { .. })));
}

#[test]
fn a_name_left_without_a_namespace_is_repaired() {
    // A crash between making the file and mounting on it leaves a plain file.
    let name = unique("left");
    let path = format!("/run/netns/{name}");
    drop(TestNs::new("makes-the-directory"));
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();

    assert!(matches!(Netns::open(&name), Err(NetnsError::Missing { .. })));
    let made = Netns::open_or_create(&name).unwrap();
    assert_eq!(Netns::open(&name).unwrap(), made);
    Netns::delete(&name).unwrap();
    assert!(!fs::exists(&path).unwrap());
}

#[test]
fn many_threads_may_make_the_same_namespace_at_once() {
    let name = unique("race");
    let inodes: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Netns::open_or_create(&name).unwrap().inode())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(inodes.iter().all(|inode| *inode == inodes[0]), "{inodes:?}");
    Netns::delete(&name).unwrap();
}

#[test]
fn what_runs_inside_leaves_the_caller_outside() {
    let ns = TestNs::new("run");
    let before = Netns::current().unwrap();
    let inside = ns.netns.run(|| Netns::current().unwrap().inode()).unwrap();
    assert_eq!(inside, ns.netns.inode());
    assert_eq!(Netns::current().unwrap(), before);

    let panic = std::panic::catch_unwind(|| ns.netns.run(|| panic!("goes on in the caller")));
    assert!(panic.is_err());
}

#[test]
fn a_command_starts_inside_and_its_process_is_found() {
    let (a, b) = (TestNs::new("a"), TestNs::new("b"));
    let mut child = a.netns.command("sleep").arg("600").spawn().unwrap();
    let pid = child.id() as i32;

    // `spawn` returns after exec, so the process is inside by now.
    assert_eq!(Netns::of_pid(pid).unwrap(), a.netns);
    assert_eq!(a.netns.pids().unwrap(), [pid]);
    let found = pids_in(&[a.netns.clone(), b.netns.clone()]).unwrap();
    assert_eq!(found, [(pid, a.netns.inode())]);

    // A zombie has left it.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(a.netns.pids().unwrap().is_empty());
    assert!(matches!(Netns::of_pid(pid), Err(NetnsError::NoSuchProcess { .. })));
}
