//! How much of what a socket has brought is done in one hold of the router.
//!
//! What one read brings is done in microseconds, as a rule. But it can be a thousand objects to be made, or a thousand updates that
//! two hundred clients see each. So whoever does it looks now and then how long it has taken, and lets others
//! have their turn before it goes on.

use std::time::Duration;

use tokio::time::Instant;

/// After this, it is the others' turn.
const TURN_MAX: Duration = Duration::from_millis(4);
/// The clock is looked at once for so much: looking is as expensive as a cheap delivery, which is one. So is a control
/// message.
const LOAD_PER_LOOK: u64 = 64;
/// What a role hands to so many of its own is as much as a delivery.
const MEMBERS_PER_DELIVERY: usize = 16;
/// Who has had so much done has had more done than usual.
const MUCH: u64 = 16;
const MANY_BYTES: u64 = 4 * 1024;

/// A hold of the router, in time.
#[derive(Debug)]
pub(super) struct Turn {
    since: Instant,
    limit: Duration,
    /// What has been done since the last look, apart from deliveries.
    load: u64,
    /// With so many deliveries, and what else has been done, the clock is looked at again.
    look_at: u64,
    is_over: bool,
}

impl Turn {
    pub(super) fn new() -> Self {
        Turn {
            since: Instant::now(),
            limit: TURN_MAX,
            load: 0,
            look_at: LOAD_PER_LOOK,
            is_over: false,
        }
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
        self.load = 0;
        self.look_at = LOAD_PER_LOOK;
        self.is_over = false;
    }

    /// For how long it has been held.
    #[inline]
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// For how long it has been held, if that is to be known: after so many deliveries, of so many bytes.
    #[inline]
    pub(super) fn took(&self, deliveries: u64, bytes: u64) -> Duration {
        let is_much = deliveries + self.load >= MUCH || bytes >= MANY_BYTES;
        if is_much { self.elapsed() } else { Duration::ZERO }
    }

    /// A role has handed something to so many of its own.
    #[inline]
    pub(super) const fn note_members(&mut self, members: usize) {
        self.load += (members / MEMBERS_PER_DELIVERY) as u64;
    }

    /// Something has been done that may have taken long by itself.
    #[inline]
    pub(super) const fn note_much(&mut self) {
        self.load += LOAD_PER_LOOK;
    }

    /// Whether others are to have their turn, after so many deliveries and another message.
    #[inline]
    pub(super) fn is_over(&mut self, deliveries: u64) -> bool {
        self.load += 1;
        if deliveries + self.load >= self.look_at {
            self.look(deliveries);
        }
        self.is_over
    }

    fn look(&mut self, deliveries: u64) {
        self.look_at = deliveries + LOAD_PER_LOOK;
        self.load = 0;
        self.is_over = self.elapsed() >= self.limit;
    }
}
