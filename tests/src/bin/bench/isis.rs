//! The embedded IS-IS engine beside isisd.

use braid_interop::{Kind, Protocol};

use crate::{contest::networks, row::Row};

pub fn measure() -> Vec<Row> {
    networks(Protocol::Isis, &[("braid", Kind::Native), ("FRR", Kind::Frr)], "15 ms")
}
