//! From the domain model back to the file types, defaults left out.

use crate::{
    file::{
        At, File, FileAddressing, FileBorder, FileGraph, FileLayout, FileLimits, FileLink, FileNode,
        FilePolicy, FilePrefix, FileRule, FileVn, FileVote,
    },
    model::{Endpoint, LayoutRule, Link, Node, PolicyKind, Topology, VirtualNetwork, VotePolicy},
    scalar::{
        Address, CustomerPrefix, Interface, Latitude, LinkEnd, Longitude, Memory, Metric, Mtu, Pids,
        PolicyName, Prefix, Time,
    },
    validate::{
        DEFAULT_FAIL_BACK, DEFAULT_HELLO, DEFAULT_LIMITS, DEFAULT_METRIC, DEFAULT_MTU, DEFAULT_POOLS,
        DEFAULT_SETTLE,
    },
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
        let Topology { name, nodes, links, vns, vote, addressing } = topology;
        let default = policy(&vote.default, (DEFAULT_SETTLE, DEFAULT_FAIL_BACK), topology);
        let times = (vote.default.settle, vote.default.fail_back);
        let rules = vote
            .prefixes
            .iter()
            .map(|rule| FileRule {
                matches: Prefix(rule.matches).into(),
                policy: policy(&rule.policy, times, topology),
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
            vote: Some(FileVote { default: Some(default), prefixes: rules }),
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

fn policy(
    policy: &VotePolicy,
    (settle, fail_back): (std::time::Duration, std::time::Duration),
    topology: &Topology,
) -> FilePolicy {
    let (kind, master) = match &policy.kind {
        PolicyKind::Majority => (PolicyName::Majority, None),
        PolicyKind::Master { master } => {
            (PolicyName::Master, topology.vn(*master).map(|vn| At::from(vn.name.clone())))
        }
    };
    FilePolicy {
        policy: kind.into(),
        master,
        settle: unless(policy.settle, settle).map(|time| Time(time).into()),
        fail_back: unless(policy.fail_back, fail_back).map(|time| Time(time).into()),
    }
}
