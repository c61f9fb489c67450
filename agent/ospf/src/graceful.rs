//! Helping a neighbour through a graceful restart (RFC 3623 §3): its adjacency stays in our LSAs while its control plane is
//! away, as long as nothing changes that it would have to know.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use braid_ospf_packet::{MAX_AGE, RouterId};
use serde::{Deserialize, Serialize};

use crate::{Instant, InterfaceId};

/// The opaque type of grace-LSAs (RFC 3623 appendix A), the first octet of their link state id.
pub const OPAQUE_TYPE: u8 = 3;

/// A grace-LSA's body (RFC 3623 appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grace {
    /// How long neighbours shall go on, counted from the LSA's origination.
    pub period: Duration,
    /// Why.
    pub reason: Reason,
    /// The restarting router's address on the link; must be there on broadcast networks.
    pub address: Option<Ipv4Addr>,
}

/// Why a router restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// 0, or a number that has no meaning yet.
    Unknown,
    /// 1.
    SoftwareRestart,
    /// 2: reload or upgrade.
    SoftwareUpgrade,
    /// 3: switch to a redundant control processor.
    SwitchOver,
}

/// Why a grace-LSA cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraceError {
    /// A TLV goes on behind the end of the LSA.
    #[error("grace-LSA: the TLV at offset {offset} is cut short")]
    Short {
        /// Of the TLV, in the LSA's body.
        offset: usize,
    },
    /// A TLV of a known type has a length that its type does not have.
    #[error("grace-LSA: the TLV of type {tlv} at offset {offset} has {length} bytes")]
    Length {
        /// Its type.
        tlv: u16,
        /// Its offset in the LSA's body.
        offset: usize,
        /// Its length.
        length: usize,
    },
    /// There is no grace period, which has to be there.
    #[error("grace-LSA: no grace period")]
    NoPeriod,
}

impl Grace {
    /// Reads the body of an opaque LSA of [`OPAQUE_TYPE`]. Unknown TLVs are skipped.
    ///
    /// # Errors
    /// [`GraceError`], when the TLVs are not well formed or the grace period is missing.
    pub fn parse(body: &[u8]) -> Result<Self, GraceError> {
        let (mut period, mut reason, mut address) = (None, Reason::Unknown, None);
        let mut offset = 0;
        while offset < body.len() {
            let short = GraceError::Short { offset };
            let [t0, t1, l0, l1] = *body.get(offset..).and_then(<[u8]>::first_chunk).ok_or(short)?;
            let (tlv, length) = (u16::from_be_bytes([t0, t1]), usize::from(u16::from_be_bytes([l0, l1])));
            let value = body.get(offset + 4..offset + 4 + length).ok_or(short)?;
            let wrong = GraceError::Length { tlv, offset, length };
            match tlv {
                1 => {
                    let seconds = u32::from_be_bytes(value.try_into().map_err(|_| wrong)?);
                    period = Some(Duration::from_secs(seconds.into()));
                }
                2 => {
                    let [number] = *value else { return Err(wrong) };
                    reason = Reason::from_number(number);
                }
                3 => {
                    let octets: [u8; 4] = value.try_into().map_err(|_| wrong)?;
                    address = Some(octets.into());
                }
                _ => {}
            }
            offset += 4 + length.next_multiple_of(4);
        }
        Ok(Self { period: period.ok_or(GraceError::NoPeriod)?, reason, address })
    }
}

impl Reason {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::SoftwareRestart,
            2 => Self::SoftwareUpgrade,
            3 => Self::SwitchOver,
            _ => Self::Unknown,
        }
    }
}

/// Our policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GracePolicy {
    /// Help at all.
    pub enabled: bool,
    /// The longest grace period that is granted; who asks for more is not helped. At most LSRefreshTime makes sense
    /// (RFC 3623 §2.1).
    pub longest: Duration,
    /// Strict LSA checking: give up as soon as the neighbour would have to hear of a change (RFC 3623 §3.2 (3)).
    pub strict: bool,
}

impl Default for GracePolicy {
    fn default() -> Self {
        Self { enabled: true, longest: Duration::from_secs(1800), strict: true }
    }
}

/// What is known of the neighbour when its grace-LSA arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The adjacency is full.
    pub full: bool,
    /// LSAs of types 1 to 5 or 7 with changed contents wait on its retransmission list.
    pub owed_changes: bool,
    /// Age of the grace-LSA, in seconds.
    pub age: u16,
}

