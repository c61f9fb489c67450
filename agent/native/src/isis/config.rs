//! From the file to what the engine is told. What is wrong is told by the names that the file has.

use std::{collections::BTreeMap, path::Path, time::Duration};

use braid_isis::{
    CircuitConfig, CircuitId, CircuitKind, Config, LeakDown, Limits, MetricStyle, Pacing, PerLevel, SpfDelay,
};
use braid_isis_packet::MAX_PATH_METRIC;
use ipnet::Ipv4Net;

use super::{
    Authentication,
    file::{self, AtLevel, Attached, Circuit, Down, External, File, Network, Padding, USUAL_METRIC},
    socket::MAX_MTU,
};
use crate::{
    ConfigError,
    file::{Wrong, meaning, ms, wrong},
};

/// The greatest narrow metric.
const MAX_NARROW_METRIC: u32 = braid_isis_packet::MAX_NARROW_METRIC as u32;
/// The least MTU, and the greatest: PDUs that a length of IEEE 802.3 cannot tell have an EtherType instead.
const MTU: std::ops::RangeInclusive<u16> = 576..=MAX_MTU;

impl File {
    /// What the engine is told, with the circuits that are there. External routes are told apart.
    ///
    /// # Errors
    /// [`ConfigError::Meaning`] with the first entry that is wrong, also among circuits that are not there.
    pub fn to_config(&self, path: &Path, index: impl Fn(&str) -> Option<u32>) -> Result<Config, ConfigError> {
        self.convert(index).map_err(|wrong| meaning(path, wrong))
    }

    fn convert(&self, index: impl Fn(&str) -> Option<u32>) -> Result<Config, Wrong> {
        let net = *self.nets.first().ok_or_else(|| {
            wrong("nets", "give one, such as 49.0001.0000.0000.0001.00: an area, and this router's system id")
        })?;
        let mut config = Config::new(net);
        config.nets.clone_from(&self.nets);
        self.convert_router(&mut config)?;
        config.validate().map_err(|error| wrong("configuration", error.to_string()))?;
        // By numbers of their own, so that those that are not there are checked too.
        let mut alone = config.clone();
        for (number, (name, circuit)) in (1..).zip(&self.circuits) {
            let converted = self.convert_circuit(name, circuit)?;
            if let Some(index) = index(name) {
                config.circuits.insert(CircuitId(index), converted.clone());
            }
            alone.circuits = BTreeMap::from([(CircuitId(number), converted)]);
            alone.validate().map_err(|error| wrong(format!("circuits.{name}"), error.to_string()))?;
        }
        for (prefix, external) in &self.externals {
            let about = format!("externals.{prefix}");
            check_prefix(&about, prefix)?;
            self.check_external(&about, external.metric)?;
        }
        for rule in &self.redistribute {
            self.check_external(&format!("redistribute.{}", rule.protocol), rule.metric)?;
        }
        config.validate().map_err(|error| wrong("configuration", error.to_string()))?;
        Ok(config)
    }

    fn convert_router(&self, config: &mut Config) -> Result<(), Wrong> {
        config.level = self.level.into();
        config.host_name.clone_from(&self.host_name);
        config.area_auth = convert_authentication("area_authentication", &self.area_authentication)?;
        config.domain_auth = convert_authentication("domain_authentication", &self.domain_authentication)?;
        config.metric_style = match self.metric_style {
            file::MetricStyle::Wide => MetricStyle::Wide,
            file::MetricStyle::Narrow => MetricStyle::Narrow,
            file::MetricStyle::Transition => MetricStyle::Transition,
        };
        self.convert_timers(config);
        config.max_paths = self.max_paths.unwrap_or(config.max_paths);
        config.overload = self.overload;
        config.overload_on_startup =
            self.overload_on_startup_s.map(|seconds| Duration::from_secs(seconds.into()));
        config.attached = match self.attached {
            Attached::Automatic => braid_isis::Attached::Automatic,
            Attached::Always => braid_isis::Attached::Always,
            Attached::Never => braid_isis::Attached::Never,
        };
        config.follow_attached = self.follow_attached;
        self.convert_leak(config)?;
        let limits = self.limits.unwrap_or_default();
        let usual = Limits::default();
        let limit = |given: Option<u32>, usual: usize| given.map_or(usual, |given| given as usize);
        config.limits = Limits {
            lsps: limit(limits.lsps, usual.lsps),
            lsp_bytes: limit(limits.lsp_bytes, usual.lsp_bytes),
            adjacencies: limit(limits.neighbours, usual.adjacencies),
            packet_rate: limits.packets_per_second.unwrap_or(usual.packet_rate),
            externals: limit(limits.externals, usual.externals),
        };
        self.kernel.check()
    }

