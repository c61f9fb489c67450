//! Reading and changing what the kernel holds of ours in the border's own namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use braid_kernel::{
    Link, Netlink, NetlinkError, Netns, NextHop, Nexthop, NexthopTarget, Route, RouteChange, RouteFilter,
    RouteKind, Rule, RuleAction,
    filter::{self, FilterError},
    sysctl::{self, SysctlError},
};
use braid_proto::VnId;
use ipnet::Ipv4Net;
use thiserror::Error;

use super::plan::{Action, Actual, Desired, Port, RouteEdit, plan, plan_changes};
use crate::{
    filter::{CHAIN, TABLE, ruleset},
    spec::Spec,
};

/// The mark on every route, rule and nexthop object of ours: a route protocol number nobody else uses.
const PROTOCOL: u8 = 76;
/// Prefixes voted on.
const VOTED: u32 = 7601;
/// Own prefixes: all that a packet out of a virtual network may be sent to.
const ATTACHED: u32 = 7602;
/// The nexthop object of virtual network `k` has id 7600 + k.
const OBJECTS: u32 = 7600;

/// How often the packet filter is looked for.
const LOOK_FOR_FILTER: Duration = Duration::from_secs(10);

/// In this order the rules are asked, after the kernel's own for local addresses and before the main table.
mod priority {
    pub const FROM_PORT: u32 = 7600;
    pub const FROM_PORT_ELSE: u32 = 7601;
    pub const VOTED: u32 = 7602;
    pub const FROM_CUSTOMER: u32 = 7603;
    pub const FROM_CUSTOMER_ELSE: u32 = 7604;
}

/// What a border sets in its namespace. Forwarding, of course; return paths may use another virtual network, so no
/// reverse path filter; and one nexthop replace must stay one message however many routes follow it.
const SYSCTLS: [(&str, &str); 4] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/nexthop_compat_mode", "0"),
];

/// The kernel could not be read or changed.
#[derive(Debug, Error)]
pub enum SteeringError {
    /// The routing socket said no.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A kernel setting said no.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// The packet filter said no.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Some routes were refused; the others are in place.
    #[error("{count} routes were refused, the first one: {first}")]
    Refused {
        /// How many.
        count: usize,
        /// The first refusal.
        first: String,
    },
}

/// The kernel's side of a border.
#[derive(Debug)]
pub struct Steering {
    netns: Netns,
    netlink: Netlink,
    actual: Actual,
    links: BTreeMap<String, Link>,
    /// Interfaces whose reverse path filter has been turned off.
    unfiltered: BTreeSet<String>,
    /// The filter rules in force.
    ruleset: String,
    /// When they were last seen to be there.
    filter_seen: Instant,
}

fn object_id(vn: VnId) -> u32 {
    OBJECTS + u32::from(vn)
}

fn object_vn(id: u32) -> Option<VnId> {
    VnId::try_from(id.checked_sub(OBJECTS)?).ok()
}

/// The rules that a border with this specification has.
fn rules(spec: &Spec) -> BTreeSet<Rule> {
    let rule = |priority, iif: Option<&str>, action| Rule {
        priority,
        iif: iif.map(str::to_owned),
        action,
        protocol: PROTOCOL,
    };
    // Out of a virtual network a packet goes to a customer here or nowhere: never into a second one.
    let ports = spec.vns.iter().map(|vn| vn.port.as_str()).flat_map(|port| {
        [
            rule(priority::FROM_PORT, Some(port), RuleAction::Lookup(ATTACHED)),
            rule(priority::FROM_PORT_ELSE, Some(port), RuleAction::Unreachable),
        ]
    });
    // A customer reaches customers, and not the addresses that braid itself is built on.
    let customers = spec.attached.iter().map(|attached| attached.interface.as_str()).flat_map(|customer| {
        [
            rule(priority::FROM_CUSTOMER, Some(customer), RuleAction::Lookup(ATTACHED)),
            rule(priority::FROM_CUSTOMER_ELSE, Some(customer), RuleAction::Unreachable),
        ]
    });
    let voted = rule(priority::VOTED, None, RuleAction::Lookup(VOTED));
    ports.chain(customers).chain([voted]).collect()
}

