//! Links: the interfaces of a namespace.

use std::net::Ipv4Addr;

use netlink_packet_core::{DecodeError, NetlinkDeserializable};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage},
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, socket::Frame};

/// An interface as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace, from 1.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// The largest packet it takes, in bytes.
    pub mtu: u32,
    /// Whether an operator wants it up (`IFF_UP`).
    pub admin_up: bool,
    /// Whether it has carrier (`IFF_LOWER_UP`). An interface that is admin-down shows none.
    pub carrier: bool,
    /// Whether its protocol is held down: it stays admin-up, without carrier.
    pub protodown: bool,
    /// Its alias, where one was set.
    pub alias: Option<String>,
    /// The index of the interface it is enslaved to.
    pub master: Option<u32>,
    /// Its hardware address, where it has one of 6 bytes.
    pub mac: Option<[u8; 6]>,
}

/// What an interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// One end of a virtual cable.
    Veth {
        /// The index of the other end, in the other end's namespace.
        peer: Option<u32>,
    },
    /// A VXLAN tunnel (RFC 7348).
    Vxlan {
        /// The network identifier, 24 bits.
        vni: u32,
        /// The source address of its packets.
        local: Option<Ipv4Addr>,
        /// Where its packets go.
        remote: Option<Ipv4Addr>,
        /// The interface its packets leave by, an index in the namespace it was made from.
        underlay: Option<u32>,
    },
    /// Anything else, by the kernel's word for it; empty for hardware and loopback.
    Other(String),
}

impl Link {
    /// Whether packets can pass: wanted up, and with carrier.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.admin_up && self.carrier
    }

    /// Reads a link message. `None` for those that are about a bridge's port and not about the link itself.
    pub(crate) fn from_message(message: LinkMessage) -> Option<Self> {
        if u8::from(message.header.interface_family) != 0 {
            return None;
        }
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            kind: LinkKind::Other(String::new()),
            mtu: 0,
            admin_up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            protodown: false,
            alias: None,
            master: None,
            mac: None,
        };
        let mut parent = None;
        let mut info = Vec::new();
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::ProtoDown(down) => link.protodown = down != 0,
                LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
                LinkAttribute::Controller(master) => link.master = Some(master),
                LinkAttribute::Address(mac) => link.mac = mac.try_into().ok(),
                LinkAttribute::Link(index) => parent = Some(index),
                LinkAttribute::LinkInfo(found) => info = found,
                _ => {}
            }
        }
        link.kind = kind_of(info, parent);
        Some(link)
    }
}

fn kind_of(info: Vec<LinkInfo>, parent: Option<u32>) -> LinkKind {
    let mut kind = LinkKind::Other(String::new());
    for info in info {
        match info {
            LinkInfo::Kind(InfoKind::Veth) => kind = LinkKind::Veth { peer: parent },
            LinkInfo::Kind(other) => kind = LinkKind::Other(other.to_string()),
            LinkInfo::Data(InfoData::Vxlan(attributes)) => {
                let (mut vni, mut local, mut remote, mut underlay) = (0, None, None, None);
                for attribute in attributes {
                    match attribute {
                        InfoVxlan::Id(id) => vni = id,
                        InfoVxlan::Local(address) => local = Some(address),
                        InfoVxlan::Group(address) => remote = Some(address),
                        InfoVxlan::Link(index) => underlay = Some(index),
                        _ => {}
                    }
                }
                kind = LinkKind::Vxlan { vni, local, remote, underlay };
            }
            _ => {}
        }
    }
    kind
}

/// A frame of the routing family, decoded.
pub(crate) fn decode(frame: &Frame<'_>) -> Result<RouteNetlinkMessage, DecodeError> {
    RouteNetlinkMessage::deserialize(&frame.header, frame.payload)
}

fn decode_link(frame: &Frame<'_>) -> Result<Option<Link>, DecodeError> {
    match decode(frame)? {
        RouteNetlinkMessage::NewLink(message) => Ok(Link::from_message(message)),
        _ => Ok(None),
    }
}

/// A message about the link of this name.
pub(crate) fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

/// A request for links without their counters.
fn request() -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message
}