    fn convert_timers(&self, config: &mut Config) {
        let lsp = self.lsp.unwrap_or_default();
        config.lsp_mtu = lsp.mtu.unwrap_or(config.lsp_mtu);
        config.lifetime = lsp.lifetime_s.unwrap_or(config.lifetime);
        config.refresh = lsp.refresh_s.map_or(config.refresh, |seconds| Duration::from_secs(seconds.into()));
        let usual = config.lsp_pacing;
        config.lsp_pacing = Pacing {
            initial: ms(lsp.initial_ms, usual.initial),
            hold: ms(lsp.hold_ms, usual.hold),
            max: ms(lsp.max_ms, usual.max),
        };
        let flooding = self.flooding.unwrap_or_default();
        config.lsp_burst = flooding.burst.unwrap_or(config.lsp_burst);
        config.min_lsp_transmission =
            flooding.pause_us.map_or(config.min_lsp_transmission, |us| Duration::from_micros(us.into()));
        config.retransmit = ms(flooding.retransmit_ms, config.retransmit);
        config.csnp_interval = ms(flooding.csnp_ms, config.csnp_interval);
        config.p2p_csnp_interval = ms(flooding.p2p_csnp_ms, config.p2p_csnp_interval);
        config.psnp_interval = ms(flooding.psnp_ms, config.psnp_interval);
        let spf = self.spf.unwrap_or_default();
        let usual = config.spf;
        config.spf = SpfDelay {
            initial: ms(spf.initial_ms, usual.initial),
            short: ms(spf.short_ms, usual.short),
            long: ms(spf.long_ms, usual.long),
            hold_down: ms(spf.hold_down_ms, usual.hold_down),
            time_to_learn: ms(spf.time_to_learn_ms, usual.time_to_learn),
        };
    }

    fn convert_leak(&self, config: &mut Config) -> Result<(), Wrong> {
        let Some(leak) = &self.leak else { return Ok(()) };
        for (prefix, metric) in &leak.summaries {
            let about = format!("leak.summaries.{prefix}");
            check_prefix(&about, prefix)?;
            self.check_external(&about, metric.unwrap_or(0))?;
        }
        config.leak.up = leak.up;
        config.leak.summaries.clone_from(&leak.summaries);
        config.leak.down = match &leak.down {
            Down::Nothing => LeakDown::Nothing,
            Down::All => LeakDown::All,
            Down::Within(prefixes) => {
                prefixes.iter().try_for_each(|prefix| check_prefix("leak.down.within", prefix))?;
                LeakDown::Within(prefixes.clone())
            }
        };
        Ok(())
    }

