//! A role's inbox.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Sink;
use super::pressure::{Brake, Gauge, Load};
use crate::metrics::{self, Figures};
use crate::wire::Frame;

/// Memory that an emptied inbox keeps.
const KEPT_BYTES: usize = 1 << 20;

/// What has been delivered to a role and not been taken by it: frames, one after the other, in one
/// buffer.
///
/// Filled by whoever routes, emptied whole by the role's task, which is woken once a batch. Above its
/// mark it brakes the sockets that feed it ([`super::Fed`]). Some cannot be braked: links that carry the
/// datagrams of many. What they bring above the limit is lost, which is said and counted.
#[derive(Debug)]
pub struct Inbox {
    name: String,
    bytes_max: usize,
    brake: Arc<Brake>,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug)]
struct Queue {
    frames: Vec<u8>,
    gauge: Gauge,
    /// Datagrams lost since it was emptied last.
    lost: u64,
}

impl Inbox {
    /// An inbox that brakes above `mark` bytes, and takes no more than `bytes_max`. `name` is for the log.
    pub fn new(name: impl Into<String>, mark: usize, bytes_max: usize) -> Arc<Self> {
        let gauge = Gauge::new(mark, bytes_max);
        Arc::new(Inbox {
            name: name.into(),
            bytes_max,
            brake: gauge.brake().clone(),
            queue: Mutex::new(Queue { frames: Vec::new(), gauge, lost: 0 }),
            filled: Notify::new(),
        })
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
        let lost = std::mem::take(&mut queue.lost);
        drop(queue);
        if lost > 0 {
            tracing::error!(receiver = self.name, lost, "takes datagrams again; some were dropped");
        }
        true
    }
}

impl Sink for Inbox {
    #[inline]
    fn push(&self, frame: Frame<'_>) -> Load {
        let mut queue = self.queue.lock();
        let bytes = queue.frames.len() + frame.bytes().len();
        if bytes > self.bytes_max {
            queue.lost += 1;
            metrics::DROPPED.one(&["inbox"]);
            if queue.lost == 1 {
                tracing::error!(receiver = self.name, "is too slow; datagrams are dropped");
            }
            return Load::High;
        }
        queue.frames.extend_from_slice(frame.bytes());
        queue.gauge.set(bytes)
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        Some(self.brake.clone())
    }

    fn measure(&self, figures: &mut Figures) {
        let waiting = self.queue.lock().frames.len() as u64;
        figures.add(&metrics::QUEUE_BYTES, &["database"], waiting);
        figures.at_least(&metrics::QUEUE_LONGEST, &["database"], waiting);
    }

    #[inline]
    fn announce(&self) {
        self.filled.notify_one();
    }
}
