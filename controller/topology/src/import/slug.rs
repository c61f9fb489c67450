//! Labels as names.

use std::collections::HashSet;

/// The longest name.
const MAX: usize = 32;

/// `label` in the alphabet of names: folded to ASCII, lower case, everything else a hyphen. May be empty.
pub(super) fn slug(label: &str) -> String {
    // Labels are short; a long one would only be cut.
    let head: String = label.chars().take(4 * MAX).collect();
    let ascii = deunicode::deunicode_with_tofu(&head, "-").to_ascii_lowercase();
    let mut words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let mut slug = cut(words.next().unwrap_or_default(), MAX).to_owned();
    // Whole words, as many as there is room for.
    for word in words {
        if slug.len() + 1 + word.len() > MAX {
            break;
        }
        slug.push('-');
        slug.push_str(word);
    }
    slug
}

/// At most `most` bytes of an ASCII name, without a hyphen at the end.
fn cut(name: &str, most: usize) -> &str {
    name[..name.len().min(most)].trim_end_matches('-')
}

/// Hands out names, none twice.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// `wanted`, with `-2`, `-3`, … where it is taken. `wanted` is a name.
    pub(super) fn unique(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1_u32;
        while !self.taken.insert(name.clone()) {
            number += 1;
            let suffix = format!("-{number}");
            name = format!("{}{suffix}", cut(wanted, MAX - suffix.len()));
        }
        name
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_keep_what_can_be_kept() {
        assert_eq!(slug("New York"), "new-york");
        assert_eq!(slug("Plzeň, [Bory] \"2\""), "plzen-bory-2");
        assert_eq!(slug("  Ærø--Straße/1 "), "aero-strasse-1");
        assert_eq!(slug("…"), "");
        assert_eq!(slug("SEQSUINET, Rice University, Houston"), "seqsuinet-rice-university");
    }

    proptest! {
        #[test]
        fn whatever_the_labels_names_are_legal_and_unique(labels in prop::collection::vec(".{0,40}", 0..40)) {
            let mut names = Names::default();
            let mut seen = HashSet::new();
            for label in labels {
                let slug = slug(&label);
                let name = names.unique(if slug.is_empty() { "node" } else { &slug });
                prop_assert!(name.parse::<braid_proto::NodeName>().is_ok(), "{name}");
                prop_assert!(seen.insert(name));
            }
        }
    }
}
