//! What breaks, and how it is mended.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{DRIVER, SOUTH};
use crate::Lab;

/// The address that Houston claims, which is Atlanta's.
const CLAIMED: &str = "198.18.4.1/24";
/// Houston's own customers.
const HOUSTONS: &str = "198.18.3.0/24";

/// Better than any route of an engine, and not one of its own, which it would put right.
const BEST: &str = "metric 1";

/// A table that drops what a router forwards, and nothing of what it says itself.
const DROP: &str = "printf 'table ip fault {\\n chain forward {\\n type filter hook forward priority 0; policy drop;\\n }\\n}\\n' | nft -f -";

/// A fault: shell commands in namespaces, carried out at once.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    strikes: Vec<(String, String)>,
    heals: Vec<(String, String)>,
    /// Where packets are counted that leave at a border that they should not leave at.
    astray: Option<String>,
}

impl Fault {
    /// Both at once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.strikes.extend(other.strikes);
        self.heals.extend(other.heals);
        self.astray = self.astray.or(other.astray);
        self
    }

    fn at(mut self, place: &str, strike: impl Into<String>, heal: impl Into<String>) -> Self {
        self.strikes.push((place.to_owned(), strike.into()));
        self.heals.push((place.to_owned(), heal.into()));
        self
    }

    /// A router drops what it forwards and says on the control plane that all is well.
    #[must_use]
    pub fn silent_blackhole(vn: &str, node: &str) -> Self {
        Self::default().at(&format!("{node}/{vn}"), DROP, "nft delete table ip fault")
    }

    /// A virtual network is dead to what enters in the west: its routers there drop everything.
    #[must_use]
    pub fn dead(vn: &str) -> Self {
        let nodes = ["seattle", "sunnyvale", "denver"].map(|node| Self::silent_blackhole(vn, node));
        nodes.into_iter().fold(Self::default(), Self::and)
    }

    /// A router drops what it forwards to one prefix.
    #[must_use]
    pub fn blackhole(vn: &str, node: &str, prefix: &str) -> Self {
        let route = |what: &str| format!("ip route {what} blackhole {prefix} {BEST}");
        Self::default().at(&format!("{node}/{vn}"), route("add"), route("del"))
    }

    /// A router sends back what it should forward to a prefix: the network before it sends it there again.
    ///
    /// # Panics
    /// When the router has no route to `back`.
    #[must_use]
    pub fn turned_back(lab: &Lab, vn: &str, node: &str, prefix: &str, back: &str) -> Self {
        let loopback = super::loopback(lab, &format!("{back}/{vn}")).to_string();
        Self::rerouted(lab, vn, node, prefix, &loopback)
    }

    /// Houston's router sends Atlanta's prefix out of its port, to customers that it is not for.
    ///
    /// # Panics
    /// When the router has no route to the prefix that its customers do have.
    #[must_use]
    pub fn misdirected(lab: &Lab, vn: &str) -> Self {
        let (border, prefix) = (SOUTH.transit, SOUTH.prefix);
        Self::rerouted(lab, vn, border, prefix, HOUSTONS).counted(vn, border, prefix)
    }

    /// Packets to `prefix` go where those to `model` go.
    fn rerouted(lab: &Lab, vn: &str, node: &str, prefix: &str, model: &str) -> Self {
        let place = format!("{node}/{vn}");
        let found = lab.sh(&place, &["ip", "-j", "route", "show", model]);
        let found: Value = serde_json::from_str(&found).expect("ip prints JSON");
        let field = |name: &str| found[0][name].as_str().or_else(|| found[0]["nexthops"][0][name].as_str());
        let (via, dev) = (field("gateway").expect("a gateway"), field("dev").expect("an interface"));
        let route = |what: &str| format!("ip route {what} {prefix} via {via} dev {dev} {BEST}");
        Self::default().at(&place, route("add"), route("del"))
    }

    /// The driver, FRR's OSPF, announces Atlanta's prefix from Houston.
    #[must_use]
    pub fn announced(lab: &Lab) -> Self {
        let (vn, border, prefix) = (DRIVER, SOUTH.transit, SOUTH.prefix);
        let vty = format!("vtysh --vty_socket /run/braid/{}/{border}/vn1", lab.name());
        let at = format!("{vty} -c 'configure terminal' -c 'interface lie'");
        let strike = format!(
            "ip link add lie type veth peer name lain && ip link set lie up && ip link set lain up && \
             ip addr add {CLAIMED} dev lie && {at} -c 'ip ospf area 0' -c 'ip ospf passive'"
        );
        let heal = format!(
            "{at} -c 'no ip ospf area 0' -c 'no ip ospf passive' && ip link del lie && \
             {vty} -c 'configure terminal' -c 'no interface lie'"
        );
        Self::default().at(&format!("{border}/{vn}"), strike, heal).counted(vn, border, prefix)
    }

    /// A physical link loses its carrier at one end.
    #[must_use]
    pub fn cut(node: &str, interface: &str) -> Self {
        let set = |state: &str| format!("ip link set {interface} {state}");
        Self::default().at(node, set("down"), set("up"))
    }

    /// Counts what leaves the port of `vn` for `prefix`, probes not counted.
    fn counted(mut self, vn: &str, border: &str, prefix: &str) -> Self {
        let place = format!("{border}/{vn}");
        let rule = format!(
            "printf 'table ip astray {{\\n counter strayed {{ }}\\n chain forward {{\\n type filter hook forward priority 10;\\n \
             oifname \"port\" ip daddr {prefix} udp dport != 7607 counter name strayed\\n \
             oifname \"lie\" ip daddr {prefix} udp dport != 7607 counter name strayed\\n }}\\n}}\\n' | nft -f -"
        );
        self.strikes.insert(0, (place.clone(), rule));
        self.heals.push((place.clone(), "nft delete table ip astray".to_owned()));
        self.astray = Some(place);
        self
    }

    /// How many packets went astray so far.
    ///
    /// # Panics
    /// When the counter cannot be read.
    #[must_use]
    pub fn strayed(&self, lab: &Lab) -> u64 {
        let Some(place) = &self.astray else { return 0 };
        let listed = lab.sh(place, &["nft", "-j", "list", "counter", "ip", "astray", "strayed"]);
        let listed: Value = serde_json::from_str(&listed).expect("nft prints JSON");
        let rows = listed["nftables"].as_array().expect("a list");
        rows.iter().find_map(|row| row["counter"]["packets"].as_u64()).expect("a counter")
    }

    /// Breaks.
    ///
    /// # Panics
    /// When a command fails.
    pub fn strike(&self, lab: &Lab) {
        carry_out(lab, &self.strikes);
    }

    /// Mends.
    ///
    /// # Panics
    /// When a command fails.
    pub fn heal(&self, lab: &Lab) {
        carry_out(lab, &self.heals);
    }
}

/// All of them at once.
fn carry_out(lab: &Lab, commands: &[(String, String)]) {
    let start = |(place, command): &(String, String)| -> Child {
        Command::new("ip")
            .args(["netns", "exec", &lab.namespace(place), "sh", "-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("ip can be run")
    };
    let running: Vec<Child> = commands.iter().map(start).collect();
    for (mut child, (place, command)) in running.into_iter().zip(commands) {
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{place}: {command}: {status}");
    }
}
