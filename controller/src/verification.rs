//! Where the FIBs of every virtual network lead every foreign prefix from every border, held against the reference model.
//!
//! ```text
//!  FIBs of agents ─────────► Verifier ─verdicts─┐
//!                                               ├─► Finding ─► Cell (hold) ─► evidence for borders, alarms
//!  links, engines' states ─► Model ─egress──────┘
//! ```
//!
//! Pure: the hub says what time it is, calls [`Inspector::settle`] after every change and when [`Inspector::due`] says so,
//! and hands [`Inspector::news`] to borders.

mod alarms;
mod cell;
mod detours;
mod finding;
mod shape;
#[cfg(test)]
mod tests;
mod ways;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use braid_layout::{Plan, VnPlan};
use braid_model::Model;
use braid_proto::{InterfaceName, NodeName, VnId, VnName};
use braid_verify::{Action, HopStep, NodeId, TopologyError, Verdict, Verifier};
use ipnet::Ipv4Net;

use self::cell::{Calm, Cell, Dated, convergence};
pub(crate) use self::finding::Finding;
use crate::{
    links::Links,
    report::{FibChange, NodeReport, RouterState},
};

/// How many nodes of the way of a prefix are told.
const MAX_PATH: usize = 64;
/// With more news than this at once, ways are left out, so that the state is not kept from others for long.
const MAX_PATHS: usize = 1000;

/// What a border is to know of one virtual network's way with one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) vn: VnId,
    pub(crate) prefix: Ipv4Net,
    pub(crate) finding: Finding,
    pub(crate) since: Instant,
    /// The nodes passed, nearest first, one branch after the other, as of when it was asked for. Empty if there is very much
    /// news at once.
    pub(crate) path: Vec<NodeName>,
}

/// What is new for a border.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// Ask for what is newer than this next time.
    pub(crate) revision: u64,
    /// The evidence is all there is; of anything else nothing is known.
    pub(crate) snapshot: bool,
    pub(crate) evidence: Vec<Evidence>,
}

/// A fault that borders have been told of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault<'a> {
    pub(crate) border: &'a NodeName,
    pub(crate) prefix: Ipv4Net,
    pub(crate) vn: &'a VnName,
    pub(crate) code_base: &'static str,
    pub(crate) finding: &'a Finding,
}

/// Changes of a FIB in the verifier's terms.
#[derive(Debug)]
pub(crate) struct Routes {
    vn: VnId,
    node: NodeId,
    snapshot: bool,
    actions: Vec<(Ipv4Net, Option<Action>)>,
}

#[derive(Debug)]
struct Vn {
    name: VnName,
    code_base: &'static str,
    links: BTreeMap<u16, [(NodeName, InterfaceName); 2]>,
    down: BTreeSet<u16>,
    /// Nodes whose engine does not run.
    dead: BTreeSet<NodeName>,
    calm: Calm,
}

#[derive(Debug)]
struct Border {
    name: NodeName,
    cells: BTreeMap<(Ipv4Net, VnId), Cell>,
    /// The revision since which it has been told of anything at all.
    begin: u64,
    /// The revision at which it was last told anything.
    last: u64,
}

/// How an engine fares, as far as other engines notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Condition {
    alive: bool,
    adjacencies: u32,
    restarts: u32,
}

/// The verifier and the model, and what they have come to.
#[derive(Debug)]
pub(crate) struct Inspector {
    verifier: Verifier,
    model: Model,
    vns: BTreeMap<VnId, Vn>,
    borders: BTreeMap<NodeId, Border>,
    conditions: HashMap<(VnId, NodeName), Condition>,
    /// Cells that may have something to tell.
    open: BTreeSet<(NodeId, Ipv4Net, VnId)>,
    revision: u64,
}

impl Inspector {
    /// # Errors
    /// When the plan cannot be verified: it has too many nodes.
    pub(crate) fn new(plan: &Plan, links: &Links, now: Instant) -> Result<Self, TopologyError> {
        let mut inspector = Self {
            verifier: Verifier::new(&shape::topology(plan))?,
            model: Model::new(plan),
            vns: BTreeMap::new(),
            borders: BTreeMap::new(),
            conditions: HashMap::new(),
            open: BTreeSet::new(),
            revision: 0,
        };
        inspector.adopt(plan, links, now);
        Ok(inspector)
    }

