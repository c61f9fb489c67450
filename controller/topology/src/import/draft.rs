//! What the importers have in common: a network without names, metrics or borders becomes a native file.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use braid_proto::{NetworkName, NodeName};
use geo::{Distance, Haversine, Point};
use ipnet::Ipv4Net;
use petgraph::unionfind::UnionFind;

use super::{
    Imported,
    slug::{Names, slug},
};
use crate::{
    diagnostic::shown,
    file::{At, File, FileBorder, FileGraph, FileLink, FileNode, FilePrefix},
    model::Endpoint,
    scalar::{CustomerPrefix, Interface, Latitude, LinkEnd, Longitude, Metric, Mtu, Scalar, Time},
    validate::{DEFAULT_METRIC, MAX_LINKS, MAX_NODES},
    write::render,
};

/// Borders that are made where the file names no customers.
const BORDERS: usize = 5;
/// 198.18.0.0/15 (RFC 2544) has 512 of /24; the first is left alone so that numbers begin at 1.
const CUSTOMERS: usize = 511;
/// Light in fibre: 5 us per km, that is 200,000 km/s.
const DELAY_US_PER_KM: f64 = 5.0;
const KM_PER_METRIC: f64 = 10.0;

/// A network as another tool's file has it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) name: String,
    /// Where it comes from, for the head of the file.
    pub(super) origin: String,
    pub(super) nodes: Vec<DraftNode>,
    pub(super) links: Vec<DraftLink>,
    pub(super) guesses: Vec<String>,
}

#[derive(Default)]
pub(super) struct DraftNode {
    pub(super) label: String,
    /// Latitude and longitude.
    pub(super) position: Option<(f64, f64)>,
    /// Customers: what each was called, and the interface to it where the file names one.
    pub(super) customers: Vec<(String, Option<String>)>,
}

pub(super) struct DraftLink {
    pub(super) ends: [DraftEnd; 2],
    pub(super) mtu: Option<Mtu>,
}

pub(super) struct DraftEnd {
    /// Index into the nodes.
    pub(super) node: usize,
    /// The interface where the file names one.
    pub(super) interface: Option<String>,
}

impl DraftLink {
    /// A link between two nodes of which nothing else is known.
    pub(super) fn between(a: usize, b: usize) -> Self {
        Self { ends: [a, b].map(|node| DraftEnd { node, interface: None }), mtu: None }
    }

    fn nodes(&self) -> [usize; 2] {
        self.ends.each_ref().map(|end| end.node)
    }
}

impl Draft {
    /// The native file.
    ///
    /// # Errors
    /// What makes it impossible.
    pub(super) fn finish(mut self) -> Result<Imported, String> {
        self.drop_self_loops();
        self.keep_largest_part();
        if self.nodes.is_empty() {
            return Err("the file has no nodes: there is nothing to import".to_owned());
        }
        for (what, found, most) in
            [("nodes", self.nodes.len(), MAX_NODES), ("links", self.links.len(), MAX_LINKS)]
        {
            if found > most {
                return Err(format!("the network has {found} {what}: a topology file may have {most}"));
            }
        }
        self.tell_parallel_links();
        let names = self.names();
        self.choose_borders(&names);
        let name = self.network_name();
        let interfaces = self.interfaces(&names);
        let links = self.file_links(&names, &interfaces);
        let nodes = self.file_nodes(&names);
        let head = vec![
            format!("Imported from {}.", self.origin),
            "Add virtual networks at the end, then run `braid validate` on this file.".to_owned(),
        ];
        let file = File {
            name: name.into(),
            topology: FileGraph { nodes, links },
            vns: Vec::new(),
            vote: None,
            probes: None,
            addressing: None,
        };
        Ok(Imported { yaml: render(&file, &head), guesses: self.guesses })
    }

    fn guess(&mut self, text: impl Into<String>) {
        self.guesses.push(text.into());
    }

