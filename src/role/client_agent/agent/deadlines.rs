//! What has to happen at a certain time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::SessionKey;
use crate::ids::{Context, DoId};
use crate::script::TimerId;

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
    /// A client that is away must have come back.
    Away(SessionKey),
    /// Objects must have told all of themselves to a client that is back.
    Retelling(SessionKey),
    /// An object that a client has deleted must have been heard to be gone.
    Ending(SessionKey, DoId),
    /// A session object that was not found after a gap must have been heard of.
    Spared(SessionKey, DoId),
    /// A time of the script's own.
    Script(TimerId),
}

/// So many are not looked through, whatever they are.
const CROWD_MIN: usize = 1024;

/// Deadlines by time.
///
/// None is taken out by itself before its time: whoever it is for looks then whether it still stands, and
/// sets a later one if it was put off. So a heartbeat costs nothing here, and a session has one entry. Those that
/// stand no more, of sessions that have ended and queries that are over, are taken out together, each time that
/// there may be as many of them as of others.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    /// How many there were when they had last been taken out.
    standing: usize,
}

impl Deadlines {
    /// Sets a deadline.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// How many there are, with those that stand no more.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// How many are scripts'.
    #[cfg(test)]
    pub fn of_scripts(&self) -> usize {
        self.heap.iter().filter(|Reverse((_, timer))| matches!(timer, Timer::Script(_))).count()
    }

    /// Whether it is time for [`Deadlines::tidy`].
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.heap.len() > 2 * self.standing + CROWD_MIN
    }

    /// Takes out those that stand no more.
    pub fn tidy(&mut self, stands: impl Fn(Timer) -> bool) {
        self.heap.retain(|&Reverse((_, timer))| stands(timer));
        self.standing = self.heap.len();
        self.heap.shrink_to(2 * self.standing + CROWD_MIN);
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