    /// Follows a new plan. What was found of nodes, virtual networks and prefixes that stay still holds.
    ///
    /// # Errors
    /// As for `new`; nothing has changed then.
    pub(crate) fn follow(&mut self, plan: &Plan, links: &Links, now: Instant) -> Result<(), TopologyError> {
        self.verifier.set_topology(&shape::topology(plan))?;
        self.model = Model::new(plan);
        self.adopt(plan, links, now);
        Ok(())
    }

    fn adopt(&mut self, plan: &Plan, links: &Links, now: Instant) {
        let hello = |vn: VnId| {
            let routers = plan.nodes.iter().flat_map(|n| &n.routers).filter(|r| r.vn == vn);
            routers.map(|r| r.hello).max().unwrap_or_default()
        };
        let vn = |vn: &VnPlan| {
            let links = vn.links.iter().filter_map(|number| plan.link(*number)).map(|l| {
                let ends = [&l.a, &l.b].map(|end| (end.node.clone(), end.interface.clone()));
                (l.number, ends)
            });
            Vn {
                name: vn.name.clone(),
                code_base: vn.code_base,
                links: links.collect(),
                down: BTreeSet::new(),
                dead: BTreeSet::new(),
                calm: Calm { convergence: convergence(hello(vn.id)), disturbed: now, replanned: now },
            }
        };
        self.vns = plan.vns.iter().map(|v| (v.id, vn(v))).collect();
        let vns = &self.vns;
        self.conditions.retain(|(vn, node), _| vns.contains_key(vn) && plan.node(node).is_some());
        for ((vn, node), _) in self.conditions.iter().filter(|(_, condition)| !condition.alive) {
            if let Some(vn) = self.vns.get_mut(vn) {
                vn.dead.insert(node.clone());
            }
        }
        self.adopt_borders(plan, now);
        // The verifier has kept the state of links by name, and what is up now may have been down.
        let ids: Vec<VnId> = self.vns.keys().copied().collect();
        for vn in ids {
            let numbers: Vec<u16> = self.vns[&vn].links.keys().copied().collect();
            for link in numbers {
                self.set_link(vn, link, !links.down_in(vn).contains(&link));
            }
            self.relink(vn, links, now);
            self.review(vn, now);
        }
    }

    fn adopt_borders(&mut self, plan: &Plan, now: Instant) {
        let old = std::mem::take(&mut self.borders).into_values();
        let mut old: HashMap<NodeName, Border> = old.map(|b| (b.name.clone(), b)).collect();
        self.open.clear();
        self.revision += 1;
        for node in &plan.nodes {
            let (Some(border), Some(id)) = (&node.border, self.verifier.node(&node.name)) else { continue };
            let before = old.remove(&node.name);
            let (mut cells, begin, last) = match before {
                Some(before) => (before.cells, before.begin, before.last),
                None => (BTreeMap::new(), self.revision, self.revision),
            };
            let wanted: BTreeSet<(Ipv4Net, VnId)> = border
                .foreign
                .iter()
                .flat_map(|f| node.routers.iter().map(move |router| (f.prefix, router.vn)))
                .collect();
            let known = cells.len();
            cells.retain(|key, _| wanted.contains(key));
            // A border must not keep what it has been told of a prefix that leaves and comes back.
            let (begin, last) =
                if cells.len() < known { (self.revision, self.revision) } else { (begin, last) };
            for key in wanted {
                cells.entry(key).or_insert_with(|| Cell::new(now));
            }
            self.borders.insert(id, Border { name: node.name.clone(), cells, begin, last });
        }
    }

    /// Changes of a node's FIB in the verifier's terms; `None` if they are not of a router of the plan.
    pub(crate) fn routes(&self, node: &NodeName, change: &FibChange) -> Option<Routes> {
        let (vn, node) = (change.vn, self.verifier.node(node)?);
        self.vns.get(&vn)?;
        let changed = change.changed.iter();
        let changed =
            changed.map(|(prefix, route)| (*prefix, Some(shape::action(&self.verifier, vn, node, route))));
        let removed = change.removed.iter().map(|prefix| (*prefix, None));
        Some(Routes { vn, node, snapshot: change.snapshot, actions: removed.chain(changed).collect() })
    }

