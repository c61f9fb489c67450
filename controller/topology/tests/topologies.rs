//! The ready files are valid, are written back unchanged in meaning, and agree with the JSON Schema.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use braid_topology::{PolicyKind, Topology, load, parse, schema, to_yaml};

fn ready_files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

fn ready(name: &str) -> Topology {
    let files = ready_files();
    let path = files.iter().find(|path| path.file_name().unwrap() == name).unwrap();
    load(path).unwrap().topology
}

/// YAML as JSON, as an editor's schema checker sees it.
fn json(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn every_ready_file_is_valid_without_a_warning_and_has_a_head() {
    for path in ready_files() {
        let checked = load(&path).unwrap_or_else(|error| panic!("{error}"));
        let warnings = checked.warnings.to_string();
        assert!(warnings.is_empty(), "{warnings}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{} has no head comment", path.display());
        assert_eq!(parse(&to_yaml(&checked.topology), "written").unwrap(), checked.topology);
    }
}

#[test]
fn the_ready_files_are_the_networks_they_say() {
    for (file, nodes, links, borders, vns) in [
        ("ring.yaml", 4, 4, 2, 2),
        ("abilene.yaml", 11, 14, 5, 3),
        ("abilene-diverse.yaml", 11, 14, 5, 5),
        ("nsfnet.yaml", 13, 15, 5, 2),
        ("geant.yaml", 40, 61, 5, 3),
    ] {
        let topology = ready(file);
        let found = topology.nodes.iter().filter(|node| node.border.is_some()).count();
        let counts = (topology.nodes.len(), topology.links.len(), found, topology.vns.len());
        assert_eq!(counts, (nodes, links, borders, vns), "{file}");
        let graph = topology.graph();
        assert_eq!((graph.node_count(), graph.edge_count()), (nodes, links));
    }
    let abilene = ready("abilene-diverse.yaml");
    let red = abilene.vns.iter().find(|vn| vn.name.as_str() == "red").unwrap().id;
    assert_eq!(abilene.vn(red).unwrap().engine.as_str(), "frr-ospf");
    let policy = |prefix: &str| &abilene.vote.policy_for(prefix.parse().unwrap()).kind;
    assert_eq!(policy("198.18.1.0/24"), &PolicyKind::Majority);
    assert_eq!(policy("198.18.5.0/24"), &PolicyKind::Master { master: red });
    assert!(abilene.node(&"denver".parse().unwrap()).unwrap().border.is_none());
}

#[test]
fn every_ready_file_and_what_is_written_of_it_agrees_with_the_schema() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    for path in ready_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for text in [&text, &to_yaml(&load(&path).unwrap().topology)] {
            let errors: Vec<String> =
                schema.iter_errors(&json(text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_a_single_value_shows() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let good = r#"
name: x
topology:
  nodes:
    a: { position: [1, 2], border: { prefixes: [10.0.0.0/8, { prefix: 11.0.0.0/8, interface: ge0 }] } }
    b:
  links: [{ endpoints: ["a:e1", "b:e1"], metric: 5, delay: 1.5ms, mtu: 1600, addresses: [192.0.2.0, 192.0.2.1] }]
vns:
  - { id: 1, name: red, engine: frr-ospf, layout: full, hello: 2s, limits: { memory: 64MiB, pids: 16 } }
  - { id: 2, name: green, engine: frr-isis }
vote:
  default: { policy: first-k, k: 1, settle: 1s, fail_back: 1m, deadline: 2s, verified: true }
  damping: { half_life: 30s, suppress: 4000, reuse: 500, longest: 5m }
  prefixes: [{ match: 0.0.0.0/0, policy: master, master: green, settle: 0s }]
probes: { interval: 50ms, losses: 5, packets_per_second: 0 }
addressing: { loopbacks: 10.9.0.0/16, links: 10.10.0.0/16, underlay: 10.11.0.0/16, ports: 10.12.0.0/16 }
"#;
    let good = &good.replace("10.0.0.0/8", "20.0.0.0/8").replace("11.0.0.0/8", "21.0.0.0/8");
    parse(good, "good").unwrap();
    assert!(schema.is_valid(&json(good)));
    for (from, to) in [
        ("name: x\n", ""),
        ("name: x\n", "name: X\n"),
        ("name: x\n", "name: x\nnmae: y\n"),
        ("    b:\n", "    B:\n"),
        ("    b:\n", "    b: { colour: red }\n"),
        ("[1, 2]", "[91, 2]"),
        ("[1, 2]", "[1]"),
        ("20.0.0.0/8", "20.0.0.0/7"),
        ("20.0.0.0/8", "20.0.0/8"),
        (", interface: ge0", ", interfaces: ge0"),
        ("[\"a:e1\", \"b:e1\"]", "[\"a:e1\"]"),
        ("\"a:e1\"", "\"a\""),
        ("metric: 5", "metric: 0"),
        ("metric: 5", "metric: \"5\""),
        ("metric: 5", "metrics: 5"),
        ("delay: 1.5ms", "delay: 1.5"),
        ("mtu: 1600", "mtu: 9217"),
        ("192.0.2.1]", "192.0.2.256]"),
        ("id: 1", "id: 256"),
        ("engine: frr-ospf", "engine: ospf"),
        ("layout: full", "layout: empty"),
        ("layout: full", "layout: { without: [] }"),
        ("memory: 64MiB", "memory: 64MB"),
        ("pids: 16", "pids: 7"),
        ("policy: master, master: green", "policy: plurality"),
        ("k: 1", "k: 0"),
        ("deadline: 2s", "deadline: 2"),
        ("verified: true", "verified: maybe"),
        ("half_life: 30s", "halflife: 30s"),
        ("suppress: 4000", "suppress: 20001"),
        ("interval: 50ms", "interval: 50"),
        ("losses: 5", "losses: 51"),
        ("packets_per_second: 0", "packets_per_second: -1"),
        ("match: 0.0.0.0/0", "matches: 0.0.0.0/0"),
        ("settle: 0s", "settles: 0s"),
        ("ports: 10.12.0.0/16", "port: 10.12.0.0/16"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(&bad, good, "{from}");
        assert!(parse(&bad, "bad").is_err(), "parse takes {to}");
        assert!(!schema.is_valid(&json(&bad)), "the schema takes {to}");
    }
}

/// An editor shows what each key means, and no other key passes.
#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    let mut kinds = vec![&schema];
    kinds.extend(schema["$defs"].as_object().unwrap().values());
    let mut keys = 0;
    for kind in kinds {
        let Some(properties) = kind["properties"].as_object() else { continue };
        assert_eq!(kind["additionalProperties"], false, "{kind}");
        for (key, property) in properties {
            keys += 1;
            assert!(property["description"].is_string(), "`{key}` is not described: {property}");
        }
    }
    assert!(keys > 25, "{keys}");
}
