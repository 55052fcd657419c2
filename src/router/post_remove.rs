//! What a participant wants said when it is gone.

use std::collections::BTreeMap;

use crate::ids::{Channel, ChannelRange};
use crate::wire::{Frame, Frames};

/// A frame is seldom shorter.
const USUAL_BYTES: usize = 32;

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

    pub(super) fn is_empty(&self) -> bool {
        self.by_sender.is_empty()
    }

    /// About how many datagrams there are.
    pub(super) fn steps(&self) -> usize {
        self.by_sender.values().map(|frames| 1 + frames.len() / USUAL_BYTES).sum()
    }

    /// Keeps under a sender for whom nothing is kept what had been taken out.
    pub(super) fn put_back(&mut self, sender: Channel, frames: Vec<u8>) {
        self.by_sender.insert(sender, frames);
    }

    /// Takes out what is kept under a sender.
    pub(super) fn take(&mut self, sender: Channel) -> Option<Vec<u8>> {
        self.by_sender.remove(&sender)
    }

    /// Takes out what is kept under the first sender.
    pub(super) fn take_first(&mut self) -> Option<(Channel, Vec<u8>)> {
        self.by_sender.pop_first()
    }

    /// The first sender in a range.
    pub(super) fn sender_within(&self, range: ChannelRange) -> Option<Channel> {
        self.by_sender.range(range.bounds()).next().map(|(&sender, _)| sender)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Channel, Frames<'_>)> {
        self.by_sender.iter().map(|(&sender, frames)| (sender, Frames::new(frames)))
    }
}
