//! What the verifier says of small networks, fault by fault.

use crate::world::{World, name, net, port, topology, vn};
use braid_proto::VnId;
use braid_verify::{Action, DropReason, HopStep, InterfaceId, Summary, TopologyError, Verifier, VerifyError};

const P: &str = "198.18.0.0/24";

/// a - b - c - d in a row, P attached at d, everybody sends P that way.
fn row() -> World {
    let mut world = World::new("abcd", "ab bc cd", &[('d', P)]);
    world.send('a', P, "b");
    world.send('b', P, "c");
    world.send('c', P, "d");
    world.set('d', P, Action::Deliver);
    world
}

#[test]
fn a_prefix_is_delivered_where_it_is_attached() {
    let mut world = row();
    for ingress in "abcd".chars() {
        assert_eq!(world.verdict(P, ingress), "at d");
    }
    assert_eq!(world.changes(), ["a", "b", "c", "d"].map(|at| format!("{P} {at}: at d")));
    assert_eq!(world.changes(), [""; 0]);
}

#[test]
fn a_loopback_needs_no_route_at_its_owner() {
    let mut world = World::new("abc", "ab bc", &[]);
    world.send('a', "100.64.0.0/16", "b");
    world.send('b', "100.64.0.3/32", "c");
    assert_eq!(world.verdict("100.64.0.3/32", 'a'), "at c");
    assert_eq!(world.verdict("100.64.0.2/32", 'a'), "at b");
    assert_eq!(world.verdict("100.64.0.1/32", 'a'), "at a");
    assert_eq!(world.verdict("100.64.0.1/32", 'b'), "dropped at b (NoRoute)");
    // Not even a blackhole route to it matters there.
    world.set('c', "100.64.0.3/32", Action::Drop(DropReason::Blackhole));
    assert_eq!(world.verdict("100.64.0.3/32", 'a'), "at c");
}

#[test]
fn the_longest_prefix_decides_whatever_the_order() {
    let mut world = row();
    world.set('b', "0.0.0.0/0", Action::Drop(DropReason::Blackhole));
    assert_eq!(world.verdict(P, 'a'), "at d");
    world.remove('b', P);
    assert_eq!(world.verdict(P, 'a'), "dropped at b (Blackhole)");
    world.set('b', "198.18.0.0/15", Action::Drop(DropReason::Prohibited));
    assert_eq!(world.verdict(P, 'a'), "dropped at b (Prohibited)");
    world.send('b', P, "c");
    assert_eq!(world.verdict(P, 'a'), "at d");
    world.remove('b', "0.0.0.0/0");
    world.remove('b', "198.18.0.0/15");
    world.remove('b', P);
    assert_eq!(world.verdict(P, 'a'), "dropped at b (NoRoute)");
}

#[test]
fn a_hole_in_part_of_a_prefix_counts() {
    let mut world = row();
    world.changes();
    world.set('b', "198.18.0.64/26", Action::Drop(DropReason::Unreachable));
    assert_eq!(world.verdict(P, 'a'), "at d, dropped at b (Unreachable), in part");
    assert_eq!(world.verdict(P, 'c'), "at d");
    let hole = format!("{P} a: at d, dropped at b (Unreachable), in part");
    assert_eq!(world.changes(), [hole, format!("{P} b: at d, dropped at b (Unreachable), in part")]);

    // The display shows the three parts apart.
    let path = world.0.path(vn(), net(P), world.node('a'), 100).unwrap();
    let parts = path.parts.iter().map(|part| {
        let hops: String = part.hops.iter().map(|hop| world.letter(hop.node)).collect();
        format!("{}-{} {hops}", part.first, part.last)
    });
    let expected =
        ["198.18.0.0-198.18.0.63 abcd", "198.18.0.64-198.18.0.127 ab", "198.18.0.128-198.18.0.255 abcd"];
    assert_eq!(parts.collect::<Vec<_>>(), expected);

    world.remove('b', "198.18.0.64/26");
    assert_eq!(world.verdict(P, 'a'), "at d");
}

