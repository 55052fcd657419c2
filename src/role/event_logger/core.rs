//! What is written where and when, from packets and the time alone.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::json::{self, PacketError};
use crate::config::EventLoggerConfig;

/// What the core wants done with the log, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Close the file and continue the one of this name, making it if it is not there.
    Open(String),
    /// Close the file and open the one of the same name; if it is a new one, with this line.
    Reopen(String),
    /// Append these lines.
    Write(String),
}

impl Effect {
    /// How many bytes are written.
    pub fn bytes(&self) -> usize {
        match self {
            Effect::Open(_) | Effect::Reopen(_) => 0,
            Effect::Write(lines) => lines.len(),
        }
    }
}

/// The state of an event logger.
#[derive(Debug)]
pub(super) struct Core {
    /// The path of the log, with strftime placeholders.
    output: String,
    rotate_interval: Option<Duration>,
    /// When the next file is begun.
    rotate_at: Option<Timestamp>,
    /// The time that it was told last.
    told: Timestamp,
}

/// A clock that goes back by less has been adjusted and not been set.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(1);

impl Core {
    /// Begins the first file.
    pub fn new(config: &EventLoggerConfig, now: &Zoned, effects: &mut Vec<Effect>) -> Self {
        let mut core = Core {
            output: config.output.clone(),
            rotate_interval: config.rotate_interval,
            rotate_at: None,
            told: now.timestamp(),
        };
        core.open(now, "Log opened upon Event Logger startup.", effects);
        core
    }

    /// Has the event in `packet` written.
    ///
    /// # Errors
    /// The packet is no event and nothing is written.
    pub fn packet(
        &mut self,
        packet: &[u8],
        now: &Zoned,
        effects: &mut Vec<Effect>,
    ) -> Result<(), PacketError> {
        let mut line = line_start(now);
        json::write_entries(packet, &mut line)?;
        line.push_str("}\n");
        self.tick(now, effects);
        write(line, effects);
        Ok(())
    }

    /// When [`Core::tick`] is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.rotate_at
    }

    /// Begins a new file if it is time to.
    pub fn tick(&mut self, now: &Zoned, effects: &mut Vec<Effect>) {
        let told = std::mem::replace(&mut self.told, now.timestamp());
        if told.duration_since(now.timestamp()) > CLOCK_STEP {
            // The clock was set back: what was to come next is further away now than it should be.
            self.rotate_at = self.rotate_interval.and_then(|interval| next_rotation(now, interval));
        }
        if self.rotate_at.is_some_and(|at| at <= now.timestamp()) {
            self.open(now, "Log cycled.", effects);
        }
    }

    /// The operator may have renamed the file.
    pub fn reopen(&self, now: &Zoned, effects: &mut Vec<Effect>) {
        effects.push(Effect::Reopen(opened(now, "Log reopened.")));
    }

    fn open(&mut self, now: &Zoned, message: &str, effects: &mut Vec<Effect>) {
        let interval = self.rotate_interval;
        self.rotate_at = interval.and_then(|interval| next_rotation(now, interval));
        effects.push(Effect::Open(file_name(&self.output, now)));
        write(opened(now, message), effects);
    }
}

/// The first line of a file.
fn opened(now: &Zoned, message: &str) -> String {
    let start = line_start(now);
    format!(
        "{start}, \"type\": \"log-opened\", \"sender\": \"EventLogger\", \"msg\": \"{message}\"}}\n"
    )
}

/// Appends to the last effect if that writes too, so that a batch is one write.
fn write(line: String, effects: &mut Vec<Effect>) {
    match effects.last_mut() {
        Some(Effect::Write(lines)) => lines.push_str(&line),
        _ => effects.push(Effect::Write(line)),
    }
}

fn line_start(now: &Zoned) -> String {
    format!("{{\"_time\": \"{}\"", now.strftime("%Y-%m-%d %H:%M:%S%z"))
}

