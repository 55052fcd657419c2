//! What a participant wants said when it is gone.

use std::collections::BTreeMap;

use smallvec::{SmallVec, smallvec};

use super::Key;
use crate::hash::{Paged, Seed};
use crate::ids::Channel;
use crate::wire::{Frame, Frames};

/// A frame is seldom shorter.
const USUAL_BYTES: usize = 32;

/// How much it is to tell the upstream of a datagram.
pub(super) fn steps_of(frame: Frame<'_>) -> usize {
    1 + frame.bytes().len() / (16 * USUAL_BYTES)
}

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

    /// The datagrams that are kept for one sender, without those in the first bytes.
    pub(super) fn of(&self, sender: Channel, seen: usize) -> Frames<'_> {
        let frames = self.by_sender.get(&sender).map_or(&[][..], |frames| frames);
        Frames::new(&frames[seen.min(frames.len())..])
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

/// Which participants keep datagrams under a sender. Nearly always it is one: the sender itself.
#[derive(Debug)]
pub(super) struct Keepers {
    by_sender: Paged<Channel, SmallVec<[Key; 1]>>,
}

impl Keepers {
    pub(super) fn new(seed: Seed) -> Self {
        Keepers { by_sender: Paged::with_hasher(seed) }
    }

    pub(super) fn add(&mut self, sender: Channel, key: Key) {
        let add = |keys: &mut SmallVec<[Key; 1]>| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        self.by_sender.add(sender, || smallvec![key], add);
    }

    /// Whether the participant was one.
    pub(super) fn remove(&mut self, sender: Channel, key: Key) -> bool {
        let mut was_one = false;
        self.by_sender.remove_if(sender, |keys| {
            let before = keys.len();
            keys.retain(|kept| *kept != key);
            was_one = keys.len() < before;
            keys.is_empty()
        });
        was_one
    }

    pub(super) fn of(&self, sender: Channel) -> &[Key] {
        self.by_sender.get(&sender).map_or(&[], |keys| keys)
    }
}
