//! The model: every virtual network of a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use braid_layout::Plan;
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;
use petgraph::graph::NodeIndex;

use crate::{
    expected::Expected,
    network::{Network, Owners},
};

/// What every virtual network of a plan ought to do with every attached prefix, as its links are now.
#[derive(Debug, Clone)]
pub struct Model {
    /// By node's place in the plan.
    nodes: Vec<NodeName>,
    index: HashMap<NodeName, NodeIndex>,
    owners: Owners,
    /// Each attached prefix's group of owners.
    prefixes: BTreeMap<Ipv4Net, usize>,
    networks: BTreeMap<VnId, Network>,
    revision: u64,
}

impl Model {
    /// The model of a plan, with all links up, at revision 1.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let nodes: Vec<_> = plan.nodes.iter().map(|n| n.name.clone()).collect();
        let index: HashMap<_, _> =
            nodes.iter().enumerate().map(|(i, name)| (name.clone(), NodeIndex::new(i))).collect();
        let (owners, prefixes) = owners_and_prefixes(plan);
        let revision = 1;
        let networks = plan.vns.iter().map(|vn| (vn.id, Network::new(plan, vn, &index, &owners, revision)));
        let networks = networks.collect();
        Self { nodes, index, owners, prefixes, networks, revision }
    }

    /// How often anything has changed, counted from 1.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The virtual networks, by id.
    pub fn vns(&self) -> impl Iterator<Item = VnId> + '_ {
        self.networks.keys().copied()
    }

    /// The attached prefixes, in ascending order.
    pub fn prefixes(&self) -> impl Iterator<Item = Ipv4Net> + '_ {
        self.prefixes.keys().copied()
    }

    /// The borders to which `prefix` is attached, by node number. None for a prefix that is not attached anywhere.
    pub fn owners(&self, prefix: Ipv4Net) -> impl Iterator<Item = &NodeName> {
        let members = self.prefixes.get(&prefix).map_or(&[][..], |group| &self.owners.groups[*group]);
        members.iter().map(|owner| self.owner(*owner))
    }

    /// Takes these links for down in `vn`, for whatever reason, and all others for up. Numbers of links that the VN does not
    /// use do not matter. True, and a new [revision](Self::revision), if any other link than before is down now.
    pub fn set_links_down(&mut self, vn: VnId, down: &BTreeSet<u16>) -> bool {
        let revision = self.revision + 1;
        let Some(network) = self.networks.get_mut(&vn) else { return false };
        let changed = network.set_links_down(down, &self.owners, revision);
        if changed {
            self.revision = revision;
        }
        changed
    }

    /// What is expected of `vn` at `node` for `prefix`: `None` if no owner is in reach, or there is no such VN, node or
    /// attached prefix.
    #[must_use]
    pub fn expected(&self, vn: VnId, node: &NodeName, prefix: Ipv4Net) -> Option<Expected> {
        let (network, group, at) = self.find(vn, node, prefix)?;
        let members = &self.owners.groups[group];
        let distance = network.paths.nearest(members, at)?;
        let next_hops = if members.iter().any(|owner| self.owners.nodes[*owner] == at) {
            network.ports[at.index()].iter().cloned().collect()
        } else {
            let edges = network.paths.first_hops(&network.graph, members, at);
            edges.map(|edge| network.graph[edge].next_hop.clone()).collect()
        };
        let since = network.since(group, at);
        Some(Expected {
            egress: self.nearest(network, group, at).cloned().collect(),
            distance,
            next_hops,
            since: since.all,
            egress_since: since.egress,
        })
    }

    /// The egress borders of [`expected`](Self::expected) alone, without building the rest.
    #[must_use]
    pub fn egress(&self, vn: VnId, node: &NodeName, prefix: Ipv4Net) -> Option<BTreeSet<&NodeName>> {
        let (network, group, at) = self.find(vn, node, prefix)?;
        let egress: BTreeSet<_> = self.nearest(network, group, at).collect();
        (!egress.is_empty()).then_some(egress)
    }

    fn find(&self, vn: VnId, node: &NodeName, prefix: Ipv4Net) -> Option<(&Network, usize, NodeIndex)> {
        Some((self.networks.get(&vn)?, *self.prefixes.get(&prefix)?, *self.index.get(node)?))
    }

    /// The owners of a group that are nearest to a node.
    fn nearest<'a>(
        &'a self,
        network: &'a Network,
        group: usize,
        at: NodeIndex,
    ) -> impl Iterator<Item = &'a NodeName> {
        let members = &self.owners.groups[group];
        let distance = network.paths.nearest(members, at);
        let nearest = move |owner: &&usize| distance.is_some() && network.paths.to(**owner, at) == distance;
        members.iter().filter(nearest).map(|owner| self.owner(*owner))
    }

    fn owner(&self, owner: usize) -> &NodeName {
        &self.nodes[self.owners.nodes[owner].index()]
    }
}

