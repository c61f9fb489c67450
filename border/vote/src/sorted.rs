//! A small sorted set that is cheap to clone and to compare.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set kept as a sorted slice without duplicates. A clone shares the elements, so a caller that holds many equal sets
/// (the next hops of thousands of prefixes) can keep each only once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortedSet<T>(Arc<[T]>);

impl<T> Deref for SortedSet<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl<T: Ord> From<Vec<T>> for SortedSet<T> {
    fn from(mut elements: Vec<T>) -> Self {
        elements.sort_unstable();
        elements.dedup();
        Self(elements.into())
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        elements.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T: fmt::Debug> fmt::Debug for SortedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: fmt::Display> fmt::Display for SortedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, element) in self.iter().enumerate() {
            write!(f, "{}{element}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl<T: Serialize> Serialize for SortedSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_duplicates_do_not_matter_also_when_read_back() {
        let set: SortedSet<u8> = [3, 1, 3, 2].into_iter().collect();
        assert_eq!(set[..], [1, 2, 3]);
        assert_eq!(set.to_string(), "1, 2, 3");
        assert_eq!(serde_json::from_str::<SortedSet<u8>>("[2,3,1,1]").unwrap(), set);
        assert_eq!(serde_json::to_string(&set).unwrap(), "[1,2,3]");
    }
}
