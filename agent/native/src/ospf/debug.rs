//! `braid debug routes`: the engine's route computation on a database from elsewhere.

use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, LsType, Lsa, RouterId};
use braid_ospf_route::{Domain, Settings, routes_of};
use ipnet::Ipv4Net;
use serde::Serialize;

use super::status::type2_cost;
use crate::HexError;

/// Equal ways that are shown at most: all that a kernel takes.
const MAX_PATHS: usize = 64;

/// A route as computed from LSAs alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedRoute {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// `intra-area`, `inter-area`, `external-1`, `external-2`.
    pub kind: String,
    /// The area that it is through; none for externals.
    pub area: Option<Ipv4Addr>,
    /// Its metric; with external type 2 the part inside the AS.
    pub cost: u32,
    /// The metric of an external of type 2.
    pub type2_cost: Option<u32>,
    /// The tag of an external.
    pub tag: u32,
    /// The ways.
    pub next_hops: Vec<ComputedNextHop>,
}

/// A way of a computed route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedNextHop {
    /// Our address on the interface, or 0.x.y.z for the one of that index.
    pub out: Ipv4Addr,
    /// The next router; none if the destination itself is on the link.
    pub via: Option<Ipv4Addr>,
}

/// The routes of a router, from a database written as [`super::DatabaseEntry::line`] writes it: an LSA a line, in hexadecimal,
/// with `area A.B.C.D` before it where that is not 0.0.0.0. What follows `#` does not count, nor do empty lines.
///
/// The router's configuration is inferred ([`routes_of`]). What it keeps to itself is not seen: another border router's summary
/// of a range that this one hides (and therefore ignores, RFC 2328 §16.2 (3)) is a route here.
///
/// # Errors
/// [`HexError`] at the first line that is no LSA.
pub fn routes_from_hex(text: &str, root: Ipv4Addr) -> Result<Vec<ComputedRoute>, HexError> {
    let mut lsas = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        if !line.trim().is_empty() {
            lsas.push(parse(line).map_err(|reason| HexError { line: index + 1, reason })?);
        }
    }
    let settings = Settings { max_paths: MAX_PATHS, ..Settings::default() };
    Ok(routes_of(RouterId(root), lsas, settings)
        .routes()
        .map(|(prefix, route)| ComputedRoute {
            prefix,
            kind: route.kind.to_string(),
            area: route.area.map(|area| area.0),
            cost: route.cost,
            type2_cost: type2_cost(route.kind, route.type2_cost),
            tag: route.tag,
            next_hops: route
                .next_hops
                .iter()
                .map(|hop| ComputedNextHop { out: hop.out, via: hop.gateway })
                .collect(),
        })
        .collect())
}

fn parse(line: &str) -> Result<(Domain, Lsa), String> {
    let mut words = line.split_whitespace().peekable();
    let mut area = AreaId::BACKBONE;
    if words.next_if_eq(&"area").is_some() {
        let word = words.next().ok_or("`area` is followed by an area id, such as 0.0.0.1, and an LSA")?;
        area = word.parse().map_err(|_| format!("`{word}` is no area id such as 0.0.0.1"))?;
    }
    let digits: String = words.collect();
    let lsa = Lsa::from_hex(&digits).map_err(|error| error.to_string())?;
    let as_wide = matches!(lsa.ls_type(), LsType::External | LsType::OpaqueAs);
    Ok((if as_wide { Domain::As } else { Domain::Area(area) }, lsa))
}

#[cfg(test)]
mod tests {
    use braid_ospf_packet::{
        ExternalLsa, LinkKind, LsaBody, Options, RouterFlags, RouterLink, RouterLsa, SequenceNumber,
        SummaryLsa,
    };

    use super::*;

    fn lsa(id: Ipv4Addr, from: u8, options: Options, body: &LsaBody) -> String {
        let from = RouterId([0, 0, 0, from].into());
        Lsa::build(1, options, id, from, SequenceNumber::INITIAL, body).unwrap().to_hex()
    }

    fn router_lsa(id: u8, options: Options, flags: RouterFlags, links: Vec<RouterLink>) -> String {
        lsa([0, 0, 0, id].into(), id, options, &LsaBody::Router(RouterLsa { flags, links }))
    }

    fn router(id: u8, links: Vec<RouterLink>) -> String {
        router_lsa(id, Options::E, RouterFlags::default(), links)
    }

    fn summary(id: [u8; 4], mask: u8, from: u8) -> String {
        lsa(id.into(), from, Options::E, &LsaBody::Summary(SummaryLsa { mask, metric: 7 }))
    }

    /// An AS-external-LSA for 203.0.113.0/24.
    fn external(from: u8) -> String {
        let forwarding = Ipv4Addr::UNSPECIFIED;
        let body = ExternalLsa { mask: 24, type2: true, metric: 3, forwarding, tag: 0 };
        lsa([203, 0, 113, 0].into(), from, Options::E, &LsaBody::External(body))
    }

    fn stub(network: [u8; 4]) -> RouterLink {
        link(LinkKind::Stub, network, [255, 255, 255, 0], 5)
    }

