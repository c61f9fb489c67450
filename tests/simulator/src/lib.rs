//! Many OSPF routers in one process on a virtual clock, with faults from a seed.
