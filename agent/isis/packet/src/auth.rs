//! Who may speak: passwords (ISO 10589), HMAC-MD5 (RFC 5304) and HMAC-SHA (RFC 5310).

use std::fmt;

use hmac::{Hmac, Mac, digest::KeyInit};
use serde::{Deserialize, Serialize};

use crate::{
    AuthError, BuildError, PduKind,
    lsp::{LSP_CHECKSUM, LSP_LIFETIME},
    reader::Reader,
    tlv::code,
};

const PASSWORD: u8 = 1;
const GENERIC: u8 = 3;
const HMAC_MD5: u8 = 54;
/// What stands in the place of an RFC 5310 digest while it is computed (§3, Apad).
const APAD: [u8; 4] = [0x87, 0x8f, 0xe1, 0xf3];

/// How PDUs are signed and whose are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Authentication {
    /// PDUs are not signed; every PDU is taken, whatever authentication it carries.
    #[default]
    None,
    /// A password that everyone on the wire can read, at most 254 bytes.
    Password(Secret),
    /// Digests: the first key signs, every key is taken. So keys can be rolled over.
    Cryptographic(Vec<Key>),
}

/// A key of cryptographic authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Number that RFC 5310 puts into the PDU; HMAC-MD5 tells no number and tries all its keys.
    pub id: u16,
    /// How the digest is made.
    pub algorithm: Algorithm,
    /// What only the routers know.
    pub secret: Secret,
}

/// A secret that never shows up in logs: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// A secret of these characters.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Secret {
        Secret::new(secret)
    }
}

/// The value of an authentication TLV. It may be a password, so its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuthenticationValue(pub Vec<u8>);

impl fmt::Debug for AuthenticationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 5304, authentication type 54.
    HmacMd5,
    /// RFC 5310, authentication type 3, as all that follow.
    HmacSha1,
    /// RFC 5310.
    HmacSha224,
    /// RFC 5310.
    HmacSha256,
    /// RFC 5310.
    HmacSha384,
    /// RFC 5310.
    HmacSha512,
}

impl Algorithm {
    /// Bytes of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Algorithm::HmacMd5 => 16,
            Algorithm::HmacSha1 => 20,
            Algorithm::HmacSha224 => 28,
            Algorithm::HmacSha256 => 32,
            Algorithm::HmacSha384 => 48,
            Algorithm::HmacSha512 => 64,
        }
    }

    /// What stands before the digest in the value of the TLV.
    fn prefix(self, id: u16) -> Vec<u8> {
        match self {
            Algorithm::HmacMd5 => vec![HMAC_MD5],
            _ => [&[GENERIC], id.to_be_bytes().as_slice()].concat(),
        }
    }

    const fn prefix_len(self) -> usize {
        match self {
            Algorithm::HmacMd5 => 1,
            _ => 3,
        }
    }
}

impl Authentication {
    /// Bytes that the authentication TLV takes in each PDU; 0 without authentication.
    #[must_use]
    pub fn tlv_len(&self) -> usize {
        match self {
            Authentication::None => 0,
            Authentication::Password(secret) => 3 + secret.0.len(),
            Authentication::Cryptographic(keys) => keys
                .first()
                .map_or(0, |Key { algorithm, .. }| 2 + algorithm.prefix_len() + algorithm.digest_len()),
        }
    }

    /// The TLV that goes first in a PDU, with zeros where [`Authentication::sign`] puts the digest.
    pub(crate) fn tlv(&self) -> Result<Vec<u8>, BuildError> {
        let value = match self {
            Authentication::None => return Ok(Vec::new()),
            Authentication::Password(secret) => [&[PASSWORD], secret.0.as_bytes()].concat(),
            Authentication::Cryptographic(keys) => {
                let Key { id, algorithm, .. } = keys.first().ok_or(BuildError::NoKey)?;
                let mut value = algorithm.prefix(*id);
                value.resize(value.len() + algorithm.digest_len(), 0);
                value
            }
        };
        let length = u8::try_from(value.len())
            .map_err(|_| BuildError::TlvTooLong { code: code::AUTHENTICATION, length: value.len() })?;
        Ok([&[code::AUTHENTICATION, length], value.as_slice()].concat())
    }

    /// Puts the digest into a PDU that is complete but for it, and whose first TLV is [`Authentication::tlv`].
    pub(crate) fn sign(&self, kind: PduKind, pdu: &mut [u8]) {
        let Authentication::Cryptographic(keys) = self else { return };
        let Some(key) = keys.first() else { return };
        let at = kind.header_len() + 2 + key.algorithm.prefix_len();
        let digest = key.digest(kind, pdu, at);
        pdu[at..at + digest.len()].copy_from_slice(&digest);
    }

