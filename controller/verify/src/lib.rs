//! Verification: where the FIBs of a virtual network lead every prefix, from every border.
//!
//! It must not know the time, sockets, files or threads, nor any engine or the reference model: it judges what the FIBs *do*,
//! and whoever calls it compares that with what they should do. The same FIBs and links give the same verdicts, whatever the
//! order in which they came.
//!
//! ```text
//!  apply, set_snapshot, forget ─► [ table: prefix × node → action ]
//!                                        │ longest match, for the atoms of the prefix
//!                                        ▼
//!  set_link ─────────────────► [ atoms: × node → action, outcome ] ─► [ reports ] ─► changes
//!                                  evaluation, upstream of the node            └───► verdict, path
//! ```
//!
//! # How it works
//!
//! - **Atoms** (Horn, Kheradmand and Prasad, "Delta-net", NSDI 2017): the addresses of interest, cut at every bound of a prefix
//!   that some node has a route for, so that all addresses of an atom fare alike. Unlike there, only prefixes *of interest*
//!   (attached ones and loopbacks) have atoms, and a cut that no route needs any more is undone: memory does not grow with
//!   churn.
//! - **Outcomes**: each atom holds for each node what may become of a packet there, an interned set of egress nodes, drops,
//!   loops and unknown nodes. With ECMP it is the union over the next hops, so branches are never enumerated.
//! - **Evaluation**: a changed action concerns only nodes from which packets may come by, and nobody if the node's own outcome
//!   stays the same without a loop. Else those nodes alone are evaluated from scratch, strongly connected components at a time
//!   (Tarjan), downstream first: so loops that close, open or change are just components, not special cases.
//!
//! # What a verdict means
//!
//! - An address belongs to the longest prefix of interest that covers it, as it does in a border's table; a verdict is the
//!   union over all addresses of its prefix, and `partial` where they differ.
//! - A node's own addresses are delivered there before its FIB is asked, as Linux does. What leaves by the port is delivered
//!   where the address is attached; elsewhere the border refuses it ([`DropReason::NotAttached`]).
//! - A node whose FIB is not known makes what passes there unknown, not dropped.
//! - FIBs of different nodes arrive at different times, so there are verdicts of a moment that no packet ever met. Whoever acts
//!   on verdicts decides how long a fault must stand.
//!
//! # Calling it
//!
//! Give each node's FIB by [`set_snapshot`](Verifier::set_snapshot), then what changes by [`apply`](Verifier::apply); ask for
//! [`changes`](Verifier::changes) as often as you like: what changed and changed back in between is not told. Events about
//! what is not there are refused and change nothing.
//!
//! ```
//! use braid_verify::{Action, Link, Node, Summary, Topology, Verifier, VnTopology};
//!
//! let (a, b) = ("a".parse::<braid_proto::NodeName>()?, "b".parse::<braid_proto::NodeName>()?);
//! let eth: braid_proto::InterfaceName = "eth1".parse()?;
//! let vn = braid_proto::VnId::try_from(1_u32)?;
//! let prefix = "198.18.1.0/24".parse()?;
//!
//! // Two borders and a link; the prefix is attached at b.
//! let border = Node { border: true, ..Node::default() };
//! let mut topology = Topology::default();
//! topology.nodes.insert(a.clone(), border.clone());
//! topology.nodes.insert(b.clone(), Node { attached: [prefix].into(), ..border });
//! let link = Link { ends: [(a.clone(), eth.clone()), (b.clone(), eth.clone())] };
//! topology.vns.insert(vn, VnTopology { nodes: [a.clone(), b.clone()].into(), links: vec![link] });
//!
//! let mut verifier = Verifier::new(&topology)?;
//! let node = |name| verifier.node(name).expect("a node of the topology");
//! let (a, b) = (node(&a), node(&b));
//! let to_b = verifier.interface(vn, a, &eth).expect("an interface of the topology");
//! verifier.set_snapshot(vn, a, &[(prefix, Action::Forward(vec![to_b]))])?;
//! verifier.set_snapshot(vn, b, &[(prefix, Action::Deliver)])?;
//! assert_eq!(verifier.changes().len(), 2); // one from each border
//!
//! // b withdraws its route: packets that enter at a are now dropped at b.
//! verifier.apply(vn, b, &[(prefix, None)])?;
//! let verdict = verifier.verdict(vn, prefix, a).expect("a prefix of interest");
//! assert_eq!((verdict.summary(), verdict.drops[0].0), (Summary::Dropped, b));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actions;
mod atoms;
mod evaluation;
mod interner;
mod network;
mod outcomes;
mod reports;
mod row;
mod table;
mod topology;
mod verdict;
mod verifier;

pub use topology::{InterfaceId, Link, Node, NodeId, Topology, TopologyError, VnTopology};
pub use verdict::{Action, Change, DropReason, Hop, HopEdge, HopStep, Path, PathPart, Summary, Verdict};
pub use verifier::{Size, Verifier, VerifyError};
