//! Whether the client at the other end of a WebSocket is still there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Shared;
use crate::net::{Connection, Lost};
use crate::router::Sink;
use crate::wire::websocket;

/// How long it is until somebody looks again whether clients are to be asked, if they are not.
const LOOK: Duration = Duration::from_secs(20);

/// What is heard of one client: shared by whoever reads and whoever asks.
#[derive(Clone, Default, Debug)]
pub struct Pulse(Arc<AtomicBool>);

impl Pulse {
    /// Something has come: it need not be the answer.
    pub fn beat(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Sends a ping now and then, and returns why the connection is to be given up when nothing at all has come until the
    /// next. What lies unread has come.
    pub async fn keep_asking(&self, shared: &Shared, connection: &Connection) -> Lost {
        let mut asked: Option<Duration> = None;
        loop {
            let every = shared.ping();
            tokio::time::sleep(every.unwrap_or(LOOK)).await;
            let has_come = self.0.swap(false, Ordering::Relaxed);
            if let Some(asked) = asked
                && !has_come
                && !connection.has_unread()
            {
                let seconds = asked.as_secs_f32();
                let words = format!("no answer for {seconds} s (websocket.ping_ms)");
                return io::Error::new(io::ErrorKind::TimedOut, words).into();
            }
            asked = every;
            if every.is_some() {
                connection.push_bytes(&websocket::ASK);
                connection.announce();
            }
        }
    }
}