/// Who owns prefixes, and which group of them owns which prefix.
fn owners_and_prefixes(plan: &Plan) -> (Owners, BTreeMap<Ipv4Net, usize>) {
    let mut owners = Owners::default();
    let mut members: BTreeMap<Ipv4Net, Vec<usize>> = BTreeMap::new();
    for (place, node) in plan.nodes.iter().enumerate() {
        let attached = node.border.as_ref().map_or(&[][..], |border| &border.attached);
        if attached.is_empty() {
            continue;
        }
        for attached in attached {
            let members = members.entry(attached.prefix).or_default();
            if members.last() != Some(&owners.nodes.len()) {
                members.push(owners.nodes.len());
            }
        }
        owners.nodes.push(NodeIndex::new(place));
    }
    let mut groups: HashMap<Vec<usize>, usize> = HashMap::new();
    let prefixes = members.into_iter().map(|(prefix, members)| {
        let group = *groups.entry(members).or_insert_with_key(|members| {
            owners.groups.push(members.clone());
            owners.groups.len() - 1
        });
        (prefix, group)
    });
    let prefixes = prefixes.collect();
    (owners, prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{link, node, planned, prefix, vn};

    /// A diamond a-b-d, a-c-d of equal metrics, a stub e behind d, and two owners of 198.18.9.0/24: a and e.
    const DIAMOND: &str = r#"
name: diamond
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24, 198.18.9.0/24] } }
    b: {}
    c: {}
    d: { border: { prefixes: [198.18.4.0/24] } }
    e: { border: { prefixes: [198.18.5.0/24] } }
    remote: {}
  links:
    - { endpoints: ["a:eth1", "b:eth1"] }
    - { endpoints: ["b:eth2", "d:eth1"] }
    - { endpoints: ["a:eth2", "c:eth1"] }
    - { endpoints: ["c:eth2", "d:eth2"] }
    - { endpoints: ["d:eth3", "e:eth1"] }
    - { endpoints: ["d:eth4", "remote:eth1"] }
vns:
  - { id: 1, name: red, engine: frr-ospf }
  - { id: 2, name: green, engine: bird-ospf, layout: { without: ["c:eth2"] } }
