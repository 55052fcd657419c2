//! Handing a datagram to all who listen, and upstream.

use super::{Receiver, Slot, World};
use crate::ids::Channel;
use crate::router::{Key, Load, Origin, Uplink};
use crate::wire::{Envelope, Frame, Frames, Recipients};

/// What has been found out about the only recipient of a datagram. What a role routes at a time is often for the same
/// one, such as what a client has to say to an UberDOG.
#[derive(Copy, Clone, Default, Debug)]
pub(super) struct Last<T> {
    /// With the version of the table, since it holds as long as nothing changes.
    found: Option<(Channel, u64, T)>,
}

impl<T: Copy> Last<T> {
    /// The same as for the last datagram, if it had the same recipient; or else what is found.
    #[inline]
    pub(super) fn or_find(
        &mut self,
        recipients: Recipients<'_>,
        version: u64,
        find: impl FnOnce() -> T,
    ) -> T {
        let only = recipients.only();
        match self.found {
            Some((channel, at, found)) if Some(channel) == only && at == version => found,
            _ => {
                let found = find();
                self.found = only.map(|channel| (channel, version, found));
                found
            }
        }
    }
}

impl World {
    /// Puts everyone but `except` who listens to one of the recipients into the list of listeners.
    #[inline]
    pub(super) fn find_listeners(&mut self, recipients: Recipients<'_>, except: Option<Key>) {
        self.table.listeners(recipients.iter(), except, &mut self.listeners);
    }

    fn is_high(&mut self, key: Key) {
        if let Some(slot) = &mut self.slots[key.0 as usize]
            && !std::mem::replace(&mut slot.is_high, true)
        {
            self.high.push(key);
        }
    }

    pub(super) fn are_queues_only(&self) -> bool {
        !self.listeners.iter().any(|&key| self.is_role(key))
    }

    /// Hands the frames to the queues in the list of listeners, and upstream, and shows them to whoever looks.
    pub(super) fn deliver_to_queues(&mut self, frames: Frames<'_>, from: Option<Key>) {
        let count = frames.clone().count() as u64;
        let listeners = std::mem::take(&mut self.listeners);
        let mut is_for_here = false;
        self.counts.routed += count;
        self.work.bytes += frames.remaining().len() as u64;
        for &key in &listeners {
            self.touch(key);
            let Some(Slot { receiver: Receiver::Sink(sink), .. }) = &self.slots[key.0 as usize]
            else {
                // Whoever has left may still be in the table.
                continue;
            };
            is_for_here = true;
            self.counts.delivered += count;
            if sink.push_all(frames.clone()) == Load::High {
                self.is_high(key);
            }
        }
        self.listeners = listeners;
        if !self.is_overheard {
            return;
        }
        if !self.taps.is_empty() {
            self.show(frames.clone(), from);
        }
        // What comes from above does not wait, and is somebody else's there.
        if self.spoken_for.is_noted() && from.is_some() {
            self.note_senders(frames.clone());
        }
        self.push_up(from, is_for_here, |uplink| uplink.push_all(frames));
    }

    /// Hands a datagram to all in the list of listeners, and upstream, and shows it to whoever looks.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        frame: Frame<'_>,
        recipients: Recipients<'_>,
        from: Option<Key>,
    ) {
        if self.is_overheard {
            self.deliver_overheard(frame, recipients, from);
        } else {
            self.deliver_here(frame, recipients);
        }
    }

    #[inline(never)]
    fn deliver_overheard(
        &mut self,
        frame: Frame<'_>,
        recipients: Recipients<'_>,
        from: Option<Key>,
    ) {
        // Before anything comes of it.
        if !self.taps.is_empty() {
            self.show_one(frame, from);
        }
        let is_for_here = self.deliver_here(frame, recipients);
        // What comes from above does not wait, and is somebody else's there.
        if self.spoken_for.is_noted() && from.is_some() {
            self.note_senders(Frames::new(frame.bytes()));
        }
        self.push_up(from, is_for_here, |uplink| uplink.push(frame));
    }

    /// Hands a datagram to all in the list of listeners; whether anybody is there.
    #[inline]
    pub(super) fn deliver_here(&mut self, frame: Frame<'_>, recipients: Recipients<'_>) -> bool {
        let mut is_for_here = false;
        self.counts.routed += 1;
        self.work.bytes += frame.bytes().len() as u64;
        // Read once, for the first role that gets it.
        let mut envelope = None;
        // Nobody looks for listeners before this is done.
        for place in 0..self.listeners.len() {
            let key = self.listeners[place];
            // Whoever has left may still be in the table.
            let Some(slot) = &mut self.slots[key.0 as usize] else { continue };
            if !std::mem::replace(&mut slot.touched, true) {
                self.touched.push(key);
            }
            is_for_here = true;
            self.counts.delivered += 1;
            if let Receiver::Sink(sink) = &slot.receiver {
                if sink.push(frame) == Load::High && !slot.is_high {
                    slot.is_high = true;
                    self.high.push(key);
                }
                continue;
            }
            let read = || Envelope::read_after(recipients, frame.datagram());
            match envelope.get_or_insert_with(read) {
                Ok(envelope) => {
                    // A role that is lost takes nothing, and has said so.
                    let _ = self.act(key, |role, now, out| {
                        role.handle(now, Origin::Outside, envelope, out);
                    });
                }
                Err(error) => {
                    tracing::warn!(receiver = slot.name, %error, "truncated datagram");
                }
            }
        }
        is_for_here
    }

    /// Every datagram goes up, but only who speaks to nobody here pays if there is no room.
    #[inline]
    pub(super) fn push_up(
        &mut self,
        from: Option<Key>,
        is_for_here: bool,
        push: impl FnOnce(&dyn Uplink) -> Load,
    ) {
        if let (Some(uplink), Some(_)) = (&self.uplink, from) {
            self.uplink_touched = true;
            if push(&**uplink) == Load::High && !is_for_here {
                self.uplink_is_high = true;
            }
        }
    }

    /// Notes for what those have to wait who have fed queues above their marks.
    #[inline]
    pub(super) fn note_high(&mut self) {
        if !self.high.is_empty() || self.uplink_is_high {
            self.note_brakes();
        }
    }

    #[inline(never)]
    fn note_brakes(&mut self) {
        for key in self.high.drain(..) {
            // The place may be another's by now.
            if let Some(slot) = &mut self.slots[key.0 as usize]
                && std::mem::take(&mut slot.is_high)
                && let Receiver::Sink(sink) = &slot.receiver
                && let Some(brake) = sink.brake()
            {
                self.fed.note(&brake);
            }
        }
        if std::mem::take(&mut self.uplink_is_high)
            && let Some(brake) = self.uplink.as_ref().and_then(|uplink| uplink.brake())
        {
            self.fed.note(&brake);
        }
    }
}
