//! Seeds for the `routes` target: small networks in its own encoding.

/// A few networks: a triangle around the root, a transit network, and two areas with summaries and externals.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let area = |area, kind| vec![0, area, kind, 0, 1];
    let point_to_point = |cost: u8, id, data| vec![cost << 2, id, data];
    let transit = |cost: u8, id, data| vec![cost << 2 | 1, id, data];
    // The prefix is an address and a length.
    let stub = |cost: u8, id, prefix, length| vec![cost << 2 | 2, id, prefix, length];
    // Step, area, kind of LSA, advertising router, id, mask, metric; then the body; then whether to compute (0: yes).
    let router = |at, flags: u8, id, links: &[Vec<u8>]| {
        let mut bytes = vec![6, at, flags << 4, id, id, 0, 0, links.len() as u8];
        links.iter().for_each(|link| bytes.extend(link));
        bytes.push(0);
        bytes
    };
    let network = |at, advertising, id, routers: &[u8]| {
        let mut bytes = vec![6, at, 3, advertising, id, 28, 0, routers.len() as u8];
        bytes.extend(routers);
        bytes.push(0);
        bytes
    };
    let summary = |at, kind, advertising, id, metric| vec![6, at, kind, advertising, id, 28, metric, 0];
    let external =
        |at, kind, advertising, id, metric| vec![6, at, kind, advertising, id, 28, metric, 0xfe, 1, 0];
    let settings = vec![0xf0];
    let triangle = [
        settings.clone(),
        area(0, 2),
        router(0, 0, 1, &[point_to_point(1, 2, 0x21), point_to_point(2, 3, 0x31), stub(0, 1, 1, 32)]),
        router(0, 0, 2, &[point_to_point(1, 1, 0x22), point_to_point(1, 3, 0x41), stub(0, 2, 2, 32)]),
        router(0, 0, 3, &[point_to_point(2, 1, 0x32), point_to_point(1, 2, 0x42), stub(3, 0x50, 0x50, 28)]),
        router(0, 0, 2, &[point_to_point(9, 1, 0x22), point_to_point(9, 3, 0x41), stub(0, 2, 2, 32)]),
    ]
    .concat();
    let transit_network = [
        settings.clone(),
        area(0, 2),
        router(0, 0, 1, &[transit(1, 0x12, 0x11)]),
        router(0, 0, 2, &[transit(1, 0x12, 0x12), stub(1, 0x60, 0x60, 28)]),
        router(0, 0, 3, &[transit(1, 0x12, 0x13), stub(1, 0x60, 0x60, 28)]),
        network(0, 2, 0x12, &[1, 2, 3]),
        network(0, 2, 0x12, &[1, 2]),
    ]
    .concat();
    let areas = [
        settings,
        area(0, 2),
        area(1, 2),
        area(2, 1),
        router(0, 1, 1, &[point_to_point(1, 2, 0x21)]),
        router(0, 3, 2, &[point_to_point(1, 1, 0x22)]),
        router(1, 1, 1, &[point_to_point(1, 4, 0x31)]),
        router(1, 1, 4, &[point_to_point(1, 1, 0x32)]),
        summary(0, 4, 2, 0x70, 5),
        summary(0, 5, 2, 7, 5),
        summary(1, 4, 4, 0x80, 5),
        external(0, 6, 2, 0x90, 20),
        external(0, 6, 7, 0xa0, 20),
        external(2, 7, 2, 0xb0, 20),
        vec![3, 1, 1, 4, 0],
        vec![4, 1, 1, 0x30, 24, 0],
        vec![5, 0, 0],
    ]
    .concat();
    vec![triangle, transit_network, areas]
}
