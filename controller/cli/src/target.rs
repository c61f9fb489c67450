//! Which lab or controller a command is about.

use std::{env, fmt::Display, path::PathBuf, str::FromStr};

use braid_lab::{Lab, LabSummary, Root};
use braid_proto::{Address, NetworkName, TlsFiles};
use clap::Args;

use crate::{client::Client, failure::Failure, runtime};

/// The environment variable that names the lab.
pub const LAB: &str = "BRAID_LAB";
/// The environment variable that holds the controller's address.
pub const CONTROLLER: &str = "BRAID_CONTROLLER";

/// Which lab: for what only labs have.
#[derive(Debug, Clone, Args)]
pub struct LabTarget {
    /// The lab; if none is given, $BRAID_LAB, or else the only one that is up
    #[arg(long, value_name = "NAME")]
    pub lab: Option<NetworkName>,
}

/// Which controller: a lab's, or any.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which network")]
pub struct Target {
    /// The lab whose controller is asked; if neither this nor --controller is given, $BRAID_LAB or
    /// $BRAID_CONTROLLER, or else the only lab that is up
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "controller")]
    lab: Option<NetworkName>,
    /// The controller that is asked: unix:/PATH, or tcp:HOST:PORT with the --tls options
    #[arg(long, global = true, value_name = "ADDRESS")]
    controller: Option<Address>,
    #[command(flatten)]
    tls: Tls,
}

/// The PEM files for mutual TLS.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Mutual TLS")]
pub struct Tls {
    /// The authority that the other side's certificate must come from
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BRAID_TLS_CA",
        hide_env_values = true,
        hide_short_help = true
    )]
    tls_ca: Option<PathBuf>,
    /// Our certificate
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BRAID_TLS_CERT",
        hide_env_values = true,
        hide_short_help = true
    )]
    tls_cert: Option<PathBuf>,
    /// The private key of our certificate
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BRAID_TLS_KEY",
        hide_env_values = true,
        hide_short_help = true
    )]
    tls_key: Option<PathBuf>,
}

impl Tls {
    /// All three files, or none.
    pub fn files(self) -> Result<Option<TlsFiles>, Failure> {
        match (self.tls_ca, self.tls_cert, self.tls_key) {
            (None, None, None) => Ok(None),
            (Some(ca), Some(cert), Some(key)) => Ok(Some(TlsFiles { ca, cert, key })),
            _ => Err(Failure::Usage(
                "mutual TLS needs all of --tls-ca, --tls-cert and --tls-key (or BRAID_TLS_CA, BRAID_TLS_CERT \
                 and BRAID_TLS_KEY)"
                    .to_owned(),
            )),
        }
    }
}

impl Target {
    /// Asks the controller that is meant.
    pub fn ask<T>(self, question: impl AsyncFnOnce(&mut Client) -> Result<T, Failure>) -> Result<T, Failure> {
        let tls = self.tls.files()?;
        let address =
            address(self.lab, self.controller, variable(LAB)?, variable(CONTROLLER)?, &Root::from_env())?;
        runtime::block_on(async { question(&mut Client::connect(address, tls.as_ref()).await?).await })
    }
}

impl LabTarget {
    /// The name of the lab that is meant. It need not be up, unless it was found by being the only one.
    pub fn resolve(self, root: &Root) -> Result<NetworkName, Failure> {
        match self.lab.map_or_else(|| variable(LAB), |name| Ok(Some(name)))? {
            Some(name) => Ok(name),
            None => the_only(&labs(root)?, "--lab NAME"),
        }
    }
}

/// The labs of this machine.
pub fn labs(root: &Root) -> Result<Vec<LabSummary>, Failure> {
    braid_lab::list(root).map_err(Failure::lab)
}

/// Where the controller listens: what is said on the command line counts before what the environment says, and that before
/// the lab that happens to be up.
fn address(
    lab: Option<NetworkName>,
    controller: Option<Address>,
    lab_variable: Option<NetworkName>,
    controller_variable: Option<Address>,
    root: &Root,
) -> Result<Address, Failure> {
    let socket = |name: NetworkName| -> Result<Address, Failure> {
        let labs = labs(root)?;
        if labs.iter().any(|lab| lab.name == name) {
            return Ok(Lab::new(root, name).socket());
        }
        Err(Failure::Part(format!("no lab `{name}` is up; {}", what_is_up(&labs))))
    };
    match (lab, controller, lab_variable, controller_variable) {
        (Some(name), _, _, _) => socket(name),
        (None, Some(address), _, _) => Ok(address),
        (None, None, Some(_), Some(_)) => Err(Failure::Usage(format!(
            "both {LAB} and {CONTROLLER} are set: unset one of them, or give --lab or --controller"
        ))),
        (None, None, Some(name), None) => socket(name),
        (None, None, None, Some(address)) => Ok(address),
        (None, None, None, None) => {
            let name = the_only(&labs(root)?, "--lab NAME or --controller ADDRESS")?;
            Ok(Lab::new(root, name).socket())
        }
    }
}

/// The name of the only lab; `say` is how to choose one.
fn the_only(labs: &[LabSummary], say: &str) -> Result<NetworkName, Failure> {
    match labs {
        [only] => Ok(only.name.clone()),
        [] => Err(Failure::Part("no lab is up: `braid lab up FILE` starts one".to_owned())),
        many => Err(Failure::Part(format!("say which lab with {say}: {}", what_is_up(many)))),
    }
}

/// The labs by name, for error messages.
fn what_is_up(labs: &[LabSummary]) -> String {
    if labs.is_empty() {
        return "none is: `braid lab up FILE` starts one".to_owned();
    }
    let names: Vec<_> = labs.iter().map(|lab| format!("`{}`", lab.name)).collect();
    format!("up are {}", names.join(", "))
}

/// The value of an environment variable; `None` where it is unset or empty.
fn variable<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, Failure> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|error| Failure::Usage(format!("{name}: {error}"))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{name} is not UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labs(names: &[&str]) -> Vec<LabSummary> {
        let lab = |name: &&str| LabSummary {
            name: name.parse().unwrap(),
            topology: None,
            created: None,
            controller_alive: true,
            nodes: 0,
            namespaces: 0,
            processes: 0,
        };
        names.iter().map(lab).collect()
    }

    #[test]
    fn the_only_lab_need_not_be_named() {
        assert_eq!(the_only(&labs(&["ring"]), "--lab NAME").unwrap().as_str(), "ring");
        let none = the_only(&labs(&[]), "--lab NAME").unwrap_err().to_string();
        assert_eq!(none, "no lab is up: `braid lab up FILE` starts one");
        let many = the_only(&labs(&["geant", "ring"]), "--lab NAME").unwrap_err().to_string();
        assert_eq!(many, "say which lab with --lab NAME: up are `geant`, `ring`");
    }

    #[test]
    fn the_command_line_counts_before_the_environment() {
        let root = Root::new("/nonexistent/braid");
        let said: Address = "unix:/said.sock".parse().unwrap();
        let env: Address = "unix:/env.sock".parse().unwrap();
        let lab: NetworkName = "ring".parse().unwrap();
        let chosen = |controller, lab, variable| address(None, controller, lab, variable, &root);
        assert_eq!(chosen(Some(said.clone()), Some(lab.clone()), Some(env.clone())).unwrap(), said);
        assert_eq!(chosen(None, None, Some(env.clone())).unwrap(), env);
        assert!(matches!(chosen(None, Some(lab), Some(env)), Err(Failure::Usage(_))));
    }
}