    fn drop_self_loops(&mut self) {
        let before = self.links.len();
        self.links.retain(|link| link.nodes()[0] != link.nodes()[1]);
        let dropped = before - self.links.len();
        if dropped > 0 {
            self.guess(format!("{dropped} link(s) from a node to itself were dropped"));
        }
    }

    fn keep_largest_part(&mut self) {
        let mut sets = UnionFind::<usize>::new(self.nodes.len());
        for link in &self.links {
            let [a, b] = link.nodes();
            sets.union(a, b);
        }
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in 0..self.nodes.len() {
            parts.entry(sets.find(node)).or_default().push(node);
        }
        let Some(largest) = parts.values().max_by_key(|part| (part.len(), std::cmp::Reverse(part[0]))) else {
            return;
        };
        let keep: HashSet<usize> = largest.iter().copied().collect();
        if keep.len() == self.nodes.len() {
            return;
        }
        let lost: Vec<String> = (0..self.nodes.len())
            .filter(|node| !keep.contains(node))
            .map(|node| format!("`{}`", shown(&self.nodes[node].label)))
            .collect();
        self.guess(format!(
            "the network is in {} parts: the largest, of {} nodes, was kept, and {} node(s) dropped: {}",
            parts.len(),
            keep.len(),
            lost.len(),
            lost.iter().take(10).cloned().collect::<Vec<_>>().join(", ")
                + if lost.len() > 10 { ", …" } else { "" }
        ));
        let mut renumbered = HashMap::with_capacity(keep.len());
        let mut kept = Vec::with_capacity(keep.len());
        for (number, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            if keep.contains(&number) {
                renumbered.insert(number, kept.len());
                kept.push(node);
            }
        }
        self.nodes = kept;
        self.links.retain_mut(|link| {
            link.ends
                .iter_mut()
                .all(|end| renumbered.get(&end.node).map(|number| end.node = *number).is_some())
        });
    }

