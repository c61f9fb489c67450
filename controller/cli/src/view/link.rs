//! A physical link, as `braid get links` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::Row;
use crate::{
    page::{Cell, Tone},
    units,
};

/// A physical link.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    pub number: u32,
    /// As "seattle:eth1".
    pub a: String,
    pub b: String,
    pub a_address: String,
    pub b_address: String,
    pub metric: u32,
    pub mtu: u32,
    /// One-way delay, if the topology gives one.
    pub delay_ms: Option<f64>,
    /// Both ends say that it is up.
    pub up: bool,
    /// Virtual networks in which it is down.
    pub down_in: Vec<String>,
}

impl Link {
    /// Whether the link ends at `node`.
    pub fn touches(&self, node: &str) -> bool {
        [&self.a, &self.b].into_iter().any(|end| end.split(':').next() == Some(node))
    }
}

impl From<v1::Link> for Link {
    fn from(link: v1::Link) -> Self {
        Self {
            number: link.number,
            a: link.a,
            b: link.b,
            a_address: link.a_address,
            b_address: link.b_address,
            metric: link.metric,
            mtu: link.mtu,
            delay_ms: units::milliseconds(link.delay),
            up: link.up,
            down_in: link.down_in,
        }
    }
}

impl Row for Link {
    const NOUN: &'static str = "links";
    const HEADER: &'static [&'static str] =
        &["LINK", "A", "B", "A ADDRESS", "B ADDRESS", "METRIC", "MTU", "DELAY", "STATE", "DOWN IN"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::number(self.number),
            (&self.a).into(),
            (&self.b).into(),
            (&self.a_address).into(),
            (&self.b_address).into(),
            Cell::number(self.metric),
            Cell::number(self.mtu),
            Cell::maybe(self.delay_ms.map(units::span_ms)),
            if self.up { Cell::toned("up", Tone::Good) } else { Cell::toned("down", Tone::Bad) },
            Cell::list(&self.down_in),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::drawn;

    #[test]
    fn a_link_shows_its_delay_and_where_it_is_down() {
        let wire = v1::Link {
            number: 7,
            a: "seattle:eth1".into(),
            b: "denver:eth1".into(),
            a_address: "100.66.0.0".into(),
            b_address: "100.66.0.1".into(),
            metric: 20,
            mtu: 1600,
            delay: Some(prost_types::Duration { seconds: 0, nanos: 13_000_000 }),
            up: true,
            down_in: vec!["red".into()],
        };
        let link = Link::from(wire);
        assert!(link.touches("denver") && !link.touches("den") && !link.touches("eth1"));
        let text = drawn(&vec![link]);
        assert!(text.ends_with("20  1600  13ms   up     red\n"), "{text}");
    }
}