impl Steering {
    /// Takes hold of the border's namespace and reads what is there of ours.
    ///
    /// # Errors
    /// When the kernel cannot be read or does not take the settings that a border needs.
    pub async fn open(netns: &Netns) -> Result<Self, SteeringError> {
        for (key, value) in SYSCTLS {
            sysctl::write(netns, key, value)?;
        }
        let mut steering = Self {
            netns: netns.clone(),
            netlink: Netlink::open(netns)?,
            actual: Actual::default(),
            links: BTreeMap::new(),
            unfiltered: BTreeSet::new(),
            ruleset: String::new(),
            filter_seen: Instant::now(),
        };
        steering.observe().await?;
        Ok(steering)
    }

    /// Reads links, nexthop objects and routes anew. Gives how many objects and routes others have changed since they were known.
    ///
    /// # Errors
    /// When the kernel cannot be read; what was known then stands.
    pub async fn observe(&mut self) -> Result<usize, SteeringError> {
        let links = self.netlink.links().await?;
        let nexthops = self.netlink.nexthops().await?;
        let voted = self.netlink.routes(RouteFilter::table(VOTED)).await?;
        let attached = self.netlink.routes(RouteFilter::table(ATTACHED)).await?;
        self.links = links.into_iter().map(|link| (link.name.clone(), link)).collect();
        let objects = nexthops.iter().filter(|nexthop| nexthop.protocol == PROTOCOL);
        let objects = objects.filter_map(|nexthop| match nexthop.target {
            NexthopTarget::Device { via: Some(gateway), ifindex } => {
                Some((object_vn(nexthop.id)?, Port { ifindex, gateway }))
            }
            _ => None,
        });
        let actual = Actual::new(
            objects.collect(),
            voted.iter().map(|r| (r.prefix, r.nexthop_id.and_then(object_vn))).collect(),
            attached.iter().map(|r| (r.prefix, r.next_hops.first().map_or(0, |hop| hop.ifindex))).collect(),
        );
        let differences = self.actual.differences(&actual);
        self.actual = actual;
        Ok(differences)
    }

    /// The ports of the specification's virtual networks that packets can go through.
    #[must_use]
    pub fn ports(&self, spec: &Spec) -> BTreeMap<VnId, Port> {
        let usable = spec.vns.iter().filter_map(|vn| {
            let link = self.links.get(vn.port.as_str()).filter(|link| link.is_up())?;
            Some((vn.id, Port { ifindex: link.index, gateway: vn.gateway }))
        });
        usable.collect()
    }

    /// The prefixes that the kernel forwards at this moment, each with the virtual network that it goes through.
    #[must_use]
    pub fn in_force(&self, spec: &Spec) -> BTreeMap<Ipv4Net, VnId> {
        let ports = self.ports(spec);
        let prefixes = self.actual.votes.keys();
        prefixes
            .filter_map(|prefix| Some((*prefix, self.actual.forwards_through(*prefix, &ports)?)))
            .collect()
    }

    /// The virtual network on whose nexthop object the kernel has a voted prefix.
    #[must_use]
    pub fn in_force_for(&self, prefix: Ipv4Net) -> Option<VnId> {
        self.actual.votes.get(&prefix).copied().flatten()
    }

