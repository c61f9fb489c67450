//! The queue of Dijkstra's algorithm: a radix heap, which uses that what comes out never gets nearer.

use crate::links::NodeIndex;

const BUCKETS: usize = 33;

/// Nodes by distance. A distance that is put in must not be less than one that was taken out.
#[derive(Debug)]
pub(crate) struct Queue {
    /// In bucket b the highest bit that differs from the distance `last` is bit b - 1; in bucket 0 none does.
    buckets: [Vec<(u32, NodeIndex)>; BUCKETS],
    /// A bit for each bucket that holds something.
    filled: u64,
    last: u32,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue { buckets: std::array::from_fn(|_| Vec::new()), filled: 0, last: 0 }
    }

    fn bucket(&self, distance: u32) -> usize {
        (u32::BITS - (distance ^ self.last).leading_zeros()) as usize
    }

    pub(crate) fn push(&mut self, distance: u32, node: NodeIndex) {
        debug_assert!(distance >= self.last, "{distance} comes after {}", self.last);
        let bucket = self.bucket(distance);
        self.buckets[bucket].push((distance, node));
        self.filled |= 1 << bucket;
    }

    /// Takes one of the nearest nodes out.
    pub(crate) fn pop(&mut self) -> Option<(u32, NodeIndex)> {
        if self.filled & 1 == 0 {
            self.scatter(self.filled.trailing_zeros() as usize)?;
        }
        let nearest = self.buckets[0].pop();
        if self.buckets[0].is_empty() {
            self.filled &= !1;
        }
        nearest
    }

    /// Moves what the bucket holds to the lower ones where it belongs once its nearest node is next. `None` if there is
    /// no such bucket.
    fn scatter(&mut self, from: usize) -> Option<()> {
        let bucket = self.buckets.get_mut(from)?;
        let mut scattered = std::mem::take(bucket);
        self.filled &= !(1 << from);
        self.last = scattered.iter().map(|(distance, _)| *distance).min()?;
        for (distance, node) in scattered.drain(..) {
            self.push(distance, node);
        }
        // All went to lower buckets: the room is worth keeping.
        self.buckets[from] = scattered;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_put_in_meanwhile_the_nearest_comes_out(steps in prop::collection::vec((0..4_u8, 0..u32::MAX / 64), 1..200)) {
            let (mut queue, mut held, mut last) = (Queue::new(), Vec::new(), 0);
            for (step, (what, further)) in (0..).zip(steps) {
                if what == 0 {
                    let popped = queue.pop();
                    prop_assert_eq!(popped.map(|(distance, _)| distance), held.iter().map(|(distance, _)| *distance).min());
                    held.retain(|entry| Some(*entry) != popped);
                    last = popped.map_or(last, |(distance, _)| distance);
                } else {
                    // Some close together, some far apart.
                    let distance = last + if what == 1 { further } else { further % 8 };
                    queue.push(distance, step);
                    held.push((distance, step));
                }
            }
        }
    }
}
