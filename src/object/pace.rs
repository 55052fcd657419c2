//! How often all is compared after a gap.

use std::time::{Duration, Instant};

/// The shortest time between two comparisons that follow others.
const SHORTEST: Duration = Duration::from_secs(1);
/// And the longest. Whoever is lost just when one has begun is missed in the next, which takes about four seconds more.
const LONGEST: Duration = Duration::from_millis(4500);
/// After so long without one, all is calm.
const CALM: Duration = Duration::from_secs(10);

/// How often all is compared.
///
/// Each loss and each return of a state server is a reason for it, and costs the whole cluster as much as opening all
/// interests. Those that come now and then are heard at once, a loss and the return that follows it included; while somebody comes and
/// goes all the time, the waits become longer.
#[derive(Copy, Clone, Default, Debug)]
pub struct Pace {
    last: Option<Instant>,
    wait: Duration,
}

impl Pace {
    /// When one may begin that is wanted then.
    pub fn earliest(&self, wanted: Instant) -> Instant {
        self.last.map_or(wanted, |last| wanted.max(last + self.wait))
    }

    /// One begins.
    pub fn begin(&mut self, now: Instant) {
        let is_calm = self.last.is_none_or(|last| now >= last + CALM);
        self.wait = if is_calm { Duration::ZERO } else { (self.wait * 2).clamp(SHORTEST, LONGEST) };
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_begin_at_once_and_the_others_less_and_less_often_until_it_is_calm() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut pace = Pace::default();
        let mut begins = Vec::new();
        let mut now = begin;
        while now < at(30_000) {
            now = pace.earliest(now + Duration::from_millis(100));
            pace.begin(now);
            begins.push(now.duration_since(begin).as_millis());
        }
        assert_eq!(begins[..7], [100, 200, 1200, 3200, 7200, 11_700, 16_200]);
        now += CALM;
        assert_eq!(pace.earliest(now), now);
        pace.begin(now);
        assert_eq!(pace.earliest(now), now);
    }
}
