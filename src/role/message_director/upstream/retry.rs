//! When to connect again, and what to say of it.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::config::Address;

/// The first wait; it doubles up to the last.
const FIRST: Duration = Duration::from_millis(100);
/// The last wait, if daemons do not wait for each other for less time.
const LAST: Duration = Duration::from_secs(5);
/// The wait for what is hardly going to be otherwise, and the time between two lines of the log about the same outage.
pub const LONGEST: Duration = Duration::from_secs(60);

/// How often, and since when, there was no connection.
///
/// A root that has been started anew waits for `settle`, and says then that everybody is there. So whoever lives
/// tries at least twice in that time: the last wait is half of it, which leaves the other half for connecting and telling.
#[derive(Debug)]
pub struct Retry {
    wait: Duration,
    last: Duration,
    /// There has been no settled connection since this many attempts.
    attempts: u64,
    /// When it was said.
    said: Option<Instant>,
    has_failed: bool,
}

impl Retry {
    /// Nothing has failed yet.
    pub fn new(settle: Duration) -> Self {
        let last = if settle.is_zero() { LAST } else { (settle / 2).clamp(FIRST, LAST) };
        Retry { wait: FIRST, last, attempts: 0, said: None, has_failed: false }
    }

    /// A connection was lost, and that has been said: how long to wait.
    pub fn lost(&mut self) -> Duration {
        self.has_failed = true;
        let wait = self.wait;
        self.wait = (wait * 2).min(self.last);
        wait
    }

    /// An attempt has failed, also if the other end has accepted and hung up: how long to wait. That fills neither the log nor
    /// the network.
    pub fn failed(&mut self, upstream: &Address, reason: &dyn Display) -> Duration {
        self.attempts += 1;
        let wait = self.lost();
        let now = tokio::time::Instant::now().into_std();
        if self.said.is_none_or(|said| now - said >= LONGEST) {
            self.said = Some(now);
            tracing::warn!(
                %upstream,
                %reason,
                attempts = self.attempts,
                retry_ms = wait.as_millis() as u64,
                "no connection to the upstream message director; serving locally"
            );
        }
        wait
    }

    /// Whether anything has ever failed.
    pub const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// A connection has stayed: the next outage is another one.
    pub const fn reset(&mut self) {
        self.wait = FIRST;
        self.attempts = 0;
        self.said = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lives_is_back_before_a_root_has_waited_for_all() {
        let address = "127.0.0.1:7199".parse::<std::net::SocketAddr>().expect("an address").into();
        for (settle, last) in [(2000, 1000), (100, 100), (0, 5000), (60_000, 5000)] {
            let mut retry = Retry::new(Duration::from_millis(settle));
            let waits: Vec<u128> =
                (0..9).map(|_| retry.failed(&address, &"gone").as_millis()).collect();
            assert_eq!((waits[0], waits[8]), (100, last));
            assert!(waits.is_sorted());
            retry.reset();
            assert_eq!(retry.failed(&address, &"gone"), FIRST);
        }
    }
}
