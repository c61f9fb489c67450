//! What would be built from a topology file, as `braid plan` shows it.

use std::fmt::Display;

use braid_layout::{
    CutLink, CutNode, HostPlan, LinkEndPlan, LinkPlan, NodePlan, Plan, PolicyRule, PortPlan, SharedFate,
    SharedPair, Side, SinglePoints, VnPlan, shared_fate, single_points,
};
use braid_proto::VnId;
use ipnet::Ipv4Net;
use serde::Serialize;

use crate::{
    output::View,
    page::{Cell, Page, Tone},
    units,
};

/// A layout and what is weak in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layout {
    /// The whole plan, its fields beside those below.
    #[serde(flatten)]
    plan: Plan,
    /// Nodes and links of the physical network whose loss cuts it in two.
    single_points: SinglePoints,
    /// What virtual networks have in common.
    shared_fate: SharedFate,
    /// Whether to draw the virtual links, too; JSON and YAML hold them in any case.
    #[serde(skip)]
    with_links: bool,
}

impl Layout {
    /// The layout of `plan`; `with_links` draws the virtual links, too.
    pub fn new(plan: Plan, with_links: bool) -> Self {
        Self { single_points: single_points(&plan), shared_fate: shared_fate(&plan), plan, with_links }
    }

    /// The virtual networks' names, in order; a name stands for the id, which every plan resolves.
    fn vn_name(&self, id: VnId) -> String {
        self.plan.vn(id).map_or_else(|| id.to_string(), |vn| vn.name.to_string())
    }

    /// The policy that borders follow on `prefix`; `None` where no other border votes on it.
    fn policy(&self, prefix: Ipv4Net) -> Option<String> {
        let borders = self.plan.nodes.iter().filter_map(|node| node.border.as_ref());
        let vote = borders.flat_map(|border| &border.foreign).find(|foreign| foreign.prefix == prefix)?;
        Some(match vote.policy.rule {
            PolicyRule::Master { master } => format!("master {}", self.vn_name(master)),
            PolicyRule::Majority => "majority".to_owned(),
            PolicyRule::FirstK { k } => format!("first {k}"),
            PolicyRule::Consensus => "consensus".to_owned(),
        })
    }
}

impl View for Layout {
    fn draw(&self, page: &mut Page) {
        let plan = &self.plan;
        let borders: Vec<_> = plan.nodes.iter().filter_map(|node| node.border.as_ref()).collect();
        let votes: usize = borders.iter().map(|border| border.foreign.len()).sum();
        let routers: usize = plan.nodes.iter().map(|node| node.routers.len()).sum();
        page.toned_line(
            format!(
                "{}: {}, {}, {}, {}, {}, {}",
                plan.network,
                units::count(plan.nodes.len(), "node"),
                units::count(plan.links.len(), "link"),
                units::count(plan.vns.len(), "VN"),
                units::count(routers, "virtual router"),
                units::count(borders.len(), "border"),
                units::count(votes, "vote"),
            ),
            Tone::Strong,
        );

        page.heading("nodes");
        page.table(
            &["NODE", "NUMBER", "LOOPBACK", "LINKS", "ATTACHED PREFIXES"],
            plan.nodes.iter().map(node_cells),
            "none",
        );
        page.heading("links");
        page.table(
            &["LINK", "A", "A ADDRESS", "B", "B ADDRESS", "METRIC", "MTU", "DELAY", "VNS"],
            plan.links.iter().map(|link| self.link_cells(link)),
            "none",
        );
        page.heading("virtual networks");
        page.table(
            &["ID", "VN", "ENGINE", "CODE BASE", "PROTOCOL", "LINKS", "VNI", "MTU"],
            plan.vns.iter().map(|vn| self.vn_cells(vn)),
            "none",
        );
        if self.with_links {
            self.draw_virtual_links(page);
        }
        page.heading("ports");
        let ports = plan.nodes.iter().flat_map(|node| {
            node.routers.iter().filter_map(|router| {
                router.port.as_ref().map(|port| port_cells(node, router.vn_name.as_str(), port))
            })
        });
        page.table(
            &["BORDER", "VN", "INTERFACE", "ADDRESS", "ROUTER INTERFACE", "ROUTER ADDRESS", "MTU"],
            ports,
            "none: no node is a border",
        );
        page.heading("customers");
        page.table(
            &["HOST", "BORDER", "PREFIX", "INTERFACE", "GATEWAY", "ADDRESS", "POLICY"],
            plan.hosts.iter().map(|host| self.host_cells(host)),
            "none: no prefix is attached",
        );
        page.heading("single points of failure of the physical network");
        let points = &self.single_points;
        page.table(
            &["LOSS OF", "CUTS OFF"],
            points.nodes.iter().map(cut_node_cells).chain(points.links.iter().map(cut_link_cells)),
            "none: the loss of any one node or link leaves the others connected",
        );
        self.draw_shared_fate(page);
    }
}

