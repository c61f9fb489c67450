//! Whatever stands in a file, reading it ends with a topology or with findings; what is written reads back the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::Ipv4Addr, time::Duration};

use braid_topology::{
    Addressing, AttachedPrefix, Border, Checked, Damping, Endpoint, LayoutRule, Limits, Link, Node,
    PolicyKind, Position, PrefixRule, Probes, Topology, VirtualNetwork, VotePolicy, VoteRules, check,
    import_containerlab, import_graphml, parse, to_yaml,
};
use proptest::{prelude::*, sample::Index};

const FILES: [&str; 3] = [
    include_str!("../../../topologies/ring.yaml"),
    include_str!("../../../topologies/abilene-diverse.yaml"),
    concat!(
        "name: &n x\ntopology:\n  nodes: { a: &a { position: [1, 2] }, b: *a, \"no\": { border: { prefixes: ",
        "[{ prefix: 198.18.0.0/24, interface: c }] } } }\n  links:\n  - endpoints: [\"a:e1\", \"b:e1\"]\n    ",
        "addresses: [192.0.2.0, 192.0.2.1]\n  - { endpoints: ['b:e2', 'no:e2'], mtu: 1280 }\nvns:\n- { id: 255, name: ",
        "*n, engine: frr-isis, hello: 60s, limits: { memory: 1GiB } }\nvote:\n  prefixes: [{ match: 0.0.0.0/0, policy: ",
        "majority }]\naddressing: { ports: 10.0.0.0/16 }\n",
    ),
];

const PIECES: [&str; 24] = [
    "null",
    "~",
    "[]",
    "{}",
    "-1",
    "1e999",
    ".nan",
    "\t",
    "\n",
    "  ",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!int ",
    "\"",
    "'",
    "|\n",
    "---\n",
    "? ",
    "{",
    "]",
    ": ",
    "\u{feff}",
    "\u{1F9F6}",
];

const GRAPHML: &str = r#"<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key attr.name="label" for="node" id="d1"/><key attr.name="Latitude" for="node" id="d2"/>
<key attr.name="Longitude" for="node" id="d3"/><key attr.name="Internal" for="node" id="d4"/>
<graph edgedefault="undirected">
<node id="0"><data key="d1">New York</data><data key="d2">40.7</data><data key="d3">-74</data></node>
<node id="1"><data key="d1">A, "B"</data><data key="d4">1</data></node><node id="2"><data key="d4">0</data></node>
<edge source="0" target="1"/><edge source="1" target="2"/><edge source="0" target="1"/></graph></graphml>"#;

const CONTAINERLAB: &str = "name: lab\ntopology:\n  nodes: { a: { kind: linux }, b: , br: { kind: bridge }, h: { kind: linux } }\n  \
    links:\n  - endpoints: [\"a:e1\", \"br:1\"]\n  - endpoints: [\"b:e1\", \"br:2\"]\n  - type: veth\n    endpoints: [{ node: a, \
    interface: e2 }, { node: b, interface: e2 }]\n  - endpoints: [\"h:eth1\", \"b:e3\"]\n";

/// One change to a text: some characters give way to a piece of YAML, to a copy of another part or to nothing.
#[derive(Debug, Clone)]
struct Change {
    start: Index,
    length: usize,
    piece: Index,
    copy: Index,
    what: u8,
}

fn change() -> impl Strategy<Value = Change> {
    (any::<Index>(), 0..20_usize, any::<Index>(), any::<Index>(), 0..3_u8)
        .prop_map(|(start, length, piece, copy, what)| Change { start, length, piece, copy, what })
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for Change { start, length, piece, copy, what } in changes {
        let start = start.index(chars.len() + 1);
        let end = (start + length).min(chars.len());
        let insert: Vec<char> = match what {
            0 => Vec::new(),
            1 => piece.get(&PIECES).chars().collect(),
            _ => {
                let from = copy.index(chars.len() + 1);
                chars[from..(from + 30).min(chars.len())].to_vec()
            }
        };
        chars.splice(start..end, insert);
    }
    chars.into_iter().collect()
}

/// Reads `text` in every way there is; whatever is found has its place in the text.
fn read(text: &str) -> Result<(), TestCaseError> {
    let lines = u32::try_from(text.lines().count()).unwrap() + 1;
    if let Err(error) = parse(text, "f") {
        prop_assert!(!error.is_empty());
        for finding in error.findings() {
            prop_assert!(!finding.message.contains('\n'), "{}", finding.message);
            prop_assert!(
                finding.place.is_none_or(|place| place.line <= lines && place.column >= 1),
                "{error}"
            );
        }
    }
    for imported in [import_graphml(text, "f"), import_containerlab(text, "f")].into_iter().flatten() {
        valid_with_vns(&imported.yaml)?;
    }
    Ok(())
}

