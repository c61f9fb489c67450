//! Authentication: what is configured, which key signs, how digests are made.

use std::{fmt, net::Ipv4Addr};

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// The longest digest, that of HMAC-SHA-512, in bytes.
pub const MAX_DIGEST_LENGTH: usize = 64;

/// The word that fills what is signed behind the packet (RFC 5709 §3.3).
const APAD: [u8; 4] = [0x87, 0x8f, 0xe1, 0xf3];

/// The number of OSPFv2 that is added to keys (RFC 7474 §5, its "Cryptographic Protocol ID").
const PROTOCOL_ID: [u8; 2] = [0, 3];

/// The authentication types on the wire (RFC 2328 §D, RFC 7474 §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum AuthType {
    /// None.
    Null = 0,
    /// A password in clear text.
    Simple = 1,
    /// A digest, with 32-bit sequence numbers.
    Cryptographic = 2,
    /// A digest, with 64-bit sequence numbers.
    Extended = 3,
}

impl AuthType {
    /// The type with this number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Simple,
            2 => Self::Cryptographic,
            3 => Self::Extended,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether packets carry a digest and a sequence number.
    #[must_use]
    pub const fn is_cryptographic(self) -> bool {
        matches!(self, Self::Cryptographic | Self::Extended)
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "none",
            Self::Simple => "simple",
            Self::Cryptographic => "cryptographic",
            Self::Extended => "cryptographic with extended sequence numbers",
        })
    }
}

/// How the packets of an interface are authenticated. Secrets never show in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// By a password in clear text (RFC 2328 §D.3).
    Simple(Password),
    /// By digests under one of several keys (RFC 2328 §D.4, RFC 5709, RFC 7474).
    Cryptographic(KeyChain),
}

/// A password of simple authentication: 8 bytes, shorter ones are filled up with zeros.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password(pub(crate) [u8; 8]);

impl Password {
    /// The password in these bytes, of which only the first eight count.
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        let mut padded = [0; 8];
        padded.iter_mut().zip(password).for_each(|(to, from)| *to = *from);
        Self(padded)
    }
}

impl From<[u8; 8]> for Password {
    fn from(password: [u8; 8]) -> Self {
        Self(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// The secret of a key, of any length. (MD5 uses at most its first 16 bytes.)
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret in these bytes.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Keyed MD5 (RFC 2328 §D.4.3).
    Md5,
    /// HMAC-SHA-1 (RFC 5709).
    HmacSha1,
    /// HMAC-SHA-256 (RFC 5709).
    HmacSha256,
    /// HMAC-SHA-384 (RFC 5709).
    HmacSha384,
    /// HMAC-SHA-512 (RFC 5709).
    HmacSha512,
}

impl Algorithm {
    /// Bytes of the digest.
    #[must_use]
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

/// When a key may be used: from `from` until just before `until`, in the seconds that callers give as `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The second after the last; `u64::MAX` for no end.
    pub until: u64,
}

impl Validity {
    /// Without begin and end.
    pub const ALWAYS: Self = Self { from: 0, until: u64::MAX };

    /// Whether `now` is within.
    #[must_use]
    pub const fn contains(self, now: u64) -> bool {
        self.from <= now && (now < self.until || self.until == u64::MAX)
    }
}

/// One key of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// What packets name it by.
    pub id: u8,
    /// How digests are made.
    pub algorithm: Algorithm,
    /// Whether sequence numbers have 64 bits and digests cover the IP source address (RFC 7474). Both ends
    /// must agree.
    pub extended: bool,
    /// The secret.
    pub secret: Secret,
    /// When it may sign.
    pub send: Validity,
    /// When it is accepted.
    pub accept: Validity,
}

impl Key {
    /// A key without begin and end, in the way of RFC 5709 (not extended).
    #[must_use]
    pub fn new(id: u8, algorithm: Algorithm, secret: impl Into<Secret>) -> Self {
        let secret = secret.into();
        Self { id, algorithm, extended: false, secret, send: Validity::ALWAYS, accept: Validity::ALWAYS }
    }

    /// The authentication type of packets under this key.
    #[must_use]
    pub const fn auth_type(&self) -> AuthType {
        if self.extended { AuthType::Extended } else { AuthType::Cryptographic }
    }

