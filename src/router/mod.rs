//! The in-process channel router: every role and every link is a participant of it.
//!
//! # Contract
//! - A datagram reaches each participant at most once, however many of its recipients that
//!   participant listens to, and never the one that routed it.
//! - Subscribing takes effect before the call returns; what a role subscribes to because of a
//!   datagram takes effect before the next datagram is routed. So an object can be spoken to right
//!   after the message that creates it.
//! - What one participant routes reaches any other in that order. Causality holds: if A sends m1
//!   to C, then m2 to B, and B sends m3 to C because of m2, then C gets m1 before m3.
//! - Delivery never waits and never drops. Queues that fill up brake the sockets
//!   ([`Router::brake`]); what happens beyond that is the receiver's policy.
//!
//! # How
//! One lock guards table and roles, and whoever routes holds it for its [`Batch`]: a socket read's
//! worth of datagrams. There is no routing task, and a [`Role`] has none either: it handles a
//! datagram where it is routed, on the thread of whoever routes. What it routes in turn is queued
//! and routed after the current datagram has reached all its receivers. Sockets are written after
//! the lock is free again, once for each receiver: batches, not messages, pay for system calls, and
//! system calls, which cost most, run in parallel.
//!
//! **Invariant:** the order of locks is router, then a receiver's queue. A [`Sink`] or [`Role`] never
//! calls the router.

mod deferred;
mod effects;
mod inbox;
mod inspect;
mod post_remove;
mod pressure;
mod ranges;
mod role;
mod table;
#[cfg(test)]
mod tests;
mod world;

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

pub use effects::{Effect, Effects};
pub use inbox::Inbox;
pub use inspect::{Cursor, Item, Page, Query};
pub use pressure::{Gauge, Pressure};
pub use role::Role;
pub use table::{Change, Key, Table};
pub use world::PostRemovesOfAll;

use crate::ids::{Channel, ChannelRange};
use crate::wire::{Frame, Frames, Run};
use deferred::Deferred;
use world::{Receiver, World};

/// Whoever receives: a role's inbox, a link's outgoing queue.
pub trait Sink: Send + Sync {
    /// Takes a copy of a datagram. Called while the router is locked: it must not wait and must not
    /// call the router.
    fn push(&self, frame: Frame<'_>);

    /// Takes copies of several datagrams, in order.
    fn push_all(&self, frames: Frames<'_>) {
        frames.for_each(|frame| self.push(frame));
    }

    /// Says that the pushes of a batch are over. The router is free again by then.
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
    world: Mutex<World>,
    pressure: Arc<Pressure>,
    counters: Counters,
    deferred: Deferred,
    /// Cancelled when a role has panicked: the daemon cannot go on without it.
    role_lost: CancellationToken,
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

    /// An inbox for a role that has a task of its own, which brakes the sockets while it holds more
    /// than `mark` bytes.
    pub fn new_inbox(&self, mark: usize) -> Arc<Inbox> {
        Inbox::new(self.shared.pressure.clone(), mark)
    }

    /// A gauge for a queue of another kind.
    pub fn new_gauge(&self, mark: usize) -> Gauge {
        Gauge::new(self.shared.pressure.clone(), mark)
    }

    /// Takes in a participant: what it listens to is pushed to `sink`.
    pub fn join(&self, name: impl Into<String>, sink: Arc<dyn Sink>) -> Participant {
        let key = self.shared.world.lock().join(name.into(), Receiver::Sink(sink));
        Participant { router: self.clone(), key }
    }

    /// Takes in a role: it handles what it listens to where that is routed.
    pub fn join_role<R: Role>(&self, name: impl Into<String>, role: R) -> RoleParticipant<R> {
        let receiver = Receiver::Role(Some(Box::new(role)));
        let key = self.shared.world.lock().join(name.into(), receiver);
        RoleParticipant {
            participant: Participant { router: self.clone(), key },
            role: PhantomData,
        }
    }

    /// Sets the way out of the process. Subscriptions made before are told to it.
    pub fn set_uplink(&self, uplink: Arc<dyn Uplink>) {
        self.shared.world.lock().set_uplink(uplink);
    }

    /// Calls `with` with everything that a newly connected uplink must know, while nothing changes
    /// and nothing is routed: the subscriptions, and the post-removes of all participants.
    pub fn with_snapshot(
        &self,
        with: impl FnOnce(&mut dyn Iterator<Item = Change>, &PostRemovesOfAll<'_>),
    ) {
        self.shared.world.lock().with_snapshot(with);
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

    /// Tells receivers once for all batches of sockets that are ready at the same time, for as long as
    /// this runs. For runtimes with one thread.
    pub async fn gather_announcements(&self) {
        self.shared.deferred.run().await;
    }

    /// Waits until a role has panicked.
    pub async fn role_lost(&self) {
        self.shared.role_lost.cancelled().await;
    }

    /// How much has been routed.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The names of all participants.
    pub fn participants(&self) -> Vec<String> {
        self.shared.world.lock().names()
    }
}

/// A place in the router. Dropping it is leaving: all subscriptions end, then the post-removes are
/// routed, as coming from the one who leaves.
///
/// It must not be dropped by someone who holds a [`Batch`].
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
        self.router.shared.world.lock().rename(self.key, name.into());
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        let mut batch = self.batch();
        let receiver = batch.world().leave(self.key);
        drop(batch);
        // Outside of the lock: what the receiver owns may do anything when it goes.
        drop(receiver);
    }
}

/// The place of a role in the router, through which its shell reaches it.
pub struct RoleParticipant<R> {
    participant: Participant,
    role: PhantomData<fn() -> R>,
}

impl<R: Role> RoleParticipant<R> {
    /// Lets the role do something that no datagram asks for: a timer's, a client's, a backend's
    /// doing. Effects are applied in order, and what they cause is done when this returns.
    ///
    /// # Panics
    /// If the role has panicked before.
    pub fn turn<T>(&self, act: impl FnOnce(&mut R, &mut Effects) -> T) -> T {
        let mut batch = self.participant.batch();
        batch.world().turn(self.participant.key, act)
    }

