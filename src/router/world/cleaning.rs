//! What is done for those who have left.

use smallvec::SmallVec;

use super::{Receiver, Slot, World};
use crate::ids::Channel;
use crate::router::Key;
use crate::router::leaving::Left;

impl World {
    /// Ends a participant's part: it gets nothing any more. Its post-removes are routed and cleared, all before
    /// anybody does anything else. Its subscriptions end: now, if all that is little, or else bit by bit
    /// ([`World::clean`]).
    pub(in crate::router) fn leave(&mut self, key: Key) -> Option<Receiver> {
        let Slot { receiver, post_removes, .. } = self.slots[key.0 as usize].take()?;
        if let Some(telling) = &mut self.telling {
            telling.leave(key);
        }
        let mut left = Left::new(key, self.table.take(key));
        if left.steps() + post_removes.steps() <= self.steps_left {
            let mut all = usize::MAX;
            left.end_subscriptions(&mut all, &mut self.table, &mut self.changes);
            self.tell_changes();
        }
        self.fire(key, &post_removes);
        let now = self.now();
        self.last_words.leave(now, key);
        self.leaving.add(left);
        self.clean();
        Some(receiver)
    }

    /// Goes on with what those who have left have left behind, as far as this hold allows. Whether there is more
    /// to do.
    pub(in crate::router) fn clean(&mut self) -> bool {
        while let Some(mut left) = self.leaving.take_first() {
            let World { steps_left, table, changes, .. } = self;
            self.work.cleaned += left.end_subscriptions(steps_left, table, changes) as u64;
            self.tell_changes();
            if !left.is_clean() {
                self.leaving.put_back(left);
                return true;
            }
            self.free.push(left.key.0);
        }
        false
    }

    /// Goes on with the end of a range for a participant, as far as this hold allows. Whether there is more to do.
    #[inline]
    pub(in crate::router) fn go_on_ending(&mut self, key: Key) -> bool {
        let World { steps_left, table, changes, .. } = self;
        if !table.is_ending(key) {
            return false;
        }
        let Some(ended) = table.go_on_ending(key, steps_left, changes) else { return false };
        self.work.cleaned += ended as u64;
        self.tell_changes();
        self.table.is_ending(key)
    }

    #[cfg(test)]
    pub(in crate::router) fn table_size(&self) -> (usize, usize) {
        self.table.size()
    }

    /// Whether those who have left have left something behind.
    pub(in crate::router) fn has_to_clean(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Who keeps post-removes under a sender, if the participant in question does not.
    pub(in crate::router) fn rivals(&self, sender: Channel, key: Key) -> SmallVec<[Key; 1]> {
        match self.keepers.of(sender) {
            keepers if keepers.contains(&key) => SmallVec::new(),
            keepers => keepers.into(),
        }
    }

    /// Whether something is kept for a participant's end.
    pub(in crate::router) fn keeps_post_removes(&self, key: Key) -> bool {
        let slot = self.slots.get(key.0 as usize).and_then(Option::as_ref);
        slot.is_some_and(|slot| !slot.post_removes.is_empty())
    }
}
