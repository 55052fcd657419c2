//! Handing a datagram to all who listen, and upstream.

use super::{Receiver, Slot, World};
use crate::router::{Key, Load, Origin, Uplink};
use crate::wire::{Envelope, Frame, Frames, Recipients, Run};

impl World {
    /// Puts everyone but `except` who listens to one of the recipients into the list of listeners.
    #[inline]
    pub(super) fn find_listeners(&mut self, recipients: Recipients<'_>, except: Option<Key>) {
        let World { table, listeners, scratch, .. } = self;
        listeners.clear();
        table.listeners(recipients.iter(), except, scratch, |key| listeners.push(key));
    }

    pub(super) fn are_queues_only(&self) -> bool {
        let is_role = |key: &Key| {
            let slot = &self.slots[key.0 as usize];
            matches!(slot, Some(Slot { receiver: Receiver::Role(_), .. }))
        };
        !self.listeners.iter().any(is_role)
    }

    /// Hands the frames to the queues in the list of listeners, and upstream.
    pub(super) fn deliver_to_queues(&mut self, run: Run<'_>, from: Option<Key>) {
        let frames = run.frames().count() as u64;
        let listeners = std::mem::take(&mut self.listeners);
        let mut is_for_here = false;
        self.counts.routed += frames;
        self.work.bytes += run.frames().remaining().len() as u64;
        for &key in &listeners {
            self.touch(key);
            let Some(Slot { receiver: Receiver::Sink(sink), .. }) = &self.slots[key.0 as usize]
            else {
                // Whoever has left may still be in the table.
                continue;
            };
            is_for_here = true;
            self.counts.delivered += frames;
            if sink.push_all(run.frames()) == Load::High
                && let Some(brake) = sink.brake()
            {
                self.fed.note(&brake);
            }
        }
        self.listeners = listeners;
        // What comes from above does not wait, and is somebody else's there.
        if self.spoken_for.is_noted() && from.is_some() {
            self.note_senders(run.frames());
        }
        self.push_up(from, is_for_here, |uplink| uplink.push_all(run.frames()));
    }

    /// Hands a datagram to all in the list of listeners, and upstream.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        frame: Frame<'_>,
        recipients: Recipients<'_>,
        from: Option<Key>,
    ) {
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
        let listeners = std::mem::take(&mut self.listeners);
        let mut is_for_here = false;
        self.counts.routed += 1;
        self.work.bytes += frame.bytes().len() as u64;
        // Read once, for the first role that gets it.
        let mut envelope = None;
        for &key in &listeners {
            self.touch(key);
            // Whoever has left may still be in the table.
            let Some(slot) = &mut self.slots[key.0 as usize] else { continue };
            is_for_here = true;
            self.counts.delivered += 1;
            if let Receiver::Sink(sink) = &slot.receiver {
                if sink.push(frame) == Load::High
                    && let Some(brake) = sink.brake()
                {
                    self.fed.note(&brake);
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
        self.listeners = listeners;
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
            if push(&**uplink) == Load::High
                && !is_for_here
                && let Some(brake) = uplink.brake()
            {
                self.fed.note(&brake);
            }
        }
    }
}
