//! Evidence: which LSA a route stands on.

use braid_ospf_packet::{LsType, LsaHeader};
use ipnet::Ipv4Net;

use crate::{FloodingDomain, Instance, Instant};

impl Instance {
    /// The LSA that announces a prefix, with its age at `now`, and where it was flooded: that of the best route to exactly
    /// this prefix as of the last computation. `None` without such a route, or if the LSA is gone since.
    #[must_use]
    pub fn announced(&self, prefix: &Ipv4Net, now: Instant) -> Option<(FloodingDomain, LsaHeader)> {
        let route = self.table.routing().route(prefix)?;
        let key = route.origin;
        let found = |domain| Some((domain, self.lsdb.get(domain, &key)?.header(now)));
        match (key.ls_type, route.area) {
            (LsType::External, _) => found(FloodingDomain::As),
            (_, Some(area)) => found(FloodingDomain::Area(area)),
            // Of a type 7 external the route does not say the area.
            (_, None) => self.config.areas.keys().find_map(|area| found(FloodingDomain::Area(*area))),
        }
    }
}
