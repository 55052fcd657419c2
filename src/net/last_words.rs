//! The end of a connection: what it has still to say, and what of it may be lost.

use super::connection::LINGER;
use super::{Close, Connection, Stream};

/// So many bytes of a peer that has been told its end are read.
const LINGER_BYTES: usize = 256 * 1024;

impl<S: Stream> Connection<S> {
    /// Ends our side and waits a little for the peer to end its own: to close a socket with unread
    /// input would take the last words back from the peer.
    pub async fn hang_up(&self) {
        if self.stream().end().is_err() {
            return;
        }
        let mut left = LINGER_BYTES;
        let others = async {
            while let Ok(count @ 1..) = self.read(|_| {}).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    // Who floods is not read for nothing; it may read its last words meanwhile.
                    std::future::pending::<()>().await;
                }
            }
        };
        // If the peer does not end it, we do.
        let _ = tokio::time::timeout(LINGER, others).await;
    }
}

impl Connection {
    /// How many bytes are [unsent](Connection::unsent), and how many may be lost beside those, which the system had taken:
    /// exactly, as long as the connection stands, and at most, if it has failed.
    pub fn undelivered(&self) -> (usize, u64) {
        let unacknowledged = self.stream().unacknowledged_bytes() as u64;
        (self.unsent(), self.taken().min(unacknowledged))
    }
}

/// Has everything written that waits when the daemon ends, and says what was not, even if nobody waits for the end of it.
#[derive(Debug)]
pub struct LastWords<'c> {
    connection: &'c Connection,
    is_over: bool,
}

impl<'c> LastWords<'c> {
    /// Those of a connection, which takes nothing more.
    pub fn of(connection: &'c Connection) -> Self {
        connection.close(Close::Flushed);
        LastWords { connection, is_over: false }
    }

    /// Waits until all has been written; whether it has.
    pub async fn say(mut self) -> bool {
        if self.connection.is_over() {
            // Whoever has been told so has ended before he could do anything about it.
            self.is_over = true;
            self.are_lost("the connection was lost");
            return false;
        }
        let ended = self.connection.drive().await;
        self.is_over = true;
        if let Err(lost) = &ended {
            self.are_lost(&lost.to_string());
        }
        ended.is_ok()
    }

    fn are_lost(&self, reason: &str) {
        let (unsent_bytes, may_be_lost_bytes) = self.connection.undelivered();
        if unsent_bytes == 0 && may_be_lost_bytes == 0 {
            return;
        }
        tracing::warn!(reason, unsent_bytes, may_be_lost_bytes, "the last messages were lost");
    }
}

impl Drop for LastWords<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.are_lost("the daemon does not wait any longer");
        }
    }
}
