//! What this border is to do: the controller's specification, checked on arrival.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};

use braid_proto::{
    InterfaceName, NodeName, VnId, VnName, v1,
    wire::{FieldError, duration, number, parse, required, vn_id},
};
use braid_vote::{Damping, Policy, Rule};
use ipnet::Ipv4Net;

use crate::probe::{Config, Key, ProbePort, ProbeSpec};

/// A checked border specification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spec {
    /// The virtual networks with a port at this border, in order of preference.
    pub vns: Vec<Vn>,
    /// This border's own customers' prefixes.
    pub attached: Vec<Attached>,
    /// Other borders' customers' prefixes: what is voted on.
    pub foreign: Vec<Foreign>,
    /// Interfaces to other nodes and who is at the far end.
    pub links: Vec<(InterfaceName, Ipv4Addr)>,
    /// How to probe; nothing is probed or answered without it.
    pub probes: Option<ProbeSpec>,
}

/// A virtual network at this border.
#[derive(Debug, Clone, PartialEq)]
pub struct Vn {
    /// Its id.
    pub id: VnId,
    /// Its name.
    pub name: VnName,
    /// Its engine, as in topology files.
    pub engine: String,
    /// Virtual networks of one code base share one vote.
    pub code_base: String,
    /// The network namespace of its router here.
    pub namespace: String,
    /// The node's end of its port.
    pub port: InterfaceName,
    /// The router's end of it.
    pub router_port: InterfaceName,
    /// The router's address on the port.
    pub gateway: Ipv4Addr,
    /// Equal for virtual networks whose live links and metrics are equal.
    pub layout_class: Option<u64>,
}

/// A prefix behind a customer-facing interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The interface.
    pub interface: InterfaceName,
}

/// A prefix behind another border.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The borders to which it is attached. Prefixes of the same borders share the set.
    pub egress: Arc<BTreeSet<NodeName>>,
    /// How its vote is decided. Prefixes of the same policy share it.
    pub policy: Arc<Policy>,
}

fn policy(wire: &v1::Policy, damping: Damping) -> Result<Policy, FieldError> {
    let rule = match wire.kind() {
        v1::PolicyKind::Master => {
            Rule::Master { master: vn_id("policy.master_vn_id", wire.master_vn_id)?.get() }
        }
        v1::PolicyKind::Majority => Rule::Majority,
        v1::PolicyKind::FirstK => {
            let k: u8 = number("policy.first_k", wire.first_k)?;
            if k == 0 {
                return Err(FieldError::new("policy.first_k", "must be at least 1"));
            }
            Rule::FirstK { k }
        }
        v1::PolicyKind::Consensus => Rule::Consensus,
        v1::PolicyKind::Unspecified => {
            return Err(FieldError::new("policy.kind", "is not one that this border knows"));
        }
    };
    Ok(Policy {
        rule,
        verified: wire.verified,
        settle: duration("policy.settle", wire.settle)?,
        fail_back: duration("policy.fail_back", wire.fail_back)?,
        deadline: duration("policy.deadline", wire.deadline)?,
        damping,
    })
}

fn damping(wire: v1::Damping) -> Result<Damping, FieldError> {
    Ok(Damping {
        half_life: duration("damping.half_life", wire.half_life)?,
        suppress: wire.suppress,
        reuse: wire.reuse,
        max_suppress: duration("damping.longest", wire.longest)?,
    })
}

/// How to probe, given the rest of the specification.
fn probes(wire: &v1::ProbeSpec, node: &str, spec: &Spec) -> Result<Option<ProbeSpec>, FieldError> {
    if wire.packets_per_second == 0 || wire.loopback.is_empty() {
        return Ok(None);
    }
    let key = <[u8; 32]>::try_from(wire.key.as_slice())
        .map_err(|_| FieldError::new("probes.key", "must have 32 bytes"))?;
    let peer = |peer: &v1::ProbePeer| {
        Ok((parse("probes.peers.node", &peer.node)?, parse("probes.peers.loopback", &peer.loopback)?))
    };
    let port = |vn: &Vn| {
        let (namespace, port, router_port) = (vn.namespace.clone(), vn.port.clone(), vn.router_port.clone());
        (vn.id, ProbePort { namespace, port, router_port })
    };
    let loopback = parse("probes.loopback", &wire.loopback)?;
    let mut borders = wire.peers.iter().map(peer).collect::<Result<BTreeMap<_, _>, FieldError>>()?;
    borders.insert(parse("node", node)?, loopback);
    Ok(Some(ProbeSpec {
        key: Key(key),
        config: Config {
            interval: duration("probes.interval", wire.interval)?,
            losses: number("probes.losses", wire.losses)?,
            packets_per_second: wire.packets_per_second,
        },
        loopback,
        borders,
        attached: spec.attached.iter().map(|attached| attached.prefix).collect(),
        foreign: spec.foreign.iter().map(|f| (f.prefix, BTreeSet::clone(&f.egress))).collect(),
        vns: spec.vns.iter().map(port).collect(),
    }))
}

