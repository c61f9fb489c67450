//! Voting policies.

use std::{collections::HashSet, time::Duration};

use braid_proto::VnId;

use crate::{
    diagnostic::Findings,
    file::{At, File, FilePolicy},
    model::{Damping, PolicyKind, PrefixRule, Probes, Topology, VotePolicy, VoteRules},
    scalar::{PolicyName, Time},
};

/// What the default policy has that says nothing else.
pub(crate) const DEFAULT_POLICY: VotePolicy = VotePolicy {
    kind: PolicyKind::Majority,
    verified: false,
    settle: Duration::from_millis(200),
    fail_back: Duration::from_secs(30),
    deadline: Duration::from_secs(1),
};
const MAX_DEADLINE: Duration = Duration::from_secs(60);
const MAX_HOLD_DOWN: Duration = Duration::from_secs(3600);
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(5);
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(10);
const MAX_SETTLE: Duration = Duration::from_secs(60);
const MAX_FAIL_BACK: Duration = Duration::from_secs(600);
/// So many code bases can outvote one.
const MAJORITY: usize = 3;

/// The rules of the model. `all_vns` says that a name not found is truly missing.
pub(super) fn build(file: &File, all_vns: bool, findings: &mut Findings) -> VoteRules {
    let given = file.vote.as_ref().and_then(|vote| vote.default.as_ref());
    let default = match given {
        Some(policy) => build_policy(file, policy, &DEFAULT_POLICY, all_vns, findings),
        None => VotePolicy { kind: default_kind(file), ..DEFAULT_POLICY },
    };
    let rules = file.vote.iter().flat_map(|vote| &vote.prefixes);
    let prefixes = rules
        .map(|rule| PrefixRule {
            matches: rule.matches.value.0,
            policy: build_policy(file, &rule.policy, &default, all_vns, findings),
        })
        .collect();
    let damping = damping(file, findings);
    VoteRules { default, prefixes, damping }
}

fn damping(file: &File, findings: &mut Findings) -> Damping {
    let usual = Damping::default();
    let Some(given) = file.vote.as_ref().and_then(|vote| vote.damping.as_ref()) else { return usual };
    let suppress = given.suppress.map_or(usual.suppress, |at| at.value.0);
    let reuse = given.reuse.map_or(usual.reuse, |at| at.value.0);
    if let Some(at) = given.suppress.filter(|_| suppress < 1000) {
        findings
            .error(at.place, format!("suppress {suppress} is below one loss, which counts 1000: give more"));
    }
    if let Some(at) = given.reuse.or(given.suppress).filter(|_| reuse > suppress) {
        findings.error(
            at.place,
            format!("reuse {reuse} is above suppress {suppress}: nothing would be held down"),
        );
    }
    let range = (Duration::from_secs(1), MAX_HOLD_DOWN);
    Damping {
        half_life: within("half_life", given.half_life, usual.half_life, range, findings),
        suppress,
        reuse,
        longest: bounded("longest", given.longest, usual.longest, MAX_HOLD_DOWN, findings),
    }
}

/// How borders probe.
pub(super) fn probes(file: &File, findings: &mut Findings) -> Probes {
    let usual = Probes::default();
    let Some(given) = &file.probes else { return usual };
    let range = (MIN_PROBE_INTERVAL, MAX_PROBE_INTERVAL);
    Probes {
        interval: within("interval", given.interval, usual.interval, range, findings),
        losses: given.losses.map_or(usual.losses, |at| at.value.0),
        packets_per_second: given.packets_per_second.map_or(usual.packets_per_second, |at| at.value.0),
    }
}

fn default_kind(file: &File) -> PolicyKind {
    let code_bases: HashSet<_> = file.vns.iter().map(|vn| vn.engine.code_base()).collect();
    if code_bases.len() >= MAJORITY {
        PolicyKind::Majority
    } else {
        PolicyKind::Master { master: first(file) }
    }
}

/// The first virtual network. A file without any has been refused, so the stand-in is never seen.
fn first(file: &File) -> VnId {
    file.vns.first().map_or(VnId::try_from(1_i64).expect("1 is an id"), |vn| vn.id.value)
}

