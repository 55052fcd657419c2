//! The brake: sockets are read more slowly while somebody cannot keep up.
//!
//! Delivery never waits, since whoever routes may be what the slow receiver waits for. So queues
//! are held down at the edge: each queue has a mark, and while any queue is above its mark, sockets
//! that bring much data wait a little before they are read again. The wait is bounded: two peers
//! that flood each other and read nothing must not stop each other for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// A socket read below this is not a flood, and is never braked.
const FLOOD_BYTES: usize = 8 * 1024;
/// The longest wait after one read.
const BRAKE_MAX: Duration = Duration::from_millis(100);

/// How many queues are above their mark.
#[derive(Debug, Default)]
pub struct Pressure {
    congested: AtomicUsize,
    eased: Notify,
}

impl Pressure {
    /// Lets others have their turn if `bytes_read` is much, and waits while a queue is above its mark,
    /// for a bounded time.
    pub async fn brake(&self, bytes_read: usize) {
        if bytes_read < FLOOD_BYTES {
            return;
        }
        // So that what a flood has left behind is written before there is more of it.
        tokio::task::yield_now().await;
        if !self.is_high() {
            return;
        }
        let eased = async {
            loop {
                let notified = self.eased.notified();
                if !self.is_high() {
                    return;
                }
                notified.await;
            }
        };
        // The bound is the point; whether it was reached changes nothing.
        let _ = tokio::time::timeout(BRAKE_MAX, eased).await;
    }

    /// Whether some queue is above its mark.
    pub fn is_high(&self) -> bool {
        self.congested.load(Ordering::Relaxed) > 0
    }
}

/// One queue's part in the pressure. The queue's own lock guards it.
#[derive(Debug)]
pub struct Gauge {
    pressure: Arc<Pressure>,
    mark: usize,
    above: bool,
}

impl Gauge {
    /// A gauge for a queue that should stay below `mark` bytes.
    pub const fn new(pressure: Arc<Pressure>, mark: usize) -> Self {
        Gauge { pressure, mark, above: false }
    }

    /// Notes how many bytes the queue holds now.
    #[inline]
    pub fn set(&mut self, bytes: usize) {
        if !self.above && bytes > self.mark {
            self.above = true;
            self.pressure.congested.fetch_add(1, Ordering::Relaxed);
        } else if self.above && bytes <= self.mark / 2 {
            self.ease();
        }
    }

    fn ease(&mut self) {
        self.above = false;
        self.pressure.congested.fetch_sub(1, Ordering::Relaxed);
        self.pressure.eased.notify_waiters();
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        if self.above {
            self.ease();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_brake_holds_a_flood_until_the_queue_is_half_empty() {
        let pressure = Arc::new(Pressure::default());
        let mut gauge = Gauge::new(pressure.clone(), 100);
        gauge.set(100);
        assert!(!pressure.is_high());
        gauge.set(101);
        assert!(pressure.is_high());

        let small = tokio::time::Instant::now();
        pressure.brake(FLOOD_BYTES - 1).await;
        assert_eq!(small.elapsed(), Duration::ZERO);

        let waiting = tokio::spawn({
            let pressure = pressure.clone();
            async move { pressure.brake(FLOOD_BYTES).await }
        });
        tokio::task::yield_now().await;
        gauge.set(51);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        gauge.set(50);
        waiting.await.expect("no panic");
        assert_eq!(small.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_brake_gives_up_after_its_bound() {
        let pressure = Arc::new(Pressure::default());
        let mut gauge = Gauge::new(pressure.clone(), 1);
        gauge.set(2);
        let start = tokio::time::Instant::now();
        pressure.brake(FLOOD_BYTES).await;
        assert!(start.elapsed() >= BRAKE_MAX);
        drop(gauge);
        assert!(!pressure.is_high());
    }
}