#[test]
fn ecmp_with_one_bad_branch_may_drop() {
    let mut world = World::new("abcd", "ab ac bd cd", &[('d', P)]);
    world.send('a', P, "bc");
    world.send('b', P, "d");
    world.send('c', P, "d");
    world.set('d', P, Action::Deliver);
    assert_eq!(world.verdict(P, 'a'), "at d");
    world.remove('c', P);
    assert_eq!(world.verdict(P, 'a'), "at d, dropped at c (NoRoute)");
    // One branch that comes back is a loop that a packet may enter.
    world.send('c', P, "a");
    assert_eq!(world.verdict(P, 'a'), "at d, loop ac");
    assert_eq!(world.verdict(P, 'b'), "at d");
    let verdict = world.0.verdict(vn(), net(P), world.node('c')).unwrap();
    assert_eq!((verdict.summary(), verdict.partial), (Summary::Loops, false));
}

#[test]
fn loops_are_found_named_in_order_and_left_again() {
    let mut world = World::new("abcde", "ab bc ca cd ae", &[('d', P)]);
    world.send('e', P, "a");
    world.send('a', P, "c");
    world.send('b', P, "c");
    world.send('c', P, "d");
    world.set('d', P, Action::Deliver);
    assert_eq!(world.verdict(P, 'e'), "at d");
    // Two nodes.
    world.send('c', P, "b");
    for ingress in "abce".chars() {
        assert_eq!(world.verdict(P, ingress), "loop bc");
    }
    // Three, entered from outside at e.
    world.send('b', P, "a");
    assert_eq!(world.verdict(P, 'e'), "loop acb");
    assert_eq!(world.verdict(P, 'd'), "at d");
    // Cut open.
    world.changes();
    world.send('b', P, "");
    assert_eq!(world.verdict(P, 'e'), "dropped at b (DeadNextHop)");
    world.send('c', P, "d");
    assert_eq!(world.verdict(P, 'e'), "at d");
    let left = [('a', "at d"), ('b', "dropped at b (DeadNextHop)"), ('c', "at d"), ('e', "at d")];
    assert_eq!(world.changes(), left.map(|(at, verdict)| format!("{P} {at}: {verdict}")));
}

#[test]
fn a_loop_that_closes_on_good_news_is_found() {
    // b's own outcome stays "at c" if only its next hop's is read; but a asks b, and b now asks a.
    let mut world = World::new("abc", "ab ac bc", &[('c', P)]);
    world.set('c', P, Action::Deliver);
    world.send('b', P, "c");
    world.send('a', P, "b");
    assert_eq!(world.verdict(P, 'a'), "at c");
    world.send('b', P, "a");
    assert_eq!(world.verdict(P, 'a'), "loop ab");
}

#[test]
fn the_wrong_border_delivers_nothing() {
    let mut world = row();
    // a announces P as its own: whoever is nearer to it is misled.
    world.set('a', P, Action::Deliver);
    world.send('b', P, "a");
    assert_eq!(world.verdict(P, 'b'), "dropped at a (NotAttached)");
    assert_eq!(world.verdict(P, 'c'), "at d");
    // Where both have it attached, either is right, and the verdict tells which.
    let mut world = World::new("abc", "ab bc", &[('a', P), ('c', P)]);
    for (node, action) in [('a', Action::Deliver), ('b', world.to('b', "ac")), ('c', Action::Deliver)] {
        world.set(node, P, action);
    }
    assert_eq!(world.verdict(P, 'b'), "at a, at c");
    assert_eq!(world.verdict(P, 'a'), "at a");
}

#[test]
fn nested_prefixes_of_interest_are_judged_apart() {
    let (wide, narrow) = ("10.0.0.0/8", "10.1.0.0/16");
    let mut world = World::new("abc", "ab bc", &[('a', wide), ('c', narrow)]);
    world.send('b', wide, "a");
    world.send('b', narrow, "c");
    world.set('a', wide, Action::Deliver);
    world.set('c', narrow, Action::Deliver);
    assert_eq!(world.verdict(wide, 'b'), "at a");
    assert_eq!(world.verdict(narrow, 'b'), "at c");
    // Without the longer route b's packets to it leave at a, whose port does let them out.
    world.remove('b', narrow);
    assert_eq!(world.verdict(narrow, 'b'), "at a");
    // Nothing is left of a prefix that others cover whole.
    let world = World::new("a", "", &[('a', "10.0.0.0/8"), ('a', "10.0.0.0/9"), ('a', "10.128.0.0/9")]);
    assert_eq!(world.verdict("10.0.0.0/8", 'a'), "");
    assert_eq!(
        world.0.verdict(vn(), net("10.0.0.0/8"), world.node('a')).unwrap().summary(),
        Summary::Unknown
    );
}

