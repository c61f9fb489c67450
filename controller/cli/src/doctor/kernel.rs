//! The kernel features that braid builds on, each tried in scratch namespaces.
//!
//! ```text
//!  namespace `near`: eth1 ───veth─── eth1 :namespace `far`
//!       ▲ nexthop object, policy rule,        vx1: a VXLAN device whose packets travel in `near`
//!         packet filter
//! ```

use std::{error::Error, net::Ipv4Addr};

use braid_kernel::{
    Netlink, NetlinkError, Netns, NetnsError, Nexthop, NexthopTarget, Rule, RuleAction, VXLAN_OVERHEAD,
    VethSpec, VxlanSpec, filter, sysctl,
};
use nix::unistd::Uid;

use crate::view::{Area, Check};

/// The kernel's route protocol number of braid's own objects.
const PROTOCOL: u8 = 76;
const CABLE: &str = "eth1";
const TUNNEL: &str = "vx1";
const MTU: u32 = 1600;
const RULESET: &str = "table inet braid_doctor {\n  chain in {\n    type filter hook prerouting priority raw; policy \
                       accept;\n    iifname \"cust0\" udp dport 4789 drop\n  }\n}\n";

/// A namespace that goes away with this value.
struct Scratch(Netns);

impl Scratch {
    fn make(suffix: &str) -> Result<Self, NetnsError> {
        Netns::create(&format!("braid-doctor-{}-{suffix}", std::process::id())).map(Self)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(name) = self.0.name() {
            // Whoever reads the checks has no use for this; `ip netns` shows what stays.
            let _ = Netns::delete(name);
        }
    }
}

/// One check per feature. Without root there is none: nothing can be tried.
pub async fn features() -> Vec<Check> {
    if !Uid::effective().is_root() {
        return Vec::new();
    }
    let what = "network namespaces";
    match (Scratch::make("near"), Scratch::make("far")) {
        (Ok(near), Ok(far)) => {
            let mut checks = vec![Check::ok(Area::Kernel, what, "made two")];
            match Netlink::open(&near.0) {
                Ok(netlink) => checks.extend(in_namespaces(&netlink, &near.0, &far.0).await),
                Err(error) => checks.push(refused("netlink", &error, "a kernel with CONFIG_NET")),
            }
            checks
        }
        (Err(error), _) | (_, Err(error)) => {
            vec![refused(what, &error, "a kernel with CONFIG_NET_NS, and the right to use it")]
        }
    }
}

async fn in_namespaces(netlink: &Netlink, near: &Netns, far: &Netns) -> Vec<Check> {
    let veth = VethSpec { name: CABLE, peer: CABLE, peer_netns: far, mtu: MTU, up: true };
    let ruleset = filter::apply_ruleset(near, RULESET).await;
    vec![
        tried("veth", netlink.create_veth(&veth).await, "modprobe veth (CONFIG_VETH)"),
        tried("VXLAN across namespaces", vxlan(netlink, far).await, "modprobe vxlan (CONFIG_VXLAN)"),
        tried("protodown on VXLAN", protodown(far).await, "Linux 4.1 or later"),
        tried("nexthop objects", nexthop(netlink).await, "Linux 5.3 or later"),
        tried(
            "nexthop_compat_mode",
            sysctl::write(near, "net/ipv4/nexthop_compat_mode", "0"),
            "Linux 5.8 or later, and a writable /proc/sys",
        ),
        tried("policy rules", netlink.add_rule(&rule()).await, "a kernel with CONFIG_IP_MULTIPLE_TABLES"),
        match ruleset {
            // That is among the programs.
            Err(filter::FilterError::NoProgram) => Check::warn(
                Area::Kernel,
                "nftables",
                "not tried: there is no nft",
                "install nftables, and look again",
            ),
            ruleset => tried("nftables", ruleset, "modprobe nf_tables (CONFIG_NF_TABLES_INET)"),
        },
    ]
}

/// A tunnel between two addresses of documentation (RFC 5737): no packet ever leaves.
async fn vxlan(netlink: &Netlink, far: &Netns) -> Result<(), NetlinkError> {
    let underlay = netlink.link(CABLE).await?.map(|link| link.index);
    let spec = VxlanSpec {
        name: TUNNEL,
        netns: far,
        vni: 0x01_0001,
        local: Ipv4Addr::new(192, 0, 2, 1),
        remote: Ipv4Addr::new(192, 0, 2, 2),
        underlay,
        mtu: MTU - VXLAN_OVERHEAD,
        index: None,
        mac: None,
        up: true,
    };
    netlink.create_vxlan(&spec).await
}

async fn protodown(far: &Netns) -> Result<(), NetlinkError> {
    Netlink::open(far)?.set_protodown(TUNNEL, true).await
}

async fn nexthop(netlink: &Netlink) -> Result<(), NetlinkError> {
    netlink.set_admin("lo", true).await?;
    let nexthop = Nexthop { id: 7601, target: NexthopTarget::Blackhole, protocol: PROTOCOL };
    netlink.replace_nexthop(&nexthop).await
}

fn rule() -> Rule {
    Rule { priority: 7600, iif: Some(CABLE.to_owned()), action: RuleAction::Unreachable, protocol: PROTOCOL }
}

fn tried<E: Error>(what: &str, outcome: Result<(), E>, fix: &str) -> Check {
    match outcome {
        Ok(()) => Check::ok(Area::Kernel, what, "works"),
        Err(error) => refused(what, &error, fix),
    }
}

fn refused(what: &str, error: &dyn Error, fix: &str) -> Check {
    Check::missing(Area::Kernel, what, error.to_string(), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::CheckState;

    #[tokio::test]
    async fn this_kernel_has_all_features_and_the_scratch_namespaces_go_away() {
        let checks = features().await;
        assert_eq!(checks.len(), 8);
        assert!(checks.iter().all(|check| check.state == CheckState::Ok), "{checks:?}");
        let ours = format!("braid-doctor-{}-", std::process::id());
        assert!(!Netns::list().unwrap().iter().any(|name| name.starts_with(&ours)));
    }
}
