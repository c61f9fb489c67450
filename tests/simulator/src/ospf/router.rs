//! The OSPF engine's instance as the simulator sees it.

use braid_ospf::{Config, Input, InstalledRoute, Instance, Instant, Output, Recording};
use ipnet::Ipv4Net;

use super::database;
use crate::router::{Digest, Life, Router, in_the_same_words};

/// Which of the packet counters counts link state updates.
const UPDATES: usize = 3;

impl Router for Instance {
    in_the_same_words!();
    type Route = InstalledRoute;

    fn save(&self) -> Result<Vec<u8>, String> {
        Ok(self.snapshot())
    }

    fn replay(life: &Life<Self>) -> Result<Vec<Output>, String> {
        let mut recording = Recording::new(life.config.clone(), life.seed, Instant(life.start_us));
        for (at_us, input) in &life.inputs {
            recording.push(Instant(*at_us), input.clone());
        }
        let recording = Recording::from_bytes(&recording.to_bytes()).map_err(|error| error.to_string())?;
        let instance = Instance::new(recording.config, recording.seed, recording.start);
        let mut instance = instance.map_err(|error| error.to_string())?;
        let mut outputs = Vec::new();
        for (at, input) in recording.inputs {
            instance.handle(at, input);
            outputs.extend(std::iter::from_fn(|| instance.poll_output()));
        }
        Ok(outputs)
    }

    fn kernel_routes(&self) -> Vec<(Ipv4Net, InstalledRoute)> {
        self.routes().map(|route| (route.prefix, route)).collect()
    }

    /// Whose LSA it was is nothing that a kernel keeps.
    fn is_same(one: &InstalledRoute, other: &InstalledRoute) -> bool {
        InstalledRoute { origin: other.origin, ..one.clone() } == *other
    }

    fn check(&self) -> Result<usize, String> {
        let lsas = database::check(self.config(), self.database())?;
        let limits = &self.config().limits;
        for neighbour in self.neighbours() {
            if neighbour.retransmissions > limits.retransmissions {
                let (count, limit) = (neighbour.retransmissions, limits.retransmissions);
                return Err(format!("{count} LSAs wait for {}, limit {limit}", neighbour.router_id));
            }
        }
        Ok(lsas)
    }

    fn news(&self) -> u64 {
        self.counters().sent[UPDATES]
    }

    fn output_digest(output: &Output) -> Digest<'_> {
        match output {
            Output::Transmit { payload, .. } => Digest::Bytes(payload),
            Output::Routes(updates) => Digest::Number(updates.len() as u64),
            Output::Groups { .. } | Output::Event(_) => Digest::Number(1),
        }
    }

    fn input_text(input: &Input) -> String {
        match input {
            Input::Packet { interface, source, destination, payload, .. } => {
                format!("{interface} {source} > {destination} {}", packet(payload))
            }
            Input::Configure(_) => "Configure".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn output_text(output: &Output) -> String {
        match output {
            Output::Transmit { interface, source, destination, payload, .. } => {
                format!("{interface} {source} > {destination} {}", packet(payload))
            }
            Output::Routes(updates) => {
                updates.iter().fold("routes".to_owned(), |text, update| match &update.route {
                    Some(route) => text + &format!(" [{route}]"),
                    None => text + &format!(" [no {}]", update.prefix),
                })
            }
            Output::Event(event) => event.to_string(),
            other => format!("{other:?}"),
        }
    }
}

/// A packet in a few words, as the engine's codec reads it.
fn packet(payload: &[u8]) -> String {
    use braid_ospf_packet::{Body, Frame};
    let body = match Frame::parse(payload).and_then(|frame| frame.body()) {
        Ok(body) => body,
        Err(error) => return format!("bad: {error}"),
    };
    let join = |items: Vec<String>| items.join(", ");
    match body {
        Body::Hello(hello) => {
            let heard = join(hello.neighbours.iter().map(ToString::to_string).collect());
            format!("hello dr {} bdr {} hears {heard}", hello.designated_router, hello.backup)
        }
        Body::DatabaseDescription(dd) => {
            let flags: String = [(dd.initial, 'I'), (dd.more, 'M'), (dd.master, 'S')]
                .iter()
                .filter_map(|(on, flag)| on.then_some(*flag))
                .collect();
            format!("description {flags} {:x}, {} headers", dd.sequence, dd.headers.len())
        }
        Body::LinkStateRequest(request) => {
            format!("request {}", join(request.keys.iter().map(ToString::to_string).collect()))
        }
        Body::LinkStateUpdate(update) => {
            format!("update {}", join(update.lsas.iter().map(ToString::to_string).collect()))
        }
        Body::LinkStateAck(ack) => {
            format!("ack {}", join(ack.headers.iter().map(|header| header.key.to_string()).collect()))
        }
    }
}
