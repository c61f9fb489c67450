//! The id of a virtual network.

use std::{fmt, num::NonZeroU8};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number is not a virtual network's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0} is not a virtual network id: ids are 1 to 255")]
pub struct VnIdError(pub i64);

/// The id of a virtual network, 1 to 255. It is the third byte of every VNI on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct VnId(NonZeroU8);

impl VnId {
    /// The id as a number, 1 to 255.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The VXLAN network identifier of this virtual network's link `link`: VN id × 65536 + link number.
    #[must_use]
    pub const fn vni(self, link: u16) -> u32 {
        (self.0.get() as u32) << 16 | link as u32
    }
}

impl TryFrom<i64> for VnId {
    type Error = VnIdError;
    fn try_from(id: i64) -> Result<Self, VnIdError> {
        u8::try_from(id).ok().and_then(NonZeroU8::new).map(VnId).ok_or(VnIdError(id))
    }
}

impl TryFrom<u32> for VnId {
    type Error = VnIdError;
    fn try_from(id: u32) -> Result<Self, VnIdError> {
        i64::from(id).try_into()
    }
}

impl From<VnId> for u32 {
    fn from(id: VnId) -> u32 {
        id.get().into()
    }
}

impl fmt::Display for VnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl JsonSchema for VnId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VnId".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 255 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_255_and_leads_the_vni() {
        assert_eq!(VnId::try_from(0_i64), Err(VnIdError(0)));
        assert_eq!(VnId::try_from(256_i64), Err(VnIdError(256)));
        let id = VnId::try_from(3_i64).unwrap();
        assert_eq!(id.vni(14), 0x03_000e);
    }
}
