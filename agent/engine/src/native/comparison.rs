//! What should be beside what is, fact by fact.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use ipnet::Ipv4Net;

use crate::Drift;

/// The differences found so far.
#[derive(Default)]
pub(super) struct Comparison(Vec<Drift>);

impl Comparison {
    /// A fact of the router.
    pub(super) fn fact(&mut self, about: &str, wanted: impl Display, found: impl Display) {
        let (wanted, found) = (wanted.to_string(), found.to_string());
        if wanted != found {
            self.0.push(Drift { about: about.to_owned(), wanted, found });
        }
    }

    /// The interfaces that the protocol runs on, by name, and the facts of each that runs.
    pub(super) fn interfaces<W, F>(
        &mut self,
        protocol: &str,
        wanted: &BTreeMap<String, W>,
        found: &BTreeMap<&str, F>,
        facts: impl Fn(&W, &F, &mut dyn FnMut(&str, &dyn Display, &dyn Display)),
    ) {
        let on_it = format!("{protocol} on it");
        for (name, wanted) in wanted {
            match found.get(name.as_str()) {
                None => self.fact(&format!("interface {name}"), &on_it, "nothing"),
                Some(found) => facts(wanted, found, &mut |fact, wanted, found| {
                    self.fact(&format!("interface {name}: {fact}"), wanted, found);
                }),
            }
        }
        for name in found.keys().filter(|name| !wanted.contains_key(**name)) {
            self.fact(&format!("interface {name}"), "nothing", &on_it);
        }
    }

    /// The attached prefixes with their metrics, as the interfaces have them. Gives all differences.
    pub(super) fn announcements<'a, M: Copy + Display + Ord + 'a>(
        mut self,
        wanted: impl Iterator<Item = &'a BTreeMap<Ipv4Net, M>>,
        found: &'a BTreeMap<Ipv4Net, M>,
    ) -> Vec<Drift> {
        let pair = |(prefix, metric): (&'a Ipv4Net, &'a M)| (*prefix, *metric);
        let wanted: BTreeSet<_> = wanted.flatten().map(pair).collect();
        let found: BTreeSet<_> = found.iter().map(pair).collect();
        self.0.extend(Drift::of_announcements(&wanted, &found));
        self.0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::Drift;

    /// These are the differences when the link of [`crate::testing::intent`] has a cost (as the protocol calls it) of 7, and the prefix is not announced.
    pub(in super::super) fn are_of_cost_and_announcement(drifts: &[Drift], cost: &str) {
        let told: Vec<String> = drifts.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                format!("interface eth1: {cost}: want `20`, found `7`"),
                "attached prefix 198.18.1.0/24: want `announced at 20`, found `not so`".to_owned(),
            ]
        );
    }
}
