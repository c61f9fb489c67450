//! What is kept in snapshots and shown as JSON comes back the same.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::fmt::Debug;

use braid_isis_packet::{
    Authentication, Level, Lsp, LspFlags, LspId, Net, NewLsp, SystemId, Tlv, WideNeighbour,
};
use serde::{Serialize, de::DeserializeOwned};

fn lsp() -> Lsp {
    let id = SystemId([0, 0, 0, 0, 0, 1]).node().fragment(0);
    let new = NewLsp { level: Level::Two, id, sequence: 3, lifetime: 900, flags: LspFlags::new(Level::Two) };
    let tlvs = [Tlv::IsNeighbours(vec![WideNeighbour::new(SystemId([2; 6]).node(), 10)])];
    Lsp::build(&new, &tlvs, &Authentication::Password("secret".into())).unwrap()
}

fn assert_returns<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: Option<&str>) {
    let kept = postcard::to_allocvec(value).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&kept).unwrap(), value);
    let shown = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&shown).unwrap(), value);
    if let Some(json) = json {
        assert_eq!(shown, json);
    }
}

#[test]
fn addresses_and_lsps_come_back_the_same() {
    let net: Net = "49.0001.0000.0000.0001.00".parse().unwrap();
    assert_returns(&net, Some("\"49.0001.0000.0000.0001.00\""));
    assert_returns(&net.area, Some("\"49.0001\""));
    assert_returns(&net.system, Some("\"0000.0000.0001\""));
    assert_returns(&net.system.pseudonode(2), Some("\"0000.0000.0001.02\""));
    assert_returns(&LspId::LAST, Some("\"ffff.ffff.ffff.ff-ff\""));
    let lsp = lsp();
    assert_returns(&lsp, Some(&format!("\"{}\"", lsp.to_hex())));
    assert_returns(&lsp.tlvs().collect::<Vec<_>>(), None);
}

#[test]
fn a_damaged_lsp_does_not_come_back() {
    let mut kept = postcard::to_allocvec(&lsp()).unwrap();
    let last = kept.len() - 1;
    kept[last] ^= 1;
    assert!(postcard::from_bytes::<Lsp>(&kept).is_err());
}
