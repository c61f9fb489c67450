//! From the file types to the domain model: what only the file as a whole can show, and every default.

mod links;
mod nodes;
mod vns;
mod vote;

pub(crate) use links::{DEFAULT_METRIC, DEFAULT_MTU, MAX_LINKS};
pub(crate) use nodes::MAX_NODES;
pub(crate) use vns::{DEFAULT_HELLO, DEFAULT_LIMITS};
pub(crate) use vote::DEFAULT_POLICY;

use std::collections::HashMap;

use braid_proto::NodeName;
use ipnet::Ipv4Net;

use crate::{
    decode::Decoded,
    diagnostic::{Findings, Place},
    file::{At, File, FileAddressing},
    model::{Addressing, Endpoint, Link, Node, Topology},
    scalar::{Prefix, unicast},
    space::{Claim, check_disjoint},
};

/// Judges a file; `None` when `findings` holds errors.
pub(crate) fn validate(decoded: &Decoded, findings: &mut Findings) -> Option<Topology> {
    let Decoded { file, all_nodes, all_links, all_vns } = decoded;
    let index: HashMap<&NodeName, usize> =
        file.topology.nodes.iter().enumerate().map(|(i, (name, _))| (&name.value, i)).collect();
    let mut interfaces = HashMap::new();

    nodes::check_names(file, findings);
    let nodes = nodes::build(file, &mut interfaces, findings);
    let links = links::build(file, &index, *all_nodes, &mut interfaces, findings);
    if *all_nodes && *all_links && findings.errors.is_empty() {
        links::check_connected(file, &links, &index, findings);
    }
    let sound = *all_links && links.len() == file.topology.links.len() && findings.errors.is_empty();
    let vns = vns::build(file, &links, &index, sound, findings);
    let vote = vote::build(file, *all_vns, findings);
    let probes = vote::probes(file, findings);
    let addressing = pools(file.addressing.as_ref());
    check_pools(file, &addressing, findings);
    check_space(file, &addressing, findings);

    if !findings.errors.is_empty() {
        return None;
    }
    let topology = Topology { name: file.name.value.clone(), nodes, links, vns, vote, probes, addressing };
    warn(file, &topology, findings);
    Some(topology)
}

/// Where each interface is first used.
type Interfaces = HashMap<Endpoint, Place>;

/// Records an interface that is used twice.
fn use_interface(end: Endpoint, place: Place, used: &mut Interfaces, findings: &mut Findings) {
    if let Some(first) = used.get(&end) {
        findings.error(
            place,
            format!(
                "interface `{}:{}` is already used in line {}: an interface has one cable; give this one another name",
                end.node, end.interface, first.line
            ),
        );
    } else {
        used.insert(end, place);
    }
}

/// The default pools.
pub(crate) const DEFAULT_POOLS: Addressing =
    Addressing { loopbacks: pool(64), links: pool(65), underlay: pool(66), ports: pool(67) };

/// 100.`second`.0.0/16, of the shared address space of RFC 6598.
const fn pool(second: u8) -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(100, second, 0, 0), 16)
}

fn pools(file: Option<&FileAddressing>) -> Addressing {
    let get = |given: fn(&FileAddressing) -> &Option<At<Prefix>>, default: Ipv4Net| {
        file.and_then(|f| given(f).as_ref()).map_or(default, |at| at.value.0)
    };
    Addressing {
        loopbacks: get(|f| &f.loopbacks, DEFAULT_POOLS.loopbacks),
        links: get(|f| &f.links, DEFAULT_POOLS.links),
        underlay: get(|f| &f.underlay, DEFAULT_POOLS.underlay),
        ports: get(|f| &f.ports, DEFAULT_POOLS.ports),
    }
}

