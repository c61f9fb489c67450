//! What may happen to a network.

use std::fmt;

use ipnet::Ipv4Net;

use crate::{Dice, External, RouterIndex, SegmentIndex, SegmentKind, World};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A segment fails, or works again.
    Segment(SegmentIndex, bool),
    /// A router's cable is pulled, or plugged in again.
    End(SegmentIndex, RouterIndex, bool),
    /// An interface's cost changes.
    Cost(SegmentIndex, RouterIndex, u16),
    /// A router's process dies, or starts.
    Router(RouterIndex, bool),
    /// A router announces an external route, or no longer.
    External(RouterIndex, Ipv4Net, Option<External>),
    /// A router begins or ceases to be a stub router.
    StubRouter(RouterIndex, bool),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |up: bool| if up { "up" } else { "down" };
        match self {
            Change::Segment(n, up) => write!(f, "seg{} {}", n.0, state(*up)),
            Change::End(n, router, up) => write!(f, "seg{} of {router} {}", n.0, state(*up)),
            Change::Cost(n, router, cost) => write!(f, "seg{} of {router} cost {cost}", n.0),
            Change::Router(router, up) => write!(f, "{router} {}", state(*up)),
            Change::External(router, prefix, Some(e)) => {
                write!(f, "{router} announces {prefix} E{} {}", 1 + u8::from(e.type2), e.metric)
            }
            Change::External(router, prefix, None) => write!(f, "{router} withdraws {prefix}"),
            Change::StubRouter(router, true) => write!(f, "{router} is a stub router"),
            Change::StubRouter(router, false) => write!(f, "{router} is no stub router"),
        }
    }
}

impl World {
    /// Lets something happen. What concerns routers or segments that are not there does nothing.
    pub fn apply(&mut self, change: &Change) {
        match *change {
            Change::Segment(n, up) => {
                if let Some(segment) = self.segments.get_mut(n.0) {
                    segment.up = up;
                }
            }
            Change::End(n, router, up) => {
                if let Some(end) = self.end_mut(n, router) {
                    end.up = up;
                }
            }
            Change::Cost(n, router, cost) => {
                if let Some(end) = self.end_mut(n, router) {
                    end.cost = cost;
                }
            }
            Change::Router(index, up) => {
                if let Some(router) = self.routers.get_mut(index.0) {
                    router.up = up;
                }
            }
            Change::External(index, prefix, external) => {
                if let Some(router) = self.routers.get_mut(index.0) {
                    match external {
                        Some(external) => router.externals.insert(prefix, external),
                        None => router.externals.remove(&prefix),
                    };
                }
            }
            Change::StubRouter(index, on) => {
                if let Some(router) = self.routers.get_mut(index.0) {
                    router.stub_router = on;
                }
            }
        }
    }

    fn end_mut(&mut self, segment: SegmentIndex, router: RouterIndex) -> Option<&mut crate::End> {
        self.segments.get_mut(segment.0)?.ends.iter_mut().find(|end| end.router == router)
    }
}

/// Random things that happen to a world one after the other; what goes down comes up again now and then. Segments with forwarding
/// addresses of externals stay whole.
#[must_use]
pub fn changes(world: &World, seed: u64, count: usize) -> Vec<Change> {
    let mut dice = Dice::new(seed);
    let mut world = world.clone();
    let mut list = Vec::new();
    for _ in 0..count * 64 {
        if list.len() == count {
            break;
        }
        if let Some(change) = draw(&world, &mut dice) {
            world.apply(&change);
            list.push(change);
        }
    }
    list
}

fn draw(world: &World, dice: &mut Dice) -> Option<Change> {
    let n = SegmentIndex(dice.below(world.segments.len()));
    let segment = world.segments.get(n.0)?;
    let end = *dice.pick(&segment.ends)?;
    let router = RouterIndex(dice.below(world.routers.len()));
    let it = world.routers.get(router.0)?;
    let serves = |prefix: Ipv4Net| {
        let externals = world.routers.iter().flat_map(|router| router.externals.values());
        externals.filter_map(|external| external.forwarding).any(|address| prefix.contains(&address))
    };
    match dice.below(10) {
        0..=1 if !serves(segment.prefix) => Some(Change::Segment(n, !segment.up)),
        2..=3 if segment.kind == SegmentKind::Broadcast && !serves(segment.prefix) => {
            Some(Change::End(n, end.router, !end.up))
        }
        4..=6 => Some(Change::Cost(n, end.router, dice.between(1, 10))).filter(|_| end.cost > 0),
        7 => Some(Change::Router(router, !it.up)),
        8 => {
            let (prefix, external) = it.externals.iter().next().map(|(p, e)| (*p, *e))?;
            let gone = dice.chance(50);
            let metric = u32::from(dice.between(1, 30));
            Some(Change::External(router, prefix, (!gone).then_some(External { metric, ..external })))
        }
        9 => {
            let down = world.segments.iter().position(|segment| !segment.up);
            down.map(|n| Change::Segment(SegmentIndex(n), true)).or_else(|| {
                world.routers.iter().position(|r| !r.up).map(|n| Change::Router(RouterIndex(n), true))
            })
        }
        _ => None,
    }
}
