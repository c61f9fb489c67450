//! What the computation works on: areas with their trees, summaries and externals.

use std::collections::BTreeMap;

use braid_ospf_packet::{AreaId, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    area::Area,
    leaf::Leaves,
    route::{AreaKind, PathKind, Settings},
    table::{AS, Table},
};

/// Areas and leaves. Areas have numbers, which stay with their ids for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Database {
    pub root: RouterId,
    pub settings: Settings,
    pub leaves: Leaves,
    numbers: BTreeMap<AreaId, u16>,
    ids: Vec<AreaId>,
    areas: Vec<Option<Box<Area>>>,
}

impl Database {
    pub fn new(root: RouterId, settings: Settings) -> Self {
        let (numbers, ids, areas) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { root, settings, leaves: Leaves::default(), numbers, ids, areas }
    }

    /// The number of an attached area.
    pub fn number(&self, id: AreaId) -> Option<u16> {
        self.numbers.get(&id).copied().filter(|number| self.area(*number).is_some())
    }

    pub fn id(&self, number: u16) -> AreaId {
        self.ids.get(usize::from(number)).copied().unwrap_or(AreaId::BACKBONE)
    }

    pub fn area(&self, number: u16) -> Option<&Area> {
        self.areas.get(usize::from(number))?.as_deref()
    }

    pub fn area_mut(&mut self, number: u16) -> Option<&mut Area> {
        self.areas.get_mut(usize::from(number))?.as_deref_mut()
    }

    /// Attaches an area. False when there are as many areas as there can be.
    pub fn attach(&mut self, area: Area) -> bool {
        let id = area.id;
        let number = match self.numbers.get(&id) {
            Some(number) => *number,
            None if self.ids.len() < usize::from(AS) => {
                self.numbers.insert(id, self.ids.len() as u16);
                self.ids.push(id);
                self.areas.push(None);
                self.ids.len() as u16 - 1
            }
            None => return false,
        };
        self.areas[usize::from(number)] = Some(Box::new(area));
        true
    }

    pub fn detach(&mut self, number: u16) -> Option<Box<Area>> {
        self.areas.get_mut(usize::from(number))?.take()
    }

    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.iter().flatten().map(|area| &**area)
    }

    pub fn areas_mut(&mut self) -> impl Iterator<Item = &mut Area> {
        self.areas.iter_mut().flatten().map(|area| &mut **area)
    }

    /// The numbers of the attached areas, the backbone's last: its virtual links lean on the others.
    pub fn numbers(&self) -> impl Iterator<Item = u16> + use<> {
        let attached = self.numbers.values().copied().filter(|number| self.area(*number).is_some());
        let mut numbers: Vec<u16> = attached.collect();
        // the map is in order of ids, and the backbone's is the least
        if self.number(AreaId::BACKBONE).is_some() {
            numbers.rotate_left(1);
        }
        numbers.into_iter()
    }

    pub fn is_backbone(&self, number: u16) -> bool {
        number != AS && self.id(number) == AreaId::BACKBONE
    }

    /// RFC 3509: attached to several areas, of which one is the backbone.
    pub fn is_area_border(&self) -> bool {
        self.number(AreaId::BACKBONE).is_some() && self.areas().count() > 1
    }

    /// RFC 2328 §16.2: area border routers heed the backbone's summaries only.
    pub fn heeds_summaries(&self, number: u16) -> bool {
        !self.is_area_border() || self.is_backbone(number)
    }

    pub fn carries_externals(&self, number: u16) -> bool {
        self.area(number).is_some_and(|area| area.kind == AreaKind::Normal)
    }

    /// The largest cost of an intra-area route inside a range; none when there is no such route.
    pub fn largest_cost(&self, table: &Table, number: u16, range: Ipv4Net) -> Option<u32> {
        let paths = table.paths_within(range).map(|(_, _, path)| path);
        let inside = paths.filter(|path| path.kind == PathKind::IntraArea && path.area == number);
        inside.map(|path| path.cost).max()
    }

    /// Whether a prefix is a configured range with a route inside (RFC 2328 §16.2 (3)).
    pub fn is_active_range(&self, table: &Table, prefix: Ipv4Net) -> bool {
        self.numbers().any(|number| {
            self.area(number).is_some_and(|area| area.ranges.contains(&prefix))
                && table
                    .paths_within(prefix)
                    .any(|(_, _, path)| path.kind == PathKind::IntraArea && path.area == number)
        })
    }
}
