//! Places in the router.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::resident::Wish;
use super::told::clock;
use super::{Batch, Cursor, Effects, Fed, Key, Page, Query, Role, RoleLost, Router, quietly};

/// How much of what it has still to tell a role tells between two batches of others.
const RESUME_BUDGET: usize = 256;

/// A place in the router. Dropping it is leaving: all subscriptions end, then the post-removes are
/// routed, as coming from the one who leaves.
///
/// It must not be dropped by someone who holds a [`Batch`].
pub struct Participant {
    pub(super) router: Router,
    pub(super) key: Key,
}

impl Participant {
    /// Begins a batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(&self.router.shared, Some(self.key), None)
    }

    /// Begins a batch of what a socket has brought: which queues are above their marks is noted in `fed`, which
    /// the socket is braked with.
    pub fn batch_feeding<'b>(&'b self, fed: &'b mut Fed) -> Batch<'b> {
        Batch::new(&self.router.shared, Some(self.key), Some(fed))
    }

    /// Goes on with ending a range that has very many of the participant's single channels in it, in a batch of its
    /// own; whether there is more of that. What it says next is to wait for it.
    pub fn go_on(&self) -> bool {
        self.batch().work(|world| world.go_on_ending(self.key))
    }

    /// Whether something is kept for its end.
    pub fn keeps_post_removes(&self) -> bool {
        self.router.shared.world.lock().keeps_post_removes(self.key)
    }

    /// Its place. It is nobody else's as long as this is here.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// Names the participant anew, for logs.
    pub fn rename(&self, name: impl Into<String>) {
        self.router.shared.world.lock().rename(self.key, name.into());
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        quietly(|| {
            let mut batch = self.batch();
            let (receiver, is_clean) =
                batch.work(|world| (world.leave(self.key), !world.has_to_clean()));
            drop(batch);
            if !is_clean {
                self.router.shared.dirty.notify_one();
            }
            // Outside of the lock: what the receiver owns may do anything when it goes.
            drop(receiver);
        });
    }
}

/// The place of a role in the router, through which its shell reaches it.
pub struct RoleParticipant<R> {
    pub(super) participant: Participant,
    pub(super) wake: Arc<Notify>,
    pub(super) role: PhantomData<fn() -> R>,
}

impl<R: Role> RoleParticipant<R> {
    /// Lets the role do something that no datagram asks for: a client's or a backend's doing. It is told the
    /// time. Effects are applied in order, and what they cause is done when this returns.
    ///
    /// # Errors
    /// If the role panics, or has done so before. Nothing of what it was about to do is done then.
    pub fn turn<T>(
        &self,
        act: impl FnOnce(&mut R, Instant, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        self.turn_in(self.participant.batch(), act)
    }

    /// As [`RoleParticipant::turn`], for what a socket has brought: see [`Participant::batch_feeding`].
    ///
    /// # Errors
    /// As [`RoleParticipant::turn`].
    pub fn turn_feeding<T>(
        &self,
        fed: &mut Fed,
        act: impl FnOnce(&mut R, Instant, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        self.turn_in(self.participant.batch_feeding(fed), act)
    }

    fn turn_in<T>(
        &self,
        mut batch: Batch<'_>,
        act: impl FnOnce(&mut R, Instant, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        batch.work(|world| {
            world.turn(self.participant.key, |role, now, out| {
                let concrete = (role as &mut dyn Any).downcast_mut::<R>();
                act(concrete.expect("a role keeps its type"), now, out)
            })
        })
    }

    /// Calls the role when its deadline is due, and lets it go on with what it has taken on, until `shutdown`.
    /// Every role's shell runs this.
    pub async fn drive(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let deadline = match self.go_on() {
                Ok(Wish { soon: true, .. }) => {
                    // Whatever wakes this meanwhile, the others have their turn first.
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Wish { deadline: Some(at), .. }) if at <= clock() => {
                    // A time that is over is not waited for, and whoever is behind with his must not keep the others.
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Wish { deadline, .. }) => deadline,
                Err(RoleLost) => None,
            };
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = self.wake.notified() => {}
                () = due => {}
            }
        }
    }

    fn go_on(&self) -> Result<Wish, RoleLost> {
        let key = self.participant.key;
        self.participant.batch().work(|world| world.go_on(key, RESUME_BUDGET))
    }

    /// Asks the role about what it holds; see [`Role::inspect`].
    ///
    /// # Errors
    /// If the role has panicked.
    pub fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Result<Page, RoleLost> {
        self.participant.router.inspect(self.participant.key, query, cursor, budget)
    }

    /// The plain participant.
    pub const fn participant(&self) -> &Participant {
        &self.participant
    }
}
