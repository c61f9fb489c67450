//! Nexthop objects: next hops with an id that many routes share, so that one message moves them all.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+---------------+---------------+---------------+
//! |    family     |     scope     |   protocol    |   reserved    |  struct nhmsg,
//! +---------------+---------------+---------------+---------------+  then attributes
//! |                             flags                             |  (linux/nexthop.h)
//! +---------------------------------------------------------------+
//! ```

use std::{collections::HashMap, net::Ipv4Addr};

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_CREATE, NLM_F_REPLACE, NetlinkDeserializable, NetlinkHeader,
    NetlinkSerializable, Nla, NlasIterator,
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, NextHop, Route, RouteKind};

pub(crate) const RTM_NEWNEXTHOP: u16 = 104;
pub(crate) const RTM_DELNEXTHOP: u16 = 105;
const RTM_GETNEXTHOP: u16 = 106;
/// The multicast group of nexthop objects (`RTNLGRP_NEXTHOP`).
pub(crate) const RTNLGRP_NEXTHOP: u32 = 32;

const HEADER: usize = 8;
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// Bytes of a `struct nexthop_grp`: id, weight − 1, its high byte, reserved.
const GROUP_ENTRY: usize = 8;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;

/// A nexthop object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nexthop {
    /// Its number, from 1, which routes name it by.
    pub id: u32,
    /// Where packets go.
    pub target: NexthopTarget,
    /// Who made it, a routing protocol number.
    pub protocol: u8,
}

/// Where a nexthop object sends packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NexthopTarget {
    /// Out of an interface. The kernel refuses one that is down, and deletes the object, *with its routes and without
    /// saying so*, when the interface goes down.
    Device {
        /// The next router; `None` if the destination itself is on the link.
        via: Option<Ipv4Addr>,
        /// The interface's index.
        ifindex: u32,
    },
    /// Nowhere: dropped. The kernel wants the loopback interface up to take it.
    Blackhole,
    /// Spread over other nexthop objects, by weight.
    Group(Vec<GroupMember>),
}

/// A nexthop object's share in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMember {
    /// The member's id.
    pub id: u32,
    /// Its weight, from 1.
    pub weight: u16,
}

impl Netlink {
    /// All nexthop objects that IPv4 routes can use, groups included, by id.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn nexthops(&self) -> Result<Vec<Nexthop>, NetlinkError> {
        let operation = "list nexthop objects";
        let request = NexthopMessage::new(RTM_GETNEXTHOP, AF_UNSPEC);
        let mut nexthops = self
            .dump(request, operation, |frame| {
                let message = NexthopMessage::deserialize(&frame.header, frame.payload)?;
                Ok(message.nexthop())
            })
            .await?
            .map_err(|refusal| self.refused(operation, refusal))?;
        nexthops.sort_unstable_by_key(|nexthop| nexthop.id);
        Ok(nexthops)
    }

    /// Makes a nexthop object, or changes the one of its id. All routes to it follow at once, whatever their number (with
    /// `net.ipv4.nexthop_compat_mode` = 0; with 1 the kernel also announces each of them, which takes its time).
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], with `ENETDOWN` if the interface is down, `ENODEV` if it is not there, `EHOSTUNREACH`
    /// or `EINVAL` if the next router is not on its link.
    pub async fn replace_nexthop(&self, nexthop: &Nexthop) -> Result<(), NetlinkError> {
        let operation = format!("replace nexthop object {}", nexthop.id);
        self.change(NLM_F_CREATE | NLM_F_REPLACE, NexthopMessage::of(nexthop), &operation).await
    }

    /// Deletes a nexthop object, and with it all routes to it. One that is not there is fine.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn delete_nexthop(&self, id: u32) -> Result<(), NetlinkError> {
        let operation = format!("delete nexthop object {id}");
        let mut message = NexthopMessage::new(RTM_DELNEXTHOP, AF_UNSPEC);
        message.attributes.push(Attribute::Id(id));
        match self.try_change(0, message, &operation).await? {
            Err(refusal) if refusal.errno != Errno::ENOENT => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }
}

