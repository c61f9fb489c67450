//! Seeds for the `instance` target: conversations in its own encoding.

/// For each kind of link, area and authentication a conversation with a bit of everything, and recorded packets said to a
/// router amid a conversation.
#[must_use]
pub fn seeds(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for choice in [0, 1, 4, 5, 6, 7, 0x10, 0x11, 0x18, 0x19, 0x40, 0x41] {
        for more in [0, 0x20, 0x1d] {
            seeds.push(with(choice, more, &conversation()));
        }
    }
    for (number, packet) in packets.iter().enumerate() {
        let Ok(length) = u8::try_from(packet.len()) else { continue };
        let talk = [converse(10), vec![7, number as u8 & 3, length], packet.clone(), converse(2)];
        seeds.push(with(number as u8 & 1, 0, &talk.concat()));
    }
    seeds
}

fn with(choice: u8, more: u8, steps: &[u8]) -> Vec<u8> {
    [&[choice, more], steps].concat()
}

fn converse(seconds: u8) -> Vec<u8> {
    vec![3, seconds.saturating_mul(20)]
}

fn conversation() -> Vec<u8> {
    let external = |router: u8, number: u8| vec![15, router, number << 4, 28, 0, 9];
    [
        converse(9),
        external(0, 3),
        external(1, 4),
        vec![15, 2 | 1 << 5, 4, 1, 2, 3, 4, 7],
        converse(2),
        // The peer's LSAs are forged: other instances, other contents.
        vec![11, 1, 2, 2, 1, 0x40],
        vec![11, 1, 6, 4, 21, 9, 0x40],
        vec![11, 1, 1, 0x12, 3, 0, 2, 1, 0, 0x11, 0x12, 0, 0x40],
        converse(3),
        // Packets are lost, repeated and bent.
        vec![15, 4, 0x30, 28],
        vec![1, 2],
        vec![2, 0x17, 0x70],
        vec![4, 3],
        vec![16, 0, 0, 5],
        vec![6, 0, 24, 3],
        converse(3),
        // The link breaks and mends.
        vec![14, 8],
        converse(2),
        vec![14, 0],
        converse(5),
        vec![17, 1],
        // The peer begins the exchange anew, and asks.
        vec![9, 7, 0, 0x5f],
        vec![10, 3, 1, 5, 9, 0x5f],
        vec![8, 0x10, 0, 0, 0x5f],
        converse(5),
        vec![16, 0, 6, 9],
        converse(5),
        vec![17, 0],
    ]
    .concat()
}
