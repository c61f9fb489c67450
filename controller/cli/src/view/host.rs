//! A customer host, as `braid get hosts` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, present};
use crate::page::Cell;

/// A customer host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Host {
    pub name: String,
    /// The border that it is behind.
    pub node: String,
    /// Plain addresses, as `ping` takes them.
    pub addresses: Vec<String>,
    /// The same addresses with their prefix lengths.
    pub cidr: Vec<String>,
    pub gateway: Option<String>,
    /// Its network namespace.
    pub namespace: Option<String>,
}

impl From<v1::Host> for Host {
    fn from(host: v1::Host) -> Self {
        let plain = |cidr: &String| cidr.split('/').next().unwrap_or_default().to_owned();
        Self {
            name: host.name,
            node: host.node,
            addresses: host.addresses.iter().map(plain).collect(),
            cidr: host.addresses,
            gateway: present(host.gateway),
            namespace: present(host.namespace),
        }
    }
}

impl Row for Host {
    const NOUN: &'static str = "hosts";
    const HEADER: &'static [&'static str] = &["HOST", "BORDER", "ADDRESSES", "GATEWAY", "NAMESPACE"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            (&self.name).into(),
            (&self.node).into(),
            Cell::list(&self.cidr),
            Cell::maybe(self.gateway.as_ref()),
            Cell::maybe(self.namespace.as_ref()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_the_prefix_length_stands_beside() {
        let host = Host::from(v1::Host {
            name: "seattle-host".into(),
            node: "seattle".into(),
            addresses: vec!["198.18.1.10/24".into()],
            gateway: "198.18.1.1".into(),
            ..Default::default()
        });
        let json = serde_json::to_value(&host).unwrap();
        assert_eq!(json["addresses"], serde_json::json!(["198.18.1.10"]));
        assert_eq!(json["cidr"], serde_json::json!(["198.18.1.10/24"]));
        assert!(json["namespace"].is_null());
    }
}
