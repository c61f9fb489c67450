//! The scalars of the file: how each is spelt, read, written and described in the JSON Schema.

use std::{borrow::Cow, fmt, net::Ipv4Addr, time::Duration};

use braid_proto::{Engine, InterfaceName, NetworkName, NodeName, VnId, VnName};
use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    diagnostic::{did_you_mean, shown},
    model::Endpoint,
};

/// A value that stands as one YAML scalar.
pub(crate) trait Scalar: Sized {
    /// Reads `text`; `plain` says that it stands without quotes. The error says what to write instead.
    fn read(text: &str, plain: bool) -> Result<Self, String>;
}

macro_rules! from_str {
    ($($name:ty),*) => {$(
        impl Scalar for $name {
            fn read(text: &str, _plain: bool) -> Result<Self, String> {
                text.parse().map_err(|error: <$name as std::str::FromStr>::Err| error.to_string())
            }
        }
    )*};
}
from_str!(NetworkName, NodeName, VnName, Engine);

macro_rules! schema {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A whole number without quotes, sign or leading zero.
fn whole(what: &str, text: &str, plain: bool, min: u64, max: u64) -> Result<u64, String> {
    let digits = plain && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = if digits { text.parse().ok() } else { None };
    number.filter(|n| (min..=max).contains(n)).ok_or_else(|| {
        format!(
            "{what} `{}` is out of place: write a whole number from {min} to {max}, without quotes",
            shown(text)
        )
    })
}

macro_rules! whole_number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $min:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl Scalar for $name {
            fn read(text: &str, plain: bool) -> Result<Self, String> {
                let number = whole($what, text, plain, $min, $max)?;
                Ok(Self(<$inner>::try_from(number).expect("the bounds lie within the type")))
            }
        }
        schema!($name, { "type": "integer", "minimum": $min, "maximum": $max });
    };
}

whole_number!(
    /// An IGP metric.
    Metric(u16), "metric", 1, 65535
);
whole_number!(
    /// A physical MTU in bytes.
    Mtu(u16), "mtu", 1280, 9216
);
whole_number!(
    /// A bound on processes and threads.
    Pids(u32), "pids", 8, 4096
);

whole_number!(
    /// A number of code bases.
    Electors(u8), "k", 1, 255
);
whole_number!(
    /// A number of probes lost in a row.
    Losses(u8), "losses", 1, 50
);
whole_number!(
    /// A number of packets per second.
    Budget(u32), "packets_per_second", 0, 100_000
);
whole_number!(
    /// A damping penalty.
    Penalty(u32), "penalty", 1, 20_000
);

impl Scalar for bool {
    fn read(text: &str, plain: bool) -> Result<Self, String> {
        match text {
            "true" if plain => Ok(true),
            "false" if plain => Ok(false),
            _ => Err(format!("`{}` is neither `true` nor `false`", shown(text))),
        }
    }
}

impl Scalar for VnId {
    fn read(text: &str, plain: bool) -> Result<Self, String> {
        match text.parse::<i64>() {
            Ok(number) if plain && number.to_string() == text => {
                VnId::try_from(number).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "`{}` is not a virtual network id: write a whole number from 1 to 255, without quotes",
                shown(text)
            )),
        }
    }
}

macro_rules! degrees {
    ($(#[$doc:meta])* $name:ident, $what:literal, $bound:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct $name(pub(crate) f64);

        impl Scalar for $name {
            fn read(text: &str, plain: bool) -> Result<Self, String> {
                let number = if plain { text.parse::<f64>().ok() } else { None };
                // A NaN lies in no range.
                number.filter(|n| (-$bound..=$bound).contains(n)).map(Self).ok_or_else(|| {
                    format!(
                        concat!($what, " `{}` is out of place: write degrees from -{bound} to {bound}, as in \
                         `position: [47.61, -122.33]` (latitude, longitude)"),
                        shown(text), bound = $bound
                    )
                })
            }
        }
        schema!($name, { "type": "number", "minimum": (-$bound), "maximum": $bound });
    };
}

degrees!(
    /// Degrees north.
    Latitude, "latitude", 90.0
);
degrees!(
    /// Degrees east.
    Longitude, "longitude", 180.0
);

/// A span of time, a whole number of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

const TIME_UNITS: [(&str, u64); 4] = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000)];

impl Scalar for Time {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let parse = || {
            let end = text.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, unit) = text.split_at(end);
            let factor = TIME_UNITS.iter().find(|(name, _)| *name == unit)?.1;
            let (int, fraction) = number.split_once('.').unwrap_or((number, "0"));
            let digits =
                |t: &str, most: usize| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
            if !digits(int, 9) || !digits(fraction, 6) {
                return None;
            }
            let parts = fraction.parse::<u64>().ok()? * factor;
            let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
            // Finer than a microsecond cannot be said.
            (parts % scale == 0)
                .then_some(int.parse::<u64>().ok()? * factor + parts / scale)
                .map(Duration::from_micros)
        };
        parse().map(Self).ok_or_else(|| {
            format!(
                "`{}` is not a duration: write a number and one of us, ms, s, m, such as `200ms` or `1.5s`; the finest \
                 is 1us",
                shown(text)
            )
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        if micros.is_multiple_of(1_000_000) {
            write!(f, "{}s", micros / 1_000_000)
        } else if micros.is_multiple_of(1_000) {
            write!(f, "{}ms", micros / 1_000)
        } else {
            let fraction = format!("{:03}", micros % 1_000);
            write!(f, "{}.{}ms", micros / 1_000, fraction.trim_end_matches('0'))
        }
    }
}

