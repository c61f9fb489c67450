//! Waiting until a network has become what its world says.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

use braid_world::{Interface, RouterIndex, SegmentIndex, isis::Levels};
use ipnet::Ipv4Net;

use super::{Network, PATIENCE};
use crate::{Adjacency, Difference, Error, Kind, Protocol, compare, settings::system_id};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many differences an error tells.
const TOLD: usize = 12;

impl Network {
    /// What differs from the oracle's routes now, in the kernels and, where a kernel is right, by the daemons' account of costs.
    ///
    /// # Errors
    /// [`Error`]: something cannot be read.
    pub fn differences(&self) -> Result<Vec<Difference>, Error> {
        let tables = compare::installed(&self.world, &self.settings);
        let mut all = Vec::new();
        for (router, table) in &tables {
            all.extend(self.differences_of(*router, table)?);
        }
        Ok(all)
    }

    fn differences_of(&self, router: RouterIndex, table: &compare::Table) -> Result<Vec<Difference>, Error> {
        let mut ignored: BTreeSet<Ipv4Net> = self.world.connected(router);
        // Its own way out goes before a way to another router that announces the same.
        ignored.extend(self.world.router(router).externals.keys());
        // BIRD takes an interface without carrier as looped back, and announces its address as a host (RFC 2328 §9.1).
        for (n, segment) in self.world.segments.iter().enumerate() {
            let looped = segment.ends.iter().filter(|end| {
                self.kinds[end.router.0] == Kind::Bird && !self.world.has_carrier(SegmentIndex(n), end.router)
            });
            ignored.extend(looped.map(|end| Ipv4Net::from(end.address)));
        }
        let kind = self.kinds[router.0];
        let found = self.kernel_routes(router)?;
        let differences = compare::kernel(router, kind, table, &found, &ignored);
        if !differences.is_empty() {
            return Ok(differences);
        }
        Ok(compare::costs(router, kind, table, &self.daemons[router.0].costs()?))
    }

    /// Waits until every router has the oracle's routes.
    ///
    /// # Errors
    /// [`Error::Late`] with what differs after [`PATIENCE`].
    pub fn converge(&self) -> Result<(), Error> {
        self.converge_within(PATIENCE)
    }

    /// The same with a limit of one's own.
    ///
    /// # Errors
    /// [`Error::Late`] with what differs then.
    pub fn converge_within(&self, limit: Duration) -> Result<(), Error> {
        let tables = compare::installed(&self.world, &self.settings);
        wait_until("all routers have the oracle's routes", limit, || {
            let mut differences = Vec::new();
            for (router, table) in &tables {
                differences.extend(self.differences_of(*router, table)?);
                if !differences.is_empty() {
                    break;
                }
            }
            Ok(differences.first().map(ToString::to_string))
        })
        .map_err(|late| match (late, self.differences()) {
            (Error::Late { limit, .. }, Ok(differences)) => {
                let mut what = format!("all routers have the oracle's routes: {} differ", differences.len());
                for difference in differences.iter().take(TOLD) {
                    let _ = write!(what, "\n  {difference}");
                }
                Error::Late { what, limit }
            }
            (late, _) => late,
        })
    }

    /// Waits until two routers call each other full, or up, on a segment.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn adjacent(&self, segment: SegmentIndex, a: RouterIndex, b: RouterIndex) -> Result<(), Error> {
        let wanted = match self.settings.protocol() {
            Protocol::Ospf => "full",
            Protocol::Isis => "up",
        };
        wait_until(&format!("{a} and {b} are {wanted} on seg{}", segment.0), PATIENCE, || {
            for (here, there) in [(a, b), (b, a)] {
                let state = self.state(segment, here, there)?;
                if state != wanted {
                    return Ok(Some(format!("{here} sees {there} as {state}")));
                }
            }
            Ok(None)
        })
    }

    /// The state in which a router sees another on a segment; `absent` if it does not.
    ///
    /// # Errors
    /// [`Error`]: its daemon does not answer.
    pub fn state(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
    ) -> Result<String, Error> {
        let found = self.seen(segment, here, there)?.into_iter().next();
        Ok(found.map_or_else(|| "absent".to_owned(), |neighbour| neighbour.state))
    }

    /// Waits until a router sees another up on a segment at just these levels of IS-IS.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn wait_for_levels(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
        levels: Levels,
    ) -> Result<(), Error> {
        wait_until(&format!("{here} sees {there} up at {levels:?}"), PATIENCE, || {
            let up = self.seen(segment, here, there)?.into_iter().filter(|seen| seen.state == "up");
            let all = up.filter_map(|seen| seen.levels);
            let all = all.reduce(|one, other| if one == other { one } else { Levels::Both });
            Ok((all != Some(levels)).then(|| format!("it is {all:?}")))
        })
    }

    fn seen(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
    ) -> Result<Vec<Adjacency>, Error> {
        let id = match self.settings.protocol() {
            Protocol::Ospf => self.world.router(there).id.to_string(),
            Protocol::Isis => system_id(there.0),
        };
        let interface = Interface::Segment(segment).to_string();
        let mut all = self.neighbours(here)?;
        all.retain(|neighbour| neighbour.router == id && neighbour.interface == interface);
        Ok(all)
    }
}

/// Looks again and again until `missing` gives nothing. Daemons that do not answer for the moment are looked at again.
///
/// # Errors
/// [`Error::Late`] with the condition and what was missing last.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    mut missing: impl FnMut() -> Result<Option<String>, Error>,
) -> Result<(), Error> {
    let begin = Instant::now();
    loop {
        let last = match missing() {
            Ok(None) => return Ok(()),
            Ok(Some(last)) => last,
            Err(error) => error.to_string(),
        };
        if begin.elapsed() > limit {
            return Err(Error::Late { what: format!("{what}: {last}"), limit });
        }
        thread::sleep(LOOK);
    }
}
