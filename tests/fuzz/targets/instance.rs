//! Two routers talk over links that the fuzzer owns: packets are lost, repeated, bent and forged, with right checksums and
//! signatures, carriers come and go, configurations change. Nothing panics, nothing runs without end, limits hold, and a router
//! restored from its snapshot is the same router.
#![no_main]

use std::time::Duration;

use braid_fuzz::{Bytes, Talk as _, World, forgery};
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
        5 => {
            let at = bytes.u8();
            world.bend(at.into(), bytes.u8(), at & 1 == 0);
        }
        6 => {
            let (which, at) = (bytes.u8() % 4, bytes.u8());
            world.bend_lsa(which.into(), at.into(), bytes.u8());
        }
        7 => {
            let (choice, length) = (bytes.u8(), bytes.u8());
            world.inject(choice, bytes.take(length.into()));
        }
        8 => {
            let hello = forgery::hello(bytes);
            world.forge(bytes, &hello);
        }
        9 => {
            let description = forgery::description(bytes, world);
            world.forge(bytes, &description);
        }
        10 => {
            let request = forgery::request(bytes, world);
            world.forge(bytes, &request);
        }
        11 | 12 => {
            let lsas = forgery::lsas(bytes, world);
            world.update(bytes, lsas);
        }
        13 => {
            let ack = forgery::ack(bytes, world);
            world.forge(bytes, &ack);
        }
        14 => world.carrier(bytes.u8()),
        15 => world.originate(bytes),
        16 => world.configure(bytes),
        _ => match bytes.u8() {
            0 => world.leave(),
            _ => world.restore(),
        },
    }
}
