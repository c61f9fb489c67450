//! Models of OSPF networks, a seeded generator of them, and the routes they must have, by petgraph.
