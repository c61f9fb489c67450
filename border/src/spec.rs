//! What this border is to do: the controller's specification, checked on arrival.

use std::{collections::BTreeSet, net::Ipv4Addr};

use braid_proto::{
    InterfaceName, NodeName, VnId, VnName, v1,
    wire::{FieldError, duration, parse, required, vn_id},
};
use braid_vote::{Policy, Rule};
use ipnet::Ipv4Net;

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
    /// The borders to which it is attached.
    pub egress: BTreeSet<NodeName>,
    /// How its vote is decided.
    pub policy: Policy,
}

fn policy(wire: &v1::Policy) -> Result<Policy, FieldError> {
    let rule = match wire.kind() {
        v1::PolicyKind::Master => {
            Rule::Master { master: vn_id("policy.master_vn_id", wire.master_vn_id)?.get() }
        }
        v1::PolicyKind::Majority => Rule::Majority,
        v1::PolicyKind::Unspecified => {
            return Err(FieldError::new("policy.kind", "is not one that this border knows"));
        }
    };
    Ok(Policy {
        rule,
        settle: duration("policy.settle", wire.settle)?,
        fail_back: duration("policy.fail_back", wire.fail_back)?,
    })
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
        gateway: router.addr(),
        layout_class: (wire.layout_class != 0).then_some(wire.layout_class),
    })
}

fn foreign(wire: &v1::ForeignPrefix) -> Result<Foreign, FieldError> {
    Ok(Foreign {
        prefix: parse("foreign.prefix", &wire.prefix)?,
        egress: wire.egress.iter().map(|node| parse("foreign.egress", node)).collect::<Result<_, _>>()?,
        policy: policy(&required("foreign.policy", wire.policy)?)?,
    })
}

impl TryFrom<v1::BorderSpec> for Spec {
    type Error = FieldError;

    fn try_from(wire: v1::BorderSpec) -> Result<Self, FieldError> {
        let spec = Spec {
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
            foreign: wire.foreign.iter().map(foreign).collect::<Result<_, _>>()?,
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
        };
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
