//! One router of a simulation: the engine's instance and what a daemon would hold for it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use ipnet::Ipv4Net;

use crate::router::{Life, Router};

/// More outputs than this after one input is no end.
const MOST_OUTPUTS: usize = 100_000;
/// The whole database is checked after so many inputs, and as many more as it has LSAs: a large one costs as little per input.
const CHECK_AFTER: u64 = 61;

/// Routes by prefix, and which are no more.
pub type Updates<R> = Vec<(Ipv4Net, Option<<R as Router>::Route>)>;

/// A router.
pub struct Node<R: Router> {
    /// The engine, while its process runs.
    pub instance: Option<R>,
    /// A second instance that has to do the same.
    pub shadow: Option<R>,
    /// The kernel's routes, kept by the updates that came out.
    pub fib: BTreeMap<Ipv4Net, R::Route>,
    /// The time that the engine asked for last, in microseconds.
    pub wake_us: Option<u64>,
    /// How often it was started.
    pub starts: u64,
    /// Whether what goes in and comes out is kept, from the next start on.
    pub keeps_record: bool,
    /// What went in and came out.
    pub record: Option<Life<R>>,
    inputs: u64,
    check_at: u64,
    second: u64,
    inputs_this_second: u32,
}

impl<R: Router> Default for Node<R> {
    fn default() -> Self {
        Self {
            instance: None,
            shadow: None,
            fib: BTreeMap::new(),
            wake_us: None,
            starts: 0,
            keeps_record: false,
            record: None,
            inputs: 0,
            check_at: 0,
            second: 0,
            inputs_this_second: 0,
        }
    }
}

impl<R: Router> Node<R> {
    /// Gives the engine an input and takes all its outputs.
    ///
    /// # Errors
    /// A rule that was broken: endless work, a shadow that does something else, a bad database.
    pub fn feed(
        &mut self,
        now_us: u64,
        input: R::Input,
        most_per_second: u32,
    ) -> Result<Vec<R::Output>, String> {
        let Some(instance) = self.instance.as_mut() else { return Ok(Vec::new()) };
        if self.second != now_us / 1_000_000 {
            (self.second, self.inputs_this_second) = (now_us / 1_000_000, 0);
        }
        self.inputs_this_second += 1;
        if self.inputs_this_second > most_per_second {
            return Err(format!(
                "livelock: more than {most_per_second} inputs in a second, now {}",
                R::input_text(&input)
            ));
        }
        if let Some(record) = self.record.as_mut() {
            record.inputs.push((now_us, input.clone()));
        }
        let shadow = self.shadow.as_mut().map(|shadow| drain(shadow, now_us, input.clone())).transpose()?;
        let outputs = drain(instance, now_us, input)?;
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

    /// Checks what must hold of a router at any time; gives the size of its database.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<usize, String> {
        self.instance.as_ref().map_or(Ok(0), R::check)
    }

    /// Compares the kernel's table with the router's.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_kernel(&self) -> Result<(), String> {
        let Some(instance) = &self.instance else { return Ok(()) };
        let routes = instance.kernel_routes();
        for (prefix, route) in &routes {
            let told = self.fib.get(prefix);
            if !told.is_some_and(|told| R::is_same(told, route)) {
                return Err(format!("the kernel was not told of {prefix} {route:?}, it has {told:?}"));
            }
        }
        match (self.fib.len(), routes.len()) {
            (has, count) if has == count => Ok(()),
            (has, count) => Err(format!("the kernel has {has} routes, the router {count}")),
        }
    }

    /// Takes the differences of a computation into the kernel's table.
    pub fn install(&mut self, updates: Updates<R>) {
        for (prefix, route) in updates {
            match route {
                Some(route) => self.fib.insert(prefix, route),
                None => self.fib.remove(&prefix),
            };
        }
    }

    /// The kernel's route to an address.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<&R::Route> {
        (0..=32).rev().find_map(|length| self.fib.get(&Ipv4Net::new_assert(address, length).trunc()))
    }
}

/// Gives an instance an input and takes all outputs.
///
/// # Errors
/// If they have no end.
fn drain<R: Router>(instance: &mut R, now_us: u64, input: R::Input) -> Result<Vec<R::Output>, String> {
    instance.feed(now_us, input);
    let mut outputs = Vec::new();
    while let Some(output) = instance.next_output() {
        outputs.push(output);
        if outputs.len() > MOST_OUTPUTS {
            return Err(format!("more than {MOST_OUTPUTS} outputs after one input"));
        }
    }
    Ok(outputs)
}
