//! The one timer of the loop, by the kernel's clock: exact, and without the steps in which tokio's wheel comes near a time. An
//! idle engine wakes up only when it has something to do.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::{io::unix::AsyncFd, time::Instant};

/// A timer.
pub(crate) struct Timer {
    timer: TimerFd,
    fired: AsyncFd<OwnedFd>,
    armed: Option<Instant>,
}

impl Timer {
    /// A timer that is not set. Call it within the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        let fired = crate::daemon::watch(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Self { timer, fired, armed: None })
    }

    /// Waits until then, or a moment less: look at the clock. Giving up waiting loses nothing.
    pub(crate) async fn until(&mut self, at: Instant) -> io::Result<()> {
        if self.armed != Some(at) {
            // Zero would stop it.
            let left = at.saturating_duration_since(Instant::now()).max(Duration::from_micros(1));
            self.timer.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
            self.armed = Some(at);
        }
        // Setting it anew takes the expiration back, so that nothing need be read.
        self.fired.readable().await?.clear_ready();
        self.armed = None;
        Ok(())
    }
}
