//! Namespaces for tests: with names of their own, and removed also when a test panics.
#![allow(dead_code)] // each test file uses its part

use std::{
    process::Output,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use braid_kernel::{Netlink, Netns};

/// How long a named condition may take to come true.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A name that no other test, and no other run, has.
pub fn unique(label: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bk{}-{}-{label}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A namespace for one test.
pub struct TestNs {
    pub netns: Netns,
    pub name: String,
}

impl TestNs {
    pub fn new(label: &str) -> Self {
        let name = unique(label);
        Self { netns: Netns::create(&name).expect("these tests run as root"), name }
    }

    pub fn netlink(&self) -> Netlink {
        Netlink::open(&self.netns).unwrap()
    }

    /// Runs `ip` in the namespace, its arguments separated by blanks.
    pub fn try_ip(&self, arguments: &str) -> Output {
        self.netns.command("ip").args(arguments.split_whitespace()).output().unwrap()
    }

    /// The same, and it must succeed; gives what it printed.
    pub fn ip(&self, arguments: &str) -> String {
        let output = self.try_ip(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {arguments}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, as JSON.
    pub fn ip_json(&self, arguments: &str) -> serde_json::Value {
        let text = self.ip(&format!("-j {arguments}"));
        if text.trim().is_empty() { serde_json::json!([]) } else { serde_json::from_str(&text).unwrap() }
    }

    /// Whether one ping to an address is answered.
    pub fn pings(&self, address: &str) -> bool {
        let ping = self.netns.command("ping").args(["-c", "1", "-W", "1", address]).output().unwrap();
        ping.status.success()
    }
}

impl Drop for TestNs {
    fn drop(&mut self) {
        let _ = Netns::delete(&self.name);
    }
}

/// Asks again and again until the condition holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
