//! Participants that have left, and what is still to be cleaned up after them.
//!
//! Who leaves gets nothing from then on: its slot is empty, whatever the table says. It may have listened to ten
//! million channels and may want a hundred thousand datagrams routed. What does not fit one hold of the router is
//! done between those of others ([`super::Router::clean`]); until then its key is nobody else's.
//!
//! - Upstream hears that a channel is no longer listened to when it is cleaned up. Who subscribes meanwhile finds
//!   upstream subscribed, and keeps it so.
//! - Post-removes are routed in their order. Whatever concerns a sender comes
//!   after the sender's post-removes, so that nobody sees another order: who sends as it, subscribes to it or keeps
//!   something under it, which is what one does who has lost a connection and comes back.

use std::collections::VecDeque;
use std::collections::hash_set;

use super::post_remove::PostRemoves;
use super::table::{Change, Key, Subscriptions, Table};
use crate::ids::{Channel, ChannelRange};

/// So many subscriptions are cleaned up for one datagram that is routed.
const CLEANED_PER_STEP: usize = 16;

/// What one has left behind.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) key: Key,
    post_removes: PostRemoves,
    singles: hash_set::IntoIter<Channel>,
    ranges: std::vec::IntoIter<ChannelRange>,
}

/// All who have left and are not cleaned up after.
#[derive(Default, Debug)]
pub(super) struct Leaving {
    left: VecDeque<Left>,
}

impl Left {
    pub(super) fn new(key: Key, own: Subscriptions, post_removes: PostRemoves) -> Self {
        let ranges = own.ranges.iter().collect::<Vec<_>>().into_iter();
        Left { key, post_removes, singles: own.singles.into_iter(), ranges }
    }

    /// How much there is to do.
    pub(super) fn steps(&self) -> usize {
        self.post_removes.steps() + self.ranges.len() + self.singles.len() / CLEANED_PER_STEP
    }

    /// Ends some subscriptions: at most what `steps` allow, of which it takes those that it has needed. How many.
    pub(super) fn end_subscriptions(
        &mut self,
        steps: &mut usize,
        table: &mut Table,
        changes: &mut Vec<Change>,
    ) -> usize {
        let before = self.singles.len() + self.ranges.len();
        while *steps > 0 && !self.has_ended() {
            *steps -= 1;
            let singles = self.singles.by_ref().take(CLEANED_PER_STEP);
            let mut ended = 0;
            singles.for_each(|channel| {
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

    fn has_ended(&self) -> bool {
        self.singles.len() == 0 && self.ranges.len() == 0
    }

    /// Whether nothing is left.
    pub(super) fn is_clean(&self) -> bool {
        self.post_removes.is_empty() && self.has_ended()
    }

    /// Not all of a sender's post-removes have been routed: these come first.
    pub(super) fn put_back(&mut self, sender: Channel, frames: Vec<u8>) {
        self.post_removes.put_back(sender, frames);
    }

    /// Takes the post-removes of the next sender.
    pub(super) fn next_sender(&mut self) -> Option<(Channel, Vec<u8>)> {
        self.post_removes.take_first()
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

    /// Takes the post-removes of a sender, with who has left them.
    pub(super) fn take_post_removes(&mut self, sender: Channel) -> Vec<(Key, Vec<u8>)> {
        let of = |left: &mut Left| Some((left.key, left.post_removes.take(sender)?));
        self.left.iter_mut().filter_map(of).collect()
    }

    /// The first sender in a range for whom something is kept.
    pub(super) fn sender_within(&self, range: ChannelRange) -> Option<Channel> {
        self.left.iter().find_map(|left| left.post_removes.sender_within(range))
    }

    /// What is still to be routed.
    pub(super) fn post_removes(&self) -> impl Iterator<Item = &PostRemoves> {
        self.left.iter().map(|left| &left.post_removes)
    }
}
