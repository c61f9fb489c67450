//! What the booth does, put into the border's record.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound::{Excluded, Unbounded},
    path::Path,
};

use braid_proto::{NetworkName, NodeName};
use braid_record::{Decided, Event, Header, Known, Limits, Recorder, Standing};
use braid_vote::{
    Ballot, EgressId, EgressSet, Elector, Evidence, Millis, Policy, Poll, PrefixId, ProbeEvidence,
};
use ipnet::Ipv4Net;

use crate::{borders::Borders, spec::Vn};

/// Where records are, in the border's directory.
const DIR: &str = "record";

/// The record of a booth; by default there is none.
#[derive(Debug, Default)]
pub struct Tape(Option<Recorder>);

impl Tape {
    /// Starts a record in the border's directory, of a booth in which there is nothing yet. `epoch_ms`: what the wall clock
    /// showed at the origin of the booth's clock.
    pub fn start(
        run_dir: &Path,
        network: &NetworkName,
        border: &NodeName,
        epoch_ms: u64,
    ) -> io::Result<Self> {
        let header = Header {
            network: network.to_string(),
            border: border.to_string(),
            epoch_ms,
            ..Header::default()
        };
        Recorder::start(run_dir.join(DIR), Limits::default(), header).map(|recorder| Self(Some(recorder)))
    }

    fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(recorder) = &mut self.0 {
            recorder.note(event());
        }
    }

    /// These are the virtual networks, and those who vote.
    pub fn electors(&mut self, vns: &[Vn], electors: &[Elector]) {
        let Some(recorder) = &mut self.0 else { return };
        for vn in vns {
            let (id, name) = (vn.id.get(), vn.name.to_string());
            if recorder.header().vns.get(&id) != Some(&name) {
                recorder.note(Event::Vn { vn: id, name });
            }
        }
        recorder.note(Event::Electors(electors.to_vec()));
    }

    /// An election was opened.
    pub fn open(
        &mut self,
        number: PrefixId,
        prefix: Ipv4Net,
        policy: Policy,
        attached: &EgressSet,
        adopted: Option<u8>,
    ) {
        self.note(|| Event::Open { number, prefix, policy, attached: attached.clone(), adopted });
    }

    /// An election was closed.
    pub fn close(&mut self, number: PrefixId) {
        self.note(|| Event::Close { number });
    }

    /// The terms of an election changed.
    pub fn terms(&mut self, number: PrefixId, policy: Policy, attached: &EgressSet) {
        self.note(|| Event::Terms { number, policy, attached: attached.clone() });
    }

    /// The poll was told something that it did not know.
    pub fn hear(&mut self, at: Millis, evidence: &Evidence) {
        self.note(|| Event::Evidence { at, evidence: evidence.clone() });
    }

    /// The poll decided.
    pub fn decide(&mut self, at: Millis, changed: &[PrefixId], poll: &Poll, borders: &Borders) {
        let Some(recorder) = &mut self.0 else { return };
        let named = (0..=u16::MAX).skip(recorder.header().borders.len());
        for (border, name) in named.map_while(|border| Some((border, borders.name(EgressId(border))?))) {
            recorder.note(Event::Border { border, name: name.to_string() });
        }
        let verdicts = changed.iter().filter_map(|number| Some((*number, poll.verdict(*number)?)));
        let changed = verdicts.map(|(number, verdict)| Decided {
            number,
            winner: verdict.winner,
            step: verdict.decisive_step,
            alarm: verdict.alarm,
        });
        recorder.decided(at, changed.collect());
    }

    /// Goes on with the record where that needs to be told how things stand.
    pub fn attend(&mut self, poll: &Poll, numbers: &BTreeMap<Ipv4Net, PrefixId>, electors: &[Elector]) {
        let Some(recorder) = &mut self.0 else { return };
        let unreached = recorder.header().unreached.clone();
        recorder.attend(|after, count| {
            let from = after.map_or(Unbounded, Excluded);
            let next = numbers.range((from, Unbounded)).take(count);
            let stands = |(prefix, number): (&Ipv4Net, &PrefixId)| {
                let attached = poll.attached(*number)?.clone();
                let ballots = electors.iter().filter_map(|elector| {
                    let ballot = poll.ballot(*number, elector.vn)?;
                    let route = poll.route(*number, elector.vn)?;
                    let lost = |border: &EgressId| unreached.contains_key(&(elector.vn, border.0));
                    Some(known(ballot, route, !attached.is_empty() && attached.iter().all(lost)))
                });
                Some(Standing {
                    number: *number,
                    prefix: *prefix,
                    policy: *poll.policy(*number)?,
                    winner: poll.winner(*number),
                    ballots: ballots.collect(),
                    attached,
                })
            };
            next.filter_map(stands).collect()
        });
    }

    /// A part of the record waits for [`Tape::attend`].
    pub fn is_busy(&self) -> bool {
        self.0.as_ref().is_some_and(Recorder::is_busy)
    }

    /// What is wrong with the record.
    pub fn problem(&self) -> Option<String> {
        self.0.as_ref().and_then(Recorder::problem)
    }
}

