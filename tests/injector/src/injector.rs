//! The speaker at work.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    Grid, InjectorError, Place,
    speaker::{Carrier, Progress, Speaker},
};

/// How often the speaker's timers are looked at when nothing is heard.
const TICK: Duration = Duration::from_millis(50);

struct Shared {
    speaker: Mutex<(Box<dyn Speaker>, Option<InjectorError>)>,
    carrier: Box<dyn Carrier>,
    begin: Instant,
    stop: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Box<dyn Speaker>, Option<InjectorError>)> {
        self.speaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, packets: &[Vec<u8>]) -> Result<(), InjectorError> {
        packets.iter().try_for_each(|packet| self.carrier.send(packet))
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
        let due = self.lock().0.next_tick();
        let patience = due.saturating_sub(self.begin.elapsed()).min(TICK);
        let heard = self.carrier.receive(buffer, patience)?;
        let now = self.begin.elapsed();
        let mut guard = self.lock();
        let mut packets = match heard {
            Some(packet) => guard.0.receive(now, packet)?,
            None => Vec::new(),
        };
        packets.extend(guard.0.tick(now)?);
        self.send(&packets)
    }
}

/// A [`Speaker`] at work on a thread of its own, until it is dropped.
pub struct Injector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Injector {
    /// Starts to speak over a carrier.
    #[must_use]
    pub fn start(carrier: Box<dyn Carrier>, speaker: Box<dyn Speaker>) -> Self {
        let shared = Arc::new(Shared {
            speaker: Mutex::new((speaker, None)),
            carrier,
            begin: Instant::now(),
            stop: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        Self { shared, thread: Some(thread::spawn(move || own.run())) }
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
        Ok(guard.0.progress())
    }

    /// Floods what a router of the grid now announces. Gives the moment before the first packet was handed to the kernel.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] if it takes none.
    pub fn announce(&self, grid: &Grid, place: Place) -> Result<Instant, InjectorError> {
        let mut guard = self.shared.lock();
        let packets = guard.0.announce(self.shared.begin.elapsed(), grid, place)?;
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
