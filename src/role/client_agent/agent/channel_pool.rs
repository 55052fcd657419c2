//! The channels that are given to sessions.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use crate::hash::Seed;
use crate::ids::{Channel, ChannelRange};

/// Gives out the channels of a range one after the other, and those that came back only when all have been used
/// once, the longest unused first: a message that is late for a session should not reach the next one.
///
/// What is late for sessions of a process that is no more should reach nobody, either: somebody's log-in may be
/// under way while the process is started again. So the first channel is anywhere in the range.
#[derive(Debug)]
pub struct ChannelPool {
    low: Channel,
    high: Channel,
    /// How far they are apart.
    step: u64,
    /// What was given out first.
    first: Channel,
    /// The next channel that has never been given out; `None` when there is none left.
    fresh: Option<Channel>,
    /// Channels that came back, and when, the longest unused first.
    resting: VecDeque<(Channel, Instant)>,
    /// For how long a channel should rest.
    rest: Duration,
}

/// A channel for a session.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// Nobody else has it.
    pub channel: Channel,
    /// For how long nobody has had it, if that is less than it should be: all others are in use, or have rested less.
    pub too_early: Option<Duration>,
}

impl ChannelPool {
    /// A pool of the channels in `range`, each `step` from the one before, to be given out from anywhere on; channel 0 is nobody and never
    /// given out.
    pub fn new(range: ChannelRange, step: u64, rest: Duration, seed: Seed) -> Self {
        let (low, high) = (Channel(range.low().0.max(1)), range.high());
        let random = seed.hash_one("the first channel of a client");
        let first = match (high.0.saturating_sub(low.0) / step).checked_add(1) {
            Some(count) => Channel(low.0 + random % count * step),
            None => Channel(random),
        };
        let fresh = (low <= high).then_some(first);
        ChannelPool { low, high, step, first, fresh, resting: VecDeque::new(), rest }
    }

    /// A channel that nobody has, if there is one.
    pub fn allocate(&mut self, now: Instant) -> Option<Given> {
        if let Some(channel) = self.fresh {
            let has_next = self.high.0.saturating_sub(channel.0) >= self.step;
            let next = if has_next { Channel(channel.0 + self.step) } else { self.low };
            self.fresh = (next != self.first).then_some(next);
            return Some(Given { channel, too_early: None });
        }
        let (channel, since) = self.resting.pop_front()?;
        let rested = now.saturating_duration_since(since);
        Some(Given { channel, too_early: (rested < self.rest).then_some(rested) })
    }

    /// Takes a channel back.
    pub fn free(&mut self, channel: Channel, now: Instant) {
        self.resting.push_back((channel, now));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const REST: Duration = Duration::from_secs(30);

    fn pool(low: u64, high: u64, seed: u64) -> ChannelPool {
        let range = ChannelRange::new(Channel(low), Channel(high)).expect("not empty");
        ChannelPool::new(range, 1, REST, Seed::fixed(seed))
    }

    /// All that it gives out at once.
    fn all(pool: &mut ChannelPool, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| pool.allocate(now)).map(|given| given.channel.0).collect()
    }

    #[test]
    fn all_channels_are_given_out_one_after_the_other_from_anywhere_on() {
        let mut starts = HashSet::new();
        for seed in 0..200 {
            let given = all(&mut pool(5, 8, seed), Instant::now());
            starts.insert(given[0]);
            let round = [5, 6, 7, 8, 5, 6, 7];
            assert!(round.windows(4).any(|part| part == given), "{given:?}");
        }
        assert_eq!(starts, HashSet::from([5, 6, 7, 8]));
    }

    #[test]
    fn a_channel_that_came_back_is_given_out_when_there_is_none_that_has_rested_longer() {
        let mut now = Instant::now();
        let mut pool = pool(5, 7, 0);
        let mut next = |pool: &mut ChannelPool, seconds| {
            now += Duration::from_secs(seconds);
            (pool.allocate(now), now)
        };
        let given = |channel| Some(Given { channel, too_early: None });
        let (Some(Given { channel: a, .. }), now) = next(&mut pool, 0) else { panic!("none") };
        pool.free(a, now);
        let (Some(Given { channel: b, .. }), now) = next(&mut pool, 1) else { panic!("none") };
        pool.free(b, now);
        let (Some(Given { channel: c, .. }), _) = next(&mut pool, 1) else { panic!("none") };
        assert_eq!(HashSet::from([a, b, c]).len(), 3);
        assert_eq!(next(&mut pool, 28).0, given(a), "it has rested for 30 seconds");
        let too_early = Some(Duration::from_secs(29));
        assert_eq!(next(&mut pool, 0).0, Some(Given { channel: b, too_early }));
        assert_eq!(next(&mut pool, 100).0, None);
    }

    #[test]
    fn channels_can_be_apart() {
        let range = ChannelRange::new(Channel(5), Channel(32)).expect("not empty");
        let mut starts = HashSet::new();
        for seed in 0..99 {
            let mut pool = ChannelPool::new(range, 10, REST, Seed::fixed(seed));
            let given = all(&mut pool, Instant::now());
            starts.insert(given[0]);
            assert!([5, 15, 25, 5, 15].windows(3).any(|part| part == given), "{given:?}");
        }
        assert_eq!(starts, HashSet::from([5, 15, 25]));
    }

    #[test]
    fn the_ends_of_the_number_line() {
        let now = Instant::now();
        for seed in 0..9 {
            assert_eq!(all(&mut pool(0, 1, seed), now), [1]);
            assert_eq!(all(&mut pool(u64::MAX, u64::MAX, seed), now), [u64::MAX]);
            assert_eq!(all(&mut pool(0, 0, seed), now), [0; 0]);
            let mut everything = pool(0, u64::MAX, seed);
            assert_ne!(everything.allocate(now), everything.allocate(now));
        }
    }
}
