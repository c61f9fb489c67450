//! `braid debug routes`: the engine's route computation on a database from elsewhere.

use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, LsType, Lsa, RouterId};
use braid_ospf_route::{AreaKind, Domain, Routing, Settings};
use ipnet::Ipv4Net;
use serde::Serialize;

use super::status::type2_cost;
use crate::HexError;

/// Equal ways that are shown at most: all that a kernel takes.
const MAX_PATHS: usize = 64;

/// An area with type-7 LSAs in it.
const NSSA: AreaKind = AreaKind::Nssa { summaries: true };

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
    Ok(compute(&lsas, root)
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

fn compute(lsas: &[(Domain, Lsa)], root: Ipv4Addr) -> Routing {
    let settings = Settings { max_paths: MAX_PATHS, ..Settings::default() };
    let mut routing = Routing::new(RouterId(root), settings);
    // What an area lets in shows in what is in it.
    for (domain, lsa) in lsas {
        if let Domain::Area(area) = domain {
            let nssa = lsa.ls_type() == LsType::Nssa;
            let known = routing.areas().any(|(known, kind)| known == *area && (kind == NSSA || !nssa));
            if !known {
                routing.set_area(*area, if nssa { NSSA } else { AreaKind::Normal });
            }
        }
    }
    for (domain, lsa) in lsas {
        routing.install(*domain, lsa);
    }
    routing.compute();
    routing
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
    use braid_ospf_packet::{LinkKind, LsaBody, Options, RouterFlags, RouterLink, RouterLsa, SequenceNumber};

    use super::*;

    fn router(id: u8, links: Vec<RouterLink>) -> String {
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::default(), links });
        let id = Ipv4Addr::new(0, 0, 0, id);
        Lsa::build(1, Options::E, id, RouterId(id), SequenceNumber::INITIAL, &body).unwrap().to_hex()
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
