//! Pools of addresses, and the bounds that they put on numbers.

use std::net::Ipv4Addr;

use braid_topology::Addressing;
use ipnet::Ipv4Net;

use crate::error::LayoutError;

/// A pool that gives number k its kth group of `step` addresses. Group 0 is never used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    key: &'static str,
    net: Ipv4Net,
    step: u32,
}

impl Pool {
    pub(crate) fn loopbacks(addressing: &Addressing) -> Self {
        Self { key: "loopbacks", net: addressing.loopbacks, step: 1 }
    }

    pub(crate) fn links(addressing: &Addressing) -> Self {
        Self { key: "links", net: addressing.links, step: 2 }
    }

    pub(crate) fn underlay(addressing: &Addressing) -> Self {
        Self { key: "underlay", net: addressing.underlay, step: 2 }
    }

    pub(crate) fn ports(addressing: &Addressing) -> Self {
        Self { key: "ports", net: addressing.ports, step: 2 }
    }

    /// The highest number with all its addresses in the pool; 0 if there is none.
    fn room(self) -> u32 {
        let size = 1_u64 << (32 - self.net.prefix_len());
        let groups = size / u64::from(self.step);
        u32::try_from(groups.saturating_sub(1)).expect("at most 2^32 - 1")
    }

    /// The first address of group `number`.
    pub(crate) fn first(self, number: u32, item: &dyn Fn() -> String) -> Result<Ipv4Addr, LayoutError> {
        if number > self.room() {
            return Err(self.outside(number, item()));
        }
        Ok(Ipv4Addr::from(u32::from(self.net.network()) + number * self.step))
    }

    /// The /31 of group `number`: its even and its odd address.
    pub(crate) fn pair(
        self,
        number: u32,
        item: &dyn Fn() -> String,
    ) -> Result<(Ipv4Addr, Ipv4Addr), LayoutError> {
        let even = self.first(number, item)?;
        Ok((even, Ipv4Addr::from(u32::from(even) | 1)))
    }

    fn outside(self, number: u32, item: String) -> LayoutError {
        LayoutError::OutsidePool { item, number, pool: self.key, net: self.net, room: self.room() }
    }
}

/// How high an item's number may be, and what bounds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    highest: u32,
    /// `None`: the 16 bits of a link number.
    pool: Option<Pool>,
}

impl Bound {
    pub(crate) fn node(addressing: &Addressing) -> Self {
        let pool = Pool::loopbacks(addressing);
        Self { highest: pool.room(), pool: Some(pool) }
    }

    /// For a link; one whose underlay addresses are given takes none from that pool.
    pub(crate) fn link(addressing: &Addressing, needs_underlay: bool) -> Self {
        let mut bound = Self { highest: u16::MAX.into(), pool: None };
        let underlay = needs_underlay.then(|| Pool::underlay(addressing));
        for pool in [Some(Pool::links(addressing)), underlay].into_iter().flatten() {
            if pool.room() < bound.highest {
                bound = Self { highest: pool.room(), pool: Some(pool) };
            }
        }
        bound
    }

    pub(crate) fn highest(self) -> u32 {
        self.highest
    }

    pub(crate) fn holds(self, number: u32) -> bool {
        number <= self.highest
    }

    /// The error that nothing is left for `item`.
    pub(crate) fn exhausted(self, item: String) -> LayoutError {
        match self.pool {
            Some(pool) => {
                LayoutError::PoolExhausted { item, pool: pool.key, net: pool.net, room: self.highest }
            }
            None => LayoutError::TooManyLinks { item },
        }
    }

    /// The error that `item` has a `number` beyond this bound.
    pub(crate) fn exceeded(self, number: u32, item: String) -> LayoutError {
        match self.pool {
            Some(pool) => pool.outside(number, item),
            None => LayoutError::TooManyLinks { item },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(net: &str, step: u32) -> Pool {
        Pool { key: "links", net: net.parse().unwrap(), step }
    }

    #[test]
    fn a_pool_gives_every_number_its_own_addresses_up_to_its_end() {
        let item = || "link".to_owned();
        assert_eq!(pool("10.0.0.0/24", 1).room(), 255);
        assert_eq!(pool("10.0.0.0/24", 2).room(), 127);
        assert_eq!(pool("10.0.0.0/24", 1).first(255, &item).unwrap().to_string(), "10.0.0.255");
        let (even, odd) = pool("10.0.0.0/24", 2).pair(127, &item).unwrap();
        assert_eq!((even.to_string(), odd.to_string()), ("10.0.0.254".into(), "10.0.0.255".into()));
        assert!(pool("10.0.0.0/24", 2).pair(128, &item).is_err());
    }

    #[test]
    fn the_smallest_and_the_largest_pool_do_not_overflow() {
        assert_eq!(pool("10.0.0.0/32", 1).room(), 0);
        assert_eq!(pool("10.0.0.0/32", 2).room(), 0);
        assert_eq!(pool("0.0.0.0/0", 1).room(), u32::MAX);
        let last = pool("0.0.0.0/0", 2).pair(u32::MAX / 2, &String::new).unwrap().1;
        assert_eq!(last, Ipv4Addr::BROADCAST);
    }
}
