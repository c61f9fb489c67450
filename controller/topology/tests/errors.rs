//! Every way in which a file can be wrong is told with its place and with what to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use braid_topology::{check, parse};

const GOOD: &str = r#"name: ring
topology:
  nodes:
    a: { position: [47.6, -122.3], border: { prefixes: [198.18.1.0/24] } }
    b: { border: { prefixes: [{ prefix: 198.18.2.0/24, interface: ge0 }] } }
    c:
  links:
    - { endpoints: ["a:eth1", "b:eth1"], metric: 20, delay: 13ms, mtu: 9000 }
    - { endpoints: ["b:eth2", "c:eth1"], addresses: [192.0.2.0, 192.0.2.1] }
    - { endpoints: ["c:eth2", "a:eth2"] }
vns:
  - { id: 1, name: red, engine: frr-ospf, hello: 2s, limits: { memory: 256MiB, pids: 32 } }
  - { id: 2, name: green, engine: bird-ospf, layout: { without: ["b:eth2"] } }
vote:
  default: { policy: master, master: red, settle: 100ms, fail_back: 10s }
  prefixes:
    - { match: 198.18.1.0/24, policy: majority }
addressing:
  loopbacks: 10.0.0.0/24
"#;

fn told(text: &str) -> Vec<String> {
    match parse(text, "f") {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Swaps one passage of the good file and expects exactly these findings, by their beginnings.
#[track_caller]
fn expect(from: &str, to: &str, findings: &[&str]) {
    assert!(GOOD.contains(from), "`{from}` is not in the good file");
    let told = told(&GOOD.replacen(from, to, 1));
    let matches = told.len() == findings.len() && told.iter().zip(findings).all(|(t, f)| t.starts_with(f));
    assert!(matches, "expected {findings:#?}\ntold {told:#?}");
}

#[test]
fn the_good_file_is_good() {
    assert_eq!(told(GOOD), Vec::<String>::new());
    assert_eq!(check(GOOD, "f").unwrap().warnings.to_string(), "");
}

#[test]
fn unknown_and_missing_keys() {
    expect(
        "metric: 20",
        "metrc: 20",
        &[
            "f:8:42: unknown key `metrc` in a link (did you mean `metric`?): keys are endpoints, metric, delay, mtu, addresses",
        ],
    );
    expect(
        "    c:\n",
        "    c: { bordr: }\n",
        &["f:6:10: unknown key `bordr` in node `c` (did you mean `border`?)"],
    );
    expect("name: ring\n", "", &["f:1:1: a topology file needs `name`: add it"]);
    expect(", engine: bird-ospf", "", &["f:13:5: a virtual network needs `engine`: add it"]);
    expect(
        "{ match: 198.18.1.0/24, policy: majority }",
        "{ policy: majority }",
        &["f:17:7: a rule needs `match`"],
    );
    expect(
        "border: { prefixes: [198.18.1.0/24] }",
        "border: {}",
        &["f:4:44: `border` needs `prefixes`: add it"],
    );
    expect("[198.18.1.0/24]", "[]", &["f:4:46: `prefixes` is empty: a border has at least one"]);
}

#[test]
fn wrong_shapes() {
    assert_eq!(
        told("- a\n- b\n"),
        [
            "f:1:1: a topology file must be a map with name, topology, vns, vote, probes, addressing, not a list"
        ]
    );
    assert_eq!(
        told("hello"),
        [
            "f:1:1: a topology file must be a map with name, topology, vns, vote, probes, addressing, not `hello`"
        ]
    );
    expect("name: ring", "name: [ring]", &["f:1:7: a single value is needed here, not a list"]);
    expect(
        "[\"c:eth2\", \"a:eth2\"]",
        "[\"c:eth2\"]",
        &["f:10:20: `endpoints` takes exactly two values, as in `[\"a:eth1\", \"b:eth1\"]`, not 1 values"],
    );
    expect("[47.6, -122.3]", "47.6", &["f:4:20: `position` takes exactly two values"]);
    expect(
        "{ without: [\"b:eth2\"] }",
        "ful",
        &["f:13:54: `layout` must be `full` or `{ without: [\"a:eth1\"] }`, not `ful`"],
    );
    expect("{ without: [\"b:eth2\"] }", "{ without: [] }", &["f:13:56: `without` is empty"]);
}

#[test]
fn names() {
    expect("name: ring", "name: Ring", &["f:1:7: `Ring` is not a network name: use 1 to 32 of a-z"]);
    expect("name: red", "name: r_d", &["f:12:20: `r_d` is not a virtual network name"]);
    expect("    c:\n", "    C:\n", &["f:6:5: `C` is not a node name"]);
    expect("\"c:eth2\"", "\"c\"", &["f:10:21: endpoint `c` names no interface: write `node:interface`"]);
    expect("\"c:eth2\"", "\"c:eth/2\"", &["f:10:21: `eth/2` is not an interface name"]);
    for reserved in ["lo", "port", "all", "default", "braid-vn1", "up", "dev", "down", "tunl0"] {
        let start = format!("f:10:21: interface name `{reserved}` is reserved");
        expect("\"c:eth2\"", &format!("\"c:{reserved}\""), &[&start]);
    }
    expect("interface: ge0", "interface: lo", &["f:5:67: interface name `lo` is reserved"]);
}

#[test]
fn what_stands_twice() {
    expect(
        "    c:\n",
        "    a:\n",
        &["f:6:5: `a` stands here for the second time: rename or remove one of the two"],
    );
    expect("    c:\n", "    1:\n    \"1\":\n    c:\n", &["f:7:5: `1` stands here for the second time"]);
    expect(
        "id: 2",
        "id: 1",
        &["f:13:11: id 1 is already taken in line 12: give each virtual network its own"],
    );
    expect("name: green", "name: red", &["f:13:20: name `red` is already taken in line 12"]);
    expect(
        "\"c:eth2\"",
        "\"c:eth1\"",
        &["f:10:21: interface `c:eth1` is already used in line 9: an interface has one cable"],
    );
    expect("\"b:eth1\"", "\"b:ge0\"", &["f:8:31: interface `b:ge0` is already used in line 5"]);
    expect("\"a:eth1\"", "\"a:cust0\"", &["f:8:21: interface `a:cust0` is already used in line 4"]);
    expect(
        "[\"b:eth2\"]",
        "[\"b:eth2\", \"c:eth1\"]",
        &["f:13:76: the link at `c:eth1` is already left out in line 13: name each link once, by either end"],
    );
}

#[test]
fn what_is_not_there() {
    expect("\"c:eth2\"", "\"x:eth2\"", &["f:10:21: there is no node `x`"]);
    expect(
        "    c:\n",
        "    chicago:\n    c:\n",
        &["f:6:5: the network is in 2 parts, {a, b, c}, {chicago}: add the links that join them"],
    );
    expect(
        "master: red",
        "master: rad",
        &["f:15:38: there is no virtual network `rad` (did you mean `red`?)"],
    );
    expect("[\"b:eth2\"]", "[\"b:eth9\"]", &["f:13:66: no link ends at `b:eth9` (did you mean `b:eth"]);
    expect(
        "engine: bird-ospf",
        "engine: brd-ospf",
        &["f:13:35: unknown engine `brd-ospf` (did you mean `bird-ospf`?): engines are "],
    );
    expect(
        "policy: majority",
        "policy: mastr",
        &[
            "f:17:39: unknown policy `mastr` (did you mean `master`?): policies are master, majority, first-k, consensus",
        ],
    );
}

#[test]
fn links_that_join_nothing_and_networks_in_parts() {
    expect(
        "[\"c:eth2\", \"a:eth2\"]",
        "[\"c:eth2\", \"c:eth3\"]",
        &["f:10:31: this link leads from `c` to itself"],
    );
    expect(
        "    c:\n",
        "    c:\n    d:\n    e:\n",
        &["f:7:5: the network is in 3 parts, {a, b, c}, {d}, {e}: add the links that join them"],
    );
    expect(
        "[\"b:eth2\"]",
        "[\"b:eth2\", \"c:eth2\"]",
        &["f:13:66: without these links `green` is in 2 parts, {a, b}, {c}: leave fewer out"],
    );
}

#[test]
fn prefixes() {
    expect(
        "198.18.1.0/24]",
        "198.18.1.10/24]",
        &["f:4:57: prefix `198.18.1.10/24` has host bits set: write `198.18.1.0/24`"],
    );
    expect("198.18.1.0/24]", "198.0.0.0/7]", &["f:4:57: prefix `198.0.0.0/7` is shorter than /8"]);
    expect("198.18.1.0/24]", "198.18.1.0/31]", &["f:4:57: prefix `198.18.1.0/31` is longer than /30"]);
    expect("198.18.1.0/24]", "2001:db8::/32]", &["f:4:57: `2001:db8::/32` is not an IPv4 prefix"]);
    expect(
        "198.18.1.0/24]",
        "127.0.0.0/8]",
        &["f:4:57: prefix `127.0.0.0/8` cannot be attached: 127.0.0.0/8 is loopback"],
    );
    expect("198.18.1.0/24]", "224.0.1.0/24]", &["f:4:57: prefix `224.0.1.0/24` cannot be attached"]);
    expect(
        "198.18.2.0/24",
        "198.18.0.0/16",
        &[
            "f:5:41: prefix 198.18.0.0/16 of `b` overlaps prefix 198.18.1.0/24 of `a`, in line 4: give each its own",
        ],
    );
    expect(
        "198.18.2.0/24",
        "100.65.7.0/24",
        &["f:5:41: prefix 100.65.7.0/24 of `b` overlaps pool `links` 100.65.0.0/16, which is the default"],
    );
    expect(
        "198.18.2.0/24",
        "10.0.0.0/30",
        &["f:19:14: pool `loopbacks` 10.0.0.0/24 overlaps prefix 10.0.0.0/30 of `b`, in line 5"],
    );
    expect(
        "192.0.2.1]",
        "192.0.2.0]",
        &["f:9:65: address 192.0.2.0 of `c:eth1` is the same as address 192.0.2.0 of `b:eth2`, in line 9"],
    );
    expect(
        "192.0.2.1]",
        "198.18.1.1]",
        &["f:9:65: address 198.18.1.1 of `c:eth1` overlaps prefix 198.18.1.0/24 of `a`"],
    );
    expect(
        "match: 198.18.1.0/24",
        "match: 198.18.1.1/24",
        &["f:17:16: prefix `198.18.1.1/24` has host bits set"],
    );
}

#[test]
fn pools() {
    expect("10.0.0.0/24", "8.0.0.0/7", &["f:19:14: pool `loopbacks` 8.0.0.0/7 is shorter than /8"]);
    expect(
        "10.0.0.0/24",
        "224.1.0.0/16",
        &["f:19:14: pool `loopbacks` 224.1.0.0/16 cannot be used: 224.0.0.0/4"],
    );
    expect(
        "10.0.0.0/24",
        "10.0.0.0/31",
        &[
            "f:19:14: pool `loopbacks` 10.0.0.0/31 has 2 addresses, but a /32 per node takes 4: write a /30 or shorter",
        ],
    );
    expect(
        "loopbacks: 10.0.0.0/24",
        "ports: 10.0.0.0/30",
        &[
            "f:19:10: pool `ports` 10.0.0.0/30 has 4 addresses, but a /31 per virtual network id up to the highest takes 6",
        ],
    );
    expect(
        "loopbacks: 10.0.0.0/24",
        "links: 10.0.0.0/30",
        &["f:19:10: pool `links` 10.0.0.0/30 has 4 addresses"],
    );
    expect(
        "loopbacks: 10.0.0.0/24",
        "underlay: 100.64.0.0/10",
        &[
            "f:19:13: pool `underlay` 100.64.0.0/10 overlaps pool `loopbacks` 100.64.0.0/16, which is the default",
            "f:19:13: pool `underlay` 100.64.0.0/10 overlaps pool `links` 100.65.0.0/16, which is the default",
            "f:19:13: pool `underlay` 100.64.0.0/10 overlaps pool `ports` 100.67.0.0/16, which is the default",
        ],
    );
}

#[test]
fn numbers_and_times() {
    expect(
        "metric: 20",
        "metric: 0",
        &["f:8:50: metric `0` is out of place: write a whole number from 1 to 65535"],
    );
    expect("metric: 20", "metric: \"20\"", &["f:8:50: metric `20` is out of place"]);
    expect(
        "[47.6, -122.3]",
        "[.nan, -122.3]",
        &["f:4:21: latitude `.nan` is out of place: write degrees from -90 to 90"],
    );
    expect("[47.6, -122.3]", "[-122.3, 47.6]", &["f:4:21: latitude `-122.3` is out of place"]);
    expect(
        "mtu: 9000",
        "mtu: 1279",
        &["f:8:72: mtu `1279` is out of place: write a whole number from 1280 to 9216"],
    );
    expect(
        "delay: 13ms",
        "delay: 13",
        &["f:8:61: `13` is not a duration: write a number and one of us, ms, s, m"],
    );
    expect("delay: 13ms", "delay: 11s", &["f:8:61: delay 11s is too long: the most is 10s"]);
    expect(
        "hello: 2s",
        "hello: 500ms",
        &["f:12:50: hello 500ms is out of place: write whole seconds from 1s to 60s"],
    );
    expect("settle: 100ms", "settle: 61s", &["f:15:51: settle 61s is too long: the most is 60s"]);
    expect("fail_back: 10s", "fail_back: 11m", &["f:15:69: fail_back 660s is too long: the most is 600s"]);
    expect("memory: 256MiB", "memory: 256MB", &["f:12:72: `256MB` is not an amount of memory"]);
    expect(
        "pids: 32",
        "pids: 7",
        &["f:12:86: pids `7` is out of place: write a whole number from 8 to 4096"],
    );
    for id in ["0", "256", "-1"] {
        let start = format!("f:13:11: {id} is not a virtual network id: ids are 1 to 255");
        expect("id: 2", &format!("id: {id}"), &[&start]);
    }
}

#[test]
fn policies() {
    expect("master: red, ", "", &["f:15:22: policy master needs `master`"]);
    expect("policy: majority", "policy: majority, master: red", &["f:17:57: policy majority has no master"]);
    expect("policy: majority", "policy: consensus, k: 2", &["f:17:53: policy consensus has no `k`"]);
    expect("policy: majority", "policy: first-k", &["f:17:39: policy first-k needs `k`"]);
    expect(
        "policy: majority",
        "policy: first-k, k: 9",
        &["f:17:51: k 9 is more than the 2 code bases of `vns`"],
    );
    expect("policy: majority", "policy: majority, deadline: 61s", &["f:17:59: deadline 61s is too long"]);
    expect(
        "policy: majority",
        "policy: majority, verified: yes",
        &["f:17:59: `yes` is neither `true` nor `false`"],
    );
}

#[test]
fn names_that_would_collide() {
    expect(
        "    c:\n",
        "    c:\n    a-host:\n",
        &[
            "f:7:5: node `a-host` would share its name with the customer host of the border in line 4: rename it",
            "f:7:5: the network is in 2 parts",
        ][..1],
    );
    // `c` is no border and has no customer host.
    let told = told(&GOOD.replacen("    c:\n", "    c:\n    c-host:\n", 1));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("f:7:5: the network is in 2 parts"), "{told:?}");
    expect("name: green", "name: host", &["f:13:20: a virtual network cannot be called `host`"]);
}

#[test]
fn nothing_where_something_is_needed() {
    for (text, start) in [
        ("", "f:1:1: the file is empty: a topology needs `name`, `topology` and `vns`"),
        ("# only a comment\n", "f:1:1: the file is empty"),
        ("name: x\ntopology: { nodes: { a: } }\n", "f:1:1: `vns` names no virtual network: add at least one"),
        (
            "name: x\ntopology: { nodes: { a: } }\nvns:\n  # - { id: 1 }\n",
            "f:3:1: `vns` names no virtual network",
        ),
        (
            "name: x\ntopology: { nodes: {} }\nvns: [{ id: 1, name: r, engine: frr-ospf }]\n",
            "f:2:20: `nodes` is empty",
        ),
    ] {
        let told = told(text);
        assert!(told.len() == 1 && told[0].starts_with(start), "{told:?}");
    }
}

#[test]
fn all_problems_are_told_together_by_place_and_at_most_twenty() {
    let text = GOOD
        .replace("\"c:eth2\"", "\"x:eth2\"")
        .replace("metric: 20", "metric: 0")
        .replace("name: ring", "nmae: ring")
        .replace("engine: bird-ospf", "engine: zebra");
    let told = told(&text);
    let starts = [
        "f:1:1: unknown key `nmae`",
        "f:1:1: a topology file needs `name`",
        "f:8:50: metric",
        "f:10:21: there is no",
        "f:13:35: unknown",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    assert!(told.iter().zip(starts).all(|(t, s)| t.starts_with(s)), "{told:#?}");

    let many: String = (0..50).map(|n| format!("k{n}: 1\n")).collect();
    let error = parse(&format!("{GOOD}{many}"), "f").unwrap_err();
    assert_eq!((error.findings().len(), error.more()), (20, 30));
    assert!(error.to_string().ends_with("\nf: and 30 more"));
}

/// A path of `nodes` nodes with `extra` further links between the first two.
fn path(nodes: usize, extra: usize) -> String {
    let mut text = "name: big\ntopology:\n  nodes:\n".to_owned();
    for node in 0..nodes {
        let _ = writeln!(text, "    n{node}: {{ position: [0, 0] }}");
    }
    text += "  links:\n";
    for node in 1..nodes {
        let _ = writeln!(
            text,
            "    - {{ endpoints: [\"n{}:a\", \"n{node}:b\"], metric: 1, delay: 1ms }}",
            node - 1
        );
    }
    for link in 0..extra {
        let _ = writeln!(text, "    - {{ endpoints: [\"n0:x{link}\", \"n1:x{link}\"], mtu: 1600 }}");
    }
    text + "vns:\n  - { id: 1, name: red, engine: frr-ospf }\n"
}

#[test]
fn sizes_have_limits_that_are_said() {
    assert_eq!(told(&path(1024, 3073)), Vec::<String>::new());
    assert_eq!(told(&path(1025, 0)), ["f:1028:5: 1025 nodes are too many: a network may have 1024"]);
    let told_links = told(&path(1024, 3074));
    assert!(told_links[0].ends_with(": 4097 links are too many: a network may have 4096"), "{told_links:?}");
    assert_eq!(told_links.len(), 1);
    let nonsense = told(&"\u{1}x: [".repeat(4 << 20));
    assert!(
        nonsense[0].starts_with("f: the file has 20971520 bytes: a topology file may have 4 MiB"),
        "{nonsense:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    let error = braid_topology::load(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("f.yaml: the file cannot be read: No such file or directory (os error 2)"),
        "{error}"
    );

    std::fs::write(&path, b"name: ring\ntopol\xC3\xB6gy\xFF").unwrap();
    let error = braid_topology::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("f.yaml:2:9: this byte is not UTF-8: save the file as UTF-8 text"), "{error}");

    std::fs::write(&path, vec![0xFF; 16 << 20]).unwrap();
    let error = braid_topology::load(&path).unwrap_err().to_string();
    assert!(error.contains("the file has 16777216 bytes: a topology file may have 4 MiB"), "{error}");

    std::fs::write(&path, GOOD).unwrap();
    assert!(braid_topology::load(&path).is_ok());
}

#[test]
fn what_is_legal_but_hardly_meant_is_a_warning() {
    let warned = |from: &str, to: &str| check(&GOOD.replace(from, to), "f").unwrap().warnings.to_string();
    assert!(warned("mtu: 9000", "mtu: 1500").starts_with("f:8:72: mtu 1500 leaves customers 1450 bytes"));
    assert!(
        warned("bird-ospf", "frr-isis").starts_with("f:12:11: all virtual networks run the code base frr")
    );
    assert!(
        warned("match: 198.18.1.0/24", "match: 10.0.0.0/8").starts_with("f:17:16: this rule never holds")
    );
    let second = "policy: majority }\n    - { match: 198.18.1.0/24, policy: majority }";
    assert!(warned("policy: majority }", second).starts_with("f:18:16: this rule never holds"));
    let alone = "name: x\ntopology: { nodes: { a: } }\nvns: [{ id: 1, name: r, engine: frr-ospf }]\n";
    let warnings = check(alone, "f").unwrap().warnings.to_string();
    assert!(warnings.contains("f:2:22: no node is a border"), "{warnings}");
    assert!(warnings.contains("f:3:13: `r` is the only virtual network"), "{warnings}");
}
