//! The topology file as written: what may stand in it, and what is left to defaults.
//!
//! These types are the source of the JSON Schema (hence the descriptions) and of [`crate::write`]; [`crate::decode`]
//! reads them, [`crate::validate`] turns them into the domain model.

use std::{borrow::Cow, collections::BTreeMap};

use braid_proto::{Engine, NetworkName, NodeName, VnId, VnName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    diagnostic::Place,
    scalar::{
        Address, Budget, CustomerPrefix, Electors, Interface, Latitude, LinkEnd, Longitude, Losses, Memory,
        Metric, Mtu, Penalty, Pids, PolicyName, Prefix, Time,
    },
};

/// A value and where it stands in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> From<T> for At<T> {
    /// For files that are yet to be written.
    fn from(value: T) -> Self {
        Self { value, place: Place::START }
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A braid topology file: the physical network, the virtual networks over it, and how borders choose among them.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Topology")]
pub(crate) struct File {
    /// The network's name.
    pub(crate) name: At<NetworkName>,
    /// The physical network.
    pub(crate) topology: FileGraph,
    /// The virtual networks, at least one; ids and names unique.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) vns: Vec<FileVn>,
    /// How borders choose. By default: the majority where three or more code bases run, else the first virtual
    /// network as master.
    pub(crate) vote: Option<FileVote>,
    /// How borders probe the virtual networks.
    pub(crate) probes: Option<FileProbes>,
    /// Pools from which addresses are allocated.
    pub(crate) addressing: Option<FileAddressing>,
}

/// The physical network: nodes and the links between them. It must be connected.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Graph")]
pub(crate) struct FileGraph {
    /// The nodes by name, at most 1024.
    #[schemars(with = "BTreeMap<NodeName, Option<FileNode>>", extend("minProperties" = 1, "maxProperties" = 1024))]
    pub(crate) nodes: Vec<(At<NodeName>, FileNode)>,
    /// The links, at most 4096.
    #[schemars(with = "Option<Vec<FileLink>>", extend("maxItems" = 4096))]
    pub(crate) links: Vec<FileLink>,
}

/// A physical router.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Node")]
pub(crate) struct FileNode {
    /// Latitude and longitude in degrees, for maps.
    pub(crate) position: Option<(Latitude, Longitude)>,
    /// Present on nodes with attached (customer) prefixes.
    pub(crate) border: Option<FileBorder>,
}

/// What makes a node a border.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Border")]
pub(crate) struct FileBorder {
    /// The attached prefixes, at least one; none may overlap another of the network.
    #[schemars(length(min = 1))]
    pub(crate) prefixes: Vec<FilePrefix>,
}

/// An attached prefix, alone or with the customer-facing interface (by default `cust0`, `cust1`, … in order).
#[derive(Debug, Clone)]
pub(crate) struct FilePrefix {
    pub(crate) prefix: At<CustomerPrefix>,
    pub(crate) interface: Option<At<Interface>>,
}

impl JsonSchema for FilePrefix {
    fn schema_name() -> Cow<'static, str> {
        "AttachedPrefix".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let prefix = generator.subschema_for::<CustomerPrefix>();
        let interface = generator.subschema_for::<Option<Interface>>();
        json_schema!({
            "description": "An attached prefix, alone or with the customer-facing interface.",
            "anyOf": [
                prefix,
                {
                    "type": "object",
                    "properties": { "prefix": prefix, "interface": interface },
                    "required": ["prefix"],
                    "additionalProperties": false,
                }
            ]
        })
    }
}

/// A physical link.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Link")]
pub(crate) struct FileLink {
    /// Its two ends, `node:interface` each.
    pub(crate) endpoints: [At<LinkEnd>; 2],
    /// IGP metric in both directions; default 10.
    pub(crate) metric: Option<Metric>,
    /// One-way propagation delay, up to 10 s.
    pub(crate) delay: Option<At<Time>>,
    /// MTU of the physical link in bytes; default 1600, so that customers keep 1500.
    pub(crate) mtu: Option<At<Mtu>>,
    /// Addresses of the two ends, where they are not to be allocated.
    pub(crate) addresses: Option<[At<Address>; 2]>,
}

/// A virtual network.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "VirtualNetwork")]
pub(crate) struct FileVn {
    /// Unique id; it is the third byte of every VNI on the wire.
    pub(crate) id: At<VnId>,
    /// Unique name.
    pub(crate) name: At<VnName>,
    /// The routing implementation.
    pub(crate) engine: Engine,
    /// Over which links it runs; default `full`.
    pub(crate) layout: Option<FileLayout>,
    /// Interval between hellos, 1s to 60s in whole seconds; default 1s.
    pub(crate) hello: Option<At<Time>>,
    /// What one instance may use of its node.
    pub(crate) limits: Option<FileLimits>,
}

