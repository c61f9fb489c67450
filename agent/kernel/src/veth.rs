//! Virtual cables between namespaces.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};

use crate::{Netlink, NetlinkError, Netns, link::named};

/// A veth pair to be made: one end in the handle's namespace, the other in any.
#[derive(Debug, Clone)]
pub struct VethSpec<'a> {
    /// The name of the end in the handle's namespace.
    pub name: &'a str,
    /// The name of the other end.
    pub peer: &'a str,
    /// The namespace of the other end.
    pub peer_netns: &'a Netns,
    /// The largest packet of both ends, in bytes.
    pub mtu: u32,
    /// Whether both ends come up at once.
    pub up: bool,
}

impl Netlink {
    /// Makes a veth pair, each end straight in its namespace.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `EEXIST` if either name is taken; then nothing is made.
    pub async fn create_veth(&self, spec: &VethSpec<'_>) -> Result<(), NetlinkError> {
        let mut peer = end(spec.peer, spec);
        peer.attributes.push(LinkAttribute::NetNsFd(spec.peer_netns.as_fd().as_raw_fd()));
        let mut message = end(spec.name, spec);
        if spec.up {
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        let operation =
            format!("create veth `{}` with peer `{}` in {}", spec.name, spec.peer, spec.peer_netns.label());
        self.change(NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewLink(message), &operation).await?;
        if spec.up {
            // Not in the same request: the kernel would open this end before it has its peer, and fail (ENOTCONN).
            Self::open(spec.peer_netns)?.set_admin(spec.peer, true).await?;
        }
        Ok(())
    }
}

fn end(name: &str, spec: &VethSpec<'_>) -> LinkMessage {
    let mut message = named(name);
    message.attributes.push(LinkAttribute::Mtu(spec.mtu));
    message
}