/// The name that the pattern `output` means at `now`. What is no placeholder stays as it is.
pub(super) fn file_name(output: &str, now: &Zoned) -> String {
    let lenient = Config::new().lenient(true);
    BrokenDownTime::from(now)
        .to_string_with_config(&lenient, output)
        .unwrap_or_else(|_| output.to_owned())
}

/// The next time after `now` whose distance to some local midnight is a multiple of `interval`: a log
/// of `1d` begins at midnight, one of `6h` at 0, 6, 12 and 18 o'clock, whenever the daemon was started.
fn next_rotation(now: &Zoned, interval: Duration) -> Option<Timestamp> {
    let interval = SignedDuration::try_from(interval).ok()?;
    let epoch = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);
    let elapsed = now.datetime().duration_since(epoch).as_secs();
    let into_interval = elapsed.rem_euclid(interval.as_secs().max(1));
    let wait = interval.checked_sub(SignedDuration::from_secs(into_interval))?;
    let whole_second = now.datetime().with().subsec_nanosecond(0).build().ok()?;
    let local = whole_second.checked_add(wait).ok()?;
    let next = local.to_zoned(now.time_zone().clone()).ok()?.timestamp();
    if next > now.timestamp() {
        return Some(next);
    }
    // The clock was set back in between: that local time is the first of two, and over.
    now.timestamp().checked_add(interval).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zoned(text: &str) -> Zoned {
        text.parse().expect("a time with its zone")
    }

    #[track_caller]
    fn check_rotation(now: &str, interval_minutes: u64, expected: &str) {
        let interval = Duration::from_secs(interval_minutes * 60);
        let next = next_rotation(&zoned(now), interval).expect("in range");
        assert_eq!(next, zoned(expected).timestamp(), "{now} + {interval_minutes}m");
    }

    #[test]
    fn rotation_is_aligned_to_the_local_day() {
        const DAY: u64 = 24 * 60;
        check_rotation(
            "2024-01-31T15:30:10.5+01:00[Europe/Berlin]",
            DAY,
            "2024-02-01T00:00:00+01:00[Europe/Berlin]",
        );
        check_rotation(
            "2024-02-01T00:00:00+01:00[Europe/Berlin]",
            DAY,
            "2024-02-02T00:00:00+01:00[Europe/Berlin]",
        );
        check_rotation(
            "2024-01-31T15:30:10.5+01:00[Europe/Berlin]",
            30,
            "2024-01-31T16:00:00+01:00[Europe/Berlin]",
        );
        check_rotation(
            "2024-01-31T15:59:59.9+01:00[Europe/Berlin]",
            6 * 60,
            "2024-01-31T18:00:00+01:00[Europe/Berlin]",
        );
        check_rotation("1999-12-31T15:30:00+00:00[UTC]", DAY, "2000-01-01T00:00:00+00:00[UTC]");
    }

    #[test]
    fn rotation_goes_on_when_the_clock_is_changed() {
        // 03:00 summer time becomes 02:00 winter time.
        check_rotation(
            "2024-10-27T02:10:00+02:00[Europe/Berlin]",
            30,
            "2024-10-27T02:30:00+02:00[Europe/Berlin]",
        );
        check_rotation(
            "2024-10-27T02:10:00+01:00[Europe/Berlin]",
            30,
            "2024-10-27T02:40:00+01:00[Europe/Berlin]",
        );
        // 02:00 winter time becomes 03:00 summer time.
        check_rotation(
            "2024-03-31T01:45:00+01:00[Europe/Berlin]",
            30,
            "2024-03-31T03:00:00+02:00[Europe/Berlin]",
        );
    }

    #[test]
    fn file_names_are_made_of_the_local_time() {
        let now = zoned("2024-01-31T15:30:10+01:00[Europe/Berlin]");
        for (output, expected) in [
            ("events-%Y%m%d-%H%M%S.log", "events-20240131-153010.log"),
            ("plain.log", "plain.log"),
            ("100%% %! %", "100% %! %"),
        ] {
            assert_eq!(file_name(output, &now), expected);
        }
    }
}
