//! From the file to what the engine is told. What is wrong is told by the names that the file has.

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, time::Duration};

use braid_ospf::{
    AreaConfig, AreaType, Config, InterfaceConfig, InterfaceId, Limits, LsaPacing, SpfDelay,
    VirtualLinkConfig,
};
use braid_ospf_packet::{AreaId, LS_INFINITY, RouterId};
use ipnet::Ipv4Net;

use super::{
    Algorithm, Authentication, Time, Validity,
    file::{
        Area, AreaKind, DEAD_HELLOS, External, ExternalRange, File, Interface, Network, StubRouter,
        Translate, VirtualLink,
    },
};
use crate::{
    ConfigError,
    file::{Wrong, meaning, ms, wrong},
};

impl File {
    /// What the engine is told, with the interfaces that are there. External routes are told apart.
    ///
    /// # Errors
    /// [`ConfigError::Meaning`] with the first entry that is wrong, also among interfaces that are not there.
    pub fn to_config(&self, path: &Path, index: impl Fn(&str) -> Option<u32>) -> Result<Config, ConfigError> {
        self.convert(index).map_err(|wrong| meaning(path, wrong))
    }

    fn convert(&self, index: impl Fn(&str) -> Option<u32>) -> Result<Config, Wrong> {
        let mut config = Config::new(RouterId(self.router_id));
        if self.router_id.is_unspecified() {
            return Err(wrong("router_id", "0.0.0.0 is no router id: give an address of this router"));
        }
        for (id, area) in &self.areas {
            let about = format!("areas.{id}");
            config.areas.insert(AreaId(*id), convert_area(area, &about)?);
        }
        // By numbers of their own, so that those that are not there are checked too.
        let mut all = config.clone();
        for (number, (name, interface)) in (1..).zip(&self.interfaces) {
            let converted = convert_interface(name, interface)?;
            if let Some(index) = index(name) {
                config.interfaces.insert(InterfaceId(index), converted.clone());
            }
            all.interfaces = BTreeMap::from([(InterfaceId(number), converted)]);
            all.check().map_err(|error| wrong(format!("interfaces.{name}"), error.to_string()))?;
        }
        for link in &self.virtual_links {
            config.virtual_links.push(convert_virtual_link(link)?);
        }
        for (prefix, external) in &self.externals {
            check_external(&format!("externals.{prefix}"), external.kind, external.metric)?;
        }
        for rule in &self.redistribute {
            check_external(&format!("redistribute.{}", rule.protocol), rule.kind, rule.metric)?;
        }
        self.convert_rest(&mut config)?;
        config.check().map_err(|error| wrong("configuration", error.to_string()))?;
        Ok(config)
    }

    fn convert_rest(&self, config: &mut Config) -> Result<(), Wrong> {
        let spf = self.spf.unwrap_or_default();
        let usual = SpfDelay::default();
        config.spf = SpfDelay {
            initial: ms(spf.initial_ms, usual.initial),
            short: ms(spf.short_ms, usual.short),
            long: ms(spf.long_ms, usual.long),
            hold_down: ms(spf.hold_down_ms, usual.hold_down),
            time_to_learn: ms(spf.time_to_learn_ms, usual.time_to_learn),
        };
        let lsa = self.lsa.unwrap_or_default();
        let usual = LsaPacing::default();
        config.lsa = LsaPacing {
            initial: ms(lsa.initial_ms, usual.initial),
            hold: ms(lsa.hold_ms, usual.hold),
            max: ms(lsa.max_ms, usual.max),
            min_arrival: ms(lsa.min_arrival_ms, usual.min_arrival),
            ..usual
        };
        config.max_paths = self.max_paths.unwrap_or(config.max_paths);
        if !(1..=64).contains(&config.max_paths) {
            return Err(wrong("max_paths", format!("{} is not in 1 to 64", config.max_paths)));
        }
        config.stub_router = match self.stub_router {
            StubRouter::Off => braid_ospf::StubRouter::Off,
            StubRouter::Links => braid_ospf::StubRouter::Links,
            StubRouter::All => braid_ospf::StubRouter::All,
        };
        config.graceful_helper = self.graceful_helper;
        config.opaque = self.opaque;
        config.rfc1583 = self.rfc1583;
        let limits = self.limits.unwrap_or_default();
        let usual = Limits::default();
        let limit = |given: Option<u32>, usual: usize| given.map_or(usual, |given| given as usize);
        config.limits = Limits {
            lsas: limit(limits.lsas, usual.lsas),
            lsa_bytes: limit(limits.lsa_bytes, usual.lsa_bytes),
            neighbours: limit(limits.neighbours, usual.neighbours),
            retransmissions: limit(limits.retransmissions, usual.retransmissions),
            packets_per_second: limits.packets_per_second.unwrap_or(usual.packets_per_second),
            externals: limit(limits.externals, usual.externals),
        };
        self.kernel.check()
    }
}