    /// Each route of router 0.0.0.1: prefix, kind, cost, and the neighbour it goes to.
    fn routes(text: &str) -> Vec<String> {
        let routes = routes_from_hex(text, [0, 0, 0, 1].into()).unwrap();
        let told = |route: &ComputedRoute| {
            let via = route.next_hops.iter().filter_map(|hop| hop.via);
            let via: Vec<String> = via.map(|via| via.to_string()).collect();
            format!("{} {} {} {}", route.prefix, route.kind, route.cost, via.join(","))
        };
        routes.iter().map(told).collect()
    }

    fn link(kind: LinkKind, id: [u8; 4], data: [u8; 4], metric: u16) -> RouterLink {
        RouterLink { kind, id: id.into(), data: data.into(), metric }
    }

    #[test]
    fn two_routers_and_a_stub_network_are_a_route() {
        let one = router(1, vec![link(LinkKind::PointToPoint, [0, 0, 0, 2], [10, 0, 0, 0], 7)]);
        let two = router(
            2,
            vec![
                link(LinkKind::PointToPoint, [0, 0, 0, 1], [10, 0, 0, 1], 7),
                link(LinkKind::Stub, [198, 18, 1, 0], [255, 255, 255, 0], 20),
            ],
        );
        let text = format!("# a database\n\narea 0.0.0.0 {one}\n  {two} # the other\n");
        let routes = routes_from_hex(&text, [0, 0, 0, 1].into()).unwrap();
        let wanted = ComputedRoute {
            prefix: "198.18.1.0/24".parse().unwrap(),
            kind: "intra-area".to_owned(),
            area: Some([0, 0, 0, 0].into()),
            cost: 27,
            type2_cost: None,
            tag: 0,
            next_hops: vec![ComputedNextHop { out: [10, 0, 0, 0].into(), via: Some([10, 0, 0, 1].into()) }],
        };
        assert_eq!(routes, [wanted]);
    }

    /// Goal: the areas, virtual links and ranges that no configuration tells are those in which the database was made. The
    /// root reaches the backbone by a virtual link through area 1, and stands for area 2 by a range, as another does.
    #[test]
    fn a_border_routers_virtual_links_and_ranges_are_seen() {
        use LinkKind::{PointToPoint, Virtual};
        let border = RouterFlags::B;
        let end = RouterFlags::B.with(RouterFlags::V);
        let to_2 = link(PointToPoint, [0, 0, 0, 2], [10, 1, 0, 0], 10);
        let to_1 = link(PointToPoint, [0, 0, 0, 1], [10, 1, 0, 1], 10);
        let text = [
            router_lsa(1, Options::E, border, vec![link(Virtual, [0, 0, 0, 2], [10, 1, 0, 0], 10)]),
            router_lsa(
                2,
                Options::E,
                border,
                vec![
                    link(Virtual, [0, 0, 0, 1], [10, 1, 0, 1], 10),
                    link(PointToPoint, [0, 0, 0, 3], [10, 0, 0, 0], 10),
                ],
            ),
            router_lsa(
                3,
                Options::E,
                RouterFlags::E,
                vec![link(PointToPoint, [0, 0, 0, 2], [10, 0, 0, 1], 10), stub([198, 18, 3, 0])],
            ),
            external(3),
            summary([10, 2, 0, 0], 16, 1),
            summary([10, 2, 0, 0], 16, 2),
            format!("area 0.0.0.1 {}", router_lsa(1, Options::E, end, vec![to_2])),
            format!("area 0.0.0.1 {}", router_lsa(2, Options::E, end, vec![to_1])),
            format!("area 0.0.0.2 {}", router_lsa(1, Options::E, border, vec![stub([10, 2, 9, 0])])),
        ]
        .join("\n");
        let wanted = [
            "10.2.9.0/24 intra-area 5 ",
            "198.18.3.0/24 intra-area 25 10.1.0.1",
            "203.0.113.0/24 external-2 20 10.1.0.1",
        ];
        assert_eq!(routes(&text), wanted);
    }

    /// Goal: a stub area is told by the options of the root's LSA in it: its default route counts, an external does not.
    #[test]
    fn a_stub_area_takes_no_externals() {
        let link_to = |id, end| vec![link(LinkKind::PointToPoint, [0, 0, 0, id], [10, 1, 0, end], 10)];
        let lines = |options: Options| {
            [
                format!("area 0.0.0.1 {}", router_lsa(1, options, RouterFlags::default(), link_to(2, 0))),
                format!(
                    "area 0.0.0.1 {}",
                    router_lsa(2, options, RouterFlags::B.with(RouterFlags::E), link_to(1, 1))
                ),
                format!("area 0.0.0.1 {}", summary([0, 0, 0, 0], 0, 2)),
                external(2),
            ]
            .join("\n")
        };
        let default = "0.0.0.0/0 inter-area 17 10.1.0.1";
        assert_eq!(routes(&lines(Options::default())), [default]);
        assert_eq!(routes(&lines(Options::E)), [default, "203.0.113.0/24 external-2 10 10.1.0.1"]);
    }

    #[test]
    fn a_line_that_is_no_lsa_is_told_by_its_number() {
        for (line, reason) in [
            ("area", "is followed by"),
            ("area one 00", "`one` is no area id"),
            ("nonsense", ""),
            ("0001", ""),
        ] {
            let error = routes_from_hex(&format!("\n# x\n{line}\n"), [0, 0, 0, 1].into()).unwrap_err();
            assert_eq!(error.line, 3);
            assert!(error.reason.contains(reason), "{error}");
        }
    }
}
