//! Recording while voting: a thread that writes, and a queue before it that never makes the voter wait.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use braid_vote::Millis;
use ipnet::Ipv4Net;

use crate::{Event, Header, Limits, RecordError, Standing, Writer};

/// Events that may wait for the disk. What comes while so many wait is lost, and a gap.
const QUEUE: usize = 65_536;
/// What waits is written this often.
const FLUSH: Duration = Duration::from_secs(1);
/// After a refusal the disk is tried again this much later.
const RETRY: Duration = Duration::from_secs(10);
/// How long the end of a record waits for the disk.
const FAREWELL: Duration = Duration::from_secs(1);
/// Elections that are looked at in one go for a snapshot.
const SLICE: usize = 1024;
/// Verdicts in one event.
const VERDICTS: usize = 4096;

enum Message {
    Begin(Box<Header>),
    Event(Event),
}

#[derive(Debug, Default)]
struct Shared {
    /// Another file should begin.
    wanted: AtomicBool,
    waiting: AtomicUsize,
    /// Events that the writer could not write.
    unwritten: AtomicU64,
    problem: Mutex<Option<String>>,
}

/// The record of a border that runs. Whatever the disk does, no call waits for it.
#[derive(Debug)]
pub struct Recorder {
    /// None once there is nothing more to record.
    queue: Option<SyncSender<Message>>,
    /// Hangs up when the thread has ended.
    ended: Receiver<()>,
    shared: Arc<Shared>,
    header: Header,
    /// Events lost since nothing could be recorded; none while all is well.
    lost: Option<u64>,
    /// How far the snapshot has come; none while there is none under way.
    snapshot: Option<Option<Ipv4Net>>,
}

impl Recorder {
    /// Starts recording into a directory. `header`: the beginning of the record, of a poll in which there is nothing yet.
    ///
    /// # Errors
    /// When there can be no thread. What is wrong with the directory is a [`Recorder::problem`], and tried again.
    pub fn start(dir: PathBuf, limits: Limits, header: Header) -> io::Result<Recorder> {
        Self::with_patience(dir, limits, header, RETRY)
    }

    /// The same, trying a disk that refuses again after `retry`.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn with_patience(
        dir: PathBuf,
        limits: Limits,
        header: Header,
        retry: Duration,
    ) -> io::Result<Recorder> {
        let (queue, inbox) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let desk = Desk {
            dir,
            limits,
            retry,
            shared: Arc::clone(&shared),
            writer: None,
            writing: false,
            retry_at: None,
        };
        let (running, ended) = sync_channel(0);
        thread::Builder::new().name("record".to_owned()).spawn(move || {
            desk.run(&inbox);
            drop(running);
        })?;
        let first = Message::Begin(Box::new(header.clone()));
        shared.waiting.fetch_add(1, Relaxed);
        // The queue is empty.
        let _ = queue.try_send(first);
        Ok(Recorder { queue: Some(queue), ended, shared, header, lost: None, snapshot: None })
    }

    /// Records an event.
    pub fn note(&mut self, event: Event) {
        self.header.follow(&event);
        if self.lost.is_some() || !self.send(Message::Event(event)) {
            self.lost = Some(self.lost.unwrap_or(0) + 1);
        }
    }

    /// Records that the poll was asked to decide.
    pub fn decided(&mut self, at: Millis, mut changed: Vec<crate::Decided>) {
        loop {
            let rest = changed.split_off(changed.len().min(VERDICTS));
            self.note(Event::Decide { at, changed });
            if rest.is_empty() {
                return;
            }
            changed = rest;
        }
    }

    /// Does what is due, after each decision: begins another file where that is wanted, and goes on with the snapshot that
    /// it begins with. `standings`: so many elections as they stand, in order, after that prefix; fewer only at the end.
    pub fn attend(&mut self, standings: impl FnOnce(Option<Ipv4Net>, usize) -> Vec<Standing>) {
        if !self.has_room() {
            return;
        }
        if self.lost.is_some() || (self.snapshot.is_none() && self.shared.wanted.swap(false, Relaxed)) {
            let header = Header { lost: self.lost.unwrap_or(0), ..self.header.clone() };
            if !self.send(Message::Begin(Box::new(header))) {
                return;
            }
            self.lost = None;
            self.snapshot = Some(None);
        }
        if let Some(after) = self.snapshot {
            let slice = standings(after, SLICE);
            let last = slice.last().map(|standing| standing.prefix).filter(|_| slice.len() >= SLICE);
            self.snapshot = last.map(Some);
            for standing in slice {
                self.note(Event::Standing(Box::new(standing)));
            }
        }
    }

    /// A snapshot is under way and could go on: [`Recorder::attend`] to it soon, though there be nothing to decide.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.snapshot.is_some() && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.shared.waiting.load(Relaxed) < QUEUE / 2
    }

    /// Events that could not be recorded, as long as there is no end to that.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.unwrap_or(0)
    }

    /// What is known that is not about a single prefix.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What is wrong with the record, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send(&mut self, message: Message) -> bool {
        let Some(queue) = &self.queue else { return false };
        self.shared.waiting.fetch_add(1, Relaxed);
        match queue.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.waiting.fetch_sub(1, Relaxed);
                false
            }
        }
    }
}

