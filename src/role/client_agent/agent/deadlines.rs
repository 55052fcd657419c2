//! What has to happen at a certain time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::SessionKey;
use crate::ids::Context;

/// What a client may not go without for long.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Silence {
    /// Saying hello.
    Hello,
    /// Showing life.
    Heartbeat,
    /// Saying anything, as long as it has not logged in.
    Anonymous,
}

/// What a deadline is for.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// The client must not have been silent.
    Silence(SessionKey, Silence),
    /// A query must have been answered.
    Query(SessionKey, Context),
}

/// Deadlines by time.
///
/// None is ever taken out before its time: whoever it is for looks then whether it still stands, and
/// sets a later one if it was put off. So a heartbeat costs nothing here, and a session has one entry.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Deadlines {
    /// Sets a deadline.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// The earliest.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out one that is due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, timer))| timer)
    }
}
