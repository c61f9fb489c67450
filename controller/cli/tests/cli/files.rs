//! Commands about files: no network, no rights, no daemons.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{braid, run, run_command, run_with_input};

pub const RING: &str = r#"
name: ring
topology:
  nodes:
    north: { border: { prefixes: [198.18.1.0/24] } }
    east: {}
    south: { border: { prefixes: [198.18.3.0/24] } }
  links:
    - { endpoints: ["north:eth1", "east:eth1"], delay: 2ms }
    - { endpoints: ["east:eth2", "south:eth1"] }
    - { endpoints: ["south:eth2", "north:eth2"] }
vns:
  - { id: 1, name: red, engine: frr-ospf }
  - { id: 2, name: green, engine: bird-ospf }
vote:
  default: { policy: master, master: red }
"#;

const GRAPHML: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="label" attr.type="string" for="node" id="d1" />
  <key attr.name="Latitude" attr.type="double" for="node" id="d2" />
  <key attr.name="Longitude" attr.type="double" for="node" id="d3" />
  <graph edgedefault="undirected">
    <node id="0"><data key="d1">New York</data><data key="d2">40.71</data><data key="d3">-74.00</data></node>
    <node id="1"><data key="d1">Chicago</data><data key="d2">41.85</data><data key="d3">-87.65</data></node>
    <edge source="0" target="1" />
  </graph>
</graphml>
"#;

