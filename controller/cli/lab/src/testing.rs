//! A small network for unit tests.

use crate::{up::lay_out, wiring::Wiring};

/// Three nodes in a ring, `a` with a customer.
pub(crate) const RING: &str = "
name: NAME
topology:
  nodes:
    a: { border: { prefixes: [198.18.1.0/24] } }
    b: {}
    c: {}
  links:
    - endpoints: ['a:eth1', 'b:eth1']
    - endpoints: ['b:eth2', 'c:eth1']
    - endpoints: ['a:eth2', 'c:eth2']
vns:
  - { id: 1, name: red, engine: bird-ospf }
";

/// The wiring of [`RING`] as the network `name`.
pub(crate) fn ring(name: &str) -> Wiring {
    let topology = braid_topology::parse(&RING.replace("NAME", name), "ring.yaml").unwrap();
    Wiring::of(&lay_out(&topology).unwrap())
}
