//! A topology as YAML, as a person would write it: one node, link or virtual network per line, defaults left out.

use std::fmt::Write;

use braid_proto::Engine;

use crate::{
    file::{
        At, File, FileAddressing, FileDamping, FileLayout, FileLimits, FileLink, FileNode, FilePolicy,
        FilePrefix, FileProbes, FileRule, FileVn,
    },
    model::Topology,
};

/// A topology file that says the same as `topology`: [`crate::parse`] gives it back.
#[must_use]
pub fn to_yaml(topology: &Topology) -> String {
    render(&File::from(topology), &[])
}

/// The file, with `head` as comment lines before it. Where it has no virtual network yet, an example stands instead.
pub(crate) fn render(file: &File, head: &[String]) -> String {
    let mut out = Writer::default();
    for line in head {
        out.line(0, format!("# {line}").trim_end());
    }
    out.line(0, &format!("name: {}", name(file.name.value.as_str())));
    out.line(0, "topology:");
    out.line(1, "nodes:");
    for (key, node) in &file.topology.nodes {
        out.line(2, format!("{}: {}", name(key.value.as_str()), node_body(node)).trim_end());
    }
    if !file.topology.links.is_empty() {
        out.line(1, "links:");
    }
    for link in &file.topology.links {
        out.line(2, &format!("- {}", link_body(link)));
    }
    out.line(0, "vns:");
    for vn in &file.vns {
        out.line(1, &format!("- {}", vn_body(vn)));
    }
    if file.vns.is_empty() {
        let engines = Engine::ALL.map(Engine::as_str).join(", ");
        out.line(1, &format!("# Add one or more; engines are {engines}. Two code bases check each other:"));
        out.line(1, "# - { id: 1, name: red, engine: frr-ospf }");
        out.line(1, "# - { id: 2, name: green, engine: bird-ospf }");
    }
    if let Some(vote) = &file.vote {
        out.line(0, "vote:");
        if let Some(default) = &vote.default {
            out.line(1, &format!("default: {}", flow(&policy_fields(default))));
        }
        if !vote.prefixes.is_empty() {
            out.line(1, "prefixes:");
        }
        for FileRule { matches, policy } in &vote.prefixes {
            let mut fields = vec![format!("match: {}", matches.value.0)];
            fields.extend(policy_fields(policy));
            out.line(2, &format!("- {}", flow(&fields)));
        }
        if let Some(damping) = &vote.damping {
            out.line(1, &format!("damping: {}", flow(&damping_fields(damping))));
        }
    }
    if let Some(probes) = &file.probes {
        out.line(0, &format!("probes: {}", flow(&probes_fields(probes))));
    }
    if let Some(FileAddressing { loopbacks, links, underlay, ports }) = &file.addressing {
        out.line(0, "addressing:");
        for (key, pool) in
            [("loopbacks", loopbacks), ("links", links), ("underlay", underlay), ("ports", ports)]
        {
            if let Some(pool) = pool {
                out.line(1, &format!("{key}: {}", pool.value.0));
            }
        }
    }
    out.text
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn line(&mut self, level: usize, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", 2 * level);
    }
}

