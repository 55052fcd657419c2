//! What those who have left wanted said: to all who are there, and to daemons below that are back.

use super::{Receiver, Unreadable, World};
use crate::hash;
use crate::ids::{Channel, ChannelRange};
use crate::message::Timing;
use crate::router::post_remove::PostRemoves;
use crate::router::{Effect, Key, Said};
use crate::wire::{Envelope, Frame, Frames, Recipients};

impl World {
    /// Routes what one who has left wanted routed. It has no bound: see [`leaving`](crate::router::leaving).
    pub(super) fn fire(&mut self, key: Key, post_removes: &PostRemoves) {
        let daemon = self.last_words.epoch_of(key);
        let mut words = self.already_said.begin();
        for (sender, losses, frames) in post_removes.iter() {
            let timing = self.spoken_for.timing(sender, losses);
            for frame in frames {
                // What roles make of it has less room.
                self.steps_left = self.steps_left.saturating_sub(1);
                let is_again = daemon.is_some_and(|epoch| {
                    words.add(sender, frame);
                    self.already_said.has(epoch, sender, frame)
                });
                if !(is_again && self.is_somebody_elses(sender, Some(key))) {
                    // One that has no recipients is for nobody.
                    let _ = self.say_last_words(sender, timing, frame, Some(key));
                }
            }
            self.clear_upstream(sender, key);
        }
        if let Some(epoch) = daemon {
            let now = self.now();
            self.already_said.add(now, epoch, words);
        }
    }

    /// As [`World::say_last_words`], of what a daemon below says. Late words have been said, perhaps, or it is too late for them:
    /// see [`spoken_for`](crate::router::spoken_for).
    ///
    /// # Errors
    /// As [`World::say_last_words`].
    pub(in crate::router) fn hand_on_last_words(
        &mut self,
        sender: Channel,
        timing: Timing,
        frame: Frame<'_>,
        from: Key,
    ) -> Result<(), Unreadable> {
        if timing.is_late {
            if self.is_somebody_elses(sender, Some(from)) {
                return Ok(());
            }
            let daemon = self.last_words.epoch_of(from);
            let were_said =
                daemon.is_some_and(|epoch| self.already_said.take(epoch, sender, frame));
            if were_said && !timing.has_sent_since {
                return Ok(());
            }
        }
        let kept = self.slots[from.0 as usize].as_ref().map(|slot| &slot.post_removes);
        let losses = kept.and_then(|kept| kept.losses_before(sender));
        let own = self.spoken_for.timing(sender, losses.unwrap_or(self.spoken_for.losses()));
        let timing = Timing {
            is_late: timing.is_late || own.is_late,
            has_sent_since: timing.has_sent_since || own.has_sent_since,
        };
        self.say_last_words(sender, timing, frame, Some(from))
    }

    /// Routes what somebody who has left had kept under `sender`, and what roles want routed because of it. It is kept for
    /// daemons that are away.
    ///
    /// # Errors
    /// If the recipients cannot be read: nobody gets it.
    fn say_last_words(
        &mut self,
        sender: Channel,
        timing: Timing,
        frame: Frame<'_>,
        from: Option<Key>,
    ) -> Result<(), Unreadable> {
        let said = Said { sender, timing };
        let recipients = Recipients::of(frame.datagram()).map_err(|_| Unreadable)?;
        self.are_last_words(true);
        self.find_listeners(recipients, from);
        self.deliver_last_words(said, frame, recipients, from);
        self.route_pending();
        self.are_last_words(false);
        Ok(())
    }

    /// As [`World::say_last_words`], of what one of a role's members wanted said.
    pub(super) fn say_members_last_words(&mut self, said: Said, frame: Frame<'_>, role: Key) {
        let Ok(recipients) = Recipients::of(frame.datagram()) else { return };
        let own = self.spoken_for.timing(said.sender, self.spoken_for.losses());
        let timing = Timing { has_sent_since: own.has_sent_since, ..said.timing };
        self.are_last_words(true);
        self.find_listeners(recipients, Some(role));
        self.deliver_last_words(Said { timing, ..said }, frame, recipients, Some(role));
        self.are_last_words(false);
    }

