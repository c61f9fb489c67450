//! braid's own OSPF.

mod config;
mod status;

use braid_native::ospf::{self, File, Question, Running};
use braid_proto::Engine;

use super::Protocol;
use crate::{Drift, Neighbour, RouterIntent};

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
}
