//! A router in the shell, whatever its protocol: packets, links and external routes to inputs; outputs to packets, routes and log
//! lines.
//!
//! ```text
//!  file, links, kernel routes ──► Said ──┐                      ┌──► Protocol::carry_out ──► packets, log
//!                                        ├──► instance ── output┤
//!  Protocol::receive ── packets ─────────┘                      └──► RouteUpdate
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::Ipv4Net;
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use crate::{
    Clock, ConfigError, Engine, Link, Links, RouteMark, RouteUpdate, StartError,
    externals::{Announcement, Externals},
    file::{meaning, wrong},
    json,
};

/// Packets taken in one turn.
const RECEIVE_BATCH: usize = 64;

/// What a router has of its protocol: the instance, and what it is told and tells. Times are of [`crate::Clock`].
pub trait Protocol: Sized {
    /// The name of its process and of its files.
    const NAME: &'static str;
    /// What the user tells it.
    type File: DeserializeOwned;
    /// An external route in that.
    type External: Clone + PartialEq;
    /// What the instance is told of it.
    type Config: PartialEq;
    /// What the instance takes.
    type Input;
    /// What it gives.
    type Output;
    /// What packets come and go by.
    type Socket;

    /// What the instance is told of a file, with those interfaces that have an index; or what is wrong with it.
    fn convert(
        file: &Self::File,
        path: &Path,
        index: impl Fn(&str) -> Option<u32>,
    ) -> Result<Self::Config, ConfigError>;
    /// Where routes go.
    fn mark(file: &Self::File) -> RouteMark;
    /// The external routes of the file.
    fn externals(file: &Self::File) -> &BTreeMap<Ipv4Net, Self::External>;
    /// Whether kernel routes are announced.
    fn redistributes(file: &Self::File) -> bool;
    /// What a kernel route is announced as.
    fn redistribution(file: &Self::File, prefix: &Ipv4Net, protocol: u8) -> Option<Self::External>;
    /// After how long a silent neighbour counts as gone, at most.
    fn dead_interval(file: &Self::File) -> Duration;
    /// What differs and cannot change while it runs, by its name in the file.
    fn fixed(_before: &Self::File, _after: &Self::File) -> Option<&'static str> {
        None
    }

    /// An instance, unless the configuration is wrong as a whole.
    fn start(config: Self::Config, now_us: u64) -> Result<Self, String>;
    /// Its configuration.
    fn told(&self) -> &Self::Config;
    /// The indexes of its interfaces.
    fn interfaces(config: &Self::Config) -> BTreeSet<u32>;
    /// What it is told of an interface.
    fn carrier(config: &Self::Config, index: u32, link: &Link) -> Carrier;
    /// As an input.
    fn input(said: Said<Self>) -> Self::Input;
    /// Gives it an input.
    fn feed(&mut self, now_us: u64, input: Self::Input);
    /// Takes an output.
    fn next_output(&mut self) -> Option<Self::Output>;
    /// When it is to be told that it is time.
    fn due_us(&self) -> Option<u64>;
    /// Whether all neighbours know that it goes.
    fn is_gone(&self) -> bool;

    /// Opens the socket.
    fn open() -> Result<Self::Socket, StartError>;
    /// The socket's descriptor.
    fn descriptor(socket: &Self::Socket) -> BorrowedFd<'_>;
    /// The next packet, if one waits.
    fn receive(socket: &mut Self::Socket) -> io::Result<Option<Self::Input>>;
    /// Forgets an interface that is gone.
    fn forget(socket: &mut Self::Socket, index: u32);

    /// Makes the socket hear what the interfaces need, unless the instance says that by outputs.
    fn listen(_router: &mut Router<Self>, _config: &Self::Config) {}
    /// Does what the instance wants.
    fn carry_out(router: &mut Router<Self>, output: Self::Output);
    /// Whether all neighbours that may be expected have told what they know.
    fn is_settled(router: &Router<Self>) -> bool;
    /// Answers a question in JSON, or tells what is wrong with it.
    fn answer(router: &Router<Self>, now_us: u64, question: &str) -> Result<String, String>;
}

