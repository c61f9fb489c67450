//! Levels of routing, and which of them a circuit or a router takes part in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A level of routing: within an area, or between areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Level 1: routing within an area.
    One,
    /// Level 2: routing between areas.
    Two,
}

impl Level {
    /// Both levels, the first first.
    pub const ALL: [Level; 2] = [Level::One, Level::Two];

    /// The level as a number, 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Level::One => 1,
            Level::Two => 2,
        }
    }

    /// 0 for level 1, 1 for level 2: an index into tables of two.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Level::One => 0,
            Level::Two => 1,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level {}", self.number())
    }
}

/// The levels that a circuit or a router takes part in (ISO 10589 §9.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CircuitType {
    /// Level 1 only.
    L1,
    /// Level 2 only.
    L2,
    /// Both levels.
    L1L2,
}

impl CircuitType {
    /// Whether `level` is one of these.
    #[must_use]
    pub const fn has(self, level: Level) -> bool {
        self.bits() & level.number() != 0
    }

    /// The levels, in order.
    pub fn levels(self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(move |level| self.has(*level))
    }

    /// The levels that are in both; `None` if there is none.
    #[must_use]
    pub const fn and(self, other: CircuitType) -> Option<CircuitType> {
        CircuitType::from_bits(self.bits() & other.bits())
    }

    /// As on the wire: bit 0 for level 1, bit 1 for level 2.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            CircuitType::L1 => 1,
            CircuitType::L2 => 2,
            CircuitType::L1L2 => 3,
        }
    }

    /// From the wire; the value 0 is reserved, the six high bits are ignored.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<CircuitType> {
        match bits & 3 {
            1 => Some(CircuitType::L1),
            2 => Some(CircuitType::L2),
            3 => Some(CircuitType::L1L2),
            _ => None,
        }
    }
}

impl From<Level> for CircuitType {
    fn from(level: Level) -> CircuitType {
        match level {
            Level::One => CircuitType::L1,
            Level::Two => CircuitType::L2,
        }
    }
}

impl fmt::Display for CircuitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CircuitType::L1 => "level-1",
            CircuitType::L2 => "level-2",
            CircuitType::L1L2 => "level-1-2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circuit_types_are_sets_of_levels() {
        assert_eq!(CircuitType::L1.and(CircuitType::L2), None);
        assert_eq!(CircuitType::L1L2.and(CircuitType::L2), Some(CircuitType::L2));
        assert_eq!(CircuitType::L1L2.levels().collect::<Vec<_>>(), Level::ALL);
        assert_eq!(CircuitType::from_bits(0xfc), None);
    }
}
