//! Values that millions of ballots share, each kept once and named by a small number.

use std::collections::BTreeMap;

/// A table of shared values. Counts its users, so what nobody uses any more is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Interner<T> {
    entries: Vec<Option<(T, u32)>>,
    numbers: BTreeMap<T, u32>,
    free: Vec<u32>,
}

impl<T: Ord + Clone> Interner<T> {
    pub const fn new() -> Self {
        Interner { entries: Vec::new(), numbers: BTreeMap::new(), free: Vec::new() }
    }

    /// The number of `value`, for one more user.
    pub fn acquire(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            if let Some((_, users)) = &mut self.entries[*number as usize] {
                *users += 1;
            }
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        self.entries[number as usize] = Some((value.clone(), 1));
        self.numbers.insert(value.clone(), number);
        number
    }

    /// One user less.
    pub fn release(&mut self, number: u32) {
        let Some(slot) = self.entries.get_mut(number as usize) else { return };
        let Some((_, users)) = slot else { return };
        *users -= 1;
        if *users == 0
            && let Some((value, _)) = slot.take()
        {
            self.numbers.remove(&value);
            self.free.push(number);
        }
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        self.entries.get(number as usize)?.as_ref().map(|(value, _)| value)
    }

    /// For each number, whether its value is such.
    pub fn such(&self, is: impl Fn(&T) -> bool) -> Vec<bool> {
        self.entries.iter().map(|entry| entry.as_ref().is_some_and(|(value, _)| is(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_number_until_nobody_uses_it() {
        let mut interner = Interner::new();
        let [a, b, again] = ["a", "b", "a"].map(|value| interner.acquire(&value));
        assert_eq!((a, a == b), (again, false));
        interner.release(a);
        assert_eq!(interner.get(a), Some(&"a"));
        interner.release(a);
        assert_eq!(interner.get(a), None);
        assert_eq!(interner.acquire(&"c"), a);
        assert_eq!(interner.such(|value| *value == "c"), [true, false]);
    }
}
