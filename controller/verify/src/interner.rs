//! Interned lists of numbers: equal lists have equal numbers, and a list nobody holds is forgotten.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Interned lists with a count of holders each.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    entries: Vec<Entry>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Entry {
    list: Box<[u32]>,
    holders: u32,
}

impl Interner {
    /// The number of `list`, held once more; and whether the list is new.
    pub(crate) fn hold(&mut self, list: &[u32]) -> (u32, bool) {
        let Self { entries, free, index, hasher } = self;
        let hash = hasher.hash_one(list);
        if let Some(id) = index.find(hash, |id| *entries[*id as usize].list == *list) {
            entries[*id as usize].holders += 1;
            return (*id, false);
        }
        let entry = Entry { list: list.into(), holders: 1 };
        let id = match free.pop() {
            Some(id) => {
                entries[id as usize] = entry;
                id
            }
            None => {
                entries.push(entry);
                entries.len() as u32 - 1
            }
        };
        index.insert_unique(hash, id, |id| hasher.hash_one(&*entries[*id as usize].list));
        (id, true)
    }

    /// Holds a list `times` more.
    pub(crate) fn hold_again(&mut self, id: u32, times: u32) {
        self.entries[id as usize].holders += times;
    }

    /// Lets go of a list once; gives it back if nobody holds it any more. Its number is free then.
    pub(crate) fn release(&mut self, id: u32) -> Option<Box<[u32]>> {
        let entry = &mut self.entries[id as usize];
        entry.holders -= 1;
        if entry.holders > 0 {
            return None;
        }
        let list = std::mem::take(&mut entry.list);
        let hash = self.hasher.hash_one(&*list);
        if let Ok(found) = self.index.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        self.free.push(id);
        Some(list)
    }

    /// The list of a number that is held.
    pub(crate) fn get(&self, id: u32) -> &[u32] {
        &self.entries[id as usize].list
    }

    /// How many lists are held.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_lives_as_long_as_someone_holds_it() {
        let mut interner = Interner::default();
        let (id, new) = interner.hold(&[1, 2]);
        assert!(new);
        assert_eq!(interner.hold(&[1, 2]), (id, false));
        assert_ne!(interner.hold(&[]).0, id);
        assert_eq!(interner.release(id), None);
        assert_eq!(interner.release(id).as_deref(), Some(&[1, 2][..]));
        assert_eq!((interner.hold(&[3]), interner.len()), ((id, true), 2));
    }
}
