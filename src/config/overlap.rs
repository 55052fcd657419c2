//! Which of many intervals overlap with one before them, in a time that hardly grows faster than their number.

use std::collections::{BTreeMap, BTreeSet};

/// Numbers from the one to the other, both included, of something of a kind.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Interval<K> {
    pub kind: K,
    pub low: u64,
    pub high: u64,
}

/// For each interval the first one before it that it overlaps with, and with how many more it does. Those of two kinds that
/// are `shared` do not count.
pub(super) fn overlaps<K: Copy + Ord>(
    intervals: &[Interval<K>],
    shared: impl Fn(K, K) -> bool,
) -> Vec<Option<(usize, usize)>> {
    // Two of them overlap where the end of one lies in the other, so nothing between ends matters.
    let ends: BTreeSet<u64> = intervals.iter().flat_map(|it| [it.low, it.high]).collect();
    let ends: Vec<u64> = ends.into_iter().collect();
    let place = |end: u64| ends.partition_point(|known| *known < end);
    let mut before: BTreeMap<K, Before> = BTreeMap::new();
    let find = |(i, interval): (usize, &Interval<K>)| {
        let (low, high) = (place(interval.low), place(interval.high));
        let others = before.iter().filter(|(kind, _)| !shared(interval.kind, **kind));
        let (mut first, mut count) = (None::<usize>, 0);
        for (_, known) in others {
            count += known.count(low, high);
            first = [first, known.first(low, high)].into_iter().flatten().min();
        }
        let own = before.entry(interval.kind).or_insert_with(|| Before::new(ends.len()));
        own.insert(i, low, high);
        first.map(|first| (first, count - 1))
    };
    intervals.iter().enumerate().map(find).collect()
}

/// Intervals between so many places.
struct Before {
    /// How many begin, and how many end, before a place.
    lows: Sums,
    highs: Sums,
    /// The first interval over each place, and over what is below in the tree: those of the places come last.
    firsts: Vec<usize>,
    /// From each place, the next one that nothing is over, or a place before that.
    free: Vec<usize>,
}

/// Of a place that nothing is over.
const NONE: usize = usize::MAX;

impl Before {
    fn new(places: usize) -> Self {
        Before {
            lows: Sums(vec![0; places + 1]),
            highs: Sums(vec![0; places + 1]),
            firsts: vec![NONE; 2 * places],
            free: (0..=places).collect(),
        }
    }

    fn count(&self, low: usize, high: usize) -> usize {
        // Those that begin no later than it ends, but for those that have ended before.
        self.lows.before(high + 1) - self.highs.before(low)
    }

    fn first(&self, low: usize, high: usize) -> Option<usize> {
        let places = self.firsts.len() / 2;
        let (mut from, mut to, mut first) = (low + places, high + places + 1, NONE);
        while from < to {
            if from % 2 == 1 {
                first = first.min(self.firsts[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                first = first.min(self.firsts[to]);
            }
            (from, to) = (from / 2, to / 2);
        }
        (first != NONE).then_some(first)
    }

    fn insert(&mut self, index: usize, low: usize, high: usize) {
        self.lows.add(low);
        self.highs.add(high);
        let places = self.firsts.len() / 2;
        let mut at = self.next_free(low);
        while at <= high {
            let mut node = at + places;
            // Whatever is there already came before.
            while node > 0 && self.firsts[node] == NONE {
                self.firsts[node] = index;
                node /= 2;
            }
            self.free[at] = at + 1;
            at = self.next_free(at);
        }
    }

    /// The next place from `at` on that nothing is over. What has been gone along is shortened.
    fn next_free(&mut self, at: usize) -> usize {
        let mut end = at;
        while self.free[end] != end {
            end = self.free[end];
        }
        let mut at = at;
        while at != end {
            at = std::mem::replace(&mut self.free[at], end);
        }
        end
    }
}

/// Numbers of things at places, of which the sums up to any place are known soon: a Fenwick tree.
struct Sums(Vec<usize>);

impl Sums {
    fn add(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(sum) = self.0.get_mut(at) {
            *sum += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn before(&self, place: usize) -> usize {
        let (mut at, mut sum) = (place, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(one: u8, other: u8) -> bool {
        one == other && one == 0
    }

    /// Looks at each pair.
    fn expected(intervals: &[Interval<u8>]) -> Vec<Option<(usize, usize)>> {
        let of = |(i, one): (usize, &Interval<u8>)| {
            let is_in = |other: &Interval<u8>| {
                one.low <= other.high && other.low <= one.high && !shared(one.kind, other.kind)
            };
            let mut found = (0..i).filter(|other| is_in(&intervals[*other]));
            found.next().map(|first| (first, found.count()))
        };
        intervals.iter().enumerate().map(of).collect()
    }

    proptest! {
        #[test]
        fn it_is_what_looking_at_each_pair_finds(
            ends in prop::collection::vec((0u8..3, 0u64..40, 0u64..40), 0..40),
        ) {
            let interval = |(kind, one, other): (u8, u64, u64)| {
                Interval { kind, low: one.min(other), high: one.max(other) }
            };
            let intervals: Vec<_> = ends.into_iter().map(interval).collect();
            prop_assert_eq!(overlaps(&intervals, shared), expected(&intervals));
        }
    }

    /// Pair by pair, this takes minutes.
    #[test]
    fn many_that_all_overlap_are_counted() {
        let count = 200_000;
        let interval = |i| Interval { kind: 1u8, low: i, high: u64::from(u32::MAX) };
        let intervals: Vec<_> = (0..count).map(interval).collect();
        let found = overlaps(&intervals, shared);
        assert_eq!(found.first(), Some(&None));
        assert_eq!(found.last(), Some(&Some((0, count as usize - 2))));
    }
}
