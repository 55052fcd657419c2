//! What a client has lost, and may not have heard of yet.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::hash::{Map, Seed};

/// What a client has lost most recently: objects that it saw, or rights.
///
/// What it has sent before it heard of the loss is no offence. Bounded by number and age, since a session
/// can last for days.
#[derive(Debug)]
pub struct Recent<K, V = ()> {
    /// For how long something is remembered.
    kept: Duration,
    lost: Map<K, (Instant, V)>,
    /// In the order of the losses. Entries that `lost` contradicts are out of date.
    order: VecDeque<(Instant, K)>,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Nothing has been lost.
    pub fn new(seed: Seed, kept: Duration) -> Self {
        Recent { kept, lost: Map::with_hasher(seed), order: VecDeque::new() }
    }

    /// Notes that something has been lost, with what is to be known of it; at most `max` are remembered.
    pub fn insert(&mut self, now: Instant, key: K, value: V, max: usize) {
        if self.lost.insert(key, (now, value)).is_some_and(|(before, _)| before == now) {
            // Its entry stands already. A second one would be as current as the first: what comes and
            // goes many times in one batch would leave entries that nothing takes out.
            return;
        }
        self.order.push_back((now, key));
        while let Some(&(at, oldest)) = self.order.front() {
            let current = self.is_current(at, oldest);
            if current && self.lost.len() <= max && now.duration_since(at) < self.kept {
                break;
            }
            self.order.pop_front();
            if current {
                self.lost.remove(&oldest);
            }
        }
        // What comes and goes leaves its old entries in the middle.
        if self.order.len() > 2 * self.lost.len() + 16 {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|&(at, key)| self.is_current(at, key));
            self.order = order;
        }
    }

    fn is_current(&self, at: Instant, key: K) -> bool {
        self.lost.get(&key).is_some_and(|(lost_at, _)| *lost_at == at)
    }

    /// What is to be known of something that was lost not long ago.
    pub fn get(&self, now: Instant, key: K) -> Option<&V> {
        self.get_within(now, key, self.kept)
    }

    /// As [`Recent::get`], if it was lost within a shorter time than that for which it is remembered.
    pub fn get_within(&self, now: Instant, key: K, time: Duration) -> Option<&V> {
        let (at, value) = self.lost.get(&key)?;
        (now.duration_since(*at) < time.min(self.kept)).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DoId;

    const REMEMBERED: Duration = Duration::from_secs(300);

    fn recent() -> Recent<DoId> {
        Recent::new(Seed::fixed(0), REMEMBERED)
    }

    #[test]
    fn the_most_recent_are_remembered() {
        let now = Instant::now();
        let mut recent = recent();
        for id in 1..=5 {
            recent.insert(now, DoId(id), (), 3);
        }
        let remembered: Vec<u32> =
            (1..=5).filter(|&id| recent.get(now, DoId(id)).is_some()).collect();
        assert_eq!(remembered, [3, 4, 5]);
        // One that leaves again is the most recent.
        recent.insert(now + Duration::from_secs(1), DoId(3), (), 3);
        recent.insert(now + Duration::from_secs(1), DoId(6), (), 3);
        assert!(recent.get(now, DoId(3)).is_some() && recent.get(now, DoId(4)).is_none());
    }

    #[test]
    fn and_for_a_while() {
        let now = Instant::now();
        let mut recent = recent();
        recent.insert(now, DoId(1), (), 10);
        assert!(recent.get(now + Duration::from_secs(60), DoId(1)).is_some());
        assert!(recent.get(now + REMEMBERED, DoId(1)).is_none());
        recent.insert(now + REMEMBERED, DoId(2), (), 10);
        assert_eq!(recent.lost.len(), 1);
    }

    #[test]
    fn an_object_that_comes_and_goes_costs_no_memory() {
        let now = Instant::now();
        let mut recent = recent();
        recent.insert(now, DoId(1), (), 10);
        for second in 0..10_000 {
            recent.insert(now + Duration::from_millis(second), DoId(2), (), 10);
        }
        assert!(recent.order.len() < 64, "{}", recent.order.len());
        assert!(recent.get(now, DoId(1)).is_some() && recent.get(now, DoId(2)).is_some());
    }

    #[test]
    fn nor_if_it_does_so_in_no_time() {
        let now = Instant::now();
        let mut recent = recent();
        for _ in 0..10_000 {
            recent.insert(now, DoId(1), (), 10);
            recent.insert(now, DoId(2), (), 10);
        }
        assert!(recent.order.len() < 64, "{}", recent.order.len());
        recent.insert(now + REMEMBERED, DoId(3), (), 10);
        assert_eq!((recent.lost.len(), recent.order.len()), (1, 1));
    }
}
