//! One router of a simulation: the engine's instance and what a daemon would hold for it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf::{Input, InstalledRoute, Instance, Instant, Output, Recording, RouteUpdate};
use ipnet::Ipv4Net;

use crate::check::database;

/// More outputs than this after one input is no end.
const MOST_OUTPUTS: usize = 100_000;
/// The whole database is checked after so many inputs, and as many more as it has LSAs: a large one costs as little per input.
const CHECK_AFTER: u64 = 61;

/// A router.
#[derive(Default)]
pub struct Node {
    /// The engine, while its process runs.
    pub instance: Option<Instance>,
    /// A second instance that has to do the same.
    pub shadow: Option<Instance>,
    /// The kernel's routes, kept by the updates that came out.
    pub fib: BTreeMap<Ipv4Net, InstalledRoute>,
    /// The time that the engine asked for last, in microseconds.
    pub wake_us: Option<u64>,
    /// How often it was started.
    pub starts: u64,
    /// Whether what goes in and comes out is kept, from the next start on.
    pub keeps_record: bool,
    /// What went in and came out.
    pub record: Option<Record>,
    inputs: u64,
    check_at: u64,
    second: u64,
    inputs_this_second: u32,
}

/// All that one process was given, and gave, from its start on.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it was given.
    pub recording: Recording,
    /// All outputs.
    pub outputs: Vec<Output>,
}

impl Node {
    /// Gives the engine an input and takes all its outputs.
    ///
    /// # Errors
    /// A rule that was broken: endless work, a shadow that does something else, a bad database.
    pub fn feed(&mut self, now_us: u64, input: Input, most_per_second: u32) -> Result<Vec<Output>, String> {
        let Some(instance) = self.instance.as_mut() else { return Ok(Vec::new()) };
        let now = Instant(now_us);
        if self.second != now_us / 1_000_000 {
            (self.second, self.inputs_this_second) = (now_us / 1_000_000, 0);
        }
        self.inputs_this_second += 1;
        if self.inputs_this_second > most_per_second {
            return Err(format!(
                "livelock: more than {most_per_second} inputs in a second, now {}",
                name(&input)
            ));
        }
        if let Some(record) = self.record.as_mut() {
            record.recording.push(now, input.clone());
        }
        let shadow = self.shadow.as_mut().map(|shadow| drain(shadow, now, input.clone())).transpose()?;
        let outputs = drain(instance, now, input)?;
        if shadow.is_some_and(|shadow| shadow != outputs) {
            return Err("a restored copy gives other outputs than the router".to_owned());
        }
        if let Some(record) = self.record.as_mut() {
            record.outputs.extend(outputs.iter().cloned());
        }
        self.inputs += 1;
        if self.inputs >= self.check_at {
            self.check_at = self.inputs + CHECK_AFTER + self.check()? as u64;
        }
        Ok(outputs)
    }

    /// Checks what must hold of a router at any time; gives the number of its LSAs.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<usize, String> {
        let Some(instance) = &self.instance else { return Ok(0) };
        let lsas = database::check(instance.config(), instance.database())?;
        let limits = &instance.config().limits;
        for neighbour in instance.neighbours() {
            if neighbour.retransmissions > limits.retransmissions {
                let (count, limit) = (neighbour.retransmissions, limits.retransmissions);
                return Err(format!("{count} LSAs wait for {}, limit {limit}", neighbour.router_id));
            }
        }
        Ok(lsas)
    }

    /// Compares the kernel's table with the router's.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_kernel(&self) -> Result<(), String> {
        let Some(instance) = &self.instance else { return Ok(()) };
        let mut count = 0;
        for route in instance.routes() {
            count += 1;
            // Whose LSA it was is nothing that a kernel keeps.
            let told = self
                .fib
                .get(&route.prefix)
                .map(|told| InstalledRoute { origin: route.origin, ..told.clone() });
            if told.as_ref() != Some(&route) {
                return Err(format!("the kernel was not told of {route}, it has {told:?}"));
            }
        }
        let has = self.fib.len();
        if has == count { Ok(()) } else { Err(format!("the kernel has {has} routes, the router {count}")) }
    }

    /// Takes the differences of a computation into the kernel's table.
    pub fn install(&mut self, updates: Vec<RouteUpdate>) {
        for update in updates {
            match update.route {
                Some(route) => self.fib.insert(update.prefix, route),
                None => self.fib.remove(&update.prefix),
            };
        }
    }

    /// The kernel's route to an address.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<&InstalledRoute> {
        (0..=32).rev().find_map(|length| self.fib.get(&Ipv4Net::new_assert(address, length).trunc()))
    }
}

/// Gives an instance an input and takes all outputs.
///
/// # Errors
/// If they have no end.
pub fn drain(instance: &mut Instance, now: Instant, input: Input) -> Result<Vec<Output>, String> {
    let what = name(&input);
    instance.handle(now, input);
    let mut outputs = Vec::new();
    while let Some(output) = instance.poll_output() {
        outputs.push(output);
        if outputs.len() > MOST_OUTPUTS {
            return Err(format!("more than {MOST_OUTPUTS} outputs after {what}"));
        }
    }
    Ok(outputs)
}

fn name(input: &Input) -> &'static str {
    match input {
        Input::Packet { .. } => "a packet",
        Input::Timeout => "a timeout",
        Input::Carrier { .. } => "a carrier change",
        Input::Configure(_) => "a configuration",
        Input::External { .. } => "an external route",
        Input::Opaque { .. } => "an opaque LSA",
        Input::Leave => "the order to leave",
    }
}
