//! `braid get NOUN`: lists, whole and filtered here.

use braid_proto::{NodeName, VnName};
use clap::Subcommand;
use ipnet::Ipv4Net;

use super::explain::parse_prefix;
use crate::{
    client::Client,
    failure::Failure,
    output::Output,
    target::Target,
    view::{Host, Link, Node, Prefix, ProbePath, Router, Vn, Vote},
};

/// List nodes, links, virtual networks, routers, prefixes, votes, probes or hosts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid get votes --at seattle
  braid get routers --vn red -o json | jq -r '.[] | select(.state != \"running\") | .node'
  braid get hosts -o yaml")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    noun: Noun,
}

/// What is listed.
#[derive(Debug, Subcommand)]
enum Noun {
    /// Physical routers, with their agents and borders
    #[command(visible_alias = "node")]
    Nodes {
        /// Only this node
        #[arg(long, value_name = "NODE")]
        node: Option<NodeName>,
    },
    /// Physical links, with the virtual networks in which they are down
    #[command(visible_alias = "link")]
    Links {
        /// Only links that end at this node
        #[arg(long, value_name = "NODE")]
        node: Option<NodeName>,
    },
    /// Virtual networks
    #[command(visible_alias = "vn")]
    Vns {
        /// Only this virtual network
        #[arg(long, value_name = "VN")]
        vn: Option<VnName>,
    },
    /// Virtual routers, with the state of their engines
    #[command(visible_alias = "router")]
    Routers {
        /// Only those on this node
        #[arg(long, value_name = "NODE")]
        node: Option<NodeName>,
        /// Only those of this virtual network
        #[arg(long, value_name = "VN")]
        vn: Option<VnName>,
    },
    /// Attached prefixes, with the policies that hold for them
    #[command(visible_alias = "prefix")]
    Prefixes {
        /// Only prefixes attached to this border
        #[arg(long, value_name = "BORDER")]
        at: Option<NodeName>,
    },
    /// The borders' verdicts
    #[command(visible_alias = "vote")]
    Votes {
        /// Only verdicts of this border
        #[arg(long, value_name = "BORDER")]
        at: Option<NodeName>,
        /// Only verdicts that this virtual network has won
        #[arg(long, value_name = "VN")]
        vn: Option<VnName>,
        /// Only verdicts on this prefix, or on the one that this address is in
        #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
        prefix: Option<Ipv4Net>,
    },
    /// What borders measure by their probes: loss and delay of each way through a virtual network
    #[command(visible_alias = "probe")]
    Probes {
        /// Only what this border measures
        #[arg(long, value_name = "BORDER")]
        at: Option<NodeName>,
        /// Only ways through this virtual network
        #[arg(long, value_name = "VN")]
        vn: Option<VnName>,
    },
    /// Customer hosts
    #[command(visible_alias = "host")]
    Hosts {
        /// Only hosts behind this border
        #[arg(long, value_name = "BORDER")]
        at: Option<NodeName>,
    },
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        self.target.ask(async |client| self.noun.list(client, output).await)
    }
}

impl Noun {
    async fn list(self, client: &mut Client, output: Output) -> Result<(), Failure> {
        match self {
            Noun::Nodes { node } => {
                output.show(&picked::<Node, _>(client.nodes().await?, |n| is(node.as_ref(), &n.name)))
            }
            Noun::Links { node } => output.show(&picked::<Link, _>(client.links().await?, |link| {
                node.as_ref().is_none_or(|node| link.touches(node.as_str()))
            })),
            Noun::Vns { vn } => {
                output.show(&picked::<Vn, _>(client.vns().await?, |v| is(vn.as_ref(), &v.name)))
            }
            Noun::Routers { node, vn } => output
                .show(&picked::<Router, _>(client.routers().await?, |router| {
                    is(node.as_ref(), &router.node) && is(vn.as_ref(), &router.vn)
                })),
            Noun::Prefixes { at } => {
                output.show(&picked::<Prefix, _>(client.prefixes().await?, |p| is(at.as_ref(), &p.node)))
            }
            Noun::Votes { at, vn, prefix } => {
                output.show(&picked::<Vote, _>(client.votes().await?, |vote| {
                    is(at.as_ref(), &vote.border)
                        && vn.as_ref().is_none_or(|vn| vote.winner.as_deref() == Some(vn.as_str()))
                        && prefix.is_none_or(|wanted| covers(&vote.prefix, wanted))
                }))
            }
            Noun::Probes { at, vn } => output
                .show(&picked::<ProbePath, _>(client.probe_paths().await?, |path| {
                    is(at.as_ref(), &path.from) && is(vn.as_ref(), &path.vn)
                })),
            Noun::Hosts { at } => {
                output.show(&picked::<Host, _>(client.hosts().await?, |h| is(at.as_ref(), &h.node)))
            }
        }
    }
}

/// The items as views, as far as they are wanted.
fn picked<V, W: Into<V>>(items: Vec<W>, wanted: impl Fn(&V) -> bool) -> Vec<V> {
    items.into_iter().map(Into::into).filter(wanted).collect()
}

/// Whether `name` is the wanted one; each is, where none is asked for.
fn is<N: AsRef<str>>(wanted: Option<&N>, name: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.as_ref() == name)
}

/// Whether `wanted` lies in the prefix that `text` spells.
fn covers(text: &str, wanted: Ipv4Net) -> bool {
    text.parse::<Ipv4Net>().is_ok_and(|prefix| prefix.contains(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_is_found_by_its_prefix_or_an_address_in_it() {
        assert!(covers("198.18.5.0/24", parse_prefix("198.18.5.10").unwrap()));
        assert!(covers("198.18.5.0/24", parse_prefix("198.18.5.0/24").unwrap()));
        assert!(!covers("198.18.5.0/24", parse_prefix("198.18.0.0/16").unwrap()));
        assert!(!covers("nonsense", parse_prefix("198.18.5.10").unwrap()));
    }
}
