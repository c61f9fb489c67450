//! The names of things in IS-IS: systems, their pseudonodes and LSPs, areas.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A text or a run of bytes is not an address of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not {expected}")]
pub struct AddressError {
    text: String,
    expected: &'static str,
}

impl AddressError {
    fn new(text: impl Into<String>, expected: &'static str) -> AddressError {
        AddressError { text: text.into(), expected }
    }
}

/// A system id of six bytes, written `0000.0000.0001`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SystemId(pub [u8; 6]);

impl SystemId {
    /// The LAN id that stands for the router itself: pseudonode 0.
    #[must_use]
    pub const fn node(self) -> LanId {
        self.pseudonode(0)
    }

    /// The pseudonode `number` of this system; 0 is the system itself.
    #[must_use]
    pub const fn pseudonode(self, number: u8) -> LanId {
        LanId { system: self, pseudonode: number }
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{g:02x}")
    }
}

impl FromStr for SystemId {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError::new(text, "a system id (write 0000.0000.0001)");
        let mut groups = text.split('.');
        let mut bytes = [0; 6];
        for pair in bytes.chunks_exact_mut(2) {
            hex::decode_to_slice(groups.next().ok_or_else(error)?, pair).map_err(|_| error())?;
        }
        if groups.next().is_some() {
            return Err(error());
        }
        Ok(SystemId(bytes))
    }
}

impl From<SystemId> for [u8; 6] {
    fn from(id: SystemId) -> [u8; 6] {
        id.0
    }
}

impl From<[u8; 6]> for SystemId {
    fn from(bytes: [u8; 6]) -> SystemId {
        SystemId(bytes)
    }
}

/// A node of the graph: a router (pseudonode 0) or a LAN's pseudonode, written `0000.0000.0001.00`.
///
/// It is also the LAN id of hellos: the system id of the designated router and its number for the circuit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LanId {
    /// The system that speaks for the node.
    pub system: SystemId,
    /// 0 for the router itself, otherwise the number that a designated router gave to its LAN.
    pub pseudonode: u8,
}

impl LanId {
    /// Whether this is a LAN's pseudonode and not a router.
    #[must_use]
    pub const fn is_pseudonode(self) -> bool {
        self.pseudonode != 0
    }

    /// The id of this node's LSP number `fragment`.
    #[must_use]
    pub const fn fragment(self, fragment: u8) -> LspId {
        LspId { node: self, fragment }
    }
}

impl fmt::Display for LanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02x}", self.system, self.pseudonode)
    }
}

impl FromStr for LanId {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError::new(text, "a LAN id (write 0000.0000.0001.00)");
        let (system, pseudonode) = text.rsplit_once('.').ok_or_else(error)?;
        Ok(LanId {
            system: system.parse().map_err(|_| error())?,
            pseudonode: hex_byte(pseudonode).ok_or_else(error)?,
        })
    }
}

impl From<LanId> for [u8; 7] {
    fn from(id: LanId) -> [u8; 7] {
        let [a, b, c, d, e, f] = id.system.0;
        [a, b, c, d, e, f, id.pseudonode]
    }
}

impl From<[u8; 7]> for LanId {
    fn from([a, b, c, d, e, f, pseudonode]: [u8; 7]) -> LanId {
        LanId { system: SystemId([a, b, c, d, e, f]), pseudonode }
    }
}

/// The id of one LSP: the node that it describes and the fragment, written `0000.0000.0001.00-00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LspId {
    /// The node that the LSP describes.
    pub node: LanId,
    /// The LSP number: a node's description may need up to 256 fragments.
    pub fragment: u8,
}

impl LspId {
    /// The least id: where a CSNP of the whole database starts.
    pub const FIRST: LspId = SystemId([0; 6]).node().fragment(0);
    /// The greatest id: where a CSNP of the whole database ends.
    pub const LAST: LspId = SystemId([0xff; 6]).pseudonode(0xff).fragment(0xff);

    /// The id right after this one; `None` after [`LspId::LAST`].
    #[must_use]
    pub fn next(self) -> Option<LspId> {
        let mut bytes = <[u8; 8]>::from(self);
        let next = u64::from_be_bytes(bytes).checked_add(1)?;
        bytes.copy_from_slice(&next.to_be_bytes());
        Some(bytes.into())
    }
}

impl fmt::Display for LspId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02x}", self.node, self.fragment)
    }
}

impl FromStr for LspId {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError::new(text, "an LSP id (write 0000.0000.0001.00-00)");
        let (node, fragment) = text.rsplit_once('-').ok_or_else(error)?;
        Ok(LspId {
            node: node.parse().map_err(|_| error())?,
            fragment: hex_byte(fragment).ok_or_else(error)?,
        })
    }
}

impl From<LspId> for [u8; 8] {
    fn from(id: LspId) -> [u8; 8] {
        let [a, b, c, d, e, f, pseudonode] = id.node.into();
        [a, b, c, d, e, f, pseudonode, id.fragment]
    }
}

impl From<[u8; 8]> for LspId {
    fn from([a, b, c, d, e, f, pseudonode, fragment]: [u8; 8]) -> LspId {
        LanId::from([a, b, c, d, e, f, pseudonode]).fragment(fragment)
    }
}

/// An area address of 1 to 13 bytes, written `49.0001`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaAddress {
    bytes: [u8; AreaAddress::MAX],
    length: u8,
}

