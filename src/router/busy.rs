//! What part of the time is spent on writing to clients.

use std::time::Instant;

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
    /// From 0 to 1.
    pub(super) fn share(&self, now: Instant) -> f32 {
        let gone = self.since.map_or(1.0, |since| part(since, now));
        self.share * (1.0 - gone)
    }

    /// Somebody has written from the first of these times to the second.
    pub(super) fn note(&mut self, writing: Option<(Instant, Instant)>) {
        let Some((began, ended)) = writing else { return };
        self.share = (self.share(ended) + part(began, ended)).min(1.0);
        self.since = Some(ended);
    }
}

/// How much of what is remembered such a time is.
fn part(from: Instant, to: Instant) -> f32 {
    (to.saturating_duration_since(from).as_secs_f32() / MEMORY_SECONDS).min(1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Writes for so many of each thousand microseconds, so often.
    fn write(busy: &mut Busy, at: &mut Instant, micros: u64, times: u32) {
        for _ in 0..times {
            let ended = *at + Duration::from_micros(micros);
            busy.note(Some((*at, ended)));
            *at += Duration::from_millis(1);
        }
    }

    #[test]
    fn it_is_the_part_of_the_time_that_is_spent_of_late() {
        let (mut busy, mut at) = (Busy::default(), Instant::now());
        busy.note(None);
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
    }
}
