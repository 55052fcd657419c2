//! Post-removes that the upstream has to be told again.
//!
//! Upstream, all that this process keeps under a sender is kept as one link's. So when one of several participants clears its
//! own, or leaves, it is cleared there, and what the others keep is told again. That may be as much as they like, and the one may
//! do so as often as it likes. So it is done in slices, no faster than the upstream takes it, once for all that is
//! cleared meanwhile. What is added where the telling has been is told as always, and what is added elsewhere when its turn comes.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::World;
use crate::ids::Channel;
use crate::router::cleaning::Undone;
use crate::router::post_remove::steps_of;
use crate::router::{Key, Uplink};

/// Whose post-removes are to be told again, and how far that is done.
#[derive(Default, Debug)]
pub(super) struct Retelling {
    /// Of these senders nothing has been told yet, or something has been cleared since.
    waiting: BTreeSet<Channel>,
    now: Option<Round>,
    /// Something has been cleared since this was begun, or gone on with.
    is_new: bool,
    /// The last one whose turn it was: the next has a greater number, so that all have theirs.
    last: Channel,
}

#[derive(Copy, Clone, Debug)]
struct Round {
    sender: Channel,
    /// Whose are next: its place, and how many bytes of them have been told.
    at: (u32, usize),
}

impl Retelling {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.now.is_none()
    }

    /// A participant has cleared what it kept under a sender; others have not.
    fn add(&mut self, sender: Channel, key: Key) {
        self.waiting.insert(sender);
        self.is_new = true;
        if let Some(Round { sender: now, at }) = &mut self.now
            && (*now, at.0) == (sender, key.0)
        {
            // All that it keeps from now on is new.
            at.1 = 0;
        }
    }

    /// Nobody keeps anything under a sender any more.
    fn forget(&mut self, sender: Channel) {
        self.waiting.remove(&sender);
        self.now.take_if(|round| round.sender == sender);
    }

    /// Whether what a participant adds is told with the rest.
    pub(super) fn will_tell(&self, key: Key, sender: Channel) -> bool {
        match self.now {
            Some(round) if round.sender == sender => key.0 >= round.at.0,
            _ => self.waiting.contains(&sender),
        }
    }

    fn next(&mut self) -> Option<Channel> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        let next = self.waiting.range(after).next().or(self.waiting.first()).copied()?;
        self.waiting.remove(&next);
        self.last = next;
        Some(next)
    }
}

impl World {
    /// A participant keeps nothing under a sender any more, whether or not it did. Upstream it is cleared; if others
    /// here still keep something there, in time, and theirs is told again.
    pub(super) fn clear_upstream(&mut self, sender: Channel, key: Key) {
        let has_kept = self.keepers.remove(sender, key);
        let Some(uplink) = &self.uplink else { return };
        if self.keepers.of(sender).is_empty() {
            self.retelling.forget(sender);
            uplink.clear_post_removes(sender);
            self.uplink_touched = true;
        } else if has_kept {
            self.retelling.add(sender, key);
        }
    }

    /// Whether to begin with telling again, if nobody is at it; asked at the end of each batch.
    #[inline]
    pub(in crate::router) fn begins_to_retell(&mut self) -> bool {
        self.retelling.is_new
            && self.telling.is_none()
            && std::mem::take(&mut self.retelling.is_new)
    }

    /// Not before all that a new connection has to know has been told.
    fn has_to_retell(&self) -> bool {
        !self.retelling.is_empty() && self.telling.is_none()
    }

    /// Goes on with what is to be told again, as far as this hold allows.
    pub(in crate::router) fn retell(&mut self) -> Undone {
        while self.has_to_retell() {
            let Some(uplink) = self.uplink.clone() else { return Undone::Nothing };
            if let Some(brake) = uplink.brake().filter(|brake| brake.is_high()) {
                return Undone::Braked(brake);
            }
            if self.steps_left == 0 {
                return Undone::More;
            }
            let Retelling { now, .. } = &self.retelling;
            self.uplink_touched = true;
            let round = match *now {
                Some(round) => round,
                None => {
                    let Some(sender) = self.retelling.next() else { return Undone::Nothing };
                    uplink.clear_post_removes(sender);
                    Round { sender, at: (0, 0) }
                }
            };
            self.retelling.now = self.retell_of(&*uplink, round);
        }
        Undone::Nothing
    }

    /// Tells what one participant keeps, as far as this hold allows, and returns where to go on.
    fn retell_of(&mut self, uplink: &dyn Uplink, round: Round) -> Option<Round> {
        let Round { sender, at: (place, told) } = round;
        self.steps_left -= 1;
        let places = self.keepers.of(sender).iter().map(|key| key.0);
        let next = places.filter(|other| *other >= place).min()?;
        let told = if next == place { told } else { 0 };
        let kept = self.slots[next as usize].as_ref().map(|slot| &slot.post_removes);
        let Some(mut frames) = kept.map(|kept| kept.of(sender, told)) else {
            return Some(Round { sender, at: (next + 1, 0) });
        };
        let all = told + frames.remaining().len();
        while self.steps_left > 0
            && let Some(frame) = frames.next()
        {
            uplink.add_post_remove(sender, frame);
            self.work.told += 1;
            self.steps_left = self.steps_left.saturating_sub(steps_of(frame));
        }
        let at = match frames.remaining().len() {
            0 => (next + 1, 0),
            left => (next, all - left),
        };
        Some(Round { sender, at })
    }
}
