//! Drivers for routing engines: FRR and BIRD behind one interface, each in a cgroup of its own.
