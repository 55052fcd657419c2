//! When receivers are told that there is something for them: the one place that decides it.
//!
//! Receivers are told once for many batches. When a hundred clients speak at the
//! same time, each read is a batch of its own, and whoever hears all of them would be written to a hundred
//! times. So they are told by a task: woken by the first batch, it runs when every socket that was ready
//! has been served, and each receiver gets all of it with one system call. A single message waits no longer
//! than the work that is ready anyway.
//!
//! A flood that is done in turns ([`super::turn`]) would be told turn by turn. As long as nobody else says anything
//! meanwhile, nobody gains by that, and each receiver would cost as many system calls as there are turns. So
//! the task lets it go on first, unless somebody else's batch is over by then, and only a few times. What it goes on with
//! is one read: in which order the two of them run is not known, and two reads at a time would be twice as much to be kept.
//!
//! What a role has for its clients may wait for more of it ([`Haste`](super::Haste)): it says until when, and is asked again then.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::busy::Busy;
use super::holds::Held;
use super::strain::Strain;
use super::told::{Told, clock};
use super::writers::Writers;
use super::{Key, Shared, quietly};
use crate::platform::process::thread_time;

/// How often whoever goes on with a flood comes before those who have got something of it are told.
const TURNS_MAX: u32 = 8;

#[derive(Default)]
pub(super) struct Flush {
    /// Somebody gathers.
    is_gathering: AtomicBool,
    filled: Notify,
    said: Mutex<Said>,
}

/// What has been said since receivers were told.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
enum Said {
    #[default]
    Nothing,
    /// By one alone.
    By(Option<Key>),
    /// By one alone, who goes on at once.
    AndGoesOn(Option<Key>),
    /// By several, or by one who went on and has come to an end, whatever comes after it.
    Enough,
}

impl Said {
    /// Somebody's batch is over.
    fn and(self, who: Option<Key>, goes_on: bool) -> Self {
        match self {
            Said::Enough => Said::Enough,
            Said::By(other) | Said::AndGoesOn(other) if other != who => Said::Enough,
            Said::AndGoesOn(_) if !goes_on => Said::Enough,
            _ if goes_on => Said::AndGoesOn(who),
            _ => Said::By(who),
        }
    }
}

impl Flush {
    /// A batch of somebody is over: its receivers are told now, or with others. If he `goes_on`, another batch of his
    /// follows at once.
    #[inline]
    pub(super) fn batch_is_over(
        &self,
        shared: &Shared,
        world: Held<'_>,
        who: Option<Key>,
        goes_on: bool,
    ) {
        if !world.has_touched() {
            return;
        }
        if self.is_gathering.load(Ordering::Relaxed) {
            drop(world);
            let mut said = self.said.lock();
            *said = said.and(who, goes_on);
            drop(said);
            self.filled.notify_one();
            return;
        }
        tell(shared, world, &mut Told::default(), None);
    }
}

/// How receivers are told together.
struct Together<'g> {
    busy: &'g Busy,
    writers: &'g Writers,
    needs_help: bool,
}

/// Has roles hand over what is to be written, and tells everybody when the router is free. When to do so again, if something
/// waits: nothing does if it is not known how busy it is.
fn tell(
    shared: &Shared,
    mut world: Held<'_>,
    told: &mut Told,
    together: Option<Together<'_>>,
) -> Option<Instant> {
    let due = world.settle(told, together.as_ref().map(|together| together.busy));
    let lost = world.take_lost();
    drop(world);
    match together {
        Some(Together { writers, needs_help, .. }) => told.announce_with(writers, needs_help),
        None => told.announce(),
    }
    shared.bury(lost);
    due
}

/// Tells receivers, until it is dropped. From then on each batch tells its own again.
pub(super) async fn gather(shared: &Shared, writers: Writers) {
    let _gathering = Gathering::new(shared);
    let mut told = Told::default();
    let mut busy = Busy::default();
    // What a thread has waited for a core does not count: more threads would not get it one.
    let mut strain = writers.are_there().then(|| Strain::new(clock(), thread_time()));
    let mut due = None;
    let mut alarm = pin!(tokio::time::sleep_until(tokio::time::Instant::now()));
    loop {
        match due {
            None => shared.flush.filled.notified().await,
            Some(due) => {
                let due = tokio::time::Instant::from_std(due);
                if alarm.deadline() != due {
                    alarm.as_mut().reset(due);
                }
                tokio::select! {
                    biased;
                    () = shared.flush.filled.notified() => {}
                    () = alarm.as_mut() => {}
                }
            }
        }
        for _ in 0..TURNS_MAX {
            if !matches!(*shared.flush.said.lock(), Said::AndGoesOn(_)) {
                break;
            }
            tokio::task::yield_now().await;
        }
        *shared.flush.said.lock() = Said::Nothing;
        let world = Held::to_flush(&shared.world);
        let is_high = |strain: &mut Strain| strain.is_high(clock(), thread_time);
        let needs_help = strain.as_mut().is_some_and(is_high);
        let together = Together { busy: &busy, writers: &writers, needs_help };
        due = tell(shared, world, &mut told, Some(together));
        if let Some(writing) = told.take_writing() {
            busy.note(writing, writers.take_busy());
        }
    }
}

/// While it exists, receivers are told together.
struct Gathering<'s> {
    shared: &'s Shared,
}

impl<'s> Gathering<'s> {
    fn new(shared: &'s Shared) -> Self {
        shared.flush.is_gathering.store(true, Ordering::Relaxed);
        Gathering { shared }
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.shared.flush.is_gathering.store(false, Ordering::Relaxed);
        let shared = self.shared;
        quietly(|| {
            tell(shared, Held::to_flush(&shared.world), &mut Told::default(), None);
        });
    }
}
