//! How long the router is held, and by whom.
//!
//! While one holds it, everybody else waits: so each hold in which a role may act is measured, from the lock to its end. What is known of
//! holds is guarded by the lock that they hold, so that noting one costs nothing but two looks at the clock.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::Key;
use super::world::World;
use crate::metrics::Times;

/// A hold that is longer than this is worth a warning.
const LONG: Duration = Duration::from_millis(5);
const LONGER: Duration = Duration::from_millis(50);
const VERY_LONG: Duration = Duration::from_millis(500);

/// What has been noted of all holds of the router.
#[derive(Clone, Default, Debug)]
pub struct Holds {
    times: Times,
    longest: Duration,
    most: Work,
}

/// What is done in a hold.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Work {
    /// Datagrams that were routed, those of roles included.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Subscriptions that were cleaned up, of those who have left and of whole ranges.
    pub cleaned: u64,
    /// Subscriptions and post-removes that a new connection to the upstream was told.
    pub told: u64,
}

/// A long hold.
struct Warning {
    held: Duration,
    who: String,
    work: Work,
}

impl Holds {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.times.count()
    }

    /// How long all took.
    pub const fn times(&self) -> &Times {
        &self.times
    }

    /// The longest.
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The most that was done in one: each figure may be another hold's.
    pub const fn most(&self) -> Work {
        self.most
    }

    /// A time that `share` of all holds do not exceed, to a factor of two: 0.99 for the 99th percentile.
    pub fn percentile(&self, share: f64) -> Duration {
        self.times.percentile(share).min(self.longest)
    }

    /// Says how long the router was held, when the daemon ends.
    pub fn log(&self) {
        let micros = |share| u64::try_from(self.percentile(share).as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(
            holds = self.count(),
            p50_us = micros(0.5),
            p99_us = micros(0.99),
            p999_us = micros(0.999),
            longest_us = micros(1.0),
            datagrams_max = self.most.datagrams,
            bytes_max = self.most.bytes,
            "how long the router was held"
        );
    }

    #[inline]
    fn note(&mut self, held: Duration, work: Work) {
        self.times.note(held);
        self.longest = self.longest.max(held);
        self.most.datagrams = self.most.datagrams.max(work.datagrams);
        self.most.bytes = self.most.bytes.max(work.bytes);
        self.most.cleaned = self.most.cleaned.max(work.cleaned);
        self.most.told = self.most.told.max(work.told);
    }
}

/// Who holds the router.
#[derive(Copy, Clone, Debug)]
pub(super) enum Holder {
    Participant(Key),
    Upstream,
    /// Roles hand over what is to be written.
    Flush,
    /// What somebody has left behind is cleaned up.
    Cleaning,
}

/// The router's lock, held.
pub(super) struct Held<'r> {
    /// Present until it is dropped.
    world: Option<MutexGuard<'r, World>>,
    holder: Holder,
    is_measured: bool,
}

impl<'r> Held<'r> {
    #[inline]
    pub(super) fn new(world: &'r Mutex<World>, holder: Holder) -> Self {
        let mut world = world.lock();
        world.turn.begin();
        Held { world: Some(world), holder, is_measured: true }
    }

    /// To have written what has been routed. If that is only to note a few queues, it is not measured: looking at
    /// the clock twice would take as long.
    #[inline]
    pub(super) fn to_flush(world: &'r Mutex<World>) -> Self {
        let mut world = world.lock();
        let is_measured = !world.are_few_queues_touched();
        if is_measured {
            world.turn.begin();
        }
        Held { world: Some(world), holder: Holder::Flush, is_measured }
    }
}

impl std::ops::Deref for Held<'_> {
    type Target = World;

    #[inline]
    fn deref(&self) -> &World {
        self.world.as_deref().expect("present until dropped")
    }
}

impl std::ops::DerefMut for Held<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut World {
        self.world.as_deref_mut().expect("present until dropped")
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let mut world = self.world.take().expect("dropped once");
        if !self.is_measured {
            return;
        }
        let held = world.turn.elapsed();
        let work = world.take_work();
        world.holds.note(held, work);
        let warning = (held >= LONG).then(|| Warning::new(&world, self.holder, held, work));
        drop(world);
        if let Some(warning) = warning {
            warning.log();
        }
    }
}

impl Warning {
    #[cold]
    fn new(world: &World, holder: Holder, held: Duration, work: Work) -> Self {
        let who = match holder {
            Holder::Participant(key) => world.name_of(key).unwrap_or("one who has left"),
            Holder::Upstream => "upstream",
            Holder::Flush => "handing over to connections",
            Holder::Cleaning => "cleaning up after one who has left",
        };
        Warning { held, who: who.to_owned(), work }
    }

    fn log(&self) {
        let Warning { held, ref who, work } = *self;
        let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
        macro_rules! say {
            () => {
                tracing::warn!(
                    who,
                    datagrams = work.datagrams,
                    bytes = work.bytes,
                    cleaned = work.cleaned,
                    told = work.told,
                    held_ms,
                    "the router was held for {held_ms} ms"
                )
            };
        }
        // Of each place in the code that logs only some lines are written: a much longer hold is not left out because
        // of shorter ones before it.
        if held >= VERY_LONG {
            say!();
        } else if held >= LONGER {
            say!();
        } else {
            say!();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_factor_of_two() {
        let mut holds = Holds::default();
        assert_eq!(holds.percentile(0.5), Duration::ZERO);
        (0..99).for_each(|_| holds.note(Duration::from_micros(10), Work::default()));
        holds.note(Duration::from_millis(3), Work { datagrams: 7, ..Work::default() });
        assert_eq!(holds.count(), 100);
        assert_eq!(holds.percentile(0.99), Duration::from_nanos(1 << 14));
        assert_eq!(holds.percentile(1.0), Duration::from_millis(3));
        assert_eq!(holds.most().datagrams, 7);
        holds.note(Duration::MAX, Work::default());
        assert_eq!(holds.longest(), Duration::MAX);
    }
}
