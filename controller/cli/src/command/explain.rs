//! `braid explain PREFIX --at BORDER`: why a border forwards a prefix as it does.

use std::net::Ipv4Addr;

use braid_proto::NodeName;
use ipnet::Ipv4Net;

use crate::{failure::Failure, output::Output, target::Target, view::Explanation};

/// Say why a border forwards a prefix as it does
///
/// Shows each virtual network's standing, every step of the vote with the values that it compared, the decisive step, the
/// runner-up and who dissents.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid explain 198.18.5.0/24 --at seattle
  braid explain 198.18.5.10 --at seattle -o json | jq '.candidates[] | {vn, eligible, reason}'")]
pub struct Args {
    /// The prefix, such as 198.18.5.0/24, or an address in it
    #[arg(value_name = "PREFIX", value_parser = parse_prefix)]
    prefix: Ipv4Net,
    /// The border that forwards it
    #[arg(long, value_name = "BORDER")]
    at: NodeName,
    #[command(flatten)]
    target: Target,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let (prefix, border) = (wire(self.prefix), self.at.to_string());
        let explanation = self.target.ask(async |client| client.explain(prefix, border).await)?;
        output.show(&Explanation::from(explanation))
    }
}

/// A prefix in CIDR notation with no host bits set, or an address.
pub fn parse_prefix(text: &str) -> Result<Ipv4Net, String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(address.into());
    }
    let prefix: Ipv4Net =
        text.parse().map_err(|_| "write an IPv4 prefix such as 198.18.5.0/24, or an address".to_owned())?;
    if prefix.trunc() != prefix {
        return Err(format!("it has host bits: write {} or {}", prefix.trunc(), prefix.addr()));
    }
    Ok(prefix)
}

/// As the API takes it: an address stands for the prefix that it is in.
fn wire(prefix: Ipv4Net) -> String {
    if prefix.prefix_len() == 32 { prefix.addr().to_string() } else { prefix.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_or_an_address_is_taken_and_host_bits_are_not() {
        assert_eq!(wire(parse_prefix("198.18.5.0/24").unwrap()), "198.18.5.0/24");
        assert_eq!(wire(parse_prefix("198.18.5.10").unwrap()), "198.18.5.10");
        assert_eq!(
            parse_prefix("198.18.5.1/24").unwrap_err(),
            "it has host bits: write 198.18.5.0/24 or 198.18.5.1"
        );
        for bad in ["", "x", "198.18.5.0/33", "::/0", "198.18.5"] {
            assert!(parse_prefix(bad).is_err(), "{bad}");
        }
    }
}
