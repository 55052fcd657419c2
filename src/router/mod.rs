//! The in-process channel router: every role and every link is a participant of it.
//!
//! # Contract
//! - A datagram reaches each participant at most once, however many of its recipients that
//!   participant listens to, and never the one that routed it.
//! - Subscribing takes effect before the call returns.
//! - What one participant routes reaches any other in that order. Causality holds: if A sends m1
//!   to C, then m2 to B, and B sends m3 to C because of m2, then C gets m1 before m3.
//! - Delivery never waits and never drops: it appends to the receiver's queue. Queues that fill up
//!   brake the sockets ([`Router::brake`]); what happens beyond that is the receiver's policy.
//!
//! Routing has no task of its own. The caller looks up and appends; at the end of its [`Batch`] each
//! receiver is told once. Batches, not messages, pay for wake-ups and system calls.
//!
//! **Invariant:** queues are appended to while the routing table is locked for reading, and a queue
//! never locks the table. So there is one order of locks: table, then queue.

mod inbox;
mod post_remove;
mod pressure;
mod ranges;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

pub use inbox::Inbox;
use post_remove::PostRemoves;
pub use pressure::{Gauge, Pressure};
pub use table::{Change, Key, Table};

use crate::ids::{Channel, ChannelRange};
use crate::role::{Effect, Effects};
use crate::wire::{Frame, Reader, Recipients};

/// Whoever receives: a role's inbox, a link's outgoing queue.
pub trait Sink: Send + Sync {
    /// Takes a copy of a datagram. Called while the routing table is locked: it must not wait and
    /// must not call the router.
    fn push(&self, frame: Frame<'_>);

    /// Says that the pushes of a batch are over.
    fn announce(&self);
}

/// The way out of this process, if there is one: hears of subscriptions and gets what is routed.
///
/// The same rules as for [`Sink`] hold.
pub trait Uplink: Send + Sync {
    /// The cluster has to send more, or less, here.
    fn change(&self, change: Change);

    /// Keeps a datagram at the other end, in case that this whole process is lost.
    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>);

    /// Has the datagrams kept under `sender` forgotten.
    fn clear_post_removes(&self, sender: Channel);

    /// A datagram that did not come from there.
    fn push(&self, frame: Frame<'_>);

    /// The pushes and changes of a batch are over.
    fn announce(&self);
}

struct Slot {
    name: String,
    sink: Arc<dyn Sink>,
    post_removes: PostRemoves,
}

#[derive(Default)]
struct State {
    table: Table,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    uplink: Option<Arc<dyn Uplink>>,
}

/// How much has been routed since the start.
#[derive(Debug, Default)]
pub struct Counters {
    routed: AtomicU64,
    delivered: AtomicU64,
}

impl Counters {
    /// Datagrams given to the router.
    pub fn routed(&self) -> u64 {
        self.routed.load(Ordering::Relaxed)
    }

    /// Copies handed to participants, the uplink not counted.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct Shared {
    state: RwLock<State>,
    pressure: Arc<Pressure>,
    counters: Counters,
}

/// A handle on the router; cheap to clone.
#[derive(Clone, Default)]
pub struct Router {
    shared: Arc<Shared>,
}

impl Router {
    /// A router without participants.
    pub fn new() -> Self {
        Self::default()
    }

    /// An inbox for a role, which brakes the sockets while it holds more than `mark` bytes.
    pub fn new_inbox(&self, mark: usize) -> Arc<Inbox> {
        Inbox::new(self.shared.pressure.clone(), mark)
    }

    /// A gauge for a queue of another kind.
    pub fn new_gauge(&self, mark: usize) -> Gauge {
        Gauge::new(self.shared.pressure.clone(), mark)
    }

    /// Takes in a participant: what it listens to is pushed to `sink`.
    pub fn join(&self, name: impl Into<String>, sink: Arc<dyn Sink>) -> Participant {
        let slot = Slot { name: name.into(), sink, post_removes: PostRemoves::default() };
        let mut state = self.shared.state.write();
        let index = match state.free.pop() {
            Some(index) => index,
            None => {
                state.slots.push(None);
                u32::try_from(state.slots.len() - 1).expect("fewer participants than 2^32")
            }
        };
        state.slots[index as usize] = Some(slot);
        Participant { router: self.clone(), key: Key(index) }
    }

