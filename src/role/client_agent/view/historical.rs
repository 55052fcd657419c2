//! Objects that a client has known and no longer knows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::hash::{Map, Seed};
use crate::ids::DoId;

/// How long a client may take to notice that an object has gone.
const REMEMBERED: Duration = Duration::from_secs(300);

/// The objects that left a client's sight most recently.
///
/// A client that has not yet heard of it may still send to such an object; that is no offence.
/// Bounded by number and age, since a session can last for days.
#[derive(Debug)]
pub struct Historical {
    left_at: Map<DoId, Instant>,
    /// In the order of leaving. Entries that `left_at` contradicts are out of date.
    order: VecDeque<(Instant, DoId)>,
}

impl Historical {
    /// Nothing has left.
    pub fn new(seed: Seed) -> Self {
        Historical { left_at: Map::with_hasher(seed), order: VecDeque::new() }
    }

    /// Notes that an object has left; at most `max` are remembered.
    pub fn insert(&mut self, now: Instant, do_id: DoId, max: usize) {
        if self.left_at.insert(do_id, now) == Some(now) {
            // Its entry stands already. A second one would be as current as the first: what comes and
            // goes many times in one batch would leave entries that nothing takes out.
            return;
        }
        self.order.push_back((now, do_id));
        while let Some(&(left, oldest)) = self.order.front() {
            let current = self.left_at.get(&oldest) == Some(&left);
            if current && self.left_at.len() <= max && now.duration_since(left) < REMEMBERED {
                break;
            }
            self.order.pop_front();
            if current {
                self.left_at.remove(&oldest);
            }
        }
        // An object that comes and goes leaves its old entries in the middle.
        if self.order.len() > 2 * self.left_at.len() + 16 {
            self.order.retain(|(left, do_id)| self.left_at.get(do_id) == Some(left));
        }
    }

    /// Whether an object left not long ago.
    pub fn contains(&self, now: Instant, do_id: DoId) -> bool {
        self.left_at.get(&do_id).is_some_and(|&left| now.duration_since(left) < REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_recent_are_remembered() {
        let now = Instant::now();
        let mut historical = Historical::new(Seed::fixed(0));
        for id in 1..=5 {
            historical.insert(now, DoId(id), 3);
        }
        let remembered: Vec<u32> =
            (1..=5).filter(|&id| historical.contains(now, DoId(id))).collect();
        assert_eq!(remembered, [3, 4, 5]);
        // One that leaves again is the most recent.
        historical.insert(now + Duration::from_secs(1), DoId(3), 3);
        historical.insert(now + Duration::from_secs(1), DoId(6), 3);
        assert!(historical.contains(now, DoId(3)) && !historical.contains(now, DoId(4)));
    }

    #[test]
    fn and_for_a_while() {
        let now = Instant::now();
        let mut historical = Historical::new(Seed::fixed(0));
        historical.insert(now, DoId(1), 10);
        assert!(historical.contains(now + Duration::from_secs(60), DoId(1)));
        assert!(!historical.contains(now + REMEMBERED, DoId(1)));
        historical.insert(now + REMEMBERED, DoId(2), 10);
        assert_eq!(historical.left_at.len(), 1);
    }

    #[test]
    fn an_object_that_comes_and_goes_costs_no_memory() {
        let now = Instant::now();
        let mut historical = Historical::new(Seed::fixed(0));
        historical.insert(now, DoId(1), 10);
        for second in 0..10_000 {
            historical.insert(now + Duration::from_millis(second), DoId(2), 10);
        }
        assert!(historical.order.len() < 64, "{}", historical.order.len());
        assert!(historical.contains(now, DoId(1)) && historical.contains(now, DoId(2)));
    }

    #[test]
    fn nor_if_it_does_so_in_no_time() {
        let now = Instant::now();
        let mut historical = Historical::new(Seed::fixed(0));
        for _ in 0..10_000 {
            historical.insert(now, DoId(1), 10);
            historical.insert(now, DoId(2), 10);
        }
        assert!(historical.order.len() < 64, "{}", historical.order.len());
        historical.insert(now + REMEMBERED, DoId(3), 10);
        assert_eq!((historical.left_at.len(), historical.order.len()), (1, 1));
    }
}
