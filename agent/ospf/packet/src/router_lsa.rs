//! Router-LSAs and network-LSAs: the vertices of the shortest-path tree.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::{
    BuildError, DecodeError, Fault, Item, LsType, RouterFlags, RouterId, body::checked_mask, reader::Reader,
};

/// What a link of a router-LSA leads to (RFC 2328 §A.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum LinkKind {
    /// Another router: the id is its router id, the data our interface address (or ifIndex, if unnumbered).
    PointToPoint = 1,
    /// A network with a designated router: the id is that router's address, the data our interface address.
    Transit = 2,
    /// A network without other routers: the id is its address, the data its mask.
    Stub = 3,
    /// The other end of a virtual link: the id is its router id, the data our interface address.
    Virtual = 4,
}

impl LinkKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::PointToPoint,
            2 => Self::Transit,
            3 => Self::Stub,
            4 => Self::Virtual,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// ```text
/// |                          Link ID                              |
/// |                         Link Data                             |
/// |     Type      |     # TOS     |            metric             |
/// |      TOS      |        0      |          TOS  metric          |  … # TOS times, not kept
/// ```
/// One link of a router-LSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouterLink {
    /// What it leads to, and so what the two next fields mean.
    pub kind: LinkKind,
    /// Link ID.
    pub id: Ipv4Addr,
    /// Link Data.
    pub data: Ipv4Addr,
    /// Cost of sending over this link.
    pub metric: u16,
}

/// ```text
/// |    0  Nt|W|V|E|B|        0      |            # links            |
/// | links …
/// ```
/// A router and its links in an area (RFC 2328 §A.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RouterLsa {
    /// What the router is besides.
    pub flags: RouterFlags,
    /// Its links, at most 5449 in one LSA.
    pub links: Vec<RouterLink>,
}

/// ```text
/// |                         Network Mask                          |
/// |                        Attached Router                        |  …
/// ```
/// A network and the routers that are fully adjacent to its designated router, this one included (RFC 2328
/// §A.4.3). The link state id is the designated router's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NetworkLsa {
    /// Prefix length of the network, 0 to 32.
    pub mask: u8,
    /// The attached routers.
    pub routers: Vec<RouterId>,
}

/// A router-LSA's contents in place.
#[derive(Debug, Clone, Copy)]
pub struct RouterView<'a>(&'a [u8]);

impl<'a> RouterView<'a> {
    /// `body` has been checked.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// What the router is besides.
    #[must_use]
    pub fn flags(self) -> RouterFlags {
        RouterFlags(self.0[0])
    }

    /// How many links there are.
    #[must_use]
    pub fn link_count(self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// The links, in the order of the LSA.
    #[must_use]
    pub fn links(self) -> RouterLinks<'a> {
        RouterLinks(&self.0[4..])
    }
}

/// Iterates over the links of a router-LSA.
#[derive(Debug, Clone)]
pub struct RouterLinks<'a>(&'a [u8]);

/// Bytes of a link without metrics for types of service.
const LINK_LENGTH: usize = 12;
/// Bytes of one such metric.
const TOS_LENGTH: usize = 4;

impl Iterator for RouterLinks<'_> {
    type Item = RouterLink;

    fn next(&mut self) -> Option<RouterLink> {
        let (link, rest) = self.0.split_first_chunk::<LINK_LENGTH>()?;
        let [i0, i1, i2, i3, d0, d1, d2, d3, kind, tos, m0, m1] = *link;
        self.0 = rest.get(usize::from(tos) * TOS_LENGTH..)?;
        Some(RouterLink {
            kind: LinkKind::from_number(kind)?,
            id: Ipv4Addr::new(i0, i1, i2, i3),
            data: Ipv4Addr::new(d0, d1, d2, d3),
            metric: u16::from_be_bytes([m0, m1]),
        })
    }
}

impl RouterLsa {
    pub(crate) fn check(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let [_, _, high, low] = reader.array::<4>()?;
        for _ in 0..u16::from_be_bytes([high, low]) {
            reader.take(8)?;
            let [kind, tos, ..] = reader.array::<4>()?;
            if LinkKind::from_number(kind).is_none() {
                return Err(reader.fail_last(4, Fault::LinkKind(kind)));
            }
            reader.take(usize::from(tos) * TOS_LENGTH)?;
        }
        reader.end()
    }

    pub(crate) fn from_checked(bytes: &[u8]) -> Self {
        let view = RouterView::new(bytes);
        Self { flags: view.flags(), links: view.links().collect() }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        let count = u16::try_from(self.links.len()).map_err(|_| BuildError::TooLong {
            item: Item::Lsa(LsType::Router),
            length: crate::LsaHeader::LENGTH + 4 + LINK_LENGTH * self.links.len(),
            most: crate::Lsa::MAX_LENGTH,
        })?;
        out.extend_from_slice(&[self.flags.0, 0]);
        out.extend_from_slice(&count.to_be_bytes());
        for link in &self.links {
            out.extend_from_slice(&link.id.octets());
            out.extend_from_slice(&link.data.octets());
            out.extend_from_slice(&[link.kind.number(), 0]);
            out.extend_from_slice(&link.metric.to_be_bytes());
        }
        Ok(())
    }
}

/// A network-LSA's contents in place.
#[derive(Debug, Clone, Copy)]
pub struct NetworkView<'a>(&'a [u8]);

impl<'a> NetworkView<'a> {
    /// `body` has been checked.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Prefix length of the network, 0 to 32.
    #[must_use]
    pub fn mask(self) -> u8 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]).leading_ones() as u8
    }

    /// The attached routers, in the order of the LSA.
    pub fn routers(self) -> impl ExactSizeIterator<Item = RouterId> + Clone + use<'a> {
        self.0[4..].as_chunks::<4>().0.iter().map(|octets| RouterId::from(*octets))
    }
}

impl NetworkLsa {
    pub(crate) fn check(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        reader.mask()?;
        while reader.remaining() > 0 {
            reader.take(4)?;
        }
        Ok(())
    }

    pub(crate) fn from_checked(bytes: &[u8]) -> Self {
        let view = NetworkView::new(bytes);
        Self { mask: view.mask(), routers: view.routers().collect() }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend_from_slice(&checked_mask(self.mask)?);
        for router in &self.routers {
            out.extend_from_slice(&router.0.octets());
        }
        Ok(())
    }
}