fn seconds(given: u32) -> Duration {
    Duration::from_secs(given.into())
}

fn convert_area(area: &Area, about: &str) -> Result<AreaConfig, Wrong> {
    let refuse = |given: bool, what: &str, kinds: &str| {
        if given { Err(wrong(format!("{about}.{what}"), format!("only {kinds} have it"))) } else { Ok(()) }
    };
    if area.kind == AreaKind::Normal {
        refuse(area.default_cost.is_some(), "default_cost", "stub areas and NSSAs")?;
        refuse(area.summaries.is_some(), "summaries", "stub areas and NSSAs")?;
    }
    if area.kind != AreaKind::Nssa {
        refuse(area.translate.is_some(), "translate", "NSSAs")?;
        refuse(area.default_route.is_some(), "default_route", "NSSAs")?;
        refuse(!area.external_ranges.is_empty(), "external_ranges", "NSSAs")?;
    }
    let default_cost = area.default_cost.unwrap_or(1);
    check_metric(&format!("{about}.default_cost"), default_cost)?;
    let summaries = area.summaries.unwrap_or(true);
    let kind = match area.kind {
        AreaKind::Normal => AreaType::Normal,
        AreaKind::Stub => AreaType::Stub { default_cost, summaries },
        AreaKind::Nssa => AreaType::Nssa {
            default_cost,
            summaries,
            translate: match area.translate.unwrap_or_default() {
                Translate::Candidate => braid_ospf::Translate::Candidate,
                Translate::Always => braid_ospf::Translate::Always,
                Translate::Never => braid_ospf::Translate::Never,
            },
            default_route: area.default_route.unwrap_or(false),
            external_ranges: area.external_ranges.iter().map(convert_external_range).collect(),
        },
    };
    let mut ranges = BTreeMap::new();
    for (prefix, range) in &area.ranges {
        check_metric(&format!("{about}.ranges.{prefix}.cost"), range.cost.unwrap_or(0))?;
        ranges.insert(prefix.trunc(), braid_ospf::Range { advertise: range.advertise, cost: range.cost });
    }
    Ok(AreaConfig { kind, ranges })
}

fn convert_external_range((prefix, range): (&Ipv4Net, &ExternalRange)) -> (Ipv4Net, Option<u32>) {
    (prefix.trunc(), range.advertise.then_some(range.tag))
}

fn check_metric(about: &str, metric: u32) -> Result<(), Wrong> {
    if metric < LS_INFINITY {
        return Ok(());
    }
    Err(wrong(about, format!("{metric} is too much: below {LS_INFINITY}")))
}

fn check_external(about: &str, kind: u8, metric: u32) -> Result<(), Wrong> {
    if !(1..=2).contains(&kind) {
        return Err(wrong(format!("{about}.type"), format!("{kind} is no metric type: 1 or 2")));
    }
    check_metric(&format!("{about}.metric"), metric)
}

