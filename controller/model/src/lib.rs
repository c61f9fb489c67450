//! The reference model: where every prefix ought to be delivered, and how
