//! How long things have taken, to a factor of two.

use std::time::Duration;

/// Durations are sorted into powers of two of nanoseconds.
const BUCKETS: usize = 40;
/// What is shorter than 2^this nanoseconds is told as one: about a microsecond.
const SHORTEST: usize = 10;
/// What is longer than 2^this nanoseconds is, too: about half a minute.
const LONGEST: usize = 35;

/// How long things have taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Times {
    /// How many took less than 2^n ns, and no less than half of that, by n.
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times { buckets: [0; BUCKETS], sum: Duration::ZERO }
    }
}

impl Times {
    /// Notes one.
    #[inline]
    pub fn note(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - nanos.leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Notes what others have noted.
    pub fn add(&mut self, others: &Times) {
        self.buckets.iter_mut().zip(&others.buckets).for_each(|(count, more)| *count += more);
        self.sum = self.sum.saturating_add(others.sum);
    }

    /// What has been noted since there was no more than `before`.
    pub fn since(&self, before: &Times) -> Times {
        let mut newer = self.clone();
        let counts = newer.buckets.iter_mut().zip(&before.buckets);
        counts.for_each(|(count, before)| *count = count.saturating_sub(*before));
        newer.sum = newer.sum.saturating_sub(before.sum);
        newer
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long all have taken together.
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// A time that `share` of all do not exceed, to a factor of two: 0.99 for the 99th percentile.
    pub fn percentile(&self, share: f64) -> Duration {
        // They are fewer than what a float can count exactly.
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        Duration::from_nanos(1 << bucket.unwrap_or(BUCKETS - 1))
    }

    /// Limits in seconds, ascending, each with how many were above the one before and not above this; the last limit has
    /// no end. There are as many whatever was noted; of each `step` one.
    pub fn limits(&self, step: usize) -> Vec<(f64, u64)> {
        let mut limits = Vec::new();
        let mut begin = 0;
        for end in (SHORTEST..=LONGEST).step_by(step) {
            let count = self.buckets[begin..=end].iter().sum();
            limits.push((Duration::from_nanos(1 << end).as_secs_f64(), count));
            begin = end + 1;
        }
        limits.push((f64::INFINITY, self.buckets[begin..].iter().sum()));
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_factor_of_two() {
        let mut times = Times::default();
        assert_eq!(times.percentile(0.5), Duration::from_nanos(1));
        (0..99).for_each(|_| times.note(Duration::from_micros(10)));
        times.note(Duration::from_millis(3));
        assert_eq!(times.count(), 100);
        assert_eq!(times.percentile(0.99), Duration::from_nanos(1 << 14));
        assert_eq!(times.percentile(1.0), Duration::from_nanos(1 << 22));
        assert_eq!(times.sum(), Duration::from_micros(3_990));
    }

    #[test]
    fn what_has_come_since_is_told_apart() {
        let mut times = Times::default();
        times.note(Duration::from_millis(3));
        let before = times.clone();
        times.note(Duration::from_micros(10));
        let newer = times.since(&before);
        assert_eq!((newer.count(), newer.sum()), (1, Duration::from_micros(10)));
        assert_eq!(newer.percentile(1.0), Duration::from_nanos(1 << 14));
    }

    #[test]
    fn limits_hold_everything_once() {
        let mut times = Times::default();
        for nanos in [0, 1, 1_023, 1_024, 1_000_000, 1 << 36, u64::MAX] {
            times.note(Duration::from_nanos(nanos));
        }
        for step in [1, 2, 3] {
            let limits = times.limits(step);
            assert_eq!(limits.iter().map(|(_, count)| count).sum::<u64>(), 7, "{limits:?}");
            assert!(limits.is_sorted_by(|one, two| one.0 < two.0), "{limits:?}");
            // What takes exactly a limit is the next one's: nobody sees that.
            assert_eq!(limits[0], (1_024e-9, 3));
            assert_eq!(limits.last().map(|last| last.1), Some(2));
        }
    }
}
