//! Any bytes as the daemon's configuration, and as the hex lines of `braid debug routes`: nothing panics, what is read is
//! written to text that reads alike, and an engine takes every configuration that was found sound.
#![no_main]

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, time::Duration};

use braid_native::ospf::{File, routes_from_hex};
use braid_ospf::{Input, Instance, Instant, InterfaceId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = routes_from_hex(text, Ipv4Addr::new(1, 1, 1, 1));
    }
    let Ok(file) = serde_json::from_slice::<File>(bytes) else { return };
    let again = serde_json::from_str::<File>(&file.to_text()).expect("its own text");
    assert_eq!(again, file);
    let numbers: BTreeMap<&str, u32> = file.interfaces.keys().map(String::as_str).zip(1..).collect();
    let config = match file.to_config(Path::new("fuzz.json"), |name| numbers.get(name).copied()) {
        Ok(config) => config,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let now = Instant(1_000_000);
    let mut router = Instance::new(config, 7, now).expect("it was found sound");
    for interface in numbers.values() {
        router.handle(now, Input::Carrier { interface: InterfaceId(*interface), up: true });
    }
    for second in 0..5 {
        let now = now.checked_add(Duration::from_secs(second)).expect("not far");
        router.handle(now, Input::Timeout);
        while router.poll_output().is_some() {}
    }
});
