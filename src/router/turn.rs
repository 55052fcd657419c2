//! How much of what a socket has brought is done in one hold of the router.
//!
//! What one read brings is done in microseconds, as a rule. But it can be a thousand objects to be made, or a thousand updates that
//! two hundred clients see each. So whoever does it looks now and then how long it has taken, and lets others
//! have their turn before it goes on.

use std::time::Duration;

use tokio::time::Instant;

/// After this, it is the others' turn.
const TURN_MAX: Duration = Duration::from_millis(4);
/// The clock is looked at once for so many deliveries: looking is as expensive as a cheap one.
const DELIVERIES_PER_LOOK: u64 = 64;

/// A hold of the router, in time.
#[derive(Debug)]
pub(super) struct Turn {
    since: Instant,
    limit: Duration,
    /// How many deliveries there had been at the last look.
    looked_at: u64,
}

impl Turn {
    pub(super) fn new() -> Self {
        Turn { since: Instant::now(), limit: TURN_MAX, looked_at: 0 }
    }

    /// With another limit than the usual one.
    #[cfg(test)]
    pub(super) const fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// The router is held from now on.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
        self.looked_at = 0;
    }

    /// For how long it has been held.
    #[inline]
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Whether others are to have their turn, after so many deliveries.
    #[inline]
    pub(super) fn is_over(&mut self, deliveries: u64) -> bool {
        if deliveries < self.looked_at + DELIVERIES_PER_LOOK {
            return false;
        }
        self.looked_at = deliveries;
        self.elapsed() >= self.limit
    }
}
