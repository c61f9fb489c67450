//! Verified faults in words for operators.

use std::collections::{BTreeMap, BTreeSet};

use braid_proto::NodeName;
use ipnet::Ipv4Net;

use super::Inspector;

/// How many lines of faults are told.
const MAX_LINES: usize = 20;
/// How many borders are named in a line.
const MAX_BORDERS: usize = 3;

impl Inspector {
    /// The faults that borders have been told of: first the prefixes with which most code bases do wrong, which no vote can
    /// mask; then every fault, alike ones of several borders in one line.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let mut lines = self.majorities();
        let mut faults: BTreeMap<(Ipv4Net, &str, String), BTreeSet<&NodeName>> = BTreeMap::new();
        for fault in self.faults() {
            let detail = fault.finding.detail().unwrap_or_default();
            faults.entry((fault.prefix, fault.vn.as_str(), detail)).or_default().insert(fault.border);
        }
        lines.extend(faults.iter().map(|((prefix, vn, detail), borders)| {
            format!("{vn}: {prefix} from {} {detail}", named(borders))
        }));
        let more = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        if more > 0 {
            lines.push(format!("{more} more faults are verified"));
        }
        lines
    }

    /// A code base does wrong if all its virtual networks do.
    fn majorities(&self) -> Vec<String> {
        let mut code_bases: BTreeMap<&str, usize> = BTreeMap::new();
        for vn in self.vns.values() {
            *code_bases.entry(vn.code_base).or_default() += 1;
        }
        let mut wrong: BTreeMap<(Ipv4Net, &NodeName), BTreeMap<&str, usize>> = BTreeMap::new();
        for fault in self.faults() {
            *wrong.entry((fault.prefix, fault.border)).or_default().entry(fault.code_base).or_default() += 1;
        }
        let mut lines: BTreeMap<(Ipv4Net, Vec<&str>), BTreeSet<&NodeName>> = BTreeMap::new();
        for ((prefix, border), count) in wrong {
            let whole = count.into_iter().filter(|(name, n)| code_bases.get(name) == Some(n));
            let whole: Vec<&str> = whole.map(|(name, _)| name).collect();
            if whole.len() * 2 > code_bases.len() {
                lines.entry((prefix, whole)).or_default().insert(border);
            }
        }
        let line = |((prefix, code_bases), borders): (&(Ipv4Net, Vec<&str>), &BTreeSet<&NodeName>)| {
            let code_bases = code_bases.join(", ");
            format!(
                "most code bases ({code_bases}) do wrong with {prefix} from {}, so that no vote masks it",
                named(borders)
            )
        };
        lines.iter().map(line).collect()
    }
}

fn named(borders: &BTreeSet<&NodeName>) -> String {
    let names: Vec<&str> = borders.iter().take(MAX_BORDERS).map(|b| b.as_str()).collect();
    match borders.len().saturating_sub(MAX_BORDERS) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
