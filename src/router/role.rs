//! Roles as the router sees them.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use super::{Cursor, Effects, Gap, Page, Query, Sink, Watch};
use crate::metrics::Figures;
use crate::wire::Envelope;

/// Who sent a datagram, as the role that gets it can tell.
///
/// A role is one participant and has many members: objects, sessions. What one of them sends may be for
/// another, or for the role itself, so it comes back to the role, with the member that must not get it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Another participant, or the uplink.
    Outside,
    /// The role itself.
    Role,
    /// A member of the role, by the number by which the role knows it.
    Member(u32),
}

/// A role that handles datagrams where they are routed, on the thread of whoever routes.
///
/// It must not wait: whatever takes time belongs into a task, which reports through
/// [`super::RoleParticipant::turn`]. It reads no clock: it is told the time. A panic in it ends the daemon.
pub trait Role: Any + Send {
    /// Handles a datagram that the role listens to, and appends what it wants done to `out`.
    /// Subscriptions take effect at once, datagrams are routed after all receivers have had this one.
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects);

    /// When [`Role::on_deadline`] has to be called, at the latest. Asked after whatever the role does.
    fn next_deadline(&mut self) -> Option<Instant> {
        None
    }

    /// Does what is due at `now`.
    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        let _ = (now, out);
    }

    /// Goes on with what the role has taken on and not told all of, which it said with
    /// [`Effects::go_on_later`]: at most `budget` steps of it. Whether there is still more. Others are served
    /// between two calls.
    fn resume(&mut self, now: Instant, budget: usize, out: &mut Effects) -> bool {
        let _ = (now, budget, out);
        false
    }

    /// Messages may have been missed, in both directions: what the role has derived from them may be wrong, and is to be
    /// compared with the cluster. What that takes for many is told by and by ([`Role::resume`]).
    fn gap(&mut self, now: Instant, gap: Gap, out: &mut Effects) {
        let _ = (now, gap, out);
    }

    /// The end of what the role had a part in: hands what is to be written to the sinks that write it.
    /// Each sink put into `told` is announced when the router is free again. If some of it had better wait, and there is
    /// time for that, until when: it is called again then, or earlier.
    fn settle(
        &mut self,
        now: Instant,
        haste: Haste,
        told: &mut Vec<Arc<dyn Sink>>,
    ) -> Option<Instant> {
        let _ = (now, haste, told);
        None
    }

    /// Tells figures about what the role holds, for whoever monitors the daemon: those that are known anyway at
    /// the first call, and what has to be looked for in at most `budget` entries from `cursor` on. Where to go on, if
    /// there is more.
    fn measure(&self, cursor: Cursor, budget: usize, figures: &mut Figures) -> Option<Cursor> {
        let _ = (cursor, budget, figures);
        None
    }

    /// Whose talk with the role is to be shown from now on: it is not routed. `None` if nobody's is.
    fn watch(&mut self, watch: Option<Arc<Watch>>) {
        let _ = watch;
    }

    /// Answers a question about what the role holds, from `cursor` on. It visits at most `budget` entries.
    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        let _ = (query, cursor, budget);
        Page::default()
    }
}

/// Whether what a role has to be written may wait for more of it.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Haste {
    /// Nothing may wait: the role is not asked again.
    Now,
    /// It may; writing to the clients of roles has taken this part of the time of late, from 0 to 1.
    Busy(f32),
}

/// A role is no more: it has panicked, which ends the daemon.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the role has panicked")]
pub struct RoleLost;