schema!(Time, { "type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?(us|ms|s|m)$" });

/// An amount of memory in bytes, a whole number of KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) u64);

const MEMORY_UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Memory {
    const MIN: u64 = 16 << 20;
    const MAX: u64 = 1 << 40;
}

impl Scalar for Memory {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let parse = || {
            let (digits, factor) =
                MEMORY_UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
            let plain = (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            let bytes = if plain { digits.parse::<u64>().ok()?.checked_mul(*factor)? } else { return None };
            (Self::MIN..=Self::MAX).contains(&bytes).then_some(Self(bytes))
        };
        parse().ok_or_else(|| {
            format!(
                "`{}` is not an amount of memory for an instance: write a whole number and one of KiB, MiB, GiB, from \
                 `16MiB` to `1024GiB`",
                shown(text)
            )
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) =
            MEMORY_UNITS.into_iter().find(|(_, n)| self.0.is_multiple_of(*n)).unwrap_or(("KiB", 1 << 10));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

schema!(Memory, { "type": "string", "pattern": "^[0-9]{1,10}(KiB|MiB|GiB)$" });

/// An IPv4 prefix with its host bits zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) Ipv4Net);

impl Scalar for Prefix {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let net: Ipv4Net = text.parse().map_err(|_| {
            format!("`{}` is not an IPv4 prefix: write one such as `198.18.1.0/24`", shown(text))
        })?;
        if net.addr() != net.network() {
            return Err(format!("prefix `{net}` has host bits set: write `{}`", net.trunc()));
        }
        Ok(Self(net))
    }
}

macro_rules! octet {
    () => {
        "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    };
}
macro_rules! address {
    () => {
        concat!("(", octet!(), r"\.){3}", octet!())
    };
}

schema!(Prefix, { "type": "string", "pattern": (concat!("^", address!(), "/(3[0-2]|[12]?[0-9])$")) });

/// A prefix that customers may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CustomerPrefix(pub(crate) Ipv4Net);

impl Scalar for CustomerPrefix {
    fn read(text: &str, plain: bool) -> Result<Self, String> {
        let Prefix(net) = Prefix::read(text, plain)?;
        if net.prefix_len() < 8 {
            return Err(format!(
                "prefix `{net}` is shorter than /8: a border's prefix is one customer's, and a default route is not \
                 voted on; use /8 to /30"
            ));
        }
        if net.prefix_len() > 30 {
            return Err(format!(
                "prefix `{net}` is longer than /30: it has no room for the border and a customer; use /8 to /30"
            ));
        }
        unicast(net.network()).map_err(|why| format!("prefix `{net}` cannot be attached: {why}"))?;
        Ok(Self(net))
    }
}

schema!(CustomerPrefix, { "type": "string", "pattern": (concat!("^", address!(), "/([89]|[12][0-9]|30)$")) });

/// Refuses what no interface may have. Every such range begins at a multiple of its /8, so a prefix of /8 or longer
/// may be judged by its first address.
pub(crate) fn unicast(address: Ipv4Addr) -> Result<(), &'static str> {
    match address.octets()[0] {
        0 => Err("0.0.0.0/8 means \"this network\" (RFC 1122 §3.2.1.3)"),
        127 => Err("127.0.0.0/8 is loopback (RFC 1122 §3.2.1.3)"),
        224..=239 => Err("224.0.0.0/4 is multicast (RFC 5771)"),
        240..=255 => Err("240.0.0.0/4 is reserved (RFC 1112 §4)"),
        _ => Ok(()),
    }
}

/// The address of one end of a physical link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) Ipv4Addr);

impl Scalar for Address {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let address: Ipv4Addr = text.parse().map_err(|_| {
            format!(
                "`{}` is not an IPv4 address: write one such as `192.0.2.1`, without a length",
                shown(text)
            )
        })?;
        unicast(address).map_err(|why| format!("address `{address}` cannot be used: {why}"))?;
        Ok(Self(address))
    }
}

schema!(Address, { "type": "string", "pattern": (concat!("^", address!(), "$")) });

/// Names that are taken in a node's or a virtual router's namespace, or that tools take for keywords.
#[rustfmt::skip]
const RESERVED_INTERFACES: [&str; 34] = [
    // the kernel's: loopback, sysctl directories, and what tunnel modules make in every namespace
    "lo", "all", "default",
    "tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0",
    // braid's
    "port",
    // keywords of `ip`, FRR and BIRD where they expect an interface
    "address", "any", "arp", "dev", "down", "dynamic", "group", "help", "link", "master", "mtu", "name", "netns",
    "nexthop", "nomaster", "none", "src", "table", "type", "up", "via",
];

/// The name of a physical interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface(pub(crate) InterfaceName);

impl Scalar for Interface {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let name: InterfaceName = text.parse().map_err(|error: braid_proto::NameError| error.to_string())?;
        if RESERVED_INTERFACES.contains(&text) || text.starts_with("braid-") {
            return Err(format!(
                "interface name `{text}` is reserved for the kernel, braid or a keyword of `ip`: use another, such as \
                 `eth1`"
            ));
        }
        Ok(Self(name))
    }
}

