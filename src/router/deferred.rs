//! Telling receivers once for many batches.
//!
//! When a hundred clients speak at the same time, each read is a batch of its own, and whoever hears all
//! of them would be written to a hundred times. On a runtime with one thread, receivers are therefore
//! told by a task of its own: woken by the first batch, it runs when every socket that was ready has
//! been served, and each receiver gets all of it with one system call. A single message waits no longer
//! than the work that is ready anyway.
//!
//! With several threads the wake-up would cost more than it saves; there, each batch tells its own.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::world::Told;

#[derive(Default)]
pub(super) struct Deferred {
    /// Somebody collects.
    is_on: AtomicBool,
    told: Mutex<Vec<Told>>,
    filled: Notify,
}

impl Deferred {
    /// Tells the receivers of a batch now, or has them told.
    #[inline]
    pub(super) fn announce(&self, told: Told) {
        if told.is_empty() {
            return;
        }
        if !self.is_on.load(Ordering::Relaxed) {
            told.announce();
            return;
        }
        self.told.lock().push(told);
        self.filled.notify_one();
    }

    /// Tells receivers, until it is dropped. From then on each batch tells its own again.
    pub(super) async fn run(&self) {
        let _on = On::new(self);
        let mut batches = Vec::new();
        loop {
            self.filled.notified().await;
            std::mem::swap(&mut *self.told.lock(), &mut batches);
            batches.drain(..).for_each(Told::announce);
        }
    }
}

/// While it exists, announcements are collected.
struct On<'d> {
    deferred: &'d Deferred,
}

impl<'d> On<'d> {
    fn new(deferred: &'d Deferred) -> Self {
        deferred.is_on.store(true, Ordering::Relaxed);
        On { deferred }
    }
}

impl Drop for On<'_> {
    fn drop(&mut self) {
        self.deferred.is_on.store(false, Ordering::Relaxed);
        let left = std::mem::take(&mut *self.deferred.told.lock());
        left.into_iter().for_each(Told::announce);
    }
}