impl Layout {
    fn draw_virtual_links(&self, page: &mut Page) {
        page.heading("virtual links");
        let rows = self.plan.vns.iter().flat_map(|vn| {
            vn.links.iter().filter_map(|number| self.plan.link(*number)).map(|link| {
                let end = |end: &LinkEndPlan| Cell::from(format!("{} {}", end_name(end), end.vn_address));
                vec![
                    vn.name.as_str().into(),
                    Cell::number(link.number),
                    Cell::number(vn.id.vni(link.number)),
                    end(&link.a),
                    end(&link.b),
                    Cell::number(link.metric),
                    Cell::number(link.vn_mtu),
                ]
            })
        });
        page.table(&["VN", "LINK", "VNI", "A", "B", "METRIC", "MTU"], rows, "none");
    }

    fn draw_shared_fate(&self, page: &mut Page) {
        let fate = &self.shared_fate;
        page.heading(&format!("shared fate ({})", units::count(fate.votes, "vote")));
        page.table(
            &["VNS", "ENGINE", "CODE BASE", "PROTOCOL", "PARTS", "LINKS", "KERNEL", "HOSTS"],
            fate.pairs.iter().map(pair_cells),
            "nothing to share: there are not two virtual networks",
        );
        page.list("warnings", &fate.warnings, Tone::Doubtful);
    }

    fn link_cells(&self, link: &LinkPlan) -> Vec<Cell> {
        let vns = if link.vns.len() == self.plan.vns.len() {
            "all".into()
        } else {
            Cell::list(&link.vns.iter().map(|id| self.vn_name(*id)).collect::<Vec<_>>())
        };
        vec![
            Cell::number(link.number),
            end_name(&link.a).into(),
            link.a.underlay_address.to_string().into(),
            end_name(&link.b).into(),
            link.b.underlay_address.to_string().into(),
            Cell::number(link.metric),
            Cell::number(link.mtu),
            Cell::maybe(link.delay.map(|delay| units::span_ms(delay.as_secs_f64() * 1e3))),
            vns,
        ]
    }

    fn vn_cells(&self, vn: &VnPlan) -> Vec<Cell> {
        let mtus = vn.links.iter().filter_map(|number| self.plan.link(*number)).map(|link| link.vn_mtu);
        vec![
            Cell::number(vn.id),
            vn.name.as_str().into(),
            vn.engine.as_str().into(),
            vn.code_base.into(),
            vn.protocol.into(),
            Cell::quantity(format!("{}/{}", vn.links.len(), self.plan.links.len())),
            range(vn.links.iter().map(|number| vn.id.vni(*number))),
            range(mtus),
        ]
    }

    fn host_cells(&self, host: &HostPlan) -> Vec<Cell> {
        vec![
            (&host.name).into(),
            host.node.as_str().into(),
            host.prefix.to_string().into(),
            host.customer_interface.as_str().into(),
            host.gateway.to_string().into(),
            host.address.addr().to_string().into(),
            Cell::maybe(self.policy(host.prefix)),
        ]
    }
}

fn node_cells(node: &NodePlan) -> Vec<Cell> {
    let attached = node.border.iter().flat_map(|border| &border.attached);
    vec![
        node.name.as_str().into(),
        Cell::number(node.number),
        node.loopback.to_string().into(),
        Cell::number(node.underlay.len()),
        Cell::list(&attached.map(|attached| attached.prefix.to_string()).collect::<Vec<_>>()),
    ]
}

fn port_cells(node: &NodePlan, vn: &str, port: &PortPlan) -> Vec<Cell> {
    vec![
        node.name.as_str().into(),
        vn.into(),
        port.node_interface.as_str().into(),
        port.node_address.to_string().into(),
        port.router_interface.as_str().into(),
        port.router_address.to_string().into(),
        Cell::number(port.mtu),
    ]
}

