//! What forwarding through a VN costs.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use braid_tests::{Lab, wait_for};

use crate::{
    row::{Row, median},
    shell::{must, run},
};

const LINE: &str = "name: line
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24] } }
    b: {}
    c: { border: { prefixes: [198.18.2.0/24] } }
  links:
    - { endpoints: [\"a:eth1\", \"b:eth1\"] }
    - { endpoints: [\"b:eth2\", \"c:eth1\"] }
vns:
  - { id: 1, name: red, engine: frr-ospf }
  - { id: 2, name: green, engine: bird-ospf }
";

/// The same hosts and nodes as in [`LINE`], with static routes and nothing in between: what the kernel does bare.
struct Plain {
    name: String,
}

impl Plain {
    fn new() -> Self {
        let name = format!("bp{}", std::process::id());
        let ns = |part: &str| format!("{name}.{part}");
        let cable = |a: &str, a_if: &str, a_ip: &str, b: &str, b_if: &str, b_ip: &str| {
            must(&format!("ip -n {} link add {a_if} type veth peer name {b_if} netns {}", ns(a), ns(b)));
            for (part, interface, address) in [(a, a_if, a_ip), (b, b_if, b_ip)] {
                must(&format!("ip -n {} addr add {address} dev {interface}", ns(part)));
                must(&format!("ip -n {} link set {interface} up", ns(part)));
            }
        };
        for part in ["h1", "a", "b", "c", "h2"] {
            must(&format!("ip netns add {}", ns(part)));
            must(&format!("ip netns exec {} sysctl -qw net.ipv4.ip_forward=1", ns(part)));
        }
        cable("h1", "eth0", "198.18.1.10/24", "a", "cust0", "198.18.1.1/24");
        cable("a", "eth1", "100.66.0.2/31", "b", "eth1", "100.66.0.3/31");
        cable("b", "eth2", "100.66.0.4/31", "c", "eth1", "100.66.0.5/31");
        cable("c", "cust0", "198.18.2.1/24", "h2", "eth0", "198.18.2.10/24");
        for (part, route) in [
            ("h1", "default via 198.18.1.1"),
            ("h2", "default via 198.18.2.1"),
            ("a", "198.18.2.0/24 via 100.66.0.3"),
            ("b", "198.18.2.0/24 via 100.66.0.5"),
            ("b", "198.18.1.0/24 via 100.66.0.2"),
            ("c", "198.18.1.0/24 via 100.66.0.4"),
        ] {
            must(&format!("ip -n {} route add {route}", ns(part)));
        }
        Self { name }
    }

    fn ns(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        for part in ["h1", "a", "b", "c", "h2"] {
            let _ = run("ip", &["netns", "delete", &self.ns(part)]);
        }
    }
}

/// What iperf3 measures from one namespace to an address in another, by a pointer into its JSON.
fn iperf(from: &str, to: &str, address: &str, options: &[&str], pointer: &str) -> f64 {
    let mut server = Command::new("ip")
        .args(["netns", "exec", to, "iperf3", "-s", "-1", "-B", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("iperf3 runs");
    let client = [&["netns", "exec", from, "iperf3", "-J", "-c", address, "-t", "3"], options].concat();
    // Until the server listens, the client ends with an error in its JSON, and well by its exit status.
    let json = wait_for("iperf3 measures", Duration::from_secs(30), || {
        let json: serde_json::Value = serde_json::from_slice(&run("ip", &client).stdout).ok()?;
        json.get("error").is_none().then_some(json)
    });
    // It may be gone already: `-1` ends it after one client, though not always.
    let _ = server.kill();
    server.wait().expect("iperf3 ends");
    json.pointer(pointer).and_then(serde_json::Value::as_f64).expect("iperf3 measured it")
}

/// Average round trip in microseconds.
fn round_trip(from: &str, address: &str) -> f64 {
    let text = must(&format!("ip netns exec {from} ping -q -c 300 -i 0.005 {address}"));
    let average = text.split("= ").nth(1).and_then(|rest| rest.split('/').nth(1));
    average.and_then(|ms| ms.parse::<f64>().ok()).expect("ping prints an average") * 1000.0
}

/// Three nodes by a VN against the same three with plain static routes.
pub fn measure() -> Vec<Row> {
    let lab = Lab::new(LINE);
    lab.start();
    let plain = Plain::new();
    let voted = (lab.namespace("a-host"), lab.namespace("c-host"));
    let bare = (plain.ns("h1"), plain.ns("h2"));
    let address = "198.18.2.10";
    let both = |measure: &dyn Fn(&(String, String)) -> f64| {
        // Interleaved, since the machine's speed wanders.
        let (ours, theirs): (Vec<f64>, Vec<f64>) = (0..3).map(|_| (measure(&voted), measure(&bare))).unzip();
        (median(ours), median(theirs))
    };
    let tcp = both(&|ends| iperf(&ends.0, &ends.1, address, &[], "/end/sum_received/bits_per_second"));
    let udp = both(&|ends| {
        let options = ["-u", "-l", "64", "-b", "0"];
        let packets = iperf(&ends.0, &ends.1, address, &options, "/end/sum/packets");
        let lost = iperf(&ends.0, &ends.1, address, &options, "/end/sum/lost_percent");
        packets / 3.0 * (1.0 - lost / 100.0)
    });
    let rtt = both(&|ends| round_trip(&ends.0, address));
    let ratio = |(ours, theirs): (f64, f64)| format!("{:.2}", ours / theirs);
    let giga = |bits: f64| format!("{:.2} Gbit/s", bits / 1e9);
    let kilo = |packets: f64| format!("{:.0} k/s", packets / 1e3);
    let micros = |value: f64| format!("{value:.0} us");
    vec![
        Row::new("TCP over three nodes (peer: kernel, static routes)", giga(tcp.0), giga(tcp.1), ratio(tcp)),
        Row::new("64-byte UDP over three nodes (same peer)", kilo(udp.0), kilo(udp.1), ratio(udp)),
        Row::new("round trip over three nodes (same peer)", micros(rtt.0), micros(rtt.1), ratio(rtt)),
    ]
}
