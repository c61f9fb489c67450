//! From a world's router to the engine's configuration.

use std::{collections::BTreeMap, time::Duration};

use braid_ospf::{
    AreaConfig, AreaType, Config, External, InterfaceConfig, InterfaceId, LsaPacing, Network, Range,
    SpfDelay, StubRouter, Translate, VirtualLinkConfig,
};
use braid_ospf_packet::{Algorithm, AreaId, Authentication, Key, KeyChain, Password, RouterId};
use braid_world::{AreaKind, Dice, Interface, RouterIndex, SegmentIndex, SegmentKind, World};

/// Interfaces of attached prefixes are numbered from here on, those of segments below.
const FIRST_STUB: u32 = 1 << 24;

/// The engine's number of an interface.
#[must_use]
pub fn interface_id(interface: Interface) -> InterfaceId {
    match interface {
        Interface::Segment(SegmentIndex(n)) => InterfaceId(n as u32 + 1),
        Interface::Stub(n) => InterfaceId(FIRST_STUB + n as u32),
    }
}

/// The interface of a number; those of virtual links count as attached prefixes that are not there.
#[must_use]
pub fn interface(id: InterfaceId) -> Interface {
    match id.0 {
        n @ 1..FIRST_STUB => Interface::Segment(SegmentIndex(n as usize - 1)),
        n => Interface::Stub(n.wrapping_sub(FIRST_STUB) as usize),
    }
}

/// What all routers of a world have set alike, and what each segment has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// HelloInterval.
    pub hello: Duration,
    /// RouterDeadInterval.
    pub dead: Duration,
    /// RxmtInterval.
    pub retransmit: Duration,
    /// When routes are computed.
    pub spf: SpfDelay,
    /// When LSAs are originated and accepted.
    pub lsa: LsaPacing,
    /// By segment: how packets prove themselves.
    pub authentication: Vec<Authentication>,
    /// By segment: the largest packet.
    pub mtu: Vec<u16>,
}

impl Settings {
    /// Settings of a seed's world.
    #[must_use]
    pub fn draw(world: &World, dice: &mut Dice) -> Self {
        let fast = dice.chance(70);
        let (hello, dead) = if fast { (1, 4) } else { (2, 10) };
        let lsa = if dice.chance(60) {
            LsaPacing::default()
        } else {
            // RFC 2328 appendix B: MinLSInterval and MinLSArrival.
            LsaPacing {
                hold: Duration::from_secs(5),
                min_arrival: Duration::from_secs(1),
                ..LsaPacing::default()
            }
        };
        let initial = if dice.chance(50) { Duration::ZERO } else { Duration::from_millis(50) };
        let guarded = dice.chance(30);
        let segments = world.segments.len();
        let authentication = (0..segments)
            .map(|_| if guarded { authentication(dice) } else { Authentication::None })
            .collect();
        Self {
            hello: Duration::from_secs(hello),
            dead: Duration::from_secs(dead),
            retransmit: Duration::from_secs(1 + dice.below(5) as u64),
            spf: SpfDelay { initial, ..SpfDelay::default() },
            lsa,
            authentication,
            mtu: (0..segments).map(|_| if dice.chance(80) { 1500 } else { 576 }).collect(),
        }
    }

    /// What one router of the world is told.
    #[must_use]
    pub fn config(&self, world: &World, index: RouterIndex) -> Config {
        let router = world.router(index);
        let mut config = Config::new(RouterId(router.id));
        config.spf = self.spf;
        config.lsa = self.lsa;
        config.stub_router = if router.stub_router { StubRouter::Links } else { StubRouter::Off };
        for area in world.areas_of(index) {
            let kind = world.areas.get(&area).copied().unwrap_or(AreaKind::Normal);
            let ranges = router.ranges.iter().filter(|range| range.area == area);
            let ranges = ranges
                .map(|range| (range.prefix, Range { advertise: range.advertise, cost: None }))
                .collect();
            config.areas.insert(AreaId(area), AreaConfig { kind: area_type(kind), ranges });
        }
        for (n, segment, end) in world.ends_of(index) {
            let interface = Interface::Segment(n);
            let address = ipnet::Ipv4Net::new_assert(end.address, segment.prefix.prefix_len());
            let settings = InterfaceConfig {
                area: AreaId(segment.area),
                kind: match segment.kind {
                    SegmentKind::PointToPoint => Network::PointToPoint,
                    SegmentKind::Broadcast => Network::Broadcast,
                },
                passive: end.passive,
                cost: end.cost,
                priority: end.priority,
                hello: self.hello,
                dead: self.dead,
                retransmit: self.retransmit,
                mtu: self.mtu[n.0],
                authentication: self.authentication[n.0].clone(),
                ..InterfaceConfig::new(&interface.to_string(), address)
            };
            config.interfaces.insert(interface_id(interface), settings);
        }
        for (n, stub) in router.stubs.iter().enumerate() {
            let interface = Interface::Stub(n);
            let settings = InterfaceConfig {
                area: AreaId(stub.area),
                kind: Network::Broadcast,
                passive: true,
                cost: stub.cost,
                ..InterfaceConfig::new(&interface.to_string(), stub.address())
            };
            config.interfaces.insert(interface_id(interface), settings);
        }
        for link in world.virtual_links.iter().filter(|link| link.ends.contains(&index)) {
            let other = if link.ends[0] == index { link.ends[1] } else { link.ends[0] };
            config.virtual_links.push(VirtualLinkConfig {
                hello: self.hello,
                dead: self.dead,
                retransmit: self.retransmit,
                ..VirtualLinkConfig::new(AreaId(link.transit), RouterId(world.router(other).id))
            });
        }
        config
    }
}

/// An external route as the engine takes it.
#[must_use]
pub fn external(external: &braid_world::External) -> External {
    External {
        metric: external.metric,
        type2: external.type2,
        tag: external.tag,
        forwarding: external.forwarding,
    }
}

fn area_type(kind: AreaKind) -> AreaType {
    match kind {
        AreaKind::Normal => AreaType::Normal,
        AreaKind::Stub { summaries, default_cost } => AreaType::Stub { default_cost, summaries },
        AreaKind::Nssa { summaries, default_cost } => AreaType::Nssa {
            default_cost,
            summaries,
            translate: Translate::Candidate,
            default_route: false,
            external_ranges: BTreeMap::new(),
        },
    }
}

fn authentication(dice: &mut Dice) -> Authentication {
    let key = |algorithm| Authentication::Cryptographic(KeyChain::new([Key::new(7, algorithm, "a secret")]));
    match dice.below(5) {
        0 => Authentication::None,
        1 => Authentication::Simple(Password::new(b"password")),
        2 => key(Algorithm::Md5),
        3 => key(Algorithm::HmacSha256),
        _ => key(Algorithm::HmacSha512),
    }
}
