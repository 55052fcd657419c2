//! The brake: a socket is read more slowly while somebody that it feeds cannot keep up.
//!
//! Delivery never waits, since whoever routes may be what the slow receiver waits for. So queues
//! are held down at the edge: each queue has a mark, and a socket that brings much for a queue above its mark
//! waits a little before it is read again. Nobody else waits: congestion belongs to a receiver, and only those
//! who feed it pay for it. The wait is bounded: two peers that flood each other and read nothing must not stop
//! each other for ever.
//!
//! So however many feed a queue, each of them still brings something each time, and enough of them fill it. Who
//! makes nobody wait can wait longer, and pays for little, too, when a queue is about to overflow: that is a client,
//! whose own queue brakes nobody ([`Fed::patient`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::world::Receiver;
use crate::metrics;

/// A socket read below this is not a flood, and is never braked.
pub const FLOOD_BYTES: usize = 8 * 1024;
/// The longest wait after one read.
const BRAKE_MAX: Duration = Duration::from_millis(100);
/// The longest wait of a patient one for a queue that is about to overflow. A thousand floods bring less than 3 MB a second then.
const PATIENCE: Duration = Duration::from_secs(10);
/// Shorter times are waited for together.
const HELD_MIN: Duration = Duration::from_micros(500);
/// The time between two lines of the log about the same slow receiver.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Whether a queue has taken a push well.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Load {
    /// It is below its mark, or has none.
    Fine,
    /// It is above its mark: whoever feeds it should hold back.
    High,
}

/// Held by a queue, and by the sockets that have fed it while it was above its mark.
#[derive(Debug, Default)]
pub struct Brake {
    is_high: AtomicBool,
    /// It is high above its mark, and what is above its limit will be lost.
    is_full: AtomicBool,
    eased: Notify,
    label: Mutex<Label>,
}

/// What is said of whoever braking is for.
#[derive(Debug, Default)]
struct Label {
    name: String,
    said: Option<Instant>,
}

impl Brake {
    /// Whose queue it is, for the log.
    pub fn rename(&self, name: &str) {
        name.clone_into(&mut self.label.lock().name);
    }

    /// Says for whom somebody is read more slowly, now and then.
    fn say(&self) {
        let now = Instant::now();
        let mut label = self.label.lock();
        if label.said.is_some_and(|said| now - said < SAID_AGAIN_AFTER) {
            return;
        }
        label.said = Some(now);
        let receiver = label.name.clone();
        drop(label);
        tracing::info!(receiver, "read more slowly, since a receiver does not keep up");
    }

    /// Whether the queue is above its mark.
    pub fn is_high(&self) -> bool {
        self.is_high.load(Ordering::Acquire)
    }

    /// Whether the queue is about to overflow.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Acquire)
    }

    /// Waits until it is below its mark.
    pub(super) async fn eased(&self) {
        self.until(|| !self.is_high()).await;
    }

    /// Waits until there is some way again to where it overflows.
    async fn relieved(&self) {
        self.until(|| !self.is_full()).await;
    }

    async fn until(&self, is_eased: impl Fn() -> bool) {
        loop {
            let notified = self.eased.notified();
            if is_eased() {
                return;
            }
            notified.await;
        }
    }
}

impl Receiver {
    /// Whoever is braked for it says for whom.
    pub(super) fn rename(&self, name: &str) {
        if let Receiver::Sink(sink) = self
            && let Some(brake) = sink.brake()
        {
            brake.rename(name);
        }
    }
}

/// A queue's side of its brake. The queue's own lock guards it.
#[derive(Debug)]
pub struct Gauge {
    brake: Arc<Brake>,
    mark: usize,
    /// Half of what the queue takes.
    half: usize,
    is_above: bool,
    is_full: bool,
}