impl AreaAddress {
    /// The greatest length in bytes.
    pub const MAX: usize = 13;

    /// How many bytes, 1 to 13.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// The bytes of the address, 1 to 13 of them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl TryFrom<&[u8]> for AreaAddress {
    type Error = AddressError;
    fn try_from(bytes: &[u8]) -> Result<Self, AddressError> {
        let error = || AddressError::new(hex::encode(bytes), "an area address (1 to 13 bytes)");
        let length = u8::try_from(bytes.len()).map_err(|_| error())?;
        let mut filled = [0; AreaAddress::MAX];
        if bytes.is_empty() {
            return Err(error());
        }
        filled.get_mut(..bytes.len()).ok_or_else(error)?.copy_from_slice(bytes);
        Ok(AreaAddress { bytes: filled, length })
    }
}

impl fmt::Display for AreaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.bytes().iter().enumerate() {
            let dot = if index % 2 == 1 { "." } else { "" };
            write!(f, "{dot}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for AreaAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError::new(text, "an area address (write 49.0001)");
        AreaAddress::try_from(dotted(text).ok_or_else(error)?.as_slice()).map_err(|_| error())
    }
}

impl From<AreaAddress> for Vec<u8> {
    fn from(area: AreaAddress) -> Vec<u8> {
        area.bytes().to_vec()
    }
}

impl TryFrom<Vec<u8>> for AreaAddress {
    type Error = AddressError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, AddressError> {
        bytes.as_slice().try_into()
    }
}

/// A network entity title: area, system id and the selector 00, written `49.0001.0000.0000.0001.00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    /// The area that the system belongs to.
    pub area: AreaAddress,
    /// The system.
    pub system: SystemId,
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.00", self.area, self.system)
    }
}

impl FromStr for Net {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError::new(text, "a network entity title (write 49.0001.0000.0000.0001.00)");
        Net::try_from(dotted(text).ok_or_else(error)?).map_err(|_| error())
    }
}

impl From<Net> for Vec<u8> {
    fn from(net: Net) -> Vec<u8> {
        [net.area.bytes(), &net.system.0, &[0]].concat()
    }
}

impl TryFrom<Vec<u8>> for Net {
    type Error = AddressError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, AddressError> {
        let error =
            || AddressError::new(hex::encode(&bytes), "a network entity title (8 to 20 bytes, the last 00)");
        let (area, [a, b, c, d, e, f, 0]) = bytes.split_last_chunk().ok_or_else(error)? else {
            return Err(error());
        };
        Ok(Net { area: area.try_into().map_err(|_| error())?, system: SystemId([*a, *b, *c, *d, *e, *f]) })
    }
}

/// The bytes of a text of hex digits with dots between whole bytes.
fn dotted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.split('.') {
        if group.is_empty() {
            return None;
        }
        bytes.extend(hex::decode(group).ok()?);
    }
    Some(bytes)
}

fn hex_byte(text: &str) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(text, &mut byte).ok()?;
    Some(byte[0])
}

/// Debug as Display; serde as the text for people (JSON, YAML) and as the bytes for machines (postcard).
macro_rules! written {
    ($($address:ty as $bytes:ty),*) => { $(
        impl fmt::Debug for $address {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $address {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    <$bytes>::from(*self).serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $address {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    <$bytes>::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
                }
            }
        }
    )* };
}

written!(SystemId as [u8; 6], LanId as [u8; 7], LspId as [u8; 8], AreaAddress as Vec<u8>, Net as Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_reads_back_as_it_was_written() {
        assert_eq!("0000.0000.00a1".parse::<SystemId>().unwrap().to_string(), "0000.0000.00a1");
        assert_eq!("0000.0000.0001.0f".parse::<LanId>().unwrap().to_string(), "0000.0000.0001.0f");
        assert_eq!("0000.0000.0001.0f-02".parse::<LspId>().unwrap().to_string(), "0000.0000.0001.0f-02");
        for area in ["49", "49.0001", "49.0001.02", "47.0005.80ff.f800.0000.0000.01"] {
            assert_eq!(area.parse::<AreaAddress>().unwrap().to_string(), area);
        }
        let net: Net = "49.0001.0000.0000.0001.00".parse().unwrap();
        assert_eq!(net.to_string(), "49.0001.0000.0000.0001.00");
        assert_eq!(net.area.to_string(), "49.0001");
        assert_eq!(net.system, SystemId([0, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "0000.0000", "0000.0000.00001", "0000.0000.0001.00", "000.0000.00001", "äöü.0000.0001"]
        {
            assert!(text.parse::<SystemId>().is_err(), "{text}");
        }
        for text in ["", "49..01", "4", "4z", "49.0001.0203.0405.0607.0809.0a0b.0c0d"] {
            assert!(text.parse::<AreaAddress>().is_err(), "{text}");
        }
        for text in ["49.0001.0000.0000.0001.01", "0000.0000.0001.00", "49.0001"] {
            assert!(text.parse::<Net>().is_err(), "{text}");
        }
        assert!("0000.0000.0001.00".parse::<LspId>().is_err());
        assert!("0000.0000.0001".parse::<LanId>().is_err());
    }

    #[test]
    fn lsp_ids_are_counted_through() {
        let last_fragment: LspId = "0000.0000.0001.00-ff".parse().unwrap();
        assert_eq!(last_fragment.next().unwrap().to_string(), "0000.0000.0001.01-00");
        assert_eq!(LspId::LAST.next(), None);
    }
}
