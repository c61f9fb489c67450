//! Shared fate: what virtual networks have in common, so that one fault reaches several.

use std::collections::{BTreeMap, BTreeSet};

use braid_proto::{Engine, VnId, VnName};
use serde::Serialize;

use crate::plan::{Plan, VnPlan};

/// What the virtual networks of a plan share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedFate {
    /// Every pair of virtual networks, in file order.
    pub pairs: Vec<SharedPair>,
    /// The code bases with the virtual networks that run them. Each has one vote.
    pub code_bases: Vec<CodeBaseVote>,
    /// How many votes there are: the number of code bases.
    pub votes: usize,
    /// What an operator should know, in words.
    pub warnings: Vec<String>,
}

/// A code base, which has one vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeBaseVote {
    /// The code base, such as `frr`.
    pub code_base: &'static str,
    /// The virtual networks that share its vote, in file order.
    pub vns: Vec<VnName>,
}

/// What two virtual networks share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedPair {
    /// The first one's id.
    pub a: VnId,
    /// The first one's name.
    pub a_name: VnName,
    /// The second one's id.
    pub b: VnId,
    /// The second one's name.
    pub b_name: VnName,
    /// The engine, if both have the same.
    pub engine: Option<Engine>,
    /// The code base, if both have the same: then they share one vote.
    pub code_base: Option<&'static str>,
    /// The routing protocol, if both speak the same.
    pub protocol: Option<&'static str>,
    /// Programs and libraries that both run.
    pub parts: Vec<&'static str>,
    /// Whether both run on one kernel: always.
    pub kernel: bool,
    /// Whether both run on the same hosts: always, each node carries every virtual network.
    pub hosts: bool,
    /// How many physical links both run over.
    pub links_in_common: usize,
    /// [`links_in_common`](Self::links_in_common) divided by how many links either runs over, 0 to 1; 0 without links.
    pub links_fraction: f64,
}

/// What the virtual networks of `plan` share.
#[must_use]
pub fn shared_fate(plan: &Plan) -> SharedFate {
    let vns = &plan.vns;
    let pairs =
        vns.iter().enumerate().flat_map(|(index, a)| vns[index + 1..].iter().map(|b| shared_pair(a, b)));
    let code_bases: Vec<_> = grouped(vns, |vn| vec![vn.code_base])
        .into_iter()
        .map(|(code_base, vns)| CodeBaseVote { code_base, vns: names(&vns) })
        .collect();
    SharedFate {
        pairs: pairs.collect(),
        votes: code_bases.len(),
        warnings: warnings(vns, &code_bases),
        code_bases,
    }
}

fn shared_pair(a: &VnPlan, b: &VnPlan) -> SharedPair {
    let (a_links, b_links): (BTreeSet<u16>, BTreeSet<u16>) =
        (a.links.iter().copied().collect(), b.links.iter().copied().collect());
    let (common, either) = (a_links.intersection(&b_links).count(), a_links.union(&b_links).count());
    let b_parts = b.engine.parts();
    SharedPair {
        a: a.id,
        a_name: a.name.clone(),
        b: b.id,
        b_name: b.name.clone(),
        engine: (a.engine == b.engine).then_some(a.engine),
        code_base: (a.code_base == b.code_base).then_some(a.code_base),
        protocol: (a.protocol == b.protocol).then_some(a.protocol),
        parts: a.engine.parts().iter().copied().filter(|part| b_parts.contains(part)).collect(),
        kernel: true,
        hosts: true,
        links_in_common: common,
        // Link numbers have 16 bits, so both counts are exact.
        links_fraction: if either == 0 { 0.0 } else { common as f64 / either as f64 },
    }
}

fn warnings(vns: &[VnPlan], code_bases: &[CodeBaseVote]) -> Vec<String> {
    let mut warnings = Vec::new();
    let total = vns.len();
    for CodeBaseVote { code_base, vns } in code_bases.iter().filter(|c| c.vns.len() > 1) {
        let all = if vns.len() == 2 { "both" } else { "all" };
        warnings.push(format!("{} share one vote ({all} {code_base})", listed(vns, "and")));
    }
    for (stopped, parts) in shared_parts(vns) {
        let parts = listed(&parts, "or");
        warnings.push(match stopped {
            stopped if stopped.len() == total => format!("a bug in {parts} stops all {total} VNs"),
            stopped => format!("a bug in {parts} stops {} of {total} VNs", stopped.len()),
        });
    }
    if let [first, _, ..] = vns
        && vns.iter().all(|vn| vn.protocol == first.protocol)
    {
        warnings.push(format!("all VNs speak {}: a flaw of the protocol itself reaches all", first.protocol));
    }
    warnings.extend(match (total, code_bases) {
        (0, _) => Some("no VN: nothing forwards between borders".to_owned()),
        (1, _) => Some("only 1 VN: nothing stands in for it".to_owned()),
        (_, [only]) => Some(format!("only 1 code base ({}): nothing can outvote its bugs", only.code_base)),
        (_, [_, _]) => Some("only 2 code bases: a 1:1 split keeps the incumbent".to_owned()),
        _ => None,
    });
    warnings
}