/// An imported file is valid as soon as the example virtual networks are taken in.
fn valid_with_vns(yaml: &str) -> Result<Checked, TestCaseError> {
    let with_vns = yaml.replace("\n  # - {", "\n  - {");
    check(&with_vns, "imported").map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))
}

proptest! {
    #[test]
    fn random_bytes_are_no_trouble(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn random_yaml_words_are_no_trouble(words in prop::collection::vec(any::<Index>(), 0..60)) {
        read(&words.iter().map(|w| *w.get(&PIECES)).collect::<String>())?;
    }

    #[test]
    fn a_good_file_with_changes_is_no_trouble(
        file in any::<Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        read(&apply(FILES[file.index(FILES.len())], &changes))?;
    }

    #[test]
    fn a_foreign_file_with_changes_is_no_trouble(graphml: bool, changes in prop::collection::vec(change(), 0..6)) {
        read(&apply(if graphml { GRAPHML } else { CONTAINERLAB }, &changes))?;
    }

    #[test]
    fn any_graph_can_be_imported(
        labels in prop::collection::vec("[a-bA-B ,é-]{0,4}(-host)?", 1..12),
        internal in prop::collection::vec(prop::bool::weighted(0.8), 12),
        edges in prop::collection::vec((any::<Index>(), any::<Index>()), 0..30),
    ) {
        let mut text = "<graphml><key id='l' attr.name='label' for='node'/>\
                        <key id='i' attr.name='Internal' for='node'/><graph>".to_owned();
        for (number, label) in labels.iter().enumerate() {
            let internal = u8::from(internal[number]);
            text += &format!("<node id='{number}'><data key='l'>{label}</data><data key='i'>{internal}</data></node>");
        }
        for (a, b) in edges {
            text += &format!("<edge source='{}' target='{}'/>", a.index(labels.len()), b.index(labels.len()));
        }
        let imported = import_graphml(&(text + "</graph></graphml>"), "g.graphml").unwrap();
        let warnings = valid_with_vns(&imported.yaml)?.warnings;
        prop_assert!(warnings.is_empty(), "{}", warnings);
    }

    #[test]
    fn what_is_written_reads_back_the_same(topology in topology()) {
        let yaml = to_yaml(&topology);
        let read = parse(&yaml, "written").map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(&read, &topology);
        prop_assert_eq!(to_yaml(&read), yaml);
    }
}

const NAMES: [&str; 12] =
    ["a", "null", "true", "no", "0", "1e3", "new-york", "off", "x-host", "12-30", "y", "b"];

fn time(most_us: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![0..most_us, (0..most_us / 1000).prop_map(|ms| ms * 1000)].prop_map(Duration::from_micros)
}

fn policy(vns: Vec<braid_proto::VnId>) -> impl Strategy<Value = VotePolicy> {
    let kind = prop_oneof![
        Just(PolicyKind::Majority),
        Just(PolicyKind::Consensus),
        Just(PolicyKind::FirstK { k: 1 }),
        prop::sample::select(vns).prop_map(|master| PolicyKind::Master { master })
    ];
    let settle = prop_oneof![Just(Duration::from_millis(200)), time(60_000_000)];
    let fail_back = prop_oneof![Just(Duration::from_secs(30)), time(600_000_000)];
    let deadline = prop_oneof![Just(Duration::from_secs(1)), time(60_000_000)];
    (kind, any::<bool>(), settle, fail_back, deadline).prop_map(
        |(kind, verified, settle, fail_back, deadline)| VotePolicy {
            kind,
            verified,
            settle,
            fail_back,
            deadline,
        },
    )
}

fn damping() -> impl Strategy<Value = Damping> {
    (1..4_u64, 1000..20_000_u32, 1..1000_u32, 0..3600_u64).prop_map(
        |(half_life, suppress, reuse, longest)| {
            let (half_life, longest) = (Duration::from_secs(half_life), Duration::from_secs(longest));
            Damping { half_life, suppress, reuse, longest }
        },
    )
}

fn probes() -> impl Strategy<Value = Probes> {
    (5..10_000_u64, 1..=50_u8, 0..=100_000_u32).prop_map(|(interval, losses, packets_per_second)| Probes {
        interval: Duration::from_millis(interval),
        losses,
        packets_per_second,
    })
}

/// Position, and the interfaces of attached prefixes.
type RandomNode = (Option<(f64, f64)>, Vec<Option<String>>);

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let node = (
        prop::option::of((-90.0..90.0_f64, -180.0..180.0_f64)),
        prop::collection::vec(prop::option::of("[a-d][0-9]"), 0..3),
    );
    prop::collection::vec(node, 2..NAMES.len()).prop_map(|nodes| {
        let build = |(number, (position, prefixes)): (usize, RandomNode)| {
            let attach = |(slot, interface): (usize, Option<String>)| AttachedPrefix {
                prefix: format!("198.{}.{slot}.0/24", 18 + number).parse().unwrap(),
                // The slot keeps interfaces apart.
                interface: interface
                    .map_or(format!("cust{slot}"), |i| format!("{i}.{slot}"))
                    .parse()
                    .unwrap(),
            };
            let prefixes: Vec<_> = prefixes.into_iter().enumerate().map(attach).collect();
            Node {
                name: NAMES[number].parse().unwrap(),
                position: position.map(|(latitude, longitude)| Position { latitude, longitude }),
                border: (!prefixes.is_empty()).then_some(Border { prefixes }),
            }
        };
        nodes.into_iter().enumerate().map(build).collect()
    })
}

