//! braid's own IS-IS.

mod config;
mod status;

use braid_native::isis::{self, File, Question, Running};
use braid_proto::Engine;
use ipnet::Ipv4Net;

use super::Protocol;
use crate::{Drift, Neighbour, RouterIntent, announced::lsp};

/// braid's own IS-IS.
pub(crate) struct NativeIsis;

impl Protocol for NativeIsis {
    const ENGINE: Engine = Engine::NativeIsis;
    const NAME: &'static str = isis::NAME;
    const WORD: &'static str = "isis";
    type Question = Question;
    const NEIGHBOURS: Question = Question::Neighbours;
    const RUNNING: Question = Question::Running;
    type File = File;
    type Neighbour = isis::Neighbour;
    type Running = Running;
    type Announcement = isis::Announcement;

    fn render(intent: &RouterIntent) -> File {
        config::render(intent)
    }

    fn text(file: &File) -> String {
        file.to_text()
    }

    fn neighbour(n: isis::Neighbour) -> Neighbour {
        Neighbour {
            id: n.host_name.unwrap_or_else(|| n.system_id.to_string()),
            interface: n.interface,
            state: n.state,
            adjacent: n.adjacent,
        }
    }

    fn drift(wanted: &File, running: &Running) -> Vec<Drift> {
        status::drift(wanted, running)
    }
    fn announced(prefix: Ipv4Net) -> Question {
        Question::Announced { prefix }
    }

    fn announcement(found: isis::Announcement) -> String {
        let id = match found.host_name {
            Some(name) => format!("{} ({name})", found.id),
            None => found.id.to_string(),
        };
        lsp(id, found.sequence, found.lifetime.into())
    }
}
