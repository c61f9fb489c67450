//! What the injector asks of whoever speaks a protocol, and of what carries it.

use std::time::Duration;

use crate::{Grid, InjectorError, Place};

/// How far an adjacency is (RFC 2328 §10.1). In IS-IS it is down, init or full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing has been heard, or not for long.
    Down,
    /// Hellos are heard.
    Init,
    /// Agreeing on the first sequence number.
    ExStart,
    /// Describing the database.
    Exchange,
    /// All is described. What the neighbour still asks for, it gets.
    Full,
}

/// How far a speaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The adjacency.
    pub state: State,
    /// LSAs given to the router's requests; LSPs acknowledged by it.
    pub given: usize,
    /// LSAs or LSPs flooded, or to be flooded, and not acknowledged yet.
    pub unacknowledged: usize,
}

/// The smallest router of a protocol that others will be adjacent to, on one point-to-point link. It owns no socket and no clock:
/// time is what its caller says, since any moment. All that it gives back is to be sent at once.
///
/// Its methods fail if the codec refuses to write what it wants to say: never in practice.
pub trait Speaker: Send {
    /// How far it is.
    fn progress(&self) -> Progress;

    /// What to send now: hellos, what waits for its turn, and what was not answered in time.
    ///
    /// # Errors
    /// See the trait.
    fn tick(&mut self, now: Duration) -> Result<Vec<Vec<u8>>, InjectorError>;

    /// When it has more to send, if that is before its timers are looked at anyhow.
    fn next_tick(&self) -> Duration {
        Duration::MAX
    }

    /// What to send in answer to a packet. One that cannot be read is passed over: the router under test is trusted to send it
    /// again.
    ///
    /// # Errors
    /// See the trait.
    fn receive(&mut self, now: Duration, packet: &[u8]) -> Result<Vec<Vec<u8>>, InjectorError>;

    /// Takes what a router of the grid now announces into the database; what to send of it.
    ///
    /// # Errors
    /// See the trait.
    fn announce(&mut self, now: Duration, grid: &Grid, place: Place) -> Result<Vec<Vec<u8>>, InjectorError>;
}

/// What carries a speaker's packets to the other end of the cable and back.
pub trait Carrier: Send + Sync {
    /// Sends a packet.
    ///
    /// # Errors
    /// [`InjectorError::Socket`].
    fn send(&self, packet: &[u8]) -> Result<(), InjectorError>;

    /// Waits so long for a packet, rounded up to milliseconds, and gives it if one came.
    ///
    /// # Errors
    /// [`InjectorError::Socket`].
    fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        patience: Duration,
    ) -> Result<Option<&'a [u8]>, InjectorError>;
}
