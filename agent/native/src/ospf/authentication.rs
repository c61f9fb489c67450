//! How packets prove where they come from, as the configuration file says it.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::Secret;

/// How packets prove where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// By a password of at most 8 bytes that all on the link can read.
    Simple(Secret),
    /// By a digest (RFC 2328 §D.3, RFC 5709, RFC 7474).
    Keys(Vec<Key>),
}

impl Authentication {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A key. Of several, the one that began last among those valid for sending signs; each that is valid is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its number, on the wire.
    pub id: u8,
    /// How the digest is made.
    pub algorithm: Algorithm,
    /// Sequence numbers of 64 bits, and the source address in the digest (RFC 7474). Not for MD5.
    #[serde(default)]
    pub extended: bool,
    /// The secret.
    pub secret: Secret,
    /// When it signs; default always.
    #[serde(default, skip_serializing_if = "Validity::is_always")]
    pub send: Validity,
    /// When it is taken; default always.
    #[serde(default, skip_serializing_if = "Validity::is_always")]
    pub accept: Validity,
}

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 2328 §D.3.
    #[serde(rename = "md5")]
    Md5,
    /// RFC 5709.
    #[serde(rename = "hmac-sha-1")]
    HmacSha1,
    /// RFC 5709.
    #[serde(rename = "hmac-sha-256")]
    HmacSha256,
    /// RFC 5709.
    #[serde(rename = "hmac-sha-384")]
    HmacSha384,
    /// RFC 5709.
    #[serde(rename = "hmac-sha-512")]
    HmacSha512,
}

/// A time span by the wall clock, such as `{"from": "2026-11-21T04:00:00Z", "until": "2026-12-01T00:00:00Z"}`.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validity {
    /// Its beginning; default ever.
    pub from: Option<Time>,
    /// Its end; default never.
    pub until: Option<Time>,
}

impl Validity {
    fn is_always(&self) -> bool {
        *self == Self::default()
    }
}

/// A second of the wall clock, in RFC 3339's spelling with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.0);
        serializer.collect_str(&humantime::format_rfc3339_seconds(time))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(|error| {
            D::Error::custom(format!("`{text}` is no time such as 2026-11-21T04:00:00Z: {error}"))
        })?;
        let since = time.duration_since(std::time::UNIX_EPOCH);
        Ok(Self(since.map_err(|_| D::Error::custom(format!("`{text}` is before 1970")))?.as_secs()))
    }
}