    /// Sets the way out of the process. Subscriptions made before are told to it.
    pub fn set_uplink(&self, uplink: Arc<dyn Uplink>) {
        let mut state = self.shared.state.write();
        state.table.upstream = true;
        state.table.snapshot().for_each(|change| uplink.change(change));
        state.uplink = Some(uplink);
    }

    /// Calls `with` with everything that a newly connected uplink must know, while nothing changes
    /// and nothing is routed: the subscriptions, and the post-removes of all participants.
    pub fn with_snapshot(
        &self,
        with: impl FnOnce(&mut dyn Iterator<Item = Change>, &PostRemovesOfAll<'_>),
    ) {
        let state = self.shared.state.write();
        with(&mut state.table.snapshot(), &PostRemovesOfAll { slots: &state.slots });
    }

    /// A batch of what comes from the uplink: it is not sent back there.
    pub fn uplink_batch(&self) -> Batch<'_> {
        Batch::new(&self.shared, None)
    }

    /// To be called by whoever reads a socket, after each read has been routed: waits, for a bounded
    /// time, while some queue is above its mark.
    pub async fn brake(&self, bytes_read: usize) {
        self.shared.pressure.brake(bytes_read).await;
    }

    /// How much has been routed.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The names of all participants.
    pub fn participants(&self) -> Vec<String> {
        let state = self.shared.state.read();
        state.slots.iter().flatten().map(|slot| slot.name.clone()).collect()
    }
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

/// A place in the router. Dropping it is leaving: all subscriptions end, then the post-removes are
/// routed, as coming from the one who leaves.
pub struct Participant {
    router: Router,
    key: Key,
}

impl Participant {
    /// Begins a batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(&self.router.shared, Some(self.key))
    }

    /// Names the participant anew, for logs.
    pub fn rename(&self, name: impl Into<String>) {
        if let Some(slot) = &mut self.router.shared.state.write().slots[self.key.0 as usize] {
            slot.name = name.into();
        }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        let mut batch = Batch::new(&self.router.shared, Some(self.key));
        batch.change(|state, key, changes| state.table.leave(key, changes));
        let slot = self.router.shared.state.write().slots[self.key.0 as usize].take();
        let slot = slot.expect("a participant leaves once");
        for (sender, frames) in slot.post_removes.iter() {
            for frame in frames {
                batch.route(frame);
            }
            batch.clear_post_removes(sender);
        }
        drop(batch);
        // Only now may another get the key: until here it stood for the one who leaves.
        self.router.shared.state.write().free.push(self.key.0);
    }
}

/// What one participant does in one go. Receivers are told once, when it is dropped.
///
/// It keeps the routing table locked for reading between two calls, so it must be dropped before
/// waiting for anything; the compiler sees to that in tasks, since it cannot be sent.
pub struct Batch<'r> {
    shared: &'r Shared,
    from: Option<Key>,
    state: Option<RwLockReadGuard<'r, State>>,
    touched: Touched,
    changes: Vec<Change>,
    scratch: Vec<Key>,
    routed: u64,
    delivered: u64,
}

impl<'r> Batch<'r> {
    const fn new(shared: &'r Shared, from: Option<Key>) -> Self {
        Batch {
            shared,
            from,
            state: None,
            touched: Touched { seen: Vec::new(), sinks: Vec::new(), uplink: None },
            changes: Vec::new(),
            scratch: Vec::new(),
            routed: 0,
            delivered: 0,
        }
    }

    /// Routes a datagram to everyone who listens to one of its recipients, and upstream.
    /// Whether its recipients could be read at all.
    #[inline]
    pub fn route(&mut self, frame: Frame<'_>) -> bool {
        let Ok(recipients) = Recipients::read(&mut Reader::new(frame.datagram())) else {
            return false;
        };
        let Batch { shared, from, state, touched, scratch, delivered, .. } = self;
        let State { table, slots, uplink, .. } =
            &**state.get_or_insert_with(|| shared.state.read());
        table.listeners(recipients.iter(), *from, scratch, |key| {
            if let Some(slot) = &slots[key.0 as usize] {
                slot.sink.push(frame);
                touched.note(key, &slot.sink);
                *delivered += 1;
            }
        });
        if let (Some(uplink), Some(_)) = (uplink, from) {
            uplink.push(frame);
            touched.note_uplink(uplink);
        }
        self.routed += 1;
        true
    }

