//! A world of routers on a virtual clock.

use std::collections::{BTreeMap, BTreeSet};

use braid_world::{Change, Dice, External, Interface, RouterIndex, SegmentIndex, World};
use ipnet::Ipv4Net;

use crate::{
    network::{Arrival, Network, Passed, Weather},
    node::Node,
    plan::{Fault, Plan},
    protocol::{Effect, Packet, Protocol, Received},
    queue::Queue,
    router::{Life, Router},
    trace::Trace,
};

/// What a router is given.
type Input<P> = <<P as Protocol>::Router as Router>::Input;

/// A rule was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When, in microseconds.
    pub at_us: u64,
    /// What, and at which router if at one.
    pub what: String,
}

enum Event<E> {
    Start(RouterIndex),
    Fault(Fault),
    Arrive(Box<Arrival<E>>),
    Wake(RouterIndex),
}

/// What a router's process had when it was put aside.
struct Saved<P: Protocol> {
    snapshot: Vec<u8>,
    fib: BTreeMap<Ipv4Net, <P::Router as Router>::Route>,
    groups: Vec<(SegmentIndex, P::Groups)>,
}

/// A world of routers, and what happens to it.
pub struct Simulation<P: Protocol> {
    /// The world as it is now.
    pub world: World,
    /// The protocol, and what all routers have set alike.
    pub protocol: P,
    /// What happened.
    pub trace: Trace,
    /// The virtual clock, in microseconds.
    pub now_us: u64,
    /// Events so far.
    pub events: u64,
    /// The routers, by index.
    pub nodes: Vec<Node<P::Router>>,
    network: Network<P>,
    saved: Vec<Option<Saved<P>>>,
    queue: Queue<Event<P::Envelope>>,
    seed: u64,
    most_per_second: u32,
    /// Goes on from a saved state, and does not know all carriers yet.
    waking: Option<RouterIndex>,
    /// Every prefix that anybody may announce.
    externals: BTreeSet<Ipv4Net>,
}

impl<P: Protocol> Simulation<P> {
    /// A world whose routers start in the first three seconds, and in which `plan` happens.
    #[must_use]
    pub fn new(world: World, protocol: P, seed: u64, plan: Plan, trace: Trace) -> Self {
        let mut dice = Dice::new(seed ^ 0x73_696d);
        let start_us = dice.below(1 << 40) as u64;
        let mut queue = Queue::default();
        for index in world.router_indices() {
            queue.push(start_us + dice.below(3_000_000) as u64, Event::Start(index));
        }
        for (after_us, fault) in plan {
            queue.push(start_us + after_us, Event::Fault(fault));
        }
        let routers = world.routers.len();
        Self {
            network: Network::new(&world, dice),
            nodes: world.routers.iter().map(|_| Node::default()).collect(),
            saved: world.routers.iter().map(|_| None).collect(),
            protocol,
            trace,
            now_us: start_us,
            events: 0,
            queue,
            seed,
            waking: None,
            externals: world.routers.iter().flat_map(|router| router.externals.keys().copied()).collect(),
            most_per_second: 4_000 + 100 * routers as u32,
            world,
        }
    }

    /// Keeps what a router is given and gives, from its next start on.
    pub fn record(&mut self, router: RouterIndex) {
        self.nodes[router.0].keeps_record = true;
    }