#[test]
fn a_link_is_dead_while_either_end_is_down() {
    let mut world = row();
    world.changes();
    world.link('c', 'b', false);
    assert_eq!(world.verdict(P, 'a'), "dropped at b (DeadNextHop)");
    assert_eq!(world.verdict(P, 'c'), "at d");
    world.link('b', 'c', false);
    world.link('c', 'b', true);
    assert_eq!(world.verdict(P, 'a'), "dropped at b (DeadNextHop)");
    world.link('b', 'c', true);
    assert_eq!(world.verdict(P, 'a'), "at d");
    assert_eq!(world.changes(), [""; 0], "what changed back is not a change");
    world.set('b', P, Action::Forward(vec![InterfaceId::NOWHERE, world.interface('b', 'c')]));
    assert_eq!(world.verdict(P, 'a'), "at d, dropped at b (DeadNextHop)");
    world.set('b', P, Action::Forward(vec![world.interface('c', 'd')]));
    assert_eq!(world.verdict(P, 'a'), "dropped at b (DeadNextHop)", "another node's interface");
}

#[test]
fn a_forgotten_fib_is_unknown_not_dropped() {
    let mut world = row();
    world.changes();
    world.0.forget(vn(), world.node('c')).unwrap();
    assert_eq!(world.verdict(P, 'a'), "unknown at c");
    assert_eq!(world.verdict(P, 'd'), "at d");
    assert_eq!(world.verdict("100.64.0.3/32", 'c'), "unknown at c");
    let changes = world.changes();
    assert!(changes.contains(&format!("{P} a: unknown at c")), "{changes:?}");
    assert_eq!(world.0.routes(vn(), world.node('c')), None);
    let refused = world.0.apply(vn(), world.node('c'), &[]);
    assert_eq!(refused, Err(VerifyError::NoSnapshot { vn: vn(), node: world.node('c') }));
    // Back with a snapshot that lacks the route.
    world.snapshot('c', &[("0.0.0.0/0", world.to('c', "b"))]);
    assert_eq!(world.verdict(P, 'a'), "loop bc");
    world.snapshot('c', &[(P, world.to('c', "d"))]);
    assert_eq!(world.verdict(P, 'a'), "at d");
    assert_eq!(
        world.0.routes(vn(), world.node('c')),
        Some(vec![(net(P), world.to('c', "d"))]),
        "the snapshot replaced the default route"
    );
}

#[test]
fn at_first_all_is_unknown_and_nothing_is_news() {
    let mut world = World(Verifier::new(&topology("ab", "ab", &[('b', P)])).unwrap());
    assert_eq!(world.verdict(P, 'a'), "unknown at a");
    assert_eq!(world.changes(), [""; 0]);
    world.snapshot('a', &[(P, world.to('a', "b"))]);
    assert_eq!(world.verdict(P, 'a'), "unknown at b");
    assert_eq!(world.changes().len(), 3, "P and both loopbacks, from a");
}

#[test]
fn memory_does_not_grow_with_churn() {
    let mut world = row();
    world.changes();
    let before = world.0.size();
    for round in 0..1_000_u32 {
        let hole = format!("198.18.0.{}/30", round % 64 * 4);
        let node = "abc".chars().nth(round as usize % 3).unwrap();
        world.set(node, &hole, Action::Drop(DropReason::Blackhole));
        world.send(node, P, if round % 2 == 0 { "b" } else { "" }.replace(node, "c").as_str());
        world.remove(node, &hole);
        world.link('b', 'c', round % 2 == 0);
    }
    world.send('a', P, "b");
    world.send('b', P, "c");
    world.send('c', P, "d");
    world.link('b', 'c', true);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.0.size(), before);
}

