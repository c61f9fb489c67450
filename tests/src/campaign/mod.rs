//! Faults that a network's own protocols do not notice, and what they cost where braid votes.
//!
//! ```text
//! Campaign (a lab with three code bases) ── run(Fault) ──► strike ─ wait ─ heal ─ wait until the driver drives again ──► Outcome
//! ```

mod fault;
mod outcome;

use std::{
    fs,
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

pub use fault::Fault;
pub use outcome::{Outcome, percentile};

use crate::{Flow, Lab, repository, wait::within};

/// The virtual network that drives, on FRR's OSPF.
pub const DRIVER: &str = "red";
/// The others: BIRD's OSPF, and braid's own IS-IS.
pub const STANDBYS: [&str; 2] = ["green", "blue"];
/// Packets per second of a measured flow.
const RATE: u32 = 1000;
/// How long a flow has run when the fault strikes.
const LEAD: Duration = Duration::from_millis(300);
/// How long it runs with the fault.
const LAST: Duration = Duration::from_secs(1);
/// How long virtual networks may take to be as they were.
const CALM: Duration = Duration::from_secs(60);

/// A flow that is measured: its packets cross the driving virtual network at these nodes.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The border where it enters.
    pub from: &'static str,
    /// The border where it leaves.
    pub to: &'static str,
    /// The prefix behind that.
    pub prefix: &'static str,
    /// A node on its way.
    pub transit: &'static str,
}

/// Seattle to New York, over Denver.
pub const ACROSS: Pair = Pair { from: "seattle", to: "new-york", prefix: "198.18.5.0/24", transit: "denver" };
/// Los Angeles to Atlanta, over Houston, which is a border, too.
pub const SOUTH: Pair =
    Pair { from: "los-angeles", to: "atlanta", prefix: "198.18.4.0/24", transit: "houston" };

/// A lab to break.
pub struct Campaign {
    /// It.
    pub lab: Lab,
}

impl Campaign {
    /// Abilene with three code bases. A fault leaves nothing behind for the next: who was voted out returns at once.
    ///
    /// # Panics
    /// When the lab does not come up.
    #[must_use]
    pub fn begin() -> Self {
        let path = repository().join("topologies/abilene-diverse.yaml");
        let text = fs::read_to_string(path).expect("the project ships that topology");
        let (places, _) = text.split_once("vns:\n").expect("it has virtual networks");
        let lab = Lab::new(&format!("{places}{}", virtual_networks(DRIVER)));
        lab.start();
        let campaign = Self { lab };
        campaign.calm();
        campaign
    }

    /// Whether all is well again within a minute, and the driver drives everything.
    ///
    /// # Panics
    /// When the lab does not answer.
    #[must_use]
    pub fn comes_to_rest(&self) -> bool {
        within(CALM, || self.is_calm().then_some(())).is_some()
    }

    fn is_calm(&self) -> bool {
        let status = self.lab.json(&["status"]);
        let driven = self.winners().iter().all(|winner| winner == DRIVER);
        let well = status["converged"] == true && status["alarms"].as_array().is_some_and(Vec::is_empty);
        well && driven && self.all_deliver()
    }

    /// Has another virtual network drive.
    ///
    /// # Panics
    /// When the lab does not take it.
    pub fn drive(&self, master: &str) {
        let text = fs::read_to_string(self.lab.file()).expect("written before");
        let (places, _) = text.split_once("vns:\n").expect("it has virtual networks");
        fs::write(self.lab.file(), format!("{places}{}", virtual_networks(master))).expect("written");
        self.lab.start();
    }

    /// Waits until all is well and the driver drives everything.
    ///
    /// # Panics
    /// When that does not come.
    pub fn calm(&self) {
        assert!(
            self.comes_to_rest(),
            "not within {CALM:?}: all virtual networks deliver everything, and red drives; {:?}",
            self.alarms()
        );
    }

