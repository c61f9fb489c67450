//! The rules of the link-state database (RFC 2328 §12).

use std::collections::{BTreeMap, BTreeSet};

use braid_ospf::{AreaType, Config, FloodingDomain};
use braid_ospf_packet::{AreaId, Lsa, LsaKey, MAX_AGE, Scope};

use crate::check::fletcher_holds;

/// Bytes of the age, which is not part of the checksum.
const AGE: usize = 2;

/// Checks a router's whole database: every LSA intact, not too old, once, and where it belongs. Gives their number.
///
/// # Errors
/// The first broken rule.
pub fn check(config: &Config, lsas: impl Iterator<Item = (FloodingDomain, Lsa)>) -> Result<usize, String> {
    let areas = areas(config);
    let mut seen: BTreeSet<(FloodingDomain, LsaKey)> = BTreeSet::new();
    for (domain, lsa) in lsas {
        let key = lsa.key();
        let wrong = |what: &str| Err(format!("database: {key} in {domain}: {what}"));
        if !fletcher_holds(&lsa.bytes()[AGE..]) {
            return wrong("wrong checksum");
        }
        if lsa.age() > MAX_AGE {
            return wrong("older than MaxAge");
        }
        if usize::from(lsa.header().length) != lsa.bytes().len() {
            return wrong("wrong length");
        }
        let at_home = match (domain, key.ls_type.scope()) {
            (FloodingDomain::Link(interface), Scope::Link) => {
                interface.is_virtual() || config.interfaces.contains_key(&interface)
            }
            (FloodingDomain::Area(area), Scope::Area) => areas.contains_key(&area),
            (FloodingDomain::As, Scope::As) => areas.values().any(|kind| kind.takes_externals()),
            _ => false,
        };
        if !at_home {
            return wrong("it does not belong there");
        }
        if !seen.insert((domain, key)) {
            return wrong("it is there twice");
        }
    }
    let limit = config.limits.lsas;
    if seen.len() > limit {
        Err(format!("database: {} LSAs, limit {limit}", seen.len()))
    } else {
        Ok(seen.len())
    }
}

fn areas(config: &Config) -> BTreeMap<AreaId, &AreaType> {
    let kind = |area| config.areas.get(&area).map_or(&AreaType::Normal, |area| &area.kind);
    let of_interfaces = config.interfaces.values().map(|interface| interface.area);
    let backbone = (!config.virtual_links.is_empty()).then_some(AreaId::BACKBONE);
    of_interfaces.chain(config.areas.keys().copied()).chain(backbone).map(|area| (area, kind(area))).collect()
}
