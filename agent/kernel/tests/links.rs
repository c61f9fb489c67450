//! Links: cables between namespaces, virtual links over them, carrier, and the watch on all that.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use std::{net::Ipv4Addr, time::Instant};

use braid_kernel::{
    LinkEvent, LinkKind, LinkWatch, Netlink, NetlinkError, VXLAN_OVERHEAD, VethSpec, VxlanSpec,
};
use common::{PATIENCE, TestNs, eventually};
use nix::errno::Errno;
use tokio::time::timeout;

/// Two nodes on a cable `eth1`–`eth1`, 10.0.0.0/31.
struct Nodes {
    a: TestNs,
    _b: TestNs,
    netlink: [Netlink; 2],
}

const ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 0, 0, 1)];

async fn nodes() -> Nodes {
    let (a, b) = (TestNs::new("a"), TestNs::new("b"));
    let netlink = [a.netlink(), b.netlink()];
    let cable = VethSpec { name: "eth1", peer: "eth1", peer_netns: &b.netns, mtu: 1600, up: true };
    netlink[0].create_veth(&cable).await.unwrap();
    for (netlink, end) in netlink.iter().zip(ENDS) {
        netlink.add_address("eth1", format!("{end}/31").parse().unwrap()).await.unwrap();
    }
    Nodes { a, _b: b, netlink }
}

impl Nodes {
    /// The spec of node `side`'s end of a virtual link named like the cable, in the virtual router `vr`.
    async fn tunnel<'a>(&self, side: usize, vr: &'a TestNs, vni: u32) -> VxlanSpec<'a> {
        VxlanSpec {
            name: "eth1",
            netns: &vr.netns,
            vni,
            local: ENDS[side],
            remote: ENDS[1 - side],
            underlay: Some(self.netlink[side].link("eth1").await.unwrap().unwrap().index),
            mtu: 1600 - VXLAN_OVERHEAD,
            index: Some(1000 + (vni & 0xffff)),
            mac: None,
            up: true,
        }
    }
}

#[tokio::test]
async fn a_cable_joins_two_namespaces() {
    let nodes = nodes().await;
    assert!(nodes.a.pings("10.0.0.1"));

    // What we read is what `ip` shows.
    let link = nodes.netlink[0].link("eth1").await.unwrap().unwrap();
    let shown = nodes.a.ip_json("-d link show eth1");
    assert_eq!(shown[0]["ifindex"], link.index);
    assert_eq!(shown[0]["mtu"], 1600);
    assert_eq!(link.mtu, 1600);
    assert!(link.admin_up && link.carrier && link.is_up());
    let peer = nodes.netlink[1].link("eth1").await.unwrap().unwrap();
    assert_eq!(link.kind, LinkKind::Veth { peer: Some(peer.index) });
    let names: Vec<_> = nodes.netlink[0].links().await.unwrap().into_iter().map(|link| link.name).collect();
    assert_eq!(names, ["lo", "eth1"]);

    // One end down is no carrier on the other.
    nodes.netlink[1].set_admin("eth1", false).await.unwrap();
    let link = nodes.netlink[0].link("eth1").await.unwrap().unwrap();
    assert!(link.admin_up && !link.carrier);

    // Alias and MTU are set, and taken back.
    nodes.netlink[0].set_alias("eth1", "braid: to b").await.unwrap();
    nodes.netlink[0].set_mtu("eth1", 1500).await.unwrap();
    let link = nodes.netlink[0].link("eth1").await.unwrap().unwrap();
    assert_eq!((link.alias.as_deref(), link.mtu), (Some("braid: to b"), 1500));
    nodes.netlink[0].set_alias("eth1", "").await.unwrap();
    assert_eq!(nodes.netlink[0].link("eth1").await.unwrap().unwrap().alias, None);

    // Deleting one end deletes both; deleting what is gone is fine; touching what is gone is a clear error.
    nodes.netlink[0].delete_link("eth1").await.unwrap();
    assert_eq!(nodes.netlink[1].link("eth1").await.unwrap(), None);
    nodes.netlink[0].delete_link("eth1").await.unwrap();
    let error = nodes.netlink[0].set_admin("eth1", true).await.unwrap_err();
    assert!(matches!(error, NetlinkError::NoSuchLink { .. }), "{error}");
    assert!(error.to_string().contains(&nodes.a.name), "{error}");
}