#[test]
fn a_good_file_is_ok_in_one_line_and_as_json() {
    let ran = run_with_input(&["validate", "-"], RING).ok();
    assert_eq!(ran.stdout, "<stdin>: ok: ring: 3 nodes, 3 links, 2 VNs, 2 borders, 2 prefixes\n");
    let json = run_with_input(&["validate", "-", "-o", "json"], RING).ok().json();
    assert_eq!(json["network"], "ring");
    assert_eq!(json["links"], 3);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    std::fs::write(&file, RING.replace("engine: frr-ospf", "engine: fr-ospf")).unwrap();
    let path = file.to_str().unwrap();
    for command in ["validate", "plan"] {
        let ran = run(&[command, path]).failed(1);
        assert!(ran.stderr.starts_with(&format!("{path}:13:")), "{}", ran.stderr);
        assert!(ran.stderr.contains("did you mean `frr-ospf`?"), "{}", ran.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_a_plain_failure() {
    let ran = run(&["validate", "/nonexistent/x.yaml"]).failed(1);
    assert!(ran.stderr.starts_with("error: cannot read /nonexistent/x.yaml: "), "{}", ran.stderr);
    let ran = run(&["validate", "/"]).failed(1);
    assert!(ran.stderr.contains("directory"), "{}", ran.stderr);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bytes.yaml");
    std::fs::write(&file, b"name: ring\n# \xff\n").unwrap();
    let path = file.to_str().unwrap();
    let ran = run(&["validate", path]).failed(1);
    assert!(ran.stderr.starts_with(&format!("{path}:2:3: this byte is not UTF-8")), "{}", ran.stderr);
}

#[test]
fn an_endless_file_ends() {
    let ran = run(&["validate", "/dev/zero"]).failed(1);
    assert!(ran.stderr.contains("64 MiB"), "{}", ran.stderr);
}

#[test]
fn the_schema_is_a_json_schema() {
    let schema = run(&["schema"]).ok().json();
    assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"));
    assert_eq!(schema["type"], "object");
    assert!(schema["properties"]["vns"].is_object());
}

#[test]
fn an_import_validates_once_it_has_virtual_networks() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pair.graphml");
    std::fs::write(&file, GRAPHML).unwrap();
    let ran = run(&["import", "graphml", file.to_str().unwrap()]).ok();
    assert!(ran.stdout.contains("new-york"), "{}", ran.stdout);
    assert!(ran.stderr.lines().all(|line| line.starts_with("guess: ")), "{}", ran.stderr);
    assert!(!ran.stderr.is_empty(), "a metric from the distance is a guess");

    let with_vns = format!("{}  - {{ id: 1, name: red, engine: bird-ospf }}\n", ran.stdout);
    run_with_input(&["validate", "-"], &with_vns).ok();
}

#[test]
fn a_containerlab_file_is_imported_and_nonsense_is_not() {
    let lab = "name: demo\ntopology:\n  nodes:\n    r1: { kind: linux }\n    r2: { kind: linux }\n  links:\n    \
               - endpoints: [\"r1:eth1\", \"r2:eth1\"]\n";
    let ran = run_with_input(&["import", "containerlab", "-"], lab).ok();
    assert!(ran.stdout.contains("r1:eth1"), "{}", ran.stdout);
    let json = run_with_input(&["import", "containerlab", "-", "-o", "json"], lab).ok().json();
    assert_eq!(json["yaml"], ran.stdout);
    let ran = run_with_input(&["import", "graphml", "-"], "no XML").failed(1);
    assert!(ran.stderr.starts_with("<stdin>:"), "{}", ran.stderr);
}

#[test]
fn a_plan_is_the_same_in_all_formats() {
    let json = run_with_input(&["plan", "-", "-o", "json"], RING).ok().json();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(json["links"][0]["number"], 1);
    assert_eq!(json["nodes"][0]["routers"].as_array().unwrap().len(), 2);
    assert_eq!(json["shared_fate"]["votes"], 2);
    let yaml = run_with_input(&["plan", "-", "-o", "yaml"], RING).ok().stdout;
    assert!(yaml.starts_with("network: ring\n"), "{yaml}");
    let table = run_with_input(&["plan", "-"], RING).ok().stdout;
    for part in ["100.64.0.1", "100.66.0.2/31", "131073", "braid-vn2", "198.18.3.10", "shared fate"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn every_shell_gets_its_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(&["completion", shell]).ok().stdout.contains("braid"), "{shell}");
    }
    run(&["completion", "cmd"]).failed(2);
}

#[test]
fn a_wrong_command_line_exits_2_and_help_exits_0() {
    for wrong in [
        &["frobnicate"][..],
        &["get"],
        &["get", "frobs"],
        &["explain", "198.18.1.0/24"],
        &["explain", "198.18.1.1/24", "--at", "north"],
        &["explain", "198.18.1.0/24", "--at", "No Node"],
        &["status", "--controller", "localhost:80"],
        &["status", "--lab", "a", "--controller", "unix:/x"],
        &["status", "-o", "xml"],
        &["lab", "exec", "north"],
        &["agent", "--network", "ring"],
    ] {
        let ran = run(wrong).failed(2);
        assert!(!ran.stderr.is_empty(), "{wrong:?}");
    }
    for help in [&["--help"][..], &["help", "get"], &["lab", "up", "--help"], &["explain", "-h"]] {
        assert!(run(help).ok().stdout.contains("Usage: braid"), "{help:?}");
    }
    assert!(run(&["--version"]).ok().stdout.starts_with("braid "));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut command = braid(&["schema"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Closed before a byte is read: the schema, longer than a pipe holds, cannot be written in full.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_full_disk_is_a_failure() {
    let mut command = braid(&["schema"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

/// Runs `braid plan -` on a pseudo terminal of util-linux's `script`, and says whether colour came out.
fn coloured(no_color: Option<&str>) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ring.yaml");
    std::fs::write(&file, RING).unwrap();
    let line = format!("{} plan {}", env!("CARGO_BIN_EXE_braid"), file.display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_remove("NO_COLOR");
    command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::piped());
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let text = lines.collect::<Vec<_>>().join("\n");
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains("shared fate"), "{text}");
    text.contains('\x1b')
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    assert!(coloured(None));
    assert!(coloured(Some("")), "an empty NO_COLOR counts as none");
    assert!(!coloured(Some("1")));
    let piped = run_with_input(&["plan", "-"], RING).ok();
    assert!(!piped.stdout.contains('\x1b'));
}

/// `braid` where no lab of this machine is seen: in a mount namespace of its own, with an empty /run.
fn without_labs(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "mount -t tmpfs none /run && exec \"$@\"", "sh"]);
    let braid = braid(arguments);
    command.arg(braid.get_program()).args(braid.get_args()).stdin(Stdio::null());
    for (name, value) in braid.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn which_lab_is_told_when_it_is_not_clear() {
    for arguments in
        [&["status"][..], &["lab", "down"], &["lab", "restart"], &["lab", "exec", "a", "--", "id"]]
    {
        let ran = run_command(without_labs(arguments)).failed(1);
        assert_eq!(ran.stderr, "error: no lab is up: `braid lab up FILE` starts one\n", "{arguments:?}");
    }
    let ran = run_command(without_labs(&["status", "--lab", "nowhere"])).failed(1);
    assert!(ran.stderr.contains("no lab `nowhere` is up; none is"), "{}", ran.stderr);
    let ran = run_command(without_labs(&["lab", "down", "nowhere"])).failed(1);
    assert!(ran.stderr.contains("there is no lab `nowhere`"), "{}", ran.stderr);

    let mut both = braid(&["get", "votes"]);
    both.env("BRAID_LAB", "a").env("BRAID_CONTROLLER", "unix:/nonexistent/x.sock");
    let ran = run_command(both).failed(2);
    assert!(ran.stderr.contains("BRAID_LAB and BRAID_CONTROLLER"), "{}", ran.stderr);

    let mut wrong = braid(&["get", "votes"]);
    wrong.env("BRAID_LAB", "No Lab");
    let ran = run_command(wrong).failed(2);
    assert!(ran.stderr.starts_with("error: BRAID_LAB: `No Lab`"), "{}", ran.stderr);
}

#[test]
fn no_labs_are_an_empty_list() {
    assert_eq!(run_command(without_labs(&["lab", "list"])).ok().stdout, "no labs\n");
    assert_eq!(run_command(without_labs(&["lab", "list", "-o", "json"])).ok().stdout, "[]\n");
    assert_eq!(run_command(without_labs(&["lab", "down", "--all", "-o", "json"])).ok().stdout, "[]\n");
}

#[test]
fn doctor_says_what_this_machine_has() {
    let ran = run(&["doctor", "-o", "json"]);
    let json = ran.json();
    assert_eq!(ran.code, Some(if json["ok"] == true { 0 } else { 1 }), "{ran:?}");
    let checks = json["checks"].as_array().unwrap();
    let state = |what: &str| {
        let check = checks.iter().find(|check| check["what"] == what);
        check.unwrap_or_else(|| panic!("{what} in {ran:?}"))["state"].clone()
    };
    for what in ["root", "capabilities", "network namespaces", "nexthop objects", "nft", "bird", "ospfd"] {
        assert_eq!(state(what), "ok", "{what}");
    }
}

#[test]
fn doctor_names_the_packages_that_are_missing() {
    // Without the daemons' directory, and with a PATH that has no nft.
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs none /usr/lib/frr && mount -t tmpfs none /sbin && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_braid"), "doctor"]);
    let ran = run_command(command);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("to install what is missing: apt-get install "), "{}", ran.stdout);
    assert!(ran.stdout.contains(" frr"), "{}", ran.stdout);
}

#[test]
fn a_lab_of_a_wrong_file_is_not_begun() {
    let ran = run_with_input(&["lab", "up", "-"], "name: x\n").failed(1);
    assert!(ran.stderr.contains("<stdin>:1:1: a topology file needs `topology`"), "{}", ran.stderr);
    let ran = run(&["lab", "up", "/nonexistent.yaml"]).failed(1);
    assert!(ran.stderr.contains("cannot read /nonexistent.yaml"), "{}", ran.stderr);
    run(&["lab", "up", "-", "--timeout", "soon"]).failed(2);
}