"#;

    fn diamond() -> Plan {
        planned(DIAMOND, &[("e", "198.18.9.0/24")])
    }

    fn egress(expected: &Expected) -> Vec<&str> {
        expected.egress.iter().map(NodeName::as_str).collect()
    }

    fn interfaces(expected: &Expected) -> Vec<&str> {
        expected.next_hops.iter().map(|hop| hop.interface.as_str()).collect()
    }

    fn expect(model: &Model, vn_id: u32, at: &str, to: &str) -> Option<Expected> {
        model.expected(vn(vn_id), &node(at), prefix(to))
    }

    #[test]
    fn equally_short_paths_are_all_next_hops_and_an_owner_delivers_over_its_port() {
        let plan = diamond();
        let model = Model::new(&plan);
        let at_a = expect(&model, 1, "a", "198.18.4.0/24").unwrap();
        assert_eq!((egress(&at_a), at_a.distance), (vec!["d"], 20));
        assert_eq!(interfaces(&at_a), ["eth1", "eth2"]);
        let gateways: Vec<_> = at_a.next_hops.iter().map(|hop| hop.gateway).collect();
        let links = &plan.router(&node("a"), vn(1)).unwrap().links;
        assert_eq!(gateways, links.iter().map(|l| l.peer_address).collect::<Vec<_>>());

        let at_d = expect(&model, 1, "d", "198.18.4.0/24").unwrap();
        assert_eq!((egress(&at_d), at_d.distance, interfaces(&at_d)), (vec!["d"], 0, vec!["port"]));
        let port = plan.router(&node("d"), vn(1)).unwrap().port.as_ref().unwrap();
        assert_eq!(at_d.next_hops.first().unwrap().gateway, port.node_address.addr());
    }

    #[test]
    fn of_several_owners_the_nearest_is_expected_and_all_that_are_equally_near() {
        let mut model = Model::new(&diamond());
        let shared = "198.18.9.0/24";
        assert_eq!(egress(&expect(&model, 1, "b", shared).unwrap()), ["a"]);
        assert_eq!(egress(&expect(&model, 1, "d", shared).unwrap()), ["e"]);
        assert_eq!(egress(&expect(&model, 1, "a", shared).unwrap()), ["a"], "its own comes first");
        assert_eq!(model.owners(prefix(shared)).map(NodeName::as_str).collect::<Vec<_>>(), ["a", "e"]);

        // Goal: c loses a: from there e is 20 away and a 30. Then b-d too is down: nothing but e.
        let plan = diamond();
        model.set_links_down(vn(1), &[link(&plan, "a:eth2")].into());
        let at_c = expect(&model, 1, "c", shared).unwrap();
        assert_eq!((egress(&at_c), at_c.distance, interfaces(&at_c)), (vec!["e"], 20, vec!["eth2"]));

        let tie = DIAMOND.replace(r#"["a:eth1", "b:eth1"]"#, r#"["a:eth1", "b:eth1"], metric: 20"#);
        let model = Model::new(&planned(&tie, &[("e", "198.18.9.0/24")]));
        let at_b = expect(&model, 1, "b", shared).unwrap();
        assert_eq!((egress(&at_b), at_b.distance), (vec!["a", "e"], 20));
        assert_eq!(interfaces(&at_b), ["eth1", "eth2"]);
    }

    #[test]
    fn nothing_is_expected_out_of_reach_or_of_what_is_not_there() {
        let plan = diamond();
        let mut model = Model::new(&plan);
        model.set_links_down(vn(1), &[link(&plan, "remote:eth1")].into());
        assert_eq!(expect(&model, 1, "remote", "198.18.4.0/24"), None);
        assert_eq!(model.egress(vn(1), &node("remote"), prefix("198.18.4.0/24")), None);
        assert_eq!(expect(&model, 3, "a", "198.18.4.0/24"), None);
        assert_eq!(expect(&model, 1, "atlantis", "198.18.4.0/24"), None);
        assert_eq!(expect(&model, 1, "a", "198.18.4.0/25"), None);
        assert!(!model.set_links_down(vn(3), &BTreeSet::from([1])));
        assert_eq!(model.revision(), 2);

        model.set_links_down(vn(1), &plan.links.iter().map(|l| l.number).collect());
        assert_eq!(expect(&model, 1, "a", "198.18.4.0/24"), None);
        assert_eq!(egress(&expect(&model, 1, "a", "198.18.1.0/24").unwrap()), ["a"], "its own needs no link");
        assert_eq!(interfaces(&expect(&model, 2, "a", "198.18.4.0/24").unwrap()), ["eth1"], "green is apart");
    }

    #[test]
    fn links_of_other_virtual_networks_and_the_same_said_again_change_nothing() {
        let plan = diamond();
        let mut model = Model::new(&plan);
        let not_greens = BTreeSet::from([link(&plan, "c:eth2")]);
        assert!(!model.set_links_down(vn(2), &not_greens));
        assert!(model.set_links_down(vn(1), &not_greens));
        assert!(!model.set_links_down(vn(1), &not_greens));
        assert_eq!(model.revision(), 2);
        assert!(model.set_links_down(vn(1), &BTreeSet::new()));
        assert_eq!(interfaces(&expect(&model, 1, "a", "198.18.4.0/24").unwrap()), ["eth1", "eth2"]);
    }

    #[test]
    fn an_expectation_says_since_when_it_holds() {
        let plan = diamond();
        let mut model = Model::new(&plan);
        let since = |model: &Model, at: &str, to: &str| {
            let expected = expect(model, 1, at, to).unwrap();
            (expected.since, expected.egress_since)
        };
        // Goal: c-d goes down: a keeps one of two next hops, c goes round, e and d notice nothing.
        model.set_links_down(vn(1), &[link(&plan, "c:eth2")].into());
        assert_eq!(since(&model, "a", "198.18.4.0/24"), (2, 1), "one next hop less");
        assert_eq!(since(&model, "c", "198.18.4.0/24"), (2, 1), "the other way round");
        assert_eq!(since(&model, "b", "198.18.4.0/24"), (1, 1));
        assert_eq!(since(&model, "d", "198.18.9.0/24"), (1, 1));
        // d-e goes down too: d has to go to a for the shared prefix.
        model.set_links_down(vn(1), &[link(&plan, "c:eth2"), link(&plan, "e:eth1")].into());
        assert_eq!(since(&model, "d", "198.18.9.0/24"), (3, 3));
        assert_eq!(since(&model, "a", "198.18.4.0/24"), (2, 1));
        // Back to where it was is a change too.
        model.set_links_down(vn(1), &BTreeSet::new());
        assert_eq!(since(&model, "d", "198.18.9.0/24"), (4, 4));
        assert_eq!(since(&model, "b", "198.18.9.0/24"), (1, 1));
    }

    #[test]
    fn the_virtual_networks_and_prefixes_are_listed() {
        let model = Model::new(&diamond());
        assert_eq!(model.vns().collect::<Vec<_>>(), [vn(1), vn(2)]);
        let prefixes: Vec<_> = model.prefixes().map(|p| p.to_string()).collect();
        assert_eq!(prefixes, ["198.18.1.0/24", "198.18.4.0/24", "198.18.5.0/24", "198.18.9.0/24"]);
    }
}
