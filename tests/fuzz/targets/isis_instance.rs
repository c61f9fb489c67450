//! Two IS-IS routers talk over circuits that the fuzzer owns: PDUs are lost, repeated, bent and forged, with right checksums and
//! signatures, carriers come and go, configurations change. Nothing panics, nothing runs without end, limits hold, and a router
//! restored from its snapshot is the same router.
#![no_main]

use std::time::Duration;

use braid_fuzz::{Bytes, Talk as _, isis::World};
use libfuzzer_sys::fuzz_target;

/// Steps beyond these tell nothing new and take long.
const STEPS: usize = 150;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let mut world = World::new(&mut bytes);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        step(&mut bytes, &mut world);
        world.check();
    }
    world.end();
    world.check();
});

fn step(bytes: &mut Bytes, world: &mut World) {
    match bytes.u8() % 18 {
        0 => world.deliver_some(usize::from(bytes.u8() % 16)),
        1 => world.lose(usize::from(bytes.u8() % 16)),
        2 => world.pass(Duration::from_millis(bytes.u16().into())),
        3 => world.converse(Duration::from_millis(u64::from(bytes.u8()) * 50)),
        4 => world.repeat(bytes.u8().into()),
        5 | 6 => {
            let at = bytes.u8();
            world.bend(at.into(), bytes.u8(), at & 1 == 0);
        }
        7 => world.forge_bytes(bytes),
        8 | 9 => world.forge_hello(bytes),
        10 => world.forge_sequence_numbers(bytes),
        11..=13 => world.forge_lsp(bytes),
        14 => world.carrier(bytes.u8()),
        15 => world.originate(bytes),
        16 => world.configure(bytes),
        _ => match bytes.u8() {
            0 => world.leave(),
            _ => world.restore(),
        },
    }
}
