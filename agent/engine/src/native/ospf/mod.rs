//! braid's own OSPF.

mod config;
mod status;

use braid_native::ospf::{self, File, Question, Running};
use braid_proto::Engine;
use ipnet::Ipv4Net;

use super::Protocol;
use crate::{Drift, Neighbour, RouterIntent, announced::lsa};

/// braid's own OSPF.
pub(crate) struct NativeOspf;

impl Protocol for NativeOspf {
    const ENGINE: Engine = Engine::NativeOspf;
    const NAME: &'static str = ospf::NAME;
    const WORD: &'static str = "ospf";
    type Question = Question;
    const NEIGHBOURS: Question = Question::Neighbours;
    const RUNNING: Question = Question::Running;
    type File = File;
    type Neighbour = ospf::Neighbour;
    type Running = Running;
    type Announcement = ospf::Announcement;

    fn render(intent: &RouterIntent) -> File {
        config::render(intent)
    }

    fn text(file: &File) -> String {
        file.to_text()
    }

    fn neighbour(n: ospf::Neighbour) -> Neighbour {
        Neighbour {
            id: n.router_id.to_string(),
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

    fn announcement(found: ospf::Announcement) -> String {
        let kind = match found.kind.as_str() {
            "external" => "AS-external",
            "nssa-external" => "NSSA-external",
            other => other,
        };
        lsa(kind, found.id, found.advertising_router, found.sequence.cast_unsigned(), found.age.into())
    }
}
