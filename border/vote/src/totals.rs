//! Sums over all verdicts, kept as they change.

use crate::{EgressId, EgressSet};

/// A winner and its runner-up.
pub(crate) type Pair = (Option<u8>, Option<u8>);

const VNS: usize = 256;

/// Who drives what, and who would follow.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    /// By VN and border: prefixes attached there that the VN drives.
    drives: Vec<Vec<u32>>,
    /// By VN and the one that would follow it (0: nobody): prefixes.
    followers: Vec<u32>,
}

impl Totals {
    pub fn new() -> Totals {
        Totals { drives: vec![Vec::new(); VNS], followers: vec![0; VNS * VNS] }
    }

    /// A verdict holds from now on.
    pub fn enter(&mut self, (winner, runner_up): Pair, attached: &EgressSet) {
        let Some(winner) = winner else { return };
        self.followers[cell(winner, runner_up)] += 1;
        let drives = &mut self.drives[usize::from(winner)];
        for border in attached.iter() {
            let at = usize::from(border.0);
            if drives.len() <= at {
                drives.resize(at + 1, 0);
            }
            drives[at] += 1;
        }
    }

    /// A verdict that was entered does not hold any more.
    pub fn leave(&mut self, (winner, runner_up): Pair, attached: &EgressSet) {
        let Some(winner) = winner else { return };
        self.followers[cell(winner, runner_up)] -= 1;
        for border in attached.iter() {
            self.drives[usize::from(winner)][usize::from(border.0)] -= 1;
        }
    }

    pub fn drives(&self, vn: u8) -> impl Iterator<Item = (EgressId, u32)> {
        let drives = (0..=u16::MAX).zip(&self.drives[usize::from(vn)]);
        drives.filter(|(_, prefixes)| **prefixes > 0).map(|(border, prefixes)| (EgressId(border), *prefixes))
    }

    pub fn succession(&self, vn: u8) -> Option<u8> {
        let row = &self.followers[cell(vn, None)..][..VNS];
        let mut followers = (0..=u8::MAX).zip(row).filter(|(_, prefixes)| **prefixes > 0);
        let (follower, _) = followers.next()?;
        (follower != 0 && followers.next().is_none()).then_some(follower)
    }
}

fn cell(winner: u8, runner_up: Option<u8>) -> usize {
    VNS * usize::from(winner) + usize::from(runner_up.unwrap_or(0))
}
