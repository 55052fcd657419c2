//! What is done for those who have left.

use super::{Receiver, World};
use crate::ids::Channel;
use crate::router::leaving::Left;
use crate::router::{Effect, Key};
use crate::wire::{Envelope, Frames, Run};

impl World {
    /// Ends a participant's part: it gets nothing any more. Its subscriptions end, and its post-removes are routed
    /// and cleared: now, if that is little, or else bit by bit ([`World::clean`]).
    pub(in crate::router) fn leave(&mut self, key: Key) -> Option<Receiver> {
        let slot = self.slots[key.0 as usize].take()?;
        let mut left = Left::new(key, self.table.take(key), slot.post_removes);
        if left.steps() <= self.steps_left {
            let mut all = usize::MAX;
            left.end_subscriptions(&mut all, &mut self.table, &mut self.changes);
            self.tell_changes();
        }
        self.leaving.add(left);
        self.clean();
        Some(slot.receiver)
    }

    /// Goes on with what those who have left have left behind, as far as this hold allows. Post-removes come first:
    /// somebody waits for those. Whether there is more to do.
    pub(in crate::router) fn clean(&mut self) -> bool {
        while let Some(mut left) = self.leaving.take_first() {
            while self.steps_left > 0
                && let Some((sender, mut frames)) = left.next_sender()
            {
                let rest = self.fire_some(left.key, &frames);
                if rest == 0 {
                    self.forget_upstream(sender);
                } else {
                    frames.drain(..frames.len() - rest);
                    left.put_back(sender, frames);
                }
            }
            let World { steps_left, table, changes, .. } = self;
            self.work.cleaned += left.end_subscriptions(steps_left, table, changes) as u64;
            self.tell_changes();
            if !left.is_clean() {
                self.leaving.put_back(left);
                return true;
            }
            self.free.push(left.key.0);
            self.garbage.lefts.push(left);
        }
        self.garbage.table = self.table.shrink();
        false
    }

    #[cfg(test)]
    pub(in crate::router) fn table_size(&self) -> (usize, usize) {
        self.table.size()
    }

    /// Whether those who have left have left something behind.
    pub(in crate::router) fn has_to_clean(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Routes what one who has left wanted routed, as far as this hold allows; how many bytes are left of it.
    fn fire_some(&mut self, key: Key, frames: &[u8]) -> usize {
        let mut frames = Frames::new(frames);
        while self.steps_left > 0
            && let Some(frame) = frames.next()
        {
            self.steps_left -= 1;
            self.route_now(frame.into(), Some(key));
        }
        frames.remaining().len()
    }

    fn forget_upstream(&mut self, sender: Channel) {
        if let Some(uplink) = &self.uplink {
            uplink.clear_post_removes(sender);
            self.uplink_touched = true;
        }
    }

    /// Something concerns a channel: what others have left behind in its name comes before it.
    fn fire_for(&mut self, sender: Channel) {
        for (key, frames) in self.leaving.take_post_removes(sender) {
            for frame in Frames::new(&frames) {
                self.route_now(frame.into(), Some(key));
            }
            self.forget_upstream(sender);
        }
    }

    #[cold]
    pub(super) fn fire_before(&mut self, effect: &Effect<'_>) {
        match *effect {
            Effect::Subscribe(channel)
            | Effect::AddPostRemove(channel, _)
            | Effect::ClearPostRemoves(channel) => self.fire_for(channel),
            Effect::SubscribeRange(range) => {
                while let Some(sender) = self.leaving.sender_within(range) {
                    self.fire_for(sender);
                }
            }
            Effect::Unsubscribe(_) | Effect::UnsubscribeRange(_) | Effect::Route(_) => {}
        }
    }

    #[cold]
    pub(super) fn fire_before_route(&mut self, run: Run<'_>) {
        for frame in run.frames() {
            if let Ok(envelope) = Envelope::read(frame.datagram()) {
                self.fire_for(envelope.sender);
            }
        }
    }
}
