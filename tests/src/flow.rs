//! A stream of numbered packets between two hosts, and what became of them.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use braid_kernel::Netns;

/// How long after the last packet the receiver still listens.
const DRAIN: Duration = Duration::from_millis(500);

/// Packets under way from one host to another, at a steady rate.
pub struct Flow {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Vec<Instant>>,
    receiver: JoinHandle<Vec<u64>>,
}

/// What became of a flow.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Packets sent.
    pub sent: u64,
    /// Packets that never arrived.
    pub lost: u64,
    /// From the first lost packet of the longest run of losses to the next that arrived.
    pub longest_outage: Duration,
    /// Packets that arrived more than once.
    pub duplicates: u64,
}

impl Flow {
    /// Starts sending `rate` packets per second, at most for a minute, from the host in namespace `from` to `to_address` in
    /// namespace `to`.
    ///
    /// # Panics
    /// When a namespace or socket cannot be had.
    #[must_use]
    pub fn start(from: &str, to: &str, to_address: Ipv4Addr, rate: u32) -> Self {
        let bind = |namespace: &str, address: Ipv4Addr| {
            Netns::open(namespace)
                .and_then(|netns| netns.run(|| UdpSocket::bind((address, 0))))
                .expect("the host's namespace can be entered")
                .expect("a UDP socket can be bound in it")
        };
        let out = bind(from, Ipv4Addr::UNSPECIFIED);
        let inn = bind(to, to_address);
        let port = inn.local_addr().expect("a bound socket has an address").port();
        out.connect(SocketAddrV4::new(to_address, port)).expect("a UDP socket connects");
        // An ICMP error of a moment must not end the flow: failed sends count as sent and lost.
        let stop = Arc::new(AtomicBool::new(false));
        let sender = thread::spawn({
            let stop = Arc::clone(&stop);
            move || send(&out, rate, &stop)
        });
        let receiver = thread::spawn({
            let stop = Arc::clone(&stop);
            move || receive(&inn, &stop)
        });
        Self { stop, sender, receiver }
    }

    /// Ends the flow and counts.
    ///
    /// # Panics
    /// When a thread of the flow panicked.
    #[must_use]
    pub fn stop(self) -> Losses {
        self.stop.store(true, Ordering::Relaxed);
        let sent_at = self.sender.join().expect("the sender ran to its end");
        let arrived = self.receiver.join().expect("the receiver ran to its end");
        count(&sent_at, &arrived)
    }
}

fn send(socket: &UdpSocket, rate: u32, stop: &AtomicBool) -> Vec<Instant> {
    let interval = Duration::from_secs(1) / rate;
    let begin = Instant::now();
    let mut sent_at = Vec::new();
    while !stop.load(Ordering::Relaxed) && begin.elapsed() < Duration::from_secs(60) {
        let number = sent_at.len() as u64;
        sent_at.push(Instant::now());
        let _ = socket.send(&number.to_be_bytes());
        let due = begin + interval * u32::try_from(sent_at.len()).unwrap_or(u32::MAX);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    sent_at
}

fn receive(socket: &UdpSocket, stop: &AtomicBool) -> Vec<u64> {
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout can be set");
    let mut arrived = Vec::new();
    let mut stopped = None;
    let mut buffer = [0; 64];
    loop {
        if let Ok(8) = socket.recv(&mut buffer) {
            arrived.push(u64::from_be_bytes(buffer[..8].try_into().expect("eight bytes")));
        }
        if stopped.is_none() && stop.load(Ordering::Relaxed) {
            stopped = Some(Instant::now());
        }
        if stopped.is_some_and(|at| at.elapsed() > DRAIN) {
            return arrived;
        }
    }
}

fn count(sent_at: &[Instant], arrived: &[u64]) -> Losses {
    let mut times = vec![0_u64; sent_at.len()];
    for number in arrived {
        times[usize::try_from(*number).expect("a packet's number fits")] += 1;
    }
    let mut longest_outage = Duration::ZERO;
    let mut first_lost: Option<Instant> = None;
    for (at, times) in sent_at.iter().zip(&times) {
        match (*times, first_lost) {
            (0, None) => first_lost = Some(*at),
            (0, Some(_)) | (_, None) => {}
            (_, Some(from)) => {
                longest_outage = longest_outage.max(*at - from);
                first_lost = None;
            }
        }
    }
    if let (Some(from), Some(last)) = (first_lost, sent_at.last()) {
        longest_outage = longest_outage.max(*last - from);
    }
    Losses {
        sent: sent_at.len() as u64,
        lost: times.iter().filter(|times| **times == 0).count() as u64,
        longest_outage,
        duplicates: times.iter().map(|times| times.saturating_sub(1)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_and_the_longest_run_of_them_is_timed() {
        let begin = Instant::now();
        let sent: Vec<Instant> = (0..10).map(|n| begin + Duration::from_millis(n)).collect();
        let losses = count(&sent, &[0, 2, 2, 3, 7, 8, 9]);
        assert_eq!((losses.sent, losses.lost, losses.duplicates), (10, 4, 1));
        assert_eq!(losses.longest_outage, Duration::from_millis(3));
    }
}
