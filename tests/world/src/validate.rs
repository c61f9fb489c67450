//! Which worlds make sense, and can be judged.

use std::{collections::BTreeSet, fmt, net::Ipv4Addr};

use crate::{AreaKind, BACKBONE, RouterIndex, SegmentKind, World};

/// Why a world cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl World {
    /// Checks what the oracle takes for granted.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        let fail = |why: String| Err(Invalid(why));
        let ids: BTreeSet<Ipv4Addr> = self.routers.iter().map(|router| router.id).collect();
        if ids.len() != self.routers.len() {
            return fail("two routers have one id".to_owned());
        }
        for (n, segment) in self.segments.iter().enumerate() {
            let routers: BTreeSet<RouterIndex> = segment.ends.iter().map(|end| end.router).collect();
            if routers.len() != segment.ends.len() {
                return fail(format!("seg{n} has a router twice"));
            }
            if segment.kind == SegmentKind::PointToPoint && segment.ends.len() != 2 {
                return fail(format!("seg{n} is point-to-point and has {} ends", segment.ends.len()));
            }
            if segment.ends.iter().any(|end| !segment.prefix.contains(&end.address) || end.cost == 0) {
                return fail(format!("seg{n} has an end with a foreign address or cost 0"));
            }
            if !self.areas.contains_key(&segment.area) {
                return fail(format!("seg{n} is in an unknown area"));
            }
        }
        for link in &self.virtual_links {
            if link.transit == BACKBONE || self.areas.get(&link.transit) != Some(&AreaKind::Normal) {
                return fail(format!("a virtual link cannot lead through area {}", link.transit));
            }
        }
        for router in self.router_indices() {
            self.validate_router(router)?;
        }
        Ok(())
    }

    fn validate_router(&self, index: RouterIndex) -> Result<(), Invalid> {
        let router = self.router(index);
        let areas = self.areas_of(index);
        if areas.is_empty() || areas.len() > 1 && !areas.contains(&BACKBONE) {
            return Err(Invalid(format!(
                "{index} is in areas {areas:?}: a border router needs the backbone"
            )));
        }
        let kind = |area| self.areas.get(area).copied();
        let nssa = areas.iter().any(|area| matches!(kind(area), Some(AreaKind::Nssa { .. })));
        let takes = areas.iter().any(|area| kind(area).is_some_and(AreaKind::takes_externals));
        // A border router of an NSSA would announce twice, as type 5 and as type 7.
        if !router.externals.is_empty() && nssa == takes {
            return Err(Invalid(format!("{index} announces externals, and is in areas {areas:?}")));
        }
        Ok(())
    }
}
