//! Virtual networks.

use std::{collections::HashMap, time::Duration};

use braid_proto::NodeName;

use super::links::{name_parts, parts};
use crate::{
    diagnostic::{Findings, Place},
    file::{At, File, FileLayout, FileVn},
    model::{Endpoint, LayoutRule, Limits, Link, VirtualNetwork},
    scalar::LinkEnd,
};

/// What a virtual network has that says nothing else.
pub(crate) const DEFAULT_HELLO: Duration = Duration::from_secs(1);
pub(crate) const DEFAULT_LIMITS: Limits = Limits { memory_bytes: 512 << 20, pids: 64 };

/// The virtual networks of the model. `sound` says that the physical network is known whole, so that layouts can be
/// judged.
pub(super) fn build(
    file: &File,
    links: &[Link],
    index: &HashMap<&NodeName, usize>,
    sound: bool,
    findings: &mut Findings,
) -> Vec<VirtualNetwork> {
    check_unique(file, findings);
    file.vns
        .iter()
        .map(|vn| {
            let layout = match &vn.layout {
                Some(FileLayout::Without(ends)) if sound => {
                    let rule = without(ends, links, findings);
                    check_layout(file, vn, ends, &rule, (links, index), findings);
                    LayoutRule::Without(rule)
                }
                _ => LayoutRule::Full,
            };
            let limits = vn.limits.as_ref();
            VirtualNetwork {
                id: vn.id.value,
                name: vn.name.value.clone(),
                engine: vn.engine,
                layout,
                hello: hello(vn, findings),
                limits: Limits {
                    memory_bytes: limits.and_then(|l| l.memory).map_or(DEFAULT_LIMITS.memory_bytes, |m| m.0),
                    pids: limits.and_then(|l| l.pids).map_or(DEFAULT_LIMITS.pids, |p| p.0),
                },
            }
        })
        .collect()
}

fn check_unique(file: &File, findings: &mut Findings) {
    let mut ids: HashMap<_, Place> = HashMap::new();
    let mut names: HashMap<_, Place> = HashMap::new();
    for FileVn { id, name, .. } in &file.vns {
        if let Some(first) = ids.get(&id.value) {
            findings.error(
                id.place,
                format!(
                    "id {} is already taken in line {}: give each virtual network its own",
                    id.value, first.line
                ),
            );
        }
        ids.entry(id.value).or_insert(id.place);
        if let Some(first) = names.get(&name.value) {
            findings.error(
                name.place,
                format!(
                    "name `{}` is already taken in line {}: give each virtual network its own",
                    name.value, first.line
                ),
            );
        }
        names.entry(&name.value).or_insert(name.place);
        if name.value.as_str() == "host" {
            findings.error(
                name.place,
                "a virtual network cannot be called `host`: customer hosts are called so (`<node>-host`); rename it",
            );
        }
    }
}

fn hello(vn: &FileVn, findings: &mut Findings) -> Duration {
    let Some(At { value: time, place }) = vn.hello else { return DEFAULT_HELLO };
    if !(1..=60).contains(&time.0.as_secs()) || time.0.subsec_nanos() != 0 {
        findings.error(
            place,
            format!("hello {time} is out of place: write whole seconds from 1s to 60s; OSPF has no finer"),
        );
    }
    time.0
}

/// The numbers of the links with these ends, ascending.
fn without(ends: &[At<LinkEnd>], links: &[Link], findings: &mut Findings) -> Vec<usize> {
    let text = |end: &Endpoint| format!("{}:{}", end.node, end.interface);
    let by_end: HashMap<String, usize> = links
        .iter()
        .enumerate()
        .flat_map(|(number, link)| [(text(&link.a), number), (text(&link.b), number)])
        .collect();
    let mut places: HashMap<usize, Place> = HashMap::new();
    for At { value: LinkEnd(end), place } in ends {
        let end = text(end);
        let Some(number) = by_end.get(&end) else {
            let hint = findings.hint(&end, by_end.keys().map(String::as_str));
            findings.error(*place, format!("no link ends at `{end}`{hint}: name one by either end"));
            continue;
        };
        if let Some(first) = places.get(number) {
            findings.error(
                *place,
                format!(
                    "the link at `{end}` is already left out in line {}: name each link once, by either end",
                    first.line
                ),
            );
        }
        places.entry(*number).or_insert(*place);
    }
    let mut numbers: Vec<usize> = places.into_keys().collect();
    numbers.sort_unstable();
    numbers
}

fn check_layout(
    file: &File,
    vn: &FileVn,
    ends: &[At<LinkEnd>],
    without: &[usize],
    (links, index): (&[Link], &HashMap<&NodeName, usize>),
    findings: &mut Findings,
) {
    let parts = parts(file.topology.nodes.len(), links, index, without);
    if let (true, Some(first)) = (parts.len() > 1, ends.first()) {
        findings.error(
            first.place,
            format!(
                "without these links `{}` is in {} parts, {}: leave fewer out, so that it reaches every node",
                vn.name.value,
                parts.len(),
                name_parts(file, &parts)
            ),
        );
    }
}
