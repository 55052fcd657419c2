//! A line that says how far something is.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::out::complain;
use crate::store::transfer::Step;

/// How often the line is written to a terminal, and to anything else.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
const WIDTH: usize = 24;

/// A progress bar on standard error.
pub(super) struct Bar {
    step: Option<Step>,
    begun: Instant,
    shown: Instant,
    is_terminal: bool,
}

impl Bar {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Bar { step: None, begun: now, shown: now, is_terminal: std::io::stderr().is_terminal() }
    }

    /// Says that `done` of `total` objects are done, unless it has just said something.
    pub(super) fn show(&mut self, step: Step, done: u64, total: u64) {
        let now = Instant::now();
        if self.step != Some(step) {
            self.finish();
            (self.step, self.begun) = (Some(step), now);
        }
        let interval = if self.is_terminal { INTERVALS.0 } else { INTERVALS.1 };
        if now - self.shown < interval {
            return;
        }
        self.shown = now;
        let line = line(step, done, total, now - self.begun);
        if self.is_terminal {
            // A progress bar that cannot be shown is no reason to stop.
            let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
        } else {
            complain!("{line}");
        }
    }

    /// Leaves the line.
    pub(super) fn finish(&mut self) {
        if self.is_terminal && self.step.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(step: Step, done: u64, total: u64, elapsed: Duration) -> String {
    let verb = match step {
        Step::Checking => "checking",
        Step::Moving => "moving",
        Step::Comparing => "comparing",
        Step::Copying => "copying",
    };
    let total = total.max(done).max(1);
    let part = done as f64 / total as f64;
    let filled = (part * WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let left = Duration::from_secs_f64((total - done) as f64 / rate.max(0.001));
    let (minutes, seconds) = (left.as_secs() / 60, left.as_secs() % 60);
    format!(
        "{verb:>9} [{bar}] {:3.0} % {done}/{total}, {rate:.0}/s, {minutes}:{seconds:02} left",
        part * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_estimate() {
        let text = line(Step::Moving, 500, 2_000, Duration::from_secs(5));
        assert_eq!(text, "   moving [######..................]  25 % 500/2000, 100/s, 0:15 left");
        assert!(line(Step::Checking, 0, 0, Duration::ZERO).contains(" 0 % 0/1"));
    }
}
