//! The in-process channel router: every role and every link is a participant of it.
//!
//! # Contract
//! - A datagram reaches each participant at most once, however many of its recipients that
//!   participant listens to, and never the one that routed it. A role gets what one of its own members routed
//!   ([`Origin`]), and has to leave that one out.
//! - Subscribing takes effect before the call returns; what a role subscribes to because of a
//!   datagram takes effect before the next datagram is routed. So an object can be spoken to right
//!   after the message that creates it.
//! - What one participant routes reaches any other in that order. Causality holds: if A sends m1
//!   to C, then m2 to B, and B sends m3 to C because of m2, then C gets m1 before m3.
//! - Delivery never waits. Queues that fill up brake the sockets that feed them ([`Fed`]); what happens beyond
//!   that is the receiver's policy.
//!
//! # How
//! One lock guards table and roles, and whoever routes holds it for its [`Batch`]: a socket read's
//! worth of datagrams. There is no routing task, and a [`Role`] has none either: it handles a
//! datagram where it is routed, on the thread of whoever routes. What its members send to one another is given
//! back to it at once; what it routes in turn is queued and routed after the current datagram has reached all its receivers. Sockets are written after
//! the lock is free again, once for each receiver: batches, not messages, pay for system calls, and
//! system calls, which cost most, run in parallel. When that is, is decided in one place, `flush`.
//!
//! **Invariant:** the order of locks is router, then a receiver's queue. A [`Sink`] or [`Role`] never
//! calls the router.

mod alone;
mod batch;
mod busy;
mod cleaning;
mod effects;
mod ending;
mod flush;
mod gap;
mod holds;
mod inbox;
mod inspect;
mod last_words;
mod leaving;
mod measure;
mod overview;
mod participant;
mod post_remove;
mod pressure;
mod ranges;
mod resident;
mod role;
mod spoken_for;
mod strain;
mod table;
mod tap;
#[cfg(test)]
mod tests;
mod told;
mod turn;
mod world;
mod writers;

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use alone::Alone;
pub use batch::Batch;
pub use effects::{Effect, Effects};
pub use gap::Gap;
pub use holds::{Holds, Work};
pub use inbox::Inbox;
pub use inspect::{Cursor, Item, Page, Query, Traffic};
pub use overview::Listener;
pub use participant::{Participant, RoleParticipant};
pub use pressure::{Brake, FLOOD_BYTES, Fed, Gauge, Load};
pub use role::{Haste, Origin, Role, RoleLost};
pub use table::{Change, Key, Table};
pub use tap::{Overhear, Overhearing, Tap, Watch};
pub use writers::Writers;

use crate::hash::Seed;
use crate::ids::Channel;
use crate::message::Timing;
use crate::metrics::Figures;
use crate::wire::{Frame, Frames};
use flush::Flush;
use holds::{Held, Holder};
use resident::Resident;
use world::{Counts, Receiver, World};