/// A path over the nodes, and as many chords.
fn links(nodes: Vec<Node>) -> impl Strategy<Value = (Vec<Node>, Vec<Link>)> {
    let link = (
        prop_oneof![Just(10), 1..=u16::MAX],
        prop::option::of(time(10_000_000)),
        prop_oneof![Just(1600), 1280..=9216_u16],
        any::<bool>(),
        any::<Index>(),
    );
    let count = 2 * (nodes.len() - 1);
    prop::collection::vec(link, count).prop_map(move |links| {
        let build = |(number, (metric, delay, mtu, addressed, far)): (usize, (u16, _, u16, bool, Index))| {
            let a = number % (nodes.len() - 1);
            let b = if number == a { a + 1 } else { a + 1 + far.index(nodes.len() - 1 - a) };
            let end = |node: usize, side: &str| Endpoint {
                node: nodes[node].name.clone(),
                interface: format!("eth{number}{side}").parse().unwrap(),
            };
            let address = |side| Ipv4Addr::new(192, 0, u8::try_from(number).unwrap(), side);
            Link {
                a: end(a, "a"),
                b: end(b, "b"),
                metric,
                delay,
                mtu,
                addresses: addressed.then(|| (address(0), address(1))),
            }
        };
        let links = links.into_iter().enumerate().map(build).collect();
        (nodes.clone(), links)
    })
}

fn vns(path: usize, links: usize) -> impl Strategy<Value = Vec<VirtualNetwork>> {
    let engines = prop::sample::select(braid_proto::Engine::ALL.to_vec());
    let memory = prop_oneof![Just(512_u64 << 20), (16_u64 << 10..1 << 21).prop_map(|kib| kib << 10)];
    // The path comes first and holds every layout together.
    let layout = prop::collection::btree_set(path..links, 0..3);
    let vn = (engines, 1..=60_u64, memory, 8..=4096_u32, layout, any::<bool>());
    prop::collection::vec(vn, 1..5).prop_map(|vns| {
        let build = |(number, (engine, hello, memory_bytes, pids, without, usual)): (
            usize,
            (_, _, _, _, std::collections::BTreeSet<usize>, bool),
        )| {
            VirtualNetwork {
                id: i64::try_from(50 * number + 1).unwrap().try_into().unwrap(),
                name: NAMES[number].parse().unwrap(),
                engine,
                layout: if without.is_empty() {
                    LayoutRule::Full
                } else {
                    LayoutRule::Without(without.into_iter().collect())
                },
                hello: Duration::from_secs(if usual { 1 } else { hello }),
                limits: Limits { memory_bytes, pids: if usual { 64 } else { pids } },
            }
        };
        vns.into_iter().enumerate().map(build).collect()
    })
}

fn topology() -> impl Strategy<Value = Topology> {
    nodes()
        .prop_flat_map(links)
        .prop_flat_map(|(nodes, links)| {
            let vns = vns(nodes.len() - 1, links.len());
            (Just(nodes), Just(links), vns)
        })
        .prop_flat_map(|(nodes, links, vns)| {
            let ids: Vec<_> = vns.iter().map(|vn| vn.id).collect();
            let rule = ((0..=32_u8), policy(ids.clone())).prop_map(|(length, policy)| PrefixRule {
                matches: ipnet::Ipv4Net::new([198, 18, 0, 0].into(), length).unwrap().trunc(),
                policy,
            });
            (
                Just((nodes, links, vns)),
                policy(ids),
                prop::collection::vec(rule, 0..3),
                prop::option::of(0..4_usize),
                (
                    prop_oneof![Just(Damping::default()), damping()],
                    prop_oneof![Just(Probes::default()), probes()],
                ),
            )
        })
        .prop_map(|((nodes, links, vns), default, prefixes, moved, (damping, probes))| {
            let pool = |number: usize| {
                let first = if moved == Some(number) { 10 } else { 100 };
                format!("{first}.{}.0.0/16", 64 + number).parse().unwrap()
            };
            Topology {
                name: "null".parse().unwrap(),
                nodes,
                links,
                vns,
                vote: VoteRules { default, prefixes, damping },
                probes,
                addressing: Addressing {
                    loopbacks: pool(0),
                    links: pool(1),
                    underlay: pool(2),
                    ports: pool(3),
                },
            }
        })
}
