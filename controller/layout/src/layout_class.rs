//! Layout classes: which virtual networks ought to forward alike, hop by hop.

use std::collections::BTreeSet;

use braid_proto::VnId;

use crate::plan::{LinkPlan, Plan};

/// The class of the links of `vn` that are alive, with their metrics.
///
/// Two VNs of equal class route over the same weighted graph, so their next hops can be compared. `down_links` holds the
/// numbers of the links that are down in this VN, for whatever reason; numbers of other links do not matter. 0 if the plan
/// has no such VN, and never 0 otherwise.
///
/// The class is the 64-bit FNV-1a hash of, for each live link by ascending number, number and metric as two bytes each,
/// little-endian: equal on every machine and in every build.
#[must_use]
pub fn layout_class(vn: VnId, down_links: &BTreeSet<u16>, plan: &Plan) -> u64 {
    let Some(vn) = plan.vn(vn) else { return 0 };
    let live = vn.links.iter().filter(|number| !down_links.contains(number));
    class_of(live.filter_map(|number| plan.link(*number)))
}

/// The class of these links, given by ascending number.
pub(crate) fn class_of<'a>(links: impl Iterator<Item = &'a LinkPlan>) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    links
        .flat_map(|link| [link.number.to_le_bytes(), link.metric.to_le_bytes()])
        .flatten()
        .fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
        .max(1)
}

#[cfg(test)]
mod tests {
    use braid_proto::Engine;
    use braid_topology::{LayoutRule, Topology};

    use super::*;
    use crate::testing::{Build, network, vn_id};

    /// Red and green run over all links, blue does without the second one.
    fn ring() -> Topology {
        network(&["a", "b", "c"], &["a:eth1 b:eth1", "b:eth2 c:eth1", "c:eth2 a:eth2"])
            .vn(1, "red", Engine::FrrOspf, LayoutRule::Full)
            .vn(2, "green", Engine::BirdOspf, LayoutRule::Full)
            .vn(3, "blue", Engine::FrrIsis, LayoutRule::Without(vec![1]))
    }

    #[test]
    fn vns_of_one_layout_share_a_class_until_a_link_goes_down_in_one_of_them() {
        let plan = ring().planned();
        let class = |vn, down: &[u16]| layout_class(vn_id(vn), &down.iter().copied().collect(), &plan);
        assert_eq!(class(1, &[]), class(2, &[]));
        assert_ne!(class(1, &[]), class(3, &[]));
        assert_ne!(class(1, &[2]), class(2, &[]));
        assert_eq!(class(1, &[2]), class(2, &[2]));
        assert_eq!(class(1, &[2]), class(3, &[]), "red without link 2 routes over what blue routes over");
        assert_eq!(class(3, &[2]), class(3, &[]), "blue never used link 2");
        for vn in &plan.vns {
            assert_eq!(layout_class(vn.id, &BTreeSet::new(), &plan), vn.layout_class);
        }
    }

    #[test]
    fn another_metric_is_another_class() {
        let before = ring().planned();
        let mut topology = ring();
        topology.links[0].metric = 11;
        assert_ne!(topology.planned().vns[0].layout_class, before.vns[0].layout_class);
    }

    #[test]
    fn the_hash_is_fnv_1a_and_never_that_of_an_unknown_vn() {
        let plan = ring().planned();
        // FNV-1a of 01 00 0a 00 02 00 0a 00 03 00 0a 00, computed apart.
        assert_eq!(plan.vns[0].layout_class, 0x4c0c_8010_e393_399f);
        assert_eq!(layout_class(vn_id(9), &BTreeSet::new(), &plan), 0);
        assert_eq!(class_of([].into_iter()), 0xcbf2_9ce4_8422_2325, "no links: the offset basis");
    }
}
