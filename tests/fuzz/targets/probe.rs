//! Any bytes as a packet and as a message, and between two borders that probe one another a third who repeats, bends and forges
//! what they say: nothing panics, a border that is attacked does, finds and measures what it would have without the attack, each
//! attack is counted once, nothing is sent beyond the budget, and what one with the key may say makes nobody fall over.
#![no_main]

use braid_fuzz::{Bytes, probes::Pair};
use braid_probe::{Datagram, Key};
use libfuzzer_sys::fuzz_target;

/// Steps beyond these tell nothing new and take long.
const STEPS: usize = 100;

fuzz_target!(|bytes: &[u8]| {
    decode(bytes);
    let mut bytes = Bytes::new(bytes);
    let mut pair = Pair::new();
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        pair.step(&mut bytes);
        pair.check();
    }
});

fn decode(bytes: &[u8]) {
    // A code right by chance is never seen.
    assert!(Key([7; 32]).open(bytes).is_err());
    let Some(datagram) = Datagram::decode(bytes) else { return };
    if datagram.payload.len() <= 1400 {
        let mut packet = Vec::new();
        datagram.encode(&mut packet);
        assert_eq!(Datagram::decode(&packet), Some(datagram));
    }
}
