//! Names: of networks, nodes, virtual networks and interfaces.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not `[a-z0-9-]{1,32}`, or a hyphen at an end.
    #[error(
        "`{text}` is not a {what} name: use 1 to 32 of a-z, 0-9 and hyphens, with no hyphen at either end"
    )]
    Name {
        /// What kind of name was wanted.
        what: &'static str,
        /// The text, cut to 64 characters.
        text: String,
    },
    /// Not an interface name the kernel takes.
    #[error(
        "`{text}` is not an interface name: use 1 to 15 of A-Z, a-z, 0-9, `.`, `_` and `-`, beginning with a letter"
    )]
    Interface {
        /// The text, cut to 64 characters.
        text: String,
    },
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_interface(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident, $pattern:literal, |$text:ident| $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str($text: &str) -> Result<Self, NameError> {
                if $check($text) { Ok(Self($text.to_owned())) } else { Err($error) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

name!(
    /// The name of a network (in a lab: of the lab), `[a-z0-9-]{1,32}`.
    NetworkName, is_name, "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
    |text| NameError::Name { what: "network", text: cut(text) }
);
name!(
    /// The name of a node, `[a-z0-9-]{1,32}`.
    NodeName, is_name, "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
    |text| NameError::Name { what: "node", text: cut(text) }
);
name!(
    /// The name of a virtual network, `[a-z0-9-]{1,32}`.
    VnName, is_name, "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
    |text| NameError::Name { what: "virtual network", text: cut(text) }
);
name!(
    /// The name of a network interface: 1 to 15 characters, beginning with a letter.
    InterfaceName, is_interface, "^[A-Za-z][A-Za-z0-9._-]{0,14}$",
    |text| NameError::Interface { text: cut(text) }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_alphabet_and_length() {
        for good in ["a", "new-york", "0", &"x".repeat(32)] {
            assert!(good.parse::<NodeName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a b", "ü", "a/b", "..", &"x".repeat(33)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn interface_names_are_what_the_kernel_and_our_tools_take() {
        for good in ["eth1", "e1-1", "ge.0_1", "abcdefghijklmno"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "1e", "a/b", "a b", "abcdefghijklmnop", "eth\n"] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }
}
