//! What a connection has still to say when the daemon ends.

use super::{Close, Connection};

/// Has everything written that waits, and says what was not, even if nobody waits for the end of it.
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