    /// Whether `pdu`, whose TLVs are whole, comes from someone who knows the secret.
    pub(crate) fn verify(&self, kind: PduKind, pdu: &[u8]) -> Result<(), AuthError> {
        if *self == Authentication::None {
            return Ok(());
        }
        let (at, value) = find(kind, pdu)?;
        let (&kind_of_auth, content) = value.split_first().ok_or(AuthError::Length(0))?;
        match (self, kind_of_auth) {
            (Authentication::Password(secret), PASSWORD) if same(secret.0.as_bytes(), content) => Ok(()),
            (Authentication::Password(_), PASSWORD) => Err(AuthError::Password),
            (Authentication::Cryptographic(keys), HMAC_MD5) => {
                let mut keys = keys.iter().filter(|key| key.algorithm == Algorithm::HmacMd5).peekable();
                if keys.peek().is_none() {
                    return Err(AuthError::Type(HMAC_MD5));
                }
                if content.len() != Algorithm::HmacMd5.digest_len() {
                    return Err(AuthError::Length(value.len()));
                }
                let ours = keys.any(|key| same(&key.digest(kind, pdu, at + 1), content));
                ours.then_some(()).ok_or(AuthError::Digest)
            }
            (Authentication::Cryptographic(keys), GENERIC) => {
                let mut reader = Reader(content);
                let id = reader.u16().ok_or(AuthError::Length(value.len()))?;
                let mut keys =
                    keys.iter().filter(|key| key.id == id && key.algorithm != Algorithm::HmacMd5).peekable();
                if keys.peek().is_none() {
                    return Err(AuthError::UnknownKey(id));
                }
                let mut keys = keys.filter(|key| key.algorithm.digest_len() == reader.0.len()).peekable();
                if keys.peek().is_none() {
                    return Err(AuthError::Length(value.len()));
                }
                let ours = keys.any(|key| same(&key.digest(kind, pdu, at + 3), reader.0));
                ours.then_some(()).ok_or(AuthError::Digest)
            }
            (_, other) => Err(AuthError::Type(other)),
        }
    }
}

/// The only authentication TLV: where in the PDU its value starts, and the value.
fn find(kind: PduKind, pdu: &[u8]) -> Result<(usize, &[u8]), AuthError> {
    let mut reader = Reader(pdu.get(kind.header_len()..).unwrap_or_default());
    let mut found = None;
    while let (Some(code), Some(value)) = (reader.u8(), reader.counted()) {
        if code != code::AUTHENTICATION {
            continue;
        }
        let at = pdu.len() - reader.0.len() - value.len();
        if found.replace((at, value)).is_some() {
            return Err(AuthError::Multiple);
        }
    }
    found.ok_or(AuthError::Missing)
}

impl Key {
    /// The digest of a PDU in which it stands, or will, at `at`.
    fn digest(&self, kind: PduKind, pdu: &[u8], at: usize) -> Vec<u8> {
        let end = at + self.algorithm.digest_len();
        let mut covered = pdu.to_vec();
        let field = &mut covered[at..end];
        match self.algorithm {
            Algorithm::HmacMd5 => field.fill(0),
            _ => field.chunks_exact_mut(4).for_each(|chunk| chunk.copy_from_slice(&APAD)),
        }
        if matches!(kind, PduKind::Lsp(_)) {
            // RFC 5304 §2, RFC 5310 §3: both change on the way of the LSP, or depend on the digest.
            covered[LSP_LIFETIME].fill(0);
            covered[LSP_CHECKSUM].fill(0);
        }
        let secret = self.secret.0.as_bytes();
        match self.algorithm {
            Algorithm::HmacMd5 => hmac::<Hmac<md5::Md5>>(secret, &covered),
            Algorithm::HmacSha1 => hmac::<Hmac<sha1::Sha1>>(secret, &covered),
            Algorithm::HmacSha224 => hmac::<Hmac<sha2::Sha224>>(secret, &covered),
            Algorithm::HmacSha256 => hmac::<Hmac<sha2::Sha256>>(secret, &covered),
            Algorithm::HmacSha384 => hmac::<Hmac<sha2::Sha384>>(secret, &covered),
            Algorithm::HmacSha512 => hmac::<Hmac<sha2::Sha512>>(secret, &covered),
        }
    }
}

fn hmac<M: Mac + KeyInit>(secret: &[u8], covered: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("an HMAC takes keys of every length");
    mac.update(covered);
    mac.finalize().into_bytes().to_vec()
}

/// Whether both are the same, in a time that does not tell where they differ.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    let difference =
        ours.iter().zip(theirs).fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
    ours.len() == theirs.len() && difference == 0
}
