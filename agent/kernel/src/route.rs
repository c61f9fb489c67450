//! IPv4 routes: read, change, and change by the hundred thousand.

use std::{collections::HashMap, fmt, net::Ipv4Addr};

use ipnet::Ipv4Net;
use netlink_packet_core::{DecodeError, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags, RouteScope,
        RouteType,
    },
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, link::decode, nexthop::resolve};

/// An IPv4 route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The destinations it is for.
    pub prefix: Ipv4Net,
    /// The table it is in: 254 is the main one, 255 the kernel's own.
    pub table: u32,
    /// Who made it, a routing protocol number: 2 kernel, 3 boot (by hand), 4 static, 11 zebra, 12 BIRD, 187 IS-IS,
    /// 188 OSPF.
    pub protocol: u8,
    /// Its metric: of routes for one prefix, the lowest wins.
    pub priority: u32,
    /// The type of service it is for; 0 for any.
    pub tos: u8,
    /// What becomes of a packet.
    pub kind: RouteKind,
    /// Where packets go. To be written, give either these or [`Route::nexthop_id`]; where read, both are filled.
    pub next_hops: Vec<NextHop>,
    /// The nexthop object it points at.
    pub nexthop_id: Option<u32>,
}

/// What a route does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    /// Sends it to a next hop.
    Unicast,
    /// Takes it in.
    Local,
    /// Drops it in silence.
    Blackhole,
    /// Refuses it with ICMP host unreachable.
    Unreachable,
    /// Refuses it with ICMP communication prohibited.
    Prohibit,
    /// Passes it on to the next rule.
    Throw,
    /// Another type (broadcast, multicast, …), by its number.
    Other(u8),
}

/// One way out of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NextHop {
    /// The next router; `None` if the destination itself is on the link (or the router has an IPv6 address).
    pub via: Option<Ipv4Addr>,
    /// The interface's index.
    pub ifindex: u32,
    /// Its share among the route's next hops, 1 to 256.
    pub weight: u16,
    /// Whether the kernel has given it up (`RTNH_F_DEAD`). Read only.
    pub dead: bool,
    /// Whether its interface has no carrier (`RTNH_F_LINKDOWN`). Read only.
    pub linkdown: bool,
}

impl Default for NextHop {
    fn default() -> Self {
        Self { via: None, ifindex: 0, weight: 1, dead: false, linkdown: false }
    }
}

impl NextHop {
    /// A next hop of weight 1.
    #[must_use]
    pub fn new(via: impl Into<Option<Ipv4Addr>>, ifindex: u32) -> Self {
        Self { via: via.into(), ifindex, ..Self::default() }
    }
}

impl Route {
    /// A route with metric 0 and no next hop yet.
    #[must_use]
    pub fn new(prefix: Ipv4Net, table: u32, protocol: u8, kind: RouteKind) -> Self {
        Self {
            prefix: prefix.trunc(),
            table,
            protocol,
            priority: 0,
            tos: 0,
            kind,
            next_hops: Vec::new(),
            nexthop_id: None,
        }
    }

    /// A unicast route by one next hop.
    #[must_use]
    pub fn unicast(prefix: Ipv4Net, table: u32, protocol: u8, hop: NextHop) -> Self {
        Self { next_hops: vec![hop], ..Self::new(prefix, table, protocol, RouteKind::Unicast) }
    }

    /// A unicast route to a nexthop object.
    #[must_use]
    pub fn to_nexthop(prefix: Ipv4Net, table: u32, protocol: u8, id: u32) -> Self {
        Self { nexthop_id: Some(id), ..Self::new(prefix, table, protocol, RouteKind::Unicast) }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route {} of table {}", self.prefix, self.table)
    }
}

/// A change to the routes of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteChange {
    /// Adds the route, in the place of one with the same prefix, table, metric and type of service.
    Replace(Route),
    /// Removes the route, see [`Netlink::delete_route`].
    Delete(Route),
}

/// A change that the kernel refused.
#[derive(Debug)]
pub struct RefusedRoute {
    /// Its place in the batch.
    pub place: usize,
    /// The kernel's reason.
    pub error: NetlinkError,
}

/// Which routes to list; the kernel sorts out the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteFilter {
    /// Only those of this table.
    pub table: Option<u32>,
    /// Only those of this protocol.
    pub protocol: Option<u8>,
}

impl RouteFilter {
    /// The routes of one table.
    #[must_use]
    pub fn table(table: u32) -> Self {
        Self { table: Some(table), protocol: None }
    }
}

