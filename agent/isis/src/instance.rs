//! The router: what goes in, what comes out, and the order in which it does its work.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use braid_isis_packet::{BuildError, CircuitType, Level};
use braid_isis_route::Route;
use ipnet::Ipv4Net;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

use crate::{
    Circuit, CircuitId, Config, ConfigError, Database, Event, Instant, PerLevel, Rejection,
    adjacency::Mac,
    clock::earlier,
    origination::{Issue, Origination, View},
    rate::Bucket,
    routing,
};

/// Events of LSPs, which others can cause without end, in a second.
const LSP_EVENTS: u32 = 10;

/// How often routes and own LSPs may follow from each other in one turn; more happens in the next.
const ROUNDS: usize = 4;

/// What happens to a router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A PDU arrived.
    Packet {
        /// The circuit.
        circuit: CircuitId,
        /// The sender's address.
        source: Mac,
        /// The PDU, from after the LLC header: starts with 0x83. What follows its end is ignored.
        payload: Vec<u8>,
    },
    /// The time has come that [`Instance::poll_timeout`] named; harmless before.
    Timeout,
    /// A circuit of the configuration has a carrier, or not. All start without; loopbacks need one too.
    Carrier {
        /// The circuit.
        circuit: CircuitId,
        /// Whether packets can pass.
        up: bool,
        /// The interface's own address; of no meaning on a loopback.
        mac: Mac,
    },
    /// The configuration is this from now on. A wrong one is refused with an [`Event::ConfigRefused`].
    Configure(Box<Config>),
    /// A prefix from outside is to be announced so, or not any more.
    External {
        /// The prefix.
        prefix: Ipv4Net,
        /// How; `None`: not any more.
        route: Option<External>,
    },
    /// The router goes: it purges its LSPs and tells its neighbours. Nothing has an effect after that.
    Leave,
}

/// A prefix from outside of the routing domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Its metric.
    pub metric: u32,
    /// At which levels it is announced.
    pub level: CircuitType,
    /// Whether, with narrow metrics, its metric is of the external type, which counts before the way to this
    /// router.
    pub external: bool,
}

/// Whom a PDU is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// All routers of level 1 on a LAN.
    AllL1,
    /// All routers of level 2 on a LAN.
    AllL2,
    /// All routers, on a point-to-point circuit (RFC 5309 §4.1).
    AllIs,
}

/// What a router wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// Send a PDU.
    Transmit {
        /// The circuit.
        circuit: CircuitId,
        /// Whom it is for.
        group: Group,
        /// The PDU; the LLC header goes before it.
        payload: Vec<u8>,
    },
    /// The differences that one complete computation makes.
    Routes(Vec<RouteUpdate>),
    /// Something for the operator.
    Event(Event),
}

/// What a prefix's route is from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteUpdate {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// Its best route. One without next hops is the router's own: nothing for the kernel, which is as good as no route, unless
    /// [`RouteUpdate::discard`] says otherwise.
    pub new: Option<Route>,
    /// Whether packets for it that no longer prefix takes are to be dropped: it is a summary that this router says, and they
    /// would come back to it. The kernel needs a route for that.
    pub discard: bool,
}

/// A router. See the crate's documentation for how to drive it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    pub(crate) config: Config,
    pub(crate) circuits: BTreeMap<CircuitId, Circuit>,
    pub(crate) databases: PerLevel<Database>,
    pub(crate) externals: BTreeMap<Ipv4Net, External>,
    pub(crate) origination: PerLevel<Origination>,
    pub(crate) routing: routing::Engine,
    pub(crate) random: Pcg32,
    pub(crate) started: Instant,
    pub(crate) left: bool,
    /// Whether neighbours have changed since the routes know of them, and whether one was lost.
    pub(crate) neighbours_changed: Option<bool>,
    /// Whether LSPs were refused for want of room, and none was forgotten since.
    pub(crate) full: PerLevel<bool>,
    pub(crate) counters: InstanceCounters,
    /// Own summaries that the kernel was told to discard.
    pub(crate) discarded: BTreeSet<Ipv4Net>,
    lsp_events: Bucket,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) now: Instant,
}

