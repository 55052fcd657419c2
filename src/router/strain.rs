//! Whether the thread that routes has any time left.

use std::time::{Duration, Instant};

/// Over how long that is judged.
const SPAN: Duration = Duration::from_millis(20);
/// Who is busy for more of the time than this needs help,
const HIGH: f32 = 0.9;
/// until he is busy for less than this: with help he has more time.
const LOW: f32 = 0.6;

/// How busy a thread is.
#[derive(Debug)]
pub(super) struct Strain {
    since: Instant,
    /// How long it had been busy by then.
    busy: Duration,
    is_high: bool,
}

impl Strain {
    /// Of a thread that has been busy for so long until now.
    pub(super) const fn new(now: Instant, busy: Duration) -> Self {
        Strain { since: now, busy, is_high: false }
    }

    /// Whether it needs help: it has been busy for so long until now, since it began.
    pub(super) fn is_high(&mut self, now: Instant, busy: impl FnOnce() -> Duration) -> bool {
        let span = now.saturating_duration_since(self.since);
        if span >= SPAN {
            let busy = busy();
            let part = busy.saturating_sub(self.busy).as_secs_f32() / span.as_secs_f32();
            self.is_high = part > if self.is_high { LOW } else { HIGH };
            (self.since, self.busy) = (now, busy);
        }
        self.is_high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_time_left_needs_help_until_he_has_much() {
        let (mut now, mut busy) = (Instant::now(), Duration::from_secs(7));
        let mut strain = Strain::new(now, busy);
        let mut after = |wall, working| {
            now += Duration::from_millis(wall);
            busy += Duration::from_millis(working);
            strain.is_high(now, || busy)
        };
        assert!(!after(100, 80));
        // Not judged by so short a time, and then by all of it.
        assert!(!after(10, 10));
        assert!(after(10, 9));
        assert!(after(100, 70));
        assert!(after(19, 0));
        assert!(!after(100, 50));
        assert!(!after(100, 89));
    }
}