/// What an instance is told besides packets.
pub enum Said<P: Protocol> {
    /// It is time.
    Timeout,
    /// Say good-bye.
    Leave,
    /// Be this from now on.
    Configure(P::Config),
    /// An interface is so from now on.
    Carrier(u32, Carrier),
    /// Announce a prefix from outside, or no longer.
    External(Announcement<P::External>),
}

/// The state of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carrier {
    /// Whether packets can pass.
    pub up: bool,
    /// Its hardware address, where the protocol needs it.
    pub mac: [u8; 6],
}

/// A router with its socket.
pub struct Router<P: Protocol> {
    pub(crate) instance: P,
    pub(crate) file: P::File,
    path: PathBuf,
    pub(crate) socket: P::Socket,
    pub(crate) links: Links,
    /// What the instance was told of interfaces, by index.
    pub(crate) carriers: BTreeMap<u32, Carrier>,
    externals: Externals<P::External>,
    pub(crate) updates: Vec<RouteUpdate>,
    /// Packets that could not be sent, by an interface that is gone, down or without the address.
    pub(crate) send_errors: u64,
}

impl<P: Protocol> Router<P> {
    /// Reads the configuration and opens the socket. Interfaces are heard of by [`Engine::links`].
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(path: &Path, clock: Clock) -> Result<Self, StartError> {
        let file: P::File = json::read(path)?;
        let config = P::convert(&file, path, |_| None)?;
        let instance = P::start(config, clock.now_us());
        Ok(Self {
            instance: instance.map_err(|reason| meaning(path, wrong("configuration", reason)))?,
            file,
            path: path.to_owned(),
            socket: P::open()?,
            links: Links::new(),
            carriers: BTreeMap::new(),
            externals: Externals::new(),
            updates: Vec::new(),
            send_errors: 0,
        })
    }

    fn tell(&mut self, now_us: u64, said: Said<P>) {
        self.handle(now_us, P::input(said));
    }

    fn handle(&mut self, now_us: u64, input: P::Input) {
        self.instance.feed(now_us, input);
        while let Some(output) = self.instance.next_output() {
            P::carry_out(self, output);
        }
    }

    /// Tells the instance its configuration, as far as interfaces are there, and what came with it.
    fn configure(&mut self, now_us: u64) -> Result<(), ConfigError> {
        let index =
            |name: &str| self.links.iter().find(|(_, link)| link.name == name).map(|(index, _)| *index);
        let config = P::convert(&self.file, &self.path, index)?;
        let interfaces = P::interfaces(&config);
        self.carriers.retain(|index, _| interfaces.contains(index));
        let carrier = |index: u32| Some((index, P::carrier(&config, index, self.links.get(&index)?)));
        let carriers: Vec<(u32, Carrier)> = interfaces.into_iter().filter_map(carrier).collect();
        P::listen(self, &config);
        if *self.instance.told() != config {
            self.tell(now_us, Said::Configure(config));
        }
        for (index, carrier) in carriers {
            if self.carriers.insert(index, carrier).unwrap_or_default() != carrier {
                self.tell(now_us, Said::Carrier(index, carrier));
            }
        }
        Ok(())
    }

    /// Tells the instance the external routes that differ from what it was told.
    fn announce(&mut self, now_us: u64) {
        let of_file = P::externals(&self.file).iter();
        let of_file = of_file.map(|(prefix, external)| (prefix.trunc(), external.clone())).collect();
        let rule = |prefix: &Ipv4Net, protocol| P::redistribution(&self.file, prefix, protocol);
        for change in self.externals.changes(of_file, rule) {
            self.tell(now_us, Said::External(change));
        }
    }
}

impl<P: Protocol> Engine for Router<P> {
    const NAME: &'static str = P::NAME;

    fn mark(&self) -> RouteMark {
        P::mark(&self.file)
    }