impl Netlink {
    /// The IPv4 routes of the namespace that pass the filter, next hops filled in also where the kernel names only a
    /// nexthop object. Routes of one prefix stand in the order the kernel tries them. A table that is not there is
    /// empty.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn routes(&self, filter: RouteFilter) -> Result<Vec<Route>, NetlinkError> {
        let mut routes: Vec<Route> =
            self.kernel_routes(filter).await?.into_iter().map(|route| route.route).collect();
        if routes.iter().any(|route| route.nexthop_id.is_some()) {
            let nexthops: HashMap<_, _> =
                self.nexthops().await?.into_iter().map(|nexthop| (nexthop.id, nexthop)).collect();
            for route in &mut routes {
                resolve(route, &nexthops);
            }
        }
        Ok(routes)
    }

    /// The routes as the kernel words them.
    pub(crate) async fn kernel_routes(&self, filter: RouteFilter) -> Result<Vec<KernelRoute>, NetlinkError> {
        let operation = "list routes";
        let mut request = RouteMessage::default();
        request.header.address_family = AddressFamily::Inet;
        request.header.protocol = filter.protocol.unwrap_or(0).into();
        request.attributes.extend(filter.table.map(RouteAttribute::Table));
        let answer = self
            .dump(RouteNetlinkMessage::GetRoute(request), operation, |frame| {
                Ok(match decode(frame)? {
                    RouteNetlinkMessage::NewRoute(message) => KernelRoute::from_message(message)?,
                    _ => None,
                })
            })
            .await?;
        let wanted = |route: &KernelRoute| {
            filter.table.is_none_or(|table| route.route.table == table)
                && filter.protocol.is_none_or(|protocol| route.route.protocol == protocol)
        };
        match answer {
            Ok(mut routes) => {
                routes.retain(wanted);
                Ok(routes)
            }
            // The kernel makes a table with its first route.
            Err(refusal) if refusal.errno == Errno::ENOENT => Ok(Vec::new()),
            Err(refusal) => Err(self.refused(operation, refusal)),
        }
    }

    /// Adds a route, in the place of one with the same prefix, table, metric and type of service.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`]: `ENETUNREACH` if no link reaches the next hop, `ENETDOWN` if its interface is down,
    /// `EINVAL` if the nexthop object is not there.
    pub async fn replace_route(&self, route: &Route) -> Result<(), NetlinkError> {
        self.one_route(RouteChange::Replace(route.clone())).await
    }

    /// Removes a route: the first with the same prefix, table, type of service, kind and metric, and the same protocol
    /// (unless 0) and next hops (unless empty). One that is not there is fine. A metric of 0 is any.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn delete_route(&self, route: &Route) -> Result<(), NetlinkError> {
        self.one_route(RouteChange::Delete(route.clone())).await
    }

    async fn one_route(&self, change: RouteChange) -> Result<(), NetlinkError> {
        let refused = self.apply_routes(&[change]).await?;
        refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
    }

    /// Carries out many changes in their order, 1,024 to a datagram. One that is refused does not stop those after it:
    /// all refused ones are given back. Deleting what is not there is fine.
    ///
    /// # Errors
    /// The outer error is of the socket; how far the batch came is then unknown.
    pub async fn apply_routes(&self, changes: &[RouteChange]) -> Result<Vec<RefusedRoute>, NetlinkError> {
        let messages = changes.iter().map(change_message);
        let refused = self.change_all(messages, "change routes").await?;
        let refused = refused.into_iter().filter_map(|(place, refusal)| {
            let operation = match changes.get(place)? {
                RouteChange::Delete(_) if refusal.errno == Errno::ESRCH => return None,
                RouteChange::Delete(route) => format!("delete {route}"),
                RouteChange::Replace(route) => format!("replace {route}"),
            };
            Some(RefusedRoute { place, error: self.refused(&operation, refusal) })
        });
        Ok(refused.collect())
    }
}

fn to_message(route: &Route, delete: bool) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = AddressFamily::Inet;
    header.destination_prefix_length = route.prefix.prefix_len();
    header.tos = route.tos;
    header.table = u8::try_from(route.table).unwrap_or(0);
    header.protocol = route.protocol.into();
    header.kind = route.kind.into();
    header.scope = match route.kind {
        _ if delete => RouteScope::NoWhere,
        RouteKind::Local => RouteScope::Host,
        RouteKind::Unicast
            if route.nexthop_id.is_none() && route.next_hops.iter().all(|hop| hop.via.is_none()) =>
        {
            RouteScope::Link
        }
        _ => RouteScope::Universe,
    };
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(route.prefix.network().into()));
    attributes.push(RouteAttribute::Table(route.table));
    if route.priority != 0 {
        attributes.push(RouteAttribute::Priority(route.priority));
    }
    match (route.nexthop_id, &route.next_hops[..]) {
        (Some(id), _) => attributes.push(RouteAttribute::NhId(id)),
        (None, []) => {}
        (None, [hop]) => {
            attributes.push(RouteAttribute::Oif(hop.ifindex));
            attributes.extend(hop.via.map(|via| RouteAttribute::Gateway(via.into())));
        }
        (None, hops) => attributes.push(RouteAttribute::MultiPath(hops.iter().map(to_wire_hop).collect())),
    }
    message
}

fn to_wire_hop(hop: &NextHop) -> RouteNextHop {
    let mut wire = RouteNextHop::default();
    wire.interface_index = hop.ifindex;
    wire.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    wire.attributes.extend(hop.via.map(|via| RouteAttribute::Gateway(via.into())));
    wire
}