/// Over which links a virtual network runs: `full`, or all without some.
#[derive(Debug, Clone)]
pub(crate) enum FileLayout {
    Full,
    Without(Vec<At<LinkEnd>>),
}

impl JsonSchema for FileLayout {
    fn schema_name() -> Cow<'static, str> {
        "Layout".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let end = generator.subschema_for::<LinkEnd>();
        json_schema!({
            "description": "`full`, or all links without some, each named by either of its ends.",
            "anyOf": [
                { "const": "full" },
                {
                    "type": "object",
                    "properties": { "without": { "type": "array", "items": end, "minItems": 1 } },
                    "required": ["without"],
                    "additionalProperties": false,
                }
            ]
        })
    }
}

/// Bounds on one engine instance.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Limits")]
pub(crate) struct FileLimits {
    /// Memory, 16MiB to 1024GiB; default 512MiB.
    pub(crate) memory: Option<Memory>,
    /// Processes and threads; default 64.
    pub(crate) pids: Option<Pids>,
}

/// How borders choose the virtual network that forwards a prefix.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Vote")]
pub(crate) struct FileVote {
    /// For every prefix that no rule matches.
    pub(crate) default: Option<FilePolicy>,
    /// Rules for some prefixes; the first that matches holds.
    #[schemars(with = "Option<Vec<FileRule>>")]
    pub(crate) prefixes: Vec<FileRule>,
    /// How virtual networks that keep losing a prefix are held down.
    pub(crate) damping: Option<FileDamping>,
}

/// Damping in the manner of RFC 2439: each loss of a prefix adds 1000 to a penalty that decays exponentially.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Damping")]
pub(crate) struct FileDamping {
    /// In what time a penalty halves, 1s to 3600s; default 60s.
    pub(crate) half_life: Option<At<Time>>,
    /// From which penalty on a virtual network stands back; default 3000.
    pub(crate) suppress: Option<At<Penalty>>,
    /// Below which penalty it no longer does, at most `suppress`; default 750.
    pub(crate) reuse: Option<At<Penalty>>,
    /// How long it is held down at most, up to 3600s; default 600s.
    pub(crate) longest: Option<At<Time>>,
}

/// How borders probe the virtual networks in band.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Probes")]
pub(crate) struct FileProbes {
    /// Interval between probes to another border through the virtual network that forwards there, 5ms to 10s; default 20ms.
    pub(crate) interval: Option<At<Time>>,
    /// So many in a row must be lost to count; default 3.
    pub(crate) losses: Option<At<Losses>>,
    /// What one border may send in all, answers included; intervals stretch to keep to it; 0 turns probing off; default
    /// 1000.
    pub(crate) packets_per_second: Option<At<Budget>>,
}

/// A voting policy.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Policy")]
pub(crate) struct FilePolicy {
    /// Which rule decides.
    pub(crate) policy: At<PolicyName>,
    /// With policy master: the name of the virtual network that drives.
    pub(crate) master: Option<At<VnName>>,
    /// With policy first-k: how many code bases are waited for.
    pub(crate) k: Option<At<Electors>>,
    /// Whether a virtual network with a verified fault for the prefix loses its vote; default no.
    pub(crate) verified: Option<bool>,
    /// How long a mere disagreement must last before it decides, up to 60s; default 200ms.
    pub(crate) settle: Option<At<Time>>,
    /// How long a virtual network that was voted out must be clean before it may return, up to 600s; default 30s.
    pub(crate) fail_back: Option<At<Time>>,
    /// How long a vote waits at most for steady ballots, up to 60s; default 1s.
    pub(crate) deadline: Option<At<Time>>,
}

/// A voting policy for the prefixes within one.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Rule")]
pub(crate) struct FileRule {
    /// Prefixes within this one.
    #[schemars(rename = "match")]
    pub(crate) matches: At<Prefix>,
    /// What holds for them; `settle`, `fail_back`, `deadline` and `verified` are taken from the default policy where they are not given.
    #[schemars(flatten)]
    pub(crate) policy: FilePolicy,
}

/// Pools from which addresses are allocated; they must not overlap one another or an attached prefix.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Addressing")]
pub(crate) struct FileAddressing {
    /// A /32 per node, the same in every virtual network; default 100.64.0.0/16.
    pub(crate) loopbacks: Option<At<Prefix>>,
    /// A /31 per link inside virtual networks; default 100.65.0.0/16.
    pub(crate) links: Option<At<Prefix>>,
    /// A /31 per physical link; default 100.66.0.0/16.
    pub(crate) underlay: Option<At<Prefix>>,
    /// A /31 per virtual network between a node and its virtual router; default 100.67.0.0/16.
    pub(crate) ports: Option<At<Prefix>>,
}
