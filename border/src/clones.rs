//! Asking native engines what their routes become: a clone of the engine is allowed to converge ahead of its timers, and its
//! routes are the virtual network's ballot.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use braid_proto::Engine;
use braid_vote::Millis;
use ipnet::Ipv4Net;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::{mpsc, watch},
};

use crate::report::Clock;

/// The question, as engines know it.
const QUESTION: &[u8] = b"{\"ask\":\"converged\"}\n";
/// An engine that takes longer is not waited for: its ballots settle by time.
const LIMIT: Duration = Duration::from_millis(50);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;
/// Changes that are looked at one by one: those of a few prefixes are what matters.
const MOST_CHANGES: usize = 1000;
/// The shortest time between two questions.
const PACE: Duration = Duration::from_millis(10);
/// And for each prefix in doubt, since each answer makes the votes on all of them due.
const PACE_PER_PREFIX: Duration = Duration::from_micros(5);
/// Doubt that has lasted longer is not of the kind that engines resolve soon.
const HURRY: Duration = Duration::from_secs(2);
/// Questions are then this far apart.
const SLOW_PACE: Duration = Duration::from_secs(1);
/// An engine may spend one part in so many on its clones.
const SHARE: u32 = 5;

/// What a clone said of all routes of a virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked.
    pub asked: Millis,
    /// The engine has no work left.
    pub at_rest: bool,
    /// The routes that are about to change.
    pub changes: BTreeSet<Ipv4Net>,
}

impl Answer {
    /// Of an engine with more to do no more is said than that it has something to do.
    fn new(asked: Millis, said: Said) -> Answer {
        let at_rest = said.is_at_rest && said.in_us == 0 && said.changes.is_empty();
        let changes = said.changes.into_iter().take(MOST_CHANGES).map(|change| change.prefix);
        Answer { asked, at_rest, changes: changes.collect() }
    }

    /// What both say; asked when the earlier one was.
    fn and(self, later: &Answer) -> Answer {
        Answer {
            asked: self.asked,
            at_rest: self.at_rest && later.at_rest,
            changes: &self.changes | &later.changes,
        }
    }
}

/// How long to wait between questions; nothing is asked without doubt.
#[derive(Debug)]
pub struct Pace {
    sender: watch::Sender<Option<Duration>>,
    since: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { sender: watch::Sender::new(None), since: None }
    }
}

impl Pace {
    /// For those who ask.
    pub fn subscribe(&self) -> watch::Receiver<Option<Duration>> {
        self.sender.subscribe()
    }

    /// So many prefixes are in doubt; `new`: some of them were not before.
    pub fn set(&mut self, doubts: usize, new: bool) {
        let pause = if doubts == 0 {
            self.since = None;
            None
        } else {
            let now = Instant::now();
            let since = self.since.filter(|_| !new).unwrap_or(now);
            self.since = Some(since);
            let all = PACE_PER_PREFIX.saturating_mul(u32::try_from(doubts).unwrap_or(u32::MAX));
            Some(if now - since > HURRY { SLOW_PACE } else { all.clamp(PACE, SLOW_PACE) })
        };
        self.sender.send_if_modified(|told| std::mem::replace(told, pause) != pause);
    }
}

/// The control socket of an engine that can be asked, in its instance's directory.
#[must_use]
pub fn socket(engine: &str, dir: &Path) -> Option<PathBuf> {
    let name = match engine.parse().ok()? {
        Engine::NativeOspf => "braid-ospf.sock",
        Engine::NativeIsis => "braid-isis.sock",
        Engine::FrrOspf | Engine::FrrIsis | Engine::BirdOspf => return None,
    };
    Some(dir.join(name))
}

