//! What a new connection to the upstream has to know: all subscriptions, and the post-removes of all participants.
//!
//! There may be millions, so they are told in slices, with the routing of others in between. The table of
//! channels is walked over a page at a time, the post-removes in the order of participants and senders. What changes where the walk has
//! been is told as always; what changes elsewhere will be told as it is then. Ranges are told at once: they are few.

use std::sync::Arc;

use super::World;
use super::retelling::Retelling;
use crate::hash::Walk;
use crate::ids::Channel;
use crate::router::post_remove::{PostRemoves, steps_of};
use crate::router::{Change, Key, Uplink};
use crate::wire::Frame;

/// So many channels are told of for one step.
const TOLD_PER_STEP: usize = 16;

/// How far the upstream has been told.
#[derive(Debug)]
pub(super) struct Telling {
    singles: Walk,
    /// Whose post-removes are next: its place, the sender, and how many bytes of the sender's have been told.
    at: (u32, Channel, usize),
}

impl Telling {
    const fn new() -> Self {
        Telling { singles: Walk::START, at: (0, Channel(0), 0) }
    }

    /// Whether the post-removes of a sender are told when they change: those before have been told, and the
    /// others will be.
    fn has_passed(&self, key: Key, sender: Channel) -> bool {
        (key.0, sender) < (self.at.0, self.at.1)
    }

    /// A sender has no post-removes any more; all of what it gets now is new.
    fn clear(&mut self, key: Key, sender: Channel) {
        if (key.0, sender) == (self.at.0, self.at.1) {
            self.at.2 = 0;
        }
    }

    /// A participant's place is free.
    pub(super) fn leave(&mut self, key: Key) {
        if key.0 == self.at.0 {
            self.at = (key.0, Channel(0), 0);
        }
    }
}

impl World {
    pub(in crate::router) fn set_uplink(&mut self, uplink: Arc<dyn Uplink>) {
        self.table.upstream = true;
        self.table.snapshot().for_each(|change| uplink.change(change));
        self.uplink = Some(uplink);
        self.is_overheard = true;
    }

    /// Begins to tell the upstream everything.
    pub(in crate::router) fn begin_telling(&mut self) {
        self.telling = Some(Telling::new());
        self.retelling = Retelling::default();
        if let Some(uplink) = &self.uplink {
            self.table.ranges().for_each(|range| uplink.change(Change::AddRange(range)));
        }
        self.tell_some();
    }

    /// Goes on with telling, as far as this hold allows; whether there is more.
    pub(in crate::router) fn tell_some(&mut self) -> bool {
        let Some(uplink) = self.uplink.clone() else { return false };
        let Some(mut telling) = self.telling.take() else { return false };
        self.uplink_touched = true;
        while self.steps_left > 0
            && let Some(page) = self.table.walk_singles(&mut telling.singles)
        {
            self.work.told += page.len() as u64;
            self.steps_left = self.steps_left.saturating_sub(1 + page.len() / TOLD_PER_STEP);
            page.for_each(|channel| uplink.change(Change::AddChannel(channel)));
        }
        while self.steps_left > 0 && (telling.at.0 as usize) < self.slots.len() {
            self.tell_post_removes(&*uplink, &mut telling);
        }
        if telling.singles.is_over() && telling.at.0 as usize >= self.slots.len() {
            uplink.told();
            return false;
        }
        self.telling = Some(telling);
        true
    }

    /// Tells of some post-removes of the participant whose turn it is.
    fn tell_post_removes(&mut self, uplink: &dyn Uplink, telling: &mut Telling) {
        let (place, sender, told) = telling.at;
        let slot = &self.slots[place as usize];
        let kept = slot.as_ref().and_then(|slot| slot.post_removes.from(sender, told));
        self.steps_left -= 1;
        let Some((sender, told, mut frames)) = kept else {
            telling.at = (place + 1, Channel(0), 0);
            return;
        };
        let all = told + frames.remaining().len();
        while self.steps_left > 0
            && let Some(frame) = frames.next()
        {
            uplink.add_post_remove(sender, frame);
            self.work.told += 1;
            self.steps_left = self.steps_left.saturating_sub(steps_of(frame));
        }
        telling.at = match sender.0.checked_add(1) {
            _ if !frames.remaining().is_empty() => (place, sender, all - frames.remaining().len()),
            Some(next) => (place, Channel(next), 0),
            None => (place + 1, Channel(0), 0),
        };
    }

    /// Tells the upstream of changes of subscriptions.
    pub(super) fn tell_changes(&mut self) {
        if let Some(uplink) = &self.uplink
            && !self.changes.is_empty()
        {
            let is_told = |change: &Change| match (&self.telling, change) {
                (Some(telling), Change::AddChannel(channel) | Change::RemoveChannel(channel)) => {
                    self.table.has_passed(telling.singles, *channel)
                }
                _ => true,
            };
            let told = self.changes.iter().filter(|change| is_told(change));
            told.for_each(|&change| uplink.change(change));
            self.uplink_touched = true;
        }
        self.changes.clear();
    }

    pub(super) fn add_post_remove(&mut self, key: Key, sender: Channel, frame: Frame<'_>) {
        let losses = self.spoken_for.losses();
        self.post_removes(key, |kept| kept.add(sender, frame, losses));
        self.keepers.add(sender, key);
        if let Some(uplink) = &self.uplink
            && self.telling.as_ref().is_none_or(|telling| telling.has_passed(key, sender))
            && !self.retelling.will_tell(key, sender)
        {
            uplink.add_post_remove(sender, frame);
            self.uplink_touched = true;
        }
    }

    pub(super) fn clear_post_removes(&mut self, key: Key, sender: Channel) {
        self.post_removes(key, |kept| kept.clear(sender));
        if let Some(telling) = &mut self.telling {
            telling.clear(key, sender);
        }
        self.clear_upstream(sender, key);
    }

    fn post_removes(&mut self, key: Key, change: impl FnOnce(&mut PostRemoves)) {
        if let Some(slot) = &mut self.slots[key.0 as usize] {
            change(&mut slot.post_removes);
        }
    }
}
