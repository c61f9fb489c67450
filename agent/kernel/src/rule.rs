//! Policy rules: which table looks up which packet.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    rule::{RuleAction as WireAction, RuleAttribute, RuleMessage},
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, link::decode};

/// An IPv4 policy rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its place: lower ones are asked first.
    pub priority: u32,
    /// The interface a packet must have come in by; `None` for any.
    pub iif: Option<String>,
    /// What becomes of the packet.
    pub action: RuleAction,
    /// Who made the rule, a routing protocol number.
    pub protocol: u8,
}

/// What a rule does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleAction {
    /// Look it up in this table; if it has no route, the next rule is asked.
    Lookup(u32),
    /// Refuse it with ICMP network unreachable.
    Unreachable,
    /// Refuse it with ICMP communication prohibited.
    Prohibit,
    /// Drop it in silence.
    Blackhole,
    /// Another action, by its number. Read, never written by braid.
    Other(u8),
}

impl Netlink {
    /// All IPv4 rules of the namespace, by priority. Of rules with matches that [`Rule`] does not have, only the rest
    /// is shown.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn rules(&self) -> Result<Vec<Rule>, NetlinkError> {
        let operation = "list rules";
        let mut request = RuleMessage::default();
        request.header.family = AddressFamily::Inet;
        let mut rules = self
            .dump(RouteNetlinkMessage::GetRule(request), operation, |frame| {
                Ok(match decode(frame)? {
                    RouteNetlinkMessage::NewRule(message) => Some(from_message(message)),
                    _ => None,
                })
            })
            .await?
            .map_err(|refusal| self.refused(operation, refusal))?;
        rules.sort_by_key(|rule| rule.priority);
        Ok(rules)
    }

    /// Adds a rule. One that is there already is fine.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] if the kernel does not take it.
    pub async fn add_rule(&self, rule: &Rule) -> Result<(), NetlinkError> {
        let operation = format!("add rule {}", describe(rule));
        let message = RouteNetlinkMessage::NewRule(to_message(rule));
        match self.try_change(NLM_F_CREATE | NLM_F_EXCL, message, &operation).await? {
            Err(refusal) if refusal.errno != Errno::EEXIST => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }

    /// Removes a rule. One that is not there is fine.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] if the kernel does not let it go.
    pub async fn delete_rule(&self, rule: &Rule) -> Result<(), NetlinkError> {
        let operation = format!("delete rule {}", describe(rule));
        match self.try_change(0, RouteNetlinkMessage::DelRule(to_message(rule)), &operation).await? {
            Err(refusal) if refusal.errno != Errno::ENOENT => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }
}

fn describe(rule: &Rule) -> String {
    let iif = rule.iif.as_deref().map(|iif| format!(" iif `{iif}`")).unwrap_or_default();
    format!("{}{iif} {:?}", rule.priority, rule.action)
}

fn to_message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.action = match rule.action {
        RuleAction::Lookup(table) => {
            message.header.table = u8::try_from(table).unwrap_or(0);
            message.attributes.push(RuleAttribute::Table(table));
            WireAction::ToTable
        }
        RuleAction::Unreachable => WireAction::Unreachable,
        RuleAction::Prohibit => WireAction::Prohibit,
        RuleAction::Blackhole => WireAction::Blackhole,
        RuleAction::Other(number) => number.into(),
    };
    message
        .attributes
        .extend([RuleAttribute::Priority(rule.priority), RuleAttribute::Protocol(rule.protocol.into())]);
    message.attributes.extend(rule.iif.clone().map(RuleAttribute::Iifname));
    message
}

fn from_message(message: RuleMessage) -> Rule {
    let mut table = message.header.table.into();
    let mut rule = Rule { priority: 0, iif: None, action: RuleAction::Other(0), protocol: 0 };
    for attribute in message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = priority,
            RuleAttribute::Iifname(name) => rule.iif = Some(name),
            RuleAttribute::Protocol(protocol) => rule.protocol = protocol.into(),
            RuleAttribute::Table(number) => table = number,
            _ => {}
        }
    }
    rule.action = match message.header.action {
        WireAction::ToTable => RuleAction::Lookup(table),
        WireAction::Unreachable => RuleAction::Unreachable,
        WireAction::Prohibit => RuleAction::Prohibit,
        WireAction::Blackhole => RuleAction::Blackhole,
        other => RuleAction::Other(other.into()),
    };
    rule
}
