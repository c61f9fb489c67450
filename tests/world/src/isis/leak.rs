//! What routers of both levels tell one level of the other (RFC 1195 §3.2, RFC 5302).

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::{Domain, ExpectedRoute, PathKind, Table, graph::Announcement};
use crate::RouterIndex;

/// What a router announces at level 2, given what it has there of itself and its routes of level 1.
pub(super) fn up(
    domain: &Domain,
    by: RouterIndex,
    own: Vec<Announcement>,
    level1: &Table,
) -> Vec<Announcement> {
    let router = domain.router(by);
    if !router.leak_up {
        return own;
    }
    let within = |prefix: &Ipv4Net| router.summaries.iter().find(|(summary, _)| summary.contains(prefix));
    let mut all: BTreeMap<(Ipv4Net, bool), u32> = BTreeMap::new();
    let mut summaries: BTreeMap<Ipv4Net, u32> = BTreeMap::new();
    for (prefix, route) in level1 {
        let external = match route.kind {
            PathKind::L1 => false,
            PathKind::L1External => true,
            _ => continue,
        };
        if let Some((summary, metric)) = within(prefix) {
            let farthest = summaries.entry(*summary).or_default();
            *farthest = metric.unwrap_or((*farthest).max(route.metric));
        } else {
            all.insert((*prefix, external), route.metric);
        }
    }
    for own in own.iter().filter(|own| within(&own.prefix).is_none() || !level1.contains_key(&own.prefix)) {
        let metric = all.entry((own.prefix, own.external)).or_insert(own.metric);
        *metric = own.metric.min(*metric);
    }
    all.extend(summaries.into_iter().map(|(prefix, metric)| ((prefix, false), metric)));
    let announce = |((prefix, external), metric)| Announcement {
        by,
        prefix,
        metric: domain.said(metric),
        down: false,
        external,
    };
    all.into_iter().map(announce).collect()
}

/// What a router announces at level 1 of its best routes.
pub(super) fn down(domain: &Domain, by: RouterIndex, best: &Table) -> Vec<Announcement> {
    let router = domain.router(by);
    let goes = |(prefix, route): &(&Ipv4Net, &ExpectedRoute)| {
        matches!(route.kind, PathKind::L2 | PathKind::L2External)
            && router.leak_down.takes(prefix)
            && !router.summaries.contains_key(*prefix)
    };
    let announce = |(prefix, route): (&Ipv4Net, &ExpectedRoute)| Announcement {
        by,
        prefix: *prefix,
        metric: domain.said(route.metric),
        down: true,
        external: route.kind == PathKind::L2External,
    };
    best.iter().filter(goes).map(announce).collect()
}
