//! What is recorded: everything that moves a border's verdicts, in the order in which its poll was told, and the verdicts.

use std::collections::BTreeMap;

use braid_vote::{
    Alarm, EgressSet, Elector, EngineState, Evidence, Millis, Policy, PrefixId, ProbeEvidence, RouteEvidence,
    Step, VerificationEvidence,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::wire;

/// What a segment begins with: all that is not about a single prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Header {
    /// The network.
    pub network: String,
    /// The border whose record it is.
    pub border: String,
    /// What the wall clock showed at `Millis(0)`, in milliseconds since 1970.
    pub epoch_ms: u64,
    /// When the segment begins, on the border's clock.
    pub begins: Millis,
    /// Events that were lost before this segment, since the disk or the queue was full. Above zero there is a gap: what was
    /// known before it does not hold any more.
    pub lost: u64,
    /// The names of the VNs, by id.
    pub vns: BTreeMap<u8, String>,
    /// The names of the borders, by number.
    pub borders: BTreeMap<u16, String>,
    /// The electors in force.
    #[serde(with = "wire::electors")]
    pub electors: Vec<Elector>,
    /// The engines' states, by VN, and since when.
    pub engines: BTreeMap<u8, (wire::Engine, Millis)>,
    /// Whether packets can get into each VN, and since when.
    pub ports: BTreeMap<u8, (bool, Millis)>,
    /// The borders that VNs do not reach: VN, border, since when.
    pub unreached: BTreeMap<(u8, u16), Millis>,
    /// Votes are being held: the border has heard of everyone, or has waited long enough.
    pub voting: bool,
}

/// An election in force when its turn came in a snapshot, with all the evidence on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number.
    pub number: PrefixId,
    /// The prefix.
    pub prefix: Ipv4Net,
    /// Its policy.
    #[serde(with = "wire::PolicyForm")]
    pub policy: Policy,
    /// The borders where it is attached.
    pub attached: EgressSet,
    /// The VN that drives it.
    pub winner: Option<u8>,
    /// What is known of each VN.
    pub ballots: Vec<Known>,
}

/// What is known of one VN's offer for one prefix, with since when each piece has been so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The VN.
    pub vn: u8,
    /// Its route.
    #[serde(with = "wire::route")]
    pub route: (RouteEvidence, Millis),
    /// What probes found.
    #[serde(with = "wire::probe")]
    pub probe: (ProbeEvidence, Millis),
    /// What verification found.
    #[serde(with = "wire::verification")]
    pub verification: (VerificationEvidence, Millis),
}

/// A verdict that changed, as decided live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The prefix.
    pub number: PrefixId,
    /// Who drives it from now on.
    pub winner: Option<u8>,
    /// The step that decided.
    #[serde(with = "wire::StepForm")]
    pub step: Step,
    /// The alarm on it.
    #[serde(with = "wire::alarm")]
    pub alarm: Option<Alarm>,
}

/// One thing that a border's poll was told, or said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An election as it stood; part of the snapshot at a segment's beginning.
    Standing(Box<Standing>),
    /// An election was opened.
    Open {
        /// Its number; may have been another prefix's before.
        number: PrefixId,
        /// The prefix.
        prefix: Ipv4Net,
        /// Its policy.
        #[serde(with = "wire::PolicyForm")]
        policy: Policy,
        /// The borders where it is attached.
        attached: EgressSet,
        /// The VN that the kernel was found to use, taken over as the incumbent.
        adopted: Option<u8>,
    },
    /// An election was closed.
    Close {
        /// Its number.
        number: PrefixId,
    },
    /// The policy of an election, or where its prefix is attached, changed.
    Terms {
        /// Its number.
        number: PrefixId,
        /// The policy from now on.
        #[serde(with = "wire::PolicyForm")]
        policy: Policy,
        /// The borders from now on.
        attached: EgressSet,
    },
    /// The electors from now on.
    Electors(#[serde(with = "wire::electors")] Vec<Elector>),
    /// A piece of evidence.
    Evidence {
        /// Since when things are so: for probes before the poll heard of it, as a loss is known by several.
        at: Millis,
        /// The evidence.
        #[serde(with = "wire::EvidenceForm")]
        evidence: Evidence,
    },
    /// The poll was asked to decide.
    Decide {
        /// When.
        at: Millis,
        /// The verdicts that changed in anything.
        changed: Vec<Decided>,
    },
    /// The name of a VN.
    Vn {
        /// Its id.
        vn: u8,
        /// Its name.
        name: String,
    },
    /// The name of a border.
    Border {
        /// Its number.
        border: u16,
        /// Its name.
        name: String,
    },
}

impl Header {
    /// The header of the segment after an event: all that is not about a single prefix is kept up to date here.
    pub fn follow(&mut self, event: &Event) {
        match event {
            Event::Electors(electors) => self.electors.clone_from(electors),
            Event::Vn { vn, name } => {
                self.vns.insert(*vn, name.clone());
            }
            Event::Border { border, name } => {
                self.borders.insert(*border, name.clone());
            }
            Event::Evidence { at, evidence } => self.hear(*at, evidence),
            Event::Decide { at, .. } => {
                self.voting = true;
                self.begins = *at;
            }
            Event::Standing(_) | Event::Open { .. } | Event::Close { .. } | Event::Terms { .. } => {}
        }
    }

    fn hear(&mut self, at: Millis, evidence: &Evidence) {
        match *evidence {
            Evidence::Engine { vn, state } => {
                let news =
                    self.engines.get(&vn).is_none_or(|(before, _)| EngineState::from(*before) != state);
                if news {
                    self.engines.insert(vn, (state.into(), at));
                }
            }
            Evidence::Port { vn, up } => {
                if self.ports.get(&vn).is_none_or(|(before, _)| *before != up) {
                    self.ports.insert(vn, (up, at));
                }
            }
            Evidence::Border { border, vn, lost: true } => {
                self.unreached.entry((vn, border.0)).or_insert(at);
            }
            Evidence::Border { border, vn, lost: false } => {
                self.unreached.remove(&(vn, border.0));
            }
            Evidence::Route { .. }
            | Evidence::Probe { .. }
            | Evidence::Verification { .. }
            | Evidence::VerificationAway
            // A clone is asked over and over while there is doubt: the next answer is near.
            | Evidence::Converged { .. } => {}
        }
    }

    /// What it says, as evidence with its times.
    pub fn evidence(&self) -> impl Iterator<Item = (Millis, Evidence)> {
        let engines = self
            .engines
            .iter()
            .map(|(vn, (state, at))| (*at, Evidence::Engine { vn: *vn, state: (*state).into() }));
        let ports = self.ports.iter().map(|(vn, (up, at))| (*at, Evidence::Port { vn: *vn, up: *up }));
        let unreached = self.unreached.iter().map(|((vn, border), at)| {
            (*at, Evidence::Border { border: braid_vote::EgressId(*border), vn: *vn, lost: true })
        });
        engines.chain(ports).chain(unreached)
    }
}

impl Standing {
    /// The evidence on it, with its times.
    pub fn evidence(&self, number: PrefixId) -> impl Iterator<Item = (Millis, Evidence)> {
        self.ballots.iter().flat_map(move |known| {
            let (vn, prefix) = (known.vn, number);
            let (route, routed) = known.route.clone();
            let (probe, probed) = known.probe.clone();
            let (verification, verified) = known.verification.clone();
            [
                (routed, Evidence::Route { prefix, vn, route }),
                (probed, Evidence::Probe { prefix, vn, probe }),
                (verified, Evidence::Verification { prefix, vn, verification }),
            ]
        })
    }
}
