//! Which lab or controller a command is about.

use std::{env, fmt::Display, path::PathBuf, str::FromStr};

use crate::braid_lab::{self, Lab, LabSummary, Root};
use braid_proto::{Address, NetworkName, TlsFiles};
use clap::Args;

use crate::{client::Client, failure::Failure};

/// The environment variable that names the lab.
pub const LAB: &str = "BRAID_LAB";
/// The environment variable that holds the controller's address.
pub const CONTROLLER: &str = "BRAID_CONTROLLER";

/// Which lab: for what only labs have.
#[derive(Debug, Clone, Args)]
pub struct LabTarget {
    /// The lab; if none is given, $BRAID_LAB, or else the only one that is up
    #[arg(long, global = true, value_name = "NAME")]
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
    #[arg(long, global = true, value_name = "FILE", env = "BRAID_TLS_CA")]
    tls_ca: Option<PathBuf>,
    /// Our certificate
    #[arg(long, global = true, value_name = "FILE", env = "BRAID_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The private key of our certificate
    #[arg(long, global = true, value_name = "FILE", env = "BRAID_TLS_KEY")]
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
    /// Dials the controller that is meant.
    pub async fn connect(self) -> Result<Client, Failure> {
        let tls = self.tls.files()?;
        let address = address(
            self.lab,
            self.controller,
            variable(LAB)?,
            variable(CONTROLLER)?,
            &Root::from_env(),
            braid_lab::list,
        )?;
        Client::connect(address, tls.as_ref()).await
    }
}

impl LabTarget {
    /// The lab that is meant. It need not be up, unless it was found by being the only one.
    pub fn resolve(self, root: &Root) -> Result<Lab, Failure> {
        let name = match self.lab.map_or_else(|| variable(LAB), |name| Ok(Some(name)))? {
            Some(name) => name,
            None => the_only(&braid_lab::list(root), "--lab NAME")?,
        };
        Ok(Lab::new(root, name))
    }
}

/// Where the controller listens: what is said on the command line counts before what the environment says, and that before
/// the lab that happens to be up.
fn address(
    lab: Option<NetworkName>,
    controller: Option<Address>,
    lab_variable: Option<NetworkName>,
    controller_variable: Option<Address>,
    root: &Root,
    list: impl Fn(&Root) -> Vec<LabSummary>,
) -> Result<Address, Failure> {
    let socket = |name: NetworkName| -> Result<Address, Failure> {
        let labs = list(root);
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
            let name = the_only(&list(root), "--lab NAME or --controller ADDRESS")?;
            Ok(Lab::new(root, name).socket())
        }
    }
}

/// The name of the only lab; `say` is how to choose one.
pub fn the_only(labs: &[LabSummary], say: &str) -> Result<NetworkName, Failure> {
    match labs {
        [only] => Ok(only.name.clone()),
        [] => Err(Failure::Part("no lab is up: `braid lab up FILE` starts one".to_owned())),
        many => Err(Failure::Part(format!("say which lab with {say}: {}", what_is_up(many)))),
    }
}

/// The labs by name, for error messages.
pub fn what_is_up(labs: &[LabSummary]) -> String {
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
