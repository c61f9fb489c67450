//! Virtual links: VXLAN tunnels (RFC 7348) that begin in a virtual router and travel in its node's namespace.

use std::{
    net::Ipv4Addr,
    os::fd::{AsFd, AsRawFd},
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo},
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, Netns, Refusal, link::named};

/// The UDP port of VXLAN (RFC 7348 §8).
const PORT: u16 = 4789;
/// Bytes that the tunnel adds to each packet: outer IPv4, UDP and VXLAN headers, and the inner Ethernet header.
pub const VXLAN_OVERHEAD: u32 = 50;
const TTL: u8 = 64;

/// A point-to-point VXLAN tunnel to be made.
#[derive(Debug, Clone)]
pub struct VxlanSpec<'a> {
    /// Its name in `netns`. The handle's namespace may have an interface of the same name.
    pub name: &'a str,
    /// The namespace it appears in; its packets travel in the handle's namespace.
    pub netns: &'a Netns,
    /// The network identifier, 24 bits.
    pub vni: u32,
    /// The source address of its packets, one of the handle's namespace.
    pub local: Ipv4Addr,
    /// Where its packets go.
    pub remote: Ipv4Addr,
    /// The interface its packets leave by, an index in the handle's namespace; `None` leaves that to routing.
    pub underlay: Option<u32>,
    /// The largest packet it takes, in bytes: the underlay's less [`VXLAN_OVERHEAD`].
    pub mtu: u32,
    /// Its index in `netns`; `None` for the next free one. Give one that differs from the underlay interface's: where they
    /// are equal, the kernel takes the tunnel for a plain device and tells of its carrier up to a second late.
    pub index: Option<u32>,
    /// Its hardware address; `None` for a random one.
    pub mac: Option<[u8; 6]>,
    /// Whether it comes up at once.
    pub up: bool,
}

impl Netlink {
    /// Makes a VXLAN tunnel straight in the spec's namespace, while its packets travel in this handle's: fixed ends, no
    /// learning, UDP port 4789, TTL 64.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `EEXIST` if the name is taken, or another tunnel of this handle's namespace has the
    /// same VNI over the same interface.
    pub async fn create_vxlan(&self, spec: &VxlanSpec<'_>) -> Result<(), NetlinkError> {
        match self.try_create_vxlan(spec.name, spec).await? {
            Ok(()) => Ok(()),
            // Kernels before 6.15 look for the name in this namespace instead of the target.
            Err(refusal) if refusal.errno == Errno::EEXIST && self.link(spec.name).await?.is_some() => {
                self.create_vxlan_renamed(spec).await
            }
            Err(refusal) => Err(self.refused(&operation(spec), refusal)),
        }
    }

    /// Makes the tunnel under a name that is free everywhere, and gives it its own where it has come to be.
    async fn create_vxlan_renamed(&self, spec: &VxlanSpec<'_>) -> Result<(), NetlinkError> {
        let passing = format!("vx{:06x}", spec.vni);
        let target = Self::open(spec.netns)?;
        let made = self.try_create_vxlan(&passing, spec).await?;
        made.map_err(|refusal| self.refused(&operation(spec), refusal))?;
        let renamed = target.rename_link(&passing, spec.name).await;
        if renamed.is_err() {
            target.delete_link(&passing).await?;
        }
        renamed
    }

    async fn try_create_vxlan(
        &self,
        name: &str,
        spec: &VxlanSpec<'_>,
    ) -> Result<Result<(), Refusal>, NetlinkError> {
        let mut tunnel = vec![
            InfoVxlan::Id(spec.vni),
            InfoVxlan::Local(spec.local),
            InfoVxlan::Group(spec.remote),
            InfoVxlan::Port(PORT),
            InfoVxlan::Learning(false),
            InfoVxlan::Ttl(TTL),
        ];
        tunnel.extend(spec.underlay.map(InfoVxlan::Link));
        let mut message = named(name);
        message.header.index = spec.index.unwrap_or(0);
        if spec.up {
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        message.attributes.extend([
            LinkAttribute::NetNsFd(spec.netns.as_fd().as_raw_fd()),
            LinkAttribute::Mtu(spec.mtu),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Vxlan),
                LinkInfo::Data(InfoData::Vxlan(tunnel)),
            ]),
        ]);
        message.attributes.extend(spec.mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
        let message = RouteNetlinkMessage::NewLink(message);
        self.try_change(NLM_F_CREATE | NLM_F_EXCL, message, &operation(spec)).await
    }
}

fn operation(spec: &VxlanSpec<'_>) -> String {
    format!("create VXLAN `{}` with VNI {:#08x} in {}", spec.name, spec.vni, spec.netns.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone(String);

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = Netns::delete(&self.0);
        }
    }

    #[tokio::test]
    async fn where_a_kernel_takes_no_second_eth1_the_tunnel_is_renamed_in_its_namespace() {
        let names = ["u", "t"].map(|end| Gone(format!("bk{}-{end}-vxlan", std::process::id())));
        let [underlay, target] = names.each_ref().map(|name| Netns::create(&name.0).unwrap());
        let netlink = Netlink::open(&underlay).unwrap();
        let spec = VxlanSpec {
            name: "eth1",
            netns: &target,
            vni: 0x01_0001,
            local: Ipv4Addr::new(10, 0, 0, 0),
            remote: Ipv4Addr::new(10, 0, 0, 1),
            underlay: None,
            mtu: 1550,
            index: None,
            mac: None,
            up: true,
        };
        netlink.create_vxlan_renamed(&spec).await.unwrap();
        let inside = Netlink::open(&target).unwrap();
        assert!(inside.link("eth1").await.unwrap().unwrap().admin_up);

        // With the name taken there, nothing is left of the attempt.
        let second = VxlanSpec { vni: 0x01_0002, ..spec };
        netlink.create_vxlan_renamed(&second).await.unwrap_err();
        assert_eq!(inside.links().await.unwrap().len(), 2);
    }
}