fn build_policy(
    file: &File,
    policy: &FilePolicy,
    usual: &VotePolicy,
    all_vns: bool,
    findings: &mut Findings,
) -> VotePolicy {
    let name = policy.policy.value;
    if let Some(master) = policy.master.as_ref().filter(|_| name != PolicyName::Master) {
        let message =
            format!("policy {} has no master: remove `master`, or write `policy: master`", name.as_str());
        findings.error(master.place, message);
    }
    if let Some(k) = policy.k.filter(|_| name != PolicyName::FirstK) {
        let message = format!("policy {} has no `k`: remove it, or write `policy: first-k`", name.as_str());
        findings.error(k.place, message);
    }
    let kind = match (name, &policy.master) {
        (PolicyName::Majority, _) => PolicyKind::Majority,
        (PolicyName::Consensus, _) => PolicyKind::Consensus,
        (PolicyName::FirstK, _) => PolicyKind::FirstK { k: first_k(file, policy, findings) },
        (PolicyName::Master, None) => {
            findings.error(
                policy.policy.place,
                "policy master needs `master`: name the virtual network that drives, as in `master: red`",
            );
            PolicyKind::Master { master: first(file) }
        }
        (PolicyName::Master, Some(master)) => {
            let vn = file.vns.iter().find(|vn| vn.name.value == master.value);
            if vn.is_none() && all_vns {
                let hint =
                    findings.hint(master.value.as_str(), file.vns.iter().map(|vn| vn.name.value.as_str()));
                findings.error(
                    master.place,
                    format!(
                        "there is no virtual network `{}`{hint}: name one of those in `vns`",
                        master.value
                    ),
                );
            }
            PolicyKind::Master { master: vn.map_or_else(|| first(file), |vn| vn.id.value) }
        }
    };
    VotePolicy {
        kind,
        verified: policy.verified.unwrap_or(usual.verified),
        settle: bounded("settle", policy.settle, usual.settle, MAX_SETTLE, findings),
        fail_back: bounded("fail_back", policy.fail_back, usual.fail_back, MAX_FAIL_BACK, findings),
        deadline: bounded("deadline", policy.deadline, usual.deadline, MAX_DEADLINE, findings),
    }
}

/// How many code bases a first-k policy waits for.
fn first_k(file: &File, policy: &FilePolicy, findings: &mut Findings) -> u8 {
    let Some(At { value, place }) = policy.k else {
        findings.error(
            policy.policy.place,
            "policy first-k needs `k`: say how many code bases to wait for, as in `k: 3`",
        );
        return 1;
    };
    let code_bases: HashSet<_> = file.vns.iter().map(|vn| vn.engine.code_base()).collect();
    if usize::from(value.0) > code_bases.len() {
        findings.error(
            place,
            format!(
                "k {} is more than the {} code bases of `vns`: use fewer, or policy consensus to wait for all",
                value.0,
                code_bases.len()
            ),
        );
    }
    value.0
}

fn within(
    key: &str,
    given: Option<At<Time>>,
    default: Duration,
    (least, most): (Duration, Duration),
    findings: &mut Findings,
) -> Duration {
    if let Some(At { value, place }) = given.filter(|at| at.value.0 < least) {
        findings.error(place, format!("{key} {value} is too short: the least is {}", Time(least)));
    }
    bounded(key, given, default, most, findings)
}

fn bounded(
    key: &str,
    given: Option<At<Time>>,
    default: Duration,
    most: Duration,
    findings: &mut Findings,
) -> Duration {
    let Some(At { value, place }) = given else { return default };
    if value.0 > most {
        findings.error(place, format!("{key} {value} is too long: the most is {}", Time(most)));
    }
    value.0
}

/// Says which rules can never hold.
pub(super) fn warn_unused(file: &File, topology: &Topology, findings: &mut Findings) {
    let attached: Vec<_> = topology
        .nodes
        .iter()
        .flat_map(|node| &node.border)
        .flat_map(|border| &border.prefixes)
        .map(|p| p.prefix)
        .collect();
    let mut rest = attached;
    for rule in file.vote.iter().flat_map(|vote| &vote.prefixes) {
        let At { value, place } = rule.matches;
        let before = rest.len();
        rest.retain(|prefix| !value.0.contains(prefix));
        if rest.len() == before {
            findings.warn(
                place,
                format!(
                    "this rule never holds: no attached prefix lies within {} that an earlier rule does not match",
                    value.0
                ),
            );
        }
    }
}