/// What a router counts beyond its circuits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstanceCounters {
    /// Inputs taken.
    pub inputs: u64,
    /// Own LSPs said, with repetitions and purges.
    pub own_lsps: u64,
    /// Computations of routes.
    pub computations: u64,
    /// LSPs that were heard to be purged.
    pub purges: u64,
    /// PDUs that could not be built.
    pub unbuildable: u64,
    /// Events of LSPs that were left out because there were too many.
    pub events_left_out: u64,
}

impl Instance {
    /// A router whose circuits are all down. Two with the same seed and inputs do the same.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub fn new(config: Config, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut instance = Self {
            circuits: BTreeMap::new(),
            databases: PerLevel::default(),
            externals: BTreeMap::new(),
            origination: PerLevel::default(),
            routing: routing::Engine::new(&config),
            // Any odd stream will do.
            random: Pcg32::new(seed, 0x0a02_bdbf_7bb3_c0a7),
            started: now,
            left: false,
            neighbours_changed: None,
            full: PerLevel::default(),
            counters: InstanceCounters::default(),
            discarded: BTreeSet::new(),
            lsp_events: Bucket::default(),
            outputs: VecDeque::new(),
            now,
            config,
        };
        instance.arrange_circuits(now);
        instance.touch(now);
        instance.settle(now);
        Ok(instance)
    }

    /// Takes an input. After it, [`Instance::poll_output`] and [`Instance::poll_timeout`] may have something
    /// new. A time before that of the last input counts as that.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let now = now.max(self.now);
        self.now = now;
        self.counters.inputs += 1;
        if self.left {
            return;
        }
        match input {
            Input::Packet { circuit, source, payload } => self.receive(now, circuit, source, &payload),
            Input::Timeout => {}
            Input::Carrier { circuit, up, mac } => self.carrier(now, circuit, up, mac),
            Input::Configure(config) => self.configure(now, *config),
            Input::External { prefix, route } => self.external(now, prefix.trunc(), route),
            Input::Leave => return self.leave(now),
        }
        self.settle(now);
    }

    /// The next thing to do, in the order of its happening; `None` until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`]; `None`: not before another input.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.left {
            return None;
        }
        let mut next = self.routing.poll_timeout();
        for level in Level::ALL {
            next = earlier(next, self.databases[level].poll_timeout());
            next = earlier(next, self.origination[level].poll_timeout());
        }
        self.circuits
            .values()
            .filter(|circuit| circuit.up)
            .fold(next, |next, circuit| earlier(next, circuit.poll_timeout()))
    }

    /// Does all that is due: level-triggered, so that no input needs to know what follows from it.
    fn settle(&mut self, now: Instant) {
        self.expire_adjacencies(now);
        self.age(now);
        self.elect(now);
        if let Some(lost) = self.neighbours_changed.take() {
            self.routing.adjacencies(now, routing::adjacencies_of(&self.circuits), lost);
        }
        // Routes first: what one level hears of the other follows from them, and should go out with what
        // caused it.
        for _ in 0..ROUNDS {
            let is_computed = self.compute(now);
            if !self.originate(now) && !is_computed {
                break;
            }
        }
        self.revise_discards();
        self.say_hellos(now);
        self.send_sequence_numbers(now);
        self.send_lsps(now);
    }

    /// Computes routes if it is time. Gives whether it was.
    pub(crate) fn compute(&mut self, now: Instant) -> bool {
        let Some(changes) = self.routing.run(now) else { return false };
        self.counters.computations += 1;
        self.touch_by_routes(now, &changes);
        if !changes.is_empty() {
            let updates = changes.into_iter().map(|change| self.update_route(change.prefix, change.new));
            let updates = updates.collect();
            self.outputs.push_back(Output::Routes(updates));
        }
        true
    }

    /// Says what is to be said if it is time. Gives whether it was.
    pub(crate) fn originate(&mut self, now: Instant) -> bool {
        let mut was_due = false;
        for level in Level::ALL {
            if !self.origination[level].is_due(now) {
                continue;
            }
            was_due = true;
            let view = View::of(self, now, level);
            for issue in self.origination[level].run(now, &view, &mut self.random) {
                match issue {
                    Issue::Install(lsp) => {
                        self.counters.own_lsps += 1;
                        self.install(now, lsp);
                    }
                    Issue::Problem(problem) => self.tell(Event::Origination(problem)),
                }
            }
        }
        was_due
    }

    /// Own LSPs of both levels may have to say something else.
    pub(crate) fn touch(&mut self, now: Instant) {
        for level in self.config.level.levels() {
            self.origination[level].touch(now);
        }
    }

    fn external(&mut self, now: Instant, prefix: Ipv4Net, route: Option<External>) {
        let is_new = route.is_some() && !self.externals.contains_key(&prefix);
        if is_new && self.externals.len() >= self.config.limits.externals {
            self.tell_some(now, Event::ExternalsFull);
            return;
        }
        let old = match route {
            Some(route) => self.externals.insert(prefix, route),
            None => self.externals.remove(&prefix),
        };
        if old != route {
            self.touch(now);
        }
    }

    /// Purges own LSPs, and lets neighbours see that they are not heard any more.
    fn leave(&mut self, now: Instant) {
        self.left = true;
        for level in self.config.level.levels() {
            self.origination[level].touch_at_once(now);
        }
        self.originate(now);
        for circuit in self.circuits.values_mut() {
            for level in Level::ALL {
                circuit.flooding[level].pause(now);
            }
        }
        self.send_lsps(now);
        for circuit in self.circuits.values_mut() {
            circuit.neighbour = None;
            for level in Level::ALL {
                circuit.lans[level].neighbours.clear();
                circuit.hello_at[level] = circuit.hello_at[level].and(Some(now));
            }
        }
        self.say_hellos(now);
    }

    /// Sends a PDU on a circuit.
    pub(crate) fn transmit(&mut self, circuit: CircuitId, level: Level, payload: Vec<u8>) {
        let Some(on) = self.circuits.get_mut(&circuit) else { return };
        on.counters.sent += 1;
        let group = match (on.is_broadcast(), level) {
            (false, _) => Group::AllIs,
            (true, Level::One) => Group::AllL1,
            (true, Level::Two) => Group::AllL2,
        };
        self.outputs.push_back(Output::Transmit { circuit, group, payload });
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Tells of something that others can cause as often as they like.
    pub(crate) fn tell_some(&mut self, now: Instant, event: Event) {
        if self.lsp_events.take(now, LSP_EVENTS) {
            self.tell(event);
        } else {
            self.counters.events_left_out += 1;
        }
    }

    /// A PDU could not be built: a matter of the configuration, such as a password that is too long.
    pub(crate) fn tell_unbuildable(&mut self, circuit: CircuitId, error: &BuildError) {
        self.counters.unbuildable += 1;
        if self.may_tell(circuit, Rejection::Unbuildable) {
            self.tell(Event::Unbuildable { circuit, error: error.to_string() });
        }
    }

    /// Whether an operator has not been told of this for a minute.
    pub(crate) fn may_tell(&mut self, circuit: CircuitId, reason: Rejection) -> bool {
        let now = self.now;
        let Some(circuit) = self.circuits.get_mut(&circuit) else { return false };
        let is_news = circuit.told.get(&reason).is_none_or(|at| now.since(*at).as_secs() >= 60);
        if is_news {
            circuit.told.insert(reason, now);
        }
        is_news
    }
}
