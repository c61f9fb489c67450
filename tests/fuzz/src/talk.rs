//! How two routers talk over a wire that the fuzzer owns, whatever their protocol.

use std::{collections::VecDeque, time::Duration};

/// More outputs than this at one moment are an endless loop; so are more timeouts than this without time passing.
pub(crate) const ENDLESS: usize = 20_000;
/// Delivered packets that can be repeated.
const REMEMBERED: usize = 16;
/// Packets that wait on the wire; older ones are lost.
const WIRE: usize = 256;
/// How long the routers have to find each other in the end.
const END: Duration = Duration::from_secs(12);

/// What waits on the wire, what was delivered of late, and the time.
pub struct Wire<P> {
    pub(crate) waiting: VecDeque<P>,
    delivered: VecDeque<P>,
    pub(crate) now_us: u64,
    /// How long all may still last.
    left: Duration,
}

impl<P> Wire<P> {
    pub(crate) fn new(now_us: u64, life: Duration) -> Self {
        Self { waiting: VecDeque::new(), delivered: VecDeque::new(), now_us, left: life }
    }

    pub(crate) fn send(&mut self, packet: P) {
        push(&mut self.waiting, packet, WIRE);
    }

    /// The time in so long, at the end of its life at the latest.
    fn end_us(&self, time: Duration) -> u64 {
        self.now_us + time.min(self.left).as_micros() as u64
    }
}

fn push<P>(queue: &mut VecDeque<P>, packet: P, limit: usize) {
    queue.push_back(packet);
    if queue.len() > limit {
        queue.pop_front();
    }
}

/// Routers with a wire.
pub trait Talk {
    /// What is on the wire.
    type Packet: Clone;
    /// How long it is under way when nobody interferes.
    const DELAY: Duration;

    /// The wire.
    fn wire(&mut self) -> &mut Wire<Self::Packet>;
    /// When a router wants to do something, in microseconds.
    fn due_us(&self, router: usize) -> Option<u64>;
    /// Tells a router that it is time.
    fn wake(&mut self, router: usize);
    /// Gives a packet to whom it is for.
    fn receive(&mut self, packet: Self::Packet);

    /// Who wants to do something next, and when.
    fn next(&self) -> Option<(u64, usize)> {
        (0..2).filter_map(|router| Some((self.due_us(router)?, router))).min()
    }

    /// Delivers a packet.
    fn deliver(&mut self, packet: Self::Packet) {
        push(&mut self.wire().delivered, packet.clone(), REMEMBERED);
        self.receive(packet);
    }

    /// Delivers at most so many of the packets that wait.
    fn deliver_some(&mut self, count: usize) {
        for _ in 0..count {
            let Some(packet) = self.wire().waiting.pop_front() else { return };
            self.deliver(packet);
        }
    }

    /// Loses packets that wait.
    fn lose(&mut self, count: usize) {
        let waiting = &mut self.wire().waiting;
        waiting.drain(..count.min(waiting.len()));
    }

    /// Delivers one of the last packets once more.
    fn repeat(&mut self, which: usize) {
        let delivered = &self.wire().delivered;
        if let Some(packet) = delivered.get(which % delivered.len().max(1)).cloned() {
            self.deliver(packet);
        }
    }

    /// Lets time pass; timers fire when they are due. Packets wait meanwhile.
    fn pass(&mut self, time: Duration) {
        let end_us = self.wire().end_us(time);
        let mut stuck = 0;
        while let Some((due_us, router)) = self.next().filter(|(due_us, _)| *due_us <= end_us) {
            let now_us = &mut self.wire().now_us;
            stuck = if due_us > *now_us { 0 } else { stuck + 1 };
            assert!(stuck < ENDLESS, "timeouts without end");
            *now_us = due_us.max(*now_us);
            self.wake(router);
        }
        let wire = self.wire();
        wire.left = wire.left.saturating_sub(time);
        wire.now_us = end_us;
    }

    /// Lets the routers talk undisturbed for so long.
    fn converse(&mut self, time: Duration) {
        let end_us = self.wire().end_us(time);
        while self.wire().now_us < end_us {
            let waiting = self.wire().waiting.len();
            self.deliver_some(waiting);
            // What is said now arrives a moment later; when nothing is, time goes to where something may be.
            let due_us = self.next().map_or(end_us, |(due_us, _)| due_us);
            let wire = self.wire();
            let arrival_us = wire.end_us(Self::DELAY);
            let next_us = if wire.waiting.is_empty() { due_us.max(arrival_us) } else { arrival_us };
            let wait_us = next_us.min(end_us) - wire.now_us;
            self.pass(Duration::from_micros(wait_us));
        }
    }

    /// The end: all that waits is delivered and answered, as if nobody interfered any more.
    fn end(&mut self) {
        self.wire().left = END;
        self.converse(END);
    }
}
