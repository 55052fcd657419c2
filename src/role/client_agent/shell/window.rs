//! For how long what clients are told waits for more of it.
//!
//! Each time that a client is written to costs a system call and a segment, whatever is in it, and in a crowded world that is most
//! of what a daemon does. When little is to be done, what there is goes out at once; the more of the time writing
//! takes, the longer a client's first message waits for others, up to a bound of the configuration. Each client has a window
//! of its own: one for all would save less, since it ends soon after most of the messages that wait for it, and
//! would have all clients written to at once, while nobody is read.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::role::client_agent::dialect::Share;
use crate::router::Haste;

/// A wait shorter than this gains nothing.
const SHORTEST: Duration = Duration::from_micros(500);
/// Timers are late by up to this much: who is due within it is due.
const LATE: Duration = Duration::from_millis(1);

/// Sessions with something for their clients, in the order in which they got it.
pub struct Windows {
    longest: Duration,
    share: Share,
    /// How many of them got it since the looks before, and when they are to be written to.
    groups: VecDeque<(usize, Instant)>,
    /// How many those are.
    counted: usize,
}

impl Windows {
    /// They are at most so long; zero are never open.
    pub const fn new(longest: Duration, share: Share) -> Self {
        Windows { longest, share, groups: VecDeque::new(), counted: 0 }
    }

    /// Those that are opened from now on are at most so long.
    pub const fn limit(&mut self, longest: Duration) {
        self.longest = longest;
    }

    /// So many sessions wait: how many of them, from the front, have waited long enough. They wait no longer.
    pub fn due(&mut self, now: Instant, haste: Haste, waiting: usize) -> usize {
        let Haste::Busy(share) = haste else {
            self.groups.clear();
            self.counted = 0;
            return waiting;
        };
        if waiting > self.counted {
            self.groups.push_back((waiting - self.counted, now + self.length(share)));
        }
        let mut due = 0;
        while let Some((count, _)) = self.groups.pop_front_if(|(_, at)| *at <= now + LATE) {
            due += count;
        }
        self.counted = waiting - due;
        due
    }

    /// When the next have waited long enough.
    pub fn next(&self) -> Option<Instant> {
        self.groups.front().map(|(_, at)| *at - LATE)
    }

    fn length(&self, share: f32) -> Duration {
        let Share { idle, busy } = self.share;
        let length = self.longest.mul_f32(((share - idle) / (busy - idle)).clamp(0.0, 1.0));
        if length < SHORTEST + LATE { Duration::ZERO } else { length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(5);
    const IDLE: f32 = 0.2;
    const BUSY: f32 = 0.6;
    const SHARE: Share = Share { idle: IDLE, busy: BUSY };

    #[test]
    fn they_are_as_long_as_the_daemon_is_busy() {
        let now = Instant::now();
        let length = |longest, share| {
            let mut windows = Windows::new(longest, SHARE);
            let due = windows.due(now, Haste::Busy(share), 3);
            assert_eq!(due, if windows.next().is_some() { 0 } else { 3 });
            windows.next().map(|at| at + LATE - now)
        };
        assert_eq!(length(LONGEST, 0.0), None);
        assert_eq!(length(LONGEST, IDLE), None);
        let half = length(LONGEST, (IDLE + BUSY) / 2.0).expect("they wait");
        assert!(half.abs_diff(LONGEST / 2) < Duration::from_micros(1), "{half:?}");
        assert_eq!(length(LONGEST, BUSY), Some(LONGEST));
        assert_eq!(length(LONGEST, 1.0), Some(LONGEST));
        assert_eq!(length(Duration::ZERO, 1.0), None);
        assert_eq!(length(LATE, 1.0), None);
    }

    #[test]
    fn each_waits_as_long_whoever_comes_meanwhile() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut windows = Windows::new(LONGEST, SHARE);
        let mut due = |ms, waiting| {
            let due = windows.due(at(ms), Haste::Busy(1.0), waiting);
            (due, windows.next())
        };
        assert_eq!(due(0, 2), (0, Some(at(4))));
        assert_eq!(due(2, 2), (0, Some(at(4))));
        assert_eq!(due(3, 5), (0, Some(at(4))));
        assert_eq!(due(4, 6), (2, Some(at(7))));
        assert_eq!(due(8, 4), (4, None));
        // Nobody is to ask again.
        assert_eq!(due(20, 4), (0, Some(at(24))));
        assert_eq!(windows.due(at(21), Haste::Now, 5), 5);
        assert_eq!((windows.due(at(22), Haste::Busy(0.0), 1), windows.next()), (1, None));
    }
}
