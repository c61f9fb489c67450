//! The speaker on a raw socket.

use std::{
    io::{self, Read},
    mem,
    net::{Ipv4Addr, SocketAddrV4},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use braid_kernel::Netns;
use braid_ospf_packet::Lsa;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{InjectorError, Speaker, State};

const OSPF: i32 = 89;
const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// How often the speaker's timers are looked at when nothing is heard.
const TICK: Duration = Duration::from_millis(50);
/// Room for what a router sends at once.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How far the injector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The adjacency.
    pub state: State,
    /// LSAs given to the router's requests.
    pub given: usize,
    /// LSAs flooded and not acknowledged yet.
    pub unacknowledged: usize,
}

struct Shared {
    speaker: Mutex<(Speaker, Option<InjectorError>)>,
    socket: Socket,
    begin: Instant,
    stop: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Speaker, Option<InjectorError>)> {
        self.speaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, packets: &[Vec<u8>]) -> Result<(), InjectorError> {
        let group = SockAddr::from(SocketAddrV4::new(ALL_SPF_ROUTERS, 0));
        for packet in packets {
            self.socket.send_to(packet, &group).map_err(failed("send on"))?;
        }
        Ok(())
    }

    fn run(&self) {
        let mut buffer = vec![0; 1 << 16];
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.turn(&mut buffer) {
                self.lock().1 = Some(error);
                return;
            }
        }
    }

    fn turn(&self, buffer: &mut [u8]) -> Result<(), InjectorError> {
        let length = match (&self.socket).read(buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(error) => return Err(failed("read from")(error)),
        };
        let now = self.begin.elapsed();
        let mut guard = self.lock();
        let mut packets = match payload(&buffer[..length]) {
            Some(payload) => guard.0.receive(now, payload)?,
            None => Vec::new(),
        };
        packets.extend(guard.0.tick(now)?);
        self.send(&packets)
    }
}

/// A raw socket gives the IP header, too.
fn payload(packet: &[u8]) -> Option<&[u8]> {
    let words = usize::from(packet.first()? & 0x0f);
    packet.get(4 * words..)
}

fn failed(operation: &'static str) -> impl Fn(io::Error) -> InjectorError {
    move |source| InjectorError::Socket { operation, source }
}

/// A [`Speaker`] at work on a thread of its own, until it is dropped.
pub struct Injector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Injector {
    /// Starts to speak on the interface that has `address` in a namespace.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] or [`InjectorError::Netns`] if the raw socket cannot be had.
    pub fn start(netns: &Netns, address: Ipv4Addr, speaker: Speaker) -> Result<Self, InjectorError> {
        let socket = netns.run(|| open(address))?.map_err(failed("open"))?;
        let shared = Arc::new(Shared {
            speaker: Mutex::new((speaker, None)),
            socket,
            begin: Instant::now(),
            stop: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        Ok(Self { shared, thread: Some(thread::spawn(move || own.run())) })
    }

    /// How far it is.
    ///
    /// # Errors
    /// What ended the speaker's thread, once.
    pub fn progress(&self) -> Result<Progress, InjectorError> {
        let mut guard = self.shared.lock();
        if let Some(error) = mem::take(&mut guard.1) {
            return Err(error);
        }
        let speaker = &guard.0;
        Ok(Progress {
            state: speaker.state(),
            given: speaker.given(),
            unacknowledged: speaker.unacknowledged(),
        })
    }

    /// Floods LSAs. Gives the moment before the first packet was handed to the kernel.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] if it takes none.
    pub fn flood(&self, lsas: Vec<Lsa>) -> Result<Instant, InjectorError> {
        let mut guard = self.shared.lock();
        let packets = guard.0.flood(self.shared.begin.elapsed(), lsas)?;
        let sent = Instant::now();
        self.shared.send(&packets)?;
        Ok(sent)
    }
}

impl Drop for Injector {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(address: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(OSPF)))?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(false)?;
    socket.join_multicast_v4(&ALL_SPF_ROUTERS, &address)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_read_timeout(Some(TICK))?;
    Ok(socket)
}
