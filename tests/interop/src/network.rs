//! A world in namespaces.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use braid_kernel::Netns;
use braid_world::{
    Change, End, Interface, RouterIndex, SegmentIndex, SegmentKind, World,
    isis::{Domain, Level, Levels},
};
use ipnet::Ipv4Net;

use crate::{
    Adjacency, Difference, Error, KernelRoutes, Kind, Protocol, Settings, compare,
    daemon::{Daemon, Task},
    kernel::{self, EXTERNAL_PROTOCOL, batch, ip},
    settings::system_id,
};

/// How long routers may take to come to the oracle's routes. Database exchanges that meet a restart, and BIRD's MinLSInterval, take
/// ten seconds or so; the rest is for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many differences an error tells.
const TOLD: usize = 12;

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

    /// What differs from the oracle's routes now, in the kernels and, where a kernel is right, by the daemons' account of costs.
    ///
    /// # Errors
    /// [`Error`]: something cannot be read.
    pub fn differences(&self) -> Result<Vec<Difference>, Error> {
        let tables = compare::installed(&self.world, &self.settings);
        let mut all = Vec::new();
        for (router, table) in &tables {
            all.extend(self.differences_of(*router, table)?);
        }
        Ok(all)
    }

    fn differences_of(&self, router: RouterIndex, table: &compare::Table) -> Result<Vec<Difference>, Error> {
        let mut ignored: BTreeSet<Ipv4Net> = self.world.connected(router);
        // Its own way out goes before a way to another router that announces the same.
        ignored.extend(self.world.router(router).externals.keys());
        // BIRD takes an interface without carrier as looped back, and announces its address as a host (RFC 2328 §9.1).
        for (n, segment) in self.world.segments.iter().enumerate() {
            let looped = segment.ends.iter().filter(|end| {
                self.kinds[end.router.0] == Kind::Bird && !self.world.has_carrier(SegmentIndex(n), end.router)
            });
            ignored.extend(looped.map(|end| Ipv4Net::from(end.address)));
        }
        let kind = self.kinds[router.0];
        let found = self.kernel_routes(router)?;
        let differences = compare::kernel(router, kind, table, &found, &ignored);
        if !differences.is_empty() {
            return Ok(differences);
        }
        Ok(compare::costs(router, kind, table, &self.daemons[router.0].costs()?))
    }

    /// Waits until every router has the oracle's routes.
    ///
    /// # Errors
    /// [`Error::Late`] with what differs after [`PATIENCE`].
    pub fn converge(&self) -> Result<(), Error> {
        self.converge_within(PATIENCE)
    }

    /// The same with a limit of one's own.
    ///
    /// # Errors
    /// [`Error::Late`] with what differs then.
    pub fn converge_within(&self, limit: Duration) -> Result<(), Error> {
        let tables = compare::installed(&self.world, &self.settings);
        wait_until("all routers have the oracle's routes", limit, || {
            let mut differences = Vec::new();
            for (router, table) in &tables {
                differences.extend(self.differences_of(*router, table)?);
                if !differences.is_empty() {
                    break;
                }
            }
            Ok(differences.first().map(ToString::to_string))
        })
        .map_err(|late| match (late, self.differences()) {
            (Error::Late { limit, .. }, Ok(differences)) => {
                let mut what = format!("all routers have the oracle's routes: {} differ", differences.len());
                for difference in differences.iter().take(TOLD) {
                    let _ = write!(what, "\n  {difference}");
                }
                Error::Late { what, limit }
            }
            (late, _) => late,
        })
    }

    /// Waits until two routers call each other full, or up, on a segment.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn adjacent(&self, segment: SegmentIndex, a: RouterIndex, b: RouterIndex) -> Result<(), Error> {
        let wanted = match self.settings.protocol() {
            Protocol::Ospf => "full",
            Protocol::Isis => "up",
        };
        wait_until(&format!("{a} and {b} are {wanted} on seg{}", segment.0), PATIENCE, || {
            for (here, there) in [(a, b), (b, a)] {
                let state = self.state(segment, here, there)?;
                if state != wanted {
                    return Ok(Some(format!("{here} sees {there} as {state}")));
                }
            }
            Ok(None)
        })
    }

    /// The state in which a router sees another on a segment; `absent` if it does not.
    ///
    /// # Errors
    /// [`Error`]: its daemon does not answer.
    pub fn state(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
    ) -> Result<String, Error> {
        let found = self.seen(segment, here, there)?.into_iter().next();
        Ok(found.map_or_else(|| "absent".to_owned(), |neighbour| neighbour.state))
    }

    /// Waits until a router sees another up on a segment at just these levels of IS-IS.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn wait_for_levels(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
        levels: Levels,
    ) -> Result<(), Error> {
        wait_until(&format!("{here} sees {there} up at {levels:?}"), PATIENCE, || {
            let up = self.seen(segment, here, there)?.into_iter().filter(|seen| seen.state == "up");
            let all = up.filter_map(|seen| seen.levels);
            let all = all.reduce(|one, other| if one == other { one } else { Levels::Both });
            Ok((all != Some(levels)).then(|| format!("it is {all:?}")))
        })
    }

    fn seen(
        &self,
        segment: SegmentIndex,
        here: RouterIndex,
        there: RouterIndex,
    ) -> Result<Vec<Adjacency>, Error> {
        let id = match self.settings.protocol() {
            Protocol::Ospf => self.world.router(there).id.to_string(),
            Protocol::Isis => system_id(there.0),
        };
        let interface = Interface::Segment(segment).to_string();
        let mut all = self.neighbours(here)?;
        all.retain(|neighbour| neighbour.router == id && neighbour.interface == interface);
        Ok(all)
    }
}

/// Looks again and again until `missing` gives nothing. Daemons that do not answer for the moment are looked at again.
///
/// # Errors
/// [`Error::Late`] with the condition and what was missing last.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    mut missing: impl FnMut() -> Result<Option<String>, Error>,
) -> Result<(), Error> {
    let begin = Instant::now();
    loop {
        let last = match missing() {
            Ok(None) => return Ok(()),
            Ok(Some(last)) => last,
            Err(error) => error.to_string(),
        };
        if begin.elapsed() > limit {
            return Err(Error::Late { what: format!("{what}: {last}"), limit });
        }
        thread::sleep(LOOK);
    }
}