/// A ballot without what follows from the state of ports and of ways to whole borders, which is recorded by itself.
fn known(ballot: Ballot, route: braid_vote::RouteEvidence, unreached: bool) -> Known {
    let probe = match ballot.probe {
        ProbeEvidence::Lost if unreached => ProbeEvidence::Unknown,
        probe => probe,
    };
    Known {
        vn: ballot.vn,
        route: (route, ballot.fib.since),
        probe: (probe, ballot.probe_since),
        verification: (ballot.verification, ballot.verification_since),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use braid_record::{Change, Record, replay};
    use braid_vote::{EngineState, NextHop, RouteEvidence, Rule};

    use super::*;
    use crate::{
        booth::Booth,
        spec::{Foreign, Spec, Vn},
    };

    fn vn(id: u32) -> braid_proto::VnId {
        braid_proto::VnId::try_from(id).unwrap()
    }

    fn prefix(third: u8) -> Ipv4Net {
        format!("198.18.{third}.0/24").parse().unwrap()
    }

    fn spec(prefixes: u8, rule: Rule) -> Spec {
        let network = |(id, code_base): (u32, &str)| Vn {
            id: vn(id),
            name: ["red", "green", "blue"][id as usize - 1].parse().unwrap(),
            engine: code_base.to_owned(),
            code_base: code_base.to_owned(),
            namespace: format!("lab.a.vn{id}"),
            port: format!("braid-vn{id}").parse().unwrap(),
            router_port: "port".parse().unwrap(),
            gateway: [100, 67, 0, 1].into(),
            layout_class: None,
        };
        let foreign = |third| Foreign {
            prefix: prefix(third),
            egress: std::collections::BTreeSet::from(["b".parse().unwrap()]).into(),
            policy: Policy::new(rule).into(),
        };
        Spec {
            vns: [(1, "frr"), (2, "bird"), (3, "native")].map(network).into(),
            foreign: (0..prefixes).map(foreign).collect(),
            ..Spec::default()
        }
    }

    fn route() -> RouteEvidence {
        let hop = NextHop { gateway: Some([100, 65, 0, 3].into()), interface: "eth1".into() };
        RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 }
    }

    /// A border's life is recorded: prefixes come and go, an engine dies, the policy changes. The replay of its record
    /// gives the verdicts that it gave, with the names, and so it can be compared with what another policy had done.
    #[test]
    fn a_booths_record_replays_to_its_verdicts() {
        let dir = tempfile::tempdir().unwrap();
        let network: NetworkName = "lab".parse().unwrap();
        let node: NodeName = "a".parse().unwrap();
        let mut booth = Booth::new([(prefix(0), vn(2))].into());
        booth.record(Tape::start(dir.path(), &network, &node, 1_000_000).unwrap());
        booth.set_spec(spec(4, Rule::Master { master: 1 }), Millis(0));
        for id in 1..=3 {
            booth.set_routes(vn(id), (0..4).map(|third| (prefix(third), route())).collect(), Millis(5));
        }
        assert_eq!(booth.decide(Millis(5)).len(), 4);
        booth.decide(Millis(300));
        booth.set_engine(vn(1), EngineState::Gone, Millis(1_000));
        booth.decide(Millis(1_001));
        booth.set_spec(spec(3, Rule::Majority), Millis(2_000));
        booth.decide(Millis(2_000));
        booth.set_route(vn(2), prefix(1), RouteEvidence::Missing, Millis(3_000));
        booth.decide(Millis(3_004));
        let winners: Vec<_> =
            booth.winners().map(|(prefix, vn)| (prefix, vn.map(braid_proto::VnId::get))).collect();
        drop(booth);

        let record = Record::open(&PathBuf::from(dir.path()).join(DIR)).unwrap();
        assert_eq!(record.warnings(), [""; 0]);
        assert_eq!(record.vn_names()[&3], "blue");
        let outcome = replay(&record, &Change::default());
        assert_eq!(outcome.mismatches, Some(0));
        for (prefix, winner) in winners {
            let turns = &outcome.prefixes[&prefix].turns;
            assert_eq!(turns.last().unwrap().winner, winner, "{prefix}: {turns:?}");
        }
        assert!(outcome.prefixes[&prefix(3)].turns.last().unwrap().is_end());
        assert_eq!(outcome.prefixes[&prefix(1)].turns.last().unwrap().at_ms, 1_003_004);
    }
}
