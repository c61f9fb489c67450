//! The IS-IS engine's instance as the simulator sees it.

use braid_isis::{CircuitId, Config, Input, Instance, Instant, Output, Recording};
use braid_isis_packet::{Frame, Pdu};
use braid_isis_route::Route;
use ipnet::Ipv4Net;

use super::database;
use crate::router::{Digest, Life, Router, in_the_same_words};

impl Router for Instance {
    in_the_same_words!();
    type Route = Route;

    fn save(&self) -> Result<Vec<u8>, String> {
        self.snapshot().map_err(|error| error.to_string())
    }

    fn replay(life: &Life<Self>) -> Result<Vec<Output>, String> {
        let told = |error: braid_isis::RecordingError| error.to_string();
        let mut recording = Recording::new(&life.config, life.seed, Instant(life.start_us)).map_err(told)?;
        let mut bytes = recording.take_bytes();
        for (at_us, input) in &life.inputs {
            recording.push(Instant(*at_us), input).map_err(told)?;
            bytes.extend(recording.take_bytes());
        }
        let mut outputs = Vec::new();
        Recording::replay(&bytes, |_, output| outputs.push(output)).map_err(told)?;
        Ok(outputs)
    }

    fn kernel_routes(&self) -> Vec<(Ipv4Net, Route)> {
        self.routes().filter(|(_, route)| !route.next_hops.is_empty()).collect()
    }

    /// Whose LSP it was is nothing that a kernel keeps.
    fn is_same(one: &Route, other: &Route) -> bool {
        Route { origin: other.origin, ..one.clone() } == *other
    }

    fn check(&self) -> Result<usize, String> {
        database::check(self)
    }

    fn news(&self) -> u64 {
        self.circuits().map(|circuit| circuit.counters.lsps_sent).sum()
    }

    fn output_digest(output: &Output) -> Digest<'_> {
        match output {
            Output::Transmit { payload, .. } => Digest::Bytes(payload),
            Output::Routes(changes) => Digest::Number(changes.len() as u64),
            Output::Event(_) => Digest::Number(1),
        }
    }

    fn input_text(input: &Input) -> String {
        match input {
            Input::Packet { circuit: CircuitId(n), payload, .. } => format!("{n} {}", packet(payload)),
            Input::Configure(_) => "Configure".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn output_text(output: &Output) -> String {
        match output {
            Output::Transmit { circuit: CircuitId(n), group, payload } => {
                format!("{n} {group:?} {}", packet(payload))
            }
            Output::Routes(changes) => {
                changes.iter().fold("routes".to_owned(), |text, change| match &change.new {
                    Some(route) => text + &format!(" [{} {} {}]", change.prefix, route.kind, route.metric),
                    None => text + &format!(" [no {}]", change.prefix),
                })
            }
            Output::Event(event) => event.to_string(),
        }
    }
}

/// A packet in a few words, as the engine's codec reads it.
fn packet(payload: &[u8]) -> String {
    let pdu = match Frame::parse(payload).and_then(|frame| frame.pdu()) {
        Ok(pdu) => pdu,
        Err(error) => return format!("bad: {error}"),
    };
    match pdu {
        Pdu::Lsp(lsp) => {
            let flags = lsp.flags();
            let bits = [(flags.attached, " attached"), (flags.overload, " overloaded")];
            let bits: String = bits.iter().filter_map(|(is_set, text)| is_set.then_some(*text)).collect();
            let neighbours =
                lsp.neighbours().map(|it| format!(" {} {}", it.node, it.metric)).collect::<String>();
            let prefixes = lsp.prefixes().map(|it| format!(" {} {}", it.net, it.metric)).collect::<String>();
            format!("{lsp}{bits}; sees{neighbours}; leads to{prefixes}")
        }
        Pdu::Csnp(csnp) => format!("CSNP {} of {:?}", csnp.level, csnp.entries),
        Pdu::Psnp(psnp) => format!("PSNP {} of {:?}", psnp.level, psnp.entries),
        hello => format!("{hello:?}"),
    }
}