schema!(Interface, { "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._-]{0,14}$" });

/// One end of a link, `node:interface`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkEnd(pub(crate) Endpoint);

impl Scalar for LinkEnd {
    fn read(text: &str, plain: bool) -> Result<Self, String> {
        let (node, interface) = text.split_once(':').ok_or_else(|| {
            format!(
                "endpoint `{}` names no interface: write `node:interface`, such as `\"a:eth1\"`",
                shown(text)
            )
        })?;
        let node = NodeName::read(node, plain)?;
        let Interface(interface) = Interface::read(interface, plain)?;
        Ok(Self(Endpoint { node, interface }))
    }
}

schema!(LinkEnd, {
    "type": "string",
    "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?:[A-Za-z][A-Za-z0-9._-]{0,14}$"
});

/// The rule of a voting policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(crate) enum PolicyName {
    /// A master drives; the others check it and stand in for it.
    Master,
    /// The strict majority of code bases decides.
    Majority,
    /// The majority among the first code bases to be steady decides.
    FirstK,
    /// The majority decides once all have been heard.
    Consensus,
}

impl PolicyName {
    const ALL: [Self; 4] = [Self::Master, Self::Majority, Self::FirstK, Self::Consensus];

    /// As written in files.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Majority => "majority",
            Self::FirstK => "first-k",
            Self::Consensus => "consensus",
        }
    }
}

impl Scalar for PolicyName {
    fn read(text: &str, _plain: bool) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str);
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| {
            format!(
                "unknown policy `{}`{}: policies are {}",
                shown(text),
                did_you_mean(text, known),
                known.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<u128> {
        Time::read(text, true).ok().map(|t| t.0.as_micros())
    }

    #[test]
    fn durations_are_exact_to_the_microsecond() {
        assert_eq!(time("13ms"), Some(13_000));
        assert_eq!(time("6.54ms"), Some(6_540));
        assert_eq!(time("1.5s"), Some(1_500_000));
        assert_eq!(time("0.5m"), Some(30_000_000));
        assert_eq!(time("0s"), Some(0));
        for bad in
            ["", "1", "s", "1.s", ".5s", "1h", "-1s", "1 s", "1.0001ms", "0.1us", "1e3s", "9999999999s", "ü"]
        {
            assert_eq!(time(bad), None, "{bad}");
        }
        for (micros, text) in
            [(0, "0s"), (1_000_000, "1s"), (200_000, "200ms"), (6_540, "6.54ms"), (7, "0.007ms")]
        {
            assert_eq!(Time(Duration::from_micros(micros)).to_string(), text);
        }
    }

    #[test]
    fn memory_is_said_in_binary_units() {
        assert_eq!(Memory::read("256MiB", true), Ok(Memory(256 << 20)));
        assert_eq!(Memory(512 << 20).to_string(), "512MiB");
        assert_eq!(Memory(2 << 30).to_string(), "2GiB");
        for bad in ["256", "256M", "256MB", "8MiB", "1025GiB", "99999999999GiB", "-1GiB", "1.5GiB"] {
            let error = Memory::read(bad, true).unwrap_err();
            assert!(error.contains("KiB, MiB, GiB"), "{error}");
        }
    }

    #[test]
    fn numbers_are_plain_whole_and_in_range() {
        assert_eq!(Metric::read("10", true), Ok(Metric(10)));
        for (text, plain) in
            [("0", true), ("65536", true), ("010", true), ("1e3", true), ("+1", true), ("10", false)]
        {
            let error = Metric::read(text, plain).unwrap_err();
            assert!(error.contains("from 1 to 65535"), "{error}");
        }
        assert_eq!(VnId::read("256", true).unwrap_err(), "256 is not a virtual network id: ids are 1 to 255");
        assert!(VnId::read("1", false).is_err());
    }

    #[test]
    fn nothing_on_the_globe_is_a_nan() {
        assert_eq!(Latitude::read("-90", true), Ok(Latitude(-90.0)));
        for bad in ["nan", ".nan", "inf", "90.1", "-1e300", "1e999", "north", ""] {
            let error = Latitude::read(bad, true).unwrap_err();
            assert!(error.contains("from -90 to 90"), "{error}");
        }
    }
}