    fn convert_circuit(&self, name: &str, circuit: &Circuit) -> Result<CircuitConfig, Wrong> {
        let about = format!("circuits.{name}");
        let kind = match circuit.network {
            Network::PointToPoint => CircuitKind::PointToPoint,
            Network::Broadcast => CircuitKind::Broadcast,
            Network::Loopback => CircuitKind::Loopback,
        };
        if circuit.speaks() && !MTU.contains(&circuit.mtu) {
            let (least, greatest) = (MTU.start(), MTU.end());
            return Err(wrong(
                format!("{about}.mtu"),
                format!("{} is not in {least} to {greatest}", circuit.mtu),
            ));
        }
        // What only announces costs nothing to get to.
        let metric = if circuit.speaks() { circuit.metric() } else { USUAL_METRIC };
        let at = |level: Option<AtLevel>| level.unwrap_or_default();
        let (one, two) = (at(circuit.level_1), at(circuit.level_2));
        if self.metric_style != file::MetricStyle::Wide {
            for metric in [one.metric.unwrap_or(metric), two.metric.unwrap_or(metric)] {
                if metric > MAX_NARROW_METRIC {
                    let reason =
                        format!("{metric} is too much for narrow metrics: at most {MAX_NARROW_METRIC}");
                    return Err(wrong(format!("{about}.metric"), reason));
                }
            }
        }
        let mut prefixes: BTreeMap<Ipv4Net, u32> =
            circuit.addresses.iter().map(|address| (address.trunc(), circuit.metric())).collect();
        for (prefix, metric) in &circuit.prefixes {
            let about = format!("{about}.prefixes.{prefix}");
            check_prefix(&about, prefix)?;
            self.check_external(&about, *metric)?;
            prefixes.insert(*prefix, *metric);
        }
        Ok(CircuitConfig {
            addresses: circuit.addresses.iter().map(Ipv4Net::addr).collect(),
            prefixes,
            level: circuit.level.into(),
            passive: circuit.passive,
            metric: PerLevel { one: one.metric.unwrap_or(metric), two: two.metric.unwrap_or(metric) },
            priority: PerLevel {
                one: one.priority.unwrap_or(circuit.priority),
                two: two.priority.unwrap_or(circuit.priority),
            },
            hello: Duration::from_millis(circuit.hello_ms.into()),
            multiplier: circuit.multiplier,
            mtu: circuit.mtu,
            padding: match circuit.padding {
                Padding::Always => braid_isis::Padding::Always,
                Padding::Sometimes => braid_isis::Padding::Sometimes,
                Padding::Never => braid_isis::Padding::Never,
            },
            hello_auth: convert_authentication(&format!("{about}.authentication"), &circuit.authentication)?,
            three_way: circuit.three_way,
            election_wait: circuit.election_wait_ms.map(|ms| Duration::from_millis(ms.into())),
            ..CircuitConfig::new(name, kind)
        })
    }

    fn check_external(&self, about: &str, metric: u32) -> Result<(), Wrong> {
        let greatest = match self.metric_style {
            file::MetricStyle::Wide => MAX_PATH_METRIC,
            file::MetricStyle::Narrow | file::MetricStyle::Transition => MAX_NARROW_METRIC,
        };
        if metric <= greatest {
            return Ok(());
        }
        Err(wrong(about, format!("metric {metric} is too much: at most {greatest}")))
    }
}

fn check_prefix(about: &str, prefix: &Ipv4Net) -> Result<(), Wrong> {
    if prefix.trunc() == *prefix {
        return Ok(());
    }
    Err(wrong(about, format!("{prefix} has bits set beyond its length: write {}", prefix.trunc())))
}

fn convert_authentication(
    about: &str,
    authentication: &Authentication,
) -> Result<braid_isis_packet::Authentication, Wrong> {
    authentication.convert().map_err(|reason| wrong(about, reason))
}

