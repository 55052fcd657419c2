//! Says when the whole process has stood still: stopped by a signal, swapped out, or on a machine that slept.
//!
//! Whoever looks for the reason of time-outs on all connections at once finds it here.

use std::time::Duration;

use tokio::time::Instant;

use crate::metrics;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// What is not worth a line.
const SHORT: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
pub async fn watch() {
    loop {
        let due = Instant::now() + TICK;
        tokio::time::sleep_until(due).await;
        let late = due.elapsed();
        if late > SHORT {
            metrics::STALLS.one(&[]);
            let stood_still_ms = late.as_millis() as u64;
            tracing::warn!(stood_still_ms, "this process has stood still for {} s", late.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Level;
    use crate::telemetry::testing::Caught;

    #[tokio::test(start_paused = true)]
    async fn only_who_has_stood_still_is_told() {
        let log = Caught::from(Level::Info);
        let watching = tokio::spawn(watch());
        tokio::time::sleep(TICK * 100).await;
        assert_eq!(log.lines(), [""; 0]);
        tokio::time::advance(Duration::from_secs(8)).await;
        tokio::time::sleep(TICK).await;
        watching.abort();
        let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
        assert!(line.contains("this process has stood still for "), "{line}");
    }
}