    fn all_deliver(&self) -> bool {
        let paths = self.lab.json(&["get", "probes"]);
        paths.as_array().is_some_and(|paths| paths.iter().all(|path| path["state"] == "delivers"))
    }

    /// Who won each vote.
    ///
    /// # Panics
    /// When `get votes` answers with something else.
    #[must_use]
    pub fn winners(&self) -> Vec<String> {
        let votes = self.lab.json(&["get", "votes"]);
        let votes = votes.as_array().expect("a list of votes");
        votes.iter().map(|vote| vote["winner"].as_str().unwrap_or("").to_owned()).collect()
    }

    /// What is wrong, in words.
    ///
    /// # Panics
    /// When `status` answers with something else.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let status = self.lab.json(&["status"]);
        let alarms = status["alarms"].as_array().expect("a list of alarms");
        alarms.iter().map(|alarm| alarm.as_str().map_or_else(|| alarm.to_string(), str::to_owned)).collect()
    }

    /// Packets from one customer to another.
    #[must_use]
    pub fn flow(&self, pair: Pair) -> Flow {
        self.lab.flow(&format!("{}-host", pair.from), &format!("{}-host", pair.to), RATE)
    }

    /// Packets within a virtual network, from a border's router to another's, whoever drives.
    ///
    /// # Panics
    /// When the far router has no loopback address.
    #[must_use]
    pub fn flow_within(&self, vn: &str, pair: Pair) -> Flow {
        let (from, to) = (format!("{}/{vn}", pair.from), format!("{}/{vn}", pair.to));
        let address = loopback(&self.lab, &to);
        Flow::start(&self.lab.namespace(&from), &self.lab.namespace(&to), address, RATE)
    }

    /// Strikes while packets flow, heals, and waits until all is as before.
    ///
    /// # Panics
    /// When a command fails or the network does not come back.
    pub fn run(&self, pair: Pair, fault: &Fault) -> Outcome {
        let outcome = self.strike(pair, fault);
        self.calm();
        outcome
    }

    /// Strikes while packets flow, and heals.
    ///
    /// # Panics
    /// When a command fails.
    pub fn strike(&self, pair: Pair, fault: &Fault) -> Outcome {
        let flow = self.flow(pair);
        thread::sleep(LEAD);
        let struck = Instant::now();
        fault.strike(&self.lab);
        let staged = struck.elapsed();
        thread::sleep(LAST);
        let winner = self.lab.winner(pair.from, pair.prefix);
        let strayed = fault.strayed(&self.lab);
        thread::sleep(LAST);
        let strayed_later = fault.strayed(&self.lab) - strayed;
        let losses = flow.stop();
        fault.heal(&self.lab);
        Outcome { losses, staged, winner, strayed, strayed_later }
    }
}

/// The loopback address of a router.
fn loopback(lab: &Lab, router: &str) -> Ipv4Addr {
    let listed = lab.sh(router, &["ip", "-j", "-4", "addr", "show", "dev", "lo"]);
    let listed: Value = serde_json::from_str(&listed).expect("ip prints JSON");
    let rows = listed.as_array().into_iter().flatten().flat_map(|row| row["addr_info"].as_array()).flatten();
    let mut addresses = rows.filter_map(|row| row["local"].as_str()?.parse::<Ipv4Addr>().ok());
    addresses.find(|address| !address.is_loopback()).expect("a router has a loopback address")
}

/// Three virtual networks, each with another code base. What came before does not count against them.
fn virtual_networks(master: &str) -> String {
    format!(
        "vns:
  - {{ id: 1, name: red, engine: frr-ospf }}
  - {{ id: 2, name: green, engine: bird-ospf }}
  - {{ id: 3, name: blue, engine: native-isis }}
vote:
  default: {{ policy: master, master: {master}, settle: 200ms, fail_back: 0s }}
  damping: {{ half_life: 1s, suppress: 20000, reuse: 10000, longest: 10s }}
"
    )
}
