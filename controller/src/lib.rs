//! The controller: desired state in, actual state collected, operators answered.