/// Fills in a route's kind and next hops from the nexthop object it names, if the object is known.
pub(crate) fn resolve(route: &mut Route, nexthops: &HashMap<u32, Nexthop>) {
    let Some(nexthop) = route.nexthop_id.and_then(|id| nexthops.get(&id)) else { return };
    let hop = |nexthop: &Nexthop, weight| match nexthop.target {
        NexthopTarget::Device { via, ifindex } => {
            // The route's own account, where it gives one, knows whether the hop is dead.
            let known = route.next_hops.iter().find(|hop| hop.via == via && hop.ifindex == ifindex);
            let state = known.copied().unwrap_or_default();
            Some(NextHop { via, ifindex, weight, ..state })
        }
        NexthopTarget::Blackhole | NexthopTarget::Group(_) => None,
    };
    let is_blackhole = |nexthop: &Nexthop| nexthop.target == NexthopTarget::Blackhole;
    let (blackhole, hops) = match &nexthop.target {
        NexthopTarget::Group(members) => {
            let members: Vec<_> = members
                .iter()
                .filter_map(|member| Some((nexthops.get(&member.id)?, member.weight)))
                .collect();
            (
                members.iter().any(|(member, _)| is_blackhole(member)),
                members.iter().filter_map(|(member, weight)| hop(member, *weight)).collect(),
            )
        }
        _ => (is_blackhole(nexthop), hop(nexthop, 1).into_iter().collect()),
    };
    route.next_hops = hops;
    match route.kind {
        RouteKind::Unicast if blackhole => route.kind = RouteKind::Blackhole,
        RouteKind::Blackhole if !blackhole => route.kind = RouteKind::Unicast,
        _ => {}
    }
}

/// A message of the nexthop family, which netlink-packet-route does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NexthopMessage {
    kind: u16,
    family: u8,
    protocol: u8,
    attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Attribute {
    Id(u32),
    Group(Vec<GroupMember>),
    Blackhole,
    Oif(u32),
    Gateway(Ipv4Addr),
    Other(DefaultNla),
}

impl NexthopMessage {
    fn new(kind: u16, family: u8) -> Self {
        Self { kind, family, protocol: 0, attributes: Vec::new() }
    }

    fn of(nexthop: &Nexthop) -> Self {
        let mut message = Self::new(RTM_NEWNEXTHOP, AF_INET);
        message.protocol = nexthop.protocol;
        message.attributes.push(Attribute::Id(nexthop.id));
        match &nexthop.target {
            NexthopTarget::Device { via, ifindex } => {
                message.attributes.push(Attribute::Oif(*ifindex));
                message.attributes.extend(via.map(Attribute::Gateway));
            }
            NexthopTarget::Blackhole => message.attributes.push(Attribute::Blackhole),
            NexthopTarget::Group(members) => {
                message.family = AF_UNSPEC;
                message.attributes.push(Attribute::Group(members.clone()));
            }
        }
        message
    }

    /// The id the message is about, whatever its family.
    pub(crate) fn id(&self) -> Option<u32> {
        self.attributes.iter().find_map(|attribute| match attribute {
            Attribute::Id(id) => Some(*id),
            _ => None,
        })
    }

    /// The object the message describes, if IPv4 routes can use it.
    pub(crate) fn nexthop(&self) -> Option<Nexthop> {
        if !matches!(self.family, AF_UNSPEC | AF_INET) {
            return None;
        }
        let (mut via, mut ifindex, mut other) = (None, None, None);
        for attribute in &self.attributes {
            match attribute {
                Attribute::Oif(index) => ifindex = Some(*index),
                Attribute::Gateway(address) => via = Some(*address),
                Attribute::Blackhole => other = Some(NexthopTarget::Blackhole),
                Attribute::Group(members) => other = Some(NexthopTarget::Group(members.clone())),
                Attribute::Id(_) | Attribute::Other(_) => {}
            }
        }
        let device = ifindex.map(|ifindex| NexthopTarget::Device { via, ifindex });
        Some(Nexthop { id: self.id()?, target: other.or(device)?, protocol: self.protocol })
    }
}

impl NetlinkSerializable for NexthopMessage {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        HEADER + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..HEADER].copy_from_slice(&[self.family, 0, self.protocol, 0, 0, 0, 0, 0]);
        self.attributes.as_slice().emit(&mut buffer[HEADER..]);
    }
}

