//! Mixed networks of FRR, BIRD and the embedded engine in namespaces.