/// Parts that several VNs run, those of the same VNs together.
fn shared_parts(vns: &[VnPlan]) -> Vec<(Vec<VnId>, Vec<&'static str>)> {
    let mut shared: Vec<(Vec<VnId>, Vec<&'static str>)> = Vec::new();
    for (part, users) in grouped(vns, |vn| vn.engine.parts().to_vec()) {
        let users: Vec<_> = users.iter().map(|vn| vn.id).collect();
        if users.len() < 2 {
            continue;
        }
        match shared.iter_mut().find(|(others, _)| *others == users) {
            Some((_, parts)) => parts.push(part),
            None => shared.push((users, vec![part])),
        }
    }
    shared
}

/// The virtual networks by each of their keys; keys in the order in which they first appear.
fn grouped(vns: &[VnPlan], keys: impl Fn(&VnPlan) -> Vec<&'static str>) -> Vec<(&'static str, Vec<&VnPlan>)> {
    let mut order = Vec::new();
    let mut groups: BTreeMap<_, Vec<&VnPlan>> = BTreeMap::new();
    for vn in vns {
        for key in keys(vn) {
            let group = groups.entry(key).or_insert_with(|| {
                order.push(key);
                Vec::new()
            });
            group.push(vn);
        }
    }
    order.into_iter().filter_map(|key| Some((key, groups.remove(key)?))).collect()
}

fn names(vns: &[&VnPlan]) -> Vec<VnName> {
    vns.iter().map(|vn| vn.name.clone()).collect()
}

/// `a`, `a and b`, `a, b and c`.
fn listed<T: ToString>(items: &[T], conjunction: &str) -> String {
    let texts: Vec<_> = items.iter().map(T::to_string).collect();
    match &texts[..] {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} {conjunction} {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use braid_topology::{LayoutRule, Topology};

    use super::*;
    use crate::testing::{Build, network};

    fn ring() -> Topology {
        network(&["a", "b", "c"], &["a:eth1 b:eth1", "b:eth2 c:eth1", "c:eth2 a:eth2"])
    }

    fn fate_of(engines: &[(&str, Engine)]) -> SharedFate {
        let vns = engines.iter().zip(1..);
        let topology = vns.fold(ring(), |t, ((name, engine), id)| t.vn(id, name, *engine, LayoutRule::Full));
        shared_fate(&topology.planned())
    }

    #[test]
    fn two_frr_vns_share_a_vote_and_zebra() {
        let fate =
            fate_of(&[("red", Engine::FrrOspf), ("green", Engine::BirdOspf), ("blue", Engine::FrrIsis)]);
        assert_eq!(fate.votes, 2);
        let groups: Vec<_> = fate.code_bases.iter().map(|c| (c.code_base, listed(&c.vns, "and"))).collect();
        assert_eq!(groups, [("frr", "red and blue".to_owned()), ("bird", "green".to_owned())]);
        let expected = [
            "red and blue share one vote (both frr)",
            "a bug in zebra or libfrr stops 2 of 3 VNs",
            "only 2 code bases: a 1:1 split keeps the incumbent",
        ];
        assert_eq!(fate.warnings, expected);

        let [red_green, red_blue, green_blue] = &fate.pairs[..] else { panic!("three pairs: {fate:?}") };
        assert_eq!((red_green.engine, red_green.code_base, red_green.protocol), (None, None, Some("ospf")));
        assert!(red_green.parts.is_empty());
        assert_eq!((red_blue.engine, red_blue.code_base, red_blue.protocol), (None, Some("frr"), None));
        assert_eq!(red_blue.parts, ["zebra", "libfrr"]);
        assert_eq!((green_blue.code_base, green_blue.protocol), (None, None));
        assert!(
            fate.pairs
                .iter()
                .all(|p| p.kernel && p.hosts && p.links_in_common == 3 && p.links_fraction == 1.0)
        );
    }

    #[test]
    fn engines_of_our_own_compute_apart_and_share_their_daemon() {
        let fate = fate_of(&[
            ("red", Engine::NativeOspf),
            ("green", Engine::NativeIsis),
            ("blue", Engine::NativeOspf),
        ]);
        let expected = [
            "red and blue share one vote (both braid-ospf)",
            "a bug in braid-ospf stops 2 of 3 VNs",
            "a bug in braid-native or braid-kernel stops all 3 VNs",
            "only 2 code bases: a 1:1 split keeps the incumbent",
        ];
        assert_eq!(fate.warnings, expected);
        assert_eq!(fate.pairs[0].parts, ["braid-native", "braid-kernel"]);
    }

    #[test]
    fn links_in_common_are_counted_against_those_of_either() {
        let topology = ring().vn(1, "red", Engine::FrrOspf, LayoutRule::Without(vec![0])).vn(
            2,
            "blue",
            Engine::BirdOspf,
            LayoutRule::Without(vec![2]),
        );
        let fate = shared_fate(&topology.planned());
        assert_eq!(fate.pairs[0].links_in_common, 1);
        assert!((fate.pairs[0].links_fraction - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn too_little_diversity_is_said_aloud() {
        let twins =
            fate_of(&[("red", Engine::BirdOspf), ("green", Engine::BirdOspf), ("blue", Engine::BirdOspf)]);
        let expected = [
            "red, green and blue share one vote (all bird)",
            "a bug in bird stops all 3 VNs",
            "all VNs speak ospf: a flaw of the protocol itself reaches all",
            "only 1 code base (bird): nothing can outvote its bugs",
        ];
        assert_eq!(twins.warnings, expected);
        assert_eq!(twins.pairs[0].engine, Some(Engine::BirdOspf));
        assert_eq!(fate_of(&[("red", Engine::FrrIsis)]).warnings, ["only 1 VN: nothing stands in for it"]);
        assert_eq!(fate_of(&[]).warnings, ["no VN: nothing forwards between borders"]);
    }
}