fn cut_node_cells(cut: &CutNode) -> Vec<Cell> {
    let sides: Vec<_> = cut.cuts_off.iter().map(side).collect();
    vec![format!("node {}", cut.node).into(), Cell::stack(&sides)]
}

fn cut_link_cells(cut: &CutLink) -> Vec<Cell> {
    vec![format!("link {} ({} - {})", cut.link, cut.a, cut.b).into(), side(&cut.cuts_off).into()]
}

fn pair_cells(pair: &SharedPair) -> Vec<Cell> {
    let parts: Vec<_> = pair.parts.iter().map(|part| (*part).to_owned()).collect();
    let shared = |shared: bool| if shared { "shared".into() } else { Cell::maybe(None::<String>) };
    let tone = if pair.code_base.is_some() { Tone::Doubtful } else { Tone::Plain };
    vec![
        Cell::toned(format!("{}, {}", pair.a_name, pair.b_name), tone),
        Cell::maybe(pair.engine),
        Cell::maybe(pair.code_base),
        Cell::maybe(pair.protocol),
        Cell::list(&parts),
        Cell::quantity(format!("{} ({:.0} %)", pair.links_in_common, pair.links_fraction * 100.0)),
        shared(pair.kernel),
        shared(pair.hosts),
    ]
}

fn end_name(end: &LinkEndPlan) -> String {
    format!("{}:{}", end.node, end.interface)
}

/// The smallest and the largest of some numbers, or the only one.
fn range<T: Ord + Copy + Display>(numbers: impl Iterator<Item = T> + Clone) -> Cell {
    match (numbers.clone().min(), numbers.max()) {
        (Some(min), Some(max)) if min < max => format!("{min}-{max}").into(),
        (min, _) => Cell::maybe(min),
    }
}

/// A part of the network, by its nodes as far as they fit a line.
fn side(side: &Side) -> String {
    let shown = 6;
    let names: Vec<_> = side.nodes.iter().take(shown).map(ToString::to_string).collect();
    let more = side.node_count.saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let borders = units::count(side.border_count, "border");
    format!("{}{more} ({borders})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use braid_layout::Allocation;

    use super::*;
    use crate::view::testing::drawn;

    const CHAIN: &str = r#"
name: chain
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24] } }
    b: {}
    c: { border: { prefixes: [198.18.3.0/24] } }
  links:
    - { endpoints: ["a:eth1", "b:eth1"], delay: 2ms }
    - { endpoints: ["b:eth2", "c:eth1"], mtu: 1550 }
vns:
  - { id: 1, name: red, engine: frr-ospf }
  - { id: 2, name: blue, engine: frr-isis }
vote:
  default: { policy: master, master: red }
"#;

    fn layout(with_links: bool) -> Layout {
        let topology = braid_topology::parse(CHAIN, "chain.yaml").unwrap();
        let mut allocation = Allocation::default();
        allocation.update(&topology).unwrap();
        Layout::new(braid_layout::plan(&topology, &allocation).unwrap(), with_links)
    }

    #[test]
    fn a_plan_shows_what_is_built_and_what_is_weak() {
        let text = drawn(&layout(false));
        assert!(
            text.starts_with("chain: 3 nodes, 2 links, 2 VNs, 6 virtual routers, 2 borders, 2 votes\n"),
            "{text}"
        );
        for part in ["65537-65538", "1500-1550", "2ms", "braid-vn1", "a-host", "198.18.1.10", "master red"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("\nnode b "), "{text}");
        assert!(text.contains("shared fate (1 vote)"), "{text}");
        assert!(text.contains("zebra, libfrr"), "{text}");
        assert!(!text.contains("virtual links"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn virtual_links_are_drawn_on_demand() {
        let text = drawn(&layout(true));
        assert!(text.contains("\nvirtual links\n"), "{text}");
        assert!(text.contains("131074"), "{text}");
    }

    #[test]
    fn json_holds_the_whole_plan_with_its_weak_points_beside() {
        let json = serde_json::to_value(layout(false)).unwrap();
        assert_eq!(json["network"], "chain");
        assert_eq!(json["nodes"].as_array().unwrap().len(), 3);
        assert_eq!(json["single_points"]["nodes"][0]["node"], "b");
        assert_eq!(json["shared_fate"]["votes"], 1);
        assert!(json.get("with_links").is_none());
    }
}