/// Why a neighbour is not helped (RFC 3623 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotHelped {
    /// Local policy.
    #[error("helping is switched off")]
    Disabled,
    /// No full adjacency with the router.
    #[error("the adjacency is not full")]
    NotFull,
    /// The neighbour's database is out of date already.
    #[error("changes are on their way to it")]
    Changing,
    /// The grace period is over.
    #[error("its grace period is over")]
    Over,
    /// It asks for longer than policy allows.
    #[error("it asks for {asked:?}, at most {longest:?} is granted")]
    TooLong {
        /// The period asked for.
        asked: Duration,
        /// The longest allowed.
        longest: Duration,
    },
}

/// A neighbour on a link: whom we help is a matter of one segment (RFC 3623 §3).
pub type Segment = (InterfaceId, RouterId);

/// Whom we help, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helper {
    policy: GracePolicy,
    helped: BTreeMap<Segment, Instant>,
}

impl Helper {
    /// Helps nobody yet.
    #[must_use]
    pub fn new(policy: GracePolicy) -> Self {
        Self { policy, helped: BTreeMap::new() }
    }

    /// Takes another policy; whom it does not allow to help, is helped no longer.
    pub fn configure(&mut self, policy: GracePolicy) -> Vec<Segment> {
        self.policy = policy;
        if policy.enabled { Vec::new() } else { std::mem::take(&mut self.helped).into_keys().collect() }
    }

    /// A grace-LSA came in, a first or a further one (RFC 3623 §3.1).
    ///
    /// # Errors
    /// Why the neighbour is not helped; if it was before, it is still helped until its former period ends.
    pub fn enter(
        &mut self,
        now: Instant,
        segment: Segment,
        grace: &Grace,
        standing: Standing,
    ) -> Result<(), NotHelped> {
        let helping = self.is_helping(segment);
        let age = Duration::from_secs(standing.age.min(MAX_AGE).into());
        if !self.policy.enabled {
            return Err(NotHelped::Disabled);
        }
        if !standing.full && !helping {
            return Err(NotHelped::NotFull);
        }
        if self.policy.strict && standing.owed_changes && !helping {
            return Err(NotHelped::Changing);
        }
        if grace.period > self.policy.longest {
            return Err(NotHelped::TooLong { asked: grace.period, longest: self.policy.longest });
        }
        let Some(left) = grace.period.checked_sub(age).filter(|left| !left.is_zero()) else {
            return Err(NotHelped::Over);
        };
        self.helped.insert(segment, now + left);
        Ok(())
    }

    /// Whether the neighbour counts as fully adjacent, whatever its state.
    #[must_use]
    pub fn is_helping(&self, segment: Segment) -> bool {
        self.helped.contains_key(&segment)
    }

    /// The neighbour flushed its grace-LSA, or is gone for another reason. Whether we helped it.
    pub fn leave(&mut self, segment: Segment) -> bool {
        self.helped.remove(&segment).is_some()
    }

    /// The contents of an LSA of types 1 to 5 or 7 changed. `hears` says on which interfaces it is flooded (a type 5 is not
    /// in a stub area). Returns whom we no longer help because of it.
    pub fn changed(&mut self, hears: impl Fn(InterfaceId) -> bool) -> Vec<Segment> {
        if !self.policy.strict {
            return Vec::new();
        }
        self.end(|(interface, _), _| hears(interface))
    }

    /// An interface went down.
    pub fn interface_down(&mut self, interface: InterfaceId) -> Vec<Segment> {
        self.end(|segment, _| segment.0 == interface)
    }

