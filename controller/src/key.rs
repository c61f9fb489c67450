//! The network's key, by which borders know one another's probes.

use std::fmt;

/// 32 random bytes, made once for a network and handed to its borders only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NetworkKey([u8; 32]);

impl NetworkKey {
    /// A new one.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The key as it goes to borders.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As kept on disk: hexadecimal.
    pub(crate) fn to_text(&self) -> String {
        hex::encode(self.0) + "\n"
    }

    /// From what is kept on disk; `None` if that is no key.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim_end(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    #[cfg(test)]
    pub(crate) const fn of_test() -> Self {
        Self([7; 32])
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_disk_and_is_never_shown() {
        let key = NetworkKey::generate().unwrap();
        assert_ne!(key, NetworkKey::generate().unwrap());
        assert_eq!(NetworkKey::from_text(&key.to_text()), Some(key.clone()));
        assert_eq!(NetworkKey::from_text("00ff"), None);
        assert!(!format!("{key:?}").contains(&key.to_text()[..8]));
    }
}