    /// Lets everything happen that is due within `length_us` from now.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn run(&mut self, length_us: u64) -> Result<(), Violation> {
        let until_us = self.now_us + length_us;
        while let Some((at_us, event)) = self.queue.pop(until_us) {
            self.now_us = at_us;
            self.events += 1;
            self.happen(event).map_err(|what| Violation { at_us, what })?;
        }
        self.now_us = until_us;
        Ok(())
    }

    /// Checks every router.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), Violation> {
        for (n, node) in self.nodes.iter().enumerate() {
            node.check().map_err(|what| Violation { at_us: self.now_us, what: format!("r{n}: {what}") })?;
        }
        Ok(())
    }

    /// Checks the kernel tables of every router, which is fair while no computation of routes is due.
    ///
    /// # Errors
    /// The first difference between a kernel and its router.
    pub fn check_kernels(&self) -> Result<(), Violation> {
        for (n, node) in self.nodes.iter().enumerate() {
            node.check_kernel()
                .map_err(|what| Violation { at_us: self.now_us, what: format!("r{n}: {what}") })?;
        }
        Ok(())
    }

    /// The engines of the running routers, by index.
    #[must_use]
    pub fn instances(&self) -> Vec<Option<&P::Router>> {
        self.nodes.iter().map(|node| node.instance.as_ref()).collect()
    }

    /// Differences between the world and the routers that should have converged in it.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        self.protocol.differences(&self.world, &self.instances())
    }

    /// Packets put on segments so far.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.network.packets
    }

    fn happen(&mut self, event: Event<P::Envelope>) -> Result<(), String> {
        match event {
            Event::Start(router) => self.start(router),
            Event::Fault(fault) => {
                self.trace.line(self.now_us, &fault);
                self.fault(fault)
            }
            Event::Arrive(arrival) => self.arrive(*arrival),
            Event::Wake(router) => {
                let node = &mut self.nodes[router.0];
                if node.wake_us != Some(self.now_us) {
                    return Ok(());
                }
                node.wake_us = None;
                self.feed(router, P::Router::timeout())
            }
        }
    }

    fn fault(&mut self, fault: Fault) -> Result<(), String> {
        match fault {
            Fault::Change(change) => self.change(&change),
            Fault::Silence(segment, silent) => {
                self.network.silence(segment, silent);
                Ok(())
            }
            Fault::Weather(weather) => {
                self.network.set_weather(weather);
                Ok(())
            }
            Fault::Replay => {
                if let Some(passed) = self.network.repeat() {
                    self.put(passed);
                }
                Ok(())
            }
            Fault::Forge => {
                if let Some(passed) = self.network.forge() {
                    self.put(passed);
                }
                Ok(())
            }
            Fault::Save(router) => self.save(router),
            Fault::Restore(router) => self.restore(router),
            Fault::Clone(router) => self.clone_router(router),
            Fault::Leave(router) => {
                self.feed(router, P::Router::leave())?;
                self.change(&Change::Router(router, false))
            }
            Fault::Calm { mend } => self.calm(mend),
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), String> {
        let carriers_before = self.carriers(change);
        self.world.apply(change);
        match *change {
            Change::Segment(..) | Change::End(..) => {
                for ((segment, router, before), (.., after)) in
                    carriers_before.into_iter().zip(self.carriers(change))
                {
                    if before != after {
                        let input = self.protocol.carrier(router, Interface::Segment(segment), after);
                        self.feed(router, input)?;
                    }
                }
                Ok(())
            }
            Change::Cost(_, router, _) | Change::StubRouter(router, _) => {
                let config = self.protocol.config(&self.world, router);
                self.feed(router, P::Router::configure(config))
            }
            Change::External(router, prefix, route) => {
                let input = self.protocol.external(router, prefix, route.as_ref());
                self.feed(router, input)
            }
            Change::Router(router, true) => self.start(router),
            Change::Router(router, false) => {
                self.network.leave(router);
                let node = &mut self.nodes[router.0];
                (node.instance, node.shadow, node.wake_us) = (None, None, None);
                Ok(())
            }
        }
    }

    /// Who has carrier on the segment that a change is about.
    fn carriers(&self, change: &Change) -> Vec<(SegmentIndex, RouterIndex, bool)> {
        let (Change::Segment(n, _) | Change::End(n, ..)) = *change else { return Vec::new() };
        let ends = self.world.segment(n).ends.iter();
        ends.map(|end| (n, end.router, self.world.has_carrier(n, end.router))).collect()
    }

    fn start(&mut self, router: RouterIndex) -> Result<(), String> {
        if self.nodes[router.0].instance.is_some() || !self.world.router(router).up {
            return Ok(());
        }
        let config = self.protocol.config(&self.world, router);
        let node = &mut self.nodes[router.0];
        node.starts += 1;
        node.fib.clear();
        let seed = self.seed ^ (router.0 as u64) << 32 ^ node.starts;
        let start_us = self.now_us;
        let instance =
            P::Router::start(&config, seed, start_us).map_err(|error| format!("{router}: {error}"))?;
        let life = Life { config, seed, start_us, inputs: Vec::new(), outputs: Vec::new() };
        node.record = node.keeps_record.then_some(life);
        node.instance = Some(instance);
        self.tell_surroundings(router, &BTreeSet::new())?;
        let extras = self.protocol.extras(&self.world, router);
        extras.into_iter().try_for_each(|extra| self.feed(router, extra))
    }

    /// Tells a router its carriers and external routes; those in `gone` are none any more.
    fn tell_surroundings(&mut self, router: RouterIndex, gone: &BTreeSet<Ipv4Net>) -> Result<(), String> {
        let segments = self
            .world
            .ends_of(router)
            .map(|(n, ..)| (Interface::Segment(n), self.world.has_carrier(n, router)));
        let stubs = (0..self.world.router(router).stubs.len()).map(|n| (Interface::Stub(n), true));
        let carriers: Vec<_> = segments.chain(stubs).collect();
        for (interface, up) in carriers {
            let input = self.protocol.carrier(router, interface, up);
            self.feed(router, input)?;
        }
        let externals = self.world.router(router).externals.clone();
        for prefix in gone.iter().filter(|prefix| !externals.contains_key(*prefix)) {
            self.tell_external(router, *prefix, None)?;
        }
        for (prefix, route) in externals {
            self.tell_external(router, prefix, Some(&route))?;
        }
        Ok(())
    }

    fn tell_external(
        &mut self,
        router: RouterIndex,
        prefix: Ipv4Net,
        external: Option<&External>,
    ) -> Result<(), String> {
        let input = self.protocol.external(router, prefix, external);
        self.feed(router, input)
    }

    fn save(&mut self, router: RouterIndex) -> Result<(), String> {
        let node = &self.nodes[router.0];
        if let Some(instance) = &node.instance {
            let saved = Saved {
                snapshot: instance.save().map_err(|error| format!("{router}: {error}"))?,
                fib: node.fib.clone(),
                groups: self.network.groups(router),
            };
            self.saved[router.0] = Some(saved);
        }
        Ok(())
    }

    fn restore(&mut self, router: RouterIndex) -> Result<(), String> {
        let Some(saved) = self.saved[router.0].take() else { return Ok(()) };
        if self.nodes[router.0].instance.is_none() {
            return Ok(());
        }
        let instance = P::Router::load(&saved.snapshot).map_err(|error| format!("{router}: {error}"))?;
        self.network.leave(router);
        for (segment, groups) in saved.groups {
            self.network.join(router, segment, groups);
        }
        let node = &mut self.nodes[router.0];
        (node.instance, node.shadow, node.fib, node.wake_us) = (Some(instance), None, saved.fib, None);
        node.record = None;
        let gone = self.externals.clone();
        self.waking = Some(router);
        // Its neighbours know more of it than it does: their adjacencies have to begin anew, also those that
        // would live on over one segment while another is down.
        let bare = self.protocol.bare_config(&self.world, router);
        self.feed(router, P::Router::configure(bare))?;
        let segments: Vec<_> = self.world.ends_of(router).map(|(n, ..)| Interface::Segment(n)).collect();
        for interface in segments {
            let input = self.protocol.carrier(router, interface, false);
            self.feed(router, input)?;
        }
        self.tell_surroundings(router, &gone)?;
        self.waking = None;
        let config = self.protocol.config(&self.world, router);
        self.feed(router, P::Router::configure(config))
    }

    fn clone_router(&mut self, router: RouterIndex) -> Result<(), String> {
        let node = &mut self.nodes[router.0];
        if let Some(instance) = node.instance.take() {
            let copy = instance.save().and_then(|bytes| P::Router::load(&bytes));
            let shadow = copy.map_err(|error| format!("{router}: {error}"))?;
            (node.instance, node.shadow) = (Some(instance.clone()), Some(shadow));
        }
        Ok(())
    }

    fn calm(&mut self, mend: bool) -> Result<(), String> {
        self.network.set_weather(Weather::default());
        for n in 0..self.world.segments.len() {
            self.network.silence(SegmentIndex(n), false);
        }
        if !mend {
            return Ok(());
        }
        let segments: Vec<_> =
            self.world.segments.iter().enumerate().map(|(n, s)| (SegmentIndex(n), s.ends.clone())).collect();
        for (n, ends) in segments {
            self.change(&Change::Segment(n, true))?;
            for end in ends {
                self.change(&Change::End(n, end.router, true))?;
            }
        }
        for router in self.world.router_indices() {
            self.change(&Change::Router(router, true))?;
        }
        Ok(())
    }

    fn arrive(&mut self, arrival: Arrival<P::Envelope>) -> Result<(), String> {
        let Arrival { router, segment, packet, .. } = arrival;
        if !self.world.router(router).up || !self.world.has_carrier(segment, router) {
            return Ok(());
        }
        match self.protocol.receive(&self.world, router, segment, packet) {
            Received::Input(input) => return self.feed(router, input),
            // A packet for somebody else travels on by the kernel's routes.
            Received::Forward(packet) if self.nodes[router.0].instance.is_some() => {
                self.route(router, None, packet);
            }
            Received::Forward(_) | Received::Nothing => {}
        }
        Ok(())
    }

    /// Sends a packet for many onto a segment, and one for one to where it is local, or else to where the kernel's route leads;
    /// by the interface that the sender chose if that is one of the ways.
    fn route(&mut self, router: RouterIndex, by: Option<SegmentIndex>, packet: Packet<P::Envelope>) {
        let Some(destination) = P::destination(&packet.envelope) else {
            if let Some(segment) = by {
                self.put((segment, router, packet));
            }
            return;
        };
        let local = |n: &SegmentIndex| {
            self.world.segment(*n).prefix.contains(&destination) && self.world.has_carrier(*n, router)
        };
        let attached = self.world.ends_of(router).map(|(n, ..)| n);
        let direct = by.filter(local).or_else(|| attached.into_iter().find(local));
        let hop = direct.map(|n| (n, destination)).or_else(|| {
            let hops = P::next_hops(self.nodes[router.0].lookup(destination)?);
            hops.iter().find(|(n, _)| by == Some(*n)).or(hops.first()).copied()
        });
        if let Some((segment, gateway)) = hop {
            let way = (packet, Some(gateway));
            let arrivals = self.network.send(&self.world, self.now_us, router, segment, way);
            self.schedule(arrivals);
        }
    }

    /// Puts a packet on a segment.
    fn put(&mut self, (segment, from, packet): Passed<P::Envelope>) {
        let gateway = P::destination(&packet.envelope);
        let arrivals = self.network.send(&self.world, self.now_us, from, segment, (packet, gateway));
        self.schedule(arrivals);
    }

    fn schedule(&mut self, arrivals: Vec<Arrival<P::Envelope>>) {
        for arrival in arrivals {
            self.queue.push(arrival.at_us, Event::Arrive(Box::new(arrival)));
        }
    }

    fn feed(&mut self, router: RouterIndex, input: Input<P>) -> Result<(), String> {
        self.trace.input::<P::Router>(self.now_us, router, &input);
        let outputs = self.nodes[router.0]
            .feed(self.now_us, input, self.most_per_second)
            .map_err(|what| format!("{router}: {what}"))?;
        for output in outputs {
            self.trace.output::<P::Router>(self.now_us, router, &output);
            match self.protocol.effect(router, output) {
                Effect::Transmit(interface, packet) => self.transmit(router, interface, packet)?,
                Effect::Routes(updates) => self.nodes[router.0].install(updates),
                Effect::Listen(segment, groups) => self.network.join(router, segment, groups),
                Effect::Nothing => {}
            }
        }
        let node = &mut self.nodes[router.0];
        let due_us = node.instance.as_ref().and_then(Router::due_us).map(|at_us| at_us.max(self.now_us));
        if due_us != node.wake_us {
            node.wake_us = due_us;
            if let Some(due_us) = due_us {
                self.queue.push(due_us, Event::Wake(router));
            }
        }
        Ok(())
    }

    fn transmit(
        &mut self,
        router: RouterIndex,
        interface: Interface,
        packet: Packet<P::Envelope>,
    ) -> Result<(), String> {
        if let Some(instance) = &self.nodes[router.0].instance {
            self.protocol
                .check_packet(instance, interface, &packet)
                .map_err(|what| format!("{router} sent a bad packet by {interface}: {what}"))?;
        }
        let Interface::Segment(segment) = interface else {
            return Err(format!("{router} sent a packet by {interface}, which is no segment"));
        };
        // A virtual link learns by the next computation that its way is gone.
        let travels = P::travels(&packet.envelope);
        if !self.world.has_carrier(segment, router) && self.waking != Some(router) && !travels {
            return Err(format!("{router} sent a packet by {interface}, which has no carrier"));
        }
        self.route(router, Some(segment), packet);
        Ok(())
    }
}