impl Drop for Recorder {
    /// Ends the record when all that waits has been written, or after `FAREWELL` without it.
    fn drop(&mut self) {
        self.queue = None;
        // Either way there is nothing more to do.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

/// The writing thread.
struct Desk {
    dir: PathBuf,
    limits: Limits,
    retry: Duration,
    shared: Arc<Shared>,
    writer: Option<Writer>,
    /// All that comes can be written; else nothing is before the next file.
    writing: bool,
    retry_at: Option<Instant>,
}

impl Desk {
    fn run(mut self, inbox: &Receiver<Message>) {
        let flush_every = FLUSH.min(self.retry);
        let mut flush_at = Instant::now() + flush_every;
        loop {
            let message = inbox.recv_timeout(flush_at.saturating_duration_since(Instant::now()));
            match message {
                Ok(message) => {
                    self.shared.waiting.fetch_sub(1, Relaxed);
                    self.take(message);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if flush_at <= now {
                flush_at = now + flush_every;
                let flushed = self.writer.as_mut().filter(|_| self.writing).map_or(Ok(()), Writer::flush);
                self.judge(flushed);
            }
            if self.retry_at.is_some_and(|at| at <= now) {
                self.retry_at = None;
                self.shared.wanted.store(true, Relaxed);
            }
        }
    }

    fn take(&mut self, message: Message) {
        let outcome = match message {
            Message::Begin(header) => self.begin(*header),
            Message::Event(event) => match &mut self.writer {
                Some(writer) if self.writing => {
                    let was_full = writer.is_full();
                    let added = writer.add(&event);
                    if added.is_ok() && !was_full && writer.is_full() {
                        self.shared.wanted.store(true, Relaxed);
                    }
                    added
                }
                _ => {
                    self.shared.unwritten.fetch_add(1, Relaxed);
                    Ok(())
                }
            },
        };
        self.judge(outcome);
    }

    fn begin(&mut self, mut header: Header) -> Result<(), RecordError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::open(&self.dir, self.limits)?,
        };
        let writer = self.writer.insert(writer);
        let unwritten = self.shared.unwritten.swap(0, Relaxed);
        header.lost = header.lost.saturating_add(unwritten);
        let lost = header.lost;
        let begun = writer.begin(&header);
        match begun {
            Ok(()) => {
                self.writing = true;
                *self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            // The header itself is lost, too.
            Err(_) => _ = self.shared.unwritten.fetch_add(lost + 1, Relaxed),
        }
        begun
    }

    fn judge(&mut self, outcome: Result<(), RecordError>) {
        if let Err(error) = outcome {
            self.writing = false;
            // At least what was just tried is lost, and what waited with it.
            self.shared.unwritten.fetch_add(1, Relaxed);
            *self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("evidence is not recorded: {error}; I try again every {:?}", self.retry));
            self.retry_at = Some(Instant::now() + self.retry);
        }
    }
}
