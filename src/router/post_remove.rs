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
    by_sender: BTreeMap<Channel, Kept>,
}

#[derive(Debug)]
struct Kept {
    frames: Vec<u8>,
    /// How often the upstream had been lost when the first of them came.
    losses: u32,
}

impl PostRemoves {
    /// Keeps a datagram; the upstream has been lost so often.
    pub(super) fn add(&mut self, sender: Channel, frame: Frame<'_>, losses: u32) {
        let kept = || Kept { frames: Vec::new(), losses };
        self.by_sender.entry(sender).or_insert_with(kept).frames.extend_from_slice(frame.bytes());
    }

    pub(super) fn clear(&mut self, sender: Channel) {
        self.by_sender.remove(&sender);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_sender.is_empty()
    }

    /// The datagrams that are kept for one sender, without those in the first bytes.
    pub(super) fn of(&self, sender: Channel, seen: usize) -> Frames<'_> {
        let frames = self.by_sender.get(&sender).map_or(&[][..], |kept| &kept.frames);
        Frames::new(&frames[seen.min(frames.len())..])
    }

    /// How often the upstream had been lost when the first datagram for a sender came, if there is one.
    pub(super) fn losses_before(&self, sender: Channel) -> Option<u32> {
        self.by_sender.get(&sender).map(|kept| kept.losses)
    }

    /// About how many datagrams there are.
    pub(super) fn steps(&self) -> usize {
        self.by_sender.values().map(|kept| 1 + kept.frames.len() / USUAL_BYTES).sum()
    }

    /// The first sender from this one on, of whose datagrams the first bytes have been seen: where the others begin,
    /// and these.
    pub(super) fn from(
        &self,
        sender: Channel,
        seen: usize,
    ) -> Option<(Channel, usize, Frames<'_>)> {
        let (&next, kept) = self.by_sender.range(sender..).next()?;
        let seen = if next == sender { seen } else { 0 };
        Some((next, seen, Frames::new(&kept.frames[seen..])))
    }

    /// Those of each sender, and how often the upstream had been lost when the first of them came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Channel, u32, Frames<'_>)> {
        self.by_sender
            .iter()
            .map(|(&sender, kept)| (sender, kept.losses, Frames::new(&kept.frames)))
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