    /// The plain participant.
    pub const fn participant(&self) -> &Participant {
        &self.participant
    }
}

/// What one participant does in one go. Receivers are told once, when it is dropped.
///
/// It keeps the router locked, so it must be dropped before waiting for anything; the compiler sees
/// to that in tasks, since it cannot be sent.
pub struct Batch<'r> {
    shared: &'r Shared,
    from: Option<Key>,
    /// Present until the batch is dropped.
    world: Option<MutexGuard<'r, World>>,
}

impl<'r> Batch<'r> {
    fn new(shared: &'r Shared, from: Option<Key>) -> Self {
        Batch { shared, from, world: Some(shared.world.lock()) }
    }

    /// Routes a datagram to everyone who listens to one of its recipients, and upstream; then what
    /// roles route because of it. Whether its recipients could be read at all.
    #[inline]
    pub fn route(&mut self, frame: Frame<'_>) -> bool {
        let from = self.from;
        self.world().route(frame, from)
    }

    /// As [`Batch::route`] for each of the frames: they have the same recipients, so that these are
    /// looked up once and queues get all of the frames at once.
    #[inline]
    pub fn route_run(&mut self, run: Run<'_>) -> bool {
        let from = self.from;
        self.world().route_run(run, from)
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

    /// Ends the subscription to a range of channels, and to all single ones in it.
    pub fn unsubscribe_range(&mut self, range: ChannelRange) {
        self.apply_one(Effect::UnsubscribeRange(range));
    }

    /// Keeps a datagram under `sender`, to be routed when the participant leaves.
    pub fn add_post_remove(&mut self, sender: Channel, frame: Frame<'_>) {
        self.apply_one(Effect::AddPostRemove(sender, frame));
    }

    /// Forgets the datagrams kept under `sender`.
    pub fn clear_post_removes(&mut self, sender: Channel) {
        self.apply_one(Effect::ClearPostRemoves(sender));
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
        self.world().change(key, effect);
    }

    fn world(&mut self) -> &mut World {
        self.world.as_mut().expect("present until dropped")
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut world = self.world.take().expect("dropped once");
        if world.role_lost() {
            self.shared.role_lost.cancel();
        }
        let told = world.settle();
        let counted = world.take_counts();
        drop(world);
        self.shared.deferred.announce(told);
        self.shared.counters.routed.fetch_add(counted.routed, Ordering::Relaxed);
        self.shared.counters.delivered.fetch_add(counted.delivered, Ordering::Relaxed);
    }
}