#[test]
fn a_new_topology_keeps_fibs_by_name() {
    let mut world = row();
    world.link('a', 'b', false);
    // A node 0 comes, so that all numbers shift; d's prefix stays, c-d is cabled anew under another name; b has a way round.
    let mut next = topology("0abcd", "ab bc cd b0", &[('d', P)]);
    world.0.set_topology(&next).unwrap();
    assert_eq!(world.verdict(P, 'b'), "at d");
    assert_eq!(world.verdict(P, 'a'), "dropped at a (DeadNextHop)", "the link is still down");
    assert_eq!(world.verdict(P, '0'), "unknown at 0");
    let news = world.changes();
    assert!(news.contains(&format!("{P} b: at d")), "{news:?}");
    // Another VN comes: that is no news about this one.
    let other = VnId::try_from(2_u32).unwrap();
    next.vns.insert(other, next.vns[&vn()].clone());
    world.0.set_topology(&next).unwrap();
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.verdict(P, 'b'), "at d");
    assert_eq!(world.0.routes(other, world.node('b')), None);
    // A link that is gone leaves a dead next hop.
    next.vns.get_mut(&vn()).unwrap().links.retain(|link| link.ends[1].0 != name('d'));
    world.0.set_topology(&next).unwrap();
    assert_eq!(world.verdict(P, 'b'), "dropped at c (DeadNextHop)");
}

#[test]
fn the_path_is_a_bounded_graph() {
    let mut world = World::new("abcd", "ab ac bd cd", &[('d', P)]);
    world.send('a', P, "bc");
    world.send('b', P, "d");
    world.send('c', P, "d");
    world.set('d', P, Action::Deliver);
    let path = world.0.path(vn(), net(P), world.node('a'), 100).unwrap();
    assert!(!path.truncated);
    let hops = &path.parts[0].hops;
    assert_eq!(hops.iter().map(|hop| world.letter(hop.node)).collect::<String>(), "abcd", "d once");
    assert!(matches!(&hops[0].step, HopStep::Forward(edges) if edges.len() == 2));
    assert_eq!(hops[3].step, HopStep::Deliver);
    let path = world.0.path(vn(), net(P), world.node('a'), 2).unwrap();
    assert!(path.truncated && path.parts[0].hops.len() == 2);
}

#[test]
fn what_is_not_there_is_refused() {
    let mut world = row();
    let other = VnId::try_from(2_u32).unwrap();
    let (a, ab) = (world.node('a'), world.interface('a', 'b'));
    assert_eq!(world.0.apply(other, a, &[]), Err(VerifyError::UnknownVn(other)));
    assert_eq!(
        world.0.set_link(vn(), InterfaceId::NOWHERE, true),
        Err(VerifyError::UnknownInterface { vn: vn(), interface: InterfaceId::NOWHERE })
    );
    assert_eq!(world.0.interface_name(vn(), ab), Some(&port('b')));
    assert_eq!(world.0.verdict(vn(), net("192.0.2.0/24"), a), None);
    // d leaves the VN: its number is refused there.
    let d = world.node('d');
    let mut next = topology("abcd", "ab bc", &[]);
    next.vns.get_mut(&vn()).unwrap().nodes.remove(&name('d'));
    world.0.set_topology(&next).unwrap();
    assert_eq!(world.0.forget(vn(), d), Err(VerifyError::UnknownNode { vn: vn(), node: d }));
    // Topologies that contradict themselves change nothing.
    let mut bad = topology("ab", "ab", &[]);
    bad.vns
        .get_mut(&vn())
        .unwrap()
        .links
        .push(braid_verify::Link { ends: [(name('b'), port('x')), (name('a'), port('b'))] });
    let twice = TopologyError::InterfaceTwice { vn: vn(), node: name('a'), interface: port('b') };
    assert_eq!(world.0.set_topology(&bad), Err(twice));
    bad.nodes.remove(&name('b'));
    let missing = TopologyError::UnknownNode { vn: vn(), node: name('b') };
    assert_eq!(world.0.set_topology(&bad), Err(missing));
    assert!(world.0.node(&name('d')).is_some());
}