/// Whoever receives: a role's inbox, a link's outgoing queue.
pub trait Sink: Send + Sync {
    /// Takes a copy of a datagram. Called while the router is locked: it must not wait and must not
    /// call the router.
    fn push(&self, frame: Frame<'_>) -> Load;

    /// Takes copies of several datagrams, in order.
    fn push_all(&self, frames: Frames<'_>) -> Load {
        frames.fold(Load::Fine, |_, frame| self.push(frame))
    }

    /// What those wait for who have fed it while its load is high; `None` if nobody is to wait.
    fn brake(&self) -> Option<Arc<Brake>> {
        None
    }

    /// How many bytes are to be written when it is told.
    fn waiting(&self) -> usize {
        0
    }

    /// Tells how much waits. Called while the router is locked.
    fn measure(&self, _figures: &mut Figures) {}

    /// Says that the pushes of a batch are over. The router is free again by then. Whoever says so does it for many: it
    /// must not panic.
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

    /// It has been told everything that there is, after a beginning: [`Router::begin_to_tell_uplink`].
    fn told(&self) {}

    /// A datagram that did not come from there.
    fn push(&self, frame: Frame<'_>) -> Load;

    /// Several of them, in order.
    fn push_all(&self, frames: Frames<'_>) -> Load {
        frames.fold(Load::Fine, |_, frame| self.push(frame))
    }

    /// What is pushed from now on is what somebody who has left wanted said, until this is called again with `false`:
    /// if something has to be dropped, it is dropped last.
    fn last_words(&self, _are_said: bool) {}

    /// What somebody who has left wanted said, to be told as that.
    fn push_last_words(&self, _said: Said, frame: Frame<'_>) -> Load {
        self.push(frame)
    }

    /// As [`Sink::brake`], for those whose datagrams nobody here has got: all others are not to pay for a link
    /// that gets everything.
    fn brake(&self) -> Option<Arc<Brake>> {
        None
    }

    /// Tells how much waits, and whether there is a connection. Called while the router is locked.
    fn measure(&self, _figures: &mut Figures) {}

    /// The pushes and changes of a batch are over.
    fn announce(&self);
}

/// Whose last words are said, and when.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Under whom they were kept.
    pub sender: Channel,
    /// Whether it is late for them.
    pub timing: Timing,
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

    fn count(&self, counts: &Counts) {
        self.routed.fetch_add(counts.routed, Ordering::Relaxed);
        self.delivered.fetch_add(counts.delivered, Ordering::Relaxed);
    }
}

struct Shared {
    world: Mutex<World>,
    counters: Counters,
    flush: Flush,
    /// There is something to be cleaned up: see [`Router::clean`].
    dirty: Notify,
    /// Cancelled when a role, or the router itself, has panicked: the daemon cannot go on without it.
    broken: CancellationToken,
}

impl Shared {
    #[inline]
    fn hold(&self, holder: Holder) -> Held<'_> {
        Held::new(&self.world, holder)
    }

    /// Drops roles that have panicked, while the router is free: what they own may do anything when it goes.
    fn bury(&self, lost: Vec<Box<dyn Role>>) {
        if !lost.is_empty() {
            self.broken.cancel();
            lost.into_iter().for_each(|role| quietly(|| drop(role)));
        }
    }
}

/// Does something in a destructor, which must not panic: it may run because something else has, and the process
/// would be aborted. A panic has been logged.
pub(crate) fn quietly(act: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(act));
}

/// A handle on the router; cheap to clone.
#[derive(Clone)]
pub struct Router {
    shared: Arc<Shared>,
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

impl Router {
    /// A router without participants.
    pub fn new() -> Self {
        Self::with_seed(Seed::random())
    }

    /// As [`Router::new`], with the seed of its tables.
    pub fn with_seed(seed: Seed) -> Self {
        let shared = Shared {
            world: Mutex::new(World::new(seed)),
            counters: Counters::default(),
            flush: Flush::default(),
            dirty: Notify::new(),
            broken: CancellationToken::new(),
        };
        Router { shared: Arc::new(shared) }
    }

    /// Takes in a participant: what it listens to is pushed to `sink`.
    pub fn join(&self, name: impl Into<String>, sink: Arc<dyn Sink>) -> Participant {
        let key = self.shared.world.lock().join(name.into(), Receiver::Sink(sink));
        Participant { router: self.clone(), key }
    }

    /// Takes in a role: it handles what it listens to where that is routed.
    pub fn join_role<R: Role>(&self, name: impl Into<String>, mut role: R) -> RoleParticipant<R> {
        let name = name.into();
        let mut world = self.shared.world.lock();
        if let watch @ Some(_) = world.watch_of(&name) {
            role.watch(watch);
        }
        let resident = Resident::new(Box::new(role));
        let wake = resident.wake();
        let key = world.join(name, Receiver::Role(resident));
        drop(world);
        let participant = Participant { router: self.clone(), key };
        RoleParticipant { participant, wake, role: PhantomData }
    }

    /// Sets the way out of the process. Subscriptions made before are told to it.
    pub fn set_uplink(&self, uplink: Arc<dyn Uplink>) {
        self.shared.hold(Holder::Upstream).set_uplink(uplink);
    }

