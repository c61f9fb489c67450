//! Borders by name, and by the numbers that the voter knows them by.

use std::collections::{BTreeMap, BTreeSet};

use braid_proto::NodeName;
use braid_vote::{EgressId, EgressSet};

/// The names of borders. A number is given once and stays.
#[derive(Debug, Default)]
pub struct Borders {
    numbers: BTreeMap<NodeName, EgressId>,
    names: Vec<NodeName>,
}

impl Borders {
    /// The number of a border; none if there are too many to number this one.
    pub fn number(&mut self, name: &NodeName) -> Option<EgressId> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = EgressId(u16::try_from(self.names.len()).ok()?);
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        Some(number)
    }

    /// The numbers of these borders.
    pub fn numbers(&mut self, names: &BTreeSet<NodeName>) -> EgressSet {
        names.iter().filter_map(|name| self.number(name)).collect()
    }

    /// The border of that number.
    #[must_use]
    pub fn name(&self, number: EgressId) -> Option<&NodeName> {
        self.names.get(usize::from(number.0))
    }

    /// The names of these borders.
    #[must_use]
    pub fn names(&self, numbers: &EgressSet) -> Vec<String> {
        numbers.iter().filter_map(|number| self.name(*number)).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut borders = Borders::default();
        let name = |text: &str| text.parse::<NodeName>().unwrap();
        let both = borders.numbers(&[name("denver"), name("chicago")].into());
        assert_eq!(borders.number(&name("denver")), Some(EgressId(1)));
        assert_eq!(borders.names(&both), ["chicago", "denver"]);
        assert_eq!(borders.name(EgressId(2)), None);
    }
}
