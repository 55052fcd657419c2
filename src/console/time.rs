//! Times as they are told over HTTP.

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// A time in UTC, to a millisecond: `2026-01-31T12:00:00.000Z`.
pub fn rfc3339(time: SystemTime) -> String {
    // What is beyond the ninth millennium is nobody's time.
    rfc3339_of_date(Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The same for a time of the calendar.
pub fn rfc3339_of_date(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The same for a moment of the clock that only goes forward.
pub fn rfc3339_of(moment: Instant) -> String {
    rfc3339(SystemTime::now() - moment.elapsed())
}

/// Seconds, to a millisecond.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_860_800_042);
        assert_eq!(rfc3339(time), "2026-01-31T12:00:00.042Z");
        assert_eq!(seconds(Duration::from_micros(1_234_567)), 1.235);
    }
}