    /// Subscribes to one channel.
    pub fn subscribe(&mut self, channel: Channel) {
        self.change(|state, key, changes| state.table.subscribe(key, channel, changes));
    }

    /// Ends the subscription to one channel.
    pub fn unsubscribe(&mut self, channel: Channel) {
        self.change(|state, key, changes| state.table.unsubscribe(key, channel, changes));
    }

    /// Subscribes to a range of channels.
    pub fn subscribe_range(&mut self, range: ChannelRange) {
        self.change(|state, key, changes| state.table.subscribe_range(key, range, changes));
    }

    /// Ends the subscription to a range of channels, and to all single ones in it.
    pub fn unsubscribe_range(&mut self, range: ChannelRange) {
        self.change(|state, key, changes| state.table.unsubscribe_range(key, range, changes));
    }

    /// Keeps a datagram under `sender`, to be routed when the participant leaves.
    pub fn add_post_remove(&mut self, sender: Channel, frame: Frame<'_>) {
        self.change(|state, key, _| {
            if let Some(slot) = &mut state.slots[key.0 as usize] {
                slot.post_removes.add(sender, frame);
            }
            if let Some(uplink) = &state.uplink {
                uplink.add_post_remove(sender, frame);
            }
        });
    }

    /// Forgets the datagrams kept under `sender`.
    pub fn clear_post_removes(&mut self, sender: Channel) {
        self.change(|state, key, _| {
            if let Some(slot) = &mut state.slots[key.0 as usize] {
                slot.post_removes.clear(sender);
            }
            if let Some(uplink) = &state.uplink {
                uplink.clear_post_removes(sender);
            }
        });
    }

    /// Does what a role's core wants done, in order.
    pub fn apply(&mut self, effects: &Effects) {
        for effect in effects.iter() {
            match effect {
                Effect::Route(frame) => {
                    self.route(frame);
                }
                Effect::Subscribe(channel) => self.subscribe(channel),
                Effect::Unsubscribe(channel) => self.unsubscribe(channel),
                Effect::SubscribeRange(range) => self.subscribe_range(range),
                Effect::AddPostRemove(sender, frame) => self.add_post_remove(sender, frame),
                Effect::ClearPostRemoves(sender) => self.clear_post_removes(sender),
            }
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut State, Key, &mut Vec<Change>)) {
        let key = self.from.expect("the uplink subscribes to nothing");
        self.state = None;
        let mut state = self.shared.state.write();
        change(&mut state, key, &mut self.changes);
        if let Some(uplink) = &state.uplink {
            self.changes.iter().for_each(|&change| uplink.change(change));
            self.touched.note_uplink(uplink);
        }
        self.changes.clear();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.state = None;
        self.touched.announce();
        self.shared.counters.routed.fetch_add(self.routed, Ordering::Relaxed);
        self.shared.counters.delivered.fetch_add(self.delivered, Ordering::Relaxed);
    }
}

/// Who got something in a batch: each once.
struct Touched {
    /// A bit for each key.
    seen: Vec<u64>,
    sinks: Vec<Arc<dyn Sink>>,
    uplink: Option<Arc<dyn Uplink>>,
}

impl Touched {
    #[inline]
    fn note(&mut self, key: Key, sink: &Arc<dyn Sink>) {
        let (word, bit) = (key.0 as usize / 64, 1 << (key.0 % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            self.sinks.push(sink.clone());
        }
    }

    #[inline]
    fn note_uplink(&mut self, uplink: &Arc<dyn Uplink>) {
        if self.uplink.is_none() {
            self.uplink = Some(uplink.clone());
        }
    }

    fn announce(&self) {
        self.sinks.iter().for_each(|sink| sink.announce());
        if let Some(uplink) = &self.uplink {
            uplink.announce();
        }
    }
}
