//! Whether the client at the other end of a WebSocket is still there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::net::{Connection, Lost, Stream};
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
    /// next. What lies unread has come. `ping` is how often it is asked.
    pub async fn keep_asking<S: Stream>(
        &self,
        ping: impl Fn() -> Option<Duration>,
        connection: &Connection<S>,
    ) -> Lost {
        let mut asked: Option<Duration> = None;
        loop {
            let every = ping();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::torn::Torn;
    use crate::net::{ClientLimits, Policy, Spares};

    const EVERY: Duration = Duration::from_secs(20);
    const LONG: Duration = Duration::from_secs(300);

    fn connection(torn: &Torn) -> Connection<Torn> {
        let limits = ClientLimits { bytes_max: 1000, entry_bytes_max: 1000, stall_max: None };
        Connection::new(torn.clone(), Policy::client(Arc::<Spares>::default(), limits))
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_and_says_nothing_until_he_is_asked_again_is_lost() {
        let torn = Torn::default();
        let connection = connection(&torn);
        let since = tokio::time::Instant::now();
        let lost = Pulse::default().keep_asking(|| Some(EVERY), &connection).await;
        assert_eq!(lost.to_string(), "no answer for 20 s (websocket.ping_ms)");
        assert_eq!((since.elapsed(), torn.written()), (2 * EVERY, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_is_an_answer_and_so_is_what_has_not_been_read() {
        let torn = Torn::default();
        let connection = connection(&torn);
        let pulse = Pulse::default();
        let asking = pulse.keep_asking(|| Some(EVERY), &connection);
        let beating = async {
            loop {
                tokio::time::sleep(EVERY / 2).await;
                pulse.beat();
            }
        };
        let beating: Result<(), _> = tokio::time::timeout(LONG, async {
            tokio::select! {
                biased;
                lost = asking => panic!("{lost}"),
                () = beating => {}
            }
        })
        .await;
        beating.expect_err("it beats");
        torn.come(b"unread");
        let pulse = Pulse::default();
        let asking = pulse.keep_asking(|| Some(EVERY), &connection);
        tokio::time::timeout(LONG, asking).await.expect_err("it lies unread");
        // Who is not asked owes no answer.
        let asking = pulse.keep_asking(|| None, &connection);
        tokio::time::timeout(LONG, asking).await.expect_err("nobody asks");
    }
}
