//! The protocol's own evidence, in words: which LSA or LSP announces a prefix.

use std::fmt::Display;

/// So many are told, where several announce the same prefix.
const MOST: usize = 4;

/// An LSA; `kind` as in `router`, `summary`, `AS-external`.
pub(crate) fn lsa(kind: &str, id: impl Display, router: impl Display, sequence: u32, age_s: u64) -> String {
    format!("{kind} LSA {id} from {router}, sequence {sequence:#010x}, age {age_s} s")
}

/// An LSP, by its id or with its router's name in place of the system id.
pub(crate) fn lsp(id: impl Display, sequence: u32, lifetime_s: u64) -> String {
    format!("LSP {id}, sequence {sequence:#x}, valid for {lifetime_s} s")
}

/// All that announce a prefix; `None` if none does.
pub(crate) fn together(all: &[String]) -> Option<String> {
    let told = all.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
    match all.len() {
        0 => None,
        count if count > MOST => Some(format!("{told}; and {} more", count - MOST)),
        _ => Some(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_operators_know_it() {
        let one = lsa("AS-external", "198.18.5.0", "100.64.0.5", 0x8000_0003, 12);
        assert_eq!(one, "AS-external LSA 198.18.5.0 from 100.64.0.5, sequence 0x80000003, age 12 s");
        assert_eq!(lsp("denver.00-00", 5, 1190), "LSP denver.00-00, sequence 0x5, valid for 1190 s");
        assert_eq!(together(&[]), None);
        assert_eq!(together(&["a".into(), "b".into()]).as_deref(), Some("a; b"));
        let many: Vec<String> = (0..6).map(|n| n.to_string()).collect();
        assert_eq!(together(&many).as_deref(), Some("0; 1; 2; 3; and 2 more"));
    }
}
