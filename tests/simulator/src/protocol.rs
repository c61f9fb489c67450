//! What the simulator must know of a routing protocol: how routers are told of their world, how packets find their way, and what
//! must hold of both.

use std::{fmt::Debug, net::Ipv4Addr};

use braid_world::{External, Interface, RouterIndex, SegmentIndex, World};
use ipnet::Ipv4Net;

use crate::router::Router;

/// A packet on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<E> {
    /// What it bears outside its payload: who sent it, and to whom.
    pub envelope: E,
    /// The protocol's own bytes.
    pub payload: Vec<u8>,
}

/// What a packet does where it arrives.
pub enum Received<P: Protocol> {
    /// It is for the router's process.
    Input(<P::Router as Router>::Input),
    /// It is for somebody else, and the kernel forwards it.
    Forward(Packet<P::Envelope>),
    /// It ends.
    Nothing,
}

/// What an output does.
pub enum Effect<P: Protocol> {
    /// A packet leaves by an interface.
    Transmit(Interface, Packet<P::Envelope>),
    /// The kernel is told of routes, or that there are none.
    Routes(Vec<(Ipv4Net, Option<<P::Router as Router>::Route>)>),
    /// The process listens to these groups on a segment.
    Listen(SegmentIndex, P::Groups),
    /// Nothing.
    Nothing,
}

/// How unkind the network may be to a protocol's packets without asking of it what it cannot give.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether a packet must not be overtaken, nor come again later.
    pub keeps_order: fn(&[u8]) -> bool,
    /// Makes of any bytes something that gets past the first look.
    pub disguise: fn(&mut [u8], number: u8),
    /// Puts back what nobody could notice to be damaged, and what would outlast any wait.
    pub spare: fn(sent: &[u8], damaged: &mut Vec<u8>),
}

/// A routing protocol with its settings in a world.
pub trait Protocol: Sized {
    /// Its routers.
    type Router: Router;
    /// What its packets bear outside their payload.
    type Envelope: Clone + PartialEq + Debug;
    /// The multicast groups that a process listens to on a segment.
    type Groups: Copy + Default;
    /// How unkind the network may be.
    const RULES: Rules;

    /// What one router of the world is told.
    fn config(&self, world: &World, router: RouterIndex) -> <Self::Router as Router>::Config;
    /// The same without adjacencies that do not end with one carrier.
    fn bare_config(&self, world: &World, router: RouterIndex) -> <Self::Router as Router>::Config {
        self.config(world, router)
    }
    /// The input for a carrier that comes or goes.
    fn carrier(&self, router: RouterIndex, interface: Interface, up: bool)
    -> <Self::Router as Router>::Input;
    /// The input for an external route that is to be announced, or not any more.
    fn external(
        &self,
        router: RouterIndex,
        prefix: Ipv4Net,
        external: Option<&External>,
    ) -> <Self::Router as Router>::Input;
    /// What else a process is given at its start.
    fn extras(&self, world: &World, router: RouterIndex) -> Vec<<Self::Router as Router>::Input>;

    /// What a packet does where it arrives.
    fn receive(
        &self,
        world: &World,
        router: RouterIndex,
        segment: SegmentIndex,
        packet: Packet<Self::Envelope>,
    ) -> Received<Self>;
    /// What an output does.
    fn effect(&self, router: RouterIndex, output: <Self::Router as Router>::Output) -> Effect<Self>;
    /// For whom a packet is, if for one.
    fn destination(envelope: &Self::Envelope) -> Option<Ipv4Addr>;
    /// Whether a packet for one may travel over several routers.
    fn travels(envelope: &Self::Envelope) -> bool;
    /// Whether one who listens to these groups hears a packet for many.
    fn hears(groups: Self::Groups, envelope: &Self::Envelope) -> bool;
    /// The ways of a route, where they lead to another router.
    fn next_hops(route: &<Self::Router as Router>::Route) -> Vec<(SegmentIndex, Ipv4Addr)>;

    /// Checks a packet that a router sends.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_packet(
        &self,
        router: &Self::Router,
        interface: Interface,
        packet: &Packet<Self::Envelope>,
    ) -> Result<(), String>;
    /// Differences between a world and the routers that should have converged in it.
    fn differences(&self, world: &World, routers: &[Option<&Self::Router>]) -> Vec<String>;
    /// How many virtual seconds a network may take to converge.
    fn patience_s(&self) -> u64;
}