    /// Ends help whose time is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Segment> {
        self.end(|_, end| end <= now)
    }

    /// When to call [`Self::expire`] next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.helped.values().min().copied()
    }

    fn end(&mut self, over: impl Fn(Segment, Instant) -> bool) -> Vec<Segment> {
        self.helped.extract_if(.., |segment, end| over(*segment, *end)).map(|(segment, _)| segment).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const X: Segment = (InterfaceId(7), RouterId(Ipv4Addr::new(1, 1, 1, 1)));
    const GRACE: Grace =
        Grace { period: Duration::from_secs(120), reason: Reason::SoftwareRestart, address: None };
    const FULL: Standing = Standing { full: true, owed_changes: false, age: 0 };

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    fn helping() -> Helper {
        let mut helper = Helper::new(GracePolicy::default());
        helper.enter(at(10), X, &GRACE, FULL).unwrap();
        helper
    }

    #[test]
    fn appendix_a_tlvs() {
        let body = [
            0, 1, 0, 4, 0, 0, 0, 120, 0, 2, 0, 1, 2, 0, 0, 0, 0, 9, 0, 2, 1, 1, 0, 0, 0, 3, 0, 4, 10, 0, 0, 1,
        ];
        let read = Grace {
            period: Duration::from_secs(120),
            reason: Reason::SoftwareUpgrade,
            address: Some(Ipv4Addr::new(10, 0, 0, 1)),
        };
        assert_eq!(Grace::parse(&body), Ok(read));
        assert_eq!(Grace::parse(&body[..30]), Err(GraceError::Short { offset: 24 }));
        assert_eq!(
            Grace::parse(&[0, 1, 0, 3, 0, 0, 0, 0]),
            Err(GraceError::Length { tlv: 1, offset: 0, length: 3 })
        );
        assert_eq!(Grace::parse(&[]), Err(GraceError::NoPeriod));
        // A last TLV without its padding is still read: senders differ.
        assert_eq!(
            Grace::parse(&[0, 1, 0, 4, 0, 0, 0, 9, 0, 2, 0, 1, 3]).unwrap().reason,
            Reason::SwitchOver
        );
    }

    #[test]
    fn step_3_1_enters_for_the_rest_of_the_grace_period() {
        let mut helper = Helper::new(GracePolicy::default());
        assert_eq!(helper.enter(at(10), X, &GRACE, Standing { age: 100, ..FULL }), Ok(()));
        assert!(helper.is_helping(X));
        assert!(!helper.is_helping((InterfaceId(8), X.1)), "one segment only");
        assert_eq!(helper.next(), Some(at(30)));
        assert_eq!(helper.expire(at(29)), []);
        assert_eq!(helper.expire(at(30)), [X]);
        assert_eq!(helper.next(), None);
    }

    #[test]
    fn step_3_1_refuses() {
        let policy = GracePolicy { longest: Duration::from_secs(60), ..GracePolicy::default() };
        for (policy, standing, refusal) in [
            (GracePolicy { enabled: false, ..policy }, FULL, NotHelped::Disabled),
            (GracePolicy::default(), Standing { full: false, ..FULL }, NotHelped::NotFull),
            (GracePolicy::default(), Standing { owed_changes: true, ..FULL }, NotHelped::Changing),
            (GracePolicy::default(), Standing { age: 120, ..FULL }, NotHelped::Over),
            (GracePolicy::default(), Standing { age: u16::MAX, ..FULL }, NotHelped::Over),
            (policy, FULL, NotHelped::TooLong { asked: GRACE.period, longest: policy.longest }),
        ] {
            let mut helper = Helper::new(policy);
            assert_eq!(helper.enter(at(10), X, &GRACE, standing), Err(refusal));
            assert!(!helper.is_helping(X));
        }
    }

    #[test]
    fn step_3_1_a_further_grace_lsa_prolongs_though_the_adjacency_is_no_longer_full() {
        let mut helper = helping();
        assert_eq!(helper.enter(at(100), X, &GRACE, Standing { full: false, ..FULL }), Ok(()));
        assert_eq!(helper.next(), Some(at(220)));
    }

    #[test]
    fn step_3_2_ends_when_the_grace_lsa_is_flushed() {
        let mut helper = helping();
        assert!(helper.leave(X));
        assert!(!helper.leave(X));
        assert!(!helper.is_helping(X));
    }

    #[test]
    fn step_3_2_ends_when_the_neighbour_would_have_to_hear_of_a_change() {
        let mut helper = helping();
        assert_eq!(helper.changed(|interface| interface == InterfaceId(8)), [], "not flooded to it");
        assert_eq!(helper.changed(|_| true), [X]);
        // Without strict checking it may keep its old view.
        let mut helper = helping();
        assert_eq!(helper.configure(GracePolicy { strict: false, ..GracePolicy::default() }), []);
        assert_eq!(helper.changed(|_| true), []);
        assert!(helper.is_helping(X));
    }

    #[test]
    fn help_ends_with_the_interface_and_with_the_policy() {
        assert_eq!(helping().interface_down(InterfaceId(7)), [X]);
        assert_eq!(helping().configure(GracePolicy { enabled: false, ..GracePolicy::default() }), [X]);
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Grace::parse(&body);
        }
    }
}
