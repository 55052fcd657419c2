//! A role's place in the router: letting it act, and when it wants to act by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::pressure::{Fed, Gauge};
use super::{Effects, Haste, Role, RoleLost, Sink};

/// A role that is called this much too late was not awake: the whole process has stood still. What others have
/// sent it in time is read first, for as long as this at most.
const STALL: Duration = Duration::from_secs(1);

/// A role, and what the router has to know of it.
pub(super) struct Resident {
    /// `None` if it has panicked.
    role: Option<Box<dyn Role>>,
    /// A role that has panicked, until it is taken out to be dropped.
    lost: Option<Box<dyn Role>>,
    /// What the role's timer waits for.
    armed: Option<Instant>,
    /// Nothing that is due is done before then: the process has stood still.
    excused_until: Option<Instant>,
    /// The role has said that it has more to tell.
    has_more: bool,
    /// High while the role has more to tell than it should have taken on.
    gauge: Gauge,
    /// It has said so since whoever routes was told.
    is_filled: bool,
    /// Wakes the role's timer: there is a nearer deadline, or more to tell.
    wake: Arc<Notify>,
}

/// When a role wants to act by itself.
pub(super) struct Wish {
    pub(super) deadline: Option<Instant>,
    /// As soon as others have had their turn.
    pub(super) soon: bool,
}

impl Resident {
    pub(super) fn new(role: Box<dyn Role>) -> Self {
        Resident {
            role: Some(role),
            lost: None,
            armed: None,
            excused_until: None,
            has_more: false,
            gauge: Gauge::new(0, usize::MAX),
            is_filled: false,
            wake: Arc::default(),
        }
    }

    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// The role, to look at.
    pub(super) fn role(&self) -> Option<&dyn Role> {
        self.role.as_deref()
    }

    /// Lets the role act. If it panics it is lost, and what it had half done is forgotten.
    #[inline]
    pub(super) fn act<T>(
        &mut self,
        effects: &mut Effects,
        act: impl FnOnce(&mut dyn Role, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        let done = self.guarded(|role| act(role, &mut *effects));
        if done.is_err() {
            effects.clear();
        } else if effects.takes_more() {
            if effects.takes_full() {
                self.gauge.set(1);
                self.is_filled = true;
            }
            if !self.has_more {
                self.has_more = true;
                self.wake.notify_one();
            }
        }
        done
    }

    /// Has the socket wait that has given the role more to do than it should have taken on.
    #[inline]
    pub(super) fn note_full(&mut self, fed: &mut Fed) {
        if std::mem::take(&mut self.is_filled) {
            fed.note_filled(self.gauge.brake());
        }
    }

    /// Calls the role; if it panics it is lost, and nothing of it is looked at again.
    #[inline]
    fn guarded<T>(&mut self, call: impl FnOnce(&mut dyn Role) -> T) -> Result<T, RoleLost> {
        let role = self.role.as_deref_mut().ok_or(RoleLost)?;
        let done = catch_unwind(AssertUnwindSafe(|| call(role)));
        done.map_err(|_| {
            self.lost = self.role.take();
            RoleLost
        })
    }

    /// The role, if it has just panicked: to be dropped when the router is free, since whatever it owns goes with
    /// it.
    pub(super) fn take_lost(&mut self) -> Option<Box<dyn Role>> {
        self.lost.take()
    }

    /// The role has had a part in something that is over.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        haste: Haste,
        told: &mut Vec<Arc<dyn Sink>>,
    ) -> Result<Option<Instant>, RoleLost> {
        let (due, deadline) =
            self.guarded(|role| (role.settle(now, haste, told), role.next_deadline()))?;
        let deadline = self.excused(deadline);
        if deadline.is_some_and(|deadline| self.armed.is_none_or(|armed| deadline < armed)) {
            self.armed = deadline;
            self.wake.notify_one();
        }
        Ok(due)
    }

    /// When a deadline is to be looked at.
    fn excused(&self, deadline: Option<Instant>) -> Option<Instant> {
        let deadline = deadline?;
        Some(self.excused_until.map_or(deadline, |until| until.max(deadline)))
    }

    /// Lets the role do what is due, and at most `budget` steps of what it has still to tell.
    pub(super) fn go_on(
        &mut self,
        now: Instant,
        budget: usize,
        effects: &mut Effects,
    ) -> Result<(), RoleLost> {
        let had_more = self.has_more;
        // Whoever calls this asks for the wish afterwards: nobody has to be woken.
        self.has_more = true;
        let deadline = self.guarded(|role| role.next_deadline())?;
        let is_due = self.is_due(deadline, now);
        let has_more = self.act(effects, |role, out| {
            if is_due {
                role.on_deadline(now, out);
            }
            let has_more = had_more && role.resume(now, budget, out);
            has_more || out.says_more()
        })?;
        self.has_more = has_more;
        if !std::mem::take(&mut self.is_filled) {
            self.gauge.set(0);
        }
        Ok(())
    }

    /// Whether what is to be done at a deadline is to be done now.
    fn is_due(&mut self, deadline: Option<Instant>, now: Instant) -> bool {
        let Some(deadline) = deadline.filter(|deadline| *deadline <= now) else {
            return false;
        };
        match self.excused_until {
            Some(until) if until > now => return false,
            // The excuse was for this very stall.
            Some(until) if deadline + STALL < until => {}
            _ if now.duration_since(deadline) > STALL => {
                self.excused_until = Some(now + STALL);
                return false;
            }
            _ => {}
        }
        self.excused_until = None;
        true
    }

    /// When the role is to go on. Its timer waits for that from now on.
    pub(super) fn wish(&mut self) -> Result<Wish, RoleLost> {
        let deadline = self.guarded(|role| role.next_deadline())?;
        self.armed = self.excused(deadline);
        Ok(Wish { deadline: self.armed, soon: self.has_more })
    }
}