    fn deliver_last_words(
        &mut self,
        said: Said,
        frame: Frame<'_>,
        recipients: Recipients<'_>,
        from: Option<Key>,
    ) {
        if self.last_words.are_kept() {
            let now = self.now();
            self.last_words.keep(now, said.sender, frame, from, &self.listeners);
        }
        self.show_one(frame, from);
        let is_for_here = self.deliver_here(frame, recipients);
        self.push_up(from, is_for_here, |uplink| uplink.push_last_words(said, frame));
    }

    /// As [`World::say_last_words`], of what was said while this daemon was away. Whoever keeps some under that sender now
    /// has come, or come again, meanwhile: what it has made since is not meant.
    ///
    /// # Errors
    /// As [`World::say_last_words`].
    pub(in crate::router) fn hear_last_words(
        &mut self,
        sender: Channel,
        frame: Frame<'_>,
    ) -> Result<(), Unreadable> {
        if self.is_somebody_elses(sender, None) {
            return Ok(());
        }
        self.say_last_words(sender, Timing::default(), frame, None)
    }

    /// Whether others than `key` keep some under a sender by now: it is theirs, and so is what it has made since.
    fn is_somebody_elses(&self, sender: Channel, key: Option<Key>) -> bool {
        let is_so = self.keepers.of(sender).iter().any(|keeper| Some(*keeper) != key);
        if is_so {
            tracing::info!(%sender, "somebody else speaks as a sender whose post-removes come late; dropped");
        }
        is_so
    }

    /// The connection upstream is lost: what its other end has kept for those here it routes, if it lives. `senders` have sent
    /// what waits now; `None` for those who are noted already.
    pub(in crate::router) fn uplink_is_lost(&mut self, senders: Option<Vec<Channel>>) {
        let Some(senders) = senders else {
            self.spoken_for.lose_unused(self.seed);
            return;
        };
        let mut waiting = hash::Set::with_hasher(self.seed);
        waiting.extend(senders);
        self.spoken_for.lose(waiting);
    }

    /// Those who were spoken for have ended by now.
    pub(in crate::router) fn forget_senders(&mut self) {
        self.spoken_for.forget();
    }

    /// Notes who sends something that waits for the upstream, if he keeps some.
    #[cold]
    pub(super) fn note_senders(&mut self, frames: Frames<'_>) {
        for frame in frames {
            if let Ok(Envelope { sender, .. }) = Envelope::read(frame.datagram())
                && !self.keepers.of(sender).is_empty()
            {
                self.spoken_for.note(sender);
            }
        }
    }

    /// A daemon is at the other end of a link.
    pub(in crate::router) fn daemon_is_here(&mut self, key: Key, epoch: u64) {
        let now = self.now();
        self.last_words.hello(now, key, epoch);
    }

    /// The links on which a daemon is there.
    pub(in crate::router) fn links_of(&self, epoch: u64) -> impl Iterator<Item = Key> {
        self.last_words.links_of(epoch)
    }

    /// A daemon has told its subscriptions.
    pub(in crate::router) fn daemon_has_told(&mut self, key: Key) {
        self.last_words.told(key);
    }

    /// Tells a daemon that is back what it has missed where it has just subscribed, before anything else comes from there.
    pub(super) fn tell_last_words(&mut self, key: Key, effect: Effect<'_>) {
        let range = match effect {
            Effect::Subscribe(channel) => ChannelRange::new(channel, channel),
            Effect::SubscribeRange(range) => Some(range),
            _ => None,
        };
        let World { last_words, slots, counts, .. } = self;
        let (Some(range), Some(Some(slot))) = (range, slots.get(key.0 as usize)) else { return };
        let Receiver::Sink(sink) = &slot.receiver else { return };
        last_words.tell(key, range, |frame| {
            counts.delivered += 1;
            // There is a bound to all of it.
            sink.push(frame);
        });
        self.touch(key);
    }

    #[cfg(test)]
    pub(in crate::router) fn keeps_no_last_words(&self) -> bool {
        self.last_words.is_empty()
    }

    /// What goes up from now on is what somebody who has left wanted said, or comes of it.
    fn are_last_words(&self, are_said: bool) {
        if let Some(uplink) = &self.uplink {
            uplink.last_words(are_said);
        }
    }
}
