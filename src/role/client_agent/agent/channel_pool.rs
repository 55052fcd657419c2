//! The channels that are given to sessions.

use std::collections::VecDeque;

use crate::ids::{Channel, ChannelRange};

/// Gives out the channels of a range in order, and those that came back only when all have been
/// used once: a message that is late for a session should not reach the next one.
#[derive(Debug)]
pub struct ChannelPool {
    /// The lowest channel never given out; `None` when there is none left.
    fresh: Option<Channel>,
    last: Channel,
    /// Channels that came back, the longest unused first.
    freed: VecDeque<Channel>,
}

impl ChannelPool {
    /// A pool of all channels in `range`; channel 0 is nobody and never given out.
    pub fn new(range: ChannelRange) -> Self {
        let mut pool =
            ChannelPool { fresh: Some(range.low()), last: range.high(), freed: VecDeque::new() };
        if !range.low().is_some() {
            pool.advance();
        }
        pool
    }

    /// A channel that nobody has, if there is one.
    pub fn allocate(&mut self) -> Option<Channel> {
        match self.fresh {
            Some(channel) => {
                self.advance();
                Some(channel)
            }
            None => self.freed.pop_front(),
        }
    }

    /// Takes a channel back.
    pub fn free(&mut self, channel: Channel) {
        self.freed.push_back(channel);
    }

    fn advance(&mut self) {
        self.fresh = match self.fresh {
            Some(channel) if channel < self.last => Some(Channel(channel.0 + 1)),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(low: u64, high: u64) -> ChannelPool {
        ChannelPool::new(ChannelRange::new(Channel(low), Channel(high)).expect("not empty"))
    }

    #[test]
    fn fresh_channels_come_first_and_freed_ones_in_the_order_of_their_return() {
        let mut pool = pool(5, 7);
        assert_eq!(pool.allocate(), Some(Channel(5)));
        pool.free(Channel(5));
        assert_eq!(pool.allocate(), Some(Channel(6)));
        pool.free(Channel(6));
        assert_eq!(pool.allocate(), Some(Channel(7)));
        assert_eq!(pool.allocate(), Some(Channel(5)));
        assert_eq!(pool.allocate(), Some(Channel(6)));
        assert_eq!(pool.allocate(), None);
    }

    #[test]
    fn the_ends_of_the_number_line() {
        let mut low = pool(0, 1);
        assert_eq!((low.allocate(), low.allocate()), (Some(Channel(1)), None));
        let mut high = pool(u64::MAX, u64::MAX);
        assert_eq!((high.allocate(), high.allocate()), (Some(Channel(u64::MAX)), None));
        assert_eq!(pool(0, 0).allocate(), None);
    }
}
