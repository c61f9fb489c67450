//! Kernel parameters and packet filters belong to their namespace alone.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use braid_kernel::{
    Netns, VethSpec,
    filter::{self, FilterError},
    sysctl::{self, SysctlError},
};
use common::TestNs;

#[test]
fn a_parameter_is_set_in_its_namespace_only() {
    const KEY: &str = "net/ipv4/nexthop_compat_mode";
    let (a, b) = (TestNs::new("a"), TestNs::new("b"));
    let host = sysctl::read(&Netns::current().unwrap(), KEY).unwrap();
    sysctl::write(&a.netns, KEY, "0").unwrap();
    assert_eq!(sysctl::read(&a.netns, KEY).unwrap(), "0");
    assert_eq!(sysctl::read(&b.netns, KEY).unwrap(), "1");
    assert_eq!(sysctl::read(&Netns::current().unwrap(), KEY).unwrap(), host);

    sysctl::write_all(&b.netns, &[(KEY, "0"), ("net/ipv4/ip_forward", "1")]).unwrap();
    assert_eq!(sysctl::read(&b.netns, "net/ipv4/ip_forward").unwrap(), "1");

    let error = sysctl::write(&a.netns, "net/ipv4/no_such_thing", "1").unwrap_err();
    assert!(matches!(error, SysctlError::System { .. }));
    assert!(error.to_string().contains(&a.name) && error.to_string().contains("no_such_thing"), "{error}");
}

#[tokio::test]
async fn a_ruleset_is_applied_whole_or_not_at_all() {
    let (a, b) = (TestNs::new("a"), TestNs::new("b"));
    let netlink = a.netlink();
    let cable = VethSpec { name: "x", peer: "x", peer_netns: &b.netns, mtu: 1500, up: true };
    netlink.create_veth(&cable).await.unwrap();
    netlink.add_address("x", "10.0.0.0/31".parse().unwrap()).await.unwrap();
    b.netlink().add_address("x", "10.0.0.1/31".parse().unwrap()).await.unwrap();
    assert!(a.pings("10.0.0.1"));

    // A good ruleset drops; a bad one changes nothing and says why.
    let drop = "table inet braid {\n chain in {\n type filter hook input priority 0\n ip protocol icmp drop\n }\n}\n";
    filter::apply_ruleset(&b.netns, drop).await.unwrap();
    assert!(!a.pings("10.0.0.1"));
    let error = filter::apply_ruleset(&b.netns, "flush ruleset\nnonsense\n").await.unwrap_err();
    assert!(
        matches!(&error, FilterError::Refused { message, .. } if message.contains("nonsense")),
        "{error}"
    );
    assert!(!a.pings("10.0.0.1"));

    // Without the table packets pass; deleting it twice is fine.
    filter::delete_table(&b.netns, "inet", "braid").await.unwrap();
    filter::delete_table(&b.netns, "inet", "braid").await.unwrap();
    assert!(a.pings("10.0.0.1"));
}