impl Gauge {
    /// A gauge for a queue that should stay below `mark` bytes, and takes no more than `bytes_max`.
    pub fn new(mark: usize, bytes_max: usize) -> Self {
        Gauge { brake: Arc::default(), mark, half: bytes_max / 2, is_above: false, is_full: false }
    }

    /// What sockets wait for.
    pub const fn brake(&self) -> &Arc<Brake> {
        &self.brake
    }

    /// Notes how many bytes the queue holds now. What was above the mark stays so until half of it is left.
    #[inline]
    pub fn set(&mut self, bytes: usize) -> Load {
        if bytes > self.mark.min(self.half) || self.is_above {
            self.judge(bytes);
        }
        if self.is_above { Load::High } else { Load::Fine }
    }

    #[cold]
    fn judge(&mut self, bytes: usize) {
        let (was_above, was_full) = (self.is_above, self.is_full);
        self.is_full = bytes > if was_full { self.half / 2 } else { self.half };
        self.is_above = self.is_full || bytes > if was_above { self.mark / 2 } else { self.mark };
        self.brake.is_high.store(self.is_above, Ordering::Release);
        self.brake.is_full.store(self.is_full, Ordering::Release);
        if was_above && !self.is_above || was_full && !self.is_full {
            self.brake.eased.notify_waiters();
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        if self.is_above {
            self.judge(0);
        }
    }
}

/// The queues above their marks that a socket has fed since it was last braked.
///
/// Whoever reads a socket has one, gives it to the batches that route what was read
/// ([`super::Participant::batch_feeding`]), and calls [`Fed::brake`] after each read.
#[derive(Debug, Default)]
pub struct Fed {
    high: Vec<Arc<Brake>>,
    /// Those of roles that have more to do for many than they should have taken on.
    filled: Vec<Arc<Brake>>,
    /// For how long what the socket has brought has held the router, since [`Fed::leave_time`].
    held: Duration,
    /// See [`Fed::patient`].
    is_patient: bool,
    /// What a patient one has brought since it has waited, while a queue that it feeds was about to overflow.
    unpaid: u32,
}

impl Fed {
    /// For a socket whose peer makes nobody wait, however slow it is: it can wait until a queue that is about to overflow
    /// is not any more, without two waiting for each other. It pays for all that it brings then, and not for floods alone.
    pub fn patient() -> Self {
        Fed { is_patient: true, ..Fed::default() }
    }

    /// A queue that is above its mark has been fed.
    pub(super) fn note(&mut self, brake: &Arc<Brake>) {
        note_in(&mut self.high, brake);
    }

    /// A role has been given more to do than it should have.
    pub(super) fn note_filled(&mut self, brake: &Arc<Brake>) {
        note_in(&mut self.filled, brake);
    }

    /// Whether a role has been.
    #[inline]
    pub(super) const fn has_filled(&self) -> bool {
        !self.filled.is_empty()
    }

    /// Adds what another has fed, and leaves it empty.
    pub(super) fn take(&mut self, other: &mut Fed) {
        other.filled.drain(..).for_each(|brake| self.note_filled(&brake));
        if self.high.is_empty() {
            std::mem::swap(&mut self.high, &mut other.high);
        } else {
            other.high.drain(..).for_each(|brake| self.note(&brake));
        }
    }

    /// For how long what the socket has brought has held the router since it has left others theirs.
    #[inline]
    pub const fn held(&self) -> Duration {
        self.held
    }

    /// What the socket has brought has held the router for so long.
    #[inline]
    pub(super) fn has_held(&mut self, time: Duration) {
        self.held += time;
    }

    /// Waits until the others have had their share of the time that has been taken: for a socket that is to hold the router for no more
    /// than so much of the time; 0 is any.
    pub async fn leave_time(&mut self, percent: u32) {
        if percent > 0 && self.held >= HELD_MIN {
            let held = std::mem::take(&mut self.held);
            // Boxed: an idle connection would carry the room for it as well.
            Box::pin(tokio::time::sleep(held * (100 - percent.min(100)) / percent)).await;
        }
    }