#[tokio::test]
async fn a_virtual_link_carries_packets_between_virtual_routers() {
    let nodes = nodes().await;
    let (vr_a, vr_b) = (TestNs::new("vra"), TestNs::new("vrb"));
    for (side, vr) in [&vr_a, &vr_b].into_iter().enumerate() {
        let spec = nodes.tunnel(side, vr, 0x03_0001).await;
        nodes.netlink[side].create_vxlan(&spec).await.unwrap();
        let inside = vr.netlink();
        let address = format!("10.1.0.{side}/31").parse().unwrap();
        inside.add_address("eth1", address).await.unwrap();
    }
    assert!(vr_a.pings("10.1.0.1"));

    // The device is in the virtual router only, and as we asked.
    let shown = &vr_a.ip_json("-d link show eth1")[0];
    let data = &shown["linkinfo"]["info_data"];
    assert_eq!(shown["linkinfo"]["info_kind"], "vxlan");
    assert_eq!(data["id"], 0x03_0001);
    assert_eq!(data["local"], "10.0.0.0");
    assert_eq!(data["remote"], "10.0.0.1");
    assert_eq!(data["port"], 4789);
    assert_eq!(data["ttl"], 64);
    assert_eq!(data["learning"], false);
    assert_eq!(shown["mtu"], 1550);
    let underlay = nodes.netlink[0].link("eth1").await.unwrap().unwrap();
    assert!(matches!(underlay.kind, LinkKind::Veth { .. }));
    let link = vr_a.netlink().link("eth1").await.unwrap().unwrap();
    let expected = LinkKind::Vxlan {
        vni: 0x03_0001,
        local: Some(ENDS[0]),
        remote: Some(ENDS[1]),
        underlay: Some(underlay.index),
    };
    assert_eq!(link.kind, expected);

    // Held down it stays admin-up without carrier, as a daemon would see a cut cable; let go, it is as before.
    let inside = vr_a.netlink();
    inside.set_protodown("eth1", true).await.unwrap();
    let link = inside.link("eth1").await.unwrap().unwrap();
    assert!(link.protodown && link.admin_up && !link.carrier);
    let shown = &vr_a.ip_json("-d link show eth1")[0];
    assert!(shown["flags"].as_array().unwrap().contains(&"NO-CARRIER".into()), "{shown}");
    assert!(!vr_a.pings("10.1.0.1"));
    inside.set_protodown("eth1", false).await.unwrap();
    assert!(inside.link("eth1").await.unwrap().unwrap().carrier);
    eventually("packets pass again", async || vr_a.pings("10.1.0.1")).await;

    // A cable does not know protodown, and says so.
    let error = nodes.netlink[0].set_protodown("eth1", true).await.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EOPNOTSUPP), "{error}");

    // A name that is taken is refused in words.
    let spec = nodes.tunnel(0, &vr_a, 0x03_0002).await;
    let error = nodes.netlink[0].create_vxlan(&spec).await.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST), "{error}");
    assert_eq!(inside.links().await.unwrap().len(), 2, "nothing is left of the attempt");
}

#[tokio::test]
async fn eighty_four_virtual_links_are_made_quickly() {
    let nodes = nodes().await;
    let routers: Vec<_> = (0..12).map(|_| TestNs::new("vr")).collect();
    let start = Instant::now();
    for (number, vr) in routers.iter().enumerate() {
        for link in 0..7 {
            let mut spec = nodes.tunnel(0, vr, (number as u32 + 1) << 16 | link).await;
            let name = format!("eth{link}");
            spec.name = &name;
            spec.mac = Some([2, 0, 0, 0, number as u8, link as u8]);
            nodes.netlink[0].create_vxlan(&spec).await.unwrap();
        }
    }
    println!("84 VXLAN devices in {:?}", start.elapsed());
    for vr in &routers {
        let links = vr.netlink().links().await.unwrap();
        assert_eq!(links.len(), 8);
        assert!(links[1..].iter().all(|link| link.mac.is_some_and(|mac| mac[0] == 2)));
    }
}

#[tokio::test]
async fn a_watch_begins_with_a_snapshot_and_then_tells_changes() {
    let ns = TestNs::new("watch");
    let netlink = ns.netlink();
    let mut watch = LinkWatch::open(&ns.netns).unwrap();
    let Some(LinkEvent::Snapshot(links)) = timeout(PATIENCE, watch.next()).await.unwrap() else {
        panic!("the first event is a snapshot")
    };
    assert_eq!(links.len(), 1);

    // A pair appears, comes up, loses carrier, vanishes.
    let pair = VethSpec { name: "x", peer: "y", peer_netns: &ns.netns, mtu: 1500, up: false };
    netlink.create_veth(&pair).await.unwrap();
    netlink.set_admin("x", true).await.unwrap();
    netlink.set_admin("y", true).await.unwrap();
    let mut expect = async |what: &str, wanted: &dyn Fn(&LinkEvent) -> bool| {
        timeout(PATIENCE, async { while !wanted(&watch.next().await.unwrap()) {} })
            .await
            .unwrap_or_else(|_| panic!("no event: {what}"));
    };
    expect("x up", &|event| matches!(event, LinkEvent::Changed(link) if link.name == "x" && link.is_up()))
        .await;
    netlink.set_admin("y", false).await.unwrap();
    expect("x without carrier", &|event| {
        matches!(event, LinkEvent::Changed(link) if link.name == "x" && link.admin_up && !link.carrier)
    })
    .await;
    netlink.delete_link("x").await.unwrap();
    expect("x gone", &|event| matches!(event, LinkEvent::Removed(link) if link.name == "x")).await;
}