/// A change as a netlink message with its flags. A function of its own, since a closure here would keep the future of
/// [`Netlink::apply_routes`] from moving between threads.
fn change_message(change: &RouteChange) -> (u16, RouteNetlinkMessage) {
    match change {
        RouteChange::Replace(route) => {
            (NLM_F_CREATE | NLM_F_REPLACE, RouteNetlinkMessage::NewRoute(to_message(route, false)))
        }
        RouteChange::Delete(route) => (0, RouteNetlinkMessage::DelRoute(to_message(route, true))),
    }
}

/// A route as the kernel words it: next hops only where it gives them, and what [`Route`] does not show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelRoute {
    pub(crate) route: Route,
    pub(crate) scope: u8,
    /// Source address, metrics and the like: two routes that differ only in these are two to the kernel.
    pub(crate) rest: Vec<RouteAttribute>,
}

impl KernelRoute {
    /// Reads a route message. `None` for other families, and for entries of the route cache.
    pub(crate) fn from_message(message: RouteMessage) -> Result<Option<Self>, DecodeError> {
        let RouteMessage { header, attributes, .. } = message;
        if header.address_family != AddressFamily::Inet || header.flags.contains(RouteFlags::Cloned) {
            return Ok(None);
        }
        let mut destination = Ipv4Addr::UNSPECIFIED;
        let mut table = header.table.into();
        let (mut priority, mut nexthop_id, mut rest) = (0, None, Vec::new());
        let (mut via, mut ifindex, mut next_hops) = (None, None, Vec::new());
        for attribute in attributes {
            match attribute {
                RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = address,
                RouteAttribute::Table(number) => table = number,
                RouteAttribute::Priority(number) => priority = number,
                RouteAttribute::NhId(id) => nexthop_id = Some(id),
                RouteAttribute::Oif(index) => ifindex = Some(index),
                RouteAttribute::Gateway(RouteAddress::Inet(address)) => via = Some(address),
                RouteAttribute::MultiPath(hops) => next_hops = hops.iter().map(from_wire_hop).collect(),
                RouteAttribute::CacheInfo(_) => {}
                other => rest.push(other),
            }
        }
        if let Some(ifindex) = ifindex {
            let dead = header.flags.contains(RouteFlags::Dead);
            let linkdown = header.flags.contains(RouteFlags::Linkdown);
            next_hops.push(NextHop { via, ifindex, weight: 1, dead, linkdown });
        }
        let prefix = Ipv4Net::new(destination, header.destination_prefix_length)
            .map_err(|_| DecodeError::invalid_number(32, header.destination_prefix_length.into()))?;
        let route = Route {
            prefix,
            table,
            protocol: header.protocol.into(),
            priority,
            tos: header.tos,
            kind: header.kind.into(),
            next_hops,
            nexthop_id,
        };
        Ok(Some(Self { route, scope: header.scope.into(), rest }))
    }

    /// Whether the kernel takes both for the same route: all is equal but what changes by itself, the state of next
    /// hops and what a nexthop object currently stands for.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.route, &other.route);
        let ways = match (a.nexthop_id, b.nexthop_id) {
            (None, None) => {
                a.kind == b.kind
                    && a.next_hops.len() == b.next_hops.len()
                    && a.next_hops
                        .iter()
                        .zip(&b.next_hops)
                        .all(|(a, b)| (a.via, a.ifindex, a.weight) == (b.via, b.ifindex, b.weight))
            }
            (a, b) => a == b,
        };
        ways && (a.prefix, a.table, a.tos, a.priority, a.protocol, self.scope)
            == (b.prefix, b.table, b.tos, b.priority, b.protocol, other.scope)
            && self.rest == other.rest
    }
}

fn from_wire_hop(hop: &RouteNextHop) -> NextHop {
    let via = hop.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some(*address),
        _ => None,
    });
    NextHop {
        via,
        ifindex: hop.interface_index,
        weight: u16::from(hop.hops) + 1,
        dead: hop.flags.contains(RouteNextHopFlags::Dead),
        linkdown: hop.flags.contains(RouteNextHopFlags::Linkdown),
    }
}

impl From<RouteType> for RouteKind {
    fn from(kind: RouteType) -> Self {
        match kind {
            RouteType::Unicast => Self::Unicast,
            RouteType::Local => Self::Local,
            RouteType::BlackHole => Self::Blackhole,
            RouteType::Unreachable => Self::Unreachable,
            RouteType::Prohibit => Self::Prohibit,
            RouteType::Throw => Self::Throw,
            other => Self::Other(other.into()),
        }
    }
}

impl From<RouteKind> for RouteType {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unicast => Self::Unicast,
            RouteKind::Local => Self::Local,
            RouteKind::Blackhole => Self::BlackHole,
            RouteKind::Unreachable => Self::Unreachable,
            RouteKind::Prohibit => Self::Prohibit,
            RouteKind::Throw => Self::Throw,
            RouteKind::Other(number) => number.into(),
        }
    }
}