    /// Forgets what has been fed: for a socket that is not to be braked.
    pub fn forget(&mut self) {
        self.high.clear();
        self.filled.clear();
    }

    /// Waits until the roles that were given too much to do have told enough of it. They do so by themselves, so that
    /// this has an end.
    pub async fn room(&mut self) {
        for brake in self.filled.drain(..) {
            brake.eased().await;
        }
    }

    /// Lets others have their turn if `bytes_read` is much, and waits, for a bounded time, while a queue that has
    /// been fed is above its mark; however little was read, while a role that has been asked has too much to do.
    pub async fn brake(&mut self, bytes_read: usize) {
        // What waits is boxed: an idle connection would carry the room for it as well.
        if self.has_filled() {
            let _ = Box::pin(tokio::time::timeout(BRAKE_MAX, self.room())).await;
        }
        if bytes_read < FLOOD_BYTES && !self.owes(bytes_read) {
            return;
        }
        // So that what a flood has left behind is written before there is more of it. Twice, since who lets others go
        // first comes before the one who writes, if that one has just done the same.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        if !self.high.is_empty() {
            Box::pin(self.high_are_eased()).await;
        }
    }

    /// Whether what is no flood has become as much as one, for a queue that is about to overflow.
    fn owes(&mut self, bytes_read: usize) -> bool {
        if !self.is_patient || !self.high.iter().any(|brake| brake.is_full()) {
            self.forget();
            self.unpaid = 0;
            return false;
        }
        self.unpaid += bytes_read as u32;
        self.unpaid as usize >= FLOOD_BYTES
    }

    async fn high_are_eased(&mut self) {
        let now = Instant::now();
        self.unpaid = 0;
        for brake in self.high.drain(..) {
            if brake.is_high() {
                metrics::BRAKES.one(&[]);
                brake.say();
            }
            // The bounds are the point; whether they were reached changes nothing.
            if self.is_patient {
                let _ = tokio::time::timeout_at(now + PATIENCE, brake.relieved()).await;
            }
            let _ = tokio::time::timeout_at(now + BRAKE_MAX, brake.eased()).await;
        }
    }
}

