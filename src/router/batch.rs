//! What one participant does in one go.

use smallvec::SmallVec;

use super::cleaning::Undone;
use super::holds::{Held, Holder};
use super::world::{Unreadable, World};
use super::{Effect, Effects, Fed, Key, Shared};
use crate::ids::{Channel, ChannelRange};
use crate::message::Timing;
use crate::wire::{Frame, Frames, Run};

/// What one participant does in one go. Receivers are told once, when it is dropped.
///
/// It keeps the router locked, so it must be dropped before waiting for anything; the compiler sees
/// to that in tasks, since it cannot be sent.
pub struct Batch<'r> {
    shared: &'r Shared,
    from: Option<Key>,
    /// Where the queues are noted that are above their marks.
    fed: Option<&'r mut Fed>,
    /// Present until the batch is dropped.
    world: Option<Held<'r>>,
    /// It is over because others are to have their turn, and another one follows.
    goes_on: bool,
}

impl<'r> Batch<'r> {
    pub(super) fn new(shared: &'r Shared, from: Option<Key>, fed: Option<&'r mut Fed>) -> Self {
        let holder = from.map_or(Holder::Upstream, Holder::Participant);
        Batch { shared, from, fed, world: Some(shared.hold(holder)), goes_on: false }
    }

    /// A batch of what those who have left have left behind.
    pub(super) fn of_cleaning(shared: &'r Shared) -> Self {
        let world = Some(shared.hold(Holder::Cleaning));
        Batch { shared, from: None, fed: None, world, goes_on: false }
    }

    /// Routes a datagram to everyone who listens to one of its recipients, and upstream; then what
    /// roles route because of it. Whether its recipients could be read at all.
    #[inline]
    pub fn route(&mut self, frame: Frame<'_>) -> bool {
        self.route_run(frame.into()).is_ok()
    }

    /// As [`Batch::route`] for each of the frames: they have the same recipients, so that these are
    /// looked up once and queues get all of the frames at once. If the batch is over before that, the frames that are
    /// left are returned.
    ///
    /// # Errors
    /// If the recipients cannot be read.
    #[inline]
    pub fn route_run<'f>(&mut self, run: Run<'f>) -> Result<Frames<'f>, Unreadable> {
        let from = self.from;
        self.work(|world| world.route(run, from))
    }

    /// Whether others are to have their turn before more of what a socket has brought is done: this has taken long,
    /// or a role has enough to do ([`Fed::room`]), or a range is still being ended ([`super::Participant::go_on`]).
    /// Whoever is told so goes on when they have had it.
    #[inline]
    pub fn is_over(&mut self) -> bool {
        let from = self.from;
        let world = self.world.as_deref_mut().expect("present until dropped");
        if world.has_to_wait(from) {
            return true;
        }
        self.goes_on = world.is_turn_over();
        self.goes_on
    }

    /// Nothing is left of what a socket has brought, however long it took.
    #[inline]
    pub fn has_done_all(&mut self) {
        self.goes_on = false;
    }

    /// Subscribes to one channel.
    pub fn subscribe(&mut self, channel: Channel) {
        self.apply_one(Effect::Subscribe(channel));
    }

    /// Ends the subscription to one channel.
    pub fn unsubscribe(&mut self, channel: Channel) {
        self.apply_one(Effect::Unsubscribe(channel));
    }

    /// Subscribes to a range of channels.
    pub fn subscribe_range(&mut self, range: ChannelRange) {
        self.apply_one(Effect::SubscribeRange(range));
    }

    /// Ends the subscription to a range of channels, and to all single ones in it. Nothing comes from there any more. If
    /// there are very many of those, it takes a while all the same: [`super::Participant::go_on`].
    pub fn unsubscribe_range(&mut self, range: ChannelRange) {
        self.apply_one(Effect::UnsubscribeRange(range));
    }

    /// Keeps a datagram under `sender`, to be routed when the participant leaves.
    pub fn add_post_remove(&mut self, sender: Channel, frame: Frame<'_>) {
        self.apply_one(Effect::AddPostRemove(sender, frame));
    }

    /// Who else keeps datagrams under `sender`, if the participant itself does not yet.
    pub fn rivals(&self, sender: Channel) -> SmallVec<[Key; 1]> {
        let world = self.world.as_deref().expect("present until dropped");
        self.from.map_or_else(SmallVec::new, |key| world.rivals(sender, key))
    }

    /// Forgets the datagrams kept under `sender`.
    pub fn clear_post_removes(&mut self, sender: Channel) {
        self.apply_one(Effect::ClearPostRemoves(sender));
    }

    /// Routes what somebody who has left a daemon below had kept under `sender`, and keeps it for others that are away.
    /// Whether its recipients could be read at all.
    pub fn hand_on_last_words(
        &mut self,
        sender: Channel,
        timing: Timing,
        frame: Frame<'_>,
    ) -> bool {
        let from = self.from.expect("a link");
        self.work(|world| world.hand_on_last_words(sender, timing, frame, from)).is_ok()
    }

    /// Other links on which a daemon of this epoch is there already.
    pub fn other_links_of(&self, epoch: u64) -> SmallVec<[Key; 1]> {
        let world = self.world.as_deref().expect("present until dropped");
        world.links_of(epoch).filter(|key| Some(*key) != self.from).collect()
    }

    /// Routes last words that this daemon has missed, if nobody here keeps some under `sender` now. Whether its
    /// recipients could be read at all.
    pub fn hear_last_words(&mut self, sender: Channel, frame: Frame<'_>) -> bool {
        self.work(|world| world.hear_last_words(sender, frame)).is_ok()
    }

    /// A daemon of this epoch, which can be told last words, is at the other end of the participant's link.
    pub fn daemon_is_here(&mut self, epoch: u64) {
        let key = self.from.expect("a link");
        self.work(|world| world.daemon_is_here(key, epoch));
    }

    /// It has told its subscriptions.
    pub fn daemon_has_told(&mut self) {
        let key = self.from.expect("a link");
        self.work(|world| world.daemon_has_told(key));
    }

    /// Does what a role's core wants done, in order.
    pub fn apply(&mut self, effects: &Effects) {
        effects.iter().for_each(|effect| self.apply_one(effect));
    }

    fn apply_one(&mut self, effect: Effect<'_>) {
        if let Effect::Route(frame) = effect {
            self.route(frame);
            return;
        }
        let key = self.from.expect("the uplink subscribes to nothing");
        self.work(|world| world.change(key, effect));
    }

    /// Has the router do something. If it panics in the middle of that, it is seen when the batch is dropped.
    #[inline]
    pub(super) fn work<T>(&mut self, work: impl FnOnce(&mut World) -> T) -> T {
        let world = self.world.as_deref_mut().expect("present until dropped");
        world.is_at_work = true;
        let done = work(world);
        world.is_at_work = false;
        done
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut world = self.world.take().expect("dropped once");
        if std::mem::take(&mut world.is_at_work) {
            // The router itself has panicked. Nothing can be relied on any more, so nothing else is begun.
            drop(world);
            self.shared.broken.cancel();
            return;
        }
        if world.begins_to_retell() {
            world.is_at_work = true;
            if !matches!(world.retell(), Undone::Nothing) {
                self.shared.dirty.notify_one();
            }
            world.is_at_work = false;
        }
        let end = world.end_batch(self.fed.take());
        self.shared.flush.batch_is_over(self.shared, world, self.from, self.goes_on);
        self.shared.bury(end.lost);
        self.shared.counters.count(&end.counts);
    }
}
