//! x
#[test]
fn perf() {
    let n = 4 << 20;
    let rep = |s: &str| s.repeat(n / s.len());
    for (name, text) in [
        ("scalar", rep("x")),
        ("quoted", format!("\"{}\"", "x".repeat(n - 2))),
        ("comment", rep("#x\n")),
        ("blank", rep("\n ")),
        ("dash", rep("- ")),
        ("dashlines", rep("- a\n")),
        ("quest", rep("? ")),
        ("anch", rep("&a ")),
        ("bang", rep("! ")),
        ("maplist", rep("- {a: b}\n")),
        ("flow", format!("[{}]", rep("a,"))[..n - 1].to_string()),
        ("keys", (0..n / 12).map(|i| format!("k{i}: 1\n")).collect()),
        (
            "nodes",
            format!(
                "name: x\ntopology:\n  nodes:\n{}",
                (0..60000).map(|i| format!("    K{i}: {{ z{i}: 1 }}\n")).collect::<String>()
            ),
        ),
        (
            "links",
            format!(
                "name: x\ntopology:\n  nodes:\n    a:\n  links:\n{}",
                (0..60000)
                    .map(|i| format!("    - {{ endpoints: [\"n{i}:a\", \"m{i}:b\"] }}\n"))
                    .collect::<String>()
            ),
        ),
        (
            "prefixes",
            format!(
                "name: x\ntopology:\n  nodes:\n    a: {{ border: {{ prefixes: [{}] }} }}\nvns: [{{ id: 1, name: r, engine: frr-ospf }}]\n",
                (0..60000).map(|i| format!("10.{}.{}.0/24, ", i / 256, i % 256)).collect::<String>()
            ),
        ),
        (
            "samepfx",
            format!(
                "name: x\ntopology:\n  nodes:\n    a: {{ border: {{ prefixes: [{}] }} }}\nvns: [{{ id: 1, name: r, engine: frr-ospf }}]\n",
                rep("10.0.0.0/24, ")[..n / 2].to_string()
            ),
        ),
        (
            "aliasbig",
            format!(
                "a: &a [{}]\n{}",
                "x,".repeat(1000),
                (0..1000).map(|i| format!("b{i}: *a\n")).collect::<String>()
            ),
        ),
        (
            "mergebig",
            format!(
                "a: &a {{{}}}\n{}",
                (0..1000).map(|i| format!("k{i}: 1, ")).collect::<String>(),
                (0..1000).map(|i| format!("b{i}: {{<<: *a}}\n")).collect::<String>()
            ),
        ),
        (
            "layouts",
            format!(
                "name: x\ntopology:\n  nodes: {{ {} }}\n  links:\n{}vns:\n{}",
                (0..1024).map(|i| format!("n{i}: , ")).collect::<String>(),
                (1..1024)
                    .map(|i| format!("  - endpoints: [\"n{}:a\", \"n{i}:b\"]\n", i - 1))
                    .collect::<String>(),
                (1..256)
                    .map(|i| format!(
                        "  - {{ id: {i}, name: v{i}, engine: frr-ospf, layout: {{ without: [{}] }} }}\n",
                        (0..50).map(|j| format!("\"n{j}:zz\", ")).collect::<String>()
                    ))
                    .collect::<String>()
            ),
        ),
    ] {
        let t = std::time::Instant::now();
        let e = braid_topology::parse(&text, "f").err().map(|e| e.to_string());
        let e: String = e.unwrap_or_default().chars().take(150).collect();
        eprintln!("{name} {} {:?} {}", text.len(), t.elapsed(), e.replace('\n', " | "));
    }
    for (name, text) in [
        ("deepxml", "<a>".repeat(n / 3)),
        (
            "deepxml2",
            format!("<graphml><graph>{}{}</graph></graphml>", "<a>".repeat(200000), "</a>".repeat(200000)),
        ),
        ("attrs", format!("<graphml {}>", (0..200000).map(|i| format!("a{i}='1' ")).collect::<String>())),
        (
            "nodes",
            format!(
                "<graphml><graph>{}</graph></graphml>",
                (0..100000).map(|i| format!("<node id='{i}'/>")).collect::<String>()
            ),
        ),
        (
            "ns",
            format!(
                "<graphml {}>{}",
                (0..60000).map(|i| format!("xmlns:a{i}='{i}' ")).collect::<String>(),
                "<a>".repeat(60000)
            ),
        ),
        ("dtd", "<!DOCTYPE x [<!ENTITY a 'b'>]><graphml>&a;</graphml>".into()),
        (
            "samenodes",
            format!(
                "<graphml><key id='l' for='node' attr.name='label'/><graph>{}{}</graph></graphml>",
                (0..1024)
                    .map(|i| format!("<node id='{i}'><data key='l'>same</data></node>"))
                    .collect::<String>(),
                (1..1024).map(|i| format!("<edge source='0' target='{i}'/>")).collect::<String>()
            ),
        ),
    ] {
        let t = std::time::Instant::now();
        let e = braid_topology::import_graphml(&text, "f").err().map(|e| e.to_string());
        let e: String = e.unwrap_or_default().chars().take(150).collect();
        eprintln!("{name} {} {:?} {}", text.len(), t.elapsed(), e);
    }
}