    /// Builds what does not depend on verdicts: rules, and the packet filter. Does nothing where nothing changed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn found(&mut self, spec: &Spec) -> Result<(), SteeringError> {
        let filter_rules = ruleset(&spec.links, spec.probes.as_ref());
        if filter_rules != self.ruleset || self.filter_is_gone().await {
            filter::apply_ruleset(&self.netns, &filter_rules).await?;
            self.ruleset = filter_rules;
        }
        let wanted = rules(spec);
        let ours = self.netlink.rules().await?.into_iter().filter(|rule| rule.protocol == PROTOCOL);
        let there: BTreeSet<Rule> = ours.collect();
        // Additions first: at no time may a packet out of a port find the tables for others.
        for rule in wanted.difference(&there) {
            self.netlink.add_rule(rule).await?;
        }
        for rule in there.difference(&wanted) {
            self.netlink.delete_rule(rule).await?;
        }
        let ports = spec.vns.iter().map(|vn| vn.port.as_str());
        let names = ports.chain(spec.attached.iter().map(|attached| attached.interface.as_str()));
        for name in names.filter(|name| self.links.contains_key(*name)) {
            if !self.unfiltered.contains(name) {
                sysctl::write(&self.netns, &format!("net/ipv4/conf/{name}/rp_filter"), "0")?;
                self.unfiltered.insert(name.to_owned());
            }
        }
        self.unfiltered.retain(|name| self.links.contains_key(name));
        Ok(())
    }

    /// Whether somebody has taken the filter away. It is asked for only now and then, since that runs a program.
    async fn filter_is_gone(&mut self) -> bool {
        if self.filter_seen.elapsed() < LOOK_FOR_FILTER {
            return false;
        }
        self.filter_seen = Instant::now();
        let listed = filter::apply_ruleset(&self.netns, &format!("list chain inet {TABLE} {CHAIN}\n")).await;
        matches!(listed, Err(FilterError::Refused { .. }))
    }

    /// Makes the kernel's table follow the verdicts. Gives the number of changes.
    ///
    /// # Errors
    /// When the kernel refuses a change. What was known of the kernel is then out of date: observe again.
    pub async fn steer(
        &mut self,
        spec: &Spec,
        votes: BTreeMap<Ipv4Net, Option<VnId>>,
    ) -> Result<usize, SteeringError> {
        let attached = spec.attached.iter().filter_map(|attached| {
            let link = self.links.get(attached.interface.as_str()).filter(|link| link.admin_up)?;
            Some((attached.prefix, link.index))
        });
        let desired = Desired { ports: self.ports(spec), votes, attached: attached.collect() };
        let actions = plan(&desired, &self.actual);
        self.carry_out_all(&actions).await?;
        Ok(actions.iter().map(Action::changes).sum())
    }

    /// Makes the kernel's table follow these verdicts, which have changed; the others are taken to be followed already.
    ///
    /// # Errors
    /// As [`Steering::steer`].
    pub async fn steer_changes(
        &mut self,
        spec: &Spec,
        votes: &BTreeMap<Ipv4Net, Option<VnId>>,
    ) -> Result<(), SteeringError> {
        let actions = plan_changes(&self.ports(spec), votes, &self.actual);
        self.carry_out_all(&actions).await
    }

    async fn carry_out_all(&mut self, actions: &[Action]) -> Result<(), SteeringError> {
        for action in actions {
            self.carry_out(action).await?;
            self.actual.apply(std::slice::from_ref(action));
        }
        Ok(())
    }

    /// Sends everything that goes through one virtual network through another from now on: one message. Votes follow, and
    /// with them the routes.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn hand_over(&mut self, spec: &Spec, from: VnId, to: VnId) -> Result<(), SteeringError> {
        let Some(port) = self.ports(spec).remove(&to) else { return Ok(()) };
        if self.actual.objects.get(&from).is_none_or(|at| *at == port) {
            return Ok(());
        }
        let action = Action::SetObject(from, port);
        self.carry_out(&action).await?;
        self.actual.apply(&[action]);
        Ok(())
    }

    async fn carry_out(&self, action: &Action) -> Result<(), SteeringError> {
        match action {
            Action::SetObject(vn, port) => {
                let target = NexthopTarget::Device { via: Some(port.gateway), ifindex: port.ifindex };
                let nexthop = Nexthop { id: object_id(*vn), target, protocol: PROTOCOL };
                Ok(self.netlink.replace_nexthop(&nexthop).await?)
            }
            Action::DropObject(vn) => Ok(self.netlink.delete_nexthop(object_id(*vn)).await?),
            Action::EditRoutes(edits) => {
                let changes: Vec<RouteChange> = edits.iter().map(change).collect();
                let refused = self.netlink.apply_routes(&changes).await?;
                match refused.first() {
                    None => Ok(()),
                    Some(first) => {
                        Err(SteeringError::Refused { count: refused.len(), first: first.error.to_string() })
                    }
                }
            }
        }
    }
}

fn change(edit: &RouteEdit) -> RouteChange {
    match edit {
        RouteEdit::Vote(prefix, vn) => {
            RouteChange::Replace(Route::to_nexthop(*prefix, VOTED, PROTOCOL, object_id(*vn)))
        }
        RouteEdit::DropVote(prefix) => {
            RouteChange::Delete(Route::new(*prefix, VOTED, PROTOCOL, RouteKind::Unicast))
        }
        RouteEdit::Attach(prefix, ifindex) => {
            RouteChange::Replace(Route::unicast(*prefix, ATTACHED, PROTOCOL, NextHop::new(None, *ifindex)))
        }
        RouteEdit::DropAttached(prefix) => {
            RouteChange::Delete(Route::new(*prefix, ATTACHED, PROTOCOL, RouteKind::Unicast))
        }
    }
}
