//! What a participant wants said when it is gone.

use std::collections::BTreeMap;

use crate::ids::Channel;
use crate::wire::{Frame, Frames};

/// A frame is seldom shorter.
pub(super) const USUAL_BYTES: usize = 32;

/// Datagrams kept by sender channel, each sender's in the order in which they came.
#[derive(Default, Debug)]
pub(super) struct PostRemoves {
    by_sender: BTreeMap<Channel, Vec<u8>>,
}

impl PostRemoves {
    pub(super) fn add(&mut self, sender: Channel, frame: Frame<'_>) {
        self.by_sender.entry(sender).or_default().extend_from_slice(frame.bytes());
    }

    pub(super) fn clear(&mut self, sender: Channel) {
        self.by_sender.remove(&sender);
    }

    /// About how many datagrams there are.
    pub(super) fn steps(&self) -> usize {
        self.by_sender.values().map(|frames| 1 + frames.len() / USUAL_BYTES).sum()
    }

    /// The first sender from this one on, of whose datagrams the first bytes have been seen: where the others begin,
    /// and these.
    pub(super) fn from(
        &self,
        sender: Channel,
        seen: usize,
    ) -> Option<(Channel, usize, Frames<'_>)> {
        let (&next, frames) = self.by_sender.range(sender..).next()?;
        let seen = if next == sender { seen } else { 0 };
        Some((next, seen, Frames::new(&frames[seen..])))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Channel, Frames<'_>)> {
        self.by_sender.iter().map(|(&sender, frames)| (sender, Frames::new(frames)))
    }
}