/// Asks while there is doubt, and hands on what is so, until the receiver is gone.
///
/// An engine may answer between computing a route and installing it, and the news of an installed route takes a moment. So an
/// answer is handed on when the next one confirms it: what was on its way at the first has arrived by then.
pub async fn watch<E>(
    socket: PathBuf,
    clock: Clock,
    mut pace: watch::Receiver<Option<Duration>>,
    events: mpsc::Sender<E>,
    event: impl Fn(Answer) -> E,
) {
    let mut last: Option<Answer> = None;
    loop {
        let Some(pause) = *pace.borrow_and_update() else {
            last = None;
            if pace.changed().await.is_err() {
                return;
            }
            continue;
        };
        let (begin, asked) = (Instant::now(), clock.now());
        // Silence is no evidence: such a virtual network settles by time, and the agent looks after its engine.
        let answer = ask(&socket).await.ok().map(|said| Answer::new(asked, said));
        if let (Some(before), Some(answer)) = (last.take(), &answer)
            && events.send(event(before.and(answer))).await.is_err()
        {
            return;
        }
        last = answer;
        tokio::select! {
            () = tokio::time::sleep(pause.max(begin.elapsed() * (SHARE - 1))) => {}
            changed = pace.changed() => if changed.is_err() { return },
        }
    }
}

/// As engines say it.
#[derive(Deserialize)]
struct Said {
    in_us: u64,
    is_at_rest: bool,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    prefix: Ipv4Net,
}

#[derive(Deserialize)]
struct Reply {
    ok: Said,
}

