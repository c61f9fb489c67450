//! The braid processes of a lab: how they are called, and with what they are started.

use std::{ffi::OsString, fmt, path::PathBuf};

use braid_layout::Plan;
use braid_proto::NodeName;
use serde::{Deserialize, Serialize};

use crate::paths::Lab;

/// Which daemons [`crate::restart`] is to start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// The controller.
    Controller,
    /// The agent of a node.
    Agent(NodeName),
    /// The border of a border node.
    Border(NodeName),
    /// All that the lab ought to have.
    All,
}

/// A braid process of a lab.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// The lab's only controller, in the namespace of whoever started it.
    Controller,
    /// The agent of a node, in the node's namespace.
    Agent(NodeName),
    /// The border of a border node, in the node's namespace.
    Border(NodeName),
}

impl Member {
    /// All that a lab ought to have, the controller first.
    pub(crate) fn all(plan: &Plan) -> Vec<Member> {
        let agents = plan.nodes.iter().map(|node| Member::Agent(node.name.clone()));
        let borders = plan.nodes.iter().filter(|node| node.border.is_some());
        let borders = borders.map(|node| Member::Border(node.name.clone()));
        std::iter::once(Member::Controller).chain(agents).chain(borders).collect()
    }

    /// The subcommand of the `braid` binary.
    const fn role(&self) -> &'static str {
        match self {
            Member::Controller => "controller",
            Member::Agent(_) => "agent",
            Member::Border(_) => "border",
        }
    }

    /// The node on which it runs; the controller runs on none.
    #[must_use]
    pub const fn node(&self) -> Option<&NodeName> {
        match self {
            Member::Controller => None,
            Member::Agent(node) | Member::Border(node) => Some(node),
        }
    }

    /// What its files are called. The role comes last, so no two members share one.
    pub(crate) fn file_stem(&self) -> String {
        match self.node() {
            None => self.role().to_owned(),
            Some(node) => format!("{node}-{}", self.role()),
        }
    }

    fn directory(&self, lab: &Lab) -> PathBuf {
        self.node().map_or_else(|| lab.controller_dir(), |node| lab.node_dir(node))
    }

    /// What it is started with.
    pub(crate) fn arguments(&self, lab: &Lab) -> Vec<OsString> {
        let address = lab.socket().to_string();
        let directory = self.directory(lab);
        let mut arguments: Vec<OsString> = vec![self.role().into()];
        match self.node() {
            None => {
                arguments.extend(["--topology".into(), lab.topology_file().into()]);
                arguments.extend(["--listen".into(), address.into()]);
                arguments.extend(["--state-dir".into(), directory.into()]);
            }
            Some(node) => {
                arguments.extend(["--network".into(), lab.name().as_str().into()]);
                arguments.extend(["--node".into(), node.as_str().into()]);
                arguments.extend(["--controller".into(), address.into()]);
                arguments.extend(["--run-dir".into(), directory.into()]);
            }
        }
        arguments
    }

    /// Whether a process with this command line is this member, whoever started it.
    pub(crate) fn is_command_line(&self, lab: &Lab, command_line: &[OsString]) -> bool {
        let arguments = self.arguments(lab);
        command_line.windows(arguments.len()).any(|window| window == arguments)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node() {
            None => f.write_str("controller"),
            Some(node) => write!(f, "{} of `{node}`", self.role()),
        }
    }
}

impl From<Member> for Daemon {
    fn from(member: Member) -> Daemon {
        match member {
            Member::Controller => Daemon::Controller,
            Member::Agent(node) => Daemon::Agent(node),
            Member::Border(node) => Daemon::Border(node),
        }
    }
}

impl Daemon {
    /// Whether `member` is among those meant.
    pub(crate) fn covers(&self, member: &Member) -> bool {
        match (self, member) {
            (Daemon::All, _) | (Daemon::Controller, Member::Controller) => true,
            (Daemon::Agent(wanted), Member::Agent(node)) | (Daemon::Border(wanted), Member::Border(node)) => {
                wanted == node
            }
            _ => false,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Daemon::Controller => f.write_str("controller"),
            Daemon::Agent(node) => write!(f, "agent of `{node}`"),
            Daemon::Border(node) => write!(f, "border of `{node}`"),
            Daemon::All => f.write_str("all daemons"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Root;

    fn lab(name: &str) -> Lab {
        Lab::new(&Root::new("/run/braid"), name.parse().unwrap())
    }

    fn agent(node: &str) -> Member {
        Member::Agent(node.parse().unwrap())
    }

    #[test]
    fn a_member_is_known_by_its_command_line_and_no_other_is_taken_for_it() {
        let ring = lab("ring");
        let mut line: Vec<OsString> = vec!["/usr/bin/braid".into()];
        line.extend(agent("n1").arguments(&ring));
        assert!(agent("n1").is_command_line(&ring, &line));
        line.push("--tls-ca".into());
        assert!(agent("n1").is_command_line(&ring, &line));
        assert!(!agent("n10").is_command_line(&ring, &line));
        assert!(!agent("n1").is_command_line(&lab("rin"), &line));
        assert!(!Member::Border("n1".parse().unwrap()).is_command_line(&ring, &line));
        assert!(!Member::Controller.is_command_line(&ring, &line));
    }

    #[test]
    fn no_two_members_share_a_file() {
        let stems = [
            Member::Controller,
            agent("n1"),
            Member::Border("n1".parse().unwrap()),
            agent("n1-agent"),
            agent("controller"),
        ]
        .map(|member| member.file_stem());
        let unique: std::collections::BTreeSet<_> = stems.iter().collect();
        assert_eq!(unique.len(), stems.len(), "{stems:?}");
    }
}
