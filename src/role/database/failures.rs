//! Lines about operations that failed: when a store is away all of them do, and the first few say it all.

use std::time::{Duration, Instant};

use tracing::error;

/// Lines in one [`PERIOD`], before the others are only counted.
const LINES_MAX: u32 = 5;
const PERIOD: Duration = Duration::from_secs(10);

/// How many lines there were of late.
#[derive(Debug, Default)]
pub struct Failures {
    /// When counting begins anew.
    until: Option<Instant>,
    lines: u32,
    /// Those that were left out.
    more: u64,
}

impl Failures {
    /// Whether there may be a line about one more. If not, it is counted.
    pub fn may_say(&mut self, now: Instant) -> bool {
        if self.until.is_none_or(|until| now >= until) {
            self.end();
            self.until = Some(now + PERIOD);
        }
        if self.lines < LINES_MAX {
            self.lines += 1;
            return true;
        }
        self.more += 1;
        false
    }

    /// When [`Failures::expire`] has to be called, if at all.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.until.filter(|_| self.more > 0)
    }

    /// Says what was left out, if it is time.
    pub fn expire(&mut self, now: Instant) {
        if self.next_deadline().is_some_and(|until| now >= until) {
            self.end();
        }
    }

    /// Says what was left out.
    pub fn end(&mut self) {
        if self.more > 0 {
            error!("… and {} more like it in {} s: operation failed", self.more, PERIOD.as_secs());
        }
        *self = Failures::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_said_and_the_others_counted() {
        let mut failures = Failures::default();
        let mut now = Instant::now();
        let said = (0..1000).filter(|_| failures.may_say(now)).count();
        assert_eq!((said, failures.more), (5, 995));
        assert_eq!(failures.next_deadline(), Some(now + PERIOD));
        now += PERIOD;
        failures.expire(now);
        assert_eq!((failures.more, failures.next_deadline()), (0, None));
        assert!(failures.may_say(now), "counting begins anew");
    }
}
