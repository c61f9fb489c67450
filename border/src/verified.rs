//! What the controller has verified, checked on arrival.

use std::collections::BTreeSet;

use braid_proto::{
    NodeName, VnId, v1,
    wire::{FieldError, parse, vn_id},
};
use ipnet::Ipv4Net;

/// Where a virtual network's FIBs lead a prefix from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It is not known.
    Unknown,
    /// To these borders, and the reference model, where it knows, expects them.
    Delivers(BTreeSet<NodeName>),
    /// Some packets in a circle.
    Loops,
    /// Some packets nowhere.
    Dropped,
    /// To these borders, and the reference model expects others.
    DiffersFromModel(BTreeSet<NodeName>),
}

/// A finding, with what it is about.
///
/// # Errors
/// When it names no virtual network, no prefix, or a border that cannot be.
pub fn finding(wire: &v1::VerifiedPrefix) -> Result<(VnId, Ipv4Net, Verified), FieldError> {
    let egress = || -> Result<BTreeSet<NodeName>, FieldError> {
        wire.egress.iter().map(|node| parse("changed.egress", node)).collect()
    };
    let verified = match wire.state() {
        v1::VerifiedState::Unspecified => Verified::Unknown,
        v1::VerifiedState::Delivers => Verified::Delivers(egress()?),
        v1::VerifiedState::Differs => Verified::DiffersFromModel(egress()?),
        v1::VerifiedState::Loops => Verified::Loops,
        v1::VerifiedState::Dropped => Verified::Dropped,
    };
    Ok((vn_id("changed.vn_id", wire.vn_id)?, parse("changed.prefix", &wire.prefix)?, verified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_understood_or_refused() {
        let mut wire = v1::VerifiedPrefix {
            vn_id: 2,
            prefix: "198.18.1.0/24".to_owned(),
            egress: vec!["denver".to_owned()],
            ..v1::VerifiedPrefix::default()
        };
        wire.set_state(v1::VerifiedState::Differs);
        let (vn, prefix, verified) = finding(&wire).unwrap();
        assert_eq!((vn.get(), prefix.to_string().as_str()), (2, "198.18.1.0/24"));
        assert_eq!(verified, Verified::DiffersFromModel(["denver".parse().unwrap()].into()));
        wire.egress = vec!["Not a name".to_owned()];
        assert!(finding(&wire).is_err());
    }
}
