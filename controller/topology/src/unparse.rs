//! From the domain model back to the file types, defaults left out.

use crate::{
    file::{
        At, File, FileAddressing, FileBorder, FileDamping, FileGraph, FileLayout, FileLimits, FileLink,
        FileNode, FilePolicy, FilePrefix, FileProbes, FileRule, FileVn, FileVote,
    },
    model::{
        Damping, Endpoint, LayoutRule, Link, Node, PolicyKind, Probes, Topology, VirtualNetwork, VotePolicy,
    },
    scalar::{
        Address, Budget, CustomerPrefix, Electors, Interface, Latitude, LinkEnd, Longitude, Losses, Memory,
        Metric, Mtu, Penalty, Pids, PolicyName, Prefix, Time,
    },
    validate::{DEFAULT_HELLO, DEFAULT_LIMITS, DEFAULT_METRIC, DEFAULT_MTU, DEFAULT_POLICY, DEFAULT_POOLS},
};

/// `value` unless it is the default.
fn unless<T: PartialEq + Copy>(value: T, default: T) -> Option<T> {
    (value != default).then_some(value)
}

fn end(endpoint: &Endpoint) -> At<LinkEnd> {
    LinkEnd(endpoint.clone()).into()
}

impl From<&Topology> for File {
    fn from(topology: &Topology) -> Self {
        let Topology { name, nodes, links, vns, vote, probes: probe, addressing } = topology;
        let usual = VotePolicy { kind: vote.default.kind.clone(), ..DEFAULT_POLICY };
        let default = policy(&vote.default, &usual, topology);
        let rules = vote
            .prefixes
            .iter()
            .map(|rule| FileRule {
                matches: Prefix(rule.matches).into(),
                policy: policy(&rule.policy, &vote.default, topology),
            })
            .collect();
        let pool = |given, default| unless(given, default).map(|net| At::from(Prefix(net)));
        Self {
            name: name.clone().into(),
            topology: FileGraph {
                nodes: nodes.iter().map(|n| (n.name.clone().into(), node(n))).collect(),
                links: links.iter().map(link).collect(),
            },
            vns: vns.iter().map(|v| vn(v, links)).collect(),
            // The default depends on the engines; saying it is clearer than leaving it out.
            vote: Some(FileVote { default: Some(default), prefixes: rules, damping: damping(vote.damping) }),
            probes: probes(*probe),
            addressing: unless(*addressing, DEFAULT_POOLS).map(|given| FileAddressing {
                loopbacks: pool(given.loopbacks, DEFAULT_POOLS.loopbacks),
                links: pool(given.links, DEFAULT_POOLS.links),
                underlay: pool(given.underlay, DEFAULT_POOLS.underlay),
                ports: pool(given.ports, DEFAULT_POOLS.ports),
            }),
        }
    }
}

fn node(node: &Node) -> FileNode {
    let prefixes = |border: &crate::model::Border| {
        border
            .prefixes
            .iter()
            .enumerate()
            .map(|(number, attached)| FilePrefix {
                prefix: CustomerPrefix(attached.prefix).into(),
                interface: (attached.interface.as_str() != format!("cust{number}"))
                    .then(|| Interface(attached.interface.clone()).into()),
            })
            .collect()
    };
    FileNode {
        position: node.position.map(|p| (Latitude(p.latitude), Longitude(p.longitude))),
        border: node.border.as_ref().map(|border| FileBorder { prefixes: prefixes(border) }),
    }
}

fn link(link: &Link) -> FileLink {
    FileLink {
        endpoints: [end(&link.a), end(&link.b)],
        metric: unless(link.metric, DEFAULT_METRIC).map(Metric),
        delay: link.delay.map(|delay| Time(delay).into()),
        mtu: unless(link.mtu, DEFAULT_MTU).map(|mtu| Mtu(mtu).into()),
        addresses: link.addresses.map(|(a, b)| [Address(a).into(), Address(b).into()]),
    }
}

fn vn(vn: &VirtualNetwork, links: &[Link]) -> FileVn {
    FileVn {
        id: vn.id.into(),
        name: vn.name.clone().into(),
        engine: vn.engine,
        layout: match &vn.layout {
            LayoutRule::Full => None,
            LayoutRule::Without(numbers) => Some(FileLayout::Without(
                numbers.iter().filter_map(|n| links.get(*n)).map(|l| end(&l.a)).collect(),
            )),
        },
        hello: unless(vn.hello, DEFAULT_HELLO).map(|hello| Time(hello).into()),
        limits: unless(vn.limits, DEFAULT_LIMITS).map(|limits| FileLimits {
            memory: unless(limits.memory_bytes, DEFAULT_LIMITS.memory_bytes).map(Memory),
            pids: unless(limits.pids, DEFAULT_LIMITS.pids).map(Pids),
        }),
    }
}

fn policy(policy: &VotePolicy, usual: &VotePolicy, topology: &Topology) -> FilePolicy {
    let (kind, master, k) = match &policy.kind {
        PolicyKind::Majority => (PolicyName::Majority, None, None),
        PolicyKind::FirstK { k } => (PolicyName::FirstK, None, Some(Electors(*k).into())),
        PolicyKind::Consensus => (PolicyName::Consensus, None, None),
        PolicyKind::Master { master } => {
            (PolicyName::Master, topology.vn(*master).map(|vn| At::from(vn.name.clone())), None)
        }
    };
    let time = |given, usual| unless(given, usual).map(|time| At::from(Time(time)));
    FilePolicy {
        policy: kind.into(),
        master,
        k,
        verified: unless(policy.verified, usual.verified),
        settle: time(policy.settle, usual.settle),
        fail_back: time(policy.fail_back, usual.fail_back),
        deadline: time(policy.deadline, usual.deadline),
    }
}

fn damping(given: Damping) -> Option<FileDamping> {
    let usual = Damping::default();
    unless(given, usual).map(|given| FileDamping {
        half_life: unless(given.half_life, usual.half_life).map(|time| Time(time).into()),
        suppress: unless(given.suppress, usual.suppress).map(|penalty| Penalty(penalty).into()),
        reuse: unless(given.reuse, usual.reuse).map(|penalty| Penalty(penalty).into()),
        longest: unless(given.longest, usual.longest).map(|time| Time(time).into()),
    })
}

fn probes(given: Probes) -> Option<FileProbes> {
    let usual = Probes::default();
    unless(given, usual).map(|given| FileProbes {
        interval: unless(given.interval, usual.interval).map(|time| Time(time).into()),
        losses: unless(given.losses, usual.losses).map(|losses| Losses(losses).into()),
        packets_per_second: unless(given.packets_per_second, usual.packets_per_second)
            .map(|budget| Budget(budget).into()),
    })
}