    /// Takes changes of a FIB.
    pub(crate) fn forwarded(&mut self, routes: Routes) {
        let Routes { vn, node, snapshot, actions } = routes;
        let taken = if snapshot {
            let actions: Vec<_> = actions.into_iter().filter_map(|(p, action)| Some((p, action?))).collect();
            self.verifier.set_snapshot(vn, node, &actions)
        } else {
            self.verifier.apply(vn, node, &actions)
        };
        if let Err(error) = taken {
            tracing::debug!(%error, "a FIB is not verified");
        }
    }

    /// A node's FIBs are not known any more, since its agent has gone or is another one.
    pub(crate) fn forget(&mut self, node: &NodeName) {
        let Some(node) = self.verifier.node(node) else { return };
        for vn in self.vns.keys() {
            // That a virtual network has no router there is no loss.
            let _ = self.verifier.forget(*vn, node);
        }
    }

    /// Takes a node's report, from which `links` has been made anew.
    pub(crate) fn reported(&mut self, node: &NodeName, report: &NodeReport, links: &Links, now: Instant) {
        let mut relink: BTreeSet<VnId> = BTreeSet::new();
        for router in &report.routers {
            let condition = Condition {
                // An engine that does not answer may well go on routing.
                alive: matches!(router.state, RouterState::Running | RouterState::Silent),
                adjacencies: router.adjacencies,
                restarts: router.restarts,
            };
            let before = self.conditions.insert((router.vn, node.clone()), condition);
            if before != Some(condition)
                && let Some(vn) = self.vns.get_mut(&router.vn)
            {
                vn.calm.disturbed = now;
                let changed =
                    if condition.alive { vn.dead.remove(node) } else { vn.dead.insert(node.clone()) };
                relink.extend(changed.then_some(router.vn));
            }
        }
        let moved = self.vns.iter().filter(|(id, vn)| vn.down != *links.down_in(**id));
        relink.extend(moved.map(|(id, _)| *id));
        for vn in relink {
            self.relink(vn, links, now);
        }
    }

    /// Lets verifier and model know which links are down.
    fn relink(&mut self, id: VnId, links: &Links, now: Instant) {
        let Some(vn) = self.vns.get(&id) else { return };
        let down = links.down_in(id);
        let changed: Vec<u16> = vn.down.symmetric_difference(down).copied().collect();
        let silent = vn.links.iter().filter(|(_, ends)| ends.iter().any(|(node, _)| vn.dead.contains(node)));
        // Engines go round a dead engine, though its kernel may still forward: the model has to, the verifier must not.
        let unusable: BTreeSet<u16> = down.iter().chain(silent.map(|(number, _)| number)).copied().collect();
        for link in &changed {
            self.set_link(id, *link, !down.contains(link));
        }
        if let Some(vn) = self.vns.get_mut(&id)
            && !changed.is_empty()
        {
            vn.down.clone_from(down);
            vn.calm.disturbed = now;
        }
        if self.model.set_links_down(id, &unusable) {
            self.review(id, now);
        }
    }

    fn set_link(&mut self, id: VnId, link: u16, up: bool) {
        let Some(ends) = self.vns.get(&id).and_then(|vn| vn.links.get(&link)) else { return };
        for (node, name) in ends {
            let node = self.verifier.node(node);
            let Some(interface) = node.and_then(|n| self.verifier.interface(id, n, name)) else { continue };
            if let Err(error) = self.verifier.set_link(id, interface, up) {
                tracing::debug!(%error, "a link is not verified");
            }
        }
    }

    /// Looks at every prefix of a virtual network again, since the model may expect something else now.
    fn review(&mut self, vn: VnId, now: Instant) {
        let keys: Vec<(NodeId, Ipv4Net)> = self
            .borders
            .iter()
            .flat_map(|(id, border)| border.cells.keys().map(move |(prefix, of)| (*id, *prefix, *of)))
            .filter(|(.., of)| *of == vn)
            .map(|(id, prefix, _)| (id, prefix))
            .collect();
        for (ingress, prefix) in keys {
            if let Some(verdict) = self.verifier.verdict(vn, prefix, ingress) {
                self.see(vn, prefix, ingress, &verdict, now);
            }
        }
    }

