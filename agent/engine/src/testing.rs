//! What tests of the drivers share.

use std::time::Duration;

use crate::{LinkIntent, RouterIntent};

/// A router with one link and one attached prefix.
pub(crate) fn intent() -> RouterIntent {
    RouterIntent {
        node: "a".parse().unwrap(),
        loopback: [100, 64, 0, 1].into(),
        links: vec![LinkIntent {
            interface: "eth1".parse().unwrap(),
            address: "100.65.0.2/31".parse().unwrap(),
            metric: 20,
            mtu: 1550,
        }],
        port: Some("port".parse().unwrap()),
        attached: vec!["198.18.1.0/24".parse().unwrap()],
        hello: Duration::from_secs(1),
    }
}
