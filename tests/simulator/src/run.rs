//! A scenario from start to end: faults, calm, convergence, quiet.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use braid_world::{Dice, RouterIndex, World};
use thiserror::Error;

use crate::{
    egress,
    isis::{self, Isis},
    ospf::{self, Ospf},
    plan::plan,
    protocol::Protocol,
    router::{Life, Router},
    scenario::{Protocols, Scenario},
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

impl Summary {
    /// Two virtual networks of one physical network.
    fn and(&self, other: &Self) -> Self {
        Self {
            routers: self.routers,
            events: self.events + other.events,
            packets: self.packets + other.packets,
            virtual_s: self.virtual_s.max(other.virtual_s),
            converged_s: self.converged_s.max(other.converged_s),
            hash: other.hash,
        }
    }
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
    let ospf = |world: &World| Ospf {
        settings: ospf::Settings::draw(world, &mut Dice::new(scenario.seed ^ 0x7365_7474)),
        seed: scenario.seed,
    };
    let isis = |world: &World, domain| {
        let settings = isis::Settings::draw(world, &domain, &mut Dice::new(scenario.seed ^ 0x6973_6973));
        Isis { domain, settings }
    };
    match scenario.protocols {
        Protocols::Ospf => {
            let world = scenario.world();
            let protocol = ospf(&world);
            Ok(live(scenario, world, protocol, trace)?.1)
        }
        Protocols::Isis => {
            let (world, domain) = scenario.isis_world();
            let protocol = isis(&world, domain);
            Ok(live(scenario, world, protocol, trace)?.1)
        }
        Protocols::Mixed => {
            let (world, domain) = scenario.mixed_world();
            let protocols = (ospf(&world), isis(&world, domain));
            let (mut one, first) = live(scenario, world.clone(), protocols.0, trace)?;
            let trace = std::mem::take(&mut one.trace);
            let (two, second) = live(scenario, world, protocols.1, trace)?;
            let differences = egress::differences(&one, &two);
            if differences.is_empty() {
                return Ok(first.and(&second));
            }
            let what = format!("the virtual networks disagree:\n  {}", differences.join("\n  "));
            Err(Violation { at_us: two.now_us, what })
        }
    }
}

/// All that happens to one virtual network.
fn live<P: Protocol>(
    scenario: &Scenario,
    world: World,
    protocol: P,
    trace: Trace,
) -> Result<(Simulation<P>, Summary), Violation> {
    let faults_us = scenario.fault_seconds() * SECOND_US;
    let plan = plan(&world, scenario.seed, &scenario.kinds, faults_us);
    let mut simulation = Simulation::new(world, protocol, scenario.seed, plan, trace);
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
    if let Some(life) = &simulation.nodes[0].record {
        replay(life).map_err(|what| Violation { at_us: simulation.now_us, what })?;
    }
    let summary = Summary {
        routers: simulation.nodes.len(),
        events: simulation.events,
        packets: simulation.packets(),
        virtual_s: (simulation.now_us - start_us) / SECOND_US,
        converged_s,
        hash: simulation.trace.hash(),
    };
    Ok((simulation, summary))
}

fn converge<P: Protocol>(simulation: &mut Simulation<P>) -> Result<u64, Violation> {
    let patience_s = simulation.protocol.patience_s();
    for second in 1..=patience_s {
        simulation.run(SECOND_US)?;
        if simulation.differences().is_empty() {
            return Ok(second);
        }
    }
    let differences = simulation.differences().join("\n  ");
    let what = format!("not converged {patience_s} s after the faults:\n  {differences}");
    Err(Violation { at_us: simulation.now_us, what })
}

/// Longer than TranslatorStabilityInterval (RFC 3101 §3.1), after which translated LSAs of a former translator go.
const SETTLE_US: u64 = 45 * SECOND_US;

/// A converged network stays so, and is quiet: nobody floods but to refresh. Some seeds stay for two hours, in which every LSA is
/// refreshed and would otherwise come of age.
fn quiet<P: Protocol>(simulation: &mut Simulation<P>, seed: u64) -> Result<(), Violation> {
    simulation.run(SETTLE_US)?;
    let long = Dice::new(seed ^ 8).below(16) == 0 && simulation.nodes.len() < 12;
    let updates = |simulation: &Simulation<P>| -> u64 {
        simulation.instances().into_iter().flatten().map(Router::news).sum()
    };
    let before = updates(simulation);
    simulation.run(if long { 7200 } else { 20 } * SECOND_US)?;
    let sent = updates(simulation) - before;
    let violation = |what| Violation { at_us: simulation.now_us, what };
    if sent > 0 && !long {
        return Err(violation(format!("{sent} updates were sent in 20 s of a converged network")));
    }
    let differences = simulation.differences();
    if differences.is_empty() {
        Ok(())
    } else {
        Err(violation(format!("converged, and then not any more:\n  {}", differences.join("\n  "))))
    }
}

/// A fresh instance that is given the recorded inputs gives the recorded outputs, also when the recording was bytes meanwhile.
fn replay<R: Router>(life: &Life<R>) -> Result<(), String> {
    if R::replay(life)? == life.outputs {
        Ok(())
    } else {
        Err("a replayed recording gives other outputs".to_owned())
    }
}