fn convert_interface(name: &str, interface: &Interface) -> Result<InterfaceConfig, Wrong> {
    let about = format!("interfaces.{name}");
    Ok(InterfaceConfig {
        name: name.to_owned(),
        area: AreaId(interface.area),
        address: interface.address,
        prefixes: interface.prefixes.iter().map(|(prefix, metric)| (prefix.trunc(), *metric)).collect(),
        kind: match interface.network {
            Network::PointToPoint => braid_ospf::Network::PointToPoint,
            Network::Broadcast => braid_ospf::Network::Broadcast,
            Network::Loopback => braid_ospf::Network::Loopback,
        },
        passive: interface.passive,
        cost: interface.cost(),
        priority: interface.priority,
        hello: seconds(interface.hello_s.into()),
        dead: seconds(interface.dead_s()),
        retransmit: seconds(interface.retransmit_s.max(1).into()),
        transmit_delay: interface.transmit_delay_s.max(1),
        mtu: interface.mtu,
        ignore_mtu: interface.ignore_mtu,
        authentication: convert_authentication(&interface.authentication, &about)?,
        ttl_security: interface.ttl_security,
    })
}

fn convert_virtual_link(link: &VirtualLink) -> Result<VirtualLinkConfig, Wrong> {
    let about = format!("virtual_links.{}", link.peer);
    let dead = link.dead_s.unwrap_or(u32::from(link.hello_s) * DEAD_HELLOS);
    Ok(VirtualLinkConfig {
        hello: seconds(link.hello_s.into()),
        dead: seconds(dead),
        retransmit: seconds(link.retransmit_s.max(1).into()),
        transmit_delay: link.transmit_delay_s.max(1),
        authentication: convert_authentication(&link.authentication, &about)?,
        ..VirtualLinkConfig::new(AreaId(link.transit), RouterId(link.peer))
    })
}

/// An external route as the engine is told it.
pub(super) fn convert_external(external: &External) -> braid_ospf::External {
    braid_ospf::External {
        metric: external.metric,
        type2: external.kind == 2,
        tag: external.tag,
        forwarding: external.forwarding.filter(|address| *address != Ipv4Addr::UNSPECIFIED),
    }
}

fn convert_authentication(
    authentication: &Authentication,
    about: &str,
) -> Result<braid_ospf_packet::Authentication, Wrong> {
    use braid_ospf_packet as packet;
    let about = format!("{about}.authentication");
    match authentication {
        Authentication::None => Ok(packet::Authentication::None),
        Authentication::Simple(password) if password.0.len() > 8 || password.0.is_empty() => {
            Err(wrong(about, "a simple password has 1 to 8 bytes"))
        }
        Authentication::Simple(password) => {
            Ok(packet::Authentication::Simple(packet::Password::new(password.0.as_bytes())))
        }
        Authentication::Keys(keys) if keys.is_empty() => Err(wrong(about, "no key")),
        Authentication::Keys(keys) => {
            let keys = keys.iter().map(|key| {
                let md5 = key.algorithm == Algorithm::Md5;
                if md5 && key.secret.0.len() > 16 {
                    return Err(wrong(
                        &about,
                        format!("key {}: a secret of MD5 has at most 16 bytes", key.id),
                    ));
                }
                if md5 && key.extended {
                    let reason = format!("key {}: MD5 is not extended by RFC 7474: take an HMAC", key.id);
                    return Err(wrong(&about, reason));
                }
                let algorithm = match key.algorithm {
                    Algorithm::Md5 => packet::Algorithm::Md5,
                    Algorithm::HmacSha1 => packet::Algorithm::HmacSha1,
                    Algorithm::HmacSha256 => packet::Algorithm::HmacSha256,
                    Algorithm::HmacSha384 => packet::Algorithm::HmacSha384,
                    Algorithm::HmacSha512 => packet::Algorithm::HmacSha512,
                };
                Ok(packet::Key {
                    extended: key.extended,
                    send: convert_validity(&key.send),
                    accept: convert_validity(&key.accept),
                    ..packet::Key::new(key.id, algorithm, key.secret.0.as_str())
                })
            });
            let keys: Vec<packet::Key> = keys.collect::<Result<_, Wrong>>()?;
            Ok(packet::Authentication::Cryptographic(packet::KeyChain::new(keys)))
        }
    }
}

