//! The layout: from a topology to addresses, VNIs, node and border specifications.
