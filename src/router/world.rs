//! What the router's lock guards: who is there, who listens to what, and what is under way.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::post_remove::PostRemoves;
use super::table::{Change, Key, Table};
use super::{Effect, Effects, Role, Sink, Uplink};
use crate::ids::Channel;
use crate::wire::{Frame, Reader, Recipients, Run};

/// How a participant gets its datagrams.
pub(super) enum Receiver {
    /// Through a queue.
    Sink(Arc<dyn Sink>),
    /// At once. `None` while it is at work: a role that panics is not put back.
    Role(Option<Box<dyn Role>>),
}

struct Slot {
    name: String,
    receiver: Receiver,
    post_removes: PostRemoves,
    /// It has got something in this batch.
    touched: bool,
}

/// What happened in a batch, for the counters.
#[derive(Copy, Clone, Default)]
pub(super) struct Counts {
    pub(super) routed: u64,
    pub(super) delivered: u64,
}

/// Who has to be told that a batch is over.
#[derive(Default)]
pub(super) struct Told {
    sinks: Vec<Arc<dyn Sink>>,
    uplink: Option<Arc<dyn Uplink>>,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.sinks.is_empty() && self.uplink.is_none()
    }

    pub(super) fn announce(self) {
        self.sinks.iter().for_each(|sink| sink.announce());
        if let Some(uplink) = self.uplink {
            uplink.announce();
        }
    }
}

#[derive(Default)]
pub(super) struct World {
    table: Table,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    uplink: Option<Arc<dyn Uplink>>,
    /// What roles want routed, in the order in which they wanted it.
    pending: VecDeque<(Key, Effects)>,
    touched: Vec<Key>,
    uplink_touched: bool,
    now: Option<Instant>,
    counts: Counts,
    /// The role that is at work: still set when a batch ends, it has panicked.
    at_work: Option<Key>,
    // Memory that is used again.
    effects: Effects,
    spare: Vec<Effects>,
    listeners: Vec<Key>,
    scratch: Vec<Key>,
    changes: Vec<Change>,
}

/// The post-removes of all participants.
pub struct PostRemovesOfAll<'s> {
    slots: &'s [Option<Slot>],
}

impl PostRemovesOfAll<'_> {
    /// Each datagram with the sender under which it is kept.
    pub fn iter(&self) -> impl Iterator<Item = (Channel, Frame<'_>)> {
        let of_slots = self.slots.iter().flatten().flat_map(|slot| slot.post_removes.iter());
        of_slots.flat_map(|(sender, frames)| frames.map(move |frame| (sender, frame)))
    }
}

