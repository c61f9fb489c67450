//! Voting policies.

use std::{collections::HashSet, time::Duration};

use braid_proto::VnId;

use crate::{
    diagnostic::Findings,
    file::{At, File, FilePolicy},
    model::{PolicyKind, PrefixRule, Topology, VotePolicy, VoteRules},
    scalar::{PolicyName, Time},
};

/// What the default policy has that says nothing else.
pub(crate) const DEFAULT_SETTLE: Duration = Duration::from_millis(200);
pub(crate) const DEFAULT_FAIL_BACK: Duration = Duration::from_secs(30);
const MAX_SETTLE: Duration = Duration::from_secs(60);
const MAX_FAIL_BACK: Duration = Duration::from_secs(600);
/// So many code bases can outvote one.
const MAJORITY: usize = 3;

/// The rules of the model. `all_vns` says that a name not found is truly missing.
pub(super) fn build(file: &File, all_vns: bool, findings: &mut Findings) -> VoteRules {
    let times = (DEFAULT_SETTLE, DEFAULT_FAIL_BACK);
    let given = file.vote.as_ref().and_then(|vote| vote.default.as_ref());
    let default = match given {
        Some(policy) => build_policy(file, policy, times, all_vns, findings),
        None => VotePolicy { kind: default_kind(file), settle: times.0, fail_back: times.1 },
    };
    let times = (default.settle, default.fail_back);
    let rules = file.vote.iter().flat_map(|vote| &vote.prefixes);
    let prefixes = rules
        .map(|rule| PrefixRule {
            matches: rule.matches.value.0,
            policy: build_policy(file, &rule.policy, times, all_vns, findings),
        })
        .collect();
    VoteRules { default, prefixes }
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
    (settle, fail_back): (Duration, Duration),
    all_vns: bool,
    findings: &mut Findings,
) -> VotePolicy {
    let kind = match (policy.policy.value, &policy.master) {
        (PolicyName::Majority, None) => PolicyKind::Majority,
        (PolicyName::Majority, Some(master)) => {
            findings.error(
                master.place,
                "policy majority has no master: remove `master`, or write `policy: master`",
            );
            PolicyKind::Majority
        }
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
        settle: bounded("settle", policy.settle, settle, MAX_SETTLE, findings),
        fail_back: bounded("fail_back", policy.fail_back, fail_back, MAX_FAIL_BACK, findings),
    }
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
