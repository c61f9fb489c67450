//! How PDUs prove where they come from, as the configuration file says it.

use std::collections::BTreeSet;

use braid_isis_packet as packet;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// Bytes of the longest password: an authentication TLV has 255, one of which tells its kind.
const PASSWORD: usize = 254;

/// How PDUs prove where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// By a password that all on the circuit can read.
    Password(Secret),
    /// By a digest (RFC 5304, RFC 5310): the first key signs, each is taken.
    Keys(Vec<Key>),
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its number, on the wire; HMAC-MD5 has none there.
    #[serde(default)]
    pub id: u16,
    /// How the digest is made.
    pub algorithm: Algorithm,
    /// The secret.
    pub secret: Secret,
}

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 5304.
    #[serde(rename = "hmac-md5")]
    HmacMd5,
    /// RFC 5310, as all that follow.
    #[serde(rename = "hmac-sha-1")]
    HmacSha1,
    /// RFC 5310.
    #[serde(rename = "hmac-sha-224")]
    HmacSha224,
    /// RFC 5310.
    #[serde(rename = "hmac-sha-256")]
    HmacSha256,
    /// RFC 5310.
    #[serde(rename = "hmac-sha-384")]
    HmacSha384,
    /// RFC 5310.
    #[serde(rename = "hmac-sha-512")]
    HmacSha512,
}

impl Authentication {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// What the engine is told, or what is wrong.
    pub(super) fn convert(&self) -> Result<packet::Authentication, String> {
        match self {
            Self::None => Ok(packet::Authentication::None),
            Self::Password(password) if !(1..=PASSWORD).contains(&password.0.len()) => {
                Err(format!("a password has 1 to {PASSWORD} bytes"))
            }
            Self::Password(password) => Ok(packet::Authentication::Password(secret(password))),
            Self::Keys(keys) if keys.is_empty() => Err("no key".to_owned()),
            Self::Keys(keys) => {
                let mut ids = BTreeSet::new();
                let key = |key: &Key| {
                    if key.secret.0.is_empty() {
                        return Err(format!("key {}: its secret is empty", key.id));
                    }
                    // Several of HMAC-MD5 are told apart by trying.
                    if key.algorithm != Algorithm::HmacMd5 && !ids.insert(key.id) {
                        return Err(format!("key {}: another has the same id", key.id));
                    }
                    let algorithm = key.algorithm.into();
                    Ok(packet::Key { id: key.id, algorithm, secret: secret(&key.secret) })
                };
                Ok(packet::Authentication::Cryptographic(keys.iter().map(key).collect::<Result<_, _>>()?))
            }
        }
    }
}

fn secret(secret: &Secret) -> packet::Secret {
    packet::Secret::new(secret.0.clone())
}

impl From<Algorithm> for packet::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HmacMd5 => Self::HmacMd5,
            Algorithm::HmacSha1 => Self::HmacSha1,
            Algorithm::HmacSha224 => Self::HmacSha224,
            Algorithm::HmacSha256 => Self::HmacSha256,
            Algorithm::HmacSha384 => Self::HmacSha384,
            Algorithm::HmacSha512 => Self::HmacSha512,
        }
    }
}