/// The engine's clock is the wall clock as it stood at the start, so its seconds are those of the file.
fn convert_validity(validity: &Validity) -> braid_ospf_packet::Validity {
    braid_ospf_packet::Validity {
        from: validity.from.map_or(0, |Time(second)| second),
        until: validity.until.map_or(u64::MAX, |Time(second)| second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(text: &str) -> Result<Config, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        file.to_config(Path::new("f"), |name| (name == "eth1").then_some(7))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_with_everything_is_taken_and_absent_interfaces_wait() {
        let config = convert(
            r#"{ "router_id": "1.1.1.1",
                 "areas": { "0.0.0.1": { "type": "stub", "default_cost": 5, "summaries": false },
                            "0.0.0.2": { "type": "nssa", "translate": "always", "default_route": true,
                                         "external_ranges": { "10.9.0.0/16": { "advertise": false } } } },
                 "interfaces": {
                   "lo": { "address": "100.64.0.1/32", "network": "loopback", "prefixes": { "198.18.1.0/24": 20 } },
                   "eth1": { "area": "0.0.0.1", "address": "10.0.0.1/24", "network": "broadcast", "hello_s": 2,
                             "authentication": { "keys": [
                               { "id": 1, "algorithm": "md5", "secret": "x", "send": { "until": "1970-01-01T00:01:40Z" } },
                               { "id": 2, "algorithm": "hmac-sha-256", "extended": true, "secret": "y" } ] } } },
                 "virtual_links": [ { "transit": "0.0.0.3", "peer": "2.2.2.2" } ],
                 "externals": { "198.18.9.0/24": { "forwarding": null } },
                 "redistribute": [ { "protocol": 4, "type": 1 } ],
                 "spf": { "initial_ms": 3 }, "limits": { "lsas": 9 }, "stub_router": "links" }"#,
        )
        .unwrap();
        assert_eq!(config.interfaces.keys().collect::<Vec<_>>(), [&InterfaceId(7)]);
        let eth1 = &config.interfaces[&InterfaceId(7)];
        assert_eq!((eth1.cost, eth1.dead), (10, Duration::from_secs(8)));
        let braid_ospf_packet::Authentication::Cryptographic(chain) = &eth1.authentication else {
            panic!("keys");
        };
        assert_eq!(chain.signing(99).map(|key| key.id), Some(2), "of two that are valid the last");
        assert_eq!((config.spf.initial, config.limits.lsas), (Duration::from_millis(3), 9));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_name_also_where_an_interface_is_not_there() {
        for (text, told) in [
            (r#"{"router_id": "0.0.0.0"}"#, "f: router_id: 0.0.0.0 is no router id"),
            (
                r#"{"router_id": "1.1.1.1", "interfaces": {"eth9": {"address": "10.0.0.1/24", "mtu": 500}}}"#,
                "f: interfaces.eth9: ",
            ),
            (r#"{"router_id": "1.1.1.1", "max_paths": 0}"#, "f: max_paths: 0 is not in 1 to 64"),
            (
                r#"{"router_id": "1.1.1.1", "areas": {"0.0.0.1": {"translate": "never"}}}"#,
                "f: areas.0.0.0.1.translate: only NSSAs have it",
            ),
            (
                r#"{"router_id": "1.1.1.1", "externals": {"10.0.0.0/8": {"type": 3}}}"#,
                "f: externals.10.0.0.0/8.type: 3 is no metric type",
            ),
            (
                r#"{"router_id": "1.1.1.1", "interfaces": {"a": {"address": "10.0.0.1/24", "authentication": {"simple": "123456789"}}}}"#,
                "f: interfaces.a.authentication: a simple password has 1 to 8 bytes",
            ),
            (r#"{"router_id": "1.1.1.1", "areas": 1, "colour": 2}"#, "invalid type"),
            (r#"{"router_id": "1.1.1.1", "colour": 2}"#, "unknown field `colour`"),
        ] {
            let error = convert(text).expect_err(text);
            assert!(error.starts_with(told), "{error}");
        }
    }
}