    fn see(&mut self, vn: VnId, prefix: Ipv4Net, ingress: NodeId, verdict: &Verdict, now: Instant) {
        let Some(border) = self.borders.get_mut(&ingress) else { return };
        let Some(cell) = border.cells.get_mut(&(prefix, vn)) else { return };
        let expected = self.model.egress(vn, &border.name, prefix);
        cell.in_reach = expected.is_some();
        cell.see(Finding::of(verdict, &self.verifier, expected.as_ref()), now);
        self.open.insert((ingress, prefix, vn));
    }

    /// Judges all that has changed. True if there is news for a border.
    pub(crate) fn settle(&mut self, now: Instant) -> bool {
        for change in self.verifier.changes() {
            self.see(change.vn, change.prefix, change.ingress, &change.verdict, now);
        }
        let revision = self.revision + 1;
        let (vns, borders) = (&self.vns, &mut self.borders);
        let mut told = false;
        self.open.retain(|(ingress, prefix, id)| {
            let (Some(border), Some(vn)) = (borders.get_mut(ingress), vns.get(id)) else { return false };
            let Some(cell) = border.cells.get_mut(&(*prefix, *id)) else { return false };
            match cell.due(&vn.calm) {
                None => false,
                Some(due) if due > now => true,
                Some(_) => {
                    cell.tell(revision);
                    border.last = revision;
                    told = true;
                    false
                }
            }
        });
        if told {
            self.revision = revision;
        }
        told
    }

    /// When to [`settle`](Self::settle) next though nothing changes.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = |(ingress, prefix, vn): &(NodeId, Ipv4Net, VnId)| {
            self.borders.get(ingress)?.cells.get(&(*prefix, *vn))?.due(&self.vns.get(vn)?.calm)
        };
        self.open.iter().filter_map(due).min()
    }

    /// What `border` is to be told that it has not been told by revision `after` (0: anything); `None` if there is nothing.
    pub(crate) fn news(&self, border: &NodeName, after: u64) -> Option<News> {
        let ingress = self.verifier.node(border)?;
        let border = self.borders.get(&ingress)?;
        if border.last <= after {
            return None;
        }
        let snapshot = after < border.begin;
        let told = border.cells.iter().filter_map(|(key, cell)| Some((key, cell.told()?)));
        let news = told.filter(|(_, (_, revision))| snapshot || *revision > after);
        let evidence = news.map(|((prefix, vn), (Dated { finding, since }, _))| Evidence {
            vn: *vn,
            prefix: *prefix,
            finding: finding.clone(),
            since: *since,
            path: Vec::new(),
        });
        let mut evidence: Vec<_> = evidence.collect();
        if evidence.len() <= MAX_PATHS {
            for evidence in &mut evidence {
                evidence.path = self.path(evidence.vn, evidence.prefix, ingress);
            }
        }
        Some(News { revision: border.last, snapshot, evidence })
    }

    /// The nodes that packets pass, nearest first.
    fn path(&self, vn: VnId, prefix: Ipv4Net, ingress: NodeId) -> Vec<NodeName> {
        let Some(path) = self.verifier.path(vn, prefix, ingress, MAX_PATH) else { return Vec::new() };
        let hops = path.parts.first().into_iter().flat_map(|part| &part.hops);
        let known = hops.filter(|hop| hop.step != HopStep::Unknown);
        known.filter_map(|hop| self.verifier.node_name(hop.node)).cloned().collect()
    }

    /// The faults that borders have been told of. That what is out of reach is dropped is none.
    pub(crate) fn faults(&self) -> impl Iterator<Item = Fault<'_>> {
        let cells = self.borders.values().flat_map(|b| b.cells.iter().map(move |(key, cell)| (b, key, cell)));
        cells.filter_map(|(border, (prefix, vn), cell)| {
            let (Dated { finding, .. }, _) = cell.told()?;
            let fault = match finding {
                Finding::Unknown | Finding::Delivers { .. } => false,
                Finding::Dropped { .. } => cell.in_reach,
                Finding::Differs { .. } | Finding::Loops { .. } => true,
            };
            let vn = self.vns.get(vn).filter(|_| fault)?;
            let (name, code_base) = (&vn.name, vn.code_base);
            Some(Fault { border: &border.name, prefix: *prefix, vn: name, code_base, finding })
        })
    }
}