async fn ask(socket: &Path) -> io::Result<Said> {
    let talk = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(QUESTION).await?;
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() > LONGEST {
                return Err(io::Error::other("the answer is too long"));
            }
            if stream.read_buf(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(serde_json::from_slice::<Reply>(&line)?.ok)
    };
    tokio::time::timeout(LIMIT, talk).await?
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use braid_proto::VnId;
    use braid_vote::{CloneEvidence, EngineState, NextHop, Policy, RouteEvidence, Rule};
    use tokio::{
        io::{AsyncBufReadExt, BufReader},
        net::UnixListener,
    };

    use super::*;
    use crate::{
        booth::Booth,
        spec::{Foreign, Spec, Vn},
    };

    /// An engine that gives these answers, one by one, and then none.
    fn engine(path: &Path, answers: Vec<&'static str>) {
        let listener = UnixListener::bind(path).unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut question = String::new();
                BufReader::new(&mut stream).read_line(&mut question).await.unwrap();
                assert_eq!(question, "{\"ask\":\"converged\"}\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            let mut silent = Vec::new();
            loop {
                silent.push(listener.accept().await.unwrap());
            }
        });
    }

    const REST: &str = "{\"ok\":{\"in_us\":0,\"is_at_rest\":true,\"changes\":[]}}\n";
    const WORK: &str = "{\"ok\":{\"in_us\":700,\"is_at_rest\":true,\"changes\":[\
                        {\"prefix\":\"198.18.5.0/24\",\"next_hops\":[{\"interface\":\"eth1\",\"via\":\"100.65.0.3\"}]},\
                        {\"prefix\":\"198.18.6.0/24\",\"next_hops\":null}]}}\n";

    #[tokio::test]
    async fn answers_count_once_the_next_one_confirms_them_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = socket("native-isis", dir.path()).unwrap();
        assert!(socket("frr-ospf", dir.path()).is_none());
        engine(&path, vec![REST, REST, WORK, "{\"error\":\"no\"}\n", "{\"ok\":7}\n", REST, REST]);
        let (events, mut answers) = mpsc::channel(16);
        let (mut pace, clock) = (Pace::default(), Clock::start());
        tokio::spawn(watch(path, clock, pace.subscribe(), events, |answer| answer));
        // Nothing is asked without doubt.
        tokio::task::yield_now().await;
        assert!(answers.try_recv().is_err());
        pace.set(1, true);
        let first = answers.recv().await.unwrap();
        assert!(first.at_rest && first.changes.is_empty() && first.asked < clock.now(), "{first:?}");
        let second = answers.recv().await.unwrap();
        assert_eq!(
            second.changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["198.18.5.0/24", "198.18.6.0/24"]
        );
        assert!(!second.at_rest, "there is work left");
        // An engine that refuses and one that talks nonsense say nothing; then two good answers in a row do.
        let third = answers.recv().await.unwrap();
        assert!(third.at_rest && third.asked > second.asked, "{third:?}");
        // A silent engine costs nothing but its own answers.
        let begin = Instant::now();
        let silence = tokio::time::timeout(LIMIT * 3, answers.recv()).await;
        assert!(silence.is_err() && begin.elapsed() < LIMIT * 20);
    }

    #[test]
    fn long_doubt_and_much_doubt_are_asked_about_slowly() {
        let mut pace = Pace::default();
        let asked = pace.subscribe();
        pace.set(1, true);
        assert_eq!(*asked.borrow(), Some(PACE));
        pace.set(1_000_000, false);
        assert_eq!(*asked.borrow(), Some(SLOW_PACE));
        pace.since = Instant::now().checked_sub(HURRY * 2);
        pace.set(1, false);
        assert_eq!(*asked.borrow(), Some(SLOW_PACE));
        pace.set(2, true);
        assert_eq!(*asked.borrow(), Some(PACE));
        pace.set(0, false);
        assert_eq!(*asked.borrow(), None);
    }

    #[test]
    fn clones_count_for_what_they_say_once_their_engine_has_run_for_a_while() {
        let prefix: Ipv4Net = "198.18.5.0/24".parse().unwrap();
        let red = VnId::try_from(1_u32).unwrap();
        let spec = Spec {
            vns: vec![Vn {
                id: red,
                name: "red".parse().unwrap(),
                engine: "native-isis".to_owned(),
                code_base: "braid-isis".to_owned(),
                namespace: "lab.a.red".to_owned(),
                port: "braid-vn1".parse().unwrap(),
                router_port: "port".parse().unwrap(),
                gateway: [100, 67, 0, 3].into(),
                layout_class: None,
            }],
            foreign: vec![Foreign {
                prefix,
                egress: BTreeSet::from(["b".parse().unwrap()]).into(),
                policy: Policy::new(Rule::Majority).into(),
            }],
            ..Spec::default()
        };
        let hop = NextHop { gateway: Some([100, 65, 0, 3].into()), interface: "eth1".into() };
        let route = RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 };
        let clone = |booth: &Booth, now: u64| {
            let explained = booth.explain(prefix, Millis(now)).unwrap();
            explained.candidates.iter().find(|candidate| candidate.vn == 1).unwrap().ballot.clone
        };
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(spec, Millis(0));
        booth.set_routes(red, [(prefix, route)].into(), Millis(5));
        booth.set_engine(red, EngineState::Running, Millis(5));
        let answer = |asked, changes: &[&str]| Answer {
            asked: Millis(asked),
            at_rest: changes.is_empty(),
            changes: changes.iter().map(|change| change.parse().unwrap()).collect(),
        };
        booth.set_converged(red, &answer(10, &[]), Millis(12));
        assert_eq!(clone(&booth, 12), CloneEvidence::Steady { asked: Millis(10) });
        // What changes within a prefix concerns it; what changes elsewhere, or around it, does not.
        let narrow = Ipv4Net::new(prefix.network(), 32).unwrap().to_string();
        booth.set_converged(red, &answer(20, &[&narrow]), Millis(22));
        assert_eq!(clone(&booth, 22), CloneEvidence::Pending { asked: Millis(20) });
        booth.set_converged(red, &answer(30, &["0.0.0.0/0"]), Millis(32));
        assert_eq!(clone(&booth, 32), CloneEvidence::Unknown, "there is work left");
        // An engine that has just started has not heard much.
        booth.set_engine(red, EngineState::Gone, Millis(40));
        booth.set_engine(red, EngineState::Running, Millis(50));
        booth.set_converged(red, &answer(60, &[]), Millis(60));
        assert_eq!(clone(&booth, 60), CloneEvidence::Unknown);
        booth.set_converged(red, &answer(15_050, &[]), Millis(15_060));
        assert_eq!(clone(&booth, 15_060), CloneEvidence::Steady { asked: Millis(15_050) });
    }
}