fn note_in(brakes: &mut Vec<Arc<Brake>>, brake: &Arc<Brake>) {
    if !brakes.iter().any(|noted| Arc::ptr_eq(noted, brake)) {
        brakes.push(brake.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Level;
    use crate::telemetry::testing::Caught;

    #[tokio::test(start_paused = true)]
    async fn the_brake_holds_a_flood_until_the_queue_is_half_empty() {
        let mut gauge = Gauge::new(100, usize::MAX);
        assert_eq!(gauge.set(100), Load::Fine);
        assert_eq!(gauge.set(101), Load::High);
        let brake = gauge.brake().clone();
        assert!(brake.is_high());

        let start = Instant::now();
        let mut fed = Fed::default();
        fed.note(&brake);
        fed.brake(FLOOD_BYTES - 1).await;
        assert_eq!(start.elapsed(), Duration::ZERO);

        let waiting = tokio::spawn(async move {
            fed.note(&brake);
            fed.note(&brake);
            fed.brake(FLOOD_BYTES).await;
        });
        tokio::task::yield_now().await;
        assert_eq!(gauge.set(51), Load::High);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(gauge.set(50), Load::Fine);
        waiting.await.expect("no panic");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_brake_gives_up_after_its_bound_however_many_are_slow() {
        let mut gauges = [(); 3].map(|()| Gauge::new(1, usize::MAX));
        let mut fed = Fed::default();
        for gauge in &mut gauges {
            assert_eq!(gauge.set(2), Load::High);
            fed.note(gauge.brake());
        }
        let start = Instant::now();
        fed.brake(FLOOD_BYTES).await;
        assert_eq!(start.elapsed(), BRAKE_MAX);
        // What has been waited for is not waited for again.
        fed.brake(FLOOD_BYTES).await;
        assert_eq!(start.elapsed(), BRAKE_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn who_makes_nobody_wait_waits_until_a_queue_does_not_overflow() {
        let mut gauge = Gauge::new(100, 1000);
        let brake = gauge.brake().clone();
        let start = Instant::now();
        let mut client = Fed::patient();
        let mut link = Fed::default();
        let feed = async move |fed: &mut Fed, bytes| {
            fed.note(&brake);
            let start = Instant::now();
            fed.brake(bytes).await;
            start.elapsed()
        };

        // Above its mark, there is time for what is no flood.
        assert_eq!(gauge.set(500), Load::High);
        assert_eq!(feed(&mut client, FLOOD_BYTES - 1).await, Duration::ZERO);
        assert_eq!(feed(&mut client, FLOOD_BYTES).await, BRAKE_MAX);

        // About to overflow, what is little is paid for when it has become much.
        assert_eq!(gauge.set(501), Load::High);
        assert_eq!(feed(&mut client, FLOOD_BYTES - 1).await, Duration::ZERO);
        assert_eq!(feed(&mut client, 1).await, PATIENCE);
        assert_eq!(feed(&mut client, FLOOD_BYTES - 1).await, Duration::ZERO);
        assert_eq!(feed(&mut link, FLOOD_BYTES - 1).await, Duration::ZERO);
        assert_eq!(feed(&mut link, 1).await, Duration::ZERO);
        assert_eq!(feed(&mut link, FLOOD_BYTES).await, BRAKE_MAX);

        // With some way to go, it goes on: it has waited for long enough.
        let waiting = tokio::spawn(async move { feed(&mut client, FLOOD_BYTES).await });
        tokio::time::sleep(PATIENCE / 2).await;
        assert_eq!(gauge.set(251), Load::High);
        tokio::time::sleep(BRAKE_MAX).await;
        assert!(!waiting.is_finished());
        assert_eq!(gauge.set(250), Load::High);
        assert_eq!(waiting.await.expect("no panic"), PATIENCE / 2 + BRAKE_MAX);
        assert_eq!(start.elapsed(), PATIENCE + PATIENCE / 2 + BRAKE_MAX * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_queue_is_full_below_the_mark() {
        let mut gauge = Gauge::new(1000, 100);
        assert_eq!(gauge.set(50), Load::Fine);
        assert_eq!(gauge.set(51), Load::High);
        assert!(gauge.brake().is_full());
        assert_eq!(gauge.set(25), Load::Fine);
        assert!(!gauge.brake().is_full());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_is_named_now_and_then() {
        let log = Caught::from(Level::Info);
        let mut gauge = Gauge::new(1, usize::MAX);
        gauge.brake().rename("AI");
        let mut fed = Fed::default();
        for _ in 0..700 {
            gauge.set(2);
            fed.note(gauge.brake());
            fed.brake(FLOOD_BYTES).await;
        }
        // It has taken 70 s.
        let lines = log.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines.iter().all(|line| line.ends_with("does not keep up receiver=AI")),
            "{lines:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_taken_time_leaves_the_others_theirs() {
        let start = Instant::now();
        let mut fed = Fed::default();
        fed.has_held(Duration::from_micros(499));
        fed.leave_time(10).await;
        fed.has_held(Duration::from_micros(501));
        fed.leave_time(0).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        fed.leave_time(10).await;
        fed.leave_time(10).await;
        assert_eq!(start.elapsed(), Duration::from_millis(9));
    }

    #[test]
    fn a_queue_that_is_no_more_brakes_nobody() {
        let mut gauge = Gauge::new(1, usize::MAX);
        assert_eq!(gauge.set(2), Load::High);
        let brake = gauge.brake().clone();
        drop(gauge);
        assert!(!brake.is_high());
    }
}