impl World {
    pub(super) fn join(&mut self, name: String, receiver: Receiver) -> Key {
        let slot = Slot { name, receiver, post_removes: PostRemoves::default(), touched: false };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer participants than 2^32")
        });
        self.slots[index as usize] = Some(slot);
        Key(index)
    }

    /// Ends a participant's part: its subscriptions, then its post-removes are routed and cleared.
    pub(super) fn leave(&mut self, key: Key) -> Option<Receiver> {
        self.table.leave(key, &mut self.changes);
        self.tell_changes();
        let slot = self.slots[key.0 as usize].take()?;
        for (sender, frames) in slot.post_removes.iter() {
            for frame in frames {
                self.route(frame, Some(key));
            }
            if let Some(uplink) = &self.uplink {
                uplink.clear_post_removes(sender);
                self.uplink_touched = true;
            }
        }
        self.touched.retain(|touched| *touched != key);
        self.free.push(key.0);
        Some(slot.receiver)
    }

    pub(super) fn rename(&mut self, key: Key, name: String) {
        if let Some(slot) = &mut self.slots[key.0 as usize] {
            slot.name = name;
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.slots.iter().flatten().map(|slot| slot.name.clone()).collect()
    }

    pub(super) fn set_uplink(&mut self, uplink: Arc<dyn Uplink>) {
        self.table.upstream = true;
        self.table.snapshot().for_each(|change| uplink.change(change));
        self.uplink = Some(uplink);
    }

    pub(super) fn with_snapshot(
        &self,
        with: impl FnOnce(&mut dyn Iterator<Item = Change>, &PostRemovesOfAll<'_>),
    ) {
        with(&mut self.table.snapshot(), &PostRemovesOfAll { slots: &self.slots });
    }

    /// Routes a datagram and then, in order, what roles want routed because of it.
    #[inline]
    pub(super) fn route(&mut self, frame: Frame<'_>, from: Option<Key>) -> bool {
        let readable = self.deliver(frame, from);
        self.route_pending();
        readable
    }

    /// Routes frames that are for the same recipients.
    pub(super) fn route_run(&mut self, run: Run<'_>, from: Option<Key>) -> bool {
        if run.is_single() || !self.is_for_queues_only(run, from) {
            // What a role routes because of a frame comes before the next frame.
            return run.frames().fold(true, |_, frame| self.route(frame, from));
        }
        let frames = run.frames().count() as u64;
        let listeners = std::mem::take(&mut self.listeners);
        self.counts.routed += frames;
        self.counts.delivered += frames * listeners.len() as u64;
        for &key in &listeners {
            self.touch(key);
            if let Some(Slot { receiver: Receiver::Sink(sink), .. }) = &self.slots[key.0 as usize] {
                sink.push_all(run.frames());
            }
        }
        self.listeners = listeners;
        if let (Some(uplink), Some(_)) = (&self.uplink, from) {
            run.frames().for_each(|frame| uplink.push(frame));
            self.uplink_touched = true;
        }
        true
    }

    /// Finds the listeners of a run; whether none of them is a role.
    fn is_for_queues_only(&mut self, run: Run<'_>, from: Option<Key>) -> bool {
        self.find_listeners(run.first(), from)
            && self.listeners.iter().all(|key| {
                let slot = &self.slots[key.0 as usize];
                !matches!(slot, Some(Slot { receiver: Receiver::Role(_), .. }))
            })
    }

    /// Lets a role act without a datagram.
    pub(super) fn turn<R: Role, T>(
        &mut self,
        key: Key,
        act: impl FnOnce(&mut R, &mut Effects) -> T,
    ) -> T {
        let mut role = self.take_role(key).expect("the role has panicked before");
        let concrete = (&mut *role as &mut dyn Any).downcast_mut::<R>();
        let result = act(concrete.expect("a role keeps its type"), &mut self.effects);
        self.put_back(key, role);
        self.touch(key);
        self.route_pending();
        result
    }

    /// Subscribes, unsubscribes, and keeps or forgets post-removes.
    pub(super) fn change(&mut self, key: Key, effect: Effect<'_>) {
        let World { table, changes, .. } = self;
        match effect {
            Effect::Subscribe(channel) => table.subscribe(key, channel, changes),
            Effect::Unsubscribe(channel) => table.unsubscribe(key, channel, changes),
            Effect::SubscribeRange(range) => table.subscribe_range(key, range, changes),
            Effect::UnsubscribeRange(range) => table.unsubscribe_range(key, range, changes),
            Effect::AddPostRemove(sender, frame) => {
                self.post_removes(key, |kept| kept.add(sender, frame));
                if let Some(uplink) = &self.uplink {
                    uplink.add_post_remove(sender, frame);
                    self.uplink_touched = true;
                }
            }
            Effect::ClearPostRemoves(sender) => {
                self.post_removes(key, |kept| kept.clear(sender));
                if let Some(uplink) = &self.uplink {
                    uplink.clear_post_removes(sender);
                    self.uplink_touched = true;
                }
            }
            Effect::Route(_) => unreachable!("routing is not a change"),
        }
        self.tell_changes();
    }

    /// Whether a role has panicked in this batch.
    pub(super) fn role_lost(&mut self) -> bool {
        self.at_work.take().is_some()
    }

    /// Ends a batch: roles hand over what is to be written. Whom to tell when the lock is free.
    pub(super) fn settle(&mut self) -> Told {
        let mut told = Told::default();
        for key in self.touched.drain(..) {
            let Some(slot) = &mut self.slots[key.0 as usize] else { continue };
            slot.touched = false;
            match &mut slot.receiver {
                Receiver::Sink(sink) => told.sinks.push(sink.clone()),
                Receiver::Role(Some(role)) => {
                    let now = *self.now.get_or_insert_with(clock);
                    role.settle(now, &mut told.sinks);
                }
                Receiver::Role(None) => {}
            }
        }
        if std::mem::take(&mut self.uplink_touched) {
            told.uplink.clone_from(&self.uplink);
        }
        self.now = None;
        told
    }

    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Hands a datagram to everyone who listens to one of its recipients, and upstream.
    #[inline]
    fn deliver(&mut self, frame: Frame<'_>, from: Option<Key>) -> bool {
        self.counts.routed += 1;
        if !self.find_listeners(frame, from) {
            return false;
        }
        let listeners = std::mem::take(&mut self.listeners);
        self.counts.delivered += listeners.len() as u64;
        for &key in &listeners {
            self.hand_over(frame, key);
        }
        self.listeners = listeners;
        if let (Some(uplink), Some(_)) = (&self.uplink, from) {
            uplink.push(frame);
            self.uplink_touched = true;
        }
        true
    }

    /// Puts everyone but `from` who listens to a recipient of `frame` into the list of listeners.
    /// Whether the recipients can be read.
    #[inline]
    fn find_listeners(&mut self, frame: Frame<'_>, from: Option<Key>) -> bool {
        let Ok(recipients) = Recipients::read(&mut Reader::new(frame.datagram())) else {
            return false;
        };
        let World { table, listeners, scratch, .. } = self;
        listeners.clear();
        table.listeners(recipients.iter(), from, scratch, |key| listeners.push(key));
        true
    }

    #[inline]
    fn hand_over(&mut self, frame: Frame<'_>, key: Key) {
        let Some(slot) = &mut self.slots[key.0 as usize] else { return };
        if !slot.touched {
            slot.touched = true;
            self.touched.push(key);
        }
        match &mut slot.receiver {
            Receiver::Sink(sink) => sink.push(frame),
            Receiver::Role(role) => {
                let Some(mut role) = role.take() else { return };
                let now = *self.now.get_or_insert_with(clock);
                self.at_work = Some(key);
                role.handle(now, frame.datagram(), &mut self.effects);
                self.put_back(key, role);
            }
        }
    }

    fn take_role(&mut self, key: Key) -> Option<Box<dyn Role>> {
        let slot = self.slots[key.0 as usize].as_mut()?;
        let Receiver::Role(role) = &mut slot.receiver else { return None };
        self.at_work = Some(key);
        role.take()
    }

    /// After a role has acted: subscriptions take effect, datagrams wait for their turn.
    fn put_back(&mut self, key: Key, role: Box<dyn Role>) {
        self.at_work = None;
        if let Some(slot) = &mut self.slots[key.0 as usize] {
            slot.receiver = Receiver::Role(Some(role));
        }
        if self.effects.is_empty() {
            return;
        }
        let next = self.spare.pop().unwrap_or_default();
        let effects = std::mem::replace(&mut self.effects, next);
        let mut routes = false;
        for effect in effects.iter() {
            match effect {
                Effect::Route(_) => routes = true,
                change => self.change(key, change),
            }
        }
        if routes {
            self.pending.push_back((key, effects));
        } else {
            self.recycle(effects);
        }
    }

    fn route_pending(&mut self) {
        while let Some((key, effects)) = self.pending.pop_front() {
            for effect in effects.iter() {
                if let Effect::Route(frame) = effect {
                    self.deliver(frame, Some(key));
                }
            }
            self.recycle(effects);
        }
    }

    fn recycle(&mut self, mut effects: Effects) {
        effects.clear();
        self.spare.push(effects);
    }

    fn touch(&mut self, key: Key) {
        if let Some(slot) = &mut self.slots[key.0 as usize]
            && !slot.touched
        {
            slot.touched = true;
            self.touched.push(key);
        }
    }

    fn post_removes(&mut self, key: Key, change: impl FnOnce(&mut PostRemoves)) {
        if let Some(slot) = &mut self.slots[key.0 as usize] {
            change(&mut slot.post_removes);
        }
    }

    fn tell_changes(&mut self) {
        if let Some(uplink) = &self.uplink
            && !self.changes.is_empty()
        {
            self.changes.iter().for_each(|&change| uplink.change(change));
            self.uplink_touched = true;
        }
        self.changes.clear();
    }
}

/// Tokio's clock, which tests can stop.
fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
