//! A world in namespaces.

mod convergence;

use std::{
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use braid_kernel::Netns;
use braid_world::{
    Change, End, Interface, RouterIndex, SegmentIndex, SegmentKind, World,
    isis::{Domain, Level},
};
use ipnet::Ipv4Net;

use crate::{
    Adjacency, Error, KernelRoutes, Kind, Settings,
    daemon::{Daemon, Task},
    kernel::{self, EXTERNAL_PROTOCOL, batch, ip},
};

pub(crate) use self::convergence::wait_until;

/// How long routers may take to come to the oracle's routes. Database exchanges that meet a restart, and BIRD's MinLSInterval, take
/// ten seconds or so; the rest is for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace that goes with its owner.
struct OwnNetns(Netns);

impl OwnNetns {
    fn create(name: &str) -> Result<Self, Error> {
        Ok(Self(Netns::create(name)?))
    }
}

impl Drop for OwnNetns {
    fn drop(&mut self) {
        if let Some(name) = self.0.name() {
            let _ = Netns::delete(name);
        }
    }
}

/// A directory that goes with its owner.
struct OwnDir(PathBuf);

impl Drop for OwnDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A world whose routers are daemons in namespaces of their own. Dropping it ends them and removes all traces.
pub struct Network {
    world: World,
    kinds: Vec<Kind>,
    settings: Settings,
    // Daemons end before their namespaces go: fields are dropped in this order.
    daemons: Vec<Daemon>,
    routers: Vec<OwnNetns>,
    switches: OwnNetns,
    dir: OwnDir,
}

impl Network {
    /// Builds a world and starts all its routers, which speak OSPF; `kinds` has as many entries as it has routers.
    ///
    /// # Errors
    /// [`Error`]; what was built by then is taken down.
    pub fn start(world: World, kinds: Vec<Kind>) -> Result<Self, Error> {
        let mut network = Self::build(world, kinds, Settings::default())?;
        network.start_all()?;
        Ok(network)
    }

    /// Builds a world without starting routers.
    ///
    /// # Errors
    /// [`Error`]; what was built by then is taken down.
    pub fn build(world: World, kinds: Vec<Kind>, settings: Settings) -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        world.validate()?;
        if let Some(domain) = &settings.domain {
            domain.validate(&world)?;
        }
        let name = format!("bi{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = OwnDir(PathBuf::from(format!("/run/braid-interop/{name}")));
        fs::create_dir_all(&dir.0).map_err(Error::system("make a run directory"))?;
        let switches = OwnNetns::create(&format!("{name}-switches"))?;
        let mut routers = Vec::new();
        let mut daemons = Vec::new();
        for (n, kind) in world.router_indices().zip(&kinds) {
            let netns = OwnNetns::create(&format!("{name}-{n}"))?;
            // The default of 20 caps the OSPF interfaces of a namespace.
            let parameters = [("net/ipv4/ip_forward", "1"), ("net/ipv4/igmp_max_memberships", "1000")];
            braid_kernel::sysctl::write_all(&netns.0, &parameters)?;
            let run = dir.0.join(n.to_string());
            fs::create_dir_all(&run).map_err(Error::system("make a run directory"))?;
            daemons.push(Daemon::new((*kind, settings.protocol()), n.to_string(), run, netns.0.clone()));
            routers.push(netns);
        }
        let network = Self { world, kinds, settings, daemons, routers, switches, dir };
        network.wire()?;
        Ok(network)
    }

    fn name_of(netns: &OwnNetns) -> &str {
        netns.0.name().unwrap_or_default()
    }

    /// Makes cables, switches and addresses.
    fn wire(&self) -> Result<(), Error> {
        let mut cables = String::new();
        let mut switches = String::new();
        for (n, segment) in self.world.segments.iter().enumerate() {
            let name = |end: usize| Self::name_of(&self.routers[segment.ends[end].router.0]);
            match segment.kind {
                SegmentKind::PointToPoint => {
                    let (a, b) = (name(0), name(1));
                    let _ =
                        writeln!(cables, "link add seg{n} netns {a} type veth peer name seg{n} netns {b}");
                }
                SegmentKind::Broadcast => {
                    let _ = writeln!(switches, "link add sw{n} type bridge mcast_snooping 0 forward_delay 0");
                    let _ = writeln!(switches, "link set sw{n} up");
                    for (at, end) in segment.ends.iter().enumerate() {
                        let (router, hub) = (name(at), Self::name_of(&self.switches));
                        let port = format!("p{n}-{}", end.router.0);
                        let _ = writeln!(
                            cables,
                            "link add seg{n} netns {router} type veth peer name {port} netns {hub}"
                        );
                        let _ = writeln!(switches, "link set {port} master sw{n}");
                        let _ = writeln!(switches, "link set {port} up");
                    }
                }
            }
        }
        for (n, netns) in self.world.router_indices().zip(&self.routers) {
            let mut lines = "link set lo up\n".to_owned();
            for (at, stub) in self.world.router(n).stubs.iter().enumerate() {
                let _ = write!(
                    lines,
                    "link add stub{at} type veth peer name far{at}\naddr add {} dev stub{at}\nlink set far{at} up\n\
                     link set stub{at} up\n",
                    stub.address(),
                );
            }
            batch(Some(&netns.0), &lines)?;
        }
        batch(None, &cables)?;
        batch(Some(&self.switches.0), &switches)?;
        for (n, netns) in self.world.router_indices().zip(&self.routers) {
            let mut lines = String::new();
            for (index, segment, end) in self.world.ends_of(n) {
                let interface = Interface::Segment(index);
                let _ = write!(
                    lines,
                    "addr add {}/{} dev {interface}\nlink set {interface} mtu {}\nlink set {interface} up\n",
                    end.address,
                    segment.prefix.prefix_len(),
                    self.settings.mtu(index, n),
                );
            }
            batch(Some(&netns.0), &lines)?;
        }
        for (n, segment) in self.world.segments.iter().enumerate() {
            for end in &segment.ends {
                if !self.world.has_carrier(SegmentIndex(n), end.router) {
                    self.set_cable(SegmentIndex(n), end.router, false)?;
                }
            }
        }
        for n in self.world.router_indices() {
            for prefix in self.world.router(n).externals.keys() {
                self.outside(n, *prefix, true)?;
            }
        }
        Ok(())
    }

    /// Gives a router's interface carrier, or takes it: by the switch's port, or the first end of a cable.
    fn set_cable(&self, index: SegmentIndex, router: RouterIndex, up: bool) -> Result<(), Error> {
        let state = if up { "up" } else { "down" };
        let segment = self.world.segment(index);
        match segment.kind {
            SegmentKind::Broadcast => {
                ip(&self.switches.0, &format!("link set p{}-{} {state}", index.0, router.0))
            }
            SegmentKind::PointToPoint => {
                let netns = &self.routers[segment.ends[0].router.0];
                ip(&netns.0, &format!("link set seg{} {state}", index.0))
            }
        }
        .map(drop)
    }

    /// Has a route of the outer world in a router's kernel, which FRR announces from there; or removes it.
    fn outside(&self, router: RouterIndex, prefix: Ipv4Net, there: bool) -> Result<(), Error> {
        let verb = if there { "replace" } else { "del" };
        let external = self.world.router(router).externals.get(&prefix);
        let to = match external.and_then(|external| external.forwarding) {
            Some(address) => format!("via {address}"),
            None => "dev stub0".to_owned(),
        };
        let to = if there { to } else { String::new() };
        ip(&self.routers[router.0].0, &format!("route {verb} {prefix} {to} proto {EXTERNAL_PROTOCOL}"))
            .map(drop)
    }

    /// Starts all routers that are up in the world, one right after the other.
    ///
    /// # Errors
    /// [`Error`]: a daemon does not start.
    pub fn start_all(&mut self) -> Result<(), Error> {
        for router in self.world.router_indices().collect::<Vec<_>>() {
            if self.world.router(router).up {
                self.start_router(router)?;
            }
        }
        Ok(())
    }

    /// Starts one router's daemon; gives when it listens.
    ///
    /// # Errors
    /// [`Error`]: it does not start.
    pub fn start_router(&mut self, router: RouterIndex) -> Result<(), Error> {
        let Self { world, settings, daemons, .. } = self;
        let dir = self.dir.0.join(router.to_string());
        daemons[router.0].start(&Task { world, router, settings, dir: &dir })
    }

    /// Kills a router's daemon without a word and starts it again.
    ///
    /// # Errors
    /// [`Error`]: it does not start.
    pub fn restart(&mut self, router: RouterIndex) -> Result<(), Error> {
        self.daemons[router.0].kill();
        self.start_router(router)
    }

    /// Changes the authentication of one end, in the running daemon (FRR: by a restart).
    ///
    /// # Errors
    /// [`Error`]: the daemon refuses.
    pub fn set_auth(
        &mut self,
        segment: SegmentIndex,
        router: RouterIndex,
        auth: crate::Auth,
    ) -> Result<(), Error> {
        self.settings.auth.insert((segment, router), auth);
        if self.kinds[router.0] == Kind::Frr {
            return self.restart(router);
        }
        let before = self.world.clone();
        self.reconfigure(&before, router)
    }

    /// Has areas, levels and leaks as in another domain, in the running daemons (FRR: by a restart).
    ///
    /// # Errors
    /// A daemon refuses, or the domain is not one of this world.
    pub fn set_domain(&mut self, domain: Domain) -> Result<(), Error> {
        domain.validate(&self.world)?;
        let before = self.settings.domain.replace(domain);
        for router in self.world.router_indices().collect::<Vec<_>>() {
            let told =
                |domain: &Option<Domain>| domain.as_ref().map(|it| (it.narrow, it.router(router).clone()));
            if !self.world.router(router).up || told(&before) == told(&self.settings.domain) {
                continue;
            }
            if self.kinds[router.0] == Kind::Frr {
                self.restart(router)?;
            } else {
                let world = self.world.clone();
                self.reconfigure(&world, router)?;
            }
        }
        Ok(())
    }

    fn reconfigure(&mut self, before: &World, router: RouterIndex) -> Result<(), Error> {
        let Self { world, settings, daemons, .. } = self;
        let dir = self.dir.0.join(router.to_string());
        daemons[router.0].reconfigure(before, &Task { world, router, settings, dir: &dir })
    }

    /// Lets something happen to the network.
    ///
    /// # Errors
    /// [`Error`]: it could not be done.
    pub fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let before = self.world.clone();
        if let Change::External(router, prefix, None) = *change {
            self.outside(router, prefix, false)?;
        }
        self.world.apply(change);
        match *change {
            Change::Segment(n, _) | Change::End(n, ..) => {
                let ends = self.world.segment(n).ends.clone();
                for end in ends {
                    let up = self.world.has_carrier(n, end.router);
                    if up != before.has_carrier(n, end.router) {
                        self.set_cable(n, end.router, up)?;
                    }
                }
                Ok(())
            }
            Change::Router(router, true) if !before.router(router).up => self.start_router(router),
            Change::Router(router, up) => {
                if !up {
                    self.daemons[router.0].kill();
                }
                Ok(())
            }
            Change::External(router, prefix, Some(_)) => {
                if self.world.router(router).up {
                    self.reconfigure(&before, router)?;
                }
                self.outside(router, prefix, true)
            }
            Change::Cost(_, router, _)
            | Change::StubRouter(router, _)
            | Change::External(router, _, None) => {
                if self.world.router(router).up {
                    self.reconfigure(&before, router)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who runs a router.
    #[must_use]
    pub fn kind(&self, router: RouterIndex) -> Kind {
        self.kinds[router.0]
    }

    /// The process ids of a router's daemons.
    #[must_use]
    pub fn pids(&self, router: RouterIndex) -> Vec<i32> {
        self.daemons[router.0].pids()
    }

    /// The namespace of a router.
    #[must_use]
    pub fn netns(&self, router: RouterIndex) -> &Netns {
        &self.routers[router.0].0
    }

    /// The daemons' routes in a router's kernel.
    ///
    /// # Errors
    /// [`Error`]: they cannot be read.
    pub fn kernel_routes(&self, router: RouterIndex) -> Result<KernelRoutes, Error> {
        kernel::routes(&self.routers[router.0].0)
    }

    /// A router's neighbours by its daemon's account.
    ///
    /// # Errors
    /// [`Error`]: it does not answer.
    pub fn neighbours(&self, router: RouterIndex) -> Result<Vec<Adjacency>, Error> {
        self.daemons[router.0].neighbours()
    }

    /// Designated router and backup on a segment, by address, by a router's daemon's account.
    ///
    /// # Errors
    /// [`Error`]: it does not answer.
    pub fn designated(
        &self,
        segment: SegmentIndex,
        router: RouterIndex,
    ) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
        self.daemons[router.0].designated(&Interface::Segment(segment).to_string())
    }

    /// Waits until a router is the designated one of a LAN at a level of IS-IS, and no other says so of itself.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn wait_for_designated(
        &self,
        segment: SegmentIndex,
        router: RouterIndex,
        level: Level,
    ) -> Result<(), Error> {
        let interface = Interface::Segment(segment).to_string();
        wait_until(&format!("{router} alone is designated on {interface}"), PATIENCE, || {
            let there =
                |end: &&End| self.world.router(end.router).up && self.world.has_carrier(segment, end.router);
            for end in self.world.segment(segment).ends.iter().filter(there) {
                let says = self.daemons[end.router.0].is_designated(&interface, level)?;
                if says != (end.router == router) {
                    let not = if says { "" } else { "not " };
                    return Ok(Some(format!("{} is {not}", end.router)));
                }
            }
            Ok(None)
        })
    }

    /// All that the daemons tell, for a failed test.
    #[must_use]
    pub fn account(&self, router: RouterIndex) -> String {
        self.daemons[router.0].account()
    }

    /// Waits until a router's daemon has said something with this word in it, in whatever case, on its standard streams.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn wait_for_output(&self, router: RouterIndex, word: &str) -> Result<(), Error> {
        wait_until(&format!("{router} says something of `{word}`"), PATIENCE, || {
            let said = self.daemons[router.0].output().to_lowercase();
            Ok((!said.contains(word)).then_some(said))
        })
    }
}