/// An external route as the engine is told it.
pub(super) fn convert_external(external: External) -> braid_isis::External {
    let External { metric, level, external } = external;
    braid_isis::External { metric, level: level.into(), external }
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
    fn a_file_with_everything_is_taken_and_absent_circuits_wait() {
        let config = convert(
            r#"{ "nets": ["49.0001.0000.0000.0001.00"], "level": "level-2", "host_name": "r1",
                 "circuits": {
                   "lo": { "addresses": ["100.64.0.1/32"], "network": "loopback",
                           "prefixes": { "198.18.1.0/24": 20 } },
                   "eth1": { "addresses": ["10.0.0.1/24"], "network": "broadcast", "hello_ms": 250,
                             "level_2": { "metric": 300, "priority": 0 }, "padding": "never",
                             "authentication": { "keys": [
                               { "id": 1, "algorithm": "hmac-sha-256", "secret": "new" },
                               { "algorithm": "hmac-md5", "secret": "old" } ] } } },
                 "domain_authentication": { "password": "x" },
                 "lsp": { "mtu": 1200, "lifetime_s": 600, "refresh_s": 300, "initial_ms": 5 },
                 "flooding": { "burst": 3, "pause_us": 100, "p2p_csnp_ms": 9000 }, "spf": { "short_ms": 3 },
                 "leak": { "up": false, "summaries": { "10.0.0.0/8": null }, "down": { "within": ["10.9.0.0/16"] } },
                 "externals": { "198.18.9.0/24": { "level": "level-2" } },
                 "redistribute": [ { "protocol": 4, "external": true } ],
                 "limits": { "lsps": 9 }, "overload": true, "overload_on_startup_s": 60, "attached": "never",
                 "kernel": { "table": 100 } }"#,
        )
        .unwrap();
        assert_eq!(config.circuits.keys().collect::<Vec<_>>(), [&CircuitId(7)]);
        let eth1 = &config.circuits[&CircuitId(7)];
        assert_eq!((eth1.metric.one, eth1.metric.two, eth1.priority.two), (10, 300, 0));
        assert_eq!((eth1.hello, eth1.mtu), (Duration::from_millis(250), 1500));
        assert_eq!(eth1.prefixes, BTreeMap::from([("10.0.0.0/24".parse().unwrap(), 10)]));
        assert_eq!((config.lsp_mtu, config.limits.lsps), (1200, 9));
        assert_eq!(config.p2p_csnp_interval, Duration::from_secs(9));
        assert_eq!(
            (config.spf.short, config.lsp_pacing.initial),
            (ms(Some(3), Duration::ZERO), ms(Some(5), Duration::ZERO))
        );
    }

    #[test]
    fn a_loopback_costs_nothing_and_defaults_are_the_engines() {
        let text = r#"{ "nets": ["49.0001.0000.0000.0001.00"], "circuits": {
            "eth1": { "addresses": ["100.64.0.1/32"], "network": "loopback", "prefixes": { "198.18.1.0/24": 20 } } } }"#;
        let config = convert(text).unwrap();
        let prefixes = [("100.64.0.1/32", 0), ("198.18.1.0/24", 20)];
        let prefixes = prefixes.map(|(prefix, metric)| (prefix.parse().unwrap(), metric));
        assert_eq!(config.circuits[&CircuitId(7)].prefixes, BTreeMap::from(prefixes));
        let circuits = config.circuits.clone();
        let usual = Config { circuits, ..Config::new("49.0001.0000.0000.0001.00".parse().unwrap()) };
        assert_eq!(config, usual);
        let file = File::new("49.0001.0000.0000.0001.00".parse().unwrap());
        assert_eq!(serde_json::from_str::<File>(&file.to_text()).unwrap(), file);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_name_also_where_a_circuit_is_not_there() {
        let with = |rest: &str| format!(r#"{{"nets": ["49.0001.0000.0000.0001.00"], {rest}}}"#);
        let circuit = |rest: &str| {
            with(&format!(r#""circuits": {{"eth9": {{"addresses": ["10.0.0.1/24"], {rest}}}}}"#))
        };
        for (text, told) in [
            (r#"{"nets": []}"#.to_owned(), "f: nets: give one"),
            (r#"{"nets": ["49.0001"]}"#.to_owned(), "`49.0001` is not a network entity title"),
            (circuit(r#""mtu": 9500"#), "f: circuits.eth9.mtu: 9500 is not in 576 to 9216"),
            (circuit(r#""hello_ms": 1"#), "f: circuits.eth9: circuit eth9: hello in ms is 1"),
            (circuit(r#""metric": 0"#), "f: circuits.eth9: circuit eth9: metric is 0"),
            (
                circuit(r#""prefixes": {"10.0.0.1/8": 1}"#),
                "f: circuits.eth9.prefixes.10.0.0.1/8: 10.0.0.1/8 has bits",
            ),
            (circuit(r#""authentication": {"keys": []}"#), "f: circuits.eth9.authentication: no key"),
            (circuit(r#""colour": 1"#), "unknown field `colour`"),
            (
                with(r#""domain_authentication": {"password": ""}"#),
                "f: domain_authentication: a password has 1 to 254",
            ),
            (with(r#""max_paths": 0"#), "f: configuration: max_paths is 0"),
            (with(r#""kernel": {"metric": 0}"#), "f: kernel: table and metric are 1 or more"),
            (
                with(r#""leak": {"down": {"within": ["10.0.0.1/8"]}}"#),
                "f: leak.down.within: 10.0.0.1/8 has bits",
            ),
            (
                with(r#""externals": {"10.0.0.0/8": {"metric": 4294967295}}"#),
                "f: externals.10.0.0.0/8: metric 4294967295",
            ),
            (
                with(r#""metric_style": "narrow", "redistribute": [{"protocol": 4, "metric": 64}]"#),
                "f: redistribute.4: metric 64",
            ),
            (with(r#""level": "level-3""#), "unknown variant `level-3`"),
        ] {
            let error = convert(&text).expect_err(&text);
            assert!(error.starts_with(told), "{error}");
        }
    }
}