fn flow(fields: &[String]) -> String {
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// A name, quoted where YAML would take it for something else.
fn name(text: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let quote =
        text.starts_with(|c: char| c.is_ascii_digit()) || WORDS.iter().any(|w| w.eq_ignore_ascii_case(text));
    if quote { format!("\"{text}\"") } else { text.to_owned() }
}

fn node_body(node: &FileNode) -> String {
    let mut fields = Vec::new();
    if let Some((latitude, longitude)) = node.position {
        fields.push(format!("position: [{}, {}]", latitude.0, longitude.0));
    }
    if let Some(border) = &node.border {
        let prefixes: Vec<String> = border.prefixes.iter().map(prefix_body).collect();
        fields.push(format!("border: {{ prefixes: [{}] }}", prefixes.join(", ")));
    }
    flow(&fields)
}

fn prefix_body(FilePrefix { prefix, interface }: &FilePrefix) -> String {
    match interface {
        None => prefix.value.0.to_string(),
        Some(at) => format!("{{ prefix: {}, interface: {} }}", prefix.value.0, name(at.value.0.as_str())),
    }
}

fn link_body(link: &FileLink) -> String {
    let [a, b] =
        link.endpoints.each_ref().map(|end| format!("\"{}:{}\"", end.value.0.node, end.value.0.interface));
    let mut fields = vec![format!("endpoints: [{a}, {b}]")];
    fields.extend(link.metric.map(|metric| format!("metric: {}", metric.0)));
    fields.extend(link.delay.map(|delay| format!("delay: {}", delay.value)));
    fields.extend(link.mtu.map(|mtu| format!("mtu: {}", mtu.value.0)));
    fields.extend(link.addresses.map(|[a, b]| format!("addresses: [{}, {}]", a.value.0, b.value.0)));
    flow(&fields)
}

fn vn_body(vn: &FileVn) -> String {
    let mut fields = vec![
        format!("id: {}", vn.id.value),
        format!("name: {}", name(vn.name.value.as_str())),
        format!("engine: {}", vn.engine),
    ];
    match &vn.layout {
        None => {}
        Some(FileLayout::Full) => fields.push("layout: full".to_owned()),
        Some(FileLayout::Without(ends)) => {
            let ends: Vec<String> = ends
                .iter()
                .map(|At { value, .. }| format!("\"{}:{}\"", value.0.node, value.0.interface))
                .collect();
            fields.push(format!("layout: {{ without: [{}] }}", ends.join(", ")));
        }
    }
    fields.extend(vn.hello.map(|hello| format!("hello: {}", hello.value)));
    if let Some(FileLimits { memory, pids }) = &vn.limits {
        let mut limits = Vec::new();
        limits.extend(memory.map(|memory| format!("memory: {memory}")));
        limits.extend(pids.map(|pids| format!("pids: {}", pids.0)));
        fields.push(format!("limits: {}", flow(&limits)));
    }
    flow(&fields)
}

fn policy_fields(policy: &FilePolicy) -> Vec<String> {
    let mut fields = vec![format!("policy: {}", policy.policy.value.as_str())];
    fields.extend(policy.master.as_ref().map(|master| format!("master: {}", name(master.value.as_str()))));
    fields.extend(policy.k.map(|k| format!("k: {}", k.value.0)));
    fields.extend(policy.verified.map(|verified| format!("verified: {verified}")));
    fields.extend(policy.settle.map(|settle| format!("settle: {}", settle.value)));
    fields.extend(policy.fail_back.map(|fail_back| format!("fail_back: {}", fail_back.value)));
    fields.extend(policy.deadline.map(|deadline| format!("deadline: {}", deadline.value)));
    fields
}

fn damping_fields(damping: &FileDamping) -> Vec<String> {
    let FileDamping { half_life, suppress, reuse, longest } = damping;
    let mut fields = Vec::new();
    fields.extend(half_life.map(|time| format!("half_life: {}", time.value)));
    fields.extend(suppress.map(|penalty| format!("suppress: {}", penalty.value.0)));
    fields.extend(reuse.map(|penalty| format!("reuse: {}", penalty.value.0)));
    fields.extend(longest.map(|time| format!("longest: {}", time.value)));
    fields
}

fn probes_fields(probes: &FileProbes) -> Vec<String> {
    let FileProbes { interval, losses, packets_per_second } = probes;
    let mut fields = Vec::new();
    fields.extend(interval.map(|time| format!("interval: {}", time.value)));
    fields.extend(losses.map(|losses| format!("losses: {}", losses.value.0)));
    fields.extend(packets_per_second.map(|budget| format!("packets_per_second: {}", budget.value.0)));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn a_file_written_by_hand_is_written_back_as_it_was() {
        let text = r#"name: small
topology:
  nodes:
    "no": { position: [62, 10.5], border: { prefixes: [198.18.1.0/24, { prefix: 198.18.2.0/24, interface: ge0 }] } }
    b: {}
  links:
    - { endpoints: ["no:eth1", "b:eth1"], metric: 20, delay: 6.54ms, mtu: 9000, addresses: [192.0.2.0, 192.0.2.1] }
    - { endpoints: ["no:eth2", "b:eth2"] }
vns:
  - { id: 1, name: red, engine: frr-ospf, layout: { without: ["no:eth2"] }, hello: 2s, limits: { memory: 1GiB } }
  - { id: 2, name: "2nd", engine: bird-ospf }
vote:
  default: { policy: master, master: "2nd", settle: 1s }
  prefixes:
    - { match: 198.18.1.0/24, policy: majority, fail_back: 60s }
    - { match: 198.18.2.0/24, policy: first-k, k: 2, verified: true, deadline: 500ms }
  damping: { half_life: 30s, suppress: 4000 }
probes: { interval: 50ms, losses: 4, packets_per_second: 500 }
addressing:
  loopbacks: 10.0.0.0/16
"#;
        assert_eq!(to_yaml(&parse(text, "f").unwrap()), text);
    }
}