impl Netlink {
    /// All interfaces of the namespace, by index.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn links(&self) -> Result<Vec<Link>, NetlinkError> {
        let operation = "list links";
        let mut links = self
            .dump(RouteNetlinkMessage::GetLink(request()), operation, decode_link)
            .await?
            .map_err(|refusal| self.refused(operation, refusal))?;
        links.sort_unstable_by_key(|link| link.index);
        Ok(links)
    }

    /// The interface of this name, if there is one.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn link(&self, name: &str) -> Result<Option<Link>, NetlinkError> {
        let operation = format!("read link `{name}`");
        let mut message = request();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.get(RouteNetlinkMessage::GetLink(message), &operation, decode_link).await? {
            Ok(link) => Ok(link),
            Err(refusal) if refusal.errno == Errno::ENODEV => Ok(None),
            Err(refusal) => Err(self.refused(&operation, refusal)),
        }
    }

    /// The index of the interface of this name.
    pub(crate) async fn link_index(&self, name: &str) -> Result<u32, NetlinkError> {
        Ok(self.link(name).await?.ok_or_else(|| self.no_such_link(name))?.index)
    }

    /// Takes an interface up or down.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`] if there is none of that name.
    pub async fn set_admin(&self, name: &str, up: bool) -> Result<(), NetlinkError> {
        let mut message = named(name);
        message.header.change_mask = LinkFlags::Up;
        message.header.flags = if up { LinkFlags::Up } else { LinkFlags::empty() };
        let state = if up { "up" } else { "down" };
        self.set_link(name, message, &format!("take link `{name}` {state}")).await
    }

    /// Holds an interface's protocol down, or lets go of it. Held down it has no carrier but stays admin-up, so that
    /// an operator's own wish is kept apart. VXLAN and macvlan devices know this, veth does not.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`]; [`NetlinkError::Refused`] with `EOPNOTSUPP` for a kind that does not know it.
    pub async fn set_protodown(&self, name: &str, down: bool) -> Result<(), NetlinkError> {
        let mut message = named(name);
        message.attributes.push(LinkAttribute::ProtoDown(down.into()));
        let switch = if down { "on" } else { "off" };
        self.set_link(name, message, &format!("switch protodown {switch} on link `{name}`")).await
    }

    /// Sets the largest packet an interface takes, in bytes.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`]; [`NetlinkError::Refused`] outside of the device's range.
    pub async fn set_mtu(&self, name: &str, mtu: u32) -> Result<(), NetlinkError> {
        let mut message = named(name);
        message.attributes.push(LinkAttribute::Mtu(mtu));
        self.set_link(name, message, &format!("set the MTU of link `{name}` to {mtu}")).await
    }

    /// Sets an interface's alias, at most 255 bytes; an empty one takes it away.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`]; [`NetlinkError::Refused`] for an alias that is too long.
    pub async fn set_alias(&self, name: &str, alias: &str) -> Result<(), NetlinkError> {
        let mut message = named(name);
        message.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
        self.set_link(name, message, &format!("set the alias of link `{name}`")).await
    }

    /// Removes an interface (of a veth pair, both). One that is not there is fine.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] for one that cannot be removed, such as hardware.
    pub async fn delete_link(&self, name: &str) -> Result<(), NetlinkError> {
        let operation = format!("delete link `{name}`");
        match self.try_change(0, RouteNetlinkMessage::DelLink(named(name)), &operation).await? {
            Err(refusal) if refusal.errno != Errno::ENODEV => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }

    async fn set_link(&self, name: &str, message: LinkMessage, operation: &str) -> Result<(), NetlinkError> {
        match self.try_change(0, RouteNetlinkMessage::SetLink(message), operation).await? {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.errno == Errno::ENODEV => Err(self.no_such_link(name)),
            Err(refusal) => Err(self.refused(operation, refusal)),
        }
    }

    /// Renames an interface.
    pub(crate) async fn rename_link(&self, from: &str, to: &str) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = self.link_index(from).await?;
        message.attributes.push(LinkAttribute::IfName(to.to_owned()));
        self.set_link(from, message, &format!("rename link `{from}` to `{to}`")).await
    }

    /// Waits until every change to links, routes and nexthop objects that the kernel has begun is finished and all its
    /// notifications are in the sockets: takes the lock they all hold, by an empty change to the loopback.
    pub(crate) async fn barrier(&self) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = 1;
        self.change(0, RouteNetlinkMessage::SetLink(message), "wait for the routing lock").await
    }
}
