//! Participants that have left, and what is still to be cleaned up after them.
//!
//! Who leaves gets nothing from then on: its slot is empty, whatever the table says. It may have listened to ten
//! million channels. What does not fit one hold of the router is done between those of others
//! ([`super::Router::clean`]); until then its key is nobody else's. Upstream hears that a channel is no longer
//! listened to when it is cleaned up. Who subscribes meanwhile finds upstream subscribed, and keeps it so.
//!
//! Its post-removes are not put off, however many there are. Nobody can tell whom a datagram will concern: who asks
//! a parent for its objects hears of each of them. So whatever is done between two post-removes could show that one
//! has come and the other has not. What each of them asks a role to do for many is told in slices all the same.

use std::collections::VecDeque;

use super::table::{Change, IntoSingles, Key, Subscriptions, Table};
use crate::ids::ChannelRange;

/// So many subscriptions are cleaned up for one datagram that is routed.
const CLEANED_PER_STEP: usize = 16;

/// What one has left behind.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) key: Key,
    singles: IntoSingles,
    ranges: std::vec::IntoIter<ChannelRange>,
}

/// All who have left and are not cleaned up after.
#[derive(Default, Debug)]
pub(super) struct Leaving {
    left: VecDeque<Left>,
}

impl Left {
    pub(super) fn new(key: Key, own: Subscriptions) -> Self {
        let ranges = own.ranges.iter().collect::<Vec<_>>().into_iter();
        Left { key, singles: own.singles.into_entries(), ranges }
    }

    /// How much there is to do.
    pub(super) fn steps(&self) -> usize {
        self.ranges.len() + self.singles.len() / CLEANED_PER_STEP
    }

    /// Ends some subscriptions: at most what `steps` allow, of which it takes those that it has needed. How many.
    pub(super) fn end_subscriptions(
        &mut self,
        steps: &mut usize,
        table: &mut Table,
        changes: &mut Vec<Change>,
    ) -> usize {
        let before = self.singles.len() + self.ranges.len();
        while *steps > 0 && !self.is_clean() {
            *steps -= 1;
            let singles = self.singles.by_ref().take(CLEANED_PER_STEP);
            let mut ended = 0;
            singles.for_each(|(channel, ())| {
                table.end_single(self.key, channel, changes);
                ended += 1;
            });
            if ended == 0
                && let Some(range) = self.ranges.next()
            {
                table.end_range(self.key, range, Vec::new(), changes);
            }
        }
        before - self.singles.len() - self.ranges.len()
    }

    /// Whether nothing is left.
    pub(super) fn is_clean(&self) -> bool {
        self.singles.len() == 0 && self.ranges.len() == 0
    }
}

impl Leaving {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn add(&mut self, left: Left) {
        self.left.push_back(left);
    }

    /// Who is first, to be worked on.
    pub(super) fn take_first(&mut self) -> Option<Left> {
        self.left.pop_front()
    }

    /// There is more to be done for the one that was first.
    pub(super) fn put_back(&mut self, left: Left) {
        self.left.push_front(left);
    }
}
