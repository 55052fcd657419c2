//! Roles as the router sees them.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use super::{Effects, Sink};

/// A role that handles datagrams where they are routed, on the thread of whoever routes.
///
/// It must not wait: whatever takes time belongs into a task, which reports through
/// [`super::RoleParticipant::turn`]. A panic in it ends the daemon.
pub trait Role: Any + Send {
    /// Handles a datagram that the role listens to, and appends what it wants done to `out`.
    /// Subscriptions take effect at once, datagrams are routed after all receivers have had this one.
    fn handle(&mut self, now: Instant, datagram: &[u8], out: &mut Effects);

    /// The end of a batch in which the role had a part: hands what is to be written to the sinks
    /// that write it. Each sink put into `told` is announced when the router is free again.
    fn settle(&mut self, now: Instant, told: &mut Vec<Arc<dyn Sink>>) {
        let _ = (now, told);
    }
}
