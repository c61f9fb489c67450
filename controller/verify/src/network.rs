//! One VN: its FIBs, its atoms, and which verdicts have changed.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::{
    Action, Change, Hop, HopEdge, HopStep, InterfaceId, NodeId, Path, PathPart, Size, Verdict,
    actions::{self, Actions, Meaning},
    atoms::{Atoms, Cell, Interest},
    evaluation::{Evaluation, Scratch},
    outcomes::{Outcomes, PARTIAL, fate},
    reports::Reports,
    table::Table,
    topology::{Graph, Node},
};

/// The forwarding of one VN.
#[derive(Debug)]
pub(crate) struct Network {
    vn: VnId,
    graph: Graph,
    known: Vec<bool>,
    table: Table,
    actions: Actions,
    atoms: Atoms,
    outcomes: Outcomes,
    reports: Reports,
    scratch: Scratch,
}

impl Network {
    /// A VN of which no FIB is known.
    pub(crate) fn new<'a>(vn: VnId, graph: Graph, nodes: impl Iterator<Item = &'a Node> + Clone) -> Self {
        let count = nodes.clone().count();
        let mut outcomes = Outcomes::default();
        let ids = (0..count).map(|node| NodeId(node as u16));
        let cells: Vec<Cell> = ids
            .clone()
            .map(|node| Cell {
                action: actions::UNKNOWN,
                outcome: outcomes.hold(&mut vec![fate::unknown(node)]),
            })
            .collect();
        let atoms = Atoms::new(nodes.clone(), &cells);
        cells.iter().for_each(|cell| outcomes.hold_again(cell.outcome, atoms.len() as u32));
        cells.iter().for_each(|cell| outcomes.release(cell.outcome));
        let borders = ids.zip(nodes).filter(|(id, node)| node.border && graph.is_member(*id));
        let reports =
            Reports::new(count, borders.map(|(id, _)| (id, cells[id.index()].outcome)), atoms.interests());
        for outcome in reports.outcomes() {
            outcomes.hold_again(outcome, 1);
        }
        Self {
            vn,
            graph,
            known: vec![false; count],
            table: Table::default(),
            actions: Actions::default(),
            atoms,
            outcomes,
            reports,
            scratch: Scratch::new(count),
        }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn is_known(&self, node: NodeId) -> bool {
        self.known[node.index()]
    }

    /// Changes routes of a node whose FIB is known.
    pub(crate) fn apply(&mut self, node: NodeId, changes: &[(Ipv4Net, Option<Action>)]) {
        let mut replaced = Vec::with_capacity(changes.len());
        let mut touched = Vec::with_capacity(changes.len());
        for (prefix, action) in changes {
            if self.set_route(node, *prefix, action.as_ref(), &mut replaced) {
                touched.push(*prefix);
            }
        }
        self.settle(node, &touched, &replaced);
    }

    /// Sets the whole FIB of a node.
    pub(crate) fn set_snapshot(&mut self, node: NodeId, routes: &[(Ipv4Net, Action)]) {
        let wanted: BTreeMap<Ipv4Net, &Action> =
            routes.iter().map(|(p, action)| (p.trunc(), action)).collect();
        let mut replaced = Vec::new();
        let mut touched = Vec::new();
        let gone: Vec<Ipv4Net> = self.table.routes_of(node.0).map(|(prefix, _)| prefix).collect();
        for prefix in gone.into_iter().filter(|prefix| !wanted.contains_key(prefix)) {
            self.set_route(node, prefix, None, &mut replaced);
            touched.push(prefix);
        }
        for (prefix, action) in wanted {
            if self.set_route(node, prefix, Some(action), &mut replaced) {
                touched.push(prefix);
            }
        }
        if !std::mem::replace(&mut self.known[node.index()], true) {
            self.refresh_all(node);
        }
        self.settle(node, &touched, &replaced);
    }

    /// Forgets the FIB of a node.
    pub(crate) fn forget(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.known[node.index()], false) {
            return;
        }
        self.refresh_all(node);
        let routes: Vec<Ipv4Net> = self.table.routes_of(node.0).map(|(prefix, _)| prefix).collect();
        let mut replaced = Vec::with_capacity(routes.len());
        for prefix in &routes {
            self.set_route(node, *prefix, None, &mut replaced);
        }
        self.settle(node, &routes, &replaced);
    }

    /// Says whether an interface, which is one of this VN, is up.
    pub(crate) fn set_link(&mut self, interface: InterfaceId, up: bool) {
        if !self.graph.set_up(interface.0, up) {
            return;
        }
        let (peer, other) = self.graph.peer(interface.0);
        let (_, node) = self.graph.peer(peer);
        let mut seeds = Vec::with_capacity(2);
        for atom in self.atoms.all().collect::<Vec<_>>() {
            let cells = &self.atoms.get(atom).cells;
            let ends = [(node, interface.0), (other, peer)].into_iter();
            let uses = ends.filter(|(node, interface)| {
                self.actions.next_hops(cells[node.index()].action).contains(interface)
            });
            seeds.extend(uses.map(|(node, _)| node.0));
            if !seeds.is_empty() {
                self.evaluate(atom, |evaluation| evaluation.nodes_changed(&seeds));
            }
            seeds.clear();
        }
    }

    /// Adds the verdicts that changed since last asked.
    pub(crate) fn changes(&mut self, changes: &mut Vec<Change>) {
        let Self { vn, atoms, outcomes, reports, .. } = self;
        let mut fates = Vec::new();
        reports.drain(|interest, ingress, reported| {
            let interest = atoms.interest(interest);
            let now = hold_verdict(interest, ingress, atoms, outcomes, &mut fates);
            let before = std::mem::replace(reported, now);
            outcomes.release(before);
            if now != before {
                let verdict = outcomes.verdict(now);
                changes.push(Change { vn: *vn, prefix: interest.prefix, ingress, verdict });
            }
        });
    }

    pub(crate) fn verdict(&self, prefix: Ipv4Net, ingress: NodeId) -> Option<Arc<Verdict>> {
        let interest = self.interest(prefix, ingress)?;
        if let [atom] = interest.atoms[..] {
            return Some(self.outcomes.verdict(self.atoms.get(atom).cells[ingress.index()].outcome));
        }
        let mut fates = Vec::new();
        union(interest, ingress, &self.atoms, &self.outcomes, &mut fates);
        fates.sort_unstable();
        fates.dedup();
        Some(Arc::new(self.outcomes.describe(&fates)))
    }

    pub(crate) fn path(&self, prefix: Ipv4Net, ingress: NodeId, limit: usize) -> Option<Path> {
        let interest = self.interest(prefix, ingress)?;
        let mut atoms: Vec<_> = interest.atoms.iter().map(|atom| self.atoms.get(*atom)).collect();
        atoms.sort_unstable_by_key(|atom| atom.first);
        let mut path = Path::default();
        let mut left = limit;
        for atom in atoms {
            if left == 0 {
                path.truncated = true;
                break;
            }
            let mut way = vec![ingress];
            let mut hops = Vec::new();
            while let Some(node) = way.get(hops.len()).copied() {
                if left == 0 {
                    path.truncated = true;
                    break;
                }
                left -= 1;
                let step = self.step(node, interest, atom.cells[node.index()].action);
                if let HopStep::Forward(edges) = &step {
                    for next in edges.iter().filter_map(|edge| edge.next) {
                        if !way.contains(&next) {
                            way.push(next);
                        }
                    }
                }
                hops.push(Hop { node, step });
            }
            path.parts.push(PathPart {
                first: Ipv4Addr::from(atom.first),
                last: Ipv4Addr::from(self.atoms.last(atom)),
                hops,
                verdict: self.outcomes.verdict(atom.cells[ingress.index()].outcome),
            });
        }
        Some(path)
    }

    pub(crate) fn routes(&self, node: NodeId) -> Option<Vec<(Ipv4Net, Action)>> {
        if !*self.known.get(node.index())? {
            return None;
        }
        let routes = self.table.routes_of(node.0);
        let mut routes: Vec<_> =
            routes.map(|(prefix, action)| (prefix, self.actions.describe(action))).collect();
        routes.sort_unstable_by_key(|(prefix, _)| *prefix);
        Some(routes)
    }

    pub(crate) fn add_size(&self, size: Size) -> Size {
        let (prefixes, routes) = self.table.len();
        let (outcomes, loops) = self.outcomes.len();
        Size {
            atoms: size.atoms + self.atoms.len(),
            prefixes: size.prefixes + prefixes,
            routes: size.routes + routes,
            next_hop_sets: size.next_hop_sets + self.actions.len(),
            outcomes: size.outcomes + outcomes,
            loops: size.loops + loops,
        }
    }

    fn interest(&self, prefix: Ipv4Net, ingress: NodeId) -> Option<&Interest> {
        self.atoms.find_interest(prefix).filter(|_| self.graph.is_member(ingress))
    }

    fn step(&self, node: NodeId, interest: &Interest, action: u32) -> HopStep {
        match self.actions.get(action) {
            Meaning::Unknown => HopStep::Unknown,
            Meaning::Local => HopStep::Deliver,
            Meaning::Deliver if interest.is_attached_at(node) => HopStep::Deliver,
            Meaning::Deliver => HopStep::Drop(crate::DropReason::NotAttached),
            Meaning::Drop(reason) => HopStep::Drop(reason),
            Meaning::Forward(interfaces) => HopStep::Forward(
                interfaces
                    .iter()
                    .map(|interface| HopEdge {
                        interface: InterfaceId(*interface),
                        next: self.graph.across(*interface),
                    })
                    .collect(),
            ),
        }
    }

    /// Sets a route in the table alone; returns whether it differs from before. What it replaced stays held until the atoms
    /// are settled, so that its number cannot mean something else meanwhile.
    fn set_route(
        &mut self,
        node: NodeId,
        prefix: Ipv4Net,
        action: Option<&Action>,
        replaced: &mut Vec<u32>,
    ) -> bool {
        let value = action.map(|action| self.actions.hold(action, node, &self.graph));
        let (before, new) = self.table.set(prefix, node.0, value, self.known.len());
        if new {
            let outcomes = &mut self.outcomes;
            self.atoms
                .cut(prefix, |cells| cells.iter().for_each(|cell| outcomes.hold_again(cell.outcome, 1)));
        }
        replaced.extend(before);
        before != value
    }

    /// Brings the atoms of changed prefixes up to date, and forgets what nobody needs any more.
    fn settle(&mut self, node: NodeId, touched: &[Ipv4Net], replaced: &[u32]) {
        match touched {
            [] => {}
            [one] => {
                let mut within = self.atoms.within(*one);
                match (within.next(), within.next()) {
                    (Some(atom), None) => {
                        drop(within);
                        self.refresh(atom, node);
                    }
                    (first, second) => {
                        let atoms: Vec<u32> = first.into_iter().chain(second).chain(within).collect();
                        atoms.into_iter().for_each(|atom| self.refresh(atom, node));
                    }
                }
            }
            _ => {
                let mut atoms: Vec<u32> =
                    touched.iter().flat_map(|prefix| self.atoms.within(*prefix)).collect();
                atoms.sort_unstable();
                atoms.dedup();
                atoms.into_iter().for_each(|atom| self.refresh(atom, node));
            }
        }
        replaced.iter().for_each(|action| self.actions.release(*action));
        for prefix in touched {
            if self.table.remove_if_empty(*prefix) {
                let outcomes = &mut self.outcomes;
                self.atoms
                    .join(*prefix, |cells| cells.iter().for_each(|cell| outcomes.release(cell.outcome)));
            }
        }
    }

    fn refresh_all(&mut self, node: NodeId) {
        for atom in self.atoms.all().collect::<Vec<_>>() {
            self.refresh(atom, node);
        }
    }

    fn refresh(&mut self, atom: u32, node: NodeId) {
        let entry = self.atoms.get(atom);
        let action = if !self.known[node.index()] {
            actions::UNKNOWN
        } else if entry.owners.contains(&node.0) {
            actions::LOCAL
        } else {
            self.table.longest_match(entry.first, node.0).unwrap_or(actions::NO_ROUTE)
        };
        if entry.cells[node.index()].action != action {
            self.atoms.get_mut(atom).0.cells[node.index()].action = action;
            self.evaluate(atom, |evaluation| evaluation.node_changed(node));
        }
    }

    fn evaluate(&mut self, atom: u32, how: impl FnOnce(&mut Evaluation<'_>)) {
        let Self { graph, actions, atoms, outcomes, scratch, reports, .. } = self;
        let (atom, interest) = atoms.get_mut(atom);
        how(&mut Evaluation { graph, actions, interest, cells: &mut atom.cells, outcomes, scratch });
        for node in &scratch.changed {
            reports.mark(atom.interest, *node);
        }
    }
}

/// The outcome of a whole prefix, held once more.
fn hold_verdict(
    interest: &Interest,
    ingress: NodeId,
    atoms: &Atoms,
    outcomes: &mut Outcomes,
    fates: &mut Vec<u32>,
) -> u32 {
    if let [atom] = interest.atoms[..] {
        let outcome = atoms.get(atom).cells[ingress.index()].outcome;
        outcomes.hold_again(outcome, 1);
        return outcome;
    }
    fates.clear();
    union(interest, ingress, atoms, outcomes, fates);
    outcomes.hold(fates)
}

/// Adds the fates of all atoms of a prefix, in no order and with doubles.
fn union(interest: &Interest, ingress: NodeId, atoms: &Atoms, outcomes: &Outcomes, fates: &mut Vec<u32>) {
    let each = interest.atoms.iter().map(|atom| atoms.get(*atom).cells[ingress.index()].outcome);
    let mut first = None;
    for outcome in each {
        if *first.get_or_insert(outcome) != outcome {
            fates.push(PARTIAL);
        }
        fates.extend_from_slice(outcomes.fates(outcome));
    }
}
