//! What a connection has been, for the line of the log about its end.

use tokio::time::Instant;

/// Since when there has been a connection, and what has come on it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Record {
    /// When it was made.
    pub(super) opened: Instant,
    /// Bytes that were read.
    pub(super) received_bytes: u64,
}

impl Record {
    /// How old the connection is, in seconds, to a millisecond.
    pub(super) fn age_s(&self) -> f64 {
        (self.opened.elapsed().as_secs_f64() * 1e3).round() / 1e3
    }
}
