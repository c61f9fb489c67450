//! What will happen and when: ordered by time, and by order of entry among events of one moment.

use std::{cmp::Reverse, collections::BinaryHeap};

struct Entry<E> {
    at_us: u64,
    sequence: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at_us, self.sequence) == (other.at_us, other.sequence)
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.sequence).cmp(&(other.at_us, other.sequence))
    }
}

/// Events to come, on the virtual clock in microseconds.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Lets `event` happen at `at_us`, after everything that was pushed for that moment before.
    pub fn push(&mut self, at_us: u64, event: E) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry { at_us, sequence: self.sequence, event }));
    }

    /// The next event, if it happens at `until_us` or before.
    pub fn pop(&mut self, until_us: u64) -> Option<(u64, E)> {
        if self.heap.peek()?.0.at_us > until_us {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at_us, entry.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_entry() {
        let mut queue = Queue::default();
        for (at, name) in [(5, "c"), (1, "a"), (5, "d"), (2, "b")] {
            queue.push(at, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(5)).collect();
        assert_eq!(order, [(1, "a"), (2, "b"), (5, "c"), (5, "d")]);
        queue.push(9, "later");
        assert_eq!(queue.pop(8), None);
        assert_eq!(queue.pop(9), Some((9, "later")));
    }
}
