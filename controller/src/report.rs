//! What agents and borders say, checked and in our own types.

use std::{collections::BTreeSet, ops::RangeInclusive, time::SystemTime};

use braid_proto::{
    NetworkName, NodeName, VnId, VnName, v1,
    wire::{FieldError, number, parse, vn_id},
};
use ipnet::Ipv4Net;

/// How many lines of words are kept of one list.
const MAX_LINES: usize = 64;
/// How many characters are kept of one line of words.
const MAX_CHARS: usize = 500;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) network: NetworkName,
    pub(crate) node: NodeName,
    pub(crate) version: String,
    pub(crate) pid: i32,
}

/// The actual state of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeReport {
    /// The revision that the agent works towards; 0 if it has none.
    pub(crate) revision: u64,
    pub(crate) routers: Vec<RouterReport>,
    /// Physical links by number: whether this end is up.
    pub(crate) links: Vec<(u16, bool)>,
    pub(crate) problems: Vec<String>,
}

/// How an engine instance fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouterState {
    Starting,
    Running,
    Silent,
    Backoff,
    Failed,
}

impl RouterState {
    /// As in a sentence with "the engine".
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Starting => "is starting",
            Self::Running => "is running",
            Self::Silent => "does not answer",
            Self::Backoff => "has died and waits for its restart",
            Self::Failed => "cannot be started",
        }
    }
}

/// A process of an engine instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) pid: i32,
    /// Clock ticks since boot.
    pub(crate) start_time: u64,
}

/// The actual state of a virtual router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouterReport {
    pub(crate) vn: VnId,
    pub(crate) state: RouterState,
    pub(crate) processes: Vec<Process>,
    pub(crate) restarts: u32,
    pub(crate) rss_bytes: u64,
    pub(crate) adjacencies: u32,
    pub(crate) since: Option<SystemTime>,
    pub(crate) last_error: String,
    pub(crate) drift: Vec<String>,
    pub(crate) links_down: BTreeSet<u16>,
}

/// A border's verdict on one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) prefix: Ipv4Net,
    pub(crate) winner: Option<VnName>,
    pub(crate) decisive_step: String,
    pub(crate) runner_up: Option<VnName>,
    pub(crate) dissenters: Vec<VnName>,
    pub(crate) since: Option<SystemTime>,
    pub(crate) alarm: Option<String>,
    pub(crate) steered: bool,
}

/// Verdicts that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VoteChange {
    /// The votes are all there are.
    pub(crate) snapshot: bool,
    pub(crate) votes: Vec<Vote>,
    pub(crate) removed: Vec<Ipv4Net>,
    pub(crate) problems: Vec<String>,
    /// What the border has put right in its kernel since it started.
    pub(crate) repairs: u64,
}

/// What a kernel route does with packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteKind {
    Unicast,
    Local,
    Blackhole,
    Unreachable,
    Prohibit,
    /// Whatever else the kernel knows; nothing that sends a packet to another node.
    Other,
}

impl RouteKind {
    fn of(text: &str) -> Self {
        match text {
            "unicast" => Self::Unicast,
            "local" => Self::Local,
            "blackhole" => Self::Blackhole,
            "unreachable" => Self::Unreachable,
            "prohibit" => Self::Prohibit,
            _ => Self::Other,
        }
    }
}

/// A kernel route, as far as the controller judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) kind: RouteKind,
    /// The interfaces of its next hops.
    pub(crate) interfaces: Box<[Box<str>]>,
}

impl Route {
    /// Whether it sends packets anywhere, unlike a blackhole.
    pub(crate) fn forwards(&self) -> bool {
        matches!(self.kind, RouteKind::Unicast | RouteKind::Local)
    }
}

/// Changes of a virtual router's FIB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FibChange {
    pub(crate) vn: VnId,
    /// The routes are all there are.
    pub(crate) snapshot: bool,
    pub(crate) changed: Vec<(Ipv4Net, Route)>,
    pub(crate) removed: Vec<Ipv4Net>,
}

/// A prefix in CIDR notation with no host bits set.
pub(crate) fn prefix(field: &'static str, text: &str) -> Result<Ipv4Net, FieldError> {
    let net: Ipv4Net = parse(field, text)?;
    if net.trunc() == net {
        Ok(net)
    } else {
        Err(FieldError::new(field, format_args!("is `{net}`, with host bits: write {}", net.trunc())))
    }
}

fn link_number(field: &'static str, value: u32) -> Result<u16, FieldError> {
    match number(field, value)? {
        0 => Err(FieldError::new(field, "is 0: link numbers are 1 to 65535")),
        link => Ok(link),
    }
}