    fn socket(&self) -> BorrowedFd<'_> {
        P::descriptor(&self.socket)
    }

    fn receive(&mut self, now_us: u64) -> bool {
        for _ in 0..RECEIVE_BATCH {
            match P::receive(&mut self.socket) {
                Ok(Some(packet)) => self.handle(now_us, packet),
                Ok(None) => return false,
                // Such as an ICMP error about a packet of ours, or an interface that went down, told once.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => debug!("receiving: {error}"),
            }
        }
        true
    }

    fn links(&mut self, now_us: u64, links: &Links) {
        for index in self.links.keys().filter(|index| !links.contains_key(index)) {
            P::forget(&mut self.socket, *index);
        }
        self.links.clone_from(links);
        if let Err(error) = self.configure(now_us) {
            warn!("{error}");
        }
        self.announce(now_us);
    }

    fn wake(&mut self, now_us: u64) {
        self.tell(now_us, Said::Timeout);
    }

    fn next_wake(&self) -> Option<u64> {
        self.instance.due_us()
    }

    fn take_routes(&mut self) -> Vec<RouteUpdate> {
        std::mem::take(&mut self.updates)
    }

    fn is_settled(&self) -> bool {
        P::is_settled(self)
    }

    fn dead_interval(&self) -> Duration {
        P::dead_interval(&self.file)
    }

    fn wants_kernel_routes(&self) -> bool {
        P::redistributes(&self.file)
    }

    fn kernel_route(&mut self, now_us: u64, prefix: Ipv4Net, protocol: Option<u8>) {
        self.externals.set_kernel(prefix, protocol);
        let of_file = P::externals(&self.file).get(&prefix).cloned();
        let rule = |prefix: &Ipv4Net, protocol| P::redistribution(&self.file, prefix, protocol);
        if let Some(change) = self.externals.change(prefix, of_file, rule) {
            self.tell(now_us, Said::External(change));
        }
    }

    fn reload(&mut self, now_us: u64, links: &Links) -> Result<(), ConfigError> {
        let file: P::File = json::read(&self.path)?;
        // Wrong, it changes nothing.
        P::convert(&file, &self.path, |_| None)?;
        let kernel = (P::mark(&file) != self.mark()).then_some("kernel");
        if let Some(about) = kernel.or_else(|| P::fixed(&self.file, &file)) {
            return Err(meaning(&self.path, wrong(about, "it changes by a restart only")));
        }
        self.file = file;
        if !self.wants_kernel_routes() {
            self.externals.forget_kernel();
        }
        self.links.clone_from(links);
        self.configure(now_us)?;
        self.announce(now_us);
        Ok(())
    }

    fn answer(&self, now_us: u64, question: &str) -> Result<String, String> {
        P::answer(self, now_us, question)
    }

    fn leave(&mut self, now_us: u64) {
        self.tell(now_us, Said::Leave);
    }

    fn has_left(&self) -> bool {
        self.instance.is_gone()
    }
}

/// What the instances, files and sockets of all engines say in the same words, by types of the same names: the engines share no
/// code, so that no trait can say it for them.
macro_rules! in_the_same_words {
    () => {
        const NAME: &'static str = NAME;
        type File = File;
        type External = External;
        type Config = Config;
        type Input = Input;
        type Output = Output;
        type Socket = Socket;

        fn convert(
            file: &File,
            path: &Path,
            index: impl Fn(&str) -> Option<u32>,
        ) -> Result<Config, ConfigError> {
            file.to_config(path, index)
        }

        fn mark(file: &File) -> RouteMark {
            file.kernel.mark(ROUTE_PROTOCOL, METRIC)
        }

        fn externals(file: &File) -> &BTreeMap<Ipv4Net, External> {
            &file.externals
        }

        fn redistributes(file: &File) -> bool {
            !file.redistribute.is_empty()
        }

        fn start(config: Config, now_us: u64) -> Result<Self, String> {
            Self::new(config, now_us, Instant(now_us)).map_err(|error| error.to_string())
        }

        fn told(&self) -> &Config {
            self.config()
        }

        fn feed(&mut self, now_us: u64, input: Input) {
            self.handle(Instant(now_us), input);
        }

        fn next_output(&mut self) -> Option<Output> {
            self.poll_output()
        }

        fn due_us(&self) -> Option<u64> {
            self.poll_timeout().map(|at| at.0)
        }

        fn is_gone(&self) -> bool {
            self.has_left()
        }

        fn open() -> Result<Socket, StartError> {
            Socket::open()
        }

        fn descriptor(socket: &Socket) -> BorrowedFd<'_> {
            socket.as_fd()
        }

        fn forget(socket: &mut Socket, index: u32) {
            socket.forget(index);
        }

        fn answer(router: &Router<Self>, now_us: u64, question: &str) -> Result<String, String> {
            super::answer::answer(router, Instant(now_us), question)
        }
    };
}
pub(crate) use in_the_same_words;