fn vn(wire: v1::BorderVn) -> Result<Vn, FieldError> {
    let port = required("vns.port", wire.port)?;
    let router: Ipv4Net = parse("vns.port.router_address", &port.router_address)?;
    Ok(Vn {
        id: vn_id("vns.id", wire.id)?,
        name: parse("vns.name", &wire.name)?,
        engine: wire.engine,
        code_base: wire.code_base,
        namespace: wire.namespace,
        port: parse("vns.port.node_interface", &port.node_interface)?,
        router_port: parse("vns.port.router_interface", &port.router_interface)?,
        gateway: router.addr(),
        layout_class: (wire.layout_class != 0).then_some(wire.layout_class),
    })
}

/// The one copy of each value.
struct Shared<T>(BTreeSet<Arc<T>>);

impl<T: Ord> Shared<T> {
    fn of(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        let value = Arc::new(value);
        self.0.insert(Arc::clone(&value));
        value
    }
}

fn foreign(wire: &[v1::ForeignPrefix], damping: Damping) -> Result<Vec<Foreign>, FieldError> {
    let (mut borders, mut policies) = (Shared(BTreeSet::new()), Shared(BTreeSet::new()));
    let one = |wire: &v1::ForeignPrefix| {
        let egress = wire.egress.iter().map(|node| parse("foreign.egress", node));
        Ok(Foreign {
            prefix: parse("foreign.prefix", &wire.prefix)?,
            egress: borders.of(egress.collect::<Result<_, _>>()?),
            policy: policies.of(policy(&required("foreign.policy", wire.policy)?, damping)?),
        })
    };
    wire.iter().map(one).collect()
}

impl TryFrom<v1::BorderSpec> for Spec {
    type Error = FieldError;

    fn try_from(wire: v1::BorderSpec) -> Result<Self, FieldError> {
        let damping = wire.damping.map_or(Ok(Damping::DEFAULT), damping)?;
        let mut spec = Spec {
            vns: wire.vns.into_iter().map(vn).collect::<Result<_, _>>()?,
            attached: wire
                .attached
                .into_iter()
                .map(|a| {
                    Ok(Attached {
                        prefix: parse("attached.prefix", &a.prefix)?,
                        interface: parse("attached.interface", &a.interface)?,
                    })
                })
                .collect::<Result<_, _>>()?,
            foreign: foreign(&wire.foreign, damping)?,
            links: wire
                .links
                .into_iter()
                .map(|l| {
                    Ok((
                        parse("links.interface", &l.interface)?,
                        parse("links.peer_address", &l.peer_address)?,
                    ))
                })
                .collect::<Result<_, _>>()?,
            probes: None,
        };
        if let Some(probing) = &wire.probes {
            spec.probes = probes(probing, &wire.node, &spec)?;
        }
        let ids: BTreeSet<VnId> = spec.vns.iter().map(|vn| vn.id).collect();
        if ids.len() != spec.vns.len() {
            return Err(FieldError::new("vns.id", "is given twice"));
        }
        let prefixes = spec.attached.iter().map(|a| a.prefix).chain(spec.foreign.iter().map(|f| f.prefix));
        let mut seen = BTreeSet::new();
        if let Some(twice) = prefixes.into_iter().find(|prefix| !seen.insert(*prefix)) {
            return Err(FieldError::new("prefix", format_args!("is given twice: {twice}")));
        }
        Ok(spec)
    }
}

impl Spec {
    /// The virtual network of that id.
    #[must_use]
    pub fn vn(&self, id: VnId) -> Option<&Vn> {
        self.vns.iter().find(|vn| vn.id == id)
    }
}
