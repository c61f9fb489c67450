//! Router ids, area ids, and the flag bytes of the protocol.

use std::{
    fmt,
    net::{AddrParseError, Ipv4Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Ipv4Addr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = AddrParseError;
            fn from_str(text: &str) -> Result<Self, AddrParseError> {
                text.parse().map(Self)
            }
        }

        impl From<Ipv4Addr> for $name {
            fn from(address: Ipv4Addr) -> Self {
                Self(address)
            }
        }

        impl From<[u8; 4]> for $name {
            fn from(octets: [u8; 4]) -> Self {
                Self(octets.into())
            }
        }
    };
}

identifier! {
    /// The 32-bit name of a router in an OSPF domain, written like an IPv4 address (RFC 2328 §1.2).
    RouterId
}

identifier! {
    /// The 32-bit name of an area, written like an IPv4 address (RFC 2328 §3).
    AreaId
}

impl AreaId {
    /// Area 0.0.0.0, which all other areas meet in (RFC 2328 §3.1).
    pub const BACKBONE: Self = Self(Ipv4Addr::UNSPECIFIED);
}

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$flag_doc:meta])* $flag:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u8);

        impl $name {
            /// No flag set.
            pub const NONE: Self = Self(0);
            $($(#[$flag_doc])* pub const $flag: Self = Self($value);)+

            /// Whether all flags of `flags` are set.
            #[must_use]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// These flags and those of `flags`.
            #[must_use]
            pub const fn with(self, flags: Self) -> Self {
                Self(self.0 | flags.0)
            }

            /// These flags but not those of `flags`.
            #[must_use]
            pub const fn without(self, flags: Self) -> Self {
                Self(self.0 & !flags.0)
            }
        }

        /// The set flags' names with `|` between them, `-` for none; a flag without a name as a number.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut rest = *self;
                let mut separator = "";
                $(if self.contains(Self::$flag) {
                    write!(f, "{separator}{}", stringify!($flag))?;
                    rest = rest.without(Self::$flag);
                    separator = "|";
                })+
                match (rest.0, separator) {
                    (0, "") => f.write_str("-"),
                    (0, _) => Ok(()),
                    (unnamed, _) => write!(f, "{separator}{unnamed:#04x}"),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

flags! {
    /// The Options field of hellos, database descriptions and LSAs (RFC 2328 §A.2).
    Options {
        /// AS-external LSAs are flooded here: set everywhere but in stub areas and NSSAs.
        E = 0x02,
        /// Multicast datagrams are forwarded (RFC 1584, historic).
        MC = 0x04,
        /// In hellos: the area is an NSSA. In a type 7 LSA: translate it to type 5 (RFC 3101 §2.3).
        NP = 0x08,
        /// The packet carries a link-local signalling block (RFC 5613 §2.1).
        L = 0x10,
        /// Demand circuits are supported (RFC 1793).
        DC = 0x20,
        /// Opaque LSAs are understood (RFC 5250 §4.1).
        O = 0x40,
        /// A provider edge router has set it against loops (RFC 4576).
        DN = 0x80,
    }
}

flags! {
    /// The flags of a router-LSA (RFC 2328 §A.4.2).
    RouterFlags {
        /// An area border router.
        B = 0x01,
        /// An AS boundary router.
        E = 0x02,
        /// The endpoint of a fully adjacent virtual link that has this area as its transit area.
        V = 0x04,
        /// An NSSA border router that translates type 7 LSAs unconditionally (RFC 3101 §B).
        NT = 0x10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_their_names() {
        assert_eq!(Options::NONE.to_string(), "-");
        assert_eq!(Options::E.with(Options::O).to_string(), "E|O");
        assert_eq!(RouterFlags(0x21).to_string(), "B|0x20");
        assert!(!Options::E.with(Options::O).without(Options::E).contains(Options::E));
    }

    #[test]
    fn ids_read_like_addresses() {
        assert_eq!("1.2.3.4".parse(), Ok(RouterId::from([1, 2, 3, 4])));
        assert_eq!(AreaId::BACKBONE.to_string(), "0.0.0.0");
        assert!("7".parse::<AreaId>().is_err());
    }
}
