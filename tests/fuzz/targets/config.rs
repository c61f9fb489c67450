//! Any bytes as the configuration of either daemon, and as the hex lines of `braid debug routes`: nothing panics, what is read is
//! written to text that reads alike, and an engine takes every configuration that was found sound.
#![no_main]

use std::{collections::BTreeMap, fmt::Debug, net::Ipv4Addr, path::Path, time::Duration};

use braid_native::{ConfigError, isis, ospf};
use libfuzzer_sys::fuzz_target;

/// How long an engine runs by a configuration, in seconds.
const LIFE_S: u64 = 5;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = ospf::routes_from_hex(text, Ipv4Addr::new(1, 1, 1, 1));
        for level in [isis::OneLevel::One, isis::OneLevel::Two] {
            let _ = isis::routes_from_hex(text, isis::SystemId([0, 0, 0, 0, 0, 1]), level);
        }
    }
    of_ospf(bytes);
    of_isis(bytes);
});

fn of_ospf(bytes: &[u8]) {
    use braid_ospf::{Input, Instance, Instant, InterfaceId};
    let Ok(file) = serde_json::from_slice::<ospf::File>(bytes) else { return };
    let again = serde_json::from_str::<ospf::File>(&file.to_text());
    same(&again.expect("its own text"), &file);
    let numbers = numbered(file.interfaces.keys());
    let config = file.to_config(Path::new("fuzz.json"), |name| numbers.get(name).copied());
    let Some(config) = sound(config) else { return };
    let now = Instant(1_000_000);
    let mut router = Instance::new(config, 7, now).expect("it was found sound");
    for interface in numbers.values() {
        router.handle(now, Input::Carrier { interface: InterfaceId(*interface), up: true });
    }
    for second in 0..LIFE_S {
        let now = now.checked_add(Duration::from_secs(second)).expect("not far");
        router.handle(now, Input::Timeout);
        while router.poll_output().is_some() {}
    }
}

fn of_isis(bytes: &[u8]) {
    use braid_isis::{CircuitId, Input, Instance, Instant};
    let Ok(file) = serde_json::from_slice::<isis::File>(bytes) else { return };
    let again = serde_json::from_str::<isis::File>(&file.to_text());
    same(&again.expect("its own text"), &file);
    let numbers = numbered(file.circuits.keys());
    let config = file.to_config(Path::new("fuzz.json"), |name| numbers.get(name).copied());
    let Some(config) = sound(config) else { return };
    let now = Instant(1_000_000);
    let mut router = Instance::new(config, 7, now).expect("it was found sound");
    for circuit in numbers.values() {
        router
            .handle(now, Input::Carrier { circuit: CircuitId(*circuit), up: true, mac: [2, 0, 0, 0, 0, 1] });
    }
    for second in 0..LIFE_S {
        router.handle(now + Duration::from_secs(second), Input::Timeout);
        while router.poll_output().is_some() {}
    }
}

fn same<T: PartialEq + Debug>(again: &T, file: &T) {
    assert_eq!(again, file);
}

/// The names of a file, each with a number of the kernel's.
fn numbered<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, u32> {
    names.map(String::as_str).zip(1..).collect()
}

/// The configuration, unless what is wrong with it is told.
fn sound<C>(config: Result<C, ConfigError>) -> Option<C> {
    if let Err(error) = &config {
        assert!(!error.to_string().is_empty());
    }
    config.ok()
}