    fn tell_parallel_links(&mut self) {
        let mut counts: BTreeMap<[usize; 2], usize> = BTreeMap::new();
        for link in &self.links {
            let mut nodes = link.nodes();
            nodes.sort_unstable();
            *counts.entry(nodes).or_default() += 1;
        }
        for ([a, b], count) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let (a, b) = (shown(&self.nodes[a].label), shown(&self.nodes[b].label));
            self.guess(format!(
                "{count} parallel links between `{a}` and `{b}` were kept, each with interfaces of its own"
            ));
        }
    }

    /// The nodes' names.
    fn names(&mut self) -> Vec<NodeName> {
        let mut names = Names::default();
        let mut texts: Vec<String> = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let slug = slug(&node.label);
            texts.push(names.unique(&if slug.is_empty() { format!("node-{}", number + 1) } else { slug }));
        }
        for text in &mut texts {
            // `x-host` is the customer host of `x`.
            if text.strip_suffix("-host").is_some_and(|base| names.is_taken(base)) {
                *text = names.unique(&text.replace("-host", "-node"));
            }
        }
        for (node, text) in self.nodes.iter().zip(&texts) {
            // Lower case with hyphens for spaces goes without saying.
            if *text != node.label.to_lowercase().replace(' ', "-") {
                self.guesses.push(format!("`{}` is called `{text}`", shown(&node.label)));
            }
        }
        texts.into_iter().map(|text| text.parse().expect("slugs are names")).collect()
    }

    fn network_name(&mut self) -> NetworkName {
        let name = slug(&self.name);
        let name = if name.is_empty() { "imported".to_owned() } else { name };
        if name != self.name.to_lowercase() {
            self.guess(format!("the network is called `{name}`"));
        }
        name.parse().expect("slugs are names")
    }

    /// Gives customers to up to five nodes that lie far apart, where the file names fewer than two borders.
    fn choose_borders(&mut self, names: &[NodeName]) {
        let mut chosen: Vec<usize> =
            (0..self.nodes.len()).filter(|n| !self.nodes[*n].customers.is_empty()).collect();
        let customers: usize = self.nodes.iter().map(|node| node.customers.len()).sum();
        if customers > CUSTOMERS {
            self.guess(format!(
                "{} customers beyond the first {CUSTOMERS} were dropped",
                customers - CUSTOMERS
            ));
        }
        if chosen.len() >= 2 {
            return;
        }
        let given = chosen.len();
        let mut adjacent = vec![Vec::new(); self.nodes.len()];
        for link in &self.links {
            let [a, b] = link.nodes();
            adjacent[a].push(b);
            adjacent[b].push(a);
        }
        // Each next border is the node that is most hops away from those there are; the first is an end of a longest
        // way seen from the first node.
        let mut hops = hops_from(&adjacent, *chosen.first().unwrap_or(&0));
        while chosen.len() < BORDERS.min(self.nodes.len()) {
            let Some(next) = (0..hops.len())
                .filter(|n| !chosen.contains(n))
                .max_by_key(|n| (hops[*n], adjacent[*n].len(), std::cmp::Reverse(*n)))
            else {
                break;
            };
            let from_next = hops_from(&adjacent, next);
            hops = if chosen.is_empty() {
                from_next
            } else {
                hops.iter().zip(from_next).map(|(a, b)| (*a).min(b)).collect()
            };
            chosen.push(next);
        }
        let made: Vec<String> = chosen[given..].iter().map(|n| format!("`{}`", names[*n])).collect();
        for node in &chosen[given..] {
            self.nodes[*node].customers.push((String::new(), None));
        }
        if !made.is_empty() {
            self.guess(format!(
                "the file names {} border(s): {} lie far apart and were made borders, with a /24 of 198.18.0.0/15 each",
                if given == 0 { "no".to_owned() } else { given.to_string() },
                made.join(", ")
            ));
        }
    }

    /// The interface of every end: as the file has it where that is a name and free, else `eth1`, `eth2`, … in the
    /// order of links. Customers' interfaces count as used.
    fn interfaces(&mut self, names: &[NodeName]) -> Vec<[Interface; 2]> {
        let mut used: HashSet<(usize, String)> = HashSet::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            for (_, interface) in &mut node.customers {
                // One that cannot be kept becomes `cust0`, `cust1`, … by its place in the list.
                *interface = interface.take().filter(|name| {
                    let legal = Interface::read(name, true).is_ok() && !name.starts_with("cust");
                    legal && used.insert((number, name.clone()))
                });
            }
            for slot in 0..node.customers.len() {
                used.insert((number, format!("cust{slot}")));
            }
        }
        let mut guesses = Vec::new();
        let kept: Vec<[Option<Interface>; 2]> = self
            .links
            .iter()
            .map(|link| {
                link.ends.each_ref().map(|end| {
                    let wanted = end.interface.as_deref()?;
                    let interface = Interface::read(wanted, true).ok();
                    interface.filter(|_| used.insert((end.node, wanted.to_owned())))
                })
            })
            .collect();
        let mut next = vec![1_usize; self.nodes.len()];
        let mut allot = |end: &DraftEnd| loop {
            let name = format!("eth{}", next[end.node]);
            next[end.node] += 1;
            if used.insert((end.node, name.clone())) {
                if let Some(wanted) = &end.interface {
                    guesses.push(format!(
                        "interface `{}` of `{}` is called `{name}`",
                        shown(wanted),
                        names[end.node]
                    ));
                }
                break Interface::read(&name, true).expect("a node has less than 10^12 links");
            }
        };
        let all = self
            .links
            .iter()
            .zip(kept)
            .map(|(link, [a, b])| {
                [a.unwrap_or_else(|| allot(&link.ends[0])), b.unwrap_or_else(|| allot(&link.ends[1]))]
            })
            .collect();
        self.guesses.append(&mut guesses);
        all
    }

    fn file_links(&mut self, names: &[NodeName], interfaces: &[[Interface; 2]]) -> Vec<FileLink> {
        let mut measured = 0;
        let links: Vec<FileLink> = self
            .links
            .iter()
            .zip(interfaces)
            .map(|(link, interfaces)| {
                let endpoints = [0, 1].map(|side: usize| {
                    let node = names[link.ends[side].node].clone();
                    At::from(LinkEnd(Endpoint { node, interface: interfaces[side].0.clone() }))
                });
                let [a, b] = link.nodes().map(|node| self.nodes[node].position);
                let length = a.zip(b).map(|(a, b)| kilometres(a, b));
                measured += usize::from(length.is_some());
                FileLink {
                    endpoints,
                    metric: length.map(metric),
                    delay: length.map(|km| delay(km).into()),
                    mtu: link.mtu.map(At::from),
                    addresses: None,
                }
            })
            .collect();
        if measured > 0 {
            self.guess(format!(
                "{measured} link(s) have metric = km / {KM_PER_METRIC}, at least 1, and delay = {DELAY_US_PER_KM} us per \
                 km, for the great circle (haversine) between their ends: real cables are longer"
            ));
        }
        if measured < links.len() {
            self.guess(format!(
                "{} link(s) have metric {DEFAULT_METRIC} and no delay, since an end has no position",
                links.len() - measured
            ));
        }
        links
    }

    fn file_nodes(&mut self, names: &[NodeName]) -> Vec<(At<NodeName>, FileNode)> {
        let mut number = 0;
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (node, name) in self.nodes.iter().zip(names) {
            let mut prefixes = Vec::with_capacity(node.customers.len());
            for (label, interface) in &node.customers {
                number += 1;
                if number > CUSTOMERS {
                    break;
                }
                let prefix = customer_prefix(number);
                let interface = interface.as_ref().and_then(|i| Interface::read(i, true).ok()).map(At::from);
                if !label.is_empty() {
                    self.guesses.push(format!(
                        "`{}` is prefix {} of border `{name}`",
                        shown(label),
                        prefix.0
                    ));
                }
                prefixes.push(FilePrefix { prefix: prefix.into(), interface });
            }
            let position =
                node.position.map(|(latitude, longitude)| (Latitude(latitude), Longitude(longitude)));
            let border = (!prefixes.is_empty()).then_some(FileBorder { prefixes });
            nodes.push((name.clone().into(), FileNode { position, border }));
        }
        nodes
    }
}

