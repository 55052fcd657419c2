//! The end of a range, for one who listens to very many single channels in it.
//!
//! It gets nothing there from the moment at which it has said so: whoever looks for listeners leaves it out. What the
//! tables know of it is taken out a page at a time. Until that is done it waits, with whatever it says next, so that there is never more
//! than one range and nothing in it is new.

use super::table::Key;
use crate::hash::Walk;
use crate::ids::{Channel, ChannelRange};

/// A range that is being ended for a participant.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) key: Key,
    pub(super) range: ChannelRange,
    /// How far its singles have been looked through.
    pub(super) walk: Walk,
}

impl Ending {
    pub(super) const fn new(key: Key, range: ChannelRange) -> Self {
        Ending { key, range, walk: Walk::START }
    }

    /// Whether a participant gets nothing on a channel because of it.
    #[inline]
    pub(super) fn is_for(&self, key: Key, channel: Channel) -> bool {
        self.key == key && self.range.contains(channel)
    }
}