    /// Begins to tell the uplink, which is newly connected, everything that it must know: the subscriptions, and the
    /// post-removes of all participants. `begin` is called first, while nothing is routed. What changes meanwhile is told,
    /// too. Its end is said with [`Uplink::told`]; if this has not been all, [`Router::tell_uplink`] goes on.
    pub fn begin_to_tell_uplink(&self, begin: impl FnOnce()) {
        Batch::new(&self.shared, None, None).work(|world| {
            begin();
            world.begin_telling();
        });
    }

    /// Says that the connection upstream is lost, with all that its other end has kept for those here. `part` takes back from it what
    /// has not been sent, while nothing is routed, and says of whom that is; `None` if nothing had been sent there yet that was
    /// routed.
    pub fn lose_uplink<T>(
        &self,
        part: impl FnOnce() -> Option<(T, Option<Vec<Channel>>)>,
    ) -> Option<T> {
        Batch::new(&self.shared, None, None).work(|world| {
            let (parted, senders) = part()?;
            world.uplink_is_lost(senders);
            Some(parted)
        })
    }

    /// Says that there was a loss further up, of which nothing waits here.
    pub fn uplink_was_lost(&self) {
        let lose = |world: &mut World| world.uplink_is_lost(Some(Vec::new()));
        Batch::new(&self.shared, None, None).work(lose);
    }

    /// Says that whoever was spoken for at the last loss has ended by now.
    pub fn forget_senders(&self) {
        self.shared.world.lock().forget_senders();
    }

    /// Tells the uplink what it has not been told yet, with the turns of others in between.
    pub async fn tell_uplink(&self) {
        while self.tell_uplink_some() {
            tokio::task::yield_now().await;
        }
    }

    fn tell_uplink_some(&self) -> bool {
        Batch::new(&self.shared, None, None).work(World::tell_some)
    }

    /// A batch of what comes from the uplink: it is not sent back there.
    pub fn uplink_batch<'b>(&'b self, fed: &'b mut Fed) -> Batch<'b> {
        Batch::new(&self.shared, None, Some(fed))
    }

    /// Tells receivers once for all batches of sockets that are ready at the same time, for as long as
    /// this runs, with the help of other threads. For runtimes with one thread.
    pub async fn gather_announcements(&self, writers: Writers) {
        flush::gather(&self.shared, writers).await;
    }

    /// Waits until a role, or the router itself, has panicked.
    pub async fn broken(&self) {
        self.shared.broken.cancelled().await;
    }

    /// Has a role panic.
    #[cfg(test)]
    pub(crate) fn fail_role(&self, role: Key) {
        let fail = |_: &mut dyn Role, _, _: &mut Effects| panic!("as it was told");
        let _: Result<(), _> =
            Batch::new(&self.shared, Some(role), None).work(|world| world.turn(role, fail));
    }

    /// Has whoever routes let others have their turn as often as possible.
    #[cfg(test)]
    pub(crate) fn take_short_turns(&self) {
        self.shared.world.lock().turn.set_limit(std::time::Duration::ZERO);
    }

    /// How much has been routed.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// How long it has been held.
    pub fn holds(&self) -> Holds {
        self.shared.world.lock().holds.clone()
    }

    /// The roles that are here, with their names.
    pub fn roles(&self) -> Vec<(Key, String)> {
        self.shared.world.lock().roles()
    }

    /// Asks one of the [`Router::roles`] about what it holds; see [`Role::inspect`].
    ///
    /// # Errors
    /// If there is no such role any more.
    pub fn inspect(
        &self,
        role: Key,
        query: &Query,
        cursor: Cursor,
        budget: usize,
    ) -> Result<Page, RoleLost> {
        self.shared.world.lock().inspect(role, query, cursor, budget).ok_or(RoleLost)
    }

    /// The names of all participants.
    pub fn participants(&self) -> Vec<String> {
        self.shared.world.lock().names()
    }
}
