//! What part of the time is spent on writing to clients.

use std::time::{Duration, Instant};

/// Over how long the part is taken: what was before counts less and less.
const MEMORY_SECONDS: f32 = 0.05;

/// The part of the time that writing to the clients of roles has taken of late.
#[derive(Default, Debug)]
pub(super) struct Busy {
    share: f32,
    /// The end of what was noted last.
    since: Option<Instant>,
}

impl Busy {
    /// From 0 to 1, on however many threads.
    pub(super) fn share(&self, now: Instant) -> f32 {
        let gone = self.since.map_or(1.0, |since| part(now.saturating_duration_since(since)));
        self.share * (1.0 - gone)
    }

    /// Somebody has written from the first of these times to the second, and others for so long `beside`.
    pub(super) fn note(&mut self, (began, ended): (Instant, Instant), beside: Duration) {
        let took = ended.saturating_duration_since(began) + beside;
        self.share = (self.share(ended) + part(took)).min(1.0);
        self.since = Some(ended);
    }
}

/// How much of what is remembered such a time is.
fn part(time: Duration) -> f32 {
    (time.as_secs_f32() / MEMORY_SECONDS).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes for so many of each thousand microseconds, so often.
    fn write(busy: &mut Busy, at: &mut Instant, micros: u64, times: u32) {
        for _ in 0..times {
            let ended = *at + Duration::from_micros(micros);
            busy.note((*at, ended), Duration::ZERO);
            *at += Duration::from_millis(1);
        }
    }

    #[test]
    fn it_is_the_part_of_the_time_that_is_spent_of_late() {
        let (mut busy, mut at) = (Busy::default(), Instant::now());
        assert_eq!(busy.share(at), 0.0);
        write(&mut busy, &mut at, 300, 300);
        assert!((busy.share(at) - 0.3).abs() < 0.01, "{busy:?}");
        write(&mut busy, &mut at, 0, 300);
        assert!(busy.share(at) < 0.01, "{busy:?}");
        write(&mut busy, &mut at, 999, 300);
        assert!(busy.share(at) > 0.98 && busy.share(at) <= 1.0, "{busy:?}");
        // Nothing of that counts after a silence, also if nobody has written since.
        at += Duration::from_millis(60);
        assert_eq!(busy.share(at), 0.0);
        write(&mut busy, &mut at, 50, 1);
        assert!(busy.share(at) < 0.01, "{busy:?}");
        // Nobody writes, but others beside.
        for _ in 0..300 {
            busy.note((at, at), Duration::from_micros(400));
            at += Duration::from_millis(1);
        }
        assert!((busy.share(at) - 0.4).abs() < 0.01, "{busy:?}");
    }
}
