//! Says when the whole process has stood still: stopped by a signal, swapped out, or on a machine that slept.
//!
//! Whoever looks for the reason of time-outs on all connections at once finds it here.
//!
//! A thread of its own watches: a timer of the runtime that is always there would have to be looked at, and with it the clock, each time
//! that the runtime waits for sockets.

use std::convert::Infallible;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::metrics;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// What is not worth a line.
const SHORT: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _end: Sender<Infallible>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub fn start() -> io::Result<Self> {
        let (end, ended) = mpsc::channel::<Infallible>();
        thread::Builder::new().name("stalls".to_owned()).spawn(move || {
            loop {
                let due = Instant::now() + TICK;
                let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) else { return };
                is_late(due.elapsed());
            }
        })?;
        Ok(Watch { _end: end })
    }
}

/// The watch has looked so much later than it wanted.
fn is_late(late: Duration) {
    if late > SHORT {
        metrics::STALLS.one(&[]);
        let stood_still_ms = late.as_millis() as u64;
        tracing::warn!(stood_still_ms, "this process has stood still for {} s", late.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Level;
    use crate::telemetry::testing::Caught;

    #[test]
    fn only_who_has_stood_still_is_told() {
        let log = Caught::from(Level::Info);
        is_late(SHORT);
        assert_eq!(log.lines(), [""; 0]);
        is_late(Duration::from_secs(8));
        let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
        assert!(line.contains("this process has stood still for 8 s"), "{line}");
    }
}