    /// The digest of a packet that `source` sends.
    pub(crate) fn digest(&self, packet: &[u8], source: Ipv4Addr) -> Vec<u8> {
        match self.algorithm {
            Algorithm::Md5 => self.md5(packet),
            Algorithm::HmacSha1 => {
                keyed(<Hmac<Sha1> as Mac>::new_from_slice(&self.key_bytes()), packet, self.apad(source))
            }
            Algorithm::HmacSha256 => {
                keyed(<Hmac<Sha256> as Mac>::new_from_slice(&self.key_bytes()), packet, self.apad(source))
            }
            Algorithm::HmacSha384 => {
                keyed(<Hmac<Sha384> as Mac>::new_from_slice(&self.key_bytes()), packet, self.apad(source))
            }
            Algorithm::HmacSha512 => {
                keyed(<Hmac<Sha512> as Mac>::new_from_slice(&self.key_bytes()), packet, self.apad(source))
            }
        }
    }

    fn md5(&self, packet: &[u8]) -> Vec<u8> {
        let mut padded = [0; 16];
        padded.iter_mut().zip(self.key_bytes()).for_each(|(to, from)| *to = from);
        Md5::new().chain_update(packet).chain_update(padded).finalize().to_vec()
    }

    fn key_bytes(&self) -> Vec<u8> {
        let mut bytes = self.secret.0.clone();
        if self.extended {
            bytes.extend_from_slice(&PROTOCOL_ID);
        }
        bytes
    }

    fn apad(&self, source: Ipv4Addr) -> impl Iterator<Item = [u8; 4]> {
        let first = if self.extended { source.octets() } else { APAD };
        std::iter::once(first).chain(std::iter::repeat(APAD)).take(self.algorithm.digest_length() / 4)
    }
}

fn keyed<M: Mac, E: fmt::Debug>(
    mac: Result<M, E>,
    packet: &[u8],
    apad: impl Iterator<Item = [u8; 4]>,
) -> Vec<u8> {
    let mut mac = mac.expect("HMAC takes keys of every length");
    mac.update(packet);
    apad.for_each(|word| mac.update(&word));
    mac.finalize().into_bytes().to_vec()
}

/// The keys of an interface, among which keys are changed without an outage (RFC 2328 §D.3): give all routers
/// the new key with a later begin of sending, and take the old one away once nobody uses it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyChain {
    /// The keys, in any order. Of two keys with one id and type, the first that verifies counts.
    pub keys: Vec<Key>,
}

impl KeyChain {
    /// A chain of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// The key that signs at `now`: of those valid for sending, the one valid since the latest time, and of
    /// those the last in the chain. If none is valid, the one that was valid last, since neither silence nor
    /// packets without authentication would be better (RFC 2328 §D.3). None only in an empty chain.
    #[must_use]
    pub fn signing(&self, now: u64) -> Option<&Key> {
        let valid = self.keys.iter().filter(|key| key.send.contains(now)).max_by_key(|key| key.send.from);
        valid.or_else(|| self.keys.iter().max_by_key(|key| (key.send.from <= now, key.send.until)))
    }

    /// Whether no key is valid for sending, so that [`Self::signing`] gives one that has expired: tell the
    /// operator.
    #[must_use]
    pub fn expired(&self, now: u64) -> bool {
        !self.keys.iter().any(|key| key.send.contains(now))
    }

    /// Whether `key`, one of this chain, may verify at `now`. If no key is valid for reception, the one that
    /// was valid last is.
    pub(crate) fn accepts(&self, key: &Key, now: u64) -> bool {
        if self.keys.iter().any(|key| key.accept.contains(now)) {
            return key.accept.contains(now);
        }
        let last = self.keys.iter().map(|key| (key.accept.from <= now, key.accept.until)).max();
        last == Some((key.accept.from <= now, key.accept.until))
    }
}

impl From<Key> for KeyChain {
    fn from(key: Key) -> Self {
        Self { keys: vec![key] }
    }
}

impl Authentication {
    /// The authentication type of packets sent at `now`.
    #[must_use]
    pub fn auth_type(&self, now: u64) -> AuthType {
        match self {
            Self::None => AuthType::Null,
            Self::Simple(_) => AuthType::Simple,
            Self::Cryptographic(chain) => chain.signing(now).map_or(AuthType::Cryptographic, Key::auth_type),
        }
    }

    /// The most bytes that any of the keys adds to a packet, longer header and digest together.
    #[must_use]
    pub fn overhead(&self) -> usize {
        let Self::Cryptographic(chain) = self else { return 0 };
        let of = |key: &Key| {
            key.algorithm.digest_length() + if key.extended { crate::EXTENSION_LENGTH } else { 0 }
        };
        chain.keys.iter().map(of).max().unwrap_or(0)
    }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (l, r)| all | (l ^ r)) == 0
}
