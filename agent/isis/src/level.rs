//! What a router keeps once for each level.

use std::ops::{Index, IndexMut};

use braid_isis_packet::Level;
use serde::{Deserialize, Serialize};

/// One value for each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerLevel<T> {
    /// That of level 1.
    pub one: T,
    /// That of level 2.
    pub two: T,
}

impl<T: Clone> PerLevel<T> {
    /// The same for both.
    pub fn both(value: T) -> Self {
        Self { one: value.clone(), two: value }
    }
}

impl<T> Index<Level> for PerLevel<T> {
    type Output = T;

    fn index(&self, level: Level) -> &T {
        match level {
            Level::One => &self.one,
            Level::Two => &self.two,
        }
    }
}

impl<T> IndexMut<Level> for PerLevel<T> {
    fn index_mut(&mut self, level: Level) -> &mut T {
        match level {
            Level::One => &mut self.one,
            Level::Two => &mut self.two,
        }
    }
}
