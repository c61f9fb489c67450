//! Entries as TLVs.

use braid_isis_packet::{NLPID_IPV4, NarrowNeighbour, NarrowPrefix, Tlv, WideNeighbour, WidePrefix};
use ipnet::Ipv4Net;

use super::entry::{Key, Value};

/// Adds an entry to the TLVs of a fragment. Entries that come in the order of their keys make one TLV of each kind.
pub fn push(tlvs: &mut Vec<Tlv>, key: &Key, value: &Value) {
    match (key, tlvs.last_mut()) {
        (Key::Area(area), Some(Tlv::AreaAddresses(list))) => list.push(*area),
        (Key::NarrowNeighbour(node), Some(Tlv::IsNeighboursNarrow(list))) => {
            list.push(narrow_neighbour(*node, value));
        }
        (Key::WideNeighbour(node), Some(Tlv::IsNeighbours(list))) => {
            list.push(WideNeighbour::new(*node, value.metric));
        }
        (Key::Address(address), Some(Tlv::IpInterfaceAddresses(list))) => list.push(*address),
        (Key::NarrowPrefix(net), Some(Tlv::InternalReach(list)))
        | (Key::NarrowExternal(net), Some(Tlv::ExternalReach(list))) => {
            list.push(narrow_prefix(*net, value));
        }
        (Key::WidePrefix(net), Some(Tlv::ExtendedIp(list))) => list.push(wide_prefix(*net, value)),
        (key, _) => tlvs.push(first(key, value)),
    }
}

/// A TLV with one entry.
fn first(key: &Key, value: &Value) -> Tlv {
    match key {
        Key::Area(area) => Tlv::AreaAddresses(vec![*area]),
        Key::Protocols => Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
        Key::Name(name) => Tlv::DynamicName(name.clone()),
        Key::NarrowNeighbour(node) => Tlv::IsNeighboursNarrow(vec![narrow_neighbour(*node, value)]),
        Key::WideNeighbour(node) => Tlv::IsNeighbours(vec![WideNeighbour::new(*node, value.metric)]),
        Key::Address(address) => Tlv::IpInterfaceAddresses(vec![*address]),
        Key::NarrowPrefix(net) => Tlv::InternalReach(vec![narrow_prefix(*net, value)]),
        Key::NarrowExternal(net) => Tlv::ExternalReach(vec![narrow_prefix(*net, value)]),
        Key::WidePrefix(net) => Tlv::ExtendedIp(vec![wide_prefix(*net, value)]),
    }
}

fn narrow_neighbour(node: braid_isis_packet::LanId, value: &Value) -> NarrowNeighbour {
    NarrowNeighbour { node, metric: six_bits(value.metric), external: false }
}

fn narrow_prefix(net: Ipv4Net, value: &Value) -> NarrowPrefix {
    let Value { metric, down, external_metric, .. } = *value;
    NarrowPrefix { net, metric: six_bits(metric), down, external_metric }
}

fn wide_prefix(net: Ipv4Net, value: &Value) -> WidePrefix {
    WidePrefix { net, metric: value.metric, down: value.down, sub_tlvs: Vec::new() }
}

fn six_bits(metric: u32) -> u8 {
    u8::try_from(metric).unwrap_or(u8::MAX).min(braid_isis_packet::MAX_NARROW_METRIC)
}