/// The seconds of the years 1 to 9999, all that a protobuf timestamp may hold.
const TIMESTAMP_SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

fn time(
    field: &'static str,
    stamp: Option<prost_types::Timestamp>,
) -> Result<Option<SystemTime>, FieldError> {
    let convert = |stamp: prost_types::Timestamp| {
        let in_range =
            TIMESTAMP_SECONDS.contains(&stamp.seconds) && (0..1_000_000_000).contains(&stamp.nanos);
        in_range
            .then(|| SystemTime::try_from(stamp).ok())
            .flatten()
            .ok_or_else(|| FieldError::new(field, "is out of range"))
    };
    stamp.map(convert).transpose()
}

/// The first `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Words from outside, bounded in number and length.
fn words(lines: &[String]) -> Vec<String> {
    lines.iter().take(MAX_LINES).map(|l| cut(l, MAX_CHARS)).collect()
}

impl TryFrom<v1::Hello> for Hello {
    type Error = FieldError;
    fn try_from(hello: v1::Hello) -> Result<Self, FieldError> {
        Ok(Self {
            network: parse("hello.network", &hello.network)?,
            node: parse("hello.node", &hello.node)?,
            version: cut(&hello.version, 64),
            pid: hello.pid,
        })
    }
}

impl TryFrom<v1::NodeStatus> for NodeReport {
    type Error = FieldError;
    fn try_from(status: v1::NodeStatus) -> Result<Self, FieldError> {
        let routers =
            status.routers.into_iter().map(RouterReport::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = routers.iter().find(|r| !seen.insert(r.vn)) {
            let reason = format_args!("holds virtual network {} twice", twice.vn);
            return Err(FieldError::new("status.routers", reason));
        }
        let links = status.links.iter().map(|l| Ok((link_number("status.links.number", l.number)?, l.up)));
        Ok(Self {
            revision: status.revision,
            routers,
            links: links.collect::<Result<_, _>>()?,
            problems: words(&status.problems),
        })
    }
}

impl TryFrom<v1::RouterStatus> for RouterReport {
    type Error = FieldError;
    fn try_from(status: v1::RouterStatus) -> Result<Self, FieldError> {
        let state = match status.state() {
            v1::RouterState::Starting => RouterState::Starting,
            v1::RouterState::Running => RouterState::Running,
            v1::RouterState::Silent => RouterState::Silent,
            v1::RouterState::Backoff => RouterState::Backoff,
            v1::RouterState::Failed => RouterState::Failed,
            v1::RouterState::Unspecified => {
                let reason = format_args!("is {}, which is not a state", status.state);
                return Err(FieldError::new("status.routers.state", reason));
            }
        };
        let links_down = status.links_down.iter().map(|n| link_number("status.routers.links_down", *n));
        Ok(Self {
            vn: vn_id("status.routers.vn_id", status.vn_id)?,
            state,
            processes: status.processes.into_iter().take(MAX_LINES).map(Process::from).collect(),
            restarts: status.restarts,
            rss_bytes: status.rss_bytes,
            adjacencies: status.adjacencies,
            since: time("status.routers.since", status.since)?,
            last_error: cut(&status.last_error, MAX_CHARS),
            drift: words(&status.drift),
            links_down: links_down.collect::<Result<_, _>>()?,
        })
    }
}

impl From<v1::Process> for Process {
    fn from(process: v1::Process) -> Self {
        Self { name: cut(&process.name, 64), pid: process.pid, start_time: process.start_time }
    }
}

impl TryFrom<v1::FibDelta> for FibChange {
    type Error = FieldError;
    fn try_from(delta: v1::FibDelta) -> Result<Self, FieldError> {
        let changed = delta.changed.iter().map(|route| {
            let net = prefix("fib.changed.prefix", &route.prefix)?;
            if route.kind.is_empty() {
                return Err(FieldError::new("fib.changed.kind", format_args!("of {net} is empty")));
            }
            // Not parsed as one of our names: an operator's own interface must not cost us the FIB.
            let interfaces = route.next_hops.iter().map(|hop| cut(&hop.interface, 15).into()).collect();
            Ok((net, Route { kind: RouteKind::of(&route.kind), interfaces }))
        });
        let changed = changed.collect::<Result<_, _>>()?;
        let removed = delta.removed.iter().map(|text| prefix("fib.removed", text));
        Ok(Self {
            vn: vn_id("fib.vn_id", delta.vn_id)?,
            snapshot: delta.snapshot,
            changed,
            removed: removed.collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<v1::VoteReport> for VoteChange {
    type Error = FieldError;
    fn try_from(report: v1::VoteReport) -> Result<Self, FieldError> {
        let removed = report.removed.iter().map(|text| prefix("votes.removed", text));
        Ok(Self {
            snapshot: report.snapshot,
            removed: removed.collect::<Result<_, _>>()?,
            votes: report.votes.into_iter().map(Vote::try_from).collect::<Result<_, _>>()?,
            problems: words(&report.problems),
            repairs: report.repairs,
        })
    }
}

impl TryFrom<v1::Vote> for Vote {
    type Error = FieldError;
    fn try_from(vote: v1::Vote) -> Result<Self, FieldError> {
        let vn = |field, text: Option<String>| text.map(|t| parse(field, &t)).transpose();
        let dissenters = vote.dissenters.iter().map(|text| parse("votes.dissenters", text));
        Ok(Self {
            prefix: prefix("votes.prefix", &vote.prefix)?,
            dissenters: dissenters.collect::<Result<_, _>>()?,
            winner: vn("votes.winner", vote.winner)?,
            decisive_step: cut(&vote.decisive_step, 64),
            runner_up: vn("votes.runner_up", vote.runner_up)?,
            since: time("votes.since", vote.since)?,
            alarm: vote.alarm.map(|text| cut(&text, MAX_CHARS)),
            steered: vote.steered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, kind: &str, interface: &str) -> v1::FibRoute {
        let hop = v1::FibNextHop { via: String::new(), interface: interface.into() };
        v1::FibRoute { prefix: prefix.into(), kind: kind.into(), next_hops: vec![hop], ..Default::default() }
    }

    fn delta(vn_id: u32, changed: Vec<v1::FibRoute>, removed: &[&str]) -> v1::FibDelta {
        let removed = removed.iter().map(ToString::to_string).collect();
        v1::FibDelta { vn_id, snapshot: true, changed, removed }
    }

    #[test]
    fn a_fib_delta_is_read_and_only_routes_that_send_packets_on_forward() {
        let routes = vec![route("198.18.1.0/24", "unicast", "eth1"), route("0.0.0.0/0", "blackhole", "lo")];
        let change = FibChange::try_from(delta(3, routes, &["10.0.0.0/8"])).unwrap();
        assert_eq!(change.vn.get(), 3);
        assert_eq!(change.changed.iter().map(|(_, r)| r.forwards()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(change.removed, ["10.0.0.0/8".parse().unwrap()]);
    }

    #[test]
    fn a_malformed_fib_delta_is_refused_with_field_and_reason() {
        let cases = [
            (delta(0, vec![], &[]), "`fib.vn_id` 0 is not"),
            (delta(256, vec![], &[]), "`fib.vn_id` 256 is not"),
            (delta(1, vec![route("198.18.1.1/24", "unicast", "eth1")], &[]), "write 198.18.1.0/24"),
            (delta(1, vec![route("x\n", "unicast", "eth1")], &[]), "`fib.changed.prefix` is `x\\n`"),
            (delta(1, vec![route("10.0.0.0/8", "", "eth1")], &[]), "`fib.changed.kind` of 10.0.0.0/8"),
            (delta(1, vec![], &["10.0.0.0/33"]), "`fib.removed` is `10.0.0.0/33`"),
        ];
        for (delta, expected) in cases {
            let error = FibChange::try_from(delta).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_malformed_status_is_refused_with_field_and_reason() {
        let running = v1::RouterState::Running.into();
        let router = |vn_id, state| v1::RouterStatus { vn_id, state, ..Default::default() };
        let links_down = vec![70_000];
        let since = Some(prost_types::Timestamp { seconds: i64::MIN, nanos: 0 });
        let cases = [
            (vec![router(1, 0)], "is 0, which is not a state"),
            (vec![router(1, 99)], "is 99, which"),
            (vec![router(0, running)], "0 is not a virtual network id"),
            (vec![router(1, running), router(1, running)], "holds virtual network 1 twice"),
            (vec![v1::RouterStatus { links_down, ..router(1, running) }], "links_down` is 70000"),
            (vec![v1::RouterStatus { since, ..router(1, running) }], "since` is out of range"),
        ];
        for (routers, expected) in cases {
            let status = v1::NodeStatus { routers, ..Default::default() };
            let error = NodeReport::try_from(status).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn words_from_outside_are_bounded() {
        let problems = vec!["x".repeat(100_000); 1000];
        let report = NodeReport::try_from(v1::NodeStatus { problems, ..Default::default() }).unwrap();
        assert_eq!((report.problems.len(), report.problems[0].len()), (MAX_LINES, MAX_CHARS));
    }
}
