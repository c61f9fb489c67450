//! The election of the designated router and its backup (RFC 2328 §9.4), as a pure function.

use std::net::Ipv4Addr;

use braid_ospf_packet::RouterId;

/// A router on the network, as it presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub address: Ipv4Addr,
    pub router_id: RouterId,
    pub priority: u8,
    /// Whom it takes for the designated router.
    pub dr: Ipv4Addr,
    pub backup: Ipv4Addr,
}

/// The addresses of the designated router and of the backup, 0.0.0.0 for none. `others` are those in 2-Way or better.
pub fn elect(us: Candidate, others: &[Candidate]) -> (Ipv4Addr, Ipv4Addr) {
    let (dr, backup) = calculate(us, others);
    // (4): if our own part changed, once more with it.
    let part = |dr: Ipv4Addr, backup: Ipv4Addr| (dr == us.address, backup == us.address);
    if part(dr, backup) == part(us.dr, us.backup) {
        return (dr, backup);
    }
    calculate(Candidate { dr, backup, ..us }, others)
}

fn calculate(us: Candidate, others: &[Candidate]) -> (Ipv4Addr, Ipv4Addr) {
    let eligible = || others.iter().chain([&us]).filter(|router| router.priority > 0);
    let rank = |router: &&Candidate| (router.priority, router.router_id);
    // (2)
    let may_back = || eligible().filter(|router| router.dr != router.address);
    let backup = may_back()
        .filter(|router| router.backup == router.address)
        .max_by_key(rank)
        .or_else(|| may_back().max_by_key(rank))
        .map_or(Ipv4Addr::UNSPECIFIED, |router| router.address);
    // (3)
    let dr = eligible()
        .filter(|router| router.dr == router.address)
        .max_by_key(rank)
        .map_or(backup, |router| router.address);
    (dr, backup)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(number: u8, priority: u8) -> Candidate {
        let none = Ipv4Addr::UNSPECIFIED;
        let address = Ipv4Addr::new(10, 0, 0, number);
        Candidate {
            address,
            router_id: RouterId(Ipv4Addr::new(number, 0, 0, 0)),
            priority,
            dr: none,
            backup: none,
        }
    }

    fn ip(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, number)
    }

    #[test]
    fn alone_on_the_network_we_are_the_designated_router_and_have_no_backup() {
        assert_eq!(elect(router(1, 1), &[]), (ip(1), Ipv4Addr::UNSPECIFIED));
    }

    #[test]
    fn a_designated_router_stays_although_a_better_one_comes() {
        let old = Candidate { dr: ip(1), ..router(1, 1) };
        assert_eq!(elect(router(9, 200), &[old]), (ip(1), ip(9)));
    }

    #[test]
    fn the_backup_takes_over_and_another_one_backs_it() {
        let backup = Candidate { dr: ip(3), backup: ip(2), ..router(2, 1) };
        let other = Candidate { dr: ip(3), backup: ip(2), ..router(1, 1) };
        assert_eq!(elect(backup, &[other]), (ip(2), ip(1)));
    }

    #[test]
    fn who_has_no_priority_is_never_elected() {
        assert_eq!(elect(router(1, 0), &[router(2, 0)]), (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));
    }
}