/// The pools with their names and where the file gives them.
fn named_pools(file: &File, pools: &Addressing) -> [(&'static str, Ipv4Net, Option<Place>); 4] {
    let place = |given: fn(&FileAddressing) -> &Option<At<Prefix>>| {
        file.addressing.as_ref().and_then(|f| given(f).as_ref()).map(|at| at.place)
    };
    [
        ("loopbacks", pools.loopbacks, place(|f| &f.loopbacks)),
        ("links", pools.links, place(|f| &f.links)),
        ("underlay", pools.underlay, place(|f| &f.underlay)),
        ("ports", pools.ports, place(|f| &f.ports)),
    ]
}

/// Records pools that cannot hold what must be allocated from them.
fn check_pools(file: &File, pools: &Addressing, findings: &mut Findings) {
    let links = file.topology.links.len() as u64;
    let allocated = file.topology.links.iter().filter(|link| link.addresses.is_none()).count() as u64;
    let highest = file.vns.iter().map(|vn| u64::from(vn.id.value.get())).max().unwrap_or(0);
    // Numbers begin at 1, so the first address or pair of a pool may stay free; a VN's ports are numbered by its id.
    let needs = [
        (file.topology.nodes.len() as u64 + 1, "a /32 per node"),
        (2 * (links + 1), "a /31 per link"),
        (2 * (allocated + 1), "a /31 per link without `addresses`"),
        (2 * (highest + 1), "a /31 per virtual network id up to the highest"),
    ];
    for ((name, net, place), (needed, what)) in named_pools(file, pools).into_iter().zip(needs) {
        if let Some(place) = place.filter(|_| net.prefix_len() < 8) {
            findings.error(place, format!("pool `{name}` {net} is shorter than /8: write a /8 or longer"));
        } else if let (Some(place), Err(why)) = (place, unicast(net.network())) {
            findings.error(place, format!("pool `{name}` {net} cannot be used: {why}"));
        }
        let room = 1_u64 << (32 - net.prefix_len());
        if room < needed {
            let length = 32 - needed.next_power_of_two().trailing_zeros();
            findings.error(
                place.unwrap_or(Place::START),
                format!(
                    "pool `{name}` {net} has {room} addresses, but {what} takes {needed}: write a /{length} or \
                     shorter"
                ),
            );
        }
    }
}

/// Records overlaps among pools, attached prefixes and the links' own addresses.
fn check_space(file: &File, pools: &Addressing, findings: &mut Findings) {
    let mut claims: Vec<Claim> = named_pools(file, pools)
        .into_iter()
        .map(|(name, net, place)| Claim { net, who: format!("pool `{name}` {net}"), place })
        .collect();
    for (name, node) in &file.topology.nodes {
        for attached in node.border.iter().flat_map(|border| &border.prefixes) {
            let At { value, place } = attached.prefix;
            let who = format!("prefix {} of `{}`", value.0, name.value);
            claims.push(Claim { net: value.0, who, place: Some(place) });
        }
    }
    for link in &file.topology.links {
        for (address, end) in link.addresses.iter().flatten().zip(&link.endpoints) {
            let Endpoint { node, interface } = &end.value.0;
            let who = format!("address {} of `{node}:{interface}`", address.value.0);
            claims.push(Claim { net: address.value.0.into(), who, place: Some(address.place) });
        }
    }
    check_disjoint(claims, findings);
}

/// Says what is legal but hardly meant.
fn warn(file: &File, topology: &Topology, findings: &mut Findings) {
    let nodes: &[Node] = &topology.nodes;
    if nodes.iter().all(|node| node.border.is_none()) {
        let place = file.topology.nodes.first().map_or(Place::START, |(name, _)| name.place);
        findings.warn(
            place,
            "no node is a border: nothing will be carried or voted on; give one or more nodes `border: { prefixes: \
             [198.18.1.0/24] }`",
        );
    }
    let first = file.vns.first().map_or(Place::START, |vn| vn.id.place);
    if let [only] = &topology.vns[..] {
        findings.warn(
            first,
            format!("`{}` is the only virtual network: nothing can stand in for it; add another", only.name),
        );
    } else if topology.vns.iter().all(|vn| vn.engine.code_base() == topology.vns[0].engine.code_base()) {
        findings.warn(
            first,
            format!(
                "all virtual networks run the code base {}: a bug in it is a bug in all of them; give one another \
                 engine",
                topology.vns[0].engine.code_base()
            ),
        );
    }
    for (link, at) in topology.links.iter().zip(&file.topology.links) {
        warn_mtu(link, at.mtu.map(|mtu| mtu.place), findings);
    }
    vote::warn_unused(file, topology, findings);
}

/// VXLAN over IPv4 takes 50 bytes: outer IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14 (RFC 7348 §5).
const VXLAN_OVERHEAD: u16 = 50;

fn warn_mtu(link: &Link, place: Option<Place>, findings: &mut Findings) {
    if let Some(place) = place.filter(|_| link.mtu < 1500 + VXLAN_OVERHEAD) {
        findings.warn(
            place,
            format!(
                "mtu {} leaves customers {} bytes, not 1500: raise it to {} if the link can",
                link.mtu,
                link.mtu - VXLAN_OVERHEAD,
                1500 + VXLAN_OVERHEAD
            ),
        );
    }
}