/// The last part of a path, fit for a comment.
pub(super) fn base_name(path: &str) -> String {
    shown(path.rsplit('/').next().unwrap_or_default())
}

/// 198.18.`number`.0/24, and on into 198.19.
fn customer_prefix(number: usize) -> CustomerPrefix {
    let [second, third] = [18 + number / 256, number % 256].map(|n| u8::try_from(n).unwrap_or(u8::MAX));
    CustomerPrefix(Ipv4Net::new_assert([198, second, third, 0].into(), 24))
}

fn hops_from(adjacent: &[Vec<usize>], start: usize) -> Vec<usize> {
    let mut hops = vec![usize::MAX; adjacent.len()];
    let mut queue = VecDeque::from([start]);
    hops[start] = 0;
    while let Some(node) = queue.pop_front() {
        for next in &adjacent[node] {
            if hops[*next] == usize::MAX {
                hops[*next] = hops[node] + 1;
                queue.push_back(*next);
            }
        }
    }
    hops
}

/// The great circle between two positions (latitude, longitude).
fn kilometres(a: (f64, f64), b: (f64, f64)) -> f64 {
    Haversine.distance(Point::new(a.1, a.0), Point::new(b.1, b.0)) / 1000.0
}

fn metric(km: f64) -> Metric {
    // Half the Earth is 20,015 km, so this is at most 2002.
    Metric((km / KM_PER_METRIC).round().clamp(1.0, 65535.0) as u16)
}

/// To ten microseconds, of which there is at least one.
fn delay(km: f64) -> Time {
    let tens = (km * DELAY_US_PER_KM / 10.0).round().max(1.0) as u64;
    Time(std::time::Duration::from_micros(10 * tens))
}
