//! How the voter's types are written in a record: their serde forms carry tags that a binary format cannot read back, and
//! may change, while the form of a record may not.

use std::time::Duration;

use braid_vote::{
    Alarm, Damping, EgressId, EgressSet, Elector, EngineState, Evidence, LayoutClass, Millis, NextHop,
    Policy, PrefixId, ProbeEvidence, RouteEvidence, Rule, SortedSet, Step, Unusable, VerificationEvidence,
};
use serde::{Deserialize, Serialize};

/// The form of [`Policy`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Policy")]
pub(crate) struct PolicyForm {
    #[serde(with = "RuleForm")]
    rule: Rule,
    verified: bool,
    settle: Duration,
    fail_back: Duration,
    deadline: Duration,
    #[serde(with = "DampingForm")]
    damping: Damping,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rule")]
enum RuleForm {
    Master { master: u8 },
    Majority,
    FirstK { k: u8 },
    Consensus,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Damping")]
struct DampingForm {
    half_life: Duration,
    suppress: u32,
    reuse: u32,
    max_suppress: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Evidence")]
pub(crate) enum EvidenceForm {
    Route {
        prefix: PrefixId,
        vn: u8,
        #[serde(with = "RouteForm")]
        route: RouteEvidence,
    },
    Probe {
        prefix: PrefixId,
        vn: u8,
        #[serde(with = "ProbeForm")]
        probe: ProbeEvidence,
    },
    Border {
        border: EgressId,
        vn: u8,
        lost: bool,
    },
    Verification {
        prefix: PrefixId,
        vn: u8,
        #[serde(with = "VerificationForm")]
        verification: VerificationEvidence,
    },
    VerificationAway,
    Engine {
        vn: u8,
        #[serde(with = "EngineForm")]
        state: EngineState,
    },
    Port {
        vn: u8,
        up: bool,
    },
    Converged {
        vn: u8,
        asked: Millis,
        at_rest: bool,
        pending: SortedSet<PrefixId>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RouteEvidence")]
enum RouteForm {
    Missing,
    Unusable {
        #[serde(with = "UnusableForm")]
        reason: Unusable,
    },
    Usable {
        next_hops: SortedSet<NextHop>,
        metric: u32,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Unusable")]
enum UnusableForm {
    Blackhole,
    Unreachable,
    Prohibited,
    NoLiveNextHop,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ProbeEvidence")]
enum ProbeForm {
    Unknown,
    Delivers { egress: EgressSet },
    Lost,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "VerificationEvidence")]
enum VerificationForm {
    Unknown,
    Delivers { egress: EgressSet },
    Loops,
    Dropped,
    DiffersFromModel { egress: EgressSet },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EngineState")]
enum EngineForm {
    Running,
    Starting,
    Gone,
    Silent,
    Unknown,
}

/// The state of an engine, as a record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine(#[serde(with = "EngineForm")] EngineState);

impl From<EngineState> for Engine {
    fn from(state: EngineState) -> Engine {
        Engine(state)
    }
}

impl From<Engine> for EngineState {
    fn from(Engine(state): Engine) -> EngineState {
        state
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Step")]
pub(crate) enum StepForm {
    NoneUsable,
    Gathering,
    OnlyCandidate,
    Eligibility,
    LastStanding,
    Settling,
    Majority,
    FailBack,
    Damping,
    Master,
    Incumbent,
    Plurality,
    Preference,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Alarm")]
enum AlarmForm {
    Split,
    Unverified,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Elector")]
struct ElectorForm {
    vn: u8,
    rank: u16,
    code_base: String,
    layout: Option<LayoutClass>,
}

/// Makes a module for `#[serde(with)]` of a type that holds a foreign one.
macro_rules! with {
    ($name:ident: $whole:ty, $part:ty as $form:literal, $take:expr, $give:expr) => {
        pub(crate) mod $name {
            use serde::{Deserializer, Serializer};

            use super::*;

            #[derive(Serialize, Deserialize)]
            struct Part(#[serde(with = $form)] $part);

            pub fn serialize<S: Serializer>(whole: &$whole, serializer: S) -> Result<S::Ok, S::Error> {
                let take: fn(&$whole) -> _ = $take;
                take(whole).serialize(serializer)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$whole, D::Error> {
                Deserialize::deserialize(deserializer).map($give)
            }
        }
    };
}

with!(
    electors: Vec<Elector>, Elector as "ElectorForm",
    |whole| whole.iter().cloned().map(Part).collect::<Vec<_>>(),
    |parts: Vec<Part>| parts.into_iter().map(|Part(elector)| elector).collect()
);
with!(alarm: Option<Alarm>, Alarm as "AlarmForm", |whole| whole.map(Part), |part: Option<Part>| part.map(|part| part.0));
with!(
    route: (RouteEvidence, Millis), RouteEvidence as "RouteForm",
    |(route, at)| (Part(route.clone()), *at),
    |(Part(route), at): (Part, Millis)| (route, at)
);
with!(
    probe: (ProbeEvidence, Millis), ProbeEvidence as "ProbeForm",
    |(probe, at)| (Part(probe.clone()), *at),
    |(Part(probe), at): (Part, Millis)| (probe, at)
);
with!(
    verification: (VerificationEvidence, Millis), VerificationEvidence as "VerificationForm",
    |(found, at)| (Part(found.clone()), *at),
    |(Part(found), at): (Part, Millis)| (found, at)
);
