//! Who claims which part of the address space. No two claims may overlap.

use ipnet::Ipv4Net;

use crate::diagnostic::{Findings, Place};

/// A claim on addresses.
pub(crate) struct Claim {
    pub(crate) net: Ipv4Net,
    /// Who claims it, as in "`who` overlaps …".
    pub(crate) who: String,
    /// Where; `None` for a pool that the file leaves to its default.
    pub(crate) place: Option<Place>,
}

/// Records every claim that overlaps an earlier one, at the later of the two.
pub(crate) fn check_disjoint(mut claims: Vec<Claim>, findings: &mut Findings) {
    // Prefixes are nested or disjoint, so in this order those around a claim are the ones still open before it.
    claims.sort_by_key(|c| (c.net.network(), c.net.prefix_len(), c.place));
    let mut open: Vec<&Claim> = Vec::new();
    for claim in &claims {
        while open.last().is_some_and(|around| !around.net.contains(&claim.net)) {
            open.pop();
        }
        if let Some(around) = open.last() {
            let (first, second) =
                if around.place <= claim.place { (around, &claim) } else { (&claim, around) };
            let whence = match first.place {
                Some(place) => format!("in line {}", place.line),
                None => "which is the default".to_owned(),
            };
            let what = if first.net == second.net { "is the same as" } else { "overlaps" };
            findings.error(
                second.place.unwrap_or(Place::START),
                format!("{} {what} {}, {whence}: give each its own addresses", second.who, first.who),
            );
        }
        open.push(claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(claims: &[(&str, Option<u32>)]) -> Vec<(u32, String)> {
        let claims = claims.iter().map(|(net, line)| Claim {
            net: net.parse().unwrap(),
            who: (*net).to_owned(),
            place: line.map(|line| Place { line, column: 1 }),
        });
        let mut findings = Findings::default();
        check_disjoint(claims.collect(), &mut findings);
        findings.errors.into_iter().map(|d| (d.place.unwrap().line, d.message)).collect()
    }

    #[test]
    fn neighbours_may_touch() {
        assert_eq!(told(&[("10.0.0.0/25", Some(1)), ("10.0.0.128/25", Some(2)), ("10.0.1.0/24", None)]), []);
    }

    #[test]
    fn the_later_claim_is_told_of_the_earlier() {
        let told = told(&[("10.0.0.0/24", Some(7)), ("10.0.0.0/8", Some(3)), ("10.9.0.0/16", None)]);
        assert_eq!(
            told,
            [
                (7, "10.0.0.0/24 overlaps 10.0.0.0/8, in line 3: give each its own addresses".to_owned()),
                (
                    3,
                    "10.0.0.0/8 overlaps 10.9.0.0/16, which is the default: give each its own addresses"
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn the_same_prefix_twice_is_said_so() {
        let told = told(&[("10.0.0.0/24", Some(7)), ("10.0.0.0/24", Some(3))]);
        assert_eq!(told[0].0, 7);
        assert!(told[0].1.contains("is the same as 10.0.0.0/24, in line 3"), "{}", told[0].1);
    }
}
