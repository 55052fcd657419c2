//! Threads that tell receivers beside the one that routes.
//!
//! Most of what a daemon does for many clients is writing to them, and that needs no order among them. So with more than one thread
//! the others write: whoever routes and has no time left ([`super::strain`]) hands them those who are to be told, and reads and
//! routes on. As long as it has time it does all by itself, which costs less: each socket and each queue that another core turns to
//! has to be fetched from this one. When it comes with the next before they are done, it helps with what is left of the ones before: so
//! no more than one round waits, and nobody is idle while much is to be written.
//!
//! Routing itself, reading and all tasks stay on one thread. There is nobody with whom the router's lock is contended, a connection's
//! bytes are in the order in which they were routed, since they are pushed under that lock, and with one thread nothing is
//! done differently. To have several threads read and route, and queue up at the router, was tried before, and cost half as much
//! again for each message.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Sink;

/// Telling fewer than so many takes less than to wake somebody for it,
const MANY: usize = 8;
/// unless they are to be written so much.
const MUCH: usize = 64 * 1024;
/// So many are told by one before somebody looks for more.
const AT_ONCE: usize = 4;

/// Threads that tell receivers, until this is dropped. What they have been given is done then.
pub struct Writers {
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
}

/// Who is to be told.
#[derive(Default)]
struct Board {
    list: Mutex<List>,
    filled: Condvar,
    /// For how long threads have been telling, in nanoseconds, since somebody asked.
    busy: AtomicU64,
}

#[derive(Default)]
struct List {
    sinks: VecDeque<Arc<dyn Sink>>,
    is_over: bool,
}

impl Writers {
    /// Starts so many threads; none are needed on a daemon with one thread.
    ///
    /// # Errors
    /// If the system has none.
    pub fn start(count: usize) -> io::Result<Self> {
        let mut writers = Writers { board: Arc::default(), threads: Vec::new() };
        for number in 1..=count {
            let board = writers.board.clone();
            let thread = std::thread::Builder::new().name(format!("write-{number}"));
            writers.threads.push(thread.spawn(move || board.work())?);
        }
        Ok(writers)
    }

    /// Whether there are any.
    #[inline]
    pub(super) const fn are_there(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Tells them all, or has them told soon, if whoever calls this needs help. The memory can be used again.
    #[inline]
    pub(super) fn tell(&self, sinks: &mut Vec<Arc<dyn Sink>>, needs_help: bool) {
        if self.are_there() {
            self.help();
        }
        if !needs_help || !self.are_there() || !are_worth_it(sinks) {
            sinks.drain(..).for_each(|sink| sink.announce());
        } else {
            self.hand_over(sinks);
        }
    }

    /// Does what is left of what was handed over before.
    fn help(&self) {
        let mut some = Vec::new();
        while self.board.take(&mut some) {
            some.drain(..).for_each(|sink| sink.announce());
        }
    }

    fn hand_over(&self, sinks: &mut Vec<Arc<dyn Sink>>) {
        let woken = sinks.len().div_ceil(AT_ONCE).min(self.threads.len());
        self.board.list.lock().sinks.extend(sinks.drain(..));
        (0..woken).for_each(|_| {
            self.board.filled.notify_one();
        });
    }

    /// How many wait that nobody has in hand.
    #[cfg(test)]
    pub(super) fn untaken(&self) -> usize {
        self.board.list.lock().sinks.len()
    }

    /// For how long the threads have been telling since this was asked last.
    pub(super) fn take_busy(&self) -> Duration {
        if !self.are_there() {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.board.busy.swap(0, Ordering::Relaxed))
    }
}

fn are_worth_it(sinks: &[Arc<dyn Sink>]) -> bool {
    sinks.len() >= MANY || sinks.iter().map(|sink| sink.waiting()).sum::<usize>() >= MUCH
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.board.list.lock().is_over = true;
        self.board.filled.notify_all();
        for thread in self.threads.drain(..) {
            // It has panicked only if logging does: a receiver that panics costs nobody else.
            let _ = thread.join();
        }
    }
}

impl Board {
    /// Takes some of those who are to be told; whether there were any.
    fn take(&self, some: &mut Vec<Arc<dyn Sink>>) -> bool {
        let mut list = self.list.lock();
        let count = list.sinks.len().min(AT_ONCE);
        some.extend(list.sinks.drain(..count));
        count > 0
    }

    /// What a thread does.
    fn work(&self) {
        let mut some = Vec::with_capacity(AT_ONCE);
        while self.wait() {
            let began = Instant::now();
            while self.take(&mut some) {
                some.drain(..).for_each(|sink| sink.announce());
            }
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.busy.fetch_add(took, Ordering::Relaxed);
        }
    }

    /// Waits until somebody is to be told; `false` if nobody will be any more.
    fn wait(&self) -> bool {
        let mut list = self.list.lock();
        while list.sinks.is_empty() {
            if list.is_over {
                return false;
            }
            self.filled.wait(&mut list);
        }
        true
    }
}
