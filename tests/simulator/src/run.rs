//! A scenario from start to end: faults, calm, convergence, quiet.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use braid_ospf::{Instance, Recording};
use braid_world::{Dice, RouterIndex};
use thiserror::Error;

use crate::{
    check::convergence,
    node::{Record, drain},
    plan::plan,
    scenario::Scenario,
    settings::Settings,
    simulation::{Simulation, Violation},
    trace::Trace,
};

const SECOND_US: u64 = 1_000_000;

/// What a run was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many routers.
    pub routers: usize,
    /// Events that happened.
    pub events: u64,
    /// Packets put on segments.
    pub packets: u64,
    /// Virtual time, in seconds.
    pub virtual_s: u64,
    /// Virtual seconds from the end of the faults to convergence.
    pub converged_s: u64,
    /// The hash over all inputs and outputs.
    pub hash: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { routers, events, packets, virtual_s, converged_s, hash } = self;
        write!(f, "{routers} routers, {events} events, {packets} packets, {virtual_s} virtual s, ")?;
        write!(f, "converged {converged_s} s after the faults, trace {hash:016x}")
    }
}

/// A run found something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("seed {}: at {}.{:06} s: {what}\nreplay: {scenario}", scenario.seed, at_us / SECOND_US, at_us % SECOND_US)]
pub struct Failure {
    /// What was run.
    pub scenario: Scenario,
    /// When it went wrong, in virtual microseconds; 0 if that is not known.
    pub at_us: u64,
    /// What is wrong.
    pub what: String,
}

/// Runs a scenario.
///
/// # Errors
/// What went wrong first, a panic of the engine included.
pub fn run(scenario: &Scenario, trace: Trace) -> Result<Summary, Box<Failure>> {
    let fail = |at_us, what| Box::new(Failure { scenario: scenario.clone(), at_us, what });
    match catch_unwind(AssertUnwindSafe(|| phases(scenario, trace))) {
        Ok(result) => result.map_err(|Violation { at_us, what }| fail(at_us, what)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(fail(0, format!("panic: {}", text.unwrap_or_default())))
        }
    }
}

fn phases(scenario: &Scenario, trace: Trace) -> Result<Summary, Violation> {
    let world = scenario.world();
    let settings = Settings::draw(&world, &mut Dice::new(scenario.seed ^ 0x7365_7474));
    let faults_us = scenario.fault_seconds() * SECOND_US;
    let plan = plan(&world, scenario.seed, &scenario.kinds, faults_us);
    let mut simulation = Simulation::new(world, settings, scenario.seed, plan, trace);
    if scenario.record {
        simulation.record(RouterIndex(0));
    }
    let start_us = simulation.now_us;

    simulation.run(faults_us)?;
    simulation.check()?;
    let converged_s = converge(&mut simulation)?;
    quiet(&mut simulation, scenario.seed)?;
    simulation.check()?;
    simulation.check_kernels()?;
    if let Some(record) = &simulation.nodes[0].record {
        replay(record).map_err(|what| Violation { at_us: simulation.now_us, what })?;
    }
    Ok(Summary {
        routers: simulation.nodes.len(),
        events: simulation.events,
        packets: simulation.packets(),
        virtual_s: (simulation.now_us - start_us) / SECOND_US,
        converged_s,
        hash: simulation.trace.hash(),
    })
}

/// How long a network may take: neighbours that are gone have to be missed, designated routers waited for, and LSAs that come
/// too often wait for each other.
fn patience_s(settings: &Settings) -> u64 {
    3 * settings.dead.as_secs() + 8 * settings.retransmit.as_secs() + 40
}

fn converge(simulation: &mut Simulation) -> Result<u64, Violation> {
    let patience_s = patience_s(&simulation.settings);
    for second in 1..=patience_s {
        simulation.run(SECOND_US)?;
        if convergence::differences(&simulation.world, &simulation.instances()).is_empty() {
            return Ok(second);
        }
    }
    let differences = convergence::differences(&simulation.world, &simulation.instances());
    let what = format!("not converged {patience_s} s after the faults:\n  {}", differences.join("\n  "));
    Err(Violation { at_us: simulation.now_us, what })
}

/// Longer than TranslatorStabilityInterval (RFC 3101 §3.1), after which translated LSAs of a former translator go.
const SETTLE_US: u64 = 45 * SECOND_US;

/// A converged network stays so, and is quiet: nobody floods but to refresh. Some seeds stay for two hours, in which every LSA is
/// refreshed and would otherwise come of age.
fn quiet(simulation: &mut Simulation, seed: u64) -> Result<(), Violation> {
    simulation.run(SETTLE_US)?;
    let long = Dice::new(seed ^ 8).below(16) == 0 && simulation.nodes.len() < 12;
    let updates = |simulation: &Simulation| -> u64 {
        simulation.instances().into_iter().flatten().map(|instance| instance.counters().sent[3]).sum()
    };
    let before = updates(simulation);
    simulation.run(if long { 7200 } else { 20 } * SECOND_US)?;
    let sent = updates(simulation) - before;
    let violation = |what| Violation { at_us: simulation.now_us, what };
    if sent > 0 && !long {
        return Err(violation(format!("{sent} updates were sent in 20 s of a converged network")));
    }
    let differences = convergence::differences(&simulation.world, &simulation.instances());
    if differences.is_empty() {
        Ok(())
    } else {
        Err(violation(format!("converged, and then not any more:\n  {}", differences.join("\n  "))))
    }
}

/// A fresh instance that is given the recorded inputs gives the recorded outputs, also when the recording was bytes meanwhile.
fn replay(record: &Record) -> Result<(), String> {
    let bytes = record.recording.to_bytes();
    let recording = Recording::from_bytes(&bytes).map_err(|error| error.to_string())?;
    let instance = Instance::new(recording.config, recording.seed, recording.start);
    let mut instance = instance.map_err(|error| error.to_string())?;
    let mut outputs = Vec::new();
    for (at, input) in recording.inputs {
        outputs.extend(drain(&mut instance, at, input)?);
    }
    if outputs == record.outputs {
        Ok(())
    } else {
        Err("a replayed recording gives other outputs".to_owned())
    }
}
