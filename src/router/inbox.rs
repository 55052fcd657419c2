//! A role's inbox.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Sink;
use super::pressure::{Gauge, Pressure};
use crate::wire::Frame;

/// Memory that an emptied inbox keeps.
const KEPT_BYTES: usize = 1 << 20;

/// What has been delivered to a role and not been taken by it: frames, one after the other, in one
/// buffer.
///
/// Filled by whoever routes, emptied whole by the role's task, which is woken once a batch. Above its
/// mark it brakes the sockets ([`super::Router::brake`]); nothing is ever dropped.
#[derive(Debug)]
pub struct Inbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug)]
struct Queue {
    frames: Vec<u8>,
    gauge: Gauge,
}

impl Inbox {
    pub(super) fn new(pressure: Arc<Pressure>, mark: usize) -> Arc<Self> {
        let queue = Queue { frames: Vec::new(), gauge: Gauge::new(pressure, mark) };
        Arc::new(Inbox { queue: Mutex::new(queue), filled: Notify::new() })
    }

    /// Waits until there is something, and swaps all of it into `into`, whose old content is
    /// forgotten and whose memory is used again. Read it with [`crate::wire::Frames`].
    ///
    /// Cancelling loses nothing.
    pub async fn recv(&self, into: &mut Vec<u8>) {
        loop {
            if self.try_recv(into) {
                return;
            }
            self.filled.notified().await;
        }
    }

    /// As [`Inbox::recv`], without waiting; whether there was anything.
    pub fn try_recv(&self, into: &mut Vec<u8>) -> bool {
        let mut queue = self.queue.lock();
        if queue.frames.is_empty() {
            return false;
        }
        into.clear();
        if into.capacity() > KEPT_BYTES {
            *into = Vec::new();
        }
        std::mem::swap(&mut queue.frames, into);
        queue.gauge.set(0);
        true
    }
}

impl Sink for Inbox {
    #[inline]
    fn push(&self, frame: Frame<'_>) {
        let mut queue = self.queue.lock();
        queue.frames.extend_from_slice(frame.bytes());
        let bytes = queue.frames.len();
        queue.gauge.set(bytes);
    }

    #[inline]
    fn announce(&self) {
        self.filled.notify_one();
    }
}
