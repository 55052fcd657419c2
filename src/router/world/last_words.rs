//! What those who have left wanted said: to all who are there, and to daemons below that are back.

use super::{Receiver, Unreadable, World};
use crate::ids::{Channel, ChannelRange};
use crate::router::{Effect, Key};
use crate::wire::{Frame, Recipients};

impl World {
    /// Routes what somebody who has left had kept under `sender`, and what roles want routed because of it. It is kept for
    /// daemons that are away.
    ///
    /// # Errors
    /// If the recipients cannot be read: nobody gets it.
    pub(in crate::router) fn say_last_words(
        &mut self,
        sender: Channel,
        frame: Frame<'_>,
        from: Option<Key>,
    ) -> Result<(), Unreadable> {
        let recipients = Recipients::of(frame.datagram()).map_err(|_| Unreadable)?;
        self.are_last_words(true);
        self.find_listeners(recipients, from);
        if self.last_words.are_kept() {
            let now = self.now();
            self.last_words.keep(now, sender, frame, from, &self.listeners);
        }
        let is_for_here = self.deliver_here(frame, recipients);
        self.push_up(from, is_for_here, |uplink| uplink.push_last_words(sender, frame));
        self.route_pending();
        self.are_last_words(false);
        Ok(())
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
        if !self.keepers.of(sender).is_empty() {
            tracing::info!(%sender, "somebody here speaks as a sender whose post-removes were sent meanwhile; dropped");
            return Ok(());
        }
        self.say_last_words(sender, frame, None)
    }

    /// A daemon is at the other end of a link.
    pub(in crate::router) fn daemon_is_here(&mut self, key: Key, epoch: u64) {
        let now = self.now();
        self.last_words.hello(now, key, epoch);
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
