//! What happened, as a hash always and as text if wanted.

use std::{fmt::Display, io::Write};

use braid_ospf::{Input, Output};
use braid_world::RouterIndex;

/// A running hash (FNV-1a) over all that goes into routers and comes out, and a file with a line for each.
#[derive(Default)]
pub struct Trace {
    hash: u64,
    file: Option<Box<dyn Write>>,
}

impl Trace {
    /// A trace that also writes lines. Lines that cannot be written are lost.
    #[must_use]
    pub fn to(file: Box<dyn Write>) -> Self {
        Self { hash: 0, file: Some(file) }
    }

    /// The hash over everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn line(&mut self, at_us: u64, what: &dyn Display) {
        self.number(at_us);
        self.write(at_us, what);
    }

    pub(crate) fn input(&mut self, at_us: u64, router: RouterIndex, input: &Input) {
        self.number(at_us);
        self.number(router.0 as u64);
        if let Input::Packet { payload, .. } = input {
            self.bytes(payload);
        }
        if self.file.is_some() {
            let text = match input {
                Input::Packet { interface, source, destination, payload, .. } => {
                    format!("{interface} {source} > {destination} {}", packet(payload))
                }
                Input::Configure(_) => "Configure".to_owned(),
                other => format!("{other:?}"),
            };
            self.write(at_us, &format_args!("{router} < {text}"));
        }
    }

    pub(crate) fn output(&mut self, at_us: u64, router: RouterIndex, output: &Output) {
        match output {
            Output::Transmit { payload, .. } => self.bytes(payload),
            Output::Routes(updates) => self.number(updates.len() as u64),
            Output::Groups { .. } | Output::Event(_) => self.number(1),
        }
        if self.file.is_some() {
            let text = match output {
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
            };
            self.write(at_us, &format_args!("{router} > {text}"));
        }
    }

    fn write(&mut self, at_us: u64, what: &dyn Display) {
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "{}.{:06} {what}", at_us / 1_000_000, at_us % 1_000_000);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
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