impl NetlinkDeserializable for NexthopMessage {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let (&[family, _, protocol, ..], rest) = payload
            .split_first_chunk::<HEADER>()
            .ok_or_else(|| DecodeError::buffer_too_small(payload.len(), HEADER))?;
        let attributes = NlasIterator::new(rest)
            .map(|attribute| {
                let attribute = attribute?;
                Attribute::decode(attribute.kind(), attribute.value())
            })
            .collect::<Result<_, DecodeError>>()?;
        Ok(Self { kind: header.message_type, family, protocol, attributes })
    }
}

impl Attribute {
    fn decode(kind: u16, value: &[u8]) -> Result<Self, DecodeError> {
        let number = || match value.try_into() {
            Ok(bytes) => Ok(u32::from_ne_bytes(bytes)),
            Err(_) => Err(DecodeError::invalid_number(4, value.len())),
        };
        Ok(match kind {
            NHA_ID => Self::Id(number()?),
            NHA_OIF => Self::Oif(number()?),
            NHA_BLACKHOLE => Self::Blackhole,
            NHA_GROUP => Self::Group(value.as_chunks::<GROUP_ENTRY>().0.iter().map(group_member).collect()),
            // An IPv6 gateway has 16 bytes.
            NHA_GATEWAY if value.len() == 4 => Self::Gateway(number()?.to_ne_bytes().into()),
            _ => Self::Other(DefaultNla::new(kind, value.to_vec())),
        })
    }
}

fn group_member(entry: &[u8; GROUP_ENTRY]) -> GroupMember {
    let [a, b, c, d, weight, weight_high, _, _] = *entry;
    GroupMember {
        id: u32::from_ne_bytes([a, b, c, d]),
        weight: u16::from_le_bytes([weight, weight_high]).saturating_add(1),
    }
}

impl Nla for Attribute {
    fn value_len(&self) -> usize {
        match self {
            Self::Id(_) | Self::Oif(_) | Self::Gateway(_) => 4,
            Self::Group(members) => members.len() * GROUP_ENTRY,
            Self::Blackhole => 0,
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Id(_) => NHA_ID,
            Self::Group(_) => NHA_GROUP,
            Self::Blackhole => NHA_BLACKHOLE,
            Self::Oif(_) => NHA_OIF,
            Self::Gateway(_) => NHA_GATEWAY,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Id(number) | Self::Oif(number) => buffer.copy_from_slice(&number.to_ne_bytes()),
            Self::Gateway(address) => buffer.copy_from_slice(&address.octets()),
            Self::Blackhole => {}
            Self::Group(members) => {
                for (entry, member) in buffer.as_chunks_mut::<GROUP_ENTRY>().0.iter_mut().zip(members) {
                    let [a, b, c, d] = member.id.to_ne_bytes();
                    let [low, high] = member.weight.saturating_sub(1).to_le_bytes();
                    *entry = [a, b, c, d, low, high, 0, 0];
                }
            }
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn targets() -> impl Strategy<Value = NexthopTarget> {
        let member = (any::<u32>(), 1..=u16::MAX).prop_map(|(id, weight)| GroupMember { id, weight });
        prop_oneof![
            (any::<Option<Ipv4Addr>>(), any::<u32>())
                .prop_map(|(via, ifindex)| NexthopTarget::Device { via, ifindex }),
            Just(NexthopTarget::Blackhole),
            prop::collection::vec(member, 1..5).prop_map(NexthopTarget::Group),
        ]
    }

    proptest! {
        #[test]
        fn a_nexthop_survives_the_wire(id in any::<u32>(), protocol in any::<u8>(), target in targets()) {
            let nexthop = Nexthop { id, target, protocol };
            let message = NexthopMessage::of(&nexthop);
            let mut bytes = vec![0; message.buffer_len()];
            message.serialize(&mut bytes);
            let mut header = NetlinkHeader::default();
            header.message_type = RTM_NEWNEXTHOP;
            let read = NexthopMessage::deserialize(&header, &bytes).unwrap();
            prop_assert_eq!(&read, &message);
            prop_assert_eq!(read.nexthop(), Some(nexthop));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = NexthopMessage::deserialize(&NetlinkHeader::default(), &bytes).map(|read| read.nexthop());
        }
    }
}
